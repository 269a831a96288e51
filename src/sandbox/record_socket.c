/* A component's sockets, recorded and played. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "sandbox/record_component.h"

#define HANDLES_MAX 65536

static void tell_endpoint(bx_tape *tape, const bx_endpoint *at)
{
    char address[INET6_ADDRSTRLEN] = "";
    char text[INET6_ADDRSTRLEN + 16];

    (void)inet_ntop(AF_INET6, &at->address, address, sizeof(address));
    snprintf(text, sizeof(text), "[%s]:%u", address, (unsigned)at->port);
    bx_tape_text(tape, text, strlen(text));
}

/* Field by field: what is between them is nobody's, and a flag has two values.
 */
static bool move_endpoint(bx_tape *tape, bx_endpoint *at, bool is_last)
{
    uint8_t is_ipv6 = at->is_ipv6;

    if (!bx_tape_out(tape, &at->address, sizeof(at->address), false) ||
        !bx_tape_out(tape, &at->port, sizeof(at->port), false) ||
        !bx_tape_out(tape, &is_ipv6, sizeof(is_ipv6), is_last))
        return false;
    at->is_ipv6 = is_ipv6 != 0;
    return true;
}

static int32_t socket_open(void *context, bool is_udp, bool is_ipv6)
{
    bx_tape *tape = bx_tape_of(context);
    int32_t answer = -EIO;

    if (tape == NULL)
        return bx_component_host.socket_open(context, is_udp, is_ipv6);
    if (!bx_tape_begin(tape, BX_TAPE_SOCKET_OPEN,
                       (is_udp ? 1u : 0) | (is_ipv6 ? 2 : 0)))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        answer = bx_component_host.socket_open(context, is_udp, is_ipv6);
    return (int32_t)bx_tape_end(context, tape, answer, HANDLES_MAX);
}

static void socket_close(void *context, int32_t handle)
{
    bx_tape *tape = bx_tape_of(context);

    if (tape == NULL) {
        bx_component_host.socket_close(context, handle);
        return;
    }
    if (!bx_tape_begin(tape, BX_TAPE_SOCKET_CLOSE, (uint32_t)handle))
        return;
    if (!bx_tape_is_playing(tape))
        bx_component_host.socket_close(context, handle);
    (void)bx_tape_end(context, tape, 0, 0);
}

static int32_t to_endpoint(void *context, unsigned number,
                           int32_t (*function)(void *, int32_t,
                                               const bx_endpoint *),
                           int32_t handle, const bx_endpoint *at)
{
    bx_tape *tape = bx_tape_of(context);
    int32_t answer = 0;

    if (tape == NULL)
        return function(context, handle, at);
    bx_tape_call(tape, number);
    bx_tape_value(tape, (uint32_t)handle);
    tell_endpoint(tape, at);
    if (!bx_tape_may_go(tape))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        answer = function(context, handle, at);
    return (int32_t)bx_tape_end(context, tape, answer, 0);
}

static int32_t socket_connect(void *context, int32_t handle,
                              const bx_endpoint *to)
{
    return to_endpoint(context, BX_TAPE_SOCKET_CONNECT,
                       bx_component_host.socket_connect, handle, to);
}

static int32_t socket_bind(void *context, int32_t handle,
                           const bx_endpoint *local)
{
    return to_endpoint(context, BX_TAPE_SOCKET_BIND,
                       bx_component_host.socket_bind, handle, local);
}

static int32_t of_handle(void *context, unsigned number,
                         int32_t (*function)(void *, int32_t), int32_t handle)
{
    bx_tape *tape = bx_tape_of(context);
    int32_t answer = 0;

    if (tape == NULL)
        return function(context, handle);
    if (!bx_tape_begin(tape, number, (uint32_t)handle))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        answer = function(context, handle);
    if (number == BX_TAPE_SOCKET_FD)
        return bx_tape_end_fd(context, tape, answer);
    return (int32_t)bx_tape_end(context, tape, answer, 0);
}

static int32_t socket_finish(void *context, int32_t handle)
{
    return of_handle(context, BX_TAPE_SOCKET_FINISH,
                     bx_component_host.socket_finish, handle);
}

