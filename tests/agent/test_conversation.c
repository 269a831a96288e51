/* What is sent of a session: always a conversation that providers take, the
 * same after a resume as before it, whatever the session's file says. */
#include "agent/support_talk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/conversation_parts.h"

static talk it;

static int set_up(void **state)
{
    (void)state;
    talk_begin(&it);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    talk_end(&it);
    return 0;
}

/* The blocks of what is sent, as "user: text, tool_result c1; assistant: ..."
 */
static char *outline(void)
{
    static char text[4096];
    const json_t *messages = bx_conversation_messages(it.conversation, NULL);
    size_t i, j;
    json_t *message, *block;

    assert_non_null(messages);
    assert_int_equal(bx_messages_check(messages, NULL), 0);
    text[0] = '\0';
    json_array_foreach(messages, i, message)
    {
        strcat(text, i > 0 ? "; " : "");
        strcat(text, bx_message_role(message));
        json_array_foreach(bx_message_blocks(message), j, block)
        {
            strcat(text, j > 0 ? ", " : ": ");
            strcat(text, bx_block_is(block, "text")
                             ? bx_block_text(block, "text")
                             : bx_block_text(block, "type"));
            if (!bx_block_is(block, "text")) {
                strcat(text, " ");
                strcat(text, bx_block_text(block, "id"));
            }
        }
    }
    return text;
}

/* ---- works -------------------------------------------------------------- */

static void sends_what_was_said(void **state)
{
    (void)state;
    talk_user(&it, "hello");
    talk_assistant(&it, "yes?");
    talk_user(&it, "go on");

    assert_string_equal(outline(), "user: hello; assistant: yes?; user: go on");
    talk_check_resumed(&it);
}

static void puts_results_in_the_order_of_calls(void **state)
{
    const char *const ids[] = { "c1", "c2", "c3", NULL };

    (void)state;
    talk_user(&it, "hello");
    talk_calls(&it, ids);
    talk_result(&it, "c3", "three");
    talk_result(&it, "c1", "one");
    talk_result(&it, "c2", "two");

    assert_string_equal(
        outline(), "user: hello; assistant: I look., tool_call c1, tool_call "
                   "c2, tool_call c3; user: tool_result c1, tool_result c2, "
                   "tool_result c3");
    talk_check_resumed(&it);
}

static void puts_the_users_words_behind_results(void **state)
{
    const char *const ids[] = { "c1", "c2", NULL };

    (void)state;
    talk_user(&it, "hello");
    talk_calls(&it, ids);
    talk_result(&it, "c2", "two");
    talk_user(&it, "wait");
    talk_result(&it, "c1", "one");
    talk_user(&it, "go on");

    assert_string_equal(outline(),
                        "user: hello; assistant: I look., tool_call c1, "
                        "tool_call c2; user: tool_result c1, tool_result c2, "
                        "wait, go on");
    talk_check_resumed(&it);
}

static void joins_what_a_user_says_twice(void **state)
{
    (void)state;
    talk_user(&it, "hello");
    talk_user(&it, "are you there?");

    assert_string_equal(outline(), "user: hello, are you there?");
    talk_check_resumed(&it);
}

static void leaves_out_messages_without_blocks(void **state)
{
    (void)state;
    talk_user(&it, "hello");
    talk_add(&it, bx_message_new("assistant"));
    talk_add(&it, bx_message_new("user"));
    talk_user(&it, "hello?");

    assert_string_equal(outline(), "user: hello, hello?");
    talk_check_resumed(&it);
}

