/* Runs: output, input, exit codes, a fresh instance each time, many threads. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/support.h"

/* Writes "hello\n" to descriptor 1. */
static const char hello[] =
    "(module " FD_WRITE " (memory (export \"memory\") 1) "
    "(data (i32.const 16) \"hello\\n\") "
    "(func (export \"_start\") "
    "(i32.store (i32.const 0) (i32.const 16)) "
    "(i32.store (i32.const 4) (i32.const 6)) "
    "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) "
    "(i32.const 8)))))";

static void captures_output(void **state)
{
    bx_result *result = run_wat(hello, NULL, NULL);
    bx_stats stats;
    size_t bytes;

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_int_equal(bx_result_exit_code(result), 0);
    assert_string_equal(bx_result_message(result), "");
    assert_string_equal(bx_result_stdout(result, &bytes), "hello\n");
    assert_int_equal(bytes, 6);
    assert_string_equal(bx_result_stderr(result, NULL), "");
    assert_false(bx_result_is_cut(result));
    bx_result_stats(result, &stats, sizeof(stats));
    assert_int_equal(stats.calls, 1);
    assert_int_equal(stats.calls_denied, 0);
    assert_int_equal(stats.memory_bytes, 65536);
    assert_int_equal(stats.write_bytes, 6);
    assert_true(stats.wall_ns > 0);
    bx_result_free(result);
}

static void writes_to_given_descriptor(void **state)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;
    char text[8] = "";
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    options.stdout_fd = ends[1];
    result = run_wat(hello, NULL, &options);
    assert_int_equal(read(ends[0], text, sizeof(text)), 6);
    assert_string_equal(text, "hello\n");
    assert_string_equal(bx_result_stdout(result, NULL), "");
    bx_result_free(result);
    close(ends[0]);
    close(ends[1]);
}

static void drops_unwanted_output(void **state)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;

    (void)state;
    options.stdout_fd = BX_FD_NONE;
    result = run_wat(hello, NULL, &options);
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_string_equal(bx_result_stdout(result, NULL), "");
    bx_result_free(result);
}

static void cuts_output_at_the_limit_and_says_so(void **state)
{
    /* 4 KiB a hundred times. */
    static const char chatty[] = COMMAND(
        FD_WRITE, "(local $i i32) (loop $again "
                  "(i32.store (i32.const 0) (i32.const 64)) "
                  "(i32.store (i32.const 4) (i32.const 4096)) "
                  "(if (i32.ne (call $fd_write (i32.const 1) (i32.const 0) "
                  "(i32.const 1) (i32.const 8)) (i32.const 0)) "
                  "(then (unreachable))) "
                  "(br_if $again (i32.lt_u (local.tee $i (i32.add (local.get "
                  "$i) (i32.const 1))) (i32.const 100))))");
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "max-output", "64KiB", NULL);
    bx_result *result = run_wat(chatty, policy, NULL);
    size_t bytes;

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    (void)bx_result_stdout(result, &bytes);
    assert_int_equal(bytes, 65536);
    assert_true(bx_result_is_cut(result));
    bx_result_free(result);
    bx_policy_free(policy);
}

static void reads_given_input(void **state)
{
    /* Echoes one read of at most 100 bytes. */
    static const char echo[] = COMMAND(
        FD_READ FD_WRITE,
        "(i32.store (i32.const 0) (i32.const 64)) "
        "(i32.store (i32.const 4) (i32.const 100)) "
        "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) "
        "(i32.const 8))) "
        "(i32.store (i32.const 4) (i32.load (i32.const 8))) "
        "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) "
        "(i32.const 8)))");
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;

    (void)state;
    options.stdin_data = "some input";
    options.stdin_bytes = 10;
    result = run_wat(echo, NULL, &options);
    assert_string_equal(bx_result_stdout(result, NULL), "some input");
    bx_result_free(result);

    result = run_wat(echo, NULL, NULL); /* none: the end at once */
    assert_string_equal(bx_result_stdout(result, NULL), "");
    bx_result_free(result);
}

