/* What an overlay changes, found against a base that may have moved on. */
#include "support.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/apply.h"

/* ---- kinds of changes ------------------------------------------------ */

static void expect(const char *path, bx_delta_what what, const char *conflict)
{
    bx_autooverlay bx_overlay_store *store = open_store(BX_OVERLAY_LOOK);
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    const bx_delta *row;

    find(store, &deltas);
    row = row_of(&deltas, path);
    if (what == BX_DELTA_NONE) {
        if (row != NULL)
            fail_msg("'%s': %s, expected no change", path,
                     bx_delta_word(row->what));
        return;
    }
    if (row == NULL)
        fail_msg("'%s' is no change", path);
    assert_string_equal(bx_delta_word(row->what), bx_delta_word(what));
    if (conflict == NULL && row->conflict != NULL)
        fail_msg("'%s': %s", path, row->conflict);
    if (conflict != NULL)
        assert_string_equal(row->conflict == NULL ? "none" : row->conflict,
                            conflict);
}

static void keep_times(const char *from, const char *to)
{
    struct stat st;
    bx_autofree char *target = strdup(to);

    assert_int_equal(stat(from, &st), 0);
    assert_int_equal(utimensat(AT_FDCWD, target,
                               (struct timespec[]){ st.st_atim, st.st_mtim },
                               0),
                     0);
}

static void finds_each_kind(void **state)
{
    (void)state;
    base_file("modified", "old");
    base_file("removed", "x");
    base_file("same", "same");
    base_file("touched", "same");
    base_file("moded", "same");
    base_link("link", "one");
    base_file("file", "f");
    base_folder("folder/in");
    up_file("modified", "new");
    gone("removed");
    up_file("same", "same");
    keep_times(in_base("same"), in_up("same"));
    up_file("touched", "same");
    assert_int_equal(utimensat(AT_FDCWD, in_up("touched"),
                               (struct timespec[]){ { 5, 0 }, { 6, 7 } }, 0),
                     0);
    up_file("moded", "same");
    keep_times(in_base("moded"), in_up("moded"));
    assert_int_equal(chmod(in_up("moded"), 0755), 0);
    up_link("link", "two");
    record("file", false);
    up_file("file/in", "now a folder");
    record("folder/in", false);
    up_file("folder", "now a file");
    up_file("new/a", "a");
    expect("modified", BX_DELTA_MODIFIED, NULL);
    expect("removed", BX_DELTA_REMOVED, NULL);
    expect("same", BX_DELTA_NONE, NULL);
    expect("touched", BX_DELTA_TIME, NULL);
    expect("moded", BX_DELTA_MODE, NULL);
    expect("link", BX_DELTA_MODIFIED, NULL);
    expect("file", BX_DELTA_REPLACED, NULL);
    expect("file/in", BX_DELTA_ADDED, NULL);
    expect("folder", BX_DELTA_REPLACED, NULL);
    expect("folder/in", BX_DELTA_REMOVED, NULL);
    expect("new", BX_DELTA_ADDED, NULL);
    expect("new/a", BX_DELTA_ADDED, NULL);
}

static void finds_the_same_without_openat2(void **state)
{
    bx_beneath_force_walk(true);
    finds_each_kind(state);
    bx_beneath_force_walk(false);
}

static void a_folder_made_anew_hides_the_old(void **state)
{
    (void)state;
    base_file("d/kept/a", "a");
    base_file("d/b", "b");
    record("d/kept/a", false);
    record("d/kept", false);
    record("d/b", false);
    gone("d");
    up_file("d/new", "n");
    expect("d", BX_DELTA_NONE, NULL);
    expect("d/new", BX_DELTA_ADDED, NULL);
    expect("d/b", BX_DELTA_REMOVED, NULL);
    expect("d/kept", BX_DELTA_REMOVED, NULL);
    expect("d/kept/a", BX_DELTA_REMOVED, NULL);
}

static void rows_are_sorted_folders_first(void **state)
{
    static const char *const expected[] = { "a", "a/b", "a/b/c", "a-b" };
    bx_autooverlay bx_overlay_store *store = NULL;
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };

    (void)state;
    up_file("a-b", "1");
    up_file("a/b/c", "2");
    store = open_store(BX_OVERLAY_LOOK);
    find(store, &deltas);
    assert_int_equal(deltas.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(deltas.rows[i].path, expected[i]);
}

