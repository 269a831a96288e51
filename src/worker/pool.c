#include "worker/pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/run.h"

#define DEFAULT_WORKERS 256u
#define DEFAULT_INSTANCES 1024u
#define DEFAULT_IDLE_MS 60000u
#define SPARE_SLOTS 16u /* a session is closed while all calls are busy */

/* How long one that closed its channel may take to end by itself, so that what
 * is told is its own end, and one that was killed. */
#define GRACE_NS 200000000
#define KILLED_MS 10000
#define REAP_MS 1000 /* of all that ended together */

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

/* With the mutex: it ends, and nobody finds it any more. The keeper reaps it.
 */
static void retire(bx_process *process)
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
        retire(process);
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
    retire(oldest);
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
    process->control.fd = -1;
    pthread_mutex_init(&process->opening, NULL);
    memcpy(process->key, key, BX_DIGEST_BYTES);
    process->next = pool->processes;
    pool->processes = process;
    pool->workers++;
    add_user(process);
    return process;
}

/* With the mutex: take it out of the list, whose reference is the caller's. */
static void unlink_process(bx_process *process)
{
    bx_process **at = &process->pool->processes;

    while (*at != process)
        at = &(*at)->next;
    *at = process->next;
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
        retire(process); /* there is a process: it must be reaped */
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

static const char *explain_signal(int number)
{
    switch (number) {
    case SIGSYS:
        return ": a system call that no worker makes";
    case SIGKILL:
        return ": killed from outside, or out of memory";
    case SIGSEGV:
    case SIGBUS:
    case SIGILL:
    case SIGFPE:
        return ": a fault outside of any guest's code";
    default:
        return "";
    }
}

static char *describe_end(bool is_exited, int status)
{
    const char *name = is_exited ? NULL : sigabbrev_np(status);
    char *text = NULL;

    if (is_exited) {
        if (asprintf(&text, "the worker ended (exit status %d)", status) < 0)
            return NULL;
    } else if (asprintf(&text, "the worker died (signal %d, SIG%s%s)", status,
                        name == NULL ? "?" : name,
                        explain_signal(status)) < 0) {
        return NULL;
    }
    return text;
}

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
        retire(process);
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

/* ---- the keeper ------------------------------------------------------ */

/* Its pidfd says that it ended. wait: for the template to say how. */
static void bury(bx_process *process, const bx_wait *wait)
{
    bx_worker_pool *pool = process->pool;
    bx_autofree char *cause = NULL;
    bool is_exited = false;
    int status = 0;

    bx_autoerror bx_error *err = NULL;

    if (bx_template_client_reap(&pool->template_, process->pid,
                                process->generation, wait, &is_exited, &status,
                                &err) == 0)
        cause = describe_end(is_exited, status);
    else
        cause = strdup(bx_wait_is_over(err)
                           ? "the worker ended, and its template hangs"
                           : "the worker ended with its template");
    if (pool->cgroup != NULL)
        (void)bx_cgroup_remove(pool->cgroup, process->pid, NULL);
    pthread_mutex_lock(&pool->mutex);
    if (process->state == BX_PROCESS_READY) {
        pool->workers--;
        pool->lost++;
    }
    if (process->cause == NULL)
        process->cause = bx_take(cause);
    process->state = BX_PROCESS_DEAD;
    unlink_process(process);
    let_go(process);
    pthread_cond_broadcast(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
    bx_process_unref(process);
}

/* With the mutex: end what was idle for long enough; returns when there may be
 * another. One at work is looked at as if it became idle now: a call that ends
 * wakes nobody. */
static int64_t retire_idle(bx_worker_pool *pool)
{
    int64_t now_ns = bx_now_ns();
    int64_t next_ns = INT64_MAX;

    for (bx_process *at = pool->processes; at != NULL; at = at->next) {
        bool is_idle = at->calls == 0 && at->sessions == 0;
        int64_t due_ns = (is_idle ? at->idle_since_ns : now_ns) +
                         (int64_t)pool->idle_ms * 1000000;

        if (at->state != BX_PROCESS_READY)
            continue;
        if (due_ns <= now_ns)
            retire(at);
        else if (due_ns < next_ns)
            next_ns = due_ns;
    }
    return next_ns;
}

typedef struct watched {
    struct pollfd *fds;
    bx_process **processes; /* of fds[2] and on */
    size_t count;           /* of processes */
    size_t room;
    int timeout_ms;
} watched;

static bool make_watched_room(watched *list, size_t count)
{
    struct pollfd *fds;
    bx_process **processes;

    if (count <= list->room)
        return true;
    fds = realloc(list->fds, (count + 2) * sizeof(*fds));
    if (fds != NULL)
        list->fds = fds;
    processes = realloc(list->processes, count * sizeof(*processes));
    if (processes != NULL)
        list->processes = processes;
    if (fds == NULL || processes == NULL)
        return false;
    list->room = count;
    return true;
}

/* What there is to wait for. False: it is time to go. */
static bool look(bx_worker_pool *pool, watched *list)
{
    int64_t next_ns;
    size_t count = 0;
    bool is_ending;

    pthread_mutex_lock(&pool->mutex);
    next_ns = retire_idle(pool);
    list->timeout_ms = next_ns == INT64_MAX
                           ? -1
                           : (int)((next_ns - bx_now_ns()) / 1000000 < 60000
                                       ? (next_ns - bx_now_ns()) / 1000000 + 1
                                       : 60000);
    for (const bx_process *at = pool->processes; at != NULL; at = at->next)
        count++;
    if (make_watched_room(list, count)) {
        list->count = 0;
        for (bx_process *at = pool->processes; at != NULL; at = at->next) {
            if (at->state == BX_PROCESS_STARTING || at->pidfd < 0)
                continue;
            list->fds[2 + list->count] =
                (struct pollfd){ .fd = at->pidfd, .events = POLLIN };
            list->processes[list->count++] = at;
        }
    } else {
        list->timeout_ms = 100; /* no memory: the list is the old one, of
                                 * which some may be gone */
        list->count = 0;
    }
    is_ending = pool->is_ending && pool->processes == NULL;
    pthread_mutex_unlock(&pool->mutex);
    return !is_ending;
}

static void *keep(void *argument)
{
    bx_worker_pool *pool = argument;
    watched list = { .fds = pool->watched };
    uint64_t ignored;

    while (look(pool, &list)) {
        bx_wait wait;

        list.fds[0] = (struct pollfd){ .fd = pool->wake_fd, .events = POLLIN };
        list.fds[1] =
            (struct pollfd){ .fd = bx_template_client_pidfd(&pool->template_),
                             .events = POLLIN };
        if (poll(list.fds, 2 + list.count, list.timeout_ms) <= 0)
            continue;
        if (list.fds[0].revents != 0 &&
            read(pool->wake_fd, &ignored, sizeof(ignored)) < 0)
            ignored = 0;
        wait = bx_wait_for_ms(REAP_MS);
        for (size_t i = 0; i < list.count; i++) {
            if (list.fds[2 + i].revents != 0)
                bury(list.processes[i], &wait);
        }
        if (list.fds[1].revents != 0)
            bx_template_client_forget(&pool->template_);
    }
    free(list.fds);
    free(list.processes);
    return NULL;
}

static int start_keeper(bx_worker_pool *pool, bx_error **err)
{
    sigset_t all;
    sigset_t old;
    int failed;

    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake_fd < 0)
        return bx_error_set_errno(err, errno, "the workers' keeper");
    pool->watched = calloc(2, sizeof(*pool->watched));
    if (pool->watched == NULL)
        return bx_error_set_nomem(err);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&pool->keeper, NULL, keep, pool);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        free(pool->watched);
        return bx_error_set_errno(err, failed, "the workers' keeper");
    }
    pool->has_keeper = true;
    return 0;
}

/* ---- the pool -------------------------------------------------------- */

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
        start_keeper(pool, err) == 0)
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
            retire(at);
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
