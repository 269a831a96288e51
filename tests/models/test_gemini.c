#include "agent/models/gemini.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "models/support_golden.h"

static void reads_transcripts(void **state)
{
    (void)state;
    support_golden_replies(&bx_protocol_gemini);
}

static void writes_requests(void **state)
{
    (void)state;
    support_golden_requests(&bx_protocol_gemini);
}

static void sends_the_key_in_its_header(void **state)
{
    (void)state;
    assert_ptr_equal(bx_protocol_find("gemini"), &bx_protocol_gemini);
    assert_string_equal(bx_protocol_gemini.key_header, "x-goog-api-key");
    assert_string_equal(bx_protocol_gemini.key_prefix, "");
}

static void expect_url(const char *base, const char *id, const char *url)
{
    bx_provider provider = { .base_url = base };
    bx_model model = { .id = id, .provider = &provider };
    json_t *messages = json_pack("[o]", bx_message_new_text("user", "a", 1));
    bx_turn_request request = { .model = &model, .messages = messages };
    bx_autoprotocolrequest bx_protocol_request got = { 0 };

    assert_int_equal(bx_protocol_gemini.write(&request, &got, NULL), 0);
    assert_string_equal(got.url.data, url);
    json_decref(messages);
}

static void takes_a_base_with_its_version_or_without(void **state)
{
    (void)state;
    expect_url("http://127.0.0.1:1", "m",
               "http://127.0.0.1:1/v1beta/models/"
               "m:streamGenerateContent?alt=sse");
    expect_url("http://127.0.0.1:1/v1beta", "models/m",
               "http://127.0.0.1:1/v1beta/models/"
               "m:streamGenerateContent?alt=sse");
    expect_url("http://h/v1", "m",
               "http://h/v1/models/m:streamGenerateContent?alt=sse");
    expect_url("http://h/gemini", "m",
               "http://h/gemini/v1beta/models/m:streamGenerateContent?alt=sse");
}

static void expect_failure(unsigned status, const char *text,
                           bx_failure_kind kind, const char *words,
                           uint64_t retry_ms)
{
    json_t *body = json_loads(text, JSON_DECODE_ANY, NULL);
    bx_reply_failure failure;

    bx_protocol_gemini.read_failure(status, body, &failure);
    assert_int_equal(failure.kind, kind);
    assert_string_equal(failure.text, words);
    assert_int_equal(failure.retry_ms, retry_ms);
    json_decref(body);
}

#define ERROR(code, text, details)                                             \
    "{\"error\":{\"code\":400,\"status\":\"" code "\",\"message\":\"" text     \
    "\",\"details\":[" details "]}}"
#define RETRY(text)                                                            \
    "{\"@type\":\"t/google.rpc.RetryInfo\",\"retryDelay\":" text "}"
#define QUOTA(id)                                                              \
    "{\"@type\":\"t/google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":"   \
    "\"PerMinute\"},{\"quotaId\":\"" id "\"}]}"

static void tells_kinds_of_failure(void **state)
{
    (void)state;
    expect_failure(400, ERROR("INVALID_ARGUMENT", "bad", ""),
                   BX_FAILURE_REQUEST, "bad", 0);
    expect_failure(400,
                   ERROR("INVALID_ARGUMENT", "API key not valid. Please", ""),
                   BX_FAILURE_KEY, "API key not valid. Please", 0);
    expect_failure(
        400,
        ERROR("INVALID_ARGUMENT", "no", "{\"reason\":\"API_KEY_INVALID\"}"),
        BX_FAILURE_KEY, "no", 0);
    expect_failure(400,
                   ERROR("INVALID_ARGUMENT",
                         "The input token count (2) exceeds the maximum number "
                         "of tokens allowed (1).",
                         ""),
                   BX_FAILURE_CONTEXT,
                   "The input token count (2) exceeds the maximum number of "
                   "tokens allowed (1).",
                   0);
    expect_failure(400, ERROR("FAILED_PRECONDITION", "enable billing", ""),
                   BX_FAILURE_KEY, "enable billing", 0);
    expect_failure(403, ERROR("PERMISSION_DENIED", "", ""), BX_FAILURE_KEY,
                   "PERMISSION_DENIED", 0);
    expect_failure(404, ERROR("NOT_FOUND", "models/x", ""), BX_FAILURE_NO_MODEL,
                   "models/x", 0);
    expect_failure(503, ERROR("UNAVAILABLE", "\\u001b[1m", ""),
                   BX_FAILURE_OVERLOAD, "\\x1b[1m", 0);
    expect_failure(500, ERROR("INTERNAL", "x", ""), BX_FAILURE_SERVER, "x", 0);
    expect_failure(504, ERROR("DEADLINE_EXCEEDED", "x", ""), BX_FAILURE_SERVER,
                   "x", 0);
    /* In an array, as streams that are none answer. */
    expect_failure(429, "[" ERROR("RESOURCE_EXHAUSTED", "slow", "") "]",
                   BX_FAILURE_RATE, "slow", 0);
    /* Of something else that stands between. */
    expect_failure(413, "{}", BX_FAILURE_CONTEXT, "", 0);
    expect_failure(503, "\"down\"", BX_FAILURE_OVERLOAD, "", 0);
    expect_failure(502, "[]", BX_FAILURE_SERVER, "", 0);
    expect_failure(401, "{\"error\":\"no\"}", BX_FAILURE_KEY, "", 0);
    expect_failure(418, "", BX_FAILURE_REQUEST, "", 0);
    expect_failure(499, "[7]", BX_FAILURE_SERVER, "", 0);
}

