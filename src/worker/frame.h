/* What the host, the template and a worker say to one another: a head and a
 * body of fields (base/wire.h). Only the forms are here, no descriptors and no
 * engine. What a worker sends is hostile to the host: counts, lengths, codes
 * and texts are held against what can be meant. */
#ifndef BX_WORKER_FRAME_H
#define BX_WORKER_FRAME_H

#include "base/run.h"
#include "base/service.h"
#include "base/wire.h"
#include "policy/limits.h"

#define BX_FRAME_INLINE_BYTES                                                  \
    65536u /* of a body in the message itself; a                               \
            * longer one is a memory file beside it */
#define BX_FRAME_MAX_BYTES (256u << 20)
#define BX_FRAME_TEXT_BYTES 16384u /* of a message or a name */
#define BX_FRAME_EVENT_BYTES 4096u /* of each text of an event */
#define BX_FRAME_NEED_BYTES                                                    \
    20480u /* of each text of a need: two paths, whole */

typedef enum bx_frame_type {
    BX_FRAME_NONE,
    /* to the template */
    BX_FRAME_VARIANT, /* what code for these limits is */
    BX_FRAME_LOAD,    /* a module's code; also to a worker */
    BX_FRAME_UNLOAD,
    BX_FRAME_FORK, /* with the child's control socket */
    BX_FRAME_REAP,
    /* to a child of it, on its control socket */
    BX_FRAME_SETUP,
    BX_FRAME_COMPILE,
    BX_FRAME_INSPECT,
    BX_FRAME_CHANNEL, /* a socket for calls, and its page */
    /* to a worker, on a channel */
    BX_FRAME_BOX,
    BX_FRAME_BOX_END,
    BX_FRAME_SESSION,
    BX_FRAME_SESSION_END,
    BX_FRAME_CALL,
    BX_FRAME_ANSWER,
    /* to the host */
    BX_FRAME_OK,
    BX_FRAME_ERROR,
    BX_FRAME_RESULT,
    BX_FRAME_AUDIT,
    BX_FRAME_EFFECT,
    BX_FRAME_NEED,
    BX_FRAME_RECORD, /* the next bytes of the recording */
    BX_FRAME_BROKER,
    BX_FRAME_BROKER_WHILE, /* the same; BX_FRAME_WAKE may follow */
    BX_FRAME_WAKE,
    BX_FRAME_SPAWN,
    BX_FRAME_TOOL_CALL,
    BX_FRAME_TOOL_LIST,
    BX_FRAME_TYPES
} bx_frame_type;

#define BX_FRAME_SPILLED 1u /* the body is in the last descriptor */

typedef struct bx_frame_head {
    uint32_t magic;
    uint16_t type;
    uint16_t flags;
    uint64_t body_bytes;
} bx_frame_head;

#define BX_FRAME_MAGIC 0x31667862u /* "bxf1" */

/* The most that a call's frames to the host have under these limits: both
 * outputs, and what is put into a nested call or comes out as a value. */
static inline size_t bx_frame_most(const bx_limits *limits)
{
    uint64_t most = (65u << 20) + BX_FRAME_TEXT_BYTES;

    if (limits->output_bytes > (BX_FRAME_MAX_BYTES - most) / 2)
        return BX_FRAME_MAX_BYTES;
    return most + 2 * limits->output_bytes;
}

/* How much later than the host's a run's deadline may be: its time begins when
 * the call is there. A quarter of the grace that the host gives. */
#define BX_FRAME_DELAY_MS 250

/* A head and so many bytes behind it, as a message holds them. False: it is
 * none of ours. */
bool bx_frame_check(const void *message, size_t bytes, bx_frame_head *ret_head);

/* ---- parts ----------------------------------------------------------- */

void bx_frame_put_limits(bx_wire_out *out, const bx_limits *limits);
void bx_frame_get_limits(bx_wire_in *in, bx_limits *limits);
void bx_frame_put_budget(bx_wire_out *out, const bx_budget *budget);
void bx_frame_get_budget(bx_wire_in *in, bx_budget *budget);

/* NULL is one, too. */
void bx_frame_put_error(bx_wire_out *out, const bx_error *error);
/* An error as it was sent. True: it was one. */
bool bx_frame_get_error(bx_wire_in *in, bx_error **err);

