/* What shows of a mapping under an overlay: up first, then the base unless it
 * is gone. Everything is opened beneath held folders and through no link. */
#include "wasi/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/scope.h"
#include "wasi/overlay_state.h"
#include "wasi/resolve.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* ---- one tree ------------------------------------------------------- */

/* As the kernel does it, name by name. */
static int open_by_names(int root_fd, const char *path, int flags)
{
    bx_autofd int held = -1;
    const char *at = path;

    if (strlen(path) >= BX_PATH_BYTES) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (;;) {
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
            return openat(held >= 0 ? held : root_fd, name,
                          flags | O_NOFOLLOW | O_CLOEXEC);
        fd = openat(held >= 0 ? held : root_fd, name,
                    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return -1;
        if (held >= 0)
            close(held);
        held = fd;
        at += bytes + 1;
    }
}

int bx_layer_open(int root_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };

    if (path[0] == '\0')
        path = ".";
    if (!bx_resolve_has_openat2())
        return open_by_names(root_fd, path, flags);
    return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

int bx_layer_stat(int root_fd, const char *path, struct stat *ret_stat)
{
    bx_autofd int fd = -1;

    if (path[0] == '\0')
        path = ".";
    if (strchr(path, '/') == NULL)
        return fstatat(root_fd, path, ret_stat, AT_SYMLINK_NOFOLLOW);
    fd = bx_layer_open(root_fd, path, O_PATH | O_NOFOLLOW);
    return fd < 0 ? -1 : fstat(fd, ret_stat);
}

int bx_layer_open_parent(int root_fd, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    char parent[BX_PATH_BYTES];
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);

    if (len >= sizeof(parent)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(parent, path, len);
    parent[len] = '\0';
    *ret_name = slash == NULL ? path : slash + 1;
    return bx_layer_open(root_fd, parent, O_PATH | O_DIRECTORY);
}

/* ---- all of them ---------------------------------------------------- */

int bx_layers_is_gone(const bx_layers *layers, const char *path)
{
    struct stat stat;

    if (path[0] == '\0')
        return 0;
    /* A link in the way can only come from whoever has the overlay's folder
     * already; all it could change is this answer. */
    if (fstatat(layers->gone_fd, path, &stat, AT_SYMLINK_NOFOLLOW) == 0)
        return !S_ISDIR(stat.st_mode);
    if (errno == ENOTDIR)
        return 1;
    return errno == ENOENT ? 0 : -1;
}

int bx_layers_is_beneath(const bx_layers *layers, const char *path,
                         struct stat *ret_stat)
{
    int is_gone = bx_layers_is_gone(layers, path);

    if (is_gone != 0)
        return is_gone < 0 ? -1 : 0;
    if (bx_layer_stat(layers->base_fd, path, ret_stat) == 0)
        return 1;
    /* A link in place of a folder above: nothing of it shows. */
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
}

static int look_in_base(const bx_spot *spot, bx_sight *ret_sight)
{
    ret_sight->in_up = false;
    ret_sight->in_base = true;
    if (spot->base_dir_fd >= 0)
        return bx_layer_stat(spot->base_dir_fd, spot->base_name,
                             &ret_sight->stat);
    return bx_layer_stat(spot->layers->base_fd, spot->path, &ret_sight->stat);
}

static int look_in_up(const bx_spot *spot, bool is_merge_asked,
                      bx_sight *ret_sight)
{
    const bx_layers *layers = spot->layers;
    struct stat stat;

    if (bx_layer_stat(layers->up_fd, spot->path, &ret_sight->stat) < 0)
        return -1;
    ret_sight->in_up = true;
    ret_sight->in_base = false;
    if (is_merge_asked && S_ISDIR(ret_sight->stat.st_mode)) {
        int is_beneath = bx_layers_is_beneath(layers, spot->path, &stat);

        if (is_beneath < 0)
            return -1;
        ret_sight->in_base = is_beneath > 0 && S_ISDIR(stat.st_mode);
    }
    return 0;
}

int bx_layers_look(const bx_spot *spot, bool is_merge_asked,
                   bx_sight *ret_sight)
{
    int is_gone;

    if (!bx_overlay_is_touched(spot->layers, spot->path))
        return look_in_base(spot, ret_sight);
    if (look_in_up(spot, is_merge_asked, ret_sight) == 0)
        return 0;
    if (errno != ENOENT)
        return -1;
    is_gone = bx_layers_is_gone(spot->layers, spot->path);
    if (is_gone < 0)
        return -1;
    /* What moves is brought up before its base is gone: it may be there by
     * now, and never was missing. */
    return is_gone > 0 ? look_in_up(spot, is_merge_asked, ret_sight)
                       : look_in_base(spot, ret_sight);
}

/* Of what was touched. */
static int open_touched(const bx_spot *spot, int flags, bool *ret_in_up)
{
    const bx_layers *layers = spot->layers;
    int fd = bx_layer_open(layers->up_fd, spot->path, flags);
    int is_gone;

    *ret_in_up = true;
    if (fd >= 0 || errno != ENOENT)
        return fd;
    is_gone = bx_layers_is_gone(layers, spot->path);
    if (is_gone < 0)
        return -1;
    if (is_gone > 0)
        return bx_layer_open(layers->up_fd, spot->path, flags); /* as above */
    *ret_in_up = false;
    return bx_layer_open(layers->base_fd, spot->path, flags);
}

int bx_layers_open(const bx_spot *spot, int flags, bool *ret_in_up)
{
    *ret_in_up = false;
    if ((flags & O_ACCMODE) != O_RDONLY ||
        (flags & (O_CREAT | O_TRUNC)) != 0) { /* never in the base */
        errno = EROFS;
        return -1;
    }
    if (bx_overlay_is_touched(spot->layers, spot->path))
        return open_touched(spot, flags, ret_in_up);
    if (spot->base_dir_fd >= 0)
        return bx_layer_open(spot->base_dir_fd, spot->base_name, flags);
    return bx_layer_open(spot->layers->base_fd, spot->path, flags);
}

ssize_t bx_layers_readlink(const bx_layers *layers, const char *path, char *buf,
                           size_t bytes)
{
    bx_autofd int fd = -1;
    bool in_up;

    fd = bx_layers_open(BX_SPOT(layers, path), O_PATH | O_NOFOLLOW, &in_up);
    if (fd < 0)
        return -1;
    /* The kernel says ENOENT of an empty path that is no link. */
    if (bytes == 0 || buf == NULL) {
        errno = EINVAL;
        return -1;
    }
    {
        ssize_t len = readlinkat(fd, "", buf, bytes);

        if (len < 0 && errno == ENOENT)
            errno = EINVAL;
        return len;
    }
}
