/* Sockets on behalf of a run elsewhere. They never leave this process: whoever
 * holds a TCP socket whose connection failed can dial from it anew (sendmsg()
 * with MSG_FASTOPEN), and a UDP socket sends anywhere. What goes along to wait
 * with is an epoll descriptor that watches the socket and can do nothing else
 * with it. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "net/broker_host.h"

static void put_result(bx_broker_turn *turn, int64_t result)
{
    bx_wire_put_i64(turn->out, result);
}

static int watch(bx_broker_turn *turn, int handle)
{
    bool is_output = bx_wire_get_bool(turn->in);
    struct epoll_event event = { .events = is_output ? EPOLLOUT
                                                     : EPOLLIN | EPOLLRDHUP };
    bx_autofd int fd = -1;
    int socket_fd;

    if (!bx_wire_is_whole(turn->in))
        return 0;
    socket_fd = bx_socket_fd(turn->host->sockets, handle);
    if (socket_fd < 0)
        return -EBADF;
    fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, socket_fd, &event) < 0)
        return -errno;
    *turn->ret_fd = turn->host->sent_fd = bx_take_fd(&fd);
    return 0;
}

static int64_t to_endpoint(bx_broker_turn *turn, int handle,
                           int (*call)(bx_socket_host *host, int handle,
                                       const bx_endpoint *endpoint))
{
    bx_endpoint endpoint;

    bx_broker_get_endpoint(turn->in, &endpoint);
    return bx_wire_is_whole(turn->in)
               ? call(turn->host->sockets, handle, &endpoint)
               : 0;
}

static int64_t of_handle(bx_broker_turn *turn, int handle,
                         int (*call)(bx_socket_host *host, int handle))
{
    return bx_wire_is_whole(turn->in) ? call(turn->host->sockets, handle) : 0;
}

/* ---- bytes: each puts its result itself ------------------------------ */

static void receive(bx_broker_turn *turn, int handle, bool has_from)
{
    uint32_t wanted = bx_wire_get_u32(turn->in);
    char *room = bx_broker_scratch(turn->host);
    bx_endpoint from;
    ssize_t done = -ENOMEM;

    memset(&from, 0, sizeof(from));
    if (wanted > BX_BROKER_PIECE_BYTES)
        turn->in->is_bad = true;
    if (!bx_wire_is_whole(turn->in))
        return;
    if (room != NULL)
        done = has_from ? bx_socket_receive_from(turn->host->sockets, handle,
                                                 room, wanted, &from)
                        : bx_socket_receive(turn->host->sockets, handle, room,
                                            wanted);
    put_result(turn, done);
    if (done < 0)
        return;
    bx_wire_put_bytes(turn->out, room, (size_t)done);
    if (has_from)
        bx_broker_put_endpoint(turn->out, &from);
}

static int64_t send_bytes(bx_broker_turn *turn, int handle)
{
    size_t bytes;
    const void *data =
        bx_wire_get_bytes(turn->in, BX_BROKER_PIECE_BYTES, &bytes);

    return bx_wire_is_whole(turn->in)
               ? bx_socket_send(turn->host->sockets, handle, data, bytes)
               : 0;
}

static int64_t send_to(bx_broker_turn *turn, int handle)
{
    bx_endpoint to;
    size_t bytes;
    const void *data;

    bx_broker_get_endpoint(turn->in, &to);
    data = bx_wire_get_bytes(turn->in, BX_BROKER_PIECE_BYTES, &bytes);
    return bx_wire_is_whole(turn->in)
               ? bx_socket_send_to(turn->host->sockets, handle, data, bytes,
                                   &to)
               : 0;
}

/* ---- the rest -------------------------------------------------------- */

static void name(bx_broker_turn *turn, int handle)
{
    bool is_remote = bx_wire_get_bool(turn->in);
    bx_endpoint found;
    int result;

    if (!bx_wire_is_whole(turn->in))
        return;
    result = bx_socket_name(turn->host->sockets, handle, is_remote, &found);
    put_result(turn, result);
    if (result == 0)
        bx_broker_put_endpoint(turn->out, &found);
}

static void get(bx_broker_turn *turn, int handle)
{
    uint8_t option = bx_wire_get_u8(turn->in);
    uint64_t value = 0;
    int result;

    if (!bx_wire_is_whole(turn->in))
        return;
    result = bx_socket_get(turn->host->sockets, handle,
                           (bx_socket_option)option, &value);
    put_result(turn, result);
    if (result == 0)
        bx_wire_put_u64(turn->out, value);
}

