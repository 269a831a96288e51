/* Resources that a client wants to hear about, looked at once a second. */
#ifndef BX_MCP_WATCHED_H
#define BX_MCP_WATCHED_H

#include "mcp/server_state.h"

/* resources/subscribe; -1: too many, or no memory. */
int bx_watched_add(bx_mcp_server *server, const char *uri, const char *path);
void bx_watched_remove(bx_mcp_server *server, const char *uri);

/* Begin to watch: how the file is now. -1 without memory. */
int bx_watched_begin(const bx_mcp_server *server, const char *uri,
                     const char *path, bx_watched *ret_watched);
/* Look again. Is it another file than before? */
bool bx_watched_look(const bx_mcp_server *server, bx_watched *watched);

#endif
