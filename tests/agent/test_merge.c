/* Overlays of several, made by hand as runs would have left them, and merged
 * into one folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/merge.h"
#include "agent/support_folder.h"
#include "base/buf.h"

static const char *const names[] = { "one", "two", "three" };

typedef struct world {
    folder at;
    bx_merge *merge;
    bx_merge_result result;
} world;

static void overlay_put(const world *it, const char *overlay, const char *path,
                        const char *text)
{
    char whole[1024];

    snprintf(whole, sizeof(whole), "state/boxagnts/overlays/%s/%s", overlay,
             path);
    folder_put(&it->at, whole, text);
}

static void overlay_begin(const world *it, const char *overlay)
{
    char text[512];

    snprintf(text, sizeof(text),
             "{\"version\": 1, \"id\": \"0123\", \"created_s\": 1700000000, "
             "\"mappings\": [\"%s/ws\"]}",
             it->at.path);
    overlay_put(it, overlay, "overlay.json", text);
    overlay_put(it, overlay, "base.log", "");
}

/* The base's entry as it is now, seen by that overlay; then a change. */
static void record(const world *it, const char *overlay, const char *path)
{
    char whole[512];
    struct stat st;
    FILE *log;

    snprintf(whole, sizeof(whole), "%s/state/boxagnts/overlays/%s/base.log",
             it->at.path, overlay);
    log = fopen(whole, "a");
    assert_non_null(log);
    snprintf(whole, sizeof(whole), "%s/ws/%s", it->at.path, path);
    if (lstat(whole, &st) < 0)
        fprintf(log, "{\"mapping\": 0, \"path\": \"%s\", \"kind\": \"none\"}\n",
                path);
    else
        fprintf(log,
                "{\"mapping\": 0, \"path\": \"%s\", \"kind\": \"%s\", "
                "\"size\": %lld, \"mtime_ns\": %lld, \"ino\": %llu, \"mode\": "
                "%u}\n",
                path, S_ISDIR(st.st_mode) ? "folder" : "file",
                (long long)st.st_size,
                (long long)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
                (unsigned long long)st.st_ino, (unsigned)st.st_mode & 07777);
    assert_int_equal(fclose(log), 0);
}

static void change(const world *it, const char *overlay, const char *path,
                   const char *text)
{
    char whole[512];

    record(it, overlay, path);
    snprintf(whole, sizeof(whole), "%s/0/%s", text == NULL ? "gone" : "up",
             path);
    overlay_put(it, overlay, whole, text == NULL ? "" : text);
}

static void base(const world *it, const char *path, const char *text)
{
    char whole[512];

    snprintf(whole, sizeof(whole), "ws/%s", path);
    folder_put(&it->at, whole, text);
}

static void check(const world *it, const char *path, const char *text)
{
    char whole[512];
    bx_autofree char *got = NULL;

    snprintf(whole, sizeof(whole), "ws/%s", path);
    got = folder_get(&it->at, whole);
    if (text == NULL)
        assert_null(got);
    else
        assert_string_equal(got == NULL ? "(nothing)" : got, text);
}

static bool is_there(const world *it, const char *overlay)
{
    char whole[512];

    snprintf(whole, sizeof(whole), "state/boxagnts/overlays/%s/overlay.json",
             overlay);
    return folder_has(&it->at, whole);
}

static void begin(world *it)
{
    char path[128];

    *it = (world){ 0 };
    umask(022);
    folder_make(&it->at);
    snprintf(path, sizeof(path), "%s/state", it->at.path);
    setenv("XDG_STATE_HOME", path, 1);
    setenv("HOME", it->at.path, 1);
    folder_make_dirs(&it->at, "ws");
}

static void make(world *it, size_t count)
{
    bx_error *err = NULL;

    it->merge = bx_merge_new(NULL, names, count, &err);
    if (it->merge == NULL)
        fail_msg("%s", bx_error_message(err));
}

