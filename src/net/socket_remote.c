/* The run's end: numbers of sockets that are elsewhere. What the other end
 * answers is read like any message. */
#include "net/socket_remote.h"

#include <errno.h>
#include <string.h>

#include "net/broker_ask.h"

struct bx_socket_remote {
    bx_run *run; /* borrowed */
    /* To wait with, by handle: [0] for what comes in, [1] for room to send;
     * -1: not asked for yet. An epoll descriptor each, so what shows is always
     * POLLIN. */
    int watches[BX_SOCKETS_MAX][2];
};

bx_socket_remote *bx_socket_remote_new(bx_run *run)
{
    bx_socket_remote *remote = malloc(sizeof(*remote));

    if (remote == NULL)
        return NULL;
    remote->run = run;
    memset(remote->watches, -1, sizeof(remote->watches));
    return remote;
}

static void drop_watches(bx_socket_remote *remote, int handle)
{
    for (int i = 0; i < 2; i++) {
        if (remote->watches[handle][i] >= 0)
            close(remote->watches[handle][i]);
        remote->watches[handle][i] = -1;
    }
}

/* The other end closes its sockets when it ends. */
void bx_socket_remote_free(bx_socket_remote *remote)
{
    if (remote == NULL)
        return;
    for (int i = 0; i < BX_SOCKETS_MAX; i++)
        drop_watches(remote, i);
    free(remote);
}

/* ---- questions ------------------------------------------------------- */

static bool is_handle(int handle)
{
    return handle >= 0 && handle < BX_SOCKETS_MAX;
}

static void begin(bx_broker_call *call, const bx_socket_remote *remote,
                  bx_broker_op op, int handle)
{
    bx_broker_call_begin(call, remote->run, op);
    bx_wire_put_u32(&call->out, (uint32_t)handle);
}

/* The result, or an errno when there is none. most: the highest it may be. */
static int64_t ask(bx_broker_call *call, int64_t most)
{
    bx_autoerror bx_error *err = NULL;
    int64_t result;

    if (bx_broker_call_ask(call, &err) < 0)
        return bx_error_code(err) == BX_ERR_LIMIT ? -EMSGSIZE : -EIO;
    call->run->used.http_requests += call->head.requests;
    result = bx_wire_get_i64(&call->in);
    if (call->in.is_bad || call->is_woken || result > most || result < -4095)
        return -EIO;
    return result;
}

/* The same when nothing follows it. */
static int64_t ask_plain(bx_broker_call *call, int64_t most)
{
    int64_t result = ask(call, most);

    return result >= 0 && !bx_wire_is_whole(&call->in) ? -EIO : result;
}

static int ask_of(bx_socket_remote *remote, bx_broker_op op, int handle)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (!is_handle(handle))
        return -EBADF;
    begin(&call, remote, op, handle);
    return (int)ask_plain(&call, 0);
}

static int ask_endpoint(bx_socket_remote *remote, bx_broker_op op, int handle,
                        const bx_endpoint *endpoint)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (!is_handle(handle))
        return -EBADF;
    begin(&call, remote, op, handle);
    bx_broker_put_endpoint(&call.out, endpoint);
    return (int)ask_plain(&call, 0);
}

/* ---- open to close --------------------------------------------------- */

int bx_socket_remote_open(bx_socket_remote *remote, bool is_udp, bool is_ipv6)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    int handle;

    bx_broker_call_begin(&call, remote->run, BX_BROKER_SOCKET_OPEN);
    bx_wire_put_bool(&call.out, is_udp);
    bx_wire_put_bool(&call.out, is_ipv6);
    handle = (int)ask_plain(&call, BX_SOCKETS_MAX - 1);
    if (handle >= 0)
        drop_watches(remote, handle);
    return handle;
}

void bx_socket_remote_close(bx_socket_remote *remote, int handle)
{
    if (!is_handle(handle))
        return;
    drop_watches(remote, handle);
    (void)ask_of(remote, BX_BROKER_SOCKET_CLOSE, handle);
}

