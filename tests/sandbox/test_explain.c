/* What a policy explains is what a run does: random policies over real
 * folders, and for each question the answer of bx_policy_check_fs() and
 * bx_policy_check_url() beside what a guest that tries it is told. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/url.h"
#include "policy/policy.h"
#include "sandbox/support.h"

#define POLICIES 60
#define QUESTIONS 40 /* of each policy */
#define RECORD_BYTES 96
#define PATH_AT 16 /* in a record */

/* Reads records from stdin; each: u32 folder, u32 length, u64 rights, path.
 * Opens the path with these rights, puts the errno in place of the folder,
 * closes what it got and writes all records to stdout. */
static const char opener[] =
    "(module "
    "(import \"wasi_snapshot_preview1\" \"path_open\" (func $open (param i32 "
    "i32 i32 i32 i32 i64 i64 i32 i32) (result i32))) "
    "(import \"wasi_snapshot_preview1\" \"fd_close\" (func $close (param i32) "
    "(result i32))) " FD_READ " " FD_WRITE " (memory (export \"memory\") 2) "
    "(func (export \"_start\") (local $at i32) (local $end i32) "
    "(i32.store (i32.const 0) (i32.const 1024)) "
    "(i32.store (i32.const 4) (i32.const 65536)) "
    "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) "
    "(i32.const 4))) "
    "(local.set $at (i32.const 1024)) "
    "(local.set $end (i32.add (i32.const 1024) (i32.load (i32.const 4)))) "
    "(block $done (loop $next "
    "(br_if $done (i32.ge_u (local.get $at) (local.get $end))) "
    "(i32.store (local.get $at) (call $open (i32.load (local.get $at)) "
    "(i32.const 1) (i32.add (local.get $at) (i32.const 16)) "
    "(i32.load (i32.add (local.get $at) (i32.const 4))) (i32.const 0) "
    "(i64.load (i32.add (local.get $at) (i32.const 8))) (i64.const 0) "
    "(i32.const 0) (i32.const 16))) "
    "(if (i32.eqz (i32.load (local.get $at))) (then "
    "(drop (call $close (i32.load (i32.const 16)))))) "
    "(local.set $at (i32.add (local.get $at) (i32.const 96))) "
    "(br $next))) "
    "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) "
    "(i32.const 16)))))";

typedef struct question {
    char path[64]; /* canonical guest path of a file */
    unsigned access;
} question;

/* Numbers that are the same on every run (Marsaglia: Xorshift RNGs). */
static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state % below;
}

/* "", "/a", "/b/a", ...: up to depth names of two. */
static void pick_folder(char path[32], uint32_t depth)
{
    size_t len = 0;

    for (uint32_t left = pick(depth + 1); left > 0; left--) {
        path[len++] = '/';
        path[len++] = (char)('a' + pick(2));
    }
    path[len] = '\0';
}

/* A folder with every path of the names a and b, depth deep, and a file f in
 * each. */
