/* What the parts of the server share. */
#ifndef BX_MCP_SERVER_STATE_H
#define BX_MCP_SERVER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/run.h"
#include "mcp/line.h"
#include "mcp/outbox.h"
#include "mcp/pool.h"
#include "mcp/server.h"
#include "mcp/agreement.h"
#include "mcp/workspace.h"

#define BX_MCP_QUEUE_MAX 256                /* requests waiting for a thread */
#define BX_MCP_QUEUE_MAX_BYTES (128u << 20) /* of requests under way */
#define BX_MCP_LISTEN_MAX 16                /* subscriptions at once */
#define BX_MCP_WATCHED_MAX 64               /* resources of one of them */

typedef struct bx_flight bx_flight;

/* The answer, a reference of the caller's; or NULL with *ret_error, an error
 * object. */
typedef json_t *bx_method_fn(bx_flight *flight, json_t **ret_error);

typedef struct bx_method {
    const char *name;
    bx_method_fn *call;
    bool is_quick;     /* answered at once, on the reader's thread */
    bool is_cacheable; /* 2026-07-28: with ttlMs and cacheScope */
} bx_method;

/* NULL: no such method. */
const bx_method *bx_method_find(const char *name);

/* Answers to the messages of one array, sent together. */
typedef struct bx_batch {
    size_t missing;
    json_t *answers;
} bx_batch;

/* A resource that somebody wants to hear about. */
typedef struct bx_watched {
    char *uri;
    char *path;
    bool exists;
    bx_workspace_stat stat;
} bx_watched;

/* A request under way. */
struct bx_flight {
    bx_flight *next;
    bx_mcp_server *server;
    bx_rpc rpc;
    bx_terms terms;
    const bx_method *method;
    bx_cancel *cancel;
    bx_batch *batch; /* NULL: it came alone */
    size_t bytes;    /* of its line */
    int64_t begin_ns;
    bool is_running;   /* over this and what follows: server->mutex */
    bool is_cancelled; /* the client wants no answer any more */
    bool is_listening; /* subscriptions/listen: it ends with the connection */
    bool wants_tools;  /* of one that listens */
    bx_watched *watched;
    size_t watched_count;
};

struct bx_mcp_server {
    bx_mcp_config config;
    bx_registry *registry;   /* borrowed */
    bx_workspace *workspace; /* NULL: files are not shown */
    bx_agreement agreement;
    bx_outbox *outbox;
    bx_pool *pool;
    pthread_t reader;      /* whose thread bx_mcp_server_run() is on */
    int stop_fd;           /* an eventfd: end now */
    atomic_bool is_gone;   /* nobody reads any more */
    atomic_bool is_ending; /* what is not begun is not begun any more */
    atomic_bool has_tool_change;
    pthread_mutex_t mutex; /* over the rest */
    pthread_cond_t tick;   /* the ticker has something to do */
    bx_flight *flights;
    size_t flights_count; /* without those that listen */
    size_t listening_count;
    uint64_t landings;
    size_t bytes;        /* of the lines of flights */
    bx_watched *watched; /* resources/subscribe, until 2025-11-25 */
    size_t watched_count;
    bool is_ticker_done;
};

/* A message to the client; takes it. The reader's thread never waits for the
 * client: it looks for room before it takes a line. */
void bx_server_send(bx_mcp_server *server, json_t *message);

void bx_mcp_log(bx_mcp_server *server, bx_log_level level, const char *format,
                ...) BX_PRINTF(3, 4);

/* ---- flight.c -------------------------------------------------------- */

/* Take a request in; takes rpc. NULL: its id is under way already, or memory is
 * short; an error object is in *ret_error. */
bx_flight *bx_flight_begin(bx_mcp_server *server, bx_rpc *rpc,
                           const bx_terms *terms, const bx_method *method,
                           bx_batch *batch, size_t bytes, json_t **ret_error);
/* Answer it, unless it was cancelled, and forget it. Takes result and error. */
void bx_flight_end(bx_flight *flight, json_t *result, json_t *error);
/* A pool's run: call the method and answer. */
void bx_flight_run(void *server, void *flight);
/* The client wants no answer to the request with this id. */
void bx_flight_cancel(bx_mcp_server *server, const json_t *id);
/* End all that run, without an answer; how many. */
size_t bx_flight_cancel_all(bx_mcp_server *server);
/* Close what listens; at the connection's end. */
void bx_flight_end_listening(bx_mcp_server *server);

/* One answer to a message of a batch, or to one that came alone (NULL). Takes
 * the answer. */
void bx_batch_answer(bx_mcp_server *server, bx_batch *batch, json_t *answer);

/* ---- what runs beside the calls ---------------------------------------- */

/* Progress, changes of tools and of watched resources; until is_ticker_done. */
void *bx_ticker_run(void *server);
void bx_ticker_wake(bx_mcp_server *server);

void bx_watched_clear(bx_watched *watched, size_t count);

/* Log to the client, as far as it wants to hear. Takes data. */
void bx_client_log(const bx_flight *flight, bx_log_level level,
                   const char *logger, json_t *data);

/* Who the server is: {"name", "title", "version"}. */
json_t *bx_server_info(void);
/* What it can do, for a revision. */
json_t *bx_server_capabilities(const bx_mcp_server *server,
                               bx_revision revision);
const char *bx_server_instructions(void);

/* ---- methods ------------------------------------------------------------ */

bx_method_fn bx_method_ping;
bx_method_fn bx_method_discover;
bx_method_fn bx_method_set_level;
bx_method_fn bx_method_tools_list;
bx_method_fn bx_method_tools_call;
bx_method_fn bx_method_resources_list;
bx_method_fn bx_method_resources_read;
bx_method_fn bx_method_resources_templates;
bx_method_fn bx_method_resources_subscribe;
bx_method_fn bx_method_resources_unsubscribe;
bx_method_fn bx_method_complete;
bx_method_fn bx_method_listen; /* answers NULL without error: not yet */

/* The part of a sorted list behind a cursor: the cursor is the last name
 * shown. NULL cursor: the first page. */
size_t bx_page_items(const bx_mcp_server *server);
/* ret_cursor: NULL when there is none. -1 with *ret_error. */
int bx_page_cursor(const bx_flight *flight, const char **ret_cursor,
                   json_t **ret_error);

#endif
