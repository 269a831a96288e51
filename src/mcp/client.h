/* A server, kept: connected, asked for its tools, started again when it ends.
 * Over any transport. Many threads call at once. */
#ifndef BX_MCP_CLIENT_H
#define BX_MCP_CLIENT_H

#include "mcp/client_server.h"
#include "worker/lockdown.h"
#include "worker/wait.h"

#define BX_CLIENT_MAX_TOOLS 1000
#define BX_CLIENT_MAX_PAGES 100
#define BX_CLIENT_LIST_MAX_BYTES (8u << 20) /* of all descriptions together */
#define BX_CLIENT_NAME_MAX 256              /* bytes of a tool's own name */
#define BX_CLIENT_START_MS 60000 /* to answer `initialize`: npx downloads */

typedef struct bx_mcp_client bx_mcp_client;

typedef struct bx_mcp_client_config {
    const bx_remote_server *server; /* borrowed */
    const char *guard;              /* as of bx_native_plan */
    const char *root; /* the workspace, told to the server; NULL: it is not */
    uint32_t backoff_ms; /* before the first restart; 0: 1000 */
    /* Each from a thread of the client's; no call into the client from there.
     * log: a line for people. on_change: the tools are others. Either NULL:
     * nobody asks. */
    void (*log)(void *context, const char *server, const char *text);
    void (*on_change)(void *context);
    void *context;
} bx_mcp_client_config;

typedef enum bx_client_phase {
    BX_CLIENT_STARTING,
    BX_CLIENT_READY,
    BX_CLIENT_DOWN, /* why says why; started again after a while */
} bx_client_phase;

/* How it stands. */
typedef struct bx_client_state {
    bx_client_phase phase;
    char why[1024];
    char revision[16];
    char title[160]; /* the server's name and version, printable */
    bool has_layers; /* a process of ours */
    bool layers[BX_LOCKDOWN_LAYERS];
    size_t tools_count;
    uint64_t starts;
} bx_client_state;

/* It is started in the background. */
bx_mcp_client *bx_mcp_client_new(const bx_mcp_client_config *config,
                                 bx_error **err);
/* Ends the server; calls under way, and later ones, fail. */
void bx_mcp_client_stop(bx_mcp_client *client);
/* The same, when nobody calls any more. NULL is fine. */
void bx_mcp_client_free(bx_mcp_client *client);

/* Until it is ready, or its first start has failed. */
int bx_mcp_client_wait(bx_mcp_client *client, const bx_wait *wait,
                       bx_error **err);

void bx_mcp_client_state(bx_mcp_client *client, bx_client_state *ret_state);

/* Its tools as it described them last: an array of objects, each with a "name"
 * of its own and "inputSchema", an object; nothing else is checked. A
 * reference of the caller's; never changed. */
json_t *bx_mcp_client_tools(bx_mcp_client *client);

typedef struct bx_mcp_client_call {
    const char *tool;
    json_t *arguments; /* an object; borrowed */
    const bx_wait *wait;
    void (*progress)(void *context, double progress, double total,
                     const char *message);
    void *progress_context;
} bx_mcp_client_call;

/* ret_result: the server's object, unchecked; a reference of the caller's.
 * errors: as of bx_link_ask(), and BX_ERR_SYSTEM: the server is down, why */
int bx_mcp_client_call_tool(bx_mcp_client *client,
                            const bx_mcp_client_call *call, json_t **ret_result,
                            bx_error **err);

#endif
