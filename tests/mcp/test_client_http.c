/* A client and a server over HTTP: a scripted one, hostile_http.py, which does
 * what its URL says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "mcp/client.h"
#include "mcp/client_parse.h"
#include "net/support_names.h"

#define SECRET "sk-0123456789abcdef"

static char logged[65536];
static pthread_mutex_t logging = PTHREAD_MUTEX_INITIALIZER;
static FILE *script;
static int script_in = -1;
static int port;

static void on_log(void *context, const char *server, const char *text)
{
    size_t used;

    (void)context;
    pthread_mutex_lock(&logging);
    used = strlen(logged);
    snprintf(logged + used, sizeof(logged) - used, "%s: %s\n", server, text);
    pthread_mutex_unlock(&logging);
}

typedef struct session {
    bx_remote_server *server;
    bx_mcp_client *client;
    bx_client_state state;
} session;

static bx_remote_server *parse(const char *text)
{
    const bx_server_origin origin = { "/tmp", "/tmp", false };
    json_t *entry = json_loads(text, 0, NULL);
    bx_error *err = NULL;
    bx_remote_server *server;

    assert_non_null(entry);
    server = bx_remote_server_parse("web", entry, &origin, &err);
    if (server == NULL)
        fail_msg("%s", bx_error_message(err));
    json_decref(entry);
    return server;
}

static session open_url(const char *url, const char *more)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    session s = { 0 };
    bx_mcp_client_config config = { .backoff_ms = 50, .log = on_log };
    const bx_wait wait = bx_wait_for_ms(60000);
    bx_error *err = NULL;

    bx_buf_printf(&text, "{\"url\": \"%s\", \"timeout\": 20%s}", url, more);
    s.server = parse(text.data);
    config.server = s.server;
    logged[0] = '\0';
    s.client = bx_mcp_client_new(&config, &err);
    assert_non_null(s.client);
    if (bx_mcp_client_wait(s.client, &wait, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_mcp_client_state(s.client, &s.state);
    return s;
}

static session open_mode(const char *mode, const char *more)
{
    char url[128];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", port, mode);
    return open_url(url, more);
}

static session open_ready(const char *mode)
{
    session s = open_mode(mode, "");

    if (s.state.phase != BX_CLIENT_READY)
        fail_msg("%s: %s\n%s", mode, s.state.why, logged);
    return s;
}

static void close_session(session *s)
{
    bx_mcp_client_free(s->client);
    bx_remote_server_free(s->server);
}

static json_t *call_with(const session *s, const char *tool,
                         uint64_t timeout_ms, bx_cancel *cancel, bx_error **err)
{
    bx_wait wait = bx_wait_for_ms(timeout_ms);
    json_t *arguments = json_pack("{s:s}", "a", "b");
    const bx_mcp_client_call call = { .tool = tool,
                                      .arguments = arguments,
                                      .wait = &wait };
    json_t *result = NULL;

    wait.cancel = cancel;
    (void)bx_mcp_client_call_tool(s->client, &call, &result, err);
    json_decref(arguments);
    return result;
}

/* The text of a call that works; owned. */
static char *call(const session *s, const char *tool)
{
    bx_error *err = NULL;
    json_t *result = call_with(s, tool, 30000, NULL, &err);
    char *text;

    if (result == NULL)
        fail_msg("%s: %s", tool, bx_error_message(err));
    text = strdup(json_string_value(json_object_get(
        json_array_get(json_object_get(result, "content"), 0), "text")));
    json_decref(result);
    return text;
}

static void assert_call(const session *s, const char *tool,
                        const char *expected)
{
    char *text = call(s, tool);

    if (strstr(text, expected) == NULL)
        fail_msg("expected '%s' in:\n%s", expected, text);
    free(text);
}

static void assert_refused(const session *s, const char *tool,
                           uint64_t timeout_ms, bx_code code, const char *words)
{
    bx_error *err = NULL;
    json_t *result = call_with(s, tool, timeout_ms, NULL, &err);

    assert_null(result);
    if (bx_error_code(err) != code ||
        strstr(bx_error_message(err), words) == NULL)
        fail_msg("%s: %s: %s", tool, bx_code_name(bx_error_code(err)),
                 bx_error_message(err));
    bx_error_free(err);
}

