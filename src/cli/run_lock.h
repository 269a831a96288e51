/* `boxagnts run` takes from itself what its guest does not need. */
#ifndef BX_CLI_RUN_LOCK_H
#define BX_CLI_RUN_LOCK_H

#include "sandbox/sandbox.h"
#include "worker/broker_child.h"

typedef struct bx_run_lock {
    bool is_required; /* --require-lockdown */
    bool is_quiet;    /* a missing layer is not told */
} bx_run_lock;

/* Before anything else: what is missing is said, or refused. */
int bx_run_lock_check(const bx_run_lock *lock, bx_error **err);
/* Lock this process down to the sandbox's folders. Everything that the run
 * needs is open; the environment is wiped. ret_network: who reaches the network
 * for a module that wants it, the caller's; NULL for another. options: its
 * hold. */
int bx_run_lock_apply(const bx_sandbox *sandbox, bool wants_network,
                      const bx_run_options *options,
                      bx_broker_child **ret_network, bx_error **err);
/* The run begins: options as it will have them. network may be NULL. */
int bx_run_lock_begin(bx_broker_child *network, const bx_sandbox *sandbox,
                      const bx_run_options *options, bx_error **err);

#endif
