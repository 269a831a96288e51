/* Opening: whose file it is, who has a session, what damage does. */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

#define FLIPS 150
#define PROCESSES 4
#define THREADS 4
#define NOTES 40

static void refuse_open(bx_code code, const char *word)
{
    bx_error *err = NULL;

    assert_null(bx_session_store_open(db_path, &err));
    assert_error(&err, code, word);
}

static mode_t mode_of(const char *suffix)
{
    char path[160];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s%s", db_path, suffix);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void makes_private_files(void **state)
{
    mode_t mask = umask(0);
    bx_session_store *store = open_store();

    (void)state;
    bx_session_log_close(create(store, "x"));
    assert_int_equal(mode_of(""), 0600);
    assert_int_equal(mode_of("-wal"), 0600);
    assert_int_equal(mode_of("-lock"), 0600);
    bx_session_store_close(store);
    (void)umask(mask);
    /* Readable is made private, writable is not believed. */
    assert_int_equal(chmod(db_path, 0644), 0);
    bx_session_store_close(open_store());
    assert_int_equal(mode_of(""), 0600);
}

static void *end_writing(void *db)
{
    const struct timespec pause = { .tv_nsec = 200000000 };

    (void)nanosleep(&pause, NULL);
    (void)sqlite3_close(db);
    return NULL;
}

/* The other one is about to write; SQLite alone says at once that the file is
 * busy, and does not wait. */
static void waits_for_who_makes_the_same_file(void **state)
{
    sqlite3 *db = NULL;
    pthread_t thread;

    (void)state;
    assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
    assert_int_equal(chmod(db_path, 0600), 0);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(pthread_create(&thread, NULL, end_writing, db), 0);
    bx_session_store_close(open_store());
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void has_a_kind_of_three(void **state)
{
    bx_session_store *store = open_store();
    bx_session_new params = { .title = "x" };
    bx_error *err = NULL;

    (void)state;
    assert_null(bx_session_log_create(store, &params, &err));
    assert_error(&err, BX_ERR_INVALID, "kind is chat, run or agent");
    params.kind = "root";
    assert_null(bx_session_log_create(store, &params, &err));
    assert_error(&err, BX_ERR_INVALID, "kind is chat, run or agent");
    bx_session_store_close(store);
    assert_int_equal(get_number("SELECT count(*) FROM session"), 0);
}

static void uses_the_state_folder(void **state)
{
    bx_session_store *store = bx_session_store_open(NULL, NULL);
    char path[160];
    struct stat st;

    (void)state;
    assert_non_null(store);
    bx_session_store_close(store);
    (void)snprintf(path, sizeof(path), "%s/boxagnts/sessions.db",
                   getenv("XDG_STATE_HOME"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void refuses_what_others_may_write(void **state)
{
    static const char *const suffixes[] = { "", "-wal", "-lock" };
    char path[160];

    (void)state;
    bx_session_store_close(open_store());
    for (size_t i = 0; i < 3; i++) {
        int fd;

        (void)snprintf(path, sizeof(path), "%s%s", db_path, suffixes[i]);
        fd = open(path, O_WRONLY | O_CREAT, 0600);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(chmod(path, 0620), 0);
        refuse_open(BX_ERR_DENIED, path);
        assert_int_equal(chmod(path, 0600), 0);
    }
    bx_session_store_close(open_store());
    (void)snprintf(path, sizeof(path), "%s", getenv("XDG_STATE_HOME"));
    assert_int_equal(chmod(path, 0777), 0);
    refuse_open(BX_ERR_DENIED, "open to other users");
    assert_int_equal(chmod(path, 0700), 0);
    assert_int_equal(rename(db_path, strcat(path, "/elsewhere")), 0);
    assert_int_equal(symlink(path, db_path), 0);
    refuse_open(BX_ERR_INVALID, "not a regular file");
}

static void refuses_other_and_newer_databases(void **state)
{
    int64_t tables;

    (void)state;
    run_sql("CREATE TABLE x (y); PRAGMA application_id = 7;");
    refuse_open(BX_ERR_INVALID, "another program's");
    assert_int_equal(get_number("SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(unlink(db_path), 0);

    bx_session_store_close(open_store());
    tables = get_number("SELECT count(*) FROM sqlite_schema");
    run_sql("PRAGMA user_version = 2");
    refuse_open(BX_ERR_INVALID, "newer boxagnts (version 2");
    assert_int_equal(get_number("SELECT count(*) FROM sqlite_schema"), tables);
    run_sql("PRAGMA user_version = -1");
    refuse_open(BX_ERR_INVALID, "version -1");
    run_sql("PRAGMA user_version = 1; DROP TABLE call;");
    {
        bx_autosessionstore bx_session_store *store = open_store();
        bx_autosessionlog bx_session_log *log = create(store, "x");
        bx_error *err = NULL;

        assert_int_equal(bx_session_log_begin_call(log, "c", &err), -1);
        assert_error(&err, BX_ERR_INVALID, "no such table");
    }
    assert_int_equal(bx_file_replace(db_path, "no database at all, but text",
                                     28, 0600, NULL),
                     0);
    refuse_open(BX_ERR_INVALID, "is damaged, or no database");
}

/* What someone put into the schema does not run. */
static void runs_nothing_of_the_schema(void **state)
{
    bx_autosessionstore bx_session_store *store = NULL;
    bx_session_log *log;

    (void)state;
    bx_session_store_close(open_store());
    run_sql("CREATE TRIGGER evil AFTER INSERT ON entry BEGIN "
            "UPDATE session SET title = 'owned'; END");
    store = open_store();
    log = create(store, "mine");
    add_text(log, "x");
    bx_session_log_close(log);
    assert_int_equal(
        get_number("SELECT count(*) FROM session WHERE title = 'mine'"), 1);
}

/* ---- damage ---- */

/* Everything that reads and writes, for the sake of what it does not do. */
static void use_everything(const char *path)
{
    bx_autoerror bx_error *err = NULL;
    bx_autosessionstore bx_session_store *store =
        bx_session_store_open(path, &err);
    bx_autosessionlist bx_session_list list = { 0 };
    bx_session_log *log = NULL;

    if (store == NULL) {
        assert_non_null(err);
        return;
    }
    json_decref(bx_session_store_read(store, "one", 0, 0, NULL));
    (void)bx_session_store_list(store, &(bx_session_query){ .text = "word" },
                                &list, NULL);
    log = bx_session_log_open(store, "one", NULL);
    if (log != NULL) {
        json_decref(bx_session_log_open_calls(log, NULL));
        (void)bx_session_log_begin_call(log, "c1", NULL);
        (void)end_call(log, "c1", "x", NULL);
        bx_session_log_close(log);
    }
    bx_session_log_close(bx_session_log_fork(store, "one", 0, NULL));
    (void)bx_session_store_remove(store, "one", NULL);
}

static void survives_flipped_bytes(void **state)
{
    bx_autofree char *data = NULL;
    bx_autofree char *damaged = NULL;
    char path[160];
    size_t bytes;

    (void)state;
    {
        bx_autosessionstore bx_session_store *store = open_store();
        bx_autosessionlog bx_session_log *log = create(store, "one");

        for (int i = 0; i < 20; i++)
            add_text(log, "words and words");
        add_calls(log, "c", 3);
        assert_int_equal(bx_session_log_begin_call(log, "c0", NULL), 0);
    }
    assert_int_equal(bx_file_read(db_path, 1 << 24, &data, &bytes, NULL), 0);
    damaged = malloc(bytes);
    assert_non_null(damaged);
    srandom(1);
    for (int i = 0; i < FLIPS; i++) {
        memcpy(damaged, data, bytes);
        for (int j = 0; j <= i % 16; j++)
            damaged[(size_t)random() % bytes] = (char)random();
        (void)snprintf(path, sizeof(path), "%s.%d", db_path, i);
        assert_int_equal(bx_file_replace(path, damaged, bytes, 0600, NULL), 0);
        use_everything(path);
    }
    for (size_t cut = 1; cut < bytes; cut += bytes / 20) {
        (void)snprintf(path, sizeof(path), "%s.cut%zu", db_path, cut);
        assert_int_equal(bx_file_replace(path, data, cut, 0600, NULL), 0);
        use_everything(path);
    }
}

static void names_the_damaged_entry(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_error *err = NULL;
    bx_session_log *log = create(store, "one");

    (void)state;
    add_text(log, "x");
    add_text(log, "y");
    bx_session_log_close(log);
    run_sql("UPDATE entry SET body = '{' WHERE entry = 2");
    assert_null(bx_session_store_read(store, "one", 0, 0, &err));
    assert_error(&err, BX_ERR_INVALID, "entry 2 is no JSON");
}

/* ---- one process at a time ---- */

static void locks_within_and_between_processes(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = NULL;
    bx_session_info info;
    bx_error *err = NULL;
    char word[64];
    int ready[2];
    char byte;
    pid_t pid;

    (void)state;
    bx_session_log_close(create(store, "one"));
    bx_session_log_close(create(store, "two"));
    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        bx_session_store *own = bx_session_store_open(db_path, NULL);

        /* A test that fails leaves nobody behind. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (own == NULL || bx_session_log_open(own, "one", NULL) == NULL ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    (void)snprintf(word, sizeof(word), "is open in process %d;", (int)pid);
    assert_null(bx_session_log_open(store, "one", &err));
    assert_error(&err, BX_ERR_DENIED, word);
    assert_int_equal(bx_session_store_remove(store, "one", &err), -1);
    assert_error(&err, BX_ERR_DENIED, word);
    assert_int_equal(bx_session_store_info(store, "one", &info, NULL), 0);
    assert_true(info.is_open);
    assert_int_equal(info.pid, pid);
    bx_session_info_clear(&info);
    assert_int_equal(bx_session_store_info(store, "two", &info, NULL), 0);
    assert_false(info.is_open);
    bx_session_info_clear(&info);
    assert_int_equal(bx_session_store_rename(store, "one", "uno", NULL), 0);

    /* The lock dies with its process, however that dies. */
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    log = bx_session_log_open(store, "uno", NULL);
    assert_non_null(log);
    assert_null(bx_session_log_open(store, "uno", &err));
    assert_error(&err, BX_ERR_DENIED, "is open in process");
}

static void *append_notes(void *data)
{
    bx_session_store *store = data;
    const bx_session_new params = { .kind = "run" };
    bx_autosessionlog bx_session_log *log =
        bx_session_log_create(store, &params, NULL);
    json_t *note = json_pack("{s:s}", "type", "plan");
    uintptr_t failed = log == NULL;

    for (int i = 0; failed == 0 && i < NOTES; i++)
        failed += bx_session_log_add_note(log, note, NULL, NULL) < 0;
    json_decref(note);
    return (void *)failed;
}

/* They also make the file, all at once. */
static void takes_many_threads_and_processes(void **state)
{
    pid_t pids[PROCESSES];

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            bx_session_store *store = bx_session_store_open(db_path, NULL);
            pthread_t threads[THREADS];
            uintptr_t failed = 0;
            void *answer;

            if (store == NULL)
                _exit(2);
            for (int j = 0; j < THREADS; j++)
                pthread_create(&threads[j], NULL, append_notes, store);
            for (int j = 0; j < THREADS; j++) {
                pthread_join(threads[j], &answer);
                failed += (uintptr_t)answer;
            }
            bx_session_store_close(store);
            _exit(failed != 0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = -1;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(get_number("SELECT count(*) FROM session "
                                "WHERE entries = 40"),
                     PROCESSES * THREADS);
    assert_int_equal(get_number("SELECT count(*) FROM entry"),
                     PROCESSES * THREADS * NOTES);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_private_files),
        TEST(waits_for_who_makes_the_same_file),
        TEST(has_a_kind_of_three),
        TEST(uses_the_state_folder),
        TEST(refuses_what_others_may_write),
        TEST(refuses_other_and_newer_databases),
        TEST(runs_nothing_of_the_schema),
        TEST(survives_flipped_bytes),
        TEST(names_the_damaged_entry),
        TEST(locks_within_and_between_processes),
        TEST(takes_many_threads_and_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
