/* File calls of one C program: in this sandbox, on stock WASI through the C
 * API, and built for this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wasmtime.h>

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

static void fail_wasmtime(const char *what, wasmtime_error_t *error)
{
    wasm_byte_vec_t text;

    if (error == NULL)
        return;
    wasmtime_error_message(error, &text);
    fprintf(stderr, "bench: %s: %.*s\n", what, (int)text.size, text.data);
    exit(1);
}

static void read_file(const char *path, char **ret_data, size_t *ret_bytes)
{
    FILE *file = fopen(path, "rb");
    struct stat st;

    if (file == NULL || fstat(fileno(file), &st) < 0) {
        perror(path);
        exit(1);
    }
    *ret_data = malloc((size_t)st.st_size + 1);
    *ret_bytes = fread(*ret_data, 1, (size_t)st.st_size, file);
    (*ret_data)[*ret_bytes] = '\0';
    fclose(file);
}

/* Stock WASI: what a program gets that links Wasmtime's C API and asks for
 * nothing special. Output goes to a file. */
typedef struct stock {
    wasm_engine_t *engine;
    wasmtime_module_t *module;
    wasmtime_linker_t *linker;
} stock;

static void stock_open(stock *s, const char *path)
{
    char *bytes;
    size_t count;

    s->engine = wasm_engine_new();
    read_file(path, &bytes, &count);
    fail_wasmtime("module", wasmtime_module_new(s->engine, (uint8_t *)bytes,
                                                count, &s->module));
    free(bytes);
    s->linker = wasmtime_linker_new(s->engine);
    fail_wasmtime("wasi", wasmtime_linker_define_wasi(s->linker));
}

static double stock_run(const stock *s, const bench_paths *paths,
                        const char *name, const char *iterations)
{
    const char *argv[] = { "bench_files", name, iterations, "." };
    wasmtime_store_t *store = wasmtime_store_new(s->engine, NULL, NULL);
    wasmtime_context_t *context = wasmtime_store_context(store);
    wasi_config_t *config = wasi_config_new();
    wasmtime_instance_t instance;
    wasm_trap_t *trap = NULL;
    wasmtime_extern_t start;
    char output[1024];
    char *text;
    size_t bytes;
    double ns;

    snprintf(output, sizeof(output), "%s.out", paths->scratch);
    wasi_config_set_argv(config, 4, argv);
    wasi_config_preopen_dir(config, paths->scratch, ".", true);
    wasi_config_set_stdout_file(config, output);
    fail_wasmtime("wasi", wasmtime_context_set_wasi(context, config));
    fail_wasmtime("instance",
                  wasmtime_linker_instantiate(s->linker, context, s->module,
                                              &instance, &trap));
    if (!wasmtime_instance_export_get(context, &instance, "_start", 6, &start))
        exit(1);
    fail_wasmtime("run", wasmtime_func_call(context, &start.of.func, NULL, 0,
                                            NULL, 0, &trap));
    wasmtime_store_delete(store);
    read_file(output, &text, &bytes);
    ns = atof(text);
    free(text);
    remove(output);
    return ns / 1e3;
}

static double sandbox_run(const bx_sandbox *sandbox, const char *name,
                          const char *iterations)
{
    const char *const argv[] = { "bench_files", name, iterations, "." };
    bx_error *err = NULL;
    bx_result *result;
    double ns;

    if (bx_sandbox_run(sandbox, 4, argv, NULL, &result, &err) < 0)
        die(name, err);
    if (bx_result_code(result) != BX_OK || bx_result_exit_code(result) != 0)
        die(bx_result_stderr(result, NULL), NULL);
    ns = atof(bx_result_stdout(result, NULL));
    bx_result_free(result);
    return ns / 1e3;
}

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
    char path[1024];
    stock s;

    title("File calls of one C program, us for each");
    snprintf(path, sizeof(path), "%s/bench_files.wasm", paths->guests);
    stock_open(&s, path);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double times[3][7];
        double us[3];
        char name[64];
        char target[32];

        /* Interleaved, so that a busy moment touches all three. */
        for (size_t j = 0; j < 7; j++) {
            times[0][j] =
                sandbox_run(sandbox, cases[i].name, cases[i].iterations);
            times[1][j] = native_run(paths, cases[i].name, cases[i].iterations);
            times[2][j] = stock_run(&s, paths, cases[i].name, "1000");
        }
        for (int k = 0; k < 3; k++)
            us[k] = median(times[k], 7);
        snprintf(target, sizeof(target), "<= %.1fx", cases[i].most);
        row(cases[i].name, us[0], "us", us[1], "native, us", us[0] / us[1],
            target, us[0] / us[1] <= cases[i].most);
        snprintf(name, sizeof(name), "  against stock WASI");
        row(name, us[0], "us", us[2], "stock, us", us[2] / us[0], ">= 10x",
            us[2] / us[0] >= 10);
    }
    wasmtime_linker_delete(s.linker);
    wasmtime_module_delete(s.module);
    wasm_engine_delete(s.engine);
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
}
