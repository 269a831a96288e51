/* A client and servers of all kinds: our own, and a scripted one that
 * misbehaves. They run as processes under their lockdown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "mcp/client.h"
#include "mcp/client_parse.h"
#include "worker/native.h"

#define LOG_BYTES 65536

static char folder[64]; /* home and state of all tests */
static char workspace[80];
static char guard[512];
static char script[512];

typedef struct test_log {
    pthread_mutex_t mutex;
    char text[LOG_BYTES];
    size_t lines;
    size_t changes;
} test_log;

static test_log logged = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void on_log(void *context, const char *server, const char *text)
{
    size_t used;

    (void)context;
    pthread_mutex_lock(&logged.mutex);
    used = strlen(logged.text);
    logged.lines++;
    snprintf(logged.text + used, sizeof(logged.text) - used, "%s: %s\n", server,
             text);
    pthread_mutex_unlock(&logged.mutex);
}

static void on_change(void *context)
{
    (void)context;
    pthread_mutex_lock(&logged.mutex);
    logged.changes++;
    pthread_mutex_unlock(&logged.mutex);
}

static bool has_logged(const char *words)
{
    bool has;

    pthread_mutex_lock(&logged.mutex);
    has = strstr(logged.text, words) != NULL;
    pthread_mutex_unlock(&logged.mutex);
    return has;
}

static void wait_logged(const char *words)
{
    for (int i = 0; i < 3000 && !has_logged(words); i++)
        usleep(10000);
    if (!has_logged(words))
        fail_msg("never logged '%s', but:\n%s", words, logged.text);
}

static bx_remote_server *parse(const char *text)
{
    const bx_server_origin origin = { workspace, folder, false };
    json_t *entry = json_loads(text, 0, NULL);
    bx_error *err = NULL;
    bx_remote_server *server;

    assert_non_null(entry);
    server = bx_remote_server_parse("test", entry, &origin, &err);
    if (server == NULL)
        fail_msg("%s", bx_error_message(err));
    json_decref(entry);
    assert_int_equal(bx_remote_server_expand(server, NULL), 0);
    return server;
}

static bx_remote_server *scripted(const char *mode, const char *more)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    bx_buf_printf(&text,
                  "{\"command\": \"/usr/bin/python3\", \"timeout\": 20, "
                  "\"args\": [\"%s\", \"%s\", \"%d\"]%s}",
                  script, mode, (int)getpid(), more);
    return parse(text.data);
}

typedef struct session {
    bx_remote_server *server;
    bx_mcp_client *client;
    bx_client_state state;
} session;

/* Takes server. */
static session open_session(bx_remote_server *server)
{
    session s = { .server = server };
    const bx_mcp_client_config config = {
        .server = server,
        .guard = guard,
        .root = server->has_workspace ? workspace : NULL,
        .backoff_ms = 50,
        .log = on_log,
        .on_change = on_change,
    };
    const bx_wait wait = bx_wait_for_ms(60000);
    bx_error *err = NULL;

    pthread_mutex_lock(&logged.mutex);
    logged.text[0] = '\0';
    logged.lines = logged.changes = 0;
    pthread_mutex_unlock(&logged.mutex);
    s.client = bx_mcp_client_new(&config, &err);
    assert_non_null(s.client);
    if (bx_mcp_client_wait(s.client, &wait, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_mcp_client_state(s.client, &s.state);
    return s;
}

static session open_ready(bx_remote_server *server)
{
    session s = open_session(server);

    if (s.state.phase != BX_CLIENT_READY)
        fail_msg("%s\n%s", s.state.why, logged.text);
    return s;
}

static void close_session(session *s)
{
    bx_mcp_client_free(s->client);
    bx_remote_server_free(s->server);
}

static json_t *call_with(const session *s, const char *tool,
                         const char *arguments, uint64_t timeout_ms,
                         bx_error **err)
{
    const bx_wait wait = bx_wait_for_ms(timeout_ms);
    json_t *value = json_loads(arguments, 0, NULL);
    const bx_mcp_client_call call = { .tool = tool,
                                      .arguments = value,
                                      .wait = &wait };
    json_t *result = NULL;

    (void)bx_mcp_client_call_tool(s->client, &call, &result, err);
    json_decref(value);
    return result;
}

/* The text of a call that works; owned. */
static char *call(const session *s, const char *tool, const char *arguments)
{
    bx_error *err = NULL;
    json_t *result = call_with(s, tool, arguments, 30000, &err);
    char *text;

    if (result == NULL)
        fail_msg("%s: %s", tool, bx_error_message(err));
    text = strdup(json_string_value(json_object_get(
        json_array_get(json_object_get(result, "content"), 0), "text")));
    json_decref(result);
    return text;
}

static void assert_call(const session *s, const char *tool,
                        const char *arguments, const char *expected)
{
    char *text = call(s, tool, arguments);

    if (strstr(text, expected) == NULL)
        fail_msg("expected '%s' in:\n%s", expected, text);
    free(text);
}

static void assert_refused(const session *s, const char *tool,
                           uint64_t timeout_ms, bx_code code, const char *words)
{
    bx_error *err = NULL;
    json_t *result = call_with(s, tool, "{}", timeout_ms, &err);

    assert_null(result);
    if (bx_error_code(err) != code || strstr(bx_error_message(err), words) ==
                                          NULL)
        fail_msg("%s: %s", bx_code_name(bx_error_code(err)),
                 bx_error_message(err));
    bx_error_free(err);
}

/* ---- our own server -------------------------------------------------- */

static void lists_and_calls_our_own_server(void **state)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    session s;
    json_t *tools;

    (void)state;
    bx_buf_printf(&text,
                  "{\"command\": \"%s\", \"args\": [\"mcp\", \"--workspace\", "
                  "\"%s\"], \"write\": [\".\"], \"timeout\": 120}",
                  guard, workspace);
    s = open_ready(parse(text.data));
    assert_string_equal(s.state.revision, "2025-11-25");
    assert_non_null(strstr(s.state.title, "boxagnts"));
    tools = bx_mcp_client_tools(s.client);
    assert_true(json_array_size(tools) > 5);
    json_decref(tools);
    close_session(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_calls_our_own_server),
    };
    const char *source = getenv("BX_SOURCE_DIR");
    const char *build = getenv("BX_BUILD_DIR");

    (void)argc;
    (void)argv;
    snprintf(folder, sizeof(folder), "/tmp/bx-client-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(workspace, sizeof(workspace), "%s/work", folder);
    mkdir(workspace, 0700);
    snprintf(guard, sizeof(guard), "%s/bin/boxagnts",
             build == NULL ? "build" : build);
    snprintf(script, sizeof(script), "%s/tests/mcp/hostile_server.py",
             source == NULL ? "." : source);
    setenv("HOME", folder, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
