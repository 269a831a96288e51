/* Wrappers of the system calls. */
#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fault/support_wrap.h"

/* ---- files by name -------------------------------------------------- */

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, mode_t mode);
int __wrap_openat(int dir, const char *path, int flags, ...);
long __real_syscall(long number, long a, long b, long c, long d, long e,
                    long f);
long __wrap_syscall(long number, ...);
int __real_fcntl(int fd, int command, void *argument);
int __wrap_fcntl(int fd, int command, ...);

static mode_t read_mode(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE
               ? va_arg(args, mode_t)
               : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = read_mode(flags, args);
    va_end(args);
    return FAULT("open", EMFILE, EINTR, ENOMEM)
               ? -1
               : __real_open(path, flags, mode);
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = read_mode(flags, args);
    va_end(args);
    return FAULT("openat", EMFILE, EINTR, ENOMEM)
               ? -1
               : __real_openat(dir, path, flags, mode);
}

int __wrap___openat_2(int dir, const char *path, int flags);
int __wrap___openat_2(int dir, const char *path, int flags)
{
    return __wrap_openat(dir, path, flags);
}

/* openat2() and others that the C library has no function for. To kill a
 * process of one's own, told by a descriptor, does not fail; nor does a lock,
 * which is the engine's. */
FAULT_VARIADIC long __wrap_syscall(long number, ...)
{
    va_list args;
    long values[6];
    long result;

    va_start(args, number);
    for (int i = 0; i < 6; i++)
        values[i] = va_arg(args, long);
    va_end(args);
    if (number != SYS_pidfd_send_signal && number != SYS_futex &&
        FAULT("syscall", EMFILE, EINTR, ENOMEM))
        return -1;
    result = __real_syscall(number, values[0], values[1], values[2], values[3],
                            values[4], values[5]);
    if (number == SYS_clone && result == 0)
        fault_be_child();
    return result;
}

WRAP(int, lstat, (const char *path, struct stat *stat), (path, stat), -1, EIO,
     ENOMEM)
WRAP(int, fstatat, (int dir, const char *path, struct stat *stat, int flags),
     (dir, path, stat, flags), -1, EIO, ENOMEM)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC, EIO)
WRAP(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode),
     -1, ENOSPC, EIO)
WRAP(int, unlink, (const char *path), (path), -1, EIO, ENOMEM)
WRAP(int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags),
     -1, EIO, ENOMEM)
WRAP(int, rename, (const char *old, const char *new), (old, new), -1, ENOSPC,
     EIO)
WRAP(int, renameat,
     (int old_dir, const char *old, int new_dir, const char *new),
     (old_dir, old, new_dir, new), -1, ENOSPC, EIO)
WRAP(int, link, (const char *old, const char *new), (old, new), -1, ENOSPC, EIO)
WRAP(int, linkat,
     (int old_dir, const char *old, int new_dir, const char *new, int flags),
     (old_dir, old, new_dir, new, flags), -1, ENOSPC, EIO)
WRAP(int, symlinkat, (const char *content, int dir, const char *path),
     (content, dir, path), -1, ENOSPC, EIO)
WRAP(ssize_t, readlink, (const char *path, char *buf, size_t bytes),
     (path, buf, bytes), -1, EIO, ENOMEM)
WRAP(ssize_t, readlinkat, (int dir, const char *path, char *buf, size_t bytes),
     (dir, path, buf, bytes), -1, EIO, ENOMEM)
WRAP(int, utimensat,
     (int dir, const char *path, const struct timespec times[2], int flags),
     (dir, path, times, flags), -1, EIO, ENOMEM)
WRAP(int, mkostemp, (char *template, int flags), (template, flags), -1, EMFILE,
     ENOSPC)

WRAP(int, fchmodat, (int dir, const char *path, mode_t mode, int flags),
     (dir, path, mode, flags), -1, EIO, ENOMEM)
