/* Secrets: the workspace's vault, and those that a layer sends to an origin.
 * A value leaves here only into a request's header; no message, origin or
 * format has one. */
#ifndef BX_POLICY_SECRET_H
#define BX_POLICY_SECRET_H

#include "policy/entry.h"
#include "policy/layer.h"
#include "policy/mask.h"

#define BX_SECRET_MIN_BYTES 8 /* shorter ones would mask innocent text */
#define BX_SECRET_MAX_BYTES 4096

typedef struct bx_secret {
    char *name;
    char *value;           /* printable ASCII; "": it is in another process */
    char *file;            /* NULL: the host's environment */
    bx_host_pattern *host; /* where it may ever go; NULL: wherever a layer's
                            * manifest asks for it */
    char *origin;
} bx_secret;

/* A header for requests to one origin. */
typedef struct bx_injection {
    bx_host_pattern *host;
    char *header;
    char *value;
} bx_injection;

/* In place of a value: where it comes from. file, host may be NULL. A secret
 * of that name is replaced. */
int bx_policy_put_secret(bx_policy *policy, const char *name, const char *file,
                         const char *host, const bx_source *source,
                         bx_error **err);
/* One whose value another process has: answers are the same, no request gets
 * it. */
int bx_policy_put_absent_secret(bx_policy *policy, const char *name,
                                const char *file, const char *host,
                                const bx_source *source, bx_error **err);
/* "NAME", "NAME@HOST", "NAME=@FILE" or "NAME@HOST=@FILE" */
int bx_policy_parse_secret(bx_policy *policy, const char *text,
                           const bx_source *source, bx_error **err);
int bx_policy_clone_secrets(bx_policy *copy, const bx_policy *policy);
void bx_policy_free_secrets(bx_policy *policy);
/* The same, and the policy goes on without. */
void bx_policy_drop_secrets(bx_policy *policy);

const bx_secret *bx_policy_find_secret(const bx_policy *policy,
                                       const char *name);
/* May the secret go where it is asked to? */
bx_verdict bx_policy_check_ask(const bx_policy *policy,
                               const bx_secret_ask *ask);
/* What this layer asks for and may have replaces what was in use. */
int bx_policy_use_secrets(bx_policy *policy, const bx_grants *layer,
                          bx_error **err);

#endif
