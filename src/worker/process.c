#include "worker/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "overlay/store.h"
#include "worker/pool.h"
#include "worker/serve.h"

/* Without an answer for so long it hangs, however long a caller would wait. */
#define HANG_NS INT64_C(30000000000)
#define ENDING_NS INT64_C(200000000)
#define CGROUP_SPARE_BYTES (512ull << 20) /* code and the host's own */
#define CGROUP_SPARE_TASKS 64

/* The file cannot be cut by the other side: writing behind its end would be a
 * signal for this one. */
static int make_cancels(bx_process *process, bx_error **err)
{
    size_t bytes = (size_t)process->slots * BX_SERVE_CANCEL_BYTES;
    int fd = memfd_create("boxagnts", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) ==
            0) {
        process->cancels =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (process->cancels != MAP_FAILED)
            return fd;
    }
    process->cancels = NULL;
    bx_error_set_errno(err, errno, "a page shared with a worker");
    if (fd >= 0)
        close(fd);
    return -1;
}

static int set_up(bx_process *process, const bx_process_plan *plan, int page,
                  const bx_wait *wait, bx_error **err)
{
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_frame frame;
    bx_wire_in in;

    bx_wire_put_bool(&out, plan->requires_lockdown);
    bx_wire_put_u32(&out, process->slots);
    bx_wire_put_bytes(&out, plan->packed->data, plan->packed->len);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    if (bx_channel_ask(&process->control, BX_FRAME_SETUP, &body, &page, 1, wait,
                       bx_now_ns() + HANG_NS, 0, &frame, err) < 0)
        return -1;
    in = bx_frame_body(&frame);
    for (int i = 0; i < BX_LOCKDOWN_LAYERS; i++)
        process->layers[i] = bx_wire_get_bool(&in);
    bx_frame_clear(&frame);
    return 0;
}

/* Memory that guests use together, and a thread for each call and what runs
 * beside it. Whoever gave the group may have taken it back: the other layers
 * hold without it. */
static void put_in_cgroup(bx_process *process, const bx_process_plan *plan)
{
    uint64_t bytes = plan->slots * plan->memory_bytes + CGROUP_SPARE_BYTES;

    process->layers[BX_LOCKDOWN_CGROUP] =
        process->pool->cgroup != NULL &&
        bx_cgroup_add(process->pool->cgroup, process->pid, bytes,
                      2ull * plan->slots + CGROUP_SPARE_TASKS, NULL) == 0;
}

/* The worker holds it too, but could give that up once it has been taken over:
 * nobody commits while it may still write. */
static int hold_overlay(bx_process *process, const bx_process_plan *plan,
                        bx_error **err)
{
    if (plan->overlay_dir == NULL)
        return 0;
    process->use_fd = bx_overlay_hold(plan->overlay_dir, err);
    return process->use_fd < 0 ? -1 : 0;
}

int bx_process_start(bx_process *process, const bx_process_plan *plan,
                     const bx_wait *wait, bx_error **err)
{
    bx_autofd int page = -1;
    bx_autofd int theirs = -1;
    bx_error *why = NULL;
    int pair[2];

    process->slots = plan->slots;
    page = make_cancels(process, err);
    if (page < 0 || bx_channel_pair(pair, err) < 0)
        return -1;
    theirs = pair[1];
    if (bx_channel_open(&process->control, pair[0], err) < 0 ||
        bx_template_client_fork(&process->pool->template_, theirs, wait,
                                &process->pid, &process->pidfd,
                                &process->generation, err) < 0)
        return -1;
    close(bx_take_fd(&theirs));
    if (set_up(process, plan, page, wait, &why) == 0 &&
        hold_overlay(process, plan, &why) == 0) {
        put_in_cgroup(process, plan);
        return 0;
    }
    if (bx_channel_is_gone(why))
        bx_error_wrap(&why, "a worker did not start");
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

void bx_process_destroy(bx_process *process)
{
    while (process->idle != NULL) {
        bx_line *line = process->idle;

        process->idle = line->next;
        bx_line_free(line);
    }
    bx_channel_close(&process->control);
    if (process->pidfd >= 0)
        close(process->pidfd);
    if (process->use_fd >= 0)
        close(process->use_fd);
    if (process->cancels != NULL)
        munmap(process->cancels,
               (size_t)process->slots * BX_SERVE_CANCEL_BYTES);
    pthread_mutex_destroy(&process->opening);
    free(process->cause);
    free(process);
}

void bx_process_kill(const bx_process *process)
{
    if (process->pidfd >= 0)
        (void)syscall(SYS_pidfd_send_signal, process->pidfd, SIGKILL, NULL, 0);
}

/* ---- lines ----------------------------------------------------------- */

void bx_line_free(bx_line *line)
{
    if (line == NULL)
        return;
    bx_channel_close(&line->channel);
    free(line);
}

static int open_line(const bx_process *process, bx_line *line, bx_error **err)
{
    const struct timeval tick = { .tv_usec = BX_LINE_TICK_MS * 1000 };
    bx_autobuf bx_buf body = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&body, BX_FRAME_MAX_BYTES);
    bx_autofd int theirs = -1;
    int pair[2];

    bx_wire_put_u32(&out, line->slot);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    if (bx_channel_pair(pair, err) < 0)
        return -1;
    theirs = pair[1];
    if (bx_channel_open(&line->channel, pair[0], err) < 0)
        return -1;
    if (setsockopt(line->channel.fd, SOL_SOCKET, SO_RCVTIMEO, &tick,
                   sizeof(tick)) < 0)
        return bx_error_set_errno(err, errno, "a worker's channel");
    return bx_channel_send(&process->control, BX_FRAME_CHANNEL, &body, &theirs,
                           1, true, err);
}

