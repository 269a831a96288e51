#include "overlay/forget.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"

/* Is the row no news any more? */
static bool is_past(const bx_deltas *deltas, const bx_commit_plan *plan,
                    size_t i)
{
    return deltas->rows[i].what == BX_DELTA_NONE || plan->selected[i];
}

/* ---- base.log -------------------------------------------------------- */

/* First of all: a record whose path is in the overlay no more would make the
 * next run's change of it a conflict. */
static int rewrite_log(const bx_overlay_store *store, const bx_deltas *deltas,
                       const bx_commit_plan *plan, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autofree char *path = NULL;

    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];
        const json_t *record =
            bx_overlay_store_record(store, row->mapping, row->path);
        bx_autofree char *line = NULL;

        if (record == NULL || is_past(deltas, plan, i))
            continue;
        line = bx_json_text(record, JSON_COMPACT);
        if (line == NULL || bx_buf_puts(&text, line) < 0 ||
            bx_buf_puts(&text, "\n") < 0)
            return bx_error_set_nomem(err);
    }
    if (asprintf(&path, "%s/base.log", store->dir) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_file_replace(path, text.data, text.len, 0600, err);
}

/* ---- gone and up ----------------------------------------------------- */

static bool is_beneath(const bx_delta *row, const bx_delta *folder)
{
    size_t bytes = strlen(folder->path);

    return row->mapping == folder->mapping &&
           strncmp(row->path, folder->path, bytes) == 0 &&
           row->path[bytes] == '/';
}

/* Is all beneath the row past too? Rows beneath follow it. */
static bool is_past_whole(const bx_deltas *deltas, const bx_commit_plan *plan,
                          size_t i)
{
    for (size_t k = i;
         k < deltas->count &&
         (k == i || is_beneath(&deltas->rows[k], &deltas->rows[i]));
         k++) {
        if (!is_past(deltas, plan, k))
            return false;
    }
    return true;
}

static bool is_file(int root_fd, const char *path)
{
    struct stat stat;

    return root_fd >= 0 && bx_beneath_stat(root_fd, path, &stat) == 0 &&
           S_ISREG(stat.st_mode);
}

/* Missing, and not yet empty, are fine. */
static int remove_at(int root_fd, const char *path, int flags)
{
    const char *name;
    bx_autofd int fd =
        root_fd < 0 ? -1 : bx_beneath_open_parent(root_fd, path, &name);

    if (fd < 0)
        return root_fd < 0 || errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    return unlinkat(fd, name, flags) == 0 || errno == ENOENT ||
                   errno == ENOTEMPTY || errno == EEXIST
               ? 0
               : -1;
}

/* A mark hides what the base has now: it goes before what covers it. */
static int forget_mark(const bx_deltas *deltas, const bx_commit_plan *plan,
                       size_t i)
{
    const bx_delta *row = &deltas->rows[i];
    int gone_fd = deltas->store->mappings[row->mapping].gone_fd;

    if (!is_file(gone_fd, row->path) || !is_past_whole(deltas, plan, i))
        return 0;
    return remove_at(gone_fd, row->path, 0);
}

/* Does a mark above still hide the base at the path? */
static bool is_marked(int gone_fd, const char *path)
{
    char above[BX_BENEATH_PATH_MAX];
    size_t bytes = strlen(path);

    if (bytes >= sizeof(above))
        return true;
    memcpy(above, path, bytes + 1);
    for (char *slash; (slash = strrchr(above, '/')) != NULL;) {
        *slash = '\0';
        if (is_file(gone_fd, above))
            return true;
    }
    return false;
}

static int forget_entry(const bx_deltas *deltas, const bx_commit_plan *plan,
                        size_t i)
{
    const bx_delta *row = &deltas->rows[i];
    const bx_overlay_mapping *at = &deltas->store->mappings[row->mapping];

    if (row->after.kind == BX_ENTRY_NONE || !is_past(deltas, plan, i) ||
        is_marked(at->gone_fd, row->path) || is_file(at->gone_fd, row->path))
        return 0;
    return remove_at(at->up_fd, row->path,
                     row->after.kind == BX_ENTRY_FOLDER ? AT_REMOVEDIR : 0);
}

int bx_overlay_forget(const bx_overlay_store *store, const bx_deltas *deltas,
                      const bx_commit_plan *plan, bx_error **err)
{
    if (rewrite_log(store, deltas, plan, err) < 0)
        return -1;
    for (size_t i = deltas->count; i-- > 0;) {
        if (forget_mark(deltas, plan, i) < 0)
            return bx_error_set_errno(err, errno, "'%s/gone'", store->dir);
    }
    for (size_t i = deltas->count; i-- > 0;) {
        if (forget_entry(deltas, plan, i) < 0)
            return bx_error_set_errno(err, errno, "'%s/up'", store->dir);
    }
    return 0;
}
