#include "policy/text.h"

#include <string.h>

#include "base/buf.h"

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
