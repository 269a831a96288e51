/* Calls and their results as people read them. All of it was written by a
 * model, a tool or a file. */
#ifndef BX_CLI_VIEW_CALL_H
#define BX_CLI_VIEW_CALL_H

#include <jansson.h>

#include "cli/screen.h"

/* What a call is about: its command, path, URL, query; or all of its input.
 * Owned, free(); "" at least, NULL without memory. */
char *bx_view_call_subject(const json_t *input);

/* "bash  ls -la", as much as fits. indent: cells before it. */
void bx_view_put_call(bx_screen *screen, unsigned indent, const char *name,
                      const json_t *input);
/* All of the input, for somebody who is to agree: a text over several lines as
 * such, each line behind a bar, at most max of each text, and said so where it
 * has more. */
void bx_view_put_input(bx_screen *screen, const json_t *input, size_t max);
/* What came of it: bytes, lines, time; an error with its first lines, others
 * with as many as wanted. */
void bx_view_put_result(bx_screen *screen, unsigned indent, const json_t *event,
                        unsigned lines);
/* A unified diff, at most max lines of it. */
void bx_view_put_diff(bx_screen *screen, const char *text, size_t max);

/* One line, broken between words where the screen ends; what follows the first
 * is indented as far. label: text of ours. */
void bx_view_put_wrapped(bx_screen *screen, unsigned indent, unsigned look,
                         const char *label, const char *text);

/* Lines behind a bar, so that none looks like one of ours; at most max of them.
 * Long ones are cut where the screen ends; whole, they go on in the next. */
void bx_view_put_quoted(bx_screen *screen, unsigned look, unsigned indent,
                        const char *text, size_t bytes, size_t max);
void bx_view_put_quoted_whole(bx_screen *screen, unsigned indent,
                              const char *text, size_t bytes, size_t max);

#endif
