/* Host functions under the names guests import them by. */
#ifndef BX_SANDBOX_LINKER_H
#define BX_SANDBOX_LINKER_H

#include "base/guest.h"
#include "sandbox/hooks.h"

/* A module name and its functions. */
typedef struct bx_host_module {
    const char *name;
    const bx_host_call *calls;
    const size_t *calls_count;
    bool is_wasi; /* a call's host is the run's bx_wasi, else bx_http_host */
} bx_host_module;

extern const bx_host_module bx_host_modules[];
extern const size_t bx_host_modules_count;

/* NULL when no such function exists. */
const bx_host_call *bx_host_call_find(const char *module, size_t module_bytes,
                                      const char *name, size_t name_bytes);

/* A linker that holds every host function. */
wasmtime_linker_t *bx_linker_new(wasm_engine_t *engine, bx_error **err);

#endif
