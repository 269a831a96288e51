/* Who signs people in for a server: its challenge, its metadata (RFC 9728) and
 * that of the authorization server it names (RFC 8414, OpenID Connect
 * Discovery). All of it is the server's word and hostile. */
#ifndef BX_MCP_OAUTH_DISCOVER_H
#define BX_MCP_OAUTH_DISCOVER_H

#include "mcp/oauth_fetch.h"

/* What a WWW-Authenticate says; texts owned, NULL: not said. */
typedef struct bx_oauth_challenge {
    char *resource_metadata;
    char *scope;
    char *error;
} bx_oauth_challenge;

/* The first challenge "Bearer" of a header, as far as it can be read. */
void bx_oauth_challenge_parse(const char *header,
                              bx_oauth_challenge *ret_challenge);
void bx_oauth_challenge_clear(bx_oauth_challenge *challenge);
/* Is it a list of scopes as RFC 6749 section 3.3 has it, at most 2048 bytes? */
bool bx_oauth_scope_is_valid(const char *scope);

/* All owned. */
typedef struct bx_oauth_place {
    char *resource; /* what tokens are for (RFC 8707) */
    char *scope;    /* to be asked for; NULL: none is named */
    char *issuer;
    char *authorization_endpoint;
    char *token_endpoint;
    char *registration_endpoint; /* NULL: none */
    char *revocation_endpoint;   /* NULL: none */
    bool says_issuer;            /* it puts "iss" into its redirect */
    bool takes_basic;            /* a client's secret in a header */
} bx_oauth_place;

/* Ask the server and whom it names.
 * errors: BX_ERR_DENIED: it leads where it must not; BX_ERR_NOT_FOUND: it wants
 *         no sign-in, or says not how; BX_ERR_INVALID: what it says is wrong */
int bx_oauth_discover(const bx_remote_server *server, const bx_wait *wait,
                      bx_oauth_place *ret_place, bx_error **err);
void bx_oauth_place_clear(bx_oauth_place *place);
#define bx_autoplace __attribute__((cleanup(bx_oauth_place_clear)))

#endif
