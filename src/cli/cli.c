#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"

void bx_cli_print_safe(FILE *out, const char *text, size_t bytes)
{
    while (bytes > 0) {
        bx_autobuf bx_buf shown = BX_BUF_INIT;
        size_t part = 0;

        while (part < bytes && text[part] != '\n' && text[part] != '\t' &&
               text[part] != '\\')
            part++;
        if (bx_buf_put_escaped(&shown, text, part, part) == 0)
            fwrite(shown.data, 1, shown.len, out);
        if (part < bytes)
            putc(text[part++], out);
        text += part;
        bytes -= part;
    }
}

bool bx_cli_ask(const char *question, char *answer, size_t size)
{
    bx_autofree char *line = NULL;
    size_t room = 0;
    ssize_t bytes;

    (void)tcflush(STDIN_FILENO, TCIFLUSH);
    fputs(question, stderr);
    bytes = getline(&line, &room, stdin);
    if (bytes < 0)
        return false;
    while (bytes > 0 && strchr(" \t\r\n", line[bytes - 1]) != NULL)
        line[--bytes] = '\0';
    (void)snprintf(answer, size, "%s", (size_t)bytes < size ? line : "");
    return true;
}

int bx_cli_fail(int status, bx_error *error)
{
    const char *message = bx_error_message(error);

    fputs("boxagnts: ", stderr);
    bx_cli_print_safe(stderr, message, strlen(message));
    putc('\n', stderr);
    bx_error_free(error);
    return status;
}

int bx_cli_fail_call(bx_error *error)
{
    switch (bx_error_code(error)) {
    case BX_ERR_CANCELLED:
        return bx_cli_fail(BX_EXIT_CANCELLED, error);
    case BX_ERR_TIMEOUT:
        return bx_cli_fail(BX_EXIT_TIMEOUT, error);
    default:
        return bx_cli_fail(BX_EXIT_NOT_RUN, error);
    }
}

int bx_cli_usage(int status, const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "boxagnts %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nTry 'boxagnts %s --help'.\n", command);
    return status;
}

int bx_cli_finish(int status)
{
    bool was_lost = ferror(stdout) != 0;

    errno = 0;
    if (fflush(stdout) == 0 && !was_lost)
        return status;
    if (errno == EPIPE)
        return status;
    fprintf(stderr, "boxagnts: output: %s\n",
            errno == 0 ? "a write failed" : strerror(errno));
    return status == 0 ? BX_EXIT_NOT_RUN : status;
}

bool bx_cli_is_dumb(void)
{
    const char *term = getenv("TERM");

    return term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
}

bool bx_cli_has_colour(FILE *stream)
{
    const char *no = getenv("NO_COLOR");

    return isatty(fileno(stream)) && (no == NULL || no[0] == '\0') &&
           !bx_cli_is_dumb();
}

const char *bx_cli_bytes(uint64_t bytes, char text[32])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 32, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

const char *bx_cli_duration(uint64_t ns, char text[32])
{
    if (ns < 1000000)
        snprintf(text, 32, "%.1f us", (double)ns / 1e3);
    else if (ns < 1000000000)
        snprintf(text, 32, "%.1f ms", (double)ns / 1e6);
    else
        snprintf(text, 32, "%.2f s", (double)ns / 1e9);
    return text;
}
