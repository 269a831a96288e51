/* How a conversation is made shorter, in steps. */
#ifndef BX_AGENT_COMPACT_H
#define BX_AGENT_COMPACT_H

#include "agent/conversation.h"

/* Bytes of all texts of a note that is read again. */
#define BX_COMPACT_NOTE_MAX (1u << 20)
/* What is kept of the user's own words in the old part, bytes. */
#define BX_COMPACT_ASKED_MAX (16u * 1024)
#define BX_COMPACT_ASKED_ONE_MAX (6u * 1024)

/* A message without results, images, thinking and carries: a new one; NULL
 * without memory. */
json_t *bx_compact_elide(const json_t *message, bx_error **err);

/* Tokens of what a model takes; a guess where it is not known. */
double bx_compact_context(const bx_model *model);
/* An estimate for the first count messages. */
uint64_t bx_compact_tokens(const bx_conversation *conversation, size_t count);
/* The last entry of these: what begins behind it is kept. */
json_int_t bx_compact_last_entry(const bx_conversation *conversation,
                                 size_t count);

/* A note with a summary of the first old messages that is shorter than they
 * are; NULL with err. ret_usage: added to, also by a reply that is no good. */
json_t *bx_compact_summarise(const bx_conversation *conversation, size_t old,
                             const bx_compaction *how, bx_usage *ret_usage,
                             bx_error **err);

/* How many messages begin at an entry or before it. */
size_t bx_compact_find(const bx_conversation *conversation, uint64_t to);

#endif
