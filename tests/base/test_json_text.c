/* JSON as text: the same bytes as jansson's, from values that it takes. */
#include "base/json_text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_same(json_t *value)
{
    char *expected = json_dumps(value, JSON_COMPACT);
    char *text = bx_json_text(value, JSON_COMPACT);

    assert_non_null(expected);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(expected);
    free(text);
    json_decref(value);
}

static void writes_what_jansson_writes(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"a\":{},\"b\":[],\"c\":[[],{}]}",
        "[true,false,null,0,-1,9223372036854775807,-9223372036854775808]",
        "[0.1,1e300,-2.5e-300,1.0,123456789.125]",
        "{\"b\":1,\"a\":2,\"\":3,\"k\\\"\\\\\\n\":\"v\"}",
        "[\"plain\",\"\",\"a\\\"b\\\\c/d\\b\\f\\n\\r\\t\"]",
        "[\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\u007f\xc2\x80\"]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_same(json_loads(texts[i], 0, NULL));
}

static void escapes_each_byte_as_jansson_does(void **state)
{
    json_t *list = json_array();

    (void)state;
    for (unsigned byte = 0; byte < 128; byte++) {
        for (size_t at = 0; at < 20; at++) {
            char text[] = "abcdefgh\xc3\xa9jklmnopqrst";

            if (at == 8 || at == 9) /* a character of two */
                continue;
            text[at] = (char)byte;
            json_array_append_new(list, json_stringn(text, sizeof(text) - 1));
        }
    }
    assert_same(list);
}

/* Longer than what is written at once, all of it escapes, and none of it. */
static void writes_long_strings(void **state)
{
    static char text[10000];

    (void)state;
    for (size_t bytes = 1000; bytes < sizeof(text); bytes += 1023) {
        memset(text, 1, bytes);
        assert_same(json_pack("[o]", json_stringn(text, bytes)));
        memset(text, 'a', bytes);
        text[bytes - 1] = '\n';
        assert_same(json_pack("[o]", json_stringn(text, bytes)));
    }
}

static void refuses_what_is_not_read_back(void **state)
{
    json_t *list = json_pack("[o]", json_stringn_nocheck("a\xff", 2));
    json_t *object = json_object();

    (void)state;
    assert_null(bx_json_text(list, JSON_COMPACT));
    json_object_set_new_nocheck(object, "\xed\xa0\x80", json_true());
    assert_null(bx_json_text(object, JSON_COMPACT));
    json_object_clear(object);
    json_object_setn_new(object, "a\0b", 3, json_true());
    assert_null(bx_json_text(object, JSON_COMPACT));
    json_decref(list);
    json_decref(object);
}

/* inner: taken. */
static json_t *nested(unsigned levels, json_t *inner)
{
    for (unsigned i = 0; i < levels; i++)
        inner = i % 2 == 0 ? json_pack("[o]", inner)
                           : json_pack("{s:o}", "k", inner);
    return inner;
}

static void assert_read_back(json_t *value)
{
    char *text = bx_json_text(value, JSON_COMPACT);
    json_t *again = text == NULL ? NULL : json_loads(text, 0, NULL);

    assert_non_null(again);
    assert_true(json_equal(again, value));
    json_decref(again);
    json_decref(value);
    free(text);
}

static void assert_too_deep(json_t *value)
{
    assert_null(bx_json_text(value, JSON_COMPACT));
    json_decref(value);
}

static void writes_no_deeper_than_can_be_read(void **state)
{
    (void)state;
    assert_read_back(nested(2047, json_array()));
    assert_read_back(nested(2047, json_string("a")));
    assert_read_back(nested(2047, json_integer(1)));
    assert_too_deep(nested(2048, json_array()));
    assert_too_deep(nested(2048, json_string("a")));
    assert_too_deep(nested(2048, json_true()));
}

static void takes_values_alone_only_when_told_to(void **state)
{
    json_t *text = json_string("a");
    char *alone = bx_json_text(text, JSON_COMPACT | JSON_ENCODE_ANY);

    (void)state;
    assert_null(bx_json_text(NULL, JSON_COMPACT));
    assert_null(bx_json_text(text, JSON_COMPACT));
    assert_string_equal(alone, "\"a\"");
    free(alone);
    json_decref(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_jansson_writes),
        cmocka_unit_test(escapes_each_byte_as_jansson_does),
        cmocka_unit_test(writes_long_strings),
        cmocka_unit_test(refuses_what_is_not_read_back),
        cmocka_unit_test(writes_no_deeper_than_can_be_read),
        cmocka_unit_test(takes_values_alone_only_when_told_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
