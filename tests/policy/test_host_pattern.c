#include <string.h>

#include "policy/support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static bx_host_pattern *parse(const char *text)
{
    bx_error *err = NULL;
    bx_host_pattern *pattern = bx_host_pattern_parse(text, &err);

    if (pattern == NULL)
        fail_msg("%s", bx_error_message(err));
    return pattern;
}

static void patterns_match(void **state)
{
    static const struct {
        const char *pattern;
        const char *scheme;
        const char *host;
        unsigned port;
        bool matches;
    } rows[] = {
        { "https://example.com", "https", "example.com", 443, true },
        { "https://example.com", "https", "example.com", 8443, false },
        { "https://example.com", "http", "example.com", 80, false },
        { "https://example.com", "http", "example.com", 443, false },
        { "https://example.com/", "https", "example.com", 443, true },
        { "HTTPS://EXAMPLE.com.", "https", "example.com", 443, true },
        { "https://example.com", "https", "www.example.com", 443, false },
        { "https://example.com", "https", "example.com.evil.net", 443, false },
        { "example.com", "https", "example.com", 443, true },
        { "example.com", "http", "example.com", 80, false },
        { "example.com:8443", "https", "example.com", 8443, true },
        { "http://example.com", "http", "example.com", 80, true },
        { "*://example.com", "http", "example.com", 80, true },
        { "*://example.com", "https", "example.com", 443, true },
        { "*://example.com", "https", "example.com", 80, false },
        { "*://example.com:*", "https", "example.com", 1, true },
        { "*://example.com:80..90", "http", "example.com", 80, true },
        { "*://example.com:80..90", "http", "example.com", 90, true },
        { "*://example.com:80..90", "http", "example.com", 79, false },
        { "*://example.com:80..90", "http", "example.com", 91, false },
        { "https://*.example.com", "https", "a.example.com", 443, true },
        { "https://*.example.com", "https", "a.b.example.com", 443, true },
        { "https://*.example.com", "https", "example.com", 443, false },
        { "https://*.example.com", "https", "evilexample.com", 443, false },
        { "https://*.example.com", "https", "a.example.com.x", 443, false },
        { "https://*", "https", "anything.at.all", 443, true },
        { "https://*", "https", "anything.at.all", 444, false },
        { "*", "http", "anything", 12345, true },
        { "http://10.0.0.1", "http", "10.0.0.1", 80, true },
        { "http://10.0.0.1", "http", "10.0.0.2", 80, false },
        { "http://10.0.0.1:81/", "http", "10.0.0.1", 81, true },
        { "http://10.0.0.0/8", "http", "10.9.9.9", 80, true },
        { "http://10.0.0.0/8", "http", "11.0.0.0", 80, false },
        { "http://10.0.0.0/8", "http", "::ffff:10.0.0.1", 80, true },
        { "http://10.0.0.0/8:8080", "http", "10.0.0.1", 8080, true },
        { "http://10.0.0.0/8:8080..8081/", "http", "10.0.0.1", 8081, true },
        { "http://10.0.0.0/8", "http", "ten.example.com", 80, false },
        { "http://[::1]", "http", "::1", 80, true },
        { "http://[::1]:*", "http", "::1", 99, true },
        { "http://[fd00::/8]:80..81/", "http", "fd12::1", 81, true },
        { "http://[fd00::/8]", "http", "fe80::1", 80, false },
        { "http://localhost:8080", "http", "localhost", 8080, true },
        { "http://localhost:8080", "http", "127.0.0.1", 8080, false },
        { "http://my_host", "http", "my_host", 80, true },
        { "http://1.2.3.4.example", "http", "1.2.3.4.example", 80, true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_host_pattern *pattern = parse(rows[i].pattern);
        bx_url url = make_url(rows[i].scheme, rows[i].host, rows[i].port, "/");

        if (bx_host_pattern_matches(pattern, &url) != rows[i].matches)
            fail_msg("%s against %s://%s:%u", rows[i].pattern, rows[i].scheme,
                     rows[i].host, rows[i].port);
        bx_host_pattern_free(pattern);
    }
}

static void other_schemes_never_match(void **state)
{
    bx_host_pattern *pattern = parse("*");
    bx_url url = make_url("ftp", "example.com", 21, "/");

    (void)state;
    assert_false(bx_host_pattern_matches(pattern, &url));
    bx_host_pattern_free(pattern);
}

static void private_addresses_need_a_name(void **state)
{
    static const struct {
        const char *pattern;
        const char *address;
        bool names;
    } rows[] = {
        { "http://localhost:8080", "127.0.0.1", true },
        { "http://localhost:8080", "127.9.9.9", true },
        { "http://localhost:8080", "::1", true },
        { "http://localhost:8080", "10.0.0.1", false },
        { "http://localhost:8080", "0.0.0.0", false },
        { "http://localhost", "127.0.0.1", false }, /* the port */
        { "https://localhost:8080", "127.0.0.1", false },
        { "*", "127.0.0.1", false },
        { "http://*:8080", "127.0.0.1", false },
        { "http://example.com:8080", "127.0.0.1", false },
        { "http://*.localhost:8080", "127.0.0.1", false },
        { "http://127.0.0.1:8080", "127.0.0.1", true },
        { "http://127.0.0.1:8080", "127.0.0.2", false },
        { "http://127.0.0.1:8080", "::ffff:127.0.0.1", true },
        { "http://10.0.0.0/8:*", "10.1.2.3", true },
        { "http://10.0.0.0/8:*", "64:ff9b::10.1.2.3", false },
        { "http://[fd00::/8]:*", "fd00::1", true },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_host_pattern *pattern = parse(rows[i].pattern);
        bx_url url = make_url("http", "name.example", 8080, "/");
        bx_address address = make_address(rows[i].address);

        if (bx_host_pattern_names_address(pattern, &url, &address) !=
            rows[i].names)
            fail_msg("%s names %s", rows[i].pattern, rows[i].address);
        bx_host_pattern_free(pattern);
    }
}

static void nonsense_is_refused(void **state)
{
    static const char *const rows[][2] = {
        { "", "has no host" },
        { "http://", "has no host" },
        { "http:///x", "has no host" },
        { ":80", "has no host" },
        { "http://:80", "has no host" },
        { ".", "has an empty label" },
        { "ftp://example.com", "has a scheme that is not http, https or *" },
        { "htt*://example.com", "has a scheme" },
        { "https://user@example.com", "has a user name or password" },
        { "https://u:p@example.com", "has a user name or password" },
        { "https://example.com/path", "has a path" },
        { "https://example.com/?q", "has a path" },
        { "https://example.com?q", "has a path" },
        { "https://example.com#f", "has a path" },
        { "https://example.com\\x", "has a path" },
        { "https://example.com:", "has a port that is not" },
        { "https://example.com:0", "has a port that is not" },
        { "https://example.com:65536", "has a port that is not" },
        { "https://example.com:080", "has a port that is not" },
        { "https://example.com:-1", "has a port that is not" },
        { "https://example.com:8x", "has a port that is not" },
        { "https://example.com:1..", "has a port range that is not" },
        { "https://example.com:..1", "has a port range that is not" },
        { "https://example.com:0..1", "has a port range that is not" },
        { "https://example.com:1..2..3", "has a port range that is not" },
        { "https://example.com:90..80", "runs backwards" },
        { "https://example.com:80:81", "two ports" },
        { "https://ex*mple.com", "has '*' inside a name" },
        { "https://*example.com", "has '*' inside a name" },
        { "https://*.*.example.com", "has '*' inside a name" },
        { "https://example.*", "has '*' inside a name" },
        { "https://*.", "has no host" },
        { "https://a..b", "has an empty label" },
        { "https://.example.com", "has an empty label" },
        { "https://b\xc3\xbc"
          "cher.example",
          "is not ASCII" },
        { "https://exa mple.com", "has a space or control byte" },
        { "https://example.com\n", "has a space or control byte" },
        { "https://ex%61mple.com", "has '%', which no host name has" },
        { "http://127.1", "ends in a number" },
        { "http://010.0.0.1", "ends in a number" },
        { "http://2130706433", "ends in a number" },
        { "http://0x7f000001", "ends in a number" },
        { "http://0x7f.1", "ends in a number" },
        { "http://127.0.0.1.", "ends in a number" },
        { "http://*.1.2.3.4", "ends in a number" },
        { "http://10.0.0.1/8", "has bits set behind its prefix" },
        { "http://10.0.0.0/33", "prefix length" },
        { "http://10.0.0.0/8/x", "has a path" },
        { "http://10.0.0.0/8x", "prefix length" },
        { "http://10.0.0.1:80/8", "has a path" },
        { "http://::1", "has an IPv6 address without brackets" },
        { "http://[::1", "has '[' without ']'" },
        { "http://[::1]x", "has text behind ']'" },
        { "http://[10.0.0.1]", "has brackets around what is not IPv6" },
        { "http://[example.com]", "has brackets around what is not IPv6" },
        { "http://[fe80::1%eth0]", "has a zone identifier" },
        { "http://[::g]", "is not an address" },
        { "http://[]", "has brackets" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_error *err = NULL;
        bx_host_pattern *pattern = bx_host_pattern_parse(rows[i][0], &err);

        if (pattern != NULL)
            fail_msg("'%s' was taken", rows[i][0]);
        if (strstr(bx_error_message(err), rows[i][1]) == NULL ||
            strstr(bx_error_message(err), "; expected ") == NULL)
            fail_msg("'%s': %s", rows[i][0], bx_error_message(err));
        bx_error_free(err);
    }
}

static void lengths_are_bounded(void **state)
{
    char text[600];
    bx_error *err = NULL;

    (void)state;
    memset(text, 'a', sizeof(text));
    text[64] = '\0';
    assert_null(bx_host_pattern_parse(text, &err));
    assert_non_null(strstr(bx_error_message(err), "longer than 63 bytes"));
    bx_error_free(err);
    text[64] = 'a';
    for (size_t i = 50; i < 300; i += 50)
        text[i] = '.';
    text[254] = '\0';
    err = NULL;
    assert_null(bx_host_pattern_parse(text, &err));
    assert_non_null(strstr(bx_error_message(err), "longer than 253 bytes"));
    bx_error_free(err);
    text[253] = '\0';
    bx_host_pattern_free(parse(text));
    memset(text, 'a', sizeof(text));
    text[599] = '\0';
    err = NULL;
    assert_null(bx_host_pattern_parse(text, &err));
    assert_non_null(strstr(bx_error_message(err), "longer than 512 bytes"));
    bx_error_free(err);
}

static void text_is_canonical(void **state)
{
    static const char *const rows[][2] = {
        { "Example.COM.", "https://example.com" },
        { "*", "*://*:*" },
        { "https://example.com:443/", "https://example.com:443" },
        { "*://*.Example.com:1..65535", "*://*.example.com:*" },
        { "http://10.0.0.0/8:7..9", "http://10.0.0.0/8:7..9" },
        { "http://[FD00:0::/8]", "http://[fd00::/8]" },
        { "http://[::ffff:10.0.0.1]", "http://10.0.0.1" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_host_pattern *pattern = parse(rows[i][0]);
        bx_host_pattern *again = parse(bx_host_pattern_text(pattern));

        assert_string_equal(bx_host_pattern_text(pattern), rows[i][1]);
        assert_string_equal(bx_host_pattern_text(again), rows[i][1]);
        bx_host_pattern_free(pattern);
        bx_host_pattern_free(again);
    }
}

static void patterns_cover_patterns(void **state)
{
    static const struct {
        const char *outer;
        const char *inner;
        bool covers;
    } rows[] = {
        { "*", "https://a.example", true },
        { "https://a.example", "*", false },
        { "*://a.example", "http://a.example", true },
        { "http://a.example", "*://a.example", false },
        { "a.example:*", "a.example", true },
        { "a.example:8000..9000", "a.example:8080", true },
        { "a.example:8000..9000", "a.example:8080..9001", false },
        { "a.example", "a.example:443", true },
        { "a.example:443", "a.example", true },
        { "*://a.example:443", "*://a.example", false },
        { "*.example", "a.example", true },
        { "*.example", "*.b.example", true },
        { "*.b.example", "*.example", false },
        { "*.example", "*.example", true },
        { "*.example", "example", false },
        { "*.example", "https://10.0.0.1", false },
        { "https://10.0.0.0/8", "https://10.1.2.3", true },
        { "https://10.0.0.0/8", "https://10.1.0.0/16", true },
        { "https://10.1.0.0/16", "https://10.0.0.0/8", false },
        { "https://10.0.0.0/8", "https://11.0.0.1", false },
        { "https://a.example", "https://*.example", false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_host_pattern *outer = parse(rows[i].outer);
        bx_host_pattern *inner = parse(rows[i].inner);

        if (bx_host_pattern_covers(outer, inner) != rows[i].covers)
            fail_msg("%s and %s", rows[i].outer, rows[i].inner);
        bx_host_pattern_free(outer);
        bx_host_pattern_free(inner);
    }
}

static void origins_are_single_and_safe(void **state)
{
    static const struct {
        const char *pattern;
        bool is_origin;
        bool is_safe;
    } rows[] = {
        { "https://a.example", true, true },
        { "a.example:8443", true, true },
        { "https://1.2.3.4", true, true },
        { "*://a.example", false, false },
        { "https://*.example", false, true },
        { "https://a.example:*", false, true },
        { "https://10.0.0.0/8", false, true },
        { "*", false, false },
        { "http://a.example", true, false },
        { "http://127.0.0.1:8080", true, true },
        { "http://[::1]:8080", true, true },
        { "http://127.0.0.0/8", false, false },
        { "http://localhost", true, true },
        { "http://x.localhost", true, true },
        { "http://notlocalhost", true, false },
        { "http://10.0.0.1", true, false },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_host_pattern *pattern = parse(rows[i].pattern);

        if (bx_host_pattern_is_origin(pattern) != rows[i].is_origin ||
            bx_host_pattern_is_safe(pattern) != rows[i].is_safe)
            fail_msg("%s", rows[i].pattern);
        bx_host_pattern_free(pattern);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_cover_patterns),
        cmocka_unit_test(origins_are_single_and_safe),
        cmocka_unit_test(patterns_match),
        cmocka_unit_test(other_schemes_never_match),
        cmocka_unit_test(private_addresses_need_a_name),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(text_is_canonical),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
