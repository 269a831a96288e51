#include "agent/merge.h"

#include <string.h>

#include "overlay/commit.h"
#include "overlay/diff.h"
#include "wasi/overlay.h"

typedef struct merge_part {
    char *name;
    bx_overlay_store *store; /* NULL: it has changed nothing */
    bx_deltas deltas;
    bx_error *problem; /* with neither store nor deltas; NULL: none */
} merge_part;

/* One row of one part. */
typedef struct merge_entry {
    char *path; /* of the host */
    size_t part;
    size_t row;
} merge_entry;

/* What is decided as one: a path, and, where one of the parts has no folder
 * there, all that any has beneath it. */
typedef struct merge_unit {
    size_t from; /* of the entries */
    size_t to;
    const char *why; /* static; NULL: no conflict */
    bool is_stale;
    bool is_same;  /* in all parts */
    size_t *parts; /* of a conflict; owned */
    size_t parts_count;
    size_t decision;
} merge_unit;

struct bx_merge {
    merge_part *parts;
    size_t parts_count;
    merge_entry *entries; /* by path, a folder before what it holds */
    size_t entries_count;
    merge_unit *units;
    size_t units_count;
    size_t *conflicts; /* of the units */
    size_t conflicts_count;
};

static const char two_change[] = "changed by more than one";
static const char changed_beneath[] = "changed in the workspace meanwhile";

void bx_merge_free(bx_merge *merge)
{
    if (merge == NULL)
        return;
    for (size_t i = 0; i < merge->entries_count; i++)
        free(merge->entries[i].path);
    for (size_t i = 0; i < merge->units_count; i++)
        free(merge->units[i].parts);
    for (size_t i = 0; i < merge->parts_count; i++) {
        bx_deltas_clear(&merge->parts[i].deltas);
        bx_error_free(merge->parts[i].problem);
        bx_overlay_store_free(merge->parts[i].store);
        free(merge->parts[i].name);
    }
    free(merge->parts);
    free(merge->entries);
    free(merge->units);
    free(merge->conflicts);
    free(merge);
}

static const bx_delta *row_of(const bx_merge *merge, const merge_entry *entry)
{
    return &merge->parts[entry->part].deltas.rows[entry->row];
}

/* ---- opening --------------------------------------------------------------
 */

static int read_part(bx_registry *registry, const char *dir, merge_part *part,
                     bx_error **err)
{
    bx_autoerror bx_error *why = NULL;

    if (registry != NULL && bx_registry_release_overlay(registry, dir, err) < 0)
        return -1;
    part->store = bx_overlay_store_open(part->name, BX_OVERLAY_ALONE, &why);
    if (part->store == NULL && bx_error_code(why) == BX_ERR_NOT_FOUND)
        return 0;
    if (part->store == NULL) {
        *err = bx_take(why);
        return -1;
    }
    return bx_deltas_find(part->store, &part->deltas, err);
}

/* One that is broken is its own matter. */
static int open_part(bx_registry *registry, merge_part *part, bx_error **err)
{
    bx_autofree char *dir = bx_overlay_path(part->name, err);

    if (dir == NULL)
        return -1;
    if (read_part(registry, dir, part, &part->problem) < 0) {
        bx_overlay_store_free(part->store);
        part->store = NULL;
    }
    return 0;
}

/* A folder that both sides have is no conflict: what is in it may be one. */
static void forgive_folders(bx_deltas *deltas)
{
    for (size_t i = 0; i < deltas->count; i++) {
        bx_delta *row = &deltas->rows[i];

        if (row->before.kind == BX_ENTRY_FOLDER &&
            row->after.kind == BX_ENTRY_FOLDER)
            row->conflict = NULL;
    }
}

