#include "sandbox/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/run.h"

/* How often an overdue guest is reminded, and a cancellable one looked at. A
 * guest that was in a host call at the tick meets the next one. */
#define TICK_NS 10000000

#define MAX_ENGINES 32

struct bx_watchdog {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    pthread_t thread;
    bool has_thread;
    pid_t pid; /* a child of fork() has no such thread */
    bool is_ending;
    int64_t wakes_ns; /* when the thread will look; INT64_MAX: when told */
    bx_watch *first;
    wasm_engine_t *engines[MAX_ENGINES];
    size_t engines_count;
};

bx_watchdog *bx_watchdog_new(bx_error **err)
{
    bx_watchdog *dog = calloc(1, sizeof(*dog));
    pthread_condattr_t attr;

    if (dog == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&dog->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&dog->changed, &attr);
    pthread_condattr_destroy(&attr);
    dog->wakes_ns = INT64_MAX;
    dog->pid = getpid();
    return dog;
}

void bx_watchdog_free(bx_watchdog *dog)
{
    if (dog == NULL)
        return;
    if (dog->pid != getpid()) {
        free(dog);
        return;
    }
    pthread_mutex_lock(&dog->mutex);
    dog->is_ending = true;
    pthread_cond_signal(&dog->changed);
    pthread_mutex_unlock(&dog->mutex);
    if (dog->has_thread)
        pthread_join(dog->thread, NULL);
    pthread_cond_destroy(&dog->changed);
    pthread_mutex_destroy(&dog->mutex);
    free(dog);
}

void bx_watchdog_watch(bx_watchdog *dog, wasm_engine_t *engine)
{
    pthread_mutex_lock(&dog->mutex);
    if (dog->engines_count < MAX_ENGINES)
        dog->engines[dog->engines_count++] = engine;
    pthread_mutex_unlock(&dog->mutex);
}

/* When the next run wants attention, seen at now; is_due: one does already. */
static int64_t next_wake(const bx_watchdog *dog, int64_t now, bool *is_due)
{
    int64_t wake = INT64_MAX;

    *is_due = false;
    for (bx_watch *w = dog->first; w != NULL; w = w->next) {
        int64_t at = w->deadline_ns;

        if (at <= now)
            atomic_store_explicit(&w->is_due, true, memory_order_relaxed);
        if (at <= now || w->is_cancellable) {
            *is_due = true;
            at = now + TICK_NS;
        }
        if (at < wake)
            wake = at;
    }
    return wake;
}

static void *watch_deadlines(void *argument)
{
    bx_watchdog *dog = argument;

    pthread_mutex_lock(&dog->mutex);
    while (!dog->is_ending) {
        bool is_due;

        dog->wakes_ns = next_wake(dog, bx_now_ns(), &is_due);
        for (size_t i = 0; is_due && i < dog->engines_count; i++)
            wasmtime_engine_increment_epoch(dog->engines[i]);
        if (dog->wakes_ns == INT64_MAX) {
            pthread_cond_wait(&dog->changed, &dog->mutex);
        } else {
            struct timespec at = { .tv_sec = dog->wakes_ns / 1000000000,
                                   .tv_nsec = dog->wakes_ns % 1000000000 };

            pthread_cond_timedwait(&dog->changed, &dog->mutex, &at);
        }
    }
    pthread_mutex_unlock(&dog->mutex);
    return NULL;
}

/* Signals are the program's: none is delivered to this thread. */
static int start_thread(bx_watchdog *dog, bx_error **err)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t old;
    int failed;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&dog->thread, &attr, watch_deadlines, dog);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (failed != 0)
        return bx_error_set_errno(err, failed, "the watchdog's thread");
    dog->has_thread = true;
    return 0;
}

int bx_watchdog_adopt(bx_watchdog *dog, bx_error **err)
{
    if (dog->has_thread)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the engine has run guests in process %d; expected "
                            "one that ran none before fork()",
                            (int)dog->pid);
    dog->pid = getpid();
    return 0;
}

int bx_watchdog_check_process(const bx_watchdog *dog, bx_error **err)
{
    if (dog->pid == getpid())
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "the engine belongs to process %d; expected one made "
                        "in this process, after fork()",
                        (int)dog->pid);
}

int bx_watchdog_add(bx_watchdog *dog, bx_watch *watch, bx_error **err)
{
    int64_t wake =
        watch->is_cancellable ? bx_now_ns() + TICK_NS : watch->deadline_ns;
    int result = 0;

    if (bx_watchdog_check_process(dog, err) < 0)
        return -1;
    pthread_mutex_lock(&dog->mutex);
    if (!dog->has_thread)
        result = start_thread(dog, err);
    if (result == 0) {
        watch->prev = NULL;
        watch->next = dog->first;
        if (dog->first != NULL)
            dog->first->prev = watch;
        dog->first = watch;
        /* A thread that wakes early finds nothing due and sleeps on: runs
         * that come one after another need no signal. */
        if (wake < dog->wakes_ns) {
            dog->wakes_ns = wake;
            pthread_cond_signal(&dog->changed);
        }
    }
    pthread_mutex_unlock(&dog->mutex);
    return result;
}

void bx_watchdog_move(bx_watchdog *dog, bx_watch *watch, int64_t deadline_ns)
{
    pthread_mutex_lock(&dog->mutex);
    watch->deadline_ns = deadline_ns;
    atomic_store_explicit(&watch->is_due, false, memory_order_relaxed);
    if (deadline_ns < dog->wakes_ns) {
        dog->wakes_ns = deadline_ns;
        pthread_cond_signal(&dog->changed);
    }
    pthread_mutex_unlock(&dog->mutex);
}

void bx_watchdog_remove(bx_watchdog *dog, bx_watch *watch)
{
    pthread_mutex_lock(&dog->mutex);
    if (watch->prev != NULL)
        watch->prev->next = watch->next;
    else
        dog->first = watch->next;
    if (watch->next != NULL)
        watch->next->prev = watch->prev;
    pthread_mutex_unlock(&dog->mutex);
}
