/* Thousands of instances live in one worker: each has said so and waits for the
 * end of its input. Live is counted thrice: what the guests wrote, the calls
 * that the pool has under way, and the threads of the worker. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "box.h"

#define INSTANCES 5000
#define SPARE 16
#define ANSWERS 200
#define STACK_BYTES (256u << 10)

typedef struct bench_crowd {
    bx_worker_box *box;
    int words[2]; /* a pipe: a byte from each guest that lives */
    int end[2];   /* a pipe that ends when all may */
    pthread_mutex_t mutex;
    size_t failed;
    char why[256]; /* the first failure */
} bench_crowd;

static int run_guest(bench_crowd *crowd, bool waits, char *why,
                     size_t why_bytes)
{
    const char *const argv[] = { "wait", "answer" };
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result = NULL;
    bx_error *err = NULL;
    int is_good = 0;

    if (waits) {
        options.stdin_fd = crowd->end[0];
        options.stdout_fd = crowd->words[1];
    }
    if (bx_worker_box_run(crowd->box, waits ? 1 : 2, argv, &options, NULL,
                          &result, &err) < 0)
        snprintf(why, why_bytes, "%s", bx_error_message(err));
    else if (bx_result_code(result) != BX_OK ||
             bx_result_exit_code(result) != 0)
        snprintf(why, why_bytes, "%s%s", bx_result_message(result),
                 bx_result_stderr(result, NULL));
    else
        is_good = 1;
    bx_result_free(result);
    bx_error_free(err);
    return is_good ? 0 : -1;
}

static void *wait_there(void *argument)
{
    bench_crowd *crowd = argument;
    char why[256];

    if (run_guest(crowd, true, why, sizeof(why)) == 0)
        return NULL;
    pthread_mutex_lock(&crowd->mutex);
    if (crowd->failed++ == 0)
        memcpy(crowd->why, why, sizeof(why));
    pthread_mutex_unlock(&crowd->mutex);
    /* Whoever counts must not wait for it. */
    return write(crowd->words[1], "-", 1) == 1 ? NULL : argument;
}

/* A word from each; returns how many live. */
static size_t count_words(const bench_crowd *crowd)
{
    char words[4096];
    size_t heard = 0;
    size_t live = 0;

    while (heard < INSTANCES) {
        ssize_t got = read(crowd->words[0], words, sizeof(words));

        if (got < 0 && errno != EINTR)
            die("the guests' pipe", NULL);
        for (ssize_t i = 0; i < got; i++)
            live += words[i] == '+';
        heard += got < 0 ? 0 : (size_t)got;
    }
    return live;
}

