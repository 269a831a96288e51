/* Standard streams, and reads and writes that may wait. */
#ifndef BX_WASI_STREAM_H
#define BX_WASI_STREAM_H

#include <sys/uio.h>

#include "wasi/state.h"

/* The descriptor of a standard stream. */
bx_fd bx_stream_descriptor(bx_stream *stream, bool is_input);

/* Read or write a stream or a pipe. Returns a WASI errno or BX_HOST_STOP; on 0
 * ret_bytes is what was moved. */
int32_t bx_stream_read(bx_wasi *wasi, bx_fd *fd, const struct iovec *iovecs,
                       int count, uint64_t *ret_bytes);
int32_t bx_stream_write(bx_wasi *wasi, bx_fd *fd, const struct iovec *iovecs,
                        int count, uint64_t *ret_bytes);

#endif
