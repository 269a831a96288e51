/* One walk over up/, gone/ and, where the overlay hides it, the base. */
#include "overlay/deltas.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "overlay/apply.h"
#include "overlay/content.h"

#define SHOWN_BYTES 256 /* of a path in an error */

/* ---- one entry ------------------------------------------------------- */

static bx_entry_kind kind_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case 0:
        return BX_ENTRY_NONE;
    case S_IFREG:
        return BX_ENTRY_FILE;
    case S_IFDIR:
        return BX_ENTRY_FOLDER;
    case S_IFLNK:
        return BX_ENTRY_LINK;
    default:
        return BX_ENTRY_OTHER;
    }
}

int bx_entry_read(int root_fd, const char *path, bx_entry *ret_entry)
{
    struct stat stat;

    *ret_entry = (bx_entry){ .kind = BX_ENTRY_NONE };
    if (root_fd < 0)
        return 0;
    if (bx_beneath_stat(root_fd, path, &stat) < 0)
        return -1;
    if (stat.st_mode == 0)
        return 0;
    *ret_entry = (bx_entry){
        .kind = kind_of(stat.st_mode),
        .mode = stat.st_mode & 0777,
        .size = (uint64_t)stat.st_size,
        .mtime_ns = stat.st_mtim.tv_sec * 1000000000 + stat.st_mtim.tv_nsec,
        .dev = stat.st_dev,
        .ino = stat.st_ino,
    };
    return 0;
}

bool bx_entry_is_same(const bx_entry *a, const bx_entry *b)
{
    if (a->kind != b->kind)
        return false;
    if (a->kind == BX_ENTRY_NONE)
        return true;
    if (a->dev != b->dev || a->ino != b->ino || a->mode != b->mode)
        return false;
    /* A folder's own size and time follow from what is put into it. */
    return a->kind == BX_ENTRY_FOLDER ||
           (a->size == b->size && a->mtime_ns == b->mtime_ns);
}

const char *bx_entry_word(bx_entry_kind kind)
{
    static const char *const words[] = { "nothing", "file", "folder", "link",
                                         "special file" };

    return words[kind];
}

const char *bx_delta_word(bx_delta_what what)
{
    static const char *const words[] = { "none",     "added",    "removed",
                                         "modified", "replaced", "mode",
                                         "time" };

    return words[what];
}

/* ---- the record ------------------------------------------------------ */

const char *bx_deltas_compare_record(const bx_overlay_store *store,
                                     size_t mapping, const char *path,
                                     int root_fd, const char *name,
                                     const bx_entry *now)
{
    static const char *const words[] = { "none", "file", "folder", "link",
                                         "other" };
    const json_t *record = bx_overlay_store_record(store, mapping, path);
    const char *kind = json_string_value(json_object_get(record, "kind"));
    const char *sha256 = json_string_value(json_object_get(record, "sha256"));
    char digest[65];

    if (record == NULL)
        return now->kind == BX_ENTRY_NONE
                   ? NULL
                   : "there was nothing when the overlay began";
    if (strcmp(kind, words[now->kind]) != 0) {
        if (now->kind == BX_ENTRY_NONE)
            return "it was removed meanwhile";
        return strcmp(kind, "none") == 0 ? "it was made meanwhile"
                                         : "it is another kind of entry now";
    }
    if (now->kind == BX_ENTRY_NONE)
        return NULL;
    if ((json_integer_value(json_object_get(record, "mode")) & 0777) !=
            now->mode &&
        now->kind != BX_ENTRY_LINK)
        return "its mode was changed meanwhile";
    if (now->kind == BX_ENTRY_FOLDER)
        return NULL;
    if ((uint64_t)json_integer_value(json_object_get(record, "size")) !=
        now->size)
        return "it was changed meanwhile";
    if (json_integer_value(json_object_get(record, "mtime_ns")) ==
            now->mtime_ns &&
        (uint64_t)json_integer_value(json_object_get(record, "ino")) ==
            now->ino)
        return NULL;
    if (now->kind == BX_ENTRY_FILE && sha256 != NULL &&
        bx_content_digest(root_fd, name, digest) == 0 &&
        strcmp(digest, sha256) == 0)
        return NULL;
    return "it was changed meanwhile";
}

