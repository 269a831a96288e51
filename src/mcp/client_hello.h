/* What is said when a connection begins: which revision, and which tools. */
#ifndef BX_MCP_CLIENT_HELLO_H
#define BX_MCP_CLIENT_HELLO_H

#include "mcp/client_link.h"

typedef struct bx_hello {
    char revision[16];
    char title[160];
    bool has_tools;
} bx_hello;

/* The handshake, or for a server that has none the question what it speaks. */
int bx_hello_open(bx_link *link, bool has_root, const bx_wait *wait,
                  bx_hello *ret_hello, bx_error **err);

/* All pages of its tools; log: of those left out. As bx_mcp_client_tools().
 * errors: BX_ERR_LIMIT: too many, too large, or pages in circles */
json_t *bx_hello_list_tools(bx_link *link, const bx_wait *wait,
                            const bx_link_listener *listener, bx_error **err);

#endif
