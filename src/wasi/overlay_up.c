#include "wasi/overlay_up.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/digest.h"
#include "base/file.h"
#include "wasi/types.h"

#define PIECE_BYTES (256u << 10)
#define TRIES_MAX 16

static int rename_with(int from_fd, const char *from, int to_fd, const char *to,
                       unsigned flags)
{
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

void bx_up_keep_times(int dir_fd, const struct stat *stat)
{
    const struct timespec times[2] = { stat->st_atim, stat->st_mtim };

    (void)utimensat(dir_fd, ".", times, 0);
}

/* By a descriptor: a process that is locked down has no chmod by name. */
static int change_mode(int dir_fd, const char *name, mode_t mode)
{
    bx_autofd int fd =
        openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -1 : fchmod(fd, mode);
}

/* Put what tmp/ has into a folder of up/, which looks as before: its mode, when
 * that would not let us, and its times are put back. */
static int put_up(const bx_overlay *overlay, const char *tmp, int dir_fd,
                  const char *name)
{
    struct stat stat;
    bool is_widened = false;
    int result;

    if (fstat(dir_fd, &stat) < 0)
        return -1;
    result = rename_with(overlay->tmp_fd, tmp, dir_fd, name, RENAME_NOREPLACE);
    if (result < 0 && errno == EACCES &&
        change_mode(dir_fd, ".", (stat.st_mode & 07777) | 0300) == 0) {
        is_widened = true;
        result =
            rename_with(overlay->tmp_fd, tmp, dir_fd, name, RENAME_NOREPLACE);
    }
    if (is_widened) {
        int kept = errno;

        (void)!change_mode(dir_fd, ".", stat.st_mode & 07777);
        errno = kept;
    }
    if (result == 0)
        bx_up_keep_times(dir_fd, &stat);
    return result;
}

int bx_up_check_base(const bx_layers *layers, const char *path)
{
    const char *name;
    bx_autofd int fd = bx_layer_open_parent(layers->base_fd, path, &name);

    if (fd < 0)
        return -1;
    if (name[0] == '\0')
        name = ".";
    if (faccessat(fd, name, W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0 ||
        errno == EROFS)
        return 0;
    return -1;
}

static int refuse_gone(const bx_layers *layers, const char *path)
{
    int is_gone = bx_layers_is_gone(layers, path);

    if (is_gone > 0)
        errno = ENOENT;
    return is_gone == 0 ? 0 : -1;
}

/* ---- folders -------------------------------------------------------- */

/* Make the base's folder in tmp/ and put it up. */
static int copy_folder(const bx_edit *at, int dir_fd, const char *name)
{
    const bx_layers *layers = at->layers;
    const bx_overlay *overlay = layers->overlay;
    char tmp[BX_TMP_NAME_BYTES];
    struct timespec times[2];
    struct stat stat;
    mode_t mode;

    if (refuse_gone(layers, at->path) < 0)
        return -1;
    if (bx_layer_stat(layers->base_fd, at->path, &stat) < 0)
        return -1;
    if (!S_ISDIR(stat.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    mode = stat.st_mode & 07777;
    times[0] = stat.st_atim;
    times[1] = stat.st_mtim;
    bx_overlay_tmp_name(tmp);
    if (bx_overlay_log(layers, at->path, &stat, NULL) < 0 ||
        mkdirat(overlay->tmp_fd, tmp, 0700) < 0)
        return -1;
    /* A folder that its owner cannot write cannot be moved: then its mode
     * comes last. */
    if (change_mode(overlay->tmp_fd, tmp, mode | 0700) < 0 ||
        utimensat(overlay->tmp_fd, tmp, times, AT_SYMLINK_NOFOLLOW) < 0) {
        bx_overlay_tmp_remove(overlay, tmp);
        return -1;
    }
    bx_overlay_touch(layers, at->path, false);
    if (put_up(overlay, tmp, dir_fd, name) < 0) {
        bx_overlay_tmp_remove(overlay, tmp);
        return -1;
    }
    return (mode & 0700) == 0700 ? 0 : change_mode(dir_fd, name, mode);
}

static int enter(const bx_edit *edit, int dir_fd, char *path, size_t start,
                 size_t end)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    char kept = path[end];
    bx_edit at = *edit;
    int fd;

    path[end] = '\0';
    at.path = path;
    fd = openat(dir_fd, path + start, flags);
    if (fd < 0 && errno == ENOENT &&
        copy_folder(&at, dir_fd, path + start) == 0)
        fd = openat(dir_fd, path + start, flags);
    path[end] = kept;
    return fd;
}

int bx_up_folder(const bx_edit *edit, size_t len)
{
    char path[BX_PATH_BYTES];
    bx_autofd int held = -1;
    size_t start = 0;

    if (len >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, edit->path, len);
    path[len] = '\0';
    held = openat(edit->layers->up_fd, ".",
                  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    while (held >= 0 && start < len) {
        size_t end = start + strcspn(path + start, "/");
        int fd = enter(edit, held, path, start, end);

        close(held);
        held = fd;
        start = end + (path[end] == '/');
    }
    return bx_take_fd(&held);
}

int bx_up_parent(const bx_edit *edit, const char **ret_name)
{
    const char *slash = strrchr(edit->path, '/');

    *ret_name = slash == NULL ? edit->path : slash + 1;
    return bx_up_folder(edit, slash == NULL ? 0 : (size_t)(slash - edit->path));
}

/* ---- files ---------------------------------------------------------- */

/* Read from, digest, and write to, which may be -1. */
static int copy_pieces(const bx_run *run, int from, int to,
                       bx_sha256_parts *digest)
{
    bx_autofree uint8_t *piece = malloc(PIECE_BYTES);
    uint64_t total = 0;

    if (piece == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (;;) {
        ssize_t bytes = pread(from, piece, PIECE_BYTES, (off_t)total);

        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes <= 0)
            return (int)bytes;
        if (bx_run_is_over(run)) {
            errno = ETIME;
            return -1;
        }
        total += (uint64_t)bytes;
        if (total > BX_OVERLAY_COPY_MAX_BYTES) {
            errno = EFBIG; /* it grew meanwhile */
            return -1;
        }
        bx_sha256_add(digest, piece, (size_t)bytes);
        if (to >= 0 && bx_file_write_all(to, piece, (size_t)bytes) < 0)
            return -1;
    }
}

/* Copy the content, sharing its blocks where the file system can. The digest
 * is of what was copied, whatever else happens to the base's file. */
static int copy_content(const bx_run *run, int from, int to, char sha256[65])
{
    uint8_t digest[BX_DIGEST_BYTES];
    bx_sha256_parts parts;
    int result;

    bx_sha256_begin(&parts);
    if (ioctl(to, FICLONE, from) == 0)
        result = copy_pieces(run, to, -1, &parts);
    else
        result = copy_pieces(run, from, to, &parts);
    bx_sha256_end(&parts, digest);
    bx_digest_format(digest, sha256);
    return result;
}

/* A copy of the base's file in tmp/, held and locked. */
typedef struct copy {
    char name[BX_TMP_NAME_BYTES];
    char sha256[65]; /* "": the content was left behind */
    struct stat stat;
    int fd;
} copy;

static int open_base_file(const bx_layers *layers, const char *path,
                          struct stat *stat)
{
    bx_autofd int fd = bx_layer_open(
        layers->base_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, stat) < 0)
        return -1;
    if (!S_ISREG(stat->st_mode))
        errno = EXDEV;
    else if ((uint64_t)stat->st_size > BX_OVERLAY_COPY_MAX_BYTES)
        errno = EFBIG;
    else
        return bx_take_fd(&fd);
    return -1;
}

static int fill_copy(const bx_edit *edit, bool is_content_kept, copy *made)
{
    const bx_layers *layers = edit->layers;
    bx_autofd int from = -1;
    struct timespec times[2];

    if (is_content_kept) {
        from = open_base_file(layers, edit->path, &made->stat);
        if (from < 0 ||
            copy_content(edit->run, from, made->fd, made->sha256) < 0)
            return -1;
    } else if (bx_layer_stat(layers->base_fd, edit->path, &made->stat) < 0) {
        return -1;
    } else if (!S_ISREG(made->stat.st_mode)) {
        errno = EXDEV;
        return -1;
    }
    times[0] = made->stat.st_atim;
    times[1] = made->stat.st_mtim;
    /* Not the set-user-ID bit: the content is the guest's to change. */
    if (fchmod(made->fd, made->stat.st_mode & 0777) < 0)
        return -1;
    return futimens(made->fd, times);
}

static int make_copy(const bx_edit *edit, bool is_content_kept, copy *made)
{
    const bx_overlay *overlay = edit->layers->overlay;

    bx_overlay_tmp_name(made->name);
    made->sha256[0] = '\0';
    made->fd = openat(overlay->tmp_fd, made->name,
                      O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (made->fd < 0)
        return -1;
    /* Whoever cleans up leaves it alone while it is locked. */
    if (flock(made->fd, LOCK_EX | LOCK_NB) == 0 &&
        fill_copy(edit, is_content_kept, made) == 0)
        return 0;
    bx_overlay_tmp_remove(overlay, made->name);
    return -1;
}

/* Put a copy in its place, under the lock, unless someone was faster. */
static int put_copy(const bx_edit *edit, const copy *made)
{
    const bx_layers *layers = edit->layers;
    bx_autofd int dir_fd = -1;
    struct stat stat;
    const char *name;

    if (bx_layer_stat(layers->up_fd, edit->path, &stat) == 0) {
        errno = EEXIST;
        return -1;
    }
    if (errno != ENOENT)
        return -1;
    if (refuse_gone(layers, edit->path) < 0)
        return -1;
    dir_fd = bx_up_parent(edit, &name);
    if (dir_fd < 0 ||
        bx_overlay_log(layers, edit->path, &made->stat,
                       made->sha256[0] == '\0' ? NULL : made->sha256) < 0)
        return -1;
    bx_overlay_touch(layers, edit->path, true);
    if (put_up(layers->overlay, made->name, dir_fd, name) < 0)
        return -1;
    bx_overlay_count_change(layers->overlay);
    return 0;
}

static int up_file(const bx_edit *edit, bool is_content_kept)
{
    bx_overlay *overlay = edit->layers->overlay;
    bool is_put;
    copy made = { .fd = -1 };

    if (make_copy(edit, is_content_kept, &made) < 0) {
        int kept = errno;

        if (made.fd >= 0)
            close(made.fd);
        errno = kept;
        return -1;
    }
    is_put = bx_overlay_lock(overlay, edit->run) == 0;
    if (is_put) {
        is_put = put_copy(edit, &made) == 0;
        bx_overlay_unlock(overlay);
    }
    if (!is_put)
        bx_overlay_tmp_remove(overlay, made.name);
    {
        int kept = errno;

        close(made.fd);
        errno = kept;
    }
    return is_put || errno == EEXIST ? 0 : -1;
}

/* ---- links ---------------------------------------------------------- */

static int put_link(const bx_edit *edit, const struct stat *stat,
                    const char *content)
{
    const bx_layers *layers = edit->layers;
    const bx_overlay *overlay = layers->overlay;
    const struct timespec times[2] = { stat->st_atim, stat->st_mtim };
    char tmp[BX_TMP_NAME_BYTES];
    bx_autofd int dir_fd = -1;
    struct stat there;
    const char *name;

    if (bx_layer_stat(layers->up_fd, edit->path, &there) == 0)
        return 0;
    if (errno != ENOENT)
        return -1;
    if (refuse_gone(layers, edit->path) < 0)
        return -1;
    dir_fd = bx_up_parent(edit, &name);
    if (dir_fd < 0 || bx_overlay_log(layers, edit->path, stat, NULL) < 0)
        return -1;
    bx_overlay_tmp_name(tmp);
    if (symlinkat(content, overlay->tmp_fd, tmp) < 0)
        return -1;
    (void)utimensat(overlay->tmp_fd, tmp, times, AT_SYMLINK_NOFOLLOW);
    bx_overlay_touch(layers, edit->path, true);
    if (put_up(overlay, tmp, dir_fd, name) < 0) {
        bx_overlay_tmp_remove(overlay, tmp);
        return -1;
    }
    bx_overlay_count_change(overlay);
    return 0;
}

static int up_link(const bx_edit *edit, const struct stat *stat)
{
    bx_overlay *overlay = edit->layers->overlay;
    char content[PATH_MAX];
    const char *name;
    bx_autofd int fd =
        bx_layer_open_parent(edit->layers->base_fd, edit->path, &name);
    ssize_t len = fd < 0 ? -1 : readlinkat(fd, name, content, sizeof(content));
    int result;

    if (len < 0)
        return -1;
    if ((size_t)len == sizeof(content)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    content[len] = '\0';
    if (bx_overlay_lock(overlay, edit->run) < 0)
        return -1;
    result = put_link(edit, stat, content);
    bx_overlay_unlock(overlay);
    return result;
}

static int up_whole_folder(const bx_edit *edit)
{
    bx_overlay *overlay = edit->layers->overlay;
    bx_autofd int fd = -1;

    if (bx_overlay_lock(overlay, edit->run) < 0)
        return -1;
    fd = bx_up_folder(edit, strlen(edit->path));
    bx_overlay_count_change(overlay);
    bx_overlay_unlock(overlay);
    return fd < 0 ? -1 : 0;
}

int bx_up_entry(const bx_edit *edit, bool is_content_kept)
{
    for (int tries = 0;; tries++) {
        bx_sight sight;
        int result;

        if (bx_layers_look(BX_SPOT(edit->layers, edit->path), false, &sight) <
            0)
            return -1;
        if (sight.in_up)
            return 0;
        if (S_ISDIR(sight.stat.st_mode))
            result = up_whole_folder(edit);
        else if (S_ISLNK(sight.stat.st_mode))
            result = up_link(edit, &sight.stat);
        else
            result = up_file(edit, is_content_kept);
        /* Something else may be there by now, or our file was taken for one
         * that was left over. */
        if (result == 0 || (errno != ENOENT && errno != EEXIST) ||
            tries == TRIES_MAX)
            return result;
    }
}

/* ---- what is gone --------------------------------------------------- */

/* A folder of gone/, made if it is not there. */
static int enter_gone(int dir_fd, const char *name)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(dir_fd, name, flags);

    if (fd < 0 && errno == ENOENT && mkdirat(dir_fd, name, 0700) == 0)
        fd = openat(dir_fd, name, flags);
    return fd;
}

/* Put a file in place of the folder that is there, in one step. */
static int replace_folder(const bx_overlay *overlay, int dir_fd,
                          const char *name)
{
    char tmp[BX_TMP_NAME_BYTES];
    bx_autofd int fd = -1;

    bx_overlay_tmp_name(tmp);
    fd = openat(overlay->tmp_fd, tmp,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    if (rename_with(overlay->tmp_fd, tmp, dir_fd, name, RENAME_EXCHANGE) < 0) {
        bx_overlay_tmp_remove(overlay, tmp);
        return -1;
    }
    bx_overlay_tmp_remove(overlay, tmp);
    return 0;
}

static int mark(const bx_overlay *overlay, int dir_fd, const char *name)
{
    bx_autofd int fd =
        openat(dir_fd, name,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct stat stat;

    if (fd >= 0)
        return 0;
    if (errno != EEXIST ||
        fstatat(dir_fd, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    return S_ISDIR(stat.st_mode) ? replace_folder(overlay, dir_fd, name) : 0;
}

int bx_up_mark_gone(const bx_edit *edit)
{
    const bx_layers *layers = edit->layers;
    const char *at = edit->path;
    bx_autofd int held = openat(layers->gone_fd, ".",
                                O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    bx_overlay_touch(layers, edit->path, true);
    while (held >= 0) {
        size_t bytes = strcspn(at, "/");
        char name[NAME_MAX + 1];
        int fd;

        if (bytes > NAME_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, at, bytes);
        name[bytes] = '\0';
        if (at[bytes] == '\0')
            return mark(layers->overlay, held, name);
        fd = enter_gone(held, name);
        if (fd < 0 && errno == ENOTDIR)
            return 0; /* a folder above is gone */
        close(held);
        held = fd;
        at += bytes + 1;
    }
    return -1;
}
