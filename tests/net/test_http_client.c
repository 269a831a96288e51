#include "net/http_client.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/http_exchange.h"
#include "net/support_web.h"

#define GET(path) ((web_ask){ .url = (path) })

/* ---- works ---------------------------------------------------------- */

static void gets_head_and_body(void **state)
{
    web_reply reply = web_fetch(*state, GET("/hello"));

    assert_null(reply.err);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body.data, "hello");
    assert_string_equal(reply.url, web_url(*state, "127.0.0.1", "/hello"));
    assert_false(reply.is_redirected);
    assert_string_equal(reply.fields.items[1].name, "x-one");
    assert_string_equal(reply.fields.items[1].value, "1");
    web_reply_clear(&reply);
}

static void reads_every_kind_of_body(void **state)
{
    web_expect_body(*state, GET("/empty"), "");
    web_expect_body(*state, GET("/chunked"), "abcde");
    web_expect_body(*state, GET("/until-close"), "closed");
    web_expect_body(*state, GET("/gzip"), "hello gzip");
    web_expect_body(*state, GET("/hints"), "ok");
    web_expect_body(*state, GET("/no-location"), "hi");
    web_expect_body(*state, (web_ask){ .method = "HEAD", .url = "/hello" }, "");
}

static void leaves_hints_and_trailers_out_of_the_head(void **state)
{
    web_reply reply = web_fetch(*state, GET("/hints"));

    assert_null(bx_http_fields_find(&reply.fields, "x-hint"));
    assert_int_equal(reply.status, 200);
    web_reply_clear(&reply);
    reply = web_fetch(*state, GET("/chunked"));
    assert_null(bx_http_fields_find(&reply.fields, "x-trailer"));
    web_reply_clear(&reply);
}

static void reads_odd_header_lines(void **state)
{
    web_reply reply = web_fetch(*state, GET("/folded"));

    assert_string_equal(bx_http_fields_find(&reply.fields, "x-a")->value,
                        "one two");
    web_reply_clear(&reply);
    reply = web_fetch(*state, GET("/no-fields"));
    assert_int_equal(reply.fields.count, 1);
    web_reply_clear(&reply);
}

static void sends_method_headers_and_body(void **state)
{
    const char *const fields[] = { "X-Mine", "1",        "Accept", "text/html",
                                   "X-None", "  ",       "Cookie", "a=b",
                                   "X-Utf8", "\xc3\xbc", NULL };
    web_reply reply = web_fetch(*state, (web_ask){ .method = "put",
                                                   .url = "/echo?q=1",
                                                   .fields = fields,
                                                   .body = "the body" });
    const char *sent = reply.body.data;

    assert_null(reply.err);
    assert_ptr_equal(strstr(sent, "PUT /echo?q=1 HTTP/1.1\r\n"), sent);
    assert_non_null(strstr(sent, "\r\nX-Mine: 1\r\n"));
    assert_non_null(strstr(sent, "\r\nAccept: text/html\r\n"));
    assert_non_null(strstr(sent, "\r\nX-None:\r\n"));
    assert_non_null(strstr(sent, "\r\nX-Utf8: \xc3\xbc\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Length: 8\r\n"));
    assert_non_null(strstr(sent, "\r\nUser-Agent: boxagnts/"));
    assert_null(strstr(sent, "Content-Type"));
    assert_null(strstr(sent, "Expect"));
    assert_non_null(strstr(sent, "\n\nthe body"));
    web_reply_clear(&reply);
}

static void sends_a_body_with_any_method(void **state)
{
    static const char *const methods[] = { "POST", "PATCH", "DELETE", "GET",
                                           "PROPFIND" };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        web_reply reply = web_fetch(
            *state,
            (web_ask){ .method = methods[i], .url = "/echo", .body = "some" });

        assert_null(reply.err);
        assert_memory_equal(reply.body.data, methods[i], strlen(methods[i]));
        assert_non_null(strstr(reply.body.data, "Content-Length: 4\r\n"));
        assert_non_null(strstr(reply.body.data, "\n\nsome"));
        web_reply_clear(&reply);
    }
    web_expect_error(*state,
                     (web_ask){ .method = "HEAD", .url = "/", .body = "x" },
                     BX_ERR_INVALID, 0, "HEAD request has no body");
}

