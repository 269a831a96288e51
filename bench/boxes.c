/* Many boxes warm at once: what each worker's memory is, and what the processes
 * have that they come from. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "box.h"
#include "worker/pool.h"

#define BOXES 200

typedef struct spread {
    double pss[BOXES]; /* KiB: what is shared counts in parts */
    double private_[BOXES];
    size_t count;
} spread;

/* A worker is not dumpable: its maps are root's to read. */
static bool add_process(spread *memory, pid_t pid)
{
    double pss = process_kib(pid, "smaps_rollup", "Pss:");
    double clean = process_kib(pid, "smaps_rollup", "Private_Clean:");
    double dirty = process_kib(pid, "smaps_rollup", "Private_Dirty:");

    if (pss < 0 || clean < 0 || dirty < 0)
        return false;
    memory->pss[memory->count] = pss;
    memory->private_[memory->count++] = clean + dirty;
    return true;
}

static void show_spread(const char *name, double *kib, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += kib[i];
    (void)median(kib, count); /* sorts */
    printf("  %-10s %9.0f %9.0f %9.0f KiB %9.1f MiB\n", name, kib[count / 2],
           kib[count - 1], kib[0], sum / 1024);
}

static void show_one(const char *name, pid_t pid)
{
    spread one = { .count = 0 };

    if (pid > 0 && add_process(&one, pid))
        printf("  %-10s %9.0f KiB, private %.0f KiB\n", name, one.pss[0],
               one.private_[0]);
}

static void warm_boxes(const bench_paths *paths, const char *name,
                       const char *tool, const char *input,
                       const char *expected, size_t count)
{
    const bench_box_kind kind = { .name = name, .has_workers = true };
    static spread workers;
    bench_box box;
    char path[1200];
    int pids[BOXES + 1];
    size_t alive;

    bench_box_open(&box, paths, &kind);
    snprintf(path, sizeof(path), "%s/read.txt", box.workspace);
    bench_write_file(path, "a line of text, forty bytes with its end\n", 10240);
    for (size_t i = 0; i < count; i++)
        (void)bench_call_new(&box, tool, input, expected);
    alive = bx_worker_pool_pids(box.workers, pids, BOXES + 1);
    if (alive != count)
        die("a box is gone", NULL);
    printf("\n%zu boxes warm at once, each after a call of %s\n", alive, tool);
    workers.count = 0;
    for (size_t i = 0; i < alive; i++) {
        if (!add_process(&workers, (pid_t)pids[i])) {
            puts("  not read: /proc/PID/smaps_rollup of a worker is root's");
            bench_box_close(&box);
            return;
        }
    }
    printf("  %-10s %9s %9s %9s %21s\n", "each", "median", "most", "least",
           "all together");
    show_spread("PSS", workers.pss, alive);
    show_spread("private", workers.private_, alive);
    show_one("template", box.workers->template_.pid);
    show_one("this one", getpid());
    fflush(stdout);
    bench_box_close(&box);
}

void bench_boxes(const bench_paths *paths)
{
    warm_boxes(paths, "boxes-c", "file-read", "{\"path\": \"read.txt\"}",
               "line of text", BOXES);
    warm_boxes(paths, "boxes-python", "python-execute",
               "{\"code\": \"import json; print(json.dumps([42]))\"}", "42",
               BOXES);
}
