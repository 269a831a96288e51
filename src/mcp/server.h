/* The MCP server: one client over a pair of descriptors, the tools of a
 * registry and the files of its workspace. */
#ifndef BX_MCP_SERVER_H
#define BX_MCP_SERVER_H

#include "mcp/log_level.h"
#include "tool/registry.h"

typedef struct bx_mcp_server bx_mcp_server;

typedef struct bx_mcp_config {
    int in_fd;               /* borrowed */
    int out_fd;              /* borrowed; messages of the protocol, only */
    const bx_policy *policy; /* the workspace's; borrowed */
    bx_audit_log *audit;     /* borrowed; NULL: none is kept */
    bool allows_dangerous;   /* whoever starts the server agreed to calls of
                              * dangerous tools */
    bool has_no_resources;   /* files are not shown as resources */
    unsigned threads;        /* calls at once; 0: 8 */
    size_t page_items;       /* of a list; 0: 100 */
    void (*log)(void *context, bx_log_level level, const char *text);
    void *log_context; /* what people are told; from any thread */
} bx_mcp_config;

bx_mcp_server *bx_mcp_server_new(const bx_mcp_config *config, bx_error **err);
/* NULL is fine. Its registry must be gone, or not tell of changes any more. */
void bx_mcp_server_free(bx_mcp_server *server);

/* Serve until the client leaves: it closes its end and what it asked for is
 * answered, or it is gone. registry: borrowed. */
int bx_mcp_server_run(bx_mcp_server *server, bx_registry *registry,
                      bx_error **err);

/* End soon; may be called by a signal's handler. */
void bx_mcp_server_stop(bx_mcp_server *server);

/* The registry's tools changed; a bx_registry_config.on_change whose context is
 * the server. */
void bx_mcp_server_on_change(void *server);

#endif
