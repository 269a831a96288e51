/* The pool's own thread: it sees each worker's end, ends those that nobody
 * needs and those that do something though nobody asked. */
#ifndef BX_WORKER_KEEPER_H
#define BX_WORKER_KEEPER_H

#include "worker/pool.h"

/* A channel without a call is looked at after so long, and from then on as soon
 * as something comes. */
#define BX_KEEPER_LOOK_MS 100

/* What a worker may use of a processor while no call is under way: to tidy up,
 * and for the engine's clock. */
#define BX_KEEPER_CPU_MS 250
#define BX_KEEPER_CPU_SHARE 20 /* and one part in so many */
#define BX_KEEPER_CPU_LOOK_MS 1000

/* bx_worker_pool_free() ends it. */
int bx_keeper_start(bx_worker_pool *pool, bx_error **err);

#endif
