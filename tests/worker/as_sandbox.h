/* Included before everything else in a test of tests/sandbox: what it asks of a
 * sandbox in this process, a worker is asked for. An engine is a pool, a module
 * is a worker's, a sandbox is a box. */
#ifndef BX_TESTS_WORKER_AS_SANDBOX_H
#define BX_TESTS_WORKER_AS_SANDBOX_H

#include "sandbox/sandbox.h"

bx_engine *as_engine_new(const bx_engine_options *options, bx_error **err);
void as_engine_free(bx_engine *engine);
bx_module *as_module_parse(bx_engine *engine, const void *bytes, size_t count,
                           const char *name, const bx_policy *policy,
                           bx_error **err);
bx_module *as_module_load(bx_engine *engine, const char *path,
                          const bx_policy *policy, bx_error **err);
void as_module_free(bx_module *module);
char *as_module_inspect(const bx_module *module, bx_error **err);
bx_sandbox *as_sandbox_new(bx_module *module, const bx_policy *policy,
                           bx_error **err);
void as_sandbox_free(bx_sandbox *sandbox);
int as_sandbox_run(const bx_sandbox *sandbox, size_t argc,
                   const char *const *argv, const bx_run_options *options,
                   bx_result **ret_result, bx_error **err);
int as_sandbox_run_with(const bx_sandbox *sandbox, size_t argc,
                        const char *const *argv, const bx_run_options *options,
                        const bx_run_extra *extra, bx_result **ret_result,
                        bx_error **err);
int as_sandbox_invoke(const bx_sandbox *sandbox, const char *function,
                      const char *args_json, const bx_run_options *options,
                      bx_result **ret_result, bx_error **err);
bx_session *as_session_open(const bx_sandbox *sandbox, bx_error **err);
bx_session *as_session_open_with(const bx_sandbox *sandbox,
                                 const bx_run_extra *extra, bx_error **err);
int as_session_invoke(bx_session *session, const char *function,
                      const char *args_json, const bx_run_options *options,
                      bx_result **ret_result, bx_error **err);
bool as_session_is_alive(const bx_session *session);
void as_session_close(bx_session *session);

#define bx_engine_new as_engine_new
#define bx_engine_free as_engine_free
#define bx_module_parse as_module_parse
#define bx_module_load as_module_load
#define bx_module_free as_module_free
#define bx_module_inspect as_module_inspect
#define bx_sandbox_new as_sandbox_new
#define bx_sandbox_free as_sandbox_free
#define bx_sandbox_run as_sandbox_run
#define bx_sandbox_run_with as_sandbox_run_with
#define bx_sandbox_invoke as_sandbox_invoke
#define bx_session_open as_session_open
#define bx_session_open_with as_session_open_with
#define bx_session_invoke as_session_invoke
#define bx_session_is_alive as_session_is_alive
#define bx_session_close as_session_close

#endif
