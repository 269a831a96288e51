#include "worker/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/run.h"
#include "worker/keeper.h"

#define DEFAULT_WORKERS 256u
#define DEFAULT_INSTANCES 1024u
#define DEFAULT_IDLE_MS 60000u
#define SPARE_SLOTS 16u /* a session is closed while all calls are busy */

/* How long one that closed its channel may take to end by itself, so that what
 * is told is its own end, and one that was killed. */
#define GRACE_NS 200000000
#define KILLED_MS 10000

int bx_pool_check_process(const bx_worker_pool *pool, bx_error **err)
{
    if (pool->pid == getpid())
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "the workers belong to process %d; expected a pool "
                        "made in this process, after fork()",
                        (int)pool->pid);
}

/* ---- references and users -------------------------------------------- */

bx_process *bx_process_ref(bx_process *process)
{
    pthread_mutex_lock(&process->pool->mutex);
    process->refs++;
    pthread_mutex_unlock(&process->pool->mutex);
    return process;
}

void bx_process_unref(bx_process *process)
{
    pthread_mutex_t *mutex;
    bool is_last;

    if (process == NULL)
        return;
    mutex = &process->pool->mutex;
    pthread_mutex_lock(mutex);
    is_last = --process->refs == 0;
    pthread_mutex_unlock(mutex);
    if (is_last)
        bx_process_destroy(process);
}

bool bx_process_is_ready(bx_process *process)
{
    bool is_ready;

    pthread_mutex_lock(&process->pool->mutex);
    is_ready = process->state == BX_PROCESS_READY;
    pthread_mutex_unlock(&process->pool->mutex);
    return is_ready;
}

/* With the mutex. Boxes and sessions hold on to one that is dead until their
 * next call, but nobody talks to it any more. */
static void let_go(bx_process *process)
{
    if (process->state != BX_PROCESS_DEAD || process->calls > 0)
        return;
    while (process->idle != NULL) {
        bx_line *line = process->idle;

        process->idle = line->next;
        bx_line_free(line);
    }
    bx_channel_close(&process->control);
    if (process->pidfd >= 0)
        close(bx_take_fd(&process->pidfd));
}

static void add_user(bx_process *process)
{
    process->refs++;
    process->calls++;
    process->uses++;
    process->pool->calls++;
}

static bool take(bx_process *process, bool may_be_spent)
{
    bool is_ready;

    pthread_mutex_lock(&process->pool->mutex);
    is_ready = process->state == BX_PROCESS_READY &&
               (may_be_spent || !process->is_spent);
    if (is_ready)
        add_user(process);
    pthread_mutex_unlock(&process->pool->mutex);
    return is_ready;
}

bool bx_pool_take_again(bx_process *process)
{
    return take(process, false);
}

bool bx_pool_take_for_session(bx_process *process)
{
    return take(process, true);
}

bx_process *bx_pool_take_next(bx_worker_pool *pool, uint64_t *last)
{
    bx_process *next = NULL;

    pthread_mutex_lock(&pool->mutex);
    for (bx_process *at = pool->processes; at != NULL; at = at->next) {
        if (at->state == BX_PROCESS_READY && at->id < *last &&
            (next == NULL || at->id > next->id))
            next = at;
    }
    if (next != NULL) {
        *last = next->id;
        add_user(next);
    }
    pthread_mutex_unlock(&pool->mutex);
    return next;
}

void bx_pool_retire(bx_process *process)
{
    process->state = BX_PROCESS_LEAVING;
    process->pool->workers--;
    bx_process_kill(process);
}

/* With the mutex: from now on it may be ended. */
static void become_idle(bx_process *process)
{
    if (process->calls > 0 || process->sessions > 0)
        return;
    process->idle_since_ns = bx_now_ns();
    if (process->is_spent && process->state == BX_PROCESS_READY)
        bx_pool_retire(process);
}

void bx_pool_give(bx_process *process)
{
    bx_worker_pool *pool = process->pool;

    pthread_mutex_lock(&pool->mutex);
    process->calls--;
    pool->calls--;
    become_idle(process);
    let_go(process);
    pthread_mutex_unlock(&pool->mutex);
    bx_process_unref(process);
}

void bx_pool_add_session(bx_process *process, int count)
{
    pthread_mutex_lock(&process->pool->mutex);
    process->sessions += (uint32_t)count;
    become_idle(process);
    pthread_mutex_unlock(&process->pool->mutex);
}

void bx_pool_spend(bx_process *process)
{
    pthread_mutex_lock(&process->pool->mutex);
    process->is_spent = true;
    pthread_mutex_unlock(&process->pool->mutex);
}

