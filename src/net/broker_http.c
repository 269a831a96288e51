/* Exchanges on behalf of a run elsewhere. Its numbers of exchanges are held
 * against the table, its requests against policy and limits, as in process. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "net/broker_host.h"
#include "net/http_poll.h"

void bx_broker_http_free(bx_broker_host *host)
{
    for (size_t i = 0; i < host->exchanges_count; i++)
        bx_http_exchange_free(host->exchanges[i]);
    free(host->exchanges);
    bx_http_client_free(host->client);
}

static bx_http_exchange *find(bx_broker_turn *turn, uint32_t *ret_handle)
{
    const bx_broker_host *host = turn->host;
    uint32_t handle = bx_wire_get_u32(turn->in);

    if (handle == 0 || handle > host->exchanges_count ||
        host->exchanges[handle - 1] == NULL) {
        turn->in->is_bad = true;
        return NULL;
    }
    if (ret_handle != NULL)
        *ret_handle = handle;
    return host->exchanges[handle - 1];
}

/* ---- opening -------------------------------------------------------- */

static int ready_client(bx_broker_host *host, bx_error **err)
{
    bx_http_config config = {
        .run = host->run,
        .policy = host->policy,
        .ca_file = host->ca_file,
        .body_bytes = host->policy->limits.http_body_bytes,
    };

    if (host->client == NULL)
        host->client = bx_http_client_new(&config, err);
    return host->client == NULL ? -1 : 0;
}

/* A free place in the table, made if need be; its number, 0 without memory. */
static uint32_t free_place(bx_broker_host *host)
{
    size_t before = host->exchanges_count;
    size_t count = before == 0 ? 4 : before * 2;
    bx_http_exchange **grown;

    for (size_t i = 0; i < before; i++) {
        if (host->exchanges[i] == NULL)
            return (uint32_t)i + 1;
    }
    if (count > UINT32_MAX)
        return 0;
    grown = realloc(host->exchanges, count * sizeof(void *));
    if (grown == NULL)
        return 0;
    for (size_t i = before; i < count; i++)
        grown[i] = NULL;
    host->exchanges = grown;
    host->exchanges_count = count;
    return (uint32_t)before + 1;
}

static int open_exchange(bx_broker_host *host, const bx_http_request *request,
                         uint32_t *ret_handle, bx_error **err)
{
    uint32_t handle = 0;

    if (bx_http_check_limits(host->run, &host->policy->limits, host->open_count,
                             err) < 0 ||
        ready_client(host, err) < 0)
        return -1;
    handle = free_place(host);
    if (handle == 0)
        return bx_error_set_nomem(err);
    host->exchanges[handle - 1] =
        bx_http_client_open(host->client, request, err);
    if (host->exchanges[handle - 1] == NULL)
        return -1;
    host->open_count++;
    host->run->used.http_requests++;
    *ret_handle = handle;
    return 0;
}

int bx_broker_serve_http_open(bx_broker_turn *turn)
{
    bx_wire_in *in = turn->in;
    bx_autofree char *method = bx_wire_get_text(in, BX_BROKER_TEXT_BYTES);
    bx_autofree char *url = bx_wire_get_text(in, BX_BROKER_TEXT_BYTES);
    bx_autofields bx_http_fields fields = BX_HTTP_FIELDS_INIT;
    uint8_t redirect = bx_wire_get_u8(in);
    uint64_t timeout_ms = bx_wire_get_u64(in);
    uint32_t handle = 0;

    bx_broker_get_fields(in, BX_HTTP_REQUEST_FIELDS_MAX, &fields);
    if (redirect > BX_HTTP_REDIRECT_ERROR)
        in->is_bad = true;
    if (!bx_wire_is_whole(in))
        return BX_BROKER_DONE;
    if (open_exchange(
            turn->host,
            &(bx_http_request){ .method = method,
                                .url = url,
                                .fields = &fields,
                                .redirect = (bx_http_redirect)redirect,
                                .timeout_ms = timeout_ms },
            &handle, turn->err) < 0)
        return BX_BROKER_FAILED;
    bx_wire_put_u32(turn->out, handle);
    return BX_BROKER_DONE;
}

/* ---- one exchange --------------------------------------------------- */

int bx_broker_serve_http_write(bx_broker_turn *turn)
{
    bx_http_exchange *exchange = find(turn, NULL);
    uint64_t rest = bx_wire_get_u64(turn->in);
    size_t bytes;
    const void *data =
        bx_wire_get_bytes(turn->in, BX_BROKER_PIECE_BYTES, &bytes);

    if (!bx_wire_is_whole(turn->in))
        return BX_BROKER_DONE;
    return bx_http_exchange_write_piece(exchange, data, bytes, rest,
                                        turn->err) < 0
               ? BX_BROKER_FAILED
               : BX_BROKER_DONE;
}

