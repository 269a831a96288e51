/* Reading and writing, straight between the kernel and guest memory. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wasi/calls.h"
#include "wasi/state.h"
#include "wasi/stream.h"

/* Cut iovecs down to bytes in all; returns how many are left. */
static int clamp_iovecs(struct iovec *iovecs, int count, uint64_t bytes)
{
    for (int i = 0; i < count; i++) {
        if (iovecs[i].iov_len >= bytes) {
            iovecs[i].iov_len = bytes;
            return i + 1;
        }
        bytes -= iovecs[i].iov_len;
    }
    return count;
}

/* Check the guest's iovecs and turn them into the host's. Those that overlap
 * may name more than the memory holds, and one call would move gigabytes past
 * the deadline: they are cut to what it holds, as a short read or write. */
static int32_t load_iovecs(const bx_guest *guest, uint32_t ptr, uint32_t count,
                           struct iovec *iovecs, int *ret_count,
                           uint64_t *ret_bytes)
{
    const uint8_t *at =
        bx_guest_range(guest, ptr, (uint64_t)count * BX_IOVEC_BYTES);
    uint64_t total = 0;

    if (at == NULL)
        return BX_WASI_EFAULT;
    if (count > BX_IOVECS_MAX)
        return BX_WASI_EINVAL; /* as readv() past UIO_MAXIOV */
    for (uint32_t i = 0; i < count; i++, at += BX_IOVEC_BYTES) {
        uint32_t len = bx_load32(at + 4);

        iovecs[i].iov_base = bx_guest_range(guest, bx_load32(at), len);
        iovecs[i].iov_len = len;
        if (iovecs[i].iov_base == NULL)
            return BX_WASI_EFAULT;
        total += len;
    }
    *ret_count = (int)count;
    if (total > guest->size) {
        total = guest->size;
        *ret_count = clamp_iovecs(iovecs, *ret_count, total);
    }
    *ret_bytes = total;
    return 0;
}

/* A descriptor for reading or writing: what it lacks is EBADF, as POSIX says
 * of one not open for it. */
static bx_fd *find_for(const bx_wasi *wasi, uint32_t number, uint64_t right,
                       int32_t *ret_errno)
{
    bx_fd *fd = bx_wasi_fd(wasi, number, 0, ret_errno);

    if (fd == NULL)
        return NULL;
    if (fd->kind == BX_FD_DIR && right == BX_RIGHT_FD_READ)
        *ret_errno = BX_WASI_EISDIR;
    else if (fd->kind == BX_FD_DIR || (fd->base & right) == 0)
        *ret_errno = BX_WASI_EBADF;
    else
        return fd;
    return NULL;
}

static int32_t read_file(bx_wasi *wasi, bx_fd *fd, const struct iovec *iovecs,
                         int count, int64_t offset, uint64_t *ret_bytes)
{
    ssize_t done;

    if (offset >= 0 && count == 1)
        done = pread(fd->host_fd, iovecs->iov_base, iovecs->iov_len, offset);
    else if (offset >= 0)
        done = preadv(fd->host_fd, iovecs, count, offset);
    else if (fd->is_pipe)
        return bx_stream_read(wasi, fd, iovecs, count, ret_bytes);
    else if (count == 1)
        done = read(fd->host_fd, iovecs->iov_base, iovecs->iov_len);
    else
        done = readv(fd->host_fd, iovecs, count);
    if (done < 0)
        return bx_wasi_errno(errno);
    *ret_bytes = (uint64_t)done;
    return 0;
}

/* Bytes between a file's end and a write past it. They are charged as growing
 * the file is: one byte written in each block of a hole takes the disk a block
 * each. */
static int32_t hole_bytes(bx_fd *fd, int64_t offset, uint64_t *ret_bytes)
{
    struct stat stat;

    *ret_bytes = 0;
    /* Looking each time would make the kernel stamp and dirty the inode with
     * every write. A file cut off meanwhile takes no more room than it took
     * when it is written again. */
    if (offset >= 0 && (uint64_t)offset <= fd->known_bytes)
        return 0;
    if ((offset < 0 && !fd->is_sought) || /* writing does not pass the end */
        (fd->flags & BX_FDFLAG_APPEND) != 0)
        return 0;
    if (fstat(fd->host_fd, &stat) < 0)
        return bx_wasi_errno(errno); /* what is not known is not given */
    if (!S_ISREG(stat.st_mode))
        return 0;
    if (offset < 0)
        offset = lseek(fd->host_fd, 0, SEEK_CUR);
    if (offset < 0)
        return bx_wasi_errno(errno);
    fd->known_bytes = (uint64_t)stat.st_size;
    if (offset > stat.st_size)
        *ret_bytes = (uint64_t)(offset - stat.st_size);
    return 0;
}

