#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "agent/models/openai.h"

static bx_reply_failure read_body(unsigned status, const char *text)
{
    json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);
    bx_reply_failure failure;

    memset(&failure, 1, sizeof(failure));
    bx_openai_read_failure(status, body, &failure);
    json_decref(body);
    return failure;
}

static void expect(unsigned status, const char *text, bx_failure_kind kind,
                   const char *words)
{
    bx_reply_failure failure = read_body(status, text);

    assert_int_equal(failure.kind, kind);
    assert_string_equal(failure.text, words);
}

#define ERROR(type, code, text)                                                \
    "{\"error\":{\"message\":\"" text "\",\"type\":\"" type                    \
    "\",\"param\":null,\"code\":" code "}}"

static void tells_kinds_of_failure(void **state)
{
    (void)state;
    expect(400, ERROR("invalid_request_error", "null", "bad"),
           BX_FAILURE_REQUEST, "bad");
    expect(401, ERROR("invalid_request_error", "null", "no header"),
           BX_FAILURE_KEY, "no header");
    expect(429, ERROR("insufficient_quota", "\"insufficient_quota\"", "broke"),
           BX_FAILURE_KEY, "broke");
    expect(429, ERROR("requests", "\"rate_limit_exceeded\"", "slow"),
           BX_FAILURE_RATE, "slow");
    expect(429,
           ERROR("tokens", "\"rate_limit_exceeded\"",
                 "Request too large for gpt-x"),
           BX_FAILURE_CONTEXT, "Request too large for gpt-x");
    expect(400,
           ERROR("invalid_request_error", "\"context_length_exceeded\"", "x"),
           BX_FAILURE_CONTEXT, "x");
    expect(404, ERROR("invalid_request_error", "\"model_not_found\"", "x"),
           BX_FAILURE_NO_MODEL, "x");
    expect(404, ERROR("api_error", "null", "model 'x' not found"),
           BX_FAILURE_NO_MODEL, "model 'x' not found");
    expect(400, ERROR("invalid_request_error", "\"model_not_found\"", "x"),
           BX_FAILURE_NO_MODEL, "x");
    expect(500, ERROR("server_error", "null", "x"), BX_FAILURE_SERVER, "x");
    expect(500, ERROR("invalid_request_error", "null", "x"), BX_FAILURE_SERVER,
           "x");
    expect(503, ERROR("x", "\"server_is_overloaded\"", "x"),
           BX_FAILURE_OVERLOAD, "x");
    expect(402, ERROR("unknown_error", "\"invalid_request_error\"", "Balance"),
           BX_FAILURE_KEY, "Balance");
    expect(400, ERROR("", "\"a_code\"", ""), BX_FAILURE_REQUEST, "a_code");
    expect(400, ERROR("a_type", "7", "\\u001b[1m"), BX_FAILURE_REQUEST,
           "\\x1b[1m");
}

/* A context that is too long has a code at OpenAI; others say it in words. */
static void finds_the_context_in_words(void **state)
{
    static const char *const words[] = {
        "This model's maximum context length is 8192 tokens.",
        "the request exceeds the available context size",
        "input length exceeds the context length",
        "The prompt is too long: 9 tokens",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        json_t *body = json_pack("{s:{s:s}}", "error", "message", words[i]);
        bx_reply_failure failure;

        bx_openai_read_failure(400, body, &failure);
        assert_int_equal(failure.kind, BX_FAILURE_CONTEXT);
        bx_openai_read_failure(401, body, &failure);
        assert_int_equal(failure.kind, BX_FAILURE_KEY);
        json_decref(body);
    }
}

static void takes_other_forms(void **state)
{
    (void)state;
    expect(400, "{\"error\":\"model is loading\"}", BX_FAILURE_REQUEST,
           "model is loading");
    expect(400, "[{\"error\":{\"code\":400,\"message\":\"from a list\"}}]",
           BX_FAILURE_REQUEST, "from a list");
    expect(422,
           "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}",
           BX_FAILURE_REQUEST, "field required");
    expect(404, "{\"detail\":\"Not Found\"}", BX_FAILURE_NO_MODEL, "Not Found");
    expect(422,
           "{\"object\":\"error\",\"message\":{\"detail\":[{\"msg\":\"extra\"}]"
           "},\"type\":\"invalid_request_error\"}",
           BX_FAILURE_REQUEST, "extra");
    expect(400, "{\"object\":\"error\",\"message\":\"m\",\"code\":400}",
           BX_FAILURE_REQUEST, "m");
    expect(429,
           "{\"error\":{\"code\":429,\"message\":\"Provider returned error\","
           "\"metadata\":{\"raw\":\"too many\"}}}",
           BX_FAILURE_RATE, "Provider returned error: too many");
    expect(503, "\"down\"", BX_FAILURE_OVERLOAD, "down");
    expect(502, "[]", BX_FAILURE_SERVER, "");
    expect(502, "[[[[[[\"deep\"]]]]]]", BX_FAILURE_SERVER, "");
    expect(413, "{}", BX_FAILURE_CONTEXT, "");
    expect(408, "7", BX_FAILURE_SERVER, "");
    expect(409, "null", BX_FAILURE_SERVER, "");
    expect(418, "", BX_FAILURE_REQUEST, ""); /* no JSON */
    expect(403, "{\"error\":{\"message\":{\"message\":{\"message\":7}}}}",
           BX_FAILURE_KEY, "");
}

static void shows_no_key(void **state)
{
    (void)state;
    expect(401,
           ERROR("invalid_request_error", "\"invalid_api_key\"",
                 "Incorrect API key provided: sk-secret. You can find it"),
           BX_FAILURE_KEY, "Incorrect API key provided");
    expect(401,
           "{\"error\":{\"message\":\"no\",\"metadata\":{\"raw\":"
           "\"Bearer sk-secret\"}}}",
           BX_FAILURE_KEY, "no");
}

static void expect_hint(unsigned status, const char *words, uint64_t ms)
{
    json_t *body = json_pack("{s:{s:s}}", "error", "message", words);
    bx_reply_failure failure;

    bx_openai_read_failure(status, body, &failure);
    assert_int_equal(failure.retry_ms, ms);
    json_decref(body);
}

static void reads_when_to_come_back(void **state)
{
    (void)state;
    expect_hint(429, "Limit 3. Please try again in 20s. More", 20000);
    expect_hint(429, "Please try again in 220ms.", 220);
    expect_hint(429, "Please try again in 1.898s.", 1898);
    expect_hint(429, "Please try again in 6m0s.", 360000);
    expect_hint(429, "Please try again in 1h2m3.5s.", 3723500);
    expect_hint(429, "Please retry after 6 seconds.", 6000);
    expect_hint(503, "retry in 2 minutes", 120000);
    expect_hint(429, "slow down", 0);
    expect_hint(429, "Please try again in a while", 0);
    expect_hint(429, "Please try again in 5", 0);
    expect_hint(429, "Please try again in -5s", 0);
    expect_hint(429, "Please try again in 5 apples", 0);
    expect_hint(400, "Please try again in 5s", 0);
    /* A day at most. */
    expect_hint(429, "try again in 99999999999999999999999999h", 86400000);
    expect_hint(429, "try again in 18446744073709552s", 86400000);
    expect_hint(429, "try again in 20h20h20h", 86400000);
    expect_hint(429, "try again in 1.99999999999999999999999s", 1999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_kinds_of_failure),
        cmocka_unit_test(finds_the_context_in_words),
        cmocka_unit_test(takes_other_forms),
        cmocka_unit_test(shows_no_key),
        cmocka_unit_test(reads_when_to_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
