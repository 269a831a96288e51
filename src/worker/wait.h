/* How long one caller waits for processes and for other callers: until its own
 * time is over, or someone cancels it. NULL is one that waits for ever; what it
 * waits for has limits too. */
#ifndef BX_WORKER_WAIT_H
#define BX_WORKER_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/run.h"

typedef struct bx_wait {
    int64_t until_ns;        /* CLOCK_MONOTONIC; INT64_MAX: no end */
    const bx_cancel *cancel; /* borrowed; NULL: nobody cancels */
} bx_wait;

#define BX_WAIT_TICK_MS 20 /* how soon a cancel is seen */

/* For so long from now on. */
bx_wait bx_wait_for_ms(uint64_t ms);
/* The earlier end of the two. */
bx_wait bx_wait_at_most_ms(const bx_wait *wait, uint64_t ms);

/* errors, here and below: BX_ERR_TIMEOUT, BX_ERR_CANCELLED: the caller's own
 * time is over. No fault of whom it waited for: bx_error_errno() is 0 */
int bx_wait_check(const bx_wait *wait, bx_error **err);
/* Is it such an error? */
bool bx_wait_is_over(const bx_error *error);

int bx_wait_lock(const bx_wait *wait, pthread_mutex_t *mutex, bx_error **err);
/* With the mutex, as pthread_cond_wait(): something may have changed. The
 * condition goes by CLOCK_MONOTONIC. */
int bx_wait_change(const bx_wait *wait, pthread_cond_t *changed,
                   pthread_mutex_t *mutex, bx_error **err);
/* Until events come on fd, by its own end limit_ns at the latest, which is
 * BX_ERR_SYSTEM with errno ETIME. */
int bx_wait_poll(const bx_wait *wait, int fd, short events, int64_t limit_ns,
                 bx_error **err);

#endif
