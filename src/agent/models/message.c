#include "agent/models/message.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/utf8.h"

#define ID_MAX 128
#define NAME_MAX_BYTES 64
#define MEDIA_TYPE_MAX 64
/* Of what is nested in a call's input or a carry. */
#define DEPTH_MAX 256

static const char name_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
static const char base64_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/";

/* A NUL is replaced too: no parser of JSON here takes one back. */
static json_t *clean_text(const char *text, size_t bytes)
{
    bx_autobuf bx_buf clean = BX_BUF_INIT;

    if (memchr(text, '\0', bytes) == NULL && bx_utf8_is_valid(text, bytes))
        return json_stringn_nocheck(text, bytes);
    while (bytes > 0) {
        size_t whole = bx_utf8_span(text, bytes);
        size_t span = strnlen(text, whole);

        if (bx_buf_append(&clean, text, span, SIZE_MAX) < 0)
            return NULL;
        if (span < bytes) {
            if (bx_buf_append(&clean, "\xef\xbf\xbd", 3, SIZE_MAX) < 0)
                return NULL;
            span++;
        }
        text += span;
        bytes -= span;
    }
    return json_stringn_nocheck(clean.data, clean.len);
}

json_t *bx_message_new(const char *role)
{
    return json_pack("{s:s, s:[]}", "role", role, "content");
}

json_t *bx_message_new_text(const char *role, const char *text, size_t bytes)
{
    json_t *message = bx_message_new(role);

    if (message != NULL && bx_message_add_text(message, text, bytes) == NULL) {
        json_decref(message);
        return NULL;
    }
    return message;
}

/* Takes block, which may be NULL. */
static json_t *add_block(json_t *message, json_t *block)
{
    if (block == NULL ||
        json_array_append_new(bx_message_blocks(message), block) < 0)
        return NULL;
    return block;
}

static json_t *new_text_block(const char *type, const char *text, size_t bytes)
{
    return json_pack("{s:s, s:o}", "type", type, "text",
                     clean_text(text, bytes));
}

json_t *bx_message_add_text(json_t *message, const char *text, size_t bytes)
{
    return add_block(message, new_text_block("text", text, bytes));
}

json_t *bx_message_add_thinking(json_t *message, const char *text, size_t bytes)
{
    return add_block(message, new_text_block("thinking", text, bytes));
}

static json_t *base64(const void *data, size_t bytes)
{
    bx_autofree char *text = NULL;

    if (bytes > BX_MESSAGE_MAX_BYTES)
        return NULL;
    text = malloc((bytes + 2) / 3 * 4 + 1);
    if (text == NULL)
        return NULL;
    EVP_EncodeBlock((unsigned char *)text, data, (int)bytes);
    return json_string_nocheck(text);
}

json_t *bx_message_add_image(json_t *message, const char *media_type,
                             const void *data, size_t bytes)
{
    return add_block(message,
                     json_pack("{s:s, s:s, s:o}", "type", "image", "media_type",
                               media_type, "data", base64(data, bytes)));
}

json_t *bx_message_add_call(json_t *message, const char *id, const char *name,
                            json_t *input)
{
    return add_block(message,
                     json_pack("{s:s, s:s, s:s, s:o}", "type", "tool_call",
                               "id", id, "name", name, "input", input));
}

json_t *bx_message_add_result(json_t *message, const char *id, const char *name,
                              bool is_error, json_t *content)
{
    return add_block(message,
                     json_pack("{s:s, s:s, s:s, s:b, s:o}", "type",
                               "tool_result", "id", id, "name", name,
                               "is_error", (int)is_error, "content", content));
}

const char *bx_message_role(const json_t *message)
{
    return bx_block_text(message, "role");
}

json_t *bx_message_blocks(const json_t *message)
{
    return json_object_get(message, "content");
}

char *bx_message_text(const json_t *message)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t i;
    json_t *block;

    if (bx_buf_puts(&text, "") < 0)
        return NULL;
    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "text") &&
            bx_buf_puts(&text, bx_block_text(block, "text")) < 0)
            return NULL;
    }
    return bx_buf_take(&text);
}

bool bx_block_is(const json_t *block, const char *type)
{
    return strcmp(bx_block_text(block, "type"), type) == 0;
}

const char *bx_block_text(const json_t *block, const char *key)
{
    const char *text = json_string_value(json_object_get(block, key));

    return text != NULL ? text : "";
}

json_t *bx_block_carry(const json_t *block, const char *protocol)
{
    json_t *carry = json_object_get(block, "carry");

    return strcmp(bx_block_text(carry, "protocol"), protocol) == 0 ? carry
                                                                   : NULL;
}

int bx_block_set_carry(json_t *block, const char *protocol, json_t *carry)
{
    if (json_object_set_new(carry, "protocol", json_string(protocol)) < 0) {
        json_decref(carry);
        return -1;
    }
    return json_object_set_new(block, "carry", carry);
}

