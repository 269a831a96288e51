/* The tables of the two modules: each function's name, parameters ('i' for
 * i32, 'I' for i64) and whether it has a result, as in the witx files. */
#include "wasi/calls.h"

#include "wasi/snapshot0.h"
#include "wasi/wasi.h"

/* What both modules have, with the same layouts. */
/* clang-format off */
#define SHARED_CALLS                                                           \
    { "args_get", "ii", true, bx_wasi_args_get },                              \
    { "args_sizes_get", "ii", true, bx_wasi_args_sizes_get },                  \
    { "environ_get", "ii", true, bx_wasi_environ_get },                        \
    { "environ_sizes_get", "ii", true, bx_wasi_environ_sizes_get },            \
    { "clock_res_get", "ii", true, bx_wasi_clock_res_get },                    \
    { "clock_time_get", "iIi", true, bx_wasi_clock_time_get },                 \
    { "fd_advise", "iIIi", true, bx_wasi_fd_advise },                          \
    { "fd_allocate", "iII", true, bx_wasi_fd_allocate },                       \
    { "fd_close", "i", true, bx_wasi_fd_close },                               \
    { "fd_datasync", "i", true, bx_wasi_fd_datasync },                         \
    { "fd_fdstat_get", "ii", true, bx_wasi_fd_fdstat_get },                    \
    { "fd_fdstat_set_flags", "ii", true, bx_wasi_fd_fdstat_set_flags },        \
    { "fd_fdstat_set_rights", "iII", true, bx_wasi_fd_fdstat_set_rights },     \
    { "fd_filestat_set_size", "iI", true, bx_wasi_fd_filestat_set_size },      \
    { "fd_filestat_set_times", "iIIi", true, bx_wasi_fd_filestat_set_times },  \
    { "fd_pread", "iiiIi", true, bx_wasi_fd_pread },                           \
    { "fd_prestat_get", "ii", true, bx_wasi_fd_prestat_get },                  \
    { "fd_prestat_dir_name", "iii", true, bx_wasi_fd_prestat_dir_name },       \
    { "fd_pwrite", "iiiIi", true, bx_wasi_fd_pwrite },                         \
    { "fd_read", "iiii", true, bx_wasi_fd_read },                              \
    { "fd_readdir", "iiiIi", true, bx_wasi_fd_readdir },                       \
    { "fd_renumber", "ii", true, bx_wasi_fd_renumber },                        \
    { "fd_sync", "i", true, bx_wasi_fd_sync },                                 \
    { "fd_tell", "ii", true, bx_wasi_fd_tell },                                \
    { "fd_write", "iiii", true, bx_wasi_fd_write },                            \
    { "path_create_directory", "iii", true, bx_wasi_path_create_directory },   \
    { "path_filestat_set_times", "iiiiIIi", true,                              \
      bx_wasi_path_filestat_set_times },                                       \
    { "path_link", "iiiiiii", true, bx_wasi_path_link },                       \
    { "path_open", "iiiiiIIii", true, bx_wasi_path_open },                     \
    { "path_readlink", "iiiiii", true, bx_wasi_path_readlink },                \
    { "path_remove_directory", "iii", true, bx_wasi_path_remove_directory },   \
    { "path_rename", "iiiiii", true, bx_wasi_path_rename },                    \
    { "path_symlink", "iiiii", true, bx_wasi_path_symlink },                   \
    { "path_unlink_file", "iii", true, bx_wasi_path_unlink_file },             \
    { "proc_exit", "i", false, bx_wasi_proc_exit },                            \
    { "proc_raise", "i", true, bx_wasi_proc_raise },                           \
    { "sched_yield", "", true, bx_wasi_sched_yield },                          \
    { "random_get", "ii", true, bx_wasi_random_get },                          \
    { "sock_recv", "iiiiii", true, bx_wasi_sock_recv },                        \
    { "sock_send", "iiiii", true, bx_wasi_sock_send },                         \
    { "sock_shutdown", "ii", true, bx_wasi_sock_shutdown }
/* clang-format on */

const bx_host_call bx_wasi_preview1_calls[] = {
    SHARED_CALLS,
    { "fd_filestat_get", "ii", true, bx_wasi_fd_filestat_get },
    { "fd_seek", "iIii", true, bx_wasi_fd_seek },
    { "path_filestat_get", "iiiii", true, bx_wasi_path_filestat_get },
    { "poll_oneoff", "iiii", true, bx_wasi_poll_oneoff },
    { "sock_accept", "iii", true, bx_wasi_sock_accept },
};
const size_t bx_wasi_preview1_calls_count =
    sizeof(bx_wasi_preview1_calls) / sizeof(bx_wasi_preview1_calls[0]);

const bx_host_call bx_wasi_snapshot0_calls[] = {
    SHARED_CALLS,
    { "fd_filestat_get", "ii", true, bx_wasi0_fd_filestat_get },
    { "fd_seek", "iIii", true, bx_wasi0_fd_seek },
    { "path_filestat_get", "iiiii", true, bx_wasi0_path_filestat_get },
    { "poll_oneoff", "iiii", true, bx_wasi0_poll_oneoff },
};
const size_t bx_wasi_snapshot0_calls_count =
    sizeof(bx_wasi_snapshot0_calls) / sizeof(bx_wasi_snapshot0_calls[0]);
