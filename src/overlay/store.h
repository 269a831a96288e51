/* An overlay as people look at it: what wasi/overlay.h says lies on disk,
 * opened and held. Runs write there, so everything beneath up/ and gone/ is
 * hostile. */
#ifndef BX_OVERLAY_STORE_H
#define BX_OVERLAY_STORE_H

#include <jansson.h>

#include "base/error.h"
#include "overlay/beneath.h"

typedef struct bx_overlay_mapping {
    char *path;  /* the host folder, real when it was mapped */
    int base_fd; /* O_PATH; -1: it is no more, or a link leads there now */
    int up_fd;   /* O_PATH; -1: nothing was made there yet */
    int gone_fd;
} bx_overlay_mapping;

typedef struct bx_overlay_store {
    char *name;
    char *dir;   /* of the host */
    int fd;      /* O_PATH */
    int lock_fd; /* -1: not for the caller alone */
    char *id;
    int64_t created_s; /* since 1970 */
    bx_overlay_mapping *mappings;
    size_t mappings_count;
    json_t *records;   /* "N/path" of base.log: its first line */
    json_t *protected; /* absolute host paths, each with a reason */
} bx_overlay_store;

/* A file of the overlay's folder. Runs hold a shared flock() of it. */
#define BX_OVERLAY_USE_NAME "in-use"

/* Hold it, for as long as the descriptor is open, so that nobody commits or
 * drops the overlay of that folder meanwhile. -1 with err:
 * BX_ERR_DENIED: that is done just now */
int bx_overlay_hold(const char *dir, bx_error **err);

typedef enum bx_overlay_use {
    BX_OVERLAY_LOOK,  /* beside runs */
    BX_OVERLAY_ALONE, /* no run uses it, none begins to */
    BX_OVERLAY_END,   /* the same, and nothing is read: it may be broken */
} bx_overlay_use;

/* Open the overlay of that name.
 * errors: BX_ERR_NOT_FOUND: none has the name; BX_ERR_DENIED: in use;
 *         BX_ERR_INVALID: the name, not an overlay, or of another version */
bx_overlay_store *bx_overlay_store_open(const char *name, bx_overlay_use use,
                                        bx_error **err);
void bx_overlay_store_free(bx_overlay_store *store);
BX_DEFINE_AUTO(bx_overlay_store, bx_overlay_store_free)
#define bx_autooverlay BX_AUTO(bx_overlay_store_free)

/* What the base was before the first change of a path; borrowed, NULL: there
 * is no record. */
const json_t *bx_overlay_store_record(const bx_overlay_store *store,
                                      size_t mapping, const char *path);

/* Remove it from the disk: at once in name, then file by file. The store was
 * opened for the caller alone, and is of no more use. */
int bx_overlay_store_drop(bx_overlay_store *store, bx_error **err);

/* Why a commit does not write an absolute host path unless it is named: what is
 * protected is so with all that is beneath it. Borrowed; NULL: it is not. */
const char *bx_overlay_store_protects(const bx_overlay_store *store,
                                      const char *host_path);

/* The folder where overlays lie; owned, free(). */
char *bx_overlays_path(bx_error **err);
/* Names of all overlays, sorted; what drops left behind is cleared away. */
int bx_overlays_list(bx_names *ret_names, bx_error **err);
/* Letters, digits, '-', '_', '.'; 64 at most and none of dots first.
 * errors: BX_ERR_INVALID */
int bx_overlay_check_name(const char *name, bx_error **err);

/* No commit writes these paths unless it is told to by their names. Kept with
 * the overlay in dir: the host paths that the policy of a run protects. */
int bx_overlay_protect(const char *dir, const bx_policy *policy,
                       bx_error **err);

#endif
