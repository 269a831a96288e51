/* Servers' tools in the registry: their names, levels and approval, and calls
 * of them. */
#include "support_hub.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "mcp/client_hub.h"
#include "mcp/client_log.h"
#include "tool/remote.h"

typedef struct setup {
    bx_audit_log *audit;
    bx_registry *registry;
    bx_mcp_hub *hub;
} setup;

static setup open_setup(const bx_policy *policy)
{
    bx_autofree char *builtin = at_home("builtin");
    bx_autofree char *audit = at_home("audit.jsonl");
    setup s = { .audit = bx_audit_log_open(audit, NULL) };
    const bx_registry_config config = { .workspace = work,
                                        .policy = policy,
                                        .audit = s.audit,
                                        .builtin_dir = builtin };
    const bx_mcp_hub_config hub_config = { .place = { .workspace = work },
                                           .guard = guard };
    const bx_wait wait = bx_wait_for_ms(30000);
    bx_error *err = NULL;

    s.registry = bx_registry_new(&config, &err);
    if (s.registry == NULL)
        fail_msg("%s", bx_error_message(err));
    s.hub = bx_mcp_hub_new(&hub_config, &err);
    if (s.hub == NULL)
        fail_msg("%s", bx_error_message(err));
    if (bx_mcp_hub_wait(s.hub, &wait, &err) < 0 ||
        bx_mcp_hub_attach(s.hub, s.registry, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    return s;
}

static void close_setup(setup *s)
{
    bx_mcp_hub_free(s->hub);
    bx_registry_free(s->registry);
    bx_audit_log_close(s->audit);
}

/* Its status; -1: there is no such tool. */
static int status_of(const setup *s, const char *name)
{
    bx_autotool bx_tool *tool = bx_registry_get(s->registry, name, NULL);

    return tool == NULL ? -1 : (int)tool->status;
}

static void approve(const setup *s, const char *name)
{
    bx_autofree char *difference = NULL;
    bx_error *err = NULL;

    if (bx_registry_difference(s->registry, name, &difference, &err) < 0 ||
        bx_registry_approve_shown(s->registry, name, difference, &err) < 0)
        fail_msg("%s: %s", name, bx_error_message(err));
    assert_int_equal(status_of(s, name), BX_TOOL_READY);
}

static bx_tool_result *call_with(const setup *s, const char *name,
                                 const char *input, bool is_approved,
                                 bx_error **err)
{
    const bx_tool_call call = { .name = name,
                                .input = input,
                                .input_bytes = strlen(input),
                                .caller = "test",
                                .is_approved = is_approved,
                                .timeout_ms = 20000 };
    bx_tool_result *result = NULL;

    (void)bx_registry_call(s->registry, &call, &result, err);
    return result;
}

static void assert_result(const setup *s, const char *name, const char *input,
                          bool is_error, const char *words)
{
    bx_error *err = NULL;
    bx_tool_result *result = call_with(s, name, input, false, &err);
    bx_autofree char *text = NULL;

    if (result == NULL)
        fail_msg("%s: %s", name, bx_error_message(err));
    text = bx_tool_result_text(result);
    if (strstr(text, words) == NULL || result->is_error != is_error)
        fail_msg("%s: %s'%s'", name, result->is_error ? "error " : "", text);
    bx_tool_result_free(result);
}

static void assert_refused(const setup *s, const char *name, const char *input,
                           bx_code code, const char *words)
{
    bx_error *err = NULL;

    assert_null(call_with(s, name, input, false, &err));
    if (bx_error_code(err) != code ||
        strstr(bx_error_message(err), words) == NULL)
        fail_msg("%s: %s", bx_code_name(bx_error_code(err)),
                 bx_error_message(err));
    bx_error_free(err);
}

/* ---- approval -------------------------------------------------------- */

static void asks_for_approval_of_each_tool(void **state)
{
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    assert_int_equal(status_of(&s, "mcp-one-echo"), BX_TOOL_UNAPPROVED);
    assert_refused(&s, "mcp-one-echo", "{}", BX_ERR_DENIED,
                   "boxagnts mcp approve one");
    approve(&s, "mcp-one-echo");
    assert_result(&s, "mcp-one-echo", "{\"a\": 1}", false, "{\"a\": 1}");
    assert_int_equal(status_of(&s, "mcp-one-die"), BX_TOOL_UNAPPROVED);
    close_setup(&s);
    s = open_setup(NULL); /* it is kept */
    assert_int_equal(status_of(&s, "mcp-one-echo"), BX_TOOL_READY);
    close_setup(&s);
}

static void sees_a_description_that_changed(void **state)
{
    bx_autofree char *difference = NULL;
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    approve(&s, "mcp-one-echo");
    approve(&s, "mcp-one-change");
    assert_result(&s, "mcp-one-change", "{}", false, "changed");
    for (int i = 0; i < 3000 && status_of(&s, "mcp-one-added") < 0; i++)
        usleep(10000);
    assert_int_equal(status_of(&s, "mcp-one-added"), BX_TOOL_UNAPPROVED);
    assert_int_equal(status_of(&s, "mcp-one-echo"), BX_TOOL_CHANGED);
    assert_int_equal(status_of(&s, "mcp-one-change"), BX_TOOL_READY);
    assert_refused(&s, "mcp-one-echo", "{}", BX_ERR_DENIED, "changed");
    assert_int_equal(
        bx_registry_difference(s.registry, "mcp-one-echo", &difference, NULL),
        0);
    if (strstr(difference, "- A tool.\n+ Another tool.") == NULL)
        fail_msg("%s", difference);
    close_setup(&s);
}

static void approves_what_was_shown_alone(void **state)
{
    bx_error *err = NULL;
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    assert_int_equal(
        bx_registry_approve_shown(s.registry, "mcp-one-echo", "another", &err),
        -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
    assert_int_equal(status_of(&s, "mcp-one-echo"), BX_TOOL_UNAPPROVED);
    close_setup(&s);
}

/* Another program under the name of one that was trusted. */
static void binds_approval_to_the_server(void **state)
{
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    approve(&s, "mcp-one-echo");
    close_setup(&s);
    configure(USER_FILE, "one", "junk", "");
    s = open_setup(NULL);
    assert_int_equal(status_of(&s, "mcp-one-echo"), BX_TOOL_CHANGED);
    close_setup(&s);
}

static void starts_a_workspaces_servers_once_its_file_is_approved(void **state)
{
    const bx_servers_place place = { .workspace = work };
    bx_autofree char *difference = NULL;
    bx_autofree char *after = NULL;
    bx_error *err = NULL;
    setup s;

    (void)state;
    configure(WORK_FILE, "theirs", "fine", ", \"level\": \"read_only\"");
    s = open_setup(NULL);
    assert_int_equal(bx_mcp_hub_count(s.hub), 0);
    assert_non_null(strstr(bx_mcp_hub_servers(s.hub)->items[0]->problem,
                           "nobody approved it"));
    close_setup(&s);
    assert_int_equal(bx_remote_servers_difference(&place, &difference, NULL),
                     0);
    assert_non_null(strstr(difference, "theirs"));
    if (bx_remote_servers_approve(&place, difference, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    s = open_setup(NULL);
    assert_int_equal(bx_mcp_hub_count(s.hub), 1);
    assert_int_equal(status_of(&s, "mcp-theirs-echo"), BX_TOOL_UNAPPROVED);
    close_setup(&s);
    configure(WORK_FILE, "theirs", "junk", "");
    s = open_setup(NULL);
    assert_int_equal(bx_mcp_hub_count(s.hub), 0);
    assert_non_null(strstr(bx_mcp_hub_servers(s.hub)->items[0]->problem,
                           "not what was approved"));
    close_setup(&s);
    /* What came to be while a person looked is not approved. */
    assert_int_equal(bx_remote_servers_difference(&place, &after, NULL), 0);
    configure(WORK_FILE, "theirs", "flood", "");
    assert_int_equal(bx_remote_servers_approve(&place, after, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
}

static void keeps_a_workspaces_servers_in_it(void **state)
{
    static const char *const paths[] = { "/etc", "~/.ssh", "../elsewhere",
                                         "a/../../b" };
    const bx_servers_place place = { .workspace = work };
    bx_autofree char *difference = NULL;
    bx_autofree char *link = at_home("work/link");
    bx_client_state client;
    setup s;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        bx_autoservers bx_remote_servers servers = { 0 };
        bx_autobuf bx_buf more = BX_BUF_INIT;

        bx_buf_printf(&more, ", \"read\": [\"%s\"]", paths[i]);
        configure(WORK_FILE, "theirs", "fine", more.data);
        assert_int_equal(bx_remote_servers_load(&place, &servers, NULL), 0);
        assert_int_equal(servers.count, 0);
        if (strstr(servers.problem, "paths of the workspace") == NULL)
            fail_msg("%s: %s", paths[i], servers.problem);
    }
    assert_int_equal(symlink("/usr/share", link), 0);
    configure(WORK_FILE, "theirs", "fine", ", \"read\": [\"link\"]");
    assert_int_equal(bx_remote_servers_difference(&place, &difference, NULL),
                     0);
    assert_int_equal(bx_remote_servers_approve(&place, difference, NULL), 0);
    s = open_setup(NULL);
    assert_true(bx_mcp_hub_state(s.hub, "theirs", &client));
    assert_int_equal(client.phase, BX_CLIENT_DOWN);
    assert_non_null(strstr(client.why, "leads out of the workspace"));
    close_setup(&s);
}

static void lets_no_workspace_take_a_users_name(void **state)
{
    const bx_servers_place place = { .workspace = work };
    bx_autofree char *difference = NULL;
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    configure(WORK_FILE, "ONE", "odd", "");
    assert_int_equal(bx_remote_servers_difference(&place, &difference, NULL),
                     0);
    assert_int_equal(bx_remote_servers_approve(&place, difference, NULL), 0);
    s = open_setup(NULL);
    assert_int_equal(bx_mcp_hub_count(s.hub), 1);
    assert_int_equal(status_of(&s, "mcp-one-echo"), BX_TOOL_UNAPPROVED);
    close_setup(&s);
}

/* ---- names, schemas, levels ------------------------------------------ */

static void names_never_clash(void **state)
{
    bx_tool **tools;
    size_t count;
    size_t marked = 0;
    setup s;

    (void)state;
    configure(USER_FILE, "odd", "odd", "");
    s = open_setup(NULL);
    assert_int_equal(status_of(&s, "mcp-odd-good"), BX_TOOL_UNAPPROVED);
    assert_int_equal(status_of(&s, "mcp-odd-get_user"), -1);
    assert_int_equal(status_of(&s, "mcp-odd-get-user"), -1);
    assert_int_equal(bx_registry_list(s.registry, &tools, &count, NULL), 0);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        const char *name = tools[i]->name;

        assert_true(strlen(name) <= 64);
        assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "abcdefghijklmnopqrstuvwxyz"
                                      "0123456789_-"),
                         strlen(name));
        marked +=
            strncmp(name, "mcp-odd-get", 11) == 0 ||
            strncmp(name, "mcp-odd-s--me-name-", 19) == 0 ||
            (strlen(name) == 64 && strncmp(name, "mcp-odd-bbbb", 12) == 0);
    }
    assert_int_equal(marked, 4);
    bx_registry_list_free(tools, count);
    assert_int_equal(status_of(&s, "mcp-odd-bad-schema"), BX_TOOL_BROKEN);
    {
        bx_autotool bx_tool *tool =
            bx_registry_get(s.registry, "mcp-odd-hidden", NULL);

        assert_string_equal(tool->manifest->description, "look here [2J");
        bx_tool_unref(tool);
        tool = bx_registry_get(s.registry, "mcp-odd-long", NULL);
        assert_int_equal(strlen(tool->manifest->description), 4096);
    }
    close_setup(&s);
}

static void keeps_servers_with_like_names_apart(void **state)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    setup s;

    (void)state;
    bx_buf_puts(&text, "{\"mcpServers\": {");
    put_entry(&text, "a", "fine", "");
    put_entry(&text, "a-b", "fine", "");
    bx_buf_puts(&text, "}}");
    write_at(USER_FILE, text.data);
    s = open_setup(NULL);
    /* Of both each name has its mark: "a" + "b-x" and "a-b" + "x". */
    assert_int_equal(status_of(&s, "mcp-a-echo"), -1);
    assert_int_equal(status_of(&s, "mcp-a-b-echo"), -1);
    close_setup(&s);
}

static bx_level level_of(const setup *s, const char *name)
{
    bx_autotool bx_tool *tool = bx_registry_get(s->registry, name, NULL);

    assert_non_null(tool);
    return tool->manifest->level;
}

static void takes_levels_from_the_person(void **state)
{
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    assert_int_equal(level_of(&s, "mcp-one-echo"), BX_LEVEL_EXECUTE);
    close_setup(&s);
    configure(USER_FILE, "one", "fine", ", \"trust_annotations\": true");
    s = open_setup(NULL);
    assert_int_equal(level_of(&s, "mcp-one-echo"), BX_LEVEL_READ_ONLY);
    assert_int_equal(level_of(&s, "mcp-one-die"), BX_LEVEL_EXECUTE);
    close_setup(&s);
    configure(USER_FILE, "one", "fine",
              ", \"level\": \"write\", \"levels\": {\"die\": \"forbidden\", "
              "\"echo\": \"dangerous\"}");
    s = open_setup(NULL);
    assert_int_equal(level_of(&s, "mcp-one-env"), BX_LEVEL_WRITE);
    approve(&s, "mcp-one-echo");
    assert_refused(&s, "mcp-one-echo", "{}", BX_ERR_DENIED, "a person must");
    bx_tool_result_free(call_with(&s, "mcp-one-echo", "{}", true, NULL));
    assert_int_equal(level_of(&s, "mcp-one-die"), BX_LEVEL_FORBIDDEN);
    {
        char *difference;

        assert_int_equal(
            bx_registry_approve(s.registry, "mcp-one-die", &difference, NULL),
            0);
        free(difference);
    }
    assert_int_equal(status_of(&s, "mcp-one-die"), BX_TOOL_FORBIDDEN);
    close_setup(&s);
}

static void obeys_the_policy(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autogrants bx_grants *session = bx_grants_new();
    bx_tool_call call = { .name = "mcp-one-env", .session = session };
    bx_tool_result *result = NULL;
    bx_error *err = NULL;
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    assert_int_equal(
        bx_policy_set(policy, "grant", "tool:mcp-one-e*", "test", NULL), 0);
    s = open_setup(policy);
    approve(&s, "mcp-one-env");
    approve(&s, "mcp-one-progress");
    assert_result(&s, "mcp-one-env", "{}", false, "HOME");
    assert_refused(&s, "mcp-one-progress", "{}", BX_ERR_DENIED,
                   "nothing granted");
    /* A session that grants no tool. */
    assert_int_equal(bx_registry_call(s.registry, &call, &result, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
    close_setup(&s);
}

/* ---- calls ------------------------------------------------------------ */

static void checks_what_goes_and_what_comes(void **state)
{
    static const char *const names[] = {
        "mcp-one-structured", "mcp-one-no-content", "mcp-one-bad-blocks",
        "mcp-one-rpc-error",  "mcp-one-die",
    };
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        approve(&s, names[i]);
    assert_refused(&s, "mcp-one-structured", "[]", BX_ERR_INVALID, "object");
    assert_result(&s, "mcp-one-structured", "{\"n\": 5}", false, "n");
    assert_result(&s, "mcp-one-structured", "{\"n\": \"x\"}", true,
                  "not as its output schema says");
    assert_result(&s, "mcp-one-no-content", "{}", false, "");
    assert_result(&s, "mcp-one-bad-blocks", "{}", true, "no result of MCP");
    assert_result(&s, "mcp-one-rpc-error", "{}", true, "server refuses");
    assert_result(&s, "mcp-one-die", "{}", true, "status 3");
    assert_refused(&s, "mcp-one-nothing", "{}", BX_ERR_NOT_FOUND, "no tool");
    close_setup(&s);
}

/* A call is tried over an overlay before a person has agreed to it. */
static void does_nothing_over_an_overlay(void **state)
{
    bx_tool_call call = { .name = "mcp-one-echo", .overlay_dir = "/tmp/none" };
    bx_tool_result *result = NULL;
    bx_error *err = NULL;
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine",
              ", \"levels\": {\"env\": "
              "\"read_only\"}");
    s = open_setup(NULL);
    approve(&s, "mcp-one-echo");
    approve(&s, "mcp-one-env");
    assert_int_equal(bx_registry_call(s.registry, &call, &result, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_non_null(strstr(bx_error_message(err), "overlay"));
    bx_error_free(err);
    call.name = "mcp-one-env"; /* which changes nothing */
    assert_int_equal(bx_registry_call(s.registry, &call, &result, NULL), 0);
    bx_tool_result_free(result);
    close_setup(&s);
}

static void keeps_secrets_from_model_and_log(void **state)
{
    bx_autofree char *log = at_home(".local/state/boxagnts/mcp.log");
    bx_autofree char *text = NULL;
    bx_tool *tool;
    setup s;

    (void)state;
    setenv("TEST_TOKEN", "sk-0123456789abcdef", 1);
    configure(USER_FILE, "one", "fine",
              ", \"env\": {\"KEY\": \"${TEST_TOKEN}\", \"MODE\": \"production\""
              "}");
    s = open_setup(NULL);
    approve(&s, "mcp-one-secret");
    assert_result(&s, "mcp-one-secret", "{}", false, "it is *******");
    approve(&s, "mcp-one-secret-error");
    tool = bx_registry_get(s.registry, "mcp-one-secret-error", NULL);
    assert_string_equal(tool->manifest->description, "Not *******************");
    bx_tool_unref(tool);
    assert_result(&s, "mcp-one-secret-error", "{}", true,
                  "no luck with *******");
    approve(&s, "mcp-one-secret-key");
    assert_result(&s, "mcp-one-secret-key", "{}", false,
                  "\"the *******************\"");
    close_setup(&s);
    assert_int_equal(bx_file_read(log, 1u << 20, &text, NULL, NULL), 0);
    assert_non_null(strstr(text, "one: my key is *******"));
    assert_null(strstr(text, "sk-0123"));
}

static void keeps_a_log_that_does_not_grow(void **state)
{
    bx_autofree char *dir = at_home(".local/state/boxagnts");
    bx_autofree char *now = at_home(".local/state/boxagnts/mcp.log");
    bx_autofree char *old = at_home(".local/state/boxagnts/mcp.log.1");
    bx_mcp_log *log = bx_mcp_log_open(dir);
    char line[4001];
    struct stat st;

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (int i = 0; i < 600; i++)
        bx_mcp_log_put(log, "one", line);
    bx_mcp_log_close(log);
    assert_int_equal(stat(now, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(st.st_size < (off_t)BX_MCP_LOG_MAX_BYTES + 8192);
    assert_int_equal(stat(old, &st), 0);
    assert_true(st.st_size < (off_t)BX_MCP_LOG_MAX_BYTES + 8192);
}

static void writes_the_audit(void **state)
{
    bx_autofree char *path = at_home("audit.jsonl");
    bx_autofree char *text = NULL;
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    assert_refused(&s, "mcp-one-echo", "{}", BX_ERR_DENIED, "");
    approve(&s, "mcp-one-echo");
    assert_result(&s, "mcp-one-echo", "{}", false, "{}");
    close_setup(&s);
    assert_int_equal(bx_file_read(path, 1u << 20, &text, NULL, NULL), 0);
    assert_non_null(strstr(text, "\"tool\":\"mcp-one-echo\""));
    assert_non_null(strstr(text, "\"decision\":\"denied\""));
    assert_non_null(strstr(text, "\"decision\":\"allowed\""));
    assert_non_null(strstr(text, "\"caller\":\"test\""));
}

typedef struct hanging {
    const setup *s;
    bx_error *err;
    bx_tool_result *result;
} hanging;

static void *hang(void *context)
{
    hanging *at = context;

    at->result = call_with(at->s, "mcp-one-hang", "{}", false, &at->err);
    return NULL;
}

static void ends_while_a_call_hangs(void **state)
{
    pthread_t thread;
    hanging at = { 0 };
    setup s;

    (void)state;
    configure(USER_FILE, "one", "fine", "");
    s = open_setup(NULL);
    approve(&s, "mcp-one-hang");
    at.s = &s;
    assert_int_equal(pthread_create(&thread, NULL, hang, &at), 0);
    usleep(200000);
    bx_mcp_hub_free(s.hub);
    s.hub = NULL;
    pthread_join(thread, NULL);
    assert_true(at.err != NULL || (at.result != NULL && at.result->is_error));
    bx_error_free(at.err);
    bx_tool_result_free(at.result);
    assert_int_equal(status_of(&s, "mcp-one-hang"), -1);
    close_setup(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(asks_for_approval_of_each_tool,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(sees_a_description_that_changed,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(approves_what_was_shown_alone,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(binds_approval_to_the_server, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(
            starts_a_workspaces_servers_once_its_file_is_approved, make_home,
            remove_home),
        cmocka_unit_test_setup_teardown(keeps_a_workspaces_servers_in_it,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(lets_no_workspace_take_a_users_name,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(names_never_clash, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(keeps_servers_with_like_names_apart,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(takes_levels_from_the_person, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(obeys_the_policy, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(checks_what_goes_and_what_comes,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(does_nothing_over_an_overlay, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(keeps_secrets_from_model_and_log,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(keeps_a_log_that_does_not_grow,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(writes_the_audit, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(ends_while_a_call_hangs, make_home,
                                        remove_home),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
