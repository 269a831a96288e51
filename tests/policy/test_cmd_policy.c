/* The command itself, in a child process, its output in a file of memory. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "policy/support.h"

/* The command line is linked with the engine; these tests are not. */
#include "cli/cli.c"        /* NOLINT(bugprone-suspicious-include) */
#include "cli/cmd_policy.c" /* NOLINT(bugprone-suspicious-include) */

typedef struct fixture {
    char dir[64];
    char file[80];
    char *out; /* of the last run, stdout and stderr */
} fixture;

static void write_policy(fixture *at, const char *text)
{
    if (bx_file_replace(at->file, text, strlen(text), 0600, NULL) < 0)
        fail_msg("cannot write %s", at->file);
}

static int set_up(void **state)
{
    fixture *at = calloc(1, sizeof(*at));
    char path[80];

    if (at == NULL)
        return -1;
    strcpy(at->dir, "/tmp/bx-cmd-policy-XXXXXX");
    if (mkdtemp(at->dir) == NULL)
        return -1;
    snprintf(at->file, sizeof(at->file), "%s/ci.yaml", at->dir);
    snprintf(path, sizeof(path), "%s/data", at->dir);
    *state = at;
    return mkdir(path, 0700);
}

static int tear_down(void **state)
{
    fixture *at = *state;
    char path[80];

    snprintf(path, sizeof(path), "%s/data", at->dir);
    (void)rmdir(path);
    (void)unlink(at->file);
    (void)rmdir(at->dir);
    free(at->out);
    free(at);
    return 0;
}

/* Run `boxagnts policy words...`; returns its exit status. */
static int run(fixture *at, const char *const *words)
{
    char *argv[8] = { (char *)"policy" };
    bx_autofd int fd = memfd_create("output", MFD_CLOEXEC);
    int argc = 1;
    int status = 0;
    pid_t pid;

    assert_true(fd >= 0);
    for (; *words != NULL; words++)
        argv[argc++] = strcmp(*words, "FILE") == 0 ? at->file : (char *)*words;
    (void)fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            _exit(99);
        status = bx_cmd_policy(argc, argv);
        (void)fflush(NULL);
        _exit(status);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    free(at->out);
    at->out = NULL;
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(
        bx_file_read_fd(fd, "output", 1 << 20, &at->out, NULL, NULL), 0);
    return WEXITSTATUS(status);
}

#define RUN(at, ...) run(at, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_has(const fixture *at, const char *text)
{
    if (strstr(at->out, text) == NULL)
        fail_msg("no '%s' in:\n%s", text, at->out);
}

static void check_prints_what_is_given(void **state)
{
    fixture *at = *state;

    write_policy(at, "map-dir: data::/data::ro\n"
                     "env: [TOKEN=s3cret]\n"
                     "allowed-outbound-host: https://api.example.com\n"
                     "block-network: private\n"
                     "wasm-timeout: 5s\n");
    assert_int_equal(RUN(at, "check", "FILE"), 0);
    assert_has(at, "ci.yaml: valid\n");
    assert_has(at, "/data  read-only");
    assert_has(at, "TOKEN");
    assert_has(at, "allow host     https://api.example.com  line 3\n");
    assert_has(at, "block network  private                  line 4\n");
    assert_has(at, "wasm-timeout          5s           line 5\n");
    assert_has(at, "wasm-max-memory-size  256MiB       default\n");
    assert_null(strstr(at->out, "s3cret"));
    assert_null(strstr(at->out, "\033")); /* no terminal, no colour */
    assert_null(strstr(at->out, "Warnings"));
}

static void check_warns(void **state)
{
    fixture *at = *state;

    write_policy(at, "map-dir:\n"
                     "  - missing::/missing\n"
                     "  - ci.yaml::/file\n"
                     "  - data::/data::ro\n"
                     "grant:\n"
                     "  - fs.read:/data/x\n"
                     "  - fs.write:/data/y\n"
                     "  - fs.read:/nowhere\n"
                     "block-url: a.example\n");
    assert_int_equal(RUN(at, "check", "FILE"), 0);
    assert_has(at, "ci.yaml: valid, 7 warnings\n");
    assert_has(at, "/missing': No such file or directory\n");
    assert_has(at, "/ci.yaml' is not a folder\n");
    assert_has(at, "ci.yaml:3: map-dir ci.yaml::/file: no grant gives "
                   "anything in this folder, so it is out of reach\n");
    assert_has(at, "ci.yaml:7: grant fs.write:/data/y: gives nothing: the "
                   "mapping is read-only\n");
    assert_has(at, "ci.yaml:8: grant fs.read:/nowhere: gives nothing: no "
                   "mapped folder has this path\n");
    assert_has(at, "ci.yaml:9: block-url a.example: has nothing to block: no "
                   "outbound host is allowed\n");
    assert_has(at, "Not granted: environment, network\n");
}

