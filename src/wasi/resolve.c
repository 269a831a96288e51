/* Paths resolved by the kernel, beneath a held folder. The guest's path is
 * hostile: it is handed to openat2() whole or taken apart here, never joined to
 * a host path. */
#include "wasi/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#include "wasi/need.h"
#include "wasi/overlay_edit.h"

/* A rename anywhere on the host makes a resolution with ".." ask to be
 * repeated (openat2(2), EAGAIN); after so many times the walk takes over. */
#define AGAIN_MAX 16

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum { HAS_UNKNOWN, HAS_OPENAT2, HAS_NOT };
static atomic_int has_openat2 = HAS_UNKNOWN;
static atomic_bool is_walk_forced;

static int open_beneath(int dir_fd, const char *path, int flags, mode_t mode,
                        bool has_links)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = (flags & O_CREAT) != 0 ? mode : 0,
        .resolve = RESOLVE_BENEATH |
                   (has_links ? RESOLVE_NO_MAGICLINKS : RESOLVE_NO_SYMLINKS),
    };

    return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

bool bx_resolve_has_openat2(void)
{
    int has = atomic_load_explicit(&has_openat2, memory_order_relaxed);

    if (atomic_load_explicit(&is_walk_forced, memory_order_relaxed))
        return false;
    if (has == HAS_UNKNOWN) {
        /* ENOSYS before Linux 5.6; a seccomp filter may answer EPERM. */
        int fd = open_beneath(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0, true);

        has = fd < 0 && (errno == ENOSYS || errno == EPERM) ? HAS_NOT
                                                            : HAS_OPENAT2;
        if (fd >= 0)
            close(fd);
        atomic_store_explicit(&has_openat2, has, memory_order_relaxed);
    }
    return has == HAS_OPENAT2;
}

void bx_resolve_force_walk(bool is_forced)
{
    atomic_store(&is_walk_forced, is_forced);
}

void bx_place_close(bx_place *place)
{
    if (place->is_owned && place->dir_fd >= 0)
        close(place->dir_fd);
    place->is_owned = false;
}

/* ---- refusals ------------------------------------------------------- */

static int put_target(bx_buf *target, const bx_path *path,
                      const bx_place *place)
{
    if (place != NULL && place->guest_len != SIZE_MAX)
        return place->guest_len == 0
                   ? bx_buf_puts(target, "/")
                   : bx_buf_append(target, place->text->guest, place->guest_len,
                                   SIZE_MAX);
    if (bx_buf_append(target, path->dir->guest_path, path->dir->guest_len,
                      SIZE_MAX) < 0 ||
        (path->text[0] != '/' && bx_buf_puts(target, "/") < 0))
        return -1;
    return bx_buf_append(target, path->text, path->len, SIZE_MAX);
}

/* The guest path that a call is about, as far as it is known; borrowed from
 * the buffer. Half of a path would name another one. */
static const char *find_target(bx_buf *target, const bx_path *path,
                               const bx_place *place, size_t *ret_bytes)
{
    const char *text = "(out of memory)";

    if (put_target(target, path, place) == 0)
        text = target->data;
    *ret_bytes = strlen(text);
    return text;
}

void bx_path_deny(const bx_path *path, const bx_place *place,
                  const char *reason, const char *rule)
{
    bx_autobuf bx_buf target = BX_BUF_INIT;
    size_t bytes;
    const char *text = find_target(&target, path, place, &bytes);

    bx_run_deny(path->wasi->run, path->call, text, bytes, reason, rule);
}

void bx_path_did(const bx_path *path, const bx_place *place, const char *detail)
{
    bx_autobuf bx_buf target = BX_BUF_INIT;
    const char *text;
    size_t bytes;

    if (path->wasi->run->effect == NULL)
        return;
    text = find_target(&target, path, place, &bytes);
    bx_run_effect(path->wasi->run, path->call, text, bytes, detail);
}

