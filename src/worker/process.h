/* One worker, seen from the host. What its members are guarded by is the
 * pool's mutex; a call that holds a reference and a line needs none. */
#ifndef BX_WORKER_PROCESS_H
#define BX_WORKER_PROCESS_H

#include <pthread.h>

#include "base/digest.h"
#include "worker/channel.h"
#include "worker/worker.h"

typedef enum bx_process_state {
    BX_PROCESS_STARTING,
    BX_PROCESS_READY,
    BX_PROCESS_LEAVING, /* killed, not yet reaped */
    BX_PROCESS_DEAD     /* or it never started */
} bx_process_state;

typedef struct bx_process bx_process;

/* A channel for one call at a time. */
typedef struct bx_line {
    bx_channel channel;
    uint32_t slot;
    uint32_t uses;      /* how often it was taken, */
    uint32_t uses_seen; /* and when the keeper looked last */
    struct bx_line *next;
} bx_line;

struct bx_process {
    bx_worker_pool *pool; /* borrowed */
    uint64_t id;          /* the later, the greater */
    unsigned refs;
    bx_process_state state;
    uint8_t key[BX_DIGEST_BYTES]; /* of its policy and mapped folders */
    pid_t pid;
    int pidfd;           /* -1 before it is started */
    uint64_t generation; /* of its template */
    int use_fd;          /* holds its overlay; -1: none */
    bx_channel control;
    pthread_mutex_t opening; /* who sends on it: one at a time, so that what
                              * each waits for is the worker alone */
    unsigned char *cancels;  /* shared with it: only written here */
    uint32_t slots;
    uint32_t slots_used;
    bx_line *idle; /* the last used first */
    uint32_t calls;
    uint32_t sessions;
    bool is_spent; /* ends when it is idle */
    int64_t idle_since_ns;
    uint64_t uses;       /* how often it was taken, */
    uint64_t uses_seen;  /* and when the keeper looked first at it idle; */
    int64_t seen_ns;     /* that was then, */
    int64_t seen_cpu_ns; /* with so much processor time used */
    bool is_shut;        /* it closed its end of control */
    char *cause;         /* why it is lost; NULL: not known yet */
    bool layers[BX_LOCKDOWN_LAYERS];
    struct bx_process *next; /* in the pool */
};

/* How one is started. All borrowed. */
typedef struct bx_process_plan {
    const bx_buf *packed; /* its policy */
    uint32_t slots;
    uint64_t memory_bytes; /* of one call; a control group bounds all */
    bool requires_lockdown;
    const char *overlay_dir; /* NULL: none */
} bx_process_plan;

/* Without the mutex; on failure what was made is in process still. wait, here
 * and below: the caller's own. */
int bx_process_start(bx_process *process, const bx_process_plan *plan,
                     const bx_wait *wait, bx_error **err);
/* Free everything; the last reference is gone. */
void bx_process_destroy(bx_process *process);
void bx_process_kill(const bx_process *process);

/* A line of it: an idle one, or a new one. Without the mutex. */
bx_line *bx_process_take_line(bx_process *process, const bx_wait *wait,
                              bx_error **err);
void bx_process_give_line(bx_process *process, bx_line *line);
void bx_line_free(bx_line *line);
/* The worker made nothing of it: free it, and let another take its place. */
void bx_process_drop_line(bx_process *process, bx_line *line);
/* The same for an idle one, with the mutex. */
void bx_process_drop_idle(bx_process *process, bx_line *line);

/* Ask on a line of it; the answer is BX_FRAME_OK. One that a caller waited for
 * in vain gets no more calls. */
int bx_process_ask(bx_process *process, bx_frame_type type, const bx_buf *body,
                   const int *fds, size_t fds_count, const bx_wait *wait,
                   bx_frame *ret_frame, bx_error **err);

/* The call's flag, that ends it in the worker. */
void bx_process_set_cancel(const bx_process *process, const bx_line *line,
                           bool is_cancelled);

#endif
