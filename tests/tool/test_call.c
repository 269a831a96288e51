/* Calls of tools: what is given to them, and what comes of what they do. */
#include "support_registry.h"

#include <stdlib.h>
#include <string.h>

#define READ "  permission_level: read_only\n  permissions: [\"fs.read:/\"]\n"

static const char *error_of(bx_error **err)
{
    return bx_error_message(*err);
}

/* The host's part of the metadata. */
static const json_t *host_of(const bx_tool_result *result)
{
    return json_object_get(result->metadata, "boxagnts");
}

static void input_reaches_the_tool(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    text = call_tool(registry, "actor", "{\"do\": \"echo\", \"x\": [1]}", NULL);
    assert_string_equal(text, "{\"do\": \"echo\", \"x\": [1]}");
    free(text);
    bx_registry_free(registry);
}

static void no_input_is_an_empty_object(void **state)
{
    bx_registry *registry;
    bx_tool_result *result;
    char *text;

    (void)state;
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    text = call_tool(registry, "actor", "", &result);
    assert_true(result->is_error);
    assert_contains(text, "no act ''");
    free(text);
    bx_tool_result_free(result);
    bx_registry_free(registry);
}

static void refuses_unknown_tools_with_a_guess(void **state)
{
    bx_registry *registry;
    bx_error *err;

    (void)state;
    write_tool(test_builtin, "file-read", "");
    registry = open_registry(NULL, NULL, false);
    err = fail_tool(registry, "file_raed", "{}");
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_contains(error_of(&err), "did you mean 'file-read'?");
    bx_error_free(err);
    err = fail_tool(registry, "\033[31mzzzzzzzz", "{}");
    assert_contains(error_of(&err), "\\x1b[31mzzzzzzzz");
    bx_error_free(err);
    bx_registry_free(registry);
}

static void rejects_bad_input(void **state)
{
    static const struct {
        const char *input;
        const char *message;
    } cases[] = {
        { "{\"path\":", "no valid JSON at line 1, column 8" },
        { "{} x", "no valid JSON" },
        { "[1]", "expected a JSON object" },
        { "\"text\"", "no valid JSON" },
        { "{\"path\": \"a\", \"path\": \"b\"}", "no valid JSON" },
        { "{\"path\": \"\xff\"}", "byte 11 is not UTF-8" },
        { "{}", "/path: missing" },
        { "{\"path\": 3}", "/path: expected a string" },
        { "{\"path\": \"a\", \"pth\": 1}", "pth" },
    };
    bx_registry *registry;

    (void)state;
    write_tool(test_builtin, "actor",
               "  input_schema: {type: object, required: [path], "
               "additionalProperties: false, "
               "properties: {path: {type: string}}}\n");
    registry = open_registry(NULL, NULL, false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bx_error *err = fail_tool(registry, "actor", cases[i].input);

        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        assert_contains(error_of(&err), cases[i].message);
        bx_error_free(err);
    }
    bx_registry_free(registry);
}

static void rejects_100_MiB_of_input(void **state)
{
    size_t bytes = (size_t)100 << 20;
    char *input = malloc(bytes + 1);
    bx_registry *registry;
    bx_error *err;

    (void)state;
    assert_non_null(input);
    memset(input, ' ', bytes);
    input[0] = '{';
    input[bytes - 1] = '}';
    input[bytes] = '\0';
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    err = fail_tool(registry, "actor", input);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_contains(error_of(&err), "104857600 bytes, at most 67108864");
    bx_error_free(err);
    free(input);
    bx_registry_free(registry);
}

static void garbage_becomes_text_with_a_note(void **state)
{
    bx_registry *registry;
    bx_tool_result *result;
    char *notes;

    (void)state;
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    free(call_tool(registry, "actor", "{\"do\": \"garbage\"}", &result));
    assert_false(result->is_error);
    assert_memory_equal(json_string_value(json_object_get(
                            json_array_get(result->content, 0), "text")),
                        "a\xef\xbf\xbd\xef\xbf\xbd\0z\xef\xbf\xbd", 12);
    notes = json_dumps(host_of(result), 0);
    assert_contains(notes, "not UTF-8");
    free(notes);
    bx_tool_result_free(result);
    bx_registry_free(registry);
}

