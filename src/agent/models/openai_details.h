/* OpenRouter's reasoning_details: what the models behind it want back of their
 * thinking (signatures, encrypted parts), in pieces while it streams. */
#ifndef BX_AGENT_MODELS_OPENAI_DETAILS_H
#define BX_AGENT_MODELS_OPENAI_DETAILS_H

#include "agent/models/protocol.h"

/* Of the carry of a thought: the details, and the model that they are of. */
#define BX_OPENAI_DETAILS "reasoning_details"
#define BX_OPENAI_DETAILS_MODEL "model"

/* Keep the pieces of one delta in the reply's memory. */
int bx_openai_details_read(bx_reply *reply, const json_t *pieces,
                           const char *model, bx_error **err);
/* Put what they became into a block's carry. */
int bx_openai_details_end(bx_reply *reply, uint64_t block, bx_error **err);
/* The details of a carry that a model can be sent; borrowed, NULL: none. One
 * vendor's signature is refused by another's model. */
json_t *bx_openai_details_for(const json_t *carry, const char *model);

/* The same value, a reference of the caller's; NULL where it holds a NUL, which
 * no parser of JSON here takes back. */
int bx_openai_copy_plain(bx_reply *reply, const json_t *value,
                         json_t **ret_value, bx_error **err);

#endif
