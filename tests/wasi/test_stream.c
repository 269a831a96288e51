/* Standard streams and pipes: buffers, capture, and waits that end. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "wasi/support.h"

#define SHORT_NS 50000000 /* a deadline that comes soon */

static void reads_a_buffer(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    box.stdio[0].data = "input";
    box.stdio[0].bytes = 5;
    assert_string_equal(box_read(&box, 0), "input");
    assert_string_equal(box_read(&box, 0), "");
    assert_int_equal(box_write(&box, 0, "x"), BX_WASI_EBADF);
    assert_null(box_read(&box, 1));
    box_free(&box);
}

static void captures_up_to_the_limit(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    box.stdio[1].capture_bytes = 8;
    box.stdio[2].capture = NULL;
    assert_int_equal(box_write(&box, 1, "12345"), 0);
    assert_false(box.stdio[1].is_cut);
    assert_int_equal(box_write(&box, 1, "67890"), 0);
    assert_int_equal(box_write(&box, 1, "more"), 0);
    assert_true(box.stdio[1].is_cut);
    assert_string_equal(box.captured[0].data, "12345678");
    assert_int_equal(box_write(&box, 2, "dropped"), 0);
    assert_int_equal(box.run.write_bytes, 21);
    box_free(&box);
}

static void is_no_terminal(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    for (uint32_t fd = 0; fd < 3; fd++) {
        assert_int_equal(CALL(&box, bx_wasi_fd_fdstat_get, U32(fd), U32(8)), 0);
        assert_int_equal(box.guest.data[8], BX_FILETYPE_UNKNOWN);
        assert_int_equal(CALL(&box, bx_wasi_fd_filestat_get, U32(fd), U32(8)),
                         0);
        assert_int_equal(box.guest.data[8 + 16], BX_FILETYPE_UNKNOWN);
    }
    box_free(&box);
}

static void moves_to_a_file_descriptor(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    for (uint32_t i = 0; i < 3; i++) {
        fd = box_opened(&box, "file", (box_open){ .oflags = BX_OFLAG_CREAT });
        assert_int_equal(CALL(&box, bx_wasi_fd_renumber, U32(i), U32(fd)), 0);
        assert_int_equal(CALL(&box, bx_wasi_fd_fdstat_get, U32(fd), U32(8)), 0);
        assert_int_equal(CALL(&box, bx_wasi_fd_fdstat_get, U32(i), U32(8)),
                         BX_WASI_EBADF);
        if (i == 1)
            assert_int_equal(box_write(&box, fd, "moved"), 0);
        /* keep the number in use, so that the next file gets another */
        box_opened(&box, "file", (box_open){ 0 });
    }
    assert_string_equal(box.captured[0].data, "moved");
    box_free(&box);
}

/* A box whose stdin or stdout is one end of a pipe or socket. */
static void start_on(test_box *box, int stream, int fd)
{
    box_init(box);
    box->stdio[stream].fd = fd;
    box_map(box, "work", "/", BOX_RW);
    box_start(box);
}

static void reads_host_descriptors(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        test_box box;
        int fds[2];

        (void)state;
        if (kind == 0)
            assert_int_equal(pipe(fds), 0);
        else
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(write(fds[1], "piped", 5), 5);
        start_on(&box, 0, fds[0]);
        assert_string_equal(box_read(&box, 0), "piped");
        box.run.deadline_ns = bx_now_ns() + SHORT_NS;
        assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(0),
                              U32(box_iovec(&box, 1024, 10)), U32(1), U32(8)),
                         BX_HOST_STOP);
        assert_int_equal(CALL(&box, bx_wasi_fd_fdstat_set_flags, U32(0),
                              U32(BX_FDFLAG_NONBLOCK)),
                         0);
        assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(0),
                              U32(box_iovec(&box, 1024, 10)), U32(1), U32(8)),
                         BX_WASI_EAGAIN);
        close(fds[1]);
        assert_string_equal(box_read(&box, 0), "");
        close(fds[0]);
        box_free(&box);
    }
}

static void a_full_pipe_ends_at_the_deadline(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        test_box box;
        int fds[2];
        int32_t err = 0;

        (void)state;
        if (kind == 0)
            assert_int_equal(pipe(fds), 0);
        else
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        start_on(&box, 1, fds[1]);
        box.run.deadline_ns = bx_now_ns() + SHORT_NS;
        for (int i = 0; i < 1000 && err == 0; i++)
            err = CALL(&box, bx_wasi_fd_write, U32(1),
                       U32(box_iovec(&box, 4096, 60000)), U32(1), U32(8));
        assert_int_equal(err, BX_HOST_STOP);
        /* and the descriptor's own flags are as they were */
        assert_int_equal(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
        close(fds[0]);
        close(fds[1]);
        box_free(&box);
    }
}

static void a_closed_pipe_is_an_error(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        test_box box;
        sigset_t pending;
        int fds[2];

        (void)state;
        if (kind == 0)
            assert_int_equal(pipe(fds), 0);
        else
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        start_on(&box, 1, fds[1]);
        close(fds[0]);
        assert_int_equal(box_write(&box, 1, "x"), BX_WASI_EPIPE);
        sigpending(&pending);
        assert_false(sigismember(&pending, SIGPIPE));
        close(fds[1]);
        box_free(&box);
    }
}

static void a_fifo_ends_at_the_deadline(void **state)
{
    char buf[512];
    test_box box;
    uint32_t fd;
    int writer;

    (void)state;
    box_start_work(&box);
    assert_int_equal(mkfifo(host_path(&box, "work/fifo", buf), 0666), 0);
    fd = box_opened(&box, "fifo", (box_open){ .rights = BX_RIGHT_FD_READ });
    box.run.deadline_ns = bx_now_ns() + SHORT_NS;
    assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(fd),
                          U32(box_iovec(&box, 1024, 10)), U32(1), U32(8)),
                     BX_HOST_STOP);
    box.run.deadline_ns = INT64_MAX;
    writer = open(buf, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(writer, "fifo", 4), 4);
    assert_string_equal(box_read(&box, fd), "fifo");
    close(writer);
    assert_string_equal(box_read(&box, fd), "");
    box_free(&box);
}

static void *cancel_soon(void *context)
{
    usleep(20000);
    bx_cancel_trigger(context);
    return NULL;
}

static void a_wait_ends_when_cancelled(void **state)
{
    bx_cancel *cancel = bx_cancel_new();
    pthread_t thread;
    test_box box;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    start_on(&box, 0, fds[0]);
    box.run.cancel = cancel;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, cancel), 0);
    assert_int_equal(CALL(&box, bx_wasi_fd_read, U32(0),
                          U32(box_iovec(&box, 1024, 10)), U32(1), U32(8)),
                     BX_HOST_STOP);
    pthread_join(thread, NULL);
    close(fds[0]);
    close(fds[1]);
    box_free(&box);
    bx_cancel_free(cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_buffer),
        cmocka_unit_test(captures_up_to_the_limit),
        cmocka_unit_test(is_no_terminal),
        cmocka_unit_test(moves_to_a_file_descriptor),
        cmocka_unit_test(reads_host_descriptors),
        cmocka_unit_test(a_full_pipe_ends_at_the_deadline),
        cmocka_unit_test(a_closed_pipe_is_an_error),
        cmocka_unit_test(a_fifo_ends_at_the_deadline),
        cmocka_unit_test(a_wait_ends_when_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
