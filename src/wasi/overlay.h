/* An overlay: mapped folders as a run sees and changes them, while the folders
 * themselves stay as they are.
 *
 * On disk, in a folder of the user's (0700) that no guest reaches by a mapping:
 *
 *  overlay.json  {"version": 1, "id": ..., "created_s": ...,
 *                 "mappings": ["/real/path/of/host/folder", ...]}
 *  up/N/...      what was made or changed beneath mapping N, at its own path:
 *                plain files, folders and links with their modes and times
 *  gone/N/...    a plain file where the base's entry no longer shows: it was
 *                removed, or a folder made anew covers it. Folders only lead
 *                there
 *  in-use        whoever uses the overlay holds flock(LOCK_SH) on it; LOCK_EX
 * is for committing and dropping base.log      one JSON line for each path of
 * the base when it was first touched: {"mapping": N, "path": "a/b", "kind":
 * "file", "size": ..., "mtime_ns": ..., "ino": ..., "mode": ..., "sha256":
 * ...}. kind: file, folder, link, other, or none for what was not there, which
 * has no more members. mode: the bits of 07777. sha256: of a file whose content
 * was copied. A path that is not UTF-8 is "path_hex" in its place. The first
 *                line of a path counts
 *  tmp/          files on their way to up/; flock() is held on each that is
 *                being written
 *  lock          whoever changes up/, gone/ or base.log holds flock(LOCK_EX)
 *                on it; looking takes none
 *  touched       which paths may be in up/ or gone/, for those who look; may
 *                name too many, never too few (overlay_state.h)
 *
 * A path shows what up/ has; else nothing when it or a folder above it is gone;
 * else what the base has. A folder in up/ is merged with the base's, unless
 * gone/ has a file of its path. Several processes use one overlay at a time:
 * the folder is the whole truth, and each change to it is one step.
 *
 * The base is only read: under an overlay no mapped folder is ever written. */
#ifndef BX_WASI_OVERLAY_H
#define BX_WASI_OVERLAY_H

#include "base/error.h"

#define BX_OVERLAY_VERSION 1
#define BX_OVERLAY_COPY_MAX_BYTES (1u << 30) /* of one file brought up */

typedef struct bx_overlay bx_overlay;

/* Open the overlay in dir, made if it is not there, and its folders for these
 * mappings (real paths of host folders; new ones are added to it).
 * ret_numbers: count of them, the N of each. errors: BX_ERR_INVALID: not an
 * overlay, or of another version */
bx_overlay *bx_overlay_open(const char *dir, const char *const *mappings,
                            size_t count, unsigned *ret_numbers,
                            bx_error **err);
/* NULL is fine. */
void bx_overlay_free(bx_overlay *overlay);

/* "$XDG_STATE_HOME/boxagnts/overlays/NAME" or the home folder's; owned, free().
 * errors: BX_ERR_INVALID: the name, BX_ERR_NOT_FOUND: no home */
char *bx_overlay_path(const char *name, bx_error **err);

/* Folders (O_PATH) of mapping N, for whoever confines a process to them:
 * borrowed. */
int bx_overlay_dir_fd(const bx_overlay *overlay);

#endif
