/* Clocks, randomness, poll_oneoff, and runs that repeat. */
#include <string.h>

#include "wasi/support.h"

#define IN 1024u
#define OUT 4096u

static void put_clock(test_box *box, uint32_t i, uint32_t clock, uint64_t ns,
                      uint16_t flags)
{
    uint8_t *at = box->guest.data + IN + (size_t)i * BX_SUBSCRIPTION_BYTES;

    memset(at, 0, BX_SUBSCRIPTION_BYTES);
    bx_store64(at, 100 + i);
    at[8] = BX_EVENT_CLOCK;
    bx_store32(at + 16, clock);
    bx_store64(at + 24, ns);
    bx_store16(at + 40, flags);
}

static void put_fd(test_box *box, uint32_t i, uint8_t type, uint32_t fd)
{
    uint8_t *at = box->guest.data + IN + (size_t)i * BX_SUBSCRIPTION_BYTES;

    memset(at, 0, BX_SUBSCRIPTION_BYTES);
    bx_store64(at, 100 + i);
    at[8] = type;
    bx_store32(at + 16, fd);
}

static int32_t poll_all(test_box *box, uint32_t count)
{
    return CALL(box, bx_wasi_poll_oneoff, U32(IN), U32(OUT), U32(count),
                U32(8));
}

static void check_event(test_box *box, uint32_t i, uint64_t userdata,
                        uint8_t type, int32_t err)
{
    const uint8_t *at = box->guest.data + OUT + (size_t)i * BX_EVENT_BYTES;

    assert_int_equal(bx_load64(at), userdata);
    assert_int_equal(at[8], err);
    assert_int_equal(at[10], type);
}

static uint64_t time_of(test_box *box, uint32_t clock)
{
    assert_int_equal(
        CALL(box, bx_wasi_clock_time_get, U32(clock), U64(0), U32(16)), 0);
    return bx_load64(box->guest.data + 16);
}

static uint32_t events(const test_box *box)
{
    return bx_load32(box->guest.data + 8);
}

static void tells_the_time(void **state)
{
    test_box box;
    uint64_t before;

    (void)state;
    box_start_work(&box);
    assert_true(time_of(&box, BX_CLOCK_REALTIME) > 1600000000000000000u);
    before = time_of(&box, BX_CLOCK_MONOTONIC);
    assert_true(before > 0 && before < 3600000000000u); /* of this run */
    assert_true(time_of(&box, BX_CLOCK_MONOTONIC) >= before);
    time_of(&box, BX_CLOCK_PROCESS_CPUTIME);
    time_of(&box, BX_CLOCK_THREAD_CPUTIME);
    assert_int_equal(
        CALL(&box, bx_wasi_clock_time_get, U32(4), U64(0), U32(16)),
        BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_clock_res_get, U32(1), U32(16)), 0);
    assert_true(bx_load64(box.guest.data + 16) > 0);
    assert_int_equal(CALL(&box, bx_wasi_clock_res_get, U32(4), U32(16)),
                     BX_WASI_EINVAL);
    box_free(&box);
}

static void waits_for_clocks(void **state)
{
    const uint64_t wait_ns = 5000000;
    test_box box;
    uint64_t before;

    (void)state;
    box_start_work(&box);
    for (uint32_t clock = 0; clock < 2; clock++) {
        before = time_of(&box, BX_CLOCK_MONOTONIC);
        put_clock(&box, 0, clock, wait_ns, 0);
        assert_int_equal(poll_all(&box, 1), 0);
        assert_int_equal(events(&box), 1);
        check_event(&box, 0, 100, BX_EVENT_CLOCK, 0);
        assert_true(time_of(&box, BX_CLOCK_MONOTONIC) - before >= wait_ns);
        before = time_of(&box, clock);
        put_clock(&box, 0, clock, before + wait_ns, BX_SUBCLOCK_ABSTIME);
        put_clock(&box, 1, clock, UINT64_MAX, 0);
        assert_int_equal(poll_all(&box, 2), 0);
        assert_int_equal(events(&box), 1);
        assert_true(time_of(&box, clock) >= before + wait_ns);
        put_clock(&box, 0, clock, 1, BX_SUBCLOCK_ABSTIME); /* long past */
        put_clock(&box, 1, clock, 0, 0);
        assert_int_equal(poll_all(&box, 2), 0);
        assert_int_equal(events(&box), 2);
    }
    put_clock(&box, 0, BX_CLOCK_THREAD_CPUTIME, 0, 0);
    put_clock(&box, 1, 77, 0, 0);
    assert_int_equal(poll_all(&box, 2), 0);
    check_event(&box, 0, 100, BX_EVENT_CLOCK, BX_WASI_ENOTSUP);
    check_event(&box, 1, 101, BX_EVENT_CLOCK, BX_WASI_EINVAL);
    box_free(&box);
}

