/* path_replace of the module "boxagnts": a whole file's new content, put in its
 * place in one step (docs/host-interface.md).
 *
 * Until then the content has no name: a file of O_TMPFILE goes with the last
 * descriptor of it, so a run that ends midway, in whichever way, leaves nothing
 * behind, and nobody has to tell a leftover from what a user made. */
#include "wasi/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "wasi/calls.h"
#include "wasi/overlay_place.h"
#include "wasi/wasi.h"

#define FILE_MODE 0666 /* the umask applies */
#define PIECE_BYTES (1u << 20)
#define TRIES_MAX 16
#define TEMPORARY_BYTES 40u

static int fail(int errnum)
{
    errno = errnum;
    return -1;
}

int bx_replace_fill(const bx_run *run, int fd, const void *data, size_t bytes)
{
    const uint8_t *at = data;

    while (bytes > 0) {
        ssize_t done = write(fd, at, bytes < PIECE_BYTES ? bytes : PIECE_BYTES);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        at += done;
        bytes -= (size_t)done;
        if (bx_run_is_over(run))
            return fail(ETIME);
    }
    return 0;
}

int bx_replace_check(const struct stat *old)
{
    if (S_ISREG(old->st_mode) || S_ISLNK(old->st_mode))
        return 0;
    return fail(S_ISDIR(old->st_mode) ? EISDIR : EINVAL);
}

/* What is replaced; nothing of it is changed. */
typedef struct target {
    int dir_fd;
    const char *name;
    bool is_there;
    struct stat stat;
} target;

