/* An overlay without what was committed of it. */
#ifndef BX_OVERLAY_FORGET_H
#define BX_OVERLAY_FORGET_H

#include "overlay/commit.h"

/* Take the plan's rows, and those that change nothing, out of the overlay. At
 * each moment what it shows stays the same, so a kill costs only the rest of
 * the clearing, which the next commit does. */
int bx_overlay_forget(const bx_overlay_store *store, const bx_deltas *deltas,
                      const bx_commit_plan *plan, bx_error **err);

#endif
