/* From nothing to a finished run: warm, with an engine for each call, and as a
 * process of its own; compile time; throughput over threads. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const char *const argv_one[] = { "guest" };

static void run_once(const bx_sandbox *sandbox)
{
    bx_error *err = NULL;
    bx_result *result;

    if (bx_sandbox_run(sandbox, 1, argv_one, NULL, &result, &err) < 0)
        die("run", err);
    if (bx_result_code(result) != BX_OK)
        die(bx_result_message(result), NULL);
    bx_result_free(result);
}

/* Median of 20 batches, us for each run. */
static double time_warm(const bx_sandbox *sandbox, size_t batch)
{
    double times[20];

    for (size_t i = 0; i < 20; i++) {
        double begin = now_us();

        for (size_t j = 0; j < batch; j++)
            run_once(sandbox);
        times[i] = (now_us() - begin) / (double)batch;
    }
    return median(times, 20);
}

static double time_engine_each(const bench_paths *paths,
                               const bx_policy *policy)
{
    double times[40];

    for (size_t i = 0; i < 40; i++) {
        double begin = now_us();
        bx_engine *engine = bx_engine_new(NULL, NULL);
        bx_sandbox *sandbox =
            bench_sandbox(engine, paths->guests, "noop", policy);

        run_once(sandbox);
        bx_sandbox_free(sandbox);
        bx_engine_free(engine);
        times[i] = now_us() - begin;
    }
    return median(times, 40);
}

static double time_processes(const char *const *argv)
{
    double times[101];

    for (size_t i = 0; i < 101; i++)
        times[i] = time_process(argv);
    return median(times, 101);
}

void bench_start(const bench_paths *paths)
{
    bx_policy *policy = bench_policy("wasm-timeout", "30s", NULL);
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_sandbox *sandbox = bench_sandbox(engine, paths->guests, "noop", policy);
    char module[1024];
    const char *const cold[] = { paths->program, "run", module, NULL };
    static const char *const nothing[] = { "/bin/true", NULL };
    double warm;
    double each;
    double process;
    double baseline;

    snprintf(module, sizeof(module), "%s/noop.wasm", paths->guests);
    title("Start to end of a small C module (store, instance, run, drop)");
    (void)time_warm(sandbox, 500);
    warm = time_warm(sandbox, 1000);
    each = time_engine_each(paths, policy);
    row("warm", warm, "us", each, "engine each call, us", each / warm, ">= 50x",
        each / warm >= 50);
    (void)time_process(cold);
    process = time_processes(cold) / 1e3;
    baseline = time_processes(nothing) / 1e3;
    row("cold process, boxagnts run", process, "ms", baseline, "/bin/true, ms",
        process / baseline, "+ 5 ms", process - baseline <= 5);
    note("  above /bin/true", process - baseline, "ms");
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
}

void bench_script(const bench_paths *paths)
{
    bx_policy *policy = bench_policy("wasm-timeout", "30s", NULL);
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_sandbox *sandbox =
        bench_sandbox(engine, paths->tools, "js-execute", policy);
    const char *const argv[] = { "js", "-e", "console.log(1n+2n)" };
    static const char *const node[] = { "node", "-e", "console.log(1n+2n)",
                                        NULL };
    double times[201];
    double ours;
    double theirs;

    title("console.log(1n+2n) in JavaScript");
    for (size_t i = 0; i < 201; i++) {
        bx_error *err = NULL;
        bx_result *result;
        double begin = now_us();

        if (bx_sandbox_run(sandbox, 3, argv, NULL, &result, &err) < 0)
            die("js", err);
        if (strcmp(bx_result_stdout(result, NULL), "3n\n") != 0)
            die(bx_result_stderr(result, NULL), NULL);
        bx_result_free(result);
        times[i] = now_us() - begin;
    }
    ours = median(times, 201) / 1e3;
    for (size_t i = 0; i < 21; i++)
        times[i] = time_process(node);
    theirs = median(times, 21) / 1e3;
    row("fresh sandbox", ours, "ms", theirs, "node -e, ms", theirs / ours,
        ">= 20x", theirs / ours >= 20);
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
}

#define RUNS_A_THREAD 20000

static void *run_many(void *sandbox)
{
    for (int i = 0; i < RUNS_A_THREAD; i++)
        run_once(sandbox);
    return NULL;
}

void bench_threads(const bench_paths *paths)
{
    bx_policy *policy = bench_policy("wasm-timeout", "30s", NULL);
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_sandbox *sandbox = bench_sandbox(engine, paths->guests, "noop", policy);

    title("Throughput of small runs");
    for (size_t count = 1; count <= 8; count *= 2) {
        pthread_t threads[8];
        double begin = now_us();
        char name[64];

        for (size_t i = 0; i < count; i++)
            pthread_create(&threads[i], NULL, run_many, sandbox);
        for (size_t i = 0; i < count; i++)
            pthread_join(threads[i], NULL);
        snprintf(name, sizeof(name), "%zu thread%s", count,
                 count == 1 ? "" : "s");
        note(name,
             (double)count * RUNS_A_THREAD / ((now_us() - begin) / 1e6) / 1e3,
             "thousand runs a second");
    }
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
}

void bench_compile(const bench_paths *paths)
{
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_policy *off = bench_policy("wasm-cache-dir", "", NULL);
    bx_policy *on;
    bx_error *err = NULL;
    char path[1024];
    char cache[1024];
    double times[2][5];

    title("Compiling the JavaScript tool");
    snprintf(path, sizeof(path), "%s/js-execute.wasm", paths->tools);
    snprintf(cache, sizeof(cache), "%s/cache", paths->scratch);
    on = bench_policy("wasm-cache-dir", cache, NULL);
    bx_module_free(bx_module_load(engine, path, on, &err));
    for (size_t i = 0; i < 5; i++) {
        for (int j = 0; j < 2; j++) {
            double begin = now_us();
            bx_module *module =
                bx_module_load(engine, path, j == 0 ? off : on, &err);

            if (module == NULL)
                die(path, err);
            times[j][i] = (now_us() - begin) / 1e3;
            if (bx_module_is_cached(module) != (j == 1))
                die("the cache did not answer as expected", NULL);
            bx_module_free(module);
        }
    }
    note("compile", median(times[0], 5), "ms");
    note("cache hit, verified", median(times[1], 5), "ms");
    note("  compile / hit", median(times[0], 5) / median(times[1], 5), "x");
    bx_policy_free(on);
    bx_policy_free(off);
    bx_engine_free(engine);
}
