#include "agent/models/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static json_t *load(const char *text)
{
    json_error_t where;
    json_t *value = json_loads(text, 0, &where);

    if (value == NULL)
        fail_msg("%s: %s", where.text, text);
    return value;
}

static void expect_json(json_t *value, const char *expected)
{
    json_t *other = load(expected);

    if (!json_equal(value, other)) {
        char *text = json_dumps(value, 0); /* for people */

        fail_msg("%s", text);
    }
    json_decref(other);
    json_decref(value);
}

static void makes_every_block(void **state)
{
    json_t *message = bx_message_new_text("user", "hi", 2);
    bx_error *err = NULL;

    (void)state;
    assert_non_null(bx_message_add_image(message, "image/png", "\x89PNG", 4));
    assert_non_null(
        bx_message_add_result(message, "call_1", "read", true, json_array()));
    assert_int_equal(bx_message_check(message, &err), 0);
    expect_json(message,
                "{\"role\":\"user\",\"content\":["
                "{\"type\":\"text\",\"text\":\"hi\"},"
                "{\"type\":\"image\",\"media_type\":\"image/png\","
                "\"data\":\"iVBORw==\"},"
                "{\"type\":\"tool_result\",\"id\":\"call_1\",\"name\":\"read\","
                "\"is_error\":true,\"content\":[]}]}");
    message = bx_message_new("assistant");
    assert_int_equal(
        bx_block_set_carry(bx_message_add_thinking(message, "hm", 2), "p",
                           load("{\"signature\":\"s\"}")),
        0);
    assert_non_null(
        bx_message_add_call(message, "call_1", "read", json_object()));
    assert_int_equal(bx_message_check(message, &err), 0);
    expect_json(message,
                "{\"role\":\"assistant\",\"content\":["
                "{\"type\":\"thinking\",\"text\":\"hm\",\"carry\":"
                "{\"protocol\":\"p\",\"signature\":\"s\"}},"
                "{\"type\":\"tool_call\",\"id\":\"call_1\",\"name\":\"read\","
                "\"input\":{}}]}");
}

static void cleans_text(void **state)
{
    static const char bad[] = "a\xff"
                              "b\0c\xe2\x82";
    json_t *message = bx_message_new_text("user", bad, sizeof(bad) - 1);
    char *text = bx_message_text(message);

    (void)state;
    assert_string_equal(text, "a\xef\xbf\xbd"
                              "b\xef\xbf\xbd"
                              "c\xef\xbf\xbd\xef\xbf\xbd");
    assert_int_equal(bx_message_check(message, NULL), 0);
    free(text);
    json_decref(message);
    message = bx_message_new_text("user", "a\0", 2);
    text = bx_message_text(message);
    assert_string_equal(text, "a\xef\xbf\xbd");
    assert_int_equal(bx_message_check(message, NULL), 0);
    free(text);
    json_decref(message);
}

static void joins_text_and_finds_carries(void **state)
{
    json_t *message =
        load("{\"role\":\"assistant\",\"content\":["
             "{\"type\":\"text\",\"text\":\"a\",\"carry\":{\"protocol\":"
             "\"p\"}},{\"type\":\"thinking\",\"text\":\"x\"},"
             "{\"type\":\"text\",\"text\":\"b\"}]}");
    json_t *block = json_array_get(bx_message_blocks(message), 0);
    char *text = bx_message_text(message);

    (void)state;
    assert_string_equal(text, "ab");
    assert_non_null(bx_block_carry(block, "p"));
    assert_null(bx_block_carry(block, "q"));
    assert_null(
        bx_block_carry(json_array_get(bx_message_blocks(message), 1), "p"));
    assert_string_equal(bx_block_text(block, "nothing"), "");
    free(text);
    json_decref(message);
}

