/* Inside of bx_grants: what a layer below the workspace's policy gives. */
#ifndef BX_POLICY_LAYER_H
#define BX_POLICY_LAYER_H

#include "policy/grant.h"

typedef enum bx_grant_kind {
    BX_GRANT_FS,
    BX_GRANT_HOST,
    BX_GRANT_ENV,
    BX_GRANT_EXEC,
    BX_GRANT_TOOL,
} bx_grant_kind;

typedef struct bx_grant_rule {
    bx_grant_kind kind;
    unsigned access;          /* of FS */
    char *text;               /* canonical guest path, host pattern, name */
    bx_host_pattern *pattern; /* of HOST */
    char *origin;
} bx_grant_rule;

typedef struct bx_limit_ask {
    uint64_t value;
    char *origin; /* NULL: not asked for */
} bx_limit_ask;

/* A secret to be sent to one origin, as a layer asks for it. */
typedef struct bx_secret_ask {
    char *name;
    char *host; /* canonical pattern text: "https://api.example.com" */
    bx_host_pattern *pattern;
    char *header;
    char *format; /* with one "{}" */
    char *origin;
} bx_secret_ask;

struct bx_grants {
    char *name;    /* of a layer in a policy: "manifest of 'web-fetch'" */
    char *nothing; /* "manifest of 'web-fetch': nothing granted" */
    bx_grant_rule *rules;
    size_t rules_count;
    bx_secret_ask *secrets;
    size_t secrets_count;
    bx_limit_ask limits[BX_LIMITS_COUNT];
};

/* Take "fs.read:/p" apart; *ret_subject is what stands behind the colon. False
 * for unknown words. */
bool bx_grant_split(const char *text, bx_grant_kind *ret_kind,
                    unsigned *ret_access, const char **ret_subject);
/* "fs.read", "network", ... of a rule. */
const char *bx_grant_prefix(bx_grant_kind kind, unsigned access);
/* The subject is parsed and checked; both texts are copied. */
int bx_grants_add_rule(bx_grants *grants, bx_grant_kind kind, unsigned access,
                       const char *subject, const char *origin, bx_error **err);
/* Make it a layer of that name; -1 without memory. */
int bx_grants_set_name(bx_grants *grants, const char *name);
/* A deep copy; name NULL: the same name and origins. Otherwise it becomes a
 * layer of that name, whose origins say so. */
bx_grants *bx_grants_clone(const bx_grants *grants, const char *name);

/* The deepest rule with any access of wanted at a canonical path, or NULL. */
const bx_grant_rule *bx_grants_find_fs(const bx_grants *grants,
                                       const char *path, unsigned wanted);
/* OR of every rule that has the path. */
unsigned bx_grants_fs_access(const bx_grants *grants, const char *path);
/* The first rule of that kind that matches the name, or NULL. */
const bx_grant_rule *bx_grants_find_name(const bx_grants *grants,
                                         bx_grant_kind kind, const char *name);

#endif
