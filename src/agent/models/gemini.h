/* Google's Gemini API, version v1beta: what its files share. */
#ifndef BX_AGENT_MODELS_GEMINI_H
#define BX_AGENT_MODELS_GEMINI_H

#include "agent/models/protocol.h"

#define BX_GEMINI_NAME "gemini"
/* Of the carry: the signature that came with a block, of thinking, text or a
 * call; of a call the provider's own id. */
#define BX_GEMINI_SIGNATURE "signature"
#define BX_GEMINI_ID "id"

/* A tool that the model must call where it has no structured output, or none
 * together with tools: its input is the reply's text. */
#define BX_GEMINI_REPLY_TOOL "structured_reply"

int bx_gemini_write(const bx_turn_request *request, bx_protocol_request *ret,
                    bx_error **err);
int bx_gemini_write_count(const bx_turn_request *request,
                          bx_protocol_request *ret, bx_error **err);

/* A schema without what the API refuses, which is looser at most: a call is
 * checked against the tool's own. Owned; NULL without memory. */
json_t *bx_gemini_schema(const json_t *schema);

/* What an answer says of an error: {"error": ...}, alone or in an array. */
void bx_gemini_read_failure(unsigned status, const json_t *body,
                            bx_reply_failure *ret_failure);

#endif
