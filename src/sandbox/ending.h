/* How a run ended: results of limits, traps and a run that was stopped. */
#ifndef BX_SANDBOX_ENDING_H
#define BX_SANDBOX_ENDING_H

#include "sandbox/component_api.h"
#include "sandbox/instance.h"
#include "sandbox/result.h"

/* "ci.yaml:4: wasm-timeout 2s", or "default wasm-timeout"; owned by the
 * caller, NULL without memory. */
char *bx_ending_rule(const bx_instance *instance, const char *control);

/* The deadline passed or the run was cancelled. */
void bx_ending_stopped(const bx_instance *instance, bx_result *result);

/* text: the engine's, with the backtrace. */
void bx_ending_trapped(const bx_instance *instance, bx_result *result,
                       bx_trap_kind kind, const wasm_message_t *text);

/* An instance that was not made because it needs more than is granted: true
 * with result filled. */
bool bx_ending_limited(const bx_instance *instance, bx_result *result);

#endif
