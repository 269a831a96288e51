/* The fewest grants of what a run needed, and what a policy says of needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "policy/learned.h"
#include "policy/need.h"

/* Needs and grants as words with a space between. */
static bx_learned *learn(const char *needs)
{
    bx_learned *learned = bx_learned_new();
    bx_autofree char *text = strdup(needs);
    char *rest = text;

    assert_non_null(learned);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        char *target = strchr(word, ':');

        if (*word == '\0')
            continue;
        *target = '\0';
        assert_int_equal(bx_learned_add(learned, word, target + 1, NULL), 0);
    }
    return learned;
}

static char *reduce(const bx_learned *learned)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;
    bool is_cut = true;
    char **grants;
    size_t count;

    assert_int_equal(bx_learned_reduce(learned, &grants, &count, &is_cut, NULL),
                     0);
    assert_false(is_cut);
    for (size_t i = 0; i < count; i++)
        bx_buf_printf(&out, "%s%s", i == 0 ? "" : " ", grants[i]);
    bx_learned_free_texts(grants, count);
    return bx_buf_take(&out);
}

static const struct {
    const char *needs;
    const char *grants;
} rows[] = {
    { "", "" },
    { "fs.read:/a", "fs.read:/a" },
    { "fs.read:/a fs.read:/a", "fs.read:/a" },
    { "fs.read:/b fs.read:/a", "fs.read:/a fs.read:/b" },
    /* a folder that was listed has its files */
    { "fs.read:/d/x fs.list:/d fs.read:/d/e/y", "fs.read:/d" },
    { "fs.read:/", "fs.read:/" },
    { "fs.read:/ fs.read:/a fs.stat:/b", "fs.read:/" },
    /* a name that only begins alike is no folder of it */
    { "fs.read:/d fs.read:/d-1 fs.read:/d.txt fs.read:/d0",
      "fs.read:/d fs.read:/d-1 fs.read:/d.txt fs.read:/d0" },
    { "fs.read:/d/x fs.read:/d.txt fs.read:/d-1 fs.read:/d",
      "fs.read:/d fs.read:/d-1 fs.read:/d.txt" },
    /* reading and writing are two */
    { "fs.read:/a fs.write:/a", "fs.read:/a fs.write:/a" },
    { "fs.write:/out fs.write:/out/x fs.read:/out/x",
      "fs.read:/out/x fs.write:/out" },
    /* what is only seen */
    { "fs.stat:/a", "fs.read:/a" },
    { "fs.stat:/a fs.read:/a", "fs.read:/a" },
    { "fs.stat:/a fs.write:/a", "fs.write:/a" },
    { "fs.stat:/d fs.read:/d/x", "fs.read:/d/x" },
    { "fs.stat:/d fs.write:/d/x", "fs.write:/d/x" },
    { "fs.stat:/ fs.stat:/d fs.stat:/d/e fs.stat:/d/e/none",
      "fs.read:/d/e/none" },
    { "fs.stat:/d/x fs.read:/d", "fs.read:/d" },
    { "fs.stat:/d/x fs.write:/d", "fs.write:/d" },
    { "fs.stat:/d fs.read:/d-1", "fs.read:/d fs.read:/d-1" },
    { "fs.stat:/d fs.read:/d-1 fs.read:/d/x", "fs.read:/d/x fs.read:/d-1" },
    /* what is removed has no grants beneath */
    { "fs.write:/d fs.read:/d/x fs.remove:/d", "fs.read:/d fs.write:/d" },
    { "fs.write:/d fs.write:/d/e fs.read:/d/e/x fs.remove:/d/e",
      "fs.read:/d/e fs.write:/d" },
    { "fs.write:/d fs.write:/d/e fs.read:/d/e/x fs.remove:/d/e fs.remove:/d",
      "fs.read:/d fs.write:/d" },
    { "fs.write:/d fs.read:/d-1 fs.remove:/d", "fs.read:/d-1 fs.write:/d" },
    /* both ends of a move have the same */
    { "fs.write:/t fs.write:/a fs.move:/t//a", "fs.write:/a fs.write:/t" },
    { "fs.write:/t fs.write:/a fs.move:/t//a fs.read:/a",
      "fs.read:/a fs.read:/t fs.write:/a fs.write:/t" },
    { "fs.write:/t fs.write:/a fs.move:/t//a fs.read:/t",
      "fs.read:/a fs.read:/t fs.write:/a fs.write:/t" },
    { "fs.write:/1 fs.write:/2 fs.write:/3 fs.move:/1//2 fs.move:/2//3 "
      "fs.read:/3",
      "fs.read:/1 fs.read:/2 fs.read:/3 fs.write:/1 fs.write:/2 fs.write:/3" },
    { "fs.write:/d/t fs.write:/d/a fs.move:/d/t//d/a fs.read:/d",
      "fs.read:/d fs.write:/d/a fs.write:/d/t" },
    { "fs.write:/d fs.write:/e fs.move:/d//e fs.read:/e/x",
      "fs.read:/d fs.read:/e fs.write:/d fs.write:/e" },
    { "network:*://h.example:* network:https://h.example:443",
      "network:https://h.example:443" },
    { "network:*://h.example:* network:https://h.example.com:443",
      "network:*://h.example:* network:https://h.example.com:443" },
    { "network:*://h.example:* network:*://h.example:53",
      "network:*://h.example:53" },
    /* names */
    { "tool:b exec:js env:HOME network:https://h.example:443 tool:a tool:a",
      "network:https://h.example:443 env:HOME exec:js tool:a tool:b" },
};

