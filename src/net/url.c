/* URLs from guests, redirects and people, made canonical: the text returned is
 * the one rules are matched to and the one libcurl is given. Where two parsers
 * could disagree (userinfo, backslashes, percent signs in a host, numbers that
 * are almost addresses) the URL is refused rather than repaired. */
#include "net/url.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "net/curl_api.h"
#include "net/url_host.h"

#define SHOWN_BYTES 200 /* of the text, in messages */

/* A URL cut at its punctuation; all point into one text. */
typedef struct url_parts {
    const char *scheme; /* "http" or "https", static */
    const char *host;
    size_t host_bytes;
    bool is_ipv6; /* host was in brackets, which are not in it */
    const char *port;
    size_t port_bytes; /* 0: none given */
    const char *rest;  /* from '/', '?', '#' or the end */
} url_parts;

static int refuse(bx_error **err, const char *why)
{
    bx_error_set(err, BX_ERR_INVALID, "%s", why);
    return -1;
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* ---- bytes ---------------------------------------------------------- */

/* Servers do send spaces in Location; behind the host they can only mean
 * %20. A caller's own URL with a space in it is a mistake or worse. */
static int check_bytes(const char *text, size_t bytes, bool allow_space,
                       bx_error **err)
{
    const unsigned char *in = (const unsigned char *)text;

    if (bytes > BX_URL_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%zu bytes long; at most %d are accepted", bytes,
                            BX_URL_MAX_BYTES);
    for (size_t i = 0; i < bytes;) {
        size_t len = bx_utf8_decode(text + i, bytes - i, NULL);

        if (in[i] == ' ' && !allow_space)
            return refuse(err, "a space; write it as %20");
        if (in[i] == '\\')
            return refuse(err, "a backslash; write it as %5C, or '/' if that "
                               "was meant");
        if (in[i] < 0x20 || in[i] == 0x7f)
            return bx_error_set(err, BX_ERR_INVALID,
                                "a control byte (0x%02x) at offset %zu", in[i],
                                i);
        if (len == 0)
            return bx_error_set(err, BX_ERR_INVALID, "not UTF-8 at offset %zu",
                                i);
        i += len;
    }
    return 0;
}

/* ---- absolute and relative ------------------------------------------ */

/* Bytes of a scheme and its ':' at the front, 0 when there is none. */
static size_t scheme_length(const char *text)
{
    size_t i = 0;

    if (!is_alpha(text[0]))
        return 0;
    while (is_alpha(text[i]) || is_digit(text[i]) || text[i] == '+' ||
           text[i] == '-' || text[i] == '.')
        i++;
    return text[i] == ':' ? i + 1 : 0;
}

/* RFC 3986 section 5.2.2, up to the dot segments, which go later. Returns the
 * absolute text, owned by the caller. */
static char *resolve(const char *text, const bx_url *base)
{
    bx_autobuf bx_buf joined = BX_BUF_INIT;
    size_t origin_bytes = strlen(base->text) - strlen(base->path);
    size_t path_bytes = strcspn(base->path, "?");
    size_t keep = 0; /* bytes of the base's text in front of ours */

    if (text[0] == '/' && text[1] == '/')
        keep = strlen(base->scheme) + 1;
    else if (text[0] == '/')
        keep = origin_bytes;
    else if (text[0] == '?')
        keep = origin_bytes + path_bytes;
    else if (text[0] == '#' || text[0] == '\0')
        keep = strlen(base->text);
    else {
        while (base->path[path_bytes - 1] != '/')
            path_bytes--;
        keep = origin_bytes + path_bytes;
    }
    if (bx_buf_append(&joined, base->text, keep, SIZE_MAX) < 0 ||
        bx_buf_puts(&joined, text) < 0)
        return NULL;
    return bx_buf_take(&joined);
}

static int split_port(url_parts *parts, const char *authority, size_t bytes,
                      bx_error **err)
{
    const char *colon = memchr(authority, ':', bytes);

    parts->host_bytes = colon != NULL ? (size_t)(colon - authority) : bytes;
    if (colon == NULL)
        return 0;
    parts->port = colon + 1;
    parts->port_bytes = bytes - parts->host_bytes - 1;
    for (size_t i = 0; i < parts->port_bytes; i++) {
        if (!is_digit(parts->port[i]))
            return refuse(err, "the port is not a number; an IPv6 address "
                               "needs brackets, as in http://[::1]/");
    }
    return 0;
}

static int split_authority(url_parts *parts, const char *authority,
                           size_t bytes, bx_error **err)
{
    const char *close;

    parts->host = authority;
    if (authority[0] != '[')
        return split_port(parts, authority, bytes, err);
    close = memchr(authority, ']', bytes);
    if (close == NULL)
        return refuse(err, "'[' without ']' around an IPv6 address");
    if (close + 1 < authority + bytes && close[1] != ':')
        return refuse(err, "only a port may follow the ']' of an address");
    if (split_port(parts, close, (size_t)(authority + bytes - close), err) < 0)
        return -1;
    parts->is_ipv6 = true;
    parts->host = authority + 1;
    parts->host_bytes = (size_t)(close - parts->host);
    return 0;
}

static int split(const char *text, url_parts *parts, bx_error **err)
{
    size_t scheme_bytes = scheme_length(text);
    const char *authority;
    size_t bytes;

    *parts = (url_parts){ 0 };
    if (scheme_bytes == 0)
        return refuse(err, "no scheme; an absolute http:// or https:// URL "
                           "is expected");
    if (strncasecmp(text, "http:", scheme_bytes) == 0)
        parts->scheme = "http";
    else if (strncasecmp(text, "https:", scheme_bytes) == 0)
        parts->scheme = "https";
    else
        return refuse(err, "only http and https are allowed");
    authority = text + scheme_bytes;
    if (strncmp(authority, "//", 2) != 0)
        return refuse(err, "'//' is missing behind the scheme");
    authority += 2;
    bytes = strcspn(authority, "/?#");
    parts->rest = authority + bytes;
    if (bytes == 0)
        return refuse(err, "no host");
    if (memchr(authority, ' ', bytes) != NULL)
        return refuse(err, "a space in the host");
    if (memchr(authority, '%', bytes) != NULL)
        return refuse(err, authority[0] == '['
                               ? "an IPv6 zone (%) is not accepted"
                               : "percent-encoding in the host is not "
                                 "accepted");
    return split_authority(parts, authority, bytes, err);
}

/* Userinfo is checked before anything is quoted: it may be a password. */
static bool has_userinfo(const char *text)
{
    const char *authority = text + scheme_length(text);

    if (strncmp(authority, "//", 2) != 0)
        return false;
    authority += 2;
    return memchr(authority, '@', strcspn(authority, "/?#")) != NULL;
}

static int parse_port(const url_parts *parts, uint16_t *ret_port,
                      bx_error **err)
{
    unsigned long port = 0;

    if (parts->port_bytes == 0) {
        *ret_port = strcmp(parts->scheme, "https") == 0 ? 443 : 80;
        return 0;
    }
    for (size_t i = 0; i < parts->port_bytes && port <= 65535; i++)
        port = port * 10 + (unsigned long)(parts->port[i] - '0');
    if (port == 0 || port > 65535)
        return refuse(err, "the port is not between 1 and 65535");
    *ret_port = (uint16_t)port;
    return 0;
}

/* ---- path and query -------------------------------------------------- */

/* RFC 3986 section 2.3: these mean the same with and without encoding. */
static bool is_unreserved(char c)
{
    return is_alpha(c) || is_digit(c) || strchr("-._~", c) != NULL;
}

/* One spelling for each text: what needs no encoding has none, what needs it
 * has upper-case digits, and a '%' that encodes nothing is itself encoded. */
static int put_normal(bx_buf *out, const char *text, size_t bytes)
{
    static const char encoded[] = " \"<>^`{}";

    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        bool is_encoded = c == '%' && i + 2 < bytes &&
                          hex_value(text[i + 1]) >= 0 &&
                          hex_value(text[i + 2]) >= 0;
        bool keep;

        if (is_encoded) {
            c = (unsigned char)(hex_value(text[i + 1]) << 4 |
                                hex_value(text[i + 2]));
            i += 2;
        }
        keep = is_encoded ? c != '\0' && is_unreserved((char)c)
                          : c < 0x80 && c != '%' && strchr(encoded, c) == NULL;
        if ((keep ? bx_buf_append(out, &c, 1, SIZE_MAX)
                  : bx_buf_printf(out, "%%%02X", c)) < 0)
            return -1;
    }
    return 0;
}

