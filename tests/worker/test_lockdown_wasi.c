/* What a guest does with its files, in a process that is locked down: each call
 * of src/wasi finds the system calls it needs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wasi/support.h"
#include "worker/lockdown_box.h"

#define NEED(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "line %d: %s (errno %d; %s)\n", __LINE__,          \
                    #condition, errno, box->reason);                           \
            return 1;                                                          \
        }                                                                      \
    } while (0)

/* Files: make, write, read, cut, grow, stamp, list. */
static int use_files(test_box *box)
{
    const box_open create = { .rights = ALL_RIGHTS,
                              .lookup = 1,
                              .oflags = BX_OFLAG_CREAT };
    const box_open read = { .rights = BX_RIGHT_FD_READ, .lookup = 1 };
    uint32_t fd = 0;

    NEED(box_path_open(box, "dir/new", create, &fd) == 0);
    NEED(box_write(box, fd, "hello") == 0);
    NEED(CALL(box, bx_wasi_fd_filestat_set_size, U32(fd), U64(3)) == 0);
    NEED(CALL(box, bx_wasi_fd_allocate, U32(fd), U64(0), U64(10)) == 0);
    NEED(CALL(box, bx_wasi_fd_filestat_set_times, U32(fd), U64(1000000000),
              U64(2000000000), U32(5)) == 0);
    NEED(CALL(box, bx_wasi_fd_advise, U32(fd), U64(0), U64(1), U32(0)) == 0);
    NEED(CALL(box, bx_wasi_fd_sync, U32(fd)) == 0);
    NEED(CALL(box, bx_wasi_fd_datasync, U32(fd)) == 0);
    NEED(CALL(box, bx_wasi_fd_fdstat_set_flags, U32(fd), U32(1)) == 0);
    NEED(CALL(box, bx_wasi_fd_close, U32(fd)) == 0);
    NEED(box_path_open(box, "a", read, &fd) == 0);
    NEED(box_read(box, fd) != NULL);
    NEED(CALL(box, bx_wasi_fd_close, U32(fd)) == 0);
    NEED(CALL(box, bx_wasi_path_filestat_set_times, U32(BOX_PREOPEN), U32(1),
              PATH(box, "a"), U64(1000000000), U64(2000000000), U32(5)) == 0);
    NEED(box_stat(box, "dir/new", 1, NULL) == 0);
    NEED(box_path_open(box, "dir",
                       (box_open){ .rights = BX_RIGHT_FD_READDIR,
                                   .oflags = BX_OFLAG_DIRECTORY },
                       &fd) == 0);
    NEED(strstr(box_list(box, fd, 4096), "new ") != NULL);
    NEED(CALL(box, bx_wasi_fd_close, U32(fd)) == 0);
    return 0;
}

/* Names: folders, links, moves, removals. */
static int use_names(test_box *box)
{
    NEED(CALL(box, bx_wasi_path_create_directory, U32(BOX_PREOPEN),
              PATH(box, "made")) == 0);
    NEED(CALL(box, bx_wasi_path_symlink, PATH(box, "a"), U32(BOX_PREOPEN),
              PATH(box, "made/link")) == 0);
    NEED(CALL(box, bx_wasi_path_rename, U32(BOX_PREOPEN), PATH(box, "a"),
              U32(BOX_PREOPEN), PATH(box, "made/moved")) == 0);
    NEED(CALL(box, bx_wasi_path_link, U32(BOX_PREOPEN), U32(0),
              PATH(box, "made/moved"), U32(BOX_PREOPEN),
              PATH(box, "dir/linked")) == 0);
    NEED(CALL(box, bx_wasi_path_unlink_file, U32(BOX_PREOPEN),
              PATH(box, "made/moved")) == 0);
    NEED(CALL(box, bx_wasi_path_unlink_file, U32(BOX_PREOPEN),
              PATH(box, "made/link")) == 0);
    NEED(CALL(box, bx_wasi_path_remove_directory, U32(BOX_PREOPEN),
              PATH(box, "made")) == 0);
    NEED(box_stat(box, "dir/linked", 0, NULL) == 0);
    for (int i = 0; i < 2; i++) /* made, then replaced */
        NEED(CALL(box, bx_wasi_path_replace, U32(BOX_PREOPEN),
                  PATH(box, "dir/whole"), PATH(box, "content")) == 0);
    return 0;
}

