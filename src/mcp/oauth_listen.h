/* Where a browser comes back to after a sign-in: a port of 127.0.0.1, open for
 * that long and one answer. Who connects is any program or page on this
 * machine, and hostile; the state of the request says who is meant. */
#ifndef BX_MCP_OAUTH_LISTEN_H
#define BX_MCP_OAUTH_LISTEN_H

#include "base/error.h"
#include "mcp/oauth_return.h"
#include "worker/wait.h"

typedef struct bx_oauth_listener {
    int fd;
    char uri[64]; /* "http://127.0.0.1:PORT/callback" */
    unsigned port;
} bx_oauth_listener;

/* port 0: any. */
int bx_oauth_listener_open(unsigned port, bx_oauth_listener *ret_listener,
                           bx_error **err);
void bx_oauth_listener_close(bx_oauth_listener *listener);

/* The one request that has state; others are turned away.
 * errors: BX_ERR_TIMEOUT, BX_ERR_CANCELLED; BX_ERR_LIMIT: too many others */
int bx_oauth_listener_wait(const bx_oauth_listener *listener, const char *state,
                           const bx_wait *wait, bx_oauth_return *ret_return,
                           bx_error **err);
#endif
