/* A text of someone else's between two lines that it cannot contain. The same
 * text always stands between the same lines, so that caches hold. */
#ifndef BX_AGENT_CONTEXT_MARK_H
#define BX_AGENT_CONTEXT_MARK_H

#include "base/buf.h"

/* Append
 *
 *     --- begin NAME, MARK ---
 *     ...
 *     --- end NAME, MARK ---
 *
 * where the mark is of the text's digest: a text that has its own digest in it
 * cannot be made. -1 without memory. */
int bx_mark_put(bx_buf *out, const char *name, const char *text, size_t bytes);

#endif
