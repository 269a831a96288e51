/* A module under one effective policy, its folders open: made by the first call
 * and kept for the next. */
#ifndef BX_TOOL_CALL_BOX_H
#define BX_TOOL_CALL_BOX_H

#include "tool/registry_state.h"

#define BX_BOX_WAIT_MS 250 /* the least that a call waits for one */
#define BX_BOX_MAX 16      /* kept of one file; the least recent goes */

typedef struct bx_box {
    atomic_uint refs;
    uint64_t id;
    const bx_manifest *manifest; /* compared, never read */
    uint64_t parent;             /* id of the caller's box; 0: none */
    char *session;               /* the session's grants; NULL: none */
    char *overlay_dir;           /* NULL: the policy's */
    bx_runner_box *ready;
    const bx_policy *policy; /* its own */
    char policy_digest[65];
    struct bx_box *next;
} bx_box;

/* What a box is for. */
typedef struct bx_box_key {
    bx_file *file;               /* keeps it */
    bx_file *code;               /* whose module runs: file, or a runtime */
    const bx_manifest *manifest; /* NULL: a plain program */
    const char *name;            /* of the tool or program, for messages */
    const bx_policy *caller;     /* narrowed first; NULL: the workspace's */
    const bx_box *caller_box;    /* where the caller runs; NULL with a caller:
                                  * the box is not kept */
    const bx_grants *session;    /* NULL: none */
    const char *overlay_dir;     /* of the call; NULL: the policy's */
    const bx_wait *wait; /* the call's own, for a box to be made; NULL: none */
} bx_box_key;

/* The policy a tool runs under; owned by the caller. */
bx_policy *bx_box_policy(const bx_registry *registry, const bx_box_key *key,
                         bx_error **err);

/* A reference of the caller's. */
int bx_box_get(bx_registry *registry, const bx_box_key *key, bx_box **ret_box,
               bx_error **err);
bx_box *bx_box_ref(bx_box *box);
void bx_box_unref(bx_box *box);
BX_DEFINE_AUTO(bx_box, bx_box_unref)
#define bx_autobox BX_AUTO(bx_box_unref)

/* SHA-256 of a policy's text, as the audit has it; digest holds 65 bytes. */
int bx_box_digest_policy(const bx_policy *policy, char *digest, bx_error **err);

/* Let go of what is kept of a file: nobody else uses it. */
void bx_box_drop_all(bx_file *file);
/* The same of what runs over that overlay, with the file's mutex taken here. */
void bx_box_drop_overlay(bx_file *file, const char *overlay_dir);

#endif
