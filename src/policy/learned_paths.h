/* The paths of what a run needed, and the fewest that cover them. */
#ifndef BX_POLICY_LEARNED_PATHS_H
#define BX_POLICY_LEARNED_PATHS_H

#include "base/error.h"

#define BX_LEARNED_READ 1u
#define BX_LEARNED_WRITE 2u
#define BX_LEARNED_SEE 4u
#define BX_LEARNED_WHOLE 8u /* no grant may lie strictly beneath */

typedef struct bx_learned_path {
    char *path; /* canonical; the root is "" */
    size_t len;
    unsigned used;   /* BX_LEARNED_... */
    unsigned kept;   /* READ and WRITE that a grant is written for */
    unsigned access; /* what grants at or above it give */
} bx_learned_path;

typedef struct bx_learned_move {
    char *from;
    char *to;
} bx_learned_move;

typedef struct bx_learned_paths {
    bx_learned_path *items;
    size_t count;
    size_t cap;
    bx_learned_move *moves;
    size_t moves_count;
    size_t moves_cap;
} bx_learned_paths;

/* path is canonical. */
int bx_learned_paths_add(bx_learned_paths *paths, unsigned use,
                         const char *path, bx_error **err);
int bx_learned_paths_add_move(bx_learned_paths *paths, const char *from,
                              const char *to, bx_error **err);
void bx_learned_paths_clear(bx_learned_paths *paths);

/* A copy, sorted, each path once, with kept worked out: at most max of them.
 * ret_paths: bx_learned_paths_clear(). */
int bx_learned_paths_reduce(const bx_learned_paths *paths, size_t max,
                            bx_learned_paths *ret_paths, bool *ret_is_cut,
                            bx_error **err);

#endif
