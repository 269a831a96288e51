/* Appending: many at once, killed, without room, with hostile events. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/user_dir.h"
#include "store/audit_log_head.h"

#define THREADS 4
#define PROCESSES 3
#define LINES 500 /* of each thread */
#define FILE_BYTES 100000

static void append(bx_audit_log *log, json_t *event, int expected)
{
    assert_non_null(event);
    assert_int_equal(bx_audit_log_append(log, event, NULL), expected);
    json_decref(event);
}

/* Line number of the log as JSON; a new reference. */
static json_t *get_line(int number)
{
    size_t bytes;
    char *data = read_file(log_path, &bytes);
    size_t start = line_start(data, number);
    json_t *line = json_loadb(data + start, strcspn(data + start, "\n"),
                              JSON_ALLOW_NUL, NULL);

    free(data);
    assert_non_null(line);
    return line;
}

static const char *get_text(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));

    assert_non_null(text);
    return text;
}

/* ---- many at once ---- */

typedef struct worker {
    bx_audit_log *log;
    int process;
    int thread;
    int failed;
} worker;

static void *work(void *context)
{
    worker *self = context;

    for (int i = 0; i < LINES; i++) {
        json_t *event = json_pack("{s:i, s:i, s:i}", "process", self->process,
                                  "thread", self->thread, "n", i);

        if (bx_audit_log_append(self->log, event, NULL) < 0)
            self->failed++;
        json_decref(event);
    }
    return NULL;
}

static int work_in_threads(int process)
{
    worker workers[THREADS];
    pthread_t threads[THREADS];
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);
    int failed = log == NULL ? 1 : 0;

    if (log == NULL)
        return 1;
    bx_audit_log_configure(log, FILE_BYTES, false);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){ log, process, i, 0 };
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        failed += workers[i].failed;
    }
    bx_audit_log_close(log);
    return failed;
}

/* Each line of each thread is there once, in the thread's order. */
static void count_lines_of(const char *path, int counts[PROCESSES][THREADS])
{
    size_t bytes;
    char *data = read_file(path, &bytes);

    for (char *at = data; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        json_t *line = json_loadb(at, length, 0, NULL);
        int process, thread, n;

        assert_int_equal(json_unpack(line, "{s:i, s:i, s:i}", "process",
                                     &process, "thread", &thread, "n", &n),
                         0);
        assert_int_equal(n, counts[process][thread]);
        counts[process][thread]++;
        json_decref(line);
        at += length + 1;
    }
    free(data);
}

static void processes_and_threads_lose_nothing(void **state)
{
    int counts[PROCESSES][THREADS] = { { 0 } };
    pid_t children[PROCESSES];
    struct stat st;
    char path[160];

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(work_in_threads(i) == 0 ? 0 : 1);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_good(PROCESSES * THREADS * LINES);
    for (int i = 1;; i++) {
        snprintf(path, sizeof(path), "%s.%d", log_path, i);
        if (stat(path, &st) < 0)
            break;
        assert_true(st.st_size <= FILE_BYTES);
        count_lines_of(path, counts);
    }
    assert_true(counts[0][0] > 0); /* it was rotated at all */
    count_lines_of(log_path, counts);
    for (int i = 0; i < PROCESSES * THREADS; i++)
        assert_int_equal(counts[i / THREADS][i % THREADS], LINES);
}

/* A lock taken before fork() would be the child's as well. */
static void a_child_of_fork_locks_for_itself(void **state)
{
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);
    pid_t child;
    int status;

    (void)state;
    append(log, json_pack("{s:s}", "who", "parent"), 0);
    child = fork();
    assert_true(child >= 0);
    for (int i = 0; i < 300; i++) {
        json_t *event = json_pack("{s:i}", "n", i);
        int failed = bx_audit_log_append(log, event, NULL);

        json_decref(event);
        if (failed < 0 && child == 0)
            _exit(1);
        assert_int_equal(failed, 0);
    }
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    bx_audit_log_close(log);
    assert_good(601);
}