/* Bytes of all keys and strings in value; -1 when it is nested too deep. */
static int add_size(const json_t *value, unsigned depth, size_t *sum)
{
    const char *key;
    json_t *item;
    size_t i;

    *sum += 1;
    if (json_is_string(value))
        *sum += json_string_length(value);
    if (depth == 0)
        return -1;
    json_array_foreach(value, i, item)
    {
        if (add_size(item, depth - 1, sum) < 0)
            return -1;
    }
    json_object_foreach((json_t *)value, key, item)
    {
        *sum += strlen(key);
        if (add_size(item, depth - 1, sum) < 0)
            return -1;
    }
    return 0;
}

/* Is it a string of 1 to max bytes out of a set? */
static bool is_word(const json_t *value, size_t max, const char *set)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);

    return text != NULL && bytes > 0 && bytes <= max &&
           strspn(text, set) == bytes;
}

static bool is_name(const json_t *value)
{
    return is_word(value, NAME_MAX_BYTES, name_bytes);
}

static bool is_id(const json_t *value)
{
    return is_word(value, ID_MAX, name_bytes);
}

static bool is_text(const json_t *value)
{
    return json_is_string(value) &&
           strlen(json_string_value(value)) == json_string_length(value);
}

static bool is_media_type(const json_t *value)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789/.+-";

    return is_word(value, MEDIA_TYPE_MAX, set) &&
           strncmp(json_string_value(value), "image/", 6) == 0 &&
           strchr(json_string_value(value) + 6, '/') == NULL;
}

static bool is_base64(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);
    size_t span;

    if (text == NULL || bytes == 0 || bytes % 4 != 0)
        return false;
    span = strspn(text, base64_bytes);
    return bytes - span <= 2 && strspn(text + span, "=") == bytes - span;
}

static bool is_object(const json_t *value)
{
    return json_is_object(value);
}

static bool is_bool(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_array(const json_t *value)
{
    return json_is_array(value);
}

static bool is_carry(const json_t *value)
{
    return is_name(json_object_get(value, "protocol"));
}

static const char a_name[] = "1 to 64 of [a-zA-Z0-9_-]";
static const char an_id[] = "1 to 128 of [a-zA-Z0-9_-]";
static const char a_text[] = "a string without NUL";

typedef struct member {
    const char *key;
    bool (*is_fit)(const json_t *value);
    const char *expected;
} member;

#define MEMBERS_MAX 4

static const struct block_form {
    const char *type;
    const char *role; /* NULL: of both */
    member members[MEMBERS_MAX + 1];
} forms[] = {
    { "text", NULL, { { "text", is_text, a_text } } },
    { "thinking", "assistant", { { "text", is_text, a_text } } },
    { "image",
      NULL,
      { { "media_type", is_media_type, "as \"image/png\"" },
        { "data", is_base64, "base64" } } },
    { "tool_call",
      "assistant",
      { { "id", is_id, an_id },
        { "name", is_name, a_name },
        { "input", is_object, "an object" } } },
    { "tool_result",
      "user",
      { { "id", is_id, an_id },
        { "name", is_name, a_name },
        { "is_error", is_bool, "true or false" },
        { "content", is_array, "an array of text and image blocks" } } },
};

static const struct block_form *find_form(const json_t *block)
{
    const char *type = bx_block_text(block, "type");

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(type, forms[i].type) == 0)
            return &forms[i];
    }
    return NULL;
}

static int check_members(const json_t *block, const struct block_form *form,
                         bx_error **err)
{
    const json_t *carry = json_object_get(block, "carry");
    size_t known = carry != NULL ? 2 : 1;

    for (const member *m = form->members; m->key != NULL; m++, known++) {
        if (!m->is_fit(json_object_get(block, m->key)))
            return bx_error_set(err, BX_ERR_INVALID, "%s: %s: expected %s",
                                form->type, m->key, m->expected);
    }
    if (carry != NULL && !is_carry(carry))
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: carry: expected an object with \"protocol\"",
                            form->type);
    if (json_object_size(block) != known)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: it has members that are not known",
                            form->type);
    return 0;
}

static int check_block(const json_t *block, const char *role, bool is_inner,
                       bx_error **err)
{
    const struct block_form *form = find_form(block);
    json_t *inner;
    size_t i;

    if (form == NULL || (is_inner && form->role != NULL) ||
        (is_inner && json_object_get(block, "carry") != NULL))
        return bx_error_set(err, BX_ERR_INVALID, "type: expected %s",
                            is_inner ? "\"text\" or \"image\", without carry"
                                     : "one of a message's blocks");
    if (form->role != NULL && strcmp(form->role, role) != 0)
        return bx_error_set(err, BX_ERR_INVALID, "%s: only of the %s",
                            form->type, form->role);
    if (check_members(block, form, err) < 0)
        return -1;
    if (strcmp(form->type, "tool_result") != 0)
        return 0;
    if (json_array_size(bx_message_blocks(block)) > BX_MESSAGE_MAX_BLOCKS)
        return bx_error_set(err, BX_ERR_INVALID,
                            "tool_result: more than %d blocks",
                            BX_MESSAGE_MAX_BLOCKS);
    json_array_foreach(bx_message_blocks(block), i, inner)
    {
        if (check_block(inner, role, true, err) < 0)
            return bx_error_wrap(err, "tool_result: block %zu", i);
    }
    return 0;
}