WRAP(int, faccessat, (int dir, const char *path, int mode, int flags),
     (dir, path, mode, flags), -1, EIO, ENOMEM)
WRAP(int, renameat2,
     (int old_dir, const char *old, int new_dir, const char *new,
      unsigned flags),
     (old_dir, old, new_dir, new, flags), -1, ENOSPC, EIO)
WRAP(FTS *, fts_open,
     (char *const *paths, int options,
      int (*compare)(const FTSENT **, const FTSENT **)),
     (paths, options, compare), NULL, ENOMEM)

FTSENT *__real_fts_read(FTS *fts);
FTSENT *__wrap_fts_read(FTS *fts);

/* glibc 2.36 closes one that was never read without what it opened it with. */
FTSENT *__wrap_fts_read(FTS *fts)
{
    FTSENT *entry = __real_fts_read(fts);

    return FAULT("fts_read", ENOMEM) ? NULL : entry;
}

WRAP(FILE *, fdopen, (int fd, const char *mode), (fd, mode), NULL, ENOMEM)
WRAP(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)
WRAP(struct dirent *, readdir, (DIR * dir), (dir), NULL, EIO)

/* ---- open files ----------------------------------------------------- */

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_posix_fadvise(int fd, off_t offset, off_t bytes, int advice);
int __real_posix_fadvise(int fd, off_t offset, off_t bytes, int advice);

int __real_posix_fallocate(int fd, off_t offset, off_t bytes);
int __wrap_posix_fallocate(int fd, off_t offset, off_t bytes);
int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, ...);

/* Linux closes it all the same (close(2)). */
int __wrap_close(int fd)
{
    int status = __real_close(fd);

    return FAULT("close", EIO, EINTR) ? -1 : status;
}

/* It answers with the errno. */
int __wrap_posix_fadvise(int fd, off_t offset, off_t bytes, int advice)
{
    return FAULT("posix_fadvise", EIO)
               ? EIO
               : __real_posix_fadvise(fd, offset, bytes, advice);
}

int __wrap_posix_fallocate(int fd, off_t offset, off_t bytes)
{
    return FAULT("posix_fallocate", ENOSPC, EINTR)
               ? errno
               : __real_posix_fallocate(fd, offset, bytes);
}

FAULT_VARIADIC int __wrap_ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *argument;

    va_start(args, request);
    argument = va_arg(args, void *);
    va_end(args);
    return FAULT("ioctl", EIO, EINTR) ? -1
                                      : __real_ioctl(fd, request, argument);
}

FAULT_VARIADIC int __wrap_fcntl(int fd, int command, ...)
{
    va_list args;
    void *argument;

    va_start(args, command);
    argument = va_arg(args, void *);
    va_end(args);
    return FAULT("fcntl", ENOMEM, EINTR) ? -1
                                         : __real_fcntl(fd, command, argument);
}

WRAP(ssize_t, read, (int fd, void *buf, size_t bytes), (fd, buf, bytes), -1,
     EIO, EINTR)
WRAP(ssize_t, readv, (int fd, const struct iovec *iovecs, int count),
     (fd, iovecs, count), -1, EIO, EINTR)
WRAP(ssize_t, pread, (int fd, void *buf, size_t bytes, off_t offset),
     (fd, buf, bytes, offset), -1, EIO, EINTR)
WRAP(ssize_t, preadv,
     (int fd, const struct iovec *iovecs, int count, off_t offset),
     (fd, iovecs, count, offset), -1, EIO, EINTR)
WRAP(ssize_t, preadv2,
     (int fd, const struct iovec *iovecs, int count, off_t offset, int flags),
     (fd, iovecs, count, offset, flags), -1, EIO, EINTR)
WRAP(ssize_t, write, (int fd, const void *buf, size_t bytes), (fd, buf, bytes),
     -1, ENOSPC, EINTR, EIO)
