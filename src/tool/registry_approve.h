/* What lock file and policy say of the tools in a table. */
#ifndef BX_TOOL_REGISTRY_APPROVE_H
#define BX_TOOL_REGISTRY_APPROVE_H

#include "tool/registry_state.h"

/* Set the status of each tool that is ready so far. The user's own tools are
 * pinned at first sight: the user put them there. */
int bx_approve_table(bx_registry *registry, bx_table *table, bx_error **err);

#endif
