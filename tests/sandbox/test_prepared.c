/* What is done once for a module, and how little an engine is to fork. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/code.h"
#include "sandbox/module.h"
#include "sandbox/sandbox.h"
#include "sandbox/support.h"

static const char writes[] = COMMAND(
    FD_WRITE, "(i32.store (i32.const 0) (i32.const 64))"
              "(i32.store (i32.const 4) (i32.const 1))"
              "(i32.store8 (i32.const 64) (i32.const 111))"
              "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) "
              "(i32.const 8)))");

static const char unknown[] =
    "(module (import \"env\" \"nobody_has_it\" (func)) "
    "(memory (export \"memory\") 1) (func (export \"_start\")))";

/* As a template gets it. */
static bx_module *load(bx_engine *engine, const char *text,
                       const bx_limits *limits)
{
    bx_error *err = NULL;
    bx_code_bytes code;
    bx_module *module;
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(bx_code_compile(engine, limits, text, strlen(text),
                                     "m.wat", &code, &err),
                     0);
    assert_int_equal(write(fd, code.bytes, code.bytes_count), code.bytes_count);
    module = bx_code_module(engine, "m.wat", false, code.digest, &err);
    assert_non_null(module);
    assert_int_equal(bx_code_load(module, limits, fd, &err), 0);
    assert_null(err);
    bx_code_bytes_clear(&code);
    close(fd);
    return module;
}

static void resolves_imports_when_the_code_comes(void **state)
{
    bx_policy *policy = make_policy("wasm-timeout", "30s", NULL);
    bx_module *module = load(test_engine, writes, &policy->limits);
    bx_sandbox *sandbox;

    (void)state;
    assert_non_null(module->codes->prepared);
    sandbox = bx_sandbox_new(module, policy, NULL);
    assert_non_null(sandbox);
    assert_ptr_equal(sandbox->prepared, module->codes->prepared);
    bx_sandbox_free(sandbox);
    bx_module_free(module);
    bx_policy_free(policy);
}

static void sandboxes_share_it_and_outlive_the_module(void **state)
{
    static const char *const argv[] = { "m" };
    bx_policy *policies[2] = { make_policy("wasm-timeout", "30s", NULL),
                               make_policy("wasm-timeout", "31s", NULL) };
    bx_module *module = load(test_engine, writes, &policies[0]->limits);
    bx_sandbox *sandboxes[2];

    (void)state;
    use_engine_signals();
    for (int i = 0; i < 2; i++) {
        sandboxes[i] = bx_sandbox_new(module, policies[i], NULL);
        assert_non_null(sandboxes[i]);
    }
    assert_ptr_equal(sandboxes[0]->prepared, sandboxes[1]->prepared);
    bx_module_free(module);
    for (int i = 0; i < 2; i++) {
        bx_result *result;
        size_t bytes;

        assert_int_equal(
            bx_sandbox_run(sandboxes[i], 1, argv, NULL, &result, NULL), 0);
        assert_int_equal(bx_result_code(result), BX_OK);
        assert_string_equal(bx_result_stdout(result, &bytes), "o");
        bx_result_free(result);
        bx_sandbox_free(sandboxes[i]);
        bx_policy_free(policies[i]);
    }
}

static void tells_of_unknown_imports_when_a_sandbox_is_made(void **state)
{
    bx_policy *policy = make_policy("wasm-timeout", "30s", NULL);
    bx_module *module = load(test_engine, unknown, &policy->limits);
    bx_error *err = NULL;

    (void)state;
    assert_null(module->codes->prepared);
    for (int i = 0; i < 2; i++) {
        assert_null(bx_sandbox_new(module, policy, &err));
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        assert_non_null(strstr(bx_error_message(err), "'env.nobody_has_it'"));
        bx_error_free(err);
        err = NULL;
    }
    bx_module_free(module);
    bx_policy_free(policy);
}

typedef struct seen {
    int times;
    bx_result *result;
} seen;

static void see(void *context, bx_result *result)
{
    seen *what = context;

    what->times++;
    what->result = result;
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_string_equal(bx_result_stdout(result, NULL), "o");
}

static void hands_out_a_result_before_memory_goes_back(void **state)
{
    static const char *const argv[] = { "m" };
    bx_policy *policy = make_policy("wasm-timeout", "30s", NULL);
    bx_module *module = load(test_engine, writes, &policy->limits);
    bx_module *library = load(test_engine, "(module)", &policy->limits);
    bx_sandbox *sandbox = bx_sandbox_new(module, policy, NULL);
    bx_sandbox *failing = bx_sandbox_new(library, policy, NULL);
    seen what = { 0, NULL };
    const bx_run_extra extra = { .ended = see, .ended_context = &what };
    bx_result *result;

    (void)state;
    assert_int_equal(
        bx_sandbox_run_with(sandbox, 1, argv, NULL, &extra, &result, NULL), 0);
    assert_int_equal(what.times, 1);
    assert_ptr_equal(what.result, result);
    bx_result_free(result);
    assert_int_equal(
        bx_sandbox_run_with(failing, 1, argv, NULL, &extra, &result, NULL), -1);
    assert_int_equal(what.times, 1);
    bx_sandbox_free(failing);
    bx_sandbox_free(sandbox);
    bx_module_free(library);
    bx_module_free(module);
    bx_policy_free(policy);
}

static size_t count_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    size_t count = 0;
    int c;

    assert_non_null(file);
    while ((c = fgetc(file)) != EOF)
        count += c == '\n';
    fclose(file);
    return count;
}

/* fork() copies each mapping, and a template forks for each box. */
static void an_engine_is_few_mappings(void **state)
{
    bx_policy *policy = make_policy("wasm-timeout", "30s", NULL);
    size_t before = count_mappings();
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_variant *variant;

    (void)state;
    assert_non_null(engine);
    assert_int_equal(
        bx_engine_get_variant(engine, &policy->limits, &variant, NULL), 0);
    assert_in_range(count_mappings(), 0, before + 64);
    bx_engine_free(engine);
    bx_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolves_imports_when_the_code_comes),
        cmocka_unit_test(sandboxes_share_it_and_outlive_the_module),
        cmocka_unit_test(tells_of_unknown_imports_when_a_sandbox_is_made),
        cmocka_unit_test(hands_out_a_result_before_memory_goes_back),
        cmocka_unit_test(an_engine_is_few_mappings),
    };

    return cmocka_run_group_tests(tests, make_home, remove_home);
}
