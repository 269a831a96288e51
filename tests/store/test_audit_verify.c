/* Whatever is done to a log behind its back is found. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/audit_log_line.h"

#define LINES 6

/* Take [from, to) out of the log. */
static void cut(size_t from, size_t to)
{
    size_t bytes;
    char *data = read_file(log_path, &bytes);

    memmove(data + from, data + to, bytes - to);
    write_file(log_path, data, bytes - (to - from));
    free(data);
}

static void remove_line(int number)
{
    size_t bytes;
    char *data = read_file(log_path, &bytes);

    cut(line_start(data, number), line_start(data, number + 1));
    free(data);
}

static void a_whole_log_is_good(void **state)
{
    (void)state;
    append_lines(0, 0);
    assert_good(0);
    append_lines(LINES, 0);
    assert_good(LINES);
    append_lines(LINES, 0);
    assert_good(2 * LINES);
}

/* Each byte of the log, one after the other. */
static void finds_every_changed_byte(void **state)
{
    size_t bytes;
    char *data;
    bx_audit_problem problem;
    uint64_t good;
    uint64_t before = 0; /* lines before the byte */

    (void)state;
    append_lines(3, 0);
    data = read_file(log_path, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        bool is_newline = data[i] == '\n';

        data[i] ^= 1;
        write_file(log_path, data, bytes);
        assert_int_equal(bx_audit_log_verify(log_path, &good, &problem, NULL),
                         -1);
        assert_int_equal(good, before);
        assert_int_equal(problem.line, before + 1);
        data[i] ^= 1;
        before += is_newline ? 1 : 0;
    }
    write_file(log_path, data, bytes);
    assert_good(3);
    free(data);
}

/* Cut at every length: a line border or not. */
static void finds_every_truncation(void **state)
{
    size_t bytes;
    char *data;
    bx_audit_problem problem;
    uint64_t good;

    (void)state;
    append_lines(3, 0);
    data = read_file(log_path, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        bool is_border = i == 0 || data[i - 1] == '\n';

        write_file(log_path, data, i);
        assert_int_equal(bx_audit_log_verify(log_path, &good, &problem, NULL),
                         -1);
        assert_non_null(strstr(problem.text, "truncated"));
        assert_int_equal(problem.line, is_border ? 0 : good + 1);
    }
    free(data);
}

static void finds_the_first_line_removed(void **state)
{
    (void)state;
    append_lines(LINES, 0);
    remove_line(1);
    assert_bad(0, 1, "removed: number 1 is missing");
}

static void finds_a_middle_line_removed(void **state)
{
    (void)state;
    append_lines(LINES, 0);
    remove_line(3);
    assert_bad(2, 3, "removed: number 3 is missing");
    remove_line(3);
    assert_bad(2, 3, "removed: numbers 3 to 4 are missing");
}

static void finds_the_last_lines_removed(void **state)
{
    (void)state;
    append_lines(LINES, 0);
    remove_line(LINES);
    assert_bad(LINES - 1, 0, "truncated: numbers 6 to 6");
    remove_line(LINES - 1);
    assert_bad(LINES - 2, 0, "truncated: numbers 5 to 6");
}

static void finds_all_lines_removed(void **state)
{
    (void)state;
    append_lines(LINES, 0);
    write_file(log_path, "", 0);
    assert_bad(0, 0, "truncated: numbers 1 to 6");
    assert_int_equal(unlink(log_path), 0);
    assert_bad(0, 0, "truncated: numbers 1 to 6");
}

/* Appending goes on, and heals nothing. */
static void removed_lines_stay_missing(void **state)
{
    (void)state;
    append_lines(LINES, 0);
    remove_line(LINES);
    append_lines(2, 0);
    assert_bad(LINES - 1, LINES, "removed: number 6 is missing");
}

static void finds_lines_in_another_order(void **state)
{
    size_t bytes;
    char *data;
    char *other;
    size_t two, three, four;

    (void)state;
    append_lines(LINES, 0);
    data = read_file(log_path, &bytes);
    other = read_file(log_path, &bytes);
    two = line_start(data, 2);
    three = line_start(data, 3);
    four = line_start(data, 4);
    memcpy(other + two, data + three, four - three);
    memcpy(other + two + (four - three), data + two, three - two);
    write_file(log_path, other, bytes);
    assert_bad(1, 2, "reordered: number 3 stands before number 2");
    /* and one twice */
    memcpy(other, data, bytes);
    memcpy(other + two, data, two);
    write_file(log_path, other, bytes);
    assert_bad(1, 2, "reordered or repeated: number 1");
    free(other);
    free(data);
}

