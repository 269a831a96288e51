/* The vault, who may have what of it, and that no text shows a value. */
#include "policy/support.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "policy/grant.h"
#include "policy/secret.h"

#define VALUE "hunter2hunter2"

static char dir[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/bx-secret-XXXXXX");
    setenv("BX_TEST_TOKEN", VALUE, 1);
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    unsetenv("BX_TEST_TOKEN");
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) == 0 ? 0 : -1;
}

static const char *write_file(const char *name, const void *data, size_t bytes,
                              mode_t mode)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(bx_file_replace(path, data, bytes, 0600, NULL), 0);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static int set_secret(bx_policy *policy, const char *text, bx_error **err)
{
    return bx_policy_set(policy, "secret", text, NULL, err);
}

static void assert_not_set(const char *text, const char *message)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autoerror bx_error *err = NULL;

    assert_int_equal(set_secret(policy, text, &err), -1);
    assert_string_equal(bx_error_message(err), message);
    assert_null(strstr(bx_error_message(err), VALUE));
}

static bx_grants *ask(const char *name, const char *host, const char *header,
                      const char *format)
{
    bx_grants *grants = bx_grants_new();
    bx_error *err = NULL;

    if (bx_grants_add_secret(grants, name, host, header, format, NULL, &err) <
        0)
        fail_msg("%s", bx_error_message(err));
    return grants;
}

static void narrow(bx_policy *policy, bx_grants *grants)
{
    assert_int_equal(bx_policy_narrow(policy, grants, "manifest", NULL), 0);
    bx_grants_free(grants);
}

/* ---- the vault ------------------------------------------------------ */

static void takes_variables_and_files(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    char text[256];

    (void)state;
    assert_int_equal(set_secret(policy, "BX_TEST_TOKEN", NULL), 0);
    assert_string_equal(policy->secrets[0].value, VALUE);
    snprintf(text, sizeof(text), "FILE@https://*.example=@%s",
             write_file("a=@b", "from-a-file\n", 12, 0600));
    assert_int_equal(set_secret(policy, text, NULL), 0);
    assert_string_equal(policy->secrets[1].name, "FILE");
    assert_string_equal(policy->secrets[1].value, "from-a-file");
    assert_string_equal(bx_host_pattern_text(policy->secrets[1].host),
                        "https://*.example");
    /* One newline goes, a second is a control byte. */
    snprintf(text, sizeof(text), "CRLF=@%s",
             write_file("crlf", "from-a-file\r\n", 13, 0400));
    assert_int_equal(set_secret(policy, text, NULL), 0);
    assert_string_equal(policy->secrets[2].value, "from-a-file");
    /* A later one of the same name replaces it. */
    setenv("FILE", "in-place-of-it", 1);
    assert_int_equal(set_secret(policy, "FILE", NULL), 0);
    unsetenv("FILE");
    assert_int_equal(policy->secrets_count, 3);
    assert_string_equal(policy->secrets[1].value, "in-place-of-it");
    assert_null(policy->secrets[1].host);
}

static void reads_the_mapping_of_a_file(void **state)
{
    bx_autopolicy bx_policy *policy = NULL;
    bx_error *err = NULL;
    const char *text = "secret:\n"
                       "  - {name: A, file: token, host: 'https://a.example'}\n"
                       "  - BX_TEST_TOKEN@https://b.example\n";

    (void)state;
    (void)write_file("token", "from-a-file", 11, 0600);
    policy = bx_policy_parse(text, strlen(text), "ci.yaml", dir, &err);
    if (policy == NULL)
        fail_msg("%s", bx_error_message(err));
    assert_string_equal(policy->secrets[0].value, "from-a-file");
    assert_string_equal(policy->secrets[0].origin, "ci.yaml:2: secret A");
    assert_string_equal(policy->secrets[1].origin,
                        "ci.yaml:3: secret BX_TEST_TOKEN@https://b.example");
    assert_refused("secret: {file: x}\n",
                   "ci.yaml: line 1: secret: no name; expected {name: ..., "
                   "file: ..., host: ...}, file and host if need be");
    assert_refused("secret: {nane: x}\n",
                   "ci.yaml: line 1: secret: unknown key 'nane'; expected "
                   "name, file or host");
}