static int32_t socket_listen(void *context, int32_t handle)
{
    return of_handle(context, BX_TAPE_SOCKET_LISTEN,
                     bx_component_host.socket_listen, handle);
}

static int32_t socket_fd(void *context, int32_t handle)
{
    return of_handle(context, BX_TAPE_SOCKET_FD, bx_component_host.socket_fd,
                     handle);
}

/* ret_from: of a datagram; NULL: of a stream. */
static int64_t receive(void *context, int32_t handle, uint8_t *buf,
                       size_t bytes, bx_endpoint *ret_from)
{
    bx_tape *tape = bx_tape_of(context);
    int64_t done = 0;

    bx_tape_call(tape, BX_TAPE_SOCKET_RECEIVE);
    bx_tape_value(tape, (uint32_t)handle);
    bx_tape_value(tape, bytes);
    if (!bx_tape_may_go(tape))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        done =
            ret_from == NULL
                ? bx_component_host.socket_receive(context, handle, buf, bytes)
                : bx_component_host.socket_receive_from(context, handle, buf,
                                                        bytes, ret_from);
    done = bx_tape_answer(tape, done);
    if (!bx_tape_is_within(tape, done, (int64_t)bytes))
        return -EIO;
    if (done >= 0 &&
        (!bx_tape_out(tape, buf, (size_t)done, true) ||
         (ret_from != NULL && !move_endpoint(tape, ret_from, true))))
        return -EIO;
    bx_record_call_end(context);
    return done;
}

static int64_t socket_receive(void *context, int32_t handle, uint8_t *buf,
                              size_t bytes)
{
    return bx_tape_of(context) == NULL
               ? bx_component_host.socket_receive(context, handle, buf, bytes)
               : receive(context, handle, buf, bytes, NULL);
}

static int64_t socket_receive_from(void *context, int32_t handle, uint8_t *buf,
                                   size_t bytes, bx_endpoint *ret_from)
{
    return bx_tape_of(context) == NULL
               ? bx_component_host.socket_receive_from(context, handle, buf,
                                                       bytes, ret_from)
               : receive(context, handle, buf, bytes, ret_from);
}

/* to: NULL: a stream's, or where it is connected. */
static int64_t send_to(void *context, int32_t handle, const uint8_t *data,
                       size_t bytes, const bx_endpoint *to)
{
    bx_tape *tape = bx_tape_of(context);
    int64_t done = 0;

    bx_tape_call(tape, BX_TAPE_SOCKET_SEND);
    bx_tape_value(tape, (uint32_t)handle);
    if (to != NULL)
        tell_endpoint(tape, to);
    bx_tape_hash(tape, data, bytes, true);
    if (!bx_tape_may_go(tape))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        done = to == NULL
                   ? bx_component_host.socket_send(context, handle, data, bytes)
                   : bx_component_host.socket_send_to(context, handle, data,
                                                      bytes, to);
    return bx_tape_end(context, tape, done, (int64_t)bytes);
}

static int64_t socket_send(void *context, int32_t handle, const uint8_t *data,
                           size_t bytes)
{
    return bx_tape_of(context) == NULL
               ? bx_component_host.socket_send(context, handle, data, bytes)
               : send_to(context, handle, data, bytes, NULL);
}

static int64_t socket_send_to(void *context, int32_t handle,
                              const uint8_t *data, size_t bytes,
                              const bx_endpoint *to)
{
    return bx_tape_of(context) == NULL
               ? bx_component_host.socket_send_to(context, handle, data, bytes,
                                                  to)
               : send_to(context, handle, data, bytes, to);
}

static int32_t socket_shutdown(void *context, int32_t handle, int32_t how)
{
    bx_tape *tape = bx_tape_of(context);
    int32_t answer = 0;

    if (tape == NULL)
        return bx_component_host.socket_shutdown(context, handle, how);
    bx_tape_call(tape, BX_TAPE_SOCKET_SHUTDOWN);
    bx_tape_value(tape, (uint32_t)handle);
    bx_tape_value(tape, (uint32_t)how);
    if (!bx_tape_may_go(tape))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        answer = bx_component_host.socket_shutdown(context, handle, how);
    return (int32_t)bx_tape_end(context, tape, answer, 0);
}

