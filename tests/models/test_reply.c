#include "agent/models/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void note_text(void *context, const char *text, size_t bytes)
{
    assert_int_equal(bx_buf_printf(context, "t(%.*s)", (int)bytes, text), 0);
}

static void note_thinking(void *context, const char *text, size_t bytes)
{
    assert_int_equal(bx_buf_printf(context, "k(%.*s)", (int)bytes, text), 0);
}

static void note_call(void *context, const char *name, size_t bytes)
{
    assert_int_equal(bx_buf_printf(context, "c(%s %zu)", name, bytes), 0);
}

static bx_buf seen;

static bx_reply *start(void)
{
    static const bx_turn_events events = { .text = note_text,
                                           .thinking = note_thinking,
                                           .call = note_call,
                                           .context = &seen };
    bx_reply *reply = bx_reply_new("p", &events, NULL);

    assert_non_null(reply);
    bx_buf_clear(&seen);
    return reply;
}

static void begin(bx_reply *reply, uint64_t index, bx_block_kind kind,
                  const char *name)
{
    assert_int_equal(bx_reply_begin(reply, index, kind, name, NULL), 0);
}

static void append(bx_reply *reply, uint64_t index, const char *text)
{
    assert_int_equal(bx_reply_append(reply, index, text, strlen(text), NULL),
                     0);
}

static void finish(bx_reply *reply, uint64_t index)
{
    assert_int_equal(bx_reply_finish_block(reply, index, NULL), 0);
}

/* Take it, free it, and compare; made-up ids are shown as "ID". */
static void expect(bx_reply *reply, bx_stop stop, const char *expected)
{
    bx_autoreply bx_turn_reply got = { 0 };
    bx_error *err = NULL;
    json_t *other = json_loads(expected, 0, NULL);
    json_t *block;
    size_t i;

    assert_non_null(other);
    bx_reply_end(reply);
    if (bx_reply_take(reply, &got, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    json_array_foreach(bx_message_blocks(got.message), i, block)
    {
        if (bx_block_is(block, "tool_call")) {
            assert_int_equal(strncmp(bx_block_text(block, "id"), "call_", 5),
                             0);
            assert_int_equal(strlen(bx_block_text(block, "id")), 29);
            json_object_set_new(block, "id", json_string("ID"));
        }
    }
    if (!json_equal(bx_message_blocks(got.message), other)) {
        char *text = json_dumps(got.message, 0); /* for people */

        fail_msg("%s", text);
    }
    assert_int_equal(got.stop, stop);
    json_decref(other);
    bx_reply_free(reply);
}

static void expect_no_reply(bx_reply *reply, const char *why)
{
    bx_turn_reply got = { 0 };
    bx_error *err = NULL;

    assert_int_equal(bx_reply_take(reply, &got, &err), -1);
    assert_null(got.message);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    if (strstr(bx_error_message(err), why) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), why);
    bx_error_free(err);
    bx_reply_free(reply);
}

static void keeps_the_order_of_beginnings(void **state)
{
    bx_reply *reply = start();

    (void)state;
    begin(reply, 7, BX_BLOCK_TEXT, NULL);
    begin(reply, 2, BX_BLOCK_CALL, "read");
    append(reply, 2, "{\"a\":");
    append(reply, 7, "hel");
    append(reply, 2, "1}");
    append(reply, 7, "lo");
    finish(reply, 2);
    finish(reply, 7);
    assert_true(bx_reply_has(reply, 2));
    assert_false(bx_reply_has(reply, 0));
    bx_reply_set_stop(reply, BX_STOP_END); /* as some say with calls */
    assert_string_equal(seen.data, "c(read 0)c(read 5)t(hel)c(read 7)t(lo)");
    expect(reply, BX_STOP_CALLS,
           "[{\"type\":\"text\",\"text\":\"hello\"},{\"type\":\"tool_call\","
           "\"id\":\"ID\",\"name\":\"read\",\"input\":{\"a\":1}}]");
}

static void shows_whole_characters(void **state)
{
    bx_reply *reply = start();

    (void)state;
    begin(reply, 0, BX_BLOCK_TEXT, NULL);
    append(reply, 0, "a\xe2");
    append(reply, 0, "\x82");
    append(reply, 0,
           "\xac"
           "b\xff");
    append(reply, 0, "c\xf0\x9f");
    finish(reply, 0);
    bx_reply_set_stop(reply, BX_STOP_CALLS);
    assert_string_equal(seen.data,
                        "t(a)t(\xe2\x82\xac"
                        "b)t(\xef\xbf\xbd)t(c)t(\xef\xbf\xbd)t(\xef\xbf\xbd)");
    expect(reply, BX_STOP_END,
           "[{\"type\":\"text\",\"text\":\"a\xe2\x82\xac"
           "b\xef\xbf\xbd"
           "c\xef\xbf\xbd\xef\xbf\xbd\"}]");
}

static void keeps_carries(void **state)
{
    bx_reply *reply = start();

    (void)state;
    begin(reply, 0, BX_BLOCK_THINKING, NULL);
    assert_int_equal(bx_reply_append_carry(reply, 0, "s", "ab", 2, NULL), 0);
    assert_int_equal(bx_reply_append_carry(reply, 0, "s", "c", 1, NULL), 0);
    assert_int_equal(bx_reply_put_carry(reply, 0, "n", json_integer(1), NULL),
                     0);
    assert_int_equal(bx_reply_append_carry(reply, 0, "s", "d", 1, NULL), 0);
    finish(reply, 0);
    begin(reply, 1, BX_BLOCK_TEXT, NULL); /* empty, left out */
    finish(reply, 1);
    begin(reply, 2, BX_BLOCK_CALL, "x.y z");
    assert_int_equal(bx_reply_set_input(reply, 2, json_object(), NULL), 0);
    finish(reply, 2);
    bx_reply_set_stop(reply, BX_STOP_CALLS);
    expect(reply, BX_STOP_CALLS,
           "[{\"type\":\"thinking\",\"text\":\"\",\"carry\":{\"s\":\"abcd\","
           "\"n\":1,\"protocol\":\"p\"}},{\"type\":\"tool_call\",\"id\":"
           "\"ID\",\"name\":\"x_y_z\",\"input\":{}}]");
}

static void leaves_half_a_call_out(void **state)
{
    static const bx_stop stops[] = { BX_STOP_LENGTH, BX_STOP_CONTEXT };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        bx_reply *reply = start();

        begin(reply, 0, BX_BLOCK_CALL, "whole");
        append(reply, 0, "{}");
        finish(reply, 0);
        begin(reply, 1, BX_BLOCK_CALL, "half");
        append(reply, 1, "{\"path\":\"/");
        finish(reply, 1);
        begin(reply, 2, BX_BLOCK_THINKING, NULL);
        append(reply, 2, "x");
        bx_reply_append_carry(reply, 2, "s", "half", 4, NULL);
        begin(reply, 3, BX_BLOCK_CALL, "nothing");
        finish(reply, 3);
        bx_reply_set_stop(reply, stops[i]);
        expect(reply, stops[i],
               "[{\"type\":\"tool_call\",\"id\":\"ID\",\"name\":\"whole\","
               "\"input\":{}},{\"type\":\"thinking\",\"text\":\"x\"}]");
    }
}