static void refuses_what_cannot_be_kept(void **state)
{
    static const struct {
        const char *value;
        size_t bytes;
        mode_t mode;
        const char *why;
    } files[] = {
        { "short", 5, 0600, "is shorter than 8 bytes" },
        { "", 0, 0600, "is shorter than 8 bytes" },
        { VALUE "\n\n", 16, 0600, "has a line break" },
        { VALUE "\nmore", 19, 0600, "has a line break" },
        { VALUE "\x1b[31m", 19, 0600, "has a line break" },
        { VALUE "\xc3\xa4", 16, 0600, "has a line break" },
        { VALUE "\0more", 19, 0600, "has a NUL byte" },
        { VALUE, 14, 0640, "can be read or written by others" },
        { VALUE, 14, 0604, "can be read or written by others" },
        { VALUE, 14, 0622, "can be read or written by others" },
    };
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autofree char *large = malloc(BX_SECRET_MAX_BYTES + 1);
    char text[256];

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        bx_autoerror bx_error *err = NULL;

        snprintf(
            text, sizeof(text), "A=@%s",
            write_file("file", files[i].value, files[i].bytes, files[i].mode));
        assert_int_equal(set_secret(policy, text, &err), -1);
        if (strstr(bx_error_message(err), files[i].why) == NULL)
            fail_msg("%zu: %s", i, bx_error_message(err));
        assert_null(strstr(bx_error_message(err), VALUE));
    }
    memset(large, 'a', BX_SECRET_MAX_BYTES + 1);
    snprintf(text, sizeof(text), "A=@%s",
             write_file("file", large, BX_SECRET_MAX_BYTES + 1, 0600));
    assert_int_equal(set_secret(policy, text, NULL), -1);
    (void)write_file("file", large, BX_SECRET_MAX_BYTES, 0600);
    assert_int_equal(set_secret(policy, text, NULL), 0);
    snprintf(text, sizeof(text), "A=@%s", dir);
    assert_int_equal(set_secret(policy, text, NULL), -1);
    assert_int_equal(set_secret(policy, "A=@/dev/zero", NULL), -1);
    assert_int_equal(set_secret(policy, "A=@/none", NULL), -1);
}

static void refuses_malformed_ones(void **state)
{
    (void)state;
    assert_not_set("A=" VALUE,
                   "secret: 'A' is given with its value; expected NAME for "
                   "the host's own variable, or NAME=@FILE");
    assert_not_set("BX_NOT_SET",
                   "secret: 'BX_NOT_SET': not set in the host's environment; "
                   "expected a variable that is set, or NAME=@FILE");
    assert_not_set("", "secret: '': secret '' is empty; expected a name, one "
                       "that ends in '*', or '*' for all");
    assert_not_set("A*", "secret: 'A*': the name has '*' or '@'; expected one "
                         "name");
    assert_not_set("A=@", "secret: 'A': no file behind '=@'; expected "
                          "NAME=@FILE");
    assert_not_set("BX_TEST_TOKEN@ftp://a",
                   "secret: 'BX_TEST_TOKEN': 'ftp://a' has a scheme that is "
                   "not http, https or *; expected [scheme://]host[:port] "
                   "such as https://api.example.com, *.example.com, "
                   "http://localhost:8080 or http://10.0.0.0/8:*");
}

/* ---- asking --------------------------------------------------------- */

static void refuses_malformed_asks(void **state)
{
    static const struct {
        const char *name;
        const char *host;
        const char *header;
        const char *format;
        const char *why;
    } rows[] = {
        { "", "https://a.example", NULL, NULL, "is empty" },
        { "A*", "https://a.example", NULL, NULL, "'*'" },
        { "A", "https://*.example", NULL, NULL, "not one origin" },
        { "A", "https://a.example:*", NULL, NULL, "not one origin" },
        { "A", "*", NULL, NULL, "not one origin" },
        { "A", "*://a.example", NULL, NULL, "not one origin" },
        { "A", "https://10.0.0.0/8", NULL, NULL, "not one origin" },
        { "A", "http://a.example", NULL, NULL, "in the clear" },
        { "A", "http://10.0.0.1", NULL, NULL, "in the clear" },
        { "A", "https://a.example/x", NULL, NULL, "path" },
        { "A", "https://a.example", "X Y", NULL, "no header's name" },
        { "A", "https://a.example", "X\r\nY", NULL, "no header's name" },
        { "A", "https://a.example", "", NULL, "no header's name" },
        { "A", "https://a.example", "host", NULL, "the host's own" },
        { "A", "https://a.example", "Content-Length", NULL, "the host's own" },
        { "A", "https://a.example", NULL, "Bearer", "one '{}'" },
        { "A", "https://a.example", NULL, "{}{}", "one '{}'" },
        { "A", "https://a.example", NULL, "{}\r\nX: 1", "one '{}'" },
    };
    bx_autogrants bx_grants *grants = bx_grants_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bx_autoerror bx_error *err = NULL;

        if (bx_grants_add_secret(grants, rows[i].name, rows[i].host,
                                 rows[i].header, rows[i].format, NULL,
                                 &err) == 0)
            fail_msg("accepted row %zu", i);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        if (strstr(bx_error_message(err), rows[i].why) == NULL)
            fail_msg("%zu: %s", i, bx_error_message(err));
    }
    assert_int_equal(bx_grants_add_secret(grants, "A", "https://a.example",
                                          NULL, NULL, NULL, NULL),
                     0);
    assert_int_equal(bx_grants_add_secret(grants, "B", "https://a.example",
                                          "authorization", NULL, NULL, NULL),
                     -1);
    assert_int_equal(bx_grants_add_secret(grants, "B", "https://a.example",
                                          "X-B", NULL, NULL, NULL),
                     0);
    assert_int_equal(bx_grants_check_level(grants, BX_LEVEL_NONE, NULL), -1);
    assert_int_equal(bx_grants_check_level(grants, BX_LEVEL_READ_ONLY, NULL),
                     0);
}

