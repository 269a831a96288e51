/* From the start of `boxagnts chat` to its prompt, on a terminal. */
#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define RUNS 31
#define SCREEN_BYTES 65536

static void start(const bench_paths *paths)
{
    char home[600];
    char *argv[] = { (char *)"boxagnts", (char *)"chat", (char *)"--model",
                     (char *)"demo", NULL };
    char *env[] = { home, (char *)"TERM=xterm", (char *)"NO_COLOR=1", NULL };

    snprintf(home, sizeof(home), "HOME=%s", paths->scratch);
    if (chdir(paths->scratch) == 0)
        execve(paths->program, argv, env);
    _exit(127);
}

/* The prompt stands there when the terminal was told that pastes are marked,
 * and "> " follows. */
static bool has_prompt(const char *screen)
{
    const char *mark = strstr(screen, "\033[?2004h");

    return mark != NULL && strstr(mark, "> ") != NULL;
}

static double time_prompt(const bench_paths *paths)
{
    static char screen[SCREEN_BYTES];
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    double begin = now_us();
    double time;
    size_t bytes = 0;
    ssize_t got;
    int terminal;
    pid_t pid = forkpty(&terminal, NULL, NULL, &size);

    if (pid == 0)
        start(paths);
    if (pid < 0)
        die("forkpty", NULL);
    screen[0] = '\0';
    while (!has_prompt(screen)) {
        got = read(terminal, screen + bytes, SCREEN_BYTES - 1 - bytes);
        if (got <= 0)
            die("chat ended without a prompt", NULL);
        bytes += (size_t)got;
        screen[bytes] = '\0';
    }
    time = now_us() - begin;
    if (write(terminal, "\004", 1) != 1)
        kill(pid, SIGKILL);
    while (read(terminal, screen, SCREEN_BYTES) > 0)
        ; /* until the other side is closed */
    close(terminal);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return time;
}

void bench_chat(const bench_paths *paths)
{
    static const char *const nothing[] = { "/bin/true", NULL };
    double times[RUNS];
    double baseline[RUNS];
    double prompt;

    title("boxagnts chat, from its start to the prompt");
    (void)time_prompt(paths);
    for (size_t i = 0; i < RUNS; i++) {
        times[i] = time_prompt(paths);
        baseline[i] = time_process(nothing);
    }
    prompt = median(times, RUNS) / 1e3;
    row("chat to its prompt", prompt, "ms", median(baseline, RUNS) / 1e3,
        "/bin/true, ms", prompt * 1e3 / median(baseline, RUNS), "< 50 ms",
        prompt < 50);
}
