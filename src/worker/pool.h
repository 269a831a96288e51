/* All workers of one host, and what keeps them: a thread that sees each end,
 * and ends those that nobody needs. */
#ifndef BX_WORKER_POOL_H
#define BX_WORKER_POOL_H

#include <pthread.h>

#include "worker/cgroup.h"
#include "worker/process.h"
#include "worker/template_client.h"

#define BX_LINE_TICK_MS 20 /* how soon a waiting call sees a cancel */

struct bx_worker_pool {
    pid_t pid; /* whose it is: a child of fork() has none of its threads */
    bx_template_client template_;
    bool requires_lockdown;
    bx_cgroup *cgroup; /* NULL: this user was given none */
    uint32_t max_workers;
    uint32_t slots; /* calls at once in one worker */
    uint64_t idle_ms;
    pthread_mutex_t mutex; /* over what follows and every process */
    pthread_cond_t changed;
    bx_process *processes;
    uint32_t workers; /* starting or ready */
    uint32_t calls;
    uint64_t started;
    uint64_t lost;
    uint64_t last_module;
    uint64_t last_process;
    bool is_ending;
    pthread_t keeper;
    bool has_keeper;
    int wake_fd; /* of the keeper */
};

/* BX_ERR_INVALID in a child of fork(). */
int bx_pool_check_process(const bx_worker_pool *pool, bx_error **err);

/* The worker of this key with one more user (a call), started by plan if there
 * is none; the caller gives it back. wait: the caller's own; when it is over,
 * whoever else waits for the worker starts another. */
bx_process *bx_pool_take(bx_worker_pool *pool,
                         const uint8_t key[BX_DIGEST_BYTES],
                         const bx_process_plan *plan, const bx_wait *wait,
                         bx_error **err);
/* One more user of this one; false: it is no more. */
bool bx_pool_take_again(bx_process *process);
/* The same for a session of its own, which it has to the end. */
bool bx_pool_take_for_session(bx_process *process);
/* One more user of the ready one before *last (at first UINT64_MAX), from the
 * newest to the oldest; NULL: there is none. */
bx_process *bx_pool_take_next(bx_worker_pool *pool, uint64_t *last);
void bx_pool_give(bx_process *process);

/* Hold on to the object, though not to the worker. */
bx_process *bx_process_ref(bx_process *process);
void bx_process_unref(bx_process *process);

/* It takes calls. */
bool bx_process_is_ready(bx_process *process);

/* The worker is lost: why says what it did, NULL when it ended by itself. Waits
 * until it runs no more. Returns the cause in words, owned. */
char *bx_pool_lose(bx_process *process, const char *why);
/* The cause as it is known; owned, NULL without memory. */
char *bx_pool_cause(bx_process *process);

/* A session keeps its worker. */
void bx_pool_add_session(bx_process *process, int count);
/* It has something that nobody can take from it: no more calls for it, and its
 * end when the last one is over. */
void bx_pool_spend(bx_process *process);

/* With the mutex: it ends, and nobody finds it any more. The keeper reaps it.
 */
void bx_pool_retire(bx_process *process);
/* With the mutex: it ended. The list's reference is the caller's now. */
void bx_pool_bury(bx_process *process);

/* Have the keeper look again. */
void bx_pool_wake(bx_worker_pool *pool);

#endif
