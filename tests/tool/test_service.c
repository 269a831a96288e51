/* What a running tool reaches by spawn and tool_call: never more than it has
 * itself. */
#include "support_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/audit_log.h"

#define FULL                                                                   \
    "  permission_level: execute\n  permissions: [\"fs.read:/\", "             \
    "\"fs.write:/\", \"exec:*\", \"tool:*\", \"env:*\"]\n"
#define READ "  permission_level: read_only\n  permissions: [\"fs.read:/\"]\n"

/* Call tool `outer` to do act with path and text. */
static char *act(bx_registry *registry, const char *what, const char *path,
                 const char *text)
{
    char input[4096];
    char quoted[2048];
    size_t len = 0;

    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            quoted[len++] = '\\';
        quoted[len++] = *text;
    }
    quoted[len] = '\0';
    snprintf(input, sizeof(input),
             "{\"do\": \"%s\", \"path\": \"%s\", \"text\": \"%s\"}", what, path,
             quoted);
    return call_tool(registry, "outer", input, NULL);
}

static void a_tool_calls_a_tool(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_text(test_workspace, "notes.txt", "words");
    write_tool(test_builtin, "outer", FULL);
    write_tool(test_builtin, "inner", READ);
    registry = open_registry(NULL, NULL, false);
    text = act(registry, "call", "inner",
               "{\"do\": \"read\", \"path\": \"/notes.txt\"}");
    assert_contains(text, "{\"is_error\":false}");
    assert_contains(text, "\"text\":\"words\"");
    free(text);
    text = act(registry, "call", "inner",
               "{\"do\": \"write\", \"path\": \"/new\", \"text\": \"x\"}");
    assert_contains(text, "{\"is_error\":true}");
    assert_false(has_file(test_workspace, "new"));
    free(text);
    bx_registry_free(registry);
}

static void a_callee_has_no_more_than_its_caller(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_tool(test_builtin, "outer",
               "  permission_level: execute\n"
               "  permissions: [\"fs.read:/\", \"tool:inner\"]\n");
    write_tool(test_builtin, "inner", FULL);
    write_tool(test_builtin, "third", FULL);
    registry = open_registry(NULL, NULL, false);
    text = act(registry, "call", "inner",
               "{\"do\": \"write\", \"path\": \"/new\", \"text\": \"x\"}");
    assert_contains(text, "{\"is_error\":true}");
    assert_false(has_file(test_workspace, "new"));
    free(text);
    /* Called by itself it may. */
    text = call_tool(registry, "inner",
                     "{\"do\": \"write\", \"path\": \"/new\", \"text\": "
                     "\"x\"}",
                     NULL);
    assert_string_equal(text, "written\n");
    free(text);
    text = act(registry, "call", "third", "{}");
    assert_contains(text, "errno 2: ");
    assert_contains(text, "tool 'third'");
    free(text);
    bx_registry_free(registry);
}

static void errors_of_a_nested_call_come_back(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_tool(test_builtin, "outer", FULL);
    write_tool(test_builtin, "risky", "  permission_level: dangerous\n");
    write_tool(test_builtin, "strict",
               "  input_schema: {type: object, required: [path]}\n");
    registry = open_registry(NULL, NULL, false);
    text = act(registry, "call", "nobody", "{}");
    assert_contains(text, "errno 44: no tool 'nobody'");
    free(text);
    text = act(registry, "call", "risky", "{}");
    assert_contains(text, "errno 2: tool 'risky' is dangerous");
    free(text);
    text = act(registry, "call", "strict", "{}");
    assert_contains(text, "errno 28: input of 'strict': /path: missing");
    free(text);
    bx_registry_free(registry);
}

static void lists_what_may_be_called(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_tool(test_builtin, "outer",
               "  permission_level: execute\n  permissions: [\"tool:in*\"]\n");
    write_tool(test_builtin, "inner", READ);
    write_tool(test_builtin, "other", READ);
    write_tool(test_tools, "inside", READ); /* not approved */
    registry = open_registry(NULL, NULL, false);
    text = act(registry, "list", "", "");
    assert_contains(text, "\"name\":\"inner\"");
    assert_null(strstr(text, "other"));
    assert_null(strstr(text, "inside"));
    free(text);
    bx_registry_free(registry);
}

static void spawns_programs_by_name(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_tool(test_builtin, "outer",
               "  permission_level: execute\n"
               "  permissions: [\"fs.read:/\", \"exec:helper\"]\n");
    write_tool(test_builtin, "inner", FULL "  programs: [helper, hidden]\n");
    registry = open_registry(NULL, NULL, false);
    text = act(registry, "spawn", "helper", "{'do': 'print'}");
    /* The guest reads JSON alone: argv came through as it is. */
    assert_contains(text, "\"exit_code\":2");
    free(text);
    text = act(registry, "spawn", "/usr/bin/helper", "x");
    assert_contains(text, "\"exit_code\":2");
    free(text);
    text = act(registry, "spawn", "hidden", "x");
    assert_contains(text, "errno 2: ");
    free(text);
    text = act(registry, "spawn", "nothing", "x");
    assert_contains(text, "errno 2: ");
    free(text);
    bx_registry_free(registry);
}

