/* Read-only mappings, nested mappings and grants finer than a mapping: access
 * goes by the true path, whatever name leads there. */
#include <fcntl.h>
#include <string.h>

#include "wasi/support.h"

typedef int32_t attempt_fn(test_box *box);

static int32_t open_to_write(test_box *box)
{
    uint32_t fd;

    return box_path_open(box, "ro/file",
                         (box_open){ .rights = BX_RIGHT_FD_WRITE }, &fd);
}

static int32_t open_to_create(test_box *box)
{
    uint32_t fd;

    return box_path_open(box, "ro/new", (box_open){ .oflags = BX_OFLAG_CREAT },
                         &fd);
}

static int32_t open_to_truncate(test_box *box)
{
    uint32_t fd;

    return box_path_open(box, "ro/file", (box_open){ .oflags = BX_OFLAG_TRUNC },
                         &fd);
}

static int32_t make_folder(test_box *box)
{
    return CALL(box, bx_wasi_path_create_directory, U32(3),
                PATH(box, "ro/new"));
}

static int32_t remove_file(test_box *box)
{
    return CALL(box, bx_wasi_path_unlink_file, U32(3), PATH(box, "ro/file"));
}

static int32_t remove_folder(test_box *box)
{
    return CALL(box, bx_wasi_path_remove_directory, U32(3),
                PATH(box, "ro/dir"));
}

static int32_t rename_inside(test_box *box)
{
    return CALL(box, bx_wasi_path_rename, U32(3), PATH(box, "ro/file"), U32(3),
                PATH(box, "ro/new"));
}

static int32_t rename_out(test_box *box)
{
    return CALL(box, bx_wasi_path_rename, U32(3), PATH(box, "ro/file"), U32(3),
                PATH(box, "new"));
}

static int32_t rename_in(test_box *box)
{
    return CALL(box, bx_wasi_path_rename, U32(3), PATH(box, "own"), U32(3),
                PATH(box, "ro/file"));
}

static int32_t link_out(test_box *box)
{
    return CALL(box, bx_wasi_path_link, U32(3), U32(0), PATH(box, "ro/file"),
                U32(3), PATH(box, "new"));
}

static int32_t link_in(test_box *box)
{
    return CALL(box, bx_wasi_path_link, U32(3), U32(0), PATH(box, "own"),
                U32(3), PATH(box, "ro/new"));
}

static int32_t make_link(test_box *box)
{
    return CALL(box, bx_wasi_path_symlink, PATH(box, "own"), U32(3),
                PATH(box, "ro/new"));
}

static int32_t set_times_by_path(test_box *box)
{
    return CALL(box, bx_wasi_path_filestat_set_times, U32(3), U32(0),
                PATH(box, "ro/file"), U64(1), U64(1),
                U32(BX_FSTFLAG_ATIM | BX_FSTFLAG_MTIM));
}

static uint32_t open_read_only(test_box *box)
{
    return box_opened(box, "ro/file",
                      (box_open){ .rights = ALL_RIGHTS & ~RIGHTS_RW });
}

static int32_t set_times_by_fd(test_box *box)
{
    return CALL(box, bx_wasi_fd_filestat_set_times, U32(open_read_only(box)),
                U64(1), U64(1), U32(BX_FSTFLAG_MTIM));
}

static int32_t set_times_by_folder(test_box *box)
{
    uint32_t fd = box_opened(box, "ro", (box_open){ 0 });

    return CALL(box, bx_wasi_fd_filestat_set_times, U32(fd), U64(1), U64(1),
                U32(BX_FSTFLAG_MTIM));
}

static int32_t set_size(test_box *box)
{
    return CALL(box, bx_wasi_fd_filestat_set_size, U32(open_read_only(box)),
                U64(0));
}

static int32_t allocate(test_box *box)
{
    return CALL(box, bx_wasi_fd_allocate, U32(open_read_only(box)), U64(0),
                U64(100));
}

static int32_t remove_through_folder(test_box *box)
{
    uint32_t fd = box_opened(box, "ro", (box_open){ 0 });

    return CALL(box, bx_wasi_path_unlink_file, U32(fd), PATH(box, "file"));
}

