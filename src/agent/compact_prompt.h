/* What a model is asked when it shall summarise. */
#ifndef BX_AGENT_COMPACT_PROMPT_H
#define BX_AGENT_COMPACT_PROMPT_H

#include "agent/conversation.h"
#include "base/buf.h"

extern const char bx_compact_system[];

/* The first count messages as a text of one JSON object a line, which nothing
 * in them can look like a line of. Results are cut, and then all texts, until
 * it has at most max_bytes. is_again: the first one is a summary already.
 * errors: BX_ERR_LIMIT: even so it is longer */
int bx_compact_transcript(const json_t *messages, size_t count, bool is_again,
                          size_t max_bytes, bx_buf *out, bx_error **err);

#endif
