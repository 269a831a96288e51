/* A policy as bytes: what comes back answers the same, to the word; what was
 * tampered with is refused or a policy all the same. */
#include "policy/support.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/entry.h"
#include "policy/grant.h"
#include "policy/layer.h"
#include "policy/pack.h"
#include "policy/pack_format.h"
#include "policy/secret.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define VALUE "hunter2hunter2"

static const char *const texts[] = {
    "version: 1\n",
    "work-dir: /srv/w\nenv: [A=1, 'B=two=3', \"U=\\u00fc\"]\n",
    "work-dir: /srv/w\n"
    "map-dir:\n"
    "  - /srv/r::/ro::ro\n"
    "  - { host: '/srv/a::b', guest: './x//y', mode: rw }\n"
    "grant: ['fs.read:/', 'fs.write:/out', 'fs.write:/x/y/z', 'exec:python3',"
    " 'exec:git*', 'tool:*']\n"
    "env: [A=1, EMPTY=]\n"
    "secret: [BX_TEST_TOKEN@https://api.example.com]\n"
    "allowed-outbound-host: ['https://api.example.com', '*.example.com',"
    " 'http://10.0.0.0/8:*', 'http://[fd00::/8]:80..90', "
    "'http://localhost:*']\n"
    "block-url: ['api.example.com/admin', '*/track/*', 'http://[::1]:8080/a']\n"
    "block-network: [10.1.0.0/16, 'fd00:1::/32', 8.8.8.8]\n"
    "permission-level: execute\n"
    "tool-level: [bash=forbidden, 'web-*=read_only']\n"
    "wasm-timeout: 2s\nwasm-fuel: 9007199254740993\n"
    "wasm-max-memory-size: 64MiB\nmax-call-depth: 2\n"
    "wasm-cache-dir: /srv/cache\ndeterministic: 18446744073709551615\n",
    "wasm-cache-dir: ''\ndeterministic: 0\nblock-network: [private]\n"
    "allowed-outbound-host: ['*']\n",
};

static bx_policy *narrow(bx_policy *policy, const char *layer,
                         const char *const *grants)
{
    bx_autogrants bx_grants *made = bx_grants_new();

    for (; *grants != NULL; grants++)
        assert_int_equal(bx_grants_add(made, *grants, NULL, NULL), 0);
    assert_int_equal(
        bx_grants_put_limit(made, "wasm-timeout", "1s", NULL, NULL), 0);
    assert_int_equal(bx_grants_add_secret(made, "BX_TEST_TOKEN",
                                          "https://api.example.com", "X-Key",
                                          "k {}", NULL, NULL),
                     0);
    assert_int_equal(bx_policy_narrow(policy, made, layer, NULL), 0);
    return policy;
}

/* Each text as it is and narrowed once, twice and thrice. */
#define KINDS (COUNT(texts) * 4)
static bx_policy *make_policy(size_t kind)
{
    static const char *const first[] = {
        "fs.read:/", "fs.write:/out", "network:*",  "env:A",
        "exec:*",    "tool:file-*",   "tool:web-*", NULL,
    };
    static const char *const second[] = {
        "fs.read:/out",   "network:https://api.example.com",
        "env:*",          "exec:python3",
        "tool:file-read", NULL,
    };
    static const char *const third[] = { NULL };
    bx_policy *policy = parse_policy(texts[kind / 4]);

    if (kind % 4 > 0)
        narrow(policy, "session 'a\\b\n'", first);
    if (kind % 4 > 1)
        narrow(policy, "manifest of 't'", second);
    if (kind % 4 > 2)
        narrow(policy, "manifest of 'nothing'", third);
    if (kind % 2 > 0) {
        assert_int_equal(
            bx_policy_protect(policy, "/srv/w/.git\xff", "the \\ lock", NULL),
            0);
        assert_int_equal(bx_policy_hide(policy, "/srv/own", "state", NULL), 0);
        assert_int_equal(bx_policy_set_overlay(policy, "/srv/over", NULL), 0);
    }
    return policy;
}

