/* wasi:http and wasi:sockets against the attacks that src/net is tested with:
 * what holds for the HTTP client holds for components. Names and dials are the
 * test's own (tests/net/support_names.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/support_web.h"
#include "sandbox/support_component.h"

#define PUBLIC "93.184.216.34" /* routed to the test's own server */

static bx_buf denials;

static void on_denial(void *context, const bx_audit_event *event)
{
    (void)context;
    bx_buf_printf(&denials, "%s %s %s %s\n", event->call, event->target,
                  event->reason, event->rule);
}

/* Here or, with a broker, in a sandbox that has no policy to speak of. */
static bx_result *run(const support_web *web, const char *name,
                      const bx_run_options *options, const char *what,
                      const char *where, const char *more)
{
    bx_run net = { .deadline_ns =
                       bx_now_ns() +
                       (int64_t)web->policy->limits.timeout_ms * 1000000,
                   .audit = on_denial };
    support_broker *broker = support_broker_new(web->policy, &net, NULL);
    bx_run_extra extra = { .broker = support_broker_run(broker)->broker };
    bx_result *result;

    run_component_extra = &extra;
    result = run_component(name, support_broker_policy(broker), options, what,
                           where, more, NULL);
    run_component_extra = NULL;
    support_broker_free(broker);
    return result;
}

/* What the guest said, and to denials what was refused; owned by the caller. */
static char *say(const support_web *web, const char *name, const char *what,
                 const char *where, const char *more)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;
    char *text;

    bx_buf_clear(&denials);
    options.audit = on_denial;
    result = run(web, name, &options, what, where, more);
    if (bx_result_code(result) != BX_OK)
        fail_msg("%s", bx_result_message(result));
    text = strdup(bx_result_stdout(result, NULL));
    bx_result_free(result);
    return text;
}

static void expect_said(const support_web *web, const char *name,
                        const char *what, const char *where, const char *text)
{
    bx_autofree char *said = say(web, name, what, where, NULL);

    if (strstr(said, text) == NULL)
        fail_msg("%s %s said '%s', not '%s'", what, where, said, text);
}

/* Refused, told to the audit, and no byte left. */
static void expect_refused(const support_web *web, const char *name,
                           const char *what, const char *where,
                           const char *text, const char *audit)
{
    unsigned dials = support_names_dials("");

    expect_said(web, name, what, where, text);
    if (denials.data == NULL || strstr(denials.data, audit) == NULL)
        fail_msg("%s %s: the audit says '%s', not '%s'", what, where,
                 denials.data, audit);
    assert_int_equal(support_names_dials(""), dials);
}

static void allow_only(support_web *web, const char *pattern)
{
    bx_policy_free(web->policy);
    web->policy = bx_policy_new();
    web_set(web, "allowed-outbound-host", pattern);
}

static void allow_public(support_web *web)
{
    allow_only(web, "http://*.test:*");
    support_names_set("a.test", PUBLIC);
    support_names_route(PUBLIC, web->port);
}

static const char *const private_addresses[] = {
    "127.0.0.1",  "10.0.0.1",  "192.168.1.1",     "169.254.169.254",
    "0.0.0.0",    "::1",       "::ffff:10.0.0.1", "::ffff:127.0.0.1",
    "fe80::1",    "fd00::1",   "64:ff9b::7f00:1", "2002:7f00:1::",
    "100.64.0.1", "224.0.0.1",
};
#define PRIVATE_ADDRESSES                                                      \
    (sizeof(private_addresses) / sizeof(private_addresses[0]))

/* ---- wasi:http ------------------------------------------------------ */

/* The host keeps what a pollable waits for, and does not fall over it. */
static void waits_for_what_is_gone(void **state)
{
    support_web *web = *state;

    allow_public(web);
    expect_said(web, "fetch", "orphan-head", "http://a.test/hello",
                "ready true\n");
    expect_said(web, "fetch", "orphan-body", "http://a.test/hello",
                "ready true\n");
}

static void fetches_what_is_allowed(void **state)
{
    support_web *web = *state;

    allow_public(web);
    expect_said(web, "fetch", "get", "http://a.test/hello",
                "status 200\nbody 5\nhello\n");
    expect_said(web, "fetch", "get", "http://a.test/chunked", "abcde");
    expect_said(web, "fetch", "get", "http://a.test/gzip", "hello gzip");
    assert_int_equal(support_names_dials(PUBLIC), 3);
}

static void refuses_urls_before_any_lookup(void **state)
{
    static const char *const urls[] = {
        "http://evil.example/",    "https://a.test/",
        "http://10.0.0.1/",        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",      "http://0x7f.1/",
        "http://localhost:1/",     "http://a.test.evil.example/",
        "http://xn--a-test.evil/",
    };
    support_web *web = *state;

    allow_public(web);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        expect_refused(web, "fetch", "get", urls[i], "HttpRequestDenied",
                       "http_open");
    assert_int_equal(support_names_lookups(""), 0);
}

