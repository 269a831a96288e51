/* Some of an overlay's changes, by paths as a person writes them: of the host,
 * from the current folder or absolute, or beneath a mapping's folder. */
#ifndef BX_OVERLAY_SELECT_H
#define BX_OVERLAY_SELECT_H

#include "overlay/deltas.h"

/* What is at or beneath each path; no paths: everything.
 * ret_selected: a bool for each row, owned, free().
 * errors: BX_ERR_NOT_FOUND: nothing changed there, with the path */
int bx_deltas_select(const bx_deltas *deltas, const char *const *paths,
                     size_t count, bool **ret_selected, bx_error **err);

/* Is a protected row one that a path names: the row's own path, or one above it
 * that is protected too? */
bool bx_deltas_is_named(const bx_deltas *deltas, const bx_delta *row,
                        const char *const *paths, size_t count);

#endif
