/* Compiled code whose imports are resolved: nothing of a policy or a run is in
 * it, so all sandboxes of a module share one. */
#ifndef BX_SANDBOX_PREPARED_H
#define BX_SANDBOX_PREPARED_H

#include <stdatomic.h>

#include "sandbox/cache.h"
#include "sandbox/engine.h"

typedef struct bx_prepared {
    atomic_uint owners;
    wasmtime_instance_pre_t *module; /* either keeps the code; NULL: */
    bx_component_pre *component;
} bx_prepared;

/* One owner. Fails when the code imports what the sandbox does not have. */
bx_prepared *bx_prepared_new(bx_engine *engine, bx_variant *variant,
                             const bx_code_image *image, bx_error **err);
bx_prepared *bx_prepared_ref(bx_prepared *prepared);
void bx_prepared_unref(bx_prepared *prepared); /* or NULL */

#endif
