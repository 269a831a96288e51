/* Layers below the workspace's policy: they narrow, whatever they ask for. */
#include "policy/support.h"

#include <string.h>

#include "policy/grant.h"

static bx_grants *make_grants(const char *const *texts)
{
    bx_grants *grants = bx_grants_new();
    bx_error *err = NULL;

    assert_non_null(grants);
    for (; *texts != NULL; texts++) {
        if (bx_grants_add(grants, *texts, NULL, &err) < 0)
            fail_msg("%s", bx_error_message(err));
    }
    return grants;
}

#define GRANTS(...) make_grants((const char *const[]){ __VA_ARGS__, NULL })

static void narrow(bx_policy *policy, bx_grants *grants, const char *layer)
{
    bx_error *err = NULL;

    if (bx_policy_narrow(policy, grants, layer, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_grants_free(grants);
}

static void expect(bx_verdict verdict, bool is_allowed, const char *rule)
{
    assert_int_equal(verdict.is_allowed, is_allowed);
    assert_string_equal(verdict.rule, rule);
}

static void expect_refused(bx_error **err, const char *message)
{
    assert_string_equal(bx_error_message(*err), message);
    assert_int_equal(bx_error_code(*err), BX_ERR_INVALID);
    bx_error_free(*err);
    *err = NULL;
}

/* ---- files ---------------------------------------------------------- */

static void gives_what_every_layer_gives(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("work-dir: w\nmap-dir: r::/ro::ro\n");
    const unsigned both = BX_ACCESS_READ | BX_ACCESS_WRITE;

    (void)state;
    narrow(policy, GRANTS("fs.read:/", "fs.write:/out", "write:/ro"),
           "manifest of 't'");
    assert_int_equal(bx_policy_fs_access(policy, "/a", NULL), BX_ACCESS_READ);
    assert_int_equal(bx_policy_fs_access(policy, "/out/a", NULL), both);
    assert_int_equal(bx_policy_fs_access(policy, "/ro/a", NULL),
                     BX_ACCESS_READ);
    narrow(policy, GRANTS("fs.read:/out", "fs.write:/"), "session");
    assert_int_equal(bx_policy_fs_access(policy, "/a", NULL), 0);
    assert_int_equal(bx_policy_fs_access(policy, "/out/a", NULL), both);
    assert_int_equal(bx_policy_fs_access(policy, "/outer", NULL), 0);
}

static void says_which_layer_refuses(void **state)
{
    bx_autopolicy bx_policy *policy = parse_policy("work-dir: w\n");

    (void)state;
    narrow(policy, GRANTS("fs.read:/", "fs.write:/out"), "manifest of 't'");
    narrow(policy, GRANTS("fs.read:/out"), "session");
    expect(bx_policy_check_fs(policy, "/out/a", BX_ACCESS_READ), true,
           "ci.yaml:1: work-dir w");
    expect(bx_policy_check_fs(policy, "/a", BX_ACCESS_WRITE), false,
           "manifest of 't': fs.read:/");
    expect(bx_policy_check_fs(policy, "/a", BX_ACCESS_READ), false,
           "session: nothing granted");
    expect(bx_policy_check_fs(policy, "/out/a", BX_ACCESS_WRITE), false,
           "session: fs.read:/out");
}

static void cannot_widen(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("map-dir: r::/ro::ro\nenv: [A=1]\n"
                     "allowed-outbound-host: https://a.example\n");
    bx_url other = make_url("https", "b.example", 443, "/");

    (void)state;
    narrow(policy,
           GRANTS("fs.write:/", "fs.read:/", "network:*", "env:*", "exec:*",
                  "tool:*"),
           "manifest");
    assert_int_equal(bx_policy_fs_access(policy, "/ro/a", NULL),
                     BX_ACCESS_READ);
    assert_int_equal(bx_policy_fs_access(policy, "/a", NULL), 0);
    expect(bx_policy_check_url(policy, &other), false, "nothing granted");
    expect(bx_policy_check_exec(policy, "sh"), false, "nothing granted");
    expect(bx_policy_check_tool(policy, "x"), false, "nothing granted");
    expect(bx_policy_check_env(policy, "B"), false, "nothing granted");
    assert_int_equal(policy->env_count, 1);
}

static void gives_nothing_without_a_grant(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("work-dir: w\nenv: [A=1]\nallowed-outbound-host: '*'\n"
                     "grant: ['exec:*', 'tool:*']\n");
    bx_url url = make_url("https", "a.example", 443, "/");

    (void)state;
    assert_int_equal(bx_policy_fs_access(policy, "/a", NULL), 3);
    narrow(policy, bx_grants_new(), "manifest");
    assert_int_equal(bx_policy_fs_access(policy, "/a", NULL), 0);
    expect(bx_policy_check_url(policy, &url), false,
           "manifest: nothing granted");
    expect(bx_policy_check_exec(policy, "sh"), false,
           "manifest: nothing granted");
    expect(bx_policy_check_tool(policy, "x"), false,
           "manifest: nothing granted");
    expect(bx_policy_check_env(policy, "A"), false,
           "manifest: nothing granted");
    assert_int_equal(policy->env_count, 0);
}

static void leaves_all_when_there_are_no_grants(void **state)
{
    bx_autopolicy bx_policy *policy = parse_policy("work-dir: w\n");

    (void)state;
    assert_int_equal(bx_policy_narrow(policy, NULL, "session", NULL), 0);
    assert_int_equal(bx_policy_fs_access(policy, "/a", NULL), 3);
    assert_int_equal(policy->layers_count, 0);
}

/* ---- hosts ---------------------------------------------------------- */

static void matches_hosts_in_every_layer(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("allowed-outbound-host: ['https://*.example:*']\n");
    bx_url a = make_url("https", "a.example", 443, "/");
    bx_url a_port = make_url("https", "a.example", 8443, "/");
    bx_url b = make_url("https", "b.example", 443, "/");

    (void)state;
    narrow(policy, GRANTS("network:https://a.example"), "manifest");
    expect(bx_policy_check_url(policy, &a), true,
           "ci.yaml:1: allowed-outbound-host https://*.example:*");
    expect(bx_policy_check_url(policy, &b), false, "manifest: nothing granted");
    expect(bx_policy_check_url(policy, &a_port), false,
           "manifest: network:https://a.example");
    narrow(policy, GRANTS("fetch:https://b.example"), "session");
    expect(bx_policy_check_url(policy, &a), false, "session: nothing granted");
}

/* A layer that names a private address does not open it. */
static void needs_private_addresses_named_by_the_workspace(void **state)
{
    bx_autopolicy bx_policy *wide =
        parse_policy("allowed-outbound-host: ['*']\n");
    bx_autopolicy bx_policy *named =
        parse_policy("allowed-outbound-host: ['http://127.0.0.1:*']\n");
    bx_url url = make_url("http", "127.0.0.1", 8080, "/");
    bx_address address = make_address("127.0.0.1");

    (void)state;
    narrow(wide, GRANTS("network:http://127.0.0.1:8080"), "manifest");
    narrow(named, GRANTS("network:*"), "manifest");
    assert_false(bx_policy_check_url(wide, &url).is_allowed);
    assert_false(bx_policy_check_address(wide, &url, &address).is_allowed);
    assert_true(bx_policy_check_url(named, &url).is_allowed);
    assert_true(bx_policy_check_address(named, &url, &address).is_allowed);
}

static void keeps_blocks_in_force(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("allowed-outbound-host: '*'\nblock-url: a.example/x\n");
    bx_url url = make_url("https", "a.example", 443, "/x");

    (void)state;
    narrow(policy, GRANTS("network:https://a.example"), "manifest");
    expect(bx_policy_check_url(policy, &url), false,
           "ci.yaml:2: block-url a.example/x");
}

/* ---- names ---------------------------------------------------------- */

static void hides_variables_that_a_layer_lacks(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("env: [LC_ALL=C, LC_TIME=C, LANG=C, KEY=secret]\n");
    bx_autopolicy bx_policy *copy = NULL;

    (void)state;
    narrow(policy, GRANTS("env:LC_*", "env:KEY"), "manifest");
    assert_int_equal(policy->env_count, 3);
    expect(bx_policy_check_env(policy, "LANG"), false,
           "manifest: nothing granted");
    narrow(policy, GRANTS("env:LC_ALL", "env:LANG"), "session");
    assert_int_equal(policy->env_count, 1);
    assert_string_equal(policy->env[0].name, "LC_ALL");
    assert_string_equal(policy->env[0].value, "C");
    expect(bx_policy_check_env(policy, "KEY"), false,
           "session: nothing granted");
    copy = bx_policy_clone(policy);
    expect(bx_policy_check_env(copy, "KEY"), false, "session: nothing granted");
    assert_int_equal(bx_policy_env(policy, "PWD", "/", NULL), 0);
    assert_int_equal(bx_policy_env(policy, "A", "1", NULL), 0);
    assert_int_equal(policy->env_count, 3);
}

static void grants_programs_and_tools_by_name(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("grant: ['exec:python3', 'tool:file-*']\n");

    (void)state;
    expect(bx_policy_check_exec(policy, "python3"), true,
           "ci.yaml:1: grant exec:python3");
    expect(bx_policy_check_exec(policy, "python"), false, "nothing granted");
    expect(bx_policy_check_tool(policy, "python3"), false, "nothing granted");
    expect(bx_policy_check_tool(policy, "file-read"), true,
           "ci.yaml:1: grant tool:file-*");
    narrow(policy, GRANTS("exec:*", "tool:file-read"), "manifest");
    assert_true(bx_policy_check_exec(policy, "python3").is_allowed);
    expect(bx_policy_check_tool(policy, "file-write"), false,
           "manifest: nothing granted");
    /* They are no grants on paths: a mapping still gives all. */
    set_control(policy, "work-dir", "w");
    assert_int_equal(policy->fs_grants_count, 0);
}

/* ---- limits --------------------------------------------------------- */

static void takes_the_smaller_limit(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("wasm-timeout: 10s\nmax-calls: 5\n");
    bx_grants *grants = bx_grants_new();
    bx_grants *more = bx_grants_new();

    (void)state;
    assert_int_equal(
        bx_grants_put_limit(grants, "wasm-timeout", "2s", NULL, NULL), 0);
    assert_int_equal(bx_grants_put_limit(grants, "max-calls", "50", NULL, NULL),
                     0);
    assert_int_equal(bx_grants_put_limit(grants, "wasm-fuel", "1M", NULL, NULL),
                     0);
    narrow(policy, grants, "manifest");
    assert_int_equal(policy->limits.timeout_ms, 2000);
    assert_int_equal(policy->limits.call_count, 5);
    assert_int_equal(policy->limits.fuel_units, 1000000);
    assert_string_equal(bx_policy_origin(policy, "wasm-timeout"),
                        "manifest: wasm-timeout 2s");
    assert_string_equal(bx_policy_origin(policy, "max-calls"),
                        "ci.yaml:2: max-calls 5");
    /* 0 is no limit of fuel: it does not take one away. */
    assert_int_equal(bx_grants_put_limit(more, "wasm-fuel", "0", NULL, NULL),
                     0);
    narrow(policy, more, "session");
    assert_int_equal(policy->limits.fuel_units, 1000000);
}

static void has_limits_of_nested_calls(void **state)
{
    bx_autopolicy bx_policy *policy = parse_policy("max-call-depth: 16\n");

    (void)state;
    assert_int_equal(policy->limits.call_count, 1000);
    assert_int_equal(policy->limits.call_depth, 16);
    assert_refused("max-call-depth: 17\n",
                   "ci.yaml: line 1: max-call-depth: '17' is too large; "
                   "expected a whole number such as 500, 10K or 1M, from "
                   "0 to 16");
}

/* ---- malformed ------------------------------------------------------ */

static void refuses_malformed_grants(void **state)
{
    static const char *const texts[] = {
        "",
        "fs.read",
        "fs.raed:/a",
        "FS.READ:/a",
        "fs.read:",
        "fs.read:/../a",
        "fs.write:/a\n/b",
        "network:",
        "network:ftp://a",
        "network:https://a/b",
        "env:",
        "env:A=1",
        "env:A*B",
        "exec:/bin/sh",
        "exec:a b",
        "tool:**",
        "tool:a\x1b",
        "tool:\xff",
        "secret:A",
    };
    bx_autogrants bx_grants *grants = bx_grants_new();

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bx_autoerror bx_error *err = NULL;

        if (bx_grants_add(grants, texts[i], NULL, &err) == 0)
            fail_msg("accepted: %s", texts[i]);
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        if (strstr(bx_error_message(err), "; expected") == NULL)
            fail_msg("%s", bx_error_message(err));
    }
}

static void ends_at_the_most_entries(void **state)
{
    bx_autogrants bx_grants *grants = bx_grants_new();
    bx_autoerror bx_error *err = NULL;

    (void)state;
    for (int i = 0; i < BX_POLICY_MAX_ENTRIES; i++)
        assert_int_equal(bx_grants_add(grants, "env:A", NULL, NULL), 0);
    assert_int_equal(bx_grants_add(grants, "env:A", NULL, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
}

static void names_what_a_grant_lacks(void **state)
{
    bx_autogrants bx_grants *grants = bx_grants_new();
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_grants_add(grants, "fs.raed:/", NULL, &err), -1);
    expect_refused(&err, "'fs.raed:/' is no grant; expected fs.read:/path, "
                         "fs.write:/path, network:https://host, env:NAME, "
                         "exec:PROGRAM or tool:NAME");
    assert_int_equal(bx_grants_add(grants, "exec:/bin/sh", NULL, &err), -1);
    expect_refused(&err, "exec: program '/bin/sh' has a '=', a space or a "
                         "slash; expected a name, one that ends in '*', or "
                         "'*' for all");
    assert_int_equal(bx_grants_put_limit(grants, "map-dir", "1", NULL, &err),
                     -1);
    expect_refused(&err, "'map-dir' is no limit; expected one such as "
                         "wasm-timeout or wasm-max-memory-size");
    assert_refused("grant: [network:https://a]\n",
                   "ci.yaml: line 1: grant: 'network:https://a' is no grant "
                   "on a path, program or tool; expected fs.read:/path, "
                   "fs.write:/path, exec:PROGRAM or tool:NAME (hosts: "
                   "allowed-outbound-host; variables: env)");
}

/* ---- levels --------------------------------------------------------- */

static void checks_grants_against_a_level(void **state)
{
    static const struct {
        const char *grant;
        bx_level least;
    } table[] = {
        { "fs.read:/", BX_LEVEL_READ_ONLY }, { "fs.write:/", BX_LEVEL_WRITE },
        { "network:*", BX_LEVEL_READ_ONLY }, { "env:A", BX_LEVEL_READ_ONLY },
        { "exec:a", BX_LEVEL_EXECUTE },      { "tool:a", BX_LEVEL_EXECUTE },
    };
    bx_autogrants bx_grants *written = GRANTS("fs.write:/x");
    bx_error *err = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        bx_autogrants bx_grants *grants = GRANTS(table[i].grant);

        for (int level = BX_LEVEL_NONE; level <= BX_LEVEL_FORBIDDEN; level++)
            assert_int_equal(
                bx_grants_check_level(grants, (bx_level)level, NULL),
                level >= (int)table[i].least ? 0 : -1);
    }
    assert_int_equal(bx_grants_check_level(written, BX_LEVEL_READ_ONLY, &err),
                     -1);
    expect_refused(&err, "fs.write:'/x' is more than permission level "
                         "read_only has; expected level write or no such "
                         "permission");
}

static void caps_levels_by_the_workspace(void **state)
{
    bx_autopolicy bx_policy *policy = parse_policy(
        "permission-level: execute\n"
        "tool-level: [bash=forbidden, 'web-*=dangerous', web-x=read-only]\n");
    bx_autopolicy bx_policy *open = bx_policy_new();
    bx_verdict verdict;

    (void)state;
    assert_int_equal(
        bx_policy_tool_level(open, "x", BX_LEVEL_DANGEROUS, &verdict),
        BX_LEVEL_DANGEROUS);
    expect(verdict, true, "default");
    assert_int_equal(
        bx_policy_tool_level(policy, "x", BX_LEVEL_DANGEROUS, &verdict),
        BX_LEVEL_FORBIDDEN);
    expect(verdict, false, "ci.yaml:1: permission-level execute");
    assert_int_equal(
        bx_policy_tool_level(policy, "bash", BX_LEVEL_NONE, &verdict),
        BX_LEVEL_FORBIDDEN);
    expect(verdict, false, "ci.yaml:2: tool-level bash=forbidden");
    assert_int_equal(
        bx_policy_tool_level(policy, "web-a", BX_LEVEL_READ_ONLY, &verdict),
        BX_LEVEL_DANGEROUS);
    /* The longer pattern decides. */
    assert_int_equal(
        bx_policy_tool_level(policy, "web-x", BX_LEVEL_READ_ONLY, NULL),
        BX_LEVEL_READ_ONLY);
    assert_int_equal(
        bx_policy_tool_level(policy, "web-x", BX_LEVEL_WRITE, &verdict),
        BX_LEVEL_FORBIDDEN);
    expect(verdict, false, "ci.yaml:2: tool-level web-x=read-only");
    assert_int_equal(
        bx_policy_tool_level(open, "x", BX_LEVEL_FORBIDDEN, &verdict),
        BX_LEVEL_FORBIDDEN);
    assert_false(verdict.is_allowed);
}

static void refuses_malformed_levels(void **state)
{
    (void)state;
    assert_refused("permission-level: all\n",
                   "ci.yaml: line 1: permission-level: 'all' is no permission "
                   "level; expected none, read_only, write, execute, "
                   "dangerous or forbidden");
    assert_refused("tool-level: bash\n",
                   "ci.yaml: line 1: tool-level: 'bash' has no '='; expected "
                   "NAME=LEVEL such as bash=forbidden");
    assert_refused("tool-level: 'a*b=none'\n",
                   "ci.yaml: line 1: tool-level: tool 'a*b' has a '*' that is "
                   "not its end; expected a name, one that ends in '*', or "
                   "'*' for all");
}

/* ---- missing and format --------------------------------------------- */

static void tells_what_is_missing(void **state)
{
    bx_autopolicy bx_policy *policy = parse_policy(
        "map-dir: r::/ro::ro\nallowed-outbound-host: https://a.example\n"
        "grant: ['exec:py*']\nenv: [LC_ALL=C]\n");
    bx_autogrants bx_grants *asked = GRANTS(
        "fs.read:/ro", "fs.write:/ro", "read:/x", "network:https://x.example",
        "network:https://a.example", "network:https://*.example", "network:*",
        "env:LC_*", "env:HOME", "exec:python3", "exec:*", "tool:a");
    bx_autogrants bx_grants *none = bx_grants_new();
    bx_autofree char *text = bx_policy_missing(policy, asked, NULL);
    bx_autofree char *empty = bx_policy_missing(policy, none, NULL);

    (void)state;
    assert_string_equal(
        text, "fs.write:/ro: the mapping is read-only (ci.yaml:1: map-dir "
              "r::/ro::ro)\n"
              "fs.read:/x: nothing granted\n"
              "network:https://x.example: nothing granted\n"
              "network:https://*.example: given in part only (ci.yaml:2: "
              "allowed-outbound-host https://a.example)\n"
              "network:*://*:*: given in part only (ci.yaml:2: "
              "allowed-outbound-host https://a.example)\n"
              "env:HOME: nothing granted\n"
              "exec:*: given in part only (ci.yaml:3: grant exec:py*)\n"
              "tool:a: nothing granted");
    assert_string_equal(empty, "");
}

static void tells_what_a_layer_withholds(void **state)
{
    bx_autopolicy bx_policy *policy = parse_policy(
        "work-dir: w\nallowed-outbound-host: '*'\ngrant: ['tool:*']\n"
        "env: [A=1]\n");
    bx_autogrants bx_grants *asked =
        GRANTS("fs.read:/", "network:*", "env:A", "tool:x");
    bx_autofree char *text = NULL;

    (void)state;
    narrow(policy, bx_grants_new(), "session");
    text = bx_policy_missing(policy, asked, NULL);
    assert_string_equal(
        text, "fs.read:/: the tool or session is not granted this path "
              "(session: nothing granted)\n"
              "network:*://*:*: session: nothing granted\n"
              "env:A: session: nothing granted\n"
              "tool:x: session: nothing granted");
}

static void formats_grants_sorted(void **state)
{
    bx_autogrants bx_grants *grants =
        GRANTS("write:/b", "tool:x", "read:/a/../a", "read:/a",
               "fetch:https://a.example:443");
    bx_autofree char *text = NULL;

    (void)state;
    assert_int_equal(
        bx_grants_put_limit(grants, "wasm-timeout", "1500ms", NULL, NULL), 0);
    assert_int_equal(bx_grants_add_secret(grants, "TOKEN",
                                          "https://api.example", NULL, NULL,
                                          NULL, NULL),
                     0);
    text = bx_grants_format(grants, NULL);
    assert_string_equal(
        text,
        "{\"limits\":{\"wasm-timeout\":\"1500ms\"},\"permissions\":["
        "\"fs.read:/a\",\"fs.write:/b\",\"network:https://a.example:443\","
        "\"tool:x\"],\"secrets\":[{\"format\":\"Bearer {}\",\"header\":"
        "\"Authorization\",\"host\":\"https://api.example\",\"name\":"
        "\"TOKEN\"}]}");
}

/* A clone is narrowed as its original, and a format says by what. */
static void clones_and_formats_layers(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("work-dir: w\ngrant: ['fs.read:/', 'exec:*']\n"
                     "permission-level: write\ntool-level: ['a*=none']\n");
    bx_autopolicy bx_policy *copy = NULL;
    bx_autopolicy bx_policy *again = NULL;
    bx_autofree char *text = NULL;
    bx_autofree char *copied = NULL;
    bx_autofree char *json = NULL;

    (void)state;
    /* U+2028 ends a line for libyaml: a layer's text writes no control. */
    narrow(policy, GRANTS("fs.read:/a\xe2\x80\xa8wasm-timeout: 24h", "exec:sh"),
           "manifest of 't'");
    assert_int_equal(bx_policy_protect(policy, "/home/u/.boxagnts",
                                       "state of boxagnts", NULL),
                     0);
    copy = bx_policy_clone(policy);
    expect(bx_policy_check_exec(copy, "ls"), false,
           "manifest of 't': nothing granted");
    text = bx_policy_format(policy, false, NULL);
    copied = bx_policy_format(copy, false, NULL);
    json = bx_policy_format(policy, true, NULL);
    assert_string_equal(text, copied);
    assert_non_null(strstr(text, "manifest of 't'"));
    assert_non_null(strstr(json, "\"origin\": \"manifest of 't': exec:sh\""));
    assert_non_null(strstr(json, "/home/u/.boxagnts"));
    again = bx_policy_parse(text, strlen(text), "again", NULL, NULL);
    assert_non_null(again);
    assert_int_equal(again->limits.timeout_ms, 30000);
    assert_int_equal(again->max_level, BX_LEVEL_WRITE);
    assert_int_equal(again->tool_levels_count, 1);
    assert_true(bx_policy_check_exec(again, "ls").is_allowed);
}

static void protects_absolute_paths_only(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_policy_protect(policy, "a", "x", &err), -1);
    expect_refused(&err, "'a' cannot be protected: expected an absolute path "
                         "of the host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_what_every_layer_gives),
        cmocka_unit_test(says_which_layer_refuses),
        cmocka_unit_test(cannot_widen),
        cmocka_unit_test(gives_nothing_without_a_grant),
        cmocka_unit_test(leaves_all_when_there_are_no_grants),
        cmocka_unit_test(matches_hosts_in_every_layer),
        cmocka_unit_test(needs_private_addresses_named_by_the_workspace),
        cmocka_unit_test(keeps_blocks_in_force),
        cmocka_unit_test(hides_variables_that_a_layer_lacks),
        cmocka_unit_test(grants_programs_and_tools_by_name),
        cmocka_unit_test(takes_the_smaller_limit),
        cmocka_unit_test(has_limits_of_nested_calls),
        cmocka_unit_test(refuses_malformed_grants),
        cmocka_unit_test(ends_at_the_most_entries),
        cmocka_unit_test(names_what_a_grant_lacks),
        cmocka_unit_test(checks_grants_against_a_level),
        cmocka_unit_test(caps_levels_by_the_workspace),
        cmocka_unit_test(refuses_malformed_levels),
        cmocka_unit_test(tells_what_is_missing),
        cmocka_unit_test(tells_what_a_layer_withholds),
        cmocka_unit_test(formats_grants_sorted),
        cmocka_unit_test(clones_and_formats_layers),
        cmocka_unit_test(protects_absolute_paths_only),
    };

    return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
