/* A conversation in the form that every provider's protocol can carry.
 *
 * Messages are JSON: they are stored, exported, shown and sent. This page is
 * their shape, and message.c alone makes and checks them.
 *
 *     {"role": "user" | "assistant", "content": [BLOCK, ...]}
 *
 * Blocks:
 *     {"type": "text", "text": TEXT}
 *     {"type": "thinking", "text": TEXT}             of an assistant
 *     {"type": "image", "media_type": "image/png", "data": BASE64}
 *     {"type": "tool_call", "id": ID, "name": NAME, "input": OBJECT}
 *     {"type": "tool_result", "id": ID, "name": NAME, "is_error": BOOL,
 *      "content": [text and image blocks]}           of a user
 *
 * A block may have "carry": {"protocol": NAME, ...}, what the provider wants
 * back word for word with the next request (signatures of thinking, encrypted
 * reasoning). It is sent to that protocol only; to another, thinking and carry
 * are left out.
 *
 * A call's id is made here and unique in its session; the provider's own, where
 * a protocol has one, is in the carry. */
#ifndef BX_AGENT_MODELS_MESSAGE_H
#define BX_AGENT_MODELS_MESSAGE_H

#include <jansson.h>

#include "base/error.h"

#define BX_MESSAGE_MAX_BLOCKS 10000
#define BX_MESSAGE_MAX_BYTES (64u << 20)

/* A message without blocks. Each of these is a reference of the caller's; NULL
 * without memory. Text that is not UTF-8 gets U+FFFD for each bad byte. */
json_t *bx_message_new(const char *role);
json_t *bx_message_new_text(const char *role, const char *text, size_t bytes);

/* Append a block; returns it, borrowed, so that a carry can be put into it. */
json_t *bx_message_add_text(json_t *message, const char *text, size_t bytes);
json_t *bx_message_add_thinking(json_t *message, const char *text,
                                size_t bytes);
json_t *bx_message_add_image(json_t *message, const char *media_type,
                             const void *data, size_t bytes);
/* Takes input, an object. */
json_t *bx_message_add_call(json_t *message, const char *id, const char *name,
                            json_t *input);
/* Takes content, an array of text and image blocks. */
json_t *bx_message_add_result(json_t *message, const char *id, const char *name,
                              bool is_error, json_t *content);

/* Is it a message? errors: BX_ERR_INVALID with the place, for what was read
 * from a file. */
int bx_message_check(const json_t *message, bx_error **err);
/* Is an array of messages a conversation that can be sent: a user first, each
 * call answered once by the next message, results only of calls? */
int bx_messages_check(const json_t *messages, bx_error **err);

const char *bx_message_role(const json_t *message);
/* Its blocks, borrowed. */
json_t *bx_message_blocks(const json_t *message);
/* Text blocks joined; owned, free(). */
char *bx_message_text(const json_t *message);
bool bx_block_is(const json_t *block, const char *type);
/* The member when it is a string, otherwise "". */
const char *bx_block_text(const json_t *block, const char *key);

/* The carry of a block for a protocol; borrowed, NULL: none. */
json_t *bx_block_carry(const json_t *block, const char *protocol);
/* Takes carry, an object. */
int bx_block_set_carry(json_t *block, const char *protocol, json_t *carry);

#endif
