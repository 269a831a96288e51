/* One end of a socket that carries frames: a message each, descriptors beside
 * it. Who is at the other end may be hostile: what comes is bounded, and a
 * memory file is read into memory, never mapped. */
#ifndef BX_WORKER_CHANNEL_H
#define BX_WORKER_CHANNEL_H

#include "worker/frame.h"
#include "worker/wait.h"

#define BX_CHANNEL_FDS 6 /* beside one frame */

typedef struct bx_channel {
    int fd;
    char *room;    /* for one message */
    char *spare;   /* the other one of bx_channel_keep(), or NULL */
    bool is_stale; /* a question is unanswered: the next one would get its
                    * answer */
} bx_channel;

/* A frame that came. What data points to is the channel's until the next one
 * comes, or spilled. */
typedef struct bx_frame {
    bx_frame_type type;
    const char *data;
    size_t bytes;
    char *spilled; /* owned; NULL: the body was in the message */
    int fds[BX_CHANNEL_FDS];
    size_t fds_count;
} bx_frame;

/* Takes fd. errors: BX_ERR_SYSTEM */
int bx_channel_open(bx_channel *channel, int fd, bx_error **err);
void bx_channel_close(bx_channel *channel);

/* What went wrong with what, where EMFILE names the limit; errno as it was.
 * Returns -1. */
int bx_channel_fail(int number, const char *what, bx_error **err);

/* A connected pair, both closed on exec. What is sent by the first waits
 * BX_CHANNEL_SEND_MS at most for someone to read: the other end may be
 * anyone's. */
int bx_channel_pair(int ret_fds[2], bx_error **err);
#define BX_CHANNEL_SEND_MS 1000

/* A sealed memory file of these bytes; -1 with err. */
int bx_channel_memory(const void *data, size_t bytes, bx_error **err);
/* It is one of at most max_bytes, sealed against writes and growth: else nobody
 * knows what reading it does, nor what it is a moment later. */
int bx_channel_memory_check(int fd, size_t max_bytes, size_t *ret_bytes,
                            bx_error **err);
/* Read such a one: the whole of it, owned, with a NUL behind. */
char *bx_channel_memory_read(int fd, size_t max_bytes, size_t *ret_bytes,
                             bx_error **err);

/* Send a frame, with descriptors that stay the caller's. may_wait: the other
 * end is sure to read. errors: BX_ERR_SYSTEM, bx_error_errno() is EPIPE when
 * the other end is gone, EAGAIN when it does not read */
int bx_channel_send(const bx_channel *channel, bx_frame_type type,
                    const bx_buf *body, const int *fds, size_t fds_count,
                    bool may_wait, bx_error **err);

/* Receive a frame whose body has at most max_bytes and beside which come at
 * most max_fds descriptors, those of a long body not counted. 1: a frame, that
 * bx_frame_clear() frees; 0: errno is EAGAIN, nothing came (on a socket with a
 * time limit, or flags MSG_DONTWAIT); EPIPE, the other end is gone; ECONNRESET,
 * it is and has not read what was sent last. -1 with err:
 * BX_ERR_INVALID, it is no frame; BX_ERR_SYSTEM with errno EMFILE, it was one,
 * but this process had no descriptor free for what came with it: of a frame
 * with a long body ret_frame has the type, else BX_FRAME_NONE. */
int bx_channel_receive(bx_channel *channel, size_t max_bytes, size_t max_fds,
                       int flags, bx_frame *ret_frame, bx_error **err);
void bx_frame_clear(bx_frame *frame);
/* Make its body its own: the channel may be closed. */
int bx_frame_own(bx_frame *frame, bx_error **err);
/* What the last frame points to stays until the next call of this. */
int bx_channel_keep(bx_channel *channel, bx_error **err);
/* One of its descriptors, now the caller's; -1: there is none. */
int bx_frame_take_fd(bx_frame *frame, size_t index);
static inline bx_wire_in bx_frame_body(const bx_frame *frame)
{
    return bx_wire_in_of(frame->data, frame->bytes);
}

/* Send a request and wait for BX_FRAME_OK, whose frame the caller clears; an
 * answer of BX_FRAME_ERROR is err. limit_ns: CLOCK_MONOTONIC, the other end's;
 * INT64_MAX: none. errors: also BX_ERR_SYSTEM with errno ETIME or EPIPE, no
 * answer; bx_wait_is_over(): the caller waits no longer, and the question
 * stays unanswered */
int bx_channel_ask(bx_channel *channel, bx_frame_type type, const bx_buf *body,
                   const int *fds, size_t fds_count, const bx_wait *wait,
                   int64_t limit_ns, size_t max_fds, bx_frame *ret_frame,
                   bx_error **err);
/* The same without the sending: of a question that stayed unanswered. */
int bx_channel_take_answer(bx_channel *channel, const bx_wait *wait,
                           int64_t limit_ns, size_t max_fds,
                           bx_frame *ret_frame, bx_error **err);

/* Such an error: nobody is at the other end, or nobody reads or answers. */
bool bx_channel_is_gone(const bx_error *error);
/* After that error there is nothing more to be asked on it. */
bool bx_channel_is_over(const bx_channel *channel, const bx_error *error);

/* Answer one with OK, or with ERROR and err. */
int bx_channel_reply(const bx_channel *channel, const bx_buf *body,
                     const int *fds, size_t fds_count, const bx_error *error);

#endif
