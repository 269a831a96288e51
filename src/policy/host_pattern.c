/* allowed-outbound-host. Patterns come from policies, URLs from guests; a URL
 * is canonical by now, so hosts are compared byte for byte. */
#include "policy/host_pattern.h"

#include <string.h>

#include "base/buf.h"
#include "policy/host_name.h"
#include "policy/text.h"

#define MAX_BYTES 512 /* scheme, name of 253, ports: nothing is longer */

typedef enum host_kind {
    HOST_ANY,
    HOST_NAME,
    HOST_SUBDOMAINS, /* name begins with the dot: ".example.com" */
    HOST_NETWORK,    /* an address or a CIDR block */
} host_kind;

struct bx_host_pattern {
    char *text;
    bool is_http;
    bool is_https;
    host_kind kind;
    char *name;
    bx_network network;
    bool is_default_port;
    uint16_t first_port;
    uint16_t last_port;
};

void bx_host_pattern_free(bx_host_pattern *pattern)
{
    if (pattern == NULL)
        return;
    free(pattern->text);
    free(pattern->name);
    free(pattern);
}

const char *bx_host_pattern_text(const bx_host_pattern *pattern)
{
    return pattern->text;
}

static int refuse(bx_error **err, const char *why)
{
    return bx_error_set(err, BX_ERR_INVALID, "%s", why);
}

/* Cut "scheme://" off; *rest is moved behind it. */
static int parse_scheme(bx_host_pattern *pattern, char **rest, bx_error **err)
{
    static const struct {
        const char *prefix;
        bool is_http;
        bool is_https;
    } schemes[] = {
        { "http://", true, false },
        { "https://", false, true },
        { "*://", true, true },
    };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i].prefix);

        if (strncasecmp(*rest, schemes[i].prefix, len) == 0) {
            pattern->is_http = schemes[i].is_http;
            pattern->is_https = schemes[i].is_https;
            *rest += len;
            return 0;
        }
    }
    if (strstr(*rest, "://") != NULL)
        return refuse(err, "has a scheme that is not http, https or *");
    pattern->is_https = true;
    return 0;
}