static void leaves_every_call_of_a_refusal_out(void **state)
{
    bx_reply *reply = start();

    (void)state;
    begin(reply, 0, BX_BLOCK_CALL, "whole");
    append(reply, 0, "{\"a\":1}");
    finish(reply, 0);
    bx_reply_set_stop(reply, BX_STOP_REFUSAL);
    expect(reply, BX_STOP_REFUSAL, "[]");
}

static void refuses_what_is_not_whole(void **state)
{
    static const char *const inputs[] = {
        "{\"a\":", "[]", "1", "{}{}", "{\"a\":1,\"a\":2}", "{\"\xff\":1}"
    };
    bx_reply *reply;

    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        reply = start();
        begin(reply, 0, BX_BLOCK_CALL, "n");
        append(reply, 0, inputs[i]);
        finish(reply, 0);
        bx_reply_set_stop(reply, BX_STOP_CALLS);
        bx_reply_end(reply);
        expect_no_reply(reply, "input of the call of 'n'");
    }
    reply = start();
    begin(reply, 9, BX_BLOCK_TEXT, NULL);
    bx_reply_set_stop(reply, BX_STOP_END);
    bx_reply_end(reply);
    expect_no_reply(reply, "block 9 is not whole");
    reply = start();
    bx_reply_set_stop(reply, BX_STOP_END);
    expect_no_reply(reply, "ended before");
    reply = start();
    bx_reply_end(reply);
    expect_no_reply(reply, "ended before");
}

