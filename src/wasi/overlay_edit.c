#include "wasi/overlay_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "wasi/replace.h"

#define TRIES_MAX 16 /* someone else changes the same path again and again */

static int fail(int errnum)
{
    errno = errnum;
    return -1;
}

static int look(const bx_edit *edit, bx_sight *sight)
{
    return bx_layers_look(BX_SPOT(edit->layers, edit->path), true, sight);
}

/* The folder above, brought up, in which entries may come and go: to the base's
 * own mind as well, where it is merged with that. */
static int open_parent(const bx_edit *edit, const char **ret_name)
{
    const char *slash = strrchr(edit->path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - edit->path);
    bx_autofree char *parent = strndup(edit->path, len);
    bx_autofd int fd = -1;
    struct stat stat;
    int is_merged;

    if (parent == NULL)
        return fail(ENOMEM);
    fd = bx_up_parent(edit, ret_name);
    if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
        return -1;
    is_merged = bx_layers_is_beneath(edit->layers, parent, &stat);
    if (is_merged < 0 ||
        (is_merged > 0 && bx_up_check_base(edit->layers, parent) < 0))
        return -1;
    return bx_take_fd(&fd);
}

/* The folder of up/ in which an entry that is not there can be made. */
static int open_parent_of_new(const bx_edit *edit, bool is_folder,
                              const char **ret_name)
{
    bx_autofd int fd = -1;
    bx_sight sight;
    int is_gone;

    if (look(edit, &sight) == 0)
        return fail(EEXIST);
    if (errno != ENOENT)
        return -1;
    fd = open_parent(edit, ret_name);
    if (fd < 0)
        return -1;
    is_gone = bx_layers_is_gone(edit->layers, edit->path);
    if (is_gone < 0 || (is_gone == 0 && bx_overlay_log(edit->layers, edit->path,
                                                       NULL, NULL) < 0))
        return -1;
    bx_overlay_touch(edit->layers, edit->path, !is_folder);
    return bx_take_fd(&fd);
}

/* What an entry that vanished without a trace in up leaves its folder. */
static void stamp(int dir_fd)
{
    const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                       { .tv_nsec = UTIME_NOW } };

    (void)utimensat(dir_fd, ".", times, 0);
}

/* End a change under the lock. */
static int finish(const bx_edit *edit, int result)
{
    if (result >= 0)
        bx_overlay_count_change(edit->layers->overlay);
    bx_overlay_unlock(edit->layers->overlay);
    return result;
}

/* ---- making --------------------------------------------------------- */

