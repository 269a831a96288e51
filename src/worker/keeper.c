#include "worker/keeper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/run.h"

#define REAP_MS 1000     /* of all that ended together */
#define NO_MEMORY_MS 100 /* then it is tried again */
#define LONGEST_MS 60000

/* ---- ends ------------------------------------------------------------ */

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

/* Its pidfd says that it ended. wait: for the template to say how. */
static void bury(bx_process *process, const bx_wait *wait)
{
    bx_worker_pool *pool = process->pool;
    bx_autofree char *cause = NULL;
    bx_autoerror bx_error *err = NULL;
    bool is_exited = false;
    int status = 0;

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
    if (process->cause == NULL)
        process->cause = bx_take(cause);
    bx_pool_bury(process);
    pthread_mutex_unlock(&pool->mutex);
    bx_process_unref(process);
}

/* With the mutex: it did what no worker does. */
static void expel(bx_process *process, char *cause)
{
    if (process->state != BX_PROCESS_READY) {
        free(cause);
        return;
    }
    if (process->cause == NULL)
        process->cause = bx_take(cause);
    free(cause);
    process->pool->lost++;
    bx_pool_retire(process);
}

/* ---- what is watched -------------------------------------------------- */

typedef enum watched_what {
    WATCHED_POOL, /* the two below */
    WATCHED_END,
    WATCHED_CONTROL,
    WATCHED_LINE
} watched_what;

enum { WAKE_ROW, TEMPLATE_ROW, POOL_ROWS };

typedef struct watched_row {
    watched_what what;
    bx_process *process; /* in the list until the keeper buries it */
} watched_row;

typedef struct watched {
    struct pollfd *fds;
    watched_row *rows; /* of each */
    size_t count;
    size_t room;
    int64_t next_ns; /* when to look again */
} watched;

static bool make_room(watched *list, size_t count)
{
    struct pollfd *fds;
    watched_row *rows;

    if (count <= list->room)
        return true;
    count *= 2;
    fds = realloc(list->fds, count * sizeof(*fds));
    if (fds != NULL)
        list->fds = fds;
    rows = realloc(list->rows, count * sizeof(*rows));
    if (rows != NULL)
        list->rows = rows;
    if (fds == NULL || rows == NULL)
        return false;
    list->room = count;
    return true;
}

static void watch(watched *list, watched_what what, int fd, bx_process *process)
{
    short events = what == WATCHED_CONTROL || what == WATCHED_LINE
                       ? POLLIN | POLLRDHUP
                       : POLLIN;

    list->fds[list->count] = (struct pollfd){ .fd = fd, .events = events };
    list->rows[list->count++] = (watched_row){ what, process };
}

static void look_again_in(watched *list, int64_t wait_ns)
{
    int64_t next_ns = bx_now_ns() + wait_ns;

    if (next_ns < list->next_ns)
        list->next_ns = next_ns;
}

/* ---- idle ones --------------------------------------------------------- */

static bool is_idle(const bx_process *process)
{
    return process->calls == 0 && process->sessions == 0;
}

/* End what was idle for long enough. One at work is looked at as if it became
 * idle now: a call that ends wakes nobody. */
static void retire_idle(bx_process *process, watched *list)
{
    int64_t now_ns = bx_now_ns();
    int64_t since_ns = is_idle(process) ? process->idle_since_ns : now_ns;
    int64_t due_ns = since_ns + (int64_t)process->pool->idle_ms * 1000000;

    if (due_ns <= now_ns)
        bx_pool_retire(process);
    else
        look_again_in(list, due_ns - now_ns);
}

/* Of all its threads; -1: nobody knows. Its number is its own until it is
 * buried. */