void bx_pool_wake(bx_worker_pool *pool)
{
    const uint64_t one = 1;

    if (write(pool->wake_fd, &one, sizeof(one)) < 0)
        return; /* it is awake: the counter is full */
}

/* ---- starting -------------------------------------------------------- */

/* With the mutex. */
static bx_process *find(const bx_worker_pool *pool,
                        const uint8_t key[BX_DIGEST_BYTES])
{
    for (bx_process *at = pool->processes; at != NULL; at = at->next) {
        if (at->state <= BX_PROCESS_READY && !at->is_spent &&
            memcmp(at->key, key, BX_DIGEST_BYTES) == 0)
            return at;
    }
    return NULL;
}

/* With the mutex. */
static int make_room(bx_worker_pool *pool, bx_error **err)
{
    bx_process *oldest = NULL;

    if (pool->workers < pool->max_workers)
        return 0;
    for (bx_process *at = pool->processes; at != NULL; at = at->next) {
        if (at->state == BX_PROCESS_READY && at->calls == 0 &&
            at->sessions == 0 &&
            (oldest == NULL || at->idle_since_ns < oldest->idle_since_ns))
            oldest = at;
    }
    if (oldest == NULL)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%u workers are in use, which is the most; wait "
                            "for a call or close a session",
                            pool->max_workers);
    bx_pool_retire(oldest);
    return 0;
}

