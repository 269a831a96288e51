#include "record/head.h"

#define FLAG_DETERMINISTIC 1u
#define FLAG_FUEL 2u
#define FLAG_COMPONENT 4u
#define MESSAGE_MAX_BYTES 16384u

void bx_record_head_clear(bx_record_head *head)
{
    free(head->program);
    free(head->module_name);
    free(head->module_path);
    free(head->function);
    free(head->args);
    bx_buf_clear(&head->argv.bytes);
    bx_buf_clear(&head->env.bytes);
    bx_buf_clear(&head->policy);
    memset(head, 0, sizeof(*head));
}

/* ---- words ---------------------------------------------------------- */

int bx_record_words_add(bx_record_words *words, const char *word)
{
    if (words->count >= BX_RECORD_WORDS ||
        bx_buf_append(&words->bytes, word, strlen(word) + 1,
                      BX_RECORD_FIELD_BYTES) < 0)
        return -1;
    words->count++;
    return 0;
}

const char **bx_record_words_list(const bx_record_words *words)
{
    const char **list = calloc(words->count + 1, sizeof(*list));
    const char *at = words->bytes.data;

    for (size_t i = 0; list != NULL && i < words->count; i++) {
        list[i] = at;
        at += strlen(at) + 1;
    }
    return list;
}

static int set_words(bx_record_words *words, const char *data, size_t bytes,
                     bx_error **err)
{
    size_t count = 0;

    for (size_t i = 0; i < bytes; i++)
        count += data[i] == '\0';
    if (bytes == 0 || data[bytes - 1] != '\0' || count > BX_RECORD_WORDS)
        return bx_error_set(err, BX_ERR_INVALID,
                            "words that do not end, or more than %u of them",
                            BX_RECORD_WORDS);
    if (bx_buf_append(&words->bytes, data, bytes, BX_RECORD_FIELD_BYTES) < 0)
        return bx_error_set_nomem(err);
    words->count = count;
    return 0;
}

/* ---- fields --------------------------------------------------------- */

/* Where a text is kept; NULL: the tag is not one of a text. */
static char **text_of(bx_record_head *head, unsigned tag)
{
    switch (tag) {
    case BX_TAG_PROGRAM:
        return &head->program;
    case BX_TAG_MODULE_NAME:
        return &head->module_name;
    case BX_TAG_MODULE_PATH:
        return &head->module_path;
    case BX_TAG_FUNCTION:
        return &head->function;
    case BX_TAG_ARGS:
        return &head->args;
    default:
        return NULL;
    }
}

static uint8_t *digest_of(bx_record_head *head, unsigned tag)
{
    return tag == BX_TAG_MODULE_DIGEST   ? head->module_digest
           : tag == BX_TAG_POLICY_DIGEST ? head->policy_digest
                                         : NULL;
}

static bx_buf *bytes_of(bx_record_head *head, unsigned tag)
{
    return tag == BX_TAG_ARGV     ? &head->argv.bytes
           : tag == BX_TAG_ENV    ? &head->env.bytes
           : tag == BX_TAG_POLICY ? &head->policy
                                  : NULL;
}

static void put_facts(const bx_record_head *head, uint8_t *facts)
{
    uint64_t limits[BX_LIMITS_COUNT];
    uint64_t flags = (head->is_deterministic ? FLAG_DETERMINISTIC : 0) |
                     (head->has_fuel ? FLAG_FUEL : 0) |
                     (head->is_component ? FLAG_COMPONENT : 0);

    memcpy(limits, &head->limits, sizeof(limits));
    bx_store64(facts, head->created_s);
    bx_store64(facts + 8, head->seed);
    bx_store64(facts + 16, flags);
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++)
        bx_store64(facts + 24 + 8 * i, limits[i]);
}

static int set_facts(bx_record_head *head, const uint8_t *data, size_t bytes,
                     bx_error **err)
{
    uint64_t limits[BX_LIMITS_COUNT];
    uint64_t flags;

    if (bytes != BX_RECORD_FACTS_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%zu bytes of facts, expected %zu", bytes,
                            (size_t)BX_RECORD_FACTS_BYTES);
    flags = bx_load64(data + 16);
    if (flags > (FLAG_DETERMINISTIC | FLAG_FUEL | FLAG_COMPONENT))
        return bx_error_set(err, BX_ERR_INVALID, "unknown flags");
    head->created_s = bx_load64(data);
    head->seed = bx_load64(data + 8);
    head->is_deterministic = (flags & FLAG_DETERMINISTIC) != 0;
    head->has_fuel = (flags & FLAG_FUEL) != 0;
    head->is_component = (flags & FLAG_COMPONENT) != 0;
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++)
        limits[i] = bx_load64(data + 24 + 8 * i);
    memcpy(&head->limits, limits, sizeof(limits));
    return 0;
}

