/* Host functions under the names guests import them by. */
#ifndef BX_SANDBOX_LINKER_H
#define BX_SANDBOX_LINKER_H

#include "base/guest.h"
#include "sandbox/hooks.h"

/* Which part of a run a host function works on. */
typedef enum bx_host_kind {
    BX_HOST_WASI, /* bx_wasi */
    BX_HOST_HTTP, /* bx_http_host */
    BX_HOST_CALL, /* bx_call_host */
    BX_HOST_KINDS
} bx_host_kind;

/* A module name and its functions. */
typedef struct bx_host_module {
    const char *name;
    const bx_host_call *calls;
    const size_t *calls_count;
    bx_host_kind kind;
} bx_host_module;

extern const bx_host_module bx_host_modules[];
extern const size_t bx_host_modules_count;

/* NULL when no such function exists. */
const bx_host_call *bx_host_call_find(const char *module, size_t module_bytes,
                                      const char *name, size_t name_bytes);

/* A linker that holds every host function. */
wasmtime_linker_t *bx_linker_new(wasm_engine_t *engine, bx_error **err);

#endif
