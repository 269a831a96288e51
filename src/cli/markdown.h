/* Markdown of a model on a terminal while it streams in: each word appears as
 * soon as it is clear what it is. In a pipe the text goes out as it came. What
 * steers a terminal is escaped in both. */
#ifndef BX_CLI_MARKDOWN_H
#define BX_CLI_MARKDOWN_H

#include "cli/screen.h"

typedef struct bx_markdown bx_markdown;

/* screen: borrowed. NULL without memory. */
bx_markdown *bx_markdown_new(bx_screen *screen);
/* NULL is fine. */
void bx_markdown_free(bx_markdown *markdown);
BX_DEFINE_AUTO(bx_markdown, bx_markdown_free)
#define bx_automarkdown BX_AUTO(bx_markdown_free)

/* What each line begins with, text of ours ("" at first). Between messages. */
void bx_markdown_indent(bx_markdown *markdown, const char *prefix,
                        unsigned cells);

void bx_markdown_put(bx_markdown *markdown, const char *text, size_t bytes);
/* The message is over: the cursor stands at the begin of a line, and another
 * message may follow. */
void bx_markdown_end(bx_markdown *markdown);

#endif
