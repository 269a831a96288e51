/* One hop as libcurl sees it: its options and its callbacks. What it calls back
 * with comes from the server and is hostile. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "net/http_exchange.h"

/* ---- callbacks ------------------------------------------------------ */

static bool to_address(const struct curl_sockaddr *from, bx_address *ret)
{
    if (from->family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, &from->addr, sizeof(in));
        memset(ret->bytes, 0, 10);
        memset(ret->bytes + 10, 0xff, 2);
        memcpy(ret->bytes + 12, &in.sin_addr, 4);
        return true;
    }
    if (from->family == AF_INET6) {
        /* libcurl's struct ends in a sockaddr, but has room for any. */
        memcpy(ret->bytes,
               (const char *)&from->addr +
                   offsetof(struct sockaddr_in6, sin6_addr),
               sizeof(ret->bytes));
        return true;
    }
    return false;
}

/* Last and only way to a socket: the address checked is the address dialled. */
static curl_socket_t on_open_socket(void *context, curlsocktype purpose,
                                    struct curl_sockaddr *to)
{
    bx_http_exchange *exchange = context;
    const bx_http_config *config = &exchange->client->config;
    bx_address address;

    exchange->is_resolving = false;
    if (purpose != CURLSOCKTYPE_IPCXN || to->socktype != SOCK_STREAM ||
        !to_address(to, &address))
        return CURL_SOCKET_BAD;
    if (!config->is_trusted) {
        bx_verdict verdict =
            bx_policy_check_address(config->policy, exchange->url, &address);

        if (!verdict.is_allowed) {
            exchange->is_refused = true;
            exchange->refused_address = address;
            exchange->refused_verdict = verdict;
            return CURL_SOCKET_BAD;
        }
    }
    /* A secret leaves this machine over TLS only, wherever the name leads. */
    if (strcmp(exchange->url->scheme, "http") == 0 &&
        bx_http_secret_is_due(exchange) && !bx_address_is_loopback(&address)) {
        exchange->is_refused = true;
        exchange->refused_address = address;
        exchange->refused_verdict =
            (bx_verdict){ false, "a secret is not sent in the clear",
                          "nothing granted" };
        return CURL_SOCKET_BAD;
    }
    exchange->is_dialled = true;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int on_resolve(void *resolver, void *reserved, void *context)
{
    bx_http_exchange *exchange = context;

    (void)resolver;
    (void)reserved;
    exchange->is_resolving = true;
    return 0;
}

static void put_field(bx_http_exchange *exchange, const char *line,
                      size_t bytes)
{
    const char *colon = memchr(line, ':', bytes);
    const char *value;
    const char *end = line + bytes;
    char *name;

    if (colon == NULL || colon == line ||
        memchr(line, ' ', (size_t)(colon - line)) != NULL)
        return; /* not a field: browsers skip those too */
    for (value = colon + 1; value < end && strchr(" \t", *value) != NULL;)
        value++;
    while (end > value && strchr(" \t", end[-1]) != NULL)
        end--;
    if (exchange->head.count == BX_HTTP_HEAD_MAX_FIELDS) {
        bx_error_set(&exchange->failure, BX_ERR_LIMIT,
                     "the response has more than %d headers",
                     BX_HTTP_HEAD_MAX_FIELDS);
        return;
    }
    if (bx_http_fields_add(&exchange->head, line, (size_t)(colon - line), value,
                           (size_t)(end - value)) < 0) {
        bx_error_set_nomem(&exchange->failure);
        return;
    }
    for (name = exchange->head.items[exchange->head.count - 1].name;
         *name != '\0'; name++)
        *name =
            *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
}

/* RFC 9112 section 5.2: a folded line goes on with one space. Each copies what
 * was there, so they are counted like fields: a head of nothing else would
 * hold the run for seconds. */
static void unfold_field(bx_http_exchange *exchange, const char *line,
                         size_t bytes)
{
    bx_http_field *last;
    char *joined;

    if (exchange->head.count == 0)
        return;
    if (++exchange->folds > BX_HTTP_HEAD_MAX_FIELDS) {
        bx_error_set(&exchange->failure, BX_ERR_LIMIT,
                     "the response has more than %d folded header lines",
                     BX_HTTP_HEAD_MAX_FIELDS);
        return;
    }
    last = &exchange->head.items[exchange->head.count - 1];
    while (bytes > 0 && strchr(" \t", *line) != NULL) {
        line++;
        bytes--;
    }
    if (asprintf(&joined, "%s %.*s", last->value, (int)bytes, line) < 0) {
        bx_error_set_nomem(&exchange->failure);
        return;
    }
    free(last->value);
    last->value = joined;
}

static void end_head(bx_http_exchange *exchange)
{
    if (exchange->status >= 200) {
        /* Before anyone looks, a redirect included: what it says of a secret
         * goes nowhere. */
        bx_http_mask_head(exchange);
        exchange->has_head = true;
        return;
    }
    if (exchange->status < 100 || exchange->status == 101)
        bx_error_set_errno(&exchange->failure, EPROTO,
                           "status %u, which was not asked for",
                           exchange->status);
    exchange->status = 0; /* informational: the real one follows */
    bx_http_fields_clear(&exchange->head);
}

static void put_status(bx_http_exchange *exchange, const char *line,
                       size_t bytes)
{
    const char *space = memchr(line, ' ', bytes);
    unsigned status = 0;

    for (int i = 1; space != NULL && i <= 3; i++) {
        if (space + i >= line + bytes || space[i] < '0' || space[i] > '9')
            space = NULL;
        else
            status = status * 10 + (unsigned)(space[i] - '0');
    }
    if (space == NULL)
        bx_error_set_errno(&exchange->failure, EPROTO,
                           "the status line is malformed");
    else
        exchange->status = status;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    bx_http_exchange *exchange = context;
    size_t bytes = size * count;
    size_t given = bytes;

    exchange->is_resolving = false;
    exchange->head_bytes += bytes;
    if (exchange->head_bytes > BX_HTTP_HEAD_MAX_BYTES &&
        exchange->failure == NULL)
        bx_error_set(&exchange->failure, BX_ERR_LIMIT,
                     "the response's headers are past %u bytes",
                     BX_HTTP_HEAD_MAX_BYTES);
    if (exchange->failure != NULL)
        return 0;
    while (bytes > 0 && (line[bytes - 1] == '\n' || line[bytes - 1] == '\r'))
        bytes--;
    if (exchange->has_head)
        return given; /* a trailer: counted, not shown */
    if (exchange->status == 0)
        put_status(exchange, line, bytes);
    else if (bytes == 0)
        end_head(exchange);
    else if (line[0] == ' ' || line[0] == '\t')
        unfold_field(exchange, line, bytes);
    else
        put_field(exchange, line, bytes);
    return exchange->failure == NULL ? given : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    bx_http_exchange *exchange = context;
    bx_http_client *client = exchange->client;
    uint64_t max_bytes = client->config.body_bytes;
    size_t bytes = size * count;

    if (bx_http_redirect_is_due(exchange))
        return bytes; /* nobody reads it */
    if (exchange->failure != NULL)
        return CURL_WRITEFUNC_ERROR;
    if (bytes > max_bytes || exchange->received_bytes > max_bytes - bytes ||
        client->held_bytes > max_bytes - bytes) {
        bx_error_set(&exchange->failure, BX_ERR_LIMIT,
                     "the response is past max-response, %llu bytes",
                     (unsigned long long)max_bytes);
        return CURL_WRITEFUNC_ERROR;
    }
    if (bx_buf_append(&exchange->in, data, bytes, SIZE_MAX) < 0) {
        bx_error_set_nomem(&exchange->failure);
        return CURL_WRITEFUNC_ERROR;
    }
    exchange->received_bytes += bytes;
    client->held_bytes += bytes;
    bx_http_mask_body(exchange, false);
    return bytes;
}

/* ---- one hop as libcurl options ------------------------------------- */

static int add_line(bx_http_exchange *exchange, const char *line)
{
    struct curl_slist *lines =
        exchange->client->curl->slist_append(exchange->lines, line);

    if (lines == NULL)
        return -1;
    exchange->lines = lines;
    return 0;
}

static int add_lines(bx_http_exchange *exchange)
{
    for (size_t i = 0; i < exchange->fields.count; i++) {
        const bx_http_field *field = &exchange->fields.items[i];
        const char *value = field->value + strspn(field->value, " \t");
        bx_autofree char *line = NULL;
        /* libcurl: "Name;" is a field without value, "Name:" none at all */
        int bytes;

        if (bx_http_secret_replaces(exchange, field->name))
            continue;
        bytes = *value == '\0' ? asprintf(&line, "%s;", field->name)
                               : asprintf(&line, "%s: %s", field->name, value);
        if (bytes < 0) {
            line = NULL;
            return -1;
        }
        if (add_line(exchange, line) < 0)
            return -1;
    }
    if (bx_http_secret_lines(exchange, add_line) < 0)
        return -1;
    /* Nothing that the caller did not ask for. */
    if (bx_http_fields_find(&exchange->fields, "Content-Type") == NULL &&
        !bx_http_secret_replaces(exchange, "Content-Type") &&
        add_line(exchange, "Content-Type:") < 0)
        return -1;
    return add_line(exchange, "Expect:");
}

#define SET(option, value)                                                     \
    (is_set = is_set && curl->easy_setopt(easy, (option), (value)) == CURLE_OK)

/* What keeps the request on the checked way, whatever the environment says. */
static bool set_guards(bx_http_exchange *exchange)
{
    const bx_curl_api *curl = exchange->client->curl;
    const bx_http_config *config = &exchange->client->config;
    CURL *easy = exchange->easy;
    bool is_set = true;

    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* http_proxy and the like are not read */
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    /* HTTP/2 and what answers over it buys a guest little and the host a
     * second, far larger parser. */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (config->ca_file != NULL) {
        SET(CURLOPT_CAINFO, config->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A name that is still being looked up must not hold the run. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
    return is_set;
}

static bool set_callbacks(bx_http_exchange *exchange)
{
    const bx_curl_api *curl = exchange->client->curl;
    CURL *easy = exchange->easy;
    bool is_set = true;

    SET(CURLOPT_PRIVATE, exchange);
    SET(CURLOPT_ERRORBUFFER, exchange->message);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, exchange);
    SET(CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
    SET(CURLOPT_RESOLVER_START_DATA, exchange);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, exchange);
    return is_set;
}

static bool set_request(bx_http_exchange *exchange)
{
    const bx_curl_api *curl = exchange->client->curl;
    CURL *easy = exchange->easy;
    const char *method = exchange->method;
    bool is_upload = exchange->body.len > 0 || strcmp(method, "POST") == 0 ||
                     strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
    bool is_set = true;

    SET(CURLOPT_URL, exchange->url->text);
    SET(CURLOPT_USERAGENT, "boxagnts/" BX_VERSION);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip, br");
    SET(CURLOPT_HTTPHEADER, exchange->lines);
    if (strcmp(method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return is_set;
    }
    if (is_upload) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.len);
        SET(CURLOPT_POSTFIELDS,
            exchange->body.data == NULL ? "" : exchange->body.data);
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, method);
    return is_set;
}

int bx_http_hop_set(bx_http_exchange *exchange, bx_error **err)
{
    if (add_lines(exchange) < 0)
        return bx_error_set_nomem(err);
    /* One option refused is a guard that is down: then nothing is sent. */
    if (!set_guards(exchange) || !set_callbacks(exchange) ||
        !set_request(exchange))
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "libcurl refuses an option that is needed");
    return 0;
}
