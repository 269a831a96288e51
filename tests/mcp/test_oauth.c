/* What a sign-in reads of strangers: challenges, URLs of metadata, scopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "mcp/oauth_discover.h"
#include "net/support_names.h"

/* ---- challenges ------------------------------------------------------- */

static void expect(const char *header, const char *metadata, const char *scope,
                   const char *error)
{
    bx_oauth_challenge challenge;
    const char *const wanted[] = { metadata, scope, error };

    bx_oauth_challenge_parse(header, &challenge);
    {
        const char *const found[] = { challenge.resource_metadata,
                                      challenge.scope, challenge.error };

        for (int i = 0; i < 3; i++) {
            if ((wanted[i] == NULL) != (found[i] == NULL) ||
                (wanted[i] != NULL && strcmp(wanted[i], found[i]) != 0))
                fail_msg("%s: '%s', and not '%s'", header,
                         found[i] == NULL ? "-" : found[i],
                         wanted[i] == NULL ? "-" : wanted[i]);
        }
    }
    bx_oauth_challenge_clear(&challenge);
}

static void reads_a_challenge(void **state)
{
    (void)state;
    expect("Bearer resource_metadata=\"https://a/b\", scope=\"x y\"",
           "https://a/b", "x y", NULL);
    expect("bearer error=insufficient_scope,scope=x", NULL, "x",
           "insufficient_scope");
    expect("Bearer realm=\"a, scope=\\\"no\\\"\", scope = \"yes\"", NULL, "yes",
           NULL);
    expect("Basic realm=x, scope=no, Bearer scope=yes", NULL, "yes", NULL);
    expect("Bearer scope=one, scope=two", NULL, "one", NULL);
    expect("Bearer scope=one, Bearer scope=two, error=x", NULL, "one", NULL);
    expect("Bearer", NULL, NULL, NULL);
}

static void reads_nothing_of_what_is_none(void **state)
{
    (void)state;
    expect("", NULL, NULL, NULL);
    expect(", ,", NULL, NULL, NULL);
    expect("scope=x", NULL, NULL, NULL);
    expect("Basic scope=x", NULL, NULL, NULL);
    expect("Bearer scope=\"open", NULL, NULL, NULL);
    expect("Bearer (scope=x)", NULL, NULL, NULL);
    expect("Bearer scope=\"\\", NULL, NULL, NULL);
}

static void bounds_a_value(void **state)
{
    bx_autobuf bx_buf header = BX_BUF_INIT;

    (void)state;
    assert_int_equal(bx_buf_puts(&header, "Bearer scope=\""), 0);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(bx_buf_puts(&header, "x"), 0);
    assert_int_equal(bx_buf_puts(&header, "\""), 0);
    expect(header.data, NULL, NULL, NULL);
}

static void knows_scopes(void **state)
{
    char text[3000];

    (void)state;
    assert_true(bx_oauth_scope_is_valid("a b:c https://x/y"));
    assert_false(bx_oauth_scope_is_valid(""));
    assert_false(bx_oauth_scope_is_valid("a\nb"));
    assert_false(bx_oauth_scope_is_valid("\"a\""));
    assert_false(bx_oauth_scope_is_valid("\xc3\xa4"));
    memset(text, 'a', sizeof(text));
    text[2048] = '\0';
    assert_true(bx_oauth_scope_is_valid(text));
    text[2048] = 'a';
    text[2049] = '\0';
    assert_false(bx_oauth_scope_is_valid(text));
}

/* ---- URLs ------------------------------------------------------------- */

static void judge(const char *server_url, bool is_private, const char *text,
                  bx_code code)
{
    const bx_remote_server server = { .name = (char *)"test",
                                      .url = (char *)server_url,
                                      .is_private = is_private };
    bx_error *err = NULL;
    bx_url *url = bx_oauth_url(&server, "it", text, &err);

    if ((url != NULL) != (code == BX_OK) ||
        (url == NULL && bx_error_code(err) != code))
        fail_msg("%s of %s: %s", text, server_url,
                 url != NULL ? "taken" : bx_error_message(err));
    bx_url_free(url);
    bx_error_free(err);
}