static void reports_exit_code(void **state)
{
    bx_result *result =
        run_wat(COMMAND(PROC_EXIT, "(call $exit (i32.const 42)) (unreachable)"),
                NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_int_equal(bx_result_exit_code(result), 42);
    bx_result_free(result);
}

static void exits_from_the_start_function(void **state)
{
    bx_result *result =
        run_wat("(module " PROC_EXIT " (memory (export \"memory\") 1) "
                "(func $s (call $exit (i32.const 7))) (start $s) "
                "(func (export \"_start\") (unreachable)))",
                NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_int_equal(bx_result_exit_code(result), 7);
    bx_result_free(result);
}

static void gives_each_run_a_fresh_instance(void **state)
{
    /* Exits with a counter it keeps in memory and a global, then adds one. */
    static const char counter[] =
        "(module " PROC_EXIT " (memory (export \"memory\") 1) "
        "(global $g (mut i32) (i32.const 0)) "
        "(func (export \"_start\") "
        "(i32.store (i32.const 9000) (i32.add (i32.load (i32.const 9000)) "
        "(i32.const 1))) "
        "(global.set $g (i32.add (global.get $g) (i32.const 1))) "
        "(drop (memory.grow (i32.const 1))) "
        "(call $exit (i32.add (i32.load (i32.const 9000)) (i32.add "
        "(global.get $g) (memory.size))))))";
    bx_policy *policy = make_policy("wasm-cache-dir", "", NULL);
    bx_module *module = bx_module_parse(test_engine, counter, strlen(counter),
                                        "counter", policy, NULL);
    bx_sandbox *sandbox = bx_sandbox_new(module, policy, NULL);
    const char *const argv[] = { "counter" };

    (void)state;
    assert_non_null(sandbox);
    bx_module_free(module); /* runs keep what they need */
    for (int i = 0; i < 200; i++) {
        bx_result *result = NULL;

        assert_int_equal(bx_sandbox_run(sandbox, 1, argv, NULL, &result, NULL),
                         0);
        assert_int_equal(bx_result_exit_code(result), 1 + 1 + 2);
        bx_result_free(result);
    }
    bx_sandbox_free(sandbox);
    bx_policy_free(policy);
}

static void *run_many(void *argument)
{
    const bx_sandbox *sandbox = argument;
    const char *const argv[] = { "hello" };
    intptr_t wrong = 0;

    for (int i = 0; i < 200; i++) {
        bx_result *result = NULL;

        if (bx_sandbox_run(sandbox, 1, argv, NULL, &result, NULL) < 0) {
            wrong++;
            continue;
        }
        wrong += strcmp(bx_result_stdout(result, NULL), "hello\n") != 0;
        bx_result_free(result);
    }
    return (void *)wrong;
}

static void runs_on_many_threads_at_once(void **state)
{
    bx_policy *policy = make_policy("wasm-cache-dir", "", NULL);
    bx_module *module = bx_module_parse(test_engine, hello, strlen(hello),
                                        "hello", policy, NULL);
    bx_sandbox *sandbox = bx_sandbox_new(module, policy, NULL);
    pthread_t threads[8];

    (void)state;
    assert_non_null(sandbox);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, sandbox),
                         0);
    for (int i = 0; i < 8; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    bx_sandbox_free(sandbox);
    bx_module_free(module);
    bx_policy_free(policy);
}

static void refuses_a_library(void **state)
{
    bx_error *err = fail_wat("(module (func (export \"add\")))", NULL);

    (void)state;
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "exports no '_start'"));
    bx_error_free(err);
}

static void refuses_start_of_another_kind(void **state)
{
    bx_error *err = fail_wat("(module (memory (export \"_start\") 1))", NULL);

    (void)state;
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "not a function"));
    bx_error_free(err);

    err = fail_wat("(module (func (export \"_start\") (param i32)))", NULL);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "takes parameters"));
    bx_error_free(err);
    err = fail_wat("(module (func (export \"_start\") (result i32) "
                   "(i32.const 0)))",
                   NULL);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
}

static void names_imports_it_does_not_have(void **state)
{
    bx_error *err =
        fail_wat("(module (import \"env\" \"system\" (func (param i32) (result "
                 "i32))) (func (export \"_start\")))",
                 NULL);

    (void)state;
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "'env.system'"));
    bx_error_free(err);
}

static void refuses_an_import_of_another_type(void **state)
{
    bx_error *err =
        fail_wat("(module (import \"wasi_snapshot_preview1\" \"proc_exit\" "
                 "(func (param i64))) (func (export \"_start\")))",
                 NULL);

    (void)state;
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
}

