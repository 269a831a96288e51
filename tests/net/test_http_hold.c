/* Whoever is asked before something goes out: once for each origin, and for
 * each request that would change something. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/http_exchange.h"
#include "net/http_poll.h"
#include "net/support_web.h"
#include "policy/grant.h"

#define PUBLIC "93.184.216.34" /* routed to the test's own server */

static struct asked {
    unsigned times;
    unsigned approve; /* so many, then no more */
    bx_run *waits;    /* until the deadline it has now is past */
    bx_buf text;      /* "METHOD URL BODY\n" or "KIND TARGET\n" each */
} asked;

static bool on_hold(void *context, const bx_hold_event *event)
{
    (void)context;
    bx_buf_printf(&asked.text, "%s %s %.*s\n", event->method, event->url,
                  (int)event->body_bytes, (const char *)event->body);
    for (int64_t end = asked.waits == NULL ? 0 : asked.waits->deadline_ns;
         bx_now_ns() <= end;)
        usleep(1000);
    return asked.times++ < asked.approve;
}

static bool on_need(void *context, const bx_need_event *event)
{
    (void)context;
    bx_buf_printf(&asked.text, "%s %s\n", event->kind, event->target);
    return asked.times++ < asked.approve;
}

static support_web *hold(void **state, unsigned approve)
{
    support_web *web = *state;

    asked.approve = approve;
    web->run.hold = on_hold;
    return web;
}

static support_web *need(void **state, unsigned approve)
{
    support_web *web = *state;

    asked.approve = approve;
    web->run.need = on_need;
    return web;
}

static int close_asked(void **state)
{
    support_web *web = *state;

    bx_buf_clear(&asked.text);
    memset(&asked, 0, sizeof(asked));
    bx_run_forget_needs(&web->run);
    return web_close(state);
}

static void expect_text(const char *format, const support_web *web)
{
    char text[512];

    snprintf(text, sizeof(text), format, web->port, web->port);
    assert_string_equal(asked.text.data == NULL ? "" : asked.text.data, text);
}

static void expect_held(support_web *web, web_ask ask)
{
    web_expect_error(web, ask, BX_ERR_DENIED, 0, "held, and not approved");
}

/* ---- held ------------------------------------------------------------ */

static void asks_before_what_changes_something(void **state)
{
    support_web *web = hold(state, 1);
    web_reply reply = web_fetch(
        web, (web_ask){ .method = "POST", .url = "/echo?a=b", .body = "some" });

    assert_null(reply.err);
    assert_non_null(strstr(reply.body.data, "\n\nsome"));
    expect_text("POST http://127.0.0.1:%u/echo?a=b some\n", web);
    web_reply_clear(&reply);
}

static void sends_nothing_that_is_not_approved(void **state)
{
    static const char *const methods[] = { "POST", "PUT", "DELETE", "PATCH",
                                           "PROPFIND" };
    support_web *web = hold(state, 0);

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        expect_held(web, (web_ask){ .method = methods[i], .url = "/hello" });
    assert_int_equal(asked.times, 5);
    assert_int_equal(support_server_connections(web->server), 0);
    assert_int_equal(web->run.calls_denied, 5);
    assert_non_null(strstr(web->denials.data, "http_head http://127.0.0.1"));
    assert_non_null(strstr(web->denials.data, "requests are held"));
}

static void lets_through_what_only_asks(void **state)
{
    support_web *web = hold(state, 0);

    web_expect_body(web, (web_ask){ .url = "/hello" }, "hello");
    web_expect_body(web, (web_ask){ .method = "HEAD", .url = "/hello" }, "");
    web_expect_body(web, (web_ask){ .method = "options", .url = "/hello" },
                    "hello");
    assert_int_equal(asked.times, 0);
}

static void asks_again_when_a_redirect_repeats_it(void **state)
{
    support_web *web = hold(state, 1);
    const web_ask again = { .method = "POST",
                            .url = "/redirect/307//echo",
                            .body = "twice" };

    expect_held(web, again);
    expect_text("POST http://127.0.0.1:%u/redirect/307//echo twice\n"
                "POST http://127.0.0.1:%u/echo twice\n",
                web);
    assert_int_equal(support_server_requests(web->server), 1);
    asked.times = 0;
    web_expect_body(
        web, (web_ask){ .method = "POST", .url = "/redirect/303//hello" },
        "hello");
    assert_int_equal(asked.times, 1);
}

