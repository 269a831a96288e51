/* Descriptors as such: what they are, their rights, closing and renumbering. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "wasi/calls.h"
#include "wasi/overlay_place.h"
#include "wasi/state.h"

int32_t bx_wasi_fd_close(void *host, const bx_guest *guest, const bx_raw *args)
{
    bx_wasi *wasi = host;
    int32_t err = 0;
    bx_fd *fd = bx_wasi_fd(wasi, args[0].u32, 0, &err);

    (void)guest;
    if (fd != NULL)
        bx_fd_remove(&wasi->table, fd);
    return err;
}

int32_t bx_wasi_fd_renumber(void *host, const bx_guest *guest,
                            const bx_raw *args)
{
    bx_wasi *wasi = host;
    int32_t err = 0;
    bx_fd *from = bx_wasi_fd(wasi, args[0].u32, 0, &err);
    bx_fd *to = bx_wasi_fd(wasi, args[1].u32, 0, &err);

    (void)guest;
    if (from == NULL || to == NULL)
        return err;
    if (from != to)
        bx_fd_move(&wasi->table, from, to);
    return 0;
}

int32_t bx_wasi_fd_fdstat_get(void *host, const bx_guest *guest,
                              const bx_raw *args)
{
    uint8_t *ret_stat = bx_guest_range(guest, args[1].u32, BX_FDSTAT_BYTES);
    int32_t err = 0;
    bx_fd *fd;

    if (ret_stat == NULL)
        return BX_WASI_EFAULT;
    fd = bx_wasi_fd(host, args[0].u32, 0, &err);
    if (fd == NULL)
        return err;
    memset(ret_stat, 0, BX_FDSTAT_BYTES);
    ret_stat[0] = fd->filetype;
    bx_store16(ret_stat + 2, fd->flags);
    bx_store64(ret_stat + 8, fd->base);
    bx_store64(ret_stat + 16, fd->inheriting);
    return 0;
}

int32_t bx_wasi_fd_fdstat_set_flags(void *host, const bx_guest *guest,
                                    const bx_raw *args)
{
    uint32_t flags = args[1].u32;
    int32_t err = 0;
    int host_flags;
    bx_fd *fd =
        bx_wasi_fd(host, args[0].u32, BX_RIGHT_FD_FDSTAT_SET_FLAGS, &err);

    (void)guest;
    if (fd == NULL)
        return err;
    /* F_SETFL changes none of the SYNC flags (fcntl(2)). */
    if ((flags & ~BX_FDFLAGS_ALL) != 0 ||
        (flags & BX_FDFLAGS_SYNC) != (fd->flags & BX_FDFLAGS_SYNC))
        return BX_WASI_EINVAL;
    if (fd->kind != BX_FD_FILE) {
        /* Streams are shared with the host: only how this guest waits. */
        fd->flags = flags & BX_FDFLAG_NONBLOCK;
        return 0;
    }
    host_flags = O_NONBLOCK;
    if ((flags & BX_FDFLAG_APPEND) != 0)
        host_flags |= O_APPEND;
    if (fcntl(fd->host_fd, F_SETFL, host_flags) < 0)
        return bx_wasi_errno(errno);
    fd->flags = (uint16_t)flags;
    return 0;
}

int32_t bx_wasi_fd_fdstat_set_rights(void *host, const bx_guest *guest,
                                     const bx_raw *args)
{
    int32_t err = 0;
    bx_fd *fd = bx_wasi_fd(host, args[0].u32, 0, &err);

    (void)guest;
    if (fd == NULL)
        return err;
    if ((args[1].u64 & ~fd->base) != 0 || (args[2].u64 & ~fd->inheriting) != 0)
        return BX_WASI_ENOTCAPABLE;
    fd->base = args[1].u64;
    fd->inheriting = args[2].u64;
    return 0;
}

