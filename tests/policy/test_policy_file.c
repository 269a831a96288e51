#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "policy/support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void full_file_is_read(void **state)
{
    bx_policy *policy =
        parse_policy("---\n"
                     "# a comment\n"
                     "version: 1\n"
                     "work-dir: work\n"
                     "map-dir:\n"
                     "  - data::/data::ro\n"
                     "  - host: out\n"
                     "    guest: /out\n"
                     "  - {guest: /x, mode: ro, host: 'x y'}\n"
                     "env:\n"
                     "  LANG: C\n"
                     "  EMPTY: ''\n"
                     "  NUMBER: 8080\n"
                     "allowed_outbound_host: https://a.example\n"
                     "block-url:\n"
                     "- a.example/x\n"
                     "block-network: [private, 10.0.0.0/8]\n"
                     "wasm-timeout: 2m\n"
                     "wasm-cache-dir: ''\n"
                     "...\n");

    (void)state;
    assert_int_equal(policy->mounts_count, 4);
    assert_string_equal(policy->mounts[0].origin, "ci.yaml:4: work-dir work");
    assert_string_equal(policy->mounts[1].origin,
                        "ci.yaml:6: map-dir data::/data::ro");
    assert_string_equal(policy->mounts[2].origin,
                        "ci.yaml:7: map-dir out::/out::rw");
    assert_int_equal(policy->mounts[2].access, 3);
    assert_string_equal(policy->mounts[3].host_dir, "x y");
    assert_int_equal(policy->mounts[3].access, 1);
    assert_int_equal(policy->env_count, 3);
    assert_string_equal(policy->env[0].origin, "ci.yaml:11: env LANG");
    assert_string_equal(policy->env[1].value, "");
    assert_string_equal(policy->env[2].value, "8080");
    assert_int_equal(policy->allowed_hosts_count, 1);
    assert_int_equal(policy->blocked_urls_count, 1);
    assert_int_equal(policy->blocked_networks_count, 2);
    assert_string_equal(policy->blocked_networks[1].origin,
                        "ci.yaml:17: block-network 10.0.0.0/8");
    assert_int_equal(policy->limits.timeout_ms, 120000);
    assert_string_equal(policy->cache_dir, "");
    bx_policy_free(policy);
}

static void empty_files_grant_nothing(void **state)
{
    static const char *const empty[] = {
        "",      "\n",           "# only a comment\n",
        "---\n", "---\n...\n",   "{}",
        "~",     "\xef\xbb\xbf", "\xef\xbb\xbfversion: 1\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(empty); i++) {
        bx_policy *policy = parse_policy(empty[i]);

        assert_int_equal(policy->mounts_count, 0);
        assert_int_equal(policy->allowed_hosts_count, 0);
        assert_int_equal(policy->limits.timeout_ms, 30000);
        bx_policy_free(policy);
    }
}