static void assert_down(const char *mode, const char *words)
{
    session s = open_mode(mode, "");

    if (s.state.phase != BX_CLIENT_DOWN || strstr(s.state.why, words) == NULL)
        fail_msg("%s: '%s', and not '%s'", mode, s.state.why, words);
    close_session(&s);
}

/* ---- works ------------------------------------------------------------ */

static void calls_over_json(void **state)
{
    session s = open_ready("json");

    (void)state;
    assert_string_equal(s.state.title, "scripted http 1");
    assert_string_equal(s.state.revision, "2025-11-25");
    assert_false(s.state.has_layers);
    assert_call(&s, "echo", "{\"a\": \"b\"}");
    close_session(&s);
}

static void names_session_and_revision_in_each_request(void **state)
{
    session s = open_ready("json");
    char *text = call(&s, "log");

    (void)state;
    assert_non_null(strstr(text, "POST initialize session=no version=None"));
    assert_non_null(strstr(text, "POST notifications/initialized session=yes "
                                 "version=2025-11-25"));
    assert_non_null(strstr(text, "POST tools/list session=yes version=2025-11-"
                                 "25"));
    free(text);
    close_session(&s);
    s = open_ready("json");
    assert_call(&s, "log", "DELETE  session=yes version=2025-11-25");
    close_session(&s);
}

static void listens_to_what_the_server_says_by_itself(void **state)
{
    session s = open_ready("sse");
    size_t before = s.state.tools_count;

    (void)state;
    for (int i = 0; i < 500; i++) {
        char *text = call(&s, "log");
        bool has_stream = strstr(text, "GET after None") != NULL;

        free(text);
        if (has_stream)
            break;
        usleep(10000);
    }
    usleep(50000); /* the script writes down the request before the queue */
    assert_call(&s, "change", "changed");
    for (int i = 0; i < 3000 && s.state.tools_count == before; i++) {
        usleep(10000);
        bx_mcp_client_state(s.client, &s.state);
    }
    assert_int_equal(s.state.tools_count, before + 1);
    close_session(&s);
}

/* The change is said in the second stream alone. */
static void listens_on_where_a_stream_broke_off(void **state)
{
    session s = open_ready("listen");

    (void)state;
    for (int i = 0; i < 3000 && s.state.tools_count < 11; i++) {
        usleep(10000);
        bx_mcp_client_state(s.client, &s.state);
    }
    assert_true(s.state.tools_count >= 11);
    assert_call(&s, "log", "GET after l1 session=yes");
    close_session(&s);
}

static void reads_on_where_a_stream_broke_off(void **state)
{
    session s = open_ready("json");

    (void)state;
    assert_call(&s, "cut", "whole again");
    assert_non_null(strstr(logged, "on the way"));
    assert_call(&s, "log", "GET after e1 session=yes");
    assert_call(&s, "log", "GET after e2 session=yes");
    close_session(&s);
}

static void answers_the_server(void **state)
{
    session s = open_ready("json");

    (void)state;
    assert_call(&s, "asks", "\"result\": {}");
    close_session(&s);
}

static void begins_a_lost_session_anew(void **state)
{
    static const char *const modes[] = { "json", "sdk" };

    (void)state;
    for (int i = 0; i < 2; i++) {
        session s = open_ready(modes[i]);

        assert_call(&s, "forget", "forgotten");
        assert_refused(&s, "echo", 20000, BX_ERR_INVALID, "no such session");
        assert_call(&s, "echo", "b");
        assert_non_null(strstr(logged, "knows the session no more"));
        bx_mcp_client_state(s.client, &s.state);
        assert_int_equal(s.state.starts, 2);
        close_session(&s);
    }
}

static void follows_within_the_origin(void **state)
{
    session s = open_ready("moved");

    (void)state;
    assert_call(&s, "echo", "b");
    close_session(&s);
}

static void speaks_to_a_server_without_handshake(void **state)
{
    session s = open_ready("modern");

    (void)state;
    assert_string_equal(s.state.revision, "2026-07-28");
    assert_call(&s, "echo", "modern");
    assert_call(&s, "gr\xc3\xbcn", "modern");
    close_session(&s);
}

