#include <string.h>

#include "agent/models/openai.h"

#define HINT_MAX_MS (24u * 3600 * 1000)

/* What was found of an error; borrowed from its body. */
typedef struct error_parts {
    const char *message;
    const char *raw; /* of the server behind a gateway */
    const char *type;
    const char *code;
    unsigned status;
} error_parts;

static const json_t *first_of(const json_t *value)
{
    return json_is_array(value) ? json_array_get(value, 0) : value;
}

/* A message is text, or (FastAPI's, Mistral's) an object or array that holds
 * "detail" or "msg". */
static const char *find_message(const json_t *from)
{
    static const char *const keys[] = { "message", "detail", "msg", "error" };

    from = first_of(from);
    for (unsigned depth = 0; depth < 4; depth++) {
        const json_t *next = NULL;

        if (json_is_string(from))
            return json_string_value(from);
        for (size_t i = 0; next == NULL && i < sizeof(keys) / sizeof(keys[0]);
             i++)
            next = first_of(json_object_get(from, keys[i]));
        from = next;
    }
    return "";
}

/* {"error": {...}}, {"error": "..."}, the error itself, or an array of one. */
static error_parts read_parts(unsigned status, const json_t *body)
{
    const json_t *whole = first_of(body);
    const json_t *error = first_of(json_object_get(whole, "error"));
    const json_t *code;
    error_parts parts = { .status = status };

    if (!json_is_object(error))
        error = whole;
    code = json_object_get(error, "code");
    parts.message = find_message(error);
    parts.raw = bx_block_text(json_object_get(error, "metadata"), "raw");
    parts.type = bx_block_text(error, "type");
    parts.code = bx_block_text(error, "code");
    if (status == 0 && json_integer_value(code) >= 400 &&
        json_integer_value(code) < 600)
        parts.status = (unsigned)json_integer_value(code);
    return parts;
}

/* Codes and types, OpenAI's first. What is of many causes counts only where no
 * status says more. */
static void set_kind_of_word(const char *word, unsigned status,
                             bx_failure_kind *kind)
{
    static const struct {
        const char *word;
        bx_failure_kind kind;
        bool is_vague;
    } words[] = {
        { "invalid_api_key", BX_FAILURE_KEY, false },
        { "invalid_organization", BX_FAILURE_KEY, false },
        { "account_deactivated", BX_FAILURE_KEY, false },
        { "insufficient_quota", BX_FAILURE_KEY, false },
        { "billing_not_active", BX_FAILURE_KEY, false },
        { "billing_hard_limit_reached", BX_FAILURE_KEY, false },
        { "authentication_error", BX_FAILURE_KEY, false },
        { "permission_error", BX_FAILURE_KEY, false },
        { "model_not_found", BX_FAILURE_NO_MODEL, false },
        { "not_found_error", BX_FAILURE_NO_MODEL, false },
        { "NotFoundError", BX_FAILURE_NO_MODEL, false },
        { "context_length_exceeded", BX_FAILURE_CONTEXT, false },
        { "exceed_context_size_error", BX_FAILURE_CONTEXT, false },
        { "rate_limit_exceeded", BX_FAILURE_RATE, false },
        { "rate_limit_error", BX_FAILURE_RATE, false },
        { "server_is_overloaded", BX_FAILURE_OVERLOAD, false },
        { "slow_down", BX_FAILURE_OVERLOAD, false },
        { "overloaded_error", BX_FAILURE_OVERLOAD, false },
        { "server_error", BX_FAILURE_SERVER, false },
        { "content_filter", BX_FAILURE_REQUEST, true },
        { "BadRequestError", BX_FAILURE_REQUEST, true },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].word) == 0 &&
            (status == 0 || !words[i].is_vague))
            *kind = words[i].kind;
    }
}

/* OpenAI has many codes for what is wrong with a request: of its images, of
 * policies. Within a stream no status says so. */
static bool is_of_request(const char *code)
{
    static const char *const parts[] = { "invalid", "image", "policy",
                                         "mismatch", "unsupported" };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(code, parts[i]) != NULL)
            return true;
    }
    return false;
}