static int64_t set(bx_broker_turn *turn, int handle)
{
    uint8_t option = bx_wire_get_u8(turn->in);
    uint64_t value = bx_wire_get_u64(turn->in);

    return bx_wire_is_whole(turn->in)
               ? bx_socket_set(turn->host->sockets, handle,
                               (bx_socket_option)option, value)
               : 0;
}

static int64_t shut(bx_broker_turn *turn, int handle)
{
    uint8_t how = bx_wire_get_u8(turn->in);

    if (how > SHUT_RDWR)
        turn->in->is_bad = true;
    return bx_wire_is_whole(turn->in)
               ? bx_socket_shutdown(turn->host->sockets, handle, how)
               : 0;
}

static void open_socket(bx_broker_turn *turn)
{
    bool is_udp = bx_wire_get_bool(turn->in);
    bool is_ipv6 = bx_wire_get_bool(turn->in);

    if (bx_wire_is_whole(turn->in))
        put_result(turn, bx_socket_open(turn->host->sockets, is_udp, is_ipv6));
}

static void resolve(bx_broker_turn *turn)
{
    bx_endpoint found[BX_BROKER_ADDRESSES_MAX];
    size_t bytes;
    const char *text =
        bx_wire_get_bytes(turn->in, BX_BROKER_NAME_BYTES, &bytes);
    uint32_t most = bx_wire_get_u32(turn->in);
    int count;

    if (most > BX_BROKER_ADDRESSES_MAX)
        turn->in->is_bad = true;
    if (!bx_wire_is_whole(turn->in))
        return;
    memset(found, 0, sizeof(found));
    count = bx_socket_resolve(turn->host->sockets, text, bytes, found, most);
    put_result(turn, count);
    for (int i = 0; i < count; i++)
        bx_broker_put_endpoint(turn->out, &found[i]);
}

static int64_t close_socket(bx_broker_turn *turn, int handle)
{
    if (bx_wire_is_whole(turn->in))
        bx_socket_close(turn->host->sockets, handle);
    return 0;
}

/* The operations whose answer is a result alone. */
static int64_t serve_plain(bx_broker_turn *turn, bx_broker_op op, int handle)
{
    switch (op) {
    case BX_BROKER_SOCKET_CLOSE:
        return close_socket(turn, handle);
    case BX_BROKER_SOCKET_WATCH:
        return watch(turn, handle);
    case BX_BROKER_SOCKET_CONNECT:
        return to_endpoint(turn, handle, bx_socket_connect);
    case BX_BROKER_SOCKET_FINISH:
        return of_handle(turn, handle, bx_socket_finish);
    case BX_BROKER_SOCKET_BIND:
        return to_endpoint(turn, handle, bx_socket_bind);
    case BX_BROKER_SOCKET_LISTEN:
        return of_handle(turn, handle, bx_socket_listen);
    case BX_BROKER_SOCKET_SEND:
        return send_bytes(turn, handle);
    case BX_BROKER_SOCKET_SEND_TO:
        return send_to(turn, handle);
    case BX_BROKER_SOCKET_SHUTDOWN:
        return shut(turn, handle);
    case BX_BROKER_SOCKET_SET:
        return set(turn, handle);
    default:
        turn->in->is_bad = true;
        return 0;
    }
}

static void serve_handle(bx_broker_turn *turn, bx_broker_op op)
{
    /* A number that is none becomes one that no table has. */
    uint32_t number = bx_wire_get_u32(turn->in);
    int handle = number < BX_SOCKETS_MAX ? (int)number : -1;

    switch (op) {
    case BX_BROKER_SOCKET_RECEIVE:
    case BX_BROKER_SOCKET_RECEIVE_FROM:
        receive(turn, handle, op == BX_BROKER_SOCKET_RECEIVE_FROM);
        break;
    case BX_BROKER_SOCKET_NAME:
        name(turn, handle);
        break;
    case BX_BROKER_SOCKET_GET:
        get(turn, handle);
        break;
    default:
        put_result(turn, serve_plain(turn, op, handle));
    }
}

int bx_broker_serve_socket(bx_broker_turn *turn, bx_broker_op op)
{
    bx_broker_host *host = turn->host;

    if (host->sockets == NULL)
        host->sockets = bx_socket_host_new(host->policy, host->run, turn->err);
    if (host->sockets == NULL) {
        turn->in->left = 0; /* not looked at */
        return BX_BROKER_FAILED;
    }
    if (op == BX_BROKER_SOCKET_OPEN)
        open_socket(turn);
    else if (op == BX_BROKER_SOCKET_RESOLVE)
        resolve(turn);
    else
        serve_handle(turn, op);
    return BX_BROKER_DONE;
}
