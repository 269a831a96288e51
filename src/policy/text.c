#include "policy/text.h"

#include <string.h>

#include "base/buf.h"

size_t bx_text_point(const char *text, size_t bytes, uint32_t *ret_point)
{
    /* Least code point of a sequence of that length: less is overlong. */
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

bool bx_text_is_utf8(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        size_t len = bx_text_point(text + i, bytes - i, NULL);

        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

bool bx_text_has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

char *bx_text_show(const char *text)
{
    bx_autobuf bx_buf buf = BX_BUF_INIT;

    if (bx_buf_puts(&buf, "'") < 0 ||
        bx_buf_put_escaped(&buf, text, strlen(text), 120) < 0 ||
        bx_buf_puts(&buf, "'") < 0)
        return NULL;
    return bx_buf_take(&buf);
}

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned bx_text_distance(const char *left, const char *right)
{
    /* Optimal string alignment, a row for each byte of left. */
    unsigned rows[3][64];
    size_t left_len = strlen(left);
    size_t right_len = strlen(right);

    if (left_len > 63 || right_len > 63)
        return 255;
    for (size_t j = 0; j <= right_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= left_len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *above2 = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= right_len; j++) {
            unsigned same = left[i - 1] == right[j - 1] ? 0 : 1;

            row[j] = least_of(above[j - 1] + same,
                              least_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] &&
                left[i - 2] == right[j - 1])
                row[j] = least_of(row[j], above2[j - 2] + 1);
        }
    }
    return rows[left_len % 3][right_len];
}
