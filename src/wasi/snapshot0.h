/* Snapshot 0 ("wasi_unstable"): the calls that differ from preview1. */
#ifndef BX_WASI_SNAPSHOT0_H
#define BX_WASI_SNAPSHOT0_H

#include "base/guest.h"

bx_host_fn bx_wasi0_fd_filestat_get;
bx_host_fn bx_wasi0_fd_seek;
bx_host_fn bx_wasi0_path_filestat_get;
bx_host_fn bx_wasi0_poll_oneoff;

#endif