/* With the mutex. */
static bx_process *add(bx_worker_pool *pool, const uint8_t key[BX_DIGEST_BYTES],
                       bx_error **err)
{
    bx_process *process;

    if (make_room(pool, err) < 0)
        return NULL;
    process = calloc(1, sizeof(*process));
    if (process == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    process->pool = pool;
    process->id = ++pool->last_process;
    process->refs = 1; /* the list's */
    process->pidfd = -1;
    process->use_fd = -1;
    process->control.fd = -1;
    pthread_mutex_init(&process->opening, NULL);
    memcpy(process->key, key, BX_DIGEST_BYTES);
    process->next = pool->processes;
    pool->processes = process;
    pool->workers++;
    add_user(process);
    return process;
}

static void unlink_process(bx_process *process)
{
    bx_process **at = &process->pool->processes;

    while (*at != process)
        at = &(*at)->next;
    *at = process->next;
}

void bx_pool_bury(bx_process *process)
{
    bx_worker_pool *pool = process->pool;

    if (process->state == BX_PROCESS_READY) {
        pool->workers--;
        pool->lost++;
    }
    process->state = BX_PROCESS_DEAD;
    unlink_process(process);
    if (process->use_fd >= 0)
        close(bx_take_fd(&process->use_fd));
    let_go(process);
    pthread_cond_broadcast(&pool->changed);
}

/* Start the one that was added; on failure it is gone. */
static int start(bx_process *process, const bx_process_plan *plan,
                 const bx_wait *wait, bx_error **err)
{
    bx_worker_pool *pool = process->pool;
    int result = bx_process_start(process, plan, wait, err);

    pthread_mutex_lock(&pool->mutex);
    if (result == 0) {
        process->state = BX_PROCESS_READY;
        pool->started++;
    } else if (process->pidfd >= 0) {
        bx_pool_retire(process); /* there is a process: it must be reaped */
    } else {
        process->state = BX_PROCESS_DEAD;
        pool->workers--;
        unlink_process(process);
    }
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    bx_pool_wake(pool);
    if (result == 0)
        return 0;
    if (process->pidfd < 0)
        bx_process_unref(process); /* the list's */
    bx_pool_give(process);
    return -1;
}

bx_process *bx_pool_take(bx_worker_pool *pool,
                         const uint8_t key[BX_DIGEST_BYTES],
                         const bx_process_plan *plan, const bx_wait *wait,
                         bx_error **err)
{
    bx_process *process;
    bool is_mine = false;
    int waited = 0;

    pthread_mutex_lock(&pool->mutex);
    while ((process = find(pool, key)) != NULL &&
           process->state == BX_PROCESS_STARTING && waited == 0)
        waited = bx_wait_change(wait, &pool->changed, &pool->mutex, err);
    if (waited < 0) {
        process = NULL;
    } else if (process != NULL) {
        add_user(process);
    } else {
        process = add(pool, key, err);
        is_mine = process != NULL;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (is_mine && start(process, plan, wait, err) < 0)
        return NULL;
    return process;
}

/* ---- loss ------------------------------------------------------------ */

char *bx_pool_cause(bx_process *process)
{
    char *cause;

    pthread_mutex_lock(&process->pool->mutex);
    cause = strdup(process->cause == NULL ? "the worker was ended"
                                          : process->cause);
    pthread_mutex_unlock(&process->pool->mutex);
    return cause;
}

/* With the mutex. */
static void wait_dead(bx_process *process, int64_t wait_ns)
{
    int64_t until_ns = bx_now_ns() + wait_ns;
    struct timespec until = { .tv_sec = until_ns / 1000000000,
                              .tv_nsec = until_ns % 1000000000 };

    while (process->state != BX_PROCESS_DEAD &&
           pthread_cond_timedwait(&process->pool->changed,
                                  &process->pool->mutex, &until) == 0)
        ;
}

/* Until it runs nothing any more, whether anyone has waited for it or not. */
static void wait_stopped(const bx_process *process)
{
    (void)bx_wait_poll(NULL, process->pidfd, POLLIN,
                       bx_wait_for_ms(KILLED_MS).until_ns, NULL);
}

char *bx_pool_lose(bx_process *process, const char *why)
{
    bx_worker_pool *pool = process->pool;

    pthread_mutex_lock(&pool->mutex);
    if (why != NULL && process->cause == NULL)
        process->cause = strdup(why);
    if (why == NULL)
        wait_dead(process, GRACE_NS);
    if (process->state == BX_PROCESS_READY) {
        bx_pool_retire(process);
        pool->lost++;
    }
    pthread_mutex_unlock(&pool->mutex);
    wait_stopped(process); /* its pidfd is open while the caller uses it */
    pthread_mutex_lock(&pool->mutex);
    if (process->cause == NULL)
        wait_dead(process, GRACE_NS); /* who knows why is on the way */
    pthread_mutex_unlock(&pool->mutex);
    return bx_pool_cause(process);
}

/* ---- the pool -------------------------------------------------------- */

/* A socket for each call at once, and room above what its workers may have:
 * worker/serve.c. */
static void allow_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bx_worker_pool *bx_worker_pool_new(const bx_worker_options *options,
                                   bx_error **err)
{
    static const bx_worker_options none = { 0 };
    bx_worker_pool *pool;
    pthread_condattr_t attr;
    uint32_t instances;

    if (options == NULL)
        options = &none;
    if (options->requires_lockdown && bx_lockdown_require(err) < 0)
        return NULL;
    pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    allow_files();
    instances = options->max_instances == 0 ? DEFAULT_INSTANCES
                                            : options->max_instances;
    pool->pid = getpid();
    pool->wake_fd = -1;
    pool->requires_lockdown = options->requires_lockdown;
    pool->max_workers =
        options->max_workers == 0 ? DEFAULT_WORKERS : options->max_workers;
    pool->idle_ms = options->idle_ms == 0 ? DEFAULT_IDLE_MS : options->idle_ms;
    pool->slots = instances + SPARE_SLOTS;
    pool->cgroup = bx_cgroup_open("", NULL);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (bx_template_client_init(&pool->template_, options->program, instances,
                                err) == 0 &&
        bx_template_client_start(&pool->template_, err) == 0 &&
        bx_keeper_start(pool, err) == 0)
        return pool;
    bx_worker_pool_free(pool);
    return NULL;
}

void bx_worker_pool_free(bx_worker_pool *pool)
{
    if (pool == NULL || pool->pid != getpid())
        return; /* the parent's: its processes, its locks */
    pthread_mutex_lock(&pool->mutex);
    pool->is_ending = true;
    for (bx_process *at = pool->processes; at != NULL; at = at->next) {
        if (at->state == BX_PROCESS_READY)
            bx_pool_retire(at);
    }
    pthread_mutex_unlock(&pool->mutex);
    if (pool->has_keeper) {
        bx_pool_wake(pool);
        pthread_join(pool->keeper, NULL);
    }
    bx_template_client_clear(&pool->template_);
    bx_cgroup_free(pool->cgroup);
    if (pool->wake_fd >= 0)
        close(pool->wake_fd);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void bx_worker_pool_stats(bx_worker_pool *pool, bx_worker_stats *ret_stats)
{
    pthread_mutex_lock(&pool->mutex);
    *ret_stats = (bx_worker_stats){ .workers = pool->workers,
                                    .calls = pool->calls,
                                    .started = pool->started,
                                    .lost = pool->lost };
    pthread_mutex_unlock(&pool->mutex);
}

size_t bx_worker_pool_pids(bx_worker_pool *pool, int *ret_pids, size_t max)
{
    size_t count = 0;

    pthread_mutex_lock(&pool->mutex);
    for (const bx_process *at = pool->processes; at != NULL && count < max;
         at = at->next) {
        if (at->state == BX_PROCESS_READY)
            ret_pids[count++] = at->pid;
    }
    pthread_mutex_unlock(&pool->mutex);
    return count;
}
