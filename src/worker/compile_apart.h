/* Compiling in a process of its own: a module comes from anyone, the compiler
 * is a large program, and its threads would be in the way of a lockdown. */
#ifndef BX_WORKER_COMPILE_APART_H
#define BX_WORKER_COMPILE_APART_H

#include "sandbox/compile.h"

/* bx_compile() in a child that is locked down to nothing. A bx_compile_fn.
 * Called while this process has one thread.
 * errors: as of bx_compile(); BX_ERR_TIMEOUT, BX_ERR_MEMORY: it took more than
 * compile_bound.h gives; BX_ERR_SYSTEM: the child died */
int bx_compile_apart(const bx_variant *variant, const void *bytes, size_t count,
                     bool is_component, char **ret_code, size_t *ret_code_bytes,
                     bx_error **err);

#endif