static void finds_the_fewest_grants(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bx_autolearned bx_learned *learned = learn(rows[i].needs);
        bx_autofree char *grants = reduce(learned);

        if (strcmp(grants, rows[i].grants) != 0)
            fail_msg("%s: expected %s, got %s", rows[i].needs, rows[i].grants,
                     grants);
    }
}

/* A policy of one mapping at "/", and grants. */
static bx_policy *policy_of(const char *grants)
{
    bx_policy *policy = bx_policy_new();
    bx_autofree char *text = strdup(grants);
    char *rest = text;

    assert_non_null(policy);
    assert_int_equal(bx_policy_map_dir(policy, "/tmp", "/", 3, NULL), 0);
    assert_int_equal(bx_policy_env(policy, "HOME", "/", NULL), 0);
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        const char *control = strncmp(word, "network:", 8) == 0
                                  ? "allowed-outbound-host"
                                  : "grant";

        if (*word == '\0' || strncmp(word, "env:", 4) == 0)
            continue;
        assert_int_equal(bx_policy_set(policy, control,
                                       *control == 'g' ? word : word + 8,
                                       "test", NULL),
                         0);
    }
    return policy;
}

static bool gives_all(const bx_policy *policy, const char *needs)
{
    bx_autofree char *text = strdup(needs);
    char *rest = text;

    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        char *target = strchr(word, ':');

        if (*word == '\0')
            continue;
        *target = '\0';
        if (!bx_policy_check_need(policy, word, target + 1).is_allowed)
            return false;
    }
    return true;
}

/* Every row's grants give all it needs, and without any one of them something
 * is missing. */
static void what_is_found_is_enough_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bx_autopolicy bx_policy *policy = policy_of(rows[i].grants);
        const char *at = rows[i].grants;

        if (strncmp(at, "fs.", 3) != 0)
            continue; /* no grant of a path: mappings give all */
        if (!gives_all(policy, rows[i].needs))
            fail_msg("%s: not given by %s", rows[i].needs, rows[i].grants);
        while (*at != '\0' && strchr(rows[i].grants, ' ') != NULL) {
            bx_autopolicy bx_policy *less = NULL;
            bx_autofree char *rest = NULL;
            size_t len = strcspn(at, " ");

            assert_true(asprintf(&rest, "%.*s%s", (int)(at - rows[i].grants),
                                 rows[i].grants, at + len) > 0);
            less = policy_of(rest);
            if (gives_all(less, rows[i].needs))
                fail_msg("%s: still given by %s", rows[i].needs, rest);
            at += len + (at[len] == ' ');
        }
    }
}

