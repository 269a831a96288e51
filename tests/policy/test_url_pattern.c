#include <string.h>

#include "policy/support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bool matches(const char *text, bx_url url)
{
    bx_error *err = NULL;
    bx_url_pattern *pattern = bx_url_pattern_parse(text, &err);
    bx_url_forms *forms = bx_url_forms_new(&url);
    bool is_match;

    if (pattern == NULL)
        fail_msg("%s", bx_error_message(err));
    assert_non_null(forms);
    is_match = bx_url_pattern_matches(pattern, forms);
    bx_url_forms_free(forms);
    bx_url_pattern_free(pattern);
    return is_match;
}

static void hosts_match(void **state)
{
    static const struct {
        const char *pattern;
        const char *scheme;
        const char *host;
        unsigned port;
        bool matches;
    } rows[] = {
        { "ads.example.com", "https", "ads.example.com", 443, true },
        { "ads.example.com", "http", "ads.example.com", 8080, true },
        { "ADS.Example.com.", "http", "ads.example.com", 80, true },
        { "ads.example.com", "https", "x.ads.example.com", 443, false },
        { "ads.example.com", "https", "ads.example.com.net", 443, false },
        { "ads.example.com", "https", "bads.example.com", 443, false },
        { "*.example.com", "https", "a.example.com", 443, true },
        { "*.example.com", "https", "example.com", 443, false },
        { "*.example.com", "https", "evilexample.com", 443, false },
        { "*.example.com/*", "https", "a.b.example.com", 9, true },
        { "https://example.com", "https", "example.com", 443, true },
        { "https://example.com", "http", "example.com", 80, false },
        { "HTTP://example.com", "http", "example.com", 80, true },
        { "*://example.com", "http", "example.com", 80, true },
        { "example.com:8080", "http", "example.com", 8080, true },
        { "example.com:8080", "http", "example.com", 80, false },
        { "example.com:443", "https", "example.com", 443, true },
        { "example.com:*", "https", "example.com", 444, true },
        { "*", "https", "anything", 443, true },
        { "*:8080", "http", "anything", 8080, true },
        { "*:8080", "http", "anything", 8081, false },
        { "10.*", "http", "10.1.2.3", 80, true },
        { "10.*", "http", "110.1.2.3", 80, false },
        { "[::1]", "http", "::1", 80, true },
        { "[0:0::1]:80", "http", "::1", 80, true },
        { "[::ffff:10.0.0.1]", "http", "10.0.0.1", 80, true },
        { "10.0.0.1", "http", "::ffff:10.0.0.1", 80, true },
        { "example.com?*", "http", "example.com", 80, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_url url = make_url(rows[i].scheme, rows[i].host, rows[i].port, "/x");

        if (matches(rows[i].pattern, url) != rows[i].matches)
            fail_msg("%s against %s://%s:%u", rows[i].pattern, rows[i].scheme,
                     rows[i].host, rows[i].port);
    }
}

static void paths_match(void **state)
{
    static const struct {
        const char *pattern;
        const char *path;
        bool matches;
    } rows[] = {
        { "h.example/ads", "/ads", true },
        { "h.example/ads", "/ads/", true },
        { "h.example/ads", "/ads/x", true },
        { "h.example/ads", "/ads?x=1", true },
        { "h.example/ads", "/adsense", false },
        { "h.example/ads", "/x/ads", false },
        { "h.example/ads", "/Ads", false },
        { "h.example/ads/", "/ads/x", true },
        { "h.example/ads/", "/ads", false },
        { "h.example/", "/anything", true },
        { "h.example/*.js", "/a/b.js", true },
        { "h.example/*.js", "/a/b.js?v=1", true },
        { "h.example/*.js", "/a/b.json", false },
        { "h.example/a*b*c", "/a-b-b-c", true },
        { "h.example/a*b*c", "/a-c-b", false },
        { "*/ads/*", "/x/ads/y", true },
        { "*/ads/*", "/x/ads", false },
        { "h.example/q?x=*&y", "/q?x=1&y", true },
        { "h.example/q?x=*&y", "/q?x=1&z", false },
        { "*", "/", true },
        { "h.example/**", "/", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_url url = make_url("https", "h.example", 443, rows[i].path);

        if (matches(rows[i].pattern, url) != rows[i].matches)
            fail_msg("%s against %s", rows[i].pattern, rows[i].path);
    }
}

static void other_spellings_match(void **state)
{
    static const char *const rows[][2] = {
        { "h.example/ads", "/%61ds" },
        { "h.example/ads", "/%61%64%73/x" },
        { "h.example/ads", "/%2561ds" },
        { "h.example/ads", "/%25252561ds" },
        { "h.example/ads", "//ads" },
        { "h.example/ads", "/x/%2e%2e/ads" },
        { "h.example/ads", "/x%2f..%2Fads" },
        { "h.example/ads", "/.%2fads" },
        { "h.example/ads", "/%5cads" },
        { "h.example/a%64s", "/ads" },
        { "h.example/ads%2Fx", "/ads/x" },
        { "h.example/ads", "/ads%3fx" },
        { "h.example/a*", "/%61%00b" },
        { "h.example/ads", "ads" },
        { "h.example/ads", "/../ads/." },
        { "h.example/ads?x", "/x/../ads?x" },
        { "h.example/", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_url url = make_url("https", "h.example", 443, rows[i][1]);

        if (!matches(rows[i][0], url))
            fail_msg("%s against %s", rows[i][0], rows[i][1]);
    }
}

static void too_many_encodings_are_noticed(void **state)
{
    bx_url deep = make_url("https", "h.example", 443, "/%252525252561");
    bx_url fine = make_url("https", "h.example", 443, "/%25252561");
    bx_url_forms *forms = bx_url_forms_new(&deep);

    (void)state;
    assert_true(bx_url_forms_is_too_deep(forms));
    bx_url_forms_free(forms);
    forms = bx_url_forms_new(&fine);
    assert_false(bx_url_forms_is_too_deep(forms));
    bx_url_forms_free(forms);
}

/* A pattern that makes a backtracking matcher take exponential time. */
static void stars_do_not_blow_up(void **state)
{
    char pattern[256] = "h.example/";
    char path[8000] = "";
    bx_url url = make_url("https", "h.example", 443, path);

    (void)state;
    for (size_t i = 10; i < 130; i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    pattern[130] = 'b';
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_false(matches(pattern, url));
}

static void nonsense_is_refused(void **state)
{
    static const char *const rows[][2] = {
        { "", "has no host" },
        { "/ads", "has no host (for every host write */path)" },
        { "http://", "has no host" },
        { "https:///x", "has no host" },
        { "ftp://x.example", "has a scheme" },
        { "h*://x.example", "has a scheme" },
        { "a@b.example", "has a user name or password" },
        { "b.example/#x", "has a fragment" },
        { "b.example\\x", "has a backslash" },
        { "b.example/a b", "has a space or control byte" },
        { "b.example/\x01", "has a space or control byte" },
        { "b.example/a/../b", "has a '.' or '..' in its path" },
        { "b.example/.", "has a '.' or '..' in its path" },
        { "b.example:0", "has a port" },
        { "b.example:65536", "has a port" },
        { "b.example:8*", "has a port" },
        { "b.example:80:80", "two ports" },
        { "::1", "without brackets" },
        { "[::1", "has brackets" },
        { "[b.example]", "has brackets" },
        { "x[::1]", "has brackets" },
        { "[::1]x", "has text behind ']'" },
        { "127.1", "ends in a number" },
        { "b\xc3\xbc.example", "is not ASCII" },
        { "*.b\xc3\xbc.example", "is not ASCII" },
        { "*.b%.example", "has '%', which no host has" },
        { "b..example", "has an empty label" },
        { "*..", "has an empty label" },
        { "b.example/\xff", "is not UTF-8" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_error *err = NULL;
        bx_url_pattern *pattern = bx_url_pattern_parse(rows[i][0], &err);

        if (pattern != NULL)
            fail_msg("'%s' was taken", rows[i][0]);
        if (strstr(bx_error_message(err), rows[i][1]) == NULL ||
            strstr(bx_error_message(err), "; expected ") == NULL)
            fail_msg("'%s': %s", rows[i][0], bx_error_message(err));
        bx_error_free(err);
    }
}

static void length_is_bounded(void **state)
{
    char text[2060] = "b.example/";
    bx_error *err = NULL;

    (void)state;
    memset(text + 10, 'a', 2039);
    assert_null(bx_url_pattern_parse(text, &err));
    assert_non_null(strstr(bx_error_message(err), "longer than 2048 bytes"));
    bx_error_free(err);
    text[2048] = '\0';
    bx_url_pattern_free(bx_url_pattern_parse(text, NULL));
}

static void text_is_canonical(void **state)
{
    static const char *const rows[][2] = {
        { "HTTPS://Ads.Example.COM./X", "https://ads.example.com/X" },
        { "*://a.example:*/x", "a.example/x" },
        { "a.example?q", "a.example/?q" },
        { "[::FFFF:1.2.3.4]:80/", "1.2.3.4:80/" },
        { "*.B.example:81", "*.b.example:81" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_url_pattern *pattern = bx_url_pattern_parse(rows[i][0], NULL);
        bx_url_pattern *again;

        assert_string_equal(bx_url_pattern_text(pattern), rows[i][1]);
        again = bx_url_pattern_parse(rows[i][1], NULL);
        assert_string_equal(bx_url_pattern_text(again), rows[i][1]);
        bx_url_pattern_free(pattern);
        bx_url_pattern_free(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_match),
        cmocka_unit_test(paths_match),
        cmocka_unit_test(other_spellings_match),
        cmocka_unit_test(too_many_encodings_are_noticed),
        cmocka_unit_test(stars_do_not_blow_up),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(length_is_bounded),
        cmocka_unit_test(text_is_canonical),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
