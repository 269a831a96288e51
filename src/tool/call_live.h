/* Sessions of a tool: instances that live from call to call under a name, so
 * that what one call left is there for the next. Each belongs to one box: under
 * another policy the same name is another session. */
#ifndef BX_TOOL_CALL_LIVE_H
#define BX_TOOL_CALL_LIVE_H

#include "tool/call.h"

#define BX_LIVE_MAX 8 /* kept at once; each holds its memory */
#define BX_LIVE_NAME_MAX 128
#define BX_LIVE_FUNCTION "execute" /* (string) -> result<string, string> */

typedef struct bx_live bx_live;

/* The name of the session that a call is of, or NULL: what the caller says, or
 * the input's "session" where the schema has such. Borrowed. */
const char *bx_live_name(const bx_tool *tool, const json_t *input,
                         const char *asked);

/* Call the tool in its session, made if need be; other calls of that session
 * wait, within their own time. input: JSON.
 * errors: BX_ERR_LIMIT: all that may be kept are in use; BX_ERR_TIMEOUT,
 *         BX_ERR_CANCELLED: it was not this call's turn before its end */
int bx_live_call(bx_call_state *state, const char *name, const char *input,
                 size_t input_bytes, const bx_run_options *options,
                 bx_result **ret_result, bx_error **err);

/* End them all; nobody calls any more. */
void bx_live_free_all(bx_registry *registry);

#endif
