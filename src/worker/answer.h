/* The host's side of calls: one is sent to a worker, and what its run asks for
 * is answered on the same thread until the result comes. What comes is hostile:
 * whoever sends what no worker sends is killed. */
#ifndef BX_WORKER_ANSWER_H
#define BX_WORKER_ANSWER_H

#include "net/broker.h"
#include "record/sink.h"
#include "worker/box.h"

/* Of one call, or of a session's calls one after the other. */
typedef struct bx_answer {
    bx_worker_box *box;            /* borrowed, as all below */
    bx_process *process;           /* that runs it, kept by the caller */
    const bx_run_options *options; /* complete */
    const bx_run_extra *extra;
    int64_t begin_ns;    /* of the call */
    uint64_t session_id; /* 0: none */
    bool is_alive;       /* the session, after a call */
    bool is_begun;       /* the call was sent: it may have had effects */
    bx_run run; /* as the host counts it: its quotas bind, whatever the worker
                 * says */
    bx_budget given;        /* what run.budget points to */
    uint64_t timeout_ms;    /* of this call, its own */
    int64_t begin_held_ns;  /* the run's held_ns before this call */
    bx_record_sink record;  /* of this call, with options' record_fd */
    uint64_t record_left;   /* the most that may still go there */
    bx_error *record_error; /* owned; what went wrong with it */
    bx_broker_host *broker; /* owned; NULL: nothing was asked for yet */
} bx_answer;

/* As bx_sandbox_run_with(). A worker that is lost is a result of
 * BX_ERR_SYSTEM. */
int bx_answer_call(bx_answer *answer, size_t argc, const char *const *argv,
                   bx_result **ret_result, bx_error **err);
void bx_answer_clear(bx_answer *answer);

/* A frame that no worker sends. Returns -1. */
int bx_answer_refuse(const bx_frame *frame, bx_error **ret_why);
/* Answer what the run asked, a cancel that came meanwhile first. -1: there is
 * no worker to take it, or ret_why says what else. */
int bx_answer_send(const bx_answer *answer, const bx_line *line,
                   const bx_wire_out *out, int fd, bx_error **ret_why);

#endif