/* Servers without codes for it say so in words. */
static bool is_of_context(const char *text)
{
    static const char *const hints[] = {
        "maximum context length",
        "context length",
        "context window",
        "context size",
        "prompt is too long",
        "Request too large", /* for the tokens of a minute: never fits */
    };

    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strstr(text, hints[i]) != NULL)
            return true;
    }
    return false;
}

static uint64_t unit_ms(const char *text)
{
    if (strncmp(text, "ms", 2) == 0)
        return 1;
    return *text == 's'   ? 1000
           : *text == 'm' ? 60000
           : *text == 'h' ? 3600000
                          : 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "1m30.5s", "220ms", "6 seconds"; 0: it is no such. */
static uint64_t read_duration(const char *text)
{
    uint64_t sum = 0;

    while (is_digit(*text)) {
        uint64_t thousandths = 0;
        uint64_t unit;

        for (; is_digit(*text); text++) {
            if (thousandths < HINT_MAX_MS * 1000ull)
                thousandths = thousandths * 10 + (uint64_t)(*text - '0') * 1000;
        }
        if (*text == '.') {
            text++;
            for (uint64_t place = 100; is_digit(*text); text++, place /= 10)
                thousandths += (uint64_t)(*text - '0') * place;
        }
        text += strspn(text, " ");
        unit = unit_ms(text);
        if (unit == 0 || thousandths / 1000 > HINT_MAX_MS / unit)
            return unit == 0 ? sum : HINT_MAX_MS;
        sum += thousandths * unit / 1000;
        text += strspn(text, "abcdefghijklmnopqrstuvwxyz");
    }
    return sum < HINT_MAX_MS ? sum : HINT_MAX_MS;
}

static uint64_t read_hint(const char *text)
{
    static const char *const leads[] = { "try again in ", "retry after ",
                                         "retry in " };

    for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
        const char *at = strstr(text, leads[i]);

        if (at != NULL)
            return read_duration(at + strlen(leads[i]));
    }
    return 0;
}

/* Words of the provider, but not the key that "API key provided: ..." has. */
static void say(const error_parts *parts, bx_reply_failure *failure)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const char *words = *parts->message != '\0' ? parts->message
                        : *parts->code != '\0'  ? parts->code
                        : *parts->type != '\0'  ? parts->type
                        : parts->status == 0    ? "no reason given"
                                                : "";
    const char *key = strstr(words, "key provided:");
    size_t bytes = key != NULL ? (size_t)(key - words) + strlen("key provided")
                               : strlen(words);

    if (bx_buf_append(&text, words, bytes, SIZE_MAX) < 0 ||
        (*parts->raw != '\0' && failure->kind != BX_FAILURE_KEY &&
         bx_buf_printf(&text, ": %s", parts->raw) < 0))
        return;
    bx_reply_failure_say(failure, text.data != NULL ? text.data : "");
}

void bx_openai_read_failure(unsigned status, const json_t *body,
                            bx_reply_failure *ret_failure)
{
    error_parts parts = read_parts(status, body);

    memset(ret_failure, 0, sizeof(*ret_failure));
    /* 409: two requests in each other's way, and ours is to come again. */
    ret_failure->kind = parts.status == 409
                            ? BX_FAILURE_SERVER
                            : bx_failure_of_status(parts.status);
    if (parts.status == 0 &&
        (is_of_request(parts.code) || is_of_request(parts.type)))
        ret_failure->kind = BX_FAILURE_REQUEST;
    set_kind_of_word(parts.type, parts.status, &ret_failure->kind);
    set_kind_of_word(parts.code, parts.status, &ret_failure->kind);
    if (ret_failure->kind != BX_FAILURE_KEY &&
        (is_of_context(parts.message) || is_of_context(parts.raw)))
        ret_failure->kind = BX_FAILURE_CONTEXT;
    if (ret_failure->kind >= BX_FAILURE_RATE)
        ret_failure->retry_ms = read_hint(parts.message);
    say(&parts, ret_failure);
}

bool bx_openai_has_error(const json_t *value)
{
    const json_t *error = json_object_get(value, "error");

    return json_is_object(error) || json_string_length(error) > 0;
}
