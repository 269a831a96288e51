/* Buffers, UTF-8, errors: what everything else stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/utf8.h"

static void utf8_is_what_the_rfc_says(void **state)
{
    static const struct {
        const char *text;
        bool is_valid;
    } rows[] = {
        { "", true },
        { "plain", true },
        { "\xc2\x80", true },
        { "\xdf\xbf", true },
        { "\xe0\xa0\x80", true },
        { "\xed\x9f\xbf", true },
        { "\xee\x80\x80", true },
        { "\xf0\x90\x80\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\x80", false },
        { "\xc0\xaf", false }, /* overlong '/' */
        { "\xc1\xbf", false },
        { "\xe0\x9f\xbf", false },     /* overlong */
        { "\xed\xa0\x80", false },     /* surrogate */
        { "\xf0\x8f\xbf\xbf", false }, /* overlong */
        { "\xf4\x90\x80\x80", false }, /* past U+10FFFF */
        { "\xf5\x80\x80\x80", false },
        { "\xff", false },
        { "a\xe2\x82", false }, /* cut */
        { "\xe2\x28\xa1", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bx_utf8_is_valid(rows[i].text, strlen(rows[i].text)) !=
            rows[i].is_valid)
            fail_msg("row %zu", i);
    }
}

static void utf8_decodes_to_its_point(void **state)
{
    uint32_t point = 0;

    (void)state;
    assert_int_equal(bx_utf8_decode("\xe2\x82\xac", 3, &point), 3);
    assert_int_equal(point, 0x20ac);
    assert_int_equal(bx_utf8_decode("\xe2\x82\xac", 2, &point), 0);
    assert_int_equal(bx_utf8_decode("", 0, &point), 0);
}

static void escapes_what_terminals_act_on(void **state)
{
    static const struct {
        const char *text;
        const char *shown;
    } rows[] = {
        { "plain \xe2\x82\xac", "plain \xe2\x82\xac" },
        { "\x1b[2J", "\\x1b[2J" },
        { "a\nb\tc", "a\\x0ab\\x09c" },
        { "\x7f", "\\x7f" },
        { "\xc2\x9b", "\\xc2\\x9b" }, /* CSI as one C1 control */
        { "\xff\xfe", "\\xff\\xfe" },
        { "\xe2\x80\xae"
          "a",
          "\\xe2\\x80\\xaea" },                         /* right to left */
        { "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },          /* zero width */
        { "\xe2\x80\x8d", "\xe2\x80\x8d" },             /* joins emoji */
        { "\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81" }, /* a tag */
        { "\xe2\x80\x8e", "\\xe2\\x80\\x8e" }, /* a mark of direction */
        { "\xe2\x81\xa0", "\\xe2\\x81\\xa0" }, /* joins words */
        { "\xc2\xad", "\\xc2\\xad" },          /* soft hyphen */
        { "\xe3\x85\xa4", "\\xe3\\x85\\xa4" }, /* a filler */
        { "\xc2\xa9", "\xc2\xa9" },
        { "back\\slash", "back\\x5cslash" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bx_autobuf bx_buf buf = BX_BUF_INIT;

        assert_int_equal(
            bx_buf_put_escaped(&buf, rows[i].text, strlen(rows[i].text), 100),
            0);
        assert_string_equal(buf.data, rows[i].shown);
    }
}

static void cuts_long_names(void **state)
{
    bx_autobuf bx_buf buf = BX_BUF_INIT;

    (void)state;
    assert_int_equal(bx_buf_put_escaped(&buf, "abcdef", 6, 3), 0);
    assert_string_equal(buf.data, "abc...");
}

static void appends_up_to_the_cap(void **state)
{
    bx_autobuf bx_buf buf = BX_BUF_INIT;

    (void)state;
    assert_int_equal(bx_buf_append(&buf, "12345", 5, 8), 0);
    assert_int_equal(bx_buf_append(&buf, "6789", 4, 8), -1);
    assert_int_equal(buf.len, 5);
    assert_int_equal(bx_buf_append(&buf, "678", 3, 8), 0);
    assert_string_equal(buf.data, "12345678");
    assert_int_equal(bx_buf_append(&buf, "x", SIZE_MAX, SIZE_MAX), -1);
}

static void errors_chain_and_keep_their_code(void **state)
{
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_error_set(&err, BX_ERR_DENIED, "no %d", 7), -1);
    assert_int_equal(bx_error_wrap(&err, "asked by '%s'", "me"), -1);
    assert_string_equal(bx_error_message(err), "asked by 'me': no 7");
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_string_equal(bx_code_name(BX_ERR_DENIED), "denied");
    bx_error_free(err);

    err = NULL;
    bx_error_set_errno(&err, 2, "'x'");
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_int_equal(bx_error_errno(err), 2);
    bx_error_free(err);
    assert_int_equal(bx_error_set(NULL, BX_ERR_DENIED, "nobody asks"), -1);
    assert_string_equal(bx_error_message(NULL), "");
    bx_error_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_what_the_rfc_says),
        cmocka_unit_test(utf8_decodes_to_its_point),
        cmocka_unit_test(escapes_what_terminals_act_on),
        cmocka_unit_test(cuts_long_names),
        cmocka_unit_test(appends_up_to_the_cap),
        cmocka_unit_test(errors_chain_and_keep_their_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
