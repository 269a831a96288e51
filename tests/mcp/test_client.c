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
    if (bx_error_code(err) != code ||
        strstr(bx_error_message(err), words) == NULL)
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

/* ---- a scripted one --------------------------------------------------- */

static void calls_and_tells_progress(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_string_equal(s.state.title, "scripted 1");
    assert_call(&s, "echo", "{\"a\": [1, null]}", "\"a\": [1, null]");
    assert_call(&s, "progress", "{}", "token False");
    close_session(&s);
}

typedef struct steps {
    int count;
    double last;
    char words[32];
} steps;

static void on_progress(void *context, double progress, double total,
                        const char *message)
{
    steps *seen = context;

    seen->count++;
    seen->last = progress / total;
    snprintf(seen->words, sizeof(seen->words), "%s", message);
}

static void hands_progress_on(void **state)
{
    session s = open_ready(scripted("fine", ""));
    const bx_wait wait = bx_wait_for_ms(30000);
    json_t *arguments = json_object();
    steps seen = { 0 };
    const bx_mcp_client_call call = { .tool = "progress",
                                      .arguments = arguments,
                                      .wait = &wait,
                                      .progress = on_progress,
                                      .progress_context = &seen };
    json_t *result = NULL;

    (void)state;
    assert_int_equal(bx_mcp_client_call_tool(s.client, &call, &result, NULL),
                     0);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.words, "step 2");
    json_decref(result);
    json_decref(arguments);
    close_session(&s);
}

static void reads_all_pages(void **state)
{
    session s = open_ready(scripted("paged", ""));

    (void)state;
    assert_int_equal(s.state.tools_count, 5);
    close_session(&s);
}

static void speaks_to_a_server_without_handshake(void **state)
{
    session s = open_ready(scripted("modern", ""));

    (void)state;
    assert_string_equal(s.state.revision, "2026-07-28");
    assert_call(&s, "echo", "{}", "{}");
    close_session(&s);
}

static void takes_a_changed_list(void **state)
{
    session s = open_ready(scripted("fine", ""));
    size_t before = s.state.tools_count;

    (void)state;
    assert_call(&s, "change", "{}", "changed");
    for (int i = 0; i < 3000 && s.state.tools_count == before; i++) {
        usleep(10000);
        bx_mcp_client_state(s.client, &s.state);
    }
    assert_int_equal(s.state.tools_count, before + 1);
    assert_int_equal(logged.changes, 2);
    close_session(&s);
}

static void answers_what_it_offers_and_declines_the_rest(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_call(&s, "asks", "{}",
                "{\"e\": \"refused\", \"p\": {}, \"r\": \"refused\", "
                "\"s\": \"refused\"}");
    close_session(&s);
    s = open_ready(scripted("fine", ", \"read\": [\".\"]"));
    assert_call(&s, "asks", "{}", "file:///tmp/");
    close_session(&s);
}

/* ---- refusals and bad servers ---------------------------------------- */

static void leaves_odd_tools_out(void **state)
{
    session s = open_ready(scripted("odd", ""));

    (void)state;
    /* "", no schema, 7, 300 bytes, a second "good": the rest is judged later.
     */
    assert_int_equal(s.state.tools_count, 8);
    assert_true(has_logged("tool 'good' is left out"));
    close_session(&s);
}