static void check_refuses_bad_files(void **state)
{
    fixture *at = *state;

    write_policy(at, "wasm-timeot: 1s\n");
    assert_int_equal(RUN(at, "check", "FILE"), 2);
    assert_has(at, "ci.yaml: line 1: unknown key 'wasm-timeot'; did you mean "
                   "'wasm-timeout'?");
    assert_int_equal(RUN(at, "check", "FILE", "--json"), 2);
    assert_int_equal(RUN(at, "explain", "FILE", "fs.read:/x"), 2);
    assert_int_equal(RUN(at, "check", "/nonexistent"), 2);
    assert_has(at, "'/nonexistent': No such file or directory");
}

static void check_speaks_json(void **state)
{
    fixture *at = *state;
    json_t *root;
    const json_t *policy;

    write_policy(at, "env: [TOKEN=s3cret]\nblock-network: private\n");
    assert_int_equal(RUN(at, "check", "--json", "FILE"), 0);
    assert_null(strstr(at->out, "s3cret"));
    root = json_loads(at->out, 0, NULL);
    policy = json_object_get(root, "policy");
    assert_string_equal(json_string_value(json_object_get(root, "file")),
                        at->file);
    assert_int_equal(json_array_size(json_object_get(root, "warnings")), 1);
    assert_int_equal(json_array_size(json_object_get(policy, "env")), 1);
    json_decref(root);
}

static void explain_answers(void **state)
{
    static const struct {
        const char *question;
        int status;
        const char *answer;
    } rows[] = {
        { "fs.read:/data/x", 0, "yes  fs.read:/data/x\n" },
        { "read:/data/./y/../x", 0, "yes  fs.read:/data/x\n" },
        { "fs.write:/data/x", 1, "no   fs.write:/data/x\n" },
        { "write:/data/x", 1, "     the mapping is read-only\n" },
        { "write:/data/x", 1, "ci.yaml:1: map-dir data::/data::ro\n" },
        { "read:/etc/passwd", 1, "     nothing granted\n" },
        { "env:LANG", 0, "yes  env:LANG\n" },
        { "env:PATH", 1, "     no env entry has this name\n" },
        { "https://api.example.com/v1", 0,
          "yes  https://api.example.com/v1\n" },
        { "network:HTTPS://API.example.com:443/v1", 0,
          "yes  https://api.example.com/v1\n" },
        { "https://api.example.com/admin", 1,
          "ci.yaml:4: block-url api.example.com/admin\n" },
        { "http://169.254.169.254/", 1,
          "     no allowed-outbound-host matches\n" },
        { "fs.read:/../x", 2, "climbs above the root" },
        { "env:", 2, "names no variable" },
        { "https://user@x.example/", 2, "userinfo" },
        { "frob:/x", 2, "'frob:/x' is no question; expected fs.read:PATH" },
    };
    fixture *at = *state;

    write_policy(at, "map-dir: data::/data::ro\n"
                     "env: {LANG: C}\n"
                     "allowed-outbound-host: https://*.example.com\n"
                     "block-url: api.example.com/admin\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = RUN(at, "explain", "FILE", rows[i].question);

        if (status != rows[i].status)
            fail_msg("%s: %d\n%s", rows[i].question, status, at->out);
        assert_has(at, rows[i].answer);
    }
}

static void explain_speaks_json(void **state)
{
    fixture *at = *state;
    json_t *root;

    write_policy(at, "map-dir: data::/data::ro\n");
    assert_int_equal(RUN(at, "explain", "FILE", "write:/data/x", "--json"), 1);
    root = json_loads(at->out, 0, NULL);
    assert_true(json_is_false(json_object_get(root, "allowed")));
    assert_string_equal(json_string_value(json_object_get(root, "asked")),
                        "fs.write:/data/x");
    assert_string_equal(json_string_value(json_object_get(root, "reason")),
                        "the mapping is read-only");
    json_decref(root);
}

static void usage_is_taught(void **state)
{
    fixture *at = *state;

    write_policy(at, "");
    assert_int_equal(RUN(at, "--help"), 0);
    assert_has(at, "Usage: boxagnts policy check FILE");
    assert_int_equal(RUN(at, "check", "--help"), 0);
    assert_int_equal(RUN(at, "check"), 2);
    assert_has(at, "Try 'boxagnts policy --help'.");
    assert_int_equal(RUN(at, "check", "FILE", "FILE"), 2);
    assert_int_equal(RUN(at, "explain", "FILE"), 2);
    assert_int_equal(RUN(at, "frob", "FILE"), 2);
    assert_int_equal(RUN(at, "check", "FILE", "--frob"), 2);
    assert_has(at, "--frob is not an option");
}

static void names_cannot_drive_the_terminal(void **state)
{
    fixture *at = *state;

    write_policy(at, "map-dir: {host: \"a\\e[31m\", guest: /a}\n"
                     "env: {OK: \"\\e[31m\"}\n");
    assert_int_equal(RUN(at, "check", "FILE"), 0);
    assert_null(strchr(at->out, '\033'));
    assert_has(at, "a\\x1b[31m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(check_prints_what_is_given, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(check_warns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(check_refuses_bad_files, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(check_speaks_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(explain_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(explain_speaks_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(usage_is_taught, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_cannot_drive_the_terminal, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
