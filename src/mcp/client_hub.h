/* All servers together: a source of tools for the registry. */
#ifndef BX_MCP_CLIENT_HUB_H
#define BX_MCP_CLIENT_HUB_H

#include "mcp/client.h"
#include "mcp/client_servers.h"
#include "tool/registry.h"

typedef struct bx_mcp_hub bx_mcp_hub;

typedef struct bx_mcp_hub_config {
    bx_servers_place place;
    const char *only;  /* the one server to start; NULL: all. It is started
                        * even if it is disabled */
    const char *guard; /* as of bx_native_plan */
    /* A line for people of a server: its stderr, its log, that it ended. From
     * any thread. NULL: they go to mcp.log of the state folder. */
    void (*log)(void *context, const char *server, const char *text);
    void *log_context;
} bx_mcp_hub_config;

/* Load the configuration and start its servers in the background. Without any
 * it costs two files that are not there. errors: as of
 * bx_remote_servers_load(); BX_ERR_NOT_FOUND: there is no server only */
bx_mcp_hub *bx_mcp_hub_new(const bx_mcp_hub_config *config, bx_error **err);

/* Put their tools into registry, now and whenever they change, until the hub
 * is freed: before the registry is. */
int bx_mcp_hub_attach(bx_mcp_hub *hub, bx_registry *registry, bx_error **err);

/* Ends the servers. Calls under way fail. NULL is fine. */
void bx_mcp_hub_free(bx_mcp_hub *hub);
BX_DEFINE_AUTO(bx_mcp_hub, bx_mcp_hub_free)
#define bx_automcphub BX_AUTO(bx_mcp_hub_free)

/* Until each server is ready, or its first start has failed, or wait is over:
 * what comes later joins the registry later. -1: wait is over, err says so. */
int bx_mcp_hub_wait(bx_mcp_hub *hub, const bx_wait *wait, bx_error **err);

/* The configuration; borrowed. */
const bx_remote_servers *bx_mcp_hub_servers(const bx_mcp_hub *hub);
size_t bx_mcp_hub_count(const bx_mcp_hub *hub); /* of those that are started */
/* How a server stands; false: it is not started. */
bool bx_mcp_hub_state(bx_mcp_hub *hub, const char *server,
                      bx_client_state *ret_state);

#endif