static int32_t write_through_link(test_box *box)
{
    uint32_t fd;

    return box_path_open(box, "link",
                         (box_open){ .lookup = 1, .rights = BX_RIGHT_FD_WRITE },
                         &fd);
}

static int32_t write_through_folder_link(test_box *box)
{
    uint32_t fd;

    return box_path_open(box, "folder/file",
                         (box_open){ .rights = BX_RIGHT_FD_WRITE }, &fd);
}

static int32_t remove_through_folder_link(test_box *box)
{
    return CALL(box, bx_wasi_path_unlink_file, U32(3),
                PATH(box, "folder/file"));
}

static int32_t remove_through_dots(test_box *box)
{
    return CALL(box, bx_wasi_path_unlink_file, U32(3),
                PATH(box, "dir/../ro/dir/../file"));
}

static const struct {
    const char *name;
    attempt_fn *attempt;
} attempts[] = {
    { "open to write", open_to_write },
    { "open to create", open_to_create },
    { "open to truncate", open_to_truncate },
    { "make folder", make_folder },
    { "remove file", remove_file },
    { "remove folder", remove_folder },
    { "rename inside", rename_inside },
    { "rename out", rename_out },
    { "rename in", rename_in },
    { "link out", link_out },
    { "link in", link_in },
    { "make link", make_link },
    { "set times by path", set_times_by_path },
    { "set times by descriptor", set_times_by_fd },
    { "set times of a folder", set_times_by_folder },
    { "set size", set_size },
    { "allocate", allocate },
    { "remove through a folder", remove_through_folder },
    { "write through a link", write_through_link },
    { "write through a link to a folder", write_through_folder_link },
    { "remove through a link to a folder", remove_through_folder_link },
    { "remove through dots", remove_through_dots },
};

static void fill_read_only(test_box *box, const char *ro)
{
    char path[64];

    snprintf(path, sizeof(path), "%s/file", ro);
    host_write(box, path, "kept");
    snprintf(path, sizeof(path), "%s/dir", ro);
    host_mkdir(box, path);
    host_mkdir(box, "work/dir");
    host_write(box, "work/own", "own");
    host_symlink(box, "ro/file", "work/link");
    host_symlink(box, "ro", "work/folder");
}

static void check_attempts(test_box *box)
{
    char *before = host_listing(box);

    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        char *after;
        int32_t err;

        box_rewind(box);
        box->denials = 0;
        err = attempts[i].attempt(box);
        if (err != BX_WASI_EROFS)
            fail_msg("%s: %d", attempts[i].name, err);
        if (box->denials == 0 || box->reason[0] == '\0')
            fail_msg("%s: not told", attempts[i].name);
        after = host_listing(box);
        if (strcmp(before, after) != 0)
            fail_msg("%s: the host changed:\n%s\n%s", attempts[i].name, before,
                     after);
        free(after);
    }
    free(before);
}

static void nothing_writes_a_read_only_mapping(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box_map(&box, "other", "/ro", BX_ACCESS_READ);
    fill_read_only(&box, "other");
    box_start(&box);
    check_attempts(&box);
    assert_string_equal(box.reason, "the mapping is read-only");
    assert_non_null(strstr(box.rule, "other"));
    box_free(&box);
}
BOTH(nothing_writes_a_read_only_mapping)

static void nothing_writes_where_no_grant_does(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/ro");
    fill_read_only(&box, "work/ro");
    box_grant(&box, "fs.read:/");
    box_grant(&box, "fs.write:/own");
    box_grant(&box, "fs.write:/new");
    box_grant(&box, "fs.write:/dir");
    box_start(&box);
    check_attempts(&box);
    assert_non_null(strstr(box.rule, "fs.read:/"));
    box_free(&box);
}
BOTH(nothing_writes_where_no_grant_does)

