#include "worker/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>

#define TICK_NS (BX_WAIT_TICK_MS * INT64_C(1000000))

static int64_t after_ms(uint64_t ms)
{
    int64_t now_ns = bx_now_ns();

    return ms > (uint64_t)(INT64_MAX - now_ns) / 1000000
               ? INT64_MAX
               : now_ns + (int64_t)ms * 1000000;
}

bx_wait bx_wait_for_ms(uint64_t ms)
{
    return (bx_wait){ .until_ns = after_ms(ms) };
}

bx_wait bx_wait_at_most_ms(const bx_wait *wait, uint64_t ms)
{
    bx_wait least = bx_wait_for_ms(ms);

    if (wait == NULL)
        return least;
    if (wait->until_ns < least.until_ns)
        least.until_ns = wait->until_ns;
    least.cancel = wait->cancel;
    return least;
}

int bx_wait_check(const bx_wait *wait, bx_error **err)
{
    if (wait == NULL)
        return 0;
    if (wait->cancel != NULL &&
        atomic_load_explicit(&wait->cancel->triggered, memory_order_relaxed))
        return bx_error_set(err, BX_ERR_CANCELLED,
                            "cancelled while it waited for a worker");
    if (bx_now_ns() >= wait->until_ns)
        return bx_error_set(err, BX_ERR_TIMEOUT,
                            "its time was over while it waited for a worker");
    return 0;
}

bool bx_wait_is_over(const bx_error *error)
{
    bx_code code = bx_error_code(error);

    return bx_error_errno(error) == 0 &&
           (code == BX_ERR_TIMEOUT || code == BX_ERR_CANCELLED);
}

/* When to look again, at the latest. */
static int64_t next_look_ns(const bx_wait *wait, int64_t limit_ns)
{
    int64_t next_ns = limit_ns;

    if (wait == NULL)
        return next_ns;
    if (wait->until_ns < next_ns)
        next_ns = wait->until_ns;
    if (wait->cancel != NULL && bx_now_ns() + TICK_NS < next_ns)
        next_ns = bx_now_ns() + TICK_NS;
    return next_ns;
}

/* An hour from now at the latest: no arithmetic on INT64_MAX. */
static struct timespec time_of(int64_t when_ns)
{
    int64_t most_ns = bx_now_ns() + INT64_C(3600000000000);

    if (when_ns > most_ns)
        when_ns = most_ns;
    return (struct timespec){ .tv_sec = when_ns / 1000000000,
                              .tv_nsec = when_ns % 1000000000 };
}

int bx_wait_lock(const bx_wait *wait, pthread_mutex_t *mutex, bx_error **err)
{
    while (pthread_mutex_trylock(mutex) != 0) {
        struct timespec next = time_of(next_look_ns(wait, INT64_MAX));

        if (pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &next) == 0)
            break;
        if (bx_wait_check(wait, err) < 0)
            return -1;
    }
    return 0;
}

int bx_wait_change(const bx_wait *wait, pthread_cond_t *changed,
                   pthread_mutex_t *mutex, bx_error **err)
{
    struct timespec next = time_of(next_look_ns(wait, INT64_MAX));

    if (pthread_cond_timedwait(changed, mutex, &next) == 0)
        return 0;
    return bx_wait_check(wait, err);
}

int bx_wait_poll(const bx_wait *wait, int fd, short events, int64_t limit_ns,
                 bx_error **err)
{
    for (;;) {
        struct pollfd poller = { .fd = fd, .events = events };
        int64_t left_ns = next_look_ns(wait, limit_ns) - bx_now_ns();
        int64_t left_ms = left_ns <= 0 ? 0 : left_ns / 1000000 + 1;
        int ready = poll(&poller, 1, left_ms > 60000 ? 60000 : (int)left_ms);

        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return bx_error_set_errno(err, errno, "waiting for a process");
        if (bx_wait_check(wait, err) < 0)
            return -1;
        if (bx_now_ns() >= limit_ns)
            return bx_error_set_errno(err, ETIME,
                                      "an answer of another process");
    }
}
