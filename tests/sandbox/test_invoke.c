/* Typed functions called with JSON, once and in sessions. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/support_component.h"

/* Values in and out as they are; arguments in an array of one. */
static void maps_values_both_ways(void **state)
{
    static const char *const echoes[][3] = {
        { "echo-point", "[{\"x\":1,\"y\":-2,\"label\":\"l\"}]",
          "{\"x\":1,\"y\":-2,\"label\":\"l\"}" },
        { "echo-point", "{\"p\":{\"y\":2,\"x\":1}}",
          "{\"x\":1,\"y\":2,\"label\":null}" },
        { "echo-shape", "[{\"tag\":\"circle\",\"value\":1.5}]",
          "{\"tag\":\"circle\",\"value\":1.5}" },
        { "echo-shape",
          "[{\"tag\":\"line\",\"value\":[{\"x\":0,\"y\":0},{\"x\":1,\"y\":1}]}"
          "]",
          "{\"tag\":\"line\",\"value\":[{\"x\":0,\"y\":0,\"label\":null},"
          "{\"x\":1,\"y\":1,\"label\":null}]}" },
        { "echo-shape", "[\"nothing\"]", "{\"tag\":\"nothing\"}" },
        { "echo-colour", "[\"blue\"]", "\"blue\"" },
        { "echo-access", "[[\"exec\",\"read\"]]", "[\"read\",\"exec\"]" },
        { "echo-access", "[[]]", "[]" },
        { "echo-bytes", "[[0,255,16]]", "{\"base64\":\"AP8Q\"}" },
        { "echo-bytes", "[{\"base64\":\"AP8QAQ==\"}]",
          "{\"base64\":\"AP8QAQ==\"}" },
        { "echo-bytes", "[[]]", "{\"base64\":\"\"}" },
        { "echo-list", "[[\"a\",\"\\u0000\\n\",\"\\u00e9\"]]",
          "[\"a\",\"\\u0000\\n\",\"\xc3\xa9\"]" },
        { "echo-all",
          "[true,255,-9223372036854775808,\"18446744073709551615\",0.1,1e300,"
          "\"\xf0\x9f\x99\x82\"]",
          "[true,255,\"-9223372036854775808\",\"18446744073709551615\",0.1,"
          "1e300,\"\xf0\x9f\x99\x82\"]" },
        { "echo-all", "[false,0,1,2,\"NaN\",\"-Infinity\",\"c\"]",
          "[false,0,1,2,\"NaN\",\"-Infinity\",\"c\"]" },
        { "echo-option", "[null]", "null" },
        { "echo-option", "[5]", "5" },
        { "echo-option", "{}", "null" },
        { "echo-result", "[{\"ok\":5}]", "{\"ok\":5}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++) {
        char function[64] = "shapes#";

        expect_json(strcat(function, echoes[i][0]), echoes[i][1], echoes[i][2]);
    }
}

static void finds_functions_by_less_of_a_name(void **state)
{
    (void)state;
    expect_json("add", "{\"a\":1,\"b\":2}", "3");
    expect_json("add", "[4294967295,1]", "0");
    expect_json("test:typed/shapes@1.2.0#echo-option", "[1]", "1");
    expect_json("test:typed/shapes#echo-option", "[1]", "1");
    expect_json("echo-option", "[1]", "1");
    expect_json("count", NULL, "1");
    expect_json("count", "null", "1");
    expect_invalid("other#add", "[1,2]", "it exports add, ");
    expect_invalid("", "[]", "no function is called");
    expect_invalid("\xff", "[]", "UTF-8");
}

static void names_the_place_of_wrong_arguments(void **state)
{
    static const char *const wrong[][3] = {
        { "add", "", "not JSON" },
        { "add", "{\"a\":1", "not JSON" },
        { "add", "{\"a\":1} x", "not JSON" },
        { "add", "5", "expected an object, or an array of 2" },
        { "add", "[1]", "expected an object, or an array of 2" },
        { "add", "{\"a\":1}", "/b: missing; expected u32" },
        { "add", "{\"a\":1,\"b\":2,\"c/d\":3}", "/c~1d: no such name" },
        { "add", "[1.5,1]", "/0: expected an integer from 0 to 4294967295" },
        { "add", "[4294967296,1]", "/0: expected an integer" },
        { "add", "[true,1]", "got the boolean true" },
        { "shapes#echo-point", "[{\"x\":1,\"y\":\"a\"}]", "/0/y: expected" },
        { "shapes#echo-shape", "[{\"tag\":\"oval\"}]",
          "circle, line, nothing" },
        { "shapes#echo-shape", "[{\"tag\":\"circle\"}]", "a value of f64" },
        { "shapes#echo-shape", "[{\"tag\":\"nothing\",\"value\":1}]",
          "no value" },
        { "shapes#echo-colour", "[\"mauve\"]", "/0: expected one of red" },
        { "shapes#echo-access", "[[\"fly\"]]", "/0/0: expected one of read" },
        { "shapes#echo-bytes", "[[1,256]]", "/0/1: expected" },
        { "shapes#echo-bytes", "[{\"base64\":\"!\"}]", "base64" },
        { "shapes#echo-bytes", "[{\"base64\":\"A\"}]", "base64" },
        { "shapes#echo-list", "[{}]", "/0: expected an array" },
        { "shapes#echo-result", "[{\"ok\":1,\"err\":\"\"}]", "{\"ok\": ...}" },
        { "shapes#echo-all", "[true,0,0,0,0,0,\"ab\"]", "one character" },
        { "shapes#echo-all", "[true,0,\"9223372036854775808\",0,0,0,\"a\"]",
          "/2: expected an integer" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_invalid(wrong[i][0], wrong[i][1], wrong[i][2]);
}

/* 100,000 brackets: the reader has a limit of its own. */
static void refuses_deep_json(void **state)
{
    char *deep = malloc(100001);

    (void)state;
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    expect_invalid("add", deep, "not JSON");
    free(deep);
}

static void refuses_a_core_module(void **state)
{
    bx_error *err = NULL;
    static const char wat[] = COMMAND("", "");
    bx_module *module =
        bx_module_parse(test_engine, wat, sizeof(wat) - 1, "core", NULL, &err);
    bx_sandbox *sandbox = bx_sandbox_new(module, NULL, &err);
    bx_result *result = NULL;

    (void)state;
    assert_non_null(sandbox);
    assert_int_equal(bx_sandbox_invoke(sandbox, "f", NULL, NULL, &result, &err),
                     -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    err = NULL;
    assert_null(bx_session_open(sandbox, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    bx_sandbox_free(sandbox);
    bx_module_free(module);
}

static void shows_functions_and_their_schemas(void **state)
{
    static const char *const parts[] = {
        "\"kind\": \"component\"",
        "\"is_command\": false",
        "\"is_known\": true",
        "\"path\": \"test:typed/shapes@1.2.0#echo-point\"",
        "\"instance\": \"test:typed/shapes@1.2.0\"",
        "\"signature\": \"func(a: u32, b: u32) -> result<u32, string>\"",
        "\"maximum\": 4294967295",
        "variant { circle(f64), line(tuple<",
        "\"base64\"",
        "\"uniqueItems\": true",
    };
    bx_error *err = NULL;
    char *json = bx_module_inspect(load_component("typed"), &err);

    (void)state;
    assert_non_null(json);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(json, parts[i]) == NULL)
            fail_msg("no %s in %s", parts[i], json);
    }
    assert_null(strstr(json, "\"is_known\": false"));
    free(json);
}

static bx_result *call(bx_session *session, const char *function,
                       const char *args, const bx_run_options *options)
{
    bx_result *result = NULL;
    bx_error *err = NULL;

    if (bx_session_invoke(session, function, args, options, &result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    return result;
}

static void expect_call(bx_session *session, const char *function,
                        const char *args, const char *value)
{
    bx_result *result = call(session, function, args, NULL);

    assert_string_equal(bx_result_message(result), "");
    assert_string_equal(bx_result_value(result), value);
    bx_result_free(result);
}

static void makes_an_error_result_the_exit_code(void **state)
{
    bx_sandbox *sandbox = make_sandbox("typed", NULL);
    bx_session *session = bx_session_open(sandbox, NULL);
    bx_result *result = call(session, "divide", "[1,0]", NULL);

    (void)state;
    assert_int_equal(bx_result_code(result), BX_OK);
    assert_int_equal(bx_result_exit_code(result), 1);
    assert_string_equal(bx_result_value(result),
                        "{\"err\":\"division by zero\"}");
    bx_result_free(result);
    result = call(session, "divide", "[4,2]", NULL);
    assert_int_equal(bx_result_exit_code(result), 0);
    bx_result_free(result);
    bx_session_close(session);
    bx_sandbox_free(sandbox);
}

static void keeps_state_in_a_session_alone(void **state)
{
    bx_sandbox *sandbox = make_sandbox("typed", NULL);
    bx_session *one = bx_session_open(sandbox, NULL);
    bx_session *two = bx_session_open(sandbox, NULL);

    (void)state;
    expect_call(one, "count", NULL, "1");
    expect_call(one, "count", NULL, "2");
    expect_call(two, "count", NULL, "1");
    expect_call(one, "count", NULL, "3");
    expect_json("count", NULL, "1");
    bx_session_close(one);
    bx_session_close(two);
    bx_sandbox_free(sandbox);
}

static void gives_each_call_its_own_streams(void **state)
{
    bx_sandbox *sandbox = make_sandbox("typed", NULL);
    bx_session *session = bx_session_open(sandbox, NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;

    (void)state;
    for (int i = 0; i < 3; i++) {
        char args[16];

        snprintf(args, sizeof(args), "[\"%d\"]", i);
        result = call(session, "say", args, NULL);
        args[3] = '\0';
        assert_string_equal(bx_result_stdout(result, NULL), args + 2);
        bx_result_free(result);
    }
    options.stdin_data = "first";
    options.stdin_bytes = 5;
    result = call(session, "read-all", NULL, &options);
    assert_string_equal(bx_result_value(result), "\"first\"");
    bx_result_free(result);
    expect_call(session, "read-all", NULL, "\"\"");
    options.stdin_data = "second";
    options.stdin_bytes = 6;
    result = call(session, "read-all", NULL, &options);
    assert_string_equal(bx_result_value(result), "\"second\"");
    bx_result_free(result);
    bx_session_close(session);
    bx_sandbox_free(sandbox);
}

static void writes_to_each_calls_descriptor(void **state)
{
    bx_sandbox *sandbox = make_sandbox("typed", NULL);
    bx_session *session = bx_session_open(sandbox, NULL);

    (void)state;
    for (int i = 0; i < 2; i++) {
        bx_run_options options = BX_RUN_OPTIONS_INIT;
        bx_result *result;
        char text[8] = "";
        int ends[2];

        assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
        options.stdout_fd = ends[1];
        result = call(session, "say", "[\"piped\"]", &options);
        assert_string_equal(bx_result_stdout(result, NULL), "");
        assert_int_equal(read(ends[0], text, sizeof(text)), 5);
        bx_result_free(result);
        close(ends[0]);
        close(ends[1]);
        /* The next call captures again. */
        result = call(session, "say", "[\"kept\"]", NULL);
        assert_string_equal(bx_result_stdout(result, NULL), "kept");
        bx_result_free(result);
    }
    bx_session_close(session);
    bx_sandbox_free(sandbox);
}

static void survives_wrong_arguments(void **state)
{
    bx_sandbox *sandbox = make_sandbox("typed", NULL);
    bx_session *session = bx_session_open(sandbox, NULL);
    bx_result *result = NULL;
    bx_error *err = NULL;

    (void)state;
    expect_call(session, "count", NULL, "1");
    assert_int_equal(
        bx_session_invoke(session, "add", "[]", NULL, &result, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    assert_int_equal(
        bx_session_invoke(session, "nope", "[]", NULL, &result, NULL), -1);
    assert_true(bx_session_is_alive(session));
    expect_call(session, "count", NULL, "2");
    bx_session_close(session);
    bx_sandbox_free(sandbox);
}

static void expect_dead(const char *function, const char *args,
                        const bx_policy *policy, uint64_t timeout_ms,
                        bx_code code)
{
    bx_sandbox *sandbox = make_sandbox("typed", policy);
    bx_session *session = bx_session_open(sandbox, NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;
    bx_error *err = NULL;

    expect_call(session, "count", NULL, "1");
    options.timeout_ms = timeout_ms;
    result = call(session, function, args, &options);
    if (bx_result_code(result) != code)
        fail_msg("%s: %s", function, bx_result_message(result));
    assert_null(bx_result_value(result));
    bx_result_free(result);
    assert_false(bx_session_is_alive(session));
    assert_int_equal(
        bx_session_invoke(session, "count", NULL, NULL, &result, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "ended before"));
    bx_error_free(err);
    bx_session_close(session);
    bx_sandbox_free(sandbox);
}

static void ends_a_session_with_its_instance(void **state)
{
    bx_policy *fuel = make_policy("wasm-fuel", "3000000", NULL);
    bx_policy *memory = make_policy("wasm-max-memory-size", "8MiB", NULL);

    (void)state;
    expect_dead("crash", "[]", NULL, 0, BX_ERR_TRAP);
    expect_dead("spin", "[]", NULL, 50, BX_ERR_TIMEOUT);
    expect_dead("spin", "[]", fuel, 0, BX_ERR_FUEL);
    expect_dead("take", "[100000000]", memory, 0, BX_ERR_TRAP);
    expect_dead("leave", "[0]", NULL, 0, BX_OK);
    bx_policy_free(fuel);
    bx_policy_free(memory);
}

/* Each call begins with all of it. */
static void refuels_each_call(void **state)
{
    bx_policy *policy = make_policy("wasm-fuel", "200000", NULL);
    bx_sandbox *sandbox = make_sandbox("typed", policy);
    bx_session *session = bx_session_open(sandbox, NULL);
    bx_stats stats;

    (void)state;
    for (int i = 0; i < 50; i++) {
        bx_result *result = call(session, "say", "[\"x\"]", NULL);

        assert_int_equal(bx_result_code(result), BX_OK);
        bx_result_stats(result, &stats, sizeof(stats));
        assert_true(stats.fuel_units > 0 && stats.fuel_units < 200000);
        bx_result_free(result);
    }
    bx_session_close(session);
    bx_sandbox_free(sandbox);
    bx_policy_free(policy);
}

static int close_group(void **state)
{
    free_components();
    return remove_home(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_values_both_ways),
        cmocka_unit_test(finds_functions_by_less_of_a_name),
        cmocka_unit_test(names_the_place_of_wrong_arguments),
        cmocka_unit_test(refuses_deep_json),
        cmocka_unit_test(refuses_a_core_module),
        cmocka_unit_test(shows_functions_and_their_schemas),
        cmocka_unit_test(makes_an_error_result_the_exit_code),
        cmocka_unit_test(keeps_state_in_a_session_alone),
        cmocka_unit_test(gives_each_call_its_own_streams),
        cmocka_unit_test(writes_to_each_calls_descriptor),
        cmocka_unit_test(survives_wrong_arguments),
        cmocka_unit_test(ends_a_session_with_its_instance),
        cmocka_unit_test(refuels_each_call),
    };

    return cmocka_run_group_tests(tests, make_home, close_group);
}
