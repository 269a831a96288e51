#include "store/audit_log_line.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/digest.h"
#include "base/utf8.h"

#define HASH_DIGITS 64
#define KEY_MAX_BYTES 256
#define TIME_LENGTH 27 /* "2026-01-02T03:04:05.678901Z" */
#define TIME_BYTES 96  /* of the buffer: every int would fit */
#define PREV_START ",\"prev\":\""
#define HASH_START ",\"hash\":\""
#define HASH_END "\"}"
#define PREV_BYTES (sizeof(PREV_START) - 1 + HASH_DIGITS + 1)
#define HASH_BYTES (sizeof(HASH_START) - 1 + HASH_DIGITS + sizeof(HASH_END) - 1)
#define NOTE_RECOVERED ",\"audit\":\"" BX_AUDIT_NOTE_RECOVERED "\""

const char bx_audit_first_prev[BX_AUDIT_HASH_BYTES] =
    "0000000000000000000000000000000000000000000000000000000000000000";

/* ---- values ---- */

static int put(bx_buf *buf, const char *text, size_t bytes)
{
    return bx_buf_append(buf, text, bytes, SIZE_MAX);
}

/* Terminals act on control bytes; marks of direction reorder what is read. */
static bool is_plain(uint32_t point)
{
    return point >= 0x20 && point != '"' && point != '\\' &&
           !(point >= 0x7f && point < 0xa0) &&
           !(point >= 0x200b && point <= 0x200f) &&
           !(point >= 0x2028 && point <= 0x202e) &&
           !(point >= 0x2060 && point <= 0x2069) && point != 0xfeff;
}

static int put_escape(bx_buf *buf, uint32_t point)
{
    char text[8];

    if (point == '"' || point == '\\')
        snprintf(text, sizeof(text), "\\%c", (char)point);
    else if (point == '\n')
        strcpy(text, "\\n");
    else if (point == '\t')
        strcpy(text, "\\t");
    else
        snprintf(text, sizeof(text), "\\u%04x", (unsigned)(point & 0xffff));
    return put(buf, text, strlen(text));
}

/* Where a string is cut so that no character is halved. */
static size_t cut_length(const char *text, size_t bytes, size_t max_bytes)
{
    size_t end = max_bytes;

    if (bytes <= max_bytes)
        return bytes;
    for (size_t back = 0; back < 3; back++) {
        if (((unsigned char)text[end] & 0xc0) != 0x80)
            return end;
        end--;
    }
    return ((unsigned char)text[end] & 0xc0) != 0x80 ? end : max_bytes;
}

static int put_string(bx_buf *buf, const char *text, size_t bytes,
                      size_t max_bytes)
{
    size_t end = cut_length(text, bytes, max_bytes);
    size_t plain = 0; /* first byte not yet copied */

    if (put(buf, "\"", 1) < 0)
        return -1;
    for (size_t i = 0; i < end;) {
        uint32_t point = (unsigned char)text[i];
        size_t len =
            point < 0x80 ? 1 : bx_utf8_decode(text + i, end - i, &point);

        if (len > 0 && is_plain(point)) {
            i += len;
            continue;
        }
        if (put(buf, text + plain, i - plain) < 0 ||
            (len > 0 ? put_escape(buf, point) : put(buf, "\xef\xbf\xbd", 3)) <
                0)
            return -1;
        i += len > 0 ? len : 1;
        plain = i;
    }
    if (put(buf, text + plain, end - plain) < 0)
        return -1;
    if (end < bytes && bx_buf_printf(buf, "...[%zu bytes]", bytes) < 0)
        return -1;
    return put(buf, "\"", 1);
}

typedef struct writer {
    bx_buf *buf;
    size_t end; /* of buf: what comes behind is counted */
} writer;

static int put_value(const writer *out, const json_t *value, unsigned depth);

