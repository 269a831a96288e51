/* The folder that overlays lie in: which there are, and how one goes. A name
 * that begins with '.' is none of an overlay: there one goes before its files
 * are removed, so that a kill leaves no half of it under its name. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>

#include "overlay/store.h"

#define DROPPED ".dropped-"

/* Remove a folder that was moved aside. */
static int remove_dropped(int overlays_fd, const char *name)
{
    bx_autofd int fd = openat(overlays_fd, name,
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    if (bx_beneath_empty(fd) < 0)
        return -1;
    return unlinkat(overlays_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT
               ? 0
               : -1;
}

int bx_overlay_store_drop(bx_overlay_store *store, bx_error **err)
{
    bx_autofree char *overlays = bx_overlays_path(err);
    bx_autofd int fd = -1;
    uint64_t number;
    char aside[64];

    if (overlays == NULL)
        return -1;
    fd = open(overlays, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return bx_error_set_errno(err, errno, "'%s'", overlays);
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return bx_error_set_errno(err, errno, "random bytes");
    snprintf(aside, sizeof(aside), DROPPED "%016llx",
             (unsigned long long)number);
    if (renameat2(fd, store->name, fd, aside, RENAME_NOREPLACE) < 0 ||
        fsync(fd) < 0 || remove_dropped(fd, aside) < 0)
        return bx_error_set_errno(err, errno, "'%s'", store->dir);
    return 0;
}

int bx_overlays_list(bx_names *ret_names, bx_error **err)
{
    bx_autofree char *overlays = bx_overlays_path(err);
    bx_autonames bx_names found = { NULL, 0 };
    bx_autofd int fd = -1;
    size_t kept = 0;

    *ret_names = (bx_names){ NULL, 0 };
    if (overlays == NULL)
        return -1;
    fd = open(overlays, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : bx_error_set_errno(err, errno, "'%s'", overlays);
    if (bx_beneath_list(fd, "", &found) < 0)
        return bx_error_set_errno(err, errno, "'%s'", overlays);
    for (size_t i = 0; i < found.count; i++) {
        char *name = found.names[i];

        if (strncmp(name, DROPPED, sizeof(DROPPED) - 1) == 0)
            (void)remove_dropped(fd, name);
        if (bx_overlay_check_name(name, NULL) == 0)
            found.names[kept++] = name;
        else
            free(name);
    }
    found.count = kept;
    *ret_names = found;
    found = (bx_names){ NULL, 0 };
    return 0;
}