static void ends_lists_without_end(void **state)
{
    static const char *const modes[][2] = {
        { "cyclic", "has no end" },
        { "endless", "has no end" },
        { "huge", "more than 1000 tools" },
        { "old", "1999-01-01" },
        { "quits", "status 7; its last words: cannot start" },
        { "much-junk", "no MCP" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        session s = open_session(scripted(modes[i][0], ""));

        assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
        if (strstr(s.state.why, modes[i][1]) == NULL)
            fail_msg("%s: %s", modes[i][0], s.state.why);
        assert_int_equal(s.state.tools_count, 0);
        close_session(&s);
    }
}

static void passes_over_greetings(void **state)
{
    session s = open_ready(scripted("junk", ""));

    (void)state;
    assert_true(has_logged("no message: Welcome"));
    close_session(&s);
}

static void takes_an_answer_by_its_id_alone(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_call(&s, "wrong-id", "{}", "yours");
    assert_true(has_logged("answered what nobody asked"));
    close_session(&s);
}

static void outlives_a_flood(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_call(&s, "flood", "{}", "flooded");
    assert_call(&s, "echo", "{}", "{}");
    assert_true(logged.lines < 6000);
    close_session(&s);
}

static void tells_a_servers_error_as_text(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_refused(&s, "rpc-error", 20000, BX_ERR_INVALID,
                   "bad \\x1b[31margument");
    close_session(&s);
}

static void gives_up_on_one_that_never_answers(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_refused(&s, "hang", 200, BX_ERR_TIMEOUT, "");
    wait_logged("cancelled timed out");
    assert_call(&s, "echo", "{}", "{}"); /* it is none the worse for it */
    close_session(&s);
}

static void starts_a_dead_one_again(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_refused(&s, "die", 20000, BX_ERR_SYSTEM, "status 3");
    assert_call(&s, "echo", "{}", "{}");
    bx_mcp_client_state(s.client, &s.state);
    assert_int_equal(s.state.starts, 2);
    close_session(&s);
}

static void ends_one_whose_message_is_too_large(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_refused(&s, "big", 20000, BX_ERR_SYSTEM, "");
    wait_logged("more than 16777216 bytes");
    close_session(&s);
}

static void closes_while_one_hangs(void **state)
{
    static const char *const modes[] = { "silent", "deaf" };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bx_remote_server *server = scripted(modes[i], "");
        const bx_mcp_client_config config = { .server = server,
                                              .guard = guard };
        bx_mcp_client *client = bx_mcp_client_new(&config, NULL);
        const bx_wait wait = bx_wait_for_ms(300);
        bx_error *err = NULL;

        assert_int_equal(bx_mcp_client_wait(client, &wait, &err), -1);
        assert_int_equal(bx_error_code(err), BX_ERR_TIMEOUT);
        bx_error_free(err);
        bx_mcp_client_free(client);
        bx_remote_server_free(server);
    }
}

/* ---- keys, and what it may reach ------------------------------------- */

static void keeps_keys_out_of_logs(void **state)
{
    session s;

    (void)state;
    setenv("TEST_KEY", "sk-0123456789abcdef", 1);
    s = open_ready(scripted("fine", ", \"env\": {\"KEY\": \"${TEST_KEY}\"}"));
    assert_call(&s, "secret", "{}", "sk-0123456789abcdef");
    wait_logged("my key is *******");
    assert_refused(&s, "die", 20000, BX_ERR_SYSTEM, "I am dying of *******");
    assert_false(has_logged("sk-0123"));
    close_session(&s);
}

static void gives_named_variables_alone(void **state)
{
    session s;
    char *text;

    (void)state;
    setenv("TEST_PRIVATE", "1", 1);
    s = open_ready(scripted("fine", ", \"env\": {\"MINE\": \"1\"}"));
    text = call(&s, "env", "{}");
    assert_string_equal(text, "HOME\nLANG\nMINE\nPATH\nTMPDIR");
    free(text);
    close_session(&s);
}

static void expect_line(const char *text, const char *line)
{
    size_t bytes = strlen(line);

    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, line, bytes) == 0 &&
            (at[bytes] == '\n' || at[bytes] == '\0'))
            return;
    }
    fail_msg("no line '%s' in:\n%s", line, text);
}

