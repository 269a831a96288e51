/* Where a recording goes: a file, or whatever else takes its bytes. */
#ifndef BX_RECORD_SINK_H
#define BX_RECORD_SINK_H

#include "base/error.h"

typedef struct bx_record_sink {
    /* All of the bytes, behind those before. One thread at a time, which need
     * not be the run's. */
    int (*put)(void *context, const void *data, size_t bytes, bx_error **err);
    void *context;
} bx_record_sink;

/* fd: borrowed; written from where it stands. errors: BX_ERR_INVALID: a pipe
 * or a socket, which may never take it all */
int bx_record_sink_of_fd(int fd, bx_record_sink *ret_sink, bx_error **err);

#endif
