/* The agent's own tools: what each is and what they share. Their input has been
 * held against their schemas, but it is a model's, which may do what a page
 * told it: lengths in bytes, names and what is allowed are checked here. */
#ifndef BX_AGENT_OWN_H
#define BX_AGENT_OWN_H

#include "agent/context.h"

/* Their context is a bx_context. */
extern const bx_own_tool bx_own_ask;    /* "ask_user" */
extern const bx_own_tool bx_own_plan;   /* "plan" */
extern const bx_own_tool bx_own_memory; /* "memory" */
extern const bx_own_tool bx_own_skill;  /* "skill" */
extern const bx_own_tool bx_own_search; /* "tool_search" */

/* The plan that a note says. errors: BX_ERR_INVALID */
int bx_own_plan_load(bx_context *context, const json_t *note, bx_error **err);

/* A string member of the input; NULL: it is not there. Borrowed. */
const char *bx_own_text(const bx_own_call *call, const char *key);
/* Make content of one text; text NULL: BX_ERR_SYSTEM, no memory. */
int bx_own_answer(const char *text, json_t **ret_content, bx_error **err);

#endif