WRAP(ssize_t, writev, (int fd, const struct iovec *iovecs, int count),
     (fd, iovecs, count), -1, ENOSPC, EINTR, EIO)
WRAP(ssize_t, pwrite, (int fd, const void *buf, size_t bytes, off_t offset),
     (fd, buf, bytes, offset), -1, ENOSPC, EINTR, EIO)
WRAP(ssize_t, pwritev,
     (int fd, const struct iovec *iovecs, int count, off_t offset),
     (fd, iovecs, count, offset), -1, ENOSPC, EINTR, EIO)
WRAP(ssize_t, pwritev2,
     (int fd, const struct iovec *iovecs, int count, off_t offset, int flags),
     (fd, iovecs, count, offset, flags), -1, ENOSPC, EINTR, EIO)
WRAP(int, fstat, (int fd, struct stat *stat), (fd, stat), -1, EIO, ENOMEM)
WRAP(int, fstatfs, (int fd, struct statfs *stat), (fd, stat), -1, EIO, ENOMEM)
WRAP(int, fallocate, (int fd, int mode, off_t offset, off_t bytes),
     (fd, mode, offset, bytes), -1, ENOSPC, EINTR)
WRAP(int, ftruncate, (int fd, off_t bytes), (fd, bytes), -1, EIO, EINTR)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EIO, EINTR)
WRAP(int, futimens, (int fd, const struct timespec times[2]), (fd, times), -1,
     EIO, ENOMEM)
WRAP(ssize_t, getdents64, (int fd, void *buf, size_t bytes), (fd, buf, bytes),
     -1, EIO, ENOMEM)
WRAP(off_t, lseek, (int fd, off_t offset, int whence), (fd, offset, whence), -1,
     EIO)

WRAP(int, flock, (int fd, int operation), (fd, operation), -1, ENOLCK, EINTR)
WRAP(void *, mmap,
     (void *at, size_t bytes, int access, int flags, int fd, off_t offset),
     (at, bytes, access, flags, fd, offset), MAP_FAILED, ENOMEM, ENODEV)
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), -1, EIO,
     EINTR)
WRAP(ssize_t, copy_file_range,
     (int from, off_t *from_at, int to, off_t *to_at, size_t bytes,
      unsigned flags),
     (from, from_at, to, to_at, bytes, flags), -1, ENOSPC, EIO)

int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_syncfs(int fd);

/* The disk is not waited for: thousands of times it would take minutes. */
int __wrap_fsync(int fd)
{
    return FAULT("fsync", EIO, EINTR) || __real_fcntl(fd, F_GETFD, NULL) < 0
               ? -1
               : 0;
}

int __wrap_fdatasync(int fd)
{
    return FAULT("fdatasync", EIO, EINTR) || __real_fcntl(fd, F_GETFD, NULL) < 0
               ? -1
               : 0;
}

int __wrap_syncfs(int fd)
{
    return FAULT("syncfs", EIO, ENOSPC) || __real_fcntl(fd, F_GETFD, NULL) < 0
               ? -1
               : 0;
}

/* ---- waiting, messages, numbers ------------------------------------- */

WRAP(int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms),
     (fds, count, timeout_ms), -1, ENOMEM, EINTR)
WRAP(int, ppoll,
     (struct pollfd * fds, nfds_t count, const struct timespec *wait,
      const sigset_t *mask),
     (fds, count, wait, mask), -1, ENOMEM, EINTR)
WRAP(int, sigtimedwait,
     (const sigset_t *set, siginfo_t *info, const struct timespec *wait),
     (set, info, wait), -1, EAGAIN, EINTR)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
     (fd, message, flags), -1, ENOMEM, EINTR, ECONNRESET)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags),
     (fd, message, flags), -1, ENOMEM, EINTR, ECONNRESET)
WRAP(ssize_t, getrandom, (void *buf, size_t bytes, unsigned flags),
     (buf, bytes, flags), -1, ENOSYS, EINTR)
