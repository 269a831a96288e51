/* A wrapper for the linker's --wrap: the call fails when it is its turn. */
#ifndef TESTS_FAULT_SUPPORT_WRAP_H
#define TESTS_FAULT_SUPPORT_WRAP_H

#include <errno.h>

#include "fault/support_fault.h"

/* A wrapper of a call with arguments that not everyone gives reads them all:
 * what is not there is not looked at, but is read. */
#define FAULT_VARIADIC __attribute__((no_sanitize("address")))

#define FAULT(name, ...)                                                       \
    fault_hit(name, (const int[]){ __VA_ARGS__ },                              \
              sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int), NULL)

/* WRAP(int, fsync, (int fd), (fd), -1, EIO): failing answers -1 with EIO. */
#define WRAP(type, name, params, args, failed, ...)                            \
    type __real_##name params;                                                 \
    type __wrap_##name params;                                                 \
    type __wrap_##name params                                                  \
    {                                                                          \
        return FAULT(#name, __VA_ARGS__) ? (type)(failed)                      \
                                         : __real_##name args;                 \
    }

#endif