/* Who can compute hashes rewrites the rest of the chain; the head knows. */
static void finds_a_chain_rewritten_to_its_end(void **state)
{
    char other_log[160];
    char saved_head[512];
    size_t bytes, head_bytes;
    char *data;
    char *head;

    (void)state;
    append_lines(LINES, 0);
    head = read_file(head_path, &head_bytes);
    memcpy(saved_head, head, head_bytes);
    free(head);
    /* A chain as long and as good, with other times. */
    snprintf(other_log, sizeof(other_log), "%s.kept", log_path);
    assert_int_equal(rename(log_path, other_log), 0);
    assert_int_equal(unlink(head_path), 0);
    append_lines(LINES, 0);
    assert_good(LINES);
    data = read_file(log_path, &bytes);
    write_file(head_path, saved_head, head_bytes);
    assert_bad(LINES, 0, "changed: the chain does not end as the head");
    free(data);
}

/* One line rewritten, with a hash that is right for it. */
static void finds_a_line_rewritten_with_its_hash(void **state)
{
    bx_autobuf bx_buf members = BX_BUF_INIT;
    bx_autobuf bx_buf line = BX_BUF_INIT;
    char hash[BX_AUDIT_HASH_BYTES];
    size_t bytes;
    char *data;
    size_t two;

    (void)state;
    append_lines(3, 0);
    data = read_file(log_path, &bytes);
    two = line_start(data, 2);
    memcpy(hash, data + two - 1 - 2 - 64, 64); /* of the first line */
    hash[64] = '\0';
    assert_int_equal(bx_buf_puts(&members, "\"n\":9"), 0);
    assert_int_equal(bx_audit_line_seal(&line, 2, NULL, &members, hash), 0);
    assert_int_equal(line.len, line_start(data, 3) - two);
    memcpy(data + two, line.data, line.len);
    write_file(log_path, data, bytes);
    assert_bad(2, 3, "changed: the line before it was rewritten");
    free(data);
}

static void finds_lines_forged_behind_the_end(void **state)
{
    size_t bytes, head_bytes;
    char *head;
    char *data;

    (void)state;
    append_lines(2, 0);
    head = read_file(head_path, &head_bytes);
    append_lines(1, 0);
    write_file(head_path, head, head_bytes); /* as before the third */
    assert_bad(3, 0, "changed: number 3 and what follows was not written");
    free(head);
    data = read_file(log_path, &bytes);
    free(data);
}

static void finds_a_head_that_is_missing_or_forged(void **state)
{
    size_t bytes;
    char *head;

    (void)state;
    append_lines(LINES, 0);
    head = read_file(head_path, &bytes);
    for (size_t i = 0; i < bytes; i++) {
        head[i] ^= 1;
        write_file(head_path, head, bytes);
        assert_bad(LINES, 0, "head file was changed");
        head[i] ^= 1;
    }
    write_file(head_path, head, bytes - 1);
    assert_bad(LINES, 0, "head file was changed");
    assert_int_equal(unlink(head_path), 0);
    assert_bad(LINES, 0, "there is no head file");
    free(head);
    /* The next append says so in the log, for good. */
    append_lines(1, 0);
    assert_bad(LINES, LINES + 1, "removed: when this line was written");
    write_file(head_path, "forged\n", 7);
    append_lines(1, 0);
    assert_bad(LINES, LINES + 1, "removed: when this line was written");
}

static void finds_what_others_appended(void **state)
{
    FILE *file;

    (void)state;
    append_lines(2, 0);
    file = fopen(log_path, "a");
    fputs("no line of ours", file);
    fclose(file);
    assert_bad(2, 3, "truncated: the line breaks off");
    append_lines(1, 0); /* on a line of its own */
    assert_bad(2, 3, "changed: it does not have the form");
}

static void finds_an_endless_line(void **state)
{
    size_t bytes = 3u << 20;
    char *data = malloc(bytes);

    (void)state;
    append_lines(1, 0);
    memset(data, 'x', bytes);
    data[bytes - 1] = '\n';
    write_file(log_path, data, bytes);
    assert_bad(0, 1, "longer than any line");
    append_lines(1, 0);
    assert_bad(0, 1, "longer than any line");
    free(data);
}

/* ---- over several files ---- */

static void name_rotated(int number, char path[160])
{
    snprintf(path, 160, "%s.%d", log_path, number);
}

static void walks_all_files(void **state)
{
    bx_audit_check check = { 0 };
    char path[160];
    struct stat st;

    (void)state;
    append_lines(100, 2000);
    assert_good(100);
    assert_int_equal(bx_audit_log_check(log_path, &check, NULL), 0);
    assert_true(check.files >= 10);
    for (int i = 1; i < (int)check.files; i++) {
        name_rotated(i, path);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size <= 2000);
    }
    append_lines(100, 2000);
    assert_good(200);
}

