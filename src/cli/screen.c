#include "cli/screen.h"

#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/utf8.h"
#include "cli/cli.h"

/* SGR parameters, ECMA-48 8.3.117; in the order of the bits. */
static const char *const codes[] = { "1",  "2",  "3",  "4", "31",
                                     "32", "33", "34", "36" };
#define CODES_COUNT (sizeof(codes) / sizeof(codes[0]))

void bx_screen_init(bx_screen *screen, FILE *out)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    *screen = (bx_screen){ .out = out,
                           .is_terminal = isatty(fileno(out)) == 1,
                           .has_colour = bx_cli_has_colour(out) };
    bx_screen_measure(screen);
}

void bx_screen_measure(bx_screen *screen)
{
    struct winsize size;

    screen->columns = 80;
    if (screen->is_terminal &&
        ioctl(fileno(screen->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        screen->columns = size.ws_col;
    if (screen->columns < BX_SCREEN_MIN_COLUMNS)
        screen->columns = BX_SCREEN_MIN_COLUMNS;
    if (screen->columns > BX_SCREEN_MAX_COLUMNS)
        screen->columns = BX_SCREEN_MAX_COLUMNS;
}

void bx_screen_look(bx_screen *screen, unsigned look)
{
    if (!screen->has_colour || look == screen->look)
        return;
    screen->look = look;
    fputs("\033[0", screen->out);
    for (size_t i = 0; i < CODES_COUNT; i++) {
        if ((look >> i & 1) != 0)
            fprintf(screen->out, ";%s", codes[i]);
    }
    putc('m', screen->out);
}

int bx_screen_cell(const char *text, size_t bytes, bx_buf *cell,
                   unsigned *ret_cells)
{
    uint32_t point = 0;
    size_t len = bx_utf8_decode(text, bytes, &point);
    size_t begin = cell->len;
    int width;

    if (len == 1 && point >= 0x20 && point < 0x7f) {
        *ret_cells = 1;
        return bx_buf_append(cell, text, 1, SIZE_MAX) < 0 ? -1 : 1;
    }
    if (len == 0)
        len = 1;
    if (bx_buf_put_escaped(cell, text, len, len) < 0)
        return -1;
    width = (int)(cell->len - begin);
    if (cell->data[begin] != '\\')
        width = wcwidth((wchar_t)point);
    *ret_cells = width < 0 ? 1 : (unsigned)width;
    return (int)len;
}

void bx_screen_put(bx_screen *screen, unsigned look, const char *text,
                   size_t bytes)
{
    /* A look ends with its line, so that a background or an underline does not
     * run on to the edge of the screen. */
    while (bytes > 0) {
        const char *newline = memchr(text, '\n', bytes);
        size_t part = newline == NULL ? bytes : (size_t)(newline - text);

        if (part > 0) {
            bx_screen_look(screen, look);
            bx_cli_print_safe(screen->out, text, part);
            bx_screen_look(screen, 0);
        }
        if (newline != NULL) {
            putc('\n', screen->out);
            part++;
        }
        text += part;
        bytes -= part;
    }
}

/* Bytes of text whose cells are at most max, and what they take. */
static size_t fitting(const char *text, size_t bytes, unsigned max,
                      bx_buf *shown, unsigned *ret_cells)
{
    size_t at = 0;

    *ret_cells = 0;
    while (at < bytes) {
        bool is_space = text[at] == '\n' || text[at] == '\t';
        size_t before = shown->len;
        unsigned cells = 0;
        int used = bx_screen_cell(is_space ? " " : text + at,
                                  is_space ? 1 : bytes - at, shown, &cells);

        if (used < 0)
            break;
        if (*ret_cells + cells > max) {
            shown->len = before;
            break;
        }
        *ret_cells += cells;
        at += (size_t)used;
    }
    return at;
}

unsigned bx_screen_put_line(bx_screen *screen, unsigned look, const char *text,
                            size_t bytes, unsigned max_cells)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    unsigned cells;

    if (fitting(text, bytes, max_cells, &shown, &cells) < bytes) {
        shown.len = 0;
        (void)fitting(text, bytes, max_cells < 3 ? 0 : max_cells - 3, &shown,
                      &cells);
        if (bx_buf_append(&shown, "...", 3, SIZE_MAX) == 0)
            cells += 3;
    }
    bx_screen_look(screen, look);
    if (shown.len > 0)
        fwrite(shown.data, 1, shown.len, screen->out);
    bx_screen_look(screen, 0);
    return cells;
}

size_t bx_screen_put_part(bx_screen *screen, unsigned look, const char *text,
                          size_t bytes, unsigned max_cells)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    unsigned cells;
    size_t part = fitting(text, bytes, max_cells, &shown, &cells);

    bx_screen_look(screen, look);
    if (shown.len > 0)
        fwrite(shown.data, 1, shown.len, screen->out);
    bx_screen_look(screen, 0);
    return part == 0 && bytes > 0 ? 1 : part;
}

void bx_screen_print(bx_screen *screen, unsigned look, const char *format, ...)
{
    va_list args;

    bx_screen_look(screen, look);
    va_start(args, format);
    vfprintf(screen->out, format, args);
    va_end(args);
    bx_screen_look(screen, 0);
}
