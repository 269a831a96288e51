/* A conversation from within, for what makes it shorter. */
#ifndef BX_AGENT_CONVERSATION_PARTS_H
#define BX_AGENT_CONVERSATION_PARTS_H

#include "agent/conversation.h"

/* What is estimated from. */
typedef struct bx_weight {
    size_t bytes;
    size_t images;
} bx_weight;

/* What is known of a message beside it. */
typedef struct bx_part {
    uint64_t entry;  /* of its begin; an answer has that of its calls, so that
                      * both are on the same side of any */
    bool is_answer;  /* to the calls of the message before */
    bool is_summary; /* of what was before; the first one only */
    bx_weight weight;
} bx_part;

/* One of the last message's calls. */
typedef struct bx_open_call {
    const char *id; /* borrowed from the message, as is name */
    const char *name;
    bool is_answered;
} bx_open_call;

struct bx_conversation {
    json_t *messages;
    bx_part *parts; /* as many as messages */
    size_t room;
    bx_weight weight; /* of all */
    bx_open_call *calls;
    size_t call_count;
    size_t open_count;
    json_t *call_ids;    /* a call's id to its index */
    json_t *asked;       /* what the user said in the part that was compacted */
    uint64_t last_entry; /* of a message */
    double ratio;        /* tokens that a provider counts for one of ours */
};

void bx_weight_add(bx_weight *sum, const json_t *value);
double bx_weight_tokens(const bx_weight *weight);

/* A message has grown by value. */
void bx_conversation_weigh(bx_conversation *conversation, size_t index,
                           const json_t *value);
/* It weighs nothing, for it goes or is weighed anew. */
void bx_conversation_unweigh(bx_conversation *conversation, size_t index);

/* Put in a message, which is taken, with what is known of it but the weight. */
int bx_conversation_insert(bx_conversation *conversation, size_t index,
                           json_t *message, const bx_part *part,
                           bx_error **err);
/* Take out the first ones. */
int bx_conversation_drop(bx_conversation *conversation, size_t count,
                         bx_error **err);
/* Put another in the place of one; takes message. */
int bx_conversation_replace(bx_conversation *conversation, size_t index,
                            json_t *message, bx_error **err);

/* All have results, and the messages they are in may change. */
void bx_conversation_forget_calls(bx_conversation *conversation);

/* Do what a note of a compaction says: the same when it is made as when the
 * session is loaded again. errors: BX_ERR_INVALID: it does not fit, and then
 * nothing was done */
int bx_conversation_apply(bx_conversation *conversation, const json_t *note,
                          bx_error **err);

#endif