/* A new line, once the worker has taken those before it; its socket holds some
 * hundred. */
static int send_line(bx_process *process, bx_line *line, const bx_wait *wait,
                     bx_error **err)
{
    int result;

    if (bx_wait_lock(wait, &process->opening, err) < 0)
        return -1;
    result =
        bx_wait_poll(wait, process->control.fd, POLLOUT,
                     bx_now_ns() + BX_CHANNEL_SEND_MS * INT64_C(1000000), err);
    if (result == 0)
        result = open_line(process, line, err);
    pthread_mutex_unlock(&process->opening);
    return result;
}

/* What a process had is closed before it is known to have ended. */
static bool is_running(const bx_process *process)
{
    return bx_wait_poll(NULL, process->pidfd, POLLIN, bx_now_ns() + ENDING_NS,
                        NULL) < 0;
}

/* Until the worker says that it has the line. One that it had no descriptor or
 * thread for is a refusal, that costs its other calls nothing. */
static int await_line(bx_process *process, bx_line *line, const bx_wait *wait,
                      bx_error **err)
{
    bx_frame frame = { .type = BX_FRAME_NONE };
    bx_error *why = NULL;

    if (bx_channel_take_answer(&line->channel, wait, bx_now_ns() + HANG_NS, 0,
                               &frame, &why) == 0) {
        bx_frame_clear(&frame);
        return 0;
    }
    if (bx_wait_is_over(why))
        bx_pool_spend(process); /* as in bx_process_ask() */
    else if ((bx_error_errno(why) == EPIPE ||
              bx_error_errno(why) == ECONNRESET) &&
             is_running(process)) {
        bx_error_free(why);
        return bx_error_set(err, BX_ERR_LIMIT,
                            "too many calls at once in one worker: it has no "
                            "room for another");
    }
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return -1;
}

bx_line *bx_process_take_line(bx_process *process, const bx_wait *wait,
                              bx_error **err)
{
    pthread_mutex_t *mutex = &process->pool->mutex;
    bx_line *line;
    uint32_t slot;

    pthread_mutex_lock(mutex);
    line = process->idle;
    if (line != NULL) {
        process->idle = line->next;
        line->uses++;
    }
    slot = process->slots_used;
    if (line == NULL && slot < process->slots)
        process->slots_used++;
    pthread_mutex_unlock(mutex);
    if (line != NULL)
        return line;
    if (slot >= process->slots) {
        bx_error_set(err, BX_ERR_LIMIT,
                     "%u calls at once are under way in this box, which is "
                     "the most",
                     process->slots);
        return NULL;
    }
    line = calloc(1, sizeof(*line));
    if (line == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    line->channel.fd = -1;
    line->slot = slot;
    if (send_line(process, line, wait, err) == 0 &&
        await_line(process, line, wait, err) == 0)
        return line;
    bx_process_drop_line(process, line);
    return NULL;
}

/* Another line may have come after it: then its place is lost. */
static void drop(bx_process *process, bx_line *line)
{
    if (line->slot + 1 == process->slots_used)
        process->slots_used--;
    bx_line_free(line);
}

void bx_process_drop_line(bx_process *process, bx_line *line)
{
    pthread_mutex_lock(&process->pool->mutex);
    drop(process, line);
    pthread_mutex_unlock(&process->pool->mutex);
}

void bx_process_drop_idle(bx_process *process, bx_line *line)
{
    bx_line **at = &process->idle;

    while (*at != line)
        at = &(*at)->next;
    *at = line->next;
    drop(process, line);
}

void bx_process_give_line(bx_process *process, bx_line *line)
{
    pthread_mutex_lock(&process->pool->mutex);
    line->next = process->idle;
    process->idle = line;
    pthread_mutex_unlock(&process->pool->mutex);
}

int bx_process_ask(bx_process *process, bx_frame_type type, const bx_buf *body,
                   const int *fds, size_t fds_count, const bx_wait *wait,
                   bx_frame *ret_frame, bx_error **err)
{
    bx_line *line = bx_process_take_line(process, wait, err);
    bx_error *why = NULL;
    int result;

    if (line == NULL)
        return -1;
    result = bx_channel_ask(&line->channel, type, body, fds, fds_count, wait,
                            bx_now_ns() + HANG_NS, 0, ret_frame, &why);
    /* What a question comes to is an answer; none is the end of the line. */
    if (result < 0 && bx_channel_is_over(&line->channel, why))
        bx_process_drop_line(process, line);
    else
        bx_process_give_line(process, line);
    /* It may hang, it may be slow: the next caller need not find out. */
    if (result < 0 && bx_wait_is_over(why))
        bx_pool_spend(process);
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return result;
}

void bx_process_set_cancel(const bx_process *process, const bx_line *line,
                           bool is_cancelled)
{
    bx_cancel *cancel =
        (bx_cancel *)(process->cancels +
                      (size_t)line->slot * BX_SERVE_CANCEL_BYTES);

    atomic_store_explicit(&cancel->triggered, is_cancelled,
                          memory_order_relaxed);
}