/* What waits for several requests sends them: a no is said once, and kept. */
static void asks_once_when_nobody_waits(void **state)
{
    support_web *web = hold(state, 0);
    bx_http_request request = { .method = "POST",
                                .url = web_url(web, "127.0.0.1", "/hello") };
    bx_http_exchange *exchange;
    bx_http_head head;
    bx_error *err = NULL;

    web_renew_client(web);
    exchange = bx_http_client_open(web->client, &request, NULL);
    assert_true(bx_http_exchange_is_ready(exchange, false));
    assert_true(bx_http_exchange_is_ready(exchange, false));
    assert_int_equal(bx_http_exchange_head(exchange, &head, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_int_equal(asked.times, 1);
    bx_error_free(err);
    bx_http_exchange_free(exchange);
    assert_int_equal(support_server_connections(web->server), 0);
}

/* The person takes longer than run and request have. */
static void lets_the_time_stand_still(void **state)
{
    support_web *web = hold(state, 1);
    bx_run *guest;
    int64_t before;

    web_renew_client(web);
    guest = support_broker_run(web->broker);
    web->run.deadline_ns = bx_now_ns() + 1000000000;
    guest->deadline_ns = web->run.deadline_ns;
    before = guest->deadline_ns;
    asked.waits = &web->run;
    web_expect_body(
        web, (web_ask){ .method = "POST", .url = "/hello", .timeout_ms = 1000 },
        "hello");
    assert_int_equal(guest->held_ns, web->run.held_ns);
    assert_int_equal(guest->deadline_ns, before + guest->held_ns);
    assert_false(bx_run_is_over(guest));
}

static void masks_what_may_be_a_secret(void **state)
{
    support_web *web = hold(state, 0);
    bx_autogrants bx_grants *grants = bx_grants_new();

    setenv("TOKEN", "hunter2hunter2", 1);
    web_set(web, "secret", "TOKEN");
    assert_int_equal(bx_grants_add(grants, "network:*", NULL, NULL), 0);
    assert_int_equal(bx_grants_add_secret(grants, "TOKEN",
                                          web_url(web, "127.0.0.1", ""), NULL,
                                          NULL, NULL, NULL),
                     0);
    assert_int_equal(bx_policy_narrow(web->policy, grants, "manifest", NULL),
                     0);
    expect_held(web, (web_ask){ .method = "POST",
                                .url = "/?k=hunter2hunter2",
                                .body = "<hunter2hunter2>" });
    expect_text("POST http://127.0.0.1:%u/?k=************** "
                "<**************>\n",
                web);
}

/* ---- asked ----------------------------------------------------------- */

static void asks_once_for_each_origin(void **state)
{
    support_web *web = need(state, 2);

    web_set(web, "allowed-outbound-host", "http://*.test:*");
    support_names_set("a.test", PUBLIC);
    support_names_route(PUBLIC, web->port);
    web_expect_body(web, (web_ask){ .url = "/hello" }, "hello");
    web_expect_body(web, (web_ask){ .url = "/gzip" }, "hello gzip");
    expect_text("network http://127.0.0.1:%u\n", web);
    web_expect_body(
        web, (web_ask){ .url = "/redirect/302/http://a.test/hello" }, "hello");
    expect_text("network http://127.0.0.1:%u\nnetwork http://a.test:80\n", web);
}

static void refuses_an_origin_when_told_so(void **state)
{
    support_web *web = need(state, 0);

    web_set(web, "allowed-outbound-host", "http://*.test:*");
    for (int i = 0; i < 2; i++)
        web_expect_error(web, (web_ask){ .url = "http://a.test/?k=v" },
                         BX_ERR_DENIED, 0,
                         "denied: http://a.test/: refused when asked");
    assert_int_equal(asked.times, 1);
    assert_int_equal(support_names_lookups(""), 0);
    assert_non_null(strstr(web->denials.data, "asked at the first use"));
    /* What the policy refuses, nobody is asked about. */
    web_expect_error(web, (web_ask){ .url = "http://b.example/" },
                     BX_ERR_DENIED, 0, "denied");
    assert_int_equal(asked.times, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, web_open, close_asked)
        TEST(asks_before_what_changes_something),
        TEST(sends_nothing_that_is_not_approved),
        TEST(lets_through_what_only_asks),
        TEST(asks_again_when_a_redirect_repeats_it),
        TEST(asks_once_when_nobody_waits),
        TEST(lets_the_time_stand_still),
        TEST(masks_what_may_be_a_secret),
        TEST(asks_once_for_each_origin),
        TEST(refuses_an_origin_when_told_so),
    };

    return support_run_every_way(tests, NULL, NULL);
}
