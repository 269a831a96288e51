/* Components under the same policy and limits as core modules. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/support_component.h"

static bx_audit_event last_event;
static char last_call[64];
static char last_rule[256];

static void on_audit(void *context, const bx_audit_event *event)
{
    (void)context;
    last_event = *event;
    snprintf(last_call, sizeof(last_call), "%s", event->call);
    snprintf(last_rule, sizeof(last_rule), "%s", event->rule);
}

static bx_run_options audited(void)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;

    options.audit = on_audit;
    last_call[0] = '\0';
    return options;
}

/* A folder of the test's own with one file, mapped at /d. */
static char folder[128];

static void make_folder(void)
{
    char path[192];
    FILE *file;

    snprintf(folder, sizeof(folder), "%s/d", test_home);
    mkdir(folder, 0700);
    snprintf(path, sizeof(path), "%s/f", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("content", file);
    fclose(file);
    snprintf(path, sizeof(path), "%s/evil", folder);
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
}

static bx_policy *map(const char *access)
{
    char value[192];

    make_folder();
    snprintf(value, sizeof(value), "%s::/d%s", folder, access);
    return make_policy("map-dir", value, NULL);
}

static bool exists(const char *name)
{
    char path[192];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* ---- the world ------------------------------------------------------ */

static void gives_arguments_and_streams(void **state)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;

    (void)state;
    assert_string_equal(output_of("probe", NULL, "args", "one", "two words"),
                        "[\"args\", \"one\", \"two words\"]\n");
    options.stdin_data = "input";
    options.stdin_bytes = 5;
    result = run_component("probe", NULL, &options, "stdin", NULL);
    assert_string_equal(bx_result_stdout(result, NULL), "INPUT");
    bx_result_free(result);
}

static void gives_granted_environment_only(void **state)
{
    bx_policy *policy = make_policy("env", "GREETING=hello", NULL);

    (void)state;
    setenv("SECRET_OF_THE_HOST", "1", 1);
    assert_string_equal(output_of("probe", policy, "env", NULL, NULL),
                        "GREETING=hello\n");
    assert_string_equal(output_of("probe", NULL, "env", NULL, NULL), "");
    bx_policy_free(policy);
}

static void exits_with_a_status(void **state)
{
    bx_result *result = run_component("probe", NULL, NULL, "exit", "7", NULL);

    (void)state;
    /* Rust's exit() of this target knows success and failure only. */
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_int_equal(bx_result_exit_code(result), 1);
    bx_result_free(result);
}

static void repeats_a_deterministic_run(void **state)
{
    bx_policy *policy = make_policy("deterministic", "7", NULL);
    char *first = strdup(output_of("probe", policy, "random", NULL, NULL));

    (void)state;
    assert_string_equal(output_of("probe", policy, "random", NULL, NULL),
                        first);
    free(first);
    assert_string_equal(output_of("probe", policy, "time", NULL, NULL),
                        "1577836807\n");
    /* Virtual time passes without waiting. */
    assert_string_equal(output_of("probe", policy, "sleep", "86400000", NULL),
                        "true\n");
    bx_policy_free(policy);
}

/* ---- files ---------------------------------------------------------- */

static void reads_and_writes_mapped_files(void **state)
{
    bx_policy *policy = map("");

    (void)state;
    assert_string_equal(output_of("probe", policy, "cat", "/d/f", NULL),
                        "content");
    assert_string_equal(output_of("probe", policy, "write", "/d/new", "text"),
                        "ok\n");
    assert_string_equal(output_of("probe", policy, "append", "/d/new", "more"),
                        "Ok(())\n");
    assert_string_equal(output_of("probe", policy, "cat", "/d/new", NULL),
                        "textmore");
    assert_string_equal(output_of("probe", policy, "ls", "/d", NULL),
                        "[\"evil\", \"f\", \"new\"]\n");
    assert_string_equal(output_of("probe", policy, "stat", "/d/f", NULL),
                        "7 false true\n");
    assert_string_equal(output_of("probe", policy, "ops", "/d", NULL),
                        "Ok(())\nOk(())\nOk(())\nOk(())\nOk(\"hello\")\n"
                        "Ok(())\nErr(Some(55))\nOk(())\nOk(())\n"
                        "Ok(())\nOk(())\nOk(())\n");
    bx_policy_free(policy);
}

static void refuses_what_is_not_granted(void **state)
{
    static const char *const paths[] = { "/d/evil", "/d/../../etc/passwd",
                                         "/etc/passwd" };
    bx_policy *policy = map("");

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *out = output_of("probe", policy, "cat", paths[i], NULL);

        if (strncmp(out, "error:", 6) != 0)
            fail_msg("%s: %s", paths[i], out);
    }
    bx_policy_free(policy);
    assert_memory_equal(output_of("probe", NULL, "cat", "/d/f", NULL),
                        "error:", 6);
}

