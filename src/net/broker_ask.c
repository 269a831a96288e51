/* The run's end of a broker: it asks, and believes no more than it has read. */
#include "net/broker_ask.h"

#include <errno.h>
#include <string.h>

void bx_broker_call_begin(bx_broker_call *call, bx_run *run, bx_broker_op op)
{
    memset(call, 0, sizeof(*call));
    call->run = run;
    call->fd = -1;
    call->out = bx_wire_out_to(&call->request, BX_BROKER_MAX_BYTES);
    bx_wire_put_u8(&call->out, (uint8_t)op);
}

void bx_broker_call_clear(bx_broker_call *call)
{
    bx_buf_clear(&call->request);
    bx_buf_clear(&call->reply);
    if (call->fd >= 0)
        close(call->fd);
    call->fd = -1;
}

static int refuse_answer(bx_error **err)
{
    return bx_error_set_errno(err, EPROTO, "the broker's answer is malformed");
}

/* The counters of this end are for its statistics and nested runs; those that
 * bind are at the other. */
static void take_head(bx_broker_call *call)
{
    const bx_broker_head *head = &call->head;
    bx_run *run = call->run;

    run->calls_denied += head->denied;
    if (head->held_ns > 0)
        bx_run_shift(run, (int64_t)head->held_ns);
    /* A worker's flag is the host's to set, which did so before it answered:
     * the page is for reading only. */
    if (head->is_cancelled && run->cancel != NULL && !bx_run_is_cancelled(run))
        bx_cancel_trigger(run->cancel);
    if (head->is_over && run->deadline_ns > bx_now_ns())
        run->deadline_ns = bx_now_ns();
    call->is_woken = head->status == BX_BROKER_WOKEN;
}

static int read_answer(bx_broker_call *call, bx_error **err)
{
    call->in = bx_wire_in_of(call->reply.data, call->reply.len);
    bx_broker_get_head(&call->in, &call->head);
    if (call->in.is_bad)
        return refuse_answer(err);
    take_head(call);
    if (call->head.status == BX_BROKER_FAILED)
        return bx_broker_get_error(&call->in, err);
    return 0;
}

int bx_broker_call_ask(bx_broker_call *call, bx_error **err)
{
    const bx_broker *broker = call->run->broker;

    if (call->out.is_bad)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "more than %u bytes in one request to the network",
                            BX_BROKER_MAX_BYTES);
    if (broker->ask(broker->context, call->request.data, call->request.len,
                    &call->reply, call->wants_fd ? &call->fd : NULL, err) < 0)
        return bx_error_wrap(err, "the network");
    return read_answer(call, err);
}

int bx_broker_call_ask_while(bx_broker_call *call, struct pollfd *fds,
                             size_t count)
{
    const bx_broker *broker = call->run->broker;
    bx_autoerror bx_error *err = NULL;

    if (call->out.is_bad ||
        broker->ask_while(broker->context, call->request.data,
                          call->request.len, fds, count, &call->reply,
                          &err) < 0 ||
        read_answer(call, &err) < 0) {
        errno = EPIPE;
        return -1;
    }
    return 0;
}

int bx_broker_call_end(const bx_broker_call *call, bx_error **err)
{
    if (bx_wire_is_whole(&call->in))
        return 0;
    return call->in.lacks_memory ? bx_error_set_nomem(err) : refuse_answer(err);
}