static void asks_the_policy_for_each_kind(void **state)
{
    static const struct {
        const char *need;
        bool is_given;
    } asks[] = {
        { "fs.read:/a", true },
        { "fs.read:/a/x", true },
        { "fs.list:/a", true },
        { "fs.list:/", false },
        { "fs.read:/d", false },
        { "fs.write:/a", false },
        { "fs.write:/d/w", true },
        { "fs.stat:/d", true },
        { "fs.stat:/e", false },
        { "fs.remove:/d/w", true },
        { "fs.remove:/d", false },
        { "fs.move:/d/w/1//d/w/2", true },
        { "fs.move:/d/w/1//a/2", false },
        { "fs.move:/d//e", false },
        { "fs.move:/d", false },
        { "fs.move:x//y", false },
        { "network:https://h.example:443", true },
        { "network:https://h.example:80", false },
        { "network:http://h.example:443", false },
        { "network:https://[2001:db8::1]:8443", true },
        { "network:https://h.example", false },
        { "network:https://h.example:99999", false },
        { "network:https://h.example:4x", false },
        { "network:h.example:443", false },
        { "network:*://h.example:*", true },
        { "network:*://i.example:*", false },
        { "network:*://h.example:443", true },
        { "network:*://h.example:444", false },
        { "env:HOME", true },
        { "env:PATH", false },
        { "exec:js", true },
        { "exec:bash", false },
        { "tool:t-1", true },
        { "tool:u", false },
        { "fs.exec:/a", false },
        { "fs.read:/a/../d/x", false },
        { "fs.read:/a/", false },
        { "fs.write:d/w", false },
        { "fs.move:/d/w/1//d/w/../../a", false },
    };
    bx_autopolicy bx_policy *policy = policy_of(
        "fs.read:/a fs.write:/d/w exec:js tool:t* "
        "network:https://h.example network:https://[2001:db8::1]:8443");

    (void)state;
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        if (gives_all(policy, asks[i].need) != asks[i].is_given)
            fail_msg("%s", asks[i].need);
    }
}

static void refuses_what_no_grant_can_say(void **state)
{
    static const struct {
        const char *kind;
        const char *target;
    } bad[] = {
        { "fs.read", "/a\nb" },
        { "fs.read", "/a\xff" },
        { "fs.read", "" },
        { "fs.write", "a" },
        { "fs.stat", "/a/../b" },
        { "fs.move", "/a" },
        { "fs.move", "/a//b\n" },
        { "network", "what is this" },
        { "exec", "*" },
        { "tool", "x*" },
        { "env", "" },
        { "fs.fly", "/a" },
    };
    bx_autolearned bx_learned *learned = bx_learned_new();
    bx_autofree char *grants = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        bx_error *err = NULL;

        if (bx_learned_add(learned, bad[i].kind, bad[i].target, &err) == 0)
            fail_msg("%s:%s", bad[i].kind, bad[i].target);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        bx_error_free(err);
    }
    grants = reduce(learned);
    assert_string_equal(grants, "");
}

static void takes_folders_when_files_are_too_many(void **state)
{
    bx_autolearned bx_learned *learned = bx_learned_new();
    bool is_cut = false;
    char path[64];
    char **grants;
    size_t count;

    (void)state;
    for (unsigned i = 0; i < BX_LEARNED_GRANTS_MAX + 1; i++) {
        snprintf(path, sizeof(path), "/d%u/sub/f%u", i % 10, i);
        assert_int_equal(bx_learned_add(learned, "fs.read", path, NULL), 0);
    }
    assert_int_equal(bx_learned_add(learned, "fs.write", "/top", NULL), 0);
    assert_int_equal(bx_learned_reduce(learned, &grants, &count, &is_cut, NULL),
                     0);
    assert_true(is_cut);
    assert_int_equal(count, 11);
    assert_string_equal(grants[0], "fs.read:/d0/sub");
    assert_string_equal(grants[10], "fs.write:/top");
    bx_learned_free_texts(grants, count);
}

