/* The transport of a server at a URL: "Streamable HTTP" of 2025-03-26 and
 * later. Each message is a POST whose answer is JSON or a stream of events; a
 * stream that breaks off is read on where it broke; another one brings what the
 * server says by itself. */
#ifndef BX_MCP_CLIENT_HTTP_H
#define BX_MCP_CLIENT_HTTP_H

#include "mcp/client_server.h"
#include "mcp/client_transport.h"

#define BX_HTTP_MESSAGE_MAX_BYTES (16u << 20) /* of one that comes */
#define BX_HTTP_QUEUE_MAX 64 /* answers of ours that wait to be sent */
#define BX_HTTP_SESSION_MAX_BYTES 1024
#define BX_HTTP_RESUME_MAX 10 /* in a row, without an event */

/* Nothing is sent. server is borrowed and outlives it.
 * errors: BX_ERR_INVALID: its "url" or "headers" cannot be used */
bx_transport *bx_transport_http_new(const bx_remote_server *server,
                                    const bx_transport_sink *sink,
                                    bx_error **err);

#endif
