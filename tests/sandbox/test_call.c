/* Nested runs: what a guest's spawn and tool_call may use of the run they
 * belong to. The services here run the same module again; which programs there
 * are and what they may touch is tests/tool's. */
#include "sandbox/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "sandbox/sandbox.h"

static bx_module *nested;

static int put_result(const bx_result *result, bx_service_result *ret_result)
{
    for (int i = 0; i < 2; i++) {
        size_t bytes;
        const char *data = i == 0 ? bx_result_stdout(result, &bytes)
                                  : bx_result_stderr(result, &bytes);

        if (bx_buf_append(&ret_result->output[i], data, bytes, SIZE_MAX) < 0)
            return -1;
    }
    return bx_buf_printf(&ret_result->head,
                         "{\"exit_code\": %u, \"status\": "
                         "\"%s\"}",
                         bx_result_exit_code(result),
                         bx_code_name(bx_result_code(result)));
}

static const bx_services services;

static int run_again(void *context, const bx_caller *caller,
                     const bx_spawn_request *request,
                     bx_service_result *ret_result, bx_error **err)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_run_extra extra = { &services, caller->budget, request->env,
                           request->env_count };
    bx_sandbox *sandbox;
    bx_result *result = NULL;

    (void)context;
    if (strcmp(request->argv[0], "nested") != 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND, "no program '%s'",
                            request->argv[0]);
    sandbox = bx_sandbox_new(nested, caller->policy, err);
    if (sandbox == NULL)
        return -1;
    options.stdin_data = request->input;
    options.stdin_bytes = request->input_bytes;
    options.cancel = caller->cancel;
    options.audit = caller->audit;
    options.audit_context = caller->audit_context;
    if (bx_sandbox_run_with(sandbox, request->argc, request->argv, &options,
                            &extra, &result, err) == 0)
        put_result(result, ret_result);
    bx_result_free(result);
    bx_sandbox_free(sandbox);
    return result == NULL ? -1 : 0;
}

static int call_tool(void *context, const bx_caller *caller, const char *name,
                     const char *input, size_t input_bytes,
                     bx_service_result *ret_result, bx_error **err)
{
    (void)context;
    (void)caller;
    if (strcmp(name, "twice") != 0)
        return bx_error_set(err, BX_ERR_DENIED, "tool '%s': not granted", name);
    bx_buf_puts(&ret_result->head, "{\"is_error\": false}");
    bx_buf_append(&ret_result->output[0], input, input_bytes, SIZE_MAX);
    return bx_buf_append(&ret_result->output[0], input, input_bytes, SIZE_MAX);
}

static int list_tools(void *context, const bx_caller *caller,
                      bx_service_result *ret_result, bx_error **err)
{
    (void)context;
    (void)caller;
    (void)err;
    return bx_buf_puts(&ret_result->output[0], "[]");
}

static const bx_services services = { NULL, run_again, call_tool, list_tools };

static int open_all(void **state)
{
    const char *build = getenv("BX_BUILD_DIR");
    bx_error *err = NULL;
    char path[4096];

    if (make_home(state) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/tests/guest/nested.wasm",
             build == NULL ? "build" : build);
    nested = bx_module_load(test_engine, path, NULL, &err);
    if (nested == NULL)
        fprintf(stderr, "%s\n", bx_error_message(err));
    bx_error_free(err);
    return nested == NULL ? -1 : 0;
}

static int close_all(void **state)
{
    bx_module_free(nested);
    return remove_home(state);
}

