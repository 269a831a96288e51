#include "tool/manifest_text.h"

#include <string.h>

#include "base/utf8.h"
#include "tool/manifest.h"

bool bx_tool_name_is_valid(const char *name)
{
    size_t length = strlen(name);

    return length >= 1 && length <= BX_TOOL_NAME_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz"
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

/* A model reads what a person approving the tool does not see: bidirectional
 * overrides, tag characters, and variation selectors past those of emoji. */
static bool is_hidden(uint32_t point)
{
    return (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069) || point == 0x200b ||
           point == 0xfeff || (point >= 0xe0000 && point <= 0xe0fff);
}

static bool is_control(uint32_t point, bool is_one_line)
{
    if (point == '\n' || point == '\t')
        return is_one_line;
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
           point == 0x2029;
}

int bx_manifest_check_text(const char *text, size_t max_bytes, bool is_one_line,
                           bx_error **err)
{
    size_t bytes = strlen(text);

    if (strspn(text, " \t\n") == bytes)
        return bx_error_set(err, BX_ERR_INVALID, "empty; expected text");
    if (bytes > max_bytes)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%zu bytes; expected at most %zu", bytes,
                            max_bytes);
    for (size_t i = 0; i < bytes;) {
        uint32_t point;
        size_t length = bx_utf8_decode(text + i, bytes - i, &point);

        if (length == 0)
            return bx_error_set(err, BX_ERR_INVALID, "not UTF-8 at byte %zu",
                                i);
        if (is_control(point, is_one_line))
            return bx_error_set(err, BX_ERR_INVALID,
                                "a control character (U+%04X) at byte %zu; "
                                "expected %s",
                                (unsigned)point, i,
                                is_one_line ? "one line of text"
                                            : "lines of text");
        if (is_hidden(point))
            return bx_error_set(err, BX_ERR_INVALID,
                                "a character that is not shown (U+%04X) at "
                                "byte %zu; expected text that shows all it "
                                "says",
                                (unsigned)point, i);
        i += length;
    }
    return 0;
}

int bx_manifest_put_clean(bx_buf *buf, const char *text, size_t bytes,
                          size_t max_bytes, bool is_one_line)
{
    for (size_t i = 0; i < bytes;) {
        uint32_t point;
        size_t length = bx_utf8_decode(text + i, bytes - i, &point);

        if (length > 0 && !is_control(point, is_one_line) &&
            !is_hidden(point) &&
            bx_buf_append(buf, text + i, length, max_bytes) < 0)
            return buf->len + length > max_bytes ? 0 : -1;
        i += length > 0 ? length : 1;
    }
    return 0;
}
