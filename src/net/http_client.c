/* Clients and exchanges: what callers see. Trusts its caller; the request's
 * parts and everything a server sends are hostile. */
#include "net/http_client.h"

#include <errno.h>
#include <string.h>

#include "net/http_exchange.h"

bx_http_client *bx_http_client_new(const bx_http_config *config, bx_error **err)
{
    const bx_curl_api *curl;
    bx_http_client *client;

    if (config->policy == NULL && !config->is_trusted) {
        bx_error_set(err, BX_ERR_INVALID,
                     "an HTTP client needs a policy or a trusted caller");
        return NULL;
    }
    curl = bx_curl_load(err);
    if (curl == NULL)
        return NULL;
    client = calloc(1, sizeof(*client));
    if (client == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    client->curl = curl;
    client->config = *config;
    if (config->connect_timeout_ms == 0)
        client->config.connect_timeout_ms = BX_HTTP_CONNECT_TIMEOUT_MS;
    client->multi = curl->multi_init();
    if (client->multi == NULL) {
        free(client);
        bx_error_set_nomem(err);
        return NULL;
    }
    curl->multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 16L);
    return client;
}

void bx_http_client_free(bx_http_client *client)
{
    if (client == NULL)
        return;
    client->curl->multi_cleanup(client->multi);
    free(client);
}

int bx_http_exchange_wrap(const bx_http_exchange *exchange, bx_error **err)
{
    const bx_url *url = exchange->url;

    return bx_error_wrap(err, "%s %.*s", exchange->method,
                         (int)strcspn(url->text, "?"), url->text);
}

int bx_http_check_url(const bx_http_exchange *exchange, const bx_url *url,
                      const char *call, bx_error **err)
{
    const bx_http_config *config = &exchange->client->config;
    bx_verdict verdict;

    if (config->is_trusted)
        return 0;
    verdict = bx_policy_check_url(config->policy, url);
    if (verdict.is_allowed)
        return 0;
    bx_run_deny(config->run, call, url->text, strlen(url->text), verdict.reason,
                verdict.rule);
    /* The rule is for the audit only: it may name files of the host. */
    return bx_error_set(err, BX_ERR_DENIED, "denied: %.*s: %s",
                        (int)strcspn(url->text, "?"), url->text,
                        verdict.reason);
}