static void expect_refused(int (*check)(const json_t *, bx_error **),
                           const char *text, const char *why)
{
    json_t *value = load(text);
    bx_error *err = NULL;

    assert_int_equal(check(value, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    if (strstr(bx_error_message(err), why) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), why);
    bx_error_free(err);
    json_decref(value);
}

#define OF(role, block)                                                        \
    "{\"role\":\"" role "\",\"content\":[{\"type\":" block "}]}"

static void refuses_what_is_no_message(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        { "[]", "role" },
        { "{\"role\":\"system\",\"content\":[]}", "role" },
        { "{\"role\":\"user\"}", "content" },
        { "{\"role\":\"user\",\"content\":\"x\"}", "content" },
        { "{\"role\":\"user\",\"content\":[],\"x\":1}", "no more" },
        { "{\"role\":\"user\",\"content\":[1]}", "block 0: type" },
        { OF("user", "\"video\""), "type" },
        { OF("user", "\"text\""), "text: text: expected a string" },
        { OF("user", "\"text\",\"text\":\"\",\"x\":1"), "not known" },
        { OF("user", "\"text\",\"text\":\"\",\"carry\":{}"), "carry" },
        { OF("user", "\"thinking\",\"text\":\"\""), "only of the assistant" },
        { OF("assistant", "\"tool_result\",\"id\":\"a\",\"name\":\"b\","
                          "\"is_error\":false,\"content\":[]"),
          "only of the user" },
        { OF("user", "\"image\",\"media_type\":\"text/html\",\"data\":"
                     "\"AAAA\""),
          "media_type" },
        { OF("user", "\"image\",\"media_type\":\"image/a/b\",\"data\":"
                     "\"AAAA\""),
          "media_type" },
        { OF("user", "\"image\",\"media_type\":\"image/png\",\"data\":"
                     "\"AA-A\""),
          "base64" },
        { OF("user", "\"image\",\"media_type\":\"image/png\",\"data\":"
                     "\"A===\""),
          "base64" },
        { OF("assistant", "\"tool_call\",\"id\":\"a b\",\"name\":\"b\","
                          "\"input\":{}"),
          "id" },
        { OF("assistant", "\"tool_call\",\"id\":\"a\",\"name\":\"b/c\","
                          "\"input\":{}"),
          "name" },
        { OF("assistant", "\"tool_call\",\"id\":\"a\",\"name\":\"b\","
                          "\"input\":[]"),
          "input" },
        { OF("user", "\"tool_result\",\"id\":\"a\",\"name\":\"b\","
                     "\"is_error\":0,\"content\":[]"),
          "is_error" },
        { OF("user", "\"tool_result\",\"id\":\"a\",\"name\":\"b\","
                     "\"is_error\":false,\"content\":[{\"type\":"
                     "\"tool_result\"}]"),
          "tool_result: block 0" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(bx_message_check, cases[i].text, cases[i].why);
}

static void bounds_a_message(void **state)
{
    json_t *message = bx_message_new("user");
    json_t *deep = json_object();
    char *large = calloc(1, BX_MESSAGE_MAX_BYTES);
    json_t *at = deep;
    bx_error *err = NULL;

    (void)state;
    for (size_t i = 0; i < BX_MESSAGE_MAX_BLOCKS; i++)
        assert_non_null(bx_message_add_text(message, "", 0));
    assert_int_equal(bx_message_check(message, NULL), 0);
    bx_message_add_text(message, "", 0);
    assert_int_equal(bx_message_check(message, &err), -1);
    bx_error_free(bx_take(err));
    json_decref(message);

    message = bx_message_new("assistant");
    for (size_t i = 0; i < 300; i++) {
        json_object_set_new(at, "a", json_object());
        at = json_object_get(at, "a");
    }
    bx_message_add_call(message, "a", "b", deep);
    assert_int_equal(bx_message_check(message, &err), -1);
    assert_non_null(strstr(bx_error_message(err), "nested"));
    bx_error_free(bx_take(err));
    json_decref(message);

    memset(large, 'a', BX_MESSAGE_MAX_BYTES);
    message = bx_message_new_text("user", large, BX_MESSAGE_MAX_BYTES);
    assert_int_equal(bx_message_check(message, &err), -1);
    assert_non_null(strstr(bx_error_message(err), "larger"));
    bx_error_free(err);
    json_decref(message);
    free(large);
}

#define USER "{\"role\":\"user\",\"content\":[]}"
#define CALL(id)                                                               \
    "{\"type\":\"tool_call\",\"id\":\"" id "\",\"name\":\"n\",\"input\":{}}"
#define RESULT(id, name)                                                       \
    "{\"type\":\"tool_result\",\"id\":\"" id "\",\"name\":\"" name             \
    "\",\"is_error\":false,\"content\":[]}"
#define SAYS(role, blocks) ",{\"role\":\"" role "\",\"content\":[" blocks "]}"

static void wants_every_call_answered_once(void **state)
{
    json_t *good =
        load("[" USER SAYS("assistant", CALL("a") "," CALL("b"))
                 SAYS("user", RESULT("b", "n") "," RESULT("a", "n")) "]");
    bx_error *err = NULL;

    (void)state;
    if (bx_messages_check(good, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    json_decref(good);
    expect_refused(bx_messages_check, "[]", "at least one");
    expect_refused(bx_messages_check,
                   "[{\"role\":\"assistant\",\"content\":[]}]", "user");
    expect_refused(bx_messages_check, "[" USER SAYS("assistant", CALL("a")) "]",
                   "no result");
    expect_refused(bx_messages_check,
                   "[" USER SAYS("assistant", CALL("a")) "," USER SAYS(
                       "user", RESULT("a", "n")) "]",
                   "message 2: the call 'a'");
    expect_refused(bx_messages_check,
                   "[" USER SAYS("user", RESULT("a", "n")) "]", "of no call");
    expect_refused(bx_messages_check,
                   "[" USER SAYS("assistant", CALL("a"))
                       SAYS("user", RESULT("a", "n") "," RESULT("a", "n")) "]",
                   "two tool_result");
    expect_refused(bx_messages_check,
                   "[" USER SAYS("assistant", CALL("a") "," CALL("a"))
                       SAYS("user", RESULT("a", "n")) "]",
                   "two tool_call");
    expect_refused(bx_messages_check,
                   "[" USER SAYS("assistant", CALL("a"))
                       SAYS("user", RESULT("a", "m")) "]",
                   "another tool");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_every_block),
        cmocka_unit_test(cleans_text),
        cmocka_unit_test(joins_text_and_finds_carries),
        cmocka_unit_test(refuses_what_is_no_message),
        cmocka_unit_test(bounds_a_message),
        cmocka_unit_test(wants_every_call_answered_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
