/* A process with a worker's lockdown and native code inside: what a broken
 * engine would give an attacker. */
#ifndef BX_TEST_SUPPORT_LOCKDOWN_H
#define BX_TEST_SUPPORT_LOCKDOWN_H

#include "worker/lockdown.h"

#define BX_WORLD_PATH 64

/* What lies around the process. */
typedef struct bx_world {
    char root[BX_WORLD_PATH];  /* a temporary folder */
    char box[BX_WORLD_PATH];   /* of it, mapped to read and write */
    char fixed[BX_WORLD_PATH]; /* mapped to read */
    char other[BX_WORLD_PATH]; /* of another box */
    int box_fd;                /* O_PATH */
    int fixed_fd;
    int other_fd;      /* not to be inherited by a worker; for its parent */
    int channel[2];    /* [0] is the worker's */
    int unbound_fd;    /* an inherited TCP socket that is not connected */
    int listening_fd;  /* a server on loopback */
    uint16_t port;     /* its */
    int sibling;       /* another process of the same user */
    char secret[32];   /* in the parent's memory, wiped in the worker */
    const char *where; /* its address there */
} bx_world;

int bx_world_open(void **state);
int bx_world_close(void **state);

/* Returns 0 when the attempt got through, or the errno that refused it. */
typedef int (*bx_attempt_fn)(bx_world *world);

/* Run fn in a child, locked down as a worker is when is_locked. Returns its
 * wait status: fn's answer is the exit status. */
int bx_world_try(bx_world *world, bool is_locked, bx_attempt_fn fn);
/* The same with other settings. lockdown NULL: none. */
int bx_world_try_with(bx_world *world, const bx_lockdown *lockdown,
                      bx_attempt_fn fn);
/* A worker's settings. dirs holds two. */
bx_lockdown bx_world_lockdown(const bx_world *world, bx_lockdown_dir dirs[2]);

/* A sanitizer's shadow is terabytes of memory: no limit has room for it. */
#ifdef __SANITIZE_ADDRESS__
#define BX_WORLD_LIMITS_MEMORY false
#else
#define BX_WORLD_LIMITS_MEMORY true
#endif

/* Refuse one system call to this process from now on: the kernel without it.
 */
int bx_world_remove_call(const char *name, int errnum);

#endif
