/* Filling a policy, one entry at a time. Messages do not name the control;
 * control.c and the typed functions put that in front. Texts are copied. */
#ifndef BX_POLICY_ENTRY_H
#define BX_POLICY_ENTRY_H

#include "policy/policy.h"

/* Where an entry comes from. */
typedef struct bx_source {
    const char *base_dir; /* what relative host paths count from; NULL: the
                           * current folder */
    const char *origin;   /* what explanations cite */
    bool is_printable;    /* the origin is another policy's, as is the entry:
                           * taken as it is */
} bx_source;

/* Printable on one line and not too long; owned by the caller. */
char *bx_origin_copy(const bx_source *source, bx_error **err);
/* Room for one entry more in the list at *items, which may move. */
int bx_policy_grow(void *items, size_t count, size_t item_bytes,
                   bx_error **err);

int bx_policy_add_mount(bx_policy *policy, const char *host_dir,
                        const char *guest_dir, unsigned access,
                        const bx_source *source, bx_error **err);
/* The folder at "/"; a second one replaces the first. */
int bx_policy_put_work_dir(bx_policy *policy, const char *host_dir,
                           const bx_source *source, bx_error **err);
int bx_policy_add_fs_grant(bx_policy *policy, unsigned access,
                           const char *guest_path, const bx_source *source,
                           bx_error **err);
/* "exec:NAME" or "tool:NAME" of the workspace. */
int bx_policy_add_name(bx_policy *policy, const char *grant,
                       const bx_source *source, bx_error **err);
int bx_policy_put_max_level(bx_policy *policy, const char *level,
                            const bx_source *source, bx_error **err);
/* "NAME=LEVEL" */
int bx_policy_add_tool_level(bx_policy *policy, const char *text,
                             const bx_source *source, bx_error **err);
int bx_policy_put_env(bx_policy *policy, const char *name, const char *value,
                      const bx_source *source, bx_error **err);
int bx_policy_add_allowed_host(bx_policy *policy, const char *pattern,
                               const bx_source *source, bx_error **err);
int bx_policy_add_blocked_url(bx_policy *policy, const char *pattern,
                              const bx_source *source, bx_error **err);
int bx_policy_add_blocked_network(bx_policy *policy, const char *network,
                                  const bx_source *source, bx_error **err);
int bx_policy_put_cache_dir(bx_policy *policy, const char *dir,
                            const bx_source *source, bx_error **err);
int bx_policy_put_seed(bx_policy *policy, uint64_t seed,
                       const bx_source *source, bx_error **err);
/* index: the field of bx_limits; the value is within its bounds. */
int bx_policy_put_limit(bx_policy *policy, size_t index, uint64_t value,
                        const bx_source *source, bx_error **err);

/* The field of limits with that index. */
uint64_t bx_limits_get(const bx_limits *limits, size_t index);

#endif
