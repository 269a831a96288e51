/* path_open: what it opens, what it refuses. Errnos are those the public test
 * suites expect (WebAssembly/wasi-testsuite, wasmtime's p1_ programs). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "wasi/support.h"

static void opens_reads_and_writes(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/in", "hello");
    fd = box_opened(&box, "in", (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_true(fd > BOX_PREOPEN);
    assert_string_equal(box_read(&box, fd), "hello");
    assert_string_equal(box_read(&box, fd), "");
    assert_int_equal(box_write(&box, fd, "x"), BX_WASI_EBADF);
    fd = box_opened(
        &box, "out",
        (box_open){ .oflags = BX_OFLAG_CREAT, .rights = BX_RIGHT_FD_WRITE });
    assert_int_equal(box_write(&box, fd, "bytes"), 0);
    assert_null(box_read(&box, fd));
    assert_string_equal(host_read(&box, "work/out"), "bytes");
    assert_int_equal(box.run.read_bytes, 5);
    assert_int_equal(box.run.write_bytes, 5);
    assert_int_equal(box.denials, 0);
    box_free(&box);
}
BOTH(opens_reads_and_writes)

static void opens_through_dots_and_folders(void **state)
{
    static const struct {
        const char *path;
        int32_t err;
    } cases[] = {
        { "dir/nested/file", 0 },
        { "dir/.//nested/../../dir/nested/../nested///./file", 0 },
        { "./dir/nested/file", 0 },
        { "dir/nested/", 0 },
        { "dir/nested///", 0 },
        { "dir/nested/.", 0 },
        { "dir/nested/..", 0 },
        { ".", 0 },
        { "dir/..", 0 },
        { "/dir/nested/file", BX_WASI_EPERM },
        { "..", BX_WASI_EPERM },
        { "../", BX_WASI_EPERM },
        { "dir/../..", BX_WASI_EPERM },
        { "dir/nested/../../../work/dir/nested/file", BX_WASI_EPERM },
        { "dir/nested/file/", BX_WASI_ENOTDIR },
        { "dir/nested/file///", BX_WASI_ENOTDIR },
        { "dir/nested/file/x", BX_WASI_ENOTDIR },
        { "dir/nested/file/..", BX_WASI_ENOTDIR },
        { "dir/none", BX_WASI_ENOENT },
        { "none/file", BX_WASI_ENOENT },
        { "none/..", BX_WASI_ENOENT },
        { "", BX_WASI_ENOENT },
        { "dir/\xff", BX_WASI_EILSEQ },
        { "\xed\xa0\x80", BX_WASI_EILSEQ },
        { "\xc0\xaf", BX_WASI_EILSEQ },
        { "caf\xc3\xa9", BX_WASI_ENOENT },
        { "line\nfeed\x1b", BX_WASI_ENOENT },
    };
    test_box box;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "work/dir");
    host_mkdir(&box, "work/dir/nested");
    host_write(&box, "work/dir/nested/file", "x");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t fd = 0;
        int32_t err = box_path_open(&box, cases[i].path, (box_open){ 0 }, &fd);

        if (err != cases[i].err)
            fail_msg("'%s': %d, not %d", cases[i].path, err, cases[i].err);
        if (err == 0)
            assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(fd)), 0);
    }
    box_free(&box);
}
BOTH(opens_through_dots_and_folders)

static void refuses_nul_and_long_paths(void **state)
{
    test_box box;
    uint32_t ret;
    char *path;

    (void)state;
    box_start_work(&box);
    ret = box_alloc(&box, 4);
    assert_int_equal(CALL(&box, bx_wasi_path_open, U32(3), U32(0),
                          U32(box_put(&box, "a\0", 2)), U32(2), U32(0), U64(0),
                          U64(0), U32(0), U32(ret)),
                     BX_WASI_EINVAL);
    path = malloc(8192);
    memset(path, 'a', 8191);
    path[8191] = '\0';
    assert_int_equal(box_stat(&box, path, 0, NULL), BX_WASI_ENAMETOOLONG);
    path[4096] = '\0';
    assert_int_equal(box_stat(&box, path, 0, NULL), BX_WASI_ENAMETOOLONG);
    path[4095] = '\0';
    assert_int_equal(box_stat(&box, path, 0, NULL), BX_WASI_ENAMETOOLONG);
    path[256] = '\0';
    assert_int_equal(box_stat(&box, path, 0, NULL), BX_WASI_ENAMETOOLONG);
    path[255] = '\0';
    assert_int_equal(box_stat(&box, path, 0, NULL), BX_WASI_ENOENT);
    for (int i = 1; i < 4095; i += 2)
        path[i] = '/';
    path[4095] = '\0';
    assert_int_equal(box_stat(&box, path, 0, NULL), BX_WASI_ENOENT);
    free(path);
    box_free(&box);
}
BOTH(refuses_nul_and_long_paths)

static void follows_links_only_beneath(void **state)
{
    static const struct {
        const char *path;
        uint32_t lookup;
        uint32_t oflags;
        int32_t err;
    } cases[] = {
        { "to-file", 1, 0, 0 },
        { "to-file", 0, 0, BX_WASI_ELOOP },
        { "to-dir", 1, BX_OFLAG_DIRECTORY, 0 },
        { "to-dir", 0, 0, BX_WASI_ELOOP },
        { "to-dir", 0, BX_OFLAG_DIRECTORY, BX_WASI_ENOTDIR },
        { "to-dir/", 0, 0, 0 },
        { "to-dir/file", 0, 0, 0 },
        { "to-dir/../file", 0, 0, BX_WASI_ENOENT },
        { "to-dir/../dir/file", 0, 0, 0 },
        { "to-file/", 1, 0, BX_WASI_ENOTDIR },
        { "to-file", 1, BX_OFLAG_DIRECTORY, BX_WASI_ENOTDIR },
        { "chain", 1, 0, 0 },
        { "loop", 1, 0, BX_WASI_ELOOP },
        { "loop/x", 0, 0, BX_WASI_ELOOP },
        { "loop", 0, 0, BX_WASI_ELOOP },
        { "dangling", 1, 0, BX_WASI_ENOENT },
        { "dangling", 0, 0, BX_WASI_ELOOP },
        { "out", 1, 0, BX_WASI_EPERM },
        { "out/secret", 0, 0, BX_WASI_EPERM },
        { "up", 1, 0, BX_WASI_EPERM },
        { "up/secret", 0, 0, BX_WASI_EPERM },
        { "dir/up2/secret", 0, 0, BX_WASI_EPERM },
        { "proc", 1, 0, BX_WASI_EPERM },
        { "proc/etc/passwd", 1, 0, BX_WASI_EPERM },
        { "out", 1, BX_OFLAG_CREAT, BX_WASI_EPERM },
        { "up/new", 1, BX_OFLAG_CREAT, BX_WASI_EPERM },
        { "to-dir", 1, BX_OFLAG_CREAT, BX_WASI_EISDIR },
        { "to-file", 1, BX_OFLAG_CREAT | BX_OFLAG_EXCL, BX_WASI_EEXIST },
        { "dangling", 1, BX_OFLAG_CREAT | BX_OFLAG_EXCL, BX_WASI_EEXIST },
    };
    char secret[512];
    test_box box;

    (void)state;
    box_start_work(&box);
    host_write(&box, "secret", "secret");
    host_mkdir(&box, "work/dir");
    host_write(&box, "work/dir/file", "x");
    host_symlink(&box, "dir/file", "work/to-file");
    host_symlink(&box, "dir", "work/to-dir");
    host_symlink(&box, "./to-dir/../to-file", "work/chain");
    host_symlink(&box, "loop", "work/loop");
    host_symlink(&box, "nothing", "work/dangling");
    host_symlink(&box, host_path(&box, "secret", secret), "work/out");
    host_symlink(&box, "..", "work/up");
    host_symlink(&box, "../..", "work/dir/up2");
    host_symlink(&box, "/proc/self/root", "work/proc");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        box_open open = { .lookup = cases[i].lookup,
                          .oflags = cases[i].oflags,
                          .rights = BX_RIGHT_FD_READ };
        uint32_t fd = 0;
        int32_t err;

        box.denials = 0;
        err = box_path_open(&box, cases[i].path, open, &fd);
        if (err != cases[i].err)
            fail_msg("'%s' %u %u: %d, not %d", cases[i].path, cases[i].lookup,
                     cases[i].oflags, err, cases[i].err);
        if (err == BX_WASI_EPERM) {
            assert_int_equal(box.denials, 1);
            assert_string_equal(box.reason, "the path leaves the mapping");
        }
        if (err == 0)
            assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(fd)), 0);
    }
    assert_false(host_exists(&box, "new"));
    assert_false(host_exists(&box, "work/nothing"));
    assert_string_equal(host_read(&box, "secret"), "secret");
    box_free(&box);
}
BOTH(follows_links_only_beneath)

static void makes_what_a_dangling_link_names(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "work/dir");
    host_symlink(&box, "dir/new", "work/link");
    box_opened(&box, "link",
               (box_open){ .lookup = 1,
                           .oflags = BX_OFLAG_CREAT,
                           .rights = BX_RIGHT_FD_WRITE });
    assert_true(host_exists(&box, "work/dir/new"));
    assert_int_equal(box.wasi->run->used.fs_create_entries, 1);
    box_free(&box);
}
BOTH(makes_what_a_dangling_link_names)

static void checks_flags(void **state)
{
    static const struct {
        const char *path;
        uint32_t oflags;
        uint64_t rights;
        int32_t err;
    } cases[] = {
        { "file", BX_OFLAG_DIRECTORY, 0, BX_WASI_ENOTDIR },
        { "dir", BX_OFLAG_DIRECTORY, BX_RIGHT_FD_READ, 0 },
        { "dir", BX_OFLAG_DIRECTORY, RIGHTS_RW, BX_WASI_EISDIR },
        { "dir", 0, RIGHTS_RW, BX_WASI_EISDIR },
        { "dir", BX_OFLAG_CREAT, 0, BX_WASI_EISDIR },
        { "new", BX_OFLAG_DIRECTORY | BX_OFLAG_CREAT, 0, BX_WASI_EINVAL },
        { "file", BX_OFLAG_CREAT | BX_OFLAG_EXCL, 0, BX_WASI_EEXIST },
        { "new/", BX_OFLAG_CREAT, 0, BX_WASI_EISDIR },
        { "file", 16, 0, BX_WASI_EINVAL },
    };
    test_box box;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "work/dir");
    host_write(&box, "work/file", "content");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        box_open open = { .oflags = cases[i].oflags,
                          .rights = cases[i].rights };
        uint32_t fd;
        int32_t err = box_path_open(&box, cases[i].path, open, &fd);

        if (err != cases[i].err)
            fail_msg("'%s' %u: %d, not %d", cases[i].path, cases[i].oflags, err,
                     cases[i].err);
    }
    assert_false(host_exists(&box, "work/new"));
    assert_string_equal(host_read(&box, "work/file"), "content");
    box_opened(&box, "file", (box_open){ .oflags = BX_OFLAG_TRUNC });
    assert_string_equal(host_read(&box, "work/file"), "");
    box_free(&box);
}
BOTH(checks_flags)

/* Go opens a folder to read, with every right but those that write, and then
 * makes and truncates files beneath it (os.Root). */