static void refuses_a_name_with_a_private_address(void **state)
{
    support_web *web = *state;
    char url[64];

    allow_only(web, "*://*:*");
    snprintf(url, sizeof(url), "http://a.test:%u/hello", web->port);
    for (size_t i = 0; i < PRIVATE_ADDRESSES; i++) {
        support_names_set("a.test", private_addresses[i]);
        expect_refused(web, "fetch", "get", url, "HttpRequestDenied",
                       "http_head");
    }
    assert_int_equal(support_server_connections(web->server), 0);
}

static void obeys_blocked_urls_and_networks(void **state)
{
    support_web *web = *state;

    allow_public(web);
    web_set(web, "block-url", "http://a.test/secret*");
    expect_said(web, "fetch", "get", "http://a.test/hello", "hello");
    expect_refused(web, "fetch", "get", "http://a.test/secret",
                   "HttpRequestDenied", "block-url");
    expect_refused(web, "fetch", "get", "http://a.test/x/%2e%2e/%73ecret",
                   "HttpRequestDenied", "block-url");
    web_set(web, "block-network", "93.184.216.0/24");
    expect_refused(web, "fetch", "get", "http://a.test/hello",
                   "HttpRequestDenied", "block-network");
}

/* The guest follows redirects itself, and each is a request like any other. */
static void hands_redirects_to_the_guest(void **state)
{
    support_web *web = *state;

    allow_public(web);
    expect_said(web, "fetch", "get",
                "http://a.test/redirect/302/http://10.0.0.1/",
                "status 302\nlocation: http://10.0.0.1/\n");
    assert_int_equal(support_names_dials(""), 1);
}

static void tells_failures_of_servers(void **state)
{
    static const char *const failures[][2] = {
        { "/reset", "ConnectionTerminated" },
        { "/nothing", "ConnectionTerminated" },
        { "/short", "HttpProtocolError" },
        { "/cut-chunk", "HttpProtocolError" },
        { "/bad-chunk", "HttpProtocolError" },
        { "/http09", "HttpProtocolError" },
        { "/bad-gzip", "HttpProtocolError" },
    };
    support_web *web = *state;

    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
        expect_said(web, "fetch", "get",
                    web_url(web, "127.0.0.1", failures[i][0]), failures[i][1]);
    expect_said(web, "fetch", "get", "http://127.0.0.1:1/",
                "ConnectionRefused");
}

static void limits_bodies_and_requests(void **state)
{
    support_web *web = *state;
    const char *hello = web_url(web, "127.0.0.1", "/hello");
    bx_autofree char *said = NULL;

    web_set(web, "max-response", "1000");
    said = say(web, "fetch", "post-bytes", hello, "1001");
    assert_non_null(strstr(said, "HttpRequestBodySize"));
    web_set(web, "max-requests", "3");
    expect_said(web, "fetch", "repeat", hello,
                "3 made: ErrorCode::ConnectionLimitReached");
    web_set(web, "max-requests", "1000");
    web_set(web, "max-open-requests", "4");
    expect_said(web, "fetch", "hoard", hello,
                "4 held: ErrorCode::ConnectionLimitReached");
}

static void refuses_headers_of_the_host(void **state)
{
    static const char *const names[] = { "Host", "Transfer-Encoding",
                                         "Connection", "Upgrade", "a b" };
    support_web *web = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bx_autofree char *said =
            say(web, "fetch", "header", "http://127.0.0.1/", names[i]);

        if (strstr(said, "HeaderError::") == NULL)
            fail_msg("%s: %s", names[i], said);
    }
}

static void ends_requests_at_the_deadline(void **state)
{
    static const char *const paths[] = { "/slow-head", "/slow-body" };
    support_web *web = *state;

    web_set(web, "wasm-timeout", "80ms");
    for (int i = 0; i < 2; i++) {
        bx_result *result = run(web, "fetch", NULL, "get",
                                web_url(web, "127.0.0.1", paths[i]), NULL);

        assert_int_equal(bx_result_code(result), BX_ERR_TIMEOUT);
        bx_result_free(result);
    }
}

/* ---- wasi:sockets --------------------------------------------------- */

static const char *at_port(const support_web *web, const char *host)
{
    static char text[128];

    snprintf(text, sizeof(text),
             strchr(host, ':') == NULL ? "%s:%u" : "[%s]:%u", host, web->port);
    return text;
}

static void connects_by_address_and_by_name(void **state)
{
    support_web *web = *state;

    expect_said(web, "probe", "tcp", at_port(web, "127.0.0.1"), "HTTP/1.1");
    allow_public(web);
    expect_said(web, "probe", "tcp", "a.test:80", "HTTP/1.1");
    expect_said(web, "probe", "tcp", "a.test:0", "error:");
}

