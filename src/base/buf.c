#include "base/buf.h"

#include <stdarg.h>
#include <string.h>

static int reserve(bx_buf *buf, size_t bytes)
{
    size_t need = buf->len + bytes + 1;
    size_t cap = buf->cap < 64 ? 64 : buf->cap;
    char *grown;

    if (need < bytes)
        return -1;
    if (buf->data != NULL && need <= buf->cap)
        return 0;
    while (cap < need) {
        if (cap > SIZE_MAX / 2)
            return -1;
        cap *= 2;
    }
    grown = realloc(buf->data, cap);
    if (grown == NULL)
        return -1;
    buf->data = grown;
    buf->cap = cap;
    return 0;
}

int bx_buf_append(bx_buf *buf, const void *data, size_t bytes, size_t max_bytes)
{
    if (bytes > max_bytes || buf->len > max_bytes - bytes)
        return -1;
    if (reserve(buf, bytes) < 0)
        return -1;
    if (bytes > 0)
        memcpy(buf->data + buf->len, data, bytes);
    buf->len += bytes;
    buf->data[buf->len] = '\0';
    return 0;
}

int bx_buf_puts(bx_buf *buf, const char *text)
{
    return bx_buf_append(buf, text, strlen(text), SIZE_MAX);
}

int bx_buf_printf(bx_buf *buf, const char *format, ...)
{
    va_list args;
    bx_autofree char *text = NULL;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&text, format, args);
    va_end(args);
    if (bytes < 0) {
        text = NULL;
        return -1;
    }
    return bx_buf_append(buf, text, (size_t)bytes, SIZE_MAX);
}

/* Length of the well-formed UTF-8 sequence at text, 0 when there is none
 * (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). C1 controls
 * (U+0080..U+009F) count as malformed: terminals act on them. */
static size_t utf8_length(const unsigned char *text, size_t bytes)
{
    unsigned char lead = text[0];
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (lead < 0xc2 || lead > 0xf4 || bytes < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((lead == 0xe0 && text[1] < 0xa0) || (lead == 0xed && text[1] > 0x9f) ||
        (lead == 0xf0 && text[1] < 0x90) || (lead == 0xf4 && text[1] > 0x8f) ||
        (lead == 0xc2 && text[1] < 0xa0))
        return 0;
    return len;
}

int bx_buf_put_escaped(bx_buf *buf, const char *text, size_t bytes,
                       size_t max_bytes)
{
    const unsigned char *in = (const unsigned char *)text;
    size_t end = bytes < max_bytes ? bytes : max_bytes;

    for (size_t i = 0; i < end;) {
        size_t len = in[i] >= 0x80 ? utf8_length(in + i, end - i) : 1;
        bool plain = in[i] >= 0x80
                         ? len > 0
                         : in[i] >= 0x20 && in[i] != 0x7f && in[i] != '\\';

        if (plain) {
            if (bx_buf_append(buf, in + i, len, SIZE_MAX) < 0)
                return -1;
            i += len;
        } else {
            if (bx_buf_printf(buf, "\\x%02x", in[i]) < 0)
                return -1;
            i++;
        }
    }
    return end < bytes ? bx_buf_puts(buf, "...")
                       : bx_buf_append(buf, "", 0, SIZE_MAX);
}

char *bx_buf_take(bx_buf *buf)
{
    char *text;

    if (buf->data == NULL && bx_buf_append(buf, "", 0, SIZE_MAX) < 0)
        return NULL;
    text = buf->data;
    *buf = BX_BUF_INIT;
    return text;
}

void bx_buf_clear(bx_buf *buf)
{
    free(buf->data);
    *buf = BX_BUF_INIT;
}