/* In a child that is locked down to the box. */
static void in_lockdown(test_box *box, int (*fn)(test_box *))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        const bx_lockdown lockdown = { .may_make_memory_files = true };
        bx_autoerror bx_error *err = NULL;
        bool applied[BX_LOCKDOWN_LAYERS];

        if (bx_lockdown_apply_box(box->fs, &lockdown, applied, &err) < 0) {
            fprintf(stderr, "%s\n", bx_error_message(err));
            _exit(2);
        }
        _exit(fn(box));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void start(test_box *box, bool has_overlay)
{
    char buf[512];

    box_init(box);
    box_map(box, "work", "/", BOX_RW);
    host_write(box, "work/a", "base a");
    host_mkdir(box, "work/dir");
    host_write(box, "work/dir/c", "base c");
    if (has_overlay)
        assert_int_equal(bx_policy_set_overlay(
                             box->policy, host_path(box, "over", buf), NULL),
                         0);
    box_start(box);
}

static void files_are_used(void **state)
{
    test_box box;

    (void)state;
    start(&box, false);
    in_lockdown(&box, use_files);
    assert_true(host_exists(&box, "work/dir/new"));
    box_free(&box);
}
BOTH(files_are_used)

static void names_are_used(void **state)
{
    test_box box;

    (void)state;
    start(&box, false);
    in_lockdown(&box, use_names);
    assert_string_equal(host_read(&box, "work/dir/linked"), "base a");
    box_free(&box);
}
BOTH(names_are_used)

/* The base is read and not written, whatever the mapping says. */
static void an_overlay_is_used(void **state)
{
    test_box box;

    (void)state;
    start(&box, true);
    in_lockdown(&box, use_files);
    assert_false(host_exists(&box, "work/dir/new"));
    assert_true(host_exists(&box, "over/up/0/dir/new"));
    in_lockdown(&box, use_names);
    assert_string_equal(host_read(&box, "work/a"), "base a");
    box_free(&box);
}
BOTH(an_overlay_is_used)

static int writes_past_the_overlay(test_box *box)
{
    NEED(openat(box->fs->mounts[0].fd, "a", O_WRONLY) < 0 && errno == EACCES);
    NEED(mkdirat(box->fs->mounts[0].fd, "new", 0755) < 0 && errno == EACCES);
    NEED(openat(box->fs->mounts[0].fd, "a", O_RDONLY) >= 0);
    return 0;
}

static void native_code_writes_nothing_past_an_overlay(void **state)
{
    test_box box;

    (void)state;
    start(&box, true);
    in_lockdown(&box, writes_past_the_overlay);
    box_free(&box);
}

/* overlay.json says which host folders a commit writes to, protected.log where
 * it does not; touched is in the memory of other processes. */
static int writes_what_the_overlay_goes_by(test_box *box)
{
    static const char *const names[] = { "overlay.json", "protected.log",
                                         "touched", "in-use", "base.log" };
    int dir_fd = open(box->policy->overlay_dir, O_PATH | O_DIRECTORY);

    NEED(dir_fd >= 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        NEED(openat(dir_fd, names[i], O_RDWR) < 0 && errno == EACCES);
        NEED(unlinkat(dir_fd, names[i], 0) < 0 && errno == EACCES);
        NEED(renameat(dir_fd, names[i], dir_fd, "up/0/x") < 0 &&
             (errno == EACCES || errno == EXDEV));
    }
    NEED(renameat(dir_fd, "up/0/dir", dir_fd, "overlay.json") < 0);
    NEED(openat(dir_fd, "new", O_WRONLY | O_CREAT, 0600) < 0 &&
         errno == EACCES);
    return 0;
}

static void native_code_writes_nothing_a_commit_goes_by(void **state)
{
    test_box box;

    (void)state;
    start(&box, true);
    assert_true(host_exists(&box, "over/overlay.json"));
    host_write(&box, "over/protected.log", "");
    in_lockdown(&box, use_files);
    in_lockdown(&box, writes_what_the_overlay_goes_by);
    box_free(&box);
}

/* A mapping that no grant lets a guest write is read-only to native code. */
static void native_code_writes_nothing_that_no_grant_gives(void **state)
{
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box_grant(&box, "fs.read:/");
    host_write(&box, "work/a", "base a");
    box_start(&box);
    in_lockdown(&box, writes_past_the_overlay);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_used),
        cmocka_unit_test(files_are_used_walked),
        cmocka_unit_test(names_are_used),
        cmocka_unit_test(names_are_used_walked),
        cmocka_unit_test(an_overlay_is_used),
        cmocka_unit_test(an_overlay_is_used_walked),
        cmocka_unit_test(native_code_writes_nothing_past_an_overlay),
        cmocka_unit_test(native_code_writes_nothing_a_commit_goes_by),
        cmocka_unit_test(native_code_writes_nothing_that_no_grant_gives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