/* ---- time ------------------------------------------------------------- */

static void *trigger(void *context)
{
    usleep(200000);
    bx_cancel_trigger(context);
    return NULL;
}

static void ends_when_it_is_cancelled(void **state)
{
    session s = open_ready("json");
    bx_cancel *cancel = bx_cancel_new();
    bx_error *err = NULL;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, trigger, cancel), 0);
    assert_null(call_with(&s, "hang", 20000, cancel, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_CANCELLED);
    bx_error_free(err);
    pthread_join(thread, NULL);
    bx_cancel_free(cancel);
    for (int i = 0; i < 500; i++) {
        char *text = call(&s, "log");
        bool is_told = strstr(text, "POST notifications/cancelled") != NULL;

        free(text);
        if (is_told)
            break;
        usleep(10000);
        assert_int_not_equal(i, 499);
    }
    close_session(&s);
}

static void gives_up_in_time(void **state)
{
    session s = open_ready("json");

    (void)state;
    assert_refused(&s, "hang", 300, BX_ERR_TIMEOUT, "in time");
    close_session(&s);
    s = open_ready("endless");
    assert_refused(&s, "echo", 500, BX_ERR_TIMEOUT, "in time");
    assert_refused(&s, "echo", 500, BX_ERR_TIMEOUT, "in time");
    close_session(&s);
}

static void *stop(void *context)
{
    usleep(200000);
    bx_mcp_client_stop(context);
    return NULL;
}

static void ends_calls_with_the_client(void **state)
{
    session s = open_ready("json");
    bx_error *err = NULL;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, stop, s.client), 0);
    assert_null(call_with(&s, "hang", 20000, NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_SYSTEM);
    bx_error_free(err);
    pthread_join(thread, NULL);
    close_session(&s);
}

/* ---- refused ---------------------------------------------------------- */

