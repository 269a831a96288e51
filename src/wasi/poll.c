/* poll_oneoff: wait for clocks and descriptors. Subscriptions are read twice,
 * once to wait and once to answer; as events may overwrite them in between (the
 * guest chose both places), each reading is checked anew. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "wasi/calls.h"
#include "wasi/state.h"

typedef struct bx_poll {
    bx_wasi *wasi;
    const uint8_t *in;
    uint8_t *out;
    uint32_t count;
    uint32_t bytes; /* of a subscription */
    bx_subscription_fn *load;
    int64_t until_ns;  /* CLOCK_MONOTONIC of the earliest clock */
    uint64_t sleep_ns; /* deterministic: until the earliest clock */
    bool is_ready;     /* something need not be waited for */
    bool has_clock;
    int64_t now_ns;   /* when the wait began */
    uint64_t real_ns; /* the guest's clocks then */
    uint64_t mono_ns;
    uint32_t polled;
    uint32_t events;
    struct pollfd fds[BX_SUBSCRIPTIONS_MAX];
} bx_poll;

/* How long until a clock subscription is due; an error is due at once. */
static int32_t clock_wait(const bx_poll *poll, const bx_subscription *sub,
                          uint64_t *ret_ns)
{
    uint64_t now = sub->id == BX_CLOCK_REALTIME ? poll->real_ns : poll->mono_ns;

    *ret_ns = 0;
    if (sub->id >= BX_CLOCKS || (sub->flags & ~BX_SUBCLOCK_ABSTIME) != 0)
        return BX_WASI_EINVAL;
    if (sub->id > BX_CLOCK_MONOTONIC)
        return BX_WASI_ENOTSUP; /* processor time does not pass in a wait */
    if ((sub->flags & BX_SUBCLOCK_ABSTIME) == 0)
        *ret_ns = sub->timeout_ns;
    else if (sub->timeout_ns > now)
        *ret_ns = sub->timeout_ns - now;
    return 0;
}

static int64_t add_clamped(int64_t now_ns, uint64_t wait_ns)
{
    return wait_ns > (uint64_t)(INT64_MAX - now_ns) ? INT64_MAX
                                                    : now_ns + (int64_t)wait_ns;
}

/* Must a descriptor be waited for, and what does it say at once? */
static int32_t look_at_fd(const bx_poll *poll, const bx_subscription *sub,
                          bool *ret_waits, bx_fd **ret_fd)
{
    int32_t err = 0;
    bx_fd *fd =
        bx_wasi_fd(poll->wasi, sub->id, BX_RIGHT_POLL_FD_READWRITE, &err);

    *ret_waits = false;
    *ret_fd = fd;
    if (fd == NULL) {
        /* Folders have no such right and are no descriptors to wait for. */
        fd = bx_fd_find(&poll->wasi->table, sub->id);
        return fd != NULL && fd->kind == BX_FD_DIR ? BX_WASI_EBADF : err;
    }
    if ((fd->base & (sub->tag == BX_EVENT_FD_READ ? BX_RIGHT_FD_READ
                                                  : BX_RIGHT_FD_WRITE)) == 0)
        return BX_WASI_EBADF;
    *ret_waits = fd->host_fd >= 0 && (fd->is_pipe || fd->is_socket);
    return 0;
}

/* First reading: what to wait for and how long. */
static int32_t collect(bx_poll *poll)
{
    for (uint32_t i = 0; i < poll->count; i++) {
        bx_subscription sub;
        uint64_t wait_ns;
        bool waits;
        bx_fd *fd;

        poll->load(poll->in + (size_t)i * poll->bytes, &sub);
        if (sub.tag == BX_EVENT_CLOCK) {
            int64_t due_ns;

            clock_wait(poll, &sub, &wait_ns);
            due_ns = add_clamped(poll->now_ns, wait_ns);
            if (!poll->has_clock || due_ns < poll->until_ns)
                poll->until_ns = due_ns;
            if (!poll->has_clock || wait_ns < poll->sleep_ns)
                poll->sleep_ns = wait_ns;
            poll->has_clock = true;
        } else if (sub.tag == BX_EVENT_FD_READ ||
                   sub.tag == BX_EVENT_FD_WRITE) {
            if (look_at_fd(poll, &sub, &waits, &fd) != 0 || !waits)
                poll->is_ready = true;
            else
                poll->fds[poll->polled++] = (struct pollfd){
                    .fd = fd->host_fd,
                    .events = sub.tag == BX_EVENT_FD_READ ? POLLIN : POLLOUT,
                };
        } else {
            return BX_WASI_EINVAL;
        }
    }
    return 0;
}

static void put_event(bx_poll *poll, const bx_subscription *sub, int32_t err,
                      uint64_t bytes, uint16_t flags)
{
    uint8_t *at = poll->out + (size_t)poll->events++ * BX_EVENT_BYTES;

    memset(at, 0, BX_EVENT_BYTES);
    bx_store64(at, sub->userdata);
    bx_store16(at + 8, (uint16_t)err);
    at[10] = sub->tag;
    bx_store64(at + 16, bytes);
    bx_store16(at + 24, flags);
}

/* How much there is to read, or 1 for "some". */
static uint64_t readable_bytes(const bx_fd *fd)
{
    struct stat stat;
    off_t offset;

    if (fd->kind == BX_FD_STREAM)
        return fd->host_fd >= 0 ? 1 : fd->stream->bytes - fd->offset;
    offset = lseek(fd->host_fd, 0, SEEK_CUR);
    if (offset < 0 || fstat(fd->host_fd, &stat) < 0)
        return 1;
    return stat.st_size > offset ? (uint64_t)(stat.st_size - offset) : 0;
}

