/* The two sides of `boxagnts mcp`: our tools for others' clients, and others'
 * servers for our agents. */
#ifndef BX_CLI_MCP_CLI_H
#define BX_CLI_MCP_CLI_H

#include "cli/cli.h"

/* argv[0] is "install". */
int bx_mcp_install_run(int argc, char **argv);

/* argv[0] is one of the client's commands: add, list, remove, approve, test,
 * login, logout. */
int bx_mcp_client_run(int argc, char **argv);
bool bx_mcp_client_has(const char *name);
void bx_mcp_client_print_commands(FILE *out);
int bx_mcp_add_run(int argc, char **argv);
/* argv[0] is "login" or "logout". */
int bx_mcp_login_run(int argc, char **argv);

#endif