static bool parse_port(const char *text, uint16_t *ret_port)
{
    unsigned long port = 0;
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 5 || text[len] != '\0' || text[0] == '0')
        return false;
    port = strtoul(text, NULL, 10);
    if (port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static int parse_ports(bx_host_pattern *pattern, char *text, bx_error **err)
{
    char *range = strstr(text, "..");

    if (strcmp(text, "*") == 0) {
        pattern->first_port = 1;
        pattern->last_port = UINT16_MAX;
        return 0;
    }
    if (range != NULL) {
        *range = '\0';
        if (!parse_port(text, &pattern->first_port) ||
            !parse_port(range + 2, &pattern->last_port))
            return refuse(err, "has a port range that is not A..B, 1 to "
                               "65535 each");
        if (pattern->first_port > pattern->last_port)
            return refuse(err, "has a port range that runs backwards");
        return 0;
    }
    if (!parse_port(text, &pattern->first_port))
        return refuse(err, "has a port that is not 1 to 65535, a range A..B "
                           "or *");
    pattern->last_port = pattern->first_port;
    return 0;
}

/* A final "/" is fine, any other path is not; of "/8" after an address the
 * caller has taken care. */
static int cut_path(char *text, bx_error **err)
{
    char *slash = strpbrk(text, "/?#\\");

    if (slash == NULL)
        return 0;
    if (strcmp(slash, "/") != 0)
        return refuse(err, "has a path, and a host is allowed as a whole "
                           "(block-url refuses paths)");
    *slash = '\0';
    return 0;
}

static int parse_network(bx_host_pattern *pattern, const char *text,
                         bx_error **err)
{
    pattern->kind = HOST_NETWORK;
    if (strcmp(text, "private") == 0)
        return refuse(err, "has no address in it");
    return bx_network_parse(text, &pattern->network, err);
}

/* "[fd00::/8]:80", "[::1]". ret_ports: behind the colon, or NULL. */
static int parse_bracketed(bx_host_pattern *pattern, char *text,
                           char **ret_ports, bx_error **err)
{
    char *end = strchr(text, ']');

    if (end == NULL)
        return refuse(err, "has '[' without ']'");
    *end = '\0';
    if (strchr(text + 1, ':') == NULL)
        return refuse(err, "has brackets around what is not IPv6");
    if (strchr(text + 1, '%') != NULL)
        return refuse(err, "has a zone identifier");
    if (parse_network(pattern, text + 1, err) < 0 || cut_path(end + 1, err) < 0)
        return -1;
    if (end[1] == ':')
        *ret_ports = end + 2;
    else if (end[1] != '\0')
        return refuse(err, "has text behind ']' that is not a port");
    return 0;
}

/* "10.0.0.0/8:80", "10.0.0.1/". */
static int parse_ipv4(bx_host_pattern *pattern, char *text, char **ret_ports,
                      bx_error **err)
{
    char *rest = text + strcspn(text, "/:");
    char *colon;

    if (rest[0] == '/' && rest[1] >= '0' && rest[1] <= '9')
        rest++; /* a prefix length, not a path */
    if (cut_path(rest, err) < 0)
        return -1;
    colon = strchr(rest, ':');
    if (colon != NULL) {
        *colon = '\0';
        *ret_ports = colon + 1;
    }
    return parse_network(pattern, text, err);
}

static bool begins_with_ipv4(const char *text)
{
    char address[16];
    size_t len = strspn(text, "0123456789.");
    bx_address ignored;

    if (len == 0 || len >= sizeof(address) ||
        (text[len] != '\0' && strchr(":/", text[len]) == NULL))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    return bx_address_parse(address, &ignored);
}

static int parse_name(bx_host_pattern *pattern, char *text, char **ret_ports,
                      bx_error **err)
{
    char *colon;

    if (cut_path(text, err) < 0)
        return -1;
    colon = strchr(text, ':');
    if (colon != NULL && strchr(colon + 1, ':') != NULL)
        return refuse(err, "has an IPv6 address without brackets, or two "
                           "ports");
    if (colon != NULL) {
        *colon = '\0';
        *ret_ports = colon + 1;
    }
    if (strcmp(text, "*") == 0) {
        pattern->kind = HOST_ANY;
        return 0;
    }
    pattern->kind = HOST_NAME;
    if (text[0] == '*' && text[1] == '.') {
        pattern->kind = HOST_SUBDOMAINS;
        text += 2;
    }
    if (bx_host_name_check(text, err) < 0)
        return -1;
    if (asprintf(&pattern->name, "%s%s",
                 pattern->kind == HOST_SUBDOMAINS ? "." : "", text) < 0) {
        pattern->name = NULL;
        return bx_error_set_nomem(err);
    }
    return 0;
}

static int put_host(bx_buf *text, const bx_host_pattern *pattern)
{
    char network[50];
    const char *host = "*";
    bool is_ipv6 = false;

    if (pattern->kind == HOST_NETWORK) {
        bx_network_format(&pattern->network, network);
        host = network;
        is_ipv6 = strchr(network, ':') != NULL;
    } else if (pattern->kind != HOST_ANY) {
        host = pattern->name;
    }
    return bx_buf_printf(text, "%s%s%s%s", is_ipv6 ? "[" : "",
                         pattern->kind == HOST_SUBDOMAINS ? "*" : "", host,
                         is_ipv6 ? "]" : "");
}

static int put_ports(bx_buf *text, const bx_host_pattern *pattern)
{
    if (pattern->is_default_port)
        return 0;
    if (pattern->first_port == 1 && pattern->last_port == UINT16_MAX)
        return bx_buf_puts(text, ":*");
    if (pattern->first_port == pattern->last_port)
        return bx_buf_printf(text, ":%u", pattern->first_port);
    return bx_buf_printf(text, ":%u..%u", pattern->first_port,
                         pattern->last_port);
}

static int set_text(bx_host_pattern *pattern, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_printf(&text, "%s://",
                      !pattern->is_https  ? "http"
                      : !pattern->is_http ? "https"
                                          : "*") < 0 ||
        put_host(&text, pattern) < 0 || put_ports(&text, pattern) < 0)
        return bx_error_set_nomem(err);
    pattern->text = bx_buf_take(&text);
    return pattern->text != NULL ? 0 : bx_error_set_nomem(err);
}

