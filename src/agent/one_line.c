#include "agent/one_line.h"

#include "base/buf.h"
#include "base/utf8.h"

static bool is_space(uint32_t point)
{
    return point == ' ' || (point >= '\t' && point <= '\r') || point == 0x85 ||
           point == 0x2028 || point == 0x2029;
}

/* Controls, the marks that reorder what people see, and tags, which models read
 * and nobody sees (Unicode 15, chapters 23.2 and 23.9). The joiners stay:
 * scripts and emoji need them. */
static bool is_hidden(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point <= 0x9f) ||
           point == 0x200b || point == 0x200e || point == 0x200f ||
           point == 0x061c || (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
           (point >= 0xe0000 && point <= 0xe0fff);
}

char *bx_one_line(const char *text, size_t bytes, size_t max_bytes,
                  bool *ret_is_plain)
{
    bx_autobuf bx_buf line = BX_BUF_INIT;
    bool is_plain = true;
    bool is_gap = false;

    if (bx_buf_puts(&line, "") < 0)
        return NULL;
    for (size_t i = 0; i < bytes;) {
        uint32_t point = 0;
        size_t len = bx_utf8_decode(text + i, bytes - i, &point);
        const char *piece = text + i;
        size_t piece_bytes = len;

        i += len == 0 ? 1 : len;
        if (len != 0 && is_space(point)) {
            is_gap = line.len > 0;
            continue;
        }
        if (len == 0 || is_hidden(point)) {
            is_plain = false;
            piece = "\xef\xbf\xbd";
            piece_bytes = 3;
        }
        /* Room for the dots is kept until the end. */
        if (line.len + (is_gap ? 1 : 0) + piece_bytes + 3 > max_bytes) {
            if (bx_buf_puts(&line, "...") < 0)
                return NULL;
            break;
        }
        if ((is_gap && bx_buf_puts(&line, " ") < 0) ||
            bx_buf_append(&line, piece, piece_bytes, SIZE_MAX) < 0)
            return NULL;
        is_gap = false;
    }
    if (ret_is_plain != NULL)
        *ret_is_plain = is_plain;
    return bx_buf_take(&line);
}
