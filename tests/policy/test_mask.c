/* Secrets in text, however spelled and wherever a stream is cut. */
#include "policy/support.h"

#include <string.h>

#include "policy/mask.h"

#define VALUE "s3cr%t/\"va\\l+ue"

static bx_mask *make_mask(const char *first, const char *second)
{
    bx_mask *mask = bx_mask_new();

    assert_non_null(mask);
    assert_int_equal(bx_mask_add(mask, first), 0);
    if (second != NULL)
        assert_int_equal(bx_mask_add(mask, second), 0);
    return mask;
}

/* Feed text in pieces of so many bytes, keeping what is not settled. */
static void run(const bx_mask *mask, const char *text, size_t piece, char *out)
{
    size_t bytes = strlen(text);
    size_t ahead = 0;
    size_t settled = 0;

    memcpy(out, text, bytes + 1);
    for (size_t end = 0; end < bytes;) {
        end = end + piece < bytes ? end + piece : bytes;
        settled += bx_mask_stream(mask, &ahead, out + settled, end - settled,
                                  end == bytes);
    }
    assert_int_equal(settled, bytes);
    assert_int_equal(out[bytes], '\0');
}

/* The same whatever the pieces. */
static void expect(const bx_mask *mask, const char *text, const char *masked)
{
    char out[512];

    for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
        run(mask, text, piece, out);
        assert_string_equal(out, masked);
    }
}

static void masks_each_spelling(void **state)
{
    static const char *const spellings[] = {
        "s3cr%t/\"va\\l+ue",
        "s3cr%25t/%22va%5cl%2Bue",
        "%73%33%63%72%25%74%2f%22%76%61%5C%6c%2b%75%65",
        "s3cr%t/\\\"va\\\\l+ue",
        "s3cr%t\\/\\\"va\\\\l+ue",
        "\\u0073\\u0033\\u0063\\u0072%t\\/\\u0022va\\u005Cl\\u002bue",

        "czNjciV0LyJ2YVxsK3Vl",
    };
    BX_AUTO(bx_mask_free) bx_mask *mask = make_mask(VALUE, NULL);
    char text[256];
    char masked[256];

    (void)state;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        snprintf(text, sizeof(text), "a %s b", spellings[i]);
        memcpy(masked, text, sizeof(text));
        memset(masked + 2, '*', strlen(spellings[i]));
        expect(mask, text, masked);
    }
}

/* "user:" + value, "x" + value: base64 of the whole decides the characters. */
static void masks_base64_at_each_offset(void **state)
{
    BX_AUTO(bx_mask_free) bx_mask *mask = make_mask("hunter2hunter2", NULL);

    (void)state;
    expect(mask, "aHVudGVyMmh1bnRlcjI=", "******************I=");
    expect(mask, "eGh1bnRlcjJodW50ZXIy", "eG******************");
    expect(mask, "eHlodW50ZXIyaHVudGVyMg==", "eHl******************g==");
    expect(mask, "aHVudGVyMmh1bnRlcjJ6", "******************J6");
}

static void leaves_what_only_begins_so(void **state)
{
    BX_AUTO(bx_mask_free) bx_mask *mask = make_mask("hunter2hunter2", NULL);

    (void)state;
    expect(mask, "hunter2hunter", "hunter2hunter");
    expect(mask, "hunter2hunter3", "hunter2hunter3");
    expect(mask, "%68%75nter2hunte%", "%68%75nter2hunte%");
    expect(mask, "\\u0068unter2hunter\\u003", "\\u0068unter2hunter\\u003");
    expect(mask, "", "");
}

static void masks_overlapping_ones(void **state)
{
    BX_AUTO(bx_mask_free)
    bx_mask *mask = make_mask("abcabcabc", "abcabcabcdef");

    (void)state;
    expect(mask, "xabcabcabcabcx", "x************x");
    expect(mask, "xabcabcabcdefx", "x************x");
    expect(mask, "xabcabcabcdex", "x*********dex");
}

/* What is held back is what may still begin one, and nothing before it. */
static void holds_back_no_more_than_it_must(void **state)
{
    BX_AUTO(bx_mask_free) bx_mask *mask = make_mask("hunter2hunter2", NULL);
    char text[] = "some text hunter2h";
    size_t ahead = 0;

    (void)state;
    assert_int_equal(bx_mask_stream(mask, &ahead, text, strlen(text), false),
                     10);
    assert_int_equal(
        bx_mask_stream(mask, &ahead, text + 10, strlen(text) - 10, true), 8);
    assert_string_equal(text, "some text hunter2h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_each_spelling),
        cmocka_unit_test(masks_base64_at_each_offset),
        cmocka_unit_test(leaves_what_only_begins_so),
        cmocka_unit_test(masks_overlapping_ones),
        cmocka_unit_test(holds_back_no_more_than_it_must),
    };

    return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
