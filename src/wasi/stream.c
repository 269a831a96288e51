/* Standard streams, and pipes in mapped folders. Whatever may wait ends at the
 * run's deadline: nothing here blocks in the kernel but bx_run_poll(). A stream
 * on a descriptor of the host is shared with others, so its flags are left
 * alone and each call asks not to wait. */
#include "wasi/stream.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Where a call cannot ask not to wait: a pipe that poll() calls writable takes
 * this much at once (pipe(7), PIPE_BUF). */
#define CHUNK_BYTES 4096u

bx_fd bx_stream_descriptor(bx_stream *stream, bool is_input)
{
    struct stat stat;
    bx_fd fd = { .kind = BX_FD_STREAM,
                 /* Neither file nor terminal: C libraries then buffer fully,
                  * as they do under other engines. */
                 .filetype = BX_FILETYPE_UNKNOWN,
                 .mount = -1,
                 .preopen = -1,
                 .host_fd = stream->fd,
                 .base = is_input ? BX_RIGHT_FD_READ : BX_RIGHT_FD_WRITE,
                 .stream = stream };

    fd.base |= BX_RIGHT_FD_FDSTAT_SET_FLAGS | BX_RIGHT_FD_FILESTAT_GET |
               BX_RIGHT_POLL_FD_READWRITE;
    if (stream->fd < 0)
        return fd;
    /* One that cannot be told is waited for, so that no read outlasts the
     * run. */
    if (fstat(stream->fd, &stat) < 0)
        stat.st_mode = S_IFIFO;
    fd.is_socket = S_ISSOCK(stat.st_mode);
    fd.is_pipe = !S_ISREG(stat.st_mode) && !fd.is_socket;
    if (isatty(stream->fd))
        fd.filetype = BX_FILETYPE_CHARACTER_DEVICE;
    return fd;
}

/* ---- buffers -------------------------------------------------------- */

static uint64_t read_buffer(bx_fd *fd, const struct iovec *iovecs, int count)
{
    const bx_stream *stream = fd->stream;
    uint64_t done = 0;

    for (int i = 0; i < count && stream->data != NULL; i++) {
        size_t left = stream->bytes - fd->offset;
        size_t bytes = iovecs[i].iov_len < left ? iovecs[i].iov_len : left;

        memcpy(iovecs[i].iov_base, (const char *)stream->data + fd->offset,
               bytes);
        fd->offset += bytes;
        done += bytes;
        if (done > INT32_MAX)
            break; /* iovecs may overlap; a result has 32 bits */
    }
    return done;
}

/* Keep what fits; the guest is told that all was written. */
static uint64_t write_buffer(bx_fd *fd, const struct iovec *iovecs, int count)
{
    bx_stream *stream = fd->stream;
    uint64_t done = 0;

    for (int i = 0; i < count && done <= INT32_MAX; i++) {
        size_t bytes = iovecs[i].iov_len;
        size_t left = 0;

        done += bytes;
        if (stream->capture == NULL)
            continue;
        if (stream->capture->len < stream->capture_bytes)
            left = stream->capture_bytes - stream->capture->len;
        if (bytes > left) {
            stream->is_cut = true;
            bytes = left;
        }
        if (bx_buf_append(stream->capture, iovecs[i].iov_base, bytes,
                          SIZE_MAX) < 0)
            stream->is_cut = true;
    }
    return done;
}

/* ---- descriptors ---------------------------------------------------- */

static int32_t wait_for(bx_wasi *wasi, const bx_fd *fd, short events)
{
    struct pollfd pollfd = { .fd = fd->host_fd, .events = events };

    if ((fd->flags & BX_FDFLAG_NONBLOCK) != 0)
        return poll(&pollfd, 1, 0) > 0 ? 0 : BX_WASI_EAGAIN;
    if (bx_run_poll(wasi->run, &pollfd, 1, INT64_MAX) >= 0)
        return 0;
    return errno == ETIME ? BX_HOST_STOP : bx_wasi_errno(errno);
}

/* A first piece small enough not to wait once poll() has said ready. */
static struct iovec first_chunk(const struct iovec *iovecs, int count)
{
    struct iovec chunk = iovecs[0];

    for (int i = 0; i < count && chunk.iov_len == 0; i++)
        chunk = iovecs[i];
    if (chunk.iov_len > CHUNK_BYTES)
        chunk.iov_len = CHUNK_BYTES;
    return chunk;
}

