/* Guests in locked-down workers against guests in this process: a warm call, a
 * new box, and many callers at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "box.h"

#define ROUNDS 40
#define BATCH 50
#define CALLS (ROUNDS * BATCH)
#define NEW_BOXES 100
#define CALLERS_MAX 64
#define CALLERS_ALL 6400 /* calls, whoever makes them */

static const char input[] = "{\"path\": \"read.txt\"}";

/* ---- a warm call ---------------------------------------------------- */

typedef struct pair {
    double here[CALLS]; /* us */
    double there[CALLS];
} pair;

/* In turns; call(context, is_there) is one call. */
static void time_pair(pair *times, void (*call)(void *context, bool is_there),
                      void *context)
{
    for (int i = 0; i < 2 * BATCH; i++)
        call(context, i % 2 == 1);
    for (size_t i = 0; i < ROUNDS; i++) {
        for (int there = 0; there < 2; there++) {
            double *into = (there ? times->there : times->here) + i * BATCH;

            for (size_t j = 0; j < BATCH; j++) {
                double begin = now_us();

                call(context, there == 1);
                into[j] = now_us() - begin;
            }
        }
    }
}

static void show_pair(const char *name, pair *times)
{
    double here = median(times->here, CALLS);
    double there = median(times->there, CALLS);

    row(name, there, "us", here, "in process, us", there / here, "+ 60 us",
        there - here <= 60);
    note("  above the call in process", there - here, "us");
    note("  p99 in a worker", times->there[CALLS * 99 / 100], "us");
    note("  p99 in process", times->here[CALLS * 99 / 100], "us");
}

static void call_read(void *context, bool is_there)
{
    bench_box *boxes = context;

    bench_call(&boxes[is_there], "file-read", input, "line of text");
}

typedef struct noop_pair {
    bx_sandbox *here;
    bx_worker_box *there;
} noop_pair;

static void finish(int failed, bx_result *result, bx_error *err)
{
    if (failed < 0)
        die("run", err);
    if (bx_result_code(result) != BX_OK)
        die(bx_result_message(result), NULL);
    bx_result_free(result);
}

static void call_noop(void *context, bool is_there)
{
    static const char *const argv[] = { "noop" };
    const noop_pair *noop = context;
    bx_error *err = NULL;
    bx_result *result = NULL;
    int failed =
        is_there
            ? bx_worker_box_run(noop->there, 1, argv, NULL, NULL, &result, &err)
            : bx_sandbox_run(noop->here, 1, argv, NULL, &result, &err);

    finish(failed, result, err);
}

static void bench_noop(const bench_paths *paths, bx_worker_pool *pool,
                       bx_worker_module *module)
{
    static pair times;
    bx_policy *policy = bench_policy("wasm-timeout", "30s", NULL);
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_error *err = NULL;
    noop_pair noop = { .here =
                           bench_sandbox(engine, paths->guests, "noop", policy),
                       .there = bx_worker_box_new(pool, module, policy, &err) };

    if (noop.there == NULL)
        die("noop", err);
    time_pair(&times, call_noop, &noop);
    show_pair("a C guest that does nothing", &times);
    bx_worker_box_free(noop.there);
    bx_sandbox_free(noop.here);
    bx_engine_free(engine);
    bx_policy_free(policy);
}

static void bench_read(const bench_paths *paths, bench_box *boxes)
{
    static pair times;
    double each;
    double warm;

    time_pair(&times, call_read, boxes);
    show_pair("file-read of 10 KiB", &times);
    warm = median(times.there, CALLS);
    each = bench_time_engine_each(paths, &boxes[0], "file-read", input,
                                  "line of text");
    row("file-read of 10 KiB", warm, "us", each, "engine each call, us",
        each / warm, ">= 15x", each / warm >= 15);
}

/* ---- a new box ------------------------------------------------------ */

static void show_new(const char *name, double *ms)
{
    double middle = median(ms, NEW_BOXES);

    row(name, middle, "ms", ms[NEW_BOXES * 99 / 100], "p99, ms",
        ms[NEW_BOXES * 99 / 100] / middle, "<= 5 ms", middle <= 5);
}

