/* Waiting for several exchanges of one client, and for descriptors beside
 * them. */
#ifndef BX_NET_HTTP_POLL_H
#define BX_NET_HTTP_POLL_H

#include <poll.h>

#include "net/http_client.h"

/* Let libcurl work on an exchange without waiting; it is sent if that has not
 * happened. True when its head (with wants_body: some of its body, or the end)
 * can be asked for without waiting, or it failed and the next call says how. */
bool bx_http_exchange_is_ready(bx_http_exchange *exchange, bool wants_body);

/* poll() that also returns when something happens to an exchange of the client.
 * Ends as bx_run_poll(): -1 with ETIME when the run is over. Returns early
 * without anything ready, too. */
int bx_http_client_poll(bx_http_client *client, struct pollfd *fds,
                        size_t count, int64_t until_ns);

#endif
