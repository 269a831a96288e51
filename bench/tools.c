/* Tools through the registry, as `boxagnts tool call` and `boxagnts mcp` call
 * them: input checked, policy narrowed, a fresh sandbox each, audited. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box.h"

#define CALLERS 64
#define CALLS_EACH 200

/* ---- file-read ------------------------------------------------------ */

static void bench_read(const bench_paths *paths, bench_box *box)
{
    static const char input[] = "{\"path\": \"read.txt\"}";
    char path[1200];
    const char *const cat[] = { "/bin/cat", path, NULL };
    double warm;
    double each;
    double native;

    title("file-read of 10 KiB through the registry");
    snprintf(path, sizeof(path), "%s/read.txt", box->workspace);
    bench_write_file(path, "a line of text, forty bytes with its end\n", 10240);
    (void)bench_time_calls(box, "file-read", input, "line of text", 20);
    warm = bench_time_calls(box, "file-read", input, "line of text", 100);
    each =
        bench_time_engine_each(paths, box, "file-read", input, "line of text");
    native = bench_time_process(cat, 101);
    row("warm", warm, "us", each, "engine each call, us", each / warm, ">= 40x",
        each / warm >= 40);
    row("warm", warm, "us", native, "fork, exec cat, us", native / warm,
        ">= 5x", native / warm >= 5);
}

/* ---- scripts against native interpreters ---------------------------- */

/* What a command prints, its first line: the interpreter behind a shim. */
static void first_line(const char *command, char *text, size_t bytes)
{
    FILE *pipe = popen(command, "r");

    if (pipe == NULL || fgets(text, (int)bytes, pipe) == NULL)
        die(command, NULL);
    pclose(pipe);
    text[strcspn(text, "\n")] = '\0';
}

static void compare(bench_box *box, const char *name, const char *input,
                    const char *expected, const char *const *native,
                    const char *native_name)
{
    double ours;
    double theirs;

    bench_call(box, name, input, expected);
    ours = bench_time_calls(box, name, input, expected, 10) / 1e3;
    theirs = bench_time_process(native, 41) / 1e3;
    row(name, ours, "ms", theirs, native_name, theirs / ours, "> 1x",
        theirs > ours);
}

static void bench_scripts(bench_box *box)
{
    static const char pipeline[] = "seq 200 | grep 7 | sort -rn | head -3";
    char node[1024];
    char python[1024];
    const char *const bash_argv[] = { "/bin/bash", "-c", pipeline, NULL };
    const char *const node_argv[] = { node, "-e",
                                      "console.log([1,2,3].map(x => x * 2))",
                                      NULL };
    const char *const python_argv[] = {
        python, "-c", "import json; print(json.dumps({'a': [1, 2, 3]}))", NULL
    };
    const char *const pass_argv[] = { python, "-c", "pass", NULL };
    double pass;
    double native;

    title("A fresh sandbox each, against the native interpreter each");
    first_line("node -p process.execPath", node, sizeof(node));
    first_line("python3 -c 'import sys; print(sys.executable)'", python,
               sizeof(python));
    compare(box, "bash",
            "{\"command\": \"seq 200 | grep 7 | sort -rn | head "
            "-3\"}",
            "197", bash_argv, "bash -c, ms");
    compare(box, "js-execute",
            "{\"code\": \"console.log([1,2,3].map(x => x * 2))\"}", "2, 4, 6",
            node_argv, "node -e, ms");
    compare(box, "python-execute",
            "{\"code\": \"import json; print(json.dumps({'a': [1, 2, 3]}))\"}",
            "[1, 2, 3]", python_argv, "python3 -c, ms");
    bench_call(box, "python-execute", "{\"code\": \"pass\"}", NULL);
    pass = bench_time_calls(box, "python-execute", "{\"code\": \"pass\"}", NULL,
                            10) /
           1e3;
    native = bench_time_process(pass_argv, 41) / 1e3;
    /* The goal was 1.5 ms where python3 takes 12: an eighth. */
    row("python-execute, pass", pass, "ms", native, "python3 -c pass, ms",
        native / pass, ">= 8x", native / pass >= 8);
}

/* ---- many callers --------------------------------------------------- */

typedef struct caller {
    bench_box *box;
    double *times; /* CALLS_EACH of them, us */
} caller;

static void *call_many(void *argument)
{
    const caller *me = argument;

    for (size_t i = 0; i < CALLS_EACH; i++) {
        double begin = now_us();

        bench_call(me->box, "file-read", "{\"path\": \"read.txt\"}",
                   "line of text");
        me->times[i] = now_us() - begin;
    }
    return NULL;
}

static void bench_callers(bench_box *box)
{
    const size_t count = (size_t)CALLERS * CALLS_EACH;
    double *times = calloc(count, sizeof(*times));
    caller callers[CALLERS];
    pthread_t threads[CALLERS];
    double begin = now_us();
    double wall;

    if (times == NULL)
        die("memory", NULL);
    title("64 callers of file-read at once");
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (caller){ box, times + i * CALLS_EACH };
        pthread_create(&threads[i], NULL, call_many, &callers[i]);
    }
    for (size_t i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    wall = now_us() - begin;
    (void)median(times, count); /* sorts */
    note("calls answered", (double)count, "of 12800");
    note("throughput", (double)count / (wall / 1e6) / 1e3,
         "thousand calls a second");
    note("median", times[count / 2], "us");
    note("p99", times[count * 99 / 100], "us");
    free(times);
}

void bench_tools(const bench_paths *paths)
{
    bench_box box = { .workspace = "" };

    bench_box_open(&box, paths, NULL);
    bench_read(paths, &box);
    bench_callers(&box);
    bench_scripts(&box);
    bench_box_close(&box);
}