static void a_folder_opened_to_read_still_creates(void **state)
{
    test_box box;
    uint32_t dir;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "work/dir");
    host_write(&box, "work/dir/file", "content");
    dir = box_opened(
        &box, "dir",
        (box_open){ .oflags = BX_OFLAG_DIRECTORY,
                    .rights = BX_RIGHTS_DIR &
                              ~(uint64_t)BX_RIGHT_PATH_FILESTAT_SET_SIZE,
                    .inheriting = BX_RIGHTS_DIR | BX_RIGHTS_FILE });
    box_opened(&box, "file",
               (box_open){ .dir = dir,
                           .oflags = BX_OFLAG_CREAT | BX_OFLAG_TRUNC,
                           .rights = RIGHTS_RW });
    assert_string_equal(host_read(&box, "work/dir/file"), "");
    box_free(&box);
}
BOTH(a_folder_opened_to_read_still_creates)

static void refuses_a_file_as_folder(void **state)
{
    test_box box;
    uint32_t file;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    file = box_opened(&box, "file", (box_open){ .oflags = BX_OFLAG_CREAT });
    assert_int_equal(box_path_open(&box, "x", (box_open){ .dir = file }, &fd),
                     BX_WASI_ENOTDIR);
    assert_int_equal(box_path_open(&box, "x", (box_open){ .dir = 1 }, &fd),
                     BX_WASI_ENOTDIR);
    assert_int_equal(box_path_open(&box, "x", (box_open){ .dir = 99 }, &fd),
                     BX_WASI_EBADF);
    assert_int_equal(
        box_path_open(&box, "x", (box_open){ .dir = UINT32_MAX }, &fd),
        BX_WASI_EBADF);
    box_free(&box);
}

