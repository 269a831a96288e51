#include <string.h>

#include "base/utf8.h"
#include "policy/support.h"
#include "policy/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void paths_become_canonical(void **state)
{
    static const char *const rows[][2] = {
        { "/", "/" },
        { "//", "/" },
        { ".", "/" },
        { "./", "/" },
        { "a/..", "/" },
        { "/a/./b//c/../d", "/a/b/d" },
        { "fs-tests.dir", "/fs-tests.dir" },
        { "a/b/", "/a/b" },
        { "/a/...", "/a/..." },
        { "/..a", "/..a" },
        { "/a/b/../../c", "/c" },
        { "/sp ace/\xc3\xbc", "/sp ace/\xc3\xbc" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *path = bx_guest_path_parse(rows[i][0], NULL);

        assert_string_equal(path, rows[i][1]);
        free(path);
    }
}

static void hostile_paths_are_refused(void **state)
{
    static const char *const rows[][2] = {
        { "", "is empty" },
        { "..", "climbs above the root" },
        { "/..", "climbs above the root" },
        { "/a/../..", "climbs above the root" },
        { "a/../../a", "climbs above the root" },
        { "/a\nb", "has a control byte" },
        { "/a\x7f", "has a control byte" },
        { "/\xff", "is not UTF-8" },
        { "/\xc0\xaf", "is not UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_error *err = NULL;

        assert_null(bx_guest_path_parse(rows[i][0], &err));
        if (strstr(bx_error_message(err), rows[i][1]) == NULL)
            fail_msg("'%s': %s", rows[i][0], bx_error_message(err));
        bx_error_free(err);
    }
}

static void length_is_bounded(void **state)
{
    char text[4098];
    char *path;

    (void)state;
    memset(text, 'a', sizeof(text));
    text[4097] = '\0';
    assert_null(bx_guest_path_parse(text, NULL));
    text[4096] = '\0';
    assert_null(bx_guest_path_parse(text, NULL)); /* 4097 with its '/' */
    text[4095] = '\0';
    path = bx_guest_path_parse(text, NULL);
    assert_non_null(path);
    assert_int_equal(strlen(path), 4096);
    free(path);
}

static void beneath_counts_whole_names(void **state)
{
    (void)state;
    assert_true(bx_guest_path_is_beneath("/", "/"));
    assert_true(bx_guest_path_is_beneath("/a", "/"));
    assert_true(bx_guest_path_is_beneath("/a", "/a"));
    assert_true(bx_guest_path_is_beneath("/a/b", "/a"));
    assert_false(bx_guest_path_is_beneath("/ab", "/a"));
    assert_false(bx_guest_path_is_beneath("/", "/a"));
    assert_false(bx_guest_path_is_beneath("/a", "/a/b"));
}

static void utf8_is_checked(void **state)
{
    static const struct {
        const char *text;
        bool is_utf8;
    } rows[] = {
        { "", true },
        { "a\xc2\x80", true },
        { "\xed\x9f\xbf", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\x80", false },
        { "\xc2", false },
        { "\xc1\xbf", false },
        { "\xe0\x9f\xbf", false },
        { "\xed\xa0\x80", false }, /* surrogate */
        { "\xf0\x8f\xbf\xbf", false },
        { "\xf4\x90\x80\x80", false },
        { "\xe2\x82", false },
        { "\xf5\x80\x80\x80", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(bx_utf8_is_valid(rows[i].text, strlen(rows[i].text)),
                         rows[i].is_utf8);
}

static void misspellings_are_measured(void **state)
{
    (void)state;
    assert_int_equal(bx_text_distance("map-dir", "map-dir"), 0);
    assert_int_equal(bx_text_distance("map-dri", "map-dir"), 1);
    assert_int_equal(bx_text_distance("mapdir", "map-dir"), 1);
    assert_int_equal(bx_text_distance("", "abc"), 3);
    assert_int_equal(bx_text_distance("kitten", "sitting"), 3);
    assert_int_equal(
        bx_text_distance("0123456789012345678901234567890123456789012345678901"
                         "234567890123",
                         "a"),
        255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_become_canonical),
        cmocka_unit_test(hostile_paths_are_refused),
        cmocka_unit_test(length_is_bounded),
        cmocka_unit_test(beneath_counts_whole_names),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(misspellings_are_measured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
