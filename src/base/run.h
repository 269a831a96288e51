/* One run: its deadline, its counters and where its refusals are told. Every
 * host call works on one of these, on the run's own thread. */
#ifndef BX_BASE_RUN_H
#define BX_BASE_RUN_H

#include <poll.h>
#include <stdatomic.h>

#include "boxagnts.h"

struct bx_cancel {
    atomic_bool triggered;
};

typedef struct bx_run {
    int64_t deadline_ns;     /* CLOCK_MONOTONIC */
    const bx_cancel *cancel; /* NULL: never cancelled */
    bx_audit_fn audit;       /* NULL: nobody listens */
    void *audit_context;
    bool is_deterministic; /* clocks and random come from seed */
    uint64_t seed;
    uint64_t read_bytes;
    uint64_t write_bytes;
    uint64_t calls;
    uint64_t calls_denied;
} bx_run;

/* CLOCK_MONOTONIC now, nanoseconds. */
int64_t bx_now_ns(void);

/* The deadline passed or someone cancelled. */
bool bx_run_is_over(const bx_run *run);
bool bx_run_is_cancelled(const bx_run *run);

/* poll() that also ends at the run's deadline and soon (50 ms) after a cancel.
 * until_ns: CLOCK_MONOTONIC, INT64_MAX for no time of its own. Returns the
 * number ready, 0 when until_ns came, -1 with errno set; ETIME: the run is
 * over. fds may be NULL with count 0, to sleep. */
int bx_run_poll(const bx_run *run, struct pollfd *fds, nfds_t count,
                int64_t until_ns);

/* Count a refusal and tell the audit. target comes from the guest and is
 * escaped here. rule: what decided, such as "ci.yaml:7: map-dir d::/d::ro". */
void bx_run_deny(bx_run *run, const char *call, const char *target,
                 size_t target_bytes, const char *reason, const char *rule);

#endif
