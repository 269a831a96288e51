/* Sockets of a guest: outbound TCP and UDP. Names are looked up only when the
 * policy allows the host; an address and port are held against it before
 * anything is sent there, by themselves and by the names that led to them in
 * this run. Nothing listens. One for each run, one thread. */
#ifndef BX_NET_SOCKET_HOST_H
#define BX_NET_SOCKET_HOST_H

#include <poll.h>
#include <sys/types.h>

#include "base/run.h"
#include "policy/policy.h"

#define BX_SOCKETS_MAX 64   /* open at once */
#define BX_SOCKET_PEERS 64  /* of a UDP socket: who may answer */
#define BX_SOCKET_NAMES 256 /* addresses remembered with their names */
#define BX_SOCKET_LOOKUPS_GIVEN_UP_MAX 8

typedef struct bx_socket_host bx_socket_host;

typedef struct bx_endpoint {
    bx_address address;
    uint16_t port;
    bool is_ipv6;
} bx_endpoint;

typedef enum bx_socket_option {
    BX_SOCKET_KEEP_ALIVE,
    BX_SOCKET_KEEP_ALIVE_IDLE_S,
    BX_SOCKET_KEEP_ALIVE_INTERVAL_S,
    BX_SOCKET_KEEP_ALIVE_COUNT,
    BX_SOCKET_HOP_LIMIT,
    BX_SOCKET_RECEIVE_BUFFER,
    BX_SOCKET_SEND_BUFFER,
    BX_SOCKET_OPTIONS
} bx_socket_option;

/* policy and run are borrowed. */
bx_socket_host *bx_socket_host_new(const bx_policy *policy, bx_run *run,
                                   bx_error **err);
/* NULL is fine. */
void bx_socket_host_free(bx_socket_host *host);

/* Each answers a handle, a number of bytes or 0, and on failure a negative
 * errno: EBADF no such handle, EACCES the policy refuses (the audit was told),
 * EMFILE too many, EDQUOT max-requests, EAGAIN it would wait. None waits but
 * bx_socket_resolve(). */
int bx_socket_open(bx_socket_host *host, bool is_udp, bool is_ipv6);
void bx_socket_close(bx_socket_host *host, int handle);
/* To poll for, in fds that went through bx_socket_aim(); -1: no such handle. */
int bx_socket_fd(const bx_socket_host *host, int handle);
/* Make fds, in which sockets stand as bx_socket_fd() and POLLIN or POLLOUT, fit
 * for poll(): a socket that is elsewhere has a descriptor for each direction.
 * revents is not 0 when what was asked for is there. host NULL is fine. */
void bx_socket_aim(bx_socket_host *host, struct pollfd *fds, size_t count);

/* TCP: -EINPROGRESS until bx_socket_finish() says otherwise. UDP: where
 * bx_socket_send() leads from now on; port 0: nowhere. */
int bx_socket_connect(bx_socket_host *host, int handle, const bx_endpoint *to);
int bx_socket_finish(bx_socket_host *host, int handle);
/* Only to no address and port in particular. */
int bx_socket_bind(bx_socket_host *host, int handle, const bx_endpoint *local);
/* Always refused. */
int bx_socket_listen(bx_socket_host *host, int handle);

ssize_t bx_socket_receive(bx_socket_host *host, int handle, void *buf,
                          size_t bytes);
ssize_t bx_socket_send(bx_socket_host *host, int handle, const void *data,
                       size_t bytes);
/* Datagrams. to->port 0: to where the socket is connected. Only those who were
 * sent something are heard. */
ssize_t bx_socket_receive_from(bx_socket_host *host, int handle, void *buf,
                               size_t bytes, bx_endpoint *ret_from);
ssize_t bx_socket_send_to(bx_socket_host *host, int handle, const void *data,
                          size_t bytes, const bx_endpoint *to);

/* how: SHUT_RD, SHUT_WR or SHUT_RDWR. */
int bx_socket_shutdown(bx_socket_host *host, int handle, int how);
int bx_socket_name(bx_socket_host *host, int handle, bool is_remote,
                   bx_endpoint *ret_name);
int bx_socket_get(bx_socket_host *host, int handle, bx_socket_option option,
                  uint64_t *ret_value);
int bx_socket_set(bx_socket_host *host, int handle, bx_socket_option option,
                  uint64_t value);

/* Addresses of a name, at most max; returns how many. -EINVAL not a name,
 * -ENOENT no such name, -EREMOTEIO nobody knows now, -ETIME the run is over. */
int bx_socket_resolve(bx_socket_host *host, const char *name, size_t name_bytes,
                      bx_endpoint *ret_addresses, size_t max);

#endif
