/* What a call would do, before anybody agrees to it: it runs over an overlay of
 * its own, without network, and what it changed there is shown. On a yes that
 * is committed and the result counts; on a no it is as if nothing had run. */
#ifndef BX_AGENT_EFFECT_H
#define BX_AGENT_EFFECT_H

#include "agent/agent_state.h"
#include "tool/tool.h"

#define BX_EFFECT_MAX_BYTES (64u << 10) /* of a diff that is shown */

typedef struct bx_effect {
    char *name;             /* of the overlay; owned, NULL: there is none */
    char *text;             /* for people; owned, NULL: nothing to show */
    bx_tool_result *result; /* of the run; owned. NULL: it must run anew, it
                             * wanted what only an approved call gets */
} bx_effect;

/* Run it. params: as the call would be made; overlay and listeners are set
 * here. Failure leaves nothing behind and is no reason not to ask.
 * errors: as of bx_registry_call() */
int bx_effect_try(bx_agent *agent, const char *call_id, bx_tool_call *params,
                  bx_effect *ret_effect, bx_error **err);

/* Make it count. ret_left: changes that were not made, because the policy
 * protects what they are of.
 * errors: BX_ERR_DENIED: the files are no longer as the run saw them */
int bx_effect_commit(bx_agent *agent, bx_effect *effect, size_t *ret_left,
                     bx_error **err);

/* Drop what is left of the overlay, and free. */
void bx_effect_clear(bx_agent *agent, bx_effect *effect);

/* Of an earlier process that ended before an answer came. */
void bx_effect_forget(const bx_agent *agent, const char *call_id);

#endif
