/* block-url. The URL is hostile and its path may be spelled in many ways, so a
 * pattern is held against each of its forms; matching more than was meant is
 * the safe side here. */
#include "policy/url_pattern.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "policy/host_name.h"
#include "policy/network.h"
#include "policy/text.h"

#define MAX_BYTES 2048
#define MAX_DECODES 4 /* %2525252541 is decoded this often, then refused */
#define MAX_FORMS (2 * (MAX_DECODES + 1))

struct bx_url_pattern {
    char *text;
    const char *scheme; /* static; NULL: both */
    bool has_port;
    char *glob; /* host[:port][/path], lower-case host */
    size_t glob_bytes;
    char *decoded_glob; /* percent-decoded; may hold NUL bytes */
    size_t decoded_bytes;
};

typedef struct form {
    char *subject; /* host:port/path, may hold NUL bytes */
    size_t bytes;
} form;

struct bx_url_forms {
    bool is_https;
    bool is_too_deep;
    char *host;
    char *host_port;
    form plain[MAX_FORMS];     /* host/path */
    form with_port[MAX_FORMS]; /* host:port/path */
    size_t count;
};

void bx_url_pattern_free(bx_url_pattern *pattern)
{
    if (pattern == NULL)
        return;
    free(pattern->text);
    free(pattern->glob);
    free(pattern->decoded_glob);
    free(pattern);
}

const char *bx_url_pattern_text(const bx_url_pattern *pattern)
{
    return pattern->text;
}

/* ---- percent-encoding ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; a '%' without two digits stays. Returns the new length. */
static size_t percent_decode(char *text, size_t bytes)
{
    size_t out = 0;

    for (size_t i = 0; i < bytes; i++) {
        int high =
            i + 2 < bytes && text[i] == '%' ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;

        if (low >= 0) {
            text[out++] = (char)(high << 4 | low);
            i += 2;
        } else {
            text[out++] = text[i];
        }
    }
    text[out] = '\0';
    return out;
}

/* ---- parsing ---- */

static int refuse(bx_error **err, const char *why)
{
    return bx_error_set(err, BX_ERR_INVALID, "%s", why);
}

static int parse_scheme(bx_url_pattern *pattern, char **rest, bx_error **err)
{
    char *colon = strstr(*rest, "://");
    size_t len;

    if (colon == NULL || strcspn(*rest, "/?") < (size_t)(colon - *rest))
        return 0;
    len = (size_t)(colon - *rest);
    if (len == 4 && strncasecmp(*rest, "http", 4) == 0)
        pattern->scheme = "http";
    else if (len == 5 && strncasecmp(*rest, "https", 5) == 0)
        pattern->scheme = "https";
    else if (len != 1 || **rest != '*')
        return refuse(err, "has a scheme that is not http, https or *");
    *rest = colon + 3;
    return 0;
}

/* Cut the port off authority; ret_port 0 for none or "*". */
static int cut_port(char *authority, unsigned *ret_port, bx_error **err)
{
    char *bracket = strchr(authority, ']');
    char *colon = strchr(bracket != NULL ? bracket : authority, ':');
    unsigned long port;

    *ret_port = 0;
    if (bracket != NULL && bracket[1] != '\0' && bracket[1] != ':')
        return refuse(err, "has text behind ']' that is not a port");
    if (colon == NULL)
        return 0;
    if (strchr(colon + 1, ':') != NULL)
        return refuse(err, "has an IPv6 address without brackets, or two "
                           "ports");
    *colon = '\0';
    if (strcmp(colon + 1, "*") == 0)
        return 0;
    port = strspn(colon + 1, "0123456789") == strlen(colon + 1)
               ? strtoul(colon + 1, NULL, 10)
               : 0;
    if (port == 0 || port > UINT16_MAX || colon[1] == '0')
        return refuse(err, "has a port that is not 1 to 65535 or *");
    *ret_port = (unsigned)port;
    return 0;
}

