/* Clients and exchanges: what callers see. Trusts its caller; the request's
 * parts and everything a server sends are hostile. */
#include "net/http_client.h"

#include <errno.h>
#include <string.h>

#include "net/http_remote.h"

static int start_curl(bx_http_client *client, bx_error **err)
{
    const bx_curl_api *curl = bx_curl_load(err);

    if (curl == NULL)
        return -1;
    client->multi = curl->multi_init();
    if (client->multi == NULL)
        return bx_error_set_nomem(err);
    curl->multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, 16L);
    client->curl = curl;
    return 0;
}

int bx_http_check_limits(const bx_run *run, const bx_limits *limits,
                         uint64_t open_count, bx_error **err)
{
    if (open_count >= limits->http_open)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "max-open-requests, %llu, are open already",
                            (unsigned long long)limits->http_open);
    if (BX_RUN_LEFT(run, http_requests, limits->http_requests) == 0)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "max-requests, %llu, were made in this run already",
                            (unsigned long long)limits->http_requests);
    return 0;
}

bx_http_client *bx_http_client_new(const bx_http_config *config, bx_error **err)
{
    bool is_remote = !config->is_trusted && config->run->broker != NULL;
    bx_http_client *client;

    if (config->policy == NULL && !config->is_trusted) {
        bx_error_set(err, BX_ERR_INVALID,
                     "an HTTP client needs a policy or a trusted caller");
        return NULL;
    }
    client = calloc(1, sizeof(*client));
    if (client == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    client->config = *config;
    if (config->connect_timeout_ms == 0)
        client->config.connect_timeout_ms = BX_HTTP_CONNECT_TIMEOUT_MS;
    if (!is_remote && start_curl(client, err) < 0) {
        free(client);
        return NULL;
    }
    return client;
}

void bx_http_client_free(bx_http_client *client)
{
    if (client == NULL)
        return;
    if (!bx_http_is_remote(client))
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
        return bx_http_ask_need(exchange, url, call, err);
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
    if (bx_http_fields_check_count(fields->count, err) < 0)
        return -1;
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
    if ((bx_http_is_remote(client) ? bx_http_remote_open(exchange, request, err)
                                   : fill(exchange, request, err)) < 0) {
        bx_http_exchange_free(exchange);
        return NULL;
    }
    return exchange;
}

void bx_http_exchange_free(bx_http_exchange *exchange)
{
    if (exchange == NULL)
        return;
    if (bx_http_is_remote(exchange->client)) {
        bx_http_remote_close(exchange);
    } else {
        bx_http_transfer_end(exchange);
        exchange->client->held_bytes -= exchange->body.len;
        exchange->client->held_bytes -= exchange->in.len - exchange->in_at;
    }
    bx_url_free(exchange->url);
    bx_url_free(exchange->shown_url);
    bx_http_fields_clear(&exchange->fields);
    bx_http_fields_clear(&exchange->head);
    bx_buf_clear(&exchange->body);
    bx_buf_clear(&exchange->in);
    bx_error_free(exchange->failure);
    free(exchange);
}

static int check_write(const bx_http_exchange *exchange, uint64_t bytes,
                       bx_error **err)
{
    const bx_http_client *client = exchange->client;
    uint64_t max_bytes = client->config.body_bytes;

    if (exchange->state != BX_HTTP_OPEN)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the request was already sent");
    if (strcmp(exchange->method, "HEAD") == 0 && bytes > 0)
        return bx_error_set(err, BX_ERR_INVALID, "a HEAD request has no body");
    if (bytes > max_bytes || client->held_bytes > max_bytes - bytes)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "the request bodies of this run are past "
                            "max-response, %llu bytes",
                            (unsigned long long)max_bytes);
    return 0;
}

int bx_http_exchange_write_piece(bx_http_exchange *exchange, const void *data,
                                 size_t bytes, uint64_t rest, bx_error **err)
{
    if (rest > UINT64_MAX - bytes)
        rest = UINT64_MAX - bytes;
    if (check_write(exchange, bytes + rest, err) < 0)
        return bx_http_exchange_wrap(exchange, err);
    if (bx_buf_append(&exchange->body, data, bytes, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    exchange->client->held_bytes += bytes;
    return 0;
}

int bx_http_exchange_write(bx_http_exchange *exchange, const void *data,
                           size_t bytes, bx_error **err)
{
    if (bx_http_is_remote(exchange->client))
        return bx_http_remote_write(exchange, data, bytes, err);
    return bx_http_exchange_write_piece(exchange, data, bytes, 0, err);
}

/* A request that takes no more and has nothing left to give. */
static int fail(bx_http_exchange *exchange, bx_error **err)
{
    bx_http_exchange_wrap(exchange, err);
    bx_http_transfer_end(exchange);
    exchange->state = BX_HTTP_FAILED;
    return -1;
}

/* It failed while nobody waited for it; said once, like any failure. */
static int hand_over(bx_http_exchange *exchange, bx_error **err)
{
    if (err != NULL)
        *err = bx_take(exchange->failure);
    else
        bx_error_free(bx_take(exchange->failure));
    exchange->has_failed = false;
    return fail(exchange, err);
}

static void start_clock(bx_http_exchange *exchange)
{
    int64_t now = bx_now_ns() - exchange->client->config.run->held_ns;

    if (exchange->timeout_ms == 0 ||
        exchange->timeout_ms > (uint64_t)(INT64_MAX - now) / 1000000)
        return;
    exchange->deadline_ns = now + (int64_t)exchange->timeout_ms * 1000000;
}

int64_t bx_http_exchange_end_ns(const bx_http_exchange *exchange)
{
    int64_t held_ns = exchange->client->config.run->held_ns;

    return exchange->deadline_ns > INT64_MAX - held_ns
               ? INT64_MAX
               : exchange->deadline_ns + held_ns;
}

bool bx_http_exchange_is_at_end(const bx_http_exchange *exchange)
{
    return exchange->state == BX_HTTP_DONE &&
           exchange->settled == exchange->in_at;
}

static int send_request(bx_http_exchange *exchange, bx_error **err)
{
    if (exchange->state == BX_HTTP_FAILED)
        return bx_error_set(err, BX_ERR_INVALID, "the request failed before");
    if (exchange->state != BX_HTTP_OPEN)
        return 0;
    if (bx_http_hold(exchange, err) < 0)
        return -1;
    start_clock(exchange);
    return bx_http_transfer_begin(exchange, err);
}

/* A head that is not a redirect still to be followed. */
static bool has_final_head(const bx_http_exchange *exchange)
{
    return exchange->has_head && !bx_http_redirect_is_due(exchange);
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
            bx_http_hold(exchange, err) < 0 ||
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
    if (bx_http_redirect_apply(exchange, err) < 0 ||
        bx_http_hold(exchange, err) < 0)
        return -1;
    return bx_http_transfer_begin(exchange, err);
}

int bx_http_exchange_head(bx_http_exchange *exchange, bx_http_head *ret_head,
                          bx_error **err)
{
    const bx_url *url;

    if (bx_http_is_remote(exchange->client))
        return bx_http_remote_head(exchange, ret_head, err);
    if (exchange->has_failed)
        return hand_over(exchange, err);
    if (!has_final_head(exchange) && wait_for_head(exchange, err) < 0)
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

    if (bx_http_is_remote(exchange->client))
        return bx_http_remote_read(exchange, buf, bytes, err);
    if (exchange->has_failed)
        return hand_over(exchange, err);
    if (!has_final_head(exchange) && wait_for_head(exchange, err) < 0)
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