static int parse(bx_host_pattern *pattern, char *rest, bx_error **err)
{
    char *ports = NULL;
    int status;

    if (parse_scheme(pattern, &rest, err) < 0)
        return -1;
    if (rest[0] == '\0' || rest[0] == '/' || (rest[0] == ':' && rest[1] != ':'))
        return refuse(err, "has no host");
    if (strchr(rest, '@') != NULL)
        return refuse(err, "has a user name or password");
    if (rest[0] == '[')
        status = parse_bracketed(pattern, rest, &ports, err);
    else if (begins_with_ipv4(rest))
        status = parse_ipv4(pattern, rest, &ports, err);
    else
        status = parse_name(pattern, rest, &ports, err);
    if (status < 0)
        return -1;
    if (ports != NULL && parse_ports(pattern, ports, err) < 0)
        return -1;
    pattern->is_default_port = ports == NULL;
    return set_text(pattern, err);
}

bx_host_pattern *bx_host_pattern_parse(const char *text, bx_error **err)
{
    bx_autopattern bx_host_pattern *pattern = calloc(1, sizeof(*pattern));
    bx_autoerror bx_error *why = NULL;
    bx_autofree char *shown = bx_text_show(text);
    char copy[MAX_BYTES + 1];
    size_t len = strlen(text);
    int status;

    if (pattern == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    if (len > MAX_BYTES) {
        status = refuse(&why, "is longer than 512 bytes");
    } else {
        memcpy(copy, text, len + 1);
        if (strcmp(copy, "*") == 0)
            memcpy(copy, "*://*:*", sizeof("*://*:*"));
        status = parse(pattern, copy, &why);
    }
    if (status < 0 && bx_error_code(why) != BX_ERR_INVALID) {
        if (err != NULL) /* the host's own failure says nothing of the text */
            *err = bx_take(why);
        return NULL;
    }
    if (status < 0 && strstr(bx_error_message(why), "; expected ") != NULL) {
        (void)bx_error_set(err, bx_error_code(why), "%s: %s", BX_SHOWN(shown),
                           bx_error_message(why));
        return NULL;
    }
    if (status < 0) {
        (void)bx_error_set(err, bx_error_code(why),
                           "%s %s; expected [scheme://]host[:port] such as "
                           "https://api.example.com, *.example.com, "
                           "http://localhost:8080 or http://10.0.0.0/8:*",
                           BX_SHOWN(shown), bx_error_message(why));
        return NULL;
    }
    return bx_take(pattern);
}

static bool scheme_and_port_match(const bx_host_pattern *pattern,
                                  const bx_url *url)
{
    bool is_https = strcmp(url->scheme, "https") == 0;

    if (!is_https && strcmp(url->scheme, "http") != 0)
        return false;
    if (is_https ? !pattern->is_https : !pattern->is_http)
        return false;
    if (pattern->is_default_port)
        return url->port == (is_https ? 443 : 80);
    return url->port >= pattern->first_port && url->port <= pattern->last_port;
}

static bool is_subdomain(const char *host, const char *suffix)
{
    size_t host_len = strlen(host);
    size_t suffix_len = strlen(suffix);

    return host_len > suffix_len &&
           strcmp(host + host_len - suffix_len, suffix) == 0;
}

bool bx_host_pattern_matches_host(const bx_host_pattern *pattern,
                                  const bx_url *url)
{
    bx_address address;

    switch (pattern->kind) {
    case HOST_ANY:
        return true;
    case HOST_NAME:
        return strcmp(url->host, pattern->name) == 0;
    case HOST_SUBDOMAINS:
        return is_subdomain(url->host, pattern->name);
    case HOST_NETWORK:
        return bx_address_parse(url->host, &address) &&
               bx_network_has(&pattern->network, &address);
    }
    return false;
}

bool bx_host_pattern_matches(const bx_host_pattern *pattern, const bx_url *url)
{
    return scheme_and_port_match(pattern, url) &&
           bx_host_pattern_matches_host(pattern, url);
}

bool bx_host_pattern_names_address(const bx_host_pattern *pattern,
                                   const bx_url *url, const bx_address *address)
{
    if (!scheme_and_port_match(pattern, url))
        return false;
    if (pattern->kind == HOST_NETWORK)
        return bx_network_has(&pattern->network, address);
    return pattern->kind == HOST_NAME &&
           strcmp(pattern->name, "localhost") == 0 &&
           bx_address_is_loopback(address);
}

/* ---- patterns within patterns ---- */

static void find_ports(const bx_host_pattern *pattern, bool is_https,
                       uint16_t *ret_first, uint16_t *ret_last)
{
    *ret_first = pattern->first_port;
    *ret_last = pattern->last_port;
    if (pattern->is_default_port)
        *ret_first = *ret_last = is_https ? 443 : 80;
}

static bool covers_scheme(const bx_host_pattern *outer,
                          const bx_host_pattern *inner, bool is_https)
{
    uint16_t outer_first;
    uint16_t outer_last;
    uint16_t first;
    uint16_t last;

    if (is_https ? !inner->is_https : !inner->is_http)
        return true;
    if (is_https ? !outer->is_https : !outer->is_http)
        return false;
    find_ports(outer, is_https, &outer_first, &outer_last);
    find_ports(inner, is_https, &first, &last);
    return outer_first <= first && last <= outer_last;
}

static bool covers_host(const bx_host_pattern *outer,
                        const bx_host_pattern *inner)
{
    switch (outer->kind) {
    case HOST_ANY:
        return true;
    case HOST_NAME:
        return inner->kind == HOST_NAME &&
               strcmp(outer->name, inner->name) == 0;
    case HOST_SUBDOMAINS:
        if (inner->kind == HOST_SUBDOMAINS &&
            strcmp(outer->name, inner->name) == 0)
            return true;
        return (inner->kind == HOST_NAME || inner->kind == HOST_SUBDOMAINS) &&
               is_subdomain(inner->name, outer->name);
    case HOST_NETWORK:
        return inner->kind == HOST_NETWORK &&
               outer->network.prefix_bits <= inner->network.prefix_bits &&
               bx_network_has(&outer->network, &inner->network.address);
    }
    return false;
}

bool bx_host_pattern_covers(const bx_host_pattern *outer,
                            const bx_host_pattern *inner)
{
    return covers_scheme(outer, inner, false) &&
           covers_scheme(outer, inner, true) && covers_host(outer, inner);
}

bool bx_host_pattern_is_origin(const bx_host_pattern *pattern)
{
    return pattern->is_http != pattern->is_https &&
           (pattern->is_default_port ||
            pattern->first_port == pattern->last_port) &&
           (pattern->kind == HOST_NAME ||
            (pattern->kind == HOST_NETWORK &&
             pattern->network.prefix_bits == 128));
}

bool bx_host_pattern_is_safe(const bx_host_pattern *pattern)
{
    if (!pattern->is_http)
        return true;
    if (pattern->kind == HOST_NAME)
        return strcmp(pattern->name, "localhost") == 0 ||
               is_subdomain(pattern->name, ".localhost");
    return pattern->kind == HOST_NETWORK &&
           pattern->network.prefix_bits == 128 &&
           bx_address_is_loopback(&pattern->network.address);
}
