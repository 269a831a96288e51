/* The functions of WASI preview1, one for each in the spec's words. host is a
 * bx_wasi. */
#ifndef BX_WASI_CALLS_H
#define BX_WASI_CALLS_H

#include "base/guest.h"

bx_host_fn bx_wasi_args_get;
bx_host_fn bx_wasi_args_sizes_get;
bx_host_fn bx_wasi_environ_get;
bx_host_fn bx_wasi_environ_sizes_get;
bx_host_fn bx_wasi_clock_res_get;
bx_host_fn bx_wasi_clock_time_get;
bx_host_fn bx_wasi_fd_advise;
bx_host_fn bx_wasi_fd_allocate;
bx_host_fn bx_wasi_fd_close;
bx_host_fn bx_wasi_fd_datasync;
bx_host_fn bx_wasi_fd_fdstat_get;
bx_host_fn bx_wasi_fd_fdstat_set_flags;
bx_host_fn bx_wasi_fd_fdstat_set_rights;
bx_host_fn bx_wasi_fd_filestat_get;
bx_host_fn bx_wasi_fd_filestat_set_size;
bx_host_fn bx_wasi_fd_filestat_set_times;
bx_host_fn bx_wasi_fd_pread;
bx_host_fn bx_wasi_fd_prestat_get;
bx_host_fn bx_wasi_fd_prestat_dir_name;
bx_host_fn bx_wasi_fd_pwrite;
bx_host_fn bx_wasi_fd_read;
bx_host_fn bx_wasi_fd_readdir;
bx_host_fn bx_wasi_fd_renumber;
bx_host_fn bx_wasi_fd_seek;
bx_host_fn bx_wasi_fd_sync;
bx_host_fn bx_wasi_fd_tell;
bx_host_fn bx_wasi_fd_write;
bx_host_fn bx_wasi_path_create_directory;
bx_host_fn bx_wasi_path_filestat_get;
bx_host_fn bx_wasi_path_filestat_set_times;
bx_host_fn bx_wasi_path_link;
bx_host_fn bx_wasi_path_open;
bx_host_fn bx_wasi_path_readlink;
bx_host_fn bx_wasi_path_remove_directory;
bx_host_fn bx_wasi_path_rename;
bx_host_fn bx_wasi_path_symlink;
bx_host_fn bx_wasi_path_unlink_file;
bx_host_fn bx_wasi_poll_oneoff;
bx_host_fn bx_wasi_proc_exit;
bx_host_fn bx_wasi_proc_raise;
bx_host_fn bx_wasi_sched_yield;
bx_host_fn bx_wasi_random_get;
bx_host_fn bx_wasi_sock_accept;
bx_host_fn bx_wasi_sock_recv;
bx_host_fn bx_wasi_sock_send;
bx_host_fn bx_wasi_sock_shutdown;

/* Of the module "boxagnts". */
bx_host_fn bx_wasi_path_replace;

#endif