static void locks_it_in(void **state)
{
    session s = open_ready(scripted("fine", ""));
    bx_autobuf bx_buf paths = BX_BUF_INIT;
    char line[256];
    char *text;

    (void)state;
    bx_buf_printf(&paths,
                  "{\"paths\": [\"%s\", \"/etc/shadow\", \"/root\", \"/tmp\", "
                  "\"/usr/share\", \"/proc/%d/environ\"]}",
                  workspace, (int)getpid());
    text = call(&s, "probe", paths.data);
    for (int i = 0; i < 2; i++) {
        static const char *const closed[] = { "/etc/shadow", "/tmp", "/root" };

        snprintf(line, sizeof(line), "%s %s: Permission denied",
                 i == 0 ? "read" : "write", workspace);
        expect_line(text, line);
        for (int j = 0; j < 3; j++) {
            snprintf(line, sizeof(line), "%s %s: Permission denied",
                     i == 0 ? "read" : "write", closed[j]);
            expect_line(text, line);
        }
    }
    snprintf(line, sizeof(line), "read /proc/%d/environ: Permission denied",
             (int)getpid());
    expect_line(text, line);
    expect_line(text, "read /usr/share: done");
    expect_line(text, "write /usr/share: Permission denied");
    expect_line(text, "write home: done");
    expect_line(text, "socket unix: Permission denied");
    expect_line(text, "socket inet: Permission denied");
    expect_line(text, "socket inet6: Permission denied");
    expect_line(text, "socket packet: Permission denied");
    expect_line(text, "socketpair: done");
    expect_line(text, "run: done");
    expect_line(text, "signal: Operation not permitted");
    expect_line(text, "unshare: Operation not permitted");
    expect_line(text, "ptrace: Operation not permitted");
    expect_line(text, "mount: Operation not permitted");
    expect_line(text, "shm: Operation not permitted");
    expect_line(text, "keyctl: Operation not permitted");
    expect_line(text, "bpf: Operation not permitted");
    free(text);
    close_session(&s);
}

static void opens_what_is_configured(void **state)
{
    session s =
        open_ready(scripted("fine", ", \"network\": true, \"read\": [\".\"]"));
    bx_autobuf bx_buf paths = BX_BUF_INIT;
    char line[256];
    char *text;

    (void)state;
    bx_buf_printf(&paths, "{\"paths\": [\"%s\"]}", workspace);
    text = call(&s, "probe", paths.data);
    snprintf(line, sizeof(line), "read %s: done", workspace);
    expect_line(text, line);
    snprintf(line, sizeof(line), "write %s: Permission denied", workspace);
    expect_line(text, line);
    expect_line(text, "socket inet: done");
    expect_line(text, "socket inet6: done");
    expect_line(text, "listen: Permission denied");
    expect_line(text, "socket unix: Permission denied");
    expect_line(text, "socket packet: Permission denied");
    free(text);
    close_session(&s);
    s = open_ready(scripted("fine", ", \"write\": [\".\"]"));
    text = call(&s, "probe", paths.data);
    snprintf(line, sizeof(line), "write %s: done", workspace);
    expect_line(text, line);
    free(text);
    close_session(&s);
}

static void limits_files_and_memory(void **state)
{
    session s = open_ready(scripted("fine", ", \"memory\": 256"));

    (void)state;
    assert_call(&s, "fill", "{}", "fill: File too large");
    assert_call(&s, "eat", "{\"bytes\": 100000000}", "eat: done");
    assert_call(&s, "eat", "{\"bytes\": 400000000}", "eat: MemoryError");
    close_session(&s);
}

static void names_what_cannot_be_started(void **state)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    session s;

    (void)state;
    s = open_session(parse("{\"command\": \"no-such-program\"}"));
    assert_non_null(strstr(s.state.why, "no program 'no-such-program'"));
    close_session(&s);
    s = open_session(parse("{\"command\": \"/etc/passwd\"}"));
    assert_non_null(strstr(s.state.why, "can be executed"));
    close_session(&s);
    s = open_session(parse("{\"command\": \"true\", \"read\": "
                           "[\"/no/such/folder\"]}"));
    assert_non_null(strstr(s.state.why, "/no/such/folder"));
    close_session(&s);
    bx_buf_puts(&text, "{\"command\": \"true\", \"args\": [\"");
    for (int i = 0; i < 6; i++)
        bx_buf_printf(&text, "%s%012000d", i == 0 ? "" : "\", \"", i);
    bx_buf_puts(&text, "\"]}");
    s = open_session(parse(text.data));
    if (strstr(s.state.why, "more than 65536 bytes") == NULL)
        fail_msg("%s", s.state.why);
    close_session(&s);
}