int bx_message_check(const json_t *message, bx_error **err)
{
    const char *role = bx_message_role(message);
    const json_t *blocks = bx_message_blocks(message);
    size_t bytes = 0;
    size_t i;
    json_t *block;

    if (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "role: expected \"user\" or \"assistant\"");
    if (!json_is_array(blocks) ||
        json_array_size(blocks) > BX_MESSAGE_MAX_BLOCKS)
        return bx_error_set(err, BX_ERR_INVALID,
                            "content: expected an array of at most %d blocks",
                            BX_MESSAGE_MAX_BLOCKS);
    if (json_object_size(message) != 2)
        return bx_error_set(err, BX_ERR_INVALID,
                            "expected \"role\" and \"content\" and no more");
    if (add_size(message, DEPTH_MAX, &bytes) < 0)
        return bx_error_set(err, BX_ERR_INVALID, "nested deeper than %d levels",
                            DEPTH_MAX);
    if (bytes > BX_MESSAGE_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID, "larger than %u bytes",
                            BX_MESSAGE_MAX_BYTES);
    json_array_foreach(blocks, i, block)
    {
        if (check_block(block, role, false, err) < 0)
            return bx_error_wrap(err, "block %zu", i);
    }
    return 0;
}

/* The ids of a message's blocks of one type, each once. Owned. */
static json_t *collect_ids(const json_t *message, const char *type,
                           bx_error **err)
{
    json_t *ids = json_object();
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        const char *id = bx_block_text(block, "id");

        if (!bx_block_is(block, type))
            continue;
        if (json_object_get(ids, id) != NULL) {
            bx_error_set(err, BX_ERR_INVALID, "two %s blocks of '%s'", type,
                         id);
            json_decref(ids);
            return NULL;
        }
        if (json_object_set(ids, id, block) < 0) {
            json_decref(ids);
            ids = NULL;
            break;
        }
    }
    if (ids == NULL)
        bx_error_set_nomem(err);
    return ids;
}

/* How many blocks of a type has a message, which may be NULL, and the first. */
static size_t count_blocks(const json_t *message, const char *type,
                           const json_t **ret_first)
{
    size_t count = 0;
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, type) && count++ == 0)
            *ret_first = block;
    }
    return count;
}

/* Most messages have one call or none, which needs no index. */
static bool is_plain_answer(const json_t *before, const json_t *message)
{
    const json_t *call = NULL;
    const json_t *result = NULL;
    size_t calls = count_blocks(before, "tool_call", &call);

    if (count_blocks(message, "tool_result", &result) != calls || calls > 1)
        return false;
    return calls == 0 || (strcmp(bx_block_text(call, "id"),
                                 bx_block_text(result, "id")) == 0 &&
                          strcmp(bx_block_text(call, "name"),
                                 bx_block_text(result, "name")) == 0);
}

/* Does a message answer the calls of the one before? Either may be NULL. */
static int check_answers(const json_t *before, const json_t *message,
                         bx_error **err)
{
    json_t *calls, *results;
    const char *id;
    json_t *block;
    int status;

    if (is_plain_answer(before, message))
        return 0;
    calls = collect_ids(before, "tool_call", err);
    results = calls == NULL ? NULL : collect_ids(message, "tool_result", err);
    status = results == NULL ? -1 : 0;
    json_object_foreach(results, id, block)
    {
        const json_t *call = json_object_get(calls, id);

        if (status == 0 && call == NULL)
            status = bx_error_set(err, BX_ERR_INVALID,
                                  "the result '%s' is of no call of the "
                                  "message before",
                                  id);
        else if (status == 0 && strcmp(bx_block_text(call, "name"),
                                       bx_block_text(block, "name")) != 0)
            status = bx_error_set(
                err, BX_ERR_INVALID,
                "the result '%s' names another tool than its call", id);
    }
    json_object_foreach(calls, id, block)
    {
        if (status == 0 && json_object_get(results, id) == NULL)
            status = bx_error_set(err, BX_ERR_INVALID,
                                  "the call '%s' of the message before has no "
                                  "result here",
                                  id);
    }
    json_decref(calls);
    json_decref(results);
    return status;
}

int bx_messages_check(const json_t *messages, bx_error **err)
{
    const json_t *before = NULL;
    size_t count = json_array_size(messages);

    if (count == 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "messages: expected an array with at least one");
    for (size_t i = 0; i < count; i++) {
        const json_t *message = json_array_get(messages, i);

        if (bx_message_check(message, err) < 0)
            return bx_error_wrap(err, "message %zu", i);
        if (i == 0 && strcmp(bx_message_role(message), "user") != 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "message 0: expected one of the user");
        if (check_answers(before, message, err) < 0)
            return bx_error_wrap(err, "message %zu", i);
        before = message;
    }
    if (check_answers(before, NULL, err) < 0)
        return bx_error_wrap(err, "message %zu", count);
    return 0;
}