static void tells_of_a_failure(void **state)
{
    bx_reply *reply = start();
    bx_reply_failure failure = { .kind = BX_FAILURE_OVERLOAD };
    char longer[2000];

    (void)state;
    memset(longer, 'x', sizeof(longer));
    longer[0] = '\x1b';
    longer[sizeof(longer) - 1] = '\0';
    bx_reply_failure_say(&failure, longer);
    assert_int_equal(strncmp(failure.text, "\\x1bxx", 6), 0);
    assert_null(bx_reply_failure_of(reply));
    bx_reply_fail(reply, &failure);
    assert_int_equal(bx_reply_failure_of(reply)->kind, BX_FAILURE_OVERLOAD);
    bx_reply_set_stop(reply, BX_STOP_END);
    bx_reply_end(reply);
    expect_no_reply(reply, "\\x1bxx");
}

static void expect_invalid(int status, bx_error *err)
{
    assert_int_equal(status, -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
}

#define INVALID(call)                                                          \
    do {                                                                       \
        bx_error *err = NULL;                                                  \
        int status = call;                                                     \
                                                                               \
        expect_invalid(status, err);                                           \
    } while (0)

static void refuses_what_breaks_the_order(void **state)
{
    bx_reply *reply = start();

    (void)state;
    begin(reply, 0, BX_BLOCK_TEXT, NULL);
    INVALID(bx_reply_begin(reply, 0, BX_BLOCK_TEXT, NULL, &err));
    INVALID(bx_reply_begin(reply, 1, BX_BLOCK_CALL, NULL, &err));
    INVALID(bx_reply_begin(reply, 1, BX_BLOCK_CALL, "", &err));
    INVALID(bx_reply_append(reply, 5, "x", 1, &err));
    INVALID(bx_reply_set_input(reply, 0, json_object(), &err));
    INVALID(bx_reply_put_carry(reply, 5, "a", json_null(), &err));
    INVALID(bx_reply_finish_block(reply, 5, &err));
    finish(reply, 0);
    INVALID(bx_reply_finish_block(reply, 0, &err));
    INVALID(bx_reply_append(reply, 0, "x", 1, &err));
    INVALID(bx_reply_append_carry(reply, 0, "a", "x", 1, &err));
    bx_reply_free(reply);
}

static void bounds_a_reply(void **state)
{
    static char large[1 << 20];
    bx_reply *reply = bx_reply_new("p", NULL, NULL);

    (void)state;
    for (uint64_t i = 0; i < BX_REPLY_MAX_BLOCKS; i++)
        begin(reply, i, BX_BLOCK_TEXT, NULL);
    INVALID(bx_reply_begin(reply, 5000, BX_BLOCK_TEXT, NULL, &err));
    memset(large, 'a', sizeof(large));
    for (size_t i = 0; i < BX_REPLY_MAX_BYTES / sizeof(large); i++)
        assert_int_equal(
            bx_reply_append(reply, i % 4, large, sizeof(large), NULL), 0);
    INVALID(bx_reply_append(reply, 0, "x", 1, &err));
    INVALID(bx_reply_append_carry(reply, 0, "a", "x", 1, &err));
    bx_reply_free(reply);
}

static void tells_what_is_open(void **state)
{
    bx_reply *reply = bx_reply_new("p", NULL, NULL);

    (void)state;
    assert_int_equal(bx_reply_blocks(reply), 0);
    assert_false(bx_reply_is_open(reply, UINT64_MAX, BX_BLOCK_TEXT));
    assert_int_equal(bx_reply_begin(reply, 7, BX_BLOCK_TEXT, NULL, NULL), 0);
    assert_int_equal(bx_reply_blocks(reply), 1);
    assert_true(bx_reply_is_open(reply, 7, BX_BLOCK_TEXT));
    assert_false(bx_reply_is_open(reply, 7, BX_BLOCK_THINKING));
    assert_false(bx_reply_is_open(reply, 0, BX_BLOCK_TEXT));
    assert_int_equal(bx_reply_finish_block(reply, 7, NULL), 0);
    assert_false(bx_reply_is_open(reply, 7, BX_BLOCK_TEXT));
    assert_int_equal(bx_reply_blocks(reply), 1);
    bx_reply_free(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order_of_beginnings),
        cmocka_unit_test(shows_whole_characters),
        cmocka_unit_test(keeps_carries),
        cmocka_unit_test(leaves_half_a_call_out),
        cmocka_unit_test(leaves_every_call_of_a_refusal_out),
        cmocka_unit_test(refuses_what_is_not_whole),
        cmocka_unit_test(tells_of_a_failure),
        cmocka_unit_test(refuses_what_breaks_the_order),
        cmocka_unit_test(tells_what_is_open),
        cmocka_unit_test(bounds_a_reply),
    };
    int status = cmocka_run_group_tests(tests, NULL, NULL);

    bx_buf_clear(&seen);
    return status;
}
