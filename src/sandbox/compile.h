/* From a module's bytes to compiled code's, and who does it. */
#ifndef BX_SANDBOX_COMPILE_H
#define BX_SANDBOX_COMPILE_H

#include "sandbox/cache.h"
#include "sandbox/engine.h"

/* Compile a module in binary format for a variant. The compiler starts threads.
 * ret_code: owned by the caller, free(). */
int bx_compile(const bx_variant *variant, const void *bytes, size_t count,
               bool is_component, char **ret_code, size_t *ret_code_bytes,
               bx_error **err);
/* Make such code ready. It runs with the rights of this process. */
int bx_compile_load(const bx_variant *variant, const void *code,
                    size_t code_bytes, bool is_component,
                    bx_code_image *ret_image, bx_error **err);

/* Who compiles for an engine in the place of this process: as bx_compile(). */
typedef int (*bx_compile_fn)(const bx_variant *variant, const void *bytes,
                             size_t count, bool is_component, char **ret_code,
                             size_t *ret_code_bytes, bx_error **err);
/* NULL: this process. Before the first module. */
void bx_engine_set_compiler(bx_engine *engine, bx_compile_fn compiler);
bx_compile_fn bx_engine_compiler(const bx_engine *engine);

#endif
