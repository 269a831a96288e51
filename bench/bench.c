/* Figures of the sandbox as ratios measured in one run.
 *
 *     bench [start|files|overlay|memory|script|threads|compile|tools|
 *            grep|component|worker|boxes|live|agent|team|turns|streams|
 *            chat]...
 */
#include "bench.h"

#include <ftw.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int missed;

double now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return values[count / 2];
}

_Noreturn void die(const char *what, const bx_error *err)
{
    fprintf(stderr, "bench: %s: %s\n", what, bx_error_message(err));
    exit(1);
}

double process_kib(pid_t pid, const char *file, const char *line)
{
    char path[64];
    char text[256];
    double kib = -1;
    FILE *in;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    in = fopen(path, "r");
    while (in != NULL && fgets(text, sizeof(text), in) != NULL) {
        if (strncmp(text, line, strlen(line)) == 0)
            kib = atof(text + strlen(line));
    }
    if (in != NULL)
        fclose(in);
    return kib;
}

double time_process(const char *const *argv)
{
    posix_spawn_file_actions_t actions;
    double begin;
    pid_t child;
    int status;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
    begin = now_us();
    if (posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)argv,
                     environ) != 0 ||
        waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "bench: %s failed\n", argv[0]);
        exit(1);
    }
    begin = now_us() - begin;
    posix_spawn_file_actions_destroy(&actions);
    return begin;
}

void title(const char *text)
{
    printf("\n%s\n", text);
    fflush(stdout);
}

void row(const char *name, double value, const char *unit, double other,
         const char *other_name, double ratio, const char *target, bool is_met)
{
    printf("  %-34s %10.2f %-4s\n    %-32s %10.2f      %8.2fx %-9s %s\n", name,
           value, unit, other_name, other, ratio, target,
           is_met ? "met" : "MISSED");
    fflush(stdout);
    missed += !is_met;
}

void compared(const char *name, double value, const char *unit, double other,
              const char *other_name, double ratio)
{
    printf("  %-34s %10.2f %-4s\n    %-32s %10.2f      %8.2fx\n", name, value,
           unit, other_name, other, ratio);
    fflush(stdout);
}

void note(const char *name, double value, const char *unit)
{
    printf("  %-34s %10.2f %s\n", name, value, unit);
    fflush(stdout);
}

bx_policy *bench_policy(const char *control, ...)
{
    bx_policy *policy = bx_policy_new();
    bx_error *err = NULL;
    va_list args;

    va_start(args, control);
    for (; control != NULL; control = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);

        if (bx_policy_set(policy, control, value, control, &err) < 0)
            die(control, err);
    }
    va_end(args);
    return policy;
}

bx_sandbox *bench_sandbox(bx_engine *engine, const char *folder,
                          const char *name, const bx_policy *policy)
{
    bx_error *err = NULL;
    char path[1024];
    bx_module *module;
    bx_sandbox *sandbox;

    snprintf(path, sizeof(path), "%s/%s.wasm", folder, name);
    module = bx_module_load(engine, path, policy, &err);
    if (module == NULL)
        die(path, err);
    sandbox = bx_sandbox_new(module, policy, &err);
    if (sandbox == NULL)
        die(path, err);
    bx_module_free(module);
    return sandbox;
}

double bench_file_call(const bx_sandbox *sandbox, const char *name,
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

static int remove_entry(const char *path, const struct stat *st, int flag,
                        struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static const struct {
    const char *name;
    void (*run)(const bench_paths *paths);
} parts[] = {
    { "start", bench_start },     { "files", bench_files },
    { "overlay", bench_overlay }, { "memory", bench_memory },
    { "script", bench_script },   { "threads", bench_threads },
    { "compile", bench_compile }, { "tools", bench_tools },
    { "grep", bench_grep },       { "component", bench_component },
    { "worker", bench_worker },   { "boxes", bench_boxes },
    { "live", bench_live },       { "agent", bench_agent },
    { "team", bench_team },       { "turns", bench_turns },
    { "streams", bench_streams }, { "chat", bench_chat },
};

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc < 2;
}

int main(int argc, char **argv)
{
    const char *given = getenv("BX_BUILD_DIR");
    char *build = realpath(given == NULL ? "build" : given, NULL);
    bench_paths paths;

    if (build == NULL) {
        perror("bench: the build folder");
        return 1;
    }
    snprintf(paths.program, sizeof(paths.program), "%s/bin/boxagnts", build);
    snprintf(paths.tools, sizeof(paths.tools), "%s/share/boxagnts/tools",
             build);
    snprintf(paths.guests, sizeof(paths.guests), "%s/tests/guest", build);
    snprintf(paths.native_files, sizeof(paths.native_files),
             "%s/bench/bench_files", build);
    strcpy(paths.scratch, "/tmp/bx-bench-XXXXXX");
    if (mkdtemp(paths.scratch) == NULL) {
        perror("bench");
        return 1;
    }
    printf("BoxAgnts %s: ratios of one run on this machine (%ld cores)\n",
           bx_version(), sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (is_wanted(parts[i].name, argc, argv))
            parts[i].run(&paths);
    }
    nftw(paths.scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(build);
    printf("\n%d target%s missed\n", missed, missed == 1 ? "" : "s");
    return 0;
}