static void refuses_devices(void **state)
{
    char buf[512];
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    if (mknod(host_path(&box, "work/null", buf), S_IFCHR | 0666,
              (dev_t)(1 << 8 | 3)) < 0) {
        box_free(&box);
        skip(); /* needs CAP_MKNOD */
    }
    assert_int_equal(box_path_open(&box, "null",
                                   (box_open){ .rights = BX_RIGHT_FD_READ },
                                   &fd),
                     BX_WASI_EACCES);
    assert_string_equal(box.reason, "devices and sockets are not opened");
    box_free(&box);
}

static void ends_at_max_open_files(void **state)
{
    test_box box;
    uint32_t fd = 0;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/file", "");
    box.policy->limits.open_files = 40;
    for (int i = 0; i < 40; i++)
        fd = box_opened(&box, "file", (box_open){ 0 });
    assert_int_equal(box_path_open(&box, "file", (box_open){ 0 }, &fd),
                     BX_WASI_EMFILE);
    assert_string_equal(box.rule, "max-open-files");
    assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(20)), 0);
    assert_int_equal(box_opened(&box, "file", (box_open){ 0 }), 20);
    box_free(&box);
}

static void ends_at_max_create(void **state)
{
    test_box box;
    uint32_t fd;
    box_open open = { .oflags = BX_OFLAG_CREAT, .rights = BX_RIGHT_FD_WRITE };

    (void)state;
    box_start_work(&box);
    box.policy->limits.fs_create_entries = 4;
    box_opened(&box, "one", open);
    box_opened(&box, "one", open); /* is there: not counted */
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(3), PATH(&box, "two")),
        0);
    assert_int_equal(CALL(&box, bx_wasi_path_symlink, PATH(&box, "one"), U32(3),
                          PATH(&box, "three")),
                     0);
    assert_int_equal(CALL(&box, bx_wasi_path_link, U32(3), U32(0),
                          PATH(&box, "one"), U32(3), PATH(&box, "four")),
                     0);
    assert_int_equal(box_path_open(&box, "five", open, &fd), BX_WASI_EDQUOT);
    assert_int_equal(
        CALL(&box, bx_wasi_path_create_directory, U32(3), PATH(&box, "five")),
        BX_WASI_EDQUOT);
    assert_int_equal(CALL(&box, bx_wasi_path_symlink, PATH(&box, "one"), U32(3),
                          PATH(&box, "five")),
                     BX_WASI_EDQUOT);
    assert_int_equal(CALL(&box, bx_wasi_path_link, U32(3), U32(0),
                          PATH(&box, "one"), U32(3), PATH(&box, "five")),
                     BX_WASI_EDQUOT);
    assert_false(host_exists(&box, "work/five"));
    box_opened(&box, "one", open);
    box_free(&box);
}