/* Processes whose command line names the script. */
static int count_servers(void)
{
    bx_autobuf bx_buf command = BX_BUF_INIT;
    FILE *pipe_;
    int count = -1;

    bx_buf_printf(&command, "pgrep -fc '[h]ostile_server.py .* %d'",
                  (int)getpid());
    pipe_ = popen(command.data, "re");
    assert_non_null(pipe_);
    assert_int_equal(fscanf(pipe_, "%d", &count), 1);
    pclose(pipe_);
    return count;
}

static void ends_all_it_has_started(void **state)
{
    session s = open_ready(scripted("fine", ""));

    (void)state;
    assert_call(&s, "leave", "{}", "left");
    assert_true(count_servers() >= 2);
    close_session(&s);
    assert_int_equal(count_servers(), 0);
}

static void refuses_folders_that_hold_all(void **state)
{
    static const char *const paths[] = { "/", "~/", "~/.config/boxagnts",
                                         "~/.local/state/boxagnts/mcp" };

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        bx_autobuf bx_buf more = BX_BUF_INIT;
        session s;

        bx_buf_printf(&more, ", \"read\": [\"%s\"]", paths[i]);
        s = open_session(scripted("fine", more.data));
        assert_int_equal(s.state.phase, BX_CLIENT_DOWN);
        if (strstr(s.state.why, "keeps of its own") == NULL)
            fail_msg("%s: %s", paths[i], s.state.why);
        close_session(&s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_and_calls_our_own_server),
        cmocka_unit_test(calls_and_tells_progress),
        cmocka_unit_test(hands_progress_on),
        cmocka_unit_test(reads_all_pages),
        cmocka_unit_test(speaks_to_a_server_without_handshake),
        cmocka_unit_test(takes_a_changed_list),
        cmocka_unit_test(answers_what_it_offers_and_declines_the_rest),
        cmocka_unit_test(leaves_odd_tools_out),
        cmocka_unit_test(ends_lists_without_end),
        cmocka_unit_test(passes_over_greetings),
        cmocka_unit_test(takes_an_answer_by_its_id_alone),
        cmocka_unit_test(outlives_a_flood),
        cmocka_unit_test(tells_a_servers_error_as_text),
        cmocka_unit_test(gives_up_on_one_that_never_answers),
        cmocka_unit_test(starts_a_dead_one_again),
        cmocka_unit_test(ends_one_whose_message_is_too_large),
        cmocka_unit_test(closes_while_one_hangs),
        cmocka_unit_test(keeps_keys_out_of_logs),
        cmocka_unit_test(gives_named_variables_alone),
        cmocka_unit_test(locks_it_in),
        cmocka_unit_test(opens_what_is_configured),
        cmocka_unit_test(limits_files_and_memory),
        cmocka_unit_test(names_what_cannot_be_started),
        cmocka_unit_test(ends_all_it_has_started),
        cmocka_unit_test(refuses_folders_that_hold_all),
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
    {
        static const char *const own[] = {
            ".config",      ".config/boxagnts",      ".local",
            ".local/state", ".local/state/boxagnts", ".local/state/boxagnts/mcp"
        };

        for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
            char path[160];

            snprintf(path, sizeof(path), "%s/%s", folder, own[i]);
            mkdir(path, 0700);
        }
    }
    snprintf(guard, sizeof(guard), "%s/bin/boxagnts",
             build == NULL ? "build" : build);
    snprintf(script, sizeof(script), "%s/tests/mcp/hostile_server.py",
             source == NULL ? "." : source);
    setenv("HOME", folder, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