static void uses_a_connection_again(void **state)
{
    support_web *web = *state;

    for (int i = 0; i < 5; i++)
        web_expect_body(web, GET("/hello"), "hello");
    assert_int_equal(support_server_requests(web->server), 5);
    assert_int_equal(support_server_connections(web->server), 1);
    web_renew_client(web);
    web_expect_body(web, GET("/hello"), "hello");
    assert_int_equal(support_server_connections(web->server), 2);
}

/* One waits while the other is read; neither takes the other's bytes. */
static void interleaves_two_exchanges(void **state)
{
    support_web *web = *state;
    bx_http_request request = { .url =
                                    web_url(web, "127.0.0.1", "/body?30000") };
    bx_http_exchange *both[2];
    bx_http_head head;
    size_t got[2] = { 0, 0 };
    char buf[700];

    web_renew_client(web);
    for (int i = 0; i < 2; i++) {
        both[i] = bx_http_client_open(web->client, &request, NULL);
        assert_non_null(both[i]);
        assert_int_equal(bx_http_exchange_head(both[i], &head, NULL), 0);
    }
    for (int i = 0; got[0] + got[1] < 60000; i ^= 1) {
        ssize_t bytes = bx_http_exchange_read(both[i], buf, sizeof(buf), NULL);

        assert_true(bytes >= 0);
        got[i] += (size_t)bytes;
    }
    assert_int_equal(got[0], 30000);
    bx_http_exchange_free(both[0]);
    bx_http_exchange_free(both[1]);
}

/* What nobody reads waits in the kernel, not in this process. */
static void does_not_read_for_those_who_wait(void **state)
{
    support_web *web = *state;
    bx_http_config config = {
        .run = &web->run,
        .policy = web->policy,
        .body_bytes = 256u << 20,
    };
    bx_http_request request = { .url = web_url(web, "127.0.0.1",
                                               "/endless-body") };
    bx_http_exchange *exchange;
    bx_http_head head;
    size_t held;

    web->client = bx_http_client_new(&config, NULL);
    exchange = bx_http_client_open(web->client, &request, NULL);
    assert_int_equal(bx_http_exchange_head(exchange, &head, NULL), 0);
    held = exchange->in.len;
    for (int i = 0; i < 20; i++)
        web_expect_body(web, GET("/hello"), "hello");
    assert_null(exchange->failure);
    assert_int_equal(exchange->in.len, held);
    assert_int_equal(web->client->held_bytes, held);
    bx_http_exchange_free(exchange);
    assert_int_equal(web->client->held_bytes, 0);
}

/* ---- refused -------------------------------------------------------- */

static void refuses_a_malformed_method(void **state)
{
    static const char *const methods[] = {
        "",           "G ET",    "GET\r\nX: y",
        "G\xc3\xbcT", "CONNECT", "trace",
        "TRACK",      "GET:/",   "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"
    };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        web_expect_error(*state,
                         (web_ask){ .method = methods[i], .url = "/hello" },
                         BX_ERR_INVALID, 0, "method");
    assert_int_equal(
        support_server_connections(((support_web *)*state)->server), 0);
}

static void refuses_headers_that_break_the_message(void **state)
{
    static const char *const table[][3] = {
        { "X-A", "1\r\nX-B: 2", "control byte (0x0d)" },
        { "X-A", "1\nX-B: 2", "control byte (0x0a)" },
        { "X-A", "\x01", "control byte" },
        { "X-A", "\x7f", "control byte" },
        { "X-A\r\nX-B", "1", "header name" },
        { "X A", "1", "header name" },
        { "X-A:", "1", "header name" },
        { "", "1", "header name" },
        { "X-\xc3\xbc", "1", "header name" },
        { "Host", "evil", "set by the host" },
        { "hOST", "evil", "set by the host" },
        { "Content-Length", "0", "set by the host" },
        { "transfer-encoding", "chunked", "set by the host" },
        { "Connection", "close", "set by the host" },
        { "Upgrade", "websocket", "set by the host" },
        { "Expect", "100-continue", "set by the host" },
        { "TE", "trailers", "set by the host" },
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *const fields[] = { table[i][0], table[i][1], NULL };

        web_expect_error(*state, (web_ask){ .url = "/hello", .fields = fields },
                         BX_ERR_INVALID, 0, table[i][2]);
    }
    assert_int_equal(
        support_server_connections(((support_web *)*state)->server), 0);
}