static void bounds_what_is_learned(void **state)
{
    bx_autolearned bx_learned *learned = bx_learned_new();
    bx_error *err = NULL;
    char path[64];
    unsigned i;

    (void)state;
    for (i = 0; i < BX_LEARNED_MAX; i++) {
        snprintf(path, sizeof(path), "/f%u", i);
        assert_int_equal(bx_learned_add(learned, "fs.read", path, NULL), 0);
    }
    assert_int_equal(bx_learned_add(learned, "fs.read", "/one/more", &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    bx_error_free(err);
}

/* Moves in a long chain: each round gives one more the same access. */
static void settles_long_chains_of_moves(void **state)
{
    bx_autolearned bx_learned *learned = bx_learned_new();
    bx_autofree char *grants = NULL;
    char text[64];

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof(text), "/f%u", i);
        assert_int_equal(bx_learned_add(learned, "fs.write", text, NULL), 0);
        snprintf(text, sizeof(text), "/f%u//f%u", 199 - i, (200 - i) % 200);
        assert_int_equal(bx_learned_add(learned, "fs.move", text, NULL), 0);
    }
    assert_int_equal(bx_learned_add(learned, "fs.read", "/f7", NULL), 0);
    grants = reduce(learned);
    assert_non_null(strstr(grants, "fs.read:/f8 "));
    assert_non_null(strstr(grants, "fs.read:/f199 "));
}

static void writes_a_policy(void **state)
{
    static const char *const grants[] = { "fs.read:/a", "exec:js",
                                          "network:https://h.example:443",
                                          "env:HOME" };
    bx_autopolicy bx_policy *offered =
        policy_of("fs.read:/ exec:* tool:* network:*");
    bx_autopolicy bx_policy *policy = NULL;
    bx_autopolicy bx_policy *read = NULL;
    bx_autofree char *text = NULL;

    (void)state;
    assert_int_equal(bx_policy_env(offered, "OTHER", "x", NULL), 0);
    policy = bx_learned_policy(offered, grants, 4, NULL);
    assert_non_null(policy);
    text = bx_policy_format(policy, false, NULL);
    assert_non_null(text);
    read = bx_policy_parse(text, strlen(text), "learned.yaml", NULL, NULL);
    assert_non_null(read);
    assert_true(gives_all(read, "fs.read:/a exec:js env:HOME "
                                "network:https://h.example:443"));
    assert_false(gives_all(read, "fs.read:/b"));
    assert_false(gives_all(read, "fs.write:/a"));
    assert_false(gives_all(read, "exec:bash"));
    assert_false(gives_all(read, "tool:t"));
    assert_false(gives_all(read, "network:https://other.example:443"));
    assert_false(gives_all(read, "env:OTHER"));
    bx_policy_free(policy);
    /* No grant of a path is no path. */
    policy = bx_learned_policy(offered, grants + 1, 3, NULL);
    assert_non_null(policy);
    assert_false(gives_all(policy, "fs.read:/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_fewest_grants),
        cmocka_unit_test(what_is_found_is_enough_and_no_more),
        cmocka_unit_test(asks_the_policy_for_each_kind),
        cmocka_unit_test(refuses_what_no_grant_can_say),
        cmocka_unit_test(takes_folders_when_files_are_too_many),
        cmocka_unit_test(bounds_what_is_learned),
        cmocka_unit_test(settles_long_chains_of_moves),
        cmocka_unit_test(writes_a_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