static int32_t write_file(bx_wasi *wasi, bx_fd *fd, struct iovec *iovecs,
                          int count, int64_t offset, uint64_t *ret_bytes)
{
    uint64_t hole = 0;
    uint64_t allowed;
    int32_t err = *ret_bytes == 0 ? 0 : hole_bytes(fd, offset, &hole);
    ssize_t done;

    if (err != 0)
        return err;
    allowed = bx_wasi_quota(wasi, hole + *ret_bytes);
    if (allowed < hole + *ret_bytes) {
        if (allowed <= hole) {
            bx_run_deny(wasi->run, "fd_write", "(an open file)", 14,
                        hole == 0 ? "max-write is used up"
                                  : "max-write does not allow as much",
                        "max-write");
            return BX_WASI_EDQUOT;
        }
        allowed -= hole;
        count = clamp_iovecs(iovecs, count, allowed);
    }
    if (offset >= 0 && count == 1) {
        done = pwrite(fd->host_fd, iovecs->iov_base, iovecs->iov_len, offset);
    } else if (offset >= 0) {
        done = pwritev(fd->host_fd, iovecs, count, offset);
    } else if (fd->is_pipe) {
        return bx_stream_write(wasi, fd, iovecs, count, ret_bytes);
    } else if (count == 1) {
        done = write(fd->host_fd, iovecs->iov_base, iovecs->iov_len);
    } else {
        done = writev(fd->host_fd, iovecs, count);
    }
    if (done < 0)
        return bx_wasi_errno(errno);
    if (offset < 0 && done > 0)
        fd->is_sought = false;
    else if (offset >= 0 && (uint64_t)(offset + done) > fd->known_bytes)
        fd->known_bytes = (uint64_t)(offset + done);
    wasi->run->used.fs_write_bytes += hole + (uint64_t)done;
    *ret_bytes = (uint64_t)done;
    return 0;
}

/* Read or write by the guest's iovecs. offset: -1 for where the file stands. */
static int32_t move_bytes(bx_wasi *wasi, const bx_guest *guest,
                          const bx_raw *args, bool is_read, int64_t offset,
                          uint32_t ret_ptr)
{
    uint8_t *ret_bytes = bx_guest_range(guest, ret_ptr, 4);
    struct iovec iovecs[BX_IOVECS_MAX];
    uint64_t bytes = 0;
    int32_t err = 0;
    int count;
    bx_fd *fd;

    if (ret_bytes == NULL)
        return BX_WASI_EFAULT;
    fd = find_for(wasi, args[0].u32,
                  is_read ? BX_RIGHT_FD_READ : BX_RIGHT_FD_WRITE, &err);
    if (fd == NULL)
        return err;
    if (fd->kind == BX_FD_STREAM && offset >= 0)
        return BX_WASI_ESPIPE;
    err = load_iovecs(guest, args[1].u32, args[2].u32, iovecs, &count, &bytes);
    if (err != 0)
        return err;
    if (fd->kind == BX_FD_STREAM)
        err = is_read ? bx_stream_read(wasi, fd, iovecs, count, &bytes)
                      : bx_stream_write(wasi, fd, iovecs, count, &bytes);
    else
        err = is_read ? read_file(wasi, fd, iovecs, count, offset, &bytes)
                      : write_file(wasi, fd, iovecs, count, offset, &bytes);
    if (err != 0)
        return err;
    if (is_read)
        wasi->run->read_bytes += bytes;
    else
        wasi->run->write_bytes += bytes;
    bx_store32(ret_bytes, (uint32_t)bytes);
    return 0;
}

int32_t bx_wasi_fd_read(void *host, const bx_guest *guest, const bx_raw *args)
{
    return move_bytes(host, guest, args, true, -1, args[3].u32);
}

int32_t bx_wasi_fd_write(void *host, const bx_guest *guest, const bx_raw *args)
{
    return move_bytes(host, guest, args, false, -1, args[3].u32);
}

int32_t bx_wasi_fd_pread(void *host, const bx_guest *guest, const bx_raw *args)
{
    if (args[3].u64 > INT64_MAX)
        return BX_WASI_EINVAL;
    return move_bytes(host, guest, args, true, args[3].i64, args[4].u32);
}

int32_t bx_wasi_fd_pwrite(void *host, const bx_guest *guest, const bx_raw *args)
{
    if (args[3].u64 > INT64_MAX)
        return BX_WASI_EINVAL;
    return move_bytes(host, guest, args, false, args[3].i64, args[4].u32);
}
