/* Messages between a run and the child that reaches the network for it: a head
 * of fixed size, with a descriptor beside it or none, and a body. */
#ifndef BX_WORKER_BROKER_LINK_H
#define BX_WORKER_BROKER_LINK_H

#include "base/buf.h"

typedef enum bx_link_type {
    BX_LINK_NONE,
    /* from the run's side */
    BX_LINK_BEGIN,  /* a deadline, and what is to be told */
    BX_LINK_ASK,    /* a request of net/broker.h */
    BX_LINK_WAKE,   /* answer now */
    BX_LINK_ANSWER, /* of a need */
    /* from the child */
    BX_LINK_REPLY, /* a descriptor may come along */
    BX_LINK_AUDIT,
    BX_LINK_EFFECT,
    BX_LINK_NEED,
    BX_LINK_TYPES
} bx_link_type;

/* Send a message; fd: -1 for none. errors: BX_ERR_SYSTEM: the other end is
 * gone */
int bx_link_send(int socket, bx_link_type type, const void *body, size_t bytes,
                 int fd, bx_error **err);
/* Receive one: 1, or 0 when the other end closed. ret_body: emptied, then
 * filled. ret_fd: the caller's, or -1. errors: BX_ERR_INVALID: it is no
 * message, or larger than max_bytes */
int bx_link_receive(int socket, size_t max_bytes, bx_link_type *ret_type,
                    bx_buf *ret_body, int *ret_fd, bx_error **err);

#endif
