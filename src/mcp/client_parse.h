/* One entry of "mcpServers", as clients write them, and a few keys of ours. */
#ifndef BX_MCP_CLIENT_PARSE_H
#define BX_MCP_CLIENT_PARSE_H

#include "mcp/client_server.h"

typedef struct bx_server_origin {
    const char *workspace; /* real path */
    const char *state_dir; /* NULL: none is known */
    bool is_workspace;
} bx_server_origin;

/* Owned by the caller. errors: BX_ERR_INVALID: the server, the key and what was
 * expected */
bx_remote_server *bx_remote_server_parse(const char *name, const json_t *entry,
                                         const bx_server_origin *origin,
                                         bx_error **err);

bool bx_remote_server_name_is_valid(const char *name);

#endif
