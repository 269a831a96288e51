/* Names to addresses, in time: getaddrinfo() cannot be ended, so it runs on a
 * thread of its own, which is left behind when the run is over first. */
#ifndef BX_NET_LOOKUP_H
#define BX_NET_LOOKUP_H

#include "base/run.h"
#include "net/socket_host.h"

/* Returns how many, or -errno as bx_socket_resolve(); -ETIME: the run is over
 * and a thread still waits. name: canonical. */
int bx_lookup(const bx_run *run, const char *name, bx_endpoint *ret_addresses,
              size_t max);

#endif
