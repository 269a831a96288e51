/* File calls of a component: through our implementation of WASI 0.2, and the
 * same component under Wasmtime's own (bench/stock), which bench/run builds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define ROUNDS 5
#define NAME "bench_files"

static const struct {
    const char *name;
    const char *iterations;
} cases[] = {
    { "open_close", "5000" },
    { "stat", "5000" },
    { "write4k", "5000" },
    { "readdir", "500" },
};

static double ours(const bx_sandbox *sandbox, size_t index)
{
    const char *const argv[] = { NAME, cases[index].name,
                                 cases[index].iterations, "." };
    bx_error *err = NULL;
    bx_result *result;
    double ns;

    if (bx_sandbox_run(sandbox, 4, argv, NULL, &result, &err) < 0)
        die(NAME, err);
    if (bx_result_code(result) != BX_OK || bx_result_exit_code(result) != 0) {
        fprintf(stderr, "bench: component %s: %s%s\n", argv[1],
                bx_result_message(result), bx_result_stderr(result, NULL));
        exit(1);
    }
    ns = atof(bx_result_stdout(result, NULL));
    bx_result_free(result);
    return ns / 1e3;
}

/* mode: how it waits for what blocks. */
static double stock(const bench_paths *paths, const char *program,
                    const char *mode, size_t index)
{
    char command[4096];
    char text[64] = "";
    FILE *pipe;

    snprintf(command, sizeof(command),
             "'%s' %s '%s/component/" NAME ".wasm' '%s' %s %s .", program, mode,
             paths->guests, paths->scratch, cases[index].name,
             cases[index].iterations);
    pipe = popen(command, "r");
    if (pipe == NULL || fgets(text, sizeof(text), pipe) == NULL ||
        pclose(pipe) != 0) {
        fprintf(stderr, "bench: '%s' failed\n", command);
        exit(1);
    }
    return atof(text) / 1e3;
}

void bench_component(const bench_paths *paths)
{
    static const char *const modes[] = { "async", "in-place" };
    static const char *const names[] = { "Wasmtime's WASI 0.2, us",
                                         "the same, blocking in place, us" };
    const char *program = getenv("BX_BENCH_STOCK_PROGRAM");
    bx_policy *policy =
        bench_policy("work-dir", paths->scratch, "wasm-timeout", "10m",
                     "max-write", "64GiB", "max-create", "10M", NULL);
    bx_engine *engine = bx_engine_new(NULL, NULL);
    char folder[600];
    bx_sandbox *sandbox;

    snprintf(folder, sizeof(folder), "%s/component", paths->guests);
    sandbox = bench_sandbox(engine, folder, NAME, policy);
    title("File calls of a component (Rust), us for each");
    if (program == NULL)
        puts(
            "  without Wasmtime's own WASI to compare with (BX_BENCH_STOCK=0)");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double times[3][ROUNDS];
        double us;

        for (size_t j = 0; j < ROUNDS; j++) {
            times[0][j] = ours(sandbox, i);
            for (size_t k = 0; program != NULL && k < 2; k++)
                times[k + 1][j] = stock(paths, program, modes[k], i);
        }
        us = median(times[0], ROUNDS);
        if (program == NULL)
            note(cases[i].name, us, "us");
        for (size_t k = 0; program != NULL && k < 2; k++) {
            double theirs = median(times[k + 1], ROUNDS);

            row(cases[i].name, us, "us", theirs, names[k], theirs / us, "> 1x",
                theirs > us);
        }
    }
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
}
