/* The soak: many callers of two registries over one pool of workers, while
 * workers, template, disk, descriptors, clock, signals and network fail.
 *
 *     soak SECONDS   (SOAK_SEED, SOAK_SPELL: one kind of failure alone)
 *
 * Time is cut into rounds: a spell of failures, then its end, then callers
 * pause, each tool is tried, and what is left over is counted. */
#ifndef BX_TESTS_SOAK_SOAK_H
#define BX_TESTS_SOAK_SOAK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tool/registry.h"

#define SOAK_CALLERS 16
#define SOAK_PROBER SOAK_CALLERS /* the number of whoever tries the tools */
/* A call's answer after its deadline. A worker that hangs in a call is ended a
 * second after it; but half a minute is given to one, or a template, that is
 * being made ready. */
#define SOAK_GRACE_MS 35000

typedef enum soak_spell {
    SOAK_KILL = 1u << 0,     /* SIGKILL of workers */
    SOAK_CRASH = 1u << 1,    /* SIGSEGV of workers */
    SOAK_STOP = 1u << 2,     /* SIGSTOP of workers, some go on */
    SOAK_TEMPLATE = 1u << 3, /* SIGKILL of the template */
    SOAK_HANG = 1u << 4,     /* SIGSTOP of the template */
    SOAK_DISK = 1u << 5,
    SOAK_FDS = 1u << 6,
    SOAK_CLOCK = 1u << 7,
    SOAK_SIGNALS = 1u << 8,
    SOAK_NETWORK = 1u << 9,
} soak_spell;
#define SOAK_SPELLS 10
/* They cost calls that were under way in a worker. */
#define SOAK_PROCESSES                                                         \
    (SOAK_KILL | SOAK_CRASH | SOAK_STOP | SOAK_TEMPLATE | SOAK_HANG)

typedef struct soak_random {
    uint64_t state;
} soak_random;
uint64_t soak_next(soak_random *random);
/* Below most. */
uint32_t soak_below(soak_random *random, uint32_t most);

typedef struct soak {
    uint64_t seed;
    unsigned seconds;
    unsigned only;      /* spells that take part */
    char dir[64];       /* of everything: a file system of its own if we may */
    bool has_disk;      /* it is one, whose size changes */
    char workspace[96]; /* and what is beneath dir */
    char state[96];
    char overlay[128];
    char audit_path[128];
    unsigned port; /* of the web server */
    unsigned dead_port;
    pid_t web;
    bx_worker_pool *pool;
    bx_audit_log *audit;
    bx_registry *registries[2]; /* plain, and over an overlay */
    atomic_uint spell;     /* of soak_spell: what may go wrong now; a bit stays
                            * until the callers paused */
    atomic_bool is_raging; /* the spells do their work */
    atomic_bool is_over;
    atomic_uint failures;
} soak;

extern soak soak_all;

/* What must not be, with the seed. */
void soak_fail(const char *format, ...) BX_PRINTF(1, 2);
/* Whatever signals come. */
void soak_sleep_us(uint64_t us);
/* Set-up that cannot fail here: ends the program. */
_Noreturn void soak_die(const char *what, bx_error *err);

#endif
