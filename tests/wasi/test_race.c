/* Another thread swaps what lies on the path while the guest uses it. Whatever
 * each call answers, nothing outside is read, made, changed or removed. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#include "wasi/support.h"

#define ROUNDS 3000
#define EXCHANGE 2u /* RENAME_EXCHANGE of renameat2(2) */

typedef struct test_swapper {
    int dir_fd;
    const char *one;
    const char *other;
    atomic_bool is_over;
    pthread_t thread;
} test_swapper;

static void *swap(void *context)
{
    test_swapper *swapper = context;

    while (!atomic_load(&swapper->is_over))
        syscall(SYS_renameat2, swapper->dir_fd, swapper->one, swapper->dir_fd,
                swapper->other, EXCHANGE);
    return NULL;
}

static void start_swap(test_swapper *swapper, const test_box *box,
                       const char *one, const char *other)
{
    char buf[512];

    swapper->dir_fd = open(host_path(box, "work", buf), O_PATH | O_CLOEXEC);
    swapper->one = one;
    swapper->other = other;
    atomic_init(&swapper->is_over, false);
    assert_int_equal(pthread_create(&swapper->thread, NULL, swap, swapper), 0);
}

static void stop_swap(test_swapper *swapper)
{
    atomic_store(&swapper->is_over, true);
    pthread_join(swapper->thread, NULL);
    close(swapper->dir_fd);
}

static void nothing_outside_is_reached(void **state)
{
    test_swapper swapper;
    test_box box;

    (void)state;
    box_start_work(&box);
    host_mkdir(&box, "outside");
    host_write(&box, "outside/file", "secret");
    host_mkdir(&box, "work/dir");
    host_write(&box, "work/dir/file", "public");
    host_symlink(&box, "../outside", "work/evil");
    start_swap(&swapper, &box, "dir", "evil");
    for (int i = 0; i < ROUNDS; i++) {
        box_open open = { .lookup = 1, .rights = BX_RIGHT_FD_READ };
        uint8_t stat[BX_FILESTAT_BYTES];
        uint32_t fd;

        box_rewind(&box);
        if (box_path_open(&box, "dir/file", open, &fd) == 0) {
            assert_string_equal(box_read(&box, fd), "public");
            assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(fd)), 0);
        }
        open.lookup = 0;
        if (box_path_open(&box, "dir/../dir/file", open, &fd) == 0) {
            assert_string_equal(box_read(&box, fd), "public");
            assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(fd)), 0);
        }
        open.oflags = BX_OFLAG_CREAT;
        open.rights = BX_RIGHT_FD_WRITE;
        if (box_path_open(&box, "dir/new", open, &fd) == 0)
            assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(fd)), 0);
        if (box_stat(&box, "dir/file", 1, stat) == 0)
            assert_int_equal(bx_load64(stat + 32), 6);
        CALL(&box, bx_wasi_path_create_directory, U32(3),
             PATH(&box, "dir/sub"));
        CALL(&box, bx_wasi_path_rename, U32(3), PATH(&box, "dir/new"), U32(3),
             PATH(&box, "dir/newer"));
        CALL(&box, bx_wasi_path_unlink_file, U32(3), PATH(&box, "dir/newer"));
        CALL(&box, bx_wasi_path_filestat_set_times, U32(3), U32(1),
             PATH(&box, "dir/file"), U64(1), U64(1), U32(BX_FSTFLAG_MTIM));
    }
    stop_swap(&swapper);
    assert_string_equal(host_read(&box, "outside/file"), "secret");
    assert_false(host_exists(&box, "outside/new"));
    assert_false(host_exists(&box, "outside/newer"));
    assert_false(host_exists(&box, "outside/sub"));
    assert_true(host_exists(&box, "work/dir"));
    box_free(&box);
}
BOTH(nothing_outside_is_reached)

static void nothing_read_only_is_written(void **state)
{
    test_swapper swapper;
    test_box box;

    (void)state;
    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    host_mkdir(&box, "work/ro");
    host_write(&box, "work/ro/file", "kept");
    host_mkdir(&box, "work/rw");
    host_mkdir(&box, "work/rw/dir");
    host_symlink(&box, "../ro", "work/rw/evil");
    box_grant(&box, "fs.read:/");
    box_grant(&box, "fs.write:/rw");
    box_start(&box);
    start_swap(&swapper, &box, "rw/dir", "rw/evil");
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t fd;

        box_rewind(&box);
        if (box_path_open(&box, "rw/dir/file",
                          (box_open){ .lookup = 1,
                                      .oflags = BX_OFLAG_CREAT | BX_OFLAG_TRUNC,
                                      .rights = BX_RIGHT_FD_WRITE },
                          &fd) == 0)
            assert_int_equal(CALL(&box, bx_wasi_fd_close, U32(fd)), 0);
        CALL(&box, bx_wasi_path_unlink_file, U32(3), PATH(&box, "rw/dir/file"));
    }
    stop_swap(&swapper);
    assert_string_equal(host_read(&box, "work/ro/file"), "kept");
    box_free(&box);
}
BOTH(nothing_read_only_is_written)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH_TESTS(nothing_outside_is_reached),
        BOTH_TESTS(nothing_read_only_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
