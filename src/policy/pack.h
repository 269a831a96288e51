/* A policy as bytes, whole: every layer, origin and protected path. For a
 * process that is to enforce it elsewhere. Secrets' values stay behind: the
 * other side knows which are asked for, never what they are. */
#ifndef BX_POLICY_PACK_H
#define BX_POLICY_PACK_H

#include "base/buf.h"
#include "policy/policy.h"

#define BX_POLICY_PACK_MAX_BYTES (16u << 20)

/* Append it. The same policy gives the same bytes. */
int bx_policy_pack(const bx_policy *policy, bx_buf *ret_bytes, bx_error **err);

/* ret_policy: owned by the caller, bx_policy_free().
 * errors: BX_ERR_INVALID: malformed, of another version, or cut */
int bx_policy_unpack(const void *bytes, size_t count, bx_policy **ret_policy,
                     bx_error **err);

#endif
