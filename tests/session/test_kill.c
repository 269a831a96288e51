/* SIGKILL at any point: what was answered is there, nothing is half, and every
 * call has the state that its entries say. */
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLS 60
#define MAX_WAIT_US 30000

/* Appends, begins and ends; after each step it tells what was answered. */
static void work(int out, int round)
{
    bx_session_store *store = bx_session_store_open(db_path, NULL);
    bx_session_log *log =
        store == NULL ? NULL : bx_session_log_open(store, "victim", NULL);
    char prefix[32];
    char id[64];

    if (log == NULL)
        _exit(1);
    for (int i = 0;; i++) {
        (void)snprintf(prefix, sizeof(prefix), "r%d-%d-", round, i);
        add_calls(log, prefix, 2);
        for (int j = 0; j < 2; j++) {
            (void)snprintf(id, sizeof(id), "%s%d", prefix, j);
            if (bx_session_log_begin_call(log, id, NULL) < 0)
                _exit(1);
            if (dprintf(out, "begun %s\n", id) < 0)
                _exit(1);
            if (end_call(log, id, "result", NULL) < 0)
                _exit(1);
            if (dprintf(out, "done %s\n", id) < 0)
                _exit(1);
        }
    }
}

static void assert_whole(void)
{
    static const char *const wrong[] = {
        /* Entries are counted from 1 without a gap. */
        "SELECT count(*) FROM session s WHERE entries != "
        "(SELECT count(*) FROM entry e WHERE e.session = s.n) OR entries != "
        "(SELECT coalesce(max(entry), 0) FROM entry e WHERE e.session = s.n)",
        /* Both calls of a message or none. */
        "SELECT count(*) FROM entry e WHERE kind = 'message' AND 2 != "
        "(SELECT count(*) FROM call c WHERE c.session = e.session AND "
        "c.entry = e.entry)",
        /* A state has its entry, and an entry its state. */
        "SELECT count(*) FROM call c WHERE "
        "(begun_entry IS NOT NULL) != (SELECT count(*) FROM entry e WHERE "
        "e.session = c.session AND e.call_id = c.call_id AND "
        "state = 'begun' AND e.entry = c.begun_entry)",
        "SELECT count(*) FROM call c WHERE "
        "(done_entry IS NOT NULL) != (SELECT count(*) FROM entry e WHERE "
        "e.session = c.session AND e.call_id = c.call_id AND "
        "state = 'done' AND e.entry = c.done_entry)",
        "SELECT abs((SELECT count(*) FROM entry WHERE kind = 'call') - "
        "(SELECT count(begun_entry) + count(done_entry) FROM call))",
        "SELECT count(*) FROM pragma_integrity_check WHERE "
        "integrity_check != 'ok'",
        "SELECT count(*) FROM pragma_foreign_key_check",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (get_number(wrong[i]) != 0)
            fail_msg("not 0: %s", wrong[i]);
    }
}

/* What the child was told before it died is in the database. */
static int assert_answered(const char *answers)
{
    char copy[1 << 16];
    char *rest = NULL;
    int count = 0;

    (void)snprintf(copy, sizeof(copy), "%s", answers);
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char sql[256];
        char *id = strchr(line, ' ');

        assert_non_null(id);
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(%.*s_entry) FROM call WHERE call_id = "
                       "'%s'",
                       (int)(id - line), line, id + 1);
        assert_int_equal(get_number(sql), 1);
        count++;
    }
    return count;
}

static int kill_one(int round)
{
    const struct timespec pause = { .tv_nsec =
                                        (random() % MAX_WAIT_US) * 1000 };
    char answers[1 << 16] = "";
    size_t bytes = 0;
    ssize_t got;
    int out[2];
    pid_t pid;

    assert_int_equal(pipe(out), 0);
    pid = fork();
    if (pid == 0) {
        close(out[0]);
        work(out[1], round);
    }
    close(out[1]);
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    while ((got = read(out[0], answers + bytes, sizeof(answers) - 1 - bytes)) >
           0)
        bytes += (size_t)got;
    close(out[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    answers[bytes] = '\0';
    /* The last line is whole: it was one write to a pipe. */
    return assert_answered(answers);
}

static void survives_kills_at_any_point(void **state)
{
    int answered = 0;

    (void)state;
    {
        bx_autosessionstore bx_session_store *store = open_store();

        bx_session_log_close(create(store, "victim"));
    }
    srandom((unsigned)time(NULL));
    for (int i = 0; i < KILLS; i++) {
        answered += kill_one(i);
        {
            bx_autosessionstore bx_session_store *store = open_store();
            bx_autosessionlog bx_session_log *log =
                bx_session_log_open(store, "victim", NULL);
            json_t *calls;
            json_t *entries;

            assert_non_null(log);
            calls = bx_session_log_open_calls(log, NULL);
            assert_non_null(calls);
            json_decref(calls);
            entries = bx_session_log_read(log, 0, 0, NULL);
            assert_non_null(entries);
            json_decref(entries);
        }
        if (i % 10 == 9)
            assert_whole();
    }
    assert_true(answered > 0);
}

/* A file that may not grow stands in for a full disk. */
static void keeps_what_there_is_when_the_disk_is_full(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "full");
    struct rlimit before;
    struct rlimit small;
    bx_error *err = NULL;
    json_t *note = json_pack("{s:s, s:s}", "type", "plan", "text",
                             "a line of text that takes some room");
    int64_t entries;
    int added = 0;

    (void)state;
    add_calls(log, "c", 2);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 1 << 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    while (added < 100000 &&
           bx_session_log_add_note(log, note, NULL, &err) == 0) {
        json_t *more = json_pack("{s:s, s:s#}", "type", "plan", "text",
                                 (char[4096]){ [0 ... 4095] = 'x' }, 4096);

        json_decref(note);
        note = more;
        added++;
    }
    json_decref(note);
    assert_true(added > 10 && added < 100000);
    assert_non_null(err);
    assert_int_equal(bx_error_code(err), BX_ERR_SYSTEM);
    assert_non_null(strstr(bx_error_message(err), "sessions.db"));
    bx_error_free(err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    entries = get_number("SELECT count(*) FROM entry");
    assert_int_equal(entries, added + 1);
    assert_string_equal(open_state(log, "c1"), "planned");
    assert_int_equal(bx_session_log_begin_call(log, "c1", NULL), 0);
    assert_int_equal(get_number("SELECT count(*) FROM entry"), entries + 1);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(survives_kills_at_any_point),
        TEST(keeps_what_there_is_when_the_disk_is_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