void bx_path_did_move(const bx_path *from, const bx_place *from_place,
                      const bx_path *to, const bx_place *to_place)
{
    bx_autobuf bx_buf target = BX_BUF_INIT;
    size_t bytes;

    if (from->wasi->run->effect == NULL)
        return;
    bx_path_did(from, from_place, find_target(&target, to, to_place, &bytes));
}

bool bx_path_is_preopen(const bx_path *path, const bx_place *place)
{
    const bx_fd *dir = path->dir;

    return dir->preopen >= 0 && place->guest_len == dir->guest_len &&
           memcmp(place->text->guest, dir->guest_path, dir->guest_len) == 0;
}

int32_t bx_path_deny_escape(const bx_path *path)
{
    const char *rule = "nothing granted";

    if (path->dir->mount >= 0)
        rule = path->wasi->fs->mounts[path->dir->mount].rule->origin;
    bx_path_deny(path, NULL, "the path leaves the mapping", rule);
    return BX_WASI_EPERM;
}

/* A region that can be read refuses writing as a read-only file system does;
 * one that cannot is as if it were not there. */
static int32_t refusal(unsigned has, unsigned wanted)
{
    return (wanted & ~has) == BX_ACCESS_WRITE && has != 0 ? BX_WASI_EROFS
                                                          : BX_WASI_EACCES;
}

int32_t bx_place_need(const bx_path *path, const bx_place *place,
                      unsigned access)
{
    const bx_fs *fs = path->wasi->fs;
    bx_verdict verdict;

    if ((access & ~place->region.access) == 0)
        return bx_need_place(path, place, access);
    if (place->guest_len != SIZE_MAX)
        verdict =
            bx_fs_explain(fs, place->text->guest, place->guest_len, access);
    else
        verdict = bx_fs_explain(fs, path->dir->guest_path, path->dir->guest_len,
                                access);
    bx_path_deny(path, place, verdict.reason, verdict.rule);
    return refusal(place->region.access, access);
}

int32_t bx_fd_need(bx_wasi *wasi, const char *call, const bx_fd *fd,
                   unsigned access)
{
    const char *text = fd->guest_path == NULL ? "" : fd->guest_path;
    bx_verdict verdict;

    if ((access & ~fd->access) == 0)
        return bx_need_fd(wasi, call, fd, access);
    if (fd->kind == BX_FD_DIR) {
        verdict = bx_fs_explain(wasi->fs, text, fd->guest_len, access);
        bx_run_deny(wasi->run, call, fd->guest_len == 0 ? "/" : text,
                    fd->guest_len == 0 ? 1 : fd->guest_len, verdict.reason,
                    verdict.rule);
    } else {
        bx_run_deny(wasi->run, call, "(an open file)", 14,
                    "the file lies where nothing may be written",
                    wasi->fs->mounts[fd->mount].rule->origin);
    }
    return refusal(fd->access, access);
}

/* ---- resolution ----------------------------------------------------- */

static void start_place(const bx_path *path, bx_place *place)
{
    place->dir_fd = path->dir->host_fd;
    place->is_owned = false;
    place->is_whole = false;
    place->is_follow = false;
    place->is_guess = false;
    place->is_dir = false;
    place->is_virtual = false;
    place->layers = bx_fs_layers(path->wasi->fs, path->dir->mount);
    place->region =
        (bx_region){ .mount = path->dir->mount, .access = path->dir->access };
    place->guest_len = SIZE_MAX;
}

/* Open the parent of an entry; "name" and "name/" need none. */
static int32_t find_parent(bx_path *path, bx_place *place)
{
    size_t end = path->len;
    size_t start;
    char kept;

    while (end > 0 && path->text[end - 1] == '/')
        end--;
    for (start = end; start > 0 && path->text[start - 1] != '/'; start--)
        ;
    place->name = path->text + start;
    place->is_dir = end < path->len || bx_name_is_dots(place->name);
    if (start == 0)
        return 0;
    kept = path->text[start];
    path->text[start] = '\0';
    for (int tries = 0;; tries++) {
        place->dir_fd = open_beneath(path->dir->host_fd, path->text,
                                     O_PATH | O_DIRECTORY, 0, true);
        if (place->dir_fd >= 0 || errno != EAGAIN || tries == AGAIN_MAX)
            break;
    }
    path->text[start] = kept;
    if (place->dir_fd >= 0) {
        place->is_owned = true;
        return 0;
    }
    if (errno == EAGAIN)
        return bx_walk(path, BX_FINAL_ENTRY, place);
    if (errno == EXDEV)
        return bx_path_deny_escape(path);
    return bx_wasi_errno(errno);
}

