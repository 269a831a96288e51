/* Trusts its caller as http_client.c does. Answers come from the process that
 * has the keys; their shape is checked all the same. */
#include "net/http_remote.h"

#include <errno.h>
#include <string.h>

#include "net/broker_ask.h"

static void begin(bx_broker_call *call, const bx_http_exchange *exchange,
                  bx_broker_op op)
{
    bx_broker_call_begin(call, exchange->client->config.run, op);
    bx_wire_put_u32(&call->out, exchange->remote);
}

static int check_over(const bx_http_client *client, bx_error **err)
{
    const bx_run *run = client->config.run;

    if (bx_run_is_cancelled(run))
        return bx_error_set(err, BX_ERR_CANCELLED, "the run was cancelled");
    if (bx_run_is_over(run))
        return bx_error_set(err, BX_ERR_TIMEOUT, "the run's time is up");
    return 0;
}

int bx_http_remote_open(bx_http_exchange *exchange,
                        const bx_http_request *request, bx_error **err)
{
    static const bx_http_fields none = BX_HTTP_FIELDS_INIT;
    const bx_http_fields *fields =
        request->fields == NULL ? &none : request->fields;
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    bx_broker_call_begin(&call, exchange->client->config.run,
                         BX_BROKER_HTTP_OPEN);
    if (bx_http_fields_check_count(fields->count, err) < 0)
        return -1;
    bx_wire_put_text(&call.out,
                     request->method == NULL ? "GET" : request->method);
    bx_wire_put_text(&call.out, request->url);
    bx_wire_put_u8(&call.out, (uint8_t)request->redirect);
    bx_wire_put_u64(&call.out, request->timeout_ms);
    bx_broker_put_fields(&call.out, fields);
    if (bx_broker_call_ask(&call, err) < 0)
        return -1;
    exchange->remote = bx_wire_get_u32(&call.in);
    if (exchange->remote == 0) /* is what an exchange without one has */
        call.in.is_bad = true;
    return bx_broker_call_end(&call, err);
}

/* Only what an open answered has a number; nobody waits for an answer. */
void bx_http_remote_close(bx_http_exchange *exchange)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (exchange->remote == 0)
        return;
    begin(&call, exchange, BX_BROKER_HTTP_CLOSE);
    (void)bx_broker_call_ask(&call, NULL);
}

static int write_piece(bx_http_exchange *exchange, const void *data,
                       size_t bytes, uint64_t rest, bx_error **err)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    begin(&call, exchange, BX_BROKER_HTTP_WRITE);
    bx_wire_put_u64(&call.out, rest);
    bx_wire_put_bytes(&call.out, data, bytes);
    if (bx_broker_call_ask(&call, err) < 0)
        return -1;
    return bx_broker_call_end(&call, err);
}

int bx_http_remote_write(bx_http_exchange *exchange, const void *data,
                         size_t bytes, bx_error **err)
{
    const char *at = data;

    do {
        size_t piece =
            bytes < BX_BROKER_PIECE_BYTES ? bytes : BX_BROKER_PIECE_BYTES;

        bytes -= piece;
        if (write_piece(exchange, at, piece, bytes, err) < 0)
            return -1;
        at += piece;
    } while (bytes > 0);
    return 0;
}

static int read_head(bx_http_exchange *exchange, bx_broker_call *call,
                     bx_error **err)
{
    bx_wire_in *in = &call->in;

    exchange->status = bx_wire_get_u32(in);
    exchange->hops = bx_wire_get_bool(in) ? 1 : 0;
    exchange->url = bx_broker_get_url(in);
    bx_broker_get_fields(in, BX_HTTP_HEAD_MAX_FIELDS, &exchange->head);
    if (bx_broker_call_end(call, err) < 0 || exchange->status > 999) {
        bx_url_free(bx_take(exchange->url));
        bx_http_fields_clear(&exchange->head);
        return exchange->status > 999
                   ? bx_error_set_errno(err, EPROTO, "no such status: %u",
                                        exchange->status)
                   : -1;
    }
    exchange->has_head = true;
    return 0;
}

