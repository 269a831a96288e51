/* Answers that are broken, foreign or hostile: never half a call, never a key,
 * and always an error that says what came. */
#include "agent/models/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json_text.h"
#include "models/turn_server.h"
#include "net/sse.h"

/* ---- cuts ----------------------------------------------------------- */

static char *read_golden(const char *name)
{
    bx_autofree char *path = NULL;
    char *text = NULL;

    assert_true(asprintf(&path, "%s/tests/models/golden/%s",
                         getenv("BX_SOURCE_DIR"), name) > 0);
    assert_int_equal(bx_file_read(path, 1 << 20, &text, NULL, NULL), 0);
    return text;
}

static void expect_calls(const turn_server *server)
{
    const json_t *blocks = bx_message_blocks(server->reply.message);
    const json_t *first = json_array_get(blocks, 1);
    const json_t *second = json_array_get(blocks, 2);
    bx_autofree char *one =
        bx_json_text(json_object_get(first, "input"), JSON_COMPACT);
    bx_autofree char *two =
        bx_json_text(json_object_get(second, "input"), JSON_COMPACT);

    assert_int_equal(json_array_size(blocks), 3);
    assert_string_equal(one, "{\"path\":\"a.txt\",\"n\":[1,2]}");
    assert_string_equal(two, "{\"dir\":\"ü\"}");
}

/* Ended at every byte, once in order and once by a lost connection: there is
 * the whole message, or none. */
static void cut_anywhere_gives_no_half(void **state)
{
    turn_server *server = *state;
    bx_autofree char *stream = read_golden("anthropic-interleaved.sse");
    size_t whole = strlen(stream);
    size_t taken = 0;

    turn_will(server, (turn_answer){ .body = stream });
    for (size_t bytes = 1; bytes <= whole; bytes++) {
        if (bytes % 100 == 0)
            turn_restart(server);
        for (int i = 0; i < 2; i++) {
            server->answers[0].bytes = bytes;
            server->answers[0].act = i == 0 ? TURN_ANSWER : TURN_BREAK;
            if (turn_ask(server) < 0) {
                assert_null(server->reply.message);
                continue;
            }
            expect_calls(server);
            /* Nothing but the last line's end may be missing. */
            assert_true(bytes + 2 >= whole);
            taken++;
        }
    }
    assert_in_range(taken, 2, 6);
}

/* ---- what is no event stream ---------------------------------------- */

static void pages_are_refused(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 3;
    turn_will(server, (turn_answer){ .headers = "content-type: text/html; "
                                                "charset=utf-8\r\n",
                                     .body = "<html>Sign in, " TURN_KEY });
    turn_refused(server, BX_ERR_INVALID,
                 "the answer is no event stream but 'text/html; "
                 "charset=utf-8': is base_url the address of the API");
    assert_null(strstr(bx_error_message(server->err), "Sign in"));
    assert_int_equal(support_server_requests(server->server), 1);
    server->answers[0].headers = "";
    turn_refused(server, BX_ERR_INVALID,
                 "the answer is no event stream but of no type");
    server->answers[0].headers = "content-type: text/event-streams\r\n";
    turn_refused(server, BX_ERR_INVALID, "'text/event-streams'");
    server->answers[0].status = 204;
    turn_refused(server, BX_ERR_INVALID, "HTTP 204");
}

static void type_is_compared_as_one(void **state)
{
    turn_server *server = *state;

    turn_will(
        server,
        (turn_answer){ .headers = "Content-Type: TEXT/Event-Stream;x=y\r\n" });
    turn_said(server, "Hello, world");
}

static void error_of_a_good_status_is_read(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 2;
    turn_will(server,
              (turn_answer){ .headers = "content-type: application/json\r\n"
                                        "retry-after: 0\r\n",
                             .body = "{\"error\":{\"type\":"
                                     "\"overloaded_error\",\"message\":"
                                     "\"busy\"}}" });
    turn_refused(server, BX_ERR_LIMIT,
                 "gave up after 2 attempts: overloaded: busy");
    server->answers[0].body = "{\"id\":\"a whole message\"}";
    turn_refused(server, BX_ERR_INVALID, "'application/json'");
}

static void error_bodies_may_be_anything(void **state)
{
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"error\":7}",
        "{\"error\":{\"message\":{}}}",
        "<html>",
        "\xff\xfe",
        "{\"error\":{\"type\":[1],\"message\":null}}",
    };
    turn_server *server = *state;

    turn_will(server, (turn_answer){ .status = 400, .headers = "" });
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        server->answers[0].body = bodies[i];
        turn_refused(server, BX_ERR_INVALID,
                     "the request was refused (HTTP 400");
    }
}

static void large_error_is_cut(void **state)
{
    turn_server *server = *state;
    bx_autofree char *body = malloc(300001);

    memset(body, 'x', 300000);
    body[300000] = '\0';
    turn_will(server, (turn_answer){ .status = 500, .body = body });
    turn_refused(server, BX_ERR_LIMIT, "the server failed (HTTP 500");
    assert_true(strlen(bx_error_message(server->err)) < 1000);
}

static void error_that_never_ends_is_one(void **state)
{
    turn_server *server = *state;

    server->config.idle_ms = 60;
    turn_will(server, (turn_answer){ .act = TURN_HOLD,
                                     .status = 403,
                                     .body = "{\"error\":" });
    turn_refused(server, BX_ERR_DENIED, "the key was refused (HTTP 403");
}

static void control_bytes_are_escaped(void **state)
{
    turn_server *server = *state;

    turn_will(server, (turn_answer){ .status = 400,
                                     .body = "{\"error\":{\"message\":"
                                             "\"a\\u001b[2Jb\\nc\"}}" });
    turn_refused(server, BX_ERR_INVALID, "a\\x1b[2Jb\\x0ac");
}

