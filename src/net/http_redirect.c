/* Redirects, followed by us: the server that sends one is hostile, so each hop
 * is parsed and checked like a request of its own. */
#include <errno.h>
#include <string.h>

#include "net/http_exchange.h"

/* For one origin only (RFC 9110 section 15.4, Fetch section 4.4 step 13). */
static const char *const credential_names[] = {
    "Authorization",
    "Cookie",
    "Proxy-Authorization",
    NULL,
};

/* Go with the body (Fetch, "request-body-header name"). */
static const char *const content_names[] = {
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Type",
    NULL,
};

bool bx_http_redirect_is_due(const bx_http_exchange *exchange)
{
    unsigned status = exchange->status;

    return exchange->redirect != BX_HTTP_REDIRECT_MANUAL &&
           (status == 301 || status == 302 || status == 303 || status == 307 ||
            status == 308) &&
           bx_http_fields_find(&exchange->head, "location") != NULL;
}

/* 301 and 302 for POST and 303 for all but HEAD go on as GET. */
static bool becomes_get(const bx_http_exchange *exchange)
{
    unsigned status = exchange->status;
    bool is_post = strcmp(exchange->method, "POST") == 0;
    bool is_head = strcmp(exchange->method, "HEAD") == 0;

    return ((status == 301 || status == 302) && is_post) ||
           (status == 303 && !is_head);
}

static bool is_same_origin(const bx_url *a, const bx_url *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 &&
           a->port == b->port;
}

/* What the last hop answered is forgotten. */
static void clear_response(bx_http_exchange *exchange)
{
    bx_http_transfer_consume(exchange, exchange->in.len - exchange->in_at);
    bx_http_fields_clear(&exchange->head);
    exchange->status = 0;
    exchange->has_head = false;
    exchange->received_bytes = 0;
    exchange->mask_ahead = 0;
    bx_error_free(exchange->failure);
    exchange->failure = NULL;
}

static int parse_location(const bx_http_exchange *exchange, bx_url **ret_url,
                          bx_error **err)
{
    const char *location =
        bx_http_fields_find(&exchange->head, "location")->value;
    bx_autoerror bx_error *why = NULL;

    *ret_url = bx_url_parse(location, strlen(location), exchange->url, &why);
    if (*ret_url != NULL)
        return 0;
    if (bx_error_code(why) != BX_ERR_INVALID) {
        return bx_error_set_errno(err, bx_error_errno(why), "redirect: %s",
                                  bx_error_message(why));
    }
    return bx_error_set_errno(err, EPROTO, "redirect (%u): %s",
                              exchange->status, bx_error_message(why));
}

int bx_http_redirect_apply(bx_http_exchange *exchange, bx_error **err)
{
    bx_autourl bx_url *url = NULL;

    if (exchange->redirect == BX_HTTP_REDIRECT_ERROR)
        return bx_error_set_errno(err, EPROTO,
                                  "answered with a redirect (%u), and the "
                                  "request allows none",
                                  exchange->status);
    if (exchange->hops == BX_HTTP_REDIRECTS_MAX)
        return bx_error_set_errno(err, EPROTO, "more than %d redirects",
                                  BX_HTTP_REDIRECTS_MAX);
    if (parse_location(exchange, &url, err) < 0)
        return -1;
    if (bx_http_check_url(exchange, url, "http_head", err) < 0)
        return bx_error_wrap(err, "redirect (%u)", exchange->status);
    if (becomes_get(exchange)) {
        memcpy(exchange->method, "GET", sizeof("GET"));
        exchange->client->held_bytes -= exchange->body.len;
        bx_buf_clear(&exchange->body);
        bx_http_fields_remove(&exchange->fields, content_names);
    }
    if (!is_same_origin(exchange->url, url))
        bx_http_fields_remove(&exchange->fields, credential_names);
    bx_url_free(exchange->url);
    exchange->url = bx_take(url);
    exchange->hops++;
    clear_response(exchange);
    return 0;
}
