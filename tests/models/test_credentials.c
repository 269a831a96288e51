/* Keys: where they come from, what is refused, and that no message has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/models/credentials.h"
#include "base/run.h"

#define KEY "sk-test-0123456789"

static char dir[64];
static char path[128];

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/bx-test-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/key", dir);
    return unsetenv("BX_TEST_KEY");
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir);
}

static void write_key(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void expect_key(const bx_provider *provider, const char *key)
{
    bx_autocredential char *got = NULL;
    bx_autoerror bx_error *err = NULL;
    int status = bx_credential_read(provider, NULL, &got, &err);

    if (err != NULL)
        print_message("%s\n", bx_error_message(err));
    assert_int_equal(status, 0);
    if (key == NULL)
        assert_null(got);
    else
        assert_string_equal(got, key);
}

/* The message names the provider, says words, and has nothing of the key. */
static void expect_error(const bx_provider *provider, bx_code code,
                         const char *words)
{
    char *got = NULL;
    bx_autoerror bx_error *err = NULL;

    assert_int_equal(bx_credential_read(provider, NULL, &got, &err), -1);
    assert_null(got);
    if (strstr(bx_error_message(err), words) == NULL)
        print_message("%s\n", bx_error_message(err));
    assert_int_equal(bx_error_code(err), code);
    assert_non_null(strstr(bx_error_message(err), words));
    assert_non_null(strstr(bx_error_message(err), "provider 'acme'"));
    assert_null(strstr(bx_error_message(err), "sk-"));
}

static bx_provider of_file(void)
{
    return (bx_provider){ .name = "acme", .key_file = path };
}

static bx_provider of_command(const char *const *argv)
{
    return (bx_provider){ .name = "acme", .key_command = argv };
}

static void takes_the_variable_first(void **state)
{
    static const char *const argv[] = { "false", NULL };
    bx_provider all = { .name = "acme",
                        .key_env = "BX_TEST_KEY",
                        .key_file = path,
                        .key_command = argv };

    (void)state;
    write_key("sk-of-the-file\n", 0600);
    assert_int_equal(setenv("BX_TEST_KEY", KEY, 1), 0);
    expect_key(&all, KEY);
    assert_int_equal(setenv("BX_TEST_KEY", "", 1), 0);
    expect_key(&all, "sk-of-the-file");
    assert_int_equal(unlink(path), 0);
    expect_error(&all, BX_ERR_DENIED, "key command 'false' failed (status 1)");
}

static void says_how_to_give_one(void **state)
{
    bx_provider provider = { .name = "acme", .key_env = "BX_TEST_KEY" };

    (void)state;
    expect_error(&provider, BX_ERR_DENIED, "BX_TEST_KEY");
    expect_error(&provider, BX_ERR_DENIED, "key_file");
}

static void sends_none_where_none_is_wanted(void **state)
{
    bx_provider provider = { .name = "acme" };

    (void)state;
    expect_key(&provider, NULL);
}

static void refuses_what_is_no_key(void **state)
{
    static const char *const bad[] = { KEY " " KEY, KEY "\nHost: evil",
                                       KEY "\x01", KEY "\xc3\xa9" };
    bx_provider provider = { .name = "acme", .key_env = "BX_TEST_KEY" };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(setenv("BX_TEST_KEY", bad[i], 1), 0);
        expect_error(&provider, BX_ERR_DENIED, "variable BX_TEST_KEY holds a");
    }
}

static void reads_a_private_file(void **state)
{
    bx_provider provider = of_file();

    (void)state;
    write_key(KEY "\r\n", 0600);
    expect_key(&provider, KEY);
    write_key(KEY, 0400);
    expect_key(&provider, KEY);
}

static void refuses_a_file_that_others_can_read(void **state)
{
    static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0644 };
    bx_provider provider = of_file();

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        write_key(KEY, modes[i]);
        expect_error(&provider, BX_ERR_DENIED, "open to other users");
    }
}

static void refuses_files_of_the_wrong_kind(void **state)
{
    bx_provider folder = { .name = "acme", .key_file = dir };
    bx_provider device = { .name = "acme", .key_file = "/dev/null" };
    bx_provider provider = of_file();

    (void)state;
    expect_error(&folder, BX_ERR_DENIED, "not a regular file");
    expect_error(&device, BX_ERR_DENIED, "not a regular file");
    expect_error(&provider, BX_ERR_NOT_FOUND, path);
    write_key("\n", 0600);
    expect_error(&provider, BX_ERR_DENIED, "holds nothing");
}

static void refuses_a_link_of_another_user(void **state)
{
    char link[160];
    bx_provider provider = { .name = "acme", .key_file = link };

    (void)state;
    (void)snprintf(link, sizeof(link), "%s/link", dir);
    write_key(KEY, 0600);
    assert_int_equal(symlink(path, link), 0);
    expect_key(&provider, KEY);
    /* Only root can give a link away. */
    if (geteuid() == 0) {
        assert_int_equal(lchown(link, 12345, 12345), 0);
        expect_error(&provider, BX_ERR_DENIED, "a link of another user");
    }
    assert_int_equal(unlink(link), 0);
}