/* Each names file, line, key and what was expected. */
static void bad_files_are_explained(void **state)
{
    static const char *const rows[][2] = {
        /* keys */
        { "\nfrob: 1\n",
          "ci.yaml: line 2: unknown key 'frob'; expected the name of a "
          "control, such as map-dir" },
        { "wasm-timeot: 1s\n",
          "ci.yaml: line 1: unknown key 'wasm-timeot'; did you mean "
          "'wasm-timeout'? expected the name of a control" },
        { "wasm-timeout: 1s\n\nwasm_timeout: 2s\n",
          "ci.yaml: line 3: wasm-timeout: given twice, first on line 1; "
          "expected each key once" },
        { "version: 1\nversion: 1\n",
          "ci.yaml: line 2: version: given twice, first on line 1; expected "
          "each key once" },
        { "version: 2\n",
          "ci.yaml: line 1: version: '2' is unknown to this program; expected "
          "1" },
        { "version: [1]\n", "ci.yaml: line 1: version: a list; expected 1" },
        { "[a]: b\n",
          "ci.yaml: line 1: a list as a key; expected the name of a control" },
        { "? {a: b}\n: c\n",
          "ci.yaml: line 1: a mapping as a key; expected the name of a "
          "control" },
        { "<<: {work-dir: x}\n",
          "ci.yaml: line 1: a merge key (<<); expected each control in full" },
        { "'': x\n",
          "ci.yaml: line 1: unknown key ''; expected the name of a control, "
          "such as map-dir" },
        /* shapes */
        { "text\n",
          "ci.yaml: line 1: a single value; expected a mapping of controls, "
          "such as 'wasm-timeout: 30s'" },
        { "- work-dir: x\n",
          "ci.yaml: line 1: a list; expected a mapping of controls, such as "
          "'wasm-timeout: 30s'" },
        { "wasm-timeout: [1s]\n",
          "ci.yaml: line 1: wasm-timeout: a list; expected TIME" },
        { "wasm-timeout: {s: 1}\n",
          "ci.yaml: line 1: wasm-timeout: a mapping; expected TIME" },
        { "wasm-timeout:\n",
          "ci.yaml: line 1: wasm-timeout: no value; expected TIME" },
        { "work-dir: ~\n",
          "ci.yaml: line 1: work-dir: no value; expected DIR" },
        { "work-dir: null\n",
          "ci.yaml: line 1: work-dir: no value; expected DIR" },
        { "block-url:\n  -\n",
          "ci.yaml: line 2: block-url: no value; expected PATTERN" },
        { "block-url:\n  - [a]\n",
          "ci.yaml: line 2: block-url: a list; expected PATTERN" },
        { "block-url:\n  - a: b\n",
          "ci.yaml: line 2: block-url: a mapping; expected PATTERN" },
        { "block-url: {a: b}\n",
          "ci.yaml: line 1: block-url: a mapping; expected PATTERN" },
        { "map-dir: [[[[[[[[a]]]]]]]]\n",
          "ci.yaml: line 1: map-dir: a list; expected "
          "HOST::GUEST[::ro|::rw]" },
        /* values */
        { "wasm-timeout: 1x\n",
          "ci.yaml: line 1: wasm-timeout: '1x' has an unknown unit; expected "
          "a time such as 30s, 500ms or 2m, from 1ms to 24h" },
        { "wasm-timeout: -1\n",
          "ci.yaml: line 1: wasm-timeout: '-1' is negative; expected a time "
          "such as 30s, 500ms or 2m, from 1ms to 24h" },
        { "wasm-timeout: true\n",
          "ci.yaml: line 1: wasm-timeout: 'true' does not begin with a "
          "number; expected a time such as 30s, 500ms or 2m, from 1ms to "
          "24h" },
        { "\nwasm-max-memory-size: 5GiB\n",
          "ci.yaml: line 2: wasm-max-memory-size: '5GiB' is too large; "
          "expected a size such as 64KiB, 256MiB or 10MB, from 64KiB to "
          "4GiB" },
        { "wasm-fuel: 99999999999999999999\n",
          "ci.yaml: line 1: wasm-fuel: '99999999999999999999' is too large; "
          "expected a whole number such as 500, 10K or 1M, from 0 to "
          "9223372036854775807" },
        { "block-network:\n  - private\n  - 10.0.0.0/33\n",
          "ci.yaml: line 3: block-network: '10.0.0.0/33' has a prefix length "
          "that is not 0 to 32; expected a network such as 10.0.0.0/8, "
          "fd00::/8, a single address, or private" },
        { "allowed-outbound-host: http://10.0.0.1/8\n",
          "ci.yaml: line 1: allowed-outbound-host: 'http://10.0.0.1/8': "
          "'10.0.0.1/8' has bits set behind its prefix; expected 10.0.0.0/8, "
          "or the address alone" },
        { "allowed-outbound-host: 'https://ex*mple.com'\n",
          "ci.yaml: line 1: allowed-outbound-host: 'https://ex*mple.com' has "
          "'*' inside a name: it stands for the whole host, or leads as in "
          "*.example.com; expected [scheme://]host[:port] such as "
          "https://api.example.com, *.example.com, http://localhost:8080 or "
          "http://10.0.0.0/8:*" },
        { "block-url: /x\n",
          "ci.yaml: line 1: block-url: '/x' has no host (for every host write "
          "*/path); expected [scheme://]host[/path] with '*' for any run of "
          "characters, such as ads.example.com or *.example.com/track/*" },
        { "grant: fs.raed:/x\n", "ci.yaml: line 1: grant: 'fs.raed:/x' is no "
                                 "grant on a path, program or tool; "
                                 "expected fs.read:/path, fs.write:/path, "
                                 "exec:PROGRAM or tool:NAME (hosts: "
                                 "allowed-outbound-host; variables: env)" },
        { "map-dir: a::/a\ngrant: []\n",
          "ci.yaml: line 2: grant: an empty list; expected "
          "fs.read:PATH|fs.write:PATH|exec:NAME|tool:NAME, or no grant at all "
          "to give mapped "
          "folders whole" },
        { "work-dir: ''\n",
          "ci.yaml: line 1: work-dir: host folder '' is empty; expected a "
          "path such as ./data or /srv/data" },
        { "work-dir: ~/x\n",
          "ci.yaml: line 1: work-dir: host folder '~/x' begins with '~', which "
          "only a shell replaces; expected a path such as ./data or "
          "/srv/data" },
        /* mappings of folders */
        { "map-dir: data\n",
          "ci.yaml: line 1: map-dir: 'data' has no '::'; expected "
          "HOST::GUEST, HOST::GUEST::ro or HOST::GUEST::rw" },
        { "map-dir:\n - a::/x\n - b::/x\n",
          "ci.yaml: line 3: map-dir: guest folder '/x' is mapped twice, by "
          "'ci.yaml:2: map-dir a::/x' and by 'ci.yaml:3: map-dir b::/x'; "
          "expected each guest folder once" },
        { "map-dir:\n  - host: a\n",
          "ci.yaml: line 2: map-dir: no guest; expected {host: ..., guest: "
          "...}" },
        { "map-dir: {guest: /a}\n",
          "ci.yaml: line 1: map-dir: no host; expected {host: ..., guest: "
          "...}" },
        { "map-dir: {host: a, guest: /a, mode: rx}\n",
          "ci.yaml: line 1: map-dir: mode: 'rx' is not a mode; expected ro or "
          "rw" },
        { "map-dir: {host: a, guest: /a, moed: ro}\n",
          "ci.yaml: line 1: map-dir: unknown key 'moed'; expected host, guest "
          "or mode" },
        { "map-dir: {host: a, host: b, guest: /a}\n",
          "ci.yaml: line 1: map-dir: host: given twice; expected it once" },
        { "map-dir: {host: , guest: /a}\n",
          "ci.yaml: line 1: map-dir: no value; expected text for host, guest "
          "and mode" },
        { "map-dir: {[host]: a}\n",
          "ci.yaml: line 1: map-dir: a list as a key; expected host, guest or "
          "mode" },
        { "map-dir: {host: a, guest: /../b}\n",
          "ci.yaml: line 1: map-dir: guest folder: '/../b' climbs above the "
          "root; expected a guest path such as /data" },
        /* environment */
        { "env: {A: 1, B: 2, A: 3}\n",
          "ci.yaml: line 1: env: 'A': given twice; expected each variable "
          "once" },
        { "env:\n  A:\n",
          "ci.yaml: line 2: env: 'A': no value; expected text (to pass the "
          "host's own value write a list, env: [NAME])" },
        { "env: {A: [1]}\n",
          "ci.yaml: line 1: env: 'A': a list; expected text (to pass the "
          "host's own value write a list, env: [NAME])" },
        { "env: {[A]: 1}\n",
          "ci.yaml: line 1: env: a list as a key; expected a variable's name" },
        { "env: {'A=B': 1}\n",
          "ci.yaml: line 1: env: variable 'A=B' has '='; expected NAME=VALUE, "
          "or NAME alone to pass the host's own" },
        { "env: [BX_TEST_NOT_SET]\n",
          "ci.yaml: line 1: env: 'BX_TEST_NOT_SET' is not set in the host's "
          "environment; expected NAME=VALUE, or the name of a variable that "
          "is set" },
        /* what YAML has and a policy has not */
        { "work-dir: &x a\n",
          "ci.yaml: line 1: an anchor (&name); expected a plain value" },
        { "block-url: &x [a.example]\n",
          "ci.yaml: line 1: an anchor (&name); expected a plain value" },
        { "&x work-dir: a\n",
          "ci.yaml: line 1: an anchor (&name); expected a plain value" },
        { "work-dir: *x\n",
          "ci.yaml: line 1: an alias (*name); expected the value itself" },
        { "work-dir: !!str a\n",
          "ci.yaml: line 1: a tag (!name); expected a plain value" },
        { "work-dir: ! a\n",
          "ci.yaml: line 1: a tag (!name); expected a plain value" },
        { "!!map {work-dir: a}\n",
          "ci.yaml: line 1: a tag (!name); expected a plain value" },
        { "%YAML 1.1\n---\nwork-dir: a\n",
          "ci.yaml: line 1: a directive (%); expected the controls alone" },
        { "%TAG ! tag:x,2000:\n---\nwork-dir: a\n",
          "ci.yaml: line 1: a directive (%); expected the controls alone" },
        { "work-dir: a\n---\nmap-dir: b\n",
          "ci.yaml: line 2: a second document; expected one in a file" },
        { "work-dir: \"a\\0b\"\n",
          "ci.yaml: line 1: a NUL byte in a value; expected text" },
        { "work-dir: b: c\n",
          "ci.yaml: line 1: not valid YAML: mapping values are not allowed in "
          "this context; expected lines such as 'wasm-timeout: 30s'" },
        { "work-dir: x\n\tmap-dir: y\n",
          "ci.yaml: line 2: not valid YAML: while scanning a plain scalar, "
          "found a tab character that violates indentation; expected lines "
          "such as 'wasm-timeout: 30s'" },
        { "block-url: [a.example\n",
          "ci.yaml: line 2: not valid YAML: while parsing a flow sequence, "
          "did not find expected ',' or ']'; expected lines such as "
          "'wasm-timeout: 30s'" },
        { "work-dir: 'x\n",
          "ci.yaml: line 2: not valid YAML: while scanning a quoted scalar, "
          "found unexpected end of stream; expected lines such as "
          "'wasm-timeout: 30s'" },
        { "\n\nwork-dir: \xff\n",
          "ci.yaml: line 3: invalid UTF-8; expected text" },
        { "work-dir: \xc0\xaf\n",
          "ci.yaml: line 1: invalid UTF-8; expected text" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_refused(rows[i][0], rows[i][1]);
}

static void other_bytes_are_refused(void **state)
{
    static const char nul[] = "work-dir: a\n\0work-dir: b\n";
    static const char utf16[] = "\xff\xfew\0";
    bx_error *err = NULL;

    (void)state;
    assert_null(bx_policy_parse(nul, sizeof(nul) - 1, "x", NULL, &err));
    assert_string_equal(bx_error_message(err),
                        "x: line 2: a NUL byte; expected text");
    bx_error_free(err);
    err = NULL;
    assert_null(bx_policy_parse(utf16, sizeof(utf16) - 1, NULL, NULL, &err));
    assert_string_equal(bx_error_message(err),
                        "policy: line 1: invalid UTF-8; expected text");
    bx_error_free(err);
    err = NULL;
    assert_null(bx_policy_parse("work-dir: \x01", 11, "x", NULL, &err));
    assert_non_null(strstr(bx_error_message(err), "control characters"));
    bx_error_free(err);
}

static void size_is_bounded(void **state)
{
    size_t bytes = BX_POLICY_MAX_BYTES + 1;
    char *text = malloc(bytes);
    bx_error *err = NULL;
    bx_policy *policy;

    (void)state;
    memset(text, '\n', bytes);
    assert_null(bx_policy_parse(text, bytes, "big", NULL, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_string_equal(bx_error_message(err),
                        "big: larger than 1048576 bytes, the most accepted");
    bx_error_free(err);
    policy = bx_policy_parse(text, bytes - 1, "big", NULL, NULL);
    assert_non_null(policy);
    bx_policy_free(policy);
    /* Nested as deep as the size allows. */
    memset(text, '[', bytes);
    assert_null(bx_policy_parse(text, bytes - 1, "deep", NULL, NULL));
    memset(text, '{', bytes);
    assert_null(bx_policy_parse(text, bytes - 1, "deep", NULL, NULL));
    for (size_t i = 0; i < 5; i++)
        text[i] = "env: "[i];
    assert_null(bx_policy_parse(text, bytes - 1, "deep", NULL, NULL));
    free(text);
}

typedef struct folder {
    char path[64];
    char file[80];
} folder;

static int make_folder(void **state)
{
    folder *dir = calloc(1, sizeof(*dir));

    if (dir == NULL)
        return -1;
    strcpy(dir->path, "/tmp/bx-policy-XXXXXX");
    if (mkdtemp(dir->path) == NULL)
        return -1;
    snprintf(dir->file, sizeof(dir->file), "%s/p.yaml", dir->path);
    *state = dir;
    return 0;
}

static int remove_folder(void **state)
{
    folder *dir = *state;

    (void)unlink(dir->file);
    (void)rmdir(dir->path);
    free(dir);
    return 0;
}

static void relative_paths_count_from_the_file(void **state)
{
    static const char text[] =
        "work-dir: w\n"
        "map-dir: ['./d::/d', '/abs::/abs', '../u::/u']\n"
        "wasm-cache-dir: c\n";
    folder *dir = *state;
    bx_policy *policy;
    char expected[128];

    assert_int_equal(
        bx_file_replace(dir->file, text, sizeof(text) - 1, 0600, NULL), 0);
    policy = bx_policy_load(dir->file, NULL);
    assert_non_null(policy);
    snprintf(expected, sizeof(expected), "%s/w", dir->path);
    assert_string_equal(policy->mounts[0].host_dir, expected);
    snprintf(expected, sizeof(expected), "%s/./d", dir->path);
    assert_string_equal(policy->mounts[1].host_dir, expected);
    assert_string_equal(policy->mounts[2].host_dir, "/abs");
    snprintf(expected, sizeof(expected), "%s/../u", dir->path);
    assert_string_equal(policy->mounts[3].host_dir, expected);
    snprintf(expected, sizeof(expected), "%s/c", dir->path);
    assert_string_equal(policy->cache_dir, expected);
    snprintf(expected, sizeof(expected), "%s:1: work-dir w", dir->file);
    assert_string_equal(policy->mounts[0].origin, expected);
    bx_policy_free(policy);
}

static void base_dir_is_joined(void **state)
{
    static const char *const rows[][2] = {
        { "/", "/w" },
        { "b", "b/w" },
        { "", "w" },
        { "~", "./~/w" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_policy *policy =
            bx_policy_parse("work-dir: w", 11, "x", rows[i][0], NULL);

        assert_non_null(policy);
        assert_string_equal(policy->mounts[0].host_dir, rows[i][1]);
        bx_policy_free(policy);
    }
}

static void unreadable_files_are_errors(void **state)
{
    folder *dir = *state;
    bx_error *err = NULL;
    char *text = malloc(BX_POLICY_MAX_BYTES + 1);

    assert_null(bx_policy_load(dir->file, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), dir->file));
    bx_error_free(err);
    err = NULL;
    assert_null(bx_policy_load(dir->path, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_SYSTEM);
    bx_error_free(err);
    err = NULL;
    memset(text, '\n', BX_POLICY_MAX_BYTES + 1);
    assert_int_equal(
        bx_file_replace(dir->file, text, BX_POLICY_MAX_BYTES + 1, 0600, NULL),
        0);
    assert_null(bx_policy_load(dir->file, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    bx_error_free(err);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_file_is_read),
        cmocka_unit_test(empty_files_grant_nothing),
        cmocka_unit_test(bad_files_are_explained),
        cmocka_unit_test(other_bytes_are_refused),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test_setup_teardown(relative_paths_count_from_the_file,
                                        make_folder, remove_folder),
        cmocka_unit_test(base_dir_is_joined),
        cmocka_unit_test_setup_teardown(unreadable_files_are_errors,
                                        make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
