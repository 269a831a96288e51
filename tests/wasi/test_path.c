/* Making, removing, renaming, linking and looking. Errnos are those of the
 * public test suites. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wasi/support.h"

static int32_t make_dir(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_create_directory, U32(3), PATH(box, path));
}

static int32_t remove_dir(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_remove_directory, U32(3), PATH(box, path));
}

static int32_t unlink_file(test_box *box, const char *path)
{
    return CALL(box, bx_wasi_path_unlink_file, U32(3), PATH(box, path));
}

static int32_t rename_to(test_box *box, const char *from, const char *to)
{
    return CALL(box, bx_wasi_path_rename, U32(3), PATH(box, from), U32(3),
                PATH(box, to));
}

static int32_t link_to(test_box *box, const char *from, const char *to)
{
    return CALL(box, bx_wasi_path_link, U32(3), U32(0), PATH(box, from), U32(3),
                PATH(box, to));
}

static int32_t symlink_to(test_box *box, const char *content, const char *path)
{
    return CALL(box, bx_wasi_path_symlink, PATH(box, content), U32(3),
                PATH(box, path));
}

static void makes_and_removes_folders(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    assert_int_equal(make_dir(&box, "dir"), 0);
    assert_int_equal(make_dir(&box, "dir/nested/"), 0);
    assert_int_equal(make_dir(&box, "dir"), BX_WASI_EEXIST);
    assert_int_equal(make_dir(&box, "dir/.."), BX_WASI_EEXIST);
    assert_int_equal(make_dir(&box, "none/x"), BX_WASI_ENOENT);
    assert_int_equal(make_dir(&box, "../x"), BX_WASI_EPERM);
    assert_int_equal(make_dir(&box, "/x"), BX_WASI_EPERM);
    assert_int_equal(remove_dir(&box, "dir"), BX_WASI_ENOTEMPTY);
    host_write(&box, "work/file", "x");
    assert_int_equal(remove_dir(&box, "file"), BX_WASI_ENOTDIR);
    assert_int_equal(remove_dir(&box, "file/"), BX_WASI_ENOTDIR);
    assert_int_equal(unlink_file(&box, "dir"), BX_WASI_EISDIR);
    assert_int_equal(unlink_file(&box, "dir/"), BX_WASI_EISDIR);
    assert_int_equal(unlink_file(&box, "file/"), BX_WASI_ENOTDIR);
    assert_int_equal(unlink_file(&box, "file"), 0);
    assert_int_equal(unlink_file(&box, "file"), BX_WASI_ENOENT);
    assert_int_equal(remove_dir(&box, "dir/nested/"), 0);
    assert_int_equal(remove_dir(&box, "dir"), 0);
    assert_false(host_exists(&box, "work/dir"));
    assert_false(host_exists(&box, "x"));
    box_free(&box);
}
BOTH(makes_and_removes_folders)

static void removes_the_link_and_not_what_it_names(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "outside");
    host_write(&box, "outside/file", "kept");
    host_symlink(&box, "../outside", "work/link");
    host_symlink(&box, "../outside/file", "work/file");
    assert_int_equal(unlink_file(&box, "link/file"), BX_WASI_EPERM);
    assert_int_equal(remove_dir(&box, "link"), BX_WASI_ENOTDIR);
    assert_int_equal(unlink_file(&box, "link/"), BX_WASI_ENOTDIR);
    assert_int_equal(rename_to(&box, "link/file", "x"), BX_WASI_EPERM);
    assert_int_equal(link_to(&box, "link/file", "x"), BX_WASI_EPERM);
    assert_int_equal(link_to(&box, "link/", "x"), BX_WASI_ENOTDIR);
    assert_int_equal(make_dir(&box, "link/x"), BX_WASI_EPERM);
    assert_int_equal(make_dir(&box, "link/"), BX_WASI_EEXIST);
    assert_int_equal(box_stat(&box, "link/", 0, NULL), BX_WASI_EPERM);
    assert_int_equal(box_stat(&box, "link/file", 0, NULL), BX_WASI_EPERM);
    assert_int_equal(unlink_file(&box, "link"), 0);
    assert_int_equal(unlink_file(&box, "file"), 0);
    assert_string_equal(host_read(&box, "outside/file"), "kept");
    box_free(&box);
}
BOTH(removes_the_link_and_not_what_it_names)

static void renames(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    assert_int_equal(make_dir(&box, "source"), 0);
    assert_int_equal(rename_to(&box, "source/", "target"), 0);
    assert_int_equal(rename_to(&box, "target", "source/"), 0);
    assert_int_equal(rename_to(&box, "source/", "target/"), 0);
    assert_int_equal(make_dir(&box, "source"), 0);
    assert_int_equal(rename_to(&box, "source", "target"), 0);
    assert_int_equal(make_dir(&box, "source"), 0);
    host_write(&box, "work/target/file", "x");
    assert_int_equal(rename_to(&box, "source", "target"), BX_WASI_ENOTEMPTY);
    assert_int_equal(rename_to(&box, "source", "target/file"), BX_WASI_ENOTDIR);
    host_write(&box, "work/file", "x");
    assert_int_equal(rename_to(&box, "file", "source"), BX_WASI_EISDIR);
    assert_int_equal(rename_to(&box, "file/", "new"), BX_WASI_ENOTDIR);
    assert_int_equal(rename_to(&box, "file", "new/"), BX_WASI_ENOTDIR);
    assert_int_equal(rename_to(&box, "file/", "new/"), BX_WASI_ENOTDIR);
    assert_int_equal(rename_to(&box, "none", "new"), BX_WASI_ENOENT);
    assert_int_equal(rename_to(&box, "file", "../new"), BX_WASI_EPERM);
    assert_int_equal(rename_to(&box, "file", "target/file"), 0);
    assert_int_equal(rename_to(&box, "target", "target/sub"), BX_WASI_EINVAL);
    assert_int_equal(rename_to(&box, ".", "x"), BX_WASI_EBUSY);
    assert_true(host_exists(&box, "work/target/file"));
    box_free(&box);
}
BOTH(renames)

static unsigned mode_of(const test_box *box, const char *path)
{
    char buf[512];
    struct stat stat;

    assert_int_equal(lstat(host_path(box, path, buf), &stat), 0);
    return stat.st_mode & 07777;
}

static void set_mode(const test_box *box, const char *path, mode_t mode)
{
    char buf[512];

    assert_int_equal(chmod(host_path(box, path, buf), mode), 0);
}

static void rename_over_a_file_keeps_its_mode(void **state)
{
    test_box box;
    char from[512];
    char to[512];

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/old", "old");
    host_write(&box, "work/new", "new");
    set_mode(&box, "work/old", 04751);
    set_mode(&box, "work/new", 0644);
    assert_int_equal(rename_to(&box, "new", "old"), 0);
    assert_string_equal(host_read(&box, "work/old"), "new");
    assert_int_equal(mode_of(&box, "work/old"), 0751);

    /* A file that has another name, outside perhaps, is left as it is. */
    host_write(&box, "outside", "x");
    set_mode(&box, "outside", 0600);
    assert_int_equal(link(host_path(&box, "outside", from),
                          host_path(&box, "work/linked", to)),
                     0);
    assert_int_equal(rename_to(&box, "linked", "old"), 0);
    assert_int_equal(mode_of(&box, "outside"), 0600);

    /* Nor is a link or what it leads to. */
    host_write(&box, "work/old2", "old");
    set_mode(&box, "work/old2", 0777);
    host_symlink(&box, "../outside", "work/link");
    assert_int_equal(rename_to(&box, "link", "old2"), 0);
    assert_int_equal(mode_of(&box, "outside"), 0600);
    box_free(&box);
}
BOTH(rename_over_a_file_keeps_its_mode)