static void a_long_sleep_ends_at_the_deadline(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    box.run.deadline_ns = bx_now_ns() + 20000000;
    put_clock(&box, 0, BX_CLOCK_MONOTONIC, UINT64_MAX, 0);
    assert_int_equal(poll_all(&box, 1), BX_HOST_STOP);
    box_free(&box);
}

static void answers_for_descriptors(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    box.stdio[0].data = "abc";
    box.stdio[0].bytes = 3;
    host_write(&box, "work/file", "12345");
    fd = box_opened(&box, "file", (box_open){ .rights = RIGHTS_RW });
    put_fd(&box, 0, BX_EVENT_FD_READ, 0);
    put_fd(&box, 1, BX_EVENT_FD_WRITE, 1);
    put_fd(&box, 2, BX_EVENT_FD_READ, fd);
    put_fd(&box, 3, BX_EVENT_FD_WRITE, fd);
    put_fd(&box, 4, BX_EVENT_FD_READ, 99);
    put_fd(&box, 5, BX_EVENT_FD_READ, 3);
    put_fd(&box, 6, BX_EVENT_FD_WRITE, 0);
    put_clock(&box, 7, BX_CLOCK_MONOTONIC, UINT64_MAX, 0);
    put_fd(&box, 8, BX_EVENT_FD_READ, 0);
    assert_int_equal(poll_all(&box, 9), 0);
    assert_int_equal(events(&box), 8);
    check_event(&box, 0, 100, BX_EVENT_FD_READ, 0);
    assert_int_equal(bx_load64(box.guest.data + OUT + 16), 3);
    check_event(&box, 1, 101, BX_EVENT_FD_WRITE, 0);
    check_event(&box, 2, 102, BX_EVENT_FD_READ, 0);
    assert_int_equal(
        bx_load64(box.guest.data + OUT + (size_t)2 * BX_EVENT_BYTES + 16), 5);
    check_event(&box, 3, 103, BX_EVENT_FD_WRITE, 0);
    check_event(&box, 4, 104, BX_EVENT_FD_READ, BX_WASI_EBADF);
    check_event(&box, 5, 105, BX_EVENT_FD_READ, BX_WASI_EBADF);
    check_event(&box, 6, 106, BX_EVENT_FD_WRITE, BX_WASI_EBADF);
    check_event(&box, 7, 108, BX_EVENT_FD_READ, 0);
    box_free(&box);
}

/* As poll(2): wasi-libc's poll() drops POLLOUT where it sees a hangup. */
static void a_file_at_its_end_is_no_hangup(void **state)
{
    test_box box;
    uint32_t fd;

    (void)state;
    box_start_work(&box);
    host_write(&box, "work/file", "");
    fd = box_opened(&box, "file", (box_open){ .rights = RIGHTS_RW });
    put_fd(&box, 0, BX_EVENT_FD_READ, fd);
    put_fd(&box, 1, BX_EVENT_FD_WRITE, fd);
    assert_int_equal(poll_all(&box, 2), 0);
    assert_int_equal(events(&box), 2);
    check_event(&box, 0, 100, BX_EVENT_FD_READ, 0);
    assert_int_equal(bx_load64(box.guest.data + OUT + 16), 0);
    assert_int_equal(box.guest.data[OUT + 24], 0);
    check_event(&box, 1, 101, BX_EVENT_FD_WRITE, 0);
    box_free(&box);
}