static void leads_a_public_server_to_public_places(void **state)
{
    static const char *const refused[] = {
        "http://example.org/",       "http://localhost/",
        "https://localhost/",        "https://a.localhost/",
        "https://127.0.0.1/",        "https://[::1]/",
        "https://10.0.0.1/",         "https://192.168.1.1/",
        "https://169.254.169.254/",  "https://[fd00::1]/",
        "https://[::ffff:7f00:1]/",  "https://0.0.0.0/",
        "https://2130706433/",       "https://0x7f.1/",
        "https://[64:ff9b::a00:1]/", "https://100.64.0.1/",
    };

    (void)state;
    judge("https://example.com/mcp", false, "https://example.org/x", BX_OK);
    judge("https://example.com/mcp", false, "https://1.1.1.1/x", BX_OK);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        judge("https://example.com/mcp", false, refused[i], BX_ERR_DENIED);
    judge("https://example.com/mcp", false, "javascript:alert(1)",
          BX_ERR_INVALID);
    judge("https://example.com/mcp", false, "https://u:p@example.org/",
          BX_ERR_INVALID);
    judge("https://example.com/mcp", false, "file:///etc/passwd",
          BX_ERR_INVALID);
}

static void leads_one_of_this_machine_to_it_or_to_public_places(void **state)
{
    static const char own[] = "http://127.0.0.1:3000/mcp";

    (void)state;
    judge(own, false, "http://localhost:3001/", BX_OK);
    judge(own, false, "http://[::1]:3001/", BX_OK);
    judge(own, false, "https://example.org/", BX_OK);
    judge(own, false, "http://example.org/", BX_ERR_DENIED);
    judge(own, false, "https://10.0.0.1/", BX_ERR_DENIED);
    judge("http://10.0.0.1/mcp", true, "http://10.0.0.2/", BX_OK);
}

/* A public name in metadata, whose addresses are not. */
static void dials_no_private_address(void **state)
{
    static const char *const addresses[] = { "127.0.0.1", "10.0.0.1",
                                             "169.254.169.254" };
    const bx_remote_server server = { .name = (char *)"test",
                                      .url = (char *)"https://example.com/" };
    const bx_oauth_ask ask = { .url = "https://issuer.example.com/token",
                               .what = "token_endpoint",
                               .form = "a=b" };
    const bx_wait wait = bx_wait_for_ms(20000);

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        bx_oauth_answer answer;
        bx_error *err = NULL;

        support_names_reset();
        support_names_set("issuer.example.com", addresses[i]);
        assert_int_equal(bx_oauth_fetch(&server, &ask, &wait, &answer, &err),
                         -1);
        assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
        bx_error_free(err);
        assert_int_equal(support_names_dials(""), 0);
    }
}

/* ---- texts ------------------------------------------------------------ */

static void writes_forms(void **state)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    char *coded = bx_oauth_base64url("\xff\xef\xfe", 3);
    char *random = bx_oauth_random(NULL);
    char *other = bx_oauth_random(NULL);

    (void)state;
    assert_int_equal(bx_oauth_put_pair(&text, "a", "x y&z=\xc3\xa4~"), 0);
    assert_int_equal(bx_oauth_put_pair(&text, "b", ""), 0);
    assert_string_equal(text.data, "a=x%20y%26z%3D%C3%A4~&b=");
    assert_string_equal(coded, "_-_-");
    assert_int_equal(strlen(random), 43);
    assert_string_not_equal(random, other);
    free(coded);
    free(random);
    free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_challenge),
        cmocka_unit_test(reads_nothing_of_what_is_none),
        cmocka_unit_test(bounds_a_value),
        cmocka_unit_test(knows_scopes),
        cmocka_unit_test(leads_a_public_server_to_public_places),
        cmocka_unit_test(leads_one_of_this_machine_to_it_or_to_public_places),
        cmocka_unit_test(dials_no_private_address),
        cmocka_unit_test(writes_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
