#include "net/url.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BASE "https://h.example:444/a/b/c?q"

static void expect(const char *text, const char *base_text,
                   const char *canonical)
{
    bx_error *err = NULL;
    bx_url *base = NULL;
    bx_url *url;

    if (base_text != NULL) {
        base = bx_url_parse(base_text, strlen(base_text), NULL, &err);
        assert_non_null(base);
    }
    url = bx_url_parse(text, strlen(text), base, &err);
    if (url == NULL)
        fail_msg("%s", bx_error_message(err));
    assert_string_equal(url->text, canonical);
    bx_url_free(url);
    url = bx_url_parse(canonical, strlen(canonical), NULL, &err);
    assert_non_null(url);
    assert_string_equal(url->text, canonical);
    bx_url_free(url);
    bx_url_free(base);
}

static void expect_refused(const char *text, size_t bytes, const char *why)
{
    bx_error *err = NULL;

    assert_null(bx_url_parse(text, bytes, NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    if (strstr(bx_error_message(err), why) == NULL)
        fail_msg("'%s' does not say '%s'", bx_error_message(err), why);
    bx_error_free(err);
}

static void fills_every_part(void **state)
{
    const char *text = "HTTPS://Example.COM:8443/a?b=c#d";
    bx_url *url = bx_url_parse(text, strlen(text), NULL, NULL);

    (void)state;
    assert_non_null(url);
    assert_string_equal(url->text, "https://example.com:8443/a?b=c");
    assert_string_equal(url->scheme, "https");
    assert_string_equal(url->host, "example.com");
    assert_int_equal(url->port, 8443);
    assert_string_equal(url->path, "/a?b=c");
    bx_url_free(url);
    url = bx_url_parse("http://[::1]/", 13, NULL, NULL);
    assert_non_null(url);
    assert_string_equal(url->host, "::1");
    assert_int_equal(url->port, 80);
    bx_url_free(url);
    bx_url_free(NULL);
}

static void makes_one_text_of_each(void **state)
{
    static const char *const table[][2] = {
        { "http://h", "http://h/" },
        { "http://H:80/", "http://h/" },
        { "https://h:443/", "https://h/" },
        { "https://h:80/", "https://h:80/" },
        { "http://h:/", "http://h/" },
        { "http://h:0080/", "http://h/" },
        { "http://h?", "http://h/" },
        { "http://h?x", "http://h/?x" },
        { "http://h#@evil/", "http://h/" },
        { "http://h/@x", "http://h/@x" },
        { "http://h./", "http://h/" },
        { "http://_a-b.c/", "http://_a-b.c/" },
        /* dot segments, encoded ones too; not those of the query */
        { "http://h/a/../b/./c", "http://h/b/c" },
        { "http://h/../../x", "http://h/x" },
        { "http://h/a/..", "http://h/" },
        { "http://h/a/%2e%2E/b", "http://h/b" },
        { "http://h/a/.%2e/b/%2e", "http://h/b/" },
        { "http://h//a/..//b", "http://h///b" },
        { "http://h?a=/../b", "http://h/?a=/../b" },
        /* one spelling of each byte */
        { "http://h/%41%7e%2f%c3", "http://h/A~%2F%C3" },
        { "http://h/100%?50%&%zz", "http://h/100%25?50%25&%25zz" },
        { "http://h/%%34%31", "http://h/%2541" },
        { "http://h/%00%0d%0a", "http://h/%00%0D%0A" },
        { "http://h/\xc3\xbc?\xc3\xbc", "http://h/%C3%BC?%C3%BC" },
        { "http://h/<>\"^`{}", "http://h/%3C%3E%22%5E%60%7B%7D" },
        /* IPv4 in all the ways inet_aton() knows */
        { "http://0x7f.1/", "http://127.0.0.1/" },
        { "http://0x7F000001/", "http://127.0.0.1/" },
        { "http://017700000001/", "http://127.0.0.1/" },
        { "http://2130706433/", "http://127.0.0.1/" },
        { "http://0177.0.0.1/", "http://127.0.0.1/" },
        { "http://127.1/", "http://127.0.0.1/" },
        { "http://127.0.0.1./", "http://127.0.0.1/" },
        { "http://0/", "http://0.0.0.0/" },
        /* IPv6 */
        { "http://[0:0::1]/", "http://[::1]/" },
        { "http://[2001:DB8:0:0:1:0:0:1]:81/",
          "http://[2001:db8::1:0:0:1]:81/" },
        { "http://[::ffff:7f00:1]/", "http://[::ffff:127.0.0.1]/" },
        /* IDN, and what becomes ASCII by it */
        { "http://B\xc3\xbc"
          "cher.example/",
          "http://xn--bcher-kva.example/" },
        { "http://XN--Bcher-KVA.example/", "http://xn--bcher-kva.example/" },
        { "http://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/",
          "http://127.0.0.1/" },
        { "http://127\xe3\x80\x82"
          "0.0.1/",
          "http://127.0.0.1/" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        expect(table[i][0], NULL, table[i][1]);
}

static void resolves_a_relative_reference(void **state)
{
    static const char *const table[][2] = {
        { "", BASE },
        { "#z", BASE },
        { "?y", "https://h.example:444/a/b/c?y" },
        { "g", "https://h.example:444/a/b/g" },
        { "../x", "https://h.example:444/a/x" },
        { "../../../x", "https://h.example:444/x" },
        { "/r?s", "https://h.example:444/r?s" },
        { "./g:h", "https://h.example:444/a/b/g:h" },
        { "//other/x", "https://other/x" },
        { "http://other", "http://other/" },
        { "x y", "https://h.example:444/a/b/x%20y" },
        { "/p//a@b", "https://h.example:444/p//a@b" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        expect(table[i][0], BASE, table[i][1]);
}

static void refuses_what_two_parsers_could_read_differently(void **state)
{
    static const char *const table[][2] = {
        { "", "no scheme" },
        { "h/x", "no scheme" },
        { "//h/x", "no scheme" },
        { "ftp://h/", "only http and https" },
        { "file:///etc/passwd", "only http and https" },
        { "javascript:alert(1)", "only http and https" },
        { "http:h", "'//' is missing" },
        { "http:/h", "'//' is missing" },
        { "http:///h", "no host" },
        { "http://", "no host" },
        { "http://:80/", "no host" },
        { "http://?x", "no host" },
        { "http://u@h/", "userinfo" },
        { "http://user:pass@h/", "userinfo" },
        { "http://a@b@c/", "userinfo" },
        { "http://h\\@evil/", "userinfo" },
        { "http://h/\\x", "backslash" },
        { "http:\\\\h", "backslash" },
        { "http://h/a b", "a space" },
        { " http://h/", "a space" },
        { "http://h/\r\nX: y", "control byte (0x0d) at offset 9" },
        { "http://h/\t", "control byte" },
        { "http://h/\x7f", "control byte" },
        { "http://h/\xff", "not UTF-8 at offset 9" },
        { "http://h/\xc0\xaf", "not UTF-8" },
        { "http://h/\xed\xa0\x80", "not UTF-8" },
        { "http://%31/", "percent-encoding in the host" },
        { "http://a%2eb/", "percent-encoding in the host" },
        { "http://[fe80::1%25eth0]/", "zone" },
        { "http://[fe80::1%eth0]/", "zone" },
        { "http://[::1/", "']'" },
        { "http://[::1]x/", "only a port" },
        { "http://[]/", "no host" },
        { "http://[1.2.3.4]/", "not an IPv6 address" },
        { "http://[v1.x]/", "not an IPv6 address" },
        { "http://::1/", "port is not a number" },
        { "http://h:0/", "between 1 and 65535" },
        { "http://h:65536/", "between 1 and 65535" },
        { "http://h:99999999999999999999/", "between 1 and 65535" },
        { "http://h:-1/", "port is not a number" },
        { "http://h:8a/", "port is not a number" },
        { "http://a..b/", "empty label" },
        { "http://.a/", "empty label" },
        { "http://a../", "empty label" },
        { "http://./", "empty label" },
        { "http://a$b/", "a character other than" },
        { "http://a,b/", "a character other than" },
        { "http://a\xe2\x84\x80"
          "b/",
          "a character other than" }, /* IDN makes "aa/cb" of it */
        { "http://256.1.1.1/", "not an IPv4 address" },
        { "http://1.2.3.4.5/", "not an IPv4 address" },
        { "http://4294967296/", "not an IPv4 address" },
        { "http://a.0x1/", "not an IPv4 address" },
        { "http://08.1/", "not an IPv4 address" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        expect_refused(table[i][0], strlen(table[i][0]), table[i][1]);
    expect_refused("http://h/\0x", 11, "control byte (0x00)");
    expect_refused("http://h\0.evil/", 15, "control byte (0x00)");
}

static void keeps_a_password_out_of_its_message(void **state)
{
    const char *text = "http://user:hunter2@h/";
    bx_error *err = NULL;

    (void)state;
    assert_null(bx_url_parse(text, strlen(text), NULL, &err));
    assert_null(strstr(bx_error_message(err), "hunter2"));
    bx_error_free(err);
}

static void refuses_past_each_length(void **state)
{
    char text[BX_URL_MAX_BYTES + 2];
    bx_url *url;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "http://h/", 9);
    url = bx_url_parse(text, BX_URL_MAX_BYTES, NULL, NULL);
    assert_non_null(url);
    bx_url_free(url);
    expect_refused(text, BX_URL_MAX_BYTES + 1, "8193 bytes long");
    memset(text + 9, '{', BX_URL_MAX_BYTES - 9);
    expect_refused(text, BX_URL_MAX_BYTES, "once encoded");

    memset(text, 'a', sizeof(text));
    memcpy(text, "http://", 7);
    expect_refused(text, 7 + 64, "longer than 63 bytes");
    for (size_t i = 7 + 49; i < 7 + 300; i += 50)
        text[i] = '.';
    expect_refused(text, 7 + 254, "longer than 253 bytes");
    url = bx_url_parse(text, 7 + 253, NULL, NULL);
    assert_non_null(url);
    bx_url_free(url);
}

static void refuses_a_relative_reference_without_a_host(void **state)
{
    bx_url *base = bx_url_parse(BASE, strlen(BASE), NULL, NULL);
    static const char *const table[] = { "///x",   "mailto:x", "//u@h/",
                                         "http:g", "//h:0/",   "\r\nX: y" };

    (void)state;
    assert_non_null(base);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_null(bx_url_parse(table[i], strlen(table[i]), base, NULL));
    bx_url_free(base);
}

static void reads_idn_in_any_locale(void **state)
{
    (void)state;
    setlocale(LC_ALL, "C");
    expect("http://\xe2\x98\x83.example", NULL, "http://xn--n3h.example/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_every_part),
        cmocka_unit_test(makes_one_text_of_each),
        cmocka_unit_test(resolves_a_relative_reference),
        cmocka_unit_test(refuses_what_two_parsers_could_read_differently),
        cmocka_unit_test(keeps_a_password_out_of_its_message),
        cmocka_unit_test(refuses_past_each_length),
        cmocka_unit_test(refuses_a_relative_reference_without_a_host),
        cmocka_unit_test(reads_idn_in_any_locale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
