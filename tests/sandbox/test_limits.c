/* Every limit is reached once, and the message names it. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/utf8.h"
#include "sandbox/support.h"
#include "wasi/resolve.h"

#define FOREVER COMMAND("", "(loop $l (br $l))")

/* Run wat under one control and expect this end, with text in the message. */
static void expect_end(const char *wat, const char *control, const char *value,
                       bx_code code, const char *text)
{
    bx_policy *policy = make_policy("wasm-cache-dir", "", control, value, NULL);
    bx_result *result = run_wat(wat, policy, NULL);

    if (bx_result_code(result) != code)
        fail_msg("ended with %s: %s", bx_code_name(bx_result_code(result)),
                 bx_result_message(result));
    assert_int_equal(bx_result_exit_code(result), 0);
    if (strstr(bx_result_message(result), text) == NULL)
        fail_msg("'%s' is not in '%s'", text, bx_result_message(result));
    bx_result_free(result);
    bx_policy_free(policy);
}

static void ends_an_endless_loop(void **state)
{
    (void)state;
    expect_end(FOREVER, "wasm-timeout", "100ms", BX_ERR_TIMEOUT,
               "wasm-timeout");
}

static void ends_an_endless_start_function(void **state)
{
    (void)state;
    expect_end("(module (memory (export \"memory\") 1) (func $s (loop $l (br "
               "$l))) (start $s) (func (export \"_start\")))",
               "wasm-timeout", "100ms", BX_ERR_TIMEOUT, "wasm-timeout");
}

static void ends_a_loop_of_host_calls(void **state)
{
    (void)state;
    expect_end(
        COMMAND("(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $y "
                "(result i32)))",
                "(loop $l (drop (call $y)) (br $l))"),
        "wasm-timeout", "100ms", BX_ERR_TIMEOUT, "wasm-timeout");
}

/* Calls that are short each, and no loop between them. */
static void ends_many_calls_without_a_loop(void **state)
{
    static const char head[] =
        "(module (import \"wasi_snapshot_preview1\" \"random_get\" (func $r "
        "(param i32 i32) (result i32))) (memory (export \"memory\") 4) "
        "(func (export \"_start\") ";
    static const char call[] =
        "(drop (call $r (i32.const 0) (i32.const 262144)))";
    enum { CALLS = 4000 };
    char *wat = malloc(sizeof(head) + CALLS * sizeof(call) + 3);
    char *at = stpcpy(wat, head);

    (void)state;
    for (int i = 0; i < CALLS; i++)
        at = stpcpy(at, call);
    strcpy(at, "))");
    expect_end(wat, "wasm-timeout", "50ms", BX_ERR_TIMEOUT, "wasm-timeout");
    free(wat);
}

static void ends_a_long_sleep(void **state)
{
    /* One relative monotonic clock subscription of 1000 s. */
    static const char sleeper[] = COMMAND(
        "(import \"wasi_snapshot_preview1\" \"poll_oneoff\" (func $poll (param "
        "i32 i32 i32 i32) (result i32)))",
        "(i32.store (i32.const 16) (i32.const 1)) "
        "(i64.store (i32.const 24) (i64.const 1000000000000)) "
        "(drop (call $poll (i32.const 0) (i32.const 256) (i32.const 1) "
        "(i32.const 512)))");

    (void)state;
    expect_end(sleeper, "wasm-timeout", "100ms", BX_ERR_TIMEOUT,
               "wasm-timeout");
}

/* Reads one byte of standard input. */
static const char reader[] = COMMAND(
    FD_READ, "(i32.store (i32.const 0) (i32.const 64)) "
             "(i32.store (i32.const 4) (i32.const 1)) "
             "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) "
             "(i32.const 8)))");

static void ends_a_read_that_waits(void **state)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-timeout", "100ms", NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    options.stdin_fd = ends[0];
    result = run_wat(reader, policy, &options);
    assert_int_equal(bx_result_code(result), BX_ERR_TIMEOUT);
    bx_result_free(result);
    bx_policy_free(policy);
    close(ends[0]);
    close(ends[1]);
}