static void refuses_writes_to_read_only_mapping(void **state)
{
    bx_policy *policy = map("::ro");
    bx_run_options options = audited();
    bx_result *result;

    (void)state;
    result = run_component("probe", policy, &options, "write", "/d/secret", "x",
                           NULL);
    assert_string_equal(bx_result_stdout(result, NULL),
                        "error: Read-only file system (os error 69)\n");
    assert_false(exists("secret"));
    assert_string_equal(last_call, "path_open");
    assert_non_null(strstr(last_rule, "map-dir"));
    bx_result_free(result);
    bx_policy_free(policy);
}

static void obeys_path_grants(void **state)
{
    bx_policy *policy;
    char value[192];
    char path[192];

    (void)state;
    make_folder();
    snprintf(path, sizeof(path), "%s/sub", folder);
    mkdir(path, 0700);
    snprintf(value, sizeof(value), "%s::/d", folder);
    policy = make_policy("map-dir", value, "grant", "fs.read:/d", "grant",
                         "fs.write:/d/sub", NULL);
    assert_string_equal(output_of("probe", policy, "cat", "/d/f", NULL),
                        "content");
    assert_string_equal(output_of("probe", policy, "write", "/d/sub/x", "1"),
                        "ok\n");
    assert_memory_equal(output_of("probe", policy, "write", "/d/x", "1"),
                        "error:", 6);
    assert_false(exists("x"));
    bx_policy_free(policy);
}

/* ---- limits --------------------------------------------------------- */

static void expect_end(bx_result *result, bx_code code, const char *text)
{
    if (bx_result_code(result) != code)
        fail_msg("%s: %s", bx_code_name(bx_result_code(result)),
                 bx_result_message(result));
    if (strstr(bx_result_message(result), text) == NULL)
        fail_msg("'%s' does not say '%s'", bx_result_message(result), text);
    bx_result_free(result);
}

static void ends_at_deadline(void **state)
{
    bx_policy *policy = make_policy("wasm-timeout", "50ms", NULL);

    (void)state;
    expect_end(run_component("probe", policy, NULL, "spin", NULL),
               BX_ERR_TIMEOUT, "wasm-timeout");
    expect_end(run_component("probe", policy, NULL, "sleep", "60000", NULL),
               BX_ERR_TIMEOUT, "wasm-timeout");
    bx_policy_free(policy);
}

static void ends_blocking_read_at_deadline(void **state)
{
    bx_policy *policy = make_policy("wasm-timeout", "50ms", NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    options.stdin_fd = ends[0];
    expect_end(run_component("probe", policy, &options, "stdin", NULL),
               BX_ERR_TIMEOUT, "wasm-timeout");
    close(ends[0]);
    close(ends[1]);
    bx_policy_free(policy);
}

static void *cancel_soon(void *argument)
{
    usleep(20000);
    bx_cancel_trigger(argument);
    return NULL;
}

static void ends_when_cancelled(void **state)
{
    static const char *const calls[] = { "spin", "sleep" };

    (void)state;
    for (int i = 0; i < 2; i++) {
        bx_run_options options = BX_RUN_OPTIONS_INIT;
        bx_cancel *cancel = bx_cancel_new();
        pthread_t thread;

        options.cancel = cancel;
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, cancel), 0);
        expect_end(
            run_component("probe", NULL, &options, calls[i], "60000", NULL),
            BX_ERR_CANCELLED, "ended from outside");
        pthread_join(thread, NULL);
        bx_cancel_free(cancel);
    }
}