static void limits_the_length(void **state)
{
    static char text[BX_CREDENTIAL_MAX_BYTES + 2];
    bx_provider provider = of_file();

    (void)state;
    memset(text, 'k', BX_CREDENTIAL_MAX_BYTES);
    write_key(text, 0600);
    expect_key(&provider, text);
    text[BX_CREDENTIAL_MAX_BYTES] = 'k';
    write_key(text, 0600);
    expect_error(&provider, BX_ERR_DENIED, "more than 8192 bytes");
}

static void runs_a_command_without_a_shell(void **state)
{
    static const char *const argv[] = { "printf", "%s\n", "$HOME;`id`", NULL };
    bx_provider provider = of_command(argv);

    (void)state;
    expect_key(&provider, "$HOME;`id`");
}

static void gives_the_command_nothing_open(void **state)
{
    /* What it finds open, its listing's own descriptor apart. */
    static const char *const argv[] = { "/bin/sh", "-c",
                                        "n=0; for f in 3 4 5 6 7 8 9; do "
                                        "[ ! -e /proc/$$/fd/$f ] || n=$f; "
                                        "done; cat; echo open:$n",
                                        NULL };
    bx_provider provider = of_command(argv);
    int fd = open("/dev/null", O_RDONLY); /* would be passed on */
    int above = dup2(fd, 7);

    (void)state;
    assert_int_equal(above, 7);
    expect_key(&provider, "open:0");
    (void)close(above);
    (void)close(fd);
}

static void tells_of_a_command_without_its_words(void **state)
{
    static const char *const fails[] = {
        "sh", "-c", "echo " KEY "; echo " KEY " >&2; exit 3", NULL
    };
    static const char *const dies[] = { "sh", "-c", "kill -9 $$", NULL };
    static const char *const two[] = { "echo", KEY, KEY, NULL };
    static const char *const missing[] = { "/nonexistent/helper", NULL };
    bx_provider provider = of_command(fails);

    (void)state;
    expect_error(&provider, BX_ERR_DENIED, "'sh' failed (status 3)");
    provider = of_command(dies);
    expect_error(&provider, BX_ERR_DENIED, "'sh' failed (signal 9)");
    provider = of_command(two);
    expect_error(&provider, BX_ERR_DENIED, "holds a space");
    provider = of_command(missing);
    expect_error(&provider, BX_ERR_NOT_FOUND, "/nonexistent/helper");
}

static void limits_what_a_command_prints(void **state)
{
    static const char *const argv[] = { "sh", "-c",
                                        "while :; do echo kkkkkkkkkkkk; done",
                                        NULL };
    bx_provider provider = of_command(argv);

    (void)state;
    expect_error(&provider, BX_ERR_DENIED, "printed more than 65536 bytes");
}

/* Its children too: they would hold the pipe. */
static void ends_a_command_when_cancelled(void **state)
{
    char script[256];
    const char *argv[] = { "sh", "-c", script, NULL };
    bx_provider provider = of_command(argv);
    bx_cancel cancel = { .triggered = true };
    bx_autoerror bx_error *err = NULL;
    char *key = NULL;
    pid_t pid = 0;
    FILE *file;

    (void)state;
    (void)snprintf(script, sizeof(script), "sleep 1000");
    assert_int_equal(bx_credential_read(&provider, &cancel, &key, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_CANCELLED);

    /* One that takes the whole time, with a child in the background. */
    (void)snprintf(script, sizeof(script),
                   "sleep 1000 & echo $! > %s; exec sleep 1000", path);
    expect_error(&provider, BX_ERR_TIMEOUT, "longer than 10 s");
    file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    (void)fclose(file);
    for (int i = 0; i < 5000 && kill(pid, 0) == 0; i++) {
        char stat[64];
        char kind = 0;

        /* Ended; whoever adopted it has not looked yet. */
        (void)snprintf(stat, sizeof(stat), "/proc/%d/stat", pid);
        file = fopen(stat, "r");
        if (file == NULL)
            break;
        assert_int_equal(fscanf(file, "%*d %*s %c", &kind), 1);
        (void)fclose(file);
        if (kind == 'Z')
            return;
        (void)usleep(1000);
    }
    assert_int_equal(kill(pid, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(takes_the_variable_first),
        TEST(says_how_to_give_one),
        TEST(sends_none_where_none_is_wanted),
        TEST(refuses_what_is_no_key),
        TEST(reads_a_private_file),
        TEST(refuses_a_file_that_others_can_read),
        TEST(refuses_files_of_the_wrong_kind),
        TEST(refuses_a_link_of_another_user),
        TEST(limits_the_length),
        TEST(runs_a_command_without_a_shell),
        TEST(gives_the_command_nothing_open),
        TEST(tells_of_a_command_without_its_words),
        TEST(limits_what_a_command_prints),
        TEST(ends_a_command_when_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
