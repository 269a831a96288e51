/* What turns cost, in events and in a session's entries. */
#ifndef BX_AGENT_AGENT_USAGE_H
#define BX_AGENT_AGENT_USAGE_H

#include <jansson.h>

#include "agent/models/model.h"

/* {"input_tokens", ...}; a reference of the caller's, NULL without memory. */
json_t *bx_agent_usage_json(const bx_usage *usage);
/* Dollars, or null when they are not known. */
json_t *bx_agent_cost_json(double cost);

#endif