/* A host with '*' in it: what can stand in a canonical host, lower-cased. */
static int check_host_glob(char *host, bx_error **err)
{
    size_t len = strlen(host);

    for (size_t i = 0; i < len; i++) {
        char c = host[i];

        if (c >= 'A' && c <= 'Z')
            host[i] = (char)(c - 'A' + 'a');
        else if ((unsigned char)c >= 0x80)
            return refuse(err, "is not ASCII: write the name in its xn-- "
                               "form");
        else if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
                 strchr("-_.*:[]", c) == NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "has '%c', which no host has", c);
    }
    if (strstr(host, "..") != NULL)
        return refuse(err, "has an empty label");
    if (len > 1 && host[len - 1] == '.')
        host[len - 1] = '\0';
    return 0;
}

static int put_host(bx_buf *glob, char *host, bx_error **err)
{
    bx_address address;
    char canonical[46];
    size_t len = strlen(host);

    if (len == 0)
        return refuse(err, "has no host (for every host write */path)");
    if (strchr(host, '*') != NULL) {
        if (check_host_glob(host, err) < 0)
            return -1;
        return bx_buf_puts(glob, host) < 0 ? bx_error_set_nomem(err) : 0;
    }
    if (host[0] == '[') {
        host[len - 1] = '\0';
        if (len < 3 || strchr(host, ':') == NULL ||
            !bx_address_parse(host + 1, &address))
            return refuse(err, "has brackets around what is not an IPv6 "
                               "address");
        host++;
    }
    if (bx_address_parse(host, &address)) {
        bx_address_format(&address, canonical);
        if (bx_buf_printf(glob, strchr(canonical, ':') ? "[%s]" : "%s",
                          canonical) < 0)
            return bx_error_set_nomem(err);
        return 0;
    }
    if (bx_host_name_check(host, err) < 0)
        return -1;
    return bx_buf_puts(glob, host) < 0 ? bx_error_set_nomem(err) : 0;
}

static int check_authority(const char *authority, bx_error **err)
{
    const char *open = strchr(authority, '[');
    const char *close = strchr(authority, ']');

    if (strchr(authority, '@') != NULL)
        return refuse(err, "has a user name or password");
    if ((open == NULL) != (close == NULL) ||
        (open != NULL && (open != authority || close < open)))
        return refuse(err, "has brackets that do not enclose an IPv6 address");
    return 0;
}

static int check_path(const char *path, bx_error **err)
{
    size_t end = strcspn(path, "?");

    for (size_t i = 0; i < end; i++) {
        size_t len;

        if (path[i] != '/')
            continue;
        len = strcspn(path + i + 1, "/?");
        if ((len == 1 && path[i + 1] == '.') ||
            (len == 2 && path[i + 1] == '.' && path[i + 2] == '.'))
            return refuse(err, "has a '.' or '..' in its path, which no "
                               "canonical URL has");
    }
    return 0;
}

static int parse(bx_url_pattern *pattern, char *rest, bx_error **err)
{
    bx_autobuf bx_buf glob = BX_BUF_INIT;
    bx_autofree char *authority = NULL;
    char *path;
    unsigned port;

    if (bx_text_has_control(rest) || strchr(rest, ' ') != NULL)
        return refuse(err, "has a space or control byte");
    if (strchr(rest, '\\') != NULL)
        return refuse(err, "has a backslash");
    if (strchr(rest, '#') != NULL)
        return refuse(err, "has a fragment, which is never sent");
    if (parse_scheme(pattern, &rest, err) < 0)
        return -1;
    path = rest + strcspn(rest, "/?");
    authority = strndup(rest, (size_t)(path - rest));
    if (authority == NULL)
        return bx_error_set_nomem(err);
    if (check_authority(authority, err) < 0 ||
        cut_port(authority, &port, err) < 0 ||
        put_host(&glob, authority, err) < 0 || check_path(path, err) < 0)
        return -1;
    pattern->has_port = port != 0;
    if ((port != 0 && bx_buf_printf(&glob, ":%u", port) < 0) ||
        (path[0] == '?' && bx_buf_puts(&glob, "/") < 0) ||
        bx_buf_puts(&glob, path) < 0)
        return bx_error_set_nomem(err);

    pattern->glob_bytes = glob.len;
    pattern->glob = bx_buf_take(&glob);
    if (pattern->glob == NULL)
        return bx_error_set_nomem(err);
    pattern->decoded_glob = strdup(pattern->glob);
    if (pattern->decoded_glob == NULL ||
        asprintf(&pattern->text, "%s%s%s",
                 pattern->scheme != NULL ? pattern->scheme : "",
                 pattern->scheme != NULL ? "://" : "", pattern->glob) < 0) {
        pattern->text = NULL;
        return bx_error_set_nomem(err);
    }
    if (strlen(pattern->text) > MAX_BYTES) /* what is taken is taken again */
        return refuse(err, "is longer than 2048 bytes");
    pattern->decoded_bytes =
        percent_decode(pattern->decoded_glob, pattern->glob_bytes);
    return 0;
}

