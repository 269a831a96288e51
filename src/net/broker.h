/* A process that may not dial, and the one that dials for it.
 *
 * A run whose bx_run has a broker opens no socket and loads no libcurl: its
 * HTTP client and its sockets turn each call into a request to the other end,
 * which has the policy with its secrets, checks, dials, masks and tells the
 * audit. What comes from the run's side is hostile to the other end. */
#ifndef BX_NET_BROKER_H
#define BX_NET_BROKER_H

#include <poll.h>

#include "base/buf.h"
#include "base/run.h"
#include "policy/policy.h"

#define BX_BROKER_MAX_BYTES (1u << 20) /* of a request and of an answer */

/* The run's side. One question at a time, on the run's own thread. */
typedef struct bx_broker {
    void *context;
    /* Send a request and wait for its answer. ret_reply: appended to. ret_fd:
     * the descriptor that came with it, the caller's to close, or -1; NULL:
     * none is expected. -1 with err: the other end is gone. */
    int (*ask)(void *context, const void *request, size_t bytes,
               bx_buf *ret_reply, int *ret_fd, bx_error **err);
    /* The same for a question that takes its time: when one of fds is ready
     * first, the other end is told to answer with what it has, and does at
     * once. revents are set either way. */
    int (*ask_while)(void *context, const void *request, size_t bytes,
                     struct pollfd *fds, size_t count, bx_buf *ret_reply,
                     bx_error **err);
} bx_broker;

/* The end that dials: one for each run or session it serves, one thread. */
typedef struct bx_broker_host bx_broker_host;

/* policy and run are borrowed: run's deadline, cancel, audit, effect, need and
 * hold count. Costs nothing until the first request. */
bx_broker_host *bx_broker_host_new(const bx_policy *policy, bx_run *run,
                                   bx_error **err);
/* NULL is fine. Ends what is under way. */
void bx_broker_host_free(bx_broker_host *host);

/* Serve one request. wake_fd: readable when the run's side wants its answer
 * now. ret_fd: a descriptor to send along, borrowed, or -1. A request that is
 * refused or fails is an answer; -1: it is malformed, and whoever sent it is
 * not to be trusted further. */
int bx_broker_host_serve(bx_broker_host *host, const void *request,
                         size_t bytes, int wake_fd, bx_buf *ret_reply,
                         int *ret_fd, bx_error **err);

#endif
