#include "base/run.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

#define CANCEL_POLL_NS 50000000 /* how soon a waiting call sees a cancel */
#define TARGET_MAX_BYTES 256    /* of a name shown in the audit */

bx_cancel *bx_cancel_new(void)
{
    return calloc(1, sizeof(bx_cancel));
}

void bx_cancel_free(bx_cancel *cancel)
{
    free(cancel);
}

/* Fine in a signal handler: a lock-free store. */
void bx_cancel_trigger(bx_cancel *cancel)
{
    atomic_store_explicit(&cancel->triggered, true, memory_order_relaxed);
}

int64_t bx_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

bool bx_run_is_cancelled(const bx_run *run)
{
    return run->cancel != NULL &&
           atomic_load_explicit(&run->cancel->triggered, memory_order_relaxed);
}

bool bx_run_is_over(const bx_run *run)
{
    return bx_run_is_cancelled(run) || bx_now_ns() >= run->deadline_ns;
}

int64_t bx_run_pause(bx_run *run)
{
    if (run->on_deadline != NULL)
        run->on_deadline(run->on_deadline_context, INT64_MAX);
    return bx_now_ns();
}

void bx_run_shift(bx_run *run, int64_t by_ns)
{
    run->held_ns +=
        by_ns < INT64_MAX - run->held_ns ? by_ns : INT64_MAX - run->held_ns;
    run->deadline_ns = by_ns < INT64_MAX - run->deadline_ns
                           ? run->deadline_ns + by_ns
                           : INT64_MAX;
    if (run->on_deadline != NULL)
        run->on_deadline(run->on_deadline_context, run->deadline_ns);
}

int64_t bx_run_resume(bx_run *run, int64_t paused_ns)
{
    int64_t by_ns = bx_now_ns() - paused_ns;

    bx_run_shift(run, by_ns);
    return by_ns;
}

bool bx_run_hold(bx_run *run, const bx_hold_event *event)
{
    int64_t paused_ns;
    bool is_approved;

    if (run->hold == NULL)
        return true;
    paused_ns = bx_run_pause(run);
    is_approved = run->hold(run->hold_context, event);
    bx_run_resume(run, paused_ns);
    return is_approved;
}

int bx_run_poll(const bx_run *run, struct pollfd *fds, nfds_t count,
                int64_t until_ns)
{
    for (;;) {
        int64_t now = bx_now_ns();
        int64_t left;
        struct timespec wait;
        int ready;

        if (bx_run_is_cancelled(run) || now >= run->deadline_ns) {
            errno = ETIME;
            return -1;
        }
        left =
            (until_ns < run->deadline_ns ? until_ns : run->deadline_ns) - now;
        if (left < 0)
            left = 0;
        if (run->cancel != NULL && left > CANCEL_POLL_NS)
            left = CANCEL_POLL_NS;
        wait.tv_sec = (time_t)(left / 1000000000);
        wait.tv_nsec = (long)(left % 1000000000);
        ready = ppoll(fds, count, &wait, NULL);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready;
        if (ready == 0 && bx_now_ns() >= until_ns)
            return 0;
    }
}

void bx_run_deny(bx_run *run, const char *call, const char *target,
                 size_t target_bytes, const char *reason, const char *rule)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    bx_audit_event event = { .call = call, .reason = reason, .rule = rule };

    run->calls_denied++;
    if (run->audit == NULL)
        return;
    if (bx_buf_put_escaped(&shown, target, target_bytes, TARGET_MAX_BYTES) < 0)
        event.target = "(out of memory)";
    else
        event.target = shown.data;
    run->audit(run->audit_context, &event);
}

void bx_run_effect(const bx_run *run, const char *call, const char *target,
                   size_t target_bytes, const char *detail)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    bx_autobuf bx_buf shown_detail = BX_BUF_INIT;
    bx_effect_event event = { .call = call };

    if (run->effect == NULL)
        return;
    if (bx_buf_put_escaped(&shown, target, target_bytes, TARGET_MAX_BYTES) <
            0 ||
        bx_buf_put_escaped(&shown_detail, detail, strlen(detail),
                           TARGET_MAX_BYTES) < 0) {
        event.target = "(out of memory)";
        event.detail = "";
    } else {
        event.target = shown.data == NULL ? "" : shown.data;
        event.detail = shown_detail.data == NULL ? "" : shown_detail.data;
    }
    run->effect(run->effect_context, &event);
}
