/* A module as the host keeps it: bytes and code in memory files, for whichever
 * worker asks next. */
#ifndef BX_WORKER_MODULE_H
#define BX_WORKER_MODULE_H

#include "sandbox/cache.h"
#include "worker/pool.h"

typedef struct bx_module_fd {
    bx_limits limits;    /* those that shape code count */
    int fd;              /* sealed */
    uint64_t generation; /* of the template that has it */
    struct bx_module_fd *next;
} bx_module_fd;

struct bx_worker_module {
    bx_worker_pool *pool; /* borrowed */
    uint64_t id;
    char *name;
    int binary;   /* sealed memory file: the module, */
    bool is_text; /* in text format until it is compiled */
    bool is_component;
    uint8_t digest[BX_DIGEST_BYTES];
    bx_cache *cache; /* NULL: none */
    pthread_mutex_t mutex;
    bx_module_fd *codes;
};

/* The code for these limits, compiled if need be; and in the template, so that
 * the next worker is born with it. wait: the caller's, which is given as much
 * more time as compiling takes. ret_code: its strings are the module's. */
int bx_worker_module_get(bx_worker_module *module, const bx_limits *limits,
                         uint64_t timeout_ms, bx_wait *wait,
                         bx_template_code *ret_code, bx_error **err);

#endif
