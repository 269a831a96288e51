/* The path calls' changes under an overlay, by the places they were resolved
 * to: what the kernel says of "." and of a '/' at the end, then the change. All
 * return as the system calls they stand for, -1 with errno. */
#ifndef BX_WASI_OVERLAY_PLACE_H
#define BX_WASI_OVERLAY_PLACE_H

#include "wasi/resolve.h"

/* Of what lies there, not of where it leads. */
int bx_covered_stat(const bx_path *path, const bx_place *place,
                    struct stat *ret_stat);
int bx_covered_set_times(const bx_path *path, const bx_place *place,
                         const struct timespec times[2]);
int bx_covered_make_folder(const bx_path *path, const bx_place *place,
                           mode_t mode);
int bx_covered_make_link(const bx_path *path, const bx_place *place,
                         const char *content);
/* flags: as of unlinkat() */
int bx_covered_remove(const bx_path *path, const bx_place *place, int flags);
int bx_covered_rename(const bx_path *from_path, const bx_place *from,
                      const bx_path *to_path, const bx_place *to);
int bx_covered_link(const bx_path *from_path, const bx_place *from,
                    const bx_path *to_path, const bx_place *to);

/* As bx_edit_replace(). */
int bx_covered_replace(const bx_path *path, const bx_place *place,
                       const void *data, size_t bytes);

/* The same of a folder or a file of the base by its descriptor. */
int bx_covered_fd_stat(const bx_wasi *wasi, const bx_fd *fd,
                       struct stat *ret_stat);
/* A file's descriptor is one of up's afterwards. */
int bx_covered_fd_set_times(const bx_wasi *wasi, bx_fd *fd,
                            const struct timespec times[2]);

#endif
