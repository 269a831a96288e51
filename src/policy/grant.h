/* Grants asked for or given by a layer below the workspace's policy: a tool's
 * manifest, a session. A policy is narrowed by them and never widened:
 *
 *     effective = workspace policy AND manifest AND session
 */
#ifndef BX_POLICY_GRANT_H
#define BX_POLICY_GRANT_H

#include "policy/level.h"
#include "policy/policy.h"

typedef struct bx_grants bx_grants;

bx_grants *bx_grants_new(void);
void bx_grants_free(bx_grants *grants);
BX_DEFINE_AUTO(bx_grants, bx_grants_free)
#define bx_autogrants BX_AUTO(bx_grants_free)

/* "fs.read:/p", "read:/p", "fs.write:/p", "write:/p", "network:PATTERN",
 * "fetch:PATTERN", "env:NAME", "exec:PROGRAM", "tool:NAME"; NAME and PROGRAM
 * may be or end in '*'. origin: what explanations cite. */
int bx_grants_add(bx_grants *grants, const char *grant, const char *origin,
                  bx_error **err);
/* A limit by its control's name, such as ("wasm-timeout", "30s"). */
int bx_grants_put_limit(bx_grants *grants, const char *control,
                        const char *value, const char *origin, bx_error **err);
/* Ask for a secret: the value the policy has under name goes as header into
 * requests to that one origin. header: NULL for Authorization; format: with
 * one "{}", NULL for "Bearer {}". */
int bx_grants_add_secret(bx_grants *grants, const char *name, const char *host,
                         const char *header, const char *format,
                         const char *origin, bx_error **err);
/* The same grants, but of tools only those of these names that from gives too.
 * from NULL: everything else is given. NULL with err. */
bx_grants *bx_grants_with_tools(const bx_grants *from, const char *const *names,
                                size_t count, const char *origin,
                                bx_error **err);
/* As JSON: {"permissions": [...], "secrets": [...], "limits": {...}}, sorted,
 * for the lock file and `show`; owned, free(). */
char *bx_grants_format(const bx_grants *grants, bx_error **err);
/* errors: BX_ERR_INVALID: a grant that the level does not have, such as
 * fs.write at read_only; names both. */
int bx_grants_check_level(const bx_grants *grants, bx_level level,
                          bx_error **err);

/* Narrow policy by one more layer: afterwards it gives what it gave AND what
 * these grants give; limits become the smaller ones. layer: what explanations
 * call it, such as "manifest of 'web-fetch'". grants NULL: nothing narrower.
 * The vault of secrets stays the workspace's; which are used is this layer's
 * alone, so narrow by a session first and by the tool's manifest last.
 * Variables that are not granted leave policy->env; one put there afterwards
 * is given as it is. After a failure the policy is good for nothing. */
int bx_policy_narrow(bx_policy *policy, const bx_grants *grants,
                     const char *layer, bx_error **err);

/* No guest of this policy writes at or beneath host_path, through whichever
 * mapping it would be seen and whether or not it exists yet. */
int bx_policy_protect(bx_policy *policy, const char *host_path,
                      const char *origin, bx_error **err);
/* The same, and none reads there. */
int bx_policy_hide(bx_policy *policy, const char *host_path, const char *origin,
                   bx_error **err);

bx_verdict bx_policy_check_exec(const bx_policy *policy, const char *program);
bx_verdict bx_policy_check_tool(const bx_policy *policy, const char *tool);
bx_verdict bx_policy_check_env(const bx_policy *policy, const char *name);
/* Has the workspace a secret of that name? */
bx_verdict bx_policy_check_secret(const bx_policy *policy, const char *name);

/* The level a tool has in this workspace: the one it declares, or dangerous
 * when tool-level says so; forbidden when permission-level or tool-level is
 * less than it declares. ret_verdict, may be NULL: which entry decided. */
bx_level bx_policy_tool_level(const bx_policy *policy, const char *tool,
                              bx_level declared, bx_verdict *ret_verdict);

/* Replace what spells a secret in use by as many '*', in place. For outputs,
 * errors and audit strings; costs nothing when no secret is in use, which
 * bx_policy_has_mask() tells. What comes over HTTP is masked by src/net. */
void bx_policy_mask(const bx_policy *policy, void *data, size_t bytes);
bool bx_policy_has_mask(const bx_policy *policy);

/* What of grants policy does not give, one per line with the rule that decides:
 * "network:https://x.example: nothing granted"; "" when it gives all. Owned by
 * the caller, free(). */
char *bx_policy_missing(const bx_policy *policy, const bx_grants *grants,
                        bx_error **err);

#endif
