/* Guests in processes of their own. A pool starts one template, which has the
 * engine and the compiled code; each worker is a fork of it, serves one policy
 * and is locked down before it runs anything. What a worker sends is hostile.
 *
 * The counterpart of sandbox.h, with the same words: a box is a module under a
 * policy, made ready in a worker. Many threads at once. */
#ifndef BX_WORKER_WORKER_H
#define BX_WORKER_WORKER_H

#include "sandbox/sandbox.h"
#include "worker/lockdown.h"
#include "worker/wait.h"

typedef struct bx_worker_pool bx_worker_pool;
typedef struct bx_worker_box bx_worker_box;
typedef struct bx_worker_session bx_worker_session;

typedef struct bx_worker_options {
    const char *program;    /* that runs bx_worker_main() when started with
                             * BX_WORKER_ARGUMENT; NULL: this one */
    uint32_t max_workers;   /* alive at once, the least used goes; 0: 256 */
    uint32_t max_instances; /* live in one worker; 0: 1024. 1: the worker of a
                             * command that makes one call and ends */
    uint64_t idle_ms; /* without a call or session, then it ends; 0: 60000 */
    bool requires_lockdown; /* no worker without every layer */
} bx_worker_options;

/* argv[1] of a template. */
#define BX_WORKER_ARGUMENT "--boxagnts-worker"
/* What such a process does; argv as main() has it. Returns its exit status. */
int bx_worker_main(int argc, char **argv);

/* Starts the template. options NULL: the defaults.
 * errors: BX_ERR_SYSTEM: a layer is missing that is required */
bx_worker_pool *bx_worker_pool_new(const bx_worker_options *options,
                                   bx_error **err);
/* Every box and session must have been freed. Ends all processes. NULL is
 * fine. */
void bx_worker_pool_free(bx_worker_pool *pool);

typedef struct bx_worker_stats {
    uint32_t workers; /* alive */
    uint32_t calls;   /* under way */
    uint64_t started; /* workers, in all */
    uint64_t lost;    /* of them, by a crash, a kill or a hang */
} bx_worker_stats;
void bx_worker_pool_stats(bx_worker_pool *pool, bx_worker_stats *ret_stats);
/* Process ids of the workers alive, at most max; returns how many. */
/* End the idle workers that hold the overlay in a folder, and wait until they
 * do no more: it can be committed or dropped then.
 * errors: BX_ERR_TIMEOUT: one of them still runs something */
int bx_worker_pool_release_overlay(bx_worker_pool *pool, const char *dir,
                                   uint64_t ms, bx_error **err);
size_t bx_worker_pool_pids(bx_worker_pool *pool, int *ret_pids, size_t max);

/* A module's bytes as workers take them. */
typedef struct bx_worker_module bx_worker_module;
/* Compiled in a process of its own, locked down to nothing, or taken from the
 * cache of policy's wasm-cache-dir. timeout_ms: of the compiling, by the clock;
 * 0: ten minutes. Its processor time has a limit of its own. name: what
 * messages call it. errors: as of bx_module_parse(); BX_ERR_TIMEOUT,
 * BX_ERR_MEMORY: it took too much to compile */
bx_worker_module *bx_worker_module_new(bx_worker_pool *pool, const void *bytes,
                                       size_t count, const char *name,
                                       const bx_policy *policy,
                                       uint64_t timeout_ms, bx_error **err);
/* wait, may be NULL: the caller's own, for all but the compiling, whose time is
 * added to it; a cancel ends that too. */
bx_worker_module *bx_worker_module_new_within(bx_worker_pool *pool,
                                              const void *bytes, size_t count,
                                              const char *name,
                                              const bx_policy *policy,
                                              uint64_t timeout_ms,
                                              bx_wait *wait, bx_error **err);
void bx_worker_module_free(bx_worker_module *module);
/* As bx_module_inspect(), looked at where it was compiled. */
char *bx_worker_module_inspect(bx_worker_module *module, bx_error **err);

/* The policy is copied; module is borrowed. The worker is started, or found
 * when another box of the same effective policy has one. Errors as of
 * bx_sandbox_new(). */
bx_worker_box *bx_worker_box_new(bx_worker_pool *pool, bx_worker_module *module,
                                 const bx_policy *policy, bx_error **err);
/* The same for a caller who waits no longer than wait. */
bx_worker_box *bx_worker_box_new_within(bx_worker_pool *pool,
                                        bx_worker_module *module,
                                        const bx_policy *policy, bx_wait *wait,
                                        bx_error **err);
/* NULL is fine. */
void bx_worker_box_free(bx_worker_box *box);
/* The effective one, secrets included; borrowed. */
const bx_policy *bx_worker_box_policy(const bx_worker_box *box);

/* As bx_sandbox_run_with(). A worker that is lost is a result of
 * BX_ERR_SYSTEM that says how; the next call gets another. The run's time
 * includes that of starting a worker, so that a call ends in time whatever
 * hangs. extra's broker is not looked at: the network is reached from here. */
int bx_worker_box_run(bx_worker_box *box, size_t argc, const char *const *argv,
                      const bx_run_options *options, const bx_run_extra *extra,
                      bx_result **ret_result, bx_error **err);

/* As bx_session_open_with(), invoke, is_alive and close. The box outlives the
 * session; a session dies with its worker. */
bx_worker_session *bx_worker_session_open(bx_worker_box *box,
                                          const bx_services *services,
                                          bx_error **err);
bx_worker_session *bx_worker_session_open_within(bx_worker_box *box,
                                                 const bx_services *services,
                                                 bx_wait *wait, bx_error **err);
int bx_worker_session_invoke(bx_worker_session *session, const char *function,
                             const char *args_json,
                             const bx_run_options *options,
                             bx_result **ret_result, bx_error **err);
bool bx_worker_session_is_alive(const bx_worker_session *session);
void bx_worker_session_close(bx_worker_session *session);

#endif
