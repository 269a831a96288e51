/* What stands inside of a paragraph: emphasis, code, links (CommonMark 0.31,
 * chapter 6), as it streams in. What may still become a link or a mark is held
 * until it is clear; a mark that is never closed ends with its block. */
#ifndef BX_CLI_MARKDOWN_INLINE_H
#define BX_CLI_MARKDOWN_INLINE_H

#include "cli/markdown_flow.h"

#define BX_LINK_MAX_BYTES 1024u /* a '[' that runs on is one */

typedef struct bx_inline {
    bx_flow *flow; /* borrowed */
    unsigned base; /* look of the block */
    bool is_bold;
    bool is_italic;
    size_t ticks;   /* that close the code; 0: none is open */
    char before;    /* the last byte; ' ' at the begin */
    bool is_nested; /* the text of a link */
    bx_buf held;
} bx_inline;

void bx_inline_init(bx_inline *state, bx_flow *flow);
void bx_inline_clear(bx_inline *state);
/* A block begins. */
void bx_inline_begin(bx_inline *state, unsigned base);
/* Text without line breaks. */
void bx_inline_put(bx_inline *state, const char *text, size_t bytes);
/* Nothing follows in this line: what is held is what it is. */
void bx_inline_flush(bx_inline *state);

#endif
