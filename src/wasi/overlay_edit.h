/* Changes under an overlay: each of the path calls' system calls, made so that
 * the base stays as it is. They return -1 with errno, as those do; besides,
 * EFBIG, ETIME and EXDEV as in overlay_up.h. */
#ifndef BX_WASI_OVERLAY_EDIT_H
#define BX_WASI_OVERLAY_EDIT_H

#include "base/buf.h"
#include "wasi/overlay_up.h"

/* open(2) for writing, with O_TRUNC or O_CREAT. */
int bx_edit_open(const bx_edit *edit, int flags, mode_t mode);

int bx_edit_make_folder(const bx_edit *edit, mode_t mode);
int bx_edit_make_link(const bx_edit *edit, const char *content);
int bx_edit_remove_file(const bx_edit *edit);
int bx_edit_remove_folder(const bx_edit *edit);
int bx_edit_link(const bx_edit *from, const bx_edit *to);
/* utimensat(2) of what lies there, not of where it leads. */
int bx_edit_set_times(const bx_edit *edit, const struct timespec times[2]);

/* How much of the base may be brought up for one rename. */
typedef struct bx_up_limits {
    uint64_t bytes;
    uint64_t entries;
} bx_up_limits;

/* rename(2). A folder of the base is brought up whole first; EXDEV when that
 * is more than limits has. A file that replaces another takes its mode. */
int bx_edit_rename(const bx_edit *from, const bx_edit *to, bx_up_limits limits);

/* Put a file with this content in the place of what lies there, or of nothing;
 * it takes the mode of the one that it replaces. EISDIR, EINVAL: neither a
 * regular file nor a link lies there. */
int bx_edit_replace(const bx_edit *edit, const void *data, size_t bytes);

/* ---- whole folders -------------------------------------------------- */

/* Names in a folder, but "." and ".."; sorted. */
typedef struct bx_name_list {
    bx_buf text; /* each with its NUL */
    const char **list;
    size_t count;
} bx_name_list;

void bx_name_list_clear(bx_name_list *names);
#define bx_autonamelist __attribute__((cleanup(bx_name_list_clear)))
/* Of one tree; a folder that is not there has none. EOVERFLOW: too many. */
int bx_layer_list(int root_fd, const char *path, bx_name_list *ret_names);
bool bx_name_list_has(const bx_name_list *names, const char *name);

/* Bring up all that the base shows beneath a folder. */
int bx_up_tree(const bx_edit *edit, bx_up_limits limits);
/* Is nothing of the base left that shows beneath it? 1, 0, or -1. */
int bx_up_is_whole(const bx_edit *edit);
/* Does nothing show in the folder? The same. */
int bx_layers_is_empty(const bx_layers *layers, const char *path);

#endif