static void lets_a_caller_shorten_the_time_only(void **state)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-timeout", "200ms", NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;

    (void)state;
    options.timeout_ms = 50;
    result = run_wat(FOREVER, policy, &options);
    assert_int_equal(bx_result_code(result), BX_ERR_TIMEOUT);
    assert_non_null(strstr(bx_result_message(result), "after 50 ms"));
    bx_result_free(result);

    options.timeout_ms = 3600000;
    result = run_wat(FOREVER, policy, &options);
    assert_int_equal(bx_result_code(result), BX_ERR_TIMEOUT);
    assert_non_null(strstr(bx_result_message(result), "after 200 ms"));
    bx_result_free(result);
    bx_policy_free(policy);
}

static void *cancel_soon(void *argument)
{
    usleep(50000);
    bx_cancel_trigger(argument);
    return NULL;
}

static void expect_cancelled(const char *wat, bx_run_options *options)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-timeout", "1h", NULL);
    pthread_t thread;
    bx_result *result;

    options->cancel = bx_cancel_new();
    assert_int_equal(
        pthread_create(&thread, NULL, cancel_soon, options->cancel), 0);
    result = run_wat(wat, policy, options);
    pthread_join(thread, NULL);
    assert_int_equal(bx_result_code(result), BX_ERR_CANCELLED);
    bx_result_free(result);
    bx_policy_free(policy);
    bx_cancel_free(options->cancel);
}

static void cancels_a_guest_that_computes(void **state)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;

    (void)state;
    expect_cancelled(FOREVER, &options);
}

static void cancels_a_guest_that_waits(void **state)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    options.stdin_fd = ends[0];
    expect_cancelled(reader, &options);
    close(ends[0]);
    close(ends[1]);
}

static void refuses_growth_beyond_the_limit(void **state)
{
    /* Exits with the pages it has when memory.grow answers -1. */
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-max-memory-size", "1MiB", NULL);
    bx_result *result = run_wat(
        COMMAND(PROC_EXIT, "(block $full (loop $more (br_if $full (i32.eq "
                           "(memory.grow (i32.const 1)) (i32.const -1))) (br "
                           "$more))) (call $exit (memory.size))"),
        policy, NULL);
    bx_stats stats;

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_int_equal(bx_result_exit_code(result), 16);
    bx_result_stats(result, &stats, sizeof(stats));
    assert_int_equal(stats.memory_bytes, 1 << 20);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void count_refusals(void *context, const bx_audit_event *event)
{
    assert_string_equal(event->call, "memory.grow");
    assert_string_equal(event->rule, "wasm-max-memory-size");
    ++*(int *)context;
}

static void tells_the_audit_of_refused_growth_once(void **state)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-max-memory-size", "1MiB", NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    int refusals = 0;
    bx_stats stats;
    bx_result *result;

    (void)state;
    options.audit = count_refusals;
    options.audit_context = &refusals;
    result = run_wat(COMMAND("", "(drop (memory.grow (i32.const 99))) (drop "
                                 "(memory.grow (i32.const 99)))"),
                     policy, &options);
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_int_equal(refusals, 1);
    bx_result_stats(result, &stats, sizeof(stats));
    assert_int_equal(stats.calls_denied, 1);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void counts_all_memories_together(void **state)
{
    bx_policy *policy = make_policy("wasm-cache-dir", "",
                                    "wasm-max-memory-size", "256KiB", NULL);
    bx_result *result = run_wat(
        "(module " PROC_EXIT " (memory (export \"memory\") 1) (memory $b 1) "
        "(func (export \"_start\") "
        "(drop (memory.grow $b (i32.const 2))) "
        "(call $exit (i32.add (i32.eq (memory.grow (i32.const 1)) (i32.const "
        "-1)) (memory.size $b)))))",
        policy, NULL);

    (void)state;
    assert_int_equal(bx_result_exit_code(result), 1 + 3);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void says_memory_was_refused_when_the_guest_then_traps(void **state)
{
    (void)state;
    expect_end(COMMAND("", "(if (i32.eq (memory.grow (i32.const 9999)) "
                           "(i32.const -1)) (then (unreachable)))"),
               "wasm-max-memory-size", "1MiB", BX_ERR_TRAP,
               "wasm-max-memory-size");
}

static void refuses_a_start_beyond_the_memory_limit(void **state)
{
    (void)state;
    expect_end("(module (memory (export \"memory\") 100) (func (export "
               "\"_start\")))",
               "wasm-max-memory-size", "1MiB", BX_ERR_MEMORY,
               "wasm-max-memory-size");
    expect_end("(module (memory (export \"memory\") 65536) (func (export "
               "\"_start\")))",
               "wasm-max-memory-size", "1MiB", BX_ERR_MEMORY,
               "wasm-max-memory-size");
}

static void bounds_tables(void **state)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "max-table-elements", "1000", NULL);
    bx_result *result = run_wat(
        "(module " PROC_EXIT " (memory (export \"memory\") 1) "
        "(table $t 10 funcref) (func (export \"_start\") "
        "(drop (table.grow $t (ref.null func) (i32.const 900))) "
        "(call $exit (i32.eq (table.grow $t (ref.null func) (i32.const 900)) "
        "(i32.const -1)))))",
        policy, NULL);

    (void)state;
    assert_int_equal(bx_result_exit_code(result), 1);
    bx_result_free(result);
    bx_policy_free(policy);
    expect_end("(module (table 5000 funcref) (func (export \"_start\")))",
               "max-table-elements", "1000", BX_ERR_MEMORY,
               "max-table-elements");
}

