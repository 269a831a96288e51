/* How messages of MCP reach a server and come back: over the pipes of a process
 * (stdio) or HTTP. Everything that comes from there is hostile. */
#ifndef BX_MCP_CLIENT_TRANSPORT_H
#define BX_MCP_CLIENT_TRANSPORT_H

#include <jansson.h>

#include "base/error.h"

/* Where what comes in goes; from any thread, one at a time. */
typedef struct bx_transport_sink {
    /* A message, an object or a batch, of checked size and depth; takes it. */
    void (*receive)(void *context, json_t *message);
    /* The server is gone: no more comes, sends fail. why: for people. Once. */
    void (*lose)(void *context, const char *why);
    /* A line for people: a server's stderr, that it is being signed in to. */
    void (*log)(void *context, const char *text);
    void *context;
} bx_transport_sink;

typedef struct bx_transport bx_transport;

/* One kind of transport. */
typedef struct bx_transport_kind {
    const char *name; /* "stdio", "http" */
    /**
     * Send a message. Over HTTP the answers to a request have come, or the
     * request has failed, when this returns; over stdio they come later.
     *
     * deadline_ns  CLOCK_MONOTONIC
     * errors       BX_ERR_TIMEOUT, BX_ERR_CANCELLED, BX_ERR_SYSTEM: the server
     *              is gone or cannot be reached, BX_ERR_DENIED: it wants a
     *              sign-in, the message says which command does it,
     *              BX_ERR_INVALID: what it answers is no MCP
     */
    int (*send)(bx_transport *transport, const json_t *message,
                int64_t deadline_ns, bx_cancel *cancel, bx_error **err);
    /* The handshake agreed on a revision; HTTP names it in each request. */
    int (*set_revision)(bx_transport *transport, const char *revision,
                        bx_error **err);
    /* What is being sent fails at once, and later sends; from any thread. NULL:
     * none waits for the server. */
    void (*stop)(bx_transport *transport);
    /* Ends the process or session; nothing is called back after it. */
    void (*free)(bx_transport *transport);
} bx_transport_kind;

/* The first member of each transport. */
struct bx_transport {
    const bx_transport_kind *kind;
};

#endif
