#include "worker/lockdown_box.h"

#include <errno.h>
#include <fcntl.h>

/* Landlock knows no exceptions beneath a folder, so a mapping is as open as its
 * most open place; it is closed further within by src/wasi. */
static unsigned access_of(const bx_fs *fs, size_t mount)
{
    unsigned access = 0;

    for (size_t i = 0; i < fs->points_count; i++) {
        if (fs->points[i].mount == (int)mount)
            access |= fs->points[i].access;
    }
    return access & fs->mounts[mount].rule->access;
}

int bx_lockdown_apply_box(const bx_fs *fs, const bx_lockdown *lockdown,
                          bool ret_applied[BX_LOCKDOWN_LAYERS], bx_error **err)
{
    const char *overlay = fs->policy->overlay_dir;
    bx_lockdown complete = *lockdown;
    bx_autofree bx_lockdown_dir *dirs =
        calloc(fs->mounts_count + 1, sizeof(*dirs));
    bx_autofd int overlay_fd = -1;

    if (dirs == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < fs->mounts_count; i++)
        dirs[i] =
            (bx_lockdown_dir){ fs->mounts[i].fd,
                               access_of(fs, i) &
                                   (overlay == NULL ? ~0u : BX_ACCESS_READ) };
    complete.dirs = dirs;
    complete.dirs_count = fs->mounts_count;
    if (overlay != NULL) {
        overlay_fd = open(overlay, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (overlay_fd < 0)
            return bx_error_set_errno(err, errno, "overlay '%s'", overlay);
        dirs[complete.dirs_count++] =
            (bx_lockdown_dir){ overlay_fd, BX_ACCESS_READ | BX_ACCESS_WRITE };
    }
    return bx_lockdown_apply(&complete, ret_applied, err);
}
