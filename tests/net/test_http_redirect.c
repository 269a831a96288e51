/* Redirects, and the addresses behind names: where a request that began
 * allowed may still not go. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/support_web.h"

#define GET(path) ((web_ask){ .url = (path) })
#define PUBLIC "93.184.216.34" /* routed to the test's own server */

/* A path of the server that redirects to url. */
static const char *redirect_to(unsigned status, const char *url)
{
    static char path[1024];

    snprintf(path, sizeof(path), "/redirect/%u/%s", status, url);
    return path;
}

/* http://NAME.test at the public address leads to the server too. */
static void allow_public(support_web *web)
{
    web_set(web, "allowed-outbound-host", "http://*.test:*");
    support_names_set("a.test", PUBLIC);
    support_names_set("b.test", PUBLIC);
    support_names_route(PUBLIC, web->port);
}

/* A policy with nothing but this pattern. */
static void allow_only(support_web *web, const char *pattern)
{
    bx_policy_free(web->policy);
    web->policy = bx_policy_new();
    web_set(web, "allowed-outbound-host", pattern);
    web_renew_client(web);
}

static void expect_denied(support_web *web, const char *url, const char *reason,
                          const char *audit)
{
    bx_buf_clear(&web->denials);
    web->run.calls_denied = 0;
    web_expect_error(web, GET(url), BX_ERR_DENIED, 0, reason);
    assert_int_equal(web->run.calls_denied, 1);
    if (web->denials.data == NULL || strstr(web->denials.data, audit) == NULL)
        fail_msg("the audit says '%s', not '%s'", web->denials.data, audit);
}

/* ---- followed ------------------------------------------------------- */

static void follows_each_kind(void **state)
{
    static const unsigned statuses[] = { 301, 302, 303, 307, 308 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        web_reply reply =
            web_fetch(*state, GET(redirect_to(statuses[i], "/hello")));

        assert_null(reply.err);
        assert_string_equal(reply.body.data, "hello");
        assert_true(reply.is_redirected);
        assert_string_equal(reply.url, web_url(*state, "127.0.0.1", "/hello"));
        web_reply_clear(&reply);
    }
    web_expect_body(*state, GET(redirect_to(302, "../../hello")), "hello");
    web_expect_body(*state, GET(redirect_to(302, "/redirect/301//hello")),
                    "hello");
    web_expect_body(*state, GET("/to-slow"), "hello");
}

static void turns_post_into_get(void **state)
{
    static const struct {
        unsigned status;
        const char *method;
        const char *after;
    } table[] = {
        { 301, "POST", "GET" },  { 302, "POST", "GET" },
        { 303, "POST", "GET" },  { 303, "PUT", "GET" },
        { 301, "PUT", "PUT" },   { 302, "DELETE", "DELETE" },
        { 307, "POST", "POST" }, { 308, "POST", "POST" },
    };
    const char *const fields[] = { "Content-Type", "text/plain", "X-Mine", "1",
                                   NULL };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        bool is_kept = strcmp(table[i].method, table[i].after) == 0;
        web_reply reply = web_fetch(
            *state, (web_ask){ .method = table[i].method,
                               .url = redirect_to(table[i].status, "/echo"),
                               .fields = fields,
                               .body = "body-bytes" });
        const char *sent = reply.body.data;

        assert_null(reply.err);
        assert_memory_equal(sent, table[i].after, strlen(table[i].after));
        assert_non_null(strstr(sent, "X-Mine: 1"));
        assert_true((strstr(sent, "body-bytes") != NULL) == is_kept);
        assert_true((strstr(sent, "Content-Type") != NULL) == is_kept);
        assert_true((strstr(sent, "Content-Length") != NULL) == is_kept);
        web_reply_clear(&reply);
    }
}

static void gives_the_redirect_itself_in_manual_mode(void **state)
{
    web_reply reply =
        web_fetch(*state, (web_ask){ .url = redirect_to(302, "/hello"),
                                     .redirect = BX_HTTP_REDIRECT_MANUAL });

    assert_null(reply.err);
    assert_int_equal(reply.status, 302);
    assert_false(reply.is_redirected);
    assert_string_equal(bx_http_fields_find(&reply.fields, "location")->value,
                        "/hello");
    web_reply_clear(&reply);
}

static void ends_in_an_error_in_error_mode(void **state)
{
    web_expect_error(*state,
                     (web_ask){ .url = redirect_to(302, "/hello"),
                                .redirect = BX_HTTP_REDIRECT_ERROR },
                     BX_ERR_SYSTEM, EPROTO, "allows none");
}

