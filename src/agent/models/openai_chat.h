/* OpenAI's Chat Completions, and what others serve in its form: what its
 * files share. */
#ifndef BX_AGENT_MODELS_OPENAI_CHAT_H
#define BX_AGENT_MODELS_OPENAI_CHAT_H

#include "agent/models/openai.h"

#define BX_OPENAI_CHAT "openai-chat"

/* Of the carry: a thought has the member of the message that it came in, a call
 * what Google wants back with it. */
#define BX_OPENAI_CHAT_FIELD "field"
#define BX_OPENAI_CHAT_EXTRA "extra_content"

/* Calls are blocks from this index on. */
#define BX_OPENAI_CHAT_CALLS 2

/* One of a delta's tool_calls. */
int bx_openai_chat_read_call(bx_reply *reply, const json_t *piece,
                             bx_error **err);
bool bx_openai_chat_has_calls(bx_reply *reply);
/* Nothing more comes of them. A call that has no name by now never was one, and
 * the reply is not what was said. */
int bx_openai_chat_finish_calls(bx_reply *reply, bx_error **err);

/* Put "messages" into a request's body; -1: no memory. */
int bx_openai_chat_write_messages(const bx_turn_request *request,
                                  bx_openai_server server, json_t *body);
int bx_openai_chat_write(const bx_turn_request *request,
                         bx_protocol_request *ret, bx_error **err);

#endif
