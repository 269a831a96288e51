/* Sockets of a run that has a broker: each call is one question to it. Here are
 * only descriptors to wait with. For socket_host.c, whose header says what each
 * answers. */
#ifndef BX_NET_SOCKET_REMOTE_H
#define BX_NET_SOCKET_REMOTE_H

#include <poll.h>

#include "net/socket_host.h"

typedef struct bx_socket_remote bx_socket_remote;

/* run has a broker; borrowed. NULL without memory. */
bx_socket_remote *bx_socket_remote_new(bx_run *run);
/* NULL is fine. */
void bx_socket_remote_free(bx_socket_remote *remote);

int bx_socket_remote_open(bx_socket_remote *remote, bool is_udp, bool is_ipv6);
void bx_socket_remote_close(bx_socket_remote *remote, int handle);
int bx_socket_remote_fd(bx_socket_remote *remote, int handle);
void bx_socket_remote_aim(bx_socket_remote *remote, struct pollfd *fds,
                          size_t count);
int bx_socket_remote_connect(bx_socket_remote *remote, int handle,
                             const bx_endpoint *to);
int bx_socket_remote_finish(bx_socket_remote *remote, int handle);
int bx_socket_remote_bind(bx_socket_remote *remote, int handle,
                          const bx_endpoint *local);
int bx_socket_remote_listen(bx_socket_remote *remote, int handle);
ssize_t bx_socket_remote_receive(bx_socket_remote *remote, int handle,
                                 void *buf, size_t bytes);
ssize_t bx_socket_remote_send(bx_socket_remote *remote, int handle,
                              const void *data, size_t bytes);
ssize_t bx_socket_remote_receive_from(bx_socket_remote *remote, int handle,
                                      void *buf, size_t bytes,
                                      bx_endpoint *ret_from);
ssize_t bx_socket_remote_send_to(bx_socket_remote *remote, int handle,
                                 const void *data, size_t bytes,
                                 const bx_endpoint *to);
int bx_socket_remote_shutdown(bx_socket_remote *remote, int handle, int how);
int bx_socket_remote_name(bx_socket_remote *remote, int handle, bool is_remote,
                          bx_endpoint *ret_name);
int bx_socket_remote_get(bx_socket_remote *remote, int handle,
                         bx_socket_option option, uint64_t *ret_value);
int bx_socket_remote_set(bx_socket_remote *remote, int handle,
                         bx_socket_option option, uint64_t value);
int bx_socket_remote_resolve(bx_socket_remote *remote, const char *name,
                             size_t name_bytes, bx_endpoint *ret_addresses,
                             size_t max);

#endif
