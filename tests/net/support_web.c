#include "net/support_web.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\n"

typedef struct web_route {
    const char *path;  /* the target begins with it */
    const char *reply; /* sent as it is; then: */
    enum { KEEP, CLOSE, RESET, HANG } end;
} web_route;

/* Responses as they go over the wire. */
static const web_route routes[] = {
    { "/hello", OK "Content-Length: 5\r\nX-One:  1 \r\n\r\nhello", KEEP },
    { "/empty", "HTTP/1.1 204 No Content\r\n\r\n", KEEP },
    { "/chunked",
      OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n"
         "X-Trailer: t\r\n\r\n",
      KEEP },
    { "/until-close", OK "\r\nclosed", CLOSE },
    { "/hints",
      "HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\n" OK
      "Content-Length: 2\r\n\r\nok",
      KEEP },
    { "/folded", OK "X-A: one\r\n  two\r\nContent-Length: 0\r\n\r\n", KEEP },
    { "/latin1", OK "X-A: \xfc\r\nContent-Length: 0\r\n\r\n", KEEP },
    { "/no-fields", OK "bad field: 1\r\n: 2\r\nContent-Length: 0\r\n\r\n",
      KEEP },
    { "/reset", "", RESET },
    { "/nothing", "", CLOSE },
    { "/short", OK "Content-Length: 100\r\n\r\nshort", CLOSE },
    { "/cut-chunk", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nab", CLOSE },
    { "/bad-chunk", OK "Transfer-Encoding: chunked\r\n\r\nzz\r\nab", CLOSE },
    { "/http09", "just text\n", CLOSE },
    { "/bad-status", "HTTP/1.1 abc\r\n\r\n", CLOSE },
    { "/switch", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
      HANG },
    { "/bad-gzip", OK "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
      CLOSE },
    { "/slow-head", "HTTP/1.1 200 O", HANG },
    { "/slow-body", OK "Content-Length: 100\r\n\r\nabc", HANG },
    { "/to-self",
      "HTTP/1.1 302 Found\r\nLocation: /to-self\r\nContent-Length: 0\r\n\r\n",
      KEEP },
    { "/to-slow",
      "HTTP/1.1 302 Found\r\nLocation: /hello\r\nContent-Length: 9\r\n\r\n",
      HANG },
    { "/to-secret",
      "HTTP/1.1 302 Found\r\nLocation: /secret\r\nContent-Length: "
      "0\r\n\r\n",
      KEEP },
    { "/to-encoded-secret",
      "HTTP/1.1 302 Found\r\nLocation: /x/%2e%2e/%73ecret\r\n"
      "Content-Length: 0\r\n\r\n",
      KEEP },
    { "/to-backslash",
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1\\x/\r\n"
      "Content-Length: 0\r\n\r\n",
      KEEP },
    { "/no-location", "HTTP/1.1 302 Found\r\nContent-Length: 2\r\n\r\nhi",
      KEEP },
};

/* gzip of "hello gzip". */
static const char gzip_hello[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\x48\xaf"
    "\xca\x2c\x00\x00\x19\x6a\xd2\xdf\x0a\x00\x00\x00";

/* gzip of 1 MiB of zeros: this, then zeros. */
static const char gzip_zeros[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2"
    "\xa0\xf5\x4f\x6d\x08\x5f\xa0";

static bool end(support_conn *conn, const web_route *taken)
{
    if (taken->end == RESET)
        support_reset(conn);
    if (taken->end == HANG)
        support_wait_closed(conn);
    return taken->end == KEEP;
}

static bool send_echo(support_conn *conn, const support_request *request)
{
    size_t bytes = strlen(request->head) + 1 + request->body_bytes;

    return support_sendf(conn, OK "Content-Length: %zu\r\n\r\n%s\n", bytes,
                         request->head) &&
           support_send(conn, request->body, request->body_bytes);
}

static bool send_gzip(support_conn *conn, bool is_bomb)
{
    static char bomb[1051];

    if (!is_bomb)
        return support_sendf(conn,
                             OK "Content-Encoding: gzip\r\n"
                                "Content-Length: %zu\r\n\r\n",
                             sizeof(gzip_hello) - 1) &&
               support_send(conn, gzip_hello, sizeof(gzip_hello) - 1);
    memcpy(bomb, gzip_zeros, sizeof(gzip_zeros) - 1);
    return support_sendf(conn, OK "Content-Encoding: gzip\r\n\r\n") &&
           support_send(conn, bomb, sizeof(bomb)) && false;
}

/* /body?N: N bytes; /headers?N: N headers; /big-header?N: one of N bytes;
 * /folds?N: one that goes on for N lines. */
static bool send_sized(support_conn *conn, const char *target)
{
    const char *query = strchr(target, '?');
    size_t n = query == NULL ? 0 : strtoul(query + 1, NULL, 10);

    if (strncmp(target, "/body", 5) == 0) {
        if (!support_sendf(conn, OK "Content-Length: %zu\r\n\r\n", n))
            return false;
        while (n-- > 0) {
            if (!support_send(conn, "b", 1))
                return false;
        }
        return true;
    }
    if (!support_sendf(conn, OK))
        return false;
    if (strncmp(target, "/big-header", 11) == 0) {
        support_sendf(conn, "X-Big: ");
        while (n-- > 0 && support_send(conn, "b", 1))
            ;
        support_sendf(conn, "\r\n");
    } else if (strncmp(target, "/folds", 6) == 0) {
        support_sendf(conn, "X-A: 1\r\n");
        while (n-- > 0 && support_sendf(conn, " f\r\n"))
            ;
    } else {
        while (n-- > 0 && support_sendf(conn, "X-%zu: 1\r\n", n))
            ;
    }
    return support_sendf(conn, "Content-Length: 0\r\n\r\n");
}

/* /endless-body, /endless-head, /endless-hints */
static bool send_endless(support_conn *conn, const char *target)
{
    char block[1024];
    bool is_hints = strcmp(target, "/endless-hints") == 0;
    bool is_head = strcmp(target, "/endless-head") == 0;

    memset(block, 'x', sizeof(block));
    memcpy(block, "X-A: ", 5);
    memcpy(block + sizeof(block) - 2, "\r\n", 2);
    if (!is_hints && !support_sendf(conn, is_head ? OK : OK "\r\n"))
        return false;
    while (is_hints
               ? support_sendf(conn, "HTTP/1.1 103 Early Hints\r\n%.1024s\r\n",
                               block)
               : support_send(conn, block, sizeof(block)))
        ;
    return false;
}

/* /redirect/STATUS/LOCATION */
static bool send_redirect(support_conn *conn, const char *rest)
{
    return support_sendf(
        conn, "HTTP/1.1 %.3s Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
        rest, rest + 4);
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool handle(support_conn *conn, const support_request *request,
                   void *context)
{
    const char *target = request->target;
    support_web *web = context;

    if (strcmp(request->method, "HEAD") == 0)
        return support_sendf(conn, OK "Content-Length: 5\r\n\r\n");
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(target, routes[i].path) == 0)
            return support_sendf(conn, "%s", routes[i].reply) &&
                   end(conn, &routes[i]);
    }
    if (starts(target, "/redirect/"))
        return send_redirect(conn, target + 10);
    if (starts(target, "/gzip"))
        return send_gzip(conn, false);
    if (starts(target, "/bomb"))
        return send_gzip(conn, true);
    if (starts(target, "/endless"))
        return send_endless(conn, target);
    if (starts(target, "/body") || starts(target, "/headers") ||
        starts(target, "/big-header") || starts(target, "/folds?"))
        return send_sized(conn, target);
    if (starts(target, "/cancel")) {
        bx_cancel_trigger(web->cancel);
        support_wait_closed(conn);
        return false;
    }
    return send_echo(conn, request);
}

static void on_denial(void *context, const bx_audit_event *event)
{
    support_web *web = context;

    bx_buf_printf(&web->denials, "%s %s %s %s\n", event->call, event->target,
                  event->reason, event->rule);
}

int web_open(void **state)
{
    support_web *made = calloc(1, sizeof(*made));

    assert_non_null(made);
    support_names_reset();
    made->server = support_server_start(handle, made, NULL);
    made->port = support_server_port(made->server);
    made->policy = bx_policy_new();
    made->cancel = bx_cancel_new();
    made->run = (bx_run){
        .deadline_ns = bx_now_ns() + 60000000000,
        .cancel = made->cancel,
        .audit = on_denial,
        .audit_context = made,
    };
    web_set(made, "allowed-outbound-host", "http://127.0.0.1:*");
    *state = made;
    return 0;
}

int web_close(void **state)
{
    support_web *web = *state;

    bx_http_client_free(web->client);
    support_broker_free(web->broker);
    support_server_stop(web->server);
    bx_policy_free(web->policy);
    bx_cancel_free(web->cancel);
    bx_buf_clear(&web->denials);
    free(web);
    support_names_reset();
    return 0;
}

void web_set(support_web *web, const char *control, const char *value)
{
    bx_error *err = NULL;
    char origin[256];

    snprintf(origin, sizeof(origin), "--%s %s", control, value);
    if (bx_policy_set(web->policy, control, value, origin, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

void web_renew_client(support_web *web)
{
    bx_http_config config = {
        .body_bytes = WEB_BODY_BYTES,
        .ca_file = web->ca_file,
    };
    bx_error *err = NULL;

    bx_http_client_free(web->client);
    support_broker_free(web->broker);
    web->policy->limits.http_body_bytes = WEB_BODY_BYTES;
    web->broker = support_broker_new(web->policy, &web->run, web->ca_file);
    config.run = support_broker_run(web->broker);
    config.policy = support_broker_policy(web->broker);
    web->client = bx_http_client_new(&config, &err);
    if (web->client == NULL)
        fail_msg("%s", bx_error_message(err));
}

const char *web_url(const support_web *web, const char *host, const char *path)
{
    static char text[8][1024];
    static unsigned next;

    next = (next + 1) % 8;
    snprintf(text[next], sizeof(text[next]), "http://%s:%u%s", host, web->port,
             path);
    return text[next];
}

static void read_body(bx_http_exchange *exchange, web_reply *reply)
{
    char buf[1000];
    ssize_t bytes;

    while ((bytes = bx_http_exchange_read(exchange, buf, sizeof(buf),
                                          &reply->err)) > 0)
        bx_buf_append(&reply->body, buf, (size_t)bytes, SIZE_MAX);
    assert_true(bytes == 0 || reply->err != NULL);
}

web_reply web_fetch(support_web *web, web_ask ask)
{
    web_reply reply = { 0 };
    bx_http_fields fields = BX_HTTP_FIELDS_INIT;
    bx_http_request request = {
        .method = ask.method,
        .url = ask.url[0] == '/' ? web_url(web, "127.0.0.1", ask.url) : ask.url,
        .fields = &fields,
        .redirect = ask.redirect,
        .timeout_ms = ask.timeout_ms,
    };
    bx_http_exchange *exchange;
    bx_http_head head;

    for (size_t i = 0; ask.fields != NULL && ask.fields[i] != NULL; i += 2)
        bx_http_fields_add(&fields, ask.fields[i], strlen(ask.fields[i]),
                           ask.fields[i + 1], strlen(ask.fields[i + 1]));
    if (web->client == NULL)
        web_renew_client(web);
    exchange = bx_http_client_open(web->client, &request, &reply.err);
    if (exchange != NULL &&
        (ask.body == NULL ||
         bx_http_exchange_write(exchange, ask.body, strlen(ask.body),
                                &reply.err) == 0) &&
        bx_http_exchange_head(exchange, &head, &reply.err) == 0) {
        reply.has_head = true;
        reply.status = head.status;
        reply.is_redirected = head.is_redirected;
        reply.url = strdup(head.url->text);
        bx_http_fields_copy(&reply.fields, head.fields);
        read_body(exchange, &reply);
    }
    bx_http_exchange_free(exchange);
    bx_http_fields_clear(&fields);
    return reply;
}

void web_reply_clear(web_reply *reply)
{
    free(reply->url);
    bx_http_fields_clear(&reply->fields);
    bx_buf_clear(&reply->body);
    bx_error_free(reply->err);
    memset(reply, 0, sizeof(*reply));
}

void web_expect_body(support_web *web, web_ask ask, const char *body)
{
    web_reply reply = web_fetch(web, ask);

    if (reply.err != NULL)
        fail_msg("%s", bx_error_message(reply.err));
    assert_string_equal(reply.body.data == NULL ? "" : reply.body.data, body);
    web_reply_clear(&reply);
}

void web_expect_error(support_web *web, web_ask ask, bx_code code, int errnum,
                      const char *text)
{
    web_reply reply = web_fetch(web, ask);

    if (reply.err == NULL)
        fail_msg("%s: status %u, no error", ask.url, reply.status);
    if (bx_error_code(reply.err) != code ||
        (errnum != 0 && bx_error_errno(reply.err) != errnum) ||
        strstr(bx_error_message(reply.err), text) == NULL)
        fail_msg("%s: %s (%s, errno %d), not '%s' (%s, errno %d)", ask.url,
                 bx_error_message(reply.err),
                 bx_code_name(bx_error_code(reply.err)),
                 bx_error_errno(reply.err), text, bx_code_name(code), errnum);
    web_reply_clear(&reply);
}
