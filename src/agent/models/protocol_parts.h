/* What protocols have in common, for the files that write and read them. */
#ifndef BX_AGENT_MODELS_PROTOCOL_PARTS_H
#define BX_AGENT_MODELS_PROTOCOL_PARTS_H

#include "agent/models/protocol.h"

/* A tool that the model must call where it has no structured output of its own:
 * its input is the reply's text. */
#define BX_REPLY_TOOL "structured_reply"

bool bx_request_has(const bx_turn_request *request, unsigned ability);
/* Can the request be written at all? has_reply_tool: the name of that tool is
 * taken. errors: BX_ERR_INVALID */
int bx_request_check(const bx_turn_request *request, bool has_reply_tool,
                     bx_error **err);

/* One tool as a protocol has it, of borrowed parts; description may be NULL. */
typedef json_t *(*bx_write_tool_fn)(const json_t *name,
                                    const json_t *description,
                                    const json_t *schema);
/* Those of the request, and with has_reply_tool that one: an array, a reference
 * of the caller's; NULL without memory. */
json_t *bx_request_write_tools(const bx_turn_request *request,
                               bool has_reply_tool, bx_write_tool_fn write);

/* APIs refuse text of nothing but white space. */
bool bx_text_is_blank(const char *text);

/* Which id goes for a call: the provider's own, unless it gave the same one
 * twice. All zero: none yet. */
typedef struct bx_call_ids {
    json_t *of_calls; /* a call's id to the one that is sent */
    json_t *sent;
} bx_call_ids;

/* own: "" when the provider gave none. Borrowed; NULL without memory. */
const char *bx_call_ids_take(bx_call_ids *ids, const json_t *call,
                             const char *own);
/* The one that was sent for the call of a result; borrowed, NULL: none. */
json_t *bx_call_ids_of(const bx_call_ids *ids, const json_t *result);
void bx_call_ids_clear(bx_call_ids *ids);

/* What the status of an answer alone says; 0: within a stream, which had begun
 * well. */
bx_failure_kind bx_failure_of_status(unsigned status);

/* A count of tokens. name: the protocol's. errors: BX_ERR_INVALID */
int bx_count_read(const json_t *body, const char *name, const char *key,
                  uint64_t *ret_tokens, bx_error **err);

#endif
