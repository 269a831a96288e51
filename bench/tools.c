/* Tools through the registry, as `boxagnts tool call` and `boxagnts mcp` call
 * them: input checked, policy narrowed, a fresh sandbox each, audited. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "tool/registry.h"

#define CALLERS 64
#define CALLS_EACH 200
#define GREP_FILES 20000
#define GREP_FOLDERS 200

typedef struct bench_box {
    char workspace[1024];
    bx_engine *engine;
    bx_audit_log *audit;
    bx_registry *registry;
} bench_box;

/* ---- a workspace ---------------------------------------------------- */

static void write_file(const char *path, const char *line, size_t bytes)
{
    FILE *file = fopen(path, "w");

    if (file == NULL)
        die(path, NULL);
    for (size_t done = 0; done < bytes; done += strlen(line))
        fputs(line, file);
    if (fclose(file) != 0)
        die(path, NULL);
}

static void open_box(const bench_paths *paths, bench_box *box)
{
    bx_registry_config config = { .builtin_dir = paths->tools };
    bx_error *err = NULL;
    char path[1200];

    snprintf(box->workspace, sizeof(box->workspace), "%s/workspace",
             paths->scratch);
    (void)mkdir(box->workspace, 0755);
    snprintf(path, sizeof(path), "%s/audit.jsonl", paths->scratch);
    box->audit = bx_audit_log_open(path, &err);
    if (box->audit == NULL)
        die("audit log", err);
    box->engine = bx_engine_new(NULL, &err);
    if (box->engine == NULL)
        die("engine", err);
    config.engine = box->engine;
    config.workspace = box->workspace;
    config.user_dir = config.state_dir = paths->scratch;
    config.audit = box->audit;
    box->registry = bx_registry_new(&config, &err);
    if (box->registry == NULL)
        die("registry", err);
}

static void close_box(bench_box *box)
{
    bx_registry_free(box->registry);
    bx_engine_free(box->engine);
    bx_audit_log_close(box->audit);
}

/* One call, which must succeed and say expected (NULL: anything). record_fd:
 * where it is recorded; 0: it is not. */
static void call_recorded(bx_registry *registry, const char *name,
                          const char *input, const char *expected,
                          int record_fd)
{
    const bx_tool_call request = { .name = name,
                                   .input = input,
                                   .input_bytes = strlen(input),
                                   .caller = "bench",
                                   .record_fd = record_fd };
    bx_tool_result *result;
    bx_error *err = NULL;
    char *text;

    if (bx_registry_call(registry, &request, &result, &err) < 0)
        die(name, err);
    text = bx_tool_result_text(result);
    if (result->is_error ||
        (expected != NULL && strstr(text, expected) == NULL)) {
        fprintf(stderr, "bench: %s answered: %.400s\n", name, text);
        exit(1);
    }
    free(text);
    bx_tool_result_free(result);
}

static void call(bx_registry *registry, const char *name, const char *input,
                 const char *expected)
{
    call_recorded(registry, name, input, expected, 0);
}

static double time_calls(bx_registry *registry, const char *name,
                         const char *input, const char *expected, size_t batch)
{
    double times[21];

    for (size_t i = 0; i < 21; i++) {
        double begin = now_us();

        for (size_t j = 0; j < batch; j++)
            call(registry, name, input, expected);
        times[i] = (now_us() - begin) / (double)batch;
    }
    return median(times, 21);
}

/* ---- file-read ------------------------------------------------------ */

static double time_engine_each(const bench_paths *paths, const bench_box *box,
                               const char *input)
{
    static const char *const only[] = { "file-read" };
    double times[21];

    for (size_t i = 0; i < 21; i++) {
        double begin = now_us();
        bx_registry_config config = { .builtin_dir = paths->tools,
                                      .workspace = box->workspace,
                                      .user_dir = paths->scratch,
                                      .state_dir = paths->scratch,
                                      .only = only,
                                      .only_count = 1 };
        bx_registry *registry;

        config.engine = bx_engine_new(NULL, NULL);
        registry = bx_registry_new(&config, NULL);
        call(registry, "file-read", input, "line of text");
        bx_registry_free(registry);
        bx_engine_free(config.engine);
        times[i] = now_us() - begin;
    }
    return median(times, 21);
}

