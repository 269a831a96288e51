/* What Google's APIs say of an error: google.rpc.Status as JSON, with details
 * of several types. */
#include <stdlib.h>
#include <string.h>

#include "agent/models/gemini.h"

#define DELAY_MAX_S 86400.0

/* One code is of many causes; two of them are another matter. */
static bx_failure_kind kind_of_invalid(const char *text)
{
    if (strstr(text, "API key") != NULL)
        return BX_FAILURE_KEY;
    if (strstr(text, "exceeds the maximum number of tokens") != NULL)
        return BX_FAILURE_CONTEXT;
    return BX_FAILURE_REQUEST;
}

static bx_failure_kind kind_of(unsigned status, const char *code,
                               const char *text)
{
    static const struct {
        const char *code;
        bx_failure_kind kind;
    } kinds[] = {
        { "UNAUTHENTICATED", BX_FAILURE_KEY },
        { "PERMISSION_DENIED", BX_FAILURE_KEY },
        { "FAILED_PRECONDITION", BX_FAILURE_KEY }, /* wants billing */
        { "NOT_FOUND", BX_FAILURE_NO_MODEL },
        { "RESOURCE_EXHAUSTED", BX_FAILURE_RATE },
        { "UNAVAILABLE", BX_FAILURE_OVERLOAD },
        { "INTERNAL", BX_FAILURE_SERVER },
        { "UNKNOWN", BX_FAILURE_SERVER },
        { "ABORTED", BX_FAILURE_SERVER },
        { "CANCELLED", BX_FAILURE_SERVER },
        { "DEADLINE_EXCEEDED", BX_FAILURE_SERVER },
    };

    if (strcmp(code, "INVALID_ARGUMENT") == 0)
        return kind_of_invalid(text);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(code, kinds[i].code) == 0)
            return kinds[i].kind;
    }
    return bx_failure_of_status(status);
}

/* "34.07s" (google.protobuf.Duration) in milliseconds, rounded up; 0: it is
 * none. */
static uint64_t read_duration(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    size_t end = whole;
    double seconds;

    if (text[end] == '.')
        end += 1 + strspn(text + end + 1, "0123456789");
    if (whole == 0 || strcmp(text + end, "s") != 0)
        return 0;
    seconds = strtod(text, NULL);
    return seconds > DELAY_MAX_S ? (uint64_t)(DELAY_MAX_S * 1000)
                                 : (uint64_t)(seconds * 1000 + 0.999);
}

/* A quota of a day that is used up is no matter of waiting a while. */
static bool is_of_day(const json_t *detail)
{
    const json_t *violation;
    size_t i;

    json_array_foreach(json_object_get(detail, "violations"), i, violation)
    {
        if (strstr(bx_block_text(violation, "quotaId"), "PerDay") != NULL)
            return true;
    }
    return false;
}

static void read_details(const json_t *details, bx_reply_failure *failure)
{
    const json_t *detail;
    size_t i;

    json_array_foreach(details, i, detail)
    {
        uint64_t delay_ms = read_duration(bx_block_text(detail, "retryDelay"));

        if (delay_ms > failure->retry_ms)
            failure->retry_ms = delay_ms;
        if (strcmp(bx_block_text(detail, "reason"), "API_KEY_INVALID") == 0 ||
            (failure->kind == BX_FAILURE_RATE && is_of_day(detail)))
            failure->kind = BX_FAILURE_KEY;
    }
}

/* "Consumer 'api_key:AIza...' has been suspended": the key is no word for
 * people. */
static int say_without_key(const char *text, bx_buf *said)
{
    static const char mark[] = "api_key:";
    const char *at;

    while ((at = strstr(text, mark)) != NULL) {
        at += sizeof(mark) - 1;
        if (bx_buf_append(said, text, (size_t)(at - text), SIZE_MAX) < 0 ||
            bx_buf_puts(said, "(left out)") < 0)
            return -1;
        text = at + strcspn(at, "' \t\r\n\"");
    }
    return bx_buf_puts(said, text);
}

void bx_gemini_read_failure(unsigned status, const json_t *body,
                            bx_reply_failure *ret_failure)
{
    const json_t *error = json_object_get(
        json_is_array(body) ? json_array_get(body, 0) : body, "error");
    const char *code = bx_block_text(error, "status");
    const char *text = bx_block_text(error, "message");
    const json_t *number = json_object_get(error, "code");
    bx_autobuf bx_buf said = BX_BUF_INIT;

    memset(ret_failure, 0, sizeof(*ret_failure));
    if (status == 0 && json_integer_value(number) >= 400 &&
        json_integer_value(number) < 600)
        status = (unsigned)json_integer_value(number);
    ret_failure->kind = kind_of(status, code, text);
    read_details(json_object_get(error, "details"), ret_failure);
    if (say_without_key(*text != '\0' ? text : code, &said) == 0 &&
        said.data != NULL)
        bx_reply_failure_say(ret_failure, said.data);
}
