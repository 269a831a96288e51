/* A reply that is arriving: blocks by the provider's index, in any order and
 * interleaved; text that is cut within a character; a call's input in pieces of
 * JSON. Nothing of it is taken before it is whole. */
#ifndef BX_AGENT_MODELS_REPLY_H
#define BX_AGENT_MODELS_REPLY_H

#include "agent/models/turn.h"

#define BX_REPLY_MAX_BYTES (64u << 20)
#define BX_REPLY_MAX_BLOCKS 1000

typedef enum bx_block_kind {
    BX_BLOCK_TEXT,
    BX_BLOCK_THINKING,
    BX_BLOCK_CALL,
} bx_block_kind;

/* What kind of failure an answer tells of. */
typedef enum bx_failure_kind {
    BX_FAILURE_REQUEST, /* ours: do not repeat */
    BX_FAILURE_KEY,     /* refused, or without credit */
    BX_FAILURE_NO_MODEL,
    BX_FAILURE_CONTEXT,  /* the conversation is too long */
    BX_FAILURE_RATE,     /* repeat later */
    BX_FAILURE_OVERLOAD, /* the same */
    BX_FAILURE_SERVER,   /* the same */
} bx_failure_kind;

typedef struct bx_reply_failure {
    bx_failure_kind kind;
    char text[512];    /* the provider's words, printable, no key in them */
    uint64_t retry_ms; /* what its body says; 0: nothing */
} bx_reply_failure;

/* Set its text; what is not printable is escaped, what is too long is cut. */
void bx_reply_failure_say(bx_reply_failure *failure, const char *text);

typedef struct bx_reply bx_reply;

/* events: borrowed; NULL: nobody watches. */
bx_reply *bx_reply_new(const char *protocol, const bx_turn_events *events,
                       bx_error **err);
void bx_reply_free(bx_reply *reply);
BX_DEFINE_AUTO(bx_reply, bx_reply_free)
#define bx_autoreplying BX_AUTO(bx_reply_free)

/* A block begins at the provider's index (any number; its order in the message
 * is that of the beginnings). Beginning the same twice is BX_ERR_INVALID.
 * name: of a call, otherwise NULL; bytes that no tool's name has become '_'. */
int bx_reply_begin(bx_reply *reply, uint64_t index, bx_block_kind kind,
                   const char *name, bx_error **err);
bool bx_reply_has(const bx_reply *reply, uint64_t index);
/* Where a protocol has no indices, a block's is how many began before it. */
size_t bx_reply_blocks(const bx_reply *reply);
/* Is there such a block of this kind, and can more of it come? */
bool bx_reply_is_open(const bx_reply *reply, uint64_t index,
                      bx_block_kind kind);
/* More text of a block, or of a call's input. */
int bx_reply_append(bx_reply *reply, uint64_t index, const char *text,
                    size_t bytes, bx_error **err);
/* A call whose input came as a value; takes it. */
int bx_reply_set_input(bx_reply *reply, uint64_t index, json_t *input,
                       bx_error **err);
/* Put a member into the block's carry; takes value. */
int bx_reply_put_carry(bx_reply *reply, uint64_t index, const char *key,
                       json_t *value, bx_error **err);
/* Append text to a string member of the carry (a signature in pieces). key: a
 * literal. */
int bx_reply_append_carry(bx_reply *reply, uint64_t index, const char *key,
                          const char *text, size_t bytes, bx_error **err);
/* What a protocol remembers of the stream from one event to the next: an
 * object, borrowed. What it keeps there of the stream it counts. */
json_t *bx_reply_memory(bx_reply *reply);
int bx_reply_count(bx_reply *reply, size_t bytes, bx_error **err);
/* Nothing more of it comes. A call's input must be an object by now; that it
 * is not is told by bx_reply_take(), for a reply that was cut at the most
 * output tokens finishes its blocks before it says so. */
int bx_reply_finish_block(bx_reply *reply, uint64_t index, bx_error **err);

void bx_reply_set_stop(bx_reply *reply, bx_stop stop);
bx_usage *bx_reply_usage(bx_reply *reply);
int bx_reply_set_model(bx_reply *reply, const char *model, bx_error **err);
/* The protocol's last event came. */
void bx_reply_end(bx_reply *reply);
bool bx_reply_is_ended(const bx_reply *reply);
/* The provider tells of an error within the stream. */
void bx_reply_fail(bx_reply *reply, const bx_reply_failure *failure);
const bx_reply_failure *bx_reply_failure_of(const bx_reply *reply);

/* Move what arrived into ret_reply: message, stop, usage and model. It must
 * have ended, with a stop. Blocks that are not whole are an error, but with
 * BX_STOP_LENGTH, BX_STOP_CONTEXT and BX_STOP_REFUSAL, which leave out such
 * calls (the last one leaves out all) and carries. Empty blocks without a carry
 * are left out; whether the stop is END or CALLS is what the blocks say. */
int bx_reply_take(bx_reply *reply, bx_turn_reply *ret_reply, bx_error **err);

#endif