static void gives_what_is_asked_for(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autopolicy bx_policy *copy = NULL;
    char text[] = "it is " VALUE ".";

    (void)state;
    assert_int_equal(set_secret(policy, "BX_TEST_TOKEN", NULL), 0);
    assert_false(bx_policy_has_mask(policy));
    bx_policy_mask(policy, text, strlen(text));
    assert_string_equal(text, "it is " VALUE ".");
    narrow(policy, ask("BX_TEST_TOKEN", "https://a.example", NULL, NULL));
    assert_int_equal(policy->injections_count, 1);
    assert_string_equal(policy->injections[0].value, "Bearer " VALUE);
    copy = bx_policy_clone(policy);
    assert_int_equal(copy->injections_count, 1);
    bx_policy_mask(copy, text, strlen(text));
    assert_string_equal(text, "it is **************.");
    /* The next layer's tool asks for itself: the caller's are not its. */
    narrow(policy, bx_grants_new());
    assert_int_equal(policy->injections_count, 0);
    assert_false(bx_policy_has_mask(policy));
    narrow(policy, ask("BX_TEST_TOKEN", "https://b.example", "X-Key", "{}"));
    assert_string_equal(policy->injections[0].value, VALUE);
}

static void keeps_to_the_secrets_own_hosts(void **state)
{
    static const struct {
        const char *host;
        bool is_given;
    } rows[] = {
        { "https://a.example", true },
        { "https://a.example:8443", false },
        { "https://b.test", false },
        { "http://localhost", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bx_autopolicy bx_policy *policy = bx_policy_new();
        bx_grants *grants = ask("BX_TEST_TOKEN", rows[i].host, NULL, NULL);
        bx_autofree char *missing = NULL;

        assert_int_equal(
            set_secret(policy, "BX_TEST_TOKEN@https://*.example", NULL), 0);
        missing = bx_policy_missing(policy, grants, NULL);
        assert_string_equal(
            missing, rows[i].is_given
                         ? ""
                         : "secret:BX_TEST_TOKEN: the secret may not go there "
                           "(secret BX_TEST_TOKEN@https://*.example)");
        narrow(policy, grants);
        assert_int_equal(policy->injections_count, rows[i].is_given ? 1 : 0);
    }
}

static void tells_of_a_missing_one(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_grants *grants = ask("NONE", "https://a.example", NULL, NULL);
    bx_autofree char *missing = bx_policy_missing(policy, grants, NULL);

    (void)state;
    assert_string_equal(missing, "secret:NONE: nothing granted");
    narrow(policy, grants);
    assert_int_equal(policy->injections_count, 0);
    assert_false(bx_policy_check_secret(policy, "NONE").is_allowed);
}

static void shows_no_value(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autopolicy bx_policy *again = NULL;
    bx_autofree char *yaml = NULL;
    bx_autofree char *json = NULL;
    bx_autofree char *second = NULL;

    (void)state;
    assert_int_equal(
        set_secret(policy, "BX_TEST_TOKEN@https://a.example", NULL), 0);
    narrow(policy, ask("BX_TEST_TOKEN", "https://a.example", NULL, NULL));
    yaml = bx_policy_format(policy, false, NULL);
    json = bx_policy_format(policy, true, NULL);
    assert_non_null(strstr(yaml, "BX_TEST_TOKEN"));
    assert_null(strstr(yaml, VALUE));
    assert_non_null(strstr(json, "BX_TEST_TOKEN"));
    assert_null(strstr(json, VALUE));
    again = bx_policy_parse(yaml, strlen(yaml), "again", NULL, NULL);
    assert_non_null(again);
    assert_string_equal(again->secrets[0].value, VALUE);
    assert_string_equal(bx_host_pattern_text(again->secrets[0].host),
                        "https://a.example");
    assert_true(bx_policy_check_secret(again, "BX_TEST_TOKEN").is_allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_variables_and_files),
        cmocka_unit_test(reads_the_mapping_of_a_file),
        cmocka_unit_test(refuses_what_cannot_be_kept),
        cmocka_unit_test(refuses_malformed_ones),
        cmocka_unit_test(refuses_malformed_asks),
        cmocka_unit_test(gives_what_is_asked_for),
        cmocka_unit_test(keeps_to_the_secrets_own_hosts),
        cmocka_unit_test(tells_of_a_missing_one),
        cmocka_unit_test(shows_no_value),
    };

    return cmocka_run_group_tests_name("secret", tests, set_up, tear_down);
}