void bx_record_head_field(const bx_record_head *head, bx_record_tag tag,
                          uint8_t facts[BX_RECORD_FACTS_BYTES],
                          const void **ret_data, size_t *ret_bytes)
{
    bx_record_head *at = (bx_record_head *)head; /* only looked at */
    char **text = text_of(at, tag);
    const bx_buf *bytes = bytes_of(at, tag);

    *ret_data = NULL;
    *ret_bytes = 0;
    if (tag == BX_TAG_FACTS) {
        put_facts(head, facts);
        *ret_data = facts;
        *ret_bytes = BX_RECORD_FACTS_BYTES;
    } else if (text != NULL && *text != NULL) {
        *ret_data = *text;
        *ret_bytes = strlen(*text);
    } else if (bytes != NULL) {
        *ret_data = bytes->data;
        *ret_bytes = bytes->len;
    } else if (digest_of(at, tag) != NULL) {
        *ret_data = digest_of(at, tag);
        *ret_bytes = BX_DIGEST_BYTES;
    }
}

int bx_record_head_set(bx_record_head *head, unsigned tag, const void *data,
                       size_t bytes, bx_error **err)
{
    char **text = text_of(head, tag);
    uint8_t *digest = digest_of(head, tag);

    if (text != NULL) {
        if (memchr(data, '\0', bytes) != NULL || *text != NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "field %u: a NUL in it, or there twice", tag);
        *text = strndup(data, bytes);
        return *text == NULL ? bx_error_set_nomem(err) : 0;
    }
    if (digest != NULL) {
        if (bytes != BX_DIGEST_BYTES)
            return bx_error_set(err, BX_ERR_INVALID,
                                "a digest of %zu bytes, expected %d", bytes,
                                BX_DIGEST_BYTES);
        memcpy(digest, data, bytes);
        return 0;
    }
    if (tag == BX_TAG_FACTS)
        return set_facts(head, data, bytes, err);
    if (bytes_of(head, tag) == NULL || bytes_of(head, tag)->len > 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "field %u: unknown, or there twice", tag);
    if (tag == BX_TAG_ARGV)
        return set_words(&head->argv, data, bytes, err);
    if (tag == BX_TAG_ENV)
        return set_words(&head->env, data, bytes, err);
    return bx_buf_append(&head->policy, data, bytes, BX_RECORD_FIELD_BYTES) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

/* ---- the end -------------------------------------------------------- */

#define END_BYTES (1u + 1u + 4u + 8u + 3u * (8u + BX_DIGEST_BYTES))

void bx_record_end_clear(bx_record_end *end)
{
    free(end->message);
    memset(end, 0, sizeof(*end));
}

static uint8_t *put_sum(uint8_t *at, const bx_record_sum *sum)
{
    bx_store64(at, sum->bytes);
    memcpy(at + 8, sum->digest, BX_DIGEST_BYTES);
    return at + 8 + BX_DIGEST_BYTES;
}

int bx_record_end_put(const bx_record_end *end, bx_buf *ret_bytes)
{
    const char *message = end->message == NULL ? "" : end->message;
    size_t bytes = strnlen(message, MESSAGE_MAX_BYTES);
    uint8_t fixed[END_BYTES];
    uint8_t *at = fixed;

    at[0] = end->is_failed;
    at[1] = (uint8_t)end->code;
    bx_store32(at + 2, end->exit_code);
    bx_store64(at + 6, end->calls);
    at = put_sum(at + 14, &end->output[0]);
    at = put_sum(at, &end->output[1]);
    (void)put_sum(at, &end->value);
    if (bx_buf_append(ret_bytes, fixed, sizeof(fixed), SIZE_MAX) < 0)
        return -1;
    return bx_buf_append(ret_bytes, message, bytes, SIZE_MAX);
}

static void take_sum(bx_cursor *cursor, bx_record_sum *sum)
{
    const uint8_t *digest;

    sum->bytes = bx_cursor_u64(cursor);
    digest = bx_cursor_take(cursor, BX_DIGEST_BYTES);
    if (digest != NULL)
        memcpy(sum->digest, digest, BX_DIGEST_BYTES);
}

int bx_record_end_parse(const void *data, size_t bytes, bx_record_end *ret_end,
                        bx_error **err)
{
    bx_cursor cursor = bx_cursor_of(data, bytes);
    bx_record_end end = { 0 };
    uint8_t failed = bx_cursor_u8(&cursor);
    uint8_t code = bx_cursor_u8(&cursor);

    end.is_failed = failed == 1;
    end.code = (bx_code)code;
    end.exit_code = bx_cursor_u32(&cursor);
    end.calls = bx_cursor_u64(&cursor);
    take_sum(&cursor, &end.output[0]);
    take_sum(&cursor, &end.output[1]);
    take_sum(&cursor, &end.value);
    if (cursor.is_broken || failed > 1 || code > BX_ERR_CANCELLED ||
        cursor.left > MESSAGE_MAX_BYTES ||
        memchr(cursor.at, '\0', cursor.left) != NULL)
        return bx_error_set(err, BX_ERR_INVALID, "a malformed end");
    end.message = strndup((const char *)cursor.at, cursor.left);
    if (end.message == NULL)
        return bx_error_set_nomem(err);
    *ret_end = end;
    return 0;
}
