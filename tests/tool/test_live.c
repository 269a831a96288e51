/* Functions of components as tools, and sessions that live from call to
 * call. */
#include "support_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/call_live.h"

/* execute answers how often it was called, as one digit; longer input than 60
 * bytes traps. count is the same for one that takes nothing. */
static const char component[] =
    "(component\n"
    " (core module $m\n"
    "  (memory (export \"memory\") 1)\n"
    "  (global $calls (mut i32) (i32.const 48))\n"
    "  (global $top (mut i32) (i32.const 1024))\n"
    "  (func (export \"realloc\") (param i32 i32 i32 i32) (result i32)\n"
    "   (local $at i32)\n"
    "   (local.set $at (global.get $top))\n"
    "   (global.set $top (i32.add (global.get $top) (local.get 3)))\n"
    "   (local.get $at))\n"
    "  (func (export \"execute\") (param i32 i32) (result i32)\n"
    "   (if (i32.gt_u (local.get 1) (i32.const 60)) (then unreachable))\n"
    "   (global.set $calls (i32.add (global.get $calls) (i32.const 1)))\n"
    "   (i32.store8 (i32.const 64) (global.get $calls))\n"
    "   (i32.store (i32.const 16) (i32.eq (local.get 1) (i32.const 60)))\n"
    "   (i32.store (i32.const 20) (i32.const 64))\n"
    "   (i32.store (i32.const 24) (i32.const 1))\n"
    "   (i32.const 16)))\n"
    " (core instance $i (instantiate $m))\n"
    " (func (export \"execute\") (param \"input\" string)\n"
    "  (result (result string (error string)))\n"
    "  (canon lift (core func $i \"execute\") (memory (core memory $i "
    "\"memory\"))\n"
    "   (realloc (core func $i \"realloc\")))))\n";

static void write_component(const char *schema)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "tool:\n  name: counter\n  description: Counts.\n"
             "  input_schema: %s\n",
             schema);
    write_text(test_builtin, "counter.tool.yaml", text);
    write_text(test_builtin, "counter.wat", component);
}

#define SESSION "{type: object, properties: {session: {type: string}}}"

static void check_answer(bx_registry *registry, const char *input,
                         const char *expected, bool is_error)
{
    bx_tool_result *result;
    char *text = call_tool(registry, "counter", input, &result);

    assert_int_equal(result->is_error, is_error);
    assert_contains(text, expected);
    free(text);
    bx_tool_result_free(result);
}

static void a_session_keeps_its_state(void **state)
{
    bx_registry *registry;

    (void)state;
    write_component(SESSION);
    registry = open_registry(NULL, NULL, false);
    check_answer(registry, "{\"session\": \"a\"}", "1", false);
    check_answer(registry, "{\"session\": \"a\"}", "2", false);
    check_answer(registry, "{\"session\": \"b\"}", "1", false);
    check_answer(registry, "{\"session\": \"a\"}", "3", false);
    bx_registry_free(registry);
}

static void the_caller_may_name_a_session(void **state)
{
    bx_tool_call call = { .name = "counter", .live_session = "mine" };
    bx_registry *registry;

    (void)state;
    write_component("{type: object}");
    registry = open_registry(NULL, NULL, false);
    for (int i = 1; i <= 2; i++) {
        bx_tool_result *result = NULL;
        char *text;

        assert_int_equal(bx_registry_call(registry, &call, &result, NULL), 0);
        text = bx_tool_result_text(result);
        assert_int_equal(text[0], '0' + i);
        free(text);
        bx_tool_result_free(result);
    }
    bx_registry_free(registry);
}

static void a_session_that_trapped_begins_anew(void **state)
{
    bx_registry *registry;

    (void)state;
    write_component(SESSION);
    registry = open_registry(NULL, NULL, false);
    check_answer(registry, "{\"session\": \"a\"}", "1", false);
    check_answer(registry,
                 "{\"session\": \"a\", \"long\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
                 "trap", true);
    check_answer(registry, "{\"session\": \"a\"}", "1", false);
    bx_registry_free(registry);
}

static void an_error_that_is_returned_is_one(void **state)
{
    bx_registry *registry;
    char input[128];

    (void)state;
    write_component(SESSION);
    registry = open_registry(NULL, NULL, false);
    snprintf(input, sizeof(input), "{\"session\": \"a\", \"x\": \"%035d\"}", 0);
    assert_int_equal(strlen(input), 60);
    check_answer(registry, input, "1", true);
    check_answer(registry, "{\"session\": \"a\"}", "2", false);
    bx_registry_free(registry);
}

