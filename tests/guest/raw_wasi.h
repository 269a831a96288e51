/* The raw imports of WASI preview1: libc would tidy a hostile call before it
 * leaves. Pointers and sizes are plain numbers here. */
#ifndef RAW_WASI_H
#define RAW_WASI_H

#include <stdint.h>

#define RAW(name)                                                              \
    __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name)))

RAW(args_get) int32_t raw_args_get(uint32_t argv, uint32_t buf);
RAW(environ_get) int32_t raw_environ_get(uint32_t environ, uint32_t buf);
RAW(clock_time_get)
int32_t raw_clock_time_get(uint32_t id, uint64_t precision, uint32_t ret_time);
RAW(random_get) int32_t raw_random_get(uint32_t buf, uint32_t len);
RAW(fd_advise)
int32_t raw_fd_advise(uint32_t fd, uint64_t offset, uint64_t len, uint32_t how);
RAW(fd_allocate)
int32_t raw_fd_allocate(uint32_t fd, uint64_t offset, uint64_t len);
RAW(fd_close) int32_t raw_fd_close(uint32_t fd);
RAW(fd_fdstat_get) int32_t raw_fd_fdstat_get(uint32_t fd, uint32_t ret_stat);
RAW(fd_fdstat_set_flags)
int32_t raw_fd_fdstat_set_flags(uint32_t fd, uint32_t flags);
RAW(fd_filestat_get)
int32_t raw_fd_filestat_get(uint32_t fd, uint32_t ret_stat);
RAW(fd_filestat_set_size)
int32_t raw_fd_filestat_set_size(uint32_t fd, uint64_t size);
RAW(fd_filestat_set_times)
int32_t raw_fd_filestat_set_times(uint32_t fd, uint64_t atim, uint64_t mtim,
                                  uint32_t flags);
RAW(fd_prestat_get) int32_t raw_fd_prestat_get(uint32_t fd, uint32_t ret_stat);
RAW(fd_prestat_dir_name)
int32_t raw_fd_prestat_dir_name(uint32_t fd, uint32_t path, uint32_t len);
RAW(fd_pread)
int32_t raw_fd_pread(uint32_t fd, uint32_t iovs, uint32_t count,
                     uint64_t offset, uint32_t ret_len);
RAW(fd_pwrite)
int32_t raw_fd_pwrite(uint32_t fd, uint32_t iovs, uint32_t count,
                      uint64_t offset, uint32_t ret_len);
RAW(fd_read)
int32_t raw_fd_read(uint32_t fd, uint32_t iovs, uint32_t count,
                    uint32_t ret_len);
RAW(fd_readdir)
int32_t raw_fd_readdir(uint32_t fd, uint32_t buf, uint32_t len, uint64_t cookie,
                       uint32_t ret_len);
RAW(fd_renumber) int32_t raw_fd_renumber(uint32_t from, uint32_t to);
RAW(fd_seek)
int32_t raw_fd_seek(uint32_t fd, int64_t offset, uint32_t whence,
                    uint32_t ret_offset);
RAW(fd_write)
int32_t raw_fd_write(uint32_t fd, uint32_t iovs, uint32_t count,
                     uint32_t ret_len);
RAW(path_create_directory)
int32_t raw_path_create_directory(uint32_t fd, uint32_t path, uint32_t len);
RAW(path_filestat_get)
int32_t raw_path_filestat_get(uint32_t fd, uint32_t flags, uint32_t path,
                              uint32_t len, uint32_t ret_stat);
RAW(path_filestat_set_times)
int32_t raw_path_filestat_set_times(uint32_t fd, uint32_t flags, uint32_t path,
                                    uint32_t len, uint64_t atim, uint64_t mtim,
                                    uint32_t fst_flags);
RAW(path_link)
int32_t raw_path_link(uint32_t fd, uint32_t flags, uint32_t path, uint32_t len,
                      uint32_t new_fd, uint32_t new_path, uint32_t new_len);
RAW(path_open)
int32_t raw_path_open(uint32_t fd, uint32_t flags, uint32_t path, uint32_t len,
                      uint32_t oflags, uint64_t rights,
                      uint64_t inheriting_rights, uint32_t fdflags,
                      uint32_t ret_fd);
RAW(path_readlink)
int32_t raw_path_readlink(uint32_t fd, uint32_t path, uint32_t len,
                          uint32_t buf, uint32_t buf_len, uint32_t ret_len);
RAW(path_remove_directory)
int32_t raw_path_remove_directory(uint32_t fd, uint32_t path, uint32_t len);
RAW(path_rename)
int32_t raw_path_rename(uint32_t fd, uint32_t path, uint32_t len,
                        uint32_t new_fd, uint32_t new_path, uint32_t new_len);
RAW(path_symlink)
int32_t raw_path_symlink(uint32_t target, uint32_t target_len, uint32_t fd,
                         uint32_t path, uint32_t len);
RAW(path_unlink_file)
int32_t raw_path_unlink_file(uint32_t fd, uint32_t path, uint32_t len);
RAW(poll_oneoff)
int32_t raw_poll_oneoff(uint32_t in, uint32_t out, uint32_t count,
                        uint32_t ret_count);
RAW(sock_accept)
int32_t raw_sock_accept(uint32_t fd, uint32_t flags, uint32_t ret_fd);
RAW(sock_recv)
int32_t raw_sock_recv(uint32_t fd, uint32_t iovs, uint32_t count,
                      uint32_t flags, uint32_t ret_len, uint32_t ret_flags);
RAW(sock_send)
int32_t raw_sock_send(uint32_t fd, uint32_t iovs, uint32_t count,
                      uint32_t flags, uint32_t ret_len);
RAW(sock_shutdown) int32_t raw_sock_shutdown(uint32_t fd, uint32_t how);

/* Numbers of the preview1 specification (witx). */
enum {
    RAW_LOOKUP_FOLLOW = 1,
    RAW_O_CREAT = 1,
    RAW_O_DIRECTORY = 2,
    RAW_O_EXCL = 4,
    RAW_O_TRUNC = 8,
    RAW_RIGHT_FD_READ = 1 << 1,
    RAW_RIGHT_FD_WRITE = 1 << 6,
    RAW_RIGHT_FD_ALLOCATE = 1 << 8,
    RAW_RIGHT_FD_FILESTAT_SET_SIZE = 1 << 22,
    RAW_RIGHT_FD_FILESTAT_SET_TIMES = 1 << 23,
};
#define RAW_RIGHTS_ALL 0x1fffffffull

static inline uint32_t raw_ptr(const void *at)
{
    return (uint32_t)(uintptr_t)at;
}

typedef struct raw_iovec {
    uint32_t buf;
    uint32_t len;
} raw_iovec;

#endif
