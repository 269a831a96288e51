/* The lists: which calls a locked process has, and which end it. */
#ifndef BX_WORKER_SECCOMP_CALLS_H
#define BX_WORKER_SECCOMP_CALLS_H

#include <stddef.h>

#include "worker/lockdown.h"

/* When a call is on the list. */
typedef enum bx_seccomp_when {
    BX_SECCOMP_ALWAYS,
    BX_SECCOMP_MEMORY_FILES, /* may_make_memory_files */
    BX_SECCOMP_PASS_FDS,     /* may_pass_fds */
    BX_SECCOMP_TERMINAL,     /* is_terminal */
    BX_SECCOMP_WRITES,       /* one of dirs is to be written */
    BX_SECCOMP_WHENS
} bx_seccomp_when;

/* A set of all but the first; there is a filter for each. */
#define BX_SECCOMP_SETTING(when) (1u << ((when)-1))
#define BX_SECCOMP_FILTERS BX_SECCOMP_SETTING(BX_SECCOMP_WHENS)
/* And one behind them: is_network. */
#define BX_SECCOMP_NETWORK BX_SECCOMP_FILTERS
/* And two more: is_native, without and with is_network. */
#define BX_SECCOMP_NATIVE (BX_SECCOMP_FILTERS + 1)
#define BX_SECCOMP_NATIVE_NETWORK (BX_SECCOMP_FILTERS + 2)
#define BX_SECCOMP_LAST BX_SECCOMP_NATIVE_NETWORK

/* Stands for the process's own id in a filter, above every real one (the
 * kernel's largest is 4194304). */
#define BX_SECCOMP_OWN_PID 0x5bedbedu

/* A call with any arguments. */
typedef struct bx_seccomp_call {
    const char *name;
    bx_seccomp_when when;
} bx_seccomp_call;

/* A call with one argument of these bits under this mask. */
typedef struct bx_seccomp_argument {
    const char *name;
    size_t index;
    uint64_t mask;
    uint64_t value;
    bx_seccomp_when when;
} bx_seccomp_argument;

extern const bx_seccomp_call bx_seccomp_calls[];
extern const size_t bx_seccomp_calls_count;
extern const bx_seccomp_argument bx_seccomp_arguments[];
extern const size_t bx_seccomp_arguments_count;
/* Names; NULL ends. */
extern const char *const bx_seccomp_fatal[];
/* The same for a native program: of the fatal ones those it may make, and what
 * else it is refused. */
extern const char *const bx_seccomp_native_allowed[];
extern const char *const bx_seccomp_native_refused[];

#endif