static void a_flood_is_cut_with_a_note(void **state)
{
    bx_policy *policy = bx_registry_default_policy(test_workspace, NULL);
    bx_registry *registry;
    bx_tool_result *result;
    char *text;
    char *host;

    (void)state;
    assert_int_equal(bx_policy_set(policy, "max-output", "64KiB", "t", NULL),
                     0);
    assert_int_equal(bx_policy_set(policy, "wasm-timeout", "500ms", "t", NULL),
                     0);
    write_tool(test_builtin, "actor", "");
    registry = open_registry(policy, NULL, false);
    text = call_tool(registry, "actor", "{\"do\": \"flood\"}", &result);
    host = json_dumps(host_of(result), 0);
    assert_true(result->is_error);
    assert_true(strlen(text) < 70000);
    assert_contains(host, "cut at max-output");
    free(host);
    free(text);
    bx_tool_result_free(result);
    bx_registry_free(registry);
    bx_policy_free(policy);
}

static void a_deadline_ends_the_tool(void **state)
{
    bx_registry *registry;
    const bx_tool_call call = { .name = "actor",
                                .input = "{\"do\": \"loop\"}",
                                .input_bytes = 14,
                                .timeout_ms = 50 };
    bx_tool_result *result = NULL;
    char *text;

    (void)state;
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(bx_registry_call(registry, &call, &result, NULL), 0);
    assert_true(result->is_error);
    assert_int_equal(result->code, BX_ERR_TIMEOUT);
    assert_string_equal(
        json_string_value(json_object_get(host_of(result), "code")), "timeout");
    text = bx_tool_result_text(result);
    assert_contains(text, "after 50 ms");
    assert_contains(text, "ask for less in one call");
    free(text);
    bx_tool_result_free(result);
    bx_registry_free(registry);
}

static void a_trap_is_an_error_result(void **state)
{
    bx_registry *registry;
    bx_tool_result *result;
    char *text;

    (void)state;
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    text = call_tool(registry, "actor", "{\"do\": \"trap\"}", &result);
    assert_true(result->is_error);
    assert_int_equal(result->code, BX_ERR_TRAP);
    assert_contains(text, "unreachable");
    free(text);
    bx_tool_result_free(result);
    bx_registry_free(registry);
}

static void an_exit_code_brings_stderr_as_message(void **state)
{
    bx_registry *registry;
    bx_tool_result *result;
    char *text;

    (void)state;
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    text = call_tool(registry, "actor",
                     "{\"do\": \"fail\", \"text\": \"it broke\"}", &result);
    assert_true(result->is_error);
    assert_string_equal(text, "it broke\nso far");
    assert_int_equal(
        json_integer_value(json_object_get(host_of(result), "exit_code")), 3);
    free(text);
    bx_tool_result_free(result);
    text = call_tool(registry, "actor", "{\"do\": \"fail\"}", &result);
    assert_string_equal(text, "the tool ended with status 3\nso far");
    free(text);
    bx_tool_result_free(result);
    bx_registry_free(registry);
}

static void refusals_come_with_their_rule(void **state)
{
    bx_registry *registry;
    bx_tool_result *result;
    char *text;
    char *host;

    (void)state;
    write_text(test_workspace, "notes.txt", "words");
    write_tool(test_builtin, "actor", READ);
    registry = open_registry(NULL, NULL, false);
    text = call_tool(registry, "actor",
                     "{\"do\": \"read\", \"path\": \"/notes.txt\"}", NULL);
    assert_string_equal(text, "words");
    free(text);
    text = call_tool(registry, "actor",
                     "{\"do\": \"write\", \"path\": \"/new\", \"text\": \"x\"}",
                     &result);
    assert_true(result->is_error);
    host = json_dumps(host_of(result), 0);
    assert_contains(host, "\"target\": \"/new\"");
    assert_contains(host, "manifest of 'actor'");
    assert_false(has_file(test_workspace, "new"));
    free(host);
    free(text);
    bx_tool_result_free(result);
    bx_registry_free(registry);
}

