/* What a live instance costs: a thousand of them, each having run. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "sandbox/instance.h"
#include "sandbox/result.h"
#include "sandbox/sandbox.h"

#define INSTANCES 1000

static bx_instance *start(const bx_sandbox *sandbox)
{
    const char *const argv[] = { "tool" };
    const bx_run_options options = BX_RUN_OPTIONS_INIT;
    const bx_run_extra extra = { NULL, NULL, NULL, 0 };
    bx_instance *instance = calloc(1, sizeof(*instance));
    bx_result *result = calloc(1, sizeof(*result));
    bx_error *err = NULL;

    if (bx_instance_open(instance, sandbox, 1, argv, &options, &extra, &err) <
            0 ||
        bx_instance_run(instance, NULL, result, &err) < 0)
        die("tool", err);
    if (bx_result_code(result) != BX_OK)
        die(bx_result_message(result), NULL);
    bx_result_free(result);
    return instance;
}

void bench_memory(const bench_paths *paths)
{
    static bx_instance *instances[INSTANCES];
    bx_policy *policy = bench_policy("wasm-timeout", "10m", NULL);
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_sandbox *sandbox = bench_sandbox(engine, paths->guests, "tool", policy);
    double begin;
    double tables;
    double kib;

    title("A thousand live instances of a small C tool");
    bx_instance_close(start(sandbox)); /* what the first one pays for all */
    begin = process_kib(getpid(), "smaps_rollup", "Pss:");
    tables = process_kib(getpid(), "status", "VmPTE:");
    for (int i = 0; i < INSTANCES; i++)
        instances[i] = start(sandbox);
    kib = (process_kib(getpid(), "smaps_rollup", "Pss:") - begin) / INSTANCES;
    tables = (process_kib(getpid(), "status", "VmPTE:") - tables) / INSTANCES;
    row("memory of each", kib, "KiB", 48, "target, KiB", kib / 48, "<= 48 KiB",
        kib <= 48);
    note("  page tables of each, besides", tables, "KiB");
    for (int i = 0; i < INSTANCES; i++) {
        bx_instance_close(instances[i]);
        free(instances[i]);
    }
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
}
