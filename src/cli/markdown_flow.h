/* Words on lines: text comes a character at a time, each in its look, and goes
 * out a word at a time, on a new line where it would not fit. */
#ifndef BX_CLI_MARKDOWN_FLOW_H
#define BX_CLI_MARKDOWN_FLOW_H

#include "cli/screen.h"

#define BX_FLOW_RUNS 16
#define BX_FLOW_PREFIX_BYTES 128

typedef struct bx_flow {
    bx_screen *screen; /* borrowed */
    unsigned column;   /* cells on the line; 0: nothing, not even its prefix */
    bool has_space;    /* before the word */
    bx_buf word;
    unsigned word_cells;
    struct {
        size_t at; /* in word */
        unsigned look;
    } runs[BX_FLOW_RUNS];
    unsigned runs_count;
    /* What each line begins with, and instead of it the next one. */
    char prefix[BX_FLOW_PREFIX_BYTES];
    char first[BX_FLOW_PREFIX_BYTES];
    unsigned prefix_cells; /* of either */
    bool has_first;
} bx_flow;

void bx_flow_init(bx_flow *flow, bx_screen *screen);
void bx_flow_clear(bx_flow *flow);

/* cells: of both; first may be NULL. Text of ours. */
void bx_flow_set_prefix(bx_flow *flow, const char *first, const char *prefix,
                        unsigned cells);

/* The character at text; returns its bytes, at least 1. */
size_t bx_flow_put(bx_flow *flow, unsigned look, const char *text,
                   size_t bytes);
/* The word is whole; another may stand on the same line. */
void bx_flow_space(bx_flow *flow);
/* The word is whole; without a space behind it. */
void bx_flow_word(bx_flow *flow);
/* End the line, when there is something on it. */
void bx_flow_break(bx_flow *flow);
/* As it is, a line or a part of one: long lines are the terminal's to wrap. */
void bx_flow_verbatim(bx_flow *flow, unsigned look, const char *text,
                      size_t bytes);

#endif
