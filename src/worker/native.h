/* A native program that is not ours, and not trusted: a server of tools that a
 * person has installed. It gets what the kernel can enforce (no_new_privs, no
 * capabilities, rlimits, Landlock, seccomp), pipes, and an environment of named
 * variables. A process of our own, the guard, stands between: it ends all that
 * the program started as soon as this process lets go of it, or is gone. */
#ifndef BX_WORKER_NATIVE_H
#define BX_WORKER_NATIVE_H

#include <sys/types.h>

#include "worker/lockdown.h"

#define BX_NATIVE_MAX_BYTES 65536u  /* of a plan, all in all */
#define BX_NATIVE_MAX_ITEMS 1024u   /* of each of these */
#define BX_NATIVE_ARGUMENT "native" /* behind BX_WORKER_ARGUMENT */

/* Beside BX_ACCESS_READ and BX_ACCESS_WRITE. */
#define BX_NATIVE_EXECUTE 0x100u
#define BX_NATIVE_OPTIONAL 0x200u /* it may be missing */

typedef struct bx_native_dir {
    const char *path; /* absolute; a folder or a file */
    unsigned access;
} bx_native_dir;

/* All borrowed. */
typedef struct bx_native_plan {
    const char *guard;   /* boxagnts, or a program that calls bx_worker_main();
                          * NULL: this one */
    const char *program; /* absolute path */
    const char *const *argv;
    size_t argc;
    const char *const *env; /* "NAME=VALUE" */
    size_t env_count;
    const char *folder; /* where it starts */
    const bx_native_dir *dirs;
    size_t dirs_count;
    bool is_network;
    uint64_t memory_bytes; /* RLIMIT_DATA of each process */
    uint64_t file_bytes;   /* RLIMIT_FSIZE */
    uint64_t open_files;
} bx_native_plan;

typedef struct bx_native {
    pid_t pid;
    int pidfd;   /* of the guard */
    int control; /* to the guard; its end is the program's */
    int in;      /* what the program reads; -1: closed */
    int out;     /* what it prints, both non-blocking here */
    int err;
    bool layers[BX_LOCKDOWN_LAYERS]; /* that hold */
} bx_native;

/**
 * Start a program under its lockdown.
 *
 * ret_native  written on success; bx_native_end()
 * errors      BX_ERR_NOT_FOUND the program or a folder, BX_ERR_LIMIT the plan
 *             is too large, BX_ERR_SYSTEM a layer could not be applied, or the
 *             program not be executed
 */
int bx_native_start(const bx_native_plan *plan, bx_native *ret_native,
                    bx_error **err);

/* How it ended, for people ("ended with status 1"), once it has; waits so long
 * at most. Owned, free(); NULL: it has not, or nobody knows. */
char *bx_native_ending(const bx_native *native, int timeout_ms);

/* End it and all it started, at once; closes what native holds. */
void bx_native_end(bx_native *native);

/* The guard: bx_worker_main() leads here. */
int bx_native_guard_main(int argc, char **argv);

#endif
