/* Inside of the HTTP transport, for the client_http*.c files. */
#ifndef BX_MCP_CLIENT_HTTP_STATE_H
#define BX_MCP_CLIENT_HTTP_STATE_H

#include <pthread.h>

#include "mcp/client_http.h"
#include "mcp/client_http_web.h"

#define BX_HTTP_FAILURE_MAX_BYTES (64u << 10) /* of what a refusal says */

/* An answer of ours, or a notice that nobody waits for. */
typedef struct bx_http_queued {
    char *text;
    struct bx_http_queued *next;
} bx_http_queued;

typedef struct bx_http_transport {
    bx_transport transport; /* first */
    const bx_remote_server *server;
    bx_transport_sink sink;
    bx_web *web;
    pthread_mutex_t delivering; /* one message at a time goes to the sink */
    pthread_mutex_t mutex;      /* over what follows */
    pthread_cond_t changed;
    char session[BX_HTTP_SESSION_MAX_BYTES + 1]; /* "": none */
    char revision[16];                           /* "": not agreed on yet */
    bx_http_queued *queue;
    size_t queue_count;
    pthread_t poster;
    bool has_poster;
    pthread_t listener;
    bool has_listener;
    bool is_stopping;
    bool is_lost;
} bx_http_transport;

/* What one request asks for, beside its body. */
typedef struct bx_http_ask {
    const char *method;        /* of HTTP */
    const char *body;          /* NULL: none */
    const char *accept;        /* NULL: none */
    const char *last_event_id; /* NULL or "": none */
    const json_t *message;     /* NULL: none; what headers tell of it */
} bx_http_ask;

/* Send with everything that each request has; as bx_web_open().
 * errors: BX_ERR_DENIED: a sign-in is needed, the message says which command
 *         does it */
int bx_http_ask_server(bx_http_transport *http, const bx_http_ask *ask,
                       const bx_wait *wait, bx_web_call **ret_call,
                       bx_http_head *ret_head, bx_error **err);
/* The headers of the configuration. errors: BX_ERR_INVALID */
int bx_http_put_own(const bx_remote_server *server, bx_http_fields *fields,
                    bx_error **err);
/* Is it one without sessions, whose requests say all of themselves? */
bool bx_http_is_stateless(const char *revision);
/* An error with the words of an error of JSON-RPC, or the text itself. */
int bx_http_fail_words(bx_web_call *call, const bx_http_head *head,
                       const json_t *message, const char *text, bx_error **err);
/* An error that tells of the status and what came with it. BX_ERR_INVALID, or
 * BX_ERR_SYSTEM for what may pass. */
int bx_http_fail_status(bx_web_call *call, const bx_http_head *head,
                        bx_error **err);
/* The server is gone, or knows the session no more. */
void bx_http_lose(bx_http_transport *http, const char *why);
/* Takes message. */
void bx_http_deliver(bx_http_transport *http, json_t *message);

/* How far a stream of events was read. */
typedef struct bx_http_place {
    char *id; /* of the last event; NULL or "": none; owned */
    uint64_t retry_ms;
    uint64_t events;
} bx_http_place;

/* The answer to the request of that id has come, in it or not. */
typedef struct bx_http_awaited {
    const json_t *id; /* NULL: none is awaited */
    bool has_come;
} bx_http_awaited;

/* A body of JSON. */
int bx_http_read_json(bx_http_transport *http, bx_web_call *call,
                      bx_http_awaited *awaited, bx_error **err);
/* Events until the awaited answer or the end, which is no error. idle_ms: the
 * most between two pieces; 0: as long as the call may wait. */
int bx_http_read_events(bx_http_transport *http, bx_web_call *call,
                        uint64_t idle_ms, bx_http_awaited *awaited,
                        bx_http_place *place, bx_error **err);

/* Send it in the background; what has no room is dropped. */
void bx_http_queue(bx_http_transport *http, const json_t *message);
/* Begin to listen to what the server says by itself. */
void bx_http_listen(bx_http_transport *http);
/* Both end. */
void bx_http_join(bx_http_transport *http);

#endif