static void ends_a_loop(void **state)
{
    support_web *web = *state;

    web_expect_error(web, GET("/to-self"), BX_ERR_SYSTEM, EPROTO,
                     "more than 20 redirects");
    assert_int_equal(support_server_requests(web->server), 21);
}

/* ---- credentials ---------------------------------------------------- */

static const char *const credentials[] = { "Authorization",
                                           "Bearer s3cret",
                                           "cookie",
                                           "k=s3cret",
                                           "Proxy-Authorization",
                                           "s3cret",
                                           "X-Mine",
                                           "1",
                                           NULL };

static void keeps_credentials_on_one_origin(void **state)
{
    web_reply reply =
        web_fetch(*state, (web_ask){ .url = redirect_to(302, "/echo"),
                                     .fields = credentials });

    assert_non_null(strstr(reply.body.data, "Bearer s3cret"));
    assert_non_null(strstr(reply.body.data, "k=s3cret"));
    web_reply_clear(&reply);
}

static void drops_credentials_when_the_origin_changes(void **state)
{
    support_web *web = *state;
    web_reply reply;

    allow_public(web);
    /* another host */
    reply =
        web_fetch(web, (web_ask){ .url = redirect_to(302, "http://a.test/echo"),
                                  .fields = credentials });
    assert_null(reply.err);
    assert_null(strstr(reply.body.data, "s3cret"));
    assert_non_null(strstr(reply.body.data, "X-Mine: 1"));
    web_reply_clear(&reply);
    /* another port of the same host */
    reply = web_fetch(web, (web_ask){ .url = "http://a.test:81/redirect/302/"
                                             "http://a.test:82/echo",
                                      .fields = credentials });
    assert_null(reply.err);
    assert_null(strstr(reply.body.data, "s3cret"));
    web_reply_clear(&reply);
    /* there and back again */
    reply = web_fetch(
        web, (web_ask){ .url = "http://a.test/redirect/302/http://b.test/"
                               "redirect/302/http://a.test/echo",
                        .fields = credentials });
    assert_null(reply.err);
    assert_null(strstr(reply.body.data, "s3cret"));
    web_reply_clear(&reply);
}

/* ---- refused -------------------------------------------------------- */

static void refuses_a_hop_that_is_not_allowed(void **state)
{
    support_web *web = *state;

    expect_denied(web, redirect_to(302, "http://evil.example/x"),
                  "http://evil.example/x", "http_head http://evil.example/x");
    assert_int_equal(support_names_lookups(""), 0);
    allow_public(web);
    web_renew_client(web);
    expect_denied(web, "http://a.test/redirect/302/http://evil.example/",
                  "evil.example", "http_head http://evil.example/");
    assert_int_equal(support_names_lookups("evil.example"), 0);
}

static void refuses_a_hop_to_a_blocked_url(void **state)
{
    support_web *web = *state;

    web_set(web, "block-url", "*/secret*");
    web_renew_client(web);
    expect_denied(web, "/secret/x", "denied", "--block-url */secret*");
    expect_denied(web, "/to-secret", "redirect (302)", "--block-url */secret*");
    expect_denied(web, "/to-encoded-secret", "redirect (302)",
                  "--block-url */secret*");
    assert_int_equal(support_server_requests(web->server), 2);
}

static void refuses_a_location_that_is_no_http_url(void **state)
{
    static const char *const locations[] = {
        "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/", "javascript:1",
        "http://u:p@h/",      "http://",          "http:///x",   "//h:0/",
    };

    for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++)
        web_expect_error(*state, GET(redirect_to(302, locations[i])),
                         BX_ERR_SYSTEM, EPROTO, "redirect (302)");
    web_expect_error(*state, GET("/to-backslash"), BX_ERR_SYSTEM, EPROTO,
                     "a backslash");
}

static void refuses_a_name_with_a_private_address(void **state)
{
    static const char *const addresses[] = {
        "127.0.0.1",  "10.0.0.1",  "192.168.1.1",     "169.254.169.254",
        "0.0.0.0",    "::1",       "::ffff:10.0.0.1", "::ffff:127.0.0.1",
        "fe80::1",    "fd00::1",   "64:ff9b::7f00:1", "2002:7f00:1::",
        "100.64.0.1", "224.0.0.1",
    };
    support_web *web = *state;

    allow_only(web, "*://*:*");
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        support_names_set("a.test", addresses[i]);
        web_renew_client(web);
        expect_denied(web, web_url(web, "a.test", "/hello"),
                      "no address of 'a.test' is allowed", "http_head");
    }
    assert_int_equal(support_names_dials(""), 0);
    assert_int_equal(support_server_connections(web->server), 0);
}