static int look(const bx_place *place, target *ret)
{
    *ret = (target){ .dir_fd = place->dir_fd, .name = place->name };
    if (fstatat(ret->dir_fd, ret->name, &ret->stat, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    ret->is_there = true;
    if (bx_replace_check(&ret->stat) < 0)
        return -1;
    return faccessat(ret->dir_fd, ret->name, W_OK,
                     AT_EACCESS | AT_SYMLINK_NOFOLLOW);
}

static int temporary_name(char name[TEMPORARY_BYTES])
{
    uint64_t random;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return -1;
    snprintf(name, TEMPORARY_BYTES, ".boxagnts-%016" PRIx64 ".tmp", random);
    return 0;
}

/* Content, mode and blocks are as they shall be. Otherwise a power cut could
 * leave the name with old blocks. */
static int fill(const bx_run *run, const target *to, int fd, const void *data,
                size_t bytes)
{
    if (bx_replace_fill(run, fd, data, bytes) < 0)
        return -1;
    if (to->is_there && S_ISREG(to->stat.st_mode))
        (void)fchmod(fd, to->stat.st_mode & 0777);
    return fsync(fd);
}

static int rename_over(const target *to, const char *temporary)
{
    if (renameat(to->dir_fd, temporary, to->dir_fd, to->name) == 0)
        return 0;
    {
        int kept = errno;

        (void)unlinkat(to->dir_fd, temporary, 0);
        errno = kept;
    }
    return -1;
}

/* Give a file without a name the one it is to have. No call does it over
 * another file: then it has a name of its own between two calls. */
static int link_file(const target *to, int fd)
{
    char temporary[TEMPORARY_BYTES];
    char path[40];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (!to->is_there &&
        linkat(AT_FDCWD, path, to->dir_fd, to->name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    if (!to->is_there && errno != EEXIST)
        return -1;
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        if (temporary_name(temporary) < 0)
            return -1;
        if (linkat(AT_FDCWD, path, to->dir_fd, temporary, AT_SYMLINK_FOLLOW) ==
            0)
            return rename_over(to, temporary);
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

/* Where files without a name cannot be made (NFS, some FUSE) or named (no
 * /proc): one that is killed midway stays. */
static int replace_named(const bx_run *run, const target *to, const void *data,
                         size_t bytes)
{
    char temporary[TEMPORARY_BYTES];
    bx_autofd int fd = -1;

    for (int tries = 0; fd < 0 && tries < TRIES_MAX; tries++) {
        if (temporary_name(temporary) < 0)
            return -1;
        fd = openat(to->dir_fd, temporary,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    FILE_MODE);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    if (fd < 0)
        return -1;
    if (fill(run, to, fd, data, bytes) == 0)
        return rename_over(to, temporary);
    {
        int kept = errno;

        (void)unlinkat(to->dir_fd, temporary, 0);
        errno = kept;
    }
    return -1;
}

static bool is_named_forced;

void bx_replace_force_named(bool is_forced)
{
    is_named_forced = is_forced;
}

/* A file without a name, or -1. */
static int open_nameless(const target *to)
{
    if (is_named_forced)
        return fail(EOPNOTSUPP);
    if (faccessat(AT_FDCWD, "/proc/self/fd", X_OK, 0) < 0)
        return fail(EOPNOTSUPP); /* it could not be given one */
    return openat(to->dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, FILE_MODE);
}

static int replace(const bx_run *run, const target *to, const void *data,
                   size_t bytes)
{
    bx_autofd int fd = open_nameless(to);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        return replace_named(run, to, data, bytes);
    if (fd < 0 || fill(run, to, fd, data, bytes) < 0)
        return -1;
    return link_file(to, fd);
}

/* How much may be written is known before anything is. */
static int32_t charge(const bx_path *path, const bx_place *place, bool is_there,
                      uint64_t bytes)
{
    bx_wasi *wasi = path->wasi;

    if (!is_there && !bx_wasi_may_create(wasi)) {
        bx_path_deny(path, place, "max-create is used up", "max-create");
        return BX_WASI_EDQUOT;
    }
    if (bx_wasi_quota(wasi, bytes) < bytes) {
        bx_path_deny(path, place, "max-write does not allow as much",
                     "max-write");
        return BX_WASI_EDQUOT;
    }
    return 0;
}

static int32_t done(const bx_path *path, const bx_place *place, bool is_there,
                    uint64_t bytes)
{
    bx_run *run = path->wasi->run;

    run->used.fs_write_bytes += bytes;
    run->used.fs_create_entries += is_there ? 0 : 1;
    run->write_bytes += bytes;
    bx_path_did(path, place, is_there ? "replace" : "create");
    return 0;
}

static int32_t replace_place(const bx_path *path, const bx_place *place,
                             const void *data, size_t bytes)
{
    const bx_run *run = path->wasi->run;
    target to = { .dir_fd = -1 };
    int32_t err;

    if (place->layers != NULL) {
        to.is_there = bx_covered_stat(path, place, &to.stat) == 0;
        if (!to.is_there && errno != ENOENT)
            return bx_overlay_errno(path, place, errno);
    } else if (look(place, &to) < 0) {
        return bx_wasi_errno(errno);
    }
    err = charge(path, place, to.is_there, bytes);
    if (err != 0)
        return err;
    if ((place->layers != NULL ? bx_covered_replace(path, place, data, bytes)
                               : replace(run, &to, data, bytes)) < 0)
        return bx_overlay_errno(path, place, errno);
    return done(path, place, to.is_there, bytes);
}

int32_t bx_wasi_path_replace(void *host, const bx_guest *guest,
                             const bx_raw *args)
{
    const void *data = bx_guest_range(guest, args[3].u32, args[4].u32);
    bx_place_text place_text;
    bx_autoplace bx_place place = BX_PLACE_INIT(&place_text);
    bx_path path;
    int32_t err;

    if (data == NULL)
        return BX_WASI_EFAULT;
    err = bx_path_load(&path, host, guest, "path_replace", args[0].u32,
                       BX_RIGHT_PATH_CREATE_FILE | BX_RIGHT_PATH_RENAME_TARGET,
                       args[1].u32, args[2].u32);
    if (err == 0)
        err = bx_path_find_old(&path, &place);
    if (err != 0)
        return err;
    if (place.is_dir) /* "name/", ".", ".." */
        return BX_WASI_EISDIR;
    return replace_place(&path, &place, data, args[4].u32);
}

const bx_host_call bx_wasi_own_calls[] = {
    { "path_replace", "iiiii", true, bx_wasi_path_replace },
};
const size_t bx_wasi_own_calls_count =
    sizeof(bx_wasi_own_calls) / sizeof(bx_wasi_own_calls[0]);
