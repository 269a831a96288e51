/* A policy's whole life with one allocation or system call failing at a time:
 * loaded, narrowed, asked, formatted, copied, packed. What is refused stays
 * refused. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/support_fault.h"
#include "policy/grant.h"
#include "policy/pack.h"
#include "policy/secret.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define VALUE "hunter2hunter2"

static char folder[] = "/tmp/bx-fault-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    setenv("BX_TEST_TOKEN", VALUE, 1);
    setenv("BX_TEST_WORD", "word", 1);
    write_file("token", VALUE "2\n");
    write_file("ci.yaml",
               "version: 1\n"
               "work-dir: w\n"
               "map-dir:\n"
               "  - ./r::/ro::ro\n"
               "  - { host: 'a::b', guest: './x//y', mode: rw }\n"
               "grant: ['fs.read:/', 'fs.write:/out', 'exec:git*', 'tool:*']\n"
               "env: [A=1, 'Q=\"\\', BX_TEST_WORD]\n"
               "secret:\n"
               "  - BX_TEST_TOKEN@https://api.example.com\n"
               "  - { name: FILE_TOKEN, file: token }\n"
               "allowed-outbound-host: ['https://api.example.com',"
               " '*.example.com', 'http://10.0.0.0/8:*', 'http://[::1]:80..90',"
               " 'http://localhost:*']\n"
               "block-url: ['api.example.com/admin', '*/track/*',"
               " 'http://[::1]:8080/a']\n"
               "block-network: [10.1.0.0/16, private]\n"
               "permission-level: execute\n"
               "tool-level: [bash=forbidden, 'web-*=read_only']\n"
               "wasm-timeout: 2s\nwasm-fuel: 9007199254740993\n"
               "wasm-cache-dir: cache\ndeterministic: 7\n");
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

/* ---- asking --------------------------------------------------------- */

static void note_verdict(fault_log *log, const char *subject,
                         bx_verdict verdict)
{
    fault_note(log, "%s: %s: %s (%s)", subject,
               verdict.is_allowed ? "allowed" : "denied", verdict.reason,
               verdict.rule);
}

/* Without memory to judge it, what was allowed is denied. */
static bool may_say(const char *line, const char *expected)
{
    size_t subject = strcspn(expected, ":");

    return strncmp(line, expected, subject) == 0 &&
           strstr(line, ": denied: out of memory") != NULL;
}

static void ask_names(fault_log *log, const bx_policy *policy)
{
    static const char *const paths[] = { "/", "/out/b", "/ro/a", "/x/y/z" };
    static const char *const names[] = { "git-log", "sh", "bash",      "web-x",
                                         "A",       "B",  "FILE_TOKEN" };
    bx_verdict verdict;

    for (size_t i = 0; i < COUNT(paths); i++) {
        for (unsigned wanted = 1; wanted <= 3; wanted++)
            note_verdict(log, paths[i],
                         bx_policy_check_fs(policy, paths[i], wanted));
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        note_verdict(log, names[i], bx_policy_check_exec(policy, names[i]));
        note_verdict(log, names[i], bx_policy_check_tool(policy, names[i]));
        note_verdict(log, names[i], bx_policy_check_env(policy, names[i]));
        note_verdict(log, names[i], bx_policy_check_secret(policy, names[i]));
        (void)bx_policy_tool_level(policy, names[i], BX_LEVEL_WRITE, &verdict);
        note_verdict(log, names[i], verdict);
    }
}

