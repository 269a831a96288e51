/* The stack in linear memory stands for the engine's own, which a module
 * cannot measure: a function that can recurse takes extra bytes of the one
 * that it can, about what its frames cost on the other. See README.md,
 * "Recursion"; patch.py puts these into QuickJS-ng's sources. */
#ifndef BOXAGNTS_JS_STACK_H
#define BOXAGNTS_JS_STACK_H

#include <stdint.h>

#define STACK_CHECK_BYTES 512 /* wherever the limit is checked */

/* Becomes part of the frame of the function it stands in. */
#define STACK_CHARGE(bytes)                                                    \
    do {                                                                       \
        char charge_[bytes];                                                   \
        __asm__ volatile("" : : "r"(charge_) : "memory");                      \
    } while (0)

/* Inlined into each function that checks, and its array with it. */
static inline __attribute__((always_inline)) uintptr_t
charged_stack_pointer(void)
{
    char charge[STACK_CHECK_BYTES];
    uintptr_t at = (uintptr_t)charge;

    __asm__ volatile("" : "+r"(at) : : "memory");
    return at;
}

#endif
