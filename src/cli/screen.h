/* Where chat writes: a terminal with its width and looks, or a pipe. What
 * others wrote goes through here, so that nothing of it steers the terminal. */
#ifndef BX_CLI_SCREEN_H
#define BX_CLI_SCREEN_H

#include <stdio.h>

#include "base/buf.h"

enum {
    BX_LOOK_BOLD = 1,
    BX_LOOK_DIM = 2,
    BX_LOOK_ITALIC = 4,
    BX_LOOK_UNDERLINE = 8,
    BX_LOOK_RED = 16,
    BX_LOOK_GREEN = 32,
    BX_LOOK_YELLOW = 64,
    BX_LOOK_BLUE = 128,
    BX_LOOK_CYAN = 256,
};

#define BX_SCREEN_MIN_COLUMNS 20u
#define BX_SCREEN_MAX_COLUMNS 100u /* longer lines are hard to read */

typedef struct bx_screen {
    FILE *out; /* borrowed */
    bool is_terminal;
    bool has_colour;  /* looks of every kind */
    unsigned columns; /* to write in */
    unsigned look;    /* that is on */
} bx_screen;

/* LC_CTYPE becomes C.UTF-8: widths are asked of the C library, and letters
 * mean the same whatever the user's language is. */
void bx_screen_init(bx_screen *screen, FILE *out);
/* Ask the terminal for its width again. */
void bx_screen_measure(bx_screen *screen);

/* What follows looks so; 0: plain. Nothing without colour. */
void bx_screen_look(bx_screen *screen, unsigned look);

/* The character at text as it may be shown: itself, or escaped. Its cells go
 * to ret_cells. Returns its bytes at text (at least 1); -1 without memory. */
int bx_screen_cell(const char *text, size_t bytes, bx_buf *cell,
                   unsigned *ret_cells);

/* Text of others with its lines, in a look; escaped. */
void bx_screen_put(bx_screen *screen, unsigned look, const char *text,
                   size_t bytes);
/* As much of one line of it as fits into so many cells, "..." where it was cut;
 * line breaks are shown as spaces. Returns the cells that it took. */
unsigned bx_screen_put_line(bx_screen *screen, unsigned look, const char *text,
                            size_t bytes, unsigned max_cells);
/* As much of one line as fits, and no "..."; returns the bytes that were
 * written, at least a character. */
size_t bx_screen_put_part(bx_screen *screen, unsigned look, const char *text,
                          size_t bytes, unsigned max_cells);
/* Text of ours. */
void bx_screen_print(bx_screen *screen, unsigned look, const char *format, ...)
    BX_PRINTF(3, 4);

#endif