/* Our own memory and environment are files there. */
static void refuses_files_of_proc(void **state)
{
    static const char *const paths[] = { "self/environ", "self/mem",
                                         "self/maps", "version" };
    test_box box;
    uint32_t fd;

    (void)state;
    box_init(&box);
    assert_int_equal(bx_policy_map_dir(box.policy, "/proc", "/", BOX_RW, NULL),
                     0);
    box_start(&box);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        assert_int_equal(box_path_open(&box, paths[i],
                                       (box_open){ .rights = BX_RIGHT_FD_READ },
                                       &fd),
                         BX_WASI_EACCES);
        assert_string_equal(box.reason, "files of /proc are not opened");
    }
    box_opened(&box, "self/task", (box_open){ 0 });
    box_free(&box);
}
BOTH(refuses_files_of_proc)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(opens_reads_and_writes),
        BOTH_TESTS(opens_through_dots_and_folders),
        BOTH_TESTS(refuses_nul_and_long_paths),
        BOTH_TESTS(follows_links_only_beneath),
        BOTH_TESTS(makes_what_a_dangling_link_names),
        BOTH_TESTS(checks_flags),
        BOTH_TESTS(a_folder_opened_to_read_still_creates),
        cmocka_unit_test(refuses_a_file_as_folder),
        cmocka_unit_test(refuses_devices),
        BOTH_TESTS(refuses_files_of_proc),
        cmocka_unit_test(ends_at_max_open_files),
        cmocka_unit_test(ends_at_max_create),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
