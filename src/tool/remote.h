/* Tools that others run: of MCP servers, so far. They join the registry beside
 * modules, and a call of one goes the same way (status, level, policy, input,
 * audit); what it does outside is no sandbox's. What a server says of a tool is
 * hostile, and counts only as it was when a person approved it. */
#ifndef BX_TOOL_REMOTE_H
#define BX_TOOL_REMOTE_H

#include "tool/registry.h"

#define BX_REMOTE_DEFINITION_MAX_BYTES (256u << 10)

/* One tool as its server describes it, MCP's Tool (schema 2025-11-25). */
typedef struct bx_remote_tool {
    const char *server;   /* 1 to 32 of [A-Za-z0-9_-] */
    const char *name;     /* the server's own, any text */
    bool is_ambiguous;    /* the server's name may be taken for another's
                           * beginning */
    bool is_workspace;    /* approved for this workspace alone */
    bx_level level;       /* what the person's configuration says of it */
    const char *identity; /* JSON: what is started, or where it is; approvals
                           * are bound to it */
    const json_t *definition; /* "name" is checked, and "inputSchema" an object
                               */
} bx_remote_tool;

typedef struct bx_remote_call {
    const char *server;
    const char *name;  /* the server's own */
    json_t *arguments; /* an object that fits the schema */
    const bx_wait *wait;
    uint64_t timeout_ms; /* the caller's; 0: the server's own */
    void (*progress)(void *context, double progress, double total,
                     const char *message);
    void *progress_context;
} bx_remote_call;

/* A source of such tools. Called by many threads at once. */
typedef struct bx_remote_source {
    void *context;
    /* Show each tool there is now to take, in the same order each time; what
     * it is shown is borrowed for the call. -1 when take answers that. */
    int (*list)(void *context,
                int (*take)(void *take_context, const bx_remote_tool *tool),
                void *take_context);
    /* ret_result: MCP's CallToolResult, unchecked; a reference of the caller's.
     * errors: BX_ERR_TIMEOUT, BX_ERR_CANCELLED, BX_ERR_SYSTEM: the server is
     * gone, BX_ERR_INVALID: it refuses, BX_ERR_DENIED: it wants a sign-in */
    int (*call)(void *context, const bx_remote_call *call, json_t **ret_result,
                bx_error **err);
} bx_remote_source;

/* Let the registry have the tools of source, or with NULL none, instead of
 * those it had: calls of them end first. After a change bx_registry_refresh().
 */
int bx_registry_set_remote(bx_registry *registry,
                           const bx_remote_source *source, bx_error **err);

/* Call the on_change of the registry: its tools are others now. */
void bx_registry_tell_change(bx_registry *registry);

/* A tool's own name and its server's, borrowed; NULL: the tool is a module's.
 */
const char *bx_tool_remote_server(const bx_tool *tool);
const char *bx_tool_remote_name(const bx_tool *tool);

/* Approve a tool of a server if what would be pinned differs from what is by
 * difference, as bx_registry_difference() showed it to a person.
 * errors: BX_ERR_DENIED: it changed meanwhile */
int bx_registry_approve_shown(bx_registry *registry, const char *name,
                              const char *difference, bx_error **err);

#endif
