/* The engine: Wasmtime engines by setting, their linkers, and the watchdog.
 *
 * Fuel metering and the stack limit are settings of a whole Wasmtime engine,
 * so one is made for each combination in use: a variant. */
#ifndef BX_SANDBOX_ENGINE_H
#define BX_SANDBOX_ENGINE_H

#include "policy/policy.h"
#include "sandbox/component_api.h"
#include "sandbox/hooks.h"

typedef struct bx_watchdog bx_watchdog;

typedef struct bx_variant {
    bool has_fuel;
    uint64_t stack_bytes;
    wasm_engine_t *engine;
    wasmtime_linker_t *linker;             /* every host function */
    bx_component_linker *component_linker; /* the same for components; NULL
                                            * before the first one */
    struct bx_variant *next;
} bx_variant;

/* The variant for these limits, made when it is the first such; borrowed,
 * valid until the engine is freed. BX_ERR_LIMIT: too many different ones. */
int bx_engine_get_variant(bx_engine *engine, const bx_limits *limits,
                          bx_variant **ret_variant, bx_error **err);

/* Its linker for components, made when it is the first asked for; borrowed. */
int bx_engine_get_component_linker(bx_engine *engine, bx_variant *variant,
                                   const bx_component_linker **ret_linker,
                                   bx_error **err);

bx_watchdog *bx_engine_watchdog(bx_engine *engine);

/* Take over an engine after fork(). The parent had one thread, and neither
 * compiled nor ran anything with it: then all of it came along.
 * errors: BX_ERR_INVALID: it did */
int bx_engine_adopt(bx_engine *engine, bx_error **err);

/* Something is compiled: the compiler starts threads, which no child has. */
void bx_engine_note_compiler(bx_engine *engine);

#endif