/* Fork, policy, lockdown, module, first call. */
static void bench_new_noop(bx_worker_pool *pool, bx_worker_module *module)
{
    static bx_worker_box *boxes[NEW_BOXES];
    double ms[NEW_BOXES];

    for (int i = 0; i < NEW_BOXES; i++) {
        char timeout[32];
        bx_policy *policy;
        noop_pair noop = { NULL, NULL };
        bx_error *err = NULL;
        double begin;

        snprintf(timeout, sizeof(timeout), "%dms", 30001 + i);
        policy = bench_policy("wasm-timeout", timeout, NULL);
        begin = now_us();
        noop.there = boxes[i] = bx_worker_box_new(pool, module, policy, &err);
        if (boxes[i] == NULL)
            die("box", err);
        call_noop(&noop, true);
        ms[i] = (now_us() - begin) / 1e3;
        bx_policy_free(policy);
    }
    show_new("a C guest that does nothing", ms);
    for (int i = 0; i < NEW_BOXES; i++)
        bx_worker_box_free(boxes[i]);
}

/* The same through the registry. */
static void bench_new_tool(bench_box *box, const char *name,
                           const char *tool_input, const char *expected)
{
    double ms[NEW_BOXES];

    bench_call(box, name, tool_input, expected);
    for (int i = 0; i < NEW_BOXES; i++)
        ms[i] = bench_call_new(box, name, tool_input, expected) / 1e3;
    show_new(name, ms);
}

/* ---- many callers --------------------------------------------------- */

typedef struct caller {
    bench_box *box;
    double *times; /* calls of them, us */
    size_t calls;
} caller;

static void *call_many(void *argument)
{
    const caller *me = argument;

    for (size_t i = 0; i < me->calls; i++) {
        double begin = now_us();

        bench_call(me->box, "file-read", input, "line of text");
        me->times[i] = now_us() - begin;
    }
    return NULL;
}

/* Calls a second; times, of CALLERS_ALL, is sorted. */
static double time_callers(bench_box *box, size_t count, double *times)
{
    caller callers[CALLERS_MAX];
    pthread_t threads[CALLERS_MAX];
    double begin = now_us();

    for (size_t i = 0; i < count; i++) {
        size_t calls = CALLERS_ALL / count;

        callers[i] = (caller){ box, times + i * calls, calls };
        pthread_create(&threads[i], NULL, call_many, &callers[i]);
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    begin = now_us() - begin;
    (void)median(times, CALLERS_ALL);
    return CALLERS_ALL / (begin / 1e6);
}

static void bench_callers(bench_box *boxes)
{
    static const size_t counts[] = { 1, 8, CALLERS_MAX };
    static double times[2][CALLERS_ALL];

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        double rates[2][5];
        double rate[2];
        char name[64];

        for (size_t j = 0; j < 5; j++) {
            for (int k = 0; k < 2; k++)
                rates[k][j] = time_callers(&boxes[k], counts[i], times[k]);
        }
        for (int k = 0; k < 2; k++)
            rate[k] = median(rates[k], 5) / 1e3;
        snprintf(name, sizeof(name), "%zu caller%s, workers", counts[i],
                 counts[i] == 1 ? "" : "s");
        compared(name, rate[1], "k/s", rate[0], "in process, k/s",
                 rate[1] / rate[0]);
        note("  p50 in a worker", times[1][CALLERS_ALL / 2], "us");
        note("  p99 in a worker", times[1][CALLERS_ALL * 99 / 100], "us");
        note("  p99 in process", times[0][CALLERS_ALL * 99 / 100], "us");
    }
}

void bench_worker(const bench_paths *paths)
{
    static bench_box boxes[2];
    bench_box_kind kind = { .name = "worker" };
    bx_worker_module *module;
    char path[1200];

    bench_box_open(&boxes[0], paths, &kind);
    kind = (bench_box_kind){ .name = "worker-there",
                             .workspace = boxes[0].workspace,
                             .has_workers = true };
    bench_box_open(&boxes[1], paths, &kind);
    snprintf(path, sizeof(path), "%s/read.txt", boxes[0].workspace);
    bench_write_file(path, "a line of text, forty bytes with its end\n", 10240);
    module = bench_worker_module(boxes[1].workers, paths->guests, "noop");

    title("A warm call in a locked-down worker (p50)");
    bench_noop(paths, boxes[1].workers, module);
    bench_read(paths, boxes);
    title("A new box: fork, policy, lockdown, first call");
    bench_new_noop(boxes[1].workers, module);
    bench_new_tool(&boxes[1], "file-read", input, "line of text");
    bench_new_tool(&boxes[1], "python-execute", "{\"code\": \"print(6*7)\"}",
                   "42");
    title("Callers of file-read at once, thousand calls a second");
    bench_callers(boxes);
    bx_worker_module_free(module);
    bench_box_close(&boxes[1]);
    bench_box_close(&boxes[0]);
}
