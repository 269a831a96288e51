#include "mcp/workspace.h"

#include <stdlib.h>
#include <string.h>

#include "mcp/ignore.h"
#include "mcp/workspace_host.h"
#include "policy/grant.h"
#include "wasi/types.h"

#define MAX_DEPTH 32
#define IGNORE_FILE_BYTES (64u << 10)

bx_workspace *bx_workspace_new(const bx_policy *policy, bx_error **err)
{
    bx_workspace *workspace = calloc(1, sizeof(*workspace));
    bx_autogrants bx_grants *grants = bx_grants_new();

    if (workspace == NULL || grants == NULL ||
        (workspace->policy = bx_policy_clone(policy)) == NULL) {
        bx_error_set_nomem(err);
        bx_workspace_free(workspace);
        return NULL;
    }
    if (bx_grants_add(grants, "fs.read:/", "resources", err) == 0 &&
        bx_policy_narrow(workspace->policy, grants, "resources", err) == 0)
        workspace->fs = bx_fs_new(workspace->policy, err);
    if (workspace->fs != NULL)
        return workspace;
    bx_workspace_free(workspace);
    return NULL;
}

void bx_workspace_free(bx_workspace *workspace)
{
    if (workspace == NULL)
        return;
    bx_fs_free(workspace->fs);
    bx_policy_free(workspace->policy);
    free(workspace);
}

/* ---- one file -------------------------------------------------------- */

static int read_file(bx_view *view, const char *path, size_t max_bytes,
                     bx_buf *data, bx_error **err)
{
    bx_workspace_stat stat;
    bool is_file;
    uint32_t fd;
    int result;

    if (bx_view_open_path(view, path, false, &fd, err) < 0)
        return -1;
    result = bx_view_stat_fd(view, fd, path, &stat, &is_file, err);
    if (result == 0 && !is_file)
        result =
            bx_error_set(err, BX_ERR_INVALID, "'%s' is no regular file", path);
    if (result == 0)
        result = bx_view_read_fd(view, fd, path, max_bytes, data, err);
    bx_view_close_fd(view, fd);
    return result;
}

int bx_workspace_read(const bx_workspace *workspace, const char *path,
                      const bx_workspace_ask *ask, bx_buf *ret_data,
                      bx_error **err)
{
    bx_autoview bx_view view;

    if (bx_view_open(&view, workspace, ask, err) < 0)
        return -1;
    return read_file(&view, path, BX_WORKSPACE_FILE_BYTES, ret_data, err);
}

int bx_workspace_look(const bx_workspace *workspace, const char *path,
                      const bx_workspace_ask *ask, bx_workspace_stat *ret_stat,
                      bx_error **err)
{
    bx_autoview bx_view view;
    bool is_file;
    uint32_t fd;
    int result;

    if (bx_view_open(&view, workspace, ask, err) < 0 ||
        bx_view_open_path(&view, path, false, &fd, err) < 0)
        return -1;
    result = bx_view_stat_fd(&view, fd, path, ret_stat, &is_file, err);
    bx_view_close_fd(&view, fd);
    return result;
}

/* ---- all of them ----------------------------------------------------- */

typedef struct bx_listing {
    bx_view *view;
    bx_ignore *ignore;
    const char *folder; /* at hand: "" is the root */
    char **paths;
    size_t count;
    size_t cap;
    char **folders; /* found and not yet looked into; a stack */
    size_t folders_count;
    size_t folders_cap;
    size_t looked_at;
    bool is_cut;
} bx_listing;

static int push(char ***items, size_t *count, size_t *cap, char *item)
{
    if (item == NULL)
        return -1;
    if (*count == *cap) {
        size_t more = *cap == 0 ? 64 : *cap * 2;
        char **grown = realloc(*items, more * sizeof(*grown));

        if (grown == NULL) {
            free(item);
            return -1;
        }
        *items = grown;
        *cap = more;
    }
    (*items)[(*count)++] = item;
    return 0;
}

static char *join(const char *folder, const char *name, size_t bytes)
{
    bx_autobuf bx_buf path = BX_BUF_INIT;

    if (bx_buf_puts(&path, folder) < 0 || bx_buf_puts(&path, "/") < 0 ||
        bx_buf_append(&path, name, bytes, SIZE_MAX) < 0)
        return NULL;
    return bx_buf_take(&path);
}

static size_t depth_of(const char *path)
{
    size_t depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/';
    return depth;
}

static int on_entry(void *context, const char *name, size_t bytes,
                    uint8_t filetype, bx_error **err)
{
    bx_listing *listing = context;
    bool is_folder = filetype == BX_FILETYPE_DIRECTORY;
    bx_autofree char *path = NULL;
    int failed;

    if (bytes == 0 || name[0] == '.' ||
        (!is_folder && filetype != BX_FILETYPE_REGULAR_FILE))
        return 0;
    if (listing->count >= BX_WORKSPACE_MAX_FILES ||
        ++listing->looked_at > BX_WORKSPACE_MAX_ENTRIES) {
        listing->is_cut = true;
        return 0;
    }
    path = join(listing->folder, name, bytes);
    if (path == NULL)
        return bx_error_set_nomem(err);
    if (bx_ignore_has(listing->ignore, path, is_folder))
        return 0;
    if (!is_folder)
        failed = push(&listing->paths, &listing->count, &listing->cap,
                      bx_take(path));
    else if (depth_of(path) <= MAX_DEPTH)
        failed = push(&listing->folders, &listing->folders_count,
                      &listing->folders_cap, bx_take(path));
    else
        failed = 0;
    return failed < 0 ? bx_error_set_nomem(err) : 0;
}

