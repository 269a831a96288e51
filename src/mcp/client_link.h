/* One connection to a server: requests of ours and their answers, its own
 * requests and notifications. Whatever the server sends is hostile: an answer
 * to nothing is dropped, a flood costs it and not us. Many threads at once. */
#ifndef BX_MCP_CLIENT_LINK_H
#define BX_MCP_CLIENT_LINK_H

#include "mcp/client_server.h"
#include "mcp/client_transport.h"
#include "worker/wait.h"

#define BX_LINK_MAX_ASKED 256     /* requests under way */
#define BX_LINK_MAX_PROGRESS 1000 /* steps of one request that are told */

typedef struct bx_link bx_link;

/* Who listens; each from any thread, one at a time, and not for long: nothing
 * else comes in meanwhile. None may ask. */
typedef struct bx_link_listener {
    void (*notify)(void *context, const char *method, const json_t *params);
    /* A request of the server's: a result, or NULL with ret_error, an error
     * object; of the listener's making. */
    json_t *(*answer)(void *context, const char *method, const json_t *params,
                      json_t **ret_error);
    void (*lose)(void *context, const char *why);
    void (*log)(void *context, const char *text);
    void *context;
} bx_link_listener;

typedef struct bx_link_request {
    const char *method;
    json_t *params; /* taken; an object, or NULL */
    const bx_wait *wait;
    /* A step of the work; message may be NULL. NULL: nobody asks. */
    void (*progress)(void *context, double progress, double total,
                     const char *message);
    void *progress_context;
    int error_code;     /* out: of an error the server answered; 0: none */
    json_t *error_data; /* out: what came with it, owned; NULL: nothing */
} bx_link_request;

/* server is borrowed; guard as of bx_native_plan. */
bx_link *bx_link_open(const bx_remote_server *server, const char *guard,
                      const bx_link_listener *listener, bx_error **err);
/* Requests under way, and later ones, fail. */
void bx_link_fail(bx_link *link, const char *why);
/* Nobody may be asking; nothing is told afterwards. NULL is fine. */
void bx_link_close(bx_link *link);

/**
 * Ask, and wait for the answer.
 *
 * ret_result  an object, a reference of the caller's
 * errors      BX_ERR_TIMEOUT, BX_ERR_CANCELLED: the server is told to stop;
 *             BX_ERR_SYSTEM: it is gone; BX_ERR_INVALID: it answered an error
 *             (error_code), or what is no MCP; BX_ERR_DENIED: it wants a
 *             sign-in; BX_ERR_LIMIT: too many are under way
 */
int bx_link_ask(bx_link *link, bx_link_request *request, json_t **ret_result,
                bx_error **err);
/* Takes params. */
int bx_link_tell(bx_link *link, const char *method, json_t *params,
                 const bx_wait *wait, bx_error **err);

/* From now on each request says revision of itself, for a server that has no
 * handshake. */
void bx_link_set_stateless(bx_link *link, bool is_stateless);
int bx_link_set_revision(bx_link *link, const char *revision, bx_error **err);

const bx_transport *bx_link_transport(const bx_link *link);

#endif
