/* Inside of the end that dials, for broker_serve.c, broker_http.c and
 * broker_socket.c. */
#ifndef BX_NET_BROKER_HOST_H
#define BX_NET_BROKER_HOST_H

#include "net/broker.h"
#include "net/broker_wire.h"
#include "net/http_exchange.h"

struct bx_broker_host {
    const bx_policy *policy;      /* borrowed */
    bx_run *run;                  /* borrowed */
    const char *ca_file;          /* of bx_http_config; borrowed */
    bx_http_client *client;       /* NULL before the first exchange */
    bx_http_exchange **exchanges; /* number n is [n - 1]; NULL: free */
    size_t exchanges_count;
    uint64_t open_count;
    bx_socket_host *sockets; /* NULL before the first */
    int sent_fd;             /* went along with the last answer; -1: none */
    char *scratch;           /* BX_BROKER_PIECE_BYTES, NULL before its use */
};

/* One request while it is served. */
typedef struct bx_broker_turn {
    bx_broker_host *host;
    bx_wire_in *in;   /* behind the operation */
    bx_wire_out *out; /* behind the answer's head */
    int wake_fd;
    int *ret_fd;
    bx_error **err;
} bx_broker_turn;

/* Serve it: a bx_broker_status, with err set when it failed. A request that is
 * malformed leaves in->is_bad, and then nothing else counts. */
typedef int (*bx_broker_op_fn)(bx_broker_turn *turn);

int bx_broker_serve_http_open(bx_broker_turn *turn);
int bx_broker_serve_http_write(bx_broker_turn *turn);
int bx_broker_serve_http_head(bx_broker_turn *turn);
int bx_broker_serve_http_read(bx_broker_turn *turn);
int bx_broker_serve_http_ready(bx_broker_turn *turn);
int bx_broker_serve_http_poll(bx_broker_turn *turn);
int bx_broker_serve_http_close(bx_broker_turn *turn);
/* Every operation on sockets. */
int bx_broker_serve_socket(bx_broker_turn *turn, bx_broker_op op);

/* Ends all exchanges and frees the client. */
void bx_broker_http_free(bx_broker_host *host);
/* Room for a piece, or NULL without memory. */
char *bx_broker_scratch(bx_broker_host *host);

#endif