/* As deep as a path may be: 2,048 folders. */
static void follows_a_deep_tree(void **state)
{
    bx_autofree char *path = calloc(1, 4096);
    char whole[400];
    bx_autofd int fd = -1;
    bx_autooverlay bx_overlay_store *store = NULL;
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };

    (void)state;
    snprintf(whole, sizeof(whole), "%s/up/0", overlay_dir);
    fd = open(whole, O_PATH | O_DIRECTORY);
    for (int i = 0; i < 2048; i++) {
        int next;

        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        next = openat(fd, "d", O_PATH | O_DIRECTORY);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    store = open_store(BX_OVERLAY_LOOK);
    find(store, &deltas);
    assert_int_equal(deltas.count, 2048);
    bx_deltas_clear(&deltas);
    /* One more cannot be named. */
    assert_int_equal(mkdirat(fd, "d", 0755), 0);
    {
        bx_error *err = NULL;

        assert_int_equal(bx_deltas_find(store, &deltas, &err), -1);
        keep_error(err);
        assert_non_null(strstr(last_message, "File name too long"));
    }
    bx_overlay_store_free(store);
    store = open_store(BX_OVERLAY_END);
    assert_int_equal(bx_overlay_store_drop(store, NULL), 0);
}

/* ---- conflicts ------------------------------------------------------- */

static void a_changed_base_is_a_conflict(void **state)
{
    (void)state;
    base_file("changed", "1");
    base_file("removed", "2");
    base_file("folder", "3");
    base_file("gone", "4");
    base_file("moded", "5");
    up_file("changed", "new");
    up_file("removed", "new");
    up_file("folder", "new");
    gone("gone");
    up_file("made", "new");
    up_file("moded", "new");
    write_text(in_base("changed"), "1 and more");
    assert_int_equal(unlink(in_base("removed")), 0);
    assert_int_equal(unlink(in_base("folder")), 0);
    base_folder("folder");
    write_text(in_base("gone"), "5, of the same size");
    base_file("made", "someone else's");
    assert_int_equal(chmod(in_base("moded"), 0600), 0);
    expect("changed", BX_DELTA_MODIFIED, "it was changed meanwhile");
    expect("removed", BX_DELTA_ADDED, "it was removed meanwhile");
    expect("folder", BX_DELTA_REPLACED, "it is another kind of entry now");
    expect("gone", BX_DELTA_REMOVED, "it was changed meanwhile");
    expect("made", BX_DELTA_MODIFIED, "it was made meanwhile");
    expect("moded", BX_DELTA_MODIFIED, "its mode was changed meanwhile");
}

static void what_became_the_same_is_none(void **state)
{
    (void)state;
    base_file("a", "1");
    base_file("b", "1");
    up_file("a", "new");
    gone("b");
    write_text(in_base("a"), "new");
    assert_int_equal(unlink(in_base("b")), 0);
    expect("a", BX_DELTA_TIME, NULL);
    expect("b", BX_DELTA_NONE, NULL);
}

static void content_decides_where_it_is_recorded(void **state)
{
    (void)state;
    base_file("a", "1234");
    base_file("b", "1234");
    record("a", true);
    record("b", true);
    up_file("a", "new");
    up_file("b", "new");
    /* A copy put back; other content of the same size. */
    assert_int_equal(unlink(in_base("a")), 0);
    base_file("a", "1234");
    base_file("b", "1235");
    assert_int_equal(utimensat(AT_FDCWD, in_base("b"), NULL, 0), 0);
    expect("a", BX_DELTA_MODIFIED, NULL);
    expect("b", BX_DELTA_MODIFIED, "it was changed meanwhile");
}

static void what_came_into_a_removed_folder_is_a_conflict(void **state)
{
    (void)state;
    base_file("d/a", "a");
    record("d/a", false);
    gone("d");
    base_file("d/late", "of someone else");
    expect("d/a", BX_DELTA_REMOVED, NULL);
    expect("d/late", BX_DELTA_REMOVED,
           "there was nothing when the overlay began");
}