static void ends_without_fuel(void **state)
{
    bx_policy *policy = make_policy("wasm-fuel", "3000000", NULL);
    bx_result *result = run_component("probe", policy, NULL, "args", NULL);
    bx_stats stats;

    (void)state;
    bx_result_stats(result, &stats, sizeof(stats));
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_true(stats.fuel_units > 0 && stats.fuel_units < 3000000);
    bx_result_free(result);
    expect_end(run_component("probe", policy, NULL, "spin", NULL), BX_ERR_FUEL,
               "wasm-fuel");
    bx_policy_free(policy);
}

static void refuses_more_memory(void **state)
{
    bx_policy *policy = make_policy("wasm-max-memory-size", "16MiB", NULL);

    (void)state;
    expect_end(run_component("probe", policy, NULL, "alloc", NULL), BX_ERR_TRAP,
               "wasm-max-memory-size");
    bx_policy_free(policy);
    policy = make_policy("wasm-max-memory-size", "64KiB", NULL);
    expect_end(run_component("probe", policy, NULL, "args", NULL),
               BX_ERR_MEMORY, "wasm-max-memory-size");
    bx_policy_free(policy);
}

static void tells_a_trap(void **state)
{
    (void)state;
    expect_end(run_component("probe", NULL, NULL, "panic", NULL), BX_ERR_TRAP,
               "unreachable");
}

static void overflows_its_stack(void **state)
{
    static const char wat[] =
        "(component (core module $m (func $f (export \"run\") (result i32) "
        "(call $f))) (core instance $i (instantiate $m)) "
        "(func $run (result (result)) (canon lift (core func $i \"run\"))) "
        "(instance $r (export \"run\" (func $run))) "
        "(export \"wasi:cli/run@0.2.0\" (instance $r)))";

    (void)state;
    expect_end(run_wat(wat, NULL, NULL), BX_ERR_STACK, "wasm-max-wasm-stack");
}

static void cuts_output(void **state)
{
    bx_policy *policy = make_policy("max-output", "100000", NULL);
    bx_result *result = run_component("probe", policy, NULL, "flood", NULL);
    size_t bytes;

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    bx_result_stdout(result, &bytes);
    assert_int_equal(bytes, 100000);
    assert_true(bx_result_is_cut(result));
    bx_result_free(result);
    bx_policy_free(policy);
}

static void bounds_descriptors_and_resources(void **state)
{
    bx_policy *policy = map("");

    (void)state;
    assert_memory_equal(output_of("probe", policy, "hoard", "/d/f", NULL),
                        "256 ", 4);
    bx_policy_free(policy);
    expect_end(run_component("fetch", NULL, NULL, "pollables", NULL),
               BX_ERR_TRAP, "16384 resources");
    /* What the host holds for a guest that has no network at all. */
    expect_end(run_component("fetch", NULL, NULL, "fields", NULL), BX_ERR_TRAP,
               "256 header lists and requests");
    expect_end(
        run_component("fetch", NULL, NULL, "bodies", "http://a.test/", NULL),
        BX_ERR_TRAP, "16 requests that it does not send");
}

static void charges_the_write_quota(void **state)
{
    bx_policy *policy = map("");

    (void)state;
    assert_int_equal(bx_policy_set(policy, "max-write", "3", NULL, NULL), 0);
    assert_memory_equal(output_of("probe", policy, "write", "/d/q", "four"),
                        "error:", 6);
    bx_policy_free(policy);
}

/* ---- hostile files -------------------------------------------------- */

static void expect_refused(const char *wat, bx_code code, const char *text)
{
    bx_error *err = fail_wat(wat, NULL);

    assert_int_equal(bx_error_code(err), code);
    if (strstr(bx_error_message(err), text) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), text);
    bx_error_free(err);
}