static int32_t socket_name(void *context, int32_t handle, bool is_remote,
                           bx_endpoint *ret_name)
{
    bx_tape *tape = bx_tape_of(context);
    int64_t answer = 0;

    if (tape == NULL)
        return bx_component_host.socket_name(context, handle, is_remote,
                                             ret_name);
    bx_tape_call(tape, BX_TAPE_SOCKET_NAME);
    bx_tape_value(tape, (uint32_t)handle);
    bx_tape_value(tape, is_remote);
    if (!bx_tape_may_go(tape))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        answer =
            bx_component_host.socket_name(context, handle, is_remote, ret_name);
    answer = bx_tape_answer(tape, answer);
    if (answer == 0 && !move_endpoint(tape, ret_name, true))
        return -EIO;
    bx_record_call_end(context);
    return (int32_t)answer;
}

static int32_t socket_get(void *context, int32_t handle, int32_t option,
                          uint64_t *ret_value)
{
    bx_tape *tape = bx_tape_of(context);
    int64_t answer = 0;

    if (tape == NULL)
        return bx_component_host.socket_get(context, handle, option, ret_value);
    bx_tape_call(tape, BX_TAPE_SOCKET_GET);
    bx_tape_value(tape, (uint32_t)handle);
    bx_tape_value(tape, (uint32_t)option);
    if (!bx_tape_may_go(tape))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        answer =
            bx_component_host.socket_get(context, handle, option, ret_value);
    answer = bx_tape_answer(tape, answer);
    if (answer == 0 && !bx_tape_out(tape, ret_value, sizeof(*ret_value), true))
        return -EIO;
    bx_record_call_end(context);
    return (int32_t)answer;
}

static int32_t socket_set(void *context, int32_t handle, int32_t option,
                          uint64_t value)
{
    bx_tape *tape = bx_tape_of(context);
    int32_t answer = 0;

    if (tape == NULL)
        return bx_component_host.socket_set(context, handle, option, value);
    bx_tape_call(tape, BX_TAPE_SOCKET_SET);
    bx_tape_value(tape, (uint32_t)handle);
    bx_tape_value(tape, (uint32_t)option);
    bx_tape_value(tape, value);
    if (!bx_tape_may_go(tape))
        return -EIO;
    if (!bx_tape_is_playing(tape))
        answer = bx_component_host.socket_set(context, handle, option, value);
    return (int32_t)bx_tape_end(context, tape, answer, 0);
}

static int32_t socket_resolve(void *context, bx_text name,
                              bx_endpoint *ret_addresses, size_t max)
{
    bx_tape *tape = bx_tape_of(context);
    int64_t count = 0;

    if (tape == NULL)
        return bx_component_host.socket_resolve(context, name, ret_addresses,
                                                max);
    bx_tape_call(tape, BX_TAPE_SOCKET_RESOLVE);
    bx_tape_text(tape, name.data, name.bytes);
    if (!bx_tape_may_go(tape))
        return BX_COMPONENT_STOPPED;
    if (!bx_tape_is_playing(tape))
        count =
            bx_component_host.socket_resolve(context, name, ret_addresses, max);
    count = bx_tape_answer(tape, count);
    if (!bx_tape_is_within(tape, count, (int64_t)max))
        return BX_COMPONENT_STOPPED;
    for (int64_t i = 0; i < count; i++) {
        if (!move_endpoint(tape, &ret_addresses[i], i + 1 == count))
            return BX_COMPONENT_STOPPED;
    }
    bx_record_call_end(context);
    return (int32_t)count;
}

void bx_record_put_sockets(bx_component_api *api)
{
    api->socket_open = socket_open;
    api->socket_close = socket_close;
    api->socket_connect = socket_connect;
    api->socket_finish = socket_finish;
    api->socket_bind = socket_bind;
    api->socket_listen = socket_listen;
    api->socket_fd = socket_fd;
    api->socket_receive = socket_receive;
    api->socket_send = socket_send;
    api->socket_receive_from = socket_receive_from;
    api->socket_send_to = socket_send_to;
    api->socket_shutdown = socket_shutdown;
    api->socket_name = socket_name;
    api->socket_get = socket_get;
    api->socket_set = socket_set;
    api->socket_resolve = socket_resolve;
}