/* count words; "" is one. Owned: free() of the array frees all. */
void bx_frame_put_words(bx_wire_out *out, size_t count,
                        const char *const *words);
const char *const *bx_frame_get_words(bx_wire_in *in, size_t *ret_count);

/* Text of a worker's, to be shown: control bytes but '\n' are escaped, what is
 * escaped already stays. Owned. */
char *bx_frame_show(const char *text, size_t bytes);
/* The same for what is shown on one line: line ends are escaped too, so that
 * nothing looks like a line of ours. */
char *bx_frame_show_line(const char *text, size_t bytes);

/* ---- a call ---------------------------------------------------------- */

typedef enum bx_call_flag {
    BX_CALL_AUDIT = 1,
    BX_CALL_EFFECT = 2,
    BX_CALL_NEED = 4,
    BX_CALL_CANCEL = 8, /* the channel's page may end it */
    BX_CALL_SERVICES = 16,
    BX_CALL_ENV = 32,
    BX_CALL_INVOKES = 64,
    BX_CALL_BUDGET = 128,
    BX_CALL_STDIN_FD = 256, /* descriptors, in this order */
    BX_CALL_STDOUT_FD = 512,
    BX_CALL_STDERR_FD = 1024,
    BX_CALL_RECORD = 2048, /* its recording goes to the host */
    BX_CALL_DROP_STDOUT = 4096,
    BX_CALL_DROP_STDERR = 8192,
    BX_CALL_FLAGS = 16383
} bx_call_flag;

typedef struct bx_call_frame {
    uint32_t flags;            /* of bx_call_flag */
    uint64_t box_id;           /* 0 with a session */
    uint64_t session_id;       /* 0: none */
    int64_t deadline_ns;       /* CLOCK_MONOTONIC */
    uint64_t timeout_ms;       /* from which that was worked out */
    uint64_t record_max_bytes; /* with BX_CALL_RECORD */
    size_t argc;
    const char *const *argv;
    size_t env_count;
    const char *const *env;
    const char *function;
    const char *args;
    size_t args_bytes;
    const void *input;
    size_t input_bytes;
    bx_budget budget;
} bx_call_frame;

void bx_frame_put_call(bx_wire_out *out, const bx_call_frame *call);
/* What it points to is borrowed from the message, but argv, env and function,
 * which bx_call_frame_clear() frees. */
int bx_frame_get_call(bx_wire_in *in, bx_call_frame *call, bx_error **err);
void bx_call_frame_clear(bx_call_frame *call);

/* ---- its result ------------------------------------------------------ */

typedef struct bx_result_frame {
    bx_result *result; /* NULL: */
    bx_error *error;
    bool is_alive; /* the session */
    bool has_budget;
    bx_budget budget; /* what is left */
} bx_result_frame;

void bx_frame_put_result(bx_wire_out *out, const bx_result_frame *frame);
/* output_bytes: the most that either stream may have. errors: BX_ERR_INVALID,
 * it is none; BX_ERR_SYSTEM, no memory. The caller owns result and error. */
int bx_frame_get_result(bx_wire_in *in, uint64_t output_bytes,
                        bx_result_frame *ret_frame, bx_error **err);

/* ---- a nested call --------------------------------------------------- */

typedef struct bx_service_frame {
    bx_budget budget; /* what the worker says it lends */
    bx_spawn_request spawn;
    char *name;        /* of a tool; owned */
    const char *input; /* borrowed from the message */
    size_t input_bytes;
} bx_service_frame;

void bx_frame_put_spawn(bx_wire_out *out, const bx_budget *budget,
                        const bx_spawn_request *request);
void bx_frame_put_tool(bx_wire_out *out, const bx_budget *budget,
                       const char *name, const char *input, size_t bytes);
/* type: BX_FRAME_SPAWN, _TOOL_CALL or _TOOL_LIST. False: malformed. */
bool bx_frame_get_service(bx_wire_in *in, bx_frame_type type,
                          bx_service_frame *ret_frame);
void bx_service_frame_clear(bx_service_frame *frame);

/* error: NULL when result counts. */
void bx_frame_put_service_result(bx_wire_out *out, const bx_budget *left,
                                 const bx_service_result *result,
                                 const bx_error *error);
int bx_frame_get_service_result(bx_wire_in *in, bx_budget *left,
                                bx_service_result *ret_result, bx_error **err);

#endif