static void refuses_what_it_does_not_have(void **state)
{
    (void)state;
    expect_refused("(component (import \"evil:host/run@1.0.0\" (instance "
                   "(export \"go\" (func)))))",
                   BX_ERR_INVALID, "'evil:host/run@1.0.0'");
    expect_refused("(component (import \"wasi:io/poll@0.3.0\" (instance)))",
                   BX_ERR_INVALID, "'wasi:io/poll@0.3.0'");
    /* The right name with another type. */
    expect_refused("(component (import \"wasi:random/random@0.2.0\" (instance "
                   "(export \"get-random-u64\" (func (result string))))))",
                   BX_ERR_INVALID, "imports");
    expect_refused("(component)", BX_ERR_INVALID, "wasi:cli/run");
    expect_refused("(component (core func))", BX_ERR_INVALID, "text format");
}

static void refuses_a_malformed_binary(void **state)
{
    static const uint8_t bytes[] = { 0, 'a', 's', 'm', 13, 0,   1,
                                     0, 1,   200, 200, 3,  0xff };
    bx_error *err = NULL;

    (void)state;
    for (size_t i = 8; i <= sizeof(bytes); i++) {
        bx_module *module =
            bx_module_parse(test_engine, bytes, i, "bad", NULL, &err);

        if (i == 8) { /* an empty component is one */
            assert_non_null(module);
            bx_module_free(module);
            continue;
        }
        assert_null(module);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        bx_error_free(err);
        err = NULL;
    }
}

/* Functions of all modules inside are counted together. */
static void counts_functions_of_nested_modules(void **state)
{
    enum { EACH = 130000 };
    bx_error *err = NULL;
    uint8_t *bytes = calloc(1, 2 * (EACH + 64));
    size_t at = 0;

    (void)state;
    memcpy(bytes, "\0asm\x0d\0\1\0", 8);
    at = 8;
    for (int i = 0; i < 2; i++) {
        size_t section = 3 + EACH; /* a count of three bytes, types of one */
        size_t module = 8 + 4 + 4 + section;

        bytes[at++] = 1; /* core module */
        bytes[at++] = (uint8_t)(module & 127) | 128;
        bytes[at++] = (uint8_t)(module >> 7 & 127) | 128;
        bytes[at++] = (uint8_t)(module >> 14);
        memcpy(bytes + at, "\0asm\1\0\0\0", 8);
        at += 8;
        memcpy(bytes + at, "\1\2\1\x60", 4); /* broken on purpose */
        at += 4;
        bytes[at++] = 3;
        bytes[at++] = (uint8_t)(section & 127) | 128;
        bytes[at++] = (uint8_t)(section >> 7 & 127) | 128;
        bytes[at++] = (uint8_t)(section >> 14);
        bytes[at++] = (EACH & 127) | 128;
        bytes[at++] = (EACH >> 7 & 127) | 128;
        bytes[at++] = EACH >> 14;
        at += EACH;
    }
    assert_null(bx_module_parse(test_engine, bytes, at, "many", NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_non_null(strstr(bx_error_message(err), "260000 functions"));
    bx_error_free(err);
    free(bytes);
}

static int close_group(void **state)
{
    free_components();
    return remove_home(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_arguments_and_streams),
        cmocka_unit_test(gives_granted_environment_only),
        cmocka_unit_test(exits_with_a_status),
        cmocka_unit_test(repeats_a_deterministic_run),
        cmocka_unit_test(reads_and_writes_mapped_files),
        cmocka_unit_test(refuses_what_is_not_granted),
        cmocka_unit_test(refuses_writes_to_read_only_mapping),
        cmocka_unit_test(obeys_path_grants),
        cmocka_unit_test(ends_at_deadline),
        cmocka_unit_test(ends_blocking_read_at_deadline),
        cmocka_unit_test(ends_when_cancelled),
        cmocka_unit_test(ends_without_fuel),
        cmocka_unit_test(refuses_more_memory),
        cmocka_unit_test(tells_a_trap),
        cmocka_unit_test(overflows_its_stack),
        cmocka_unit_test(cuts_output),
        cmocka_unit_test(bounds_descriptors_and_resources),
        cmocka_unit_test(charges_the_write_quota),
        cmocka_unit_test(refuses_what_it_does_not_have),
        cmocka_unit_test(refuses_a_malformed_binary),
        cmocka_unit_test(counts_functions_of_nested_modules),
    };

    return cmocka_run_group_tests(tests, make_home, close_group);
}