static void pack(const bx_policy *policy, bx_buf *ret_bytes)
{
    bx_error *err = NULL;

    if (bx_policy_pack(policy, ret_bytes, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

static bx_policy *unpack(const bx_buf *bytes)
{
    bx_error *err = NULL;
    bx_policy *policy = NULL;

    if (bx_policy_unpack(bytes->data, bytes->len, &policy, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    return policy;
}

/* ---- every answer as text ------------------------------------------- */

static void put_verdict(bx_buf *out, const char *subject, bx_verdict verdict)
{
    assert_int_equal(bx_buf_printf(out, "%s: %d %s (%s)\n", subject,
                                   verdict.is_allowed, verdict.reason,
                                   verdict.rule),
                     0);
}

static void put_fs_answers(bx_buf *out, const bx_policy *policy)
{
    static const char *const paths[] = { "/",     "/a",     "/out",    "/out/b",
                                         "/outs", "/ro",    "/ro/a",   "/x",
                                         "/x/y",  "/x/y/z", "/x/y/z/q" };

    for (size_t i = 0; i < COUNT(paths); i++) {
        bx_verdict verdict;
        unsigned access = bx_policy_fs_access(policy, paths[i], &verdict);

        assert_int_equal(bx_buf_printf(out, "%u ", access), 0);
        put_verdict(out, paths[i], verdict);
        for (unsigned wanted = 1; wanted <= 3; wanted++)
            put_verdict(out, paths[i],
                        bx_policy_check_fs(policy, paths[i], wanted));
    }
}

static void put_net_answers(bx_buf *out, const bx_policy *policy)
{
    const bx_url urls[] = {
        make_url("https", "api.example.com", 443, "/v1"),
        make_url("https", "api.example.com", 443, "/admin/x"),
        make_url("https", "api.example.com", 8443, "/"),
        make_url("http", "api.example.com", 80, "/"),
        make_url("https", "b.example.com", 443, "/a/%74rack/b"),
        make_url("https", "example.com", 443, "/"),
        make_url("http", "10.2.3.4", 81, "/"),
        make_url("http", "10.1.3.4", 81, "/"),
        make_url("http", "fd00::1", 85, "/"),
        make_url("http", "fd00:1::1", 85, "/"),
        make_url("http", "fd00::1", 91, "/"),
        make_url("http", "localhost", 8080, "/a"),
        make_url("http", "::1", 8080, "/a"),
    };
    static const char *const addresses[] = { "127.0.0.1", "::1",
                                             "10.1.2.3",  "10.2.0.1",
                                             "8.8.8.8",   "9.9.9.9",
                                             "fd00:1::2", "2001:4860::8" };

    for (size_t i = 0; i < COUNT(urls); i++) {
        put_verdict(out, urls[i].host, bx_policy_check_url(policy, &urls[i]));
        for (size_t k = 0; k < COUNT(addresses); k++) {
            bx_address address = make_address(addresses[k]);

            put_verdict(out, addresses[k],
                        bx_policy_check_address(policy, &urls[i], &address));
        }
    }
}

static void put_name_answers(bx_buf *out, const bx_policy *policy)
{
    static const char *const names[] = {
        "python3",   "git-log",       "sh",  "file-read", "file-write",
        "web-fetch", "bash",          "A",   "B",         "U",
        "EMPTY",     "BX_TEST_TOKEN", "NONE"
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        put_verdict(out, names[i], bx_policy_check_exec(policy, names[i]));
        put_verdict(out, names[i], bx_policy_check_tool(policy, names[i]));
        put_verdict(out, names[i], bx_policy_check_env(policy, names[i]));
        put_verdict(out, names[i], bx_policy_check_secret(policy, names[i]));
        for (int level = 0; level <= BX_LEVEL_FORBIDDEN; level++) {
            bx_verdict verdict;
            bx_level given = bx_policy_tool_level(policy, names[i],
                                                  (bx_level)level, &verdict);

            assert_int_equal(bx_buf_printf(out, "%d ", given), 0);
            put_verdict(out, names[i], verdict);
        }
    }
}

static void put_values(bx_buf *out, const bx_policy *policy)
{
    static const char *const controls[] = {
        "work-dir",       "wasm-timeout",  "wasm-fuel",        "max-calls",
        "wasm-cache-dir", "deterministic", "permission-level",
    };

    for (size_t i = 0; i < COUNT(controls); i++)
        assert_int_equal(
            bx_buf_printf(out, "%s\n", bx_policy_origin(policy, controls[i])),
            0);
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++)
        assert_int_equal(bx_buf_printf(out, "%llu ",
                                       (unsigned long long)bx_limits_get(
                                           &policy->limits, i)),
                         0);
    assert_int_equal(
        bx_buf_printf(out, "%s %d %llu\n",
                      policy->overlay_dir != NULL ? policy->overlay_dir : "-",
                      policy->is_deterministic,
                      (unsigned long long)policy->seed),
        0);
    for (size_t i = 0; i < policy->protected_paths_count; i++)
        assert_int_equal(bx_buf_printf(out, "%s %d %s\n",
                                       policy->protected_paths[i].host_path,
                                       policy->protected_paths[i].is_hidden,
                                       policy->protected_paths[i].origin),
                         0);
}

static char *describe(const bx_policy *policy)
{
    static const char *const wants[] = {
        "fs.write:/out/x", "network:https://api.example.com",
        "env:A",           "exec:python3",
        "tool:file-read",  "tool:*",
    };
    bx_autobuf bx_buf out = BX_BUF_INIT;
    bx_autogrants bx_grants *grants = bx_grants_new();
    bx_autofree char *missing = NULL;

    put_fs_answers(&out, policy);
    put_net_answers(&out, policy);
    put_name_answers(&out, policy);
    put_values(&out, policy);
    for (size_t i = 0; i < COUNT(wants); i++)
        assert_int_equal(bx_grants_add(grants, wants[i], NULL, NULL), 0);
    missing = bx_policy_missing(policy, grants, NULL);
    assert_non_null(missing);
    assert_int_equal(bx_buf_puts(&out, missing), 0);
    return bx_buf_take(&out);
}

/* YAML cannot hold a protected path that is not UTF-8 but escapes it in its
 * comments, JSON has no such paths: both come out. */
static void assert_same(const bx_policy *left, const bx_policy *right)
{
    bx_autofree char *left_answers = describe(left);
    bx_autofree char *right_answers = describe(right);

    assert_string_equal(left_answers, right_answers);
    for (int json = 0; json < 2; json++) {
        bx_autofree char *left_text = bx_policy_format(left, json, NULL);
        bx_autofree char *right_text = bx_policy_format(right, json, NULL);

        assert_true((left_text == NULL) == (right_text == NULL));
        if (left_text != NULL)
            assert_string_equal(left_text, right_text);
    }
}

/* ---- works ---------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    return setenv("BX_TEST_TOKEN", VALUE, 1);
}

static void comes_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        bx_autopolicy bx_policy *policy = make_policy(i);
        bx_autopolicy bx_policy *back = NULL;
        bx_autobuf bx_buf bytes = BX_BUF_INIT;

        pack(policy, &bytes);
        back = unpack(&bytes);
        assert_same(policy, back);
    }
}

static void gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        bx_autopolicy bx_policy *policy = make_policy(i);
        bx_autopolicy bx_policy *copy = bx_policy_clone(policy);
        bx_autobuf bx_buf first = BX_BUF_INIT;
        bx_autobuf bx_buf second = BX_BUF_INIT;

        assert_non_null(copy);
        pack(policy, &first);
        pack(copy, &second);
        assert_int_equal(first.len, second.len);
        assert_memory_equal(first.data, second.data, first.len);
        /* Appended, and different policies are told apart. */
        pack(policy, &second);
        assert_int_equal(second.len, 2 * first.len);
        if (i > 0) {
            bx_autopolicy bx_policy *other = make_policy(i - 1);

            bx_buf_clear(&second);
            pack(other, &second);
            assert_false(first.len == second.len &&
                         memcmp(first.data, second.data, first.len) == 0);
        }
    }
}

/* A policy that came back is narrowed as the first one is. */
static void is_narrowed_further(void **state)
{
    static const char *const less[] = { "fs.read:/out", "network:*", "env:B",
                                        "tool:file-read", NULL };

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        bx_autopolicy bx_policy *policy = make_policy(i);
        bx_autopolicy bx_policy *back = NULL;
        bx_autopolicy bx_policy *again = NULL;
        bx_autobuf bx_buf bytes = BX_BUF_INIT;

        pack(policy, &bytes);
        back = unpack(&bytes);
        narrow(policy, "more", less);
        narrow(back, "more", less);
        assert_same(policy, back);
        bx_buf_clear(&bytes);
        pack(back, &bytes);
        again = unpack(&bytes);
        assert_same(policy, again);
    }
}

static void leaves_secrets_behind(void **state)
{
    bx_autopolicy bx_policy *policy = make_policy(10);
    bx_autopolicy bx_policy *back = NULL;
    bx_autopolicy bx_policy *copy = NULL;
    bx_autobuf bx_buf bytes = BX_BUF_INIT;

    (void)state;
    assert_int_equal(policy->injections_count, 1);
    assert_true(bx_policy_has_mask(policy));
    pack(policy, &bytes);
    assert_null(memmem(bytes.data, bytes.len, VALUE, 6));
    back = unpack(&bytes);
    assert_int_equal(back->secrets_count, 1);
    assert_string_equal(back->secrets[0].name, "BX_TEST_TOKEN");
    assert_string_equal(back->secrets[0].value, "");
    assert_true(bx_policy_check_secret(back, "BX_TEST_TOKEN").is_allowed);
    assert_int_equal(back->injections_count, 0);
    assert_false(bx_policy_has_mask(back));
    copy = bx_policy_clone(back);
    assert_non_null(copy);
    assert_int_equal(copy->injections_count, 0);
}

static void takes_host_paths_from_the_root(void **state)
{
    bx_autopolicy bx_policy *policy =
        parse_policy("work-dir: w\nmap-dir: ['./r::/ro::ro', /abs::/abs]\n"
                     "wasm-cache-dir: cache\n");
    bx_autopolicy bx_policy *back = NULL;
    bx_autobuf bx_buf bytes = BX_BUF_INIT;
    char before[PATH_MAX];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir("/usr"), 0);
    pack(policy, &bytes);
    assert_int_equal(chdir("/"), 0);
    back = unpack(&bytes);
    assert_string_equal(back->mounts[0].host_dir, "/usr/w");
    assert_string_equal(back->mounts[0].origin, "ci.yaml:1: work-dir w");
    assert_string_equal(back->mounts[1].host_dir, "/usr/./r");
    assert_string_equal(back->mounts[2].host_dir, "/abs");
    assert_string_equal(back->cache_dir, "/usr/cache");
    bx_buf_clear(&bytes);
    pack(policy, &bytes);
    bx_policy_free(bx_take(back));
    back = unpack(&bytes);
    assert_string_equal(back->mounts[0].host_dir, "/w");
    assert_int_equal(chdir(before), 0);
}