const char *bx_place_beneath(const bx_path *path, const bx_place *place)
{
    /* A walk that went back leaves what it had added: access was judged by the
     * length. */
    place->text->guest[place->guest_len] = '\0';
    return bx_fs_beneath(path->wasi->fs, place->region.mount,
                         place->text->guest);
}

/* Put the names of a path behind a folder's, without empty ones and ".". False:
 * there is "..", or a folder is meant, or there is no room. */
static bool put_clean(char *guest, size_t *len, const char *text)
{
    for (;;) {
        size_t bytes = strcspn(text, "/");
        bool is_last = text[bytes] == '\0';
        bool is_dots = bytes == 0 || bx_name_is_dots(text);

        if ((is_dots && is_last) || (is_dots && bytes == 2) ||
            *len + 1 + bytes >= BX_GUEST_PATH_BYTES)
            return false;
        if (!is_dots) {
            guest[(*len)++] = '/';
            memcpy(guest + *len, text, bytes);
            *len += bytes;
        }
        if (is_last)
            break;
        text += bytes + 1;
    }
    guest[*len] = '\0';
    return true;
}

/* Under an overlay a place is a guest path without links. One that is clean may
 * be such: opening it or looking at it tells, ELOOP if not. */
static int32_t find_covered(bx_path *path, bx_final final, bx_place *place)
{
    const bx_fd *dir = path->dir;
    char *guest = place->text->guest;

    place->guest_len = dir->guest_len;
    memcpy(guest, dir->guest_path, dir->guest_len);
    if (final == BX_FINAL_ENTRY || !bx_resolve_has_openat2() ||
        !put_clean(guest, &place->guest_len, path->text))
        return bx_walk(path, final, place);
    place->is_whole = true;
    place->is_guess = true;
    place->is_follow = final == BX_FINAL_FOLLOW;
    place->name = guest + dir->guest_len + 1;
    return 0;
}

int32_t bx_path_find(bx_path *path, bx_final final, bx_place *ret_place)
{
    start_place(path, ret_place);
    if (path->text[0] == '/')
        return bx_path_deny_escape(path);
    if (!path->dir->is_uniform ||
        (ret_place->layers == NULL && !bx_resolve_has_openat2()))
        return bx_walk(path, final, ret_place);
    if (path->dir->access == 0) {
        if (strcmp(path->text, ".") == 0 && final != BX_FINAL_ENTRY)
            return bx_walk(path, final, ret_place);
        bx_verdict verdict =
            bx_fs_explain(path->wasi->fs, path->dir->guest_path,
                          path->dir->guest_len, BX_ACCESS_READ);

        bx_path_deny(path, NULL, verdict.reason, verdict.rule);
        return BX_WASI_EACCES;
    }
    if (ret_place->layers != NULL)
        return find_covered(path, final, ret_place);
    if (path->wasi->run->need != NULL && !bx_need_guess(path, final, ret_place))
        return bx_walk(path, final, ret_place);
    if (final == BX_FINAL_ENTRY)
        return find_parent(path, ret_place);
    ret_place->is_whole = true;
    ret_place->is_follow = final == BX_FINAL_FOLLOW;
    ret_place->name = path->text;
    return 0;
}

/* A whole path, by openat2(); -1 with errno, EAGAIN when it gave up. */
static int open_whole(const bx_place *place, int flags, mode_t mode)
{
    if (!place->is_follow)
        flags |= O_NOFOLLOW;
    for (int tries = 0;; tries++) {
        int fd = open_beneath(place->dir_fd, place->name, flags, mode,
                              !place->is_guess);

        if (fd >= 0 || errno != EAGAIN || tries == AGAIN_MAX)
            return fd;
    }
}

