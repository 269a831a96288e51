/* An overlay's changes, written to the folders they belong to.
 *
 * Each file is replaced in one step, and what a killed commit did is recognised
 * by the next, so that one finishes the other. Additions come first, then
 * removals from the deepest up; the overlay forgets what was committed only
 * after all of it lies on the disk. */
#ifndef BX_OVERLAY_COMMIT_H
#define BX_OVERLAY_COMMIT_H

#include "overlay/deltas.h"

typedef struct bx_commit_options {
    const char *const *only; /* paths as for bx_deltas_select() */
    size_t only_count;
    bool is_forced; /* over conflicts */
    bool is_kept;   /* the overlay stays, empty */
} bx_commit_options;

/* Which rows are to be committed. What is protected is not, unless named. */
typedef struct bx_commit_plan {
    bool *selected; /* for each row; owned */
    size_t count;   /* of selected rows that change something */
    size_t left;    /* of the others */
    size_t conflicts;
} bx_commit_plan;

/* errors: BX_ERR_NOT_FOUND: a path of only */
int bx_commit_make_plan(const bx_deltas *deltas,
                        const bx_commit_options *options,
                        bx_commit_plan *ret_plan, bx_error **err);
void bx_commit_plan_clear(bx_commit_plan *plan);
#define bx_autoplan __attribute__((cleanup(bx_commit_plan_clear)))

typedef struct bx_commit_result {
    size_t committed;
    size_t left; /* still in the overlay */
} bx_commit_result;

/* The store was opened for the caller alone. Once nothing is left it is dropped
 * and of no more use.
 * errors: BX_ERR_DENIED: a conflict, found beforehand (nothing was committed)
 *         or at a file (what came before it is; commit again); BX_ERR_SYSTEM */
int bx_overlay_commit(bx_overlay_store *store, const bx_deltas *deltas,
                      const bx_commit_plan *plan,
                      const bx_commit_options *options,
                      bx_commit_result *ret_result, bx_error **err);

#endif
