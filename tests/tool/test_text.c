/* Guests' bytes as JSON: the short way must read what the general reader reads,
 * and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tool/call_text.h"

static void check(const char *text, size_t bytes)
{
    json_t *ours = bx_text_load(text, bytes);
    json_t *theirs =
        json_loadb(text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    if ((ours == NULL) != (theirs == NULL) ||
        (ours != NULL && !json_equal(ours, theirs)))
        fail_msg("read differently: %.*s", (int)bytes, text);
    json_decref(ours);
    json_decref(theirs);
}

static const char *const texts[] = {
    "{\"content\":\"\"}",
    "{\"content\":\"a\\nb\\t\\\"c\\\\d\\/\\b\\f\\r\"}",
    "{\"content\": \"a\" , \"is_error\": true}",
    "{\"content\":\"a\",\"metadata\":{\"content\":\"b\"}}",
    "{\"content\":\"a\",\"content\":\"b\"}",
    "{\"content\":\"a\",}",
    "{\"content\":\"a\",,\"b\":1}",
    "{\"content\":\"a\", }",
    "{\"content\":\"a\"",
    "{\"content\":\"a\"}x",
    "{\"content\":\"a\"} \n",
    "{\"content\":\"a\"]",
    "{\"content\":\"a\" \"b\":1}",
    "{\"content\":\"a\",\"b\":1",
    "{\"content\":\"a",
    "{\"content\":\"a\\",
    "{\"content\":\"a\\\"}",
    "{\"content\":\"\\u00e9\\ud83d\\ude00\"}",
    "{\"content\":\"\\ud83d\"}",
    "{\"content\":\"\\x\"}",
    "{\"content\":\"a\nb\"}",
    "{\"content\":\"\xc3\xa9\"}",
    "{\"content\":\"\xff\"}",
    "{\"content\":\"\xc3\"}",
    "{\"content\":[1]}",
    "{\"content\":",
    "{\"content\"",
    "{}",
    "",
    "{ \"content\":\"a\"}",
};

static void reads_as_the_general_reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check(texts[i], strlen(texts[i]));
    check("{\"content\":\"a\0b\"}", 17);
    check("{\"content\":\"a\"}\0", 16);
}

/* Every text with each byte changed into each of a few. */
static void and_so_with_any_byte_changed(void **state)
{
    static const char others[] = "\"\\{}[],: \n\x01\xc3\xa9ux0";
    char text[128];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t bytes = strlen(texts[i]);

        for (size_t at = 0; at < bytes; at++) {
            for (size_t j = 0; j < sizeof(others); j++) {
                memcpy(text, texts[i], bytes + 1);
                text[at] = others[j];
                check(text, bytes);
            }
        }
    }
}

static void replaces_what_is_no_text(void **state)
{
    bool is_replaced;
    json_t *value = bx_text_json("a\xff\xc3(\xe2\x82", 6, &is_replaced);

    (void)state;
    assert_true(is_replaced);
    assert_string_equal(json_string_value(value),
                        "a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd");
    json_decref(value);
    value = bx_text_json("gr\xc3\xbc\xc3\x9f", 6, &is_replaced);
    assert_false(is_replaced);
    assert_string_equal(json_string_value(value), "gr\xc3\xbc\xc3\x9f");
    json_decref(value);
    value = bx_text_json("", 0, NULL);
    assert_int_equal(json_string_length(value), 0);
    json_decref(value);
}

/* {"content":"...","metadata":{"a":[0,0,...]}} with so many zeros. */
static char *make_long(const char *content, size_t zeros, size_t *ret_bytes)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    assert_true(bx_buf_printf(&text,
                              "{\"content\":\"%s\",\"metadata\":{\"a\":[0",
                              content) >= 0);
    while (--zeros > 0)
        assert_int_equal(bx_buf_puts(&text, ",0"), 0);
    assert_int_equal(bx_buf_puts(&text, "]}}"), 0);
    *ret_bytes = text.len;
    return bx_buf_take(&text);
}

static void reads_no_more_values_than_it_may(void **state)
{
    /* Commas, brackets and an escaped quote within a string are none. */
    static const char content[] = ",[[{{\\\",\\\\";
    size_t bytes;
    char *text = make_long(content, BX_TEXT_MAX_VALUES - 3, &bytes);
    json_t *value = bx_text_load(text, bytes);

    (void)state;
    assert_non_null(value);
    json_decref(value);
    free(text);
    text = make_long(content, BX_TEXT_MAX_VALUES - 2, &bytes);
    assert_null(bx_text_load(text, bytes));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_no_more_values_than_it_may),
        cmocka_unit_test(reads_as_the_general_reader),
        cmocka_unit_test(and_so_with_any_byte_changed),
        cmocka_unit_test(replaces_what_is_no_text),
    };

    return cmocka_run_group_tests_name("tool.text", tests, NULL, NULL);
}