static void a_synced_log_is_as_good(void **state)
{
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);

    (void)state;
    bx_audit_log_configure(log, 0, true);
    append(log, json_object(), 0);
    append(log, json_object(), 0);
    bx_audit_log_close(log);
    assert_good(2);
}

/* ---- killed ---- */

/* Whenever a writer is killed, the log is good once the next one appended. */
static void a_killed_writer_breaks_nothing(void **state)
{
    bx_audit_problem problem;
    uint64_t good;
    uint64_t before = 0;

    (void)state;
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0)
            _exit(work_in_threads(0));
        usleep((useconds_t)(200 + i * 150));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        append_lines(1, FILE_BYTES);
        if (bx_audit_log_verify(log_path, &good, &problem, NULL) < 0)
            fail_msg("line %d: %s", (int)problem.line, problem.text);
        assert_true(good > before);
        before = good;
    }
}

/* The head as a writer leaves it that dies with bytes of a line written. */
static void leave_torn(const char *text)
{
    uint8_t key[BX_DIGEST_BYTES];
    char head_text[BX_AUDIT_HEAD_BYTES + 1];
    bx_audit_head head;
    size_t bytes;
    char *data = read_file(head_path, &bytes);
    FILE *file;

    assert_int_equal(bx_user_key_load("audit.key", key, NULL), 0);
    assert_true(bx_audit_head_parse(data, bytes, key, &head));
    free(data);
    head.next_bytes = 400;
    memcpy(head.next_hash, bx_audit_first_prev, sizeof(head.next_hash));
    bx_audit_head_format(&head, key, head_text);
    write_file(head_path, head_text, BX_AUDIT_HEAD_BYTES);
    file = fopen(log_path, "a");
    fputs(text, file);
    fclose(file);
}

static void a_torn_line_is_set_apart(void **state)
{
    json_t *line;

    (void)state;
    append_lines(2, 0);
    leave_torn("{\"seq\":3,\"ti\033");
    assert_bad(2, 3, "truncated: the line breaks off");
    append_lines(1, 0);
    assert_good(4);
    line = get_line(3);
    assert_string_equal(get_text(line, "audit"), "torn");
    assert_string_equal(get_text(line, "text"), "{\"seq\":3,\"ti\033");
    assert_int_equal(json_integer_value(json_object_get(line, "bytes")), 13);
    json_decref(line);
}

static void a_line_never_begun_is_forgotten(void **state)
{
    (void)state;
    append_lines(2, 0);
    leave_torn("");
    assert_good(2);
    append_lines(1, 0);
    assert_good(3);
}

/* Between renaming a full file and saying so in the head. */
static void a_rotation_that_broke_off_is_finished(void **state)
{
    char rotated[160];

    (void)state;
    append_lines(3, 0);
    snprintf(rotated, sizeof(rotated), "%s.1", log_path);
    assert_int_equal(rename(log_path, rotated), 0);
    assert_good(3);
    append_lines(3, 0);
    assert_good(6);
}

/* ---- without room ---- */

/* The limit lies within a line, at every place of it. */
static void without_room_nothing_half_stays(void **state)
{
    struct rlimit old, limit;
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);
    struct stat before, after;
    bx_error *err = NULL;
    uint64_t lines = 3;

    (void)state;
    append_lines(3, 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(stat(log_path, &before), 0);
    for (rlim_t room = 0; room < 200; room += 7) {
        json_t *event = json_pack("{s:s}", "tool", "x");

        limit = old;
        limit.rlim_cur = (rlim_t)before.st_size + room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        assert_int_equal(bx_audit_log_append(log, event, &err), -1);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(bx_error_code(err), BX_ERR_SYSTEM);
        assert_true(bx_error_errno(err) == EFBIG ||
                    bx_error_errno(err) == ENOSPC);
        bx_error_free(err);
        err = NULL;
        assert_int_equal(stat(log_path, &after), 0);
        assert_int_equal(after.st_size, before.st_size);
        assert_good(lines);
        json_decref(event);
    }
    append(log, json_object(), 0);
    assert_good(lines + 1);
    bx_audit_log_close(log);
}

/* ---- who may ---- */

