/* What else is done with an open file: where it stands, its size, its times,
 * getting it to disk. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "wasi/calls.h"
#include "wasi/overlay_place.h"
#include "wasi/resolve.h"

/* An open file with rights; streams answer ESPIPE, folders EBADF. */
static bx_fd *find_file(const bx_wasi *wasi, uint32_t number, uint64_t rights,
                        int32_t *ret_errno)
{
    bx_fd *fd = bx_wasi_fd(wasi, number, 0, ret_errno);

    if (fd == NULL)
        return NULL;
    if (fd->kind != BX_FD_FILE) {
        *ret_errno = fd->kind == BX_FD_DIR ? BX_WASI_EBADF : BX_WASI_ESPIPE;
        return NULL;
    }
    return bx_wasi_fd(wasi, number, rights, ret_errno);
}

int32_t bx_fd_seek(bx_wasi *wasi, const bx_guest *guest, const bx_raw *args,
                   const int whences[3])
{
    uint8_t *ret_offset = bx_guest_range(guest, args[3].u32, 8);
    uint32_t whence = args[2].u32;
    int32_t err = 0;
    off_t offset;
    bx_fd *fd;

    if (ret_offset == NULL)
        return BX_WASI_EFAULT;
    fd = find_file(wasi, args[0].u32, BX_RIGHT_FD_SEEK, &err);
    if (fd == NULL)
        return err;
    if (whence > 2)
        return BX_WASI_EINVAL;
    offset = lseek(fd->host_fd, args[1].i64, whences[whence]);
    if (offset < 0)
        return bx_wasi_errno(errno);
    fd->is_sought = true;
    bx_store64(ret_offset, (uint64_t)offset);
    return 0;
}

int32_t bx_wasi_fd_seek(void *host, const bx_guest *guest, const bx_raw *args)
{
    static const int whences[3] = { SEEK_SET, SEEK_CUR, SEEK_END };

    return bx_fd_seek(host, guest, args, whences);
}

int32_t bx_wasi_fd_tell(void *host, const bx_guest *guest, const bx_raw *args)
{
    uint8_t *ret_offset = bx_guest_range(guest, args[1].u32, 8);
    int32_t err = 0;
    off_t offset;
    bx_fd *fd;

    if (ret_offset == NULL)
        return BX_WASI_EFAULT;
    fd = find_file(host, args[0].u32, BX_RIGHT_FD_TELL, &err);
    if (fd == NULL)
        return err;
    offset = lseek(fd->host_fd, 0, SEEK_CUR);
    if (offset < 0)
        return bx_wasi_errno(errno);
    bx_store64(ret_offset, (uint64_t)offset);
    return 0;
}

int32_t bx_wasi_fd_advise(void *host, const bx_guest *guest, const bx_raw *args)
{
    static const int advices[] = {
        POSIX_FADV_NORMAL,   POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
        POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED,   POSIX_FADV_NOREUSE,
    };
    int32_t err = 0;
    bx_fd *fd = find_file(host, args[0].u32, BX_RIGHT_FD_ADVISE, &err);

    (void)guest;
    if (fd == NULL)
        return err;
    if (args[3].u32 >= sizeof(advices) / sizeof(advices[0]) ||
        args[1].u64 > INT64_MAX || args[2].u64 > INT64_MAX)
        return BX_WASI_EINVAL;
    err = posix_fadvise(fd->host_fd, args[1].i64, args[2].i64,
                        advices[args[3].u32]);
    return err == 0 ? 0 : bx_wasi_errno(err);
}

/* A file whose size the guest may change. */
static bx_fd *find_writable(bx_wasi *wasi, const char *call, uint32_t number,
                            uint64_t right, int32_t *ret_errno)
{
    bx_fd *fd = find_file(wasi, number, 0, ret_errno);

    if (fd == NULL)
        return NULL;
    *ret_errno = bx_fd_need(wasi, call, fd, BX_ACCESS_WRITE);
    if (*ret_errno != 0)
        return NULL;
    if ((fd->base & right) == 0) {
        /* Not open for writing: EINVAL as ftruncate(2), EBADF as
         * fallocate(2). */
        *ret_errno = (fd->base & BX_RIGHT_FD_WRITE) != 0 ? BX_WASI_ENOTCAPABLE
                     : right == BX_RIGHT_FD_ALLOCATE     ? BX_WASI_EBADF
                                                         : BX_WASI_EINVAL;
        return NULL;
    }
    return fd;
}