static bx_final final_of(const bx_place *place)
{
    return place->is_follow ? BX_FINAL_FOLLOW : BX_FINAL_NOFOLLOW;
}

bx_spot bx_place_spot(const bx_path *path, const bx_place *place)
{
    bool is_held = place->is_whole && path->dir->is_base;

    return (bx_spot){ .layers = place->layers,
                      .path = bx_place_beneath(path, place),
                      .base_dir_fd = is_held ? path->dir->host_fd : -1,
                      .base_name = place->name };
}

/* Under an overlay: changing ones walk first, so that they change what is
 * meant and nothing on the way. */
static int open_covered(bx_path *path, bx_place *place, int flags, mode_t mode,
                        int32_t *ret_errno)
{
    bool is_change =
        (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
    bx_edit edit = { .run = path->wasi->run };
    bx_spot spot;
    bool in_up = true;
    int fd;

    if (place->is_whole && !is_change) {
        spot = bx_place_spot(path, place);
        fd = bx_layers_open(
            &spot, place->is_follow ? flags : flags | O_NOFOLLOW, &in_up);
        place->is_base = fd >= 0 && !in_up;
        if (fd >= 0)
            return fd;
        if (errno != ELOOP) {
            *ret_errno = bx_need_missing(path, place, bx_wasi_errno(errno));
            return -1;
        }
    }
    if (place->is_whole) {
        *ret_errno = bx_walk(path, final_of(place), place);
        if (*ret_errno != 0)
            return -1;
    }
    if (place->is_virtual || (place->is_dir && (flags & O_CREAT) != 0)) {
        *ret_errno = BX_WASI_EISDIR;
        return -1;
    }
    if (place->is_dir)
        flags |= O_DIRECTORY;
    spot = bx_place_spot(path, place);
    edit.layers = spot.layers;
    edit.path = spot.path;
    fd = is_change ? bx_edit_open(&edit, flags, mode)
                   : bx_layers_open(&spot, flags | O_NOFOLLOW, &in_up);
    place->is_base = fd >= 0 && !in_up;
    if (fd < 0)
        *ret_errno =
            bx_need_missing(path, place, bx_overlay_errno(path, place, errno));
    return fd;
}

int32_t bx_overlay_errno(const bx_path *path, const bx_place *place, int errnum)
{
    if (errnum == EFBIG)
        bx_path_deny(path, place,
                     "the file is too large to be copied into the overlay",
                     "overlay");
    return bx_wasi_errno(errnum == ETIME ? ETIMEDOUT : errnum);
}

int bx_place_open(bx_path *path, bx_place *place, int flags, mode_t mode,
                  int32_t *ret_errno)
{
    int fd;

    if (place->layers != NULL && !place->is_virtual)
        return open_covered(path, place, flags, mode, ret_errno);
    if (place->is_whole) {
        fd = open_whole(place, flags, mode);
        if (fd >= 0)
            return fd;
        if (errno == EXDEV) {
            *ret_errno = bx_path_deny_escape(path);
            return -1;
        }
        if (errno != EAGAIN && !(errno == ELOOP && place->is_guess)) {
            *ret_errno = bx_need_missing(path, place, bx_wasi_errno(errno));
            return -1;
        }
        *ret_errno = bx_walk(path, final_of(place), place);
        if (*ret_errno != 0)
            return -1;
    }
    if (place->is_virtual) {
        *ret_errno = BX_WASI_EISDIR;
        return -1;
    }
    if (place->is_dir && (flags & O_CREAT) != 0) {
        *ret_errno = BX_WASI_EISDIR; /* as open(2) answers "name/" */
        return -1;
    }
    if (place->is_dir)
        flags |= O_DIRECTORY;
    fd = openat(place->dir_fd, place->name, flags | O_NOFOLLOW | O_CLOEXEC,
                mode);
    if (fd < 0)
        *ret_errno = bx_need_missing(path, place, bx_wasi_errno(errno));
    return fd;
}