static int put_object(const writer *out, const json_t *object, unsigned depth)
{
    /* jansson's iterators take no const; nothing is changed. */
    json_t *members = (json_t *)object;
    size_t left = json_object_size(object);
    bool is_first = true;

    for (void *at = json_object_iter(members); at != NULL;
         at = json_object_iter_next(members, at)) {
        const char *name = json_object_iter_key(at);

        if (!is_first && put(out->buf, ",", 1) < 0)
            return -1;
        if (out->buf->len >= out->end)
            return bx_buf_printf(out->buf, "\"[cut]\":%zu", left);
        if (put_string(out->buf, name, strlen(name), KEY_MAX_BYTES) < 0 ||
            put(out->buf, ":", 1) < 0 ||
            put_value(out, json_object_iter_value(at), depth + 1) < 0)
            return -1;
        is_first = false;
        left--;
    }
    return 0;
}

static int put_array(const writer *out, const json_t *array, unsigned depth)
{
    size_t count = json_array_size(array);

    for (size_t i = 0; i < count; i++) {
        if (i > 0 && put(out->buf, ",", 1) < 0)
            return -1;
        if (out->buf->len >= out->end)
            return bx_buf_printf(out->buf, "\"[%zu more]\"", count - i);
        if (put_value(out, json_array_get(array, i), depth + 1) < 0)
            return -1;
    }
    return 0;
}

/* jansson's own writer knows how to keep a locale's comma out. */
static int put_real(bx_buf *buf, const json_t *value)
{
    char text[64];
    size_t bytes = json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY);

    return bytes == 0 || bytes > sizeof(text) ? put(buf, "null", 4)
                                              : put(buf, text, bytes);
}

static int put_value(const writer *out, const json_t *value, unsigned depth)
{
    bool is_deep = depth >= BX_AUDIT_EVENT_MAX_DEPTH;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        if (is_deep)
            return put(out->buf, "\"[too deep]\"", 12);
        return put(out->buf, "{", 1) < 0 || put_object(out, value, depth) < 0
                   ? -1
                   : put(out->buf, "}", 1);
    case JSON_ARRAY:
        if (is_deep)
            return put(out->buf, "\"[too deep]\"", 12);
        return put(out->buf, "[", 1) < 0 || put_array(out, value, depth) < 0
                   ? -1
                   : put(out->buf, "]", 1);
    case JSON_STRING:
        return put_string(out->buf, json_string_value(value),
                          json_string_length(value), BX_AUDIT_STRING_MAX_BYTES);
    case JSON_INTEGER:
        return bx_buf_printf(out->buf, "%" JSON_INTEGER_FORMAT,
                             json_integer_value(value));
    case JSON_REAL:
        return put_real(out->buf, value);
    case JSON_TRUE:
        return put(out->buf, "true", 4);
    case JSON_FALSE:
        return put(out->buf, "false", 5);
    case JSON_NULL:
        break;
    }
    return put(out->buf, "null", 4);
}

int bx_audit_line_put_members(bx_buf *buf, const json_t *event)
{
    const writer out = { buf, buf->len + BX_AUDIT_EVENT_MAX_BYTES };

    return put_object(&out, event, 0);
}

int bx_audit_line_put_value(bx_buf *buf, const json_t *value)
{
    const writer out = { buf, buf->len + BX_AUDIT_EVENT_MAX_BYTES };

    return put_value(&out, value, 0);
}

/* ---- the line ---- */

static void format_time(char text[TIME_BYTES])
{
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc) == NULL)
        memset(&utc, 0, sizeof(utc));
    snprintf(text, TIME_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ",
             utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
             utc.tm_min, utc.tm_sec, now.tv_nsec / 1000);
}

