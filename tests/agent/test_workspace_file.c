/* Reading beneath a held folder in which anyone may have planted anything. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/one_line.h"
#include "agent/support_folder.h"
#include "agent/workspace_file.h"
#include "overlay/beneath.h"

static folder at;

static int set_up(void **state)
{
    (void)state;
    folder_make(&at);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bx_beneath_force_walk(false);
    folder_remove(&at);
    return 0;
}

static void check_text(const char *path, const char *expected)
{
    bx_autofree char *text = NULL;
    size_t bytes;

    assert_int_equal(
        bx_workspace_file_read(at.fd, path, 100, &text, &bytes, NULL), 0);
    assert_string_equal(text, expected);
    assert_int_equal(bytes, strlen(expected));
}

static void check_refused(const char *path, bx_code code, const char *why)
{
    bx_autoerror bx_error *error = NULL;
    char *text = NULL;

    assert_int_equal(
        bx_workspace_file_read(at.fd, path, 100, &text, NULL, &error), -1);
    assert_null(text);
    if (bx_error_code(error) != code ||
        strstr(bx_error_message(error), why) == NULL)
        fail_msg("'%s': %d %s", path, bx_error_code(error),
                 bx_error_message(error));
}

static void reads_texts_beneath(void **state)
{
    (void)state;
    folder_put(&at, "a.md", "one\n");
    folder_put(&at, "b/c/d.md", "two");
    folder_put(&at, "empty", "");
    folder_put(&at, "mark", "\xef\xbb\xbfthree");
    check_text("a.md", "one\n");
    check_text("b/c/d.md", "two");
    check_text("empty", "");
    check_text("mark", "three");
}

static void refuses_paths_that_lead_out(void **state)
{
    static const char *const paths[] = { "",       ".",   "..", "../x",  "/etc",
                                         "a/../b", "a//", "a/", "./a.md" };

    (void)state;
    folder_put(&at, "a.md", "one");
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        check_refused(paths[i], BX_ERR_DENIED, "beneath");
}

/* Links within the folder are not followed either. */
static void check_links(void)
{
    check_refused("out", BX_ERR_DENIED, "link");
    check_refused("within", BX_ERR_DENIED, "link");
    check_refused("self", BX_ERR_DENIED, "link");
}

static void refuses_links(void **state)
{
    (void)state;
    folder_put(&at, "real/a.md", "one");
    folder_link(&at, "out", "/etc/passwd");
    folder_link(&at, "within", "real/a.md");
    folder_link(&at, "self", "self");
    folder_link(&at, "folder", "real");
    folder_link(&at, "root", "/");
    check_links();
    check_refused("folder/a.md", BX_ERR_DENIED, "link");
    check_refused("root/etc/passwd", BX_ERR_DENIED, "link");
    /* Without openat2() a link on the way is no folder. */
    bx_beneath_force_walk(true);
    check_links();
    check_refused("folder/a.md", BX_ERR_NOT_FOUND, "folder/a.md");
    check_text("real/a.md", "one");
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    folder_fifo(&at, "fifo"); /* nobody writes: it would wait forever */
    folder_socket(&at, "socket");
    folder_make_dirs(&at, "dir");
    check_refused("fifo", BX_ERR_DENIED, "pipe");
    check_refused("socket", BX_ERR_DENIED, "socket");
    check_refused("dir", BX_ERR_DENIED, "folder");
    check_refused("none", BX_ERR_NOT_FOUND, "none");
    check_refused("dir/none/x", BX_ERR_NOT_FOUND, "none");
}

static void refuses_what_is_no_text(void **state)
{
    (void)state;
    folder_put_bytes(&at, "nul", "a\0b", 3);
    folder_put_bytes(&at, "latin", "a\xe4", 2);
    folder_put_bytes(&at, "half", "ab\xc3", 3);
    check_refused("nul", BX_ERR_INVALID, "byte 1 is NUL");
    check_refused("latin", BX_ERR_INVALID, "byte 1 is not UTF-8");
    check_refused("half", BX_ERR_INVALID, "byte 2 is not UTF-8");
}

static void meets_the_size_limit(void **state)
{
    bx_autofree char *text = NULL;
    size_t bytes;

    (void)state;
    folder_put_fill(&at, "fits", 100);
    folder_put_fill(&at, "larger", 101);
    assert_int_equal(
        bx_workspace_file_read(at.fd, "fits", 100, &text, &bytes, NULL), 0);
    assert_int_equal(bytes, 100);
    check_refused("larger", BX_ERR_LIMIT, "100 bytes");
}

