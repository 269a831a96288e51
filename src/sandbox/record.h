/* Recording and playing of a run, at the guest's boundary: whatever a host
 * function brings into the guest passes here, however the guest is run. */
#ifndef BX_SANDBOX_RECORD_H
#define BX_SANDBOX_RECORD_H

#include <sys/uio.h>

#include "record/tape.h"
#include "sandbox/instance.h"
#include "wasi/types.h"

/* Numbers of calls. Those of raw host functions come first, then the ones that
 * only components have. */
enum {
    BX_TAPE_COMPONENT = 128,
    BX_TAPE_WAIT = BX_TAPE_COMPONENT,
    BX_TAPE_STREAM_FD,
    BX_TAPE_SOCKET_OPEN,
    BX_TAPE_SOCKET_CLOSE,
    BX_TAPE_SOCKET_CONNECT,
    BX_TAPE_SOCKET_FINISH,
    BX_TAPE_SOCKET_BIND,
    BX_TAPE_SOCKET_LISTEN,
    BX_TAPE_SOCKET_FD,
    BX_TAPE_SOCKET_RECEIVE,
    BX_TAPE_SOCKET_SEND,
    BX_TAPE_SOCKET_SHUTDOWN,
    BX_TAPE_SOCKET_NAME,
    BX_TAPE_SOCKET_GET,
    BX_TAPE_SOCKET_SET,
    BX_TAPE_SOCKET_RESOLVE,
    BX_TAPE_HTTP_OPEN,
    BX_TAPE_HTTP_WRITE,
    BX_TAPE_HTTP_IS_READY,
    BX_TAPE_HTTP_WAIT,
    BX_TAPE_HTTP_HEAD,
    BX_TAPE_HTTP_FIELD,
    BX_TAPE_HTTP_READ,
    BX_TAPE_HTTP_FREE,
    BX_TAPE_SERVICE,
    BX_TAPE_CALLS
};

struct bx_record {
    bx_tape tape;
    bx_need_fn need; /* the caller's own; NULL: none */
    void *need_context;
    bx_buf scratch;
    struct iovec pieces[BX_IOVECS_MAX]; /* of the call under way */
    size_t pieces_count;
    void **exchanges; /* a component's requests, by their numbers */
    size_t exchanges_count;
    char **kept; /* played texts that the component borrows */
    size_t kept_count;
    uint64_t kept_bytes; /* of them, BX_TAPE_KEPT_MAX_BYTES at most: a short
                          * recording can name the same bytes many times */
};

/* Begin when options or extra ask for it; otherwise instance->record stays
 * NULL. */
int bx_record_open(bx_instance *instance, size_t argc, const char *const *argv,
                   const bx_run_options *options, const bx_run_extra *extra,
                   bx_error **err);
/* The run ended with result, or failed for a reason of the host's, err. Returns
 * returned, or -1 with err when it could not be recorded. */
int bx_record_finish(bx_instance *instance, bx_result *result, int returned,
                     bx_error **err);
void bx_record_close(bx_instance *instance);

/* The names of calls, by their numbers. */
const char *const *bx_record_names(void);

/* The number of a host function that is linked by its name, and of a name. */
unsigned bx_record_number(const bx_host_call *call);
unsigned bx_record_find(const char *name);

/* Call function, record what it did, or play what it once did. */
int32_t bx_record_call(bx_instance *instance, unsigned number,
                       bx_host_fn *function, void *host, const bx_guest *guest,
                       const bx_raw *args);

/* A call's end, of a raw one or of a component's. */
void bx_record_call_end(bx_instance *instance);
/* Fuel that a nested run took of this one: noted, or taken. */
void bx_record_fuel(bx_instance *instance, uint64_t before);

/* A component's functions with this in between. */
const bx_component_api *bx_component_taped(void);

#endif