static void refuses_a_client_without_policy(void **state)
{
    support_web *web = *state;
    bx_http_config config = { .run = &web->run };
    bx_error *err = NULL;

    assert_null(bx_http_client_new(&config, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
}

/* The trusted caller is the host itself. */
static void checks_nothing_for_a_trusted_caller(void **state)
{
    support_web *web = *state;
    bx_http_config config = {
        .run = &web->run,
        .is_trusted = true,
        .body_bytes = WEB_BODY_BYTES,
    };

    web->client = bx_http_client_new(&config, NULL);
    assert_non_null(web->client);
    web_expect_body(web, GET(web_url(web, "localhost", "/hello")), "hello");
    assert_null(web->denials.data);
}

static void ignores_proxies_of_the_environment(void **state)
{
    support_web *web = *state;
    char proxy[64];

    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u",
             support_closed_port());
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    setenv("ALL_PROXY", proxy, 1);
    web_expect_body(web, GET("/hello"), "hello");
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
}

/* ---- limits --------------------------------------------------------- */

static void ends_a_body_at_its_limit(void **state)
{
    web_reply reply = web_fetch(*state, GET("/body?65536"));

    assert_null(reply.err);
    assert_int_equal(reply.body.len, WEB_BODY_BYTES);
    web_reply_clear(&reply);
    web_expect_error(*state, GET("/body?65537"), BX_ERR_LIMIT, 0,
                     "past max-response, 65536 bytes");
    web_expect_error(*state, GET("/endless-body"), BX_ERR_LIMIT, 0,
                     "past max-response");
}

static void ends_a_decompression_bomb_at_the_limit(void **state)
{
    web_reply reply = web_fetch(*state, GET("/bomb"));

    assert_int_equal(bx_error_code(reply.err), BX_ERR_LIMIT);
    assert_true(reply.body.len <= WEB_BODY_BYTES);
    web_reply_clear(&reply);
}

static void bounds_what_all_exchanges_hold(void **state)
{
    support_web *web = *state;
    bx_http_request request = { .url = web_url(web, "127.0.0.1", "/"),
                                .method = "POST" };
    static const char half[WEB_BODY_BYTES / 2 + 1];
    bx_http_exchange *one;
    bx_http_exchange *two;
    bx_error *err = NULL;
    web_reply reply;

    web_renew_client(web);
    one = bx_http_client_open(web->client, &request, NULL);
    two = bx_http_client_open(web->client, &request, NULL);
    assert_int_equal(bx_http_exchange_write(one, half, sizeof(half), NULL), 0);
    assert_int_equal(bx_http_exchange_write(two, half, sizeof(half), &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    bx_error_free(err);
    web_expect_body(web, GET("/hello"), "hello");
    reply = web_fetch(web, GET("/bomb")); /* all of it in one piece */
    assert_int_equal(bx_error_code(reply.err), BX_ERR_LIMIT);
    assert_true(reply.body.len < WEB_BODY_BYTES / 2);
    web_reply_clear(&reply);
    bx_http_exchange_free(one);
    assert_int_equal(bx_http_exchange_write(two, half, sizeof(half), NULL), 0);
    bx_http_exchange_free(two);
}

static void ends_a_head_at_its_limits(void **state)
{
    web_reply reply = web_fetch(*state, GET("/headers?499"));

    assert_null(reply.err); /* and Content-Length: 500 */
    web_reply_clear(&reply);
    web_expect_error(*state, GET("/headers?500"), BX_ERR_LIMIT, 0,
                     "more than 500 headers");
    reply = web_fetch(*state, GET("/folds?500"));
    assert_null(reply.err);
    web_reply_clear(&reply);
    web_expect_error(*state, GET("/folds?501"), BX_ERR_LIMIT, 0,
                     "more than 500 folded header lines");
    web_expect_error(*state, GET("/endless-head"), BX_ERR_LIMIT, 0,
                     "headers are past 262144 bytes");
    web_expect_error(*state, GET("/endless-hints"), BX_ERR_LIMIT, 0,
                     "headers are past 262144 bytes");
    web_expect_error(*state, GET("/big-header?200000"), BX_ERR_LIMIT, 0,
                     "header of the response is too long");
}

/* ---- broken servers ------------------------------------------------- */

static void names_what_the_network_did(void **state)
{
    char refused[64];

    snprintf(refused, sizeof(refused), "http://127.0.0.1:%u/?key=secret",
             support_closed_port());
    web_expect_error(*state, GET(refused), BX_ERR_SYSTEM, ECONNREFUSED,
                     "GET http://127.0.0.1:");
    web_expect_error(*state, GET("/reset"), BX_ERR_SYSTEM, ECONNRESET, "");
    web_expect_error(*state, GET("/nothing"), BX_ERR_SYSTEM, ECONNRESET, "");
}

static void keeps_the_query_out_of_messages(void **state)
{
    web_reply reply = web_fetch(*state, GET("/reset?key=secret"));

    web_reply_clear(&reply);
    reply = web_fetch(*state, GET("http://elsewhere.test/?key=secret"));
    assert_int_equal(bx_error_code(reply.err), BX_ERR_DENIED);
    assert_null(strstr(bx_error_message(reply.err), "secret"));
    web_reply_clear(&reply);
}

static void names_what_the_server_broke(void **state)
{
    static const char *const paths[] = {
        "/short",  "/cut-chunk",  "/bad-chunk", "/http09",
        "/switch", "/bad-status", "/bad-gzip",
    };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        web_expect_error(*state, GET(paths[i]), BX_ERR_SYSTEM, EPROTO, "");
}

static void gives_the_bytes_before_a_failure(void **state)
{
    web_reply reply = web_fetch(*state, GET("/short"));

    assert_true(reply.has_head);
    assert_string_equal(reply.body.data, "short");
    assert_int_equal(bx_error_errno(reply.err), EPROTO);
    web_reply_clear(&reply);
}

static void stays_failed(void **state)
{
    support_web *web = *state;
    bx_http_request request = { .url = web_url(web, "127.0.0.1", "/reset") };
    bx_http_exchange *exchange;
    bx_http_head head;
    bx_error *err = NULL;
    char byte;

    web_renew_client(web);
    exchange = bx_http_client_open(web->client, &request, NULL);
    assert_int_equal(bx_http_exchange_head(exchange, &head, NULL), -1);
    assert_int_equal(bx_http_exchange_head(exchange, &head, NULL), -1);
    assert_int_equal(bx_http_exchange_read(exchange, &byte, 1, &err), -1);
    assert_non_null(strstr(bx_error_message(err), "failed before"));
    bx_error_free(err);
    assert_int_equal(bx_http_exchange_write(exchange, "x", 1, NULL), -1);
    bx_http_exchange_free(exchange);
    assert_int_equal(support_server_requests(web->server), 1);
}

/* ---- time ----------------------------------------------------------- */

static void ends_at_timeout_ms(void **state)
{
    web_expect_error(*state, (web_ask){ .url = "/slow-head", .timeout_ms = 50 },
                     BX_ERR_TIMEOUT, 0, "timeout_ms, 50 ms");
    web_expect_error(*state, (web_ask){ .url = "/slow-body", .timeout_ms = 50 },
                     BX_ERR_TIMEOUT, 0, "timeout_ms, 50 ms");
}

static void ends_at_the_runs_deadline(void **state)
{
    support_web *web = *state;

    web->run.deadline_ns = bx_now_ns() + 50000000;
    web_expect_error(web, (web_ask){ .url = "/slow-body", .timeout_ms = 60000 },
                     BX_ERR_TIMEOUT, 0, "the run's time is up");
    assert_true(bx_run_is_over(&web->run));
    web->run.cancel = NULL;
    web_expect_error(web, GET("/hello"), BX_ERR_TIMEOUT, 0,
                     "the run's time is up");
}

static void ends_when_cancelled(void **state)
{
    web_expect_error(*state, GET("/cancel"), BX_ERR_CANCELLED, 0,
                     "the run was cancelled");
}

static void does_not_wait_for_a_name(void **state)
{
    support_web *web = *state;

    web_set(web, "allowed-outbound-host", "http://*.test:*");
    support_names_hold(true);
    for (int i = 0; i < 8; i++) {
        char url[64];

        snprintf(url, sizeof(url), "http://slow%d.test/", i);
        web_expect_error(web, (web_ask){ .url = url, .timeout_ms = 20 },
                         BX_ERR_TIMEOUT, 0, "timeout_ms");
    }
    /* no more threads for a guest that only leaves them behind */
    web_expect_error(web, GET("http://slow9.test/"), BX_ERR_SYSTEM,
                     EHOSTUNREACH, "did not resolve in time");
    bx_http_client_free(web->client); /* does not wait either */
    web->client = NULL;
    assert_int_equal(support_names_lookups("slow9.test"), 0);
    support_names_hold(false);
}

/* What was read is given back, though a byte of it is still unread. */
static void holds_no_more_than_is_unread(void **state)
{
    enum { BYTES = 4 << 20 };
    bx_http_client client = { .held_bytes = BYTES };
    bx_http_exchange exchange = { .client = &client };
    bx_autofree char *data = calloc(1, BYTES);

    (void)state;
    data[BYTES - 1] = 'z';
    assert_int_equal(bx_buf_append(&exchange.in, data, BYTES, SIZE_MAX), 0);
    for (int i = 0; i < BYTES / 1024 - 1; i++)
        bx_http_transfer_consume(&exchange, 1024);
    bx_http_transfer_consume(&exchange, 1023);
    assert_int_equal(client.held_bytes, 1);
    assert_int_equal(exchange.in.len - exchange.in_at, 1);
    assert_int_equal(exchange.in.data[exchange.in_at], 'z');
    assert_true(exchange.in.cap <= 512u << 10);
    bx_http_transfer_consume(&exchange, 1);
    assert_int_equal(exchange.in.len, 0);
    bx_buf_clear(&exchange.in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, web_open, web_close)
        TEST(gets_head_and_body),
        TEST(reads_every_kind_of_body),
        TEST(leaves_hints_and_trailers_out_of_the_head),
        TEST(reads_odd_header_lines),
        TEST(sends_method_headers_and_body),
        TEST(sends_a_body_with_any_method),
        TEST(uses_a_connection_again),
        TEST(interleaves_two_exchanges),
        TEST(does_not_read_for_those_who_wait),
        TEST(refuses_a_malformed_method),
        TEST(refuses_headers_that_break_the_message),
        TEST(refuses_a_client_without_policy),
        TEST(checks_nothing_for_a_trusted_caller),
        TEST(ignores_proxies_of_the_environment),
        TEST(ends_a_body_at_its_limit),
        TEST(ends_a_decompression_bomb_at_the_limit),
        TEST(bounds_what_all_exchanges_hold),
        TEST(ends_a_head_at_its_limits),
        TEST(names_what_the_network_did),
        TEST(keeps_the_query_out_of_messages),
        TEST(names_what_the_server_broke),
        TEST(gives_the_bytes_before_a_failure),
        TEST(stays_failed),
        TEST(ends_at_timeout_ms),
        TEST(ends_at_the_runs_deadline),
        TEST(ends_when_cancelled),
        TEST(does_not_wait_for_a_name),
        cmocka_unit_test(holds_no_more_than_is_unread),
    };

    return support_run_every_way(tests, NULL, NULL);
}
