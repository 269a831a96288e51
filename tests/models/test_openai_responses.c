#include "agent/models/openai_responses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "models/support_golden.h"

static void reads_transcripts(void **state)
{
    (void)state;
    support_golden_replies(&bx_protocol_openai_responses);
}

static void cut_anywhere_has_no_half_of_a_call(void **state)
{
    (void)state;
    support_golden_cuts(&bx_protocol_openai_responses);
}

static void writes_requests(void **state)
{
    (void)state;
    support_golden_requests(&bx_protocol_openai_responses);
}

static void is_found_by_its_name(void **state)
{
    (void)state;
    assert_ptr_equal(bx_protocol_find("openai-responses"),
                     &bx_protocol_openai_responses);
    assert_null(bx_protocol_find("responses"));
}

/* What is kept of summaries counts like all that arrives. */
static void bounds_what_is_kept(void **state)
{
    static char line[1 << 20];
    json_t *texts = json_array();
    json_t *item = json_pack("{s:s, s:s, s:o}", "type", "reasoning",
                             "encrypted_content", "a", "summary", texts);
    bx_autoreplying bx_reply *reply =
        bx_reply_new("openai-responses", NULL, NULL);
    bx_error *err = NULL;
    int status = 0;
    int count = 0;

    (void)state;
    memset(line, 'a', sizeof(line));
    for (int i = 0; i < 8; i++)
        json_array_append_new(texts,
                              json_pack("{s:s%}", "text", line, sizeof(line)));
    for (; status == 0 && count < 8; count++) {
        json_t *event =
            json_pack("{s:s, s:i, s:O}", "type", "response.output_item.done",
                      "output_index", count, "item", item);
        char *text = json_dumps(event, 0);

        status = bx_protocol_openai_responses.read_event(reply, "", text,
                                                         strlen(text), &err);
        free(text);
        json_decref(event);
    }
    assert_int_equal(status, -1);
    assert_int_equal(count, 4); /* 16 MiB each: shown, and kept */
    assert_non_null(strstr(bx_error_message(err), "larger"));
    bx_error_free(err);
    json_decref(item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_transcripts),
        cmocka_unit_test(cut_anywhere_has_no_half_of_a_call),
        cmocka_unit_test(writes_requests),
        cmocka_unit_test(is_found_by_its_name),
        cmocka_unit_test(bounds_what_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