static void a_read_only_preopen_refuses(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "other", "/", BX_ACCESS_READ);
    host_write(&box, "other/file", "kept");
    box_start(&box);
    fd = box_opened(&box, "file", (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_string_equal(box_read(&box, fd), "kept");
    assert_int_equal(
        box_path_open(&box, "file", (box_open){ .rights = RIGHTS_RW }, &fd),
        BX_WASI_EROFS);
    assert_int_equal(
        CALL(&box, bx_wasi_path_unlink_file, U32(3), PATH(&box, "file")),
        BX_WASI_EROFS);
    assert_string_equal(box.target, "/file");
    assert_int_equal(box.run.calls_denied, 2);
    box_free(&box);
}
BOTH(a_read_only_preopen_refuses)

static void nested_mappings_are_seen_and_held(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box_map(&box, "data", "/a/data", BOX_RW);
    host_write(&box, "data/file", "nested");
    host_write(&box, "work/top", "top");
    box_start(&box);
    fd = box_opened(&box, "a/data/file",
                    (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_string_equal(box_read(&box, fd), "nested");
    fd = box_opened(&box, "a/data/../../top",
                    (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_string_equal(box_read(&box, fd), "top");
    fd = box_opened(&box, ".", (box_open){ 0 });
    assert_non_null(strstr(box_list(&box, fd, 4096), " a "));
    assert_non_null(strstr(box_list(&box, fd, 4096), " top "));
    fd = box_opened(&box, "a", (box_open){ .oflags = BX_OFLAG_DIRECTORY });
    assert_string_equal(box_list(&box, fd, 4096), ". .. data ");
    assert_int_equal(box_stat(&box, "a", 0, NULL), 0);
    assert_int_equal(box_stat(&box, "a/", 1, NULL), 0);
    assert_int_equal(box_stat(&box, "a/none", 0, NULL), BX_WASI_ENOENT);
    fd = box_opened(&box, "data/file",
                    (box_open){ .dir = fd, .rights = BX_RIGHT_FD_READ });
    assert_string_equal(box_read(&box, fd), "nested");
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(3), PATH(&box, "a")),
        BX_WASI_EEXIST);
    assert_int_equal(CALL(&box, bx_wasi_path_symlink, PATH(&box, "top"), U32(3),
                          PATH(&box, "a/data")),
                     BX_WASI_EEXIST);
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(3), PATH(&box, "a/x")),
        BX_WASI_EACCES);
    assert_int_equal(
        CALL(&box, bx_wasi_path_remove_directory, U32(3), PATH(&box, "a")),
        BX_WASI_EBUSY);
    assert_int_equal(
        CALL(&box, bx_wasi_path_remove_directory, U32(3), PATH(&box, "a/data")),
        BX_WASI_EBUSY);
    assert_int_equal(CALL(&box, bx_wasi_path_rename, U32(3), PATH(&box, "a"),
                          U32(3), PATH(&box, "b")),
                     BX_WASI_EBUSY);
    assert_int_equal(CALL(&box, bx_wasi_path_rename, U32(3), PATH(&box, "top"),
                          U32(3), PATH(&box, "a")),
                     BX_WASI_EBUSY);
    assert_int_equal(CALL(&box, bx_wasi_path_rename, U32(3), PATH(&box, "top"),
                          U32(3), PATH(&box, "a/data/top")),
                     BX_WASI_EXDEV);
    assert_int_equal(CALL(&box, bx_wasi_path_link, U32(3), U32(0),
                          PATH(&box, "top"), U32(3), PATH(&box, "a/data/top")),
                     BX_WASI_EXDEV);
    assert_true(host_exists(&box, "work/top"));
    assert_false(host_exists(&box, "data/top"));
    box_free(&box);
}
BOTH(nested_mappings_are_seen_and_held)

static void a_mapping_covers_what_the_host_has(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box_map(&box, "data", "/data", BX_ACCESS_READ);
    box_map(&box, "deep", "/link/deep", BX_ACCESS_READ);
    host_mkdir(&box, "work/data");
    host_write(&box, "work/data/file", "hidden");
    host_write(&box, "data/file", "shown");
    host_write(&box, "deep/file", "deep");
    host_mkdir(&box, "work/real");
    host_symlink(&box, "real", "work/link");
    box_start(&box);
    fd =
        box_opened(&box, "data/file", (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_string_equal(box_read(&box, fd), "shown");
    fd = box_opened(&box, "link/deep/file",
                    (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_string_equal(box_read(&box, fd), "deep");
    assert_int_equal(box_stat(&box, "link", 1, NULL), 0);
    box_free(&box);
}
BOTH(a_mapping_covers_what_the_host_has)

static void grants_hide_the_rest(void **state)
{
    static const struct {
        const char *path;
        int32_t stat;
        int32_t read;
    } cases[] = {
        { "data/file", 0, 0 },
        { "data/out/x", 0, 0 },
        { "secret", BX_WASI_EACCES, BX_WASI_EACCES },
        { "none", BX_WASI_EACCES, BX_WASI_EACCES },
        { "deep/secret", BX_WASI_EACCES, BX_WASI_EACCES },
        { "deep/none", BX_WASI_EACCES, BX_WASI_EACCES },
        { "deep/in/file", 0, 0 },
        { "deep", 0, 0 },
        { "data/to-secret", BX_WASI_EACCES, BX_WASI_EACCES },
        { "data/../secret", BX_WASI_EACCES, BX_WASI_EACCES },
        { "data/to-up/secret", BX_WASI_EACCES, BX_WASI_EACCES },
        { "data/to-none", BX_WASI_EACCES, BX_WASI_EACCES },
    };
    test_box box;
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/data");
    host_mkdir(&box, "work/data/out");
    host_mkdir(&box, "work/deep");
    host_mkdir(&box, "work/deep/in");
    host_write(&box, "work/data/file", "data");
    host_write(&box, "work/data/out/x", "x");
    host_write(&box, "work/deep/in/file", "in");
    host_write(&box, "work/deep/secret", "secret");
    host_write(&box, "work/secret", "secret");
    host_symlink(&box, "../secret", "work/data/to-secret");
    host_symlink(&box, "../none", "work/data/to-none");
    host_symlink(&box, "..", "work/data/to-up");
    box_grant(&box, "fs.read:/data");
    box_grant(&box, "fs.write:/data/out");
    box_grant(&box, "fs.read:/deep/in");
    box_start(&box);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        box_open open = { .lookup = 1, .rights = BX_RIGHT_FD_READ };
        int32_t err = box_stat(&box, cases[i].path, 1, NULL);

        if (err != cases[i].stat)
            fail_msg("stat '%s': %d", cases[i].path, err);
        err = box_path_open(&box, cases[i].path, open, &fd);
        if (err != cases[i].read)
            fail_msg("open '%s': %d", cases[i].path, err);
    }
    /* What only leads to a grant can be opened, not listed. */
    fd = box_opened(&box, ".", (box_open){ 0 });
    assert_null(box_list(&box, fd, 4096));
    fd = box_opened(&box, "deep", (box_open){ 0 });
    assert_null(box_list(&box, fd, 4096));
    fd = box_opened(&box, "in", (box_open){ .dir = fd });
    assert_string_equal(box_list(&box, fd, 4096), ". .. file ");
    /* Writing only where it is granted, and not by renaming what is above. */
    assert_int_equal(CALL(&box, bx_wasi_path_create_directory, U32(3),
                          PATH(&box, "data/new")),
                     BX_WASI_EROFS);
    assert_int_equal(CALL(&box, bx_wasi_path_create_directory, U32(3),
                          PATH(&box, "data/out/new")),
                     0);
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(3), PATH(&box, "new")),
        BX_WASI_EACCES);
    assert_int_equal(CALL(&box, bx_wasi_path_rename, U32(3),
                          PATH(&box, "data/out/x"), U32(3),
                          PATH(&box, "data/y")),
                     BX_WASI_EROFS);
    assert_int_equal(CALL(&box, bx_wasi_path_link, U32(3), U32(0),
                          PATH(&box, "data/file"), U32(3),
                          PATH(&box, "data/out/y")),
                     BX_WASI_EROFS);
    assert_false(host_exists(&box, "work/data/out/y"));
    box_free(&box);
}
BOTH(grants_hide_the_rest)

static void what_is_above_a_grant_stays(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/rw");
    host_mkdir(&box, "work/rw/sub");
    host_mkdir(&box, "work/other");
    box_grant(&box, "fs.read:/");
    box_grant(&box, "fs.write:/rw");
    box_grant(&box, "fs.write:/other");
    box_grant(&box, "fs.read:/rw/sub");
    box_start(&box);
    assert_int_equal(CALL(&box, bx_wasi_path_rename, U32(3), PATH(&box, "rw"),
                          U32(3), PATH(&box, "other/rw")),
                     BX_WASI_EBUSY);
    assert_int_equal(
        CALL(&box, bx_wasi_path_remove_directory, U32(3), PATH(&box, "rw")),
        BX_WASI_EBUSY);
    assert_true(host_exists(&box, "work/rw/sub"));
    box_free(&box);
}
BOTH(what_is_above_a_grant_stays)

static void a_write_only_grant_does_not_read(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/out");
    host_write(&box, "work/out/file", "secret");
    box_grant(&box, "fs.write:/out");
    box_start(&box);
    assert_int_equal(box_path_open(&box, "out/file",
                                   (box_open){ .rights = BX_RIGHT_FD_READ },
                                   &fd),
                     BX_WASI_EACCES);
    assert_int_equal(
        box_path_open(&box, "out/file", (box_open){ .rights = RIGHTS_RW }, &fd),
        BX_WASI_EACCES);
    fd =
        box_opened(&box, "out/file", (box_open){ .rights = BX_RIGHT_FD_WRITE });
    assert_int_equal(box_write(&box, fd, "public"), 0);
    fd = box_opened(&box, "out", (box_open){ 0 });
    assert_null(box_list(&box, fd, 4096));
    box_opened(&box, "new",
               (box_open){ .dir = fd,
                           .oflags = BX_OFLAG_CREAT,
                           .rights = BX_RIGHT_FD_WRITE });
    assert_true(host_exists(&box, "work/out/new"));
    assert_string_equal(host_read(&box, "work/out/file"), "public");
    box_free(&box);
}
BOTH(a_write_only_grant_does_not_read)

static void nothing_moves_to_where_more_is_given(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/both");
    host_mkdir(&box, "work/out");
    host_write(&box, "work/out/file", "secret");
    box_grant(&box, "fs.read:/both");
    box_grant(&box, "fs.write:/both");
    box_grant(&box, "fs.write:/out");
    box_start(&box);
    assert_int_equal(CALL(&box, bx_wasi_path_rename, U32(3),
                          PATH(&box, "out/file"), U32(3),
                          PATH(&box, "both/file")),
                     BX_WASI_EXDEV);
    assert_int_equal(CALL(&box, bx_wasi_path_link, U32(3), U32(0),
                          PATH(&box, "out/file"), U32(3),
                          PATH(&box, "both/file")),
                     BX_WASI_EXDEV);
    assert_false(host_exists(&box, "work/both/file"));
    assert_true(host_exists(&box, "work/out/file"));
    box_free(&box);
}
BOTH(nothing_moves_to_where_more_is_given)

static void refuses_a_missing_folder(void **state)
{
    bx_error *err = NULL;
    test_box box;
    char buf[512];

    (void)state;
    box_init(&box);
    assert_int_equal(bx_policy_map_dir(box.policy, host_path(&box, "none", buf),
                                       "/", BOX_RW, NULL),
                     0);
    assert_null(bx_fs_new(box.policy, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), "none"));
    bx_error_free(err);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(nothing_writes_a_read_only_mapping),
        BOTH_TESTS(nothing_writes_where_no_grant_does),
        BOTH_TESTS(a_read_only_preopen_refuses),
        BOTH_TESTS(nested_mappings_are_seen_and_held),
        BOTH_TESTS(a_mapping_covers_what_the_host_has),
        BOTH_TESTS(grants_hide_the_rest),
        BOTH_TESTS(what_is_above_a_grant_stays),
        BOTH_TESTS(a_write_only_grant_does_not_read),
        BOTH_TESTS(nothing_moves_to_where_more_is_given),
        cmocka_unit_test(refuses_a_missing_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