static int ask_head(bx_http_exchange *exchange, bx_error **err)
{
    while (!exchange->has_head) {
        bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

        begin(&call, exchange, BX_BROKER_HTTP_HEAD);
        if (bx_broker_call_ask(&call, err) < 0)
            return -1;
        if (!call.is_woken)
            return read_head(exchange, &call, err);
        if (check_over(exchange->client, err) < 0)
            return -1;
    }
    return 0;
}

int bx_http_remote_head(bx_http_exchange *exchange, bx_http_head *ret_head,
                        bx_error **err)
{
    if (ask_head(exchange, err) < 0)
        return -1;
    *ret_head = (bx_http_head){
        .status = exchange->status,
        .url = exchange->url,
        .is_redirected = exchange->hops > 0,
        .fields = &exchange->head,
    };
    return 0;
}

/* Some of the body into exchange->in, or its end. */
static int read_piece(bx_http_exchange *exchange, size_t wanted, bx_error **err)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    const void *data;
    size_t bytes;
    bool is_end;

    if (wanted < BX_BROKER_AHEAD_BYTES)
        wanted = BX_BROKER_AHEAD_BYTES;
    if (wanted > BX_BROKER_PIECE_BYTES)
        wanted = BX_BROKER_PIECE_BYTES;
    begin(&call, exchange, BX_BROKER_HTTP_READ);
    bx_wire_put_u32(&call.out, (uint32_t)wanted);
    if (bx_broker_call_ask(&call, err) < 0)
        return -1;
    if (call.is_woken)
        return check_over(exchange->client, err);
    is_end = bx_wire_get_bool(&call.in);
    data = bx_wire_get_bytes(&call.in, wanted, &bytes);
    if (bx_broker_call_end(&call, err) < 0)
        return -1;
    if (bx_buf_append(&exchange->in, data, bytes, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    if (is_end || bytes == 0)
        exchange->state = BX_HTTP_DONE;
    return 0;
}

ssize_t bx_http_remote_read(bx_http_exchange *exchange, void *buf, size_t bytes,
                            bx_error **err)
{
    bx_buf *in = &exchange->in;

    while (in->len == exchange->in_at) {
        in->len = exchange->in_at = 0;
        if (exchange->state == BX_HTTP_DONE)
            return 0;
        if (read_piece(exchange, bytes, err) < 0)
            return -1;
    }
    if (bytes > in->len - exchange->in_at)
        bytes = in->len - exchange->in_at;
    memcpy(buf, in->data + exchange->in_at, bytes);
    exchange->in_at += bytes;
    return (ssize_t)bytes;
}

bool bx_http_remote_is_ready(bx_http_exchange *exchange, bool wants_body)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    bool is_ready;

    if (exchange->state == BX_HTTP_DONE ||
        (wants_body ? exchange->in.len > exchange->in_at : exchange->has_head))
        return true;
    begin(&call, exchange, BX_BROKER_HTTP_READY);
    bx_wire_put_bool(&call.out, wants_body);
    if (bx_broker_call_ask(&call, NULL) < 0)
        return true; /* the next call says how it failed */
    is_ready = bx_wire_get_bool(&call.in);
    return is_ready || !bx_wire_is_whole(&call.in);
}

static int64_t time_left(const bx_run *run, int64_t until_ns)
{
    int64_t end_ns = until_ns < run->deadline_ns ? until_ns : run->deadline_ns;
    int64_t left_ns = end_ns - bx_now_ns();

    return left_ns < 0 ? 0 : left_ns;
}

int bx_http_remote_poll(bx_http_client *client, struct pollfd *fds,
                        size_t count, int64_t until_ns)
{
    bx_run *run = client->config.run;
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    int ready = 0;

    if (bx_run_is_over(run)) {
        errno = ETIME;
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        fds[i].revents = 0;
    bx_broker_call_begin(&call, run, BX_BROKER_HTTP_POLL);
    bx_wire_put_i64(&call.out, time_left(run, until_ns));
    if (bx_broker_call_ask_while(&call, fds, count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        ready += fds[i].revents != 0;
    return ready;
}
