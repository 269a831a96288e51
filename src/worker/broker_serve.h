/* The child that reaches the network for a run, from within. */
#ifndef BX_WORKER_BROKER_SERVE_H
#define BX_WORKER_BROKER_SERVE_H

#include "base/run.h"
#include "policy/policy.h"

/* What a run wants to hear of, in BX_LINK_BEGIN. */
#define BX_LINK_WANTS_AUDIT 1u
#define BX_LINK_WANTS_EFFECT 2u
#define BX_LINK_WANTS_NEED 4u

/* Serve the other end of the socket until it is closed or sends what no run
 * sends. */
void bx_broker_child_serve(int socket, const bx_policy *policy, bx_hold_fn hold,
                           void *hold_context);

#endif