static void assert_refused(const char *path, const char *word)
{
    bx_error *err = NULL;

    assert_null(bx_audit_log_open(path, &err));
    if (strstr(bx_error_message(err), word) == NULL)
        fail_msg("%s", bx_error_message(err));
    bx_error_free(err);
}

static void refuses_files_others_may_write(void **state)
{
    char path[200];
    char target[220];

    (void)state;
    append_lines(1, 0);
    assert_int_equal(chmod(log_path, 0620), 0);
    assert_refused(log_path, "is open to other users (mode 0620)");
    assert_int_equal(chmod(log_path, 0600), 0);
    assert_int_equal(chmod(head_path, 0602), 0);
    assert_refused(log_path, "log.head' is open to other users");
    assert_int_equal(chmod(head_path, 0600), 0);

    snprintf(path, sizeof(path), "%s.dir", log_path);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(target, sizeof(target), "%s/log", path);
    assert_int_equal(chmod(path, 0777), 0);
    assert_refused(target, "the folder");
    assert_int_equal(chmod(path, 0700), 0);
    assert_refused(path, "Is a directory");

    /* A link, a pipe, a device. */
    assert_int_equal(symlink(log_path, target), 0);
    assert_refused(target, "symbolic links");
    assert_int_equal(unlink(target), 0);
    assert_int_equal(mkfifo(target, 0600), 0);
    assert_refused(target, "is not a regular file");
}

