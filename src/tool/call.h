/* A call under way, of a tool or of a program: who made it, what was refused
 * to it, and its lines in the audit. */
#ifndef BX_TOOL_CALL_H
#define BX_TOOL_CALL_H

#include "tool/call_box.h"

#define BX_CALL_MAX_TEXT 4096       /* of a string in the audit */
#define BX_CALL_DENIED_SHOWN 20     /* refusals in a result */
#define BX_CALL_DENIED_LOGGED 200   /* and in the audit, of one call */
#define BX_CALL_EFFECTS_LOGGED 1000 /* of one call; all are counted */

typedef struct bx_call_state {
    bx_registry *registry;
    char id[40];
    const struct bx_call_state *parent; /* NULL: not nested in one of ours */
    const bx_caller *caller;            /* NULL: not nested */
    const char *caller_name;            /* "cli", "mcp", ...; borrowed */
    const char *kind;                   /* "tool" or "program" */
    const char *name;                   /* as asked for, hostile; borrowed */
    const char *digest;                 /* of the module; NULL: none found */
    const bx_box *box;                  /* NULL: not that far yet */
    int64_t begin_ns;
    json_t *denied;
    uint64_t denied_count;
    uint64_t effects_count;
    bx_audit_fn listen; /* the run's own listener; NULL: none */
    void *listen_context;
    bx_effect_fn listen_effect; /* the same, of effects */
    void *listen_effect_context;
} bx_call_state;

/* caller: NULL for a call that is not nested. bx_call_close() always. */
int bx_call_open(bx_call_state *state, bx_registry *registry, const char *kind,
                 const char *name, const char *caller_name,
                 const bx_caller *caller, bx_error **err);
void bx_call_close(bx_call_state *state);

/* Take in a refusal and hand it on to the call this one is nested in. A
 * bx_audit_fn whose context is a bx_call_state. */
void bx_call_on_refusal(void *context, const bx_audit_event *event);

/* Record what a guest did to the host. A bx_effect_fn whose context is a
 * bx_call_state. */
void bx_call_on_effect(void *context, const bx_effect_event *event);

/* Tell of a refusal that is the host's own: the call to state->name. */
void bx_call_tell(bx_call_state *state, const char *call, const char *reason,
                  const char *rule);

/* What it waits for before its run begins: no longer than it may take itself,
 * 0: as its policy says, and what its caller gives it; cancel may be NULL. */
bx_wait bx_call_wait(const bx_call_state *state, uint64_t timeout_ms,
                     const bx_cancel *cancel);

/* The call was not made: one line, and err, which must be set, stays. Returns
 * -1. */
int bx_call_refuse(bx_call_state *state, bx_error **err);

/* The call ended. -1: it cannot be recorded, err says why. */
int bx_call_record(bx_call_state *state, bx_code code, uint32_t exit_code,
                   bool is_error, const char *message, const bx_stats *stats,
                   bx_error **err);

/* What a run is given besides options: a command's words, or a function. */
typedef struct bx_call_words {
    size_t argc;
    const char *const *argv;
    const char *const *env; /* NULL: the policy's */
    size_t env_count;
    const char *function; /* NULL: the command */
    const char *args;     /* of function, JSON */
    size_t args_bytes;
    const char *session; /* NULL: a fresh instance. Otherwise args are the
                          * tool's input */
} bx_call_words;

/* Run what state->box holds. Refusals come to this call, which tells the
 * listener of options as well. */
int bx_call_run(bx_call_state *state, const bx_call_words *words,
                const bx_run_options *options, bx_result **ret_result,
                bx_error **err);

#endif
