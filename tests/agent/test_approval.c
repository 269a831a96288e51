/* Who decides on a call: modes, rules, and calls that try to be something else
 * than what a rule allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/approval.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ALLOW BX_RULING_ALLOW
#define ASK BX_RULING_ASK
#define REFUSE BX_RULING_REFUSE

/* One rule, in a mode that asks when no rule fits. input: takes it. */
static bx_ruling judge(bx_mode mode, bx_ruling ruling, const char *text,
                       const char *tool, json_t *input)
{
    bx_autorules bx_rules *rules = bx_rules_new();
    bx_error *err = NULL;
    const char *why = NULL;
    bx_ruling got;

    assert_non_null(rules);
    assert_non_null(input);
    if (bx_rules_add(rules, ruling, text, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    got = bx_approval_judge(mode, rules, tool, BX_LEVEL_EXECUTE, input, &why);
    assert_non_null(why);
    json_decref(input);
    return got;
}

static json_t *one(const char *key, const char *text)
{
    return json_pack("{s:s}", key, text);
}

static void modes_have_names(void **state)
{
    bx_mode mode = BX_MODE_ASK;

    (void)state;
    for (int i = BX_MODE_ASK; i <= BX_MODE_PLAN; i++) {
        assert_int_equal(bx_mode_find(bx_mode_name((bx_mode)i), &mode), 0);
        assert_int_equal(mode, i);
    }
    assert_int_equal(bx_mode_find("yolo", &mode), -1);
    assert_int_equal(bx_mode_find("", &mode), -1);
}

static void modes_go_by_level(void **state)
{
    /* none, read_only, write, execute, dangerous, forbidden */
    static const bx_ruling rows[][6] = {
        [BX_MODE_ASK] = { ALLOW, ASK, ASK, ASK, ASK, REFUSE },
        [BX_MODE_READS] = { ALLOW, ALLOW, ASK, ASK, ASK, REFUSE },
        [BX_MODE_EDITS] = { ALLOW, ALLOW, ALLOW, ALLOW, ASK, REFUSE },
        [BX_MODE_AUTO] = { ALLOW, ALLOW, ALLOW, ALLOW, ASK, REFUSE },
        [BX_MODE_PLAN] = { ALLOW, ALLOW, REFUSE, REFUSE, REFUSE, REFUSE },
    };
    json_t *input = json_object();
    const char *why;

    (void)state;
    for (size_t mode = 0; mode < COUNT(rows); mode++)
        for (size_t level = 0; level < 6; level++) {
            bx_ruling got = bx_approval_judge((bx_mode)mode, NULL, "bash",
                                              (bx_level)level, input, &why);

            if (got != rows[mode][level])
                fail_msg("mode %zu, level %zu: %d", mode, level, (int)got);
        }
    assert_int_equal(
        bx_approval_judge((bx_mode)77, NULL, "x", BX_LEVEL_NONE, input, &why),
        REFUSE);
    json_decref(input);
}

static void no_rule_widens_plan_or_levels(void **state)
{
    bx_autorules bx_rules *rules = bx_rules_new();
    json_t *input = json_object();
    const char *why;

    (void)state;
    assert_int_equal(bx_rules_add(rules, ALLOW, "*", NULL), 0);
    assert_int_equal(bx_approval_judge(BX_MODE_PLAN, rules, "bash",
                                       BX_LEVEL_WRITE, input, &why),
                     REFUSE);
    assert_string_equal(why, "mode plan");
    assert_int_equal(bx_approval_judge(BX_MODE_AUTO, rules, "bash",
                                       BX_LEVEL_DANGEROUS, input, &why),
                     ASK);
    assert_int_equal(bx_approval_judge(BX_MODE_AUTO, rules, "bash",
                                       BX_LEVEL_FORBIDDEN, input, &why),
                     REFUSE);
    json_decref(input);
}

static void last_decides_and_refusals_before_all(void **state)
{
    bx_autorules bx_rules *rules = bx_rules_new();
    json_t *input = one("command", "git push");
    const char *why;

    (void)state;
    assert_int_equal(bx_rules_add(rules, ALLOW, "bash", NULL), 0);
    assert_int_equal(bx_rules_add(rules, ASK, "bash(git *)", NULL), 0);
    assert_int_equal(bx_approval_judge(BX_MODE_AUTO, rules, "bash",
                                       BX_LEVEL_EXECUTE, input, &why),
                     ASK);
    assert_string_equal(why, "rule bash(git *)");
    assert_int_equal(bx_rules_add(rules, REFUSE, "b*(git push)", NULL), 0);
    assert_int_equal(bx_rules_add(rules, ALLOW, "bash", NULL), 0);
    assert_int_equal(bx_approval_judge(BX_MODE_AUTO, rules, "bash",
                                       BX_LEVEL_EXECUTE, input, &why),
                     REFUSE);
    assert_string_equal(why, "rule b*(git push)");
    assert_int_equal(bx_approval_judge(BX_MODE_AUTO, rules, "file-read",
                                       BX_LEVEL_READ_ONLY, input, &why),
                     ALLOW);
    assert_string_equal(why, "mode auto");
    json_decref(input);
}

static void names_have_patterns(void **state)
{
    (void)state;
    assert_int_equal(judge(BX_MODE_ASK, ALLOW, "mcp-github-*", "mcp-github-pr",
                           json_object()),
                     ALLOW);
    assert_int_equal(
        judge(BX_MODE_ASK, ALLOW, "mcp-github-*", "mcp-gitlab", json_object()),
        ASK);
    assert_int_equal(judge(BX_MODE_ASK, ALLOW, "bash", "bash2", json_object()),
                     ASK);
    assert_int_equal(
        judge(BX_MODE_ASK, ALLOW, "bash(*)", "bash", json_object()), ALLOW);
}

static void a_rule_allows_one_plain_command(void **state)
{
    static const char *const allowed[] = {
        "git status",
        "  git   status  ",
        "git log --oneline HEAD~3 HEAD^",
        "git commit -m 'a; b | c $(d) * `e`'",
        "git commit -m \"it's; done & \xc3\xa4\"",
        "git a#b x=y",
    };
    static const char *const asked[] = {
        "git",
        "gitk status",
        "",
        "   ",
        "git status; rm -rf /",
        "git status;rm -rf /",
        "git status && rm x",
        "git status || rm x",
        "git status & rm x",
        "git status | sh",
        "git status\nrm -rf /",
        "git status\rrm -rf /",
        "git status\trm",
        "git status > /src/main.c",
        "git status < x",
        "git $(rm -rf /)",
        "git `rm -rf /`",
        "git \"$(rm -rf /)\"",
        "git \"`rm -rf /`\"",
        "git \"${x:=$(rm x)}\"",
        "git $IFS",
        "git <(rm x)",
        "git status \\; rm",
        "git status \\\nrm",
        "git 'a' ; rm 'b'",
        "git 'a'; rm \"b",
        "git 'unclosed",
        "git \"un'closed",
        "git \"a\\\"; rm x; \\\"\"",
        "git {a,b}",
        "git *",
        "git a?",
        "git [ab]",
        "git ~/x",
        "git --dir=~/x",
        "git status # comment",
        "git a !x",
        "git \xef\xbc\x9b rm",
        "git 'a\x01'",
        "git \xff",
        "GIT_PAGER=rm git log",
        "'git' status",
        "(git status)",
        "rm -rf / # git status",
        "env git status",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(allowed); i++)
        if (judge(BX_MODE_ASK, ALLOW, "bash(git *)", "bash",
                  one("command", allowed[i])) != ALLOW)
            fail_msg("not allowed: %s", allowed[i]);
    for (size_t i = 0; i < COUNT(asked); i++) {
        json_t *input =
            json_pack("{s:o}", "command", json_string_nocheck(asked[i]));

        if (judge(BX_MODE_ASK, ALLOW, "bash(git *)", "bash", input) != ASK)
            fail_msg("allowed: %s", asked[i]);
    }
}

static void nothing_stands_beside_an_allowed_command(void **state)
{
    static const char *const beside[] = { "env", "stdin", "cwd", "path",
                                          "anything" };

    (void)state;
    for (size_t i = 0; i < COUNT(beside); i++)
        if (judge(BX_MODE_ASK, ALLOW, "bash(git *)", "bash",
                  json_pack("{s:s,s:s}", "command", "git status", beside[i],
                            "x")) != ASK)
            fail_msg("beside %s", beside[i]);
    assert_int_equal(
        judge(BX_MODE_ASK, ALLOW, "bash(git *)", "bash",
              json_pack("{s:s,s:i}", "command", "git status", "timeout_ms", 5)),
        ALLOW);
    assert_int_equal(
        judge(BX_MODE_ASK, ALLOW, "bash(git *)", "bash",
              json_pack("{s:o}", "command",
                        json_stringn_nocheck("git status\0; rm", 16))),
        ASK);
    assert_int_equal(judge(BX_MODE_ASK, ALLOW, "bash(git *)", "bash",
                           json_pack("{s:[s]}", "command", "git status")),
                     ASK);
    assert_int_equal(judge(BX_MODE_ASK, ALLOW, "bash(git *)", "bash",
                           one("script", "git status")),
                     ASK);
    /* A program that the pattern does not name is any program. */
    assert_int_equal(judge(BX_MODE_ASK, ALLOW, "b*(* status)", "bash",
                           one("command", "rm x status")),
                     ASK);
}

static void a_rule_allows_paths(void **state)
{
    static const struct {
        const char *rule;
        const char *path;
        bx_ruling ruling;
    } rows[] = {
        { "file-write(/src/*)", "/src/a.c", ALLOW },
        { "file-write(src/*)", "src/deep/a.c", ALLOW },
        { "file-write(./src/*)", ".//src/./a.c", ALLOW },
        { "file-write(*.md)", "/docs/a.md", ALLOW },
        { "file-write(/src/*)", "/src/../etc/passwd", ASK },
        { "file-write(*)", "/anything/../x", ALLOW },
        { "file-write(*.md)", "../a.md", ASK },
        { "file-write(/src/*)", "/src", ASK },
        { "file-write(/src/*)", "/srcs/a", ASK },
        { "file-write(/src/*)", "/x/src/a", ASK },
        { "file-write(/src/*)", "/src/a\nb", ASK },
        { "file-write(/src/*)", "", ASK },
        { "file-write(./)", "/", ASK },
        { "file-write(./)", "", ASK },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (judge(BX_MODE_ASK, ALLOW, rows[i].rule, "file-write",
                  json_pack("{s:s,s:s}", "path", rows[i].path, "content",
                            "../ $(rm)")) != rows[i].ruling)
            fail_msg("row %zu", i);
    assert_int_equal(judge(BX_MODE_ASK, ALLOW, "mcp-move(/src/*)", "mcp-move",
                           json_pack("{s:s,s:s}", "path", "/src/a",
                                     "destination", "/etc/b")),
                     ASK);
}

static void a_rule_allows_urls(void **state)
{
    static const struct {
        const char *rule;
        const char *url;
        bx_ruling ruling;
    } rows[] = {
        { "web-fetch(https://a.org/docs/*)", "https://a.org/docs/x?y=z",
          ALLOW },
        { "web-fetch(https://a.org)", "https://a.org/docs/x", ALLOW },
        { "web-fetch(https://*.a.org/*)", "https://b.a.org/", ALLOW },
        { "web-fetch(https://a.org:8443/*)", "https://a.org:8443/x", ALLOW },
        { "web-fetch(https://*.a.org/*)", "https://evil.net/b.a.org/", ASK },
        { "web-fetch(https://*.a.org/*)", "https://evil.net?b.a.org/", ASK },
        { "web-fetch(https://a.org*)", "https://a.org.evil.net/", ASK },
        { "web-fetch(https://a.org/*)", "https://a.org.evil.net/", ASK },
        { "web-fetch(https://a.org/*)", "https://a.org@evil.net/", ASK },
        { "web-fetch(https://a.org/*)", "https://evil.net#https://a.org/",
          ASK },
        { "web-fetch(https://a.org/*)", "https://a.org\\@evil.net/", ASK },
        { "web-fetch(https://a.org/*)", "https://evil.net\\.a.org/", ASK },
        { "web-fetch(https://a.org/*)", "http://a.org/", ASK },
        { "web-fetch(https://a.org/*)", "https://a.org:8443/", ASK },
        { "web-fetch(https://a.org/*)", "a.org/", ASK },
        { "web-fetch(a.org/*)", "https://a.org/", ASK },
        { "web-fetch(https://a.org/docs/*)", "https://a.org/docs/../x", ASK },
        { "web-fetch(https://a.org/docs/*)", "https://a.org/docs/%2e%2e/x",
          ASK },
        { "web-fetch(https://*)", "https://2130706433/", ASK },
        { "web-fetch(https://*)", "https://0x7f.1/", ASK },
        { "web-fetch(https://*)", "https:///x", ASK },
        { "web-fetch(https://)", "https://a.org/", ASK },
        { "web-fetch(https:///*)", "https://a.org/", ASK },
        { "web-fetch(https://*)", "https://a.org", ALLOW },
        { "web-fetch(https://a.org:*/*)", "https://a.org:1/", ASK },
        { "web-fetch(https://*)", "file:///etc/passwd", ASK },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (judge(BX_MODE_ASK, ALLOW, rows[i].rule, "web-fetch",
                  one("url", rows[i].url)) != rows[i].ruling)
            fail_msg("row %zu", i);
    assert_int_equal(judge(BX_MODE_ASK, ALLOW, "web-fetch(https://a.org/*)",
                           "web-fetch",
                           json_pack("{s:s,s:{s:s}}", "url", "https://a.org/",
                                     "headers", "Host", "evil.net")),
                     ASK);
}

static void a_refusal_is_found_in_disguise(void **state)
{
    static const struct {
        const char *rule;
        const char *key;
        const char *text;
        bx_ruling ruling; /* in mode auto */
    } rows[] = {
        { "*(rm *)", "command", "rm -rf /", REFUSE },
        { "*(rm *)", "command", "rm", REFUSE },
        { "*(rm *)", "command", "ls; rm x", REFUSE },
        { "*(rm *)", "command", "ls|xargs rm", REFUSE },
        { "*(rm *)", "command", "ls\nrm x", REFUSE },
        { "*(rm *)", "command", "rm\t-rf x", REFUSE },
        { "*(rm *)", "command", "/bin/rm x", REFUSE },
        { "*(rm *)", "command", "r''m x", REFUSE },
        { "*(rm *)", "command", "r\\m x", REFUSE },
        { "*(rm *)", "command", "r\\\nm x", REFUSE },
        { "*(rm *)", "command", "sh -c 'rm x'", REFUSE },
        { "*(rm *)", "command", "echo $(rm x)", REFUSE },
        { "*(rm *)", "command", "X=y rm x", REFUSE },
        { "*(rm *)", "stdin", "rm x", REFUSE },
        { "*(rm *)", "command", "$x -rf /", ASK },
        { "*(rm *)", "command", "/bin/r? x", ASK },
        { "*(rm *)", "command", "{r,}m x", ASK },
        { "*(rm *)", "command", "ls -l; cat a.c", ALLOW },
        { "*(rm *)", "command", "farm x", ALLOW },
        { "*(git push)", "command", "git push; ls", REFUSE },
        { "*(git push)", "command", "git   push", REFUSE },
        { "*(curl *| sh*)", "command", "curl x| sh -x", REFUSE },
        { "*(curl *| sh*)", "command", "curl x |sh", REFUSE },
        { "*(git 'a'*)", "command", "git   \"a\" b", REFUSE },
        { "*(/secret/*)", "command", "cat //secret//x", REFUSE },
        { "*(/secret/*)", "command", "cat /a/../secret/x", REFUSE },
        { "*(/secret/*)", "command", "cd /a/../secret", ASK },
        { "*(/secret/*)", "path", "/secret/x", REFUSE },
        { "*(/secret/*)", "path", "secret/x", REFUSE },
        { "*(secret/*)", "path", "/./secret//x", REFUSE },
        { "*(/secret/*)", "path", "/a/../secret/x", REFUSE },
        { "*(/secret/*)", "path", "/a/../secret", ASK },
        { "*(/secret/*)", "path", "/", ASK },
        { "*(/secret/*)", "path", "/secret", ASK },
        { "*(/secret/*)", "path", "/src/x", ALLOW },
        { "*(/secret/*)", "destination", "/secret/x", REFUSE },
        { "*(/secret/*)", "code", "open(name)", ASK },
        { "*(evil.net)", "url", "https://evil.net/x", REFUSE },
        { "*(https://evil.net/)", "url", "HTTP://EVIL.net/x", REFUSE },
        { "*(evil.net)", "url", "https://a.evil.net:80/", REFUSE },
        { "*(evil.net)", "url", "https://e%76il.net/", ASK },
        { "*(evil.net)", "url", "https://\xef\xbd\x85vil.net/", ASK },
        { "*(evil.net)", "url", "https://3232235777/", ASK },
        { "*(evil.net)", "url", "https://good.org/", ALLOW },
        { "*(evil.net)", "url", "", ASK },
        { "*(/)", "url", "", ASK },
        { "*(./)", "path", "/a", ALLOW },
        { "*(rm *)", "command", "", ALLOW },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_ruling got = judge(BX_MODE_AUTO, REFUSE, rows[i].rule, "tool",
                              one(rows[i].key, rows[i].text));

        if (got != rows[i].ruling)
            fail_msg("row %zu: %s: %d", i, rows[i].text, (int)got);
        /* An asking rule asks for both. */
        got = judge(BX_MODE_AUTO, ASK, rows[i].rule, "tool",
                    one(rows[i].key, rows[i].text));
        assert_int_equal(got, rows[i].ruling == ALLOW ? ALLOW : ASK);
    }
}

static void a_refusal_looks_no_further_than_it_can(void **state)
{
    bx_autofree char *text = malloc(200001);
    json_t *deep = json_string("x");
    json_t *many = json_array();
    json_t *quiet;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', 200000);
    text[200000] = '\0';
    assert_int_equal(
        judge(BX_MODE_AUTO, REFUSE, "*(rm *)", "tool", one("command", text)),
        ASK);
    /* What is written is neither place nor command. */
    assert_int_equal(
        judge(BX_MODE_AUTO, REFUSE, "*(rm *)", "tool",
              json_pack("{s:s,s:s}", "path", "/a", "content", "rm -rf /")),
        ALLOW);
    for (int i = 0; i < 40; i++)
        deep = json_pack("{s:o}", "env", deep);
    assert_int_equal(judge(BX_MODE_AUTO, REFUSE, "*(rm *)", "tool",
                           json_pack("{s:s,s:o}", "command", "ls", "x", deep)),
                     ASK);
    assert_int_equal(
        judge(BX_MODE_AUTO, REFUSE, "*(rm *)", "tool",
              json_pack("{s:s,s:{s:s}}", "command", "ls", "env", "A", "rm x")),
        REFUSE);
    for (int i = 0; i < 40000; i++)
        json_array_append_new(many, json_null());
    assert_int_equal(judge(BX_MODE_AUTO, REFUSE, "*(rm *)", "tool",
                           json_pack("{s:s,s:o}", "command", "ls", "x", many)),
                     ASK);
    /* The agent's own tools touch the session alone. */
    quiet = one("question", "which?");
    {
        bx_autorules bx_rules *rules = bx_rules_new();
        const char *why;

        assert_int_equal(bx_rules_add(rules, REFUSE, "*(/secret/*)", NULL), 0);
        assert_int_equal(bx_approval_judge(BX_MODE_ASK, rules, "ask_user",
                                           BX_LEVEL_NONE, quiet, &why),
                         ALLOW);
    }
    json_decref(quiet);
}

static void doubt_comes_before_an_allowance(void **state)
{
    bx_autorules bx_rules *rules = bx_rules_new();
    json_t *input = one("command", "$x");
    const char *why;

    (void)state;
    assert_int_equal(bx_rules_add(rules, REFUSE, "bash(rm *)", NULL), 0);
    assert_int_equal(bx_rules_add(rules, ALLOW, "bash", NULL), 0);
    assert_int_equal(bx_approval_judge(BX_MODE_AUTO, rules, "bash",
                                       BX_LEVEL_EXECUTE, input, &why),
                     ASK);
    assert_string_equal(why, "rule bash(rm *), which may be meant");
    json_decref(input);
}

static void malformed_rules_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        { "", "is empty" },
        { "(x)", "is empty" },
        { "bash()", "nothing between" },
        { "bash(x", "does not end" },
        { "bash(x) y", "does not end" },
        { "bash)", "')' without '('" },
        { "ba*sh", "not its end" },
        { "bash(a\nb)", "control byte" },
        { "bash(\xff)", "UTF-8" },
        { "a b", "space" },
        { "bash(git*)", "program's whole name" },
        { "bash(* status)", "program's whole name" },
        { "bash( x)", "program's whole name" },
    };
    bx_autorules bx_rules *rules = bx_rules_new();
    char large[BX_RULE_MAX_BYTES + 2];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_autoerror bx_error *err = NULL;

        assert_int_equal(bx_rules_add(rules, ALLOW, rows[i].text, &err), -1);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        if (strstr(bx_error_message(err), rows[i].says) == NULL)
            fail_msg("row %zu: %s", i, bx_error_message(err));
    }
    memset(large, 'a', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(bx_rules_add(rules, ASK, large, NULL), -1);
    for (int i = 0; i < BX_RULES_MAX; i++)
        assert_int_equal(bx_rules_add(rules, ASK, "a", NULL), 0);
    {
        bx_autoerror bx_error *err = NULL;

        assert_int_equal(bx_rules_add(rules, ASK, "a", &err), -1);
        assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_have_names),
        cmocka_unit_test(modes_go_by_level),
        cmocka_unit_test(no_rule_widens_plan_or_levels),
        cmocka_unit_test(last_decides_and_refusals_before_all),
        cmocka_unit_test(names_have_patterns),
        cmocka_unit_test(a_rule_allows_one_plain_command),
        cmocka_unit_test(nothing_stands_beside_an_allowed_command),
        cmocka_unit_test(a_rule_allows_paths),
        cmocka_unit_test(a_rule_allows_urls),
        cmocka_unit_test(a_refusal_is_found_in_disguise),
        cmocka_unit_test(a_refusal_looks_no_further_than_it_can),
        cmocka_unit_test(doubt_comes_before_an_allowance),
        cmocka_unit_test(malformed_rules_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