static void waits_as_long_as_it_is_told(void **state)
{
    static const struct {
        const char *delay;
        uint64_t ms;
    } delays[] = {
        { "\"34.07s\"", 34070 },
        { "\"47s\"", 47000 },
        { "\"0.0001s\"", 1 },
        { "\"0s\"", 0 },
        { "\"999999999s\"", 86400000 },
        { "\"-3s\"", 0 },
        { "\"3\"", 0 },
        { "\"s\"", 0 },
        { "\"1e9s\"", 0 },
        { "\"3s \"", 0 },
        { "7", 0 },
        { "{\"seconds\":1}", 0 },
        { "\"\"", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        char body[512];

        snprintf(body, sizeof(body),
                 "{\"error\":{\"status\":\"RESOURCE_EXHAUSTED\",\"message\":"
                 "\"x\",\"details\":[7,{\"retryDelay\":%s}]}}",
                 delays[i].delay);
        expect_failure(429, body, BX_FAILURE_RATE, "x", delays[i].ms);
    }
}

/* A quota of a minute comes back, one of a day is as good as no credit. */
static void knows_quotas_of_a_day(void **state)
{
    (void)state;
    expect_failure(
        429,
        ERROR("RESOURCE_EXHAUSTED", "x",
              QUOTA("GenerateRequestsPerMinutePerModel") "," RETRY("\"2s\"")),
        BX_FAILURE_RATE, "x", 2000);
    expect_failure(429,
                   ERROR("RESOURCE_EXHAUSTED", "x",
                         QUOTA("GenerateRequestsPerDayPerModel")),
                   BX_FAILURE_KEY, "x", 0);
    expect_failure(503,
                   ERROR("UNAVAILABLE", "x", QUOTA("RequestsPerDayPerModel")),
                   BX_FAILURE_OVERLOAD, "x", 0);
}

static void keeps_keys_out_of_its_words(void **state)
{
    (void)state;
    expect_failure(403,
                   ERROR("PERMISSION_DENIED",
                         "Consumer 'api_key:AIzaSecret1' has been suspended; "
                         "api_key:AIzaSecret2",
                         ""),
                   BX_FAILURE_KEY,
                   "Consumer 'api_key:(left out)' has been suspended; "
                   "api_key:(left out)",
                   0);
}

static void reads_counts(void **state)
{
    static const char *const bad[] = { "{}", "{\"totalTokens\":-1}",
                                       "{\"totalTokens\":\"1\"}", "[]" };
    json_t *body = json_pack("{s:i, s:i}", "totalTokens", 12,
                             "cachedContentTokenCount", 3);
    uint64_t tokens = 0;

    (void)state;
    assert_int_equal(bx_protocol_gemini.read_count(body, &tokens, NULL), 0);
    assert_int_equal(tokens, 12);
    json_decref(body);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        body = json_loads(bad[i], 0, NULL);
        assert_int_equal(bx_protocol_gemini.read_count(body, &tokens, NULL),
                         -1);
        json_decref(body);
    }
}

/* More parts than a reply may have blocks. */
static void bounds_blocks(void **state)
{
    static const char event[] =
        "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":"
        "\"a\"}}]}}]}";
    bx_reply *reply = bx_reply_new("gemini", NULL, NULL);
    bx_error *err = NULL;

    (void)state;
    for (size_t i = 0; i < BX_REPLY_MAX_BLOCKS; i++)
        assert_int_equal(bx_protocol_gemini.read_event(reply, "", event,
                                                       strlen(event), &err),
                         0);
    assert_int_equal(
        bx_protocol_gemini.read_event(reply, "", event, strlen(event), &err),
        -1);
    assert_non_null(strstr(bx_error_message(err), "more than 1000 blocks"));
    bx_error_free(err);
    bx_reply_free(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_transcripts),
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(sends_the_key_in_its_header),
        cmocka_unit_test(takes_a_base_with_its_version_or_without),
        cmocka_unit_test(tells_kinds_of_failure),
        cmocka_unit_test(waits_as_long_as_it_is_told),
        cmocka_unit_test(knows_quotas_of_a_day),
        cmocka_unit_test(keeps_keys_out_of_its_words),
        cmocka_unit_test(reads_counts),
        cmocka_unit_test(bounds_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