static void ask_network(fault_log *log, const bx_policy *policy)
{
    static const struct {
        const char *scheme;
        const char *host;
        uint16_t port;
        const char *path;
    } rows[] = {
        { "https", "api.example.com", 443, "/v1" },
        { "https", "api.example.com", 443, "/admin/x" },
        { "https", "b.example.com", 443, "/a/%2574rack//b" },
        { "https", "example.com", 443, "/" },
        { "http", "10.2.3.4", 81, "/../x" },
        { "http", "localhost", 8080, "/a" },
        { "http", "::1", 8080, "/a" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_url url = { .scheme = (char *)rows[i].scheme,
                       .host = (char *)rows[i].host,
                       .port = rows[i].port,
                       .path = (char *)rows[i].path };
        bx_address address = { { [10] = 0xff, 0xff, 8, 8, 8, 8 } };

        note_verdict(log, rows[i].host, bx_policy_check_url(policy, &url));
        note_verdict(log, rows[i].host,
                     bx_policy_check_address(policy, &url, &address));
    }
}

static void ask(fault_log *log, const bx_policy *policy)
{
    char text[] = "a " VALUE " and %68unter2hunter2 b";

    ask_names(log, policy);
    ask_network(log, policy);
    bx_policy_mask(policy, text, sizeof(text) - 1);
    fault_note(log, "%s, %s, %s", text, bx_policy_origin(policy, "work-dir"),
               bx_policy_origin(policy, "wasm-timeout"));
}

/* ---- scenarios ------------------------------------------------------ */

static bx_policy *load(bx_error **err)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/ci.yaml", folder);
    return bx_policy_load(path, err);
}

static int load_and_ask(fault_log *log, bx_error **err)
{
    bx_autopolicy bx_policy *policy = load(err);

    if (policy == NULL)
        return -1;
    ask(log, policy);
    return 0;
}

static bx_grants *make_layer(bx_error **err)
{
    static const char *const rules[] = {
        "fs.read:/./", "fs.write:/out", "network:*.example.com",
        "env:A",       "exec:git-log",  "tool:file-*",
    };
    bx_autogrants bx_grants *grants = bx_grants_new();

    if (grants == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (bx_grants_add(grants, rules[i], NULL, err) < 0)
            return NULL;
    }
    if (bx_grants_put_limit(grants, "wasm-timeout", "1s", NULL, err) < 0 ||
        bx_grants_add_secret(grants, "BX_TEST_TOKEN", "https://api.example.com",
                             NULL, NULL, NULL, err) < 0 ||
        bx_grants_add_secret(grants, "FILE_TOKEN", "https://b.example.com",
                             "X-Key", "k {}", NULL, err) < 0 ||
        bx_grants_check_level(grants, BX_LEVEL_EXECUTE, err) < 0)
        return NULL;
    return bx_take(grants);
}

static int note_text(fault_log *log, char *text)
{
    if (text == NULL)
        return -1;
    for (char *line = strtok(text, "\n"); line != NULL;
         line = strtok(NULL, "\n"))
        fault_note(log, "%s", line);
    free(text);
    return 0;
}

static int narrow(fault_log *log, bx_error **err)
{
    bx_autopolicy bx_policy *policy = load(err);
    bx_autogrants bx_grants *layer = NULL;

    if (policy == NULL || (layer = make_layer(err)) == NULL ||
        note_text(log, bx_grants_format(layer, err)) < 0 ||
        note_text(log, bx_policy_missing(policy, layer, err)) < 0)
        return -1;
    if (bx_policy_narrow(policy, layer, "session", err) < 0 ||
        bx_policy_protect(policy, "/srv/.git", "lock", err) < 0)
        return -1;
    ask(log, policy);
    if (note_text(log, bx_policy_missing(policy, layer, err)) < 0)
        return -1;
    if (bx_policy_narrow(policy, layer, "manifest of 't'", err) < 0)
        return -1;
    ask(log, policy);
    return 0;
}

static int format(fault_log *log, bx_error **err)
{
    bx_autopolicy bx_policy *policy = load(err);
    bx_autogrants bx_grants *layer = NULL;

    if (policy == NULL || (layer = make_layer(err)) == NULL ||
        bx_policy_narrow(policy, layer, "session", err) < 0 ||
        bx_policy_protect(policy, "/srv/.git", "lock", err) < 0)
        return -1;
    if (note_text(log, bx_policy_format(policy, false, err)) < 0 ||
        note_text(log, bx_policy_format(policy, true, err)) < 0)
        return -1;
    return 0;
}