static void a_manifest_gets_no_more_than_the_policy_has(void **state)
{
    bx_policy *policy = bx_policy_new();
    bx_registry *registry;
    bx_tool_result *result;
    char *explanation;

    (void)state;
    write_text(test_workspace, "notes.txt", "words");
    assert_int_equal(
        bx_policy_map_dir(policy, test_workspace, "/src", BX_ACCESS_READ, NULL),
        0);
    write_tool(test_builtin, "actor",
               "  permission_level: execute\n  permissions: [\"fs.read:/\", "
               "\"fs.write:/\", \"network:*\", \"env:*\", \"exec:*\"]\n");
    registry = open_registry(policy, NULL, false);
    free(call_tool(registry, "actor",
                   "{\"do\": \"write\", \"path\": \"/src/notes.txt\", "
                   "\"text\": \"x\"}",
                   &result));
    assert_true(result->is_error);
    bx_tool_result_free(result);
    free(call_tool(registry, "actor",
                   "{\"do\": \"read\", \"path\": \"/src/notes.txt\"}",
                   &result));
    assert_false(result->is_error);
    bx_tool_result_free(result);
    explanation = bx_registry_explain(registry, "actor", NULL, false, NULL);
    assert_contains(explanation, "not given");
    assert_contains(explanation, "fs.write:/");
    assert_contains(explanation, "network:*");
    assert_contains(explanation, "exec:*");
    free(explanation);
    bx_registry_free(registry);
    bx_policy_free(policy);
}

static void a_session_narrows_further(void **state)
{
    bx_grants *session = bx_grants_new();
    bx_registry *registry;
    bx_tool_call call = { .name = "actor", .session = session };
    bx_tool_result *result = NULL;

    (void)state;
    write_text(test_workspace, "a.txt", "a");
    write_text(test_workspace, "b.txt", "b");
    write_tool(test_builtin, "actor", READ);
    assert_int_equal(bx_grants_add(session, "fs.read:/a.txt", "test", NULL), 0);
    registry = open_registry(NULL, NULL, false);
    for (int i = 0; i < 2; i++) {
        call.input = i == 0 ? "{\"do\": \"read\", \"path\": \"/a.txt\"}"
                            : "{\"do\": \"read\", \"path\": \"/b.txt\"}";
        call.input_bytes = strlen(call.input);
        assert_int_equal(bx_registry_call(registry, &call, &result, NULL), 0);
        assert_int_equal(result->is_error, i == 1);
        bx_tool_result_free(result);
        /* Without the session it is as before: boxes are not mixed up. */
        free(call_tool(registry, "actor", call.input, &result));
        assert_false(result->is_error);
        bx_tool_result_free(result);
    }
    bx_grants_free(session);
    bx_registry_free(registry);
}

static void dangerous_tools_need_a_person(void **state)
{
    bx_registry *registry;
    bx_tool_call call = { .name = "actor",
                          .input = "{\"do\": \"echo\"}",
                          .input_bytes = 14 };
    bx_tool_result *result = NULL;
    bx_error *err = NULL;
    bx_policy *policy = bx_registry_default_policy(test_workspace, NULL);

    (void)state;
    write_tool(test_builtin, "actor", "  permission_level: dangerous\n");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(bx_registry_call(registry, &call, &result, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_contains(bx_error_message(err), "a person must approve");
    bx_error_free(err);
    call.is_approved = true;
    assert_int_equal(bx_registry_call(registry, &call, &result, NULL), 0);
    bx_tool_result_free(result);
    bx_registry_free(registry);
    /* And a workspace may allow less. */
    assert_int_equal(
        bx_policy_set(policy, "permission-level", "execute", "t", NULL), 0);
    registry = open_registry(policy, NULL, false);
    assert_int_equal(status_of(registry, "actor"), BX_TOOL_FORBIDDEN);
    assert_int_equal(bx_registry_call(registry, &call, &result, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
    bx_registry_free(registry);
    bx_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(input_reaches_the_tool, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(no_input_is_an_empty_object, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(refuses_unknown_tools_with_a_guess,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(rejects_bad_input, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(rejects_100_MiB_of_input, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(garbage_becomes_text_with_a_note,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(a_flood_is_cut_with_a_note, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(a_deadline_ends_the_tool, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(a_trap_is_an_error_result, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(an_exit_code_brings_stderr_as_message,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(refusals_come_with_their_rule,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(
            a_manifest_gets_no_more_than_the_policy_has, make_home,
            remove_home),
        cmocka_unit_test_setup_teardown(a_session_narrows_further, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(dangerous_tools_need_a_person,
                                        make_home, remove_home),
    };

    return cmocka_run_group_tests_name("tool.call", tests, make_engine,
                                       free_engine);
}