static void refuses_a_private_address_behind_a_redirect(void **state)
{
    support_web *web = *state;

    allow_public(web);
    support_names_set("inner.test", "192.168.0.1,10.0.0.1");
    expect_denied(web, "http://a.test/redirect/302/http://inner.test/",
                  "no address of 'inner.test'",
                  "http_head http://inner.test/ ");
    assert_int_equal(support_names_dials(PUBLIC), 1);
    assert_int_equal(support_names_dials(""), 1);
}

/* Rebinding: the first lookup is fine, the second is not. */
static void refuses_a_name_that_turns_private(void **state)
{
    support_web *web = *state;

    allow_only(web, "http://*.test:*");
    allow_public(web);
    web_expect_body(web, GET("http://a.test/hello"), "hello");
    support_names_set("a.test", "127.0.0.1");
    web_renew_client(web);
    expect_denied(web, web_url(web, "a.test", "/hello"), "no address",
                  "http_head");
    assert_int_equal(support_names_dials("127.0.0.1"), 0);
}

static void skips_a_private_address_among_public_ones(void **state)
{
    support_web *web = *state;

    allow_public(web);
    support_names_set("a.test", "10.0.0.1," PUBLIC);
    web_expect_body(web, GET("http://a.test/hello"), "hello");
    assert_int_equal(support_names_dials("10.0.0.1"), 0);
    assert_int_equal(support_names_dials(PUBLIC), 1);
}

static void needs_loopback_to_be_named(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.1",          "127.1",     "0x7f.0.0.1",  "0177.0.0.1",
        "2130706433",         "localhost", "x.localhost", "[::1]",
        "[::ffff:127.0.0.1]", "0",
    };
    support_web *web = *state;

    allow_only(web, "*://*:*");
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        expect_denied(web, web_url(web, hosts[i], "/hello"), "denied", "");
    assert_int_equal(support_server_connections(web->server), 0);
    allow_only(web, "http://localhost:*");
    web_expect_body(web, GET(web_url(web, "localhost", "/hello")), "hello");
    expect_denied(web, web_url(web, "x.localhost", "/hello"), "denied", "");
}

static void lets_block_network_win(void **state)
{
    support_web *web = *state;

    allow_public(web);
    web_set(web, "block-network", "private");
    web_renew_client(web);
    expect_denied(web, "/hello", "denied", "--block-network private");
    web_expect_body(web, GET("http://a.test/hello"), "hello");
    web_set(web, "block-network", "93.184.0.0/16");
    web_renew_client(web);
    expect_denied(web, "http://a.test/hello", "denied",
                  "--block-network 93.184.0.0/16");
}

static void looks_up_allowed_names_only(void **state)
{
    support_web *web = *state;

    expect_denied(web, "http://data.evil.example/", "denied",
                  "http_open http://data.evil.example/");
    assert_int_equal(support_names_lookups(""), 0);
    allow_public(web);
    web_renew_client(web);
    web_expect_body(web, GET("http://a.test/hello"), "hello");
    web_expect_error(web, GET("http://none.test/"), BX_ERR_SYSTEM, EHOSTUNREACH,
                     "none.test");
    assert_true(support_names_lookups("a.test") > 0);
    assert_int_equal(support_names_lookups("") -
                         support_names_lookups("a.test") -
                         support_names_lookups("none.test"),
                     0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, web_open, web_close)
        TEST(follows_each_kind),
        TEST(turns_post_into_get),
        TEST(gives_the_redirect_itself_in_manual_mode),
        TEST(ends_in_an_error_in_error_mode),
        TEST(ends_a_loop),
        TEST(keeps_credentials_on_one_origin),
        TEST(drops_credentials_when_the_origin_changes),
        TEST(refuses_a_hop_that_is_not_allowed),
        TEST(refuses_a_hop_to_a_blocked_url),
        TEST(refuses_a_location_that_is_no_http_url),
        TEST(refuses_a_name_with_a_private_address),
        TEST(refuses_a_private_address_behind_a_redirect),
        TEST(refuses_a_name_that_turns_private),
        TEST(skips_a_private_address_among_public_ones),
        TEST(needs_loopback_to_be_named),
        TEST(lets_block_network_win),
        TEST(looks_up_allowed_names_only),
    };

    return support_run_every_way(tests, NULL, NULL);
}