static int watch(bx_socket_remote *remote, int handle, bool is_output)
{
    int *kept = &remote->watches[handle][is_output];
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (*kept >= 0)
        return *kept;
    begin(&call, remote, BX_BROKER_SOCKET_WATCH, handle);
    call.wants_fd = true;
    bx_wire_put_bool(&call.out, is_output);
    if (ask_plain(&call, 0) < 0 || call.fd < 0)
        return -1;
    *kept = bx_take_fd(&call.fd);
    return *kept;
}

int bx_socket_remote_fd(bx_socket_remote *remote, int handle)
{
    return is_handle(handle) ? watch(remote, handle, false) : -1;
}

/* Which of them is watched for output alone. */
static int output_of(bx_socket_remote *remote, const struct pollfd *fd)
{
    for (int i = 0; i < BX_SOCKETS_MAX && (fd->events & POLLOUT) != 0; i++) {
        if (remote->watches[i][0] == fd->fd)
            return watch(remote, i, true);
    }
    return -1;
}

void bx_socket_remote_aim(bx_socket_remote *remote, struct pollfd *fds,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int fd = fds[i].fd < 0 ? -1 : output_of(remote, &fds[i]);

        if (fd < 0)
            continue;
        fds[i].fd = fd;
        fds[i].events = POLLIN;
    }
}

int bx_socket_remote_connect(bx_socket_remote *remote, int handle,
                             const bx_endpoint *to)
{
    return ask_endpoint(remote, BX_BROKER_SOCKET_CONNECT, handle, to);
}

int bx_socket_remote_finish(bx_socket_remote *remote, int handle)
{
    return ask_of(remote, BX_BROKER_SOCKET_FINISH, handle);
}

int bx_socket_remote_bind(bx_socket_remote *remote, int handle,
                          const bx_endpoint *local)
{
    return ask_endpoint(remote, BX_BROKER_SOCKET_BIND, handle, local);
}

int bx_socket_remote_listen(bx_socket_remote *remote, int handle)
{
    return ask_of(remote, BX_BROKER_SOCKET_LISTEN, handle);
}

int bx_socket_remote_shutdown(bx_socket_remote *remote, int handle, int how)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (!is_handle(handle))
        return -EBADF;
    if (how < 0 || how > 2) /* SHUT_RD, SHUT_WR, SHUT_RDWR */
        return -EINVAL;
    begin(&call, remote, BX_BROKER_SOCKET_SHUTDOWN, handle);
    bx_wire_put_u8(&call.out, (uint8_t)how);
    return (int)ask_plain(&call, 0);
}

/* ---- bytes ---------------------------------------------------------- */

static ssize_t receive(bx_socket_remote *remote, bx_broker_op op, int handle,
                       void *buf, size_t bytes, bx_endpoint *ret_from)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    const void *data;
    int64_t result;
    size_t got;

    if (!is_handle(handle))
        return -EBADF;
    if (bytes > BX_BROKER_PIECE_BYTES)
        bytes = BX_BROKER_PIECE_BYTES;
    begin(&call, remote, op, handle);
    bx_wire_put_u32(&call.out, (uint32_t)bytes);
    result = ask(&call, (int64_t)bytes);
    if (result < 0)
        return (ssize_t)result;
    data = bx_wire_get_bytes(&call.in, bytes, &got);
    if (ret_from != NULL)
        bx_broker_get_endpoint(&call.in, ret_from);
    if (!bx_wire_is_whole(&call.in) || got != (size_t)result)
        return -EIO;
    memcpy(buf, data, got);
    remote->run->read_bytes += got;
    return (ssize_t)got;
}

ssize_t bx_socket_remote_receive(bx_socket_remote *remote, int handle,
                                 void *buf, size_t bytes)
{
    return receive(remote, BX_BROKER_SOCKET_RECEIVE, handle, buf, bytes, NULL);
}

ssize_t bx_socket_remote_receive_from(bx_socket_remote *remote, int handle,
                                      void *buf, size_t bytes,
                                      bx_endpoint *ret_from)
{
    return receive(remote, BX_BROKER_SOCKET_RECEIVE_FROM, handle, buf, bytes,
                   ret_from);
}

