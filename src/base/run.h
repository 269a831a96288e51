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

/* What a run nested in another may use of it. UINT64_MAX: only the run's own
 * policy limits it. */
typedef struct bx_budget {
    int64_t deadline_ns; /* CLOCK_MONOTONIC */
    uint64_t fuel_units;
    uint64_t memory_bytes;   /* linear memory, given back at its end */
    uint64_t output_bytes;   /* captured, both streams together */
    uint64_t fs_write_bytes; /* the rest as in bx_limits */
    uint64_t fs_create_entries;
    uint64_t http_requests;
    uint64_t calls; /* nested in all */
    uint64_t depth; /* of nesting */
} bx_budget;

#define BX_BUDGET_FULL                                                         \
    ((bx_budget){ INT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,   \
                  UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX })

typedef struct bx_run {
    int64_t deadline_ns;     /* CLOCK_MONOTONIC */
    const bx_budget *budget; /* borrowed; NULL: the run is not nested */
    bx_budget used;          /* of the quotas below, nested runs included:
                              * fs_write_bytes to calls */
    bx_cancel *cancel;       /* NULL: never cancelled; triggered here when the
                              * other end of a broker says that it was */
    bx_audit_fn audit;       /* NULL: nobody listens */
    void *audit_context;
    bx_effect_fn effect; /* NULL: nobody listens */
    void *effect_context;
    bx_need_fn need; /* NULL: nobody asks */
    void *need_context;
    bool is_need_noted;     /* need only takes notes: the time goes on */
    struct bx_needs *needs; /* what was asked so far; NULL: nothing */
    bx_hold_fn hold;        /* NULL: requests are sent at once */
    void *hold_context;
    const struct bx_broker *broker; /* who reaches the network for this run,
                                     * net/broker.h; NULL: this process */
    bool is_deterministic;          /* clocks and random come from seed */
    uint64_t seed;
    uint64_t read_bytes;
    uint64_t write_bytes;
    uint64_t calls;
    uint64_t calls_denied;
    int64_t held_ns; /* the time stood still for so long, in all */
    /* Told when the deadline has moved, INT64_MAX while the time stands still.
     * NULL: nobody watches it. */
    void (*on_deadline)(void *context, int64_t deadline_ns);
    void *on_deadline_context;
} bx_run;

/* CLOCK_MONOTONIC now, nanoseconds. */
int64_t bx_now_ns(void);

/* How much of a quota a run has left: of its own limit and of the budget it
 * shares, the smaller. */
static inline uint64_t bx_quota_left(uint64_t limit, uint64_t shared,
                                     uint64_t used)
{
    uint64_t most = limit < shared ? limit : shared;

    return used < most ? most - used : 0;
}

/* The same for a field of a run's budget. */
#define BX_RUN_LEFT(run, field, limit)                                         \
    bx_quota_left((limit),                                                     \
                  (run)->budget == NULL ? UINT64_MAX : (run)->budget->field,   \
                  (run)->used.field)

/* The deadline passed or someone cancelled. */
bool bx_run_is_over(const bx_run *run);
bool bx_run_is_cancelled(const bx_run *run);

/* The run's time stands still from one to the other, both on its thread: a
 * person is asked. The deadline moves by as much. bx_run_pause() answers what
 * bx_run_resume() wants; that answers the nanoseconds in between. */
int64_t bx_run_pause(bx_run *run);
int64_t bx_run_resume(bx_run *run, int64_t paused_ns);
/* It stood still elsewhere, in what the run waited for. */
void bx_run_shift(bx_run *run, int64_t by_ns);

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

/* Ask whoever listens whether a capability that the policy grants is given, at
 * its first use in this run: kind and target as in bx_need_event. Without a
 * listener true, at no cost. False: refuse it as the policy would, and tell the
 * audit with the two texts below. Both answers are kept, as many as fit; what
 * does not is asked again. */
bool bx_run_need(bx_run *run, const char *kind, const char *target,
                 size_t target_bytes);
#define BX_NEED_REASON "refused when asked"
#define BX_NEED_RULE "asked at the first use"
/* Forget what was asked: the run is over, or another one begins. */
void bx_run_forget_needs(bx_run *run);

/* Ask whoever holds requests whether this one is sent; the time stands still
 * meanwhile. Without anyone true, at no cost. False: refuse it, and tell the
 * audit with the two texts below. */
bool bx_run_hold(bx_run *run, const bx_hold_event *event);
#define BX_HOLD_REASON "held, and not approved"
#define BX_HOLD_RULE "requests are held"

/* Tell what the guest did to the host; target and detail are escaped here.
 * Cheap when nobody listens, but look at run->effect before working a text out.
 */
void bx_run_effect(const bx_run *run, const char *call, const char *target,
                   size_t target_bytes, const char *detail);

#endif
