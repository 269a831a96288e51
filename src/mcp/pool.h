/* A fixed number of threads and a bounded queue of work for them. */
#ifndef BX_MCP_POOL_H
#define BX_MCP_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef struct bx_pool bx_pool;

/* run is called with each item on one of the threads. */
bx_pool *bx_pool_new(unsigned threads, size_t max_queued,
                     void (*run)(void *context, void *item), void *context,
                     bx_error **err);
/* Finishes what is queued, then ends the threads. NULL is fine. */
void bx_pool_free(bx_pool *pool);

/* Queue an item; false: the queue is full for wait_ms already. */
bool bx_pool_put(bx_pool *pool, void *item, uint32_t wait_ms);

#endif