static int make_file(const bx_edit *edit, int flags, mode_t mode)
{
    bx_autofd int dir_fd = -1;
    const char *name;

    if (bx_overlay_lock(edit->layers->overlay, edit->run) < 0)
        return -1;
    dir_fd = open_parent_of_new(edit, false, &name);
    if (dir_fd < 0)
        return finish(edit, -1);
    return finish(
        edit, openat(dir_fd, name,
                     flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
}

int bx_edit_make_folder(const bx_edit *edit, mode_t mode)
{
    bx_autofd int dir_fd = -1;
    const char *name;

    if (bx_overlay_lock(edit->layers->overlay, edit->run) < 0)
        return -1;
    dir_fd = open_parent_of_new(edit, true, &name);
    if (dir_fd < 0)
        return finish(edit, -1);
    return finish(edit, mkdirat(dir_fd, name, mode));
}

int bx_edit_make_link(const bx_edit *edit, const char *content)
{
    bx_autofd int dir_fd = -1;
    const char *name;

    if (bx_overlay_lock(edit->layers->overlay, edit->run) < 0)
        return -1;
    dir_fd = open_parent_of_new(edit, false, &name);
    if (dir_fd < 0)
        return finish(edit, -1);
    return finish(edit, symlinkat(content, dir_fd, name));
}

static int link_up(const bx_edit *from, const bx_edit *to)
{
    bx_autofd int from_fd = -1;
    bx_autofd int to_fd = -1;
    const char *from_name;
    const char *to_name;

    to_fd = open_parent_of_new(to, false, &to_name);
    if (to_fd < 0)
        return -1;
    from_fd = bx_up_parent(from, &from_name);
    if (from_fd < 0)
        return -1;
    return linkat(from_fd, from_name, to_fd, to_name, 0);
}

static bool is_parent_there(const bx_edit *edit)
{
    const char *slash = strrchr(edit->path, '/');
    bx_autofree char *parent =
        strndup(edit->path, slash == NULL ? 0 : (size_t)(slash - edit->path));
    bx_sight sight;

    if (parent == NULL) {
        errno = ENOMEM;
        return false;
    }
    return bx_layers_look(BX_SPOT(edit->layers, parent), false, &sight) == 0;
}

int bx_edit_link(const bx_edit *from, const bx_edit *to)
{
    for (int tries = 0;; tries++) {
        bx_sight sight;
        bool is_folder;
        int result;

        if (look(from, &sight) < 0)
            return -1;
        is_folder = S_ISDIR(sight.stat.st_mode);
        if (look(to, &sight) == 0)
            return fail(EEXIST); /* nothing is brought up for it */
        if (errno != ENOENT)
            return -1;
        if (is_folder)
            return is_parent_there(to) ? fail(EPERM) : -1;
        if (bx_up_entry(from, true) < 0 ||
            bx_overlay_lock(from->layers->overlay, from->run) < 0)
            return -1;
        result = look(from, &sight);
        if (result == 0 && !sight.in_up)
            result = fail(EAGAIN);
        if (result == 0)
            result = link_up(from, to);
        result = finish(from, result);
        if (result == 0 || errno != EAGAIN || tries == TRIES_MAX)
            return result;
    }
}

/* ---- opening -------------------------------------------------------- */

static int bring_up_for_writing(const bx_edit *edit, const bx_sight *sight,
                                int flags)
{
    if (S_ISDIR(sight->stat.st_mode))
        return fail(EISDIR);
    if (S_ISLNK(sight->stat.st_mode))
        return fail(ELOOP);
    if (!S_ISREG(sight->stat.st_mode))
        return fail(EACCES); /* what is written to a pipe would be outside */
    if (bx_up_check_base(edit->layers, edit->path) < 0)
        return -1;
    return bx_up_entry(edit, (flags & O_TRUNC) == 0);
}

int bx_edit_open(const bx_edit *edit, int flags, mode_t mode)
{
    for (int tries = 0;; tries++) {
        bx_sight sight;
        int fd;

        if (look(edit, &sight) < 0) {
            if (errno != ENOENT || (flags & O_CREAT) == 0)
                return -1;
            fd = make_file(edit, flags, mode);
            if (fd >= 0 || errno != EEXIST || (flags & O_EXCL) != 0 ||
                tries == TRIES_MAX)
                return fd;
            continue;
        }
        if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
            return fail(EEXIST);
        if ((flags & O_DIRECTORY) != 0 && !S_ISDIR(sight.stat.st_mode))
            return fail(ENOTDIR);
        if (!sight.in_up && bring_up_for_writing(edit, &sight, flags) < 0)
            return -1;
        if (sight.in_up && !S_ISREG(sight.stat.st_mode) &&
            !S_ISDIR(sight.stat.st_mode) && !S_ISLNK(sight.stat.st_mode))
            return fail(EACCES);
        fd = bx_layer_open(edit->layers->up_fd, edit->path,
                           (flags & ~(O_CREAT | O_EXCL)) | O_NOFOLLOW);
        if (fd >= 0 || errno != ENOENT || tries == TRIES_MAX)
            return fd;
    }
}

/* ---- removing ------------------------------------------------------- */

/* What is in up goes last: until then all shows as before. */
static int remove_entry(const bx_edit *edit, const bx_sight *sight, int flags)
{
    const char *name;
    bx_autofd int dir_fd = open_parent(edit, &name);
    struct stat base;
    int is_beneath =
        dir_fd < 0 ? -1 : bx_layers_is_beneath(edit->layers, edit->path, &base);

    if (is_beneath < 0)
        return -1;
    if (is_beneath > 0) {
        if (!sight->in_up &&
            bx_overlay_log(edit->layers, edit->path, &base, NULL) < 0)
            return -1;
        if (bx_up_mark_gone(edit) < 0)
            return -1;
    }
    if (sight->in_up)
        return unlinkat(dir_fd, name, flags);
    stamp(dir_fd);
    return 0;
}

int bx_edit_remove_file(const bx_edit *edit)
{
    bx_sight sight;
    int result;

    if (bx_overlay_lock(edit->layers->overlay, edit->run) < 0)
        return -1;
    result = look(edit, &sight);
    if (result == 0 && S_ISDIR(sight.stat.st_mode))
        result = fail(EISDIR);
    if (result == 0)
        result = remove_entry(edit, &sight, 0);
    return finish(edit, result);
}

int bx_edit_remove_folder(const bx_edit *edit)
{
    bx_sight sight;
    int result;

    if (bx_overlay_lock(edit->layers->overlay, edit->run) < 0)
        return -1;
    result = look(edit, &sight);
    if (result == 0 && !S_ISDIR(sight.stat.st_mode))
        result = fail(ENOTDIR);
    if (result == 0) {
        int is_empty = bx_layers_is_empty(edit->layers, edit->path);

        if (is_empty <= 0)
            result = is_empty < 0 ? -1 : fail(ENOTEMPTY);
    }
    if (result == 0)
        result = remove_entry(edit, &sight, AT_REMOVEDIR);
    return finish(edit, result);
}

/* ---- times ---------------------------------------------------------- */

int bx_edit_set_times(const bx_edit *edit, const struct timespec times[2])
{
    for (int tries = 0;; tries++) {
        bx_autofd int dir_fd = -1;
        const char *name;
        bx_sight sight;
        int result;

        if (look(edit, &sight) < 0)
            return -1;
        /* Brought up it is ours, whoever it belongs to. */
        if (!sight.in_up && geteuid() != 0 && sight.stat.st_uid != geteuid())
            return fail(EPERM);
        if (!sight.in_up && bx_up_entry(edit, true) < 0)
            return -1;
        dir_fd = bx_layer_open_parent(edit->layers->up_fd, edit->path, &name);
        if (dir_fd < 0)
            return -1;
        result = utimensat(dir_fd, name[0] == '\0' ? "." : name, times,
                           AT_SYMLINK_NOFOLLOW);
        if (result == 0)
            bx_overlay_count_change(edit->layers->overlay);
        if (result == 0 || errno != ENOENT || tries == TRIES_MAX)
            return result;
    }
}

/* ---- renaming ------------------------------------------------------- */

typedef struct move {
    const bx_edit *from;
    const bx_edit *to;
    bx_sight old;  /* what is at from */
    bx_sight over; /* what is at to, when there is something */
    bool is_over;
    bool is_done; /* nothing is to be moved */
} move;

static bool is_above(const char *dir, const char *path)
{
    size_t len = strlen(dir);

    return strncmp(dir, path, len) == 0 && path[len] == '/';
}

static bool is_same_file(const move *it)
{
    return !S_ISDIR(it->old.stat.st_mode) && it->old.in_up == it->over.in_up &&
           it->old.stat.st_dev == it->over.stat.st_dev &&
           it->old.stat.st_ino == it->over.stat.st_ino;
}

/* What rename(2) checks, in its order. */
static int check_move(move *it)
{
    bool is_folder;
    int is_empty;

    if (look(it->from, &it->old) < 0)
        return -1;
    it->is_over = look(it->to, &it->over) == 0;
    if (!it->is_over && errno != ENOENT)
        return -1;
    is_folder = S_ISDIR(it->old.stat.st_mode);
    it->is_done = strcmp(it->from->path, it->to->path) == 0 ||
                  (it->is_over && is_same_file(it));
    if (it->is_done)
        return 0;
    if (is_above(it->from->path, it->to->path))
        return fail(is_folder ? EINVAL : ENOTDIR);
    if (is_above(it->to->path, it->from->path))
        return fail(ENOTEMPTY);
    if (!it->is_over)
        return 0;
    if (is_folder != S_ISDIR(it->over.stat.st_mode))
        return fail(is_folder ? ENOTDIR : EISDIR);
    if (!is_folder)
        return 0;
    is_empty = bx_layers_is_empty(it->to->layers, it->to->path);
    return is_empty < 0 ? -1 : is_empty == 0 ? fail(ENOTEMPTY) : 0;
}

/* A file renamed over another gets that one's permissions, as without an
 * overlay (path.c). */
static void keep_mode(const move *it, int dir_fd, const char *name)
{
    bx_autofd int fd = -1;
    struct stat stat;

    if (!it->is_over || !S_ISREG(it->over.stat.st_mode) ||
        !S_ISREG(it->old.stat.st_mode))
        return;
    fd = openat(dir_fd, name,
                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) &&
        stat.st_nlink == 1)
        (void)fchmod(fd, it->over.stat.st_mode & 0777);
}

/* The base no longer shows at a path where something comes to lie in up, nor
 * beneath it when that is a folder. is_in_up: something lies there already. */
static int cover_target(const bx_edit *to, bool is_folder, bool is_in_up)
{
    const bx_layers *layers = to->layers;
    struct stat base;
    int is_gone = bx_layers_is_gone(layers, to->path);
    int is_beneath = is_gone < 0
                         ? -1 /* with its errno */
                         : bx_layers_is_beneath(layers, to->path, &base);

    if (is_gone < 0 || is_beneath < 0)
        return -1;
    if (is_beneath > 0 && is_folder) {
        bx_autofd int fd = bx_up_folder(to, strlen(to->path));

        if (fd < 0 || bx_up_mark_gone(to) < 0)
            return -1;
    } else if (is_gone == 0 && !is_in_up &&
               bx_overlay_log(layers, to->path, is_beneath > 0 ? &base : NULL,
                              NULL) < 0) {
        return -1;
    }
    /* Whatever lies beneath a folder that came is looked for in up. */
    bx_overlay_touch(layers, to->path, true);
    return 0;
}

/* Nor does it at the path that something came from. */
static int cover_base(const move *it)
{
    struct stat base;
    int is_beneath;

    if (cover_target(it->to, S_ISDIR(it->old.stat.st_mode),
                     it->is_over && it->over.in_up) < 0)
        return -1;
    is_beneath = bx_layers_is_beneath(it->from->layers, it->from->path, &base);
    return is_beneath > 0 ? bx_up_mark_gone(it->from) : is_beneath;
}

/* Under the lock. EAGAIN: not all of it is up. */
static int move_up(move *it)
{
    bx_autofd int from_fd = -1;
    bx_autofd int to_fd = -1;
    const char *from_name;
    const char *to_name;
    int is_whole = 1;

    if (check_move(it) < 0)
        return -1;
    if (it->is_done)
        return 0;
    if (S_ISDIR(it->old.stat.st_mode))
        is_whole = bx_up_is_whole(it->from);
    if (is_whole < 0)
        return -1;
    if (!it->old.in_up || is_whole == 0)
        return fail(EAGAIN);
    from_fd = open_parent(it->from, &from_name);
    to_fd = from_fd < 0 ? -1 : open_parent(it->to, &to_name);
    if (to_fd < 0 || cover_base(it) < 0)
        return -1;
    keep_mode(it, from_fd, from_name);
    return renameat(from_fd, from_name, to_fd, to_name);
}

int bx_edit_rename(const bx_edit *from, const bx_edit *to, bx_up_limits limits)
{
    move it = { .from = from, .to = to };

    for (int tries = 0;; tries++) {
        int result = check_move(&it);

        if (result < 0 || it.is_done)
            return result;
        result = S_ISDIR(it.old.stat.st_mode) ? bx_up_tree(from, limits)
                                              : bx_up_entry(from, true);
        if (result < 0 || bx_overlay_lock(from->layers->overlay, from->run) < 0)
            return -1;
        result = finish(from, move_up(&it));
        if (result == 0 || errno != EAGAIN || tries == TRIES_MAX)
            return result;
    }
}

/* ---- replacing ------------------------------------------------------- */

/* An empty file of tmp/ that whoever cleans up leaves alone. */
static int make_temporary(const bx_overlay *overlay,
                          char name[BX_TMP_NAME_BYTES])
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        bx_autofd int fd = -1;
        struct stat stat;

        bx_overlay_tmp_name(name);
        fd = openat(overlay->tmp_fd, name,
                    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd < 0)
            return -1;
        /* Someone may have taken it for a leftover before it was locked. */
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &stat) == 0 &&
            stat.st_nlink > 0)
            return bx_take_fd(&fd);
        bx_overlay_tmp_remove(overlay, name);
    }
    return fail(EAGAIN);
}