static void finds_files_swapped_or_removed(void **state)
{
    char two[160], three[160], other[160];
    bx_audit_problem problem;
    uint64_t good;

    (void)state;
    append_lines(60, 2000);
    name_rotated(2, two);
    name_rotated(3, three);
    snprintf(other, sizeof(other), "%s.kept", log_path);
    assert_int_equal(rename(two, other), 0);
    assert_int_equal(bx_audit_log_verify(log_path, &good, &problem, NULL), -1);
    assert_non_null(strstr(problem.text, "removed: numbers"));
    assert_string_equal(problem.file, "log.3");
    assert_int_equal(problem.line, 1);

    assert_int_equal(rename(three, two), 0);
    assert_int_equal(rename(other, three), 0);
    assert_int_equal(bx_audit_log_verify(log_path, &good, &problem, NULL), -1);
    assert_non_null(strstr(problem.text, "reordered"));
    assert_string_equal(problem.file, "log.2");

    /* The oldest one, and the newest. */
    assert_int_equal(rename(two, other), 0);
    assert_int_equal(rename(three, two), 0);
    assert_int_equal(rename(other, three), 0);
    assert_good(60);
    assert_int_equal(unlink(log_path), 0);
    assert_int_equal(bx_audit_log_verify(log_path, &good, &problem, NULL), -1);
    assert_non_null(strstr(problem.text, "missing from the end"));
    name_rotated(1, other);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(bx_audit_log_verify(log_path, &good, &problem, NULL), -1);
    assert_non_null(strstr(problem.text, "removed: numbers 1 to"));
}

/* ---- an anchor kept elsewhere ---- */

static void knows_an_anchor(void **state)
{
    bx_audit_check check = { 0 };
    bx_error *err = NULL;
    char hash[65];

    (void)state;
    append_lines(3, 0);
    assert_int_equal(bx_audit_log_check(log_path, &check, NULL), 0);
    memcpy(hash, check.hash, sizeof(hash));
    append_lines(3, 0);
    check.expect = hash;
    assert_int_equal(bx_audit_log_check(log_path, &check, NULL), 0);

    /* Log, head and key of a user who rewrote everything. */
    assert_int_equal(unlink(log_path), 0);
    assert_int_equal(unlink(head_path), 0);
    append_lines(6, 0);
    assert_good(6);
    assert_int_equal(bx_audit_log_check(log_path, &check, NULL), -1);
    assert_non_null(strstr(check.problem.text, "removed: no line has"));

    check.expect = "ABC";
    assert_int_equal(bx_audit_log_check(log_path, &check, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_string_equal(check.problem.text, "");
    bx_error_free(err);
}

static void checks_a_copy_without_its_head(void **state)
{
    bx_audit_check check = { .is_headless = true };

    (void)state;
    append_lines(3, 0);
    assert_int_equal(unlink(head_path), 0);
    assert_int_equal(bx_audit_log_check(log_path, &check, NULL), 0);
    remove_line(2);
    assert_int_equal(bx_audit_log_check(log_path, &check, NULL), -1);
}

static void refuses_what_is_no_log(void **state)
{
    bx_audit_problem problem;
    bx_error *err = NULL;
    uint64_t good;

    (void)state;
    assert_int_equal(bx_audit_log_verify("/no/such/log", &good, &problem, &err),
                     -1);
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    bx_error_free(err);
    err = NULL;
    assert_int_equal(bx_audit_log_verify("/dev/null", &good, &problem, &err),
                     -1);
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "expected an audit log"));
    assert_string_equal(problem.text, "");
    bx_error_free(err);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_log_dir, remove_log_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_log_is_good),
        TEST(finds_every_changed_byte),
        TEST(finds_every_truncation),
        TEST(finds_the_first_line_removed),
        TEST(finds_a_middle_line_removed),
        TEST(finds_the_last_lines_removed),
        TEST(finds_all_lines_removed),
        TEST(removed_lines_stay_missing),
        TEST(finds_lines_in_another_order),
        TEST(finds_a_chain_rewritten_to_its_end),
        TEST(finds_a_line_rewritten_with_its_hash),
        TEST(finds_lines_forged_behind_the_end),
        TEST(finds_a_head_that_is_missing_or_forged),
        TEST(finds_what_others_appended),
        TEST(finds_an_endless_line),
        TEST(walks_all_files),
        TEST(finds_files_swapped_or_removed),
        TEST(knows_an_anchor),
        TEST(checks_a_copy_without_its_head),
        TEST(refuses_what_is_no_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