static uint64_t time_ns(const struct timespec *time)
{
    if (time->tv_sec < 0)
        return 0; /* preview1 has no time before 1970 */
    return (uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec;
}

void bx_wasi_store_filestat(uint8_t *at, const struct stat *stat,
                            uint8_t filetype)
{
    bx_store64(at, stat->st_dev);
    bx_store64(at + 8, stat->st_ino);
    bx_store64(at + 16, filetype);
    bx_store64(at + 24, stat->st_nlink);
    bx_store64(at + 32, (uint64_t)stat->st_size);
    bx_store64(at + 40, time_ns(&stat->st_atim));
    bx_store64(at + 48, time_ns(&stat->st_mtim));
    bx_store64(at + 56, time_ns(&stat->st_ctim));
}

int32_t bx_fd_filestat_get(bx_wasi *wasi, const bx_guest *guest,
                           const bx_raw *args, bx_filestat_fn *store,
                           uint32_t bytes)
{
    uint8_t *ret_stat = bx_guest_range(guest, args[1].u32, bytes);
    struct stat stat = { .st_nlink = 0 };
    int32_t err = 0;
    bx_fd *fd;

    if (ret_stat == NULL)
        return BX_WASI_EFAULT;
    fd = bx_wasi_fd(wasi, args[0].u32, BX_RIGHT_FD_FILESTAT_GET, &err);
    if (fd == NULL)
        return err;
    /* A standard stream tells no more of the host than what it is. */
    if (fd->kind != BX_FD_STREAM && fd->host_fd >= 0 &&
        (fd->kind == BX_FD_DIR && wasi->fs->overlay != NULL
             ? bx_covered_fd_stat(wasi, fd, &stat)
             : fstat(fd->host_fd, &stat)) < 0)
        return bx_wasi_errno(errno);
    store(ret_stat, &stat, fd->filetype);
    return 0;
}

int32_t bx_wasi_fd_filestat_get(void *host, const bx_guest *guest,
                                const bx_raw *args)
{
    return bx_fd_filestat_get(host, guest, args, bx_wasi_store_filestat,
                              BX_FILESTAT_BYTES);
}

/* wasi-libc asks from 3 upwards until EBADF for the folders it has. */
int32_t bx_wasi_fd_prestat_get(void *host, const bx_guest *guest,
                               const bx_raw *args)
{
    bx_wasi *wasi = host;
    uint8_t *ret_stat = bx_guest_range(guest, args[1].u32, BX_PRESTAT_BYTES);
    int32_t err = 0;
    bx_fd *fd;

    if (ret_stat == NULL)
        return BX_WASI_EFAULT;
    fd = bx_wasi_fd(wasi, args[0].u32, 0, &err);
    if (fd == NULL)
        return err;
    if (fd->preopen < 0)
        return BX_WASI_EBADF;
    bx_store32(ret_stat, 0); /* preopentype: dir */
    bx_store32(ret_stat + 4,
               (uint32_t)strlen(wasi->fs->mounts[fd->preopen].rule->name));
    return 0;
}

int32_t bx_wasi_fd_prestat_dir_name(void *host, const bx_guest *guest,
                                    const bx_raw *args)
{
    bx_wasi *wasi = host;
    uint8_t *ret_name = bx_guest_range(guest, args[1].u32, args[2].u32);
    const char *name;
    size_t bytes;
    int32_t err = 0;
    bx_fd *fd;

    if (ret_name == NULL)
        return BX_WASI_EFAULT;
    fd = bx_wasi_fd(wasi, args[0].u32, 0, &err);
    if (fd == NULL)
        return err;
    if (fd->preopen < 0)
        return BX_WASI_ENOTDIR;
    name = wasi->fs->mounts[fd->preopen].rule->name;
    bytes = strlen(name); /* the guest gets no NUL */
    if (bytes > args[2].u32)
        return BX_WASI_ENAMETOOLONG;
    memcpy(ret_name, name, bytes);
    return 0;
}
