#include "base/json_text.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* Of a value that is nested in itself there is no end; jansson reads no deeper
 * either. */
#define DEPTH_MAX 2048
#define NUMBER_BYTES 64
#define ESCAPE_MAX 6

typedef struct sink {
    bx_buf text;
    bool is_failed; /* once is for good: jansson may go on */
} sink;

static int put(const char *text, size_t bytes, void *context)
{
    sink *to = context;

    if (!to->is_failed && bx_buf_append(&to->text, text, bytes, SIZE_MAX) < 0)
        to->is_failed = true;
    return to->is_failed ? -1 : 0;
}

/* ---- compact ---------------------------------------------------------------
 *
 * Long conversations are written anew with each turn. jansson looks at every
 * character as a code point and remembers each container's address as text,
 * which takes longer than all else that a turn does. */

/* What cannot stand in a string as it is. */
static bool is_special(unsigned char byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* Is there any such among eight? In each term the high bit of a byte is set
 * where it is one; a borrow sets it elsewhere only when there is one. */
static bool has_special(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t quotes = eight ^ ones * '"';
    uint64_t slashes = eight ^ ones * '\\';

    return (((eight - ones * 0x20) & ~eight) | ((quotes - ones) & ~quotes) |
            ((slashes - ones) & ~slashes)) &
           ones * 0x80;
}

/* Bytes at the begin of text that can stand as they are. */
static size_t plain_span(const char *text, size_t bytes)
{
    size_t at = 0;

    while (bytes - at >= sizeof(uint64_t)) {
        uint64_t eight;

        memcpy(&eight, text + at, sizeof(eight));
        if (has_special(eight))
            break;
        at += sizeof(eight);
    }
    while (at < bytes && !is_special((unsigned char)text[at]))
        at++;
    return at;
}

/* Put what stands for a byte; there is room for ESCAPE_MAX. */
static void put_escape(bx_buf *out, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *known = byte == 0 ? NULL : strchr(from, byte);
    char *at = out->data + out->len;

    *at++ = '\\';
    if (known != NULL) {
        *at++ = to[known - from];
    } else {
        memcpy(at, "u00", 3);
        at[3] = digits[byte >> 4];
        at[4] = digits[byte & 15];
        at += 5;
    }
    out->len = (size_t)(at - out->data);
}

static int put_string(bx_buf *out, const char *text, size_t bytes)
{
    if (!bx_utf8_is_valid(text, bytes) || bx_buf_puts(out, "\"") < 0)
        return -1;
    for (;;) {
        size_t span = plain_span(text, bytes);

        /* For all that is left, should nothing more be special. */
        if (bytes > SIZE_MAX - ESCAPE_MAX ||
            bx_buf_reserve(out, bytes + ESCAPE_MAX, SIZE_MAX) < 0)
            return -1;
        memcpy(out->data + out->len, text, span);
        out->len += span;
        if (span == bytes)
            return bx_buf_puts(out, "\"");
        put_escape(out, (unsigned char)text[span]);
        text += span + 1;
        bytes -= span + 1;
    }
}

static int put_number(bx_buf *out, const json_t *value)
{
    char text[NUMBER_BYTES];
    size_t bytes = json_dumpb(value, text, sizeof(text), JSON_ENCODE_ANY);

    return bytes == 0 || bytes > sizeof(text)
               ? -1
               : bx_buf_append(out, text, bytes, SIZE_MAX);
}

static int put_value(bx_buf *out, const json_t *value, unsigned depth);

static int put_array(bx_buf *out, const json_t *array, unsigned depth)
{
    size_t count = json_array_size(array);

    if (depth == 0 || bx_buf_puts(out, "[") < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if ((i > 0 && bx_buf_puts(out, ",") < 0) ||
            put_value(out, json_array_get(array, i), depth - 1) < 0)
            return -1;
    }
    return bx_buf_puts(out, "]");
}

static int put_object(bx_buf *out, const json_t *value, unsigned depth)
{
    json_t *object = (json_t *)value;
    bool is_first = true;

    if (depth == 0 || bx_buf_puts(out, "{") < 0)
        return -1;
    for (void *at = json_object_iter(object); at != NULL;
         at = json_object_iter_next(object, at)) {
        if ((!is_first && bx_buf_puts(out, ",") < 0) ||
            put_string(out, json_object_iter_key(at),
                       json_object_iter_key_len(at)) < 0 ||
            bx_buf_puts(out, ":") < 0 ||
            put_value(out, json_object_iter_value(at), depth - 1) < 0)
            return -1;
        is_first = false;
    }
    return bx_buf_puts(out, "}");
}

static int put_value(bx_buf *out, const json_t *value, unsigned depth)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return put_object(out, value, depth);
    case JSON_ARRAY:
        return put_array(out, value, depth);
    case JSON_STRING:
        return put_string(out, json_string_value(value),
                          json_string_length(value));
    case JSON_TRUE:
        return bx_buf_puts(out, "true");
    case JSON_FALSE:
        return bx_buf_puts(out, "false");
    case JSON_NULL:
        return bx_buf_puts(out, "null");
    default:
        return put_number(out, value);
    }
}

/* -------------------------------------------------------------------------- */

char *bx_json_text(const json_t *value, size_t flags)
{
    sink to = { .text = BX_BUF_INIT };
    char *text = NULL;
    int status;

    if (value == NULL)
        return NULL;
    if (flags == JSON_COMPACT &&
        (json_is_object(value) || json_is_array(value)))
        status = put_value(&to.text, value, DEPTH_MAX);
    else
        status = json_dump_callback(value, put, &to, flags);
    if (status == 0 && !to.is_failed)
        text = bx_buf_take(&to.text);
    bx_buf_clear(&to.text);
    return text;
}
