/* A module under a policy, seen from the host. */
#ifndef BX_WORKER_BOX_H
#define BX_WORKER_BOX_H

#include "worker/module.h"

struct bx_worker_box {
    bx_worker_pool *pool;     /* borrowed */
    bx_worker_module *module; /* borrowed */
    bx_policy *policy;        /* with its secrets */
    bx_buf packed;            /* without */
    uint8_t key[BX_DIGEST_BYTES];
    pthread_mutex_t mutex;
    bx_process *process; /* that has the box; NULL: none yet. A reference */
};

/* A worker that has the box, with one more user: bx_pool_give(). wait: the
 * caller's own. */
bx_process *bx_box_take_process(bx_worker_box *box, bx_wait *wait,
                                bx_error **err);

/* A run's own limit, and the caller's when that is lower, ms. */
uint64_t bx_box_timeout_ms(const bx_worker_box *box,
                           const bx_run_options *options);
/* What a call waits for before its run begins, from begin_ns on: no longer than
 * the run may take, a budget lasts or the caller wants, but as long as a worker
 * needs to start. */
bx_wait bx_box_wait(const bx_worker_box *box, const bx_run_options *options,
                    const bx_run_extra *extra, int64_t begin_ns);
#define BX_BOX_START_MS 250

/* Takes why: when the call's own time was over before its run began that is a
 * result, as if the run had ended so; else an error. */
int bx_box_give_up(bx_error *why, bool is_begun, bx_result **ret_result,
                   bx_error **err);

#endif
