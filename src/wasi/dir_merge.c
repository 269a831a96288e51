/* Folders under an overlay. Most are only the base's or only up's and are
 * listed like any other; one that is both is read whole, each name once. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "wasi/dir_state.h"
#include "wasi/overlay_edit.h"

/* A time this old differs from that of the next change, however coarse the
 * file system's clock. */
#define SETTLED_NS INT64_C(2000000000)

static const bx_layers *layers_of(const bx_wasi *wasi, const bx_fd *fd)
{
    return bx_fs_layers(wasi->fs, fd->mount);
}

static const char *path_of(const bx_wasi *wasi, const bx_fd *fd)
{
    return bx_fs_beneath(wasi->fs, fd->mount, fd->guest_path);
}

/* ---- opening -------------------------------------------------------- */

static void close_all(bx_dir *dir)
{
    if (dir->is_owned)
        close(dir->fd);
    if (dir->up_fd >= 0)
        close(dir->up_fd);
    dir->fd = -1;
    dir->up_fd = -1;
    dir->is_owned = false;
    dir->is_merged = false;
    dir->at = UINT64_MAX;
    dir->len = 0;
    dir->pos = 0;
    dir->entries_count = 0;
}

/* What was opened last is what there is. */
static bool is_current(bx_dir *dir, uint64_t changes)
{
    struct stat stat;

    if (dir->changes != changes || dir->fd < 0)
        return false;
    if (dir->is_merged && (!dir->is_settled || fstat(dir->fd, &stat) < 0 ||
                           stat.st_ctim.tv_sec != dir->base_ctime.tv_sec ||
                           stat.st_ctim.tv_nsec != dir->base_ctime.tv_nsec))
        dir->entries_count = 0;
    return true;
}

static int open_layers(bx_dir *dir, const bx_layers *layers, const char *path,
                       const bx_sight *sight)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

    dir->is_merged = sight->in_up && sight->in_base;
    dir->ino = sight->stat.st_ino;
    dir->fd = bx_layer_open(sight->in_base ? layers->base_fd : layers->up_fd,
                            path, flags);
    dir->is_owned = dir->fd >= 0;
    if (dir->is_merged && dir->fd >= 0)
        dir->up_fd = bx_layer_open(layers->up_fd, path, flags);
    return dir->fd < 0 || (dir->is_merged && dir->up_fd < 0) ? -1 : 0;
}

int bx_dir_open_covered(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd)
{
    const bx_layers *layers = layers_of(wasi, fd);
    uint64_t changes;
    bx_sight sight;

    dir->is_whole = wasi->run->is_deterministic || !fd->is_uniform;
    if (fd->host_fd < 0 || layers == NULL)
        return 0; /* a folder of the policy only */
    changes = bx_overlay_changes(wasi->fs->overlay);
    if (!is_current(dir, changes)) {
        close_all(dir);
        dir->changes = changes;
        if (bx_layers_look(BX_SPOT(layers, path_of(wasi, fd)), true, &sight) <
            0) {
            dir->is_whole = true; /* removed since: nothing is in it */
            return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
        }
        if (open_layers(dir, layers, path_of(wasi, fd), &sight) < 0)
            return -1;
    }
    dir->is_whole |= dir->is_merged;
    return 0;
}

/* ---- reading -------------------------------------------------------- */

static int compare_name(const bx_dir *dir, const bx_entry *entry,
                        const char *name, size_t bytes)
{
    size_t least = entry->bytes < bytes ? entry->bytes : bytes;
    int order = memcmp(dir->names.data + entry->name, name, least);

    return order != 0 ? order : (int)entry->bytes - (int)bytes;
}

/* Among those of up, which are sorted. */
static bool is_in_up(const bx_dir *dir, size_t end, const char *name)
{
    size_t bytes = strlen(name);
    size_t low = 2;

    while (low < end) {
        size_t middle = low + (end - low) / 2;
        int order = compare_name(dir, &dir->entries[middle], name, bytes);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            end = middle;
    }
    return false;
}

/* gone: what gone/ has of this folder, files and folders. 1, 0, or -1. */
static int is_gone(const bx_layers *layers, const char *path,
                   const bx_name_list *gone, const char *name)
{
    bx_autofree char *child = NULL;

    if (!bx_name_list_has(gone, name))
        return 0;
    if (asprintf(&child, "%s%s%s", path, path[0] == '\0' ? "" : "/", name) <
        0) {
        child = NULL;
        errno = ENOMEM;
        return -1;
    }
    return bx_layers_is_gone(layers, child);
}

static int32_t add_up(bx_dir *dir)
{
    int base_fd = dir->fd;
    int32_t err;

    dir->fd = dir->up_fd;
    err = bx_dir_rewind(dir);
    while (err == 0) {
        const struct dirent64 *entry = bx_dir_next(dir, &err);

        if (entry == NULL)
            break;
        err = bx_dir_add(dir, entry);
        bx_dir_pass(dir, entry);
    }
    dir->fd = base_fd;
    return err;
}

static int32_t add_base(bx_dir *dir, const bx_layers *layers, const char *path,
                        const bx_name_list *gone)
{
    size_t end = dir->entries_count;
    int32_t err;

    bx_dir_sort(dir, 2);
    err = bx_dir_rewind(dir);
    while (err == 0) {
        const struct dirent64 *entry = bx_dir_next(dir, &err);
        int gone_too;

        if (entry == NULL)
            break;
        gone_too = is_in_up(dir, end, entry->d_name)
                       ? 1
                       : is_gone(layers, path, gone, entry->d_name);
        if (gone_too < 0)
            err = bx_wasi_errno(errno);
        else if (gone_too == 0)
            err = bx_dir_add(dir, entry);
        bx_dir_pass(dir, entry);
    }
    return err;
}

static void note_time(bx_dir *dir)
{
    struct timespec now;
    struct stat stat;

    dir->is_settled = false;
    if (fstat(dir->fd, &stat) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
        return;
    dir->base_ctime = stat.st_ctim;
    dir->is_settled = ((int64_t)now.tv_sec - stat.st_ctim.tv_sec) * 1000000000 +
                          (now.tv_nsec - stat.st_ctim.tv_nsec) >
                      SETTLED_NS;
}

int32_t bx_dir_add_merged(bx_dir *dir, const bx_wasi *wasi, const bx_fd *fd)
{
    const bx_layers *layers = layers_of(wasi, fd);
    bx_autonamelist bx_name_list gone = { .count = 0 };
    const char *path = path_of(wasi, fd);
    int32_t err;

    note_time(dir);
    /* Before up: what is gone was brought up first if it is still to show. */
    if (bx_layer_list(layers->gone_fd, path, &gone) < 0)
        return bx_wasi_errno(errno);
    err = add_up(dir);
    if (err != 0)
        return err;
    return add_base(dir, layers, path, &gone);
}
