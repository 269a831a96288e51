#include "base/utf8.h"

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

bool bx_utf8_is_valid(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        size_t len = (unsigned char)text[i] < 0x80
                         ? 1
                         : bx_utf8_decode(text + i, bytes - i, NULL);

        if (len == 0)
            return false;
        i += len;
    }
    return true;
}