/* Charge bytes to the quota, all of them or none. */
static int32_t charge(bx_wasi *wasi, const char *call, uint64_t bytes)
{
    if (bx_wasi_quota(wasi, bytes) < bytes) {
        bx_run_deny(wasi->run, call, "(an open file)", 14,
                    "max-write does not allow as much", "max-write");
        return BX_WASI_EDQUOT;
    }
    wasi->run->used.fs_write_bytes += bytes;
    return 0;
}

int32_t bx_wasi_fd_allocate(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    bx_wasi *wasi = host;
    int32_t err = 0;
    bx_fd *fd = find_writable(wasi, "fd_allocate", args[0].u32,
                              BX_RIGHT_FD_ALLOCATE, &err);

    (void)guest;
    if (fd == NULL)
        return err;
    if (args[1].u64 > INT64_MAX || args[2].u64 > INT64_MAX)
        return BX_WASI_EINVAL;
    err = charge(wasi, "fd_allocate", args[2].u64);
    if (err != 0)
        return err;
    if (fallocate(fd->host_fd, 0, args[1].i64, args[2].i64) == 0)
        return 0;
    wasi->run->used.fs_write_bytes -= args[2].u64;
    return bx_wasi_errno(errno);
}

int32_t bx_wasi_fd_filestat_set_size(void *host, const bx_guest *guest,
                                     const bx_raw *args)
{
    bx_wasi *wasi = host;
    struct stat stat;
    int32_t err = 0;
    bx_fd *fd = find_writable(wasi, "fd_filestat_set_size", args[0].u32,
                              BX_RIGHT_FD_FILESTAT_SET_SIZE, &err);

    (void)guest;
    if (fd == NULL)
        return err;
    if (args[1].u64 > INT64_MAX)
        return BX_WASI_EFBIG;
    if (fstat(fd->host_fd, &stat) < 0)
        return bx_wasi_errno(errno);
    if (args[1].i64 > stat.st_size)
        err = charge(wasi, "fd_filestat_set_size",
                     (uint64_t)(args[1].i64 - stat.st_size));
    if (err == 0 && ftruncate(fd->host_fd, args[1].i64) < 0)
        err = bx_wasi_errno(errno);
    fd->known_bytes = 0; /* looked at again by the next write past it */
    return err;
}

int32_t bx_wasi_fd_filestat_set_times(void *host, const bx_guest *guest,
                                      const bx_raw *args)
{
    bx_wasi *wasi = host;
    struct timespec times[2];
    int32_t err = 0;
    int result;
    bx_fd *fd =
        bx_wasi_fd(wasi, args[0].u32, BX_RIGHT_FD_FILESTAT_SET_TIMES, &err);

    (void)guest;
    if (fd == NULL)
        return err;
    if (fd->kind == BX_FD_STREAM)
        return BX_WASI_EBADF;
    err = bx_wasi_times(host, args[1].u64, args[2].u64, args[3].u32, times);
    if (err == 0)
        err = bx_fd_need(host, "fd_filestat_set_times", fd, BX_ACCESS_WRITE);
    if (err != 0)
        return err;
    if (fd->host_fd < 0)
        return BX_WASI_EACCES;
    /* A folder may be held by O_PATH, which futimens() refuses. */
    if (fd->is_base || (fd->kind == BX_FD_DIR && wasi->fs->overlay != NULL))
        result = bx_covered_fd_set_times(wasi, fd, times);
    else
        result = fd->kind == BX_FD_DIR ? utimensat(fd->host_fd, ".", times, 0)
                                       : futimens(fd->host_fd, times);
    return result < 0 ? bx_wasi_errno(errno) : 0;
}

static int32_t sync_fd(const bx_wasi *wasi, uint32_t number, uint64_t right,
                       int (*sync)(int fd))
{
    int32_t err = 0;
    bx_fd *fd = bx_wasi_fd(wasi, number, 0, &err);
    bx_autofd int folder = -1;

    if (fd == NULL)
        return err;
    if (fd->kind == BX_FD_STREAM)
        return BX_WASI_EINVAL; /* as fsync() of a pipe */
    if ((fd->base & right) == 0)
        return BX_WASI_ENOTCAPABLE;
    if (fd->host_fd < 0)
        return 0;
    if (fd->is_path) {
        folder = openat(fd->host_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0)
            return bx_wasi_errno(errno);
    }
    if (sync(folder >= 0 ? folder : fd->host_fd) < 0)
        return bx_wasi_errno(errno);
    return 0;
}

int32_t bx_wasi_fd_sync(void *host, const bx_guest *guest, const bx_raw *args)
{
    (void)guest;
    return sync_fd(host, args[0].u32, BX_RIGHT_FD_SYNC, fsync);
}

int32_t bx_wasi_fd_datasync(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    (void)guest;
    return sync_fd(host, args[0].u32, BX_RIGHT_FD_DATASYNC, fdatasync);
}
