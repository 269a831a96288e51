/* What a model is sent of a session: its messages, each call's result in the
 * message that answers the call, and in place of what was compacted its
 * summary. Made from a session's entries, and kept in step with them as they
 * are added. One thread. */
#ifndef BX_AGENT_CONVERSATION_H
#define BX_AGENT_CONVERSATION_H

#include "agent/models/turn.h"
#include "store/session_store.h"

typedef struct bx_conversation bx_conversation;

/* Empty; NULL without memory. */
bx_conversation *bx_conversation_new(bx_error **err);
/* As the entries of a session say; a call without a result is left open.
 * errors: BX_ERR_INVALID: the entry that does not fit, and why */
bx_conversation *bx_conversation_load(bx_session_log *log, bx_error **err);
/* The same of entries that were read, as of bx_session_log_read(). */
bx_conversation *bx_conversation_load_entries(const json_t *entries,
                                              bx_error **err);
/* NULL is fine. */
void bx_conversation_free(bx_conversation *conversation);
BX_DEFINE_AUTO(bx_conversation, bx_conversation_free)
#define bx_autoconversation BX_AUTO(bx_conversation_free)

/* A message that was stored as an entry; borrowed. A user's that follows
 * results becomes part of the message that holds these. */
int bx_conversation_add(bx_conversation *conversation, const json_t *message,
                        uint64_t entry, bx_error **err);
/* A call's result that was stored, a tool_result block; borrowed. Results stand
 * in the order of their calls, whenever they come. */
int bx_conversation_add_result(bx_conversation *conversation,
                               const json_t *block, bx_error **err);

/* What to send, borrowed until the next change: a conversation as
 * bx_messages_check() wants it. errors: BX_ERR_INVALID: a call has no result
 * yet, it is named */
const json_t *bx_conversation_messages(bx_conversation *conversation,
                                       bx_error **err);

/* Tokens of it with so many bytes of system prompt and tools beside it: an
 * estimate that bx_conversation_learn() makes better. */
uint64_t bx_conversation_tokens(const bx_conversation *conversation,
                                size_t other_bytes);
/* What the provider counted of the request that was estimated so. */
void bx_conversation_learn(bx_conversation *conversation, uint64_t estimate,
                           const bx_usage *usage);

/* One turn of a model, for a summary: bx_model_client_turn() with its client,
 * deadline and events. */
typedef int (*bx_turn_fn)(void *context, const bx_turn_request *request,
                          bx_turn_reply *ret_reply, bx_error **err);

typedef struct bx_compaction {
    const bx_model *model;
    bx_turn_fn turn; /* NULL: nothing is asked, old results are left out */
    void *turn_context;
    uint64_t keep_tokens; /* of the newest messages, about, as they are; 0: a
                           * fifth of the model's context */
} bx_compaction;

/**
 * Put a summary, written by the model, in place of the old part; calls and
 * their results stay together. Where the summary fails (an error, empty, calls
 * of tools), results of the old part are left out instead, and the note says
 * so. The entries stay as they are in the session.
 *
 * ret_note   to be stored by the caller as an entry, before any other: {"type":
 *            "compaction", "to": the last entry that it stands for, "summary"
 *            and "asked" (what the user said there, word for word) or "elided"
 *            (how many results) and "reason", "before_tokens",
 *            "after_tokens"}; a reference of the caller's
 * ret_usage  of the turn that wrote the summary; zeros without one
 * errors     BX_ERR_LIMIT: there is nothing left to make shorter;
 *            BX_ERR_CANCELLED
 */
int bx_conversation_compact(bx_conversation *conversation,
                            const bx_compaction *how, json_t **ret_note,
                            bx_usage *ret_usage, bx_error **err);

#endif
