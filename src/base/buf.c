#include "base/buf.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

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

int bx_buf_reserve(bx_buf *buf, size_t bytes, size_t max_bytes)
{
    if (bytes > max_bytes || buf->len > max_bytes - bytes)
        return -1;
    return reserve(buf, bytes);
}

int bx_buf_append(bx_buf *buf, const void *data, size_t bytes, size_t max_bytes)
{
    if (bx_buf_reserve(buf, bytes, max_bytes) < 0)
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

/* Not seen, or seen elsewhere than where it stands: zero-width, separators of
 * lines, marks and overrides of direction, fillers, tags (Unicode 15, chapters
 * 18.6, 23.2 and 23.9). The joiners stay: scripts and emoji need them. */
static bool is_hidden(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x00ad, 0x00ad },   { 0x034f, 0x034f }, { 0x061c, 0x061c },
        { 0x115f, 0x1160 },   { 0x17b4, 0x17b5 }, { 0x180b, 0x180f },
        { 0x200b, 0x200b },   { 0x200e, 0x200f }, { 0x2028, 0x202e },
        { 0x2060, 0x206f },   { 0x3164, 0x3164 }, { 0xfeff, 0xfeff },
        { 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb }, { 0x1d173, 0x1d17a },
        { 0xe0000, 0xe0fff },
    };

    if (point < ranges[0].first)
        return false;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* Length of what may be shown as it is at text, 0 for a byte to escape. C1
 * controls (U+0080..U+009F) are escaped too: terminals act on them. */
static size_t plain_length(const char *text, size_t bytes)
{
    uint32_t point;
    size_t len = bx_utf8_decode(text, bytes, &point);

    if (len == 0 || point < 0x20 || point == '\\' ||
        (point >= 0x7f && point < 0xa0) || is_hidden(point))
        return 0;
    return len;
}

int bx_buf_put_escaped(bx_buf *buf, const char *text, size_t bytes,
                       size_t max_bytes)
{
    size_t end = bytes < max_bytes ? bytes : max_bytes;

    for (size_t i = 0; i < end;) {
        size_t len = plain_length(text + i, end - i);
        int failed =
            len > 0 ? bx_buf_append(buf, text + i, len, SIZE_MAX)
                    : bx_buf_printf(buf, "\\x%02x", (unsigned char)text[i]);

        if (failed < 0)
            return -1;
        i += len > 0 ? len : 1;
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