static void commit(world *it)
{
    bx_error *err = NULL;

    if (bx_merge_commit(it->merge, &it->result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    bx_merge_free(it->merge);
    it->merge = NULL;
}

static void end(world *it)
{
    bx_merge_free(it->merge);
    folder_remove(&it->at);
}

/* ---- what only one touches ------------------------------------------------
 */

static void writes_what_each_changed(void **state)
{
    world it;

    (void)state;
    begin(&it);
    base(&it, "a.txt", "a\n");
    base(&it, "old.txt", "old\n");
    overlay_begin(&it, "one");
    overlay_begin(&it, "two");
    change(&it, "one", "a.txt", "one\n");
    change(&it, "one", "old.txt", NULL);
    record(&it, "two", "sub");
    change(&it, "two", "sub/b.txt", "two\n");
    make(&it, 3); /* the third has changed nothing */
    assert_int_equal(bx_merge_conflicts(it.merge), 0);
    assert_int_equal(bx_merge_changes(it.merge, 0), 2);
    assert_int_equal(bx_merge_changes(it.merge, 1), 2);
    assert_int_equal(bx_merge_changes(it.merge, 2), 0);
    commit(&it);
    assert_int_equal(it.result.left, 0);
    assert_int_equal(it.result.written, 4);
    check(&it, "a.txt", "one\n");
    check(&it, "old.txt", NULL);
    check(&it, "sub/b.txt", "two\n");
    assert_false(is_there(&it, "one"));
    assert_false(is_there(&it, "two"));
    end(&it);
}

static void both_add_to_a_new_folder(void **state)
{
    world it;

    (void)state;
    begin(&it);
    overlay_begin(&it, "one");
    overlay_begin(&it, "two");
    record(&it, "one", "sub");
    record(&it, "two", "sub");
    change(&it, "one", "sub/a.txt", "one\n");
    change(&it, "two", "sub/b.txt", "two\n");
    make(&it, 2);
    assert_int_equal(bx_merge_conflicts(it.merge), 0);
    commit(&it);
    check(&it, "sub/a.txt", "one\n");
    check(&it, "sub/b.txt", "two\n");
    assert_int_equal(it.result.left, 0);
    end(&it);
}

static void the_same_is_no_conflict(void **state)
{
    world it;

    (void)state;
    begin(&it);
    base(&it, "a.txt", "a\n");
    overlay_begin(&it, "one");
    overlay_begin(&it, "two");
    change(&it, "one", "a.txt", "same\n");
    change(&it, "two", "a.txt", "same\n");
    make(&it, 2);
    assert_int_equal(bx_merge_conflicts(it.merge), 0);
    commit(&it);
    check(&it, "a.txt", "same\n");
    assert_int_equal(it.result.left, 0);
    assert_false(is_there(&it, "two"));
    end(&it);
}

/* ---- conflicts ------------------------------------------------------------
 */

static void two_versions(world *it)
{
    begin(it);
    base(it, "a.txt", "a\n");
    overlay_begin(it, "one");
    overlay_begin(it, "two");
    change(it, "one", "a.txt", "one\n");
    change(it, "two", "a.txt", "two\n");
    change(it, "two", "b.txt", "b\n");
    make(it, 2);
    assert_int_equal(bx_merge_conflicts(it->merge), 1);
}

static void nothing_is_written_without_a_decision(void **state)
{
    world it;
    bx_merge_conflict conflict;
    bx_autobuf bx_buf one = BX_BUF_INIT;
    bx_autobuf bx_buf two = BX_BUF_INIT;

    (void)state;
    two_versions(&it);
    conflict = bx_merge_conflict_at(it.merge, 0);
    assert_non_null(strstr(conflict.path, "/ws/a.txt"));
    assert_int_equal(conflict.parts_count, 2);
    assert_false(conflict.is_stale);
    assert_int_equal(bx_merge_conflict_diff(it.merge, 0, 0, 1000, &one, NULL),
                     0);
    assert_int_equal(bx_merge_conflict_diff(it.merge, 0, 1, 1000, &two, NULL),
                     0);
    assert_non_null(strstr(one.data, "+one"));
    assert_non_null(strstr(two.data, "+two"));
    commit(&it);
    check(&it, "a.txt", "a\n");
    check(&it, "b.txt", "b\n");
    assert_int_equal(it.result.left, 2);
    assert_true(is_there(&it, "one"));
    assert_true(is_there(&it, "two"));
    end(&it);
}

static void writes_the_version_decided_for(void **state)
{
    world it;

    (void)state;
    two_versions(&it);
    bx_merge_decide(it.merge, 0, 1);
    commit(&it);
    check(&it, "a.txt", "two\n");
    check(&it, "b.txt", "b\n");
    assert_int_equal(it.result.left, 1);
    assert_true(is_there(&it, "one"));
    assert_false(is_there(&it, "two"));
    end(&it);
}

static void changed_beneath_is_a_conflict(void **state)
{
    world it;

    (void)state;
    for (int is_decided = 0; is_decided < 2; is_decided++) {
        begin(&it);
        base(&it, "a.txt", "a\n");
        overlay_begin(&it, "one");
        change(&it, "one", "a.txt", "one\n");
        base(&it, "a.txt", "somebody else\n");
        make(&it, 1);
        assert_int_equal(bx_merge_conflicts(it.merge), 1);
        assert_true(bx_merge_conflict_at(it.merge, 0).is_stale);
        if (is_decided == 1)
            bx_merge_decide(it.merge, 0, 0);
        commit(&it);
        check(&it, "a.txt", is_decided == 1 ? "one\n" : "somebody else\n");
        end(&it);
    }
}

/* One removes a folder in which another works. */
static void a_folder_and_what_is_in_it(void **state)
{
    world it;

    (void)state;
    for (size_t winner = 0; winner < 2; winner++) {
        begin(&it);
        base(&it, "sub/a.txt", "a\n");
        base(&it, "sub.txt", "beside\n");
        overlay_begin(&it, "one");
        overlay_begin(&it, "two");
        record(&it, "one", "sub/a.txt");
        change(&it, "one", "sub", NULL);
        change(&it, "two", "sub/b.txt", "two\n");
        change(&it, "two", "sub.txt", "changed\n");
        make(&it, 2);
        assert_int_equal(bx_merge_conflicts(it.merge), 1);
        bx_merge_decide(it.merge, 0, winner);
        commit(&it);
        check(&it, "sub/a.txt", winner == 0 ? NULL : "a\n");
        check(&it, "sub/b.txt", winner == 0 ? NULL : "two\n");
        check(&it, "sub.txt", "changed\n");
        end(&it);
    }
}

static void a_file_where_another_has_a_folder(void **state)
{
    world it;

    (void)state;
    begin(&it);
    overlay_begin(&it, "one");
    overlay_begin(&it, "two");
    change(&it, "one", "x", "a file\n");
    record(&it, "two", "x");
    change(&it, "two", "x/in.txt", "in\n");
    make(&it, 2);
    assert_int_equal(bx_merge_conflicts(it.merge), 1);
    commit(&it);
    check(&it, "x", NULL);
    check(&it, "x/in.txt", NULL);
    end(&it);
}

/* ---- between and after ----------------------------------------------------
 */

static void changed_since_the_merge_was_made(void **state)
{
    world it;

    (void)state;
    begin(&it);
    base(&it, "a.txt", "a\n");
    overlay_begin(&it, "one");
    change(&it, "one", "a.txt", "one\n");
    change(&it, "one", "b.txt", "b\n");
    make(&it, 1);
    base(&it, "a.txt", "somebody else\n");
    commit(&it);
    check(&it, "a.txt", "somebody else\n");
    check(&it, "b.txt", "b\n");
    assert_int_equal(it.result.left, 1);
    assert_true(is_there(&it, "one"));
    end(&it);
}

static void diffs_are_cut(void **state)
{
    world it;
    bx_autobuf bx_buf text = BX_BUF_INIT;

    (void)state;
    begin(&it);
    overlay_begin(&it, "one");
    for (int i = 0; i < 20; i++) {
        char path[32];

        snprintf(path, sizeof(path), "f%02d.txt", i);
        change(&it, "one", path, "some text of a file\n");
    }
    make(&it, 1);
    assert_int_equal(bx_merge_diff(it.merge, 0, 500, &text, NULL), 0);
    assert_non_null(strstr(text.data, "more changes are not shown"));
    assert_true(text.len < 700);
    end(&it);
}

/* One that is broken keeps nobody else's changes back. */
static void a_broken_one_is_left_alone(void **state)
{
    world it;

    (void)state;
    begin(&it);
    overlay_put(&it, "one", "overlay.json", "no JSON");
    overlay_begin(&it, "two");
    change(&it, "two", "b.txt", "b\n");
    make(&it, 2);
    assert_non_null(bx_merge_problem(it.merge, 0));
    assert_null(bx_merge_problem(it.merge, 1));
    assert_int_equal(bx_merge_changes(it.merge, 0), 0);
    commit(&it);
    check(&it, "b.txt", "b\n");
    assert_true(is_there(&it, "one"));
    end(&it);
}

static void refuses_a_bad_name(void **state)
{
    const char *const bad[] = { "../one" };
    const char *many[BX_MERGE_PARTS_MAX + 1];
    world it;
    bx_error *err = NULL;

    (void)state;
    begin(&it);
    assert_null(bx_merge_new(NULL, bad, 1, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    bx_error_free(err);
    err = NULL;
    for (size_t i = 0; i < BX_MERGE_PARTS_MAX + 1; i++)
        many[i] = "one";
    assert_null(bx_merge_new(NULL, many, BX_MERGE_PARTS_MAX + 1, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    bx_error_free(err);
    end(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_each_changed),
        cmocka_unit_test(both_add_to_a_new_folder),
        cmocka_unit_test(the_same_is_no_conflict),
        cmocka_unit_test(nothing_is_written_without_a_decision),
        cmocka_unit_test(writes_the_version_decided_for),
        cmocka_unit_test(changed_beneath_is_a_conflict),
        cmocka_unit_test(a_folder_and_what_is_in_it),
        cmocka_unit_test(a_file_where_another_has_a_folder),
        cmocka_unit_test(changed_since_the_merge_was_made),
        cmocka_unit_test(diffs_are_cut),
        cmocka_unit_test(a_broken_one_is_left_alone),
        cmocka_unit_test(refuses_a_bad_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