/* Processor time of a process, ms. */
static double cpu_ms(pid_t pid)
{
    struct timespec used = { 0 };
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) == 0)
        (void)clock_gettime(clock, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static void show_waiting(bench_crowd *crowd, pid_t pid)
{
    const struct timespec pause = { .tv_sec = 2 };
    double times[ANSWERS];
    double there = cpu_ms(pid);
    double here = cpu_ms(getpid());
    char why[256];

    nanosleep(&pause, NULL);
    note("processor of the worker, waiting", (cpu_ms(pid) - there) / 2,
         "ms a second");
    note("  and of this process", (cpu_ms(getpid()) - here) / 2, "ms a second");
    for (size_t i = 0; i < ANSWERS; i++) {
        double begin = now_us();

        if (run_guest(crowd, false, why, sizeof(why)) < 0)
            die(why, NULL);
        times[i] = now_us() - begin;
    }
    (void)median(times, ANSWERS);
    note("another call meanwhile, p50", times[ANSWERS / 2], "us");
    note("  p99", times[ANSWERS * 99 / 100], "us");
}

static void show_memory(pid_t pid, double before, double tables)
{
    double pss = process_kib(pid, "smaps_rollup", "Pss:");

    if (pss < 0 || before < 0)
        puts("  not read: /proc/PID/smaps_rollup of a worker is root's");
    else
        note("memory of each in the worker", (pss - before) / INSTANCES, "KiB");
    note("  page tables of each, besides",
         (process_kib(pid, "status", "VmPTE:") - tables) / INSTANCES, "KiB");
}

static void bench_guests(bx_worker_pool *pool, bench_crowd *crowd)
{
    static pthread_t threads[INSTANCES];
    bx_worker_stats stats;
    pthread_attr_t attr;
    double begin = now_us();
    double before;
    double tables;
    double here = process_kib(getpid(), "smaps_rollup", "Pss:");
    size_t live;
    int pid;

    if (bx_worker_pool_pids(pool, &pid, 1) != 1)
        die("no worker", NULL);
    before = process_kib(pid, "smaps_rollup", "Pss:");
    tables = process_kib(pid, "status", "VmPTE:");
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (size_t i = 0; i < INSTANCES; i++) {
        if (pthread_create(&threads[i], &attr, wait_there, crowd) != 0)
            die("a thread", NULL);
    }
    pthread_attr_destroy(&attr);
    live = count_words(crowd);
    begin = now_us() - begin;
    bx_worker_pool_stats(pool, &stats);
    row("guests that said so and wait", (double)live, "", INSTANCES, "wanted",
        (double)live / INSTANCES, "all", live == INSTANCES);
    if (crowd->failed > 0)
        printf("  the first that failed: %s\n", crowd->why);
    note("calls under way, as the pool counts", stats.calls, "");
    note("threads of that worker", process_kib(pid, "status", "Threads:"), "");
    note("to start them all", begin / 1e3, "ms");
    show_memory(pid, before, tables);
    note("  and of each in this process",
         (process_kib(getpid(), "smaps_rollup", "Pss:") - here) / INSTANCES,
         "KiB");
    show_waiting(crowd, pid);

    begin = now_us();
    close(crowd->end[1]);
    for (size_t i = 0; i < INSTANCES; i++)
        pthread_join(threads[i], NULL);
    note("to end them all", (now_us() - begin) / 1e3, "ms");
    bx_worker_pool_stats(pool, &stats);
    if (stats.workers != 1 || stats.started != 1 || stats.calls != 0)
        die("it was not one worker all the time", NULL);
}

/* Instances that stay between calls. */
static void bench_sessions(bx_worker_pool *pool, const bx_policy *policy,
                           bx_worker_module *module)
{
    static bx_worker_session *sessions[INSTANCES];
    bx_error *err = NULL;
    bx_worker_box *box = bx_worker_box_new(pool, module, policy, &err);
    double begin = now_us();
    double before;
    int pid;

    if (box == NULL || bx_worker_pool_pids(pool, &pid, 1) != 1)
        die("sessions", err);
    before = process_kib(pid, "smaps_rollup", "Pss:");
    for (int round = 0; round < 2; round++) {
        char expected[16];

        snprintf(expected, sizeof(expected), "%d", round + 1);
        for (size_t i = 0; i < INSTANCES; i++) {
            bx_result *result;

            if (round == 0)
                sessions[i] = bx_worker_session_open(box, NULL, &err);
            if (sessions[i] == NULL ||
                bx_worker_session_invoke(sessions[i], "count", NULL, NULL,
                                         &result, &err) < 0)
                die("session", err);
            if (bx_result_value(result) == NULL ||
                strcmp(bx_result_value(result), expected) != 0)
                die("a session forgot", NULL);
            bx_result_free(result);
        }
        note(round == 0 ? "to open them and call each" : "to call each again",
             (now_us() - begin) / 1e3, "ms");
        begin = now_us();
    }
    if (before >= 0)
        note("memory of each in the worker",
             (process_kib(pid, "smaps_rollup", "Pss:") - before) / INSTANCES,
             "KiB");
    begin = now_us();
    for (size_t i = 0; i < INSTANCES; i++)
        bx_worker_session_close(sessions[i]);
    note("to end them all", (now_us() - begin) / 1e3, "ms");
    bx_worker_box_free(box);
}

static void raise_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

void bench_live(const bench_paths *paths)
{
    bx_worker_pool *pool = bench_pool(paths, INSTANCES + SPARE);
    bx_worker_module *module = bench_worker_module(pool, paths->guests, "wait");
    bx_policy *policy = bench_policy("wasm-timeout", "30m", NULL);
    bench_crowd crowd = { .mutex = PTHREAD_MUTEX_INITIALIZER };
    bx_error *err = NULL;
    char components[600];
    char why[256];

    title("5,000 instances live at once in one locked-down worker");
    raise_files();
    crowd.box = bx_worker_box_new(pool, module, policy, &err);
    if (crowd.box == NULL)
        die("wait", err);
    if (pipe2(crowd.words, O_CLOEXEC) < 0 || pipe2(crowd.end, O_CLOEXEC) < 0)
        die("a pipe", NULL);
    /* What the first one pays for all. */
    if (run_guest(&crowd, false, why, sizeof(why)) < 0)
        die(why, NULL);
    bench_guests(pool, &crowd);
    bx_worker_box_free(crowd.box);
    bx_worker_module_free(module);
    bx_worker_pool_free(pool);
    close(crowd.words[0]);
    close(crowd.words[1]);
    close(crowd.end[0]);

    title("5,000 sessions of a component (Rust) live in one worker");
    snprintf(components, sizeof(components), "%s/component", paths->guests);
    pool = bench_pool(paths, INSTANCES + SPARE);
    module = bench_worker_module(pool, components, "typed");
    bench_sessions(pool, policy, module);
    bx_worker_module_free(module);
    bx_worker_pool_free(pool);
    bx_policy_free(policy);
}