/* ---- the walk -------------------------------------------------------- */

typedef struct walk {
    const bx_overlay_store *store;
    size_t mapping;
    const bx_overlay_mapping *at;
    bx_deltas *found;
    size_t room;
    size_t len; /* of path */
    char path[BX_BENEATH_PATH_MAX];
    bx_error **err;
} walk;

static int fail_here(const walk *task, int errnum)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, task->path, task->len, SHOWN_BYTES) < 0)
        return bx_error_set_nomem(task->err);
    return bx_error_set_errno(task->err, errnum, "overlay '%s': '%s' of '%s'",
                              task->store->name, shown.data, task->at->path);
}

/* Of mode and time alone: both sides have the same content, so only a mode
 * that is neither the recorded one nor the overlay's counts. */
static const char *compare_mode(const json_t *record, const bx_delta *row)
{
    if (row->before.mode == row->after.mode ||
        (json_integer_value(json_object_get(record, "mode")) & 0777) ==
            row->before.mode)
        return NULL;
    return "its mode was changed meanwhile";
}

static int add(walk *task, bx_delta_what what, const bx_entry *before,
               const bx_entry *after)
{
    bx_deltas *found = task->found;
    bx_autofree char *host = NULL;
    bx_delta *row;

    if (found->count == BX_DELTAS_MAX)
        return bx_error_set(task->err, BX_ERR_LIMIT,
                            "overlay '%s' changes more than %u paths",
                            task->store->name, BX_DELTAS_MAX);
    if (found->count == task->room) {
        size_t room = task->room == 0 ? 64 : task->room * 2;
        bx_delta *grown = realloc(found->rows, room * sizeof(*grown));

        if (grown == NULL)
            return bx_error_set_nomem(task->err);
        found->rows = grown;
        task->room = room;
    }
    row = &found->rows[found->count];
    *row = (bx_delta){ .mapping = task->mapping,
                       .path = strdup(task->path),
                       .what = what,
                       .before = *before,
                       .after = *after };
    if (row->path == NULL)
        return bx_error_set_nomem(task->err);
    found->count++;
    if (what == BX_DELTA_NONE)
        return 0;
    if (what == BX_DELTA_MODE || what == BX_DELTA_TIME)
        row->conflict = compare_mode(
            bx_overlay_store_record(task->store, task->mapping, task->path),
            row);
    else
        row->conflict =
            bx_deltas_compare_record(task->store, task->mapping, task->path,
                                     task->at->base_fd, task->path, before);
    host = bx_delta_host_path(found, row);
    if (host == NULL)
        return bx_error_set_nomem(task->err);
    row->protected_why = bx_overlay_store_protects(task->store, host);
    return 0;
}

/* What an entry of up/ is to the base's of the same path. */
static int compare(walk *task, const bx_entry *before, const bx_entry *after,
                   bx_delta_what *ret_what)
{
    bool is_equal = true;

    if (before->kind == BX_ENTRY_NONE || before->kind != after->kind) {
        *ret_what =
            before->kind == BX_ENTRY_NONE ? BX_DELTA_ADDED : BX_DELTA_REPLACED;
        return 0;
    }
    if (after->kind == BX_ENTRY_FILE)
        is_equal = before->size == after->size;
    if (is_equal && after->kind != BX_ENTRY_FOLDER &&
        bx_content_compare(task->at->base_fd, task->at->up_fd, task->path,
                           after->kind == BX_ENTRY_LINK, &is_equal) < 0)
        return fail_here(task, errno);
    if (!is_equal)
        *ret_what = BX_DELTA_MODIFIED;
    else if (before->mode != after->mode && after->kind != BX_ENTRY_LINK)
        *ret_what = BX_DELTA_MODE;
    else if (before->mtime_ns != after->mtime_ns &&
             after->kind == BX_ENTRY_FILE)
        *ret_what = BX_DELTA_TIME;
    else
        *ret_what = BX_DELTA_NONE;
    return 0;
}

