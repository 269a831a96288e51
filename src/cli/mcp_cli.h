/* boxagnts mcp install. */
#ifndef BX_CLI_MCP_CLI_H
#define BX_CLI_MCP_CLI_H

/* argv[0] is "install". Returns the exit status. */
int bx_mcp_install_run(int argc, char **argv);

#endif