static void links(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/file", "x");
    assert_int_equal(link_to(&box, "file", "link"), 0);
    assert_int_equal(link_to(&box, "file", "link"), BX_WASI_EEXIST);
    assert_int_equal(link_to(&box, "file", "file"), BX_WASI_EEXIST);
    assert_int_equal(link_to(&box, "file", "new/"), BX_WASI_ENOENT);
    assert_int_equal(link_to(&box, "file/", "new"), BX_WASI_ENOTDIR);
    assert_int_equal(make_dir(&box, "dir"), 0);
    assert_int_equal(link_to(&box, "dir", "new"), BX_WASI_EPERM);
    assert_int_equal(link_to(&box, "dir/", "new"), BX_WASI_EPERM);
    assert_int_equal(link_to(&box, "dir/..", "new"), BX_WASI_EPERM);
    assert_int_equal(link_to(&box, "file", "dir"), BX_WASI_EEXIST);
    host_symlink(&box, "nothing", "work/dangling");
    assert_int_equal(link_to(&box, "dangling", "linked"), 0);
    assert_int_equal(CALL(&box, bx_wasi_path_link, U32(3), U32(1),
                          PATH(&box, "dangling"), U32(3), PATH(&box, "new")),
                     BX_WASI_EINVAL);
    assert_int_equal(link_to(&box, "file", "dangling"), BX_WASI_EEXIST);
    assert_false(host_exists(&box, "work/new"));
    assert_false(host_exists(&box, "work/nothing"));
    box_free(&box);
}
BOTH(links)

