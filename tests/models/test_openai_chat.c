#include "agent/models/openai_chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "models/support_golden.h"

static void reads_transcripts(void **state)
{
    (void)state;
    support_golden_replies(&bx_protocol_openai_chat);
}

static void cut_anywhere_has_no_half_of_a_call(void **state)
{
    (void)state;
    support_golden_cuts(&bx_protocol_openai_chat);
}

static void writes_requests(void **state)
{
    (void)state;
    support_golden_requests(&bx_protocol_openai_chat);
}

static void is_found_by_its_name(void **state)
{
    (void)state;
    assert_ptr_equal(bx_protocol_find("openai-chat"), &bx_protocol_openai_chat);
    assert_null(bx_protocol_find("openai"));
}

static void expect_server(const char *base_url, bx_openai_server server)
{
    const bx_provider provider = { .base_url = base_url };

    assert_int_equal(bx_openai_server_of(&provider), server);
}

static void knows_servers_by_their_host(void **state)
{
    (void)state;
    expect_server("https://api.openai.com/v1", BX_OPENAI_ITSELF);
    expect_server("https://eu.api.openai.com/v1", BX_OPENAI_ITSELF);
    expect_server("https://API.OPENAI.COM:443/v1", BX_OPENAI_ITSELF);
    expect_server("https://me.openai.azure.com/openai/v1", BX_OPENAI_ITSELF);
    expect_server("https://api.deepseek.com", BX_OPENAI_DEEPSEEK);
    expect_server("https://openrouter.ai/api/v1", BX_OPENAI_OPENROUTER);
    expect_server("https://notopenrouter.ai/api/v1", BX_OPENAI_OTHER);
    expect_server("https://api.openai.com.example/v1", BX_OPENAI_OTHER);
    expect_server("https://example/api.openai.com", BX_OPENAI_OTHER);
    expect_server("http://127.0.0.1:11434/v1", BX_OPENAI_OTHER);
    expect_server("no URL", BX_OPENAI_OTHER);
}

/* Begin calls until there is an error. */
static int begin_calls(const char *rest, bx_error **err)
{
    bx_autoreplying bx_reply *reply = bx_reply_new("openai-chat", NULL, NULL);
    int status = 0;
    int count = 0;

    for (; status == 0 && count < BX_REPLY_MAX_BLOCKS + 9; count++) {
        char text[200];
        int bytes = snprintf(text, sizeof(text),
                             "{\"choices\":[{\"delta\":{\"tool_calls\":[{"
                             "\"index\":%d,%s}]}}]}",
                             count, rest);

        status = bx_protocol_openai_chat.read_event(reply, "", text,
                                                    (size_t)bytes, err);
    }
    return status == 0 ? -1 : count;
}

static void bounds_the_calls(void **state)
{
    static const char *const rests[] = { "\"function\":{\"name\":\"a\"}",
                                         "\"id\":\"a\"" };

    (void)state;
    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        bx_error *err = NULL;

        assert_int_equal(begin_calls(rests[i], &err), BX_REPLY_MAX_BLOCKS + 1);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        bx_error_free(err);
    }
}

/* How many times an event is taken. */
static int repeat(const char *text, bx_error **err)
{
    bx_autoreplying bx_reply *reply = bx_reply_new("openai-chat", NULL, NULL);
    int count = 0;

    while (count < BX_REPLY_MAX_BLOCKS + 9 &&
           bx_protocol_openai_chat.read_event(reply, "", text, strlen(text),
                                              err) == 0)
        count++;
    return count;
}

static void bounds_the_details(void **state)
{
    static const char form[] =
        "{\"choices\":[{\"delta\":{\"reasoning_details\":["
        "{\"index\":0,\"text\":\"%s\"}]}}]}";
    static char text[(1 << 20) + sizeof(form)];
    static char letters[1 << 20];
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(repeat("{\"choices\":[{\"delta\":{\"reasoning_details\":["
                            "{\"text\":\"a\"}]}}]}",
                            &err),
                     BX_REPLY_MAX_BLOCKS);
    assert_non_null(strstr(bx_error_message(err), "more than 1000"));
    bx_error_free(err);
    err = NULL;
    memset(letters, 'a', sizeof(letters) - 1);
    snprintf(text, sizeof(text), form, letters);
    assert_int_equal(repeat(text, &err), 63); /* 1 MiB each */
    assert_non_null(strstr(bx_error_message(err), "larger"));
    bx_error_free(err);
}

static void refuses_calls_without_a_name(void **state)
{
    static const char text[] =
        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\"}]"
        "},\"finish_reason\":\"stop\"}]}";
    bx_autoreplying bx_reply *reply = bx_reply_new("openai-chat", NULL, NULL);
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(
        bx_protocol_openai_chat.read_event(reply, "", text, strlen(text), NULL),
        0);
    assert_int_equal(
        bx_protocol_openai_chat.read_event(reply, "", "[DONE]", 6, &err), -1);
    assert_non_null(strstr(bx_error_message(err), "without a name"));
    bx_error_free(err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_transcripts),
        cmocka_unit_test(cut_anywhere_has_no_half_of_a_call),
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(is_found_by_its_name),
        cmocka_unit_test(knows_servers_by_their_host),
        cmocka_unit_test(bounds_the_calls),
        cmocka_unit_test(bounds_the_details),
        cmocka_unit_test(refuses_calls_without_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
