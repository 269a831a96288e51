/* Where a guest's sockets may go: addresses, the names that led to them, and
 * who has been sent a datagram. */
#ifndef BX_NET_SOCKET_POLICY_H
#define BX_NET_SOCKET_POLICY_H

#include "net/socket_host.h"

/* An address that a lookup of this run gave for a name. */
typedef struct bx_socket_lead {
    char *name;
    bx_address address;
} bx_socket_lead;

typedef struct bx_socket_leads {
    bx_socket_lead items[BX_SOCKET_NAMES];
    size_t count; /* in all; the oldest are overwritten */
} bx_socket_leads;

/* -1 without memory. */
int bx_socket_leads_add(bx_socket_leads *leads, const char *name,
                        const bx_address *address);
void bx_socket_leads_clear(bx_socket_leads *leads);

/* May a lookup of this canonical name leave the machine? */
bx_verdict bx_socket_check_name(const bx_policy *policy, const char *name);

/* May a connection or datagram go there? */
bx_verdict bx_socket_check_endpoint(const bx_policy *policy,
                                    const bx_socket_leads *leads,
                                    const bx_endpoint *to);

/* The least pattern that lets a connection go there: "*://HOST:PORT", of the
 * name that led there if it is that which the policy allows. */
#define BX_SOCKET_NEED_BYTES 320
void bx_socket_format_need(const bx_policy *policy,
                           const bx_socket_leads *leads, const bx_endpoint *to,
                           char need[BX_SOCKET_NEED_BYTES]);

/* "1.2.3.4:80", "[::1]:80" */
void bx_endpoint_format(const bx_endpoint *endpoint, char text[56]);

#endif
