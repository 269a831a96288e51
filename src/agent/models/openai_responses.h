/* OpenAI's Responses API, stateless: nothing is stored there, and reasoning
 * comes and goes back encrypted. What its two files share. */
#ifndef BX_AGENT_MODELS_OPENAI_RESPONSES_H
#define BX_AGENT_MODELS_OPENAI_RESPONSES_H

#include "agent/models/openai.h"

#define BX_OPENAI_RESPONSES "openai-responses"

/* Of the carry: reasoning has these, a message may have the phase of the work
 * that it belongs to. Items go back without their ids: these name what is
 * stored, and each asks for the others of its reply. */
#define BX_OPENAI_ENCRYPTED "encrypted_content"
#define BX_OPENAI_SUMMARY "summary" /* [texts] */
#define BX_OPENAI_PHASE "phase"

int bx_openai_responses_write(const bx_turn_request *request,
                              bx_protocol_request *ret, bx_error **err);

#endif
