/* What is shown was made by a guest: nothing of it reaches the terminal as a
 * terminal would act on it, and what was typed before does not answer. */
#include "cli/hold.h"

#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/cli.h"

#define SHOWN_BYTES 600 /* of a body */
#define SHOWN_LINES 10  /* so that it does not push the URL off the screen */
#define URL_BYTES 2000

/* The terminal itself: the standard streams may be the guest's. Not asked where
 * nobody would see it. */
static FILE *open_terminal(void)
{
    FILE *terminal;
    int fd;

    if (!isatty(STDERR_FILENO))
        return NULL;
    fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return NULL;
    terminal = fdopen(fd, "r+");
    if (terminal == NULL)
        close(fd);
    return terminal;
}

static void print_escaped(FILE *out, const char *text, size_t bytes, size_t max)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, text, bytes, max) == 0 && shown.len > 0)
        fwrite(shown.data, 1, shown.len, out);
}

/* Behind a bar, so that no line of it looks like one of ours. */
static void print_body(FILE *out, const char *body, size_t bytes)
{
    size_t at = 0;

    for (int i = 0; i < SHOWN_LINES && at < bytes && at < SHOWN_BYTES; i++) {
        size_t most = bytes < SHOWN_BYTES ? bytes - at : SHOWN_BYTES - at;
        const char *end = memchr(body + at, '\n', most);
        size_t line = end == NULL ? most : (size_t)(end - (body + at));

        fputs("  | ", out);
        bx_cli_print_safe(out, body + at, line);
        putc('\n', out);
        at += end == NULL ? line : line + 1;
    }
    if (at < bytes)
        fprintf(out, "  ... %zu bytes more\n", bytes - at);
}

/* Ctrl-C ends the wait, too, and is a no. */
static bool read_answer(FILE *terminal)
{
    char answer[64];
    ssize_t bytes = read(fileno(terminal), answer, sizeof(answer));

    return bytes > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

static bool ask(FILE *terminal, const bx_hold_event *event)
{
    char text[32];

    fprintf(terminal, "boxagnts: held: %s ", event->method);
    print_escaped(terminal, event->url, strlen(event->url), URL_BYTES);
    fprintf(terminal, "\n%s of body%s\n", bx_cli_bytes(event->body_bytes, text),
            event->body_bytes == 0 ? "" : ":");
    print_body(terminal, event->body, event->body_bytes);
    fputs("Send it? [y/N] ", terminal);
    /* What is typed once the question stands there is its answer. */
    tcflush(fileno(terminal), TCIFLUSH);
    fflush(terminal);
    return read_answer(terminal);
}

bool bx_cli_on_hold(void *context, const bx_hold_event *event)
{
    bx_autofile FILE *terminal = open_terminal();

    (void)context;
    if (terminal != NULL)
        return ask(terminal, event);
    fprintf(stderr, "boxagnts: held: %s ", event->method);
    print_escaped(stderr, event->url, strlen(event->url), URL_BYTES);
    fputs(": not sent, there is no terminal to ask at\n", stderr);
    return false;
}