static int64_t cpu_ns(const bx_process *process)
{
    clockid_t clock;
    struct timespec used;

    if (clock_getcpuclockid(process->pid, &clock) != 0 ||
        clock_gettime(clock, &used) < 0)
        return -1;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* Guests run in calls, and in a worker without any nothing else has much to do:
 * who does, has been taken over. */
static void expel_hog(bx_process *process, watched *list)
{
    int64_t now_ns = bx_now_ns();
    int64_t used_ns = cpu_ns(process);
    int64_t most_ns;
    char *cause = NULL;

    if (process->uses != process->uses_seen || process->seen_ns == 0) {
        process->uses_seen = process->uses;
        process->seen_ns = now_ns;
        process->seen_cpu_ns = used_ns;
    }
    most_ns = BX_KEEPER_CPU_MS * INT64_C(1000000) +
              (now_ns - process->seen_ns) / BX_KEEPER_CPU_SHARE;
    used_ns -= process->seen_cpu_ns;
    if (used_ns <= most_ns) {
        look_again_in(list, BX_KEEPER_CPU_LOOK_MS * INT64_C(1000000));
        return;
    }
    if (asprintf(&cause,
                 "the worker used %lld ms of a processor while it had no call",
                 (long long)(used_ns / 1000000)) < 0)
        cause = NULL;
    expel(process, cause);
}

/* A line that a call may take any moment is looked at later: each call would
 * wake the keeper otherwise. One that was not used since it looked last is
 * watched. */
static void watch_lines(bx_process *process, watched *list)
{
    for (bx_line *line = process->idle; line != NULL; line = line->next) {
        if (line->uses == line->uses_seen) {
            watch(list, WATCHED_LINE, line->channel.fd, process);
            continue;
        }
        line->uses_seen = line->uses;
        look_again_in(list, BX_KEEPER_LOOK_MS * INT64_C(1000000));
    }
    /* Its lines come back, and nobody says so. */
    if (process->calls > 0)
        look_again_in(list, BX_KEEPER_LOOK_MS * INT64_C(1000000));
}

/* ---- looking ------------------------------------------------------------ */

static void look_at(bx_process *process, watched *list)
{
    if (process->state == BX_PROCESS_READY)
        retire_idle(process, list);
    if (process->state == BX_PROCESS_READY && process->calls == 0)
        expel_hog(process, list);
    if (process->state == BX_PROCESS_STARTING || process->pidfd < 0)
        return;
    watch(list, WATCHED_END, process->pidfd, process);
    if (process->state != BX_PROCESS_READY)
        return;
    if (!process->is_shut)
        watch(list, WATCHED_CONTROL, process->control.fd, process);
    watch_lines(process, list);
}

static size_t count_fds(const bx_worker_pool *pool)
{
    size_t count = POOL_ROWS;

    for (const bx_process *at = pool->processes; at != NULL; at = at->next) {
        count += 2;
        for (const bx_line *line = at->idle; line != NULL; line = line->next)
            count++;
    }
    return count;
}

/* What there is to wait for. False: it is time to go. */
static bool look(bx_worker_pool *pool, watched *list)
{
    bool is_ending;

    list->count = 0;
    list->next_ns = bx_now_ns() + LONGEST_MS * INT64_C(1000000);
    watch(list, WATCHED_POOL, pool->wake_fd, NULL);
    watch(list, WATCHED_POOL, bx_template_client_pidfd(&pool->template_), NULL);
    pthread_mutex_lock(&pool->mutex);
    if (make_room(list, count_fds(pool))) {
        for (bx_process *at = pool->processes; at != NULL; at = at->next)
            look_at(at, list);
    } else {
        look_again_in(list, NO_MEMORY_MS * INT64_C(1000000));
    }
    is_ending = pool->is_ending && pool->processes == NULL;
    pthread_mutex_unlock(&pool->mutex);
    return !is_ending;
}

/* ---- what came ---------------------------------------------------------- */

static short look_into(int fd)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN | POLLRDHUP };

    return poll(&poller, 1, 0) > 0 ? poller.revents : 0;
}

/* With the mutex: nobody asked, so that nothing is to be said. Descriptors that
 * wait in a socket count against the host's user, and nobody would take them. A
 * closed end is that of one that dies, most of the time. */
static void judge(bx_process *process, int fd)
{
    bx_line *line = process->idle;
    short events;

    while (line != NULL && line->channel.fd != fd)
        line = line->next;
    if (process->state != BX_PROCESS_READY ||
        (line == NULL && process->control.fd != fd))
        return; /* a call has it, or had */
    events = look_into(fd);
    if ((events & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
        process->is_spent = true;
        if (line != NULL)
            bx_process_drop_idle(process, line);
        else
            process->is_shut = true;
    } else if ((events & POLLIN) != 0) {
        expel(process, strdup("the worker spoke though nobody asked"));
    }
}

static void take(bx_worker_pool *pool, const watched *list)
{
    const bx_wait wait = bx_wait_for_ms(REAP_MS);
    uint64_t ignored;

    pthread_mutex_lock(&pool->mutex);
    for (size_t i = 0; i < list->count; i++) {
        if (list->fds[i].revents != 0 && list->rows[i].what >= WATCHED_CONTROL)
            judge(list->rows[i].process, list->fds[i].fd);
    }
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < list->count; i++) {
        if (list->fds[i].revents != 0 && list->rows[i].what == WATCHED_END)
            bury(list->rows[i].process, &wait);
    }
    if (list->fds[TEMPLATE_ROW].revents != 0)
        bx_template_client_forget(&pool->template_);
    if (list->fds[WAKE_ROW].revents != 0 &&
        read(pool->wake_fd, &ignored, sizeof(ignored)) < 0)
        ignored = 0;
}

static void *keep(void *argument)
{
    watched list = { NULL, NULL, 0, 0, 0 };
    bx_worker_pool *pool = argument;

    while (!make_room(&list, POOL_ROWS))
        (void)poll(NULL, 0, NO_MEMORY_MS);
    while (look(pool, &list)) {
        int64_t left_ns = list.next_ns - bx_now_ns();

        if (poll(list.fds, list.count,
                 left_ns <= 0 ? 0 : (int)(left_ns / 1000000) + 1) > 0)
            take(pool, &list);
    }
    free(list.fds);
    free(list.rows);
    return NULL;
}

int bx_keeper_start(bx_worker_pool *pool, bx_error **err)
{
    sigset_t all;
    sigset_t old;
    int failed;

    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pool->wake_fd < 0)
        return bx_error_set_errno(err, errno, "the workers' keeper");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&pool->keeper, NULL, keep, pool);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0)
        return bx_error_set_errno(err, failed, "the workers' keeper");
    pool->has_keeper = true;
    return 0;
}
