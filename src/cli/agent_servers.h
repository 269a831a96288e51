/* The MCP servers of an agent that is opened from the command line. */
#ifndef BX_CLI_AGENT_SERVERS_H
#define BX_CLI_AGENT_SERVERS_H

#include "cli/agent_cli.h"
#include "mcp/client_hub.h"

/* Start those that are configured and put their tools into the registry.
 * is_waiting: until each is there or has failed, for a while; otherwise they
 * come when they come. What keeps a server or its tools is put into
 * cli->problems; without them the agent goes on. */
int bx_agent_servers_open(bx_agent_cli *cli, bool is_waiting, bx_error **err);

#endif