static bx_result *run_mode(const bx_policy *policy,
                           const bx_services *with_services, const char *mode,
                           const char *second, const char *third)
{
    const char *argv[] = { "nested", mode, second, third };
    size_t argc = second == NULL ? 2 : third == NULL ? 3 : 4;
    bx_run_extra extra = { with_services, NULL, NULL, 0 };
    bx_error *err = NULL;
    bx_sandbox *sandbox = bx_sandbox_new(nested, policy, &err);
    bx_result *result = NULL;

    if (sandbox == NULL || bx_sandbox_run_with(sandbox, argc, argv, NULL,
                                               &extra, &result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_sandbox_free(sandbox);
    return result;
}

static void expect_output(const bx_result *result, const char *text)
{
    const char *output = bx_result_stdout(result, NULL);

    if (strstr(output, text) == NULL)
        fail_msg("expected '%s' in '%s' (%s)", text, output,
                 bx_result_message(result));
}

static void spawns_a_program_with_input_env_and_folder(void **state)
{
    bx_result *result = run_mode(NULL, &services, "spawn", NULL, NULL);

    (void)state;
    expect_output(result, "head {\"exit_code\": 3, \"status\": \"ok\"}\n"
                          "nested in /b of yes: input\nsaid\n");
    bx_result_free(result);
}

static void calls_a_tool(void **state)
{
    bx_result *result =
        run_mode(NULL, &services, "tool", "twice", "{\"a\": 1}");

    (void)state;
    expect_output(result, "head {\"is_error\": false}\n{\"a\": 1}{\"a\": 1}");
    bx_result_free(result);
}

static void says_why_a_call_was_refused(void **state)
{
    bx_result *result = run_mode(NULL, &services, "spawn", "other", "echo");

    (void)state;
    expect_output(result, "errno 44: no program 'other'");
    bx_result_free(result);
    result = run_mode(NULL, &services, "tool", "other", NULL);
    expect_output(result, "errno 2: tool 'other': not granted");
    bx_result_free(result);
    result = run_mode(NULL, NULL, "spawn", NULL, NULL);
    expect_output(result, "errno 58: this run has no other programs");
    bx_result_free(result);
}

static void refuses_malformed_requests(void **state)
{
    bx_result *result = run_mode(NULL, &services, "malformed", NULL, NULL);
    const char *line = bx_result_stdout(result, NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    for (int i = 0; i < 13; i++) {
        assert_ptr_equal(strstr(line, "errno 28: "), line);
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "21 21 8 8 28\n");
    bx_result_free(result);
}

static void ends_recursion_at_the_depth(void **state)
{
    bx_policy *policy = make_policy("max-call-depth", "3", NULL);
    bx_result *result = run_mode(policy, &services, "deep", NULL, NULL);
    const char *output = bx_result_stdout(result, NULL);
    int heads = 0;

    (void)state;
    expect_output(result, "errno 19: max-call-depth: no more nested calls");
    for (; (output = strstr(output, "head")) != NULL; output++)
        heads++;
    assert_int_equal(heads, 3);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void counts_calls_over_the_whole_tree(void **state)
{
    bx_policy *policy = make_policy("max-calls", "5", NULL);
    bx_result *result = run_mode(policy, &services, "many", "echo", NULL);

    (void)state;
    expect_output(result, "5 times\nerrno 19: max-calls");
    bx_result_free(result);
    /* Each child would make a call of its own: 2 of 5 are children's. */
    result = run_mode(policy, &services, "many", "spawn", NULL);
    expect_output(result, "3 times\nerrno 19: max-calls");
    bx_result_free(result);
    bx_policy_free(policy);
}

static void shares_the_write_quota(void **state)
{
    char dir[128];
    bx_policy *policy;
    bx_result *result;
    char path[160];
    char text[4096];
    int fd;

    (void)state;
    snprintf(dir, sizeof(dir), "%s/work", test_home);
    assert_int_equal(system(strcat(strcpy(path, "mkdir -p "), dir)), 0);
    policy = make_policy("work-dir", dir, "max-write", "2500", "max-calls", "6",
                         NULL);
    result = run_mode(policy, &services, "many", "write", NULL);
    bx_result_free(result);
    bx_policy_free(policy);
    snprintf(path, sizeof(path), "%s/quota.txt", dir);
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, text, sizeof(text)), 2500);
    close(fd);
}

static void shares_fuel(void **state)
{
    bx_policy *policy = make_policy("wasm-fuel", "30M", NULL);
    bx_result *result = run_mode(policy, &services, "many", "burn", NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_ERR_FUEL);
    bx_result_free(result);
    bx_policy_free(policy);
    policy = make_policy("wasm-fuel", "30M", NULL);
    result = run_mode(policy, &services, "spawn", "nested", "loop");
    assert_int_equal(bx_result_code(result), BX_ERR_FUEL);
    bx_result_free(result);
    result = run_mode(policy, &services, "spawn", "nested", "burn");
    assert_int_equal(bx_result_code(result), BX_OK);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void shares_memory(void **state)
{
    bx_policy *policy = make_policy("wasm-max-memory-size", "20MiB", NULL);
    bx_result *result = run_mode(policy, &services, "spawn", "nested", "grow");

    (void)state;
    expect_output(result, "head {\"exit_code\": 0,");
    bx_result_free(result);
    result = run_mode(policy, &services, "grow-spawn", NULL, NULL);
    expect_output(result, "\"status\": \"memory\"");
    bx_result_free(result);
    bx_policy_free(policy);
}

static void ends_with_the_time_of_the_first(void **state)
{
    bx_policy *policy = make_policy("wasm-timeout", "300ms", NULL);
    bx_result *result = run_mode(policy, &services, "spawn", "nested", "loop");

    (void)state;
    assert_int_equal(bx_result_code(result), BX_ERR_TIMEOUT);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void ends_a_callee_at_a_time_of_its_own(void **state)
{
    bx_result *result = run_mode(NULL, &services, "timed", "nested", "loop");

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    expect_output(result, "\"status\": \"timeout\"");
    expect_output(result, "went on\n");
    bx_result_free(result);
    result = run_mode(NULL, &services, "timed", "nested", "burn");
    expect_output(result, "\"status\": \"ok\"");
    bx_result_free(result);
}

static void bounds_what_results_hold(void **state)
{
    bx_policy *policy = make_policy("max-output", "5MiB", NULL);
    bx_error *err = NULL;
    bx_result *result = run_mode(policy, &services, "hoard", NULL, NULL);

    (void)state;
    (void)err;
    expect_output(result, "64 times\nerrno 33");
    bx_result_free(result);
    bx_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spawns_a_program_with_input_env_and_folder),
        cmocka_unit_test(calls_a_tool),
        cmocka_unit_test(says_why_a_call_was_refused),
        cmocka_unit_test(refuses_malformed_requests),
        cmocka_unit_test(ends_recursion_at_the_depth),
        cmocka_unit_test(counts_calls_over_the_whole_tree),
        cmocka_unit_test(shares_the_write_quota),
        cmocka_unit_test(shares_fuel),
        cmocka_unit_test(shares_memory),
        cmocka_unit_test(ends_with_the_time_of_the_first),
        cmocka_unit_test(ends_a_callee_at_a_time_of_its_own),
        cmocka_unit_test(bounds_what_results_hold),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