static void makes_and_reads_links(void **state)
{
    test_box box;
    uint32_t buf;
    uint32_t ret;

    (void)state;
    box_start_work(&box);
    assert_int_equal(symlink_to(&box, "target", "link"), 0);
    assert_int_equal(symlink_to(&box, "target", "link"), BX_WASI_EEXIST);
    assert_int_equal(symlink_to(&box, "target", "new/"), BX_WASI_ENOENT);
    assert_int_equal(symlink_to(&box, "", "new"), BX_WASI_ENOENT);
    assert_int_equal(symlink_to(&box, "/etc/passwd", "new"), BX_WASI_EPERM);
    host_write(&box, "work/file", "x");
    host_mkdir(&box, "work/dir");
    assert_int_equal(symlink_to(&box, "target", "file/"), BX_WASI_ENOTDIR);
    assert_int_equal(symlink_to(&box, "target", "file"), BX_WASI_EEXIST);
    assert_int_equal(symlink_to(&box, "target", "dir/"), BX_WASI_EEXIST);
    assert_false(host_exists(&box, "work/new"));
    buf = box_alloc(&box, 16);
    ret = box_alloc(&box, 4);
    memset(box.guest.data + buf, '-', 16);
    assert_int_equal(CALL(&box, bx_wasi_path_readlink, U32(3),
                          PATH(&box, "link"), U32(buf), U32(10), U32(ret)),
                     0);
    assert_memory_equal(box.guest.data + buf, "target----", 10);
    assert_int_equal(bx_load32(box.guest.data + ret), 6);
    assert_int_equal(CALL(&box, bx_wasi_path_readlink, U32(3),
                          PATH(&box, "dir/../link"), U32(buf), U32(4),
                          U32(ret)),
                     0);
    assert_int_equal(bx_load32(box.guest.data + ret), 4);
    assert_int_equal(CALL(&box, bx_wasi_path_readlink, U32(3),
                          PATH(&box, "link"), U32(buf), U32(0), U32(ret)),
                     0);
    assert_int_equal(bx_load32(box.guest.data + ret), 0);
    assert_int_equal(CALL(&box, bx_wasi_path_readlink, U32(3),
                          PATH(&box, "file"), U32(buf), U32(4), U32(ret)),
                     BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_path_readlink, U32(3),
                          PATH(&box, "dir/"), U32(buf), U32(4), U32(ret)),
                     BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_path_readlink, U32(3),
                          PATH(&box, "../link"), U32(buf), U32(4), U32(ret)),
                     BX_WASI_EPERM);
    box_free(&box);
}
BOTH(makes_and_reads_links)