/* '/' sorts before all, so that a folder's content follows it at once. */
static int compare_paths(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    if (*a == *b)
        return 0;
    if (*a == '\0' || *b == '\0')
        return *a == '\0' ? -1 : 1;
    if (*a == '/' || *b == '/')
        return *a == '/' ? -1 : 1;
    return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int compare_entries(const void *a, const void *b)
{
    const merge_entry *left = a;
    const merge_entry *right = b;
    int order = compare_paths(left->path, right->path);

    if (order != 0)
        return order;
    return left->part < right->part ? -1 : left->part > right->part;
}

static int list_entries(bx_merge *merge, bx_error **err)
{
    size_t count = 0;

    for (size_t i = 0; i < merge->parts_count; i++)
        count += merge->parts[i].deltas.count;
    merge->entries = calloc(count + 1, sizeof(*merge->entries));
    if (merge->entries == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < merge->parts_count; i++) {
        const bx_deltas *deltas = &merge->parts[i].deltas;

        for (size_t k = 0; k < deltas->count; k++) {
            merge_entry *entry = &merge->entries[merge->entries_count];

            *entry =
                (merge_entry){ bx_delta_host_path(deltas, &deltas->rows[k]), i,
                               k };
            if (entry->path == NULL)
                return bx_error_set_nomem(err);
            merge->entries_count++;
        }
    }
    qsort(merge->entries, merge->entries_count, sizeof(*merge->entries),
          compare_entries);
    return 0;
}

/* ---- units ----------------------------------------------------------------
 */

static bool is_beneath(const char *path, const char *folder)
{
    size_t bytes = strlen(folder);

    return strncmp(path, folder, bytes) == 0 && path[bytes] == '/';
}

/* Is what lies beneath bound to it? */
static bool covers(const bx_delta *row)
{
    return row->after.kind != BX_ENTRY_FOLDER || row->what == BX_DELTA_REPLACED;
}

static void find_unit(const bx_merge *merge, size_t from, merge_unit *unit)
{
    const char *path = merge->entries[from].path;
    bool is_cover = false;
    size_t to = from;

    for (; to < merge->entries_count; to++) {
        const merge_entry *entry = &merge->entries[to];

        if (strcmp(entry->path, path) == 0)
            is_cover |= covers(row_of(merge, entry));
        else if (!is_cover || !is_beneath(entry->path, path))
            break;
    }
    *unit = (merge_unit){ .from = from, .to = to, .decision = BX_MERGE_NONE };
}

/* What both have made of a file, byte for byte. */
static int are_same(const bx_merge *merge, const merge_entry *a,
                    const merge_entry *b, bool *ret_are, bx_error **err)
{
    const bx_delta *left = row_of(merge, a);
    const bx_delta *right = row_of(merge, b);
    bx_autodiff bx_diff one = { .text = BX_BUF_INIT };
    bx_autodiff bx_diff two = { .text = BX_BUF_INIT };

    *ret_are = false;
    if (left->after.kind != right->after.kind ||
        left->after.mode != right->after.mode ||
        left->after.size != right->after.size)
        return 0;
    if (left->after.kind == BX_ENTRY_NONE) {
        *ret_are = true;
        return 0;
    }
    if (bx_diff_make(&merge->parts[a->part].deltas, left, &one, err) < 0 ||
        bx_diff_make(&merge->parts[b->part].deltas, right, &two, err) < 0)
        return -1;
    *ret_are = one.text.len == two.text.len && one.text.len > 0 &&
               memcmp(one.text.data, two.text.data, one.text.len) == 0 &&
               strcmp(one.after_sha256, two.after_sha256) == 0;
    return 0;
}

static int list_parts(const bx_merge *merge, merge_unit *unit, bx_error **err)
{
    unit->parts = calloc(merge->parts_count, sizeof(*unit->parts));
    if (unit->parts == NULL)
        return bx_error_set_nomem(err);
    for (size_t part = 0; part < merge->parts_count; part++) {
        bool is_in = false;

        for (size_t i = unit->from; i < unit->to; i++)
            is_in |= merge->entries[i].part == part;
        if (is_in)
            unit->parts[unit->parts_count++] = part;
    }
    return 0;
}

/* Do all parts have one entry each, and the same? */
static int look_for_same(const bx_merge *merge, merge_unit *unit,
                         bx_error **err)
{
    unit->is_same = true;
    for (size_t i = unit->from + 1; i < unit->to && unit->is_same; i++) {
        const merge_entry *first = &merge->entries[unit->from];
        const merge_entry *entry = &merge->entries[i];

        if (strcmp(first->path, entry->path) != 0 || first->part == entry->part)
            unit->is_same = false;
        else if (are_same(merge, first, entry, &unit->is_same, err) < 0)
            return -1;
    }
    return 0;
}

static int judge_unit(const bx_merge *merge, merge_unit *unit, bx_error **err)
{
    const merge_entry *first = &merge->entries[unit->from];
    bool has_cover = false, has_two = false, is_stale = false;

    for (size_t i = unit->from; i < unit->to; i++) {
        const bx_delta *row = row_of(merge, &merge->entries[i]);

        if (row->what == BX_DELTA_NONE)
            continue;
        has_cover |= covers(row);
        has_two |= merge->entries[i].part != first->part;
        is_stale |= row->conflict != NULL;
    }
    if (has_two && has_cover) {
        if (look_for_same(merge, unit, err) < 0)
            return -1;
        unit->why = unit->is_same ? NULL : two_change;
    }
    unit->is_stale = is_stale;
    if (is_stale && unit->why == NULL)
        unit->why = changed_beneath;
    return unit->why == NULL ? 0 : list_parts(merge, unit, err);
}

static int find_units(bx_merge *merge, bx_error **err)
{
    size_t at = 0;

    merge->units = calloc(merge->entries_count + 1, sizeof(*merge->units));
    merge->conflicts =
        calloc(merge->entries_count + 1, sizeof(*merge->conflicts));
    if (merge->units == NULL || merge->conflicts == NULL)
        return bx_error_set_nomem(err);
    while (at < merge->entries_count) {
        merge_unit *unit = &merge->units[merge->units_count];

        find_unit(merge, at, unit);
        merge->units_count++;
        if (judge_unit(merge, unit, err) < 0)
            return -1;
        if (unit->why != NULL)
            merge->conflicts[merge->conflicts_count++] = merge->units_count - 1;
        at = unit->to;
    }
    return 0;
}

bx_merge *bx_merge_new(bx_registry *registry, const char *const *names,
                       size_t count, bx_error **err)
{
    bx_automerge bx_merge *merge = NULL;

    if (count > BX_MERGE_PARTS_MAX) {
        (void)bx_error_set(err, BX_ERR_LIMIT,
                           "%zu overlays; expected at most %u", count,
                           BX_MERGE_PARTS_MAX);
        return NULL;
    }
    merge = calloc(1, sizeof(*merge));
    if (merge != NULL)
        merge->parts = calloc(count + 1, sizeof(*merge->parts));
    if (merge == NULL || merge->parts == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        merge_part *part = &merge->parts[merge->parts_count++];

        part->name = strdup(names[i]);
        if (part->name == NULL) {
            (void)bx_error_set_nomem(err);
            return NULL;
        }
        if (open_part(registry, part, err) < 0)
            return NULL;
        forgive_folders(&part->deltas);
    }
    if (list_entries(merge, err) < 0 || find_units(merge, err) < 0)
        return NULL;
    return bx_take(merge);
}

/* ---- looking --------------------------------------------------------------
 */

static bool is_free(const bx_merge *merge, const merge_unit *unit,
                    const merge_entry *entry)
{
    const bx_delta *row = row_of(merge, entry);

    return unit->why == NULL && row->what != BX_DELTA_NONE &&
           row->protected_why == NULL &&
           (!unit->is_same || entry->part == merge->entries[unit->from].part);
}

const char *bx_merge_problem(const bx_merge *merge, size_t part)
{
    const bx_error *problem = merge->parts[part].problem;

    return problem == NULL ? NULL : bx_error_message(problem);
}

size_t bx_merge_changes(const bx_merge *merge, size_t part)
{
    size_t count = 0;

    for (size_t i = 0; i < merge->units_count; i++) {
        const merge_unit *unit = &merge->units[i];

        for (size_t k = unit->from; k < unit->to; k++)
            count += merge->entries[k].part == part &&
                     is_free(merge, unit, &merge->entries[k]);
    }
    return count;
}

size_t bx_merge_conflicts(const bx_merge *merge)
{
    return merge->conflicts_count;
}

bx_merge_conflict bx_merge_conflict_at(const bx_merge *merge, size_t i)
{
    const merge_unit *unit = &merge->units[merge->conflicts[i]];

    return (bx_merge_conflict){ merge->entries[unit->from].path,
                                unit->why,
                                unit->parts,
                                unit->parts_count,
                                unit->is_stale,
                                unit->decision };
}

void bx_merge_decide(bx_merge *merge, size_t i, size_t part)
{
    merge->units[merge->conflicts[i]].decision = part;
}

typedef struct merge_text {
    bx_buf *out;
    size_t max;
    size_t missing;
} merge_text;

static int put_row(const bx_merge *merge, const merge_entry *entry,
                   merge_text *text, bx_error **err)
{
    bx_autodiff bx_diff diff = { .text = BX_BUF_INIT };

    if (text->out->len >= text->max) {
        text->missing++;
        return 0;
    }
    if (bx_diff_make(&merge->parts[entry->part].deltas, row_of(merge, entry),
                     &diff, err) < 0)
        return -1;
    if (bx_buf_append(text->out, diff.text.data, diff.text.len, text->max) < 0)
        text->missing++;
    return 0;
}

static int put_missing(const merge_text *text, bx_error **err)
{
    if (text->missing > 0 &&
        bx_buf_printf(text->out, "(%zu more changes are not shown)\n",
                      text->missing) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

int bx_merge_diff(const bx_merge *merge, size_t part, size_t max_bytes,
                  bx_buf *text, bx_error **err)
{
    merge_text into = { text, max_bytes, 0 };

    for (size_t i = 0; i < merge->units_count; i++) {
        const merge_unit *unit = &merge->units[i];

        for (size_t k = unit->from; k < unit->to; k++)
            if (merge->entries[k].part == part &&
                is_free(merge, unit, &merge->entries[k]) &&
                put_row(merge, &merge->entries[k], &into, err) < 0)
                return -1;
    }
    return put_missing(&into, err);
}

int bx_merge_conflict_diff(const bx_merge *merge, size_t i, size_t part,
                           size_t max_bytes, bx_buf *text, bx_error **err)
{
    const merge_unit *unit = &merge->units[merge->conflicts[i]];
    merge_text into = { text, max_bytes, 0 };

    for (size_t k = unit->from; k < unit->to; k++)
        if (merge->entries[k].part == part &&
            put_row(merge, &merge->entries[k], &into, err) < 0)
            return -1;
    return put_missing(&into, err);
}

/* ---- committing -----------------------------------------------------------
 */

/* What may be done with a path, from the units that were found. NULL: it is
 * new. */
static const merge_unit *unit_of(const bx_merge *merge, const char *path,
                                 size_t part)
{
    size_t low = 0, high = merge->entries_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const merge_entry *entry = &merge->entries[middle];
        int order = compare_paths(entry->path, path);

        if (order == 0)
            order = entry->part < part ? -1 : entry->part > part;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == merge->entries_count ||
        strcmp(merge->entries[low].path, path) != 0 ||
        merge->entries[low].part != part)
        return NULL;
    for (size_t i = 0, end = merge->units_count; i < end;) {
        size_t middle = i + (end - i) / 2;

        if (merge->units[middle].to <= low)
            i = middle + 1;
        else if (merge->units[middle].from > low)
            end = middle;
        else
            return &merge->units[middle];
    }
    return NULL;
}

/* Is this row written in this pass? Those that were decided for go over what
 * the workspace has, in a pass of their own. */
static bool is_selected(bx_delta *row, const merge_unit *unit, size_t part,
                        bool is_forced)
{
    if (unit == NULL)
        return false;
    if (unit->why != NULL)
        return is_forced && unit->decision == part;
    if (is_forced)
        return false;
    /* Another part has written the same already. */
    if (unit->is_same &&
        (row->what == BX_DELTA_NONE || row->what == BX_DELTA_TIME))
        row->conflict = NULL;
    return row->conflict == NULL;
}

static int narrow_plan(const bx_merge *merge, size_t part, bx_deltas *deltas,
                       bool is_forced, bx_commit_plan *plan, bx_error **err)
{
    plan->count = plan->left = plan->conflicts = 0;
    for (size_t i = 0; i < deltas->count; i++) {
        bx_delta *row = &deltas->rows[i];
        bx_autofree char *path = bx_delta_host_path(deltas, row);

        if (path == NULL)
            return bx_error_set_nomem(err);
        plan->selected[i] =
            plan->selected[i] &&
            is_selected(row, unit_of(merge, path, part), part, is_forced);
        if (row->what == BX_DELTA_NONE)
            continue;
        plan->count += plan->selected[i] ? 1 : 0;
        plan->left += plan->selected[i] ? 0 : 1;
        plan->conflicts += plan->selected[i] && row->conflict != NULL ? 1 : 0;
    }
    return 0;
}

static int commit_pass(bx_merge *merge, size_t at, bool is_forced,
                       bx_merge_result *sum, size_t *ret_left, bx_error **err)
{
    merge_part *part = &merge->parts[at];
    const bx_commit_options options = { .is_forced = is_forced };
    bx_autodeltas bx_deltas deltas = { NULL, NULL, 0 };
    bx_autoplan bx_commit_plan plan = { 0 };
    bx_commit_result result = { 0 };

    /* Anew: parts before this one have been written since. */
    if (bx_deltas_find(part->store, &deltas, err) < 0)
        return -1;
    forgive_folders(&deltas);
    if (bx_commit_make_plan(&deltas, &options, &plan, err) < 0 ||
        narrow_plan(merge, at, &deltas, is_forced, &plan, err) < 0)
        return -1;
    *ret_left = plan.left;
    if (plan.count == 0 && plan.left > 0)
        return 0;
    if (bx_overlay_commit(part->store, &deltas, &plan, &options, &result, err) <
        0)
        return -1;
    sum->written += result.committed;
    return 0;
}

static bool has_decision(const bx_merge *merge, size_t part)
{
    for (size_t i = 0; i < merge->conflicts_count; i++)
        if (merge->units[merge->conflicts[i]].decision == part)
            return true;
    return false;
}

int bx_merge_commit(bx_merge *merge, bx_merge_result *ret_result,
                    bx_error **err)
{
    *ret_result = (bx_merge_result){ 0 };
    for (size_t i = 0; i < merge->parts_count; i++) {
        size_t left = 0;

        if (merge->parts[i].store == NULL)
            continue;
        if (commit_pass(merge, i, false, ret_result, &left, err) < 0 ||
            (left > 0 && has_decision(merge, i) &&
             commit_pass(merge, i, true, ret_result, &left, err) < 0))
            return bx_error_wrap(err, "overlay '%s'", merge->parts[i].name);
        ret_result->left += left;
    }
    return 0;
}
