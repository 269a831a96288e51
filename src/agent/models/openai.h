/* What OpenAI's two protocols share: servers, failures, usage and forms. */
#ifndef BX_AGENT_MODELS_OPENAI_H
#define BX_AGENT_MODELS_OPENAI_H

#include "agent/models/protocol_parts.h"

/* Of the carry: a call's id as the provider gave it. */
#define BX_OPENAI_ID "id"

/* Servers that want some things otherwise, known by the host of the provider's
 * base URL. */
typedef enum bx_openai_server {
    BX_OPENAI_OTHER,
    BX_OPENAI_ITSELF, /* OpenAI, and Azure's OpenAI */
    BX_OPENAI_DEEPSEEK,
    BX_OPENAI_GOOGLE,
    BX_OPENAI_MISTRAL,
    BX_OPENAI_MOONSHOT,
    BX_OPENAI_OPENROUTER,
} bx_openai_server;

bx_openai_server bx_openai_server_of(const bx_provider *provider);

/* An error in any of the forms that servers give it. body: what came, NULL for
 * what is no JSON; status: 0 within a stream. */
void bx_openai_read_failure(unsigned status, const json_t *body,
                            bx_reply_failure *ret_failure);
/* Has it a member "error" that says something? */
bool bx_openai_has_error(const json_t *value);

/* Counts of either protocol. What is no object says nothing. */
void bx_openai_read_usage(bx_reply *reply, const json_t *usage);
/* The model's name, when it is the first that came. */
int bx_openai_read_model(bx_reply *reply, const json_t *from, bx_error **err);
/* Put a provider's id into a block's carry if it can be sent back. */
int bx_openai_put_id(bx_reply *reply, uint64_t index, const char *id,
                     bx_error **err);

/* {"name", "schema", "strict"} for the form of a reply. These return references
 * of the caller's; NULL without memory. */
json_t *bx_openai_write_schema(const json_t *schema);
/* "data:image/png;base64,..." */
json_t *bx_openai_write_image_url(const json_t *image);
/* A call's input as text. */
json_t *bx_openai_write_arguments(const json_t *call);
/* What the API calls an effort; NULL for the default. */
const char *bx_openai_effort(bx_effort effort);
/* Most tokens of the reply; 0: as many as the server gives. */
uint64_t bx_openai_output_tokens(const bx_turn_request *request);

#endif
