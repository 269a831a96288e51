/* Folders of the host that no guest may write. */
#ifndef BX_SANDBOX_GUARD_H
#define BX_SANDBOX_GUARD_H

#include "policy/policy.h"
#include "sandbox/cache.h"

/* Refuse a policy that lets the guest write a module cache or its key.
 * cache: the one in use; NULL: none. The user's default one is guarded always:
 * the next run may use it.
 * errors: BX_ERR_DENIED, names the mapping */
int bx_guard_check(const bx_policy *policy, const bx_cache *cache,
                   bx_error **err);

#endif
