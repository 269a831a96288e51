/* What an overlay costs: the same file calls on a folder and on an overlay over
 * it. Each case is that of what nobody touched (there), of what lies beside
 * something that came (beside), or of what was made under the overlay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"
#include "policy/policy.h"

static const struct {
    const char *name;
    const char *iterations;
} cases[] = {
    { "open_there", "20000" },   { "stat_there", "20000" },
    { "readdir_there", "2000" }, { "open_beside", "20000" },
    { "stat_beside", "20000" },  { "readdir_beside", "2000" },
    { "open_close", "20000" },   { "stat", "20000" },
    { "readdir", "2000" },       { "read4k", "20000" },
    { "write4k", "20000" },
};

static void make_file(const char *folder, const char *name)
{
    char path[1024];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    fputs("a file that is there", file);
    fclose(file);
}

static void fill(const char *base)
{
    char there[600];

    snprintf(there, sizeof(there), "%s/there", base);
    mkdir(base, 0700);
    mkdir(there, 0700);
    make_file(there, "file");
    for (int i = 0; i < 16; i++) {
        char name[32];

        snprintf(name, sizeof(name), "entry-%02d", i);
        make_file(there, name);
    }
}

static bx_sandbox *make_sandbox(const bench_paths *paths, bx_engine *engine,
                                const char *base, bool is_overlay)
{
    char dir[600];
    bx_error *err = NULL;
    bx_sandbox *sandbox;
    bx_policy *policy =
        bench_policy("work-dir", base, "wasm-timeout", "10m", "max-write",
                     "64GiB", "max-create", "10M", NULL);

    snprintf(dir, sizeof(dir), "%s/over", paths->scratch);
    if (is_overlay && bx_policy_set_overlay(policy, dir, &err) < 0)
        die(dir, err);
    sandbox = bench_sandbox(engine, paths->guests, "bench_files", policy);
    bx_policy_free(policy);
    return sandbox;
}

void bench_overlay(const bench_paths *paths)
{
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_sandbox *sandboxes[2];

    for (int i = 0; i < 2; i++) {
        char base[560];

        snprintf(base, sizeof(base), "%s/base-%d", paths->scratch, i);
        fill(base);
        sandboxes[i] = make_sandbox(paths, engine, base, i == 0);
    }

    title("File calls under an overlay, us for each");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double times[2][7];
        double us[2];

        /* Interleaved, so that a busy moment touches both. */
        for (size_t j = 0; j < 7; j++) {
            for (int k = 0; k < 2; k++)
                times[k][j] = bench_file_call(sandboxes[k], cases[i].name,
                                              cases[i].iterations);
        }
        for (int k = 0; k < 2; k++)
            us[k] = median(times[k], 7);
        row(cases[i].name, us[0], "us", us[1], "without overlay, us",
            us[0] / us[1], "<= 1.5x", us[0] / us[1] <= 1.5);
    }
    bx_sandbox_free(sandboxes[0]);
    bx_sandbox_free(sandboxes[1]);
    bx_engine_free(engine);
}
