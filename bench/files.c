/* File calls of one C program: in this sandbox, and built for this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const struct {
    const char *name;
    const char *iterations;
    double most; /* times native */
} cases[] = {
    { "open_close", "20000", 4 }, { "stat", "20000", 4 },
    { "read4k", "20000", 1.5 },   { "write4k", "20000", 1.5 },
    { "readdir", "2000", 1.5 },
};

static double native_run(const bench_paths *paths, const char *name,
                         const char *iterations)
{
    char command[2048];
    char text[64] = "";
    FILE *pipe;

    snprintf(command, sizeof(command), "cd '%s' && '%s' %s %s .",
             paths->scratch, paths->native_files, name, iterations);
    pipe = popen(command, "r");
    if (pipe == NULL || fgets(text, sizeof(text), pipe) == NULL ||
        pclose(pipe) != 0) {
        fprintf(stderr, "bench: native bench_files %s failed\n", name);
        exit(1);
    }
    return atof(text) / 1e3;
}

void bench_files(const bench_paths *paths)
{
    bx_policy *policy =
        bench_policy("work-dir", paths->scratch, "wasm-timeout", "10m",
                     "max-write", "64GiB", "max-create", "10M", NULL);
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_sandbox *sandbox =
        bench_sandbox(engine, paths->guests, "bench_files", policy);

    title("File calls of one C program, us for each");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double times[2][7];
        double us[2];
        char target[32];

        /* Interleaved, so that a busy moment touches both. */
        for (size_t j = 0; j < 7; j++) {
            times[0][j] =
                bench_file_call(sandbox, cases[i].name, cases[i].iterations);
            times[1][j] = native_run(paths, cases[i].name, cases[i].iterations);
        }
        for (int k = 0; k < 2; k++)
            us[k] = median(times[k], 7);
        snprintf(target, sizeof(target), "<= %.1fx", cases[i].most);
        row(cases[i].name, us[0], "us", us[1], "native, us", us[0] / us[1],
            target, us[0] / us[1] <= cases[i].most);
    }
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
}