/* A shell goes on after `&&` when the status is 0. */
static void takes_no_ended_program_for_a_success(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_tool(test_builtin, "outer",
               "  permission_level: execute\n"
               "  permissions: [\"fs.read:/\", \"exec:helper\"]\n");
    write_tool(test_builtin, "inner", FULL "  programs: [helper]\n");
    registry = open_registry(NULL, NULL, false);
    text = act(registry, "spawn", "helper", "{\"do\": \"trap\"}");
    assert_contains(text, "\"status\":\"trap\"");
    assert_contains(text, "\"exit_code\":137");
    free(text);
    bx_registry_free(registry);
}

/* Nobody agreed: not under another name either. */
static void starts_no_program_of_a_dangerous_tool(void **state)
{
    bx_policy *policy = bx_registry_default_policy(test_workspace, NULL);
    bx_registry *registry;
    char *text;

    (void)state;
    assert_int_equal(
        bx_policy_set(policy, "tool-level", "inner=dangerous", "t", NULL), 0);
    write_tool(test_builtin, "outer", FULL);
    write_tool(test_builtin, "inner", FULL "  programs: [helper]\n");
    write_tool(test_builtin, "risky",
               "  permission_level: dangerous\n  programs: [own]\n");
    registry = open_registry(policy, NULL, false);
    text = act(registry, "spawn", "helper", "x");
    assert_contains(text, "errno 2: program 'helper' is of the tool 'inner'");
    free(text);
    text = act(registry, "spawn", "own", "x");
    assert_contains(text, "errno 2: program 'own' is of the tool 'risky'");
    free(text);
    bx_registry_free(registry);
    bx_policy_free(policy);
}

static void unapproved_tools_bring_no_programs(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_tool(test_builtin, "outer", FULL);
    write_tool(test_tools, "inner", FULL "  programs: [helper]\n");
    registry = open_registry(NULL, NULL, false);
    text = act(registry, "spawn", "helper", "x");
    assert_contains(text, "errno 44: no program 'helper'");
    free(text);
    bx_registry_free(registry);
}

/* outer calls outer calls outer ...: depth is bounded by the first policy. */
static void depth_is_bounded(void **state)
{
    bx_policy *policy = bx_registry_default_policy(test_workspace, NULL);
    bx_registry *registry;
    char *text;

    (void)state;
    assert_int_equal(bx_policy_set(policy, "max-call-depth", "1", "t", NULL),
                     0);
    write_tool(test_builtin, "outer", FULL);
    registry = open_registry(policy, NULL, false);
    text = act(registry, "call", "outer", "{\"do\": \"echo\"}");
    assert_contains(text, "\"is_error\":false");
    free(text);
    text = act(registry, "call", "outer",
               "{\"do\": \"call\", \"path\": \"outer\", \"text\": \"{}\"}");
    assert_contains(text, "max-call-depth");
    free(text);
    bx_registry_free(registry);
    bx_policy_free(policy);
}

static size_t count_lines(const char *text, const char *part)
{
    size_t count = 0;

    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}

static void every_call_is_recorded(void **state)
{
    bx_audit_log *audit;
    bx_registry *registry;
    bx_error *err;
    char path[128];
    char *log;

    (void)state;
    snprintf(path, sizeof(path), "%s/audit.jsonl", test_home);
    audit = bx_audit_log_open(path, NULL);
    assert_non_null(audit);
    write_tool(test_builtin, "outer", FULL);
    write_tool(test_builtin, "inner", READ "  programs: [helper]\n");
    registry = open_registry(NULL, audit, false);
    free(act(registry, "call", "inner",
             "{\"do\": \"write\", \"path\": \"/new\", \"text\": \"x\"}"));
    free(act(registry, "spawn", "helper", "x"));
    err = fail_tool(registry, "nobody\n", "{}");
    bx_error_free(err);
    bx_registry_free(registry);
    bx_audit_log_close(audit);
    log = read_text(test_home, "audit.jsonl");
    /* outer, inner; outer, helper; nobody */
    assert_int_equal(count_lines(log, "\"event\":\"call\""), 5);
    assert_int_equal(count_lines(log, "\"event\":\"refusal\""), 1);
    assert_int_equal(count_lines(log, "\"parent\":"), 3);
    assert_int_equal(count_lines(log, "\"program\":\"helper\""), 1);
    assert_int_equal(count_lines(log, "\"caller\":\"outer\""), 3);
    assert_int_equal(count_lines(log, "\"decision\":\"not-found\""), 1);
    assert_contains(log, "nobody\\\\x0a");
    assert_contains(log, "\"target\":\"/new\"");
    assert_int_equal(count_lines(log, "\"wall_us\":"), 4);
    free(log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tool_calls_a_tool),
        TEST(a_callee_has_no_more_than_its_caller),
        TEST(errors_of_a_nested_call_come_back),
        TEST(lists_what_may_be_called),
        TEST(spawns_programs_by_name),
        TEST(takes_no_ended_program_for_a_success),
        TEST(starts_no_program_of_a_dangerous_tool),
        TEST(unapproved_tools_bring_no_programs),
        TEST(depth_is_bounded),
        TEST(every_call_is_recorded),
    };

    return cmocka_run_group_tests_name("tool.service", tests, make_engine,
                                       free_engine);
}