static void a_record_that_is_missing_or_cut_is_a_conflict(void **state)
{
    static const char cut[] = "{\"mapping\": 0, \"path\": \"b\", \"ki";
    char path[400];
    FILE *log;

    (void)state;
    base_file("a", "1");
    base_file("b", "1");
    base_file("c", "1");
    base_file("d", "1");
    up_file("c", "2");
    snprintf(path, sizeof(path), "%s/base.log", overlay_dir);
    log = fopen(path, "a");
    fprintf(log,
            "%s\nnothing\n[]\n{\"mapping\": -1, \"path\": \"a\", "
            "\"kind\": \"file\"}\n{\"mapping\": 0, \"path_hex\": \"zz\", "
            "\"kind\": \"none\"}\n{\"mapping\": 0, \"path\": 3}\n",
            cut);
    assert_int_equal(fclose(log), 0);
    up_file("d", "2");
    write_text(in_up("a"), "2");
    write_text(in_up("b"), "2");
    expect("a", BX_DELTA_MODIFIED, "there was nothing when the overlay began");
    expect("b", BX_DELTA_MODIFIED, "there was nothing when the overlay began");
    expect("c", BX_DELTA_MODIFIED, NULL);
    expect("d", BX_DELTA_MODIFIED, NULL);
}

static void the_first_record_of_a_path_counts(void **state)
{
    (void)state;
    base_file("a", "1");
    up_file("a", "2");
    write_text(in_base("a"), "changed");
    record("a", false);
    expect("a", BX_DELTA_MODIFIED, "it was changed meanwhile");
}

static void names_that_are_no_text_have_records_too(void **state)
{
    static const char name[] = "\xff\xfe";
    char path[400];
    FILE *log;
    struct stat st;

    (void)state;
    base_file(name, "1");
    assert_int_equal(stat(in_base(name), &st), 0);
    write_text(in_up(name), "2");
    snprintf(path, sizeof(path), "%s/base.log", overlay_dir);
    log = fopen(path, "a");
    fprintf(log,
            "{\"mapping\": 0, \"path_hex\": \"fffe\", \"kind\": \"file\", "
            "\"size\": 1, \"mtime_ns\": %lld, \"ino\": %llu, \"mode\": %u}\n",
            (long long)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
            (unsigned long long)st.st_ino, st.st_mode & 07777u);
    assert_int_equal(fclose(log), 0);
    expect(name, BX_DELTA_MODIFIED, NULL);
}

/* ---- hostile --------------------------------------------------------- */

/* A folder of the base became a link: nothing is looked at through it. */
static void a_link_in_the_base_is_not_followed(void **state)
{
    char path[600];

    (void)state;
    base_file("d/a", "1");
    up_file("d/a", "2");
    snprintf(path, sizeof(path), "%s/elsewhere", test_dir);
    assert_int_equal(rename(in_base("d"), path), 0);
    base_link("d", path);
    expect("d", BX_DELTA_REPLACED, "there was nothing when the overlay began");
    expect("d/a", BX_DELTA_ADDED, "it was removed meanwhile");
}

static void what_no_run_makes_is_refused(void **state)
{
    bx_autooverlay bx_overlay_store *store = NULL;
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(mkfifo(in_up("pipe"), 0600), 0);
    store = open_store(BX_OVERLAY_LOOK);
    assert_int_equal(bx_deltas_find(store, &deltas, &err), -1);
    keep_error(err);
    assert_int_equal(last_code, BX_ERR_INVALID);
    assert_non_null(strstr(last_message, "no run made it"));
}

static void refuse_open(const char *name, bx_code code, const char *word)
{
    bx_error *err = NULL;
    bx_overlay_store *store =
        bx_overlay_store_open(name, BX_OVERLAY_LOOK, &err);

    assert_null(store);
    keep_error(err);
    assert_int_equal(last_code, code);
    if (strstr(last_message, word) == NULL)
        fail_msg("'%s' does not say '%s'", last_message, word);
}