static bool push(walk *task, const char *name)
{
    size_t bytes = strlen(name);
    size_t slash = task->len > 0 ? 1 : 0;

    if (task->len + slash + bytes >= sizeof(task->path))
        return false;
    if (slash == 1)
        task->path[task->len++] = '/';
    memcpy(task->path + task->len, name, bytes + 1);
    task->len += bytes;
    return true;
}

static void pop(walk *task, size_t len)
{
    task->len = len;
    task->path[len] = '\0';
}

typedef enum shown {
    SHOWN_MERGED, /* the base shows through */
    SHOWN_HIDDEN, /* a folder that was made anew over the base's */
    SHOWN_GONE,   /* nothing of the base's shows */
} shown;

static int visit(walk *task, shown how);

/* Beside one of these names a commit that was ended may have left another: no
 * entry of the base. */
static int drop_temporaries(walk *task, bx_names *base, const bx_names *made)
{
    size_t len = task->len;
    size_t kept = 0;

    for (size_t i = 0; i < base->count; i++) {
        char *name = base->names[i];
        bool is_ours = false;

        for (size_t k = 0; strncmp(name, ".boxagnts-", 10) == 0 && !is_ours &&
                           k < made->count;
             k++) {
            char temporary[BX_APPLY_NAME_BYTES];

            if (!push(task, made->names[k]))
                return -1;
            bx_apply_name(task->store, task->mapping, task->path, temporary);
            pop(task, len);
            is_ours = strcmp(name, temporary) == 0;
        }
        if (is_ours)
            free(name);
        else
            base->names[kept++] = name;
    }
    base->count = kept;
    return 0;
}

/* What a folder of that kind has to be looked at. */
static int list(walk *task, shown how, bx_names *names)
{
    bx_names more = { NULL, 0 };
    int failed = 0;

    if (how != SHOWN_GONE && task->at->up_fd >= 0)
        failed = bx_beneath_list(task->at->up_fd, task->path, names);
    if (failed == 0 && how == SHOWN_MERGED && task->at->gone_fd >= 0) {
        failed = bx_beneath_list(task->at->gone_fd, task->path, &more);
        if (failed == 0)
            failed = bx_names_merge(names, &more);
        bx_names_clear(&more);
    }
    if (failed == 0 && how != SHOWN_MERGED && task->at->base_fd >= 0) {
        failed = bx_beneath_list(task->at->base_fd, task->path, &more);
        if (failed == 0)
            failed = drop_temporaries(task, &more, names);
        if (failed == 0)
            failed = bx_names_merge(names, &more);
        bx_names_clear(&more);
    }
    return failed == 0 ? 0 : fail_here(task, errno);
}

/* The folders that lead to what is gone are none in the overlay itself. */
static int visit_unmade(walk *task, const bx_entry *before, bool is_gone,
                        bool is_hidden)
{
    static const bx_entry none = { .kind = BX_ENTRY_NONE };

    if (is_gone || is_hidden) {
        if (add(task,
                before->kind == BX_ENTRY_NONE ? BX_DELTA_NONE
                                              : BX_DELTA_REMOVED,
                before, &none) < 0)
            return -1;
        return before->kind == BX_ENTRY_FOLDER ? visit(task, SHOWN_GONE) : 0;
    }
    return visit(task, SHOWN_MERGED);
}