/* A folder whose name is no UTF-8, and one that is gone. */
static void takes_the_current_folder_as_it_is(void **state)
{
    char dir[] = "/tmp/bx-pack-XXXXXX";
    char odd[64];
    char before[PATH_MAX];
    bx_autopolicy bx_policy *policy = parse_policy("work-dir: .\n");
    bx_autopolicy bx_policy *back = NULL;
    bx_autoerror bx_error *err = NULL;
    bx_autobuf bx_buf bytes = BX_BUF_INIT;

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_non_null(mkdtemp(dir));
    snprintf(odd, sizeof(odd), "%s/\xff", dir);
    assert_int_equal(mkdir(odd, 0700), 0);
    assert_int_equal(chdir(odd), 0);
    pack(policy, &bytes);
    back = unpack(&bytes);
    strcat(odd, "/.");
    assert_string_equal(back->mounts[0].host_dir, odd);
    assert_int_equal(rmdir("../\xff"), 0);
    assert_int_equal(bx_policy_pack(policy, &bytes, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_string_equal(bx_error_message(err),
                        "packing the policy: the current folder, which '.' "
                        "counts from: No such file or directory");
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* ---- limits --------------------------------------------------------- */

/* The longest of what a policy file takes is taken again. */
static void longest_entries_come_back(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autopolicy bx_policy *back = NULL;
    bx_autobuf bx_buf bytes = BX_BUF_INIT;
    char text[8192];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[4092] = '\0';
    text[0] = '/';
    set_control(policy, "work-dir", text);
    memcpy(text, "fs.read:/", 9);
    text[8 + 4096] = '\0';
    text[4092] = 'a';
    set_control(policy, "grant", text);
    memcpy(text, "a.example/", 10);
    text[2048] = '\0';
    set_control(policy, "block-url", text);
    pack(policy, &bytes);
    back = unpack(&bytes);
    assert_int_equal(strlen(back->mounts[0].host_dir), 4092);
    assert_int_equal(strlen(back->fs_grants[0].guest_path), 4096);
    assert_same(policy, back);
}

static void canonical_forms_have_the_same_bounds(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    char text[8192];

    (void)state;
    /* One byte more once it is canonical: it would not be taken again. */
    memset(text, 'a', sizeof(text));
    memcpy(text, "fs.read:", 8);
    text[8 + 4096] = '\0';
    assert_int_equal(bx_policy_set(policy, "grant", text, NULL, NULL), -1);
    memset(text, 'a', sizeof(text));
    memcpy(text, "a.example?", 10);
    text[2048] = '\0';
    assert_int_equal(bx_policy_set(policy, "block-url", text, NULL, NULL), -1);
}

static void refuses_host_paths_past_the_most(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autoerror bx_error *err = NULL;
    bx_autobuf bx_buf bytes = BX_BUF_INIT;
    char before[PATH_MAX];
    char text[4093];

    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir("/usr"), 0);
    memset(text, 'a', sizeof(text));
    text[4092] = '\0';
    set_control(policy, "work-dir", text);
    assert_int_equal(bx_policy_pack(policy, &bytes, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(
        strstr(bx_error_message(err), "longer than 4095 bytes from the root"));
    assert_int_equal(bytes.len, 0);
    assert_int_equal(chdir(before), 0);
}

static void refuses_policies_past_the_most(void **state)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_autoerror bx_error *err = NULL;
    bx_autobuf bx_buf bytes = BX_BUF_INIT;
    bx_autofree char *value = malloc(BX_POLICY_PACK_MAX_BYTES);

    (void)state;
    memset(value, 'a', BX_POLICY_PACK_MAX_BYTES);
    value[BX_POLICY_PACK_MAX_BYTES - 1] = '\0';
    assert_int_equal(bx_policy_env(policy, "A", value, NULL), 0);
    assert_int_equal(bx_policy_pack(policy, &bytes, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_int_equal(bytes.len, 0);
}

/* ---- refused -------------------------------------------------------- */

static void try_bytes(const char *data, size_t len)
{
    bx_autopolicy bx_policy *policy = NULL;
    bx_autopolicy bx_policy *copy = NULL;
    bx_autofree char *answers = NULL;
    bx_autobuf bx_buf again = BX_BUF_INIT;
    bx_autoerror bx_error *err = NULL;
    bx_autofree char *exact = malloc(len + (len == 0)); /* for ASan's sake */

    memcpy(exact, data, len);
    if (bx_policy_unpack(exact, len, &policy, &err) < 0) {
        assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
        assert_null(policy);
        return;
    }
    pack(policy, &again);
    assert_int_equal(again.len, len);
    assert_memory_equal(again.data, data, len);
    copy = bx_policy_clone(policy);
    assert_non_null(copy);
    answers = describe(copy);
}

static void refuses_cut_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        bx_autopolicy bx_policy *policy = make_policy(i);
        bx_autobuf bx_buf bytes = BX_BUF_INIT;

        pack(policy, &bytes);
        for (size_t len = 0; len < bytes.len; len++) {
            bx_autofree char *cut = malloc(len + 1);
            bx_autoerror bx_error *err = NULL;
            bx_policy *back = NULL;

            memcpy(cut, bytes.data, len);
            assert_int_equal(bx_policy_unpack(cut, len, &back, &err), -1);
            assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
            assert_null(back);
        }
        bx_buf_append(&bytes, "", 1, SIZE_MAX);
        assert_int_equal(bx_policy_unpack(bytes.data, bytes.len, &policy, NULL),
                         -1);
    }
}

/* The richest one, every byte by several. */
static void survives_flipped_bytes(void **state)
{
    static const uint8_t flips[] = { 0x01, 0x20, 0x80 };
    bx_autopolicy bx_policy *policy = make_policy(11);
    bx_autobuf bx_buf bytes = BX_BUF_INIT;

    (void)state;
    pack(policy, &bytes);
    for (size_t at = 0; at < bytes.len; at++) {
        for (size_t i = 0; i < COUNT(flips); i++) {
            bytes.data[at] ^= (char)flips[i];
            try_bytes(bytes.data, bytes.len);
            bytes.data[at] ^= (char)flips[i];
        }
    }
}

static void refuses_other_versions(void **state)
{
    bx_autopolicy bx_policy *policy = make_policy(0);
    bx_autobuf bx_buf bytes = BX_BUF_INIT;
    bx_autoerror bx_error *err = NULL;

    (void)state;
    pack(policy, &bytes);
    bytes.data[sizeof(BX_PACK_MAGIC) - 2]++;
    bx_policy_free(bx_take(policy));
    assert_int_equal(bx_policy_unpack(bytes.data, bytes.len, &policy, &err),
                     -1);
    assert_string_equal(bx_error_message(err),
                        "packed policy: not a packed policy, or of another "
                        "version; expected what the same version of boxagnts "
                        "wrote");
    assert_null(policy);
    assert_int_equal(bx_policy_unpack(NULL, 0, &policy, NULL), -1);
}

/* What the parsers would take, and pack.c never writes. */
static void refuses_what_is_not_written(void **state)
{
    static const struct {
        const char *is;
        const char *becomes; /* of the same length */
    } rows[] = {
        { "/srv/w", "srv/ww" },         /* relative */
        { "/srv/over", "srv/overs" },   /* the same */
        { "/srv/cache", "srv/cachee" }, /* the same */
        { "/out", "/ou/" },             /* not canonical */
        { "https://api.example.com", "HTTPS://api.example.com" },
        { "exec:python3", "exec:python\n" }, /* an origin */
        { "X-Key", "X Key" },
        { "k {}", "k {{" },
        { "10.1.0.0/16", "10.1.1.0/16" },
        { "EMPTY", "EMP=Y" },
        { "web-*", "we*-*" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_autopolicy bx_policy *policy = make_policy(11);
        bx_autobuf bx_buf bytes = BX_BUF_INIT;
        bx_policy *back = NULL;
        size_t len = strlen(rows[i].is);
        char *at;

        pack(policy, &bytes);
        at = memmem(bytes.data, bytes.len, rows[i].is, len);
        if (at == NULL)
            fail_msg("no '%s'", rows[i].is);
        assert_int_equal(strlen(rows[i].becomes), len);
        memcpy(at, rows[i].becomes, len);
        if (bx_policy_unpack(bytes.data, bytes.len, &back, NULL) == 0)
            fail_msg("'%s' was taken", rows[i].becomes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_the_same),
        cmocka_unit_test(gives_the_same_bytes),
        cmocka_unit_test(is_narrowed_further),
        cmocka_unit_test(leaves_secrets_behind),
        cmocka_unit_test(takes_host_paths_from_the_root),
        cmocka_unit_test(takes_the_current_folder_as_it_is),
        cmocka_unit_test(longest_entries_come_back),
        cmocka_unit_test(canonical_forms_have_the_same_bounds),
        cmocka_unit_test(refuses_host_paths_past_the_most),
        cmocka_unit_test(refuses_policies_past_the_most),
        cmocka_unit_test(refuses_cut_bytes),
        cmocka_unit_test(survives_flipped_bytes),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(refuses_what_is_not_written),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
