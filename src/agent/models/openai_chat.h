/* OpenAI's Chat Completions, and what others serve in its form: what its two
 * files share. */
#ifndef BX_AGENT_MODELS_OPENAI_CHAT_H
#define BX_AGENT_MODELS_OPENAI_CHAT_H

#include "agent/models/openai.h"

#define BX_OPENAI_CHAT "openai-chat"

/* Of the carry: a thought has the member of the message that it came in, a call
 * what Google wants back with it. */
#define BX_OPENAI_CHAT_FIELD "field"
#define BX_OPENAI_CHAT_EXTRA "extra_content"

/* A tool that the model must call where it is not known to have structured
 * output: its input is the reply's text. */
#define BX_OPENAI_CHAT_REPLY_TOOL "structured_reply"

int bx_openai_chat_write(const bx_turn_request *request,
                         bx_protocol_request *ret, bx_error **err);

#endif
