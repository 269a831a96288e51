/* Google's Gemini API, version v1beta: what its files share. */
#ifndef BX_AGENT_MODELS_GEMINI_H
#define BX_AGENT_MODELS_GEMINI_H

#include "agent/models/protocol_parts.h"

#define BX_GEMINI_NAME "gemini"
/* Of the carry: the signature that came with a block, of thinking, text or a
 * call; of a call the provider's own id. */
#define BX_GEMINI_SIGNATURE "signature"
#define BX_GEMINI_ID "id"

int bx_gemini_write(const bx_turn_request *request, bx_protocol_request *ret,
                    bx_error **err);
int bx_gemini_write_count(const bx_turn_request *request,
                          bx_protocol_request *ret, bx_error **err);

/* Before the third generation: thinking has a budget, not a level; calls go
 * without signatures; results have no images within; the reply's form does not
 * go with tools. */
bool bx_gemini_is_older(const bx_turn_request *request);
/* The messages into body's "contents"; -1 without memory. */
int bx_gemini_write_contents(const bx_turn_request *request, json_t *body);

/* A schema without what the API refuses, which is looser at most: a call is
 * checked against the tool's own. Owned; NULL without memory. */
json_t *bx_gemini_schema(const json_t *schema);

/* What an answer says of an error: {"error": ...}, alone or in an array. */
void bx_gemini_read_failure(unsigned status, const json_t *body,
                            bx_reply_failure *ret_failure);

#endif