/* Under the lock. */
static int put_file(const bx_edit *edit, const char *temporary, int fd)
{
    bx_autofd int dir_fd = -1;
    const char *name;
    bx_sight over;
    bool is_over = look(edit, &over) == 0;

    if (is_over ? bx_replace_check(&over.stat) < 0 : errno != ENOENT)
        return -1;
    dir_fd = open_parent(edit, &name);
    if (dir_fd < 0)
        return -1;
    if (is_over &&
        (over.in_up
             ? faccessat(dir_fd, name, W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW)
             : bx_up_check_base(edit->layers, edit->path)) < 0)
        return -1;
    if (cover_target(edit, false, is_over && over.in_up) < 0)
        return -1;
    if (is_over && S_ISREG(over.stat.st_mode))
        (void)fchmod(fd, over.stat.st_mode & 0777);
    return renameat(edit->layers->overlay->tmp_fd, temporary, dir_fd, name);
}

int bx_edit_replace(const bx_edit *edit, const void *data, size_t bytes)
{
    bx_overlay *overlay = edit->layers->overlay;
    char temporary[BX_TMP_NAME_BYTES];
    bx_autofd int fd = make_temporary(overlay, temporary);
    int result = -1;

    if (fd < 0)
        return -1;
    if (bx_replace_fill(edit->run, fd, data, bytes) == 0 &&
        bx_overlay_lock(overlay, edit->run) == 0)
        result = finish(edit, put_file(edit, temporary, fd));
    if (result < 0)
        bx_overlay_tmp_remove(overlay, temporary);
    return result;
}
