/* Whether whoever is asked about a run (bx_run.need) gives what a call is about
 * to use. Paths are told as they truly are, after links, since that is how
 * access is judged: so with a listener paths are walked, or opened such that
 * no link can have been followed. Without one nothing here costs anything.
 *
 * Each returns 0 (or the errno it was given), or the errno of a refusal, which
 * the audit was told. */
#ifndef BX_WASI_NEED_H
#define BX_WASI_NEED_H

#include "wasi/resolve.h"

#define BX_ACCESS_SEE 0u /* to see that it is there, or is not */

/* Fill in the guest path that a path has when no link is met on it. False: only
 * a walk can tell. */
bool bx_need_guess(const bx_path *path, bx_final final, bx_place *place);

/* Before a change: a guess is not enough. */
int32_t bx_need_walk(bx_path *path, bx_place *place);

/* access: as of bx_place_need(), or BX_ACCESS_SEE. */
int32_t bx_need_place(const bx_path *path, const bx_place *place,
                      unsigned access);
int32_t bx_need_fd(bx_wasi *wasi, const char *call, const bx_fd *fd,
                   unsigned access);

/* A folder is to be removed; an entry is to have another place or name. Both
 * have been found and may be written. */
int32_t bx_need_remove(const bx_path *path, const bx_place *place);
int32_t bx_need_move(const bx_path *path, const bx_place *from,
                     const bx_place *to);

/* A lookup failed with err: that nothing is there is seen as well. */
int32_t bx_need_missing(const bx_path *path, const bx_place *place,
                        int32_t err);
/* A walk ended before rest: that is where nothing was found. */
void bx_need_put_rest(const bx_path *path, bx_place *place, const char *rest);
/* The walk stands in a link's parent and is to follow it. bytes: of its name,
 * which is still behind the parent's path. */
int32_t bx_need_link(const bx_path *path, const bx_place *place, size_t bytes);

/* Is the variable of the policy's given? */
bool bx_need_env(bx_wasi *wasi, const char *name);

#endif
