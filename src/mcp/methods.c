/* The methods there are, and the small ones. */
#include <string.h>

#include "mcp/server_state.h"

static const bx_method methods[] = {
    { "ping", bx_method_ping, true, false },
    { "server/discover", bx_method_discover, true, true },
    { "logging/setLevel", bx_method_set_level, true, false },
    { "subscriptions/listen", bx_method_listen, true, false },
    { "tools/list", bx_method_tools_list, false, true },
    { "tools/call", bx_method_tools_call, false, false },
    { "resources/list", bx_method_resources_list, false, true },
    { "resources/read", bx_method_resources_read, false, true },
    { "resources/templates/list", bx_method_resources_templates, true, true },
    { "resources/subscribe", bx_method_resources_subscribe, false, false },
    { "resources/unsubscribe", bx_method_resources_unsubscribe, false, false },
    { "completion/complete", bx_method_complete, false, false },
};

const bx_method *bx_method_find(const char *name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    }
    return NULL;
}

json_t *bx_server_info(void)
{
    return json_pack("{s:s, s:s, s:s}", "name", "boxagnts", "title", "BoxAgnts",
                     "version", bx_version());
}

const char *bx_server_instructions(void)
{
    return "Each tool call runs in a fresh sandbox under the policy of whoever "
           "started this server. Paths are those of the sandbox: the workspace "
           "is /. What the policy does not grant is refused with the rule that "
           "decided; asking again does not help, a person has to change the "
           "policy.";
}

json_t *bx_server_capabilities(const bx_mcp_server *server,
                               bx_revision revision)
{
    json_t *all =
        json_pack("{s:{s:b}, s:{}}", "tools", "listChanged", 1, "logging");

    if (server->workspace == NULL)
        return all;
    json_object_set_new(all, "resources", json_pack("{s:b}", "subscribe", 1));
    if (revision >= BX_REVISION_2025_03_26)
        json_object_set_new(all, "completions", json_object());
    return all;
}

json_t *bx_method_ping(bx_flight *flight, json_t **ret_error)
{
    (void)flight;
    (void)ret_error;
    return json_object();
}

json_t *bx_method_discover(bx_flight *flight, json_t **ret_error)
{
    (void)ret_error;
    return json_pack(
        "{s:o, s:o, s:s}", "supportedVersions", bx_revision_list(),
        "capabilities",
        bx_server_capabilities(flight->server, flight->terms.revision),
        "instructions", bx_server_instructions());
}

json_t *bx_method_set_level(bx_flight *flight, json_t **ret_error)
{
    const char *name = bx_rpc_text(flight->rpc.params, "level");
    bx_log_level level;

    if (name == NULL || bx_log_level_find(name, &level) < 0) {
        *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                                  "'level': expected debug, info, notice, "
                                  "warning, error, critical, alert or "
                                  "emergency");
        return NULL;
    }
    bx_agreement_set_log_level(&flight->server->agreement, level);
    return json_object();
}

/* ---- pages of a list ------------------------------------------------- */

size_t bx_page_items(const bx_mcp_server *server)
{
    return server->config.page_items == 0 ? 100 : server->config.page_items;
}

int bx_page_cursor(const bx_flight *flight, const char **ret_cursor,
                   json_t **ret_error)
{
    *ret_cursor = bx_rpc_text(flight->rpc.params, "cursor");
    if (*ret_cursor != NULL ||
        json_object_get(flight->rpc.params, "cursor") == NULL)
        return 0;
    *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                              "'cursor': expected the nextCursor of a page "
                              "before, a string");
    return -1;
}

/* ---- log messages for the client ---------------------------------------- */

void bx_client_log(const bx_flight *flight, bx_log_level level,
                   const char *logger, json_t *data)
{
    json_t *params;

    if (level < flight->terms.log_level) {
        json_decref(data);
        return;
    }
    params = json_pack("{s:s, s:s, s:o}", "level", bx_log_level_name(level),
                       "logger", logger, "data", data);
    bx_outbox_offer(flight->server->outbox,
                    bx_rpc_notification("notifications/message", params));
}
