/* Text as libyaml reads it back. */
#include "policy/yaml_text.h"

#include <string.h>

#include "base/utf8.h"

/* Code points that libyaml does not take raw in a quoted scalar, or folds:
 * controls, line and paragraph separators, byte order marks, surrogates and
 * non-characters (YAML 1.1 section 5.1). */
static bool is_raw_in_yaml(uint32_t point)
{
    if (point < 0x80)
        return point >= 0x20 && point != 0x7f && point != '"' && point != '\\';
    return point >= 0xa0 && point != 0x2028 && point != 0x2029 &&
           point != 0xfeff && (point & 0xfffe) != 0xfffe;
}

int bx_yaml_put_quoted(bx_buf *out, const char *text)
{
    size_t bytes = strlen(text);
    int status = bx_buf_puts(out, "\"");

    for (size_t i = 0; i < bytes && status == 0;) {
        uint32_t point = 0;
        size_t len = bx_utf8_decode(text + i, bytes - i, &point);

        if (len == 0)
            return -1;
        if (is_raw_in_yaml(point))
            status = bx_buf_append(out, text + i, len, SIZE_MAX);
        else if (point == '"' || point == '\\')
            status = bx_buf_printf(out, "\\%c", (char)point);
        else if (point == '\n')
            status = bx_buf_puts(out, "\\n");
        else
            status = bx_buf_printf(out, point > 0xffff ? "\\U%08x" : "\\u%04x",
                                   point);
        i += len;
    }
    return status < 0 ? -1 : bx_buf_puts(out, "\"");
}