int bx_audit_line_seal(bx_buf *buf, uint64_t seq, const char *note,
                       const bx_buf *members, char hash[BX_AUDIT_HASH_BYTES])
{
    char time[TIME_BYTES];
    uint8_t digest[BX_DIGEST_BYTES];
    size_t start = buf->len;

    format_time(time);
    if (bx_buf_printf(buf, "{\"seq\":%" PRIu64 ",\"time\":\"%s\"", seq, time) <
        0)
        return -1;
    if (note != NULL && bx_buf_printf(buf, ",\"audit\":\"%s\"", note) < 0)
        return -1;
    if (members->len > 0 &&
        (put(buf, ",", 1) < 0 || put(buf, members->data, members->len) < 0))
        return -1;
    if (bx_buf_printf(buf, PREV_START "%s\"}", hash) < 0)
        return -1;
    bx_sha256(buf->data + start, buf->len - start, digest);
    buf->len--; /* the brace comes behind the hash */
    bx_digest_format(digest, hash);
    return bx_buf_printf(buf, HASH_START "%s" HASH_END "\n", hash);
}

static bool is_hash(const char *text)
{
    for (size_t i = 0; i < HASH_DIGITS; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') ||
              (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    }
    return true;
}

bool bx_audit_hash_is_valid(const char *text)
{
    return strlen(text) == HASH_DIGITS && is_hash(text);
}

/* Take fixed text from the front. */
static bool take(const char **at, const char *end, const char *text)
{
    size_t bytes = strlen(text);

    if ((size_t)(end - *at) < bytes || memcmp(*at, text, bytes) != 0)
        return false;
    *at += bytes;
    return true;
}

static bool take_seq(const char **at, const char *end, uint64_t *ret_seq)
{
    uint64_t seq = 0;
    const char *start = *at;

    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        if (seq > (UINT64_MAX - 9) / 10)
            return false;
        seq = seq * 10 + (uint64_t)(**at - '0');
    }
    if (*at == start || *start == '0')
        return false;
    *ret_seq = seq;
    return true;
}

/* {"seq":N,"time":"...", with a note behind it or not. */
static bool parse_front(const char *text, const char *end, bx_audit_line *line)
{
    const char *at = text;

    if (!take(&at, end, "{\"seq\":") || !take_seq(&at, end, &line->seq) ||
        !take(&at, end, ",\"time\":\"") || end - at < TIME_LENGTH)
        return false;
    at += TIME_LENGTH;
    if (!take(&at, end, "\""))
        return false;
    line->is_recovered = take(&at, end, NOTE_RECOVERED);
    return true;
}

/* The hash is of the line with the brace right behind prev. */
static void hash_line(const char *text, size_t bytes, char hash[65])
{
    uint8_t digest[BX_DIGEST_BYTES];
    bx_sha256_parts parts;

    bx_sha256_begin(&parts);
    bx_sha256_add(&parts, text, bytes);
    bx_sha256_add(&parts, "}", 1);
    bx_sha256_end(&parts, digest);
    bx_digest_format(digest, hash);
}

const char *bx_audit_line_parse(const char *text, size_t bytes,
                                bx_audit_line *ret_line)
{
    bx_audit_line line = { 0 };
    const char *prev = text + bytes - HASH_BYTES - PREV_BYTES;
    const char *hash = text + bytes - HASH_BYTES;
    char expected[BX_AUDIT_HASH_BYTES];

    if (bytes < HASH_BYTES + PREV_BYTES || !parse_front(text, prev, &line) ||
        !take(&prev, hash, PREV_START) || !is_hash(prev) ||
        prev[HASH_DIGITS] != '"')
        return "it does not have the form of a line of the log";
    memcpy(line.prev, prev, HASH_DIGITS);
    if (!take(&hash, text + bytes, HASH_START) || !is_hash(hash) ||
        memcmp(hash + HASH_DIGITS, HASH_END, sizeof(HASH_END) - 1) != 0)
        return "it does not end with its hash";
    memcpy(line.hash, hash, HASH_DIGITS);
    hash_line(text, bytes - HASH_BYTES, expected);
    if (memcmp(expected, line.hash, HASH_DIGITS) != 0)
        return "its bytes do not give its hash";
    *ret_line = line;
    return NULL;
}
