/* What `agent run` shows of an agent at work: lines on stderr for people, or
 * each event as a line of JSON on stdout. */
#ifndef BX_CLI_AGENT_CLI_VIEW_H
#define BX_CLI_AGENT_CLI_VIEW_H

#include "cli/agent_cli.h"

/* Have the agent's events shown, and the person at the terminal asked, if there
 * is one: fills cli->config. Says what opening had to say. */
void bx_agent_view_attach(bx_agent_cli *cli);
/* How it ended, what it cost, and how to go on. */
void bx_agent_view_end(const bx_agent_cli *cli, const bx_agent_result *result);

#endif