static void makes_private_files(void **state)
{
    mode_t old = umask(0);
    struct stat st;

    (void)state;
    append_lines(1, 0);
    umask(old);
    assert_int_equal(stat(log_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(head_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

/* ---- hostile events ---- */

static void strings_are_cut_and_escaped(void **state)
{
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);
    char *longest = malloc(1u << 20);
    size_t bytes;
    char *data;
    json_t *line;

    (void)state;
    memset(longest, 'a', 1u << 20);
    memcpy(longest + 4095, "\xc3\xa9", 2); /* the cut would halve it */
    append(log,
           json_pack("{s:o, s:o, s:o, s:o}", "long",
                     json_stringn_nocheck(longest, 1u << 20), "terminal",
                     json_string("\033[2J\xc2\x9b\n\"\\\xe2\x80\xae\xc2\x85"),
                     "nul", json_stringn("a\0b", 3), "invalid",
                     json_stringn_nocheck("\xff\xc0\x80z", 4)),
           0);
    append(log,
           json_pack("{s:o}", "exact", json_stringn_nocheck(longest, 4095)), 0);
    bx_audit_log_close(log);
    assert_good(2);
    data = read_file(log_path, &bytes);
    for (size_t i = 0; i < bytes; i++)
        assert_true((data[i] >= 0x20 && data[i] != 0x7f) || data[i] == '\n' ||
                    (data[i] & 0x80) != 0);
    assert_non_null(strstr(data, "\\u001b[2J"));
    assert_non_null(strstr(data, "\\u202e\\u0085"));
    free(data);
    line = get_line(1);
    assert_int_equal(strlen(get_text(line, "long")),
                     4095 + strlen("...[1048576 bytes]"));
    assert_string_equal(get_text(line, "long") + 4095, "...[1048576 bytes]");
    assert_string_equal(get_text(line, "invalid"),
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
    json_decref(line);
    line = get_line(2);
    assert_int_equal(strlen(get_text(line, "exact")), 4095);
    json_decref(line);
    free(longest);
}

/* However large or deep, an event is recorded, in a bounded line. */
static void large_events_are_bounded(void **state)
{
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);
    json_t *many = json_array();
    json_t *wide = json_object();
    json_t *deep = json_array();
    struct stat st;
    json_t *line;
    char *data;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        char name[32];

        snprintf(name, sizeof(name), "name-%d", i);
        json_array_append_new(many, json_string("denied"));
        json_object_set_new(wide, name, json_real(0.5));
    }
    for (int i = 0; i < 1500; i++)
        deep = json_pack("[o]", deep);
    append(log, json_pack("{s:O, s:s}", "many", many, "last", "x"), 0);
    append(log, json_pack("{s:o}", "deep", deep), 0);
    append(log, json_pack("{s:o}", "wide", wide), 0);
    append(log,
           json_pack("{s:f, s:n, s:b, s:I}", "real", 1.5, "null", "bool", 1,
                     "integer", (json_int_t)INT64_MIN),
           0);
    bx_audit_log_close(log);
    assert_good(4);
    assert_int_equal(stat(log_path, &st), 0);
    assert_true(st.st_size < 3 * BX_AUDIT_LINE_MAX_BYTES);
    line = get_line(1);
    assert_true(json_array_size(json_object_get(line, "many")) < 100000);
    assert_non_null(json_object_get(line, "[cut]"));
    json_decref(line);
    line = get_line(3);
    assert_non_null(json_object_get(json_object_get(line, "wide"), "[cut]"));
    json_decref(line);
    line = get_line(2);
    data = json_dumps(line, 0);
    assert_non_null(strstr(data, "[[[[\"[too deep]\"]]]]"));
    free(data);
    json_decref(line);
    line = get_line(4);
    assert_int_equal(json_integer_value(json_object_get(line, "integer")),
                     INT64_MIN);
    assert_true(json_is_null(json_object_get(line, "null")));
    json_decref(line);
    json_decref(many);
}

static void events_cannot_pose_as_the_log(void **state)
{
    static const char *const names[] = { "seq", "time", "audit", "prev",
                                         "hash" };
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        append(log, json_pack("{s:s}", names[i], "x"), -1);
    append(log, json_array(), -1);
    append(log,
           json_pack("{s:s}", "tool",
                     "\",\"hash\":\"0000000000000000000000000000000000000000"
                     "000000000000000000000000\"}\n{\"seq\":2"),
           0);
    bx_audit_log_close(log);
    assert_good(1);
}

/* ---- the end, for an anchor ---- */

static void tells_where_the_chain_ends(void **state)
{
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);
    bx_audit_log *other = bx_audit_log_open(log_path, NULL);
    json_t *line;
    uint64_t seq;
    char hash[65];

    (void)state;
    assert_int_equal(bx_audit_log_head(log, &seq, hash, NULL), 0);
    assert_int_equal(seq, 0);
    append(log, json_object(), 0);
    append(other, json_object(), 0);
    assert_int_equal(bx_audit_log_head(log, &seq, hash, NULL), 0);
    assert_int_equal(seq, 2);
    line = get_line(2);
    assert_string_equal(get_text(line, "hash"), hash);
    json_decref(line);
    bx_audit_log_close(log);
    bx_audit_log_close(other);
}

/* Moved away while it is open, as logrotate does: a new one begins, and says
 * that it is not the first. */
static void a_log_moved_away_is_missed(void **state)
{
    bx_audit_log *log = bx_audit_log_open(log_path, NULL);
    char other[160];

    (void)state;
    append(log, json_object(), 0);
    snprintf(other, sizeof(other), "%s.old", log_path);
    assert_int_equal(rename(log_path, other), 0);
    append(log, json_object(), 0);
    assert_bad(0, 1, "removed: number 1 is missing");
    /* With its head, it is a new log. */
    assert_int_equal(unlink(log_path), 0);
    assert_int_equal(unlink(head_path), 0);
    append(log, json_object(), 0);
    assert_good(1);
    bx_audit_log_close(log);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_log_dir, remove_log_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(processes_and_threads_lose_nothing),
        TEST(a_child_of_fork_locks_for_itself),
        TEST(a_synced_log_is_as_good),
        TEST(a_killed_writer_breaks_nothing),
        TEST(a_torn_line_is_set_apart),
        TEST(a_line_never_begun_is_forgotten),
        TEST(a_rotation_that_broke_off_is_finished),
        TEST(without_room_nothing_half_stays),
        TEST(refuses_files_others_may_write),
        TEST(makes_private_files),
        TEST(strings_are_cut_and_escaped),
        TEST(large_events_are_bounded),
        TEST(events_cannot_pose_as_the_log),
        TEST(tells_where_the_chain_ends),
        TEST(a_log_moved_away_is_missed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
