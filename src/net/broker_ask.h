/* A question to a run's broker, from the run's side. */
#ifndef BX_NET_BROKER_ASK_H
#define BX_NET_BROKER_ASK_H

#include "net/broker.h"
#include "net/broker_wire.h"

/* Begun, filled, asked, read, cleared. */
typedef struct bx_broker_call {
    bx_run *run; /* borrowed; has a broker */
    bx_buf request;
    bx_wire_out out; /* to request */
    bx_buf reply;
    bx_wire_in in; /* what the operation answered, once it was asked */
    bx_broker_head head;
    int fd; /* that came along, -1: none */
    bool wants_fd;
    bool is_woken; /* the answer came early and says nothing */
} bx_broker_call;

#define BX_BROKER_CALL_INIT ((bx_broker_call){ .fd = -1 })
void bx_broker_call_begin(bx_broker_call *call, bx_run *run, bx_broker_op op);
void bx_broker_call_clear(bx_broker_call *call);
#define bx_autocall __attribute__((cleanup(bx_broker_call_clear)))

/* Ask and look at the answer's head: what it says about the run is done to it.
 * -1 with err: the other end's refusal or failure, word for word, or
 * BX_ERR_SYSTEM when it is gone or makes no sense. */
int bx_broker_call_ask(bx_broker_call *call, bx_error **err);
/* The same, and -1 with errno EPIPE, without a reason. fds: revents are set. */
int bx_broker_call_ask_while(bx_broker_call *call, struct pollfd *fds,
                             size_t count);
/* To be asked when every field of the answer was read: -1 with err when that
 * was not what the operation answers with. */
int bx_broker_call_end(const bx_broker_call *call, bx_error **err);

#endif
