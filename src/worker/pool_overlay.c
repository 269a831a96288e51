/* Workers that hold an overlay keep it from being committed, as they must: they
 * could still write there. Once nothing runs in them they are ended. */
#include <string.h>
#include <sys/stat.h>

#include "overlay/store.h"
#include "worker/pool.h"

/* With the mutex: is it the overlay's lock that the process holds? */
static bool holds(const bx_process *process, const struct stat *lock)
{
    struct stat held;

    return process->use_fd >= 0 && fstat(process->use_fd, &held) == 0 &&
           held.st_dev == lock->st_dev && held.st_ino == lock->st_ino;
}

/* With the mutex. What is starting holds nothing yet, or not for long. */
static size_t end_holders(bx_worker_pool *pool, const struct stat *lock)
{
    size_t left = 0;

    for (bx_process *at = pool->processes; at != NULL; at = at->next) {
        if (!holds(at, lock))
            continue;
        left++;
        at->is_spent = true;
        if (at->state == BX_PROCESS_READY && at->calls == 0 &&
            at->sessions == 0)
            bx_pool_retire(at);
    }
    return left;
}

int bx_worker_pool_release_overlay(bx_worker_pool *pool, const char *dir,
                                   uint64_t ms, bx_error **err)
{
    const bx_wait wait = bx_wait_for_ms(ms);
    bx_autofree char *path = NULL;
    struct stat lock;
    int waited = 0;

    if (asprintf(&path, "%s/" BX_OVERLAY_USE_NAME, dir) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    if (stat(path, &lock) < 0)
        return 0; /* nobody used it */
    pthread_mutex_lock(&pool->mutex);
    while (waited == 0 && end_holders(pool, &lock) > 0) {
        bx_pool_wake(pool);
        waited = bx_wait_change(&wait, &pool->changed, &pool->mutex, err);
    }
    pthread_mutex_unlock(&pool->mutex);
    return waited < 0
               ? bx_error_wrap(err, "a worker holds the overlay '%s'", dir)
               : 0;
}
