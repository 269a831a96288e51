/* A module and a policy, made ready: folders open, imports resolved. */
#ifndef BX_SANDBOX_SANDBOX_H
#define BX_SANDBOX_SANDBOX_H

#include "base/service.h"
#include "policy/policy.h"
#include "sandbox/engine.h"
#include "sandbox/prepared.h"
#include "wasi/wasi.h"

struct bx_sandbox {
    bx_engine *engine;   /* borrowed */
    bx_variant *variant; /* borrowed */
    bx_policy *policy;
    bx_fs *fs;
    bx_prepared *prepared; /* the module's, one owner of it */
    char *name;            /* the module's, for messages */
    uint8_t digest[32];    /* SHA-256 of the module's bytes */
    bool is_shared;        /* policy and fs are borrowed */
};

/* A function of a component and its arguments as JSON. All borrowed. */
typedef struct bx_invocation {
    const char *function;
    const char *args;
    size_t args_bytes;
} bx_invocation;

/* What the program's own layers add to a run. All borrowed. */
typedef struct bx_run_extra {
    const bx_services *services; /* where spawn and tool_call lead; NULL: to
                                  * ENOTSUP */
    bx_budget *budget;           /* of the call it is nested in: what it may
                                  * use, afterwards what is left. NULL: none */
    const char *const *env;      /* "NAME=VALUE" in the place of the policy's;
                                  * NULL: the policy's */
    size_t env_count;
    const bx_invocation *invocation; /* in the place of the command; NULL: none
                                      */
    const struct bx_broker *broker;  /* who reaches the network for it, as of
                                      * bx_run; NULL: this process */
    /* The run is over and nothing of it is open, but a core module's memory is
     * not given back yet: whoever waits for the result need not wait for that.
     * Not called when the run fails. result is borrowed; NULL: nobody. */
    void (*ended)(void *context, bx_result *result);
    void *ended_context;
    const struct bx_record_sink *record; /* where its recording goes, in the
                                          * place of options' record_fd */
    struct bx_player *player; /* what the run is played from; NULL: it is a
                               * real one */
} bx_run_extra;

/* options, or what NULL means. */
int bx_run_options_check(const bx_run_options *options,
                         bx_run_options *ret_options, bx_error **err);
/* Whom a run tells and asks, and who ends it. */
void bx_run_options_give(const bx_run_options *options, bx_run *run);

/* bx_session_open() whose guest has other programs and tools. extra: its
 * services and broker are the session's, the rest is not looked at; NULL:
 * none. */
bx_session *bx_session_open_with(const bx_sandbox *sandbox,
                                 const bx_run_extra *extra, bx_error **err);

#define BX_SESSION_NOT_RECORDED                                                \
    "a session's call cannot be recorded: a recording holds a run from its "   \
    "begin; record a call without a session"

/* bx_sandbox_new() of one of several that share a policy and its open folders:
 * both borrowed, and checked already (sandbox/guard.h). */
bx_sandbox *bx_sandbox_new_shared(bx_module *module, bx_policy *policy,
                                  bx_fs *fs, bx_error **err);

/* bx_sandbox_run() with these; extra may be NULL. */
int bx_sandbox_run_with(const bx_sandbox *sandbox, size_t argc,
                        const char *const *argv, const bx_run_options *options,
                        const bx_run_extra *extra, bx_result **ret_result,
                        bx_error **err);

#endif
