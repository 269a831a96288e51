/* The transport of a server that is a process: one message a line over its
 * stdin and stdout, its stderr to the log. */
#ifndef BX_MCP_CLIENT_STDIO_H
#define BX_MCP_CLIENT_STDIO_H

#include "mcp/client_server.h"
#include "mcp/client_transport.h"
#include "worker/lockdown.h"

#define BX_STDIO_MESSAGE_MAX_BYTES (16u << 20) /* of one that comes */
#define BX_STDIO_QUEUE_MAX_BYTES (80u << 20)   /* of what it has not read */
#define BX_STDIO_JUNK_MAX 200 /* lines that are no JSON, before it is over */

/* Start the process. server is borrowed and outlives it; guard as of
 * bx_native_plan. */
bx_transport *bx_transport_stdio_new(const bx_remote_server *server,
                                     const char *guard,
                                     const bx_transport_sink *sink,
                                     bx_error **err);

/* The layers of its lockdown that hold. */
void bx_transport_stdio_layers(const bx_transport *transport,
                               bool ret_layers[BX_LOCKDOWN_LAYERS]);

#endif
