#include "agent/models/anthropic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "models/support_golden.h"

static void reads_transcripts(void **state)
{
    (void)state;
    support_golden_replies(&bx_protocol_anthropic);
}

static void writes_requests(void **state)
{
    (void)state;
    support_golden_requests(&bx_protocol_anthropic);
}

static void is_found_by_its_name(void **state)
{
    (void)state;
    assert_ptr_equal(bx_protocol_find("anthropic"), &bx_protocol_anthropic);
    assert_null(bx_protocol_find("anthropic2"));
    assert_null(bx_protocol_find(""));
}

static void names_its_version(void **state)
{
    static const bx_provider provider = {
        .base_url = "http://127.0.0.1:1/v1",
    };
    static const bx_model model = { .id = "m", .provider = &provider };
    json_t *messages = json_pack("[o]", bx_message_new_text("user", "a", 1));
    bx_turn_request request = { .model = &model, .messages = messages };
    bx_autoprotocolrequest bx_protocol_request got = { 0 };
    const bx_http_field *field;

    (void)state;
    assert_int_equal(bx_protocol_anthropic.write(&request, &got, NULL), 0);
    field = bx_http_fields_find(&got.fields, "anthropic-version");
    assert_string_equal(field->value, "2023-06-01");
    assert_string_equal(got.url.data, "http://127.0.0.1:1/v1/messages");
    json_decref(messages);
}

static void expect_failure(unsigned status, const char *text,
                           bx_failure_kind kind, const char *words)
{
    json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);
    bx_reply_failure failure;

    bx_protocol_anthropic.read_failure(status, body, &failure);
    assert_int_equal(failure.kind, kind);
    assert_string_equal(failure.text, words);
    json_decref(body);
}

#define ERROR(type, text)                                                      \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" text \
    "\"}}"

static void tells_kinds_of_failure(void **state)
{
    (void)state;
    expect_failure(400, ERROR("invalid_request_error", "bad"),
                   BX_FAILURE_REQUEST, "bad");
    expect_failure(400, ERROR("invalid_request_error", "prompt is too long: 2"),
                   BX_FAILURE_CONTEXT, "prompt is too long: 2");
    expect_failure(
        400, ERROR("invalid_request_error", "Your credit balance is too low"),
        BX_FAILURE_KEY, "Your credit balance is too low");
    expect_failure(401, ERROR("authentication_error", ""), BX_FAILURE_KEY,
                   "authentication_error");
    expect_failure(404, ERROR("not_found_error", "model: x"),
                   BX_FAILURE_NO_MODEL, "model: x");
    expect_failure(429, ERROR("rate_limit_error", "slow"), BX_FAILURE_RATE,
                   "slow");
    expect_failure(529, ERROR("overloaded_error", "\\u001b[1m"),
                   BX_FAILURE_OVERLOAD, "\\x1b[1m");
    expect_failure(500, ERROR("api_error", "x"), BX_FAILURE_SERVER, "x");
    /* Of something else that stands between. */
    expect_failure(413, "{}", BX_FAILURE_CONTEXT, "");
    expect_failure(503, "\"down\"", BX_FAILURE_OVERLOAD, "");
    expect_failure(502, "[]", BX_FAILURE_SERVER, "");
    expect_failure(403, "{\"error\":\"no\"}", BX_FAILURE_KEY, "");
    expect_failure(418, "", BX_FAILURE_REQUEST, "");
}

static void reads_counts(void **state)
{
    static const char *const bad[] = { "{}", "{\"input_tokens\":-1}",
                                       "{\"input_tokens\":\"1\"}", "[]" };
    json_t *body = json_pack("{s:i}", "input_tokens", 12);
    uint64_t tokens = 0;

    (void)state;
    assert_int_equal(bx_protocol_anthropic.read_count(body, &tokens, NULL), 0);
    assert_int_equal(tokens, 12);
    json_decref(body);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        body = json_loads(bad[i], 0, NULL);
        assert_int_equal(bx_protocol_anthropic.read_count(body, &tokens, NULL),
                         -1);
        json_decref(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_transcripts),
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(is_found_by_its_name),
        cmocka_unit_test(names_its_version),
        cmocka_unit_test(tells_kinds_of_failure),
        cmocka_unit_test(reads_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