static void keeps_a_message_as_it_was_stored(void **state)
{
    json_t *message = bx_message_new_text("user", "hello", 5);
    char *sent;

    (void)state;
    assert_int_equal(bx_conversation_add(it.conversation, message, 1, NULL), 0);
    /* A second message becomes part of what is sent, not of the first. */
    assert_int_equal(bx_conversation_add(it.conversation, message, 2, NULL), 0);

    assert_int_equal(json_array_size(bx_message_blocks(message)), 1);
    json_decref(message);
    sent = talk_sent(&it);
    assert_string_equal(sent, "[{\"role\":\"user\",\"content\":[{\"type\":"
                              "\"text\",\"text\":\"hello\"},{\"type\":\"text\","
                              "\"text\":\"hello\"}]}]");
    free(sent);
}

static void hands_out_the_array_that_it_keeps(void **state)
{
    const json_t *first;

    (void)state;
    talk_user(&it, "hello");
    first = bx_conversation_messages(it.conversation, NULL);

    talk_assistant(&it, "yes?");

    assert_ptr_equal(first, bx_conversation_messages(it.conversation, NULL));
}

static void estimates_by_bytes_and_images(void **state)
{
    static const char pixels[30000] = "P";
    json_t *message = bx_message_new("user");
    uint64_t before, image;

    (void)state;
    assert_int_equal(bx_conversation_tokens(it.conversation, 0), 0);
    assert_int_equal(bx_conversation_tokens(it.conversation, 4000), 1000);

    talk_user(&it, "hello");
    talk_work(&it, "c1", 40000);
    before = bx_conversation_tokens(it.conversation, 0);
    assert_in_range(before, 10000, 10200);

    /* An image is counted as one, however long its base64 is. */
    assert_non_null(
        bx_message_add_image(message, "image/png", pixels, sizeof(pixels)));
    talk_add(&it, message);
    image = bx_conversation_tokens(it.conversation, 0) - before;
    assert_in_range(image, 1000, 2000);
    talk_check_resumed(&it);
}

static void learns_from_what_a_provider_counts(void **state)
{
    const bx_usage twice = { .input_tokens = 800,
                             .cache_read_tokens = 600,
                             .cache_write_tokens = 600 };
    const bx_usage silent = { .output_tokens = 5 };
    const bx_usage absurd = { .input_tokens = UINT64_MAX };
    const bx_usage one = { .input_tokens = 1 };

    (void)state;
    bx_conversation_learn(it.conversation, 1000, &twice);
    assert_int_equal(bx_conversation_tokens(it.conversation, 4000), 2000);
    bx_conversation_learn(it.conversation, 2000, &twice);
    assert_int_equal(bx_conversation_tokens(it.conversation, 4000), 2000);
    bx_conversation_learn(it.conversation, 1000, &silent);
    bx_conversation_learn(it.conversation, 0, &twice);
    assert_int_equal(bx_conversation_tokens(it.conversation, 4000), 2000);
    bx_conversation_learn(it.conversation, 1, &absurd);
    assert_int_equal(bx_conversation_tokens(it.conversation, 4000), 5000);
    bx_conversation_learn(it.conversation, 5000, &one);
    assert_int_equal(bx_conversation_tokens(it.conversation, 4000), 500);
}