static int copy_fields(bx_http_exchange *exchange, const bx_http_fields *fields,
                       bx_error **err)
{
    if (fields == NULL)
        return 0;
    if (fields->count > BX_HTTP_REQUEST_FIELDS_MAX)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%zu headers; at most %d are accepted",
                            fields->count, BX_HTTP_REQUEST_FIELDS_MAX);
    for (size_t i = 0; i < fields->count; i++) {
        if (bx_http_field_check(fields->items[i].name, fields->items[i].value,
                                err) < 0)
            return -1;
    }
    if (bx_http_fields_copy(&exchange->fields, fields) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int fill(bx_http_exchange *exchange, const bx_http_request *request,
                bx_error **err)
{
    const char *method = request->method == NULL ? "GET" : request->method;

    exchange->redirect = request->redirect;
    exchange->timeout_ms = request->timeout_ms;
    exchange->deadline_ns = INT64_MAX;
    if (bx_http_method_parse(method, exchange->method, err) < 0)
        return -1;
    exchange->url = bx_url_parse(request->url, strlen(request->url), NULL, err);
    if (exchange->url == NULL)
        return -1;
    if (copy_fields(exchange, request->fields, err) < 0)
        return bx_http_exchange_wrap(exchange, err);
    return bx_http_check_url(exchange, exchange->url, "http_open", err);
}

bx_http_exchange *bx_http_client_open(bx_http_client *client,
                                      const bx_http_request *request,
                                      bx_error **err)
{
    bx_http_exchange *exchange = calloc(1, sizeof(*exchange));

    if (exchange == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    exchange->client = client;
    if (fill(exchange, request, err) < 0) {
        bx_http_exchange_free(exchange);
        return NULL;
    }
    return exchange;
}

void bx_http_exchange_free(bx_http_exchange *exchange)
{
    if (exchange == NULL)
        return;
    bx_http_transfer_end(exchange);
    exchange->client->held_bytes -= exchange->body.len;
    exchange->client->held_bytes -= exchange->in.len - exchange->in_at;
    bx_url_free(exchange->url);
    bx_url_free(exchange->shown_url);
    bx_http_fields_clear(&exchange->fields);
    bx_http_fields_clear(&exchange->head);
    bx_buf_clear(&exchange->body);
    bx_buf_clear(&exchange->in);
    bx_error_free(exchange->failure);
    free(exchange);
}

int bx_http_exchange_write(bx_http_exchange *exchange, const void *data,
                           size_t bytes, bx_error **err)
{
    bx_http_client *client = exchange->client;
    uint64_t max_bytes = client->config.body_bytes;

    if (exchange->state != BX_HTTP_OPEN)
        bx_error_set(err, BX_ERR_INVALID, "the request was already sent");
    else if (strcmp(exchange->method, "HEAD") == 0 && bytes > 0)
        bx_error_set(err, BX_ERR_INVALID, "a HEAD request has no body");
    else if (bytes > max_bytes || client->held_bytes > max_bytes - bytes)
        bx_error_set(err, BX_ERR_LIMIT,
                     "the request bodies of this run are past max-response, "
                     "%llu bytes",
                     (unsigned long long)max_bytes);
    else if (bx_buf_append(&exchange->body, data, bytes, SIZE_MAX) < 0)
        bx_error_set_nomem(err);
    else {
        client->held_bytes += bytes;
        return 0;
    }
    return bx_http_exchange_wrap(exchange, err);
}

/* A request that takes no more and has nothing left to give. */
static int fail(bx_http_exchange *exchange, bx_error **err)
{
    bx_http_exchange_wrap(exchange, err);
    bx_http_transfer_end(exchange);
    exchange->state = BX_HTTP_FAILED;
    return -1;
}

static void start_clock(bx_http_exchange *exchange)
{
    int64_t now = bx_now_ns();

    if (exchange->timeout_ms == 0 ||
        exchange->timeout_ms > (uint64_t)(INT64_MAX - now) / 1000000)
        return;
    exchange->deadline_ns = now + (int64_t)exchange->timeout_ms * 1000000;
}

static int send_request(bx_http_exchange *exchange, bx_error **err)
{
    if (exchange->state == BX_HTTP_FAILED)
        return bx_error_set(err, BX_ERR_INVALID, "the request failed before");
    if (exchange->state != BX_HTTP_OPEN)
        return 0;
    start_clock(exchange);
    return bx_http_transfer_begin(exchange, err);
}

static int wait_for_head(bx_http_exchange *exchange, bx_error **err)
{
    if (send_request(exchange, err) < 0)
        return -1;
    for (;;) {
        while (!exchange->has_head) {
            if (bx_http_transfer_step(exchange, err) < 0)
                return -1;
        }
        if (!bx_http_redirect_is_due(exchange))
            break;
        bx_http_transfer_end(exchange);
        if (bx_http_redirect_apply(exchange, err) < 0 ||
            bx_http_transfer_begin(exchange, err) < 0)
            return -1;
    }
    return 0;
}

int bx_http_exchange_work(bx_http_exchange *exchange, bx_error **err)
{
    if (send_request(exchange, err) < 0)
        return -1;
    if (exchange->state == BX_HTTP_SENT &&
        bx_http_transfer_work(exchange, err) < 0)
        return -1;
    if (!exchange->has_head || !bx_http_redirect_is_due(exchange))
        return 0;
    bx_http_transfer_end(exchange);
    if (bx_http_redirect_apply(exchange, err) < 0)
        return -1;
    return bx_http_transfer_begin(exchange, err);
}

int bx_http_exchange_head(bx_http_exchange *exchange, bx_http_head *ret_head,
                          bx_error **err)
{
    const bx_url *url;

    if (!exchange->has_head && wait_for_head(exchange, err) < 0)
        return fail(exchange, err);
    url = bx_http_mask_url(exchange);
    if (url == NULL)
        return bx_error_set_nomem(err);
    *ret_head = (bx_http_head){
        .status = exchange->status,
        .url = url,
        .is_redirected = exchange->hops > 0,
        .fields = &exchange->head,
    };
    return 0;
}

ssize_t bx_http_exchange_read(bx_http_exchange *exchange, void *buf,
                              size_t bytes, bx_error **err)
{
    size_t unread;

    if (!exchange->has_head && wait_for_head(exchange, err) < 0)
        return fail(exchange, err);
    while (exchange->settled == exchange->in_at &&
           exchange->state != BX_HTTP_DONE) {
        if (exchange->state == BX_HTTP_FAILED)
            return bx_error_set(err, BX_ERR_INVALID,
                                "the request failed before");
        if (bx_http_transfer_step(exchange, err) < 0)
            return fail(exchange, err);
    }
    unread = exchange->settled - exchange->in_at;
    if (bytes > unread)
        bytes = unread;
    if (bytes > 0)
        memcpy(buf, exchange->in.data + exchange->in_at, bytes);
    bx_http_transfer_consume(exchange, bytes);
    return (ssize_t)bytes;
}