/* Wait until the next call on the exchange would not, or the run's side wants
 * its answer (or is gone). A failure is for that call to tell. */
static bool wait_for(bx_broker_turn *turn, bx_http_exchange *exchange,
                     bool wants_body)
{
    while (!bx_http_exchange_is_ready(exchange, wants_body)) {
        struct pollfd wake = { .fd = turn->wake_fd, .events = POLLIN };

        if (bx_http_client_poll(turn->host->client, &wake,
                                turn->wake_fd >= 0 ? 1 : 0,
                                bx_http_exchange_end_ns(exchange)) < 0)
            return true;
        if (wake.revents != 0)
            return false;
    }
    return true;
}

int bx_broker_serve_http_head(bx_broker_turn *turn)
{
    bx_http_exchange *exchange = find(turn, NULL);
    bx_http_head head;

    if (!bx_wire_is_whole(turn->in))
        return BX_BROKER_DONE;
    if (!wait_for(turn, exchange, false))
        return BX_BROKER_WOKEN;
    if (bx_http_exchange_head(exchange, &head, turn->err) < 0)
        return BX_BROKER_FAILED;
    bx_wire_put_u32(turn->out, head.status);
    bx_wire_put_bool(turn->out, head.is_redirected);
    bx_broker_put_url(turn->out, head.url);
    bx_broker_put_fields(turn->out, head.fields);
    return BX_BROKER_DONE;
}

int bx_broker_serve_http_read(bx_broker_turn *turn)
{
    bx_http_exchange *exchange = find(turn, NULL);
    uint32_t wanted = bx_wire_get_u32(turn->in);
    char *room = bx_broker_scratch(turn->host);
    ssize_t bytes;

    if (wanted == 0 || wanted > BX_BROKER_PIECE_BYTES)
        turn->in->is_bad = true;
    if (!bx_wire_is_whole(turn->in))
        return BX_BROKER_DONE;
    if (room == NULL) {
        bx_error_set_nomem(turn->err);
        return BX_BROKER_FAILED;
    }
    if (!wait_for(turn, exchange, true))
        return BX_BROKER_WOKEN;
    bytes = bx_http_exchange_read(exchange, room, wanted, turn->err);
    if (bytes < 0)
        return BX_BROKER_FAILED;
    bx_wire_put_bool(turn->out, bx_http_exchange_is_at_end(exchange));
    bx_wire_put_bytes(turn->out, room, (size_t)bytes);
    return BX_BROKER_DONE;
}

int bx_broker_serve_http_ready(bx_broker_turn *turn)
{
    bx_http_exchange *exchange = find(turn, NULL);
    bool wants_body = bx_wire_get_bool(turn->in);

    if (!bx_wire_is_whole(turn->in))
        return BX_BROKER_DONE;
    bx_wire_put_bool(turn->out,
                     bx_http_exchange_is_ready(exchange, wants_body));
    return BX_BROKER_DONE;
}

int bx_broker_serve_http_close(bx_broker_turn *turn)
{
    uint32_t handle = 0;
    bx_http_exchange *exchange = find(turn, &handle);

    if (!bx_wire_is_whole(turn->in))
        return BX_BROKER_DONE;
    bx_http_exchange_free(exchange);
    turn->host->exchanges[handle - 1] = NULL;
    turn->host->open_count--;
    return BX_BROKER_DONE;
}

/* ---- all of them ---------------------------------------------------- */

int bx_broker_serve_http_poll(bx_broker_turn *turn)
{
    const bx_broker_host *host = turn->host;
    int64_t most_ns = bx_wire_get_i64(turn->in);
    int64_t now_ns = bx_now_ns();
    struct pollfd wake = { .fd = turn->wake_fd, .events = POLLIN };
    size_t count = turn->wake_fd >= 0 ? 1 : 0;
    int64_t until_ns;

    if (most_ns < 0)
        turn->in->is_bad = true;
    if (!bx_wire_is_whole(turn->in))
        return BX_BROKER_DONE;
    until_ns = most_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + most_ns;
    if (host->open_count > 0)
        (void)bx_http_client_poll(host->client, &wake, count, until_ns);
    else
        (void)bx_run_poll(host->run, &wake, count, until_ns);
    return BX_BROKER_DONE;
}
