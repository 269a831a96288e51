/* Snapshot 0: its three layouts and its order of whence; and what both modules
 * say of arguments and the end. */
#include <string.h>

#include "wasi/snapshot0.h"
#include "wasi/support.h"

static void filestat_has_56_bytes(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/file", "12345");
    fd = box_opened(&box, "file", (box_open){ .rights = BX_RIGHT_FD_READ });
    for (int i = 0; i < 2; i++) {
        uint8_t p1[BX_FILESTAT_BYTES];
        uint8_t *at = box.guest.data + 1024;

        assert_int_equal(box_stat(&box, "file", 0, p1), 0);
        memset(at, 0xaa, 64);
        if (i == 0)
            assert_int_equal(
                CALL(&box, bx_wasi0_fd_filestat_get, U32(fd), U32(1024)), 0);
        else
            assert_int_equal(CALL(&box, bx_wasi0_path_filestat_get, U32(3),
                                  U32(0), PATH(&box, "file"), U32(1024)),
                             0);
        assert_memory_equal(at, p1, 16);
        assert_int_equal(at[16], BX_FILETYPE_REGULAR_FILE);
        assert_int_equal(bx_load32(at + 20), 1);
        assert_memory_equal(at + 24, p1 + 32, 32);
        assert_int_equal(at[56], 0xaa);
    }
    box_free(&box);
}

static void whence_is_cur_end_set(void **state)
{
    static const struct {
        uint32_t whence;
        int64_t offset;
        uint64_t result;
    } cases[] = { { 2, 4, 4 }, { 0, 3, 7 }, { 1, -1, 9 } };
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/file", "0123456789");
    fd = box_opened(&box, "file", (box_open){ .rights = BX_RIGHT_FD_READ });
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(CALL(&box, bx_wasi0_fd_seek, U32(fd),
                              U64(cases[i].offset), U32(cases[i].whence),
                              U32(8)),
                         0);
        assert_int_equal(bx_load64(box.guest.data + 8), cases[i].result);
    }
    assert_int_equal(
        CALL(&box, bx_wasi0_fd_seek, U32(fd), U64(0), U32(3), U32(8)),
        BX_WASI_EINVAL);
    box_free(&box);
}

static void subscriptions_have_56_bytes(void **state)
{
    test_box box;
    uint8_t *at;

    (void)state;
    box_start_work(&box);
    at = box.guest.data + 1024;
    bx_store64(at, 11);
    at[8] = BX_EVENT_CLOCK;
    bx_store64(at + 16, UINT64_MAX); /* identifier: means nothing */
    bx_store32(at + 24, BX_CLOCK_MONOTONIC);
    bx_store64(at + 32, 1000);
    bx_store64(at + 56, 12);
    at[56 + 8] = BX_EVENT_FD_WRITE;
    bx_store32(at + 56 + 16, 1);
    assert_int_equal(
        CALL(&box, bx_wasi0_poll_oneoff, U32(1024), U32(2048), U32(1), U32(8)),
        0);
    assert_int_equal(bx_load32(box.guest.data + 8), 1);
    assert_int_equal(bx_load64(box.guest.data + 2048), 11);
    assert_int_equal(bx_load32(box.guest.data + 2048 + 8), 0);
    bx_store64(at + 32, UINT64_MAX);
    assert_int_equal(
        CALL(&box, bx_wasi0_poll_oneoff, U32(1024), U32(2048), U32(2), U32(8)),
        0);
    assert_int_equal(bx_load32(box.guest.data + 8), 1);
    assert_int_equal(bx_load64(box.guest.data + 2048), 12);
    box_free(&box);
}

static void gives_arguments_and_environment(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    assert_int_equal(bx_policy_env(box.policy, "KEY", "value", NULL), 0);
    box_stop(&box);
    box_start(&box);
    assert_int_equal(CALL(&box, bx_wasi_args_sizes_get, U32(8), U32(12)), 0);
    assert_int_equal(bx_load32(box.guest.data + 8), 2);
    assert_int_equal(bx_load32(box.guest.data + 12), 9);
    assert_int_equal(CALL(&box, bx_wasi_args_get, U32(16), U32(1024)), 0);
    assert_int_equal(bx_load32(box.guest.data + 16), 1024);
    assert_int_equal(bx_load32(box.guest.data + 20), 1029);
    assert_memory_equal(box.guest.data + 1024, "prog\0one", 9);
    assert_int_equal(CALL(&box, bx_wasi_environ_sizes_get, U32(8), U32(12)), 0);
    assert_int_equal(bx_load32(box.guest.data + 8), 1);
    assert_int_equal(bx_load32(box.guest.data + 12), 10);
    assert_int_equal(CALL(&box, bx_wasi_environ_get, U32(16), U32(2048)), 0);
    assert_int_equal(bx_load32(box.guest.data + 16), 2048);
    assert_memory_equal(box.guest.data + 2048, "KEY=value", 10);
    box_free(&box);
}

static void ends_when_asked(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    assert_int_equal(CALL(&box, bx_wasi_proc_raise, U32(6)), BX_WASI_ENOTSUP);
    assert_int_equal(CALL(&box, bx_wasi_sched_yield, U32(0)), 0);
    assert_int_equal(CALL(&box, bx_wasi_proc_exit, U32(42)), BX_HOST_EXIT);
    assert_int_equal(bx_wasi_exit_code(box.wasi), 42);
    box_free(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filestat_has_56_bytes),
        cmocka_unit_test(whence_is_cur_end_set),
        cmocka_unit_test(subscriptions_have_56_bytes),
        cmocka_unit_test(gives_arguments_and_environment),
        cmocka_unit_test(ends_when_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
