/* The tokens of servers, in the user's state folder: a file that nobody else
 * reads, written in one step, under one lock. Keyed by the server's URL, so
 * that a token goes nowhere else. */
#ifndef BX_MCP_OAUTH_STORE_H
#define BX_MCP_OAUTH_STORE_H

#include <jansson.h>

#include "base/error.h"
#include "worker/wait.h"

#define BX_OAUTH_STORE_FILE "mcp-tokens.json"
#define BX_OAUTH_STORE_MAX_BYTES (4u << 20)
#define BX_OAUTH_TOKEN_MAX_BYTES 16384

/* What is kept for a server, a reference of the caller's: texts
 * "access_token", "refresh_token", "client_id", "client_secret", "auth_method",
 * "token_endpoint", "revocation_endpoint", "issuer", "resource", "scope", and
 * "expires_at", an integer of unix seconds. NULL: nothing, or err.
 * errors: BX_ERR_DENIED: others may read the file; BX_ERR_INVALID: it is no
 * file of ours */
json_t *bx_oauth_store_find(const char *url, bx_error **err);

/* For a change: nobody else changes it until it is closed. */
int bx_oauth_store_lock(const bx_wait *wait, int *ret_lock, bx_error **err);
void bx_oauth_store_unlock(int lock);
/* With the lock. entry NULL: forget it. */
int bx_oauth_store_put(const char *url, json_t *entry, bx_error **err);

#endif
