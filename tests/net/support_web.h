/* A server with routes good and bad, a policy, a run and its audit: what the
 * client's tests begin with. */
#ifndef BX_TESTS_NET_SUPPORT_WEB_H
#define BX_TESTS_NET_SUPPORT_WEB_H

#include "base/buf.h"
#include "net/http_client.h"
#include "net/support_broker.h"
#include "net/support_names.h"
#include "net/support_server.h"

#define WEB_BODY_BYTES 65536u /* the client's limit in tests */

typedef struct support_web {
    support_server *server;
    unsigned port;
    bx_policy *policy;
    bx_cancel *cancel;
    bx_run run;
    const char *ca_file;    /* of the client; NULL: none */
    support_broker *broker; /* how the client reaches the network */
    bx_http_client *client;
    bx_buf denials; /* "call target reason rule" lines */
} support_web;

/* cmocka's set-up and tear-down; *state becomes a web. The policy grants
 * http://127.0.0.1:* alone, the run has a minute. */
int web_open(void **state);
int web_close(void **state);
/* Add to the policy, by the name a control has. */
void web_set(support_web *web, const char *control, const char *value);
/* A new client for the policy as it is now. */
void web_renew_client(support_web *web);

/* What came back, or the error. */
typedef struct web_reply {
    unsigned status;
    bool is_redirected;
    char *url;
    bx_http_fields fields;
    bx_buf body;
    bx_error *err; /* NULL: the body is complete */
    bool has_head;
} web_reply;

/* method NULL: GET; url: a path counts from the server; fields, body may be
 * NULL. */
typedef struct web_ask {
    const char *method;
    const char *url;
    const char *const *fields; /* name, value, ..., NULL */
    const char *body;
    bx_http_redirect redirect;
    uint64_t timeout_ms;
} web_ask;

web_reply web_fetch(support_web *web, web_ask ask);
void web_reply_clear(web_reply *reply);

/* Fetch and expect a body, or an error with this errno (0: any) and text. */
void web_expect_body(support_web *web, web_ask ask, const char *body);
void web_expect_error(support_web *web, web_ask ask, bx_code code, int errnum,
                      const char *text);

/* The server's URL of a path, by any host; borrowed until the next call. */
const char *web_url(const support_web *web, const char *host, const char *path);

#endif
