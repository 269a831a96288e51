/* The few requests of a sign-in. Their URLs come from a server's metadata and
 * are hostile: https alone, or this machine when the server is on it; from a
 * public server to no private address; no redirects; small answers of JSON. */
#ifndef BX_MCP_OAUTH_FETCH_H
#define BX_MCP_OAUTH_FETCH_H

#include <jansson.h>

#include "base/buf.h"
#include "mcp/client_server.h"
#include "net/url.h"
#include "policy/mask.h"
#include "worker/wait.h"

#define BX_OAUTH_ANSWER_MAX_BYTES (256u << 10)
#define BX_OAUTH_FETCH_MS 20000 /* of one request, at most */

/* Whether a URL may be used in the sign-in to server, canonical.
 * what: "authorization_endpoint", for errors
 * errors: BX_ERR_DENIED: it leads where it must not; BX_ERR_INVALID: no URL */
bx_url *bx_oauth_url(const bx_remote_server *server, const char *what,
                     const char *text, bx_error **err);
bool bx_oauth_is_same_origin(const bx_url *a, const bx_url *b);

typedef struct bx_oauth_ask {
    const char *url;
    const char *what;           /* for errors */
    const char *form;           /* POST of a form; NULL: no */
    const json_t *json;         /* POST of JSON; NULL: no */
    const char *authorization;  /* NULL: none */
    const char *const *secrets; /* masked in errors; ended by NULL; NULL: none;
                                 * those that are NULL count as the end */
} bx_oauth_ask;

typedef struct bx_oauth_answer {
    unsigned status;
    json_t *object;  /* owned; NULL: no object of JSON came */
    char *challenge; /* WWW-Authenticate, as it came; owned; NULL: none */
} bx_oauth_answer;

/* errors: as of bx_web_open(); a status is none */
int bx_oauth_fetch(const bx_remote_server *server, const bx_oauth_ask *ask,
                   const bx_wait *wait, bx_oauth_answer *ret_answer,
                   bx_error **err);
void bx_oauth_answer_clear(bx_oauth_answer *answer);
#define bx_autoanswer __attribute__((cleanup(bx_oauth_answer_clear)))

/* An error of what was answered: its "error" and "error_description", or the
 * status. BX_ERR_DENIED when it says so, else BX_ERR_SYSTEM. */
int bx_oauth_fail(const bx_oauth_ask *ask, const bx_oauth_answer *answer,
                  bx_error **err);

/* name=value of a form or query, behind what there is ("" or separator
 * first). -1: no memory. */
int bx_oauth_put_pair(bx_buf *text, const char *name, const char *value);
/* base64url without padding; owned. */
char *bx_oauth_base64url(const void *data, size_t bytes);
/* So many random bytes of base64url; owned. NULL: there are none. */
char *bx_oauth_random(bx_error **err);

#endif