static void redirects_are_not_followed(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 3;
    turn_will(server,
              (turn_answer){ .status = 307,
                             .headers = "location: https://evil.example/x?"
                                        "token=1#y\r\n",
                             .body = "" });
    turn_refused(server, BX_ERR_INVALID,
                 "HTTP 307: the server sends us on to "
                 "'https://evil.example/x';");
    assert_int_equal(support_server_requests(server->server), 1);
}

static void broken_events_are_named(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 3;
    turn_will(server,
              (turn_answer){ .body = "event: message_start\ndata: {nope\n\n" });
    turn_refused(server, BX_ERR_INVALID,
                 "event 'message_start': expected an object of JSON");
    assert_int_equal(support_server_requests(server->server), 1);
    server->answers[0].body = "data: \xff\n\n";
    turn_refused(server, BX_ERR_INVALID, "UTF-8");
}

static void large_events_are_refused(void **state)
{
    turn_server *server = *state;
    size_t bytes = BX_SSE_MAX_BYTES + 4096;
    bx_autofree char *body = malloc(bytes + 1);

    memset(body, 'x', bytes);
    memcpy(body, "data: ", 6);
    body[bytes] = '\0';
    turn_will(server, (turn_answer){ .body = body });
    turn_refused(server, BX_ERR_LIMIT, "16777216");
}

/* ---- the key -------------------------------------------------------- */

static void no_key_in(const char *what, const char *text)
{
    if (text != NULL && strstr(text, "sk-secret") != NULL)
        fail_msg("%s: %s", what, text);
}

static void look_for_key(const turn_server *server)
{
    bx_autofree char *message = bx_json_text(server->reply.message, 0);

    no_key_in("error", bx_error_message(server->err));
    no_key_in("retries", server->reasons.data);
    no_key_in("pieces", server->said.data);
    no_key_in("message", message);
    no_key_in("request id", server->reply.request_id);
    no_key_in("model", server->reply.model);
}

static void errors_have_no_key(void **state)
{
    static const unsigned statuses[] = { 400, 401, 403, 404, 409,
                                         429, 500, 529, 200 };
    turn_server *server = *state;

    server->config.attempts = 2;
    turn_will(server,
              (turn_answer){ .act = TURN_ECHO,
                             .headers = "content-type: application/json\r\n"
                                        "retry-after: 0\r\n" });
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        server->answers[0].status = statuses[i];
        assert_int_equal(turn_ask(server), -1);
        assert_non_null(strstr(bx_error_message(server->err), "you sent"));
        assert_non_null(strstr(bx_error_message(server->err), "x-api-key: *"));
        look_for_key(server);
    }
}

static void headers_with_the_key_are_masked(void **state)
{
    turn_server *server = *state;

    turn_will(server,
              (turn_answer){ .status = 302,
                             .headers = "location: http://x/" TURN_KEY "\r\n",
                             .body = "" });
    turn_refused(server, BX_ERR_INVALID, "'http://x/*");
    look_for_key(server);
    server->answers[0] = (turn_answer){
        .status = 200, .headers = "content-type: " TURN_KEY "\r\n", .body = ""
    };
    turn_refused(server, BX_ERR_INVALID, "is no event stream but '*");
    look_for_key(server);
    server->answers[0] = (turn_answer){
        .status = 400, .headers = "x-request-id: " TURN_KEY "\r\n", .body = ""
    };
    turn_refused(server, BX_ERR_INVALID, "HTTP 400");
    look_for_key(server);
}

static void what_is_said_has_no_key(void **state)
{
    turn_server *server = *state;

    turn_will(server, (turn_answer){ .act = TURN_ECHO_TEXT });
    assert_int_equal(turn_ask(server), 0);
    assert_non_null(strstr(server->said.data, "x-api-key: *****"));
    look_for_key(server);
}

static void key_is_found_over_pieces(void **state)
{
    turn_server *server = *state;

    turn_will(server,
              (turn_answer){ .act = TURN_BYTES,
                             .status = 400,
                             .body = "{\"error\":{\"message\":\"" TURN_KEY
                                     " %73k-secret/0123456789+abcdef "
                                     "sk-secret\\/0123456789+abcdef\"}}" });
    assert_int_equal(turn_ask(server), -1);
    look_for_key(server);
    assert_null(strstr(bx_error_message(server->err), "0123456789"));
}

static void secret_headers_are_masked_too(void **state)
{
    static const char *const headers[] = { "X-Api-Token: Bearer tok-987654321",
                                           "X-Title: An open title", NULL };
    turn_server *server = *state;

    server->provider.headers = headers;
    turn_will(server, (turn_answer){ .act = TURN_ECHO, .status = 400 });
    assert_int_equal(turn_ask(server), -1);
    assert_null(strstr(bx_error_message(server->err), "tok-987654321"));
    assert_non_null(strstr(bx_error_message(server->err), "An open title"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, turn_open, turn_close)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(cut_anywhere_gives_no_half),
        TEST(pages_are_refused),
        TEST(type_is_compared_as_one),
        TEST(error_of_a_good_status_is_read),
        TEST(error_bodies_may_be_anything),
        TEST(large_error_is_cut),
        TEST(error_that_never_ends_is_one),
        TEST(control_bytes_are_escaped),
        TEST(redirects_are_not_followed),
        TEST(broken_events_are_named),
        TEST(large_events_are_refused),
        TEST(errors_have_no_key),
        TEST(headers_with_the_key_are_masked),
        TEST(what_is_said_has_no_key),
        TEST(key_is_found_over_pieces),
        TEST(secret_headers_are_masked_too),
    };

    return cmocka_run_group_tests_name("client_wire", tests, NULL, NULL);
}
