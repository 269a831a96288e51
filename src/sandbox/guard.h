/* Folders of the host that are no guest's. */
#ifndef BX_SANDBOX_GUARD_H
#define BX_SANDBOX_GUARD_H

#include "policy/policy.h"
#include "sandbox/cache.h"

/* Refuse a policy that lets the guest write a module cache or its key, and hide
 * what is the program's own in all that others map: the user's state
 * (overlays, log, recordings, keys), configuration and caches, by the names
 * that this process's environment gives them. cache: the one in use; NULL:
 * none. The user's default one is guarded always: the next run may use it.
 * errors: BX_ERR_DENIED, names the mapping */
int bx_guard_apply(bx_policy *policy, const bx_cache *cache, bx_error **err);

#endif
