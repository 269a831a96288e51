/* Ends guests in time. One thread sleeps until the earliest deadline of the
 * runs under way, then advances the engines' epoch: each guest's next loop or
 * call asks its own run whether it is over. Nothing ticks while nothing is
 * due. */
#ifndef BX_SANDBOX_WATCHDOG_H
#define BX_SANDBOX_WATCHDOG_H

#include <stdatomic.h>

#include "sandbox/engine.h"

typedef struct bx_watch {
    int64_t deadline_ns; /* CLOCK_MONOTONIC */
    bool is_cancellable; /* look at it often */
    atomic_bool is_due;  /* the deadline has passed; set by the watchdog */
    struct bx_watch *prev;
    struct bx_watch *next;
} bx_watch;

bx_watchdog *bx_watchdog_new(bx_error **err);
void bx_watchdog_free(bx_watchdog *watchdog);

/* Advance this engine's epoch too, from now on; borrowed. */
void bx_watchdog_watch(bx_watchdog *watchdog, wasm_engine_t *engine);

/* In a child of fork() whose parent never ran a guest: it is this process's
 * from now on. BX_ERR_INVALID: the thread is the parent's. */
int bx_watchdog_adopt(bx_watchdog *watchdog, bx_error **err);

/* BX_ERR_INVALID in any other child: neither this thread nor those that
 * compile are there. */
int bx_watchdog_check_process(const bx_watchdog *watchdog, bx_error **err);

/* watch: borrowed until removed. BX_ERR_SYSTEM: the thread does not start. */
int bx_watchdog_add(bx_watchdog *watchdog, bx_watch *watch, bx_error **err);
/* Its deadline is another now, and it is not due for the old one. */
void bx_watchdog_move(bx_watchdog *watchdog, bx_watch *watch,
                      int64_t deadline_ns);
void bx_watchdog_remove(bx_watchdog *watchdog, bx_watch *watch);

#endif