static void answer_fd(bx_poll *poll, const bx_subscription *sub, uint32_t *next)
{
    uint16_t flags = 0;
    uint64_t bytes = 1;
    short revents = 0;
    bool waits;
    bx_fd *fd;
    int32_t err = look_at_fd(poll, sub, &waits, &fd);

    if (err != 0) {
        put_event(poll, sub, err, 0, 0);
        return;
    }
    if (waits) {
        if (*next < poll->polled)
            revents = poll->fds[(*next)++].revents;
        if (revents == 0)
            return;
        flags = (revents & (POLLHUP | POLLERR)) != 0 ? BX_EVENT_HANGUP : 0;
    } else if (sub->tag == BX_EVENT_FD_READ) {
        bytes = readable_bytes(fd);
        /* Not a file at its end: as poll(2), and wasi-libc's poll() would drop
         * POLLOUT, which contradicts POLLHUP. */
        flags = bytes == 0 && fd->kind == BX_FD_STREAM ? BX_EVENT_HANGUP : 0;
    }
    put_event(poll, sub, 0, bytes, flags);
}

/* Second reading: an event for each that came. */
static void answer(bx_poll *poll, uint64_t passed_ns)
{
    uint32_t next = 0;

    for (uint32_t i = 0; i < poll->count; i++) {
        bx_subscription sub;
        uint64_t wait_ns;
        int32_t err;

        poll->load(poll->in + (size_t)i * poll->bytes, &sub);
        if (sub.tag != BX_EVENT_CLOCK) {
            answer_fd(poll, &sub, &next);
            continue;
        }
        err = clock_wait(poll, &sub, &wait_ns);
        if (wait_ns <= passed_ns)
            put_event(poll, &sub, err, 0, 0);
    }
}

/* Wait. In a deterministic run clocks are virtual: what is ready now counts,
 * otherwise the time is simply over. */
static int32_t wait_for_any(bx_poll *poll, uint64_t *ret_passed_ns)
{
    bx_wasi *wasi = poll->wasi;
    bool is_virtual = wasi->run->is_deterministic && poll->has_clock;
    int64_t until_ns = poll->is_ready || is_virtual ? poll->now_ns
                       : poll->has_clock            ? poll->until_ns
                                                    : INT64_MAX;
    int ready = 0;

    if (poll->polled > 0 || !(poll->is_ready || is_virtual))
        ready = bx_run_poll(wasi->run, poll->fds, poll->polled, until_ns);
    if (ready < 0)
        return errno == ETIME ? BX_HOST_STOP : bx_wasi_errno(errno);
    *ret_passed_ns = (uint64_t)(bx_now_ns() - poll->now_ns);
    if (is_virtual) {
        *ret_passed_ns = ready > 0 || poll->is_ready ? 0 : poll->sleep_ns;
        wasi->virtual_ns += *ret_passed_ns;
    }
    return 0;
}

int bx_wasi_stream_fd(const bx_wasi *wasi, uint32_t number, bool is_read)
{
    const bx_fd *fd = bx_fd_find(&wasi->table, number);
    uint64_t right = is_read ? BX_RIGHT_FD_READ : BX_RIGHT_FD_WRITE;

    if (fd == NULL || (fd->base & right) == 0 ||
        !(fd->is_pipe || fd->is_socket))
        return -1;
    return fd->host_fd;
}

int32_t bx_poll_oneoff(bx_wasi *wasi, const bx_guest *guest, const bx_raw *args,
                       bx_subscription_fn *load, uint32_t bytes)
{
    uint32_t count = args[2].u32;
    uint8_t *ret_events = bx_guest_range(guest, args[3].u32, 4);
    uint64_t passed_ns = 0;
    bx_poll poll;
    int32_t err;

    poll.in = bx_guest_range(guest, args[0].u32, (uint64_t)count * bytes);
    poll.out =
        bx_guest_range(guest, args[1].u32, (uint64_t)count * BX_EVENT_BYTES);
    if (ret_events == NULL || poll.in == NULL || poll.out == NULL)
        return BX_WASI_EFAULT;
    if (count == 0 || count > BX_SUBSCRIPTIONS_MAX)
        return BX_WASI_EINVAL;
    poll.wasi = wasi;
    poll.count = count;
    poll.bytes = bytes;
    poll.load = load;
    poll.until_ns = INT64_MAX;
    poll.sleep_ns = 0;
    poll.is_ready = false;
    poll.has_clock = false;
    poll.polled = 0;
    poll.events = 0;
    poll.now_ns = bx_now_ns();
    poll.real_ns = bx_wasi_clock_ns(wasi, BX_CLOCK_REALTIME);
    poll.mono_ns = bx_wasi_clock_ns(wasi, BX_CLOCK_MONOTONIC);
    err = collect(&poll);
    if (err == 0)
        err = wait_for_any(&poll, &passed_ns);
    if (err != 0)
        return err;
    answer(&poll, passed_ns);
    bx_store32(ret_events, poll.events);
    return 0;
}

static void load_subscription(const uint8_t *at, bx_subscription *ret)
{
    ret->userdata = bx_load64(at);
    ret->tag = at[8];
    ret->id = bx_load32(at + 16);
    ret->timeout_ns = bx_load64(at + 24);
    memcpy(&ret->flags, at + 40, sizeof(ret->flags));
}

int32_t bx_wasi_poll_oneoff(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    return bx_poll_oneoff(host, guest, args, load_subscription,
                          BX_SUBSCRIPTION_BYTES);
}
