/* Whole files, and waiting within a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/run.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/bx-test-XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *st, int flag,
                        struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int remove_dir(void **state)
{
    (void)state;
    return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void replaces_and_reads(void **state)
{
    char path[128];
    char *data = NULL;
    size_t bytes = 0;
    struct stat st;

    (void)state;
    snprintf(path, sizeof(path), "%s/file", dir);
    assert_int_equal(bx_file_replace(path, "one", 3, 0600, NULL), 0);
    assert_int_equal(bx_file_replace(path, "t\0o", 3, 0640, NULL), 0);
    assert_int_equal(bx_file_read(path, 3, &data, &bytes, NULL), 0);
    assert_int_equal(bytes, 3);
    assert_memory_equal(data, "t\0o", 4); /* and a NUL behind */
    free(data);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

static void refuses_what_is_too_large(void **state)
{
    char path[128];
    char *data = NULL;
    bx_error *err = NULL;
    int ends[2];

    (void)state;
    snprintf(path, sizeof(path), "%s/large", dir);
    assert_int_equal(bx_file_replace(path, "12345", 5, 0600, NULL), 0);
    assert_int_equal(bx_file_read(path, 4, &data, NULL, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_null(data);
    bx_error_free(err);

    /* A pipe does not say its size before. */
    err = NULL;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "12345", 5), 5);
    close(ends[1]);
    assert_int_equal(bx_file_read_fd(ends[0], "pipe", 4, &data, NULL, &err),
                     -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    bx_error_free(err);
    close(ends[0]);
}

static void names_what_cannot_be_read(void **state)
{
    char *data = NULL;
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_file_read("/no/such/file", 9, &data, NULL, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), "/no/such/file"));
    bx_error_free(err);
    err = NULL;
    assert_int_equal(bx_file_read(dir, 9, &data, NULL, &err), -1);
    assert_int_equal(bx_error_errno(err), EISDIR);
    bx_error_free(err);
}

static void makes_missing_parents(void **state)
{
    char path[128];
    struct stat st;

    (void)state;
    snprintf(path, sizeof(path), "%s/a/b/c", dir);
    assert_int_equal(bx_file_make_dirs(path, 0700, NULL), 0);
    assert_int_equal(bx_file_make_dirs(path, 0700, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void a_wait_ends_with_the_run(void **state)
{
    bx_cancel *cancel = bx_cancel_new();
    bx_run run = { .deadline_ns = bx_now_ns() + 20000000 };

    (void)state;
    assert_int_equal(bx_run_poll(&run, NULL, 0, INT64_MAX), -1);
    assert_int_equal(errno, ETIME);
    assert_true(bx_run_is_over(&run));

    run.deadline_ns = INT64_MAX;
    assert_int_equal(bx_run_poll(&run, NULL, 0, bx_now_ns() + 1000000), 0);
    assert_false(bx_run_is_over(&run));

    run.cancel = cancel;
    bx_cancel_trigger(cancel);
    assert_int_equal(bx_run_poll(&run, NULL, 0, INT64_MAX), -1);
    assert_int_equal(errno, ETIME);
    assert_true(bx_run_is_cancelled(&run));
    bx_cancel_free(cancel);
}

static void keep_event(void *context, const bx_audit_event *event)
{
    snprintf(context, 64, "%s %s", event->call, event->target);
}

static void refusals_are_counted_and_escaped(void **state)
{
    char seen[64] = "";
    bx_run run = { .audit = keep_event, .audit_context = seen };

    (void)state;
    bx_run_deny(&run, "path_open", "a\nb", 3, "why", "rule");
    assert_string_equal(seen, "path_open a\\x0ab");
    run.audit = NULL;
    bx_run_deny(&run, "path_open", "a", 1, "why", "rule");
    assert_int_equal(run.calls_denied, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaces_and_reads),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(names_what_cannot_be_read),
        cmocka_unit_test(makes_missing_parents),
        cmocka_unit_test(a_wait_ends_with_the_run),
        cmocka_unit_test(refusals_are_counted_and_escaped),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
