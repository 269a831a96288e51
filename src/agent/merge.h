/* What several overlays of one workspace change, put together: what only one of
 * them touches can be written; a path that two change in different ways, or
 * that was changed beneath them meanwhile, is a conflict, and is written only
 * in the version that somebody decided for. What is not written stays in its
 * overlay. One thread. */
#ifndef BX_AGENT_MERGE_H
#define BX_AGENT_MERGE_H

#include "base/buf.h"
#include "base/error.h"
#include "tool/registry.h"

#define BX_MERGE_PARTS_MAX 64u
#define BX_MERGE_NONE SIZE_MAX

typedef struct bx_merge bx_merge;

typedef struct bx_merge_conflict {
    const char *path;    /* of the host; borrowed of the merge */
    const char *why;     /* static */
    const size_t *parts; /* who changes it or what is beneath it, in order */
    size_t parts_count;
    bool is_stale;   /* the workspace was changed there meanwhile */
    size_t decision; /* one of parts, or BX_MERGE_NONE */
} bx_merge_conflict;

/**
 * Open overlays and find what stands against what. Nothing runs over them any
 * more from now on, until the merge is freed.
 *
 * registry   has them released; NULL: nothing ran
 * names      of overlays, in the order in which they are written; copied. One
 *            that does not exist has changed nothing, nor has one that cannot
 *            be read: bx_merge_problem()
 * errors     BX_ERR_INVALID: a name; BX_ERR_LIMIT: more than
 *            BX_MERGE_PARTS_MAX
 */
bx_merge *bx_merge_new(bx_registry *registry, const char *const *names,
                       size_t count, bx_error **err);
/* NULL is fine. */
void bx_merge_free(bx_merge *merge);
BX_DEFINE_AUTO(bx_merge, bx_merge_free)
#define bx_automerge BX_AUTO(bx_merge_free)

/* Why a part cannot be merged; borrowed, NULL: it can. It stays as it is. */
const char *bx_merge_problem(const bx_merge *merge, size_t part);

/* Changes of a part that are in no conflict, and are not protected. */
size_t bx_merge_changes(const bx_merge *merge, size_t part);

size_t bx_merge_conflicts(const bx_merge *merge);
bx_merge_conflict bx_merge_conflict_at(const bx_merge *merge, size_t i);
/* part: BX_MERGE_NONE: nothing of it is written. */
void bx_merge_decide(bx_merge *merge, size_t i, size_t part);

/* Diffs against the workspace as it is now, of what a part would write without
 * a decision, or of its version of a conflict. Cut at so many bytes in all,
 * with a line that says how much is missing. */
int bx_merge_diff(const bx_merge *merge, size_t part, size_t max_bytes,
                  bx_buf *text, bx_error **err);
int bx_merge_conflict_diff(const bx_merge *merge, size_t i, size_t part,
                           size_t max_bytes, bx_buf *text, bx_error **err);

typedef struct bx_merge_result {
    size_t written;
    size_t left; /* in the overlays: conflicts, protected paths, what was
                  * changed in the workspace since the merge was made */
} bx_merge_result;

/* Write it, part by part: all without a conflict, and what was decided for. An
 * overlay of which nothing is left is dropped. What is killed in the middle is
 * finished by the next merge of the same overlays. Once.
 * errors: BX_ERR_DENIED: a file is no longer as it was just now; BX_ERR_SYSTEM.
 * ret_result is filled all the same */
int bx_merge_commit(bx_merge *merge, bx_merge_result *ret_result,
                    bx_error **err);

#endif
