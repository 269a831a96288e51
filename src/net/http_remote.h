/* Clients and exchanges of a run that has a broker: each call is one question
 * to it. The other end has the policy, libcurl, and the exchange itself; here
 * are its number and what came of it. For http_client.c and http_poll.c. */
#ifndef BX_NET_HTTP_REMOTE_H
#define BX_NET_HTTP_REMOTE_H

#include <poll.h>

#include "net/http_exchange.h"

/* Is the client's work done elsewhere? */
static inline bool bx_http_is_remote(const bx_http_client *client)
{
    return client->curl == NULL;
}

/* What http_client.h and http_poll.h say of the functions they stand in for. */
int bx_http_remote_open(bx_http_exchange *exchange,
                        const bx_http_request *request, bx_error **err);
void bx_http_remote_close(bx_http_exchange *exchange);
int bx_http_remote_write(bx_http_exchange *exchange, const void *data,
                         size_t bytes, bx_error **err);
int bx_http_remote_head(bx_http_exchange *exchange, bx_http_head *ret_head,
                        bx_error **err);
ssize_t bx_http_remote_read(bx_http_exchange *exchange, void *buf, size_t bytes,
                            bx_error **err);
bool bx_http_remote_is_ready(bx_http_exchange *exchange, bool wants_body);
int bx_http_remote_poll(bx_http_client *client, struct pollfd *fds,
                        size_t count, int64_t until_ns);

#endif
