/* A text of strangers as one line: it can neither begin a line of its own where
 * it is shown nor say one thing to people and another to a model. */
#ifndef BX_AGENT_ONE_LINE_H
#define BX_AGENT_ONE_LINE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Runs of white space become one space, none at the ends; what steers a
 * terminal, turns the direction of text or is not seen at all becomes U+FFFD.
 *
 * text         UTF-8; what is not becomes U+FFFD too
 * max_bytes    of the line, at least 8; the rest is cut, "..." shows it
 * ret_is_plain nothing had to be replaced; may be NULL
 * returns      owned, free(); NULL without memory
 */
char *bx_one_line(const char *text, size_t bytes, size_t max_bytes,
                  bool *ret_is_plain);

#endif
