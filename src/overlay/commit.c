#include "overlay/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "overlay/apply.h"
#include "overlay/forget.h"
#include "overlay/select.h"

/* ---- the plan -------------------------------------------------------- */

void bx_commit_plan_clear(bx_commit_plan *plan)
{
    free(plan->selected);
    *plan = (bx_commit_plan){ NULL, 0, 0, 0 };
}

static bool is_above(const bx_delta *folder, const bx_delta *row)
{
    size_t bytes = strlen(folder->path);

    return folder->mapping == row->mapping &&
           strncmp(row->path, folder->path, bytes) == 0 &&
           row->path[bytes] == '/';
}

/* A new folder goes with what is in it. The folders above a row come before it,
 * each above the next. */
static void select_folders(const bx_deltas *deltas, bool *selected)
{
    size_t above[BX_BENEATH_PATH_MAX / 2]; /* a name and a '/' for each */
    size_t depth = 0;

    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];

        while (depth > 0 && !is_above(&deltas->rows[above[depth - 1]], row))
            depth--;
        for (size_t k = 0; selected[i] && k < depth; k++) {
            bx_delta_what what = deltas->rows[above[k]].what;

            selected[above[k]] |=
                row->after.kind != BX_ENTRY_NONE &&
                (what == BX_DELTA_ADDED || what == BX_DELTA_REPLACED);
        }
        if (depth < sizeof(above) / sizeof(above[0]))
            above[depth++] = i;
    }
}

int bx_commit_make_plan(const bx_deltas *deltas,
                        const bx_commit_options *options,
                        bx_commit_plan *ret_plan, bx_error **err)
{
    bx_autoplan bx_commit_plan plan = { NULL, 0, 0, 0 };

    if (bx_deltas_select(deltas, options->only, options->only_count,
                         &plan.selected, err) < 0)
        return -1;
    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];

        plan.selected[i] &=
            row->protected_why == NULL ||
            bx_deltas_is_named(deltas, row, options->only, options->only_count);
    }
    select_folders(deltas, plan.selected);
    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];

        if (row->what == BX_DELTA_NONE)
            continue;
        if (!plan.selected[i]) {
            plan.left++;
            continue;
        }
        plan.count++;
        plan.conflicts += row->conflict != NULL ? 1 : 0;
    }
    *ret_plan = plan;
    plan.selected = NULL;
    return 0;
}

/* ---- the work -------------------------------------------------------- */

/* From a folder to something else: what is in it has to go first. */
static bool is_late(const bx_delta *row)
{
    return row->what == BX_DELTA_REMOVED ||
           (row->what == BX_DELTA_REPLACED &&
            row->before.kind == BX_ENTRY_FOLDER);
}

static int apply_one(const bx_overlay_store *store, const bx_delta *row,
                     bx_error **err)
{
    return bx_apply_clear(store, row, err) < 0 ||
                   bx_apply_change(store, row, err) < 0
               ? -1
               : 0;
}

static int apply_all(const bx_deltas *deltas, const bool *selected,
                     size_t *committed, bx_error **err)
{
    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];

        if (!selected[i] || is_late(row))
            continue;
        if (apply_one(deltas->store, row, err) < 0)
            return -1;
        *committed += row->what == BX_DELTA_NONE ? 0 : 1;
    }
    for (size_t i = deltas->count; i-- > 0;) {
        const bx_delta *row = &deltas->rows[i];

        if (!selected[i] || !is_late(row))
            continue;
        if (apply_one(deltas->store, row, err) < 0)
            return -1;
        ++*committed;
    }
    return 0;
}

/* All that was renamed and removed lies on the disk before the overlay, which
 * could do it again, is touched. */
static int settle(const bx_overlay_store *store, bx_error **err)
{
    for (size_t i = 0; i < store->mappings_count; i++) {
        const bx_overlay_mapping *mapping = &store->mappings[i];
        bx_autofd int fd = -1;

        if (mapping->base_fd < 0)
            continue;
        fd = openat(mapping->base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || syncfs(fd) < 0)
            return bx_error_set_errno(err, errno, "'%s'", mapping->path);
    }
    return 0;
}

int bx_overlay_commit(bx_overlay_store *store, const bx_deltas *deltas,
                      const bx_commit_plan *plan,
                      const bx_commit_options *options,
                      bx_commit_result *ret_result, bx_error **err)
{
    size_t committed = 0;

    if (plan->conflicts > 0 && !options->is_forced)
        return bx_error_set(err, BX_ERR_DENIED,
                            "overlay '%s': %zu in conflict with what was "
                            "changed meanwhile; nothing was committed",
                            store->name, plan->conflicts);
    if (apply_all(deltas, plan->selected, &committed, err) < 0)
        return bx_error_wrap(err, "after %zu of %zu changes", committed,
                             plan->count);
    if (settle(store, err) < 0)
        return -1;
    if (plan->left == 0 && !options->is_kept
            ? bx_overlay_store_drop(store, err) < 0
            : bx_overlay_forget(store, deltas, plan, err) < 0)
        return bx_error_wrap(err, "committed, but the overlay is left");
    *ret_result = (bx_commit_result){ committed, plan->left };
    return 0;
}
