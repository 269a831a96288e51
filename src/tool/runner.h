/* Where the guests of a registry run: in worker processes, or in this one (a
 * program that embeds the registry and confines itself). The same words as
 * sandbox.h and worker.h; everything above this file does not ask which. */
#ifndef BX_TOOL_RUNNER_H
#define BX_TOOL_RUNNER_H

#include "sandbox/sandbox.h"
#include "worker/worker.h"

typedef struct bx_runner {
    bx_engine *engine;       /* borrowed; of guests in this process */
    bx_worker_pool *workers; /* borrowed; NULL: there are none */
} bx_runner;

/* wait, here and below: the caller's own, for what is not its run; NULL: none.
 */

/* A module's bytes, compiled. */
typedef struct bx_runner_code bx_runner_code;
bx_runner_code *bx_runner_code_new(const bx_runner *runner, const void *bytes,
                                   size_t count, const char *name,
                                   const bx_policy *policy, bx_wait *wait,
                                   bx_error **err);
/* NULL is fine. */
void bx_runner_code_free(bx_runner_code *code);
/* As bx_module_inspect(). */
char *bx_runner_code_inspect(bx_runner_code *code, bx_error **err);

/* A module under a policy, ready to run. code is borrowed, the policy copied.
 */
typedef struct bx_runner_box bx_runner_box;
bx_runner_box *bx_runner_box_new(bx_runner_code *code, const bx_policy *policy,
                                 bx_wait *wait, bx_error **err);
/* NULL is fine. */
void bx_runner_box_free(bx_runner_box *box);
/* Its own; borrowed. */
const bx_policy *bx_runner_box_policy(const bx_runner_box *box);
/* As bx_sandbox_run_with(). */
int bx_runner_box_run(bx_runner_box *box, size_t argc, const char *const *argv,
                      const bx_run_options *options, const bx_run_extra *extra,
                      bx_result **ret_result, bx_error **err);

/* As bx_session_*(). The box outlives it. */
typedef struct bx_runner_session bx_runner_session;
bx_runner_session *bx_runner_session_open(bx_runner_box *box,
                                          const bx_services *services,
                                          bx_wait *wait, bx_error **err);
int bx_runner_session_invoke(bx_runner_session *session, const char *function,
                             const char *args_json,
                             const bx_run_options *options,
                             bx_result **ret_result, bx_error **err);
bool bx_runner_session_is_alive(const bx_runner_session *session);
/* NULL is fine. */
void bx_runner_session_close(bx_runner_session *session);

#endif
