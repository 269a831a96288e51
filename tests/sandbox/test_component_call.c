/* boxagnts:host/calls: a component's way to other programs and tools. What may
 * be used of a run is test_call.c's; here is what crosses the boundary. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sandbox/sandbox.h"
#include "sandbox/support_component.h"

static int spawn(void *context, const bx_caller *caller,
                 const bx_spawn_request *request, bx_service_result *ret_result,
                 bx_error **err)
{
    (void)context;
    if (strcmp(request->argv[0], "slow") == 0) {
        caller->budget->deadline_ns = 0;
        bx_cancel_trigger(caller->cancel);
        return bx_error_set(err, BX_ERR_CANCELLED, "cancelled");
    }
    if (strcmp(request->argv[0], "known") != 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND, "no program '%s'",
                            request->argv[0]);
    bx_buf_puts(&ret_result->head, "{\"exit_code\": 3, \"status\": \"trap\", "
                                   "\"message\": \"it broke\"}");
    for (size_t i = 0; i < request->argc; i++)
        bx_buf_printf(&ret_result->output[0], "%s,", request->argv[i]);
    for (size_t i = 0; i < request->env_count; i++)
        bx_buf_printf(&ret_result->output[0], "%s,", request->env[i]);
    return bx_buf_append(&ret_result->output[1], request->input,
                         request->input_bytes, SIZE_MAX);
}

static int call_tool(void *context, const bx_caller *caller, const char *name,
                     const char *input, size_t input_bytes,
                     bx_service_result *ret_result, bx_error **err)
{
    (void)context;
    (void)caller;
    if (strcmp(name, "echo") != 0)
        return bx_error_set(err, BX_ERR_DENIED, "tool '%s': not granted", name);
    return bx_buf_append(&ret_result->output[0], input, input_bytes, SIZE_MAX);
}

static int list_tools(void *context, const bx_caller *caller,
                      bx_service_result *ret_result, bx_error **err)
{
    (void)context;
    (void)caller;
    (void)err;
    return bx_buf_puts(&ret_result->output[0], "[{\"name\": \"echo\"}]");
}

static const bx_services services = { NULL, spawn, call_tool, list_tools };

static bx_result *run(const bx_services *with, bx_cancel *cancel,
                      const char *one, const char *two, const char *three)
{
    const bx_run_extra extra = { .services = with };
    const char *argv[] = { "caller", one, two, three };
    size_t argc = three != NULL ? 4 : two != NULL ? 3 : 2;
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_sandbox *sandbox = make_sandbox("caller", NULL);
    bx_result *result = NULL;
    bx_error *err = NULL;

    options.cancel = cancel;
    if (bx_sandbox_run_with(sandbox, argc, argv, &options, &extra, &result,
                            &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_sandbox_free(sandbox);
    return result;
}

static void expect_said(const bx_services *with, const char *one,
                        const char *two, const char *three, const char *text)
{
    bx_result *result = run(with, NULL, one, two, three);

    assert_string_equal(bx_result_message(result), "");
    if (strstr(bx_result_stdout(result, NULL), text) == NULL)
        fail_msg("'%s', not '%s'", bx_result_stdout(result, NULL), text);
    bx_result_free(result);
}

static void spawns_with_all_it_gave(void **state)
{
    (void)state;
    expect_said(&services, "spawn", "known", "an argument",
                "3 trap \"it broke\" known,an argument,A=b,PWD=/work, input\n");
}

static void tells_the_guest_why_not(void **state)
{
    (void)state;
    expect_said(&services, "spawn", "unknown", NULL,
                "error: no program 'unknown'");
    expect_said(&services, "call", "other", "{}",
                "Err(\"tool 'other': not granted\")");
    expect_said(NULL, "spawn", "known", NULL, "error: this run has no other");
    expect_said(NULL, "call", "echo", "{}", "Err(\"this run has no other");
    expect_said(NULL, "list", NULL, NULL, "Err(");
}

static void calls_and_lists_tools(void **state)
{
    (void)state;
    expect_said(&services, "call", "echo", "{\"a\": 1}",
                "Ok(\"{\\\"a\\\": 1}\")");
    expect_said(&services, "list", NULL, NULL,
                "Ok(\"[{\\\"name\\\": \\\"echo\\\"}]\")");
}

static void rejects_malformed_requests(void **state)
{
    (void)state;
    /* No program at all. */
    expect_said(&services, "spawn", NULL, NULL, "error: spawn: expected 1");
}

static void ends_with_a_nested_cancel(void **state)
{
    bx_cancel *cancel = bx_cancel_new();
    bx_result *result = run(&services, cancel, "spawn", "slow", NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_ERR_CANCELLED);
    bx_result_free(result);
    bx_cancel_free(cancel);
}

static int close_group(void **state)
{
    free_components();
    return remove_home(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spawns_with_all_it_gave),
        cmocka_unit_test(tells_the_guest_why_not),
        cmocka_unit_test(calls_and_lists_tools),
        cmocka_unit_test(rejects_malformed_requests),
        cmocka_unit_test(ends_with_a_nested_cancel),
    };

    return cmocka_run_group_tests(tests, make_home, close_group);
}