static ssize_t send_bytes(bx_socket_remote *remote, bx_broker_call *call,
                          const void *data, size_t bytes)
{
    int64_t result;

    /* A stream takes a part, a datagram of that length nobody does. */
    if (bytes > BX_BROKER_PIECE_BYTES)
        bytes = BX_BROKER_PIECE_BYTES;
    bx_wire_put_bytes(&call->out, data, bytes);
    result = ask_plain(call, (int64_t)bytes);
    if (result > 0)
        remote->run->write_bytes += (uint64_t)result;
    return (ssize_t)result;
}

ssize_t bx_socket_remote_send(bx_socket_remote *remote, int handle,
                              const void *data, size_t bytes)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (!is_handle(handle))
        return -EBADF;
    begin(&call, remote, BX_BROKER_SOCKET_SEND, handle);
    return send_bytes(remote, &call, data, bytes);
}

ssize_t bx_socket_remote_send_to(bx_socket_remote *remote, int handle,
                                 const void *data, size_t bytes,
                                 const bx_endpoint *to)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (!is_handle(handle))
        return -EBADF;
    begin(&call, remote, BX_BROKER_SOCKET_SEND_TO, handle);
    bx_broker_put_endpoint(&call.out, to);
    return send_bytes(remote, &call, data, bytes);
}

/* ---- the rest -------------------------------------------------------- */

int bx_socket_remote_name(bx_socket_remote *remote, int handle, bool is_remote,
                          bx_endpoint *ret_name)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    bx_endpoint found;
    int result;

    if (!is_handle(handle))
        return -EBADF;
    begin(&call, remote, BX_BROKER_SOCKET_NAME, handle);
    bx_wire_put_bool(&call.out, is_remote);
    result = (int)ask(&call, 0);
    if (result < 0)
        return result;
    bx_broker_get_endpoint(&call.in, &found);
    if (!bx_wire_is_whole(&call.in))
        return -EIO;
    *ret_name = found;
    return 0;
}

int bx_socket_remote_get(bx_socket_remote *remote, int handle,
                         bx_socket_option option, uint64_t *ret_value)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    uint64_t value;
    int result;

    if (!is_handle(handle))
        return -EBADF;
    if ((unsigned)option >= BX_SOCKET_OPTIONS)
        return -EINVAL;
    begin(&call, remote, BX_BROKER_SOCKET_GET, handle);
    bx_wire_put_u8(&call.out, (uint8_t)option);
    result = (int)ask(&call, 0);
    if (result < 0)
        return result;
    value = bx_wire_get_u64(&call.in);
    if (!bx_wire_is_whole(&call.in))
        return -EIO;
    *ret_value = value;
    return 0;
}

int bx_socket_remote_set(bx_socket_remote *remote, int handle,
                         bx_socket_option option, uint64_t value)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;

    if (!is_handle(handle))
        return -EBADF;
    if ((unsigned)option >= BX_SOCKET_OPTIONS)
        return -EINVAL;
    begin(&call, remote, BX_BROKER_SOCKET_SET, handle);
    bx_wire_put_u8(&call.out, (uint8_t)option);
    bx_wire_put_u64(&call.out, value);
    return (int)ask_plain(&call, 0);
}

int bx_socket_remote_resolve(bx_socket_remote *remote, const char *name,
                             size_t name_bytes, bx_endpoint *ret_addresses,
                             size_t max)
{
    bx_autocall bx_broker_call call = BX_BROKER_CALL_INIT;
    bx_endpoint found[BX_BROKER_ADDRESSES_MAX];
    int count;

    if (name_bytes > BX_BROKER_NAME_BYTES)
        return -EINVAL;
    if (max > BX_BROKER_ADDRESSES_MAX)
        max = BX_BROKER_ADDRESSES_MAX;
    bx_broker_call_begin(&call, remote->run, BX_BROKER_SOCKET_RESOLVE);
    bx_wire_put_bytes(&call.out, name, name_bytes);
    bx_wire_put_u32(&call.out, (uint32_t)max);
    count = (int)ask(&call, (int64_t)max);
    for (int i = 0; i < count; i++)
        bx_broker_get_endpoint(&call.in, &found[i]);
    if (count < 0 || !bx_wire_is_whole(&call.in))
        return count < 0 ? count : -EIO;
    memcpy(ret_addresses, found, (size_t)count * sizeof(found[0]));
    return count;
}