static void sessions_are_bounded(void **state)
{
    bx_registry *registry;
    bx_error *err;
    char input[256];

    (void)state;
    write_component(SESSION);
    registry = open_registry(NULL, NULL, false);
    /* One more than there is room for: the least recent is gone. */
    for (int i = 0; i <= BX_LIVE_MAX; i++) {
        snprintf(input, sizeof(input), "{\"session\": \"s%d\"}", i);
        check_answer(registry, input, "1", false);
    }
    check_answer(registry, "{\"session\": \"s8\"}", "2", false);
    check_answer(registry, "{\"session\": \"s0\"}", "1", false);
    snprintf(input, sizeof(input), "{\"session\": \"%0129d\"}", 0);
    err = fail_tool(registry, "counter", input);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    bx_registry_free(registry);
}

static void typed_exports_are_tools(void **state)
{
    bx_registry *registry;
    char *difference;
    char *text;

    (void)state;
    write_text(test_user, "counter.wat", component);
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(
        bx_registry_difference(registry, "counter", &difference, NULL), 0);
    free(difference);
    text = call_tool(registry, "counter", "{\"input\": \"x\"}", NULL);
    assert_string_equal(text, "1");
    free(text);
    bx_error_free(fail_tool(registry, "counter", "{\"input\": 1}"));
    bx_registry_free(registry);
}

/* What was said of a component is kept for this program alone, and decides
 * nothing: a pinned tool that it changes is refused. */
static void kept_exports_spare_a_look(void **state)
{
    bx_registry *registry;
    bx_tool *tool;
    char dir[256];
    char name[65];
    char *text;
    char *at;

    (void)state;
    write_text(test_user, "counter.wat", component);
    registry = open_registry(NULL, NULL, false);
    tool = bx_registry_get(registry, "counter", NULL);
    assert_non_null(tool);
    strcpy(name, tool->digest);
    bx_tool_unref(tool);
    bx_registry_free(registry);
    snprintf(dir, sizeof(dir), "%s/.local/state/boxagnts/tool-exports",
             test_home);
    text = read_text(dir, name);
    at = strstr(text, "\"path\":\"execute\"");
    assert_non_null(at);
    memcpy(at, "\"path\":\"another\"", 16);
    write_text(dir, name, text);
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "counter"), BX_TOOL_CHANGED);
    bx_registry_free(registry);
    at = strstr(text, "\"program\":[");
    assert_non_null(at);
    at[11] = at[11] == '1' ? '2' : '1'; /* another program */
    write_text(dir, name, text);
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "counter"), BX_TOOL_READY);
    bx_registry_free(registry);
    write_text(dir, name, "{\"program\": [");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "counter"), BX_TOOL_READY);
    bx_registry_free(registry);
    free(text);
}

/* It would have to be compiled, and a command run, to be known. */
static void a_workspaces_module_is_not_looked_into_unasked(void **state)
{
    bx_registry *registry;
    bx_error *err;
    char *difference;
    char *text;

    (void)state;
    write_text(test_tools, "counter.wat", component);
    write_text(test_tools, "none.wat", "(module");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "counter"), BX_TOOL_UNAPPROVED);
    assert_int_equal(status_of(registry, "none"), BX_TOOL_UNAPPROVED);
    err = fail_tool(registry, "counter", "{\"input\": \"x\"}");
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_contains(bx_error_message(err), "`boxagnts tool approve counter`");
    bx_error_free(err);
    err = NULL;
    assert_int_equal(bx_registry_approve(registry, "none", &difference, &err),
                     -1);
    assert_contains(bx_error_message(err), "'none' is broken: ");
    bx_error_free(err);
    assert_int_equal(
        bx_registry_approve(registry, "counter", &difference, NULL), 0);
    assert_contains(difference, "counter");
    free(difference);
    bx_registry_free(registry);
    registry = open_registry(NULL, NULL, false);
    text = call_tool(registry, "counter", "{\"input\": \"x\"}", NULL);
    assert_string_equal(text, "1");
    free(text);
    bx_registry_free(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_keeps_its_state),
        TEST(the_caller_may_name_a_session),
        TEST(a_session_that_trapped_begins_anew),
        TEST(an_error_that_is_returned_is_one),
        TEST(sessions_are_bounded),
        TEST(typed_exports_are_tools),
        TEST(kept_exports_spare_a_look),
        TEST(a_workspaces_module_is_not_looked_into_unasked),
    };

    return cmocka_run_group_tests_name("tool.live", tests, make_engine,
                                       free_engine);
}
