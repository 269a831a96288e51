/* Long results, kept whole beside the workspace's other files of ours, where
 * the model can read parts of them: WORKSPACE/.boxagnts/results/SESSION/ID.txt.
 * The folder may hold a stranger's links: none is followed. */
#ifndef BX_AGENT_AGENT_KEPT_H
#define BX_AGENT_AGENT_KEPT_H

#include "agent/agent.h"

#define BX_KEPT_FOLDER ".boxagnts/results"
#define BX_KEPT_MAX_BYTES (64u << 20) /* of one session */

/* Keep a result's text, on any thread. The path as the model has it, owned;
 * NULL: it is not kept, for lack of room or because the workspace cannot be
 * written or is not shown to tools. */
char *bx_agent_keep(bx_agent *agent, const char *call_id, const char *text,
                    size_t bytes);

/* Remove what is kept of a session; fine when there is nothing.
 * errors: BX_ERR_SYSTEM, BX_ERR_DENIED: a link on the way */
int bx_kept_remove(const char *workspace, const char *session, bx_error **err);

#endif
