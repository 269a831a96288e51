/* One change as people read it: a unified diff of text, a summary of the rest.
 * Names are escaped. Contents are the guest's, byte for byte, so that patch(1)
 * and git can apply them: whoever shows them on a terminal escapes them. */
#ifndef BX_OVERLAY_DIFF_H
#define BX_OVERLAY_DIFF_H

#include "base/buf.h"
#include "overlay/deltas.h"

#define BX_DIFF_MAX_BYTES (8u << 20) /* of a side that is compared by line */

typedef struct bx_diff {
    bx_buf text;   /* lines; the first of each part begins with "diff " */
    bool is_lines; /* compared line by line */
    size_t lines_added;
    size_t lines_removed;
    char before_sha256[65]; /* of files that are not; otherwise "" */
    char after_sha256[65];
} bx_diff;

/* errors: BX_ERR_SYSTEM: a side cannot be read */
int bx_diff_make(const bx_deltas *deltas, const bx_delta *change,
                 bx_diff *ret_diff, bx_error **err);
void bx_diff_clear(bx_diff *diff);
#define bx_autodiff __attribute__((cleanup(bx_diff_clear)))

/* ---- engine/src/diff.rs ---- */

/* Lines from..to of each side, counted from 0. */
typedef struct bx_diff_hunk {
    uint32_t before_from;
    uint32_t before_to;
    uint32_t after_from;
    uint32_t after_to;
} bx_diff_hunk;

/* Each hunk in order; what on_hunk answers other than 0 ends it and is
 * returned. At most 1 GiB a side. */
int32_t bx_engine_diff_lines(const void *before, size_t before_bytes,
                             const void *after, size_t after_bytes,
                             int32_t (*on_hunk)(void *context,
                                                const bx_diff_hunk *hunk),
                             void *context);

#endif
