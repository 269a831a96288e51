#include "worker/lockdown_box.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

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

/* Of an overlay only what holds the guests' entries. What a commit goes by
 * (which host folders are mapped, what is protected, who uses it) and what the
 * host has mapped into its memory lies beside them, and is open already where a
 * guest's calls need it. */
static const char *const overlay_parts[] = { "up", "gone", "tmp" };
enum { OVERLAY_PARTS = sizeof(overlay_parts) / sizeof(overlay_parts[0]) };

static int add_overlay(const char *overlay, bx_lockdown_dir *dirs,
                       bx_error **err)
{
    bx_autofd int fd = open(overlay, O_PATH | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; i < OVERLAY_PARTS; i++) {
        dirs[i] = (bx_lockdown_dir){
            fd < 0 ? -1
                   : openat(fd, overlay_parts[i],
                            O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
            BX_ACCESS_READ | BX_ACCESS_WRITE
        };
        if (dirs[i].fd < 0)
            return bx_error_set_errno(err, errno, "overlay '%s'", overlay);
    }
    return 0;
}

int bx_lockdown_apply_box(const bx_fs *fs, const bx_lockdown *lockdown,
                          bool ret_applied[BX_LOCKDOWN_LAYERS], bx_error **err)
{
    const char *overlay = fs->policy->overlay_dir;
    bx_lockdown complete = *lockdown;
    bx_autofree bx_lockdown_dir *dirs =
        calloc(fs->mounts_count + OVERLAY_PARTS, sizeof(*dirs));
    int result = 0;

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
        for (int i = 0; i < OVERLAY_PARTS; i++)
            dirs[fs->mounts_count + i].fd = -1;
        complete.dirs_count += OVERLAY_PARTS;
        result = add_overlay(overlay, &dirs[fs->mounts_count], err);
    }
    if (result == 0)
        result = bx_lockdown_apply(&complete, ret_applied, err);
    for (size_t i = fs->mounts_count; i < complete.dirs_count; i++) {
        if (dirs[i].fd >= 0)
            close(dirs[i].fd);
    }
    return result;
}
