/* An open overlay from within. Changes to it are made one at a time, under its
 * lock, by whichever process; looking takes none. */
#ifndef BX_WASI_OVERLAY_STATE_H
#define BX_WASI_OVERLAY_STATE_H

#include <pthread.h>
#include <stdint.h>

#include "base/run.h"
#include "wasi/layers.h"
#include "wasi/overlay.h"

#define BX_TMP_NAME_BYTES 24u

typedef struct bx_touched bx_touched;

typedef struct bx_overlay_tree {
    int up_fd;
    int gone_fd;
} bx_overlay_tree;

struct bx_overlay {
    int dir_fd;
    int up_fd; /* of all mappings; O_PATH, as the rest */
    int gone_fd;
    int tmp_fd;
    int log_fd;
    int lock_fd;
    int use_fd;            /* shared by all that use the overlay, for as long */
    pthread_mutex_t mutex; /* flock() tells processes apart, not threads */
    bx_touched *touched;
    bx_overlay_tree *trees; /* by mapping number */
    size_t trees_count;
};

/* The layers of mapping number, whose own folder is base_fd. */
bx_layers bx_overlay_layers(bx_overlay *overlay, unsigned number, int base_fd);

/* -1 with errno; ETIME: the run is over. run may be NULL: ten seconds. */
int bx_overlay_lock(bx_overlay *overlay, const bx_run *run);
void bx_overlay_unlock(bx_overlay *overlay);

/* A name for tmp/ that nobody else uses. */
void bx_overlay_tmp_name(char name[BX_TMP_NAME_BYTES]);
/* Remove what lies in tmp/ under that name, folders with all that is in them.
 */
void bx_overlay_tmp_remove(const bx_overlay *overlay, const char *name);
/* Remove what processes that ended left there; under the lock. */
void bx_overlay_tmp_clean(const bx_overlay *overlay);

/* Append to base.log: what the base has at a path, stat NULL for nothing.
 * sha256: hexadecimal, or NULL. -1 with errno. */
int bx_overlay_log(const bx_layers *layers, const char *path,
                   const struct stat *stat, const char *sha256);

/* ---- which paths were touched --------------------------------------- */

/* A set of paths, kept in a file that all processes map, so that looking at
 * what nobody touched goes straight to the base. It may hold more than it was
 * told, never less. */
bx_touched *bx_touched_open(const char *dir, int dir_fd, bx_error **err);
void bx_touched_close(bx_touched *touched);

/* Something is about to be made at the path, in up or gone. is_hiding: it is no
 * folder, or one beneath which nothing of the base's shows. */
void bx_overlay_touch(const bx_layers *layers, const char *path,
                      bool is_hiding);
/* False: up and gone have nothing of this path, and of none above it anything
 * that hides the base's. */
bool bx_overlay_is_touched(const bx_layers *layers, const char *path);

/* Count a change that was made; the count so far. */
void bx_overlay_count_change(const bx_overlay *overlay);
uint64_t bx_overlay_changes(const bx_overlay *overlay);

#endif
