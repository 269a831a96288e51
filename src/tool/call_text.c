#include "tool/call_text.h"

#include <string.h>

#include "base/utf8.h"

json_t *bx_text_json(const char *text, size_t bytes, bool *ret_is_replaced)
{
    static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
    bx_autobuf bx_buf fixed = BX_BUF_INIT;
    size_t good = bx_utf8_span(text, bytes);

    if (ret_is_replaced != NULL)
        *ret_is_replaced = good < bytes;
    if (good == bytes)
        return json_stringn_nocheck(bytes == 0 ? "" : text, bytes);
    while (good < bytes) {
        if (bx_buf_append(&fixed, text, good, SIZE_MAX) < 0 ||
            bx_buf_puts(&fixed, replacement) < 0)
            return NULL;
        text += good + 1;
        bytes -= good + 1;
        good = bx_utf8_span(text, bytes);
    }
    if (bx_buf_append(&fixed, text, bytes, SIZE_MAX) < 0)
        return NULL;
    return json_stringn_nocheck(fixed.data, fixed.len);
}

bool bx_text_is_readable(const char *text, size_t bytes)
{
    bool is_string = false;
    size_t values = 0;

    if (bytes <= BX_TEXT_MAX_VALUES)
        return true; /* a value has a byte of its own at least */
    for (size_t i = 0; i < bytes; i++) {
        char letter = text[i];

        if (letter == '"')
            is_string = !is_string;
        else if (letter == '\\' && is_string)
            i++;
        else if (!is_string &&
                 (letter == '{' || letter == '[' || letter == ',') &&
                 ++values > BX_TEXT_MAX_VALUES)
            return false;
    }
    return true;
}

/* ---- one long string at the begin of an object ----------------------- */

/* What a byte behind a backslash stands for; 0: \u, or no escape at all. */
static char unescape(char letter)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *at = letter == '\0' ? NULL : strchr(from, letter);

    return at == NULL ? '\0' : to[at - from];
}

/* The string that begins at text, behind its quote; ret_end is behind the
 * closing one. NULL for what is left to the general reader: \u, a control
 * byte, no end. */
static json_t *read_string(const char *text, const char *end,
                           const char **ret_end)
{
    bx_autofree char *plain = malloc((size_t)(end - text) + 1);
    size_t len = 0;

    if (plain == NULL)
        return NULL;
    for (; text < end && *text != '"'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte < 0x20)
            return NULL;
        if (byte == '\\') {
            if (++text == end)
                return NULL;
            byte = (unsigned char)unescape(*text);
            if (byte == 0)
                return NULL;
        }
        plain[len++] = (char)byte;
    }
    if (text == end || !bx_utf8_is_valid(plain, len))
        return NULL;
    *ret_end = text + 1;
    return json_stringn_nocheck(plain, len);
}

/* The members behind the first, as an object of their own. */
static json_t *read_rest(const char *text, const char *end, int flags)
{
    bx_autobuf bx_buf rest = BX_BUF_INIT;

    if (text == end || (*text != ',' && *text != '}'))
        return NULL;
    if (*text == ',') {
        text++;
        /* {"a": "",} is no JSON, and {} would be. */
        text += strspn(text, " \t\r\n");
        if (text >= end || *text != '"')
            return NULL;
    }
    if (bx_buf_puts(&rest, "{") < 0 ||
        bx_buf_append(&rest, text, (size_t)(end - text), SIZE_MAX) < 0)
        return NULL;
    return json_loadb(rest.data, rest.len, flags, NULL);
}

json_t *bx_text_load(const char *text, size_t bytes)
{
    static const char begin[] = "{\"content\":";
    const int flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    const char *end = text + bytes;
    const char *at = text + sizeof(begin) - 1;
    json_t *content = NULL;
    json_t *root = NULL;

    if (!bx_text_is_readable(text, bytes))
        return NULL;
    if (bytes > sizeof(begin) && memcmp(text, begin, sizeof(begin) - 1) == 0) {
        at += strspn(at, " \t\r\n");
        if (at < end && *at == '"')
            content = read_string(at + 1, end, &at);
    }
    if (content != NULL)
        root = read_rest(at, end, flags);
    if (root != NULL && json_object_get(root, "content") == NULL &&
        json_object_set(root, "content", content) == 0) {
        json_decref(content);
        return root;
    }
    json_decref(content);
    json_decref(root);
    return json_loadb(text, bytes, flags, NULL);
}
