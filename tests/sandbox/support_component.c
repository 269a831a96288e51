#include "sandbox/support_component.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPONENTS 4

static struct {
    const char *name;
    bx_module *module;
} loaded[COMPONENTS] = {
    { "probe", NULL }, { "typed", NULL }, { "fetch", NULL }, { "caller", NULL }
};

static bx_result *last;

bx_module *load_component(const char *name)
{
    bx_error *err = NULL;
    char path[4096];
    int i = 0;

    while (strcmp(loaded[i].name, name) != 0)
        i++;
    if (loaded[i].module != NULL)
        return loaded[i].module;
    snprintf(path, sizeof(path), "%s/tests/guest/component/%s.wasm",
             getenv("BX_BUILD_DIR"), name);
    loaded[i].module = bx_module_load(test_engine, path, NULL, &err);
    if (loaded[i].module == NULL)
        fail_msg("%s", bx_error_message(err));
    return loaded[i].module;
}

void free_components(void)
{
    bx_result_free(last);
    last = NULL;
    for (int i = 0; i < COMPONENTS; i++) {
        bx_module_free(loaded[i].module);
        loaded[i].module = NULL;
    }
}

bx_sandbox *make_sandbox(const char *name, const bx_policy *policy)
{
    bx_error *err = NULL;
    bx_sandbox *sandbox = bx_sandbox_new(load_component(name), policy, &err);

    use_engine_signals();
    if (sandbox == NULL)
        fail_msg("%s", bx_error_message(err));
    return sandbox;
}

const bx_run_extra *run_component_extra;

bx_result *run_component(const char *name, const bx_policy *policy,
                         const bx_run_options *options, ...)
{
    bx_sandbox *sandbox = make_sandbox(name, policy);
    const char *argv[6] = { name };
    bx_result *result = NULL;
    bx_error *err = NULL;
    size_t argc = 1;
    va_list args;

    va_start(args, options);
    while (argc < 6 && (argv[argc] = va_arg(args, const char *)) != NULL)
        argc++;
    va_end(args);
    if (bx_sandbox_run_with(sandbox, argc, argv, options, run_component_extra,
                            &result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_sandbox_free(sandbox);
    return result;
}

const char *output_of(const char *name, const bx_policy *policy,
                      const char *one, const char *two, const char *three)
{
    bx_result_free(last);
    last = run_component(name, policy, NULL, one, two, three, NULL);
    if (bx_result_code(last) != BX_OK)
        fail_msg("%s: %s", bx_result_message(last),
                 bx_result_stderr(last, NULL));
    return bx_result_stdout(last, NULL);
}

void expect_json(const char *function, const char *args, const char *value)
{
    bx_sandbox *sandbox = make_sandbox("typed", NULL);
    bx_result *result = NULL;
    bx_error *err = NULL;

    if (bx_sandbox_invoke(sandbox, function, args, NULL, &result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    assert_string_equal(bx_result_message(result), "");
    assert_non_null(bx_result_value(result));
    assert_string_equal(bx_result_value(result), value);
    bx_result_free(result);
    bx_sandbox_free(sandbox);
}

void expect_invalid(const char *function, const char *args, const char *text)
{
    bx_sandbox *sandbox = make_sandbox("typed", NULL);
    bx_result *result = NULL;
    bx_error *err = NULL;

    assert_int_equal(
        bx_sandbox_invoke(sandbox, function, args, NULL, &result, &err), -1);
    assert_null(result);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    if (strstr(bx_error_message(err), text) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), text);
    bx_error_free(err);
    bx_sandbox_free(sandbox);
}
