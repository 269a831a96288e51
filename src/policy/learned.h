/* What a run needed, and the fewest and narrowest grants that give it.
 *
 * A grant of a path holds for all that lies beneath, so reading a folder's list
 * and files in it is one grant; and what any grant gives by the way, such as to
 * see that a path on the way to it is there, needs none of its own. */
#ifndef BX_POLICY_LEARNED_H
#define BX_POLICY_LEARNED_H

#include "policy/grant.h"

#define BX_LEARNED_MAX 131072u           /* needs */
#define BX_LEARNED_MAX_BYTES (32u << 20) /* of their names */
#define BX_LEARNED_GRANTS_MAX                                                  \
    4000u /* of a manifest; past that folders                                  \
           * take the place of their files */

typedef struct bx_learned bx_learned;

bx_learned *bx_learned_new(void);
/* NULL is fine. */
void bx_learned_free(bx_learned *learned);
BX_DEFINE_AUTO(bx_learned, bx_learned_free)
#define bx_autolearned BX_AUTO(bx_learned_free)

/* A need that was given, as in bx_need_event; copied. Twice is fine.
 * errors: BX_ERR_INVALID: no grant can say it, such as a path with a control
 *         byte; BX_ERR_LIMIT: more than is kept */
int bx_learned_add(bx_learned *learned, const char *kind, const char *target,
                   bx_error **err);

/* The grants, as bx_grants_add() takes them, sorted within each kind.
 * ret_grants: owned by the caller with its strings, bx_learned_free_texts().
 * ret_is_cut: files were many, and folders have taken their place */
int bx_learned_reduce(const bx_learned *learned, char ***ret_grants,
                      size_t *ret_count, bool *ret_is_cut, bx_error **err);
void bx_learned_free_texts(char **texts, size_t count);

/* The policy with its grants replaced by these: for a command that takes a
 * policy rather than a manifest. Owned by the caller, bx_policy_free(). */
bx_policy *bx_learned_policy(const bx_policy *offered,
                             const char *const *grants, size_t count,
                             bx_error **err);

#endif