static ssize_t receive(const bx_fd *fd, const struct iovec *iovecs, int count,
                       bool is_small)
{
    struct msghdr message = { .msg_iov = (struct iovec *)iovecs,
                              .msg_iovlen = (size_t)count };
    struct iovec chunk;

    if (fd->is_socket)
        return recvmsg(fd->host_fd, &message, MSG_DONTWAIT);
    if (fd->is_owned)
        return readv(fd->host_fd, iovecs, count);
    if (!is_small)
        return preadv2(fd->host_fd, iovecs, count, -1, RWF_NOWAIT);
    chunk = first_chunk(iovecs, count);
    return readv(fd->host_fd, &chunk, 1);
}

static ssize_t send_now(const bx_fd *fd, const struct iovec *iovecs, int count,
                        bool is_small)
{
    struct iovec chunk;

    if (fd->is_owned)
        return writev(fd->host_fd, iovecs, count);
    if (!is_small)
        return pwritev2(fd->host_fd, iovecs, count, -1, RWF_NOWAIT);
    chunk = first_chunk(iovecs, count);
    return writev(fd->host_fd, &chunk, 1);
}

/* Write without the SIGPIPE that would end the host: pipes have no
 * MSG_NOSIGNAL, so the signal is held back on this thread and taken off. */
static ssize_t transmit(const bx_fd *fd, const struct iovec *iovecs, int count,
                        bool is_small)
{
    struct msghdr message = { .msg_iov = (struct iovec *)iovecs,
                              .msg_iovlen = (size_t)count };
    struct timespec none = { 0, 0 };
    sigset_t pipe;
    sigset_t before;
    ssize_t done;
    int kept;

    if (fd->is_socket)
        return sendmsg(fd->host_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    done = send_now(fd, iovecs, count, is_small);
    kept = errno;
    if (done < 0 && kept == EPIPE && !sigismember(&before, SIGPIPE)) {
        while (sigtimedwait(&pipe, NULL, &none) < 0 && errno == EINTR)
            ;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = kept;
    return done;
}

static bool is_unsupported(int errnum)
{
    return errnum == EOPNOTSUPP || errnum == EINVAL || errnum == ENOSYS;
}

static int32_t move_waiting(bx_wasi *wasi, const bx_fd *fd,
                            const struct iovec *iovecs, int count, bool is_read,
                            uint64_t *ret_bytes)
{
    short events = is_read ? POLLIN : POLLOUT;
    bool is_small = false;
    int32_t err;

    /* A pipe that no one has opened for writing yet reads as ended; poll()
     * tells the two apart, as a blocking open() would have. */
    if (is_read && fd->is_owned && (fd->flags & BX_FDFLAG_NONBLOCK) == 0) {
        err = wait_for(wasi, fd, events);
        if (err != 0)
            return err;
    }
    for (;;) {
        ssize_t done = is_read ? receive(fd, iovecs, count, is_small)
                               : transmit(fd, iovecs, count, is_small);

        if (done >= 0) {
            *ret_bytes = (uint64_t)done;
            return 0;
        }
        if (errno == EINTR)
            continue;
        if (!is_small && !fd->is_owned && !fd->is_socket &&
            is_unsupported(errno))
            is_small = true;
        else if (errno != EAGAIN)
            return bx_wasi_errno(errno);
        err = wait_for(wasi, fd, events);
        if (err != 0)
            return err;
    }
}

static int32_t move_bytes(bx_wasi *wasi, const bx_fd *fd,
                          const struct iovec *iovecs, int count, bool is_read,
                          uint64_t *ret_bytes)
{
    ssize_t done;

    if (count == 0) {
        *ret_bytes = 0;
        return 0;
    }
    if (fd->is_pipe || fd->is_socket)
        return move_waiting(wasi, fd, iovecs, count, is_read, ret_bytes);
    done = is_read ? readv(fd->host_fd, iovecs, count)
                   : writev(fd->host_fd, iovecs, count);
    if (done < 0)
        return bx_wasi_errno(errno);
    *ret_bytes = (uint64_t)done;
    return 0;
}

int32_t bx_stream_read(bx_wasi *wasi, bx_fd *fd, const struct iovec *iovecs,
                       int count, uint64_t *ret_bytes)
{
    if (fd->host_fd < 0) {
        *ret_bytes = read_buffer(fd, iovecs, count);
        return 0;
    }
    return move_bytes(wasi, fd, iovecs, count, true, ret_bytes);
}

int32_t bx_stream_write(bx_wasi *wasi, bx_fd *fd, const struct iovec *iovecs,
                        int count, uint64_t *ret_bytes)
{
    if (fd->host_fd < 0) {
        *ret_bytes = write_buffer(fd, iovecs, count);
        return 0;
    }
    return move_bytes(wasi, fd, iovecs, count, false, ret_bytes);
}