static void loads_a_long_session_fast(void **state)
{
    bx_conversation *again;
    struct timespec from, to;
    char id[32];

    (void)state;
    talk_user(&it, "hello");
    /* Three entries of a call: planned with its message, begun, done. */
    for (int i = 0; i < 3333; i++) {
        (void)snprintf(id, sizeof(id), "c%d", i);
        talk_work(&it, id, 1000);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    again = bx_conversation_load(it.log, NULL);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    assert_non_null(again);
    print_message("10000 entries in %ld ms\n",
                  (long)((to.tv_sec - from.tv_sec) * 1000 +
                         (to.tv_nsec - from.tv_nsec) / 1000000));
    assert_int_equal(json_array_size(bx_conversation_messages(again, NULL)),
                     6667);
    bx_conversation_free(again);
}

/* ---- refused ------------------------------------------------------------ */

static void wants_a_result_for_each_call(void **state)
{
    bx_error *err = NULL;
    json_t *message = bx_message_new_text("assistant", "so", 2);
    const char *const ids[] = { "c1", "c2", NULL };
    bx_conversation *again;

    (void)state;
    talk_user(&it, "hello");
    talk_calls(&it, ids);
    talk_result(&it, "c1", "one");

    assert_null(bx_conversation_messages(it.conversation, &err));
    check_error(&err, BX_ERR_INVALID, "'c2' of 'read'");
    assert_int_equal(bx_conversation_add(it.conversation, message, 99, &err),
                     -1);
    check_error(&err, BX_ERR_INVALID, "'c2' of 'read'");
    json_decref(message);

    /* It is left open when the session is read, for who resumes to close. */
    again = bx_conversation_load(it.log, NULL);
    assert_non_null(again);
    assert_null(bx_conversation_messages(again, &err));
    check_error(&err, BX_ERR_INVALID, "'c2' of 'read'");
    bx_conversation_free(again);

    talk_result(&it, "c2", "two");
    talk_check_resumed(&it);
}

static void refuse_result(json_t *block, const char *word)
{
    bx_error *err = NULL;

    assert_int_equal(bx_conversation_add_result(it.conversation, block, &err),
                     -1);
    check_error(&err, BX_ERR_INVALID, word);
    json_decref(block);
}

static void refuses_results_that_answer_nothing(void **state)
{
    json_t *other = result_block("c1", "x");
    char *before, *after;

    (void)state;
    talk_user(&it, "hello");
    refuse_result(result_block("c1", "x"), "of no call");
    talk_call(&it, "c1");
    refuse_result(result_block("c2", "x"), "of no call");
    assert_int_equal(json_object_set_new(other, "name", json_string("write")),
                     0);
    refuse_result(other, "names another tool");
    refuse_result(json_object(), "type");
    refuse_result(json_pack("{s:s, s:s}", "type", "text", "text", "hi"),
                  "expected a block \"tool_result\"");
    talk_result(&it, "c1", "one");
    before = talk_sent(&it);
    refuse_result(result_block("c1", "again"), "has a result already");
    after = talk_sent(&it);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void refuse_message(json_t *message, uint64_t entry, const char *word)
{
    bx_error *err = NULL;

    assert_int_equal(bx_conversation_add(it.conversation, message, entry, &err),
                     -1);
    check_error(&err, BX_ERR_INVALID, word);
    json_decref(message);
}

static void refuses_what_is_no_conversation(void **state)
{
    bx_error *err = NULL;
    json_t *twice = bx_message_new("assistant");
    json_t *result = bx_message_new("user");

    (void)state;
    assert_null(bx_conversation_messages(it.conversation, &err));
    check_error(&err, BX_ERR_INVALID, "nothing was said");
    refuse_message(bx_message_new_text("assistant", "I begin", 7), 1,
                   "first message");
    refuse_message(json_pack("{s:s, s:[]}", "role", "system", "content"), 1,
                   "entry 1: role");
    refuse_message(bx_message_new_text("user", "x", 1), 0, "entry 0");

    talk_user(&it, "hello");
    refuse_message(bx_message_new_text("user", "x", 1), 1, "entry 1");
    bx_message_add_call(twice, "c1", "read", json_object());
    bx_message_add_call(twice, "c1", "read", json_object());
    refuse_message(twice, 7, "two calls have the id 'c1'");
    bx_message_add_result(result, "c1", "read", false, json_array());
    refuse_message(result, 7, "results are entries of calls");
    assert_string_equal(outline(), "user: hello");
}

/* ---- a session's file that is a stranger's ------------------------------ */

static void refuse_session(const char *word)
{
    bx_error *err = NULL;

    assert_null(bx_conversation_load(it.log, &err));
    check_error(&err, BX_ERR_INVALID, word);
}

static void note(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);

    assert_non_null(value);
    talk_note(&it, value);
    json_decref(value);
}

static void passes_over_other_notes(void **state)
{
    (void)state;
    note("{\"type\": \"mode\", \"mode\": \"plan\"}");
    talk_user(&it, "hello");
    note("{\"type\": \"compactions\", \"to\": 1, \"summary\": \"x\"}");
    talk_check_resumed(&it);
}

static void refuses_notes_that_do_not_fit(void **state)
{
    static const struct {
        const char *note, *word;
    } cases[] = {
        { "{\"type\": \"compaction\", \"summary\": \"x\"}", "to: expected" },
        { "{\"type\": \"compaction\", \"to\": -1, \"summary\": \"x\"}",
          "to: expected" },
        { "{\"type\": \"compaction\", \"to\": 0, \"summary\": \"x\"}",
          "to: expected" },
        { "{\"type\": \"compaction\", \"to\": 2}", "either" },
        { "{\"type\": \"compaction\", \"to\": 2, \"summary\": 5}", "either" },
        { "{\"type\": \"compaction\", \"to\": 2, \"summary\": \"x\", "
          "\"elided\": 1}",
          "either" },
        { "{\"type\": \"compaction\", \"to\": 2, \"elided\": []}", "either" },
        { "{\"type\": \"compaction\", \"to\": 1, \"summary\": \"x\"}",
          "no message is that old" },
        { "{\"type\": \"compaction\", \"to\": 2, \"summary\": \"x\", "
          "\"asked\": {}}",
          "asked" },
        { "{\"type\": \"compaction\", \"to\": 2, \"summary\": \"x\", "
          "\"asked\": [1]}",
          "asked" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        talk_end(&it);
        talk_begin(&it);
        note("{\"type\": \"mode\"}"); /* entry 1 is no message */
        talk_user(&it, "hello");      /* entry 2 */
        note(cases[i].note);
        refuse_session(cases[i].word);
    }
}

static void refuses_a_note_while_a_call_is_open(void **state)
{
    (void)state;
    talk_user(&it, "hello");
    talk_call(&it, "c1");
    note("{\"type\": \"compaction\", \"to\": 9, \"summary\": \"x\"}");
    refuse_session("calls have no result");
}

static void never_splits_calls_from_results(void **state)
{
    (void)state;
    talk_user(&it, "hello"); /* entry 1 */
    talk_call(&it, "c1");    /* 2 */
    talk_user(&it, "wait");  /* 3 */
    talk_result(&it, "c1", "one");
    talk_assistant(&it, "so");
    /* Between the call and its result: both are on the old side. */
    for (int to = 2; to <= 5; to++) {
        json_t *value = json_pack("{s:s, s:i, s:s}", "type", "compaction", "to",
                                  to, "summary", "x");
        bx_conversation *again = bx_conversation_load(it.log, NULL);

        assert_non_null(again);
        assert_int_equal(bx_conversation_apply(again, value, NULL), 0);
        json_decref(value);
        assert_int_equal(json_array_size(bx_conversation_messages(again, NULL)),
                         2);
        assert_int_equal(
            bx_messages_check(bx_conversation_messages(again, NULL), NULL), 0);
        bx_conversation_free(again);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        CASE(sends_what_was_said),
        CASE(puts_results_in_the_order_of_calls),
        CASE(puts_the_users_words_behind_results),
        CASE(joins_what_a_user_says_twice),
        CASE(leaves_out_messages_without_blocks),
        CASE(keeps_a_message_as_it_was_stored),
        CASE(hands_out_the_array_that_it_keeps),
        CASE(estimates_by_bytes_and_images),
        CASE(learns_from_what_a_provider_counts),
        CASE(loads_a_long_session_fast),
        CASE(wants_a_result_for_each_call),
        CASE(refuses_results_that_answer_nothing),
        CASE(refuses_what_is_no_conversation),
        CASE(passes_over_other_notes),
        CASE(refuses_notes_that_do_not_fit),
        CASE(refuses_a_note_while_a_call_is_open),
        CASE(never_splits_calls_from_results),
#undef CASE
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