static int copy(fault_log *log, bx_error **err)
{
    bx_autopolicy bx_policy *policy = load(err);
    bx_autopolicy bx_policy *twin = NULL;
    bx_autogrants bx_grants *layer = NULL;

    if (policy == NULL || (layer = make_layer(err)) == NULL ||
        bx_policy_narrow(policy, layer, "session", err) < 0 ||
        bx_policy_protect(policy, "/srv/.git", "lock", err) < 0 ||
        bx_policy_set_overlay(policy, "/srv/over", err) < 0)
        return -1;
    twin = bx_policy_clone(policy);
    if (twin == NULL)
        return bx_error_set_nomem(err); /* the only reason it has */
    ask(log, twin);
    return 0;
}

static int pack(fault_log *log, bx_error **err)
{
    bx_autopolicy bx_policy *policy = load(err);
    bx_autopolicy bx_policy *back = NULL;
    bx_autogrants bx_grants *layer = NULL;
    bx_autobuf bx_buf bytes = BX_BUF_INIT;

    if (policy == NULL || (layer = make_layer(err)) == NULL ||
        bx_policy_narrow(policy, layer, "session", err) < 0 ||
        bx_policy_protect(policy, "/srv/.git", "lock", err) < 0 ||
        bx_policy_set(policy, "wasm-cache-dir", "cache", NULL, err) < 0 ||
        bx_policy_pack(policy, &bytes, err) < 0)
        return -1;
    fault_note(log, "%zu bytes", bytes.len);
    if (bx_policy_unpack(bytes.data, bytes.len, &back, err) < 0)
        return -1;
    ask(log, back);
    return 0;
}

/* What is wrong is told as wrong, or as out of memory. */
static int refuse(fault_log *log, bx_error **err)
{
    static const char *const texts[] = {
        "map-dir: [data]\n",
        "map-dir: ['a::/x', 'b::/x']\n",
        "allowed-outbound-host: ['ftp://x']\n",
        "allowed-outbound-host: ['http://10.0.0.1/9']\n",
        "block-url: ['a.example/../b']\n",
        "block-network: [10.0.0.1/8]\n",
        "wasm-timeuot: 2s\n",
        "wasm-timeout: 2 parsecs\n",
        "grant: ['fs.raed:/x']\n",
        "env: [BX_TEST_NOT_THERE]\n",
        "secret: [NAME=value]\n",
        "tool-level: [x]\n",
        "a: *b\n",
        "a: [\n",
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        bx_error *why = NULL;
        bx_policy *policy =
            bx_policy_parse(texts[i], strlen(texts[i]), "ci", NULL, &why);

        if (policy != NULL || why == NULL)
            fail_msg("accepted: %s", texts[i]);
        if (bx_error_code(why) == BX_ERR_SYSTEM) {
            *err = why;
            return -1;
        }
        fault_note(log, "%d %s", bx_error_code(why), bx_error_message(why));
        bx_error_free(why);
    }
    return 0;
}

/* Without memory a message lacks what is in front, or the text it is about. */
static bool may_be_shorter(const char *line, const char *expected)
{
    size_t len = strlen(line);
    size_t expected_len = strlen(expected);

    return line[0] == expected[0] &&
           (strstr(line, "(out of memory)") != NULL ||
            (len > 20 && expected_len > 20 &&
             strcmp(line + len - 20, expected + expected_len - 20) == 0));
}

#define SCENARIO(test, function, ...)                                          \
    static void test(void **state)                                             \
    {                                                                          \
        const fault_scenario scenario = { .name = #test,                       \
                                          .run = function,                     \
                                          __VA_ARGS__ };                       \
                                                                               \
        (void)state;                                                           \
        fault_run(&scenario);                                                  \
    }

SCENARIO(loads_and_answers, load_and_ask, .may_say = may_say)
SCENARIO(narrows_and_answers, narrow, .may_say = may_say)
SCENARIO(formats, format)
SCENARIO(copies, copy, .may_say = may_say)
SCENARIO(packs_and_unpacks, pack, .may_say = may_say)
SCENARIO(refuses, refuse, .may_say = may_be_shorter)

/* argv[1]: only tests of that name, which may have a '*'. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_and_answers),
        cmocka_unit_test(narrows_and_answers),
        cmocka_unit_test(formats),
        cmocka_unit_test(copies),
        cmocka_unit_test(packs_and_unpacks),
        cmocka_unit_test(refuses),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
