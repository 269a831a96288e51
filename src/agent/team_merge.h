/* What executors changed, brought into the workspace: asked for, decided,
 * written, and told to the person and to the manager. */
#ifndef BX_AGENT_TEAM_MERGE_H
#define BX_AGENT_TEAM_MERGE_H

#include "agent/executor.h"

/* Of those that are done; what the others changed is kept in their overlays.
 * The report is added to content. ret_is_whole: all that was to be written is.
 * -1: no memory, or the overlays cannot be read; nothing was written then. */
int bx_team_merge(bx_crew *crew, const bx_own_call *call,
                  const bx_executor *executors, size_t count, json_t *content,
                  bool *ret_is_whole, bx_error **err);

#endif
