#include "tool/call_text.h"

#include "base/utf8.h"

json_t *bx_text_json(const char *text, size_t bytes, bool *ret_is_replaced)
{
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    bx_autobuf bx_buf fixed = BX_BUF_INIT;
    size_t done = 0;

    if (ret_is_replaced != NULL)
        *ret_is_replaced = false;
    for (size_t i = 0; i < bytes;) {
        size_t len = bx_utf8_decode(text + i, bytes - i, NULL);

        if (len > 0) {
            i += len;
            continue;
        }
        if (bx_buf_append(&fixed, text + done, i - done, SIZE_MAX) < 0 ||
            bx_buf_puts(&fixed, replacement) < 0)
            return NULL;
        done = ++i;
    }
    if (done == 0)
        return json_stringn_nocheck(text, bytes);
    if (bx_buf_append(&fixed, text + done, bytes - done, SIZE_MAX) < 0)
        return NULL;
    if (ret_is_replaced != NULL)
        *ret_is_replaced = true;
    return json_stringn_nocheck(fixed.data, fixed.len);
}
