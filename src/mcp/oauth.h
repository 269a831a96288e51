/* Signing in to servers (OAuth 2.1 as MCP 2025-11-25 has it): a person agrees
 * in a browser, tokens are kept and renewed. Tokens leave this module in the
 * header of a request to the server they are for, and nowhere else. */
#ifndef BX_MCP_OAUTH_H
#define BX_MCP_OAUTH_H

#include "mcp/oauth_discover.h"

#define BX_OAUTH_LOGIN_MS 300000 /* for a person to agree, unless given */

/* ---- for requests ----------------------------------------------------- */

/* What stands in Authorization: "Bearer ...", owned; NULL: nobody signed in.
 * Renewed when it is about to expire. */
int bx_oauth_authorization(const bx_remote_server *server, const bx_wait *wait,
                           char **ret_authorization, bx_error **err);
/* The server refused it: another one, of another program's renewal or of ours.
 * used: what was refused.
 * errors: BX_ERR_DENIED: somebody has to sign in, the message says how */
int bx_oauth_renew(const bx_remote_server *server, const char *used,
                   const bx_wait *wait, char **ret_authorization,
                   bx_error **err);

/* ---- for people ------------------------------------------------------- */

typedef struct bx_oauth_login {
    const char *scope; /* NULL: what the server asks for */
    uint64_t timeout_ms;
    const bx_cancel *cancel; /* NULL: nobody */
    /* Somebody is to open url; host: whose page it is. */
    void (*show)(void *context, const char *url, const char *host);
    void *context;
} bx_oauth_login;

/* Until somebody has agreed, and the tokens are kept. */
int bx_oauth_log_in(const bx_remote_server *server, const bx_oauth_login *login,
                    bx_error **err);

typedef enum bx_oauth_left {
    BX_OAUTH_WAS_OUT,  /* there were no tokens */
    BX_OAUTH_REVOKED,  /* they are of no more use */
    BX_OAUTH_FORGOTTEN /* here; where they were made was not told */
} bx_oauth_left;

/* The tokens are forgotten, whatever the server says. */
int bx_oauth_log_out(const bx_remote_server *server, const bx_wait *wait,
                     bx_oauth_left *ret_left, bx_error **err);

/* ---- inside ----------------------------------------------------------- */

/* How we are known where tokens are made. Borrowed. */
typedef struct bx_oauth_client {
    const char *id;
    const char *secret; /* NULL: none */
    const char *method; /* "none", "client_secret_basic", "..._post" */
} bx_oauth_client;

/* Ask the token endpoint; form is what the grant has, the client is added.
 * ret_token: {"access_token", ...} checked; a reference of the caller's.
 * errors: as of bx_oauth_fail() */
int bx_oauth_ask_token(const bx_remote_server *server, const char *endpoint,
                       const bx_oauth_client *client, const bx_buf *form,
                       const char *const *secrets, const bx_wait *wait,
                       json_t **ret_token, bx_error **err);
/* Put what was answered into what is kept. */
int bx_oauth_keep_token(json_t *entry, const json_t *token);
/* The form and header that say who asks; authorization is owned. */
int bx_oauth_put_client(const bx_oauth_client *client, bx_buf *form,
                        char **ret_authorization, bx_error **err);

/* A value of "oauth" in the configuration; NULL: none. */
const char *bx_oauth_configured(const bx_remote_server *server,
                                const char *name);

#endif
