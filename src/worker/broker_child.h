/* For one process that runs guests and is about to be locked down: a child that
 * keeps the policy and reaches the network for it. */
#ifndef BX_WORKER_BROKER_CHILD_H
#define BX_WORKER_BROKER_CHILD_H

#include "net/broker.h"

typedef struct bx_broker_child bx_broker_child;

/* Starts the child. policy is its own copy, by fork(): called while this
 * process has one thread. hold, may be NULL: asked in the child, where no guest
 * can answer for a person. The child ends when this process does, and leaves
 * Ctrl-C to it. */
bx_broker_child *bx_broker_child_new(const bx_policy *policy, bx_hold_fn hold,
                                     void *hold_context, bx_error **err);
/* Closes the way to it, and it ends. NULL is fine. */
void bx_broker_child_free(bx_broker_child *child);

/* The run that begins now, the only one: its deadline, who is told and asked on
 * this side, what cancels it. run is copied; its hold and broker are not looked
 * at. */
int bx_broker_child_begin(bx_broker_child *child, const bx_run *run,
                          bx_error **err);
/* For bx_run_extra; lives as long as the child. */
const bx_broker *bx_broker_child_broker(const bx_broker_child *child);

#endif
