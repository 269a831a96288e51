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

/* A worker that has the box, with one more user: bx_pool_give(). */
bx_process *bx_box_take_process(bx_worker_box *box, bx_error **err);

#endif