static void traps_a_host_call_without_memory(void **state)
{
    bx_result *result = run_wat(
        "(module (import \"wasi_snapshot_preview1\" \"sched_yield\" (func $y "
        "(result i32))) (func (export \"_start\") (drop (call $y))))",
        NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_ERR_TRAP);
    assert_non_null(strstr(bx_result_message(result), "'memory'"));
    bx_result_free(result);
}

static void refuses_options_of_another_version(void **state)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_policy *policy = make_policy("wasm-cache-dir", "", NULL);
    bx_module *module = bx_module_parse(test_engine, hello, strlen(hello),
                                        "hello", policy, NULL);
    bx_sandbox *sandbox = bx_sandbox_new(module, policy, NULL);
    const char *const argv[] = { "hello" };
    bx_result *result = NULL;
    bx_error *err = NULL;

    (void)state;
    options.struct_bytes = 3;
    assert_int_equal(bx_sandbox_run(sandbox, 1, argv, &options, &result, &err),
                     -1);
    assert_null(result);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    bx_sandbox_free(sandbox);
    bx_module_free(module);
    bx_policy_free(policy);
}

static void gives_no_environment_unless_granted(void **state)
{
    /* Exits with the number of variables. */
    static const char count[] = COMMAND(
        PROC_EXIT "(import \"wasi_snapshot_preview1\" \"environ_sizes_get\" "
                  "(func $sizes (param i32 i32) (result i32)))",
        "(drop (call $sizes (i32.const 0) (i32.const 4))) "
        "(call $exit (i32.load (i32.const 0)))");
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "env", "A=1", "env", "B=2", NULL);
    bx_result *result = run_wat(count, NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_exit_code(result), 0);
    bx_result_free(result);
    result = run_wat(count, policy, NULL);
    assert_int_equal(bx_result_exit_code(result), 2);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void gives_no_folder_unless_mapped(void **state)
{
    /* Exits with the errno of fd_prestat_get(3). */
    static const char prestat[] = COMMAND(
        PROC_EXIT "(import \"wasi_snapshot_preview1\" \"fd_prestat_get\" "
                  "(func $get (param i32 i32) (result i32)))",
        "(call $exit (call $get (i32.const 3) (i32.const 0)))");
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "work-dir", "/usr", NULL);
    bx_result *result = run_wat(prestat, NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_exit_code(result), 8); /* EBADF */
    bx_result_free(result);
    result = run_wat(prestat, policy, NULL);
    assert_int_equal(bx_result_exit_code(result), 0);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void serves_the_older_module_name(void **state)
{
    bx_result *result = run_wat(
        COMMAND("(import \"wasi_unstable\" \"proc_exit\" (func $exit (param "
                "i32)))",
                "(call $exit (i32.const 9))"),
        NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_exit_code(result), 9);
    bx_result_free(result);
}

static void says_which_folder_is_missing(void **state)
{
    bx_policy *policy = make_policy("wasm-cache-dir", "", "map-dir",
                                    "/no/such/folder::/x", NULL);
    bx_error *err = fail_wat(hello, policy);

    (void)state;
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), "/no/such/folder"));
    bx_error_free(err);
    bx_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_output),
        cmocka_unit_test(writes_to_given_descriptor),
        cmocka_unit_test(drops_unwanted_output),
        cmocka_unit_test(cuts_output_at_the_limit_and_says_so),
        cmocka_unit_test(reads_given_input),
        cmocka_unit_test(reports_exit_code),
        cmocka_unit_test(exits_from_the_start_function),
        cmocka_unit_test(gives_each_run_a_fresh_instance),
        cmocka_unit_test(runs_on_many_threads_at_once),
        cmocka_unit_test(refuses_a_library),
        cmocka_unit_test(refuses_start_of_another_kind),
        cmocka_unit_test(names_imports_it_does_not_have),
        cmocka_unit_test(refuses_an_import_of_another_type),
        cmocka_unit_test(traps_a_host_call_without_memory),
        cmocka_unit_test(refuses_options_of_another_version),
        cmocka_unit_test(gives_no_environment_unless_granted),
        cmocka_unit_test(gives_no_folder_unless_mapped),
        cmocka_unit_test(serves_the_older_module_name),
        cmocka_unit_test(says_which_folder_is_missing),
    };

    return cmocka_run_group_tests(tests, make_home, remove_home);
}
