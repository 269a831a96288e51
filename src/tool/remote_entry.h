/* What the registry keeps of a remote tool, and the two ways into it. */
#ifndef BX_TOOL_REMOTE_ENTRY_H
#define BX_TOOL_REMOTE_ENTRY_H

#include "tool/call.h"
#include "tool/call_input.h"
#include "tool/remote.h"

typedef struct bx_remote {
    char *server;
    char *name;
    char *place; /* "mcp:SERVER/NAME", for people */
    bool is_workspace;
} bx_remote;

/* NULL is fine. */
void bx_remote_free(bx_remote *remote);

/* Add the tools of the registry's source to a table; files that old has and
 * that are the same are taken from there. */
int bx_remote_scan(bx_registry *registry, const bx_table *old, bx_table *table,
                   bx_error **err);

/* The rest of a call, once status, level and input are checked. Records it. */
int bx_remote_run(bx_call_state *state, const bx_tool_call *call,
                  const bx_entry *entry, const bx_input *input,
                  bx_tool_result **ret_result, bx_error **err);

#endif
