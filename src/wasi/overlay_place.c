#include "wasi/overlay_place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "wasi/overlay_edit.h"

static bx_edit edit_of(const bx_path *path, const bx_place *place)
{
    return (bx_edit){ .layers = place->layers,
                      .path = bx_place_beneath(path, place),
                      .run = path->wasi->run };
}

static int fail(int errnum)
{
    errno = errnum;
    return -1;
}

static bool ends_in_slash(const bx_place *place)
{
    return place->is_dir && !bx_name_is_dots(place->name);
}

int bx_covered_stat(const bx_path *path, const bx_place *place,
                    struct stat *ret_stat)
{
    bx_spot spot = bx_place_spot(path, place);
    bx_sight sight;

    if (bx_layers_look(&spot, false, &sight) < 0)
        return -1;
    *ret_stat = sight.stat;
    return 0;
}

int bx_covered_set_times(const bx_path *path, const bx_place *place,
                         const struct timespec times[2])
{
    bx_edit edit = edit_of(path, place);

    return bx_edit_set_times(&edit, times);
}

int bx_covered_make_folder(const bx_path *path, const bx_place *place,
                           mode_t mode)
{
    bx_edit edit = edit_of(path, place);

    if (bx_name_is_dots(place->name))
        return fail(EEXIST);
    return bx_edit_make_folder(&edit, mode);
}

/* A '/' behind the name of what is no folder and not there. */
static int refuse_slash(const bx_path *path, const bx_place *place)
{
    struct stat stat;

    if (bx_name_is_dots(place->name))
        return fail(EEXIST);
    if (!ends_in_slash(place))
        return 0;
    return bx_covered_stat(path, place, &stat) == 0 ? fail(EEXIST) : -1;
}

int bx_covered_make_link(const bx_path *path, const bx_place *place,
                         const char *content)
{
    bx_edit edit = edit_of(path, place);

    if (refuse_slash(path, place) < 0)
        return -1;
    return bx_edit_make_link(&edit, content);
}

int bx_covered_link(const bx_path *from_path, const bx_place *from,
                    const bx_path *to_path, const bx_place *to)
{
    bx_edit from_change = edit_of(from_path, from);
    bx_edit to_change = edit_of(to_path, to);
    struct stat stat;

    if (bx_covered_stat(from_path, from, &stat) < 0 ||
        refuse_slash(to_path, to) < 0)
        return -1;
    return bx_edit_link(&from_change, &to_change);
}

int bx_covered_remove(const bx_path *path, const bx_place *place, int flags)
{
    bx_edit edit = edit_of(path, place);
    struct stat stat;

    if ((flags & AT_REMOVEDIR) != 0) {
        if (bx_name_is_dots(place->name))
            return fail(place->name[1] == '.' ? ENOTEMPTY : EINVAL);
        return bx_edit_remove_folder(&edit);
    }
    if (bx_name_is_dots(place->name))
        return fail(EISDIR);
    if (ends_in_slash(place)) {
        if (bx_covered_stat(path, place, &stat) < 0)
            return -1;
        return fail(S_ISDIR(stat.st_mode) ? EISDIR : ENOTDIR);
    }
    return bx_edit_remove_file(&edit);
}

int bx_covered_replace(const bx_path *path, const bx_place *place,
                       const void *data, size_t bytes)
{
    bx_edit edit = edit_of(path, place);

    return bx_edit_replace(&edit, data, bytes);
}

/* How much of the base one rename may bring up: what the run could write. */
static bx_up_limits limits_of(const bx_wasi *wasi)
{
    const bx_limits *limits = &wasi->policy->limits;

    return (bx_up_limits){ .bytes = bx_wasi_quota(wasi, UINT64_MAX),
                           .entries = BX_RUN_LEFT(wasi->run, fs_create_entries,
                                                  limits->fs_create_entries) };
}

int bx_covered_rename(const bx_path *from_path, const bx_place *from,
                      const bx_path *to_path, const bx_place *to)
{
    bx_edit from_change = edit_of(from_path, from);
    bx_edit to_change = edit_of(to_path, to);
    struct stat stat;

    if (bx_name_is_dots(from->name) || bx_name_is_dots(to->name))
        return fail(EBUSY);
    if (from->is_dir || to->is_dir) {
        if (bx_covered_stat(from_path, from, &stat) < 0)
            return -1;
        if (!S_ISDIR(stat.st_mode))
            return fail(ENOTDIR);
    }
    return bx_edit_rename(&from_change, &to_change, limits_of(from_path->wasi));
}

/* ---- by descriptor -------------------------------------------------- */

static bx_edit edit_of_fd(const bx_wasi *wasi, const bx_fd *fd)
{
    return (bx_edit){ .layers = bx_fs_layers(wasi->fs, fd->mount),
                      .path =
                          bx_fs_beneath(wasi->fs, fd->mount, fd->guest_path),
                      .run = wasi->run };
}

int bx_covered_fd_stat(const bx_wasi *wasi, const bx_fd *fd,
                       struct stat *ret_stat)
{
    bx_edit edit = edit_of_fd(wasi, fd);
    bx_sight sight;

    /* A folder that was removed since is still what is held. */
    if (bx_layers_look(BX_SPOT(edit.layers, edit.path), false, &sight) < 0)
        return fstat(fd->host_fd, ret_stat);
    *ret_stat = sight.stat;
    return 0;
}

/* The descriptor goes on at the same place in the file that was brought up. */
static int hold_up(const bx_edit *edit, bx_fd *fd)
{
    off_t offset = lseek(fd->host_fd, 0, SEEK_CUR);
    int flags = fcntl(fd->host_fd, F_GETFL);
    bx_autofd int up = -1;
    struct stat stat;

    if (offset < 0 || flags < 0)
        return -1;
    if (edit->layers == NULL) /* nothing covers it */
        return fail(EBADF);
    up = bx_layer_open(edit->layers->up_fd, edit->path,
                       O_RDONLY | O_NOFOLLOW | O_NOCTTY |
                           (flags & (O_NONBLOCK | O_DSYNC | O_SYNC)));
    if (up < 0 || fstat(up, &stat) < 0)
        return -1;
    if (!S_ISREG(stat.st_mode))
        return fail(ENOENT);
    if (lseek(up, offset, SEEK_SET) < 0)
        return -1;
    close(fd->host_fd);
    fd->host_fd = bx_take_fd(&up);
    fd->is_base = false;
    return 0;
}

int bx_covered_fd_set_times(const bx_wasi *wasi, bx_fd *fd,
                            const struct timespec times[2])
{
    bx_edit edit = edit_of_fd(wasi, fd);
    struct stat held;
    bx_sight sight;

    if (fd->kind == BX_FD_DIR)
        return bx_edit_set_times(&edit, times);
    if (fstat(fd->host_fd, &held) < 0 ||
        bx_layers_look(BX_SPOT(edit.layers, edit.path), false, &sight) < 0)
        return -1;
    /* Something else has its path by now: what is held stays as it is. */
    if (!sight.in_up &&
        (sight.stat.st_ino != held.st_ino || sight.stat.st_dev != held.st_dev))
        return fail(ENOENT);
    if (bx_edit_set_times(&edit, times) < 0)
        return -1;
    return hold_up(&edit, fd);
}