static void make_tree(const char *path, int depth)
{
    char name[160];
    int fd;

    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(name, sizeof(name), "%s/f", path);
    fd = open(name, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    close(fd);
    for (char c = 'a'; depth > 0 && c <= 'b'; c++) {
        snprintf(name, sizeof(name), "%s/%c", path, c);
        make_tree(name, depth - 1);
    }
}

static void set(bx_policy *policy, const char *control, const char *value)
{
    bx_error *err = NULL;

    if (bx_policy_set(policy, control, value, NULL, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

/* Up to three mappings at different places and up to three grants. */
static bx_policy *make_random(void)
{
    bx_policy *policy = make_policy("wasm-cache-dir", "", NULL);
    uint32_t mounts = 1 + pick(3);
    uint32_t grants = pick(4);
    char places[3][32];

    for (uint32_t i = 0; i < mounts; i++) {
        char value[256];
        bool is_new = true;

        pick_folder(places[i], 2);
        for (uint32_t k = 0; k < i; k++)
            is_new = is_new && strcmp(places[k], places[i]) != 0;
        if (!is_new)
            continue;
        snprintf(value, sizeof(value), "%s/tree-%u::%s::%s", test_home, pick(2),
                 places[i][0] == '\0' ? "/" : places[i],
                 pick(2) == 0 ? "ro" : "rw");
        set(policy, "map-dir", value);
    }
    for (uint32_t i = 0; i < grants; i++) {
        char value[64];
        char path[32];

        pick_folder(path, 3);
        snprintf(value, sizeof(value), "fs.%s:%s%s",
                 pick(2) == 0 ? "read" : "write", path[0] == '\0' ? "/" : path,
                 pick(4) == 0 ? "/f" : "");
        set(policy, "grant", value);
    }
    return policy;
}

/* As a C library picks it: the deepest mapping that has the path; or any other
 * one that has, from which nested mappings are entered by name. */
static bool put_record(const bx_policy *policy, const question *asked,
                       uint8_t *record)
{
    const char *rest = NULL;
    uint32_t folder = 0;
    uint32_t len;
    uint64_t rights = asked->access == BX_ACCESS_READ ? 2 : 64;
    uint32_t skip = pick(2);

    for (size_t i = 0; i < policy->mounts_count; i++) {
        const char *dir = policy->mounts[i].guest_dir;
        size_t bytes = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

        if (!bx_guest_path_is_beneath(asked->path, dir))
            continue;
        if (rest == NULL || (skip == 0) == (asked->path + bytes > rest)) {
            rest = asked->path + bytes + 1;
            folder = 3 + (uint32_t)i;
        }
    }
    if (rest == NULL)
        return false;
    len = (uint32_t)strlen(rest);
    memset(record, 0, RECORD_BYTES);
    memcpy(record, &folder, 4);
    memcpy(record + 4, &len, 4);
    memcpy(record + 8, &rights, 8);
    memcpy(record + PATH_AT, rest, len);
    return true;
}

static void compare(const bx_policy *policy, const question *asked,
                    size_t count, const char *out)
{
    for (size_t i = 0; i < count; i++) {
        bx_verdict verdict =
            bx_policy_check_fs(policy, asked[i].path, asked[i].access);
        uint32_t errnum;

        memcpy(&errnum, out + i * RECORD_BYTES, 4);
        if (verdict.is_allowed == (errnum == 0))
            continue;
        for (size_t k = 0; k < policy->mounts_count; k++)
            print_message("%s\n", policy->mounts[k].origin);
        for (size_t k = 0; k < policy->fs_grants_count; k++)
            print_message("%s\n", policy->fs_grants[k].origin);
        fail_msg("%s %s: explained %s (%s), the run's errno is %u",
                 asked[i].access == BX_ACCESS_READ ? "read" : "write",
                 asked[i].path, verdict.is_allowed ? "yes" : "no",
                 verdict.reason, errnum);
    }
}

static void opens_what_is_explained(void **state)
{
    char path[160];

    (void)state;
    random_state = 20261;
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/tree-%d", test_home, i);
        make_tree(path, 4);
    }
    for (int i = 0; i < POLICIES; i++) {
        bx_policy *policy = make_random();
        bx_run_options options = BX_RUN_OPTIONS_INIT;
        static uint8_t records[QUESTIONS * RECORD_BYTES];
        question asked[QUESTIONS];
        size_t count = 0;
        bx_result *result;
        size_t bytes;
        const char *out;

        for (int k = 0; k < QUESTIONS; k++) {
            char folder[32];

            pick_folder(folder, 4);
            snprintf(asked[count].path, sizeof(asked[count].path), "%s/f",
                     folder);
            asked[count].access =
                pick(2) == 0 ? BX_ACCESS_READ : BX_ACCESS_WRITE;
            if (put_record(policy, &asked[count],
                           records + count * RECORD_BYTES))
                count++;
            else
                assert_false(bx_policy_check_fs(policy, asked[count].path,
                                                asked[count].access)
                                 .is_allowed);
        }
        options.stdin_data = records;
        options.stdin_bytes = count * RECORD_BYTES;
        result = run_wat(opener, policy, &options);
        assert_int_equal(bx_result_code(result), BX_OK);
        out = bx_result_stdout(result, &bytes);
        assert_int_equal(bytes, count * RECORD_BYTES);
        compare(policy, asked, count, out);
        bx_result_free(result);
        bx_policy_free(policy);
    }
}

/* Opens each request of stdin (u32 length, 92 bytes of JSON), as above. */
static const char asker[] =
    "(module "
    "(import \"boxagnts\" \"http_open\" (func $open (param i32 i32 i32) "
    "(result i32))) (import \"boxagnts\" \"http_close\" (func $close (param "
    "i32) (result i32))) " FD_READ " " FD_WRITE
    " (memory (export \"memory\") 2) "
    "(func (export \"_start\") (local $at i32) (local $end i32) "
    "(i32.store (i32.const 0) (i32.const 1024)) "
    "(i32.store (i32.const 4) (i32.const 65536)) "
    "(drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) "
    "(i32.const 4))) "
    "(local.set $at (i32.const 1024)) "
    "(local.set $end (i32.add (i32.const 1024) (i32.load (i32.const 4)))) "
    "(block $done (loop $next "
    "(br_if $done (i32.ge_u (local.get $at) (local.get $end))) "
    "(i32.store (local.get $at) (call $open "
    "(i32.add (local.get $at) (i32.const 4)) (i32.load (local.get $at)) "
    "(i32.const 16))) "
    "(if (i32.eqz (i32.load (local.get $at))) (then "
    "(drop (call $close (i32.load (i32.const 16)))))) "
    "(local.set $at (i32.add (local.get $at) (i32.const 96))) "
    "(br $next))) "
    "(drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) "
    "(i32.const 16)))))";

static const char *const url_controls[][2] = {
    { "allowed-outbound-host", "*" },
    { "allowed-outbound-host", "https://api.example.com" },
    { "allowed-outbound-host", "*://*.example.com:*" },
    { "allowed-outbound-host", "http://localhost:8080" },
    { "allowed-outbound-host", "http://10.0.0.0/8:1..100" },
    { "allowed-outbound-host", "http://[fd00::/8]" },
    { "block-url", "*.example.com/private" },
    { "block-url", "http://*/a*b" },
    { "block-network", "private" },
    { "block-network", "10.1.0.0/16" },
};
#define URL_CONTROLS (sizeof(url_controls) / sizeof(url_controls[0]))

static const char *const hosts[] = {
    "api.example.com",
    "API.example.COM.",
    "example.com",
    "localhost",
    "a.localhost:8080",
    "localhost:8080",
    "10.0.0.1",
    "0xa000001:99",
    "10.1.2.3",
    "[::ffff:10.0.0.1]",
    "[fd00::1]",
    "[64:ff9b::a01:203]",
    "127.1:8080",
    "169.254.169.254",
    "example.org",
    "user@example.com",
    "0",
    "[::1%25eth0]",
};
static const char *const rests[] = {
    "", "/", "/private", "/x/../private/", "/%70rivate", "/a/b", "/?private",
};
#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof((list)[0])))

static void put_request(const char *url, uint8_t *record)
{
    uint32_t len;

    memset(record, 0, RECORD_BYTES);
    len = (uint32_t)snprintf((char *)record + 4, RECORD_BYTES - 4,
                             "{\"url\": \"%s\"}", url);
    assert_true(len < RECORD_BYTES - 4);
    memcpy(record, &len, 4);
}

/* EINVAL for what is no URL, EACCES for what is refused. */
static uint32_t explain_url(const bx_policy *policy, const char *text)
{
    bx_url *url = bx_url_parse(text, strlen(text), NULL, NULL);
    uint32_t answer = 28;

    if (url != NULL)
        answer = bx_policy_check_url(policy, url).is_allowed ? 0 : 2;
    bx_url_free(url);
    return answer;
}

static void fetches_what_is_explained(void **state)
{
    (void)state;
    random_state = 49157;
    for (int i = 0; i < POLICIES; i++) {
        bx_policy *policy = make_policy("wasm-cache-dir", "", NULL);
        bx_run_options options = BX_RUN_OPTIONS_INIT;
        static uint8_t records[QUESTIONS * RECORD_BYTES];
        char urls[QUESTIONS][80];
        bx_result *result;
        const char *out;

        for (uint32_t left = pick(5); left > 0; left--) {
            uint32_t row = pick(URL_CONTROLS);

            set(policy, url_controls[row][0], url_controls[row][1]);
        }
        for (int k = 0; k < QUESTIONS; k++) {
            snprintf(urls[k], sizeof(urls[k]), "%s://%s%s",
                     pick(2) == 0 ? "http" : "HTTPS", hosts[pick(COUNT(hosts))],
                     rests[pick(COUNT(rests))]);
            put_request(urls[k], records + k * RECORD_BYTES);
        }
        options.stdin_data = records;
        options.stdin_bytes = sizeof(records);
        result = run_wat(asker, policy, &options);
        assert_int_equal(bx_result_code(result), BX_OK);
        out = bx_result_stdout(result, NULL);
        for (int k = 0; k < QUESTIONS; k++) {
            uint32_t errnum;

            memcpy(&errnum, out + k * RECORD_BYTES, 4);
            if (errnum != explain_url(policy, urls[k]))
                fail_msg("%s: explained %u, the run's errno is %u", urls[k],
                         explain_url(policy, urls[k]), errnum);
        }
        bx_result_free(result);
        bx_policy_free(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_is_explained),
        cmocka_unit_test(fetches_what_is_explained),
    };

    return cmocka_run_group_tests(tests, make_home, remove_home);
}
