#include "mcp/uri.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* RFC 3986 section 2.1. What is escaped is never a separator: "%2F" would be
 * one path to whoever checks it and another to whoever opens it. */
static int unescape(const char *text, bx_buf *path, bx_error **err)
{
    for (; *text != '\0'; text++) {
        char byte = *text;

        if (byte == '%') {
            int high = hex_value(text[1]);
            int low = high < 0 ? -1 : hex_value(text[2]);

            if (low < 0)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "expected two hexadecimal digits behind "
                                    "'%%'");
            byte = (char)(high * 16 + low);
            if (byte == '/' || byte == '\0')
                return bx_error_set(err, BX_ERR_INVALID,
                                    "an escaped '/' or NUL cannot be part of "
                                    "a name");
            text += 2;
        } else if (byte == '?' || byte == '#') {
            return bx_error_set(err, BX_ERR_INVALID,
                                "no query and no fragment; in a name, '?' is "
                                "%%3F and '#' is %%23");
        }
        if (bx_buf_append(path, &byte, 1, SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* Canonical or refused: nothing is resolved here. */
static int check_names(const char *path, bx_error **err)
{
    while (*path != '\0') {
        size_t bytes = strcspn(path + 1, "/");

        if (bytes == 0 && path[1] != '\0')
            return bx_error_set(err, BX_ERR_INVALID, "an empty name");
        if ((bytes == 1 && path[1] == '.') ||
            (bytes == 2 && path[1] == '.' && path[2] == '.'))
            return bx_error_set(err, BX_ERR_INVALID,
                                "'.' and '..' are not resolved");
        path += 1 + bytes;
    }
    return 0;
}

static int parse(const char *uri, bx_buf *path, bx_error **err)
{
    size_t scheme = strlen(BX_URI_SCHEME);

    if (strlen(uri) > BX_URI_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID, "longer than %d bytes",
                            BX_URI_MAX_BYTES);
    if (strncmp(uri, BX_URI_SCHEME "/", scheme + 1) != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "expected " BX_URI_SCHEME "/PATH");
    if (bx_buf_puts(path, "/") < 0)
        return bx_error_set_nomem(err);
    if (unescape(uri + scheme + 1, path, err) < 0)
        return -1;
    if (!bx_utf8_is_valid(path->data, path->len))
        return bx_error_set(err, BX_ERR_INVALID, "the path is not UTF-8");
    while (path->len > 1 && path->data[path->len - 1] == '/')
        path->data[--path->len] = '\0';
    return check_names(path->data, err);
}

char *bx_uri_parse(const char *uri, bx_error **err)
{
    bx_autobuf bx_buf path = BX_BUF_INIT;
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (parse(uri, &path, err) == 0)
        return bx_buf_take(&path);
    if (bx_buf_put_escaped(&shown, uri, strlen(uri), 256) == 0)
        bx_error_wrap(err, "resource '%s'", shown.data);
    return NULL;
}

/* RFC 3986 section 2.3: unreserved, and '/' between names. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || strchr("-._~/", c) != NULL;
}

char *bx_uri_format(const char *guest_path)
{
    bx_autobuf bx_buf uri = BX_BUF_INIT;

    if (bx_buf_puts(&uri, BX_URI_SCHEME) < 0)
        return NULL;
    for (; *guest_path != '\0'; guest_path++) {
        if (is_plain(*guest_path)
                ? bx_buf_append(&uri, guest_path, 1, SIZE_MAX) < 0
                : bx_buf_printf(&uri, "%%%02X", (unsigned char)*guest_path) < 0)
            return NULL;
    }
    return bx_buf_take(&uri);
}
