/* `boxagnts run` takes from itself what its guest does not need. */
#ifndef BX_CLI_RUN_LOCK_H
#define BX_CLI_RUN_LOCK_H

#include "sandbox/sandbox.h"

typedef struct bx_run_lock {
    bool is_required; /* --require-lockdown */
    bool is_quiet;    /* a missing layer is not told */
} bx_run_lock;

/* Before anything else: what is missing is said, or refused. */
int bx_run_lock_check(const bx_run_lock *lock, bx_error **err);
/* Lock this process down to the sandbox's folders. Everything that the run
 * needs is open; the environment is wiped. */
int bx_run_lock_apply(const bx_run_lock *lock, const bx_sandbox *sandbox,
                      bx_error **err);

#endif