static void bad_names_are_refused(void **state)
{
    static const char *const names[] = {
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "-x",
        "a b",
        "a\n",
        "\xc3\xa9",
        "a123456789b123456789c123456789d123456789e123456789f1234567890abcd",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        refuse_open(names[i], BX_ERR_INVALID, "expected");
    refuse_open("missing", BX_ERR_NOT_FOUND, "overlay list");
}

static void malformed_overlays_are_refused(void **state)
{
    static const char *const heads[] = {
        "",
        "[]",
        "{",
        "{\"version\": 2, \"id\": \"a\", \"mappings\": []}",
        "{\"version\": 1, \"mappings\": []}",
        "{\"version\": 1, \"id\": \"a/b\", \"mappings\": []}",
        "{\"version\": 1, \"id\": \"a\"}",
        "{\"version\": 1, \"id\": \"a\", \"mappings\": [3]}",
        "{\"version\": 1, \"id\": \"a\", \"mappings\": [\"relative\"]}",
    };
    char path[400];

    (void)state;
    snprintf(path, sizeof(path), "%s/overlay.json", overlay_dir);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        write_text(path, heads[i]);
        refuse_open(OVERLAY, BX_ERR_INVALID, "not an overlay");
    }
    assert_int_equal(unlink(path), 0);
    refuse_open(OVERLAY, BX_ERR_INVALID, "not an overlay");
    /* Such a one can still be dropped. */
    {
        bx_autooverlay bx_overlay_store *store = open_store(BX_OVERLAY_END);

        assert_int_equal(bx_overlay_store_drop(store, NULL), 0);
    }
    refuse_open(OVERLAY, BX_ERR_NOT_FOUND, "no overlay");
}

/* ---- the folder of overlays ------------------------------------------ */

static void one_in_use_is_nobody_elses(void **state)
{
    char path[400];
    bx_autofd int run = -1;
    bx_error *err = NULL;

    (void)state;
    snprintf(path, sizeof(path), "%s/" BX_OVERLAY_USE_NAME, overlay_dir);
    run = open(path, O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(run, LOCK_SH), 0);
    bx_overlay_store_free(open_store(BX_OVERLAY_LOOK));
    assert_null(bx_overlay_store_open(OVERLAY, BX_OVERLAY_ALONE, &err));
    keep_error(err);
    err = NULL;
    assert_int_equal(last_code, BX_ERR_DENIED);
    assert_non_null(strstr(last_message, "in use"));
    assert_null(bx_overlay_store_open(OVERLAY, BX_OVERLAY_END, &err));
    bx_error_free(err);
}

static void lists_names_and_clears_what_drops_left(void **state)
{
    bx_autonames bx_names names = { NULL, 0 };
    char path[400];
    struct stat stat;

    (void)state;
    snprintf(path, sizeof(path), "%s/state/boxagnts/overlays/a.b", test_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/state/boxagnts/overlays/.dropped-1",
             test_dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(bx_overlays_list(&names, NULL), 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.names[0], "a.b");
    assert_string_equal(names.names[1], OVERLAY);
    assert_int_equal(lstat(path, &stat), -1);
}

/* Where names cannot be removed, as for a moment when another one swaps them.
 */
static void emptying_follows_no_link(void **state)
{
    int fixed = FS_IMMUTABLE_FL;
    int loose = 0;
    char path[512];
    struct stat stat;
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/outside", test_dir);
    fd = open(path, O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    close(fd);
    snprintf(path, sizeof(path), "%s/full", test_dir);
    assert_int_equal(mkdir(path, 0755), 0);
    fd = open(path, O_RDONLY | O_DIRECTORY);
    assert_int_equal(symlinkat("../outside", fd, "link"), 0);
    if (ioctl(fd, FS_IOC_SETFLAGS, &fixed) < 0) {
        close(fd);
        skip(); /* not root, or not on this file system */
    }
    assert_int_equal(bx_beneath_empty(fd), -1);
    assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &loose), 0);
    assert_int_equal(fstatat(fd, "link", &stat, 0), 0);
    assert_int_equal(stat.st_mode & 0777, 0644);
    close(fd);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_world, remove_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_each_kind),
        TEST(finds_the_same_without_openat2),
        TEST(a_folder_made_anew_hides_the_old),
        TEST(rows_are_sorted_folders_first),
        TEST(follows_a_deep_tree),
        TEST(a_changed_base_is_a_conflict),
        TEST(what_became_the_same_is_none),
        TEST(content_decides_where_it_is_recorded),
        TEST(what_came_into_a_removed_folder_is_a_conflict),
        TEST(a_record_that_is_missing_or_cut_is_a_conflict),
        TEST(the_first_record_of_a_path_counts),
        TEST(names_that_are_no_text_have_records_too),
        TEST(a_link_in_the_base_is_not_followed),
        TEST(what_no_run_makes_is_refused),
        TEST(bad_names_are_refused),
        TEST(malformed_overlays_are_refused),
        TEST(one_in_use_is_nobody_elses),
        TEST(lists_names_and_clears_what_drops_left),
        TEST(emptying_follows_no_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