/* The rules a folder brings for what lies beneath it; a file that is missing,
 * not readable or too large brings none. */
static int read_rules(bx_listing *listing, const char *folder, bx_error **err)
{
    static const char *const names[] = { ".gitignore", ".ignore" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        bx_autobuf bx_buf text = BX_BUF_INIT;
        bx_autofree char *path = join(folder, names[i], strlen(names[i]));

        if (path == NULL)
            return bx_error_set_nomem(err);
        if (read_file(listing->view, path, IGNORE_FILE_BYTES, &text, NULL) ==
                0 &&
            bx_ignore_add(listing->ignore, folder, text.data, text.len) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* A folder that is not given is left out; the one asked for is an error. */
static int look_into(bx_listing *listing, const char *folder, bx_error **err)
{
    bx_autoerror bx_error *problem = NULL;

    if (read_rules(listing, folder, err) < 0)
        return -1;
    listing->folder = folder;
    if (bx_view_read_folder(listing->view, folder[0] == '\0' ? "/" : folder,
                            on_entry, listing, &problem) == 0 ||
        bx_error_code(problem) == BX_ERR_DENIED ||
        bx_error_code(problem) == BX_ERR_NOT_FOUND)
        return 0;
    return bx_error_set(err, bx_error_code(problem), "%s",
                        bx_error_message(problem));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Mappings may lie in one another: what is seen twice is kept once. */
static void sort_once(bx_listing *listing)
{
    size_t kept = 0;

    if (listing->count == 0)
        return;
    qsort(listing->paths, listing->count, sizeof(*listing->paths), compare);
    for (size_t i = 1; i < listing->count; i++) {
        if (strcmp(listing->paths[kept], listing->paths[i]) == 0)
            free(listing->paths[i]);
        else
            listing->paths[++kept] = listing->paths[i];
    }
    listing->count = kept + 1;
}

static bool is_readable(const bx_fs *fs, const char *path, size_t len)
{
    bx_region region;

    bx_fs_find(fs, path, len, &region);
    return region.mount >= 0 && (region.access & BX_ACCESS_READ) != 0;
}

/* A path where reading begins is a file's or a folder's; or it is not there. */
static int begin_at(bx_listing *listing, const bx_fs_point *point,
                    bx_error **err)
{
    const char *path = point->len == 0 ? "/" : point->path;
    bx_workspace_stat stat;
    bool is_file = false;
    uint32_t fd;
    int failed;

    if (bx_view_open_path(listing->view, path, false, &fd, NULL) < 0)
        return 0;
    failed = bx_view_stat_fd(listing->view, fd, path, &stat, &is_file, NULL);
    bx_view_close_fd(listing->view, fd);
    if (failed < 0)
        return 0;
    failed =
        is_file ? push(&listing->paths, &listing->count, &listing->cap,
                       strndup(point->path, point->len))
                : push(&listing->folders, &listing->folders_count,
                       &listing->folders_cap, strndup(point->path, point->len));
    return failed < 0 ? bx_error_set_nomem(err) : 0;
}

/* Where the policy begins to give reading: what lies beneath is found there. */
static int begin_at_points(bx_listing *listing, bx_error **err)
{
    const bx_fs *fs = listing->view->workspace->fs;

    for (size_t i = fs->points_count; i-- > 0;) {
        const bx_fs_point *point = &fs->points[i];
        const char *slash = memrchr(point->path, '/', point->len);
        bool has_parent = slash != NULL;

        if ((point->access & BX_ACCESS_READ) == 0 ||
            (has_parent &&
             is_readable(fs, point->path, (size_t)(slash - point->path))))
            continue;
        if (begin_at(listing, point, err) < 0)
            return -1;
    }
    return 0;
}

static int walk(bx_listing *listing, bx_error **err)
{
    if (begin_at_points(listing, err) < 0)
        return -1;
    while (listing->folders_count > 0 && !listing->is_cut) {
        bx_autofree char *folder = listing->folders[--listing->folders_count];

        if (look_into(listing, folder, err) < 0)
            return -1;
    }
    return 0;
}

int bx_workspace_list(const bx_workspace *workspace,
                      const bx_workspace_ask *ask, char ***ret_paths,
                      size_t *ret_count, bool *ret_is_cut, bx_error **err)
{
    bx_autoview bx_view view;
    bx_listing listing = { .view = &view };
    int result = bx_view_open(&view, workspace, ask, err);

    if (result == 0 && (listing.ignore = bx_ignore_new()) == NULL)
        result = bx_error_set_nomem(err);
    if (result == 0)
        result = walk(&listing, err);
    bx_workspace_list_free(listing.folders, listing.folders_count);
    bx_ignore_free(listing.ignore);
    if (result < 0) {
        bx_workspace_list_free(listing.paths, listing.count);
        return -1;
    }
    sort_once(&listing);
    *ret_paths = listing.paths;
    *ret_count = listing.count;
    *ret_is_cut = listing.is_cut;
    return 0;
}

void bx_workspace_list_free(char **paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}