static void refuses_addresses_no_name_led_to(void **state)
{
    support_web *web = *state;

    allow_public(web);
    expect_refused(web, "probe", "tcp", PUBLIC ":80", "error: Permission",
                   "tcp_connect " PUBLIC ":80");
    expect_refused(web, "probe", "tcp", at_port(web, "127.0.0.1"),
                   "error: Permission", "tcp_connect");
}

static void refuses_private_addresses_of_names(void **state)
{
    support_web *web = *state;

    allow_only(web, "*://*:*");
    for (size_t i = 0; i < PRIVATE_ADDRESSES; i++) {
        bx_autofree char *said = NULL;

        support_names_set("a.test", private_addresses[i]);
        said = say(web, "probe", "tcp", at_port(web, "a.test"), NULL);
        if (strncmp(said, "error:", 6) != 0)
            fail_msg("%s: %s", private_addresses[i], said);
    }
    for (size_t i = 0; i < PRIVATE_ADDRESSES; i++) {
        bx_autofree char *said =
            say(web, "probe", "tcp", at_port(web, private_addresses[i]), NULL);

        if (strncmp(said, "error:", 6) != 0)
            fail_msg("%s: %s", private_addresses[i], said);
    }
    assert_int_equal(support_names_dials(""), 0);
    assert_int_equal(support_server_connections(web->server), 0);
}

static void refuses_other_ports_and_blocked_networks(void **state)
{
    support_web *web = *state;

    allow_public(web);
    allow_only(web, "http://a.test:80");
    expect_said(web, "probe", "tcp", "a.test:80", "HTTP/1.1");
    expect_refused(web, "probe", "tcp", "a.test:81", "error: Permission",
                   "tcp_connect");
    web_set(web, "block-network", "93.184.216.0/24");
    expect_refused(web, "probe", "tcp", "a.test:80", "error: Permission",
                   "block-network");
}

static void looks_up_allowed_names_only(void **state)
{
    support_web *web = *state;

    allow_public(web);
    expect_said(web, "probe", "resolve", "a.test:80", PUBLIC ":80");
    assert_int_equal(support_names_lookups("a.test"), 1);
    expect_refused(web, "probe", "resolve", "secret.evil.example:53",
                   "error:", "resolve_addresses secret.evil.example");
    assert_int_equal(support_names_lookups(""), 1);
}

static void ends_a_lookup_at_the_deadline(void **state)
{
    support_web *web = *state;
    bx_result *result;

    allow_public(web);
    web_set(web, "wasm-timeout", "80ms");
    support_names_hold(true);
    result = run(web, "probe", NULL, "resolve", "a.test:1", NULL);
    support_names_hold(false);
    assert_int_equal(bx_result_code(result), BX_ERR_TIMEOUT);
    bx_result_free(result);
}

static void listens_for_nobody(void **state)
{
    support_web *web = *state;

    allow_only(web, "*://*:*");
    expect_refused(web, "probe", "listen", "127.0.0.1:0", "error: Permission",
                   "socket_bind 127.0.0.1:0");
    expect_refused(web, "probe", "listen", "0.0.0.0:8080", "error: Permission",
                   "socket_bind 0.0.0.0:8080");
    expect_refused(web, "probe", "listen", "0.0.0.0:0", "error: Permission",
                   "tcp_listen");
}

static int open_group(void **state)
{
    return make_home(state);
}

static int close_group(void **state)
{
    bx_buf_clear(&denials);
    free_components();
    return remove_home(state);
}

#define WEB_TEST(name)                                                         \
    cmocka_unit_test_setup_teardown(name, web_open, web_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WEB_TEST(fetches_what_is_allowed),
        WEB_TEST(waits_for_what_is_gone),
        WEB_TEST(refuses_urls_before_any_lookup),
        WEB_TEST(refuses_a_name_with_a_private_address),
        WEB_TEST(obeys_blocked_urls_and_networks),
        WEB_TEST(hands_redirects_to_the_guest),
        WEB_TEST(tells_failures_of_servers),
        WEB_TEST(limits_bodies_and_requests),
        WEB_TEST(refuses_headers_of_the_host),
        WEB_TEST(ends_requests_at_the_deadline),
        WEB_TEST(connects_by_address_and_by_name),
        WEB_TEST(refuses_addresses_no_name_led_to),
        WEB_TEST(refuses_private_addresses_of_names),
        WEB_TEST(refuses_other_ports_and_blocked_networks),
        WEB_TEST(looks_up_allowed_names_only),
        WEB_TEST(ends_a_lookup_at_the_deadline),
        WEB_TEST(listens_for_nobody),
    };

    return support_run_every_way(tests, open_group, close_group);
}
