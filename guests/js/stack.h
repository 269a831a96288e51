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

/* program.c: a module's last expression goes to import.meta.value. */
extern int js_module_keeps_value;

/* stream.c: descriptors and stdio that a tool call may have captured. */
#ifdef BOXAGNTS_JS_STREAMS
#include <stdio.h>
#include <unistd.h>

ssize_t js_stream_read(int fd, void *data, size_t bytes);
ssize_t js_stream_write(int fd, const void *data, size_t bytes);
FILE *js_stream_file(int fd);
FILE *js_stream_open(int fd, const char *mode);
int js_stream_close(int fd);
#define fdopen(fd, mode) js_stream_open(fd, mode)
#define close(fd) js_stream_close(fd)
#define read(fd, data, bytes) js_stream_read(fd, data, bytes)
#define write(fd, data, bytes) js_stream_write(fd, data, bytes)
#undef stdin
#undef stdout
#undef stderr
#define stdin js_stream_file(0)
#define stdout js_stream_file(1)
#define stderr js_stream_file(2)
#endif

/* native.c: instead of exit(), for a call's result. */
_Noreturn void js_exit(int status);

#endif
