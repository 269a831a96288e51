/* The end of a broker that dials. Each request comes from a process that guests
 * ran in and is hostile: sizes, numbers, texts, the order of things. */
#include <string.h>

#include "net/broker_host.h"

bx_broker_host *bx_broker_host_new(const bx_policy *policy, bx_run *run,
                                   bx_error **err)
{
    bx_broker_host *host = calloc(1, sizeof(*host));

    if (host == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    host->policy = policy;
    host->run = run;
    host->sent_fd = -1;
    return host;
}

static void close_sent(bx_broker_host *host)
{
    if (host->sent_fd >= 0)
        close(host->sent_fd);
    host->sent_fd = -1;
}

void bx_broker_host_free(bx_broker_host *host)
{
    if (host == NULL)
        return;
    bx_broker_http_free(host);
    bx_socket_host_free(host->sockets);
    close_sent(host);
    free(host->scratch);
    free(host);
}

char *bx_broker_scratch(bx_broker_host *host)
{
    if (host->scratch == NULL)
        host->scratch = malloc(BX_BROKER_PIECE_BYTES);
    return host->scratch;
}

static const bx_broker_op_fn http_ops[BX_BROKER_OPS] = {
    [BX_BROKER_HTTP_OPEN] = bx_broker_serve_http_open,
    [BX_BROKER_HTTP_WRITE] = bx_broker_serve_http_write,
    [BX_BROKER_HTTP_HEAD] = bx_broker_serve_http_head,
    [BX_BROKER_HTTP_READ] = bx_broker_serve_http_read,
    [BX_BROKER_HTTP_READY] = bx_broker_serve_http_ready,
    [BX_BROKER_HTTP_POLL] = bx_broker_serve_http_poll,
    [BX_BROKER_HTTP_CLOSE] = bx_broker_serve_http_close,
};

static int serve_op(bx_broker_turn *turn)
{
    uint8_t op = bx_wire_get_u8(turn->in);

    if (op == 0 || op >= BX_BROKER_OPS) {
        turn->in->is_bad = true;
        return BX_BROKER_DONE;
    }
    return http_ops[op] != NULL
               ? http_ops[op](turn)
               : bx_broker_serve_socket(turn, (bx_broker_op)op);
}

/* What a request does to the run that the run's side is to know. */
static bx_broker_head difference(const bx_run *before, const bx_run *after)
{
    return (bx_broker_head){
        .is_over = bx_now_ns() >= after->deadline_ns,
        .is_cancelled = bx_run_is_cancelled(after),
        .held_ns = (uint64_t)(after->held_ns - before->held_ns),
        .denied = (uint32_t)(after->calls_denied - before->calls_denied),
        .requests =
            (uint32_t)(after->used.http_requests - before->used.http_requests),
    };
}

/* Put the head in front of what the operation answered, in the room left for
 * it; a failure takes the place of the rest. */
static int answer(bx_buf *reply, size_t at, bx_broker_head *head,
                  const bx_error *failure, bx_error **err)
{
    bx_autobuf bx_buf front = BX_BUF_INIT;
    bx_wire_out out = bx_wire_out_to(&front, SIZE_MAX);
    size_t head_bytes;

    bx_broker_put_head(&out, head);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    head_bytes = front.len;
    if (failure != NULL) {
        reply->len = at + head_bytes;
        out = bx_wire_out_to(reply, SIZE_MAX);
        bx_broker_put_error(&out, failure);
    }
    if (out.is_bad)
        return bx_error_set_nomem(err);
    memcpy(reply->data + at, front.data, head_bytes);
    return 0;
}

int bx_broker_host_serve(bx_broker_host *host, const void *request,
                         size_t bytes, int wake_fd, bx_buf *ret_reply,
                         int *ret_fd, bx_error **err)
{
    static const bx_broker_head room;
    const bx_run before = *host->run;
    bx_autoerror bx_error *failure = NULL;
    bx_wire_in in = bx_wire_in_of(request, bytes);
    size_t at = ret_reply->len;
    bx_wire_out out = bx_wire_out_to(ret_reply, at + BX_BROKER_MAX_BYTES);
    int fd = -1;
    bx_broker_turn turn = { host, &in, &out, wake_fd, &fd, &failure };
    bx_broker_head head;
    int status;

    close_sent(host);
    if (bytes > BX_BROKER_MAX_BYTES)
        in.is_bad = true;
    bx_broker_put_head(&out, &room);
    if (out.is_bad)
        return bx_error_set_nomem(err);
    status = serve_op(&turn);
    if (!bx_wire_is_whole(&in))
        return bx_wire_fail(&in, BX_ERR_INVALID,
                            "a malformed request to the network: expected one "
                            "operation and its fields",
                            err);
    if (status != BX_BROKER_FAILED && out.is_bad)
        status = BX_BROKER_FAILED,
        bx_error_set(&failure, BX_ERR_LIMIT, "the answer is past %u bytes",
                     BX_BROKER_MAX_BYTES);
    head = difference(&before, host->run);
    head.status = (bx_broker_status)status;
    if (answer(ret_reply, at, &head, failure, err) < 0)
        return -1;
    if (ret_fd != NULL)
        *ret_fd = fd;
    return 0;
}