static double time_process_median(const char *const *argv, size_t count)
{
    double times[101];

    for (size_t i = 0; i < count; i++)
        times[i] = time_process(argv);
    return median(times, count);
}

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
    write_file(path, "a line of text, forty bytes with its end\n", 10240);
    (void)time_calls(box->registry, "file-read", input, "line of text", 20);
    warm = time_calls(box->registry, "file-read", input, "line of text", 100);
    each = time_engine_each(paths, box, input);
    native = time_process_median(cat, 101);
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

    call(box->registry, name, input, expected);
    ours = time_calls(box->registry, name, input, expected, 10) / 1e3;
    theirs = time_process_median(native, 41) / 1e3;
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
    call(box->registry, "python-execute", "{\"code\": \"pass\"}", NULL);
    pass = time_calls(box->registry, "python-execute", "{\"code\": \"pass\"}",
                      NULL, 10) /
           1e3;
    native = time_process_median(pass_argv, 41) / 1e3;
    /* The goal was 1.5 ms where python3 takes 12: an eighth. */
    row("python-execute, pass", pass, "ms", native, "python3 -c pass, ms",
        native / pass, ">= 8x", native / pass >= 8);
}

/* ---- grep ----------------------------------------------------------- */

static void make_tree(const char *workspace)
{
    char path[1400];

    for (int i = 0; i < GREP_FILES; i++) {
        if (i % (GREP_FILES / GREP_FOLDERS) == 0) {
            snprintf(path, sizeof(path), "%s/tree-%03d", workspace,
                     i / (GREP_FILES / GREP_FOLDERS));
            (void)mkdir(path, 0755);
        }
        snprintf(path, sizeof(path), "%s/tree-%03d/file-%05d.txt", workspace,
                 i / (GREP_FILES / GREP_FOLDERS), i);
        write_file(path,
                   i % 500 == 0 ? "some needle in a line of its own\n"
                                : "some hay in a line of its own, no more\n",
                   2000);
    }
}

/* In turns, so that whatever else the machine does meets both. */
static void bench_recorded(bench_box *box, const char *input)
{
    char path[1200];
    struct stat stat = { 0 };
    double plain[15];
    double recorded[15];
    double ratio;

    snprintf(path, sizeof(path), "%s/../grep.bxr", box->workspace);
    for (size_t i = 0; i < 15; i++) {
        double begin = now_us();
        int fd;

        call(box->registry, "file-grep", input, "file-00500");
        plain[i] = (now_us() - begin) / 1e3;
        begin = now_us();
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
            die(path, NULL);
        call_recorded(box->registry, "file-grep", input, "file-00500", fd);
        (void)fstat(fd, &stat);
        close(fd);
        recorded[i] = (now_us() - begin) / 1e3;
    }
    ratio = median(recorded, 15) / median(plain, 15);
    row("file-grep, recorded", median(recorded, 15), "ms", median(plain, 15),
        "not recorded, ms", ratio, "<= 1.3x", ratio <= 1.3);
    note("its recording", (double)stat.st_size / 1048576, "MiB");
}

static void bench_grep(bench_box *box)
{
    static const char input[] = "{\"pattern\": \"need[l]e\", \"output_mode\": "
                                "\"files\"}";
    const char *const native[] = { "/bin/grep", "-rlE", "need[l]e",
                                   box->workspace, NULL };
    double times[7];
    double ours;
    double theirs;

    title("file-grep over a tree of 20,000 files of 2 KB");
    make_tree(box->workspace);
    call(box->registry, "file-grep", input, "file-00500");
    for (size_t i = 0; i < 7; i++) {
        double begin = now_us();

        call(box->registry, "file-grep", input, "file-00500");
        times[i] = (now_us() - begin) / 1e3;
    }
    ours = median(times, 7);
    theirs = time_process_median(native, 7) / 1e3;
    row("file-grep", ours, "ms", theirs, "grep -r, ms", theirs / ours,
        ">= 0.33x", ours <= theirs * 3);
    bench_recorded(box, input);
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

        call(me->box->registry, "file-read", "{\"path\": \"read.txt\"}",
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

    open_box(paths, &box);
    bench_read(paths, &box);
    bench_callers(&box);
    bench_scripts(&box);
    bench_grep(&box);
    close_box(&box);
}
