/* What a client agreed to, and which rules a request of it falls under. Up to
 * 2025-11-25 a handshake decides for the whole connection; since 2026-07-28
 * each request says it of itself. Both may come on one connection. */
#ifndef BX_MCP_AGREEMENT_H
#define BX_MCP_AGREEMENT_H

#include <pthread.h>
#include <stdbool.h>

#include "mcp/log_level.h"
#include "mcp/revision.h"
#include "mcp/rpc.h"

/* Keys of _meta, 2026-07-28 */
#define BX_META_VERSION "io.modelcontextprotocol/protocolVersion"
#define BX_META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define BX_META_LOG_LEVEL "io.modelcontextprotocol/logLevel"
#define BX_META_SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"
#define BX_META_SERVER "io.modelcontextprotocol/serverInfo"

typedef struct bx_agreement {
    pthread_mutex_t mutex;
    bool is_open;  /* `initialize` was answered */
    bool is_ready; /* `notifications/initialized` came */
    bx_revision revision;
    bx_log_level log_level;
    char client[128]; /* its name and version, printable; for diagnostics */
} bx_agreement;

/* The rules for one request. */
typedef struct bx_terms {
    bx_revision revision;
    bool is_stateless; /* 2026-07-28: what the request says of itself */
    bx_log_level log_level;
    json_t *progress_token; /* borrowed from the request; NULL: none */
} bx_terms;

void bx_agreement_init(bx_agreement *agreement);
void bx_agreement_clear(bx_agreement *agreement);

/* May this request be served, and how? NULL, or an error object of the
 * caller's. Never for `initialize`. */
json_t *bx_agreement_admit(bx_agreement *agreement, const bx_rpc *request,
                           bx_terms *ret_terms);

/* `initialize`: agree on a revision, the client's when it is spoken here. NULL,
 * or an error object of the caller's. */
json_t *bx_agreement_open(bx_agreement *agreement, const json_t *params,
                          bx_terms *ret_terms);
/* `notifications/initialized`; false: nothing to confirm. */
bool bx_agreement_confirm(bx_agreement *agreement);

void bx_agreement_set_log_level(bx_agreement *agreement, bx_log_level level);
bx_log_level bx_agreement_log_level(bx_agreement *agreement);
/* May notifications that nobody asked for be sent? */
bool bx_agreement_is_ready(bx_agreement *agreement);
/* Are several messages in one array understood? */
bool bx_agreement_has_batches(bx_agreement *agreement);

#endif