static const char recursion[] =
    "(module (memory (export \"memory\") 1) (func $f (param i32) (result i32) "
    "(i32.add (i32.const 1) (call $f (i32.add (local.get 0) (i32.const 1))))) "
    "(func (export \"_start\") (drop (call $f (i32.const 0)))))";

static void ends_deep_recursion(void **state)
{
    (void)state;
    expect_end(recursion, "wasm-max-wasm-stack", "64KiB", BX_ERR_STACK,
               "wasm-max-wasm-stack");
    expect_end(recursion, "wasm-max-wasm-stack", "1MiB", BX_ERR_STACK,
               "wasm-max-wasm-stack");
}

static void gives_a_large_stack_its_own_thread(void **state)
{
    (void)state;
    expect_end(recursion, "wasm-max-wasm-stack", "64MiB", BX_ERR_STACK,
               "wasm-max-wasm-stack");
}

static void *overflow_here(void *argument)
{
    (void)argument;
    expect_end(recursion, "wasm-max-wasm-stack", "1MiB", BX_ERR_STACK,
               "wasm-max-wasm-stack");
    return NULL;
}

static void ends_deep_recursion_on_a_thread_with_little_stack(void **state)
{
    pthread_attr_t attr;
    pthread_t thread;

    (void)state;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    assert_int_equal(pthread_create(&thread, &attr, overflow_here, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
}

static void ends_when_the_fuel_is_used(void **state)
{
    (void)state;
    expect_end(FOREVER, "wasm-fuel", "100000", BX_ERR_FUEL, "wasm-fuel");
}

static void reports_the_fuel_used(void **state)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-fuel", "1M", NULL);
    bx_result *result = run_wat(
        COMMAND("", "(local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i "
                    "(i32.add (local.get $i) (i32.const 1))) (i32.const "
                    "1000))))"),
        policy, NULL);
    bx_stats stats;

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    bx_result_stats(result, &stats, sizeof(stats));
    assert_in_range(stats.fuel_units, 1000, 20000);
    bx_result_free(result);
    bx_policy_free(policy);
}

static void reports_a_trap(void **state)
{
    static const struct {
        const char *wat;
        const char *text;
    } cases[] = {
        { COMMAND("", "(unreachable)"), "unreachable" },
        { COMMAND("", "(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
          "divide by zero" },
        { COMMAND("", "(drop (i32.load (i32.const 65536)))"),
          "out of bounds memory access" },
        { COMMAND("", "(drop (i32.load (i32.const -1)))"),
          "out of bounds memory access" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_end(cases[i].wat, "wasm-timeout", "10s", BX_ERR_TRAP,
                   cases[i].text);
}

/* Nobody watches the time in a child of fork(): it must not run there. */
static void refuses_to_run_on_the_engine_of_a_parent(void **state)
{
    static const char *const argv[] = { "guest" };
    bx_policy *policy =
        make_policy("wasm-cache-dir", "", "wasm-timeout", "100ms", NULL);
    bx_module *module = bx_module_parse(test_engine, FOREVER, strlen(FOREVER),
                                        "forever", policy, NULL);
    bx_sandbox *sandbox = bx_sandbox_new(module, policy, NULL);
    bx_result *result = NULL;
    bx_error *err = NULL;
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(bx_sandbox_run(sandbox, 1, argv, NULL, &result, NULL), 0);
    bx_result_free(result);
    child = fork();
    if (child == 0) {
        alarm(20);
        if (bx_sandbox_run(sandbox, 1, argv, NULL, &result, &err) == 0 ||
            bx_error_code(err) != BX_ERR_INVALID)
            _exit(1);
        err = fail_wat(COMMAND("", ""), NULL);
        _exit(bx_error_code(err) == BX_ERR_INVALID ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    bx_sandbox_free(sandbox);
    bx_module_free(module);
    bx_policy_free(policy);
}

/* Names in a trap's text are the module's. */
static void shows_a_trap_with_hostile_names(void **state)
{
    enum { CHARACTERS = 5000 };
    char *wat = malloc(3 * CHARACTERS);
    bx_result *result;
    const char *message;

    (void)state;
    for (int odd = 0; odd < 2; odd++) {
        char *at = stpcpy(wat, "(module (memory (export \"memory\") 1) "
                               "(func $\"\\1b[2J\\n\\nCaused by:\\n    "
                               "wasm trap: none\\r");

        at = stpcpy(at, odd ? "x" : "");
        for (int i = 0; i < CHARACTERS; i++)
            at = stpcpy(at, "\xc3\xa9");
        strcpy(at, "\" (export \"_start\") unreachable))");
        result = run_wat(wat, NULL, NULL);
        message = bx_result_message(result);
        assert_int_equal(bx_result_code(result), BX_ERR_TRAP);
        assert_int_equal(strncmp(message, "wasm `unreachable`", 18), 0);
        assert_non_null(strstr(message, "\\x1b[2J"));
        assert_null(strpbrk(message, "\x1b\r"));
        assert_true(bx_utf8_is_valid(message, strlen(message)));
        bx_result_free(result);
    }
    free(wat);
}

/* Objects of the guest's own making count as memory. */
static void bounds_the_heap_of_objects(void **state)
{
    (void)state;
    expect_end("(module (type $l (struct (field (ref null $l)))) (memory "
               "(export \"memory\") 1) (func (export \"_start\") (local $at "
               "(ref null $l)) (loop $more (local.set $at (struct.new $l "
               "(local.get $at))) (br $more))))",
               "wasm-max-memory-size", "2MiB", BX_ERR_MEMORY,
               "the guest needs more than 2097152 bytes");
}

/* The engine advises those who set its environment variables. */
static void leaves_the_engines_advice_out(void **state)
{
    bx_result *result = run_wat(
        "(module (@custom \".debug_info\" \"\\00\\00\\00\\00\") (memory "
        "(export \"memory\") 1) (func (export \"_start\") (unreachable)))",
        NULL, NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_ERR_TRAP);
    assert_null(strstr(bx_result_message(result), "WASMTIME"));
    bx_result_free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_an_endless_loop),
        cmocka_unit_test(ends_an_endless_start_function),
        cmocka_unit_test(ends_a_loop_of_host_calls),
        cmocka_unit_test(ends_many_calls_without_a_loop),
        cmocka_unit_test(ends_a_long_sleep),
        cmocka_unit_test(ends_a_read_that_waits),
        cmocka_unit_test(lets_a_caller_shorten_the_time_only),
        cmocka_unit_test(cancels_a_guest_that_computes),
        cmocka_unit_test(cancels_a_guest_that_waits),
        cmocka_unit_test(refuses_growth_beyond_the_limit),
        cmocka_unit_test(tells_the_audit_of_refused_growth_once),
        cmocka_unit_test(counts_all_memories_together),
        cmocka_unit_test(says_memory_was_refused_when_the_guest_then_traps),
        cmocka_unit_test(refuses_a_start_beyond_the_memory_limit),
        cmocka_unit_test(bounds_tables),
        cmocka_unit_test(ends_deep_recursion),
        cmocka_unit_test(gives_a_large_stack_its_own_thread),
        cmocka_unit_test(ends_deep_recursion_on_a_thread_with_little_stack),
        cmocka_unit_test(ends_when_the_fuel_is_used),
        cmocka_unit_test(reports_the_fuel_used),
        cmocka_unit_test(reports_a_trap),
        cmocka_unit_test(leaves_the_engines_advice_out),
        cmocka_unit_test(refuses_to_run_on_the_engine_of_a_parent),
        cmocka_unit_test(shows_a_trap_with_hostile_names),
        cmocka_unit_test(bounds_the_heap_of_objects),
    };

    return cmocka_run_group_tests(tests, make_home, remove_home);
}