/* RFC 3986 section 5.2.4, in place on a path that begins with '/'. */
static void remove_dot_segments(char *path)
{
    char *out = path; /* what is before it is final */
    const char *in = path;

    while (*in == '/') {
        size_t bytes = 1 + strcspn(in + 1, "/");
        bool is_last = in[bytes] == '\0';

        if (bytes == 2 && in[1] == '.') {
            if (is_last)
                *out++ = '/';
        } else if (bytes == 3 && in[1] == '.' && in[2] == '.') {
            while (out > path && *--out != '/')
                ;
            if (is_last)
                *out++ = '/';
        } else {
            memmove(out, in, bytes);
            out += bytes;
        }
        in += bytes;
    }
    *out = '\0';
}

static char *canonical_path(const char *rest, bx_error **err)
{
    size_t path_bytes = strcspn(rest, "?#");
    const char *query = rest + path_bytes;
    bx_autobuf bx_buf out = BX_BUF_INIT;
    int result = bx_buf_puts(&out, path_bytes == 0 ? "/" : "");

    if (result == 0)
        result = put_normal(&out, rest, path_bytes);
    if (result == 0) {
        remove_dot_segments(out.data);
        out.len = strlen(out.data);
    }
    if (result == 0 && query[0] == '?' && strcspn(query + 1, "#") > 0) {
        result = bx_buf_puts(&out, "?");
        if (result == 0)
            result = put_normal(&out, query + 1, strcspn(query + 1, "#"));
    }
    if (result < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return bx_buf_take(&out);
}

/* ---- the whole ------------------------------------------------------- */

static int format_text(bx_url *url, bx_error **err)
{
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    bool is_default =
        url->port == (strcmp(url->scheme, "https") == 0 ? 443 : 80);
    char port[8] = "";

    if (!is_default)
        snprintf(port, sizeof(port), ":%u", (unsigned)url->port);
    if (asprintf(&url->text, "%s://%s%s%s%s%s", url->scheme, is_ipv6 ? "[" : "",
                 url->host, is_ipv6 ? "]" : "", port, url->path) < 0) {
        url->text = NULL;
        return bx_error_set_nomem(err);
    }
    if (strlen(url->text) > BX_URL_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "longer than %d bytes once encoded",
                            BX_URL_MAX_BYTES);
    return 0;
}

static bool part_is(const bx_curl_api *curl, CURLU *handle, CURLUPart part,
                    const char *expected, size_t bytes)
{
    char *found = NULL;
    bool same = false;

    if (curl->url_get(handle, part, &found, CURLU_DEFAULT_PORT) == CURLUE_OK)
        same = strlen(found) == bytes && memcmp(found, expected, bytes) == 0;
    else
        same = bytes == 0;
    curl->free(found);
    return same;
}

/* libcurl must read the canonical text as we do, or it is not sent. */
static int check_agreement(const bx_url *url, bx_error **err)
{
    const bx_curl_api *curl = bx_curl_load(err);
    size_t path_bytes = strcspn(url->path, "?");
    const char *query = url->path + path_bytes;
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    char port[8];
    char host[BX_URL_HOST_MAX_BYTES + 3];
    CURLU *handle;
    bool same;

    if (curl == NULL)
        return -1;
    handle = curl->url();
    if (handle == NULL)
        return bx_error_set_nomem(err);
    snprintf(port, sizeof(port), "%u", (unsigned)url->port);
    snprintf(host, sizeof(host), is_ipv6 ? "[%s]" : "%s", url->host);
    same =
        curl->url_set(handle, CURLUPART_URL, url->text, 0) == CURLUE_OK &&
        part_is(curl, handle, CURLUPART_SCHEME, url->scheme,
                strlen(url->scheme)) &&
        part_is(curl, handle, CURLUPART_HOST, host, strlen(host)) &&
        part_is(curl, handle, CURLUPART_PORT, port, strlen(port)) &&
        part_is(curl, handle, CURLUPART_PATH, url->path, path_bytes) &&
        part_is(curl, handle, CURLUPART_QUERY, *query == '?' ? query + 1 : "",
                *query == '?' ? strlen(query + 1) : 0) &&
        part_is(curl, handle, CURLUPART_USER, "", 0) &&
        part_is(curl, handle, CURLUPART_FRAGMENT, "", 0);
    curl->url_cleanup(handle);
    return same ? 0 : refuse(err, "ambiguous: libcurl reads it differently");
}

static bx_url *parse_absolute(const char *text, bx_error **err)
{
    bx_autourl bx_url *url = NULL;
    url_parts parts;

    if (split(text, &parts, err) < 0)
        return NULL;
    url = calloc(1, sizeof(*url));
    if (url != NULL)
        url->scheme = strdup(parts.scheme);
    if (url == NULL || url->scheme == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (parse_port(&parts, &url->port, err) < 0)
        return NULL;
    url->host =
        bx_url_host_parse(parts.host, parts.host_bytes, parts.is_ipv6, err);
    if (url->host == NULL)
        return NULL;
    url->path = canonical_path(parts.rest, err);
    if (url->path == NULL || format_text(url, err) < 0 ||
        check_agreement(url, err) < 0)
        return NULL;
    return bx_take(url);
}

static bx_url *parse(const char *text, size_t bytes, const bx_url *base,
                     bx_error **err)
{
    bx_autofree char *copy = NULL;
    bx_autofree char *joined = NULL;

    if (check_bytes(text, bytes, base != NULL, err) < 0)
        return NULL;
    copy = strndup(text, bytes);
    if (copy == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (base == NULL || scheme_length(copy) > 0)
        return parse_absolute(copy, err);
    joined = resolve(copy, base);
    if (joined == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return parse_absolute(joined, err);
}

bx_url *bx_url_parse(const char *text, size_t bytes, const bx_url *base,
                     bx_error **err)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    bx_url *url;

    if (bytes <= BX_URL_MAX_BYTES) {
        bx_autofree char *copy = strndup(text, bytes);

        if (copy != NULL && has_userinfo(copy)) {
            refuse(err, "URL with userinfo ('user:password@'): refused; send "
                        "an Authorization header instead");
            return NULL;
        }
    }
    url = parse(text, bytes, base, err);
    if (url == NULL &&
        bx_buf_put_escaped(&shown, text, bytes, SHOWN_BYTES) == 0)
        bx_error_wrap(err, "URL '%s'", shown.data);
    return url;
}

void bx_url_free(bx_url *url)
{
    if (url == NULL)
        return;
    free(url->text);
    free(url->scheme);
    free(url->host);
    free(url->path);
    free(url);
}