bx_url_pattern *bx_url_pattern_parse(const char *text, bx_error **err)
{
    __attribute__((cleanup(bx_url_pattern_freep))) bx_url_pattern *pattern =
        calloc(1, sizeof(*pattern));
    bx_autoerror bx_error *why = NULL;
    bx_autofree char *shown = bx_text_show(text);
    bx_autofree char *copy = strdup(text);
    int status;

    if (pattern == NULL || copy == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    if (strlen(text) > MAX_BYTES)
        status = refuse(&why, "is longer than 2048 bytes");
    else if (!bx_utf8_is_valid(text, strlen(text)))
        status = refuse(&why, "is not UTF-8");
    else
        status = parse(pattern, copy, &why);
    if (status < 0 && bx_error_code(why) != BX_ERR_INVALID) {
        if (err != NULL) /* the host's own failure says nothing of the text */
            *err = bx_take(why);
        return NULL;
    }
    if (status < 0) {
        (void)bx_error_set(err, bx_error_code(why),
                           "%s %s; expected [scheme://]host[/path] with '*' "
                           "for any run of characters, such as "
                           "ads.example.com or *.example.com/track/*",
                           BX_SHOWN(shown), bx_error_message(why));
        return NULL;
    }
    return bx_take(pattern);
}

/* ---- forms ---- */

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* Before the '?': doubled slashes, "." and ".." removed, '\' is '/'. out holds
 * bytes + 2: a path may lack its first '/'. Returns the new length. */
static size_t normalise(const char *path, size_t bytes, char *out)
{
    size_t len = 0;
    size_t i = 0;

    while (i < bytes && path[i] != '?') {
        size_t start;
        size_t part;

        while (i < bytes && is_slash(path[i]))
            i++;
        start = i;
        while (i < bytes && !is_slash(path[i]) && path[i] != '?')
            i++;
        part = i - start;
        if (part == 2 && path[start] == '.' && path[start + 1] == '.') {
            while (len > 0 && out[--len] != '/')
                ;
        } else if (part > 0 && !(part == 1 && path[start] == '.')) {
            out[len++] = '/';
            memcpy(out + len, path + start, part);
            len += part;
        }
    }
    if (len == 0 || (i > 0 && is_slash(path[i - 1])))
        out[len++] = '/';
    memcpy(out + len, path + i, bytes - i);
    len += bytes - i;
    out[len] = '\0';
    return len;
}

static int put_form(form *ret_form, const char *head, const char *path,
                    size_t bytes)
{
    bx_autobuf bx_buf subject = BX_BUF_INIT;

    if (bx_buf_puts(&subject, head) < 0 ||
        bx_buf_append(&subject, path, bytes, SIZE_MAX) < 0)
        return -1;
    ret_form->bytes = subject.len;
    ret_form->subject = bx_buf_take(&subject);
    return 0;
}

static int add_form(bx_url_forms *forms, const char *path, size_t bytes)
{
    size_t at = forms->count++;

    return put_form(&forms->plain[at], forms->host, path, bytes) < 0 ||
                   put_form(&forms->with_port[at], forms->host_port, path,
                            bytes) < 0
               ? -1
               : 0;
}

static int add_normal_form(bx_url_forms *forms, const char *path, size_t bytes)
{
    bx_autofree char *normal = malloc(bytes + 2);
    size_t len;

    if (normal == NULL)
        return -1;
    len = normalise(path, bytes, normal);
    if (len == bytes && memcmp(normal, path, bytes) == 0)
        return 0;
    return add_form(forms, normal, len);
}

static int add_forms(bx_url_forms *forms, const char *text)
{
    bx_autofree char *path = strdup(text);
    size_t bytes;

    if (path == NULL)
        return -1;
    bytes = strlen(path);
    for (unsigned round = 0;; round++) {
        size_t decoded;

        if (add_form(forms, path, bytes) < 0 ||
            add_normal_form(forms, path, bytes) < 0)
            return -1;
        decoded = percent_decode(path, bytes);
        if (decoded == bytes)
            return 0;
        bytes = decoded;
        if (round == MAX_DECODES) {
            forms->is_too_deep = true;
            return 0;
        }
    }
}

bx_url_forms *bx_url_forms_new(const bx_url *url)
{
    __attribute__((cleanup(bx_url_forms_freep))) bx_url_forms *forms =
        calloc(1, sizeof(*forms));
    char canonical[46];
    const char *host = url->host;
    bx_address address;

    if (forms == NULL)
        return NULL;
    forms->is_https = strcmp(url->scheme, "https") == 0;
    if (bx_address_parse(host, &address)) {
        bx_address_format(&address, canonical);
        host = canonical;
    }
    if (asprintf(&forms->host, strchr(host, ':') ? "[%s]" : "%s", host) < 0) {
        forms->host = NULL;
        return NULL;
    }
    if (asprintf(&forms->host_port, "%s:%u", forms->host, url->port) < 0) {
        forms->host_port = NULL;
        return NULL;
    }
    if (add_forms(forms, url->path) < 0)
        return NULL;
    return bx_take(forms);
}

void bx_url_forms_free(bx_url_forms *forms)
{
    if (forms == NULL)
        return;
    for (size_t i = 0; i < forms->count; i++) {
        free(forms->plain[i].subject);
        free(forms->with_port[i].subject);
    }
    free(forms->host);
    free(forms->host_port);
    free(forms);
}

bool bx_url_forms_is_too_deep(const bx_url_forms *forms)
{
    return forms->is_too_deep;
}

/* ---- matching ---- */

/* The pattern is used up at text[at]: is what remains beneath it? */
static bool is_covered(const char *glob, size_t glob_bytes, const form *subject,
                       size_t at)
{
    return at == subject->bytes || subject->subject[at] == '/' ||
           subject->subject[at] == '?' ||
           (glob_bytes > 0 && glob[glob_bytes - 1] == '/');
}

/* Only the last '*' is ever tried again: an earlier one gains nothing by
 * taking more. So at most glob times subject steps. */
static bool glob_covers(const char *glob, size_t glob_bytes,
                        const form *subject)
{
    size_t star = SIZE_MAX; /* behind the last '*' of glob */
    size_t retry = 0;       /* where in the subject it is tried from next */
    size_t g = 0;
    size_t at = 0;

    for (;;) {
        if (g == glob_bytes && is_covered(glob, glob_bytes, subject, at))
            return true;
        if (g < glob_bytes && glob[g] == '*') {
            star = ++g;
            retry = at;
        } else if (g < glob_bytes && at < subject->bytes &&
                   glob[g] == subject->subject[at]) {
            g++;
            at++;
        } else {
            if (star == SIZE_MAX || retry >= subject->bytes)
                return false;
            g = star;
            at = ++retry;
        }
    }
}

bool bx_url_pattern_matches(const bx_url_pattern *pattern,
                            const bx_url_forms *forms)
{
    const form *subjects = pattern->has_port ? forms->with_port : forms->plain;

    if (pattern->scheme != NULL &&
        strcmp(pattern->scheme, forms->is_https ? "https" : "http") != 0)
        return false;
    for (size_t i = 0; i < forms->count; i++) {
        if (glob_covers(pattern->glob, pattern->glob_bytes, &subjects[i]) ||
            glob_covers(pattern->decoded_glob, pattern->decoded_bytes,
                        &subjects[i]))
            return true;
    }
    return false;
}
