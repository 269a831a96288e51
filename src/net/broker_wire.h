/* What goes between the two ends of a broker, byte by byte. A request is an
 * operation and its fields; an answer is a head, the same for all, and then the
 * operation's fields. Both ends are one build: there is no version. */
#ifndef BX_NET_BROKER_WIRE_H
#define BX_NET_BROKER_WIRE_H

#include "base/wire.h"
#include "net/http_client.h"
#include "net/socket_host.h"
#include "net/url.h"

typedef enum bx_broker_op {
    BX_BROKER_HTTP_OPEN = 1,  /* text method, text url, u8 redirect, u64
                               * timeout_ms, fields -> u32 handle */
    BX_BROKER_HTTP_WRITE,     /* u32 handle, u64 bytes to come in further
                               * requests, bytes data -> */
    BX_BROKER_HTTP_HEAD,      /* u32 handle -> u32 status, bool is_redirected,
                               * url, fields */
    BX_BROKER_HTTP_READ,      /* u32 handle, u32 most -> bool is_end, bytes */
    BX_BROKER_HTTP_READY,     /* u32 handle, bool wants_body -> bool */
    BX_BROKER_HTTP_POLL,      /* i64 the longest time, ns -> */
    BX_BROKER_HTTP_CLOSE,     /* u32 handle -> */
    BX_BROKER_SOCKET_OPEN,    /* bool is_udp, bool is_ipv6 -> i64 result: this
                               * one and those below have it first */
    BX_BROKER_SOCKET_CLOSE,   /* u32 handle ->: so have these */
    BX_BROKER_SOCKET_WATCH,   /* bool is_output -> with a descriptor */
    BX_BROKER_SOCKET_CONNECT, /* endpoint -> */
    BX_BROKER_SOCKET_FINISH,  /* -> */
    BX_BROKER_SOCKET_BIND,    /* endpoint -> */
    BX_BROKER_SOCKET_LISTEN,  /* -> */
    BX_BROKER_SOCKET_RECEIVE, /* u32 most -> bytes */
    BX_BROKER_SOCKET_SEND,    /* bytes -> */
    BX_BROKER_SOCKET_RECEIVE_FROM, /* u32 most -> bytes, endpoint */
    BX_BROKER_SOCKET_SEND_TO,      /* endpoint, bytes -> */
    BX_BROKER_SOCKET_SHUTDOWN,     /* u8 how -> */
    BX_BROKER_SOCKET_NAME,         /* bool is_remote -> endpoint */
    BX_BROKER_SOCKET_GET,          /* u8 option -> u64 */
    BX_BROKER_SOCKET_SET,          /* u8 option, u64 -> */
    BX_BROKER_SOCKET_RESOLVE, /* no handle; bytes name, u32 most -> endpoints,
                               * as many as the result says */
    BX_BROKER_OPS
} bx_broker_op;

typedef enum bx_broker_status {
    BX_BROKER_DONE,
    BX_BROKER_FAILED, /* u32 code, u32 errno, text message follow, and nothing
                       * else */
    BX_BROKER_WOKEN,  /* the run's side wanted its answer before there was one;
                       * nothing follows */
} bx_broker_status;

/* In front of each answer: what the request did to the run at the other end,
 * for the one at this end. */
typedef struct bx_broker_head {
    bx_broker_status status;
    bool is_over;      /* the other end's deadline has passed */
    bool is_cancelled; /* someone cancelled it there */
    uint64_t held_ns;  /* the run's time stood still for so long */
    uint32_t denied;   /* refusals */
    uint32_t requests; /* of max-requests; an HTTP request is counted by who
                        * opens it, a socket's here */
} bx_broker_head;

#define BX_BROKER_PIECE_BYTES (512u << 10) /* of a body, in one message */
#define BX_BROKER_AHEAD_BYTES (64u << 10)  /* read of a body, at least */
#define BX_BROKER_TEXT_BYTES (600u << 10)  /* of one text */
#define BX_BROKER_MESSAGE_BYTES 16384      /* of an error's message */
#define BX_BROKER_ADDRESSES_MAX 256        /* of a name */
#define BX_BROKER_NAME_BYTES 253

void bx_broker_put_head(bx_wire_out *out, const bx_broker_head *head);
void bx_broker_get_head(bx_wire_in *in, bx_broker_head *ret_head);

void bx_broker_put_error(bx_wire_out *out, const bx_error *error);
/* Sets err to what is there; -1 in any case. */
int bx_broker_get_error(bx_wire_in *in, bx_error **err);

void bx_broker_put_fields(bx_wire_out *out, const bx_http_fields *fields);
/* At most max of them, else the message is bad. */
void bx_broker_get_fields(bx_wire_in *in, size_t max,
                          bx_http_fields *ret_fields);

void bx_broker_put_url(bx_wire_out *out, const bx_url *url);
/* Owned by the caller; NULL when the message is bad. */
bx_url *bx_broker_get_url(bx_wire_in *in);

void bx_broker_put_endpoint(bx_wire_out *out, const bx_endpoint *endpoint);
void bx_broker_get_endpoint(bx_wire_in *in, bx_endpoint *ret_endpoint);

#endif
