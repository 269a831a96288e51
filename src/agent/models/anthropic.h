/* Anthropic's Messages API, version 2023-06-01: what its two files share. */
#ifndef BX_AGENT_MODELS_ANTHROPIC_H
#define BX_AGENT_MODELS_ANTHROPIC_H

#include "agent/models/protocol_parts.h"

/* Of the carry: a block of "redacted_thinking" has BX_ANTHROPIC_REDACTED, one
 * of "thinking" BX_ANTHROPIC_SIGNATURE, a call the provider's own id. */
#define BX_ANTHROPIC_SIGNATURE "signature"
#define BX_ANTHROPIC_REDACTED "redacted"
#define BX_ANTHROPIC_ID "id"

int bx_anthropic_write(const bx_turn_request *request, bx_protocol_request *ret,
                       bx_error **err);
int bx_anthropic_write_count(const bx_turn_request *request,
                             bx_protocol_request *ret, bx_error **err);

#endif
