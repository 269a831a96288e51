/* Bringing the base's entries up, so that they can be changed there. What shows
 * stays as it was: each comes with its mode and times, in one step. */
#ifndef BX_WASI_OVERLAY_UP_H
#define BX_WASI_OVERLAY_UP_H

#include "wasi/overlay_state.h"

/* What a change is about, and for which run. */
typedef struct bx_edit {
    const bx_layers *layers;
    const char *path;
    const bx_run *run;
} bx_edit;

/* All return -1 with errno. EFBIG: more than BX_OVERLAY_COPY_MAX_BYTES; ETIME:
 * the run is over; EXDEV: neither a file, a folder nor a link. */

/* Bring up the folder at edit->path[0..len] with those above it. Returns it,
 * O_PATH. Under the lock. */
int bx_up_folder(const bx_edit *edit, size_t len);
/* The same of the folder above edit->path; *ret_name is the last name. */
int bx_up_parent(const bx_edit *edit, const char **ret_name);

/* Bring up what shows at edit->path, of any kind; the lock is not held. A
 * file's content stays behind when it is about to be cut off. */
int bx_up_entry(const bx_edit *edit, bool is_content_kept);

/* The base's entry no longer shows. Under the lock. */
int bx_up_mark_gone(const bx_edit *edit);

/* Would the base itself refuse to have this entry changed (W_OK)? A read-only
 * file system does not count: nothing is written there. */
int bx_up_check_base(const bx_layers *layers, const char *path);

/* The folder's times, put back after an entry was brought up into it. */
void bx_up_keep_times(int dir_fd, const struct stat *stat);

#endif
