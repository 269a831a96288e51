/* Before a request goes out: whoever is to be asked is asked. What is shown to
 * them was made by a guest; what could be a secret in it is masked. */
#include <string.h>

#include "net/http_exchange.h"

int bx_http_ask_need(const bx_http_exchange *exchange, const bx_url *url,
                     const char *call, bx_error **err)
{
    bx_run *run = exchange->client->config.run;
    bool is_ipv6 = strchr(url->host, ':') != NULL;
    bx_autofree char *origin = NULL;

    if (run->need == NULL)
        return 0;
    if (asprintf(&origin, "%s://%s%s%s:%u", url->scheme, is_ipv6 ? "[" : "",
                 url->host, is_ipv6 ? "]" : "", (unsigned)url->port) < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    if (bx_run_need(run, "network", origin, strlen(origin)))
        return 0;
    bx_run_deny(run, call, url->text, strlen(url->text), BX_NEED_REASON,
                BX_NEED_RULE);
    return bx_error_set(err, BX_ERR_DENIED, "denied: %.*s: %s",
                        (int)strcspn(url->text, "?"), url->text,
                        BX_NEED_REASON);
}

/* RFC 9110 section 9.2.1, "safe": of those that are sent, TRACE is not. */
static bool changes_something(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
           strcmp(method, "OPTIONS") != 0;
}

static bool ask(bx_http_exchange *exchange, const char *url, const char *body)
{
    const bx_hold_event event = { .method = exchange->method,
                                  .url = url,
                                  .body = body == NULL ? "" : body,
                                  .body_bytes = exchange->body.len };

    return bx_run_hold(exchange->client->config.run, &event);
}

int bx_http_hold(bx_http_exchange *exchange, bx_error **err)
{
    bx_run *run = exchange->client->config.run;
    const char *url = exchange->url->text;
    bx_autofree char *shown = NULL;
    bx_autobuf bx_buf body = BX_BUF_INIT;

    if (run->hold == NULL || !changes_something(exchange->method))
        return 0;
    shown = strdup(url);
    if (shown == NULL || bx_buf_append(&body, exchange->body.data,
                                       exchange->body.len, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    bx_http_mask_text(exchange, shown);
    bx_http_mask_bytes(exchange, body.data, body.len);
    if (ask(exchange, shown, body.data))
        return 0;
    bx_run_deny(run, "http_head", url, strlen(url), BX_HOLD_REASON,
                BX_HOLD_RULE);
    return bx_error_set(err, BX_ERR_DENIED, "denied: %s", BX_HOLD_REASON);
}
