/* How long `boxagnts chat` takes to its prompt, on a terminal, and what of it
 * is spent on what. Nothing of the user's is read: its home is a folder of this
 * run. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/models/model.h"
#include "bench.h"
#include "store/session_store.h"
#include "tool/registry.h"

#define RUNS 21
#define PROMPT "\033[?2004h" /* the line editor, right before its prompt */
#define WAIT_MS 30000

_Noreturn static void run_chat(const bench_paths *paths, const char *home)
{
    char variable[600];
    char *const argv[] = { (char *)"boxagnts", (char *)"chat",
                           (char *)"--model", (char *)"demo", NULL };
    char *const environment[] = { variable, (char *)"PATH=/usr/bin:/bin",
                                  (char *)"TERM=xterm", NULL };

    snprintf(variable, sizeof(variable), "HOME=%s", home);
    if (chdir(home) == 0)
        execve(paths->program, argv, environment);
    _exit(127);
}

/* What comes from the terminal until the prompt is there. */
static void wait_for_prompt(int terminal)
{
    char text[16384];
    size_t bytes = 0;

    for (;;) {
        struct pollfd from = { .fd = terminal, .events = POLLIN };
        ssize_t got;

        if (poll(&from, 1, WAIT_MS) <= 0 || bytes + 1 >= sizeof(text))
            die("chat has no prompt", NULL);
        got = read(terminal, text + bytes, sizeof(text) - 1 - bytes);
        if (got <= 0)
            die("chat ended without a prompt", NULL);
        bytes += (size_t)got;
        text[bytes] = '\0';
        if (strstr(text, PROMPT) != NULL)
            return;
    }
}

/* It is left as people leave it, so that the next one finds all at rest. */
static void leave(int terminal, pid_t child)
{
    char text[4096];
    int status;

    if (write(terminal, "\004", 1) != 1)
        die("the terminal", NULL);
    while (read(terminal, text, sizeof(text)) > 0)
        continue;
    if (waitpid(child, &status, 0) != child || status != 0)
        die("chat failed", NULL);
    close(terminal);
}

static double time_start(const bench_paths *paths, const char *home)
{
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    double begin = now_us();
    double us;
    int terminal;
    pid_t child = forkpty(&terminal, NULL, NULL, &size);

    if (child == 0)
        run_chat(paths, home);
    if (child < 0)
        die("forkpty", NULL);
    wait_for_prompt(terminal);
    us = now_us() - begin;
    leave(terminal, child);
    return us;
}

/* ---- parts --------------------------------------------------------------- */

static double time_program(const bench_paths *paths)
{
    const char *const argv[] = { paths->program, "--version", NULL };

    return time_process(argv);
}

static double time_models(void)
{
    bx_error *err = NULL;
    double begin = now_us();
    bx_models *models = bx_models_load(NULL, &err);
    double us = now_us() - begin;

    if (models == NULL)
        die("models", err);
    bx_models_free(models);
    return us;
}

static double time_sessions(const char *home)
{
    char path[700];
    bx_error *err = NULL;
    double begin = now_us();
    bx_session_store *store;
    double us;

    snprintf(path, sizeof(path), "%s/.local/state/boxagnts/sessions.db", home);
    store = bx_session_store_open(path, &err);
    us = now_us() - begin;
    if (store == NULL)
        die("sessions", err);
    bx_session_store_close(store);
    return us;
}

static double time_tools(const bench_paths *paths, const char *home)
{
    const bx_registry_config config = { .workspace = home,
                                        .builtin_dir = paths->tools };
    bx_error *err = NULL;
    double begin = now_us();
    bx_registry *registry = bx_registry_new(&config, &err);
    double us = now_us() - begin;

    if (registry == NULL)
        die("tools", err);
    bx_registry_free(registry);
    return us;
}

void bench_chat(const bench_paths *paths)
{
    double start[RUNS], program[RUNS], models[RUNS], sessions[RUNS],
        tools[RUNS];
    char home[600];
    double first, us;

    title("`boxagnts chat`, from its start to its prompt, on a terminal");
    snprintf(home, sizeof(home), "%s/home", paths->scratch);
    if (mkdir(home, 0700) < 0)
        die("the scratch folder", NULL);
    setenv("HOME", home, 1);
    unsetenv("XDG_CONFIG_HOME");
    first = time_start(paths, home);
    for (size_t i = 0; i < RUNS; i++) {
        start[i] = time_start(paths, home);
        program[i] = time_program(paths);
        models[i] = time_models();
        sessions[i] = time_sessions(home);
        tools[i] = time_tools(paths, home);
    }
    us = median(start, RUNS);
    row("start to prompt", us / 1000, "ms", 50, "target, ms", us / 50000,
        "<= 50 ms", us <= 50000);
    note("  the first of a new user", first / 1000, "ms");
    note("  the program alone (--version)", median(program, RUNS) / 1000, "ms");
    note("  the table of models", median(models, RUNS) / 1000, "ms");
    note("  the sessions' database", median(sessions, RUNS) / 1000, "ms");
    note("  the registry of tools", median(tools, RUNS) / 1000, "ms");
}
