#include "cli/agent_servers.h"

#include <string.h>

#include "tool/remote.h"

#define WAIT_MS 20000 /* for servers to be there before the first turn */

BX_PRINTF(2, 3)
static void note(bx_agent_cli *cli, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_array_append_new(cli->problems, json_vsprintf(format, args));
    va_end(args);
}

/* How many tools of a server wait for a person. */
static size_t count_waiting(bx_registry *registry, const char *server)
{
    bx_tool **tools;
    size_t count;
    size_t waiting = 0;

    if (bx_registry_list(registry, &tools, &count, NULL) < 0)
        return 0;
    for (size_t i = 0; i < count; i++) {
        const char *own = bx_tool_remote_server(tools[i]);

        waiting += own != NULL && strcmp(own, server) == 0 &&
                   (tools[i]->status == BX_TOOL_UNAPPROVED ||
                    tools[i]->status == BX_TOOL_CHANGED);
    }
    bx_registry_list_free(tools, count);
    return waiting;
}

static void note_server(bx_agent_cli *cli, const bx_remote_server *server)
{
    bx_client_state state;
    size_t waiting;

    if (server->problem != NULL) {
        note(cli, "MCP server '%s': %s", server->name, server->problem);
        return;
    }
    if (!bx_mcp_hub_state(cli->servers, server->name, &state))
        return; /* disabled */
    if (state.phase == BX_CLIENT_DOWN)
        note(cli, "MCP server '%s' does not run: %s", server->name, state.why);
    waiting = count_waiting(cli->tools.registry, server->name);
    if (waiting > 0)
        note(cli,
             "MCP server '%s': %zu of its tools wait for `boxagnts mcp approve "
             "%s`",
             server->name, waiting, server->name);
}

int bx_agent_servers_open(bx_agent_cli *cli, bool is_waiting, bx_error **err)
{
    const bx_mcp_hub_config config = { .place = { .workspace =
                                                      cli->workspace } };
    bx_autoerror bx_error *why = NULL;
    bx_wait wait = bx_wait_for_ms(WAIT_MS);
    const bx_remote_servers *servers;

    wait.cancel = cli->tools.cancel;
    cli->servers = bx_mcp_hub_new(&config, &why);
    if (cli->servers == NULL) {
        note(cli, "no MCP servers: %s", bx_error_message(why));
        return 0;
    }
    servers = bx_mcp_hub_servers(cli->servers);
    if (servers->count == 0 && servers->problem != NULL)
        note(cli, "'%s': %s", servers->workspace_file, servers->problem);
    if (bx_mcp_hub_count(cli->servers) > 0) {
        if (is_waiting && bx_mcp_hub_wait(cli->servers, &wait, &why) < 0)
            note(cli, "%s", bx_error_message(why));
        if (bx_mcp_hub_attach(cli->servers, cli->tools.registry, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < servers->count; i++)
        note_server(cli, servers->items[i]);
    return 0;
}
