/* What engine/ adds to Wasmtime's C API, and the one place that includes it.
 * Keep bx_limiter as in engine/src/lib.rs. */
#ifndef BX_SANDBOX_HOOKS_H
#define BX_SANDBOX_HOOKS_H

#include <wasmtime.h>

#include "base/buf.h"
#include "base/error.h"

/* Limits of one store and what it used: linear memories and GC heaps count
 * together, as do all tables. */
typedef struct bx_limiter {
    uint64_t max_memory_bytes;
    uint64_t max_table_elements;
    uint64_t memory_bytes; /* never shrinks: also the peak */
    uint64_t table_elements;
    uint64_t memory_refused; /* growths */
    uint64_t table_refused;
    uint64_t pending; /* the hook's own */
} bx_limiter;

/* limiter: borrowed, outlives the store. */
void bx_engine_limit_store(wasmtime_store_t *store, bx_limiter *limiter);

/* Differs between engines whose compiled code does not fit one another. */
uint64_t bx_engine_compatibility(const wasm_engine_t *engine);

/* Wasmtime's version; static. */
const char *bx_engine_version(void);

/* Append a text of Wasmtime's, which quotes names of the module: lines stay,
 * other control bytes are escaped, and it is cut past max_bytes. */
int bx_engine_put_text(bx_buf *buf, const char *text, size_t bytes,
                       size_t max_bytes);

/* Reset only the pages an instance wrote, where the kernel can tell. */
void bx_engine_pool_scan(wasmtime_pooling_allocation_config_t *pool);

/* Turn Wasmtime's error into ours behind "what: "; takes error. Returns -1. */
int bx_engine_fail(bx_error **err, bx_code code, wasmtime_error_t *error,
                   const char *what);

#endif