static void tells_and_sets_times(void **state)
{
    uint8_t stat[BX_FILESTAT_BYTES];
    test_box box;
    const uint64_t mtim = 1500000000123456789u;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/file", "seven b");
    host_symlink(&box, "file", "work/link");
    assert_int_equal(box_stat(&box, "file", 0, stat), 0);
    assert_int_equal(stat[16], BX_FILETYPE_REGULAR_FILE);
    assert_int_equal(bx_load64(stat + 24), 1);
    assert_int_equal(bx_load64(stat + 32), 7);
    assert_int_equal(box_stat(&box, "link", 0, stat), 0);
    assert_int_equal(stat[16], BX_FILETYPE_SYMBOLIC_LINK);
    assert_int_equal(box_stat(&box, "link", 1, stat), 0);
    assert_int_equal(stat[16], BX_FILETYPE_REGULAR_FILE);
    assert_int_equal(box_stat(&box, ".", 0, stat), 0);
    assert_int_equal(stat[16], BX_FILETYPE_DIRECTORY);
    assert_int_equal(box_stat(&box, "link", 2, stat), BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_path_filestat_set_times, U32(3), U32(1),
                          PATH(&box, "link"), U64(0), U64(mtim),
                          U32(BX_FSTFLAG_MTIM)),
                     0);
    assert_int_equal(box_stat(&box, "file", 0, stat), 0);
    assert_int_equal(bx_load64(stat + 48), mtim);
    assert_int_equal(box_stat(&box, "link", 0, stat), 0);
    assert_int_not_equal(bx_load64(stat + 48), mtim);
    assert_int_equal(CALL(&box, bx_wasi_path_filestat_set_times, U32(3), U32(0),
                          PATH(&box, "link"), U64(0), U64(mtim + 1),
                          U32(BX_FSTFLAG_MTIM)),
                     0);
    assert_int_equal(box_stat(&box, "link", 0, stat), 0);
    assert_int_equal(bx_load64(stat + 48), mtim + 1);
    assert_int_equal(CALL(&box, bx_wasi_path_filestat_set_times, U32(3), U32(0),
                          PATH(&box, "file"), U64(0), U64(0),
                          U32(BX_FSTFLAG_MTIM | BX_FSTFLAG_MTIM_NOW)),
                     BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_path_filestat_set_times, U32(3), U32(0),
                          PATH(&box, "file"), U64(0), U64(0),
                          U32(BX_FSTFLAG_ATIM | BX_FSTFLAG_ATIM_NOW)),
                     BX_WASI_EINVAL);
    assert_int_equal(box_stat(&box, "file", 0, stat), 0);
    assert_int_equal(bx_load64(stat + 48), mtim);
    assert_int_equal(CALL(&box, bx_wasi_path_filestat_set_times, U32(3), U32(0),
                          PATH(&box, "../work/file"), U64(0), U64(0),
                          U32(BX_FSTFLAG_MTIM)),
                     BX_WASI_EPERM);
    box_free(&box);
}
BOTH(tells_and_sets_times)

typedef struct told {
    unsigned count;
    char last[512];
} told;

static void on_effect(void *context, const bx_effect_event *event)
{
    told *effects = context;

    effects->count++;
    snprintf(effects->last, sizeof(effects->last), "%s %s %s", event->call,
             event->target, event->detail);
}

/* What was done is told; what was refused or failed is not. */
static void tells_what_it_did_to_the_host(void **state)
{
    test_box box;
    told effects = { 0 };
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/old", "x");
    box.run.effect = on_effect;
    box.run.effect_context = &effects;
    assert_int_equal(make_dir(&box, "dir"), 0);
    assert_string_equal(effects.last, "path_create_directory /dir ");
    assert_int_equal(make_dir(&box, "dir"), BX_WASI_EEXIST);
    assert_int_equal(make_dir(&box, "../x"), BX_WASI_EPERM);
    assert_int_equal(effects.count, 1);
    (void)box_opened(&box, "old", (box_open){ .rights = BX_RIGHT_FD_READ });
    assert_int_equal(effects.count, 1);
    (void)box_opened(&box, "old", (box_open){ .rights = RIGHTS_RW });
    assert_string_equal(effects.last, "path_open /old write");
    (void)box_opened(
        &box, "new",
        (box_open){ .rights = RIGHTS_RW, .oflags = BX_OFLAG_CREAT });
    assert_string_equal(effects.last, "path_open /new create");
    assert_int_equal(box_path_open(&box, "none/x",
                                   (box_open){ .rights = RIGHTS_RW,
                                               .oflags = BX_OFLAG_CREAT },
                                   &fd),
                     BX_WASI_ENOENT);
    assert_int_equal(effects.count, 3);
    assert_int_equal(rename_to(&box, "new", "dir/a\nb"), 0);
    assert_string_equal(effects.last, "path_rename /new /dir/a\\x0ab");
    assert_int_equal(link_to(&box, "old", "link"), 0);
    assert_string_equal(effects.last, "path_link /link ");
    assert_int_equal(symlink_to(&box, "old", "soft"), 0);
    assert_string_equal(effects.last, "path_symlink /soft ");
    assert_int_equal(unlink_file(&box, "link"), 0);
    assert_string_equal(effects.last, "path_unlink_file /link ");
    assert_int_equal(unlink_file(&box, "link"), BX_WASI_ENOENT);
    assert_int_equal(effects.count, 7);
    box_free(&box);
}

BOTH(tells_what_it_did_to_the_host)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(makes_and_removes_folders),
        BOTH_TESTS(removes_the_link_and_not_what_it_names),
        BOTH_TESTS(renames),
        BOTH_TESTS(rename_over_a_file_keeps_its_mode),
        BOTH_TESTS(links),
        BOTH_TESTS(makes_and_reads_links),
        BOTH_TESTS(tells_and_sets_times),
        BOTH_TESTS(tells_what_it_did_to_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
