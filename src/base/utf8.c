#include "base/utf8.h"

#include <string.h>

size_t bx_utf8_decode(const char *text, size_t bytes, uint32_t *ret_point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *in = (const unsigned char *)text;
    uint32_t point;
    size_t len;

    if (bytes == 0)
        return 0;
    if (in[0] < 0x80) {
        if (ret_point != NULL)
            *ret_point = in[0];
        return 1;
    }
    len = in[0] >= 0xf0 ? 4 : in[0] >= 0xe0 ? 3 : 2;
    if (in[0] < 0xc2 || in[0] > 0xf4 || bytes < len)
        return 0;
    point = in[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((in[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (in[i] & 0x3f);
    }
    if (point < least[len] || point > 0x10ffff ||
        (point >= 0xd800 && point <= 0xdfff))
        return 0;
    if (ret_point != NULL)
        *ret_point = point;
    return len;
}

size_t bx_utf8_span(const char *text, size_t bytes)
{
    const uint64_t high_bits = 0x8080808080808080u;
    size_t at = 0;

    while (at < bytes) {
        uint64_t eight;
        size_t len;

        /* Most text is ASCII: eight bytes at a time. */
        while (bytes - at >= sizeof(eight)) {
            memcpy(&eight, text + at, sizeof(eight));
            if ((eight & high_bits) != 0)
                break;
            at += sizeof(eight);
        }
        len = bx_utf8_decode(text + at, bytes - at, NULL);
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

bool bx_utf8_is_valid(const char *text, size_t bytes)
{
    return bx_utf8_span(text, bytes) == bytes;
}
