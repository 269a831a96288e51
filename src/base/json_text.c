#include "base/json_text.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

/* Of a value that is nested in itself there is no end; and deeper ones, the
 * innermost number or text counted, jansson does not read back. */
#define DEPTH_MAX 2048
#define NUMBER_BYTES 64
#define ESCAPE_MAX 6
#define PIECE_BYTES 1024

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

/* What stands behind the backslash for a byte that cannot stand in a string as
 * it is; 0: it can. */
static const char escapes[256] = {
    [0] = 'u',    [1] = 'u',    [2] = 'u',    [3] = 'u',     [4] = 'u',
    [5] = 'u',    [6] = 'u',    [7] = 'u',    ['\b'] = 'b',  ['\t'] = 't',
    ['\n'] = 'n', [0x0b] = 'u', ['\f'] = 'f', ['\r'] = 'r',  [0x0e] = 'u',
    [0x0f] = 'u', [0x10] = 'u', [0x11] = 'u', [0x12] = 'u',  [0x13] = 'u',
    [0x14] = 'u', [0x15] = 'u', [0x16] = 'u', [0x17] = 'u',  [0x18] = 'u',
    [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u', [0x1c] = 'u',  [0x1d] = 'u',
    [0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

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

static char *put_escape(char *at, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";

    *at++ = '\\';
    *at++ = escapes[byte];
    if (escapes[byte] == 'u') {
        *at++ = '0';
        *at++ = '0';
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    return at;
}

/* As much of a string as can be written where every byte has room for the
 * longest escape. */
static void put_piece(bx_buf *out, const char *text, size_t bytes)
{
    char *at = out->data + out->len;
    const char *end = text + bytes;

    while (text < end) {
        unsigned char byte;
        uint64_t eight;

        if (end - text >= (ptrdiff_t)sizeof(eight)) {
            memcpy(&eight, text, sizeof(eight));
            if (!has_special(eight)) {
                memcpy(at, &eight, sizeof(eight));
                at += sizeof(eight);
                text += sizeof(eight);
                continue;
            }
        }
        do {
            byte = (unsigned char)*text++;
            if (escapes[byte] == 0)
                *at++ = (char)byte;
            else
                at = put_escape(at, byte);
        } while (escapes[byte] == 0 && text < end);
    }
    out->len = (size_t)(at - out->data);
}

static int put_string(bx_buf *out, const char *text, size_t bytes)
{
    if (!bx_utf8_is_valid(text, bytes) || bx_buf_puts(out, "\"") < 0)
        return -1;
    while (bytes > 0) {
        size_t piece = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;

        if (bx_buf_reserve(out, piece * ESCAPE_MAX, SIZE_MAX) < 0)
            return -1;
        put_piece(out, text, piece);
        text += piece;
        bytes -= piece;
    }
    return bx_buf_puts(out, "\"");
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

    if (bx_buf_puts(out, "[") < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if ((i > 0 && bx_buf_puts(out, ",") < 0) ||
            put_value(out, json_array_get(array, i), depth - 1) < 0)
            return -1;
    }
    return bx_buf_puts(out, "]");
}

/* A NUL within one is not read back. */
static int put_key(bx_buf *out, const char *key, size_t bytes)
{
    if (memchr(key, '\0', bytes) != NULL || put_string(out, key, bytes) < 0)
        return -1;
    return bx_buf_puts(out, ":");
}

static int put_object(bx_buf *out, const json_t *value, unsigned depth)
{
    json_t *object = (json_t *)value;
    bool is_first = true;

    if (bx_buf_puts(out, "{") < 0)
        return -1;
    for (void *at = json_object_iter(object); at != NULL;
         at = json_object_iter_next(object, at)) {
        if ((!is_first && bx_buf_puts(out, ",") < 0) ||
            put_key(out, json_object_iter_key(at),
                    json_object_iter_key_len(at)) < 0 ||
            put_value(out, json_object_iter_value(at), depth - 1) < 0)
            return -1;
        is_first = false;
    }
    return bx_buf_puts(out, "}");
}

static int put_value(bx_buf *out, const json_t *value, unsigned depth)
{
    if (depth == 0)
        return -1;
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
