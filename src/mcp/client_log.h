/* What servers print and log, for people to look at when one misbehaves: a file
 * of the state folder, bounded. */
#ifndef BX_MCP_CLIENT_LOG_H
#define BX_MCP_CLIENT_LOG_H

#define BX_MCP_LOG_MAX_BYTES (1u << 20) /* then it becomes NAME.1 */

typedef struct bx_mcp_log bx_mcp_log;

/* state_dir: holds mcp.log. NULL: no memory; a file that cannot be opened keeps
 * nothing, and stops nobody. */
bx_mcp_log *bx_mcp_log_open(const char *state_dir);
/* One line; text is printable already. */
void bx_mcp_log_put(bx_mcp_log *log, const char *server, const char *text);
/* NULL is fine. */
void bx_mcp_log_close(bx_mcp_log *log);

#endif
