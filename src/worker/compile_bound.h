/* What a process that compiles may use: modules come from anyone, and some are
 * made to keep a compiler busy. */
#ifndef BX_WORKER_COMPILE_BOUND_H
#define BX_WORKER_COMPILE_BOUND_H

#include "base/error.h"

#define BX_COMPILE_CPU_S                                                       \
    300 /* on all its threads together; the largest of the                     \
         * built-in tools takes a tenth of that */
#define BX_COMPILE_MEMORY_BYTES (4ull << 30) /* besides what it began with */

/* Bound this process's processor time; its memory is the lockdown's to bound.
 */
int bx_compile_bound_cpu(bx_error **err);

/* Which bound a signal says was met, as an error; false: none. */
bool bx_compile_explain_signal(int number, bx_error **err);

#endif
