/* The host's side of calls: one is sent to a worker, and what its run asks for
 * is answered on the same thread until the result comes. What comes is hostile:
 * whoever sends what no worker sends is killed. */
#ifndef BX_WORKER_ANSWER_H
#define BX_WORKER_ANSWER_H

#include "net/broker.h"
#include "worker/box.h"

/* Of one call, or of a session's calls one after the other. */
typedef struct bx_answer {
    bx_worker_box *box;            /* borrowed, as all below */
    bx_process *process;           /* that runs it, kept by the caller */
    const bx_run_options *options; /* complete */
    const bx_run_extra *extra;
    uint64_t session_id; /* 0: none */
    bool is_alive;       /* the session, after a call */
    bool is_begun;       /* the call was sent: it may have had effects */
    bx_run run; /* as the host counts it: its quotas bind, whatever the worker
                 * says */
    bx_budget given;        /* what run.budget points to */
    uint64_t timeout_ms;    /* of this call, its own */
    int64_t begin_held_ns;  /* the run's held_ns before this call */
    bx_broker_host *broker; /* owned; NULL: nothing was asked for yet */
    bx_error *unsent;       /* owned; why an answer did not reach the worker */
} bx_answer;

/* As bx_sandbox_run_with(). A worker that is lost is a result of
 * BX_ERR_SYSTEM. */
int bx_answer_call(bx_answer *answer, size_t argc, const char *const *argv,
                   bx_result **ret_result, bx_error **err);
void bx_answer_clear(bx_answer *answer);

/* Answer what the run asked for. A cancel that came meanwhile is there first.
 * fd: goes along, borrowed; -1: none. */
bool bx_answer_send(bx_answer *answer, const bx_line *line, const bx_buf *body,
                    int fd);

#endif