static void waits_for_a_pipe(void **state)
{
    test_box box;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    box_init(&box);
    box.stdio[0].fd = fds[0];
    box_map(&box, "work", "/", BOX_RW);
    box_start(&box);
    put_fd(&box, 0, BX_EVENT_FD_READ, 0);
    put_clock(&box, 1, BX_CLOCK_MONOTONIC, 5000000, 0);
    assert_int_equal(poll_all(&box, 2), 0);
    assert_int_equal(events(&box), 1);
    check_event(&box, 0, 101, BX_EVENT_CLOCK, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    put_clock(&box, 1, BX_CLOCK_MONOTONIC, UINT64_MAX, 0);
    assert_int_equal(poll_all(&box, 2), 0);
    assert_int_equal(events(&box), 1);
    check_event(&box, 0, 100, BX_EVENT_FD_READ, 0);
    close(fds[1]);
    assert_string_equal(box_read(&box, 0), "x");
    assert_int_equal(poll_all(&box, 1), 0);
    check_event(&box, 0, 100, BX_EVENT_FD_READ, 0);
    assert_int_equal(box.guest.data[OUT + 24], BX_EVENT_HANGUP);
    close(fds[0]);
    box_free(&box);
}

static void refuses_malformed_polls(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    assert_int_equal(poll_all(&box, 0), BX_WASI_EINVAL);
    put_fd(&box, 0, 7, 0);
    assert_int_equal(poll_all(&box, 1), BX_WASI_EINVAL);
    assert_int_equal(poll_all(&box, 1u << 31), BX_WASI_EFAULT);
    box_free(&box);
}

static void more_subscriptions_than_allowed(void **state)
{
    test_box box;

    (void)state;
    box_start_work(&box);
    free(box.guest.data);
    box.guest.size = 1u << 20;
    box.guest.data = calloc(1, box.guest.size);
    assert_int_equal(CALL(&box, bx_wasi_poll_oneoff, U32(IN), U32(1u << 19),
                          U32(BX_SUBSCRIPTIONS_MAX + 1), U32(8)),
                     BX_WASI_EINVAL);
    assert_int_equal(CALL(&box, bx_wasi_poll_oneoff, U32(IN), U32(1u << 19),
                          U32(BX_SUBSCRIPTIONS_MAX), U32(8)),
                     0);
    assert_int_equal(events(&box), BX_SUBSCRIPTIONS_MAX);
    box_free(&box);
}

static void random_fills_and_stops(void **state)
{
    static const uint8_t zeros[64];
    test_box box;

    (void)state;
    box_start_work(&box);
    assert_int_equal(CALL(&box, bx_wasi_random_get, U32(1024), U32(64)), 0);
    assert_memory_not_equal(box.guest.data + 1024, zeros, 64);
    assert_memory_equal(box.guest.data + 1088, zeros, 64);
    assert_int_equal(CALL(&box, bx_wasi_random_get, U32(0), U32(UINT32_MAX)),
                     BX_WASI_EFAULT);
    free(box.guest.data);
    box.guest.size = 1u << 20;
    box.guest.data = calloc(1, box.guest.size);
    box.run.deadline_ns = 0;
    assert_int_equal(CALL(&box, bx_wasi_random_get, U32(0), U32(1u << 20)),
                     BX_HOST_STOP);
    box_free(&box);
}

/* What a deterministic run says of time and chance. */
static void record(uint64_t seed, uint64_t ret[8])
{
    test_box box;

    box_init(&box);
    box_map(&box, "work", "/", BOX_RW);
    box.run.is_deterministic = true;
    box.run.seed = seed;
    box_start(&box);
    ret[0] = time_of(&box, BX_CLOCK_REALTIME);
    ret[1] = time_of(&box, BX_CLOCK_MONOTONIC);
    put_clock(&box, 0, BX_CLOCK_MONOTONIC, 3600000000000u, 0);
    assert_int_equal(poll_all(&box, 1), 0); /* an hour, at once */
    assert_int_equal(events(&box), 1);
    ret[2] = time_of(&box, BX_CLOCK_REALTIME);
    ret[3] = time_of(&box, BX_CLOCK_THREAD_CPUTIME);
    assert_int_equal(CALL(&box, bx_wasi_random_get, U32(1024), U32(13)), 0);
    assert_int_equal(CALL(&box, bx_wasi_random_get, U32(1037), U32(19)), 0);
    memcpy(ret + 4, box.guest.data + 1024, 32);
    box_free(&box);
}

static void a_seed_repeats_a_run(void **state)
{
    uint64_t one[8];
    uint64_t again[8];
    uint64_t other[8];

    (void)state;
    record(7, one);
    record(7, again);
    record(8, other);
    assert_memory_equal(one, again, sizeof(one));
    assert_int_not_equal(one[0], other[0]);
    assert_memory_not_equal(one + 4, other + 4, 32);
    assert_true(one[2] - one[0] >= 3600000000000u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_time),
        cmocka_unit_test(waits_for_clocks),
        cmocka_unit_test(a_long_sleep_ends_at_the_deadline),
        cmocka_unit_test(answers_for_descriptors),
        cmocka_unit_test(a_file_at_its_end_is_no_hangup),
        cmocka_unit_test(waits_for_a_pipe),
        cmocka_unit_test(refuses_malformed_polls),
        cmocka_unit_test(more_subscriptions_than_allowed),
        cmocka_unit_test(random_fills_and_stops),
        cmocka_unit_test(a_seed_repeats_a_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