static int visit_made(walk *task, const bx_entry *before, const bx_entry *after,
                      bool is_hidden)
{
    bx_delta_what what = BX_DELTA_NONE;

    if (after->kind == BX_ENTRY_OTHER)
        return bx_error_set(task->err, BX_ERR_INVALID,
                            "'%s/up/%zu/%s' is no file, folder or link: no run "
                            "made it",
                            task->store->dir, task->mapping, task->path);
    if (compare(task, before, after, &what) < 0 ||
        add(task, what, before, after) < 0)
        return -1;
    if (after->kind == BX_ENTRY_FOLDER)
        return visit(task, is_hidden ? SHOWN_HIDDEN : SHOWN_MERGED);
    return before->kind == BX_ENTRY_FOLDER ? visit(task, SHOWN_GONE) : 0;
}

static int visit_name(walk *task, shown how)
{
    bx_entry before;
    bx_entry after = { .kind = BX_ENTRY_NONE };
    bx_entry gone = { .kind = BX_ENTRY_NONE };
    bool is_hidden;

    if (bx_entry_read(task->at->base_fd, task->path, &before) < 0 ||
        (how != SHOWN_GONE &&
         bx_entry_read(task->at->up_fd, task->path, &after) < 0) ||
        (how == SHOWN_MERGED &&
         bx_entry_read(task->at->gone_fd, task->path, &gone) < 0))
        return fail_here(task, errno);
    is_hidden = how != SHOWN_MERGED;
    return after.kind == BX_ENTRY_NONE
               ? visit_unmade(task, &before, gone.kind == BX_ENTRY_FILE,
                              is_hidden)
               : visit_made(task, &before, &after,
                            is_hidden || gone.kind == BX_ENTRY_FILE);
}

static int visit(walk *task, shown how)
{
    bx_autonames bx_names names = { NULL, 0 };
    size_t len = task->len;

    if (list(task, how, &names) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        if (!push(task, names.names[i]))
            return fail_here(task, ENAMETOOLONG);
        if (visit_name(task, how) < 0)
            return -1;
        pop(task, len);
    }
    return 0;
}

/* ---- the list -------------------------------------------------------- */

int bx_deltas_find(const bx_overlay_store *store, bx_deltas *ret_changes,
                   bx_error **err)
{
    bx_autofree walk *task = calloc(1, sizeof(*task));
    bx_autodeltas bx_deltas found = { .store = store };

    if (task == NULL)
        return bx_error_set_nomem(err);
    task->store = store;
    task->found = &found;
    task->err = err;
    for (size_t i = 0; i < store->mappings_count; i++) {
        task->mapping = i;
        task->at = &store->mappings[i];
        pop(task, 0);
        if (visit(task, SHOWN_MERGED) < 0)
            return -1;
    }
    *ret_changes = found;
    found = (bx_deltas){ .store = store };
    return 0;
}

void bx_deltas_clear(bx_deltas *deltas)
{
    for (size_t i = 0; i < deltas->count; i++)
        free(deltas->rows[i].path);
    free(deltas->rows);
    deltas->rows = NULL;
    deltas->count = 0;
}

bx_deltas_count bx_deltas_sum(const bx_deltas *deltas)
{
    bx_deltas_count sum = { 0 };

    for (size_t i = 0; i < deltas->count; i++) {
        const bx_delta *row = &deltas->rows[i];

        if (row->what == BX_DELTA_NONE)
            continue;
        if (row->what == BX_DELTA_ADDED)
            sum.added++;
        else if (row->what == BX_DELTA_REMOVED)
            sum.removed++;
        else
            sum.modified++;
        sum.conflicts += row->conflict != NULL ? 1 : 0;
        sum.protecteds += row->protected_why != NULL ? 1 : 0;
    }
    return sum;
}

char *bx_delta_host_path(const bx_deltas *deltas, const bx_delta *change)
{
    const char *folder = deltas->store->mappings[change->mapping].path;
    char *path;

    return asprintf(&path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
                    change->path) < 0
               ? NULL
               : path;
}