static void refuses_what_is_no_mcp(void **state)
{
    static const char *const modes[][2] = {
        { "html", "neither JSON nor an event stream but 'text/html'" },
        { "wrong-id", "not what it was asked" },
        { "accepted", "HTTP 202, which has no content" },
        { "garbage", "no message of MCP" },
        { "deep", "nests too deeply" },
        { "text-event", "no message of MCP" },
        { "huge", "more than 16777216 bytes" },
        { "big-event", "more than 16777216 bytes" },
        { "broken", "HTTP 500): a stack\\x0atrace \\x1b[31m" },
        { "long-session", "more than 1024 bytes" },
        { "odd-session", "visible ASCII" },
        { "unauthorized", "boxagnts mcp login web" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        assert_down(modes[i][0], modes[i][1]);
}

static void leads_to_no_other_place(void **state)
{
    (void)state;
    assert_down("moved-private", "denied: http://10.0.0.1/json");
    assert_down("moved-metadata", "denied: http://169.254.169.254/latest");
    assert_down("moved-port", "denied: http://127.0.0.1:1/json");
}

/* Not what is written counts, but what is dialled. */
static void leads_from_a_name_to_public_addresses(void **state)
{
    static const char *const addresses[] = { "127.0.0.1", "10.0.0.1",
                                             "169.254.169.254", "::1" };

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        session s;

        support_names_reset();
        support_names_set("mcp.example.com", addresses[i]);
        s = open_url("https://mcp.example.com/mcp", "");
        assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
        if (strstr(s.state.why, "from a name to no private address") == NULL)
            fail_msg("%s: %s", addresses[i], s.state.why);
        close_session(&s);
        assert_int_equal(support_names_dials(""), 0);
    }
    support_names_set("mcp.example.com", "1.2.3.4");
    {
        session s = open_url("https://mcp.example.com/mcp", "");

        assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
        close_session(&s);
        assert_true(support_names_dials("1.2.3.4") > 0);
    }
    support_names_set("mcp.example.com", "10.0.0.1");
    {
        session s =
            open_url("https://mcp.example.com/mcp", ", \"private\": true");

        assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
        close_session(&s);
        assert_true(support_names_dials("10.0.0.1") > 0);
    }
}

static void follows_nothing_in_a_private_network(void **state)
{
    session s = open_mode("moved", ", \"private\": true");

    (void)state;
    assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
    assert_non_null(strstr(s.state.why, "leads on to '/json' (HTTP 307)"));
    close_session(&s);
}

static void refuses_an_address_in_the_clear(void **state)
{
    session s = open_url("http://example.com/mcp", "");

    (void)state;
    assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
    assert_non_null(strstr(s.state.why, "http:// is for this machine alone"));
    close_session(&s);
}

static void tells_a_servers_refusal(void **state)
{
    session s = open_ready("json");

    (void)state;
    assert_refused(&s, "refused", 20000, BX_ERR_INVALID, "not so");
    assert_call(&s, "echo", "b");
    bx_mcp_client_state(s.client, &s.state);
    assert_int_equal(s.state.starts, 1);
    close_session(&s);
}

static void fails_a_stream_that_has_no_answer(void **state)
{
    session s = open_ready("breaks");

    (void)state;
    assert_refused(&s, "echo", 20000, BX_ERR_SYSTEM, "before the answer");
    close_session(&s);
    s = open_ready("never");
    assert_refused(&s, "echo", 20000, BX_ERR_SYSTEM, "before the answer");
    close_session(&s);
}

static void shows_no_key(void **state)
{
    session s = open_mode(
        "json", ", \"headers\": {\"Authorization\": \"Bearer " SECRET "\"}");
    char *text;

    (void)state;
    assert_int_equal(s.state.phase, BX_CLIENT_READY);
    text = call(&s, "secret");
    assert_null(strstr(text, SECRET));
    assert_non_null(strstr(text, "you sent ****"));
    free(text);
    close_session(&s);
}

static void says_who_is_not_there(void **state)
{
    session s = open_url("http://127.0.0.1:1/mcp", "");

    (void)state;
    assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
    assert_non_null(strstr(s.state.why, "refused"));
    close_session(&s);
}

/* ---- the script ------------------------------------------------------- */

static int start_script(void **state)
{
    int to[2];
    int from[2];

    (void)state;
    if (pipe(to) < 0 || pipe(from) < 0)
        return -1;
    if (fork() == 0) {
        char path[1024];

        snprintf(path, sizeof(path), "%s/tests/mcp/hostile_http.py",
                 getenv("BX_SOURCE_DIR") == NULL ? "."
                                                 : getenv("BX_SOURCE_DIR"));
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        execl("/usr/bin/python3", "python3", path, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    script_in = to[1];
    script = fdopen(from[0], "r");
    return script != NULL && fscanf(script, "%d", &port) == 1 ? 0 : -1;
}

static int stop_script(void **state)
{
    (void)state;
    close(script_in);
    fclose(script);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_over_json),
        cmocka_unit_test(names_session_and_revision_in_each_request),
        cmocka_unit_test(listens_to_what_the_server_says_by_itself),
        cmocka_unit_test(listens_on_where_a_stream_broke_off),
        cmocka_unit_test(reads_on_where_a_stream_broke_off),
        cmocka_unit_test(answers_the_server),
        cmocka_unit_test(begins_a_lost_session_anew),
        cmocka_unit_test(follows_within_the_origin),
        cmocka_unit_test(speaks_to_a_server_without_handshake),
        cmocka_unit_test(ends_when_it_is_cancelled),
        cmocka_unit_test(gives_up_in_time),
        cmocka_unit_test(ends_calls_with_the_client),
        cmocka_unit_test(refuses_what_is_no_mcp),
        cmocka_unit_test(leads_to_no_other_place),
        cmocka_unit_test(leads_from_a_name_to_public_addresses),
        cmocka_unit_test(follows_nothing_in_a_private_network),
        cmocka_unit_test(refuses_an_address_in_the_clear),
        cmocka_unit_test(tells_a_servers_refusal),
        cmocka_unit_test(fails_a_stream_that_has_no_answer),
        cmocka_unit_test(shows_no_key),
        cmocka_unit_test(says_who_is_not_there),
    };

    return cmocka_run_group_tests(tests, start_script, stop_script);
}