static void lists_names_in_order(void **state)
{
    json_t *names;

    (void)state;
    folder_put(&at, "d/b", "");
    folder_put(&at, "d/a", "");
    folder_put(&at, "d/.hidden", "");
    folder_put(&at, "d/bad\xff", "");
    folder_make_dirs(&at, "d/c");
    names = bx_workspace_file_names(at.fd, "d", 5, NULL);
    assert_int_equal(json_array_size(names), 3);
    assert_string_equal(json_string_value(json_array_get(names, 0)), "a");
    assert_string_equal(json_string_value(json_array_get(names, 1)), "b");
    assert_string_equal(json_string_value(json_array_get(names, 2)), "c");
    json_decref(names);
    names = bx_workspace_file_names(at.fd, "none", 5, NULL);
    assert_int_equal(json_array_size(names), 0);
    json_decref(names);
}

static void refuses_to_list_too_much_or_elsewhere(void **state)
{
    bx_autoerror bx_error *many = NULL;
    bx_autoerror bx_error *link = NULL;

    (void)state;
    folder_put(&at, "d/a", "");
    folder_put(&at, "d/.b", "");
    assert_null(bx_workspace_file_names(at.fd, "d", 1, &many));
    assert_int_equal(bx_error_code(many), BX_ERR_LIMIT);
    folder_link(&at, "l", "/etc");
    assert_null(bx_workspace_file_names(at.fd, "l", 999, &link));
    assert_int_equal(bx_error_code(link), BX_ERR_DENIED);
}

static void holds_the_users_folder_only_when_it_is_theirs(void **state)
{
    bx_autoerror bx_error *error = NULL;
    char path[128];
    int fd = 7;

    (void)state;
    assert_int_equal(setenv("XDG_CONFIG_HOME", at.path, 1), 0);
    assert_int_equal(bx_workspace_open_user(&fd, NULL), 0);
    assert_int_equal(fd, -1);
    folder_make_dirs(&at, "boxagnts");
    assert_int_equal(bx_workspace_open_user(&fd, NULL), 0);
    assert_true(fd >= 0);
    close(fd);
    snprintf(path, sizeof(path), "%s/boxagnts", at.path);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(bx_workspace_open_user(&fd, &error), -1);
    assert_int_equal(bx_error_code(error), BX_ERR_DENIED);
}

static void holds_a_workspace(void **state)
{
    bx_autoerror bx_error *error = NULL;
    int fd = bx_workspace_open(at.path, NULL);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(bx_workspace_open("/nonexistent/x", &error), -1);
    assert_int_equal(bx_error_code(error), BX_ERR_NOT_FOUND);
}

static void keeps_some_problems(void **state)
{
    bx_autoerror bx_error *error = NULL;
    json_t *problems = json_array();

    (void)state;
    (void)bx_error_set(&error, BX_ERR_INVALID, "x");
    for (int i = 0; i < 100; i++)
        bx_problems_add(problems, error);
    assert_int_equal(json_array_size(problems), BX_PROBLEMS_MAX + 1);
    json_decref(problems);
}

static void check_line(const char *text, size_t max, const char *expected,
                       bool is_plain)
{
    bool is = !is_plain;
    bx_autofree char *line = bx_one_line(text, strlen(text), max, &is);

    assert_string_equal(line, expected);
    assert_int_equal(is, is_plain);
}

static void makes_one_line_of_anything(void **state)
{
    (void)state;
    check_line("", 80, "", true);
    check_line(" a \n\n b\tc\r\n", 80, "a b c", true);
    check_line("a\xe2\x80\xa8"
               "b",
               80, "a b", true); /* U+2028 */
    check_line("caf\xc3\xa9", 80, "caf\xc3\xa9", true);
    check_line("a\033[2J", 80, "a\xef\xbf\xbd[2J", false);
    check_line("a\xe2\x80\xae", 80, "a\xef\xbf\xbd", false);     /* U+202E */
    check_line("a\xf3\xa0\x81\x81", 80, "a\xef\xbf\xbd", false); /* U+E0041 */
    check_line("a\xff", 80, "a\xef\xbf\xbd", false);
    check_line("0123456789", 8, "01234...", true);
    check_line("0123\xc3\xa9\xc3\xa9", 8, "0123...", true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(reads_texts_beneath),
        TEST(refuses_paths_that_lead_out),
        TEST(refuses_links),
        TEST(refuses_what_is_no_file),
        TEST(refuses_what_is_no_text),
        TEST(meets_the_size_limit),
        TEST(lists_names_in_order),
        TEST(refuses_to_list_too_much_or_elsewhere),
        TEST(holds_the_users_folder_only_when_it_is_theirs),
        TEST(holds_a_workspace),
        TEST(keeps_some_problems),
        TEST(makes_one_line_of_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
