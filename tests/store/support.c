#include "support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

static char dir[64];
char log_path[128];
char head_path[128];

int make_log_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/bx-audit-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(log_path, sizeof(log_path), "%s/log", dir);
    snprintf(head_path, sizeof(head_path), "%s/log.head", dir);
    return setenv("XDG_STATE_HOME", dir, 1);
}

static int remove_entry(const char *path, const struct stat *st, int flag,
                        struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int remove_log_dir(void **state)
{
    (void)state;
    return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void append_lines(int count, uint64_t file_bytes)
{
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);

    assert_non_null(log);
    bx_audit_log_configure(log, file_bytes, false);
    for (int i = 0; i < count; i++) {
        json_t *event = json_pack("{s:i}", "n", i);

        assert_int_equal(bx_audit_log_append(log, event, NULL), 0);
        json_decref(event);
    }
    bx_audit_log_close(log);
}

char *read_file(const char *path, size_t *ret_bytes)
{
    char *data = NULL;

    assert_int_equal(bx_file_read(path, 64u << 20, &data, ret_bytes, NULL), 0);
    return data;
}

void write_file(const char *path, const char *data, size_t bytes)
{
    FILE *file = fopen(path, "w"); /* in place: the same inode */

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

size_t line_start(const char *data, int number)
{
    const char *at = data;

    for (int i = 1; i < number; i++) {
        at = strchr(at, '\n');
        assert_non_null(at);
        at++;
    }
    return (size_t)(at - data);
}

void assert_good(uint64_t lines)
{
    bx_audit_problem problem;
    bx_error *err = NULL;
    uint64_t good;

    if (bx_audit_log_verify(log_path, &good, &problem, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    assert_int_equal(good, lines);
}

void assert_bad(uint64_t lines, uint64_t line, const char *word)
{
    bx_audit_problem problem;
    bx_error *err = NULL;
    uint64_t good;

    assert_int_equal(bx_audit_log_verify(log_path, &good, &problem, &err), -1);
    if (bx_error_code(err) != BX_ERR_INVALID ||
        strstr(problem.text, word) == NULL || problem.line != line ||
        good != lines)
        fail_msg("%d good, line %d: %s", (int)good, (int)problem.line,
                 bx_error_message(err));
    bx_error_free(err);
}
