/* When a request may be made again: what the status means, what the server asks
 * for in headers or body, and otherwise longer each time. All of the server's
 * is hostile: what is no sane number is no hint. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/models/client.h"

#define FIRST_DELAY_MS 500
#define HINT_MAX_MS (100 * 86400000ull)

/* A number that may have decimals, times scale; -1: it is none. */
static int parse_number(const char *text, uint64_t scale, uint64_t *ret)
{
    double value = 0;
    double unit = 1;
    bool is_whole = true;

    if (!isdigit((unsigned char)*text))
        return -1;
    for (; *text != '\0'; text++) {
        if (*text == '.' && is_whole) {
            is_whole = false;
        } else if (!isdigit((unsigned char)*text)) {
            return -1;
        } else if (is_whole) {
            value = value * 10 + (*text - '0');
        } else {
            unit /= 10;
            value += unit * (*text - '0');
        }
        if (value > (double)HINT_MAX_MS)
            value = (double)HINT_MAX_MS;
    }
    value *= (double)scale;
    *ret =
        value > (double)HINT_MAX_MS ? HINT_MAX_MS : (uint64_t)(value + 0.999);
    return 0;
}

/* RFC 9110 section 5.6.7, the form that is not obsolete. */
static int parse_date(const char *text, int64_t now_s, uint64_t *ret_ms)
{
    struct tm tm = { 0 };
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    int64_t at;

    if (end == NULL || *end != '\0')
        return -1;
    at = (int64_t)timegm(&tm);
    if (at <= now_s)
        *ret_ms = 0;
    else if ((uint64_t)(at - now_s) > HINT_MAX_MS / 1000)
        *ret_ms = HINT_MAX_MS;
    else
        *ret_ms = (uint64_t)(at - now_s) * 1000;
    return 0;
}

static const char *field(const bx_http_fields *fields, const char *name)
{
    const bx_http_field *found =
        fields == NULL ? NULL : bx_http_fields_find(fields, name);

    return found == NULL ? "" : found->value;
}

static bool find_hint(const bx_http_fields *fields,
                      const bx_reply_failure *failure, int64_t now_s,
                      uint64_t *ret_ms)
{
    const char *after = field(fields, "retry-after");

    if (parse_number(field(fields, "retry-after-ms"), 1, ret_ms) == 0 ||
        parse_number(after, 1000, ret_ms) == 0 ||
        parse_date(after, now_s, ret_ms) == 0)
        return true;
    if (failure->retry_ms == 0)
        return false;
    *ret_ms = failure->retry_ms > HINT_MAX_MS ? HINT_MAX_MS : failure->retry_ms;
    return true;
}

static bool is_passing_kind(bx_failure_kind kind)
{
    return kind == BX_FAILURE_RATE || kind == BX_FAILURE_OVERLOAD ||
           kind == BX_FAILURE_SERVER;
}

/* 0: an error within a stream. */
static bool is_passing(unsigned status, const char *should,
                       bx_failure_kind kind)
{
    if (status == 400 || status == 401 || status == 403 || status == 404)
        return false;
    if (strcasecmp(should, "true") == 0)
        return true;
    if (strcasecmp(should, "false") == 0)
        return false;
    if (status == 408)
        return true;
    /* A quota that is used up has the status of a limit that passes. */
    return (status == 0 || status == 429 || status >= 500) &&
           is_passing_kind(kind);
}

void bx_client_judge(unsigned status, const bx_http_fields *fields,
                     const bx_reply_failure *failure, int64_t now_s,
                     bx_client_fault *fault)
{
    fault->is_passing =
        is_passing(status, field(fields, "x-should-retry"), failure->kind);
    fault->has_hint =
        fault->is_passing && find_hint(fields, failure, now_s, &fault->hint_ms);
}

uint64_t bx_client_delay_ms(const bx_client_fault *fault, unsigned attempt,
                            uint64_t max_delay_ms, uint32_t noise)
{
    uint64_t delay = FIRST_DELAY_MS;

    /* Many that were told the same do not come at the same moment. */
    if (fault->has_hint)
        return fault->hint_ms + fault->hint_ms / 10 * (noise % 1024) / 1024;
    for (unsigned i = 1; i < attempt && delay < max_delay_ms; i++)
        delay *= 2;
    if (delay > max_delay_ms)
        delay = max_delay_ms;
    return delay / 2 + (delay - delay / 2) * (noise % 1024 + 1) / 1024;
}
