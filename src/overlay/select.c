#include "overlay/select.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

/* Take "." and ".." and doubled slashes out of an absolute path. */
static char *normalise(const char *path)
{
    char *out = malloc(strlen(path) + 2);
    size_t len = 0;

    if (out == NULL)
        return NULL;
    while (*path != '\0') {
        size_t bytes = strcspn(path, "/");

        if (bytes == 2 && path[0] == '.' && path[1] == '.') {
            while (len > 0 && out[--len] != '/')
                ;
        } else if (bytes > 0 && !(bytes == 1 && path[0] == '.')) {
            out[len++] = '/';
            memcpy(out + len, path, bytes);
            len += bytes;
        }
        path += bytes;
        path += strspn(path, "/");
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = '\0';
    return out;
}

/* The path from the root: with its folder as it is reached, if there is one. */
static char *make_absolute(const char *path)
{
    bx_autofree char *here = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    bx_autofree char *joined = NULL;
    bx_autofree char *clean = NULL;
    bx_autofree char *folder = NULL;
    char *whole;
    char *slash;

    if (here == NULL)
        return NULL;
    if (asprintf(&joined, "%s/%s", here, path) < 0) {
        joined = NULL;
        return NULL;
    }
    clean = normalise(joined);
    if (clean == NULL)
        return NULL;
    slash = strrchr(clean, '/');
    *slash = '\0';
    folder = realpath(slash == clean ? "/" : clean, NULL);
    *slash = '/';
    if (folder == NULL)
        return bx_take(clean);
    return asprintf(&whole, "%s%s", strcmp(folder, "/") == 0 ? "" : folder,
                    slash) < 0
               ? NULL
               : whole;
}

static bool is_beneath(const char *path, const char *folder)
{
    size_t bytes = strlen(folder);

    return strcmp(folder, "/") == 0 ||
           (strncmp(path, folder, bytes) == 0 &&
            (path[bytes] == '\0' || path[bytes] == '/'));
}

/* A path given, as it may be meant. */
typedef struct wanted {
    char *absolute;
    char *beneath; /* "/a/b", of any mapping; NULL: the path is absolute */
} wanted;

static void wanted_clear(wanted *path)
{
    free(path->absolute);
    free(path->beneath);
}
#define autowanted __attribute__((cleanup(wanted_clear)))

static int read_wanted(const char *path, wanted *ret_wanted)
{
    *ret_wanted = (wanted){ make_absolute(path),
                            path[0] == '/' ? NULL : normalise(path) };
    return ret_wanted->absolute == NULL ||
                   (path[0] != '/' && ret_wanted->beneath == NULL)
               ? -1
               : 0;
}

/* The path from the current folder is meant if something changed there. */
static int select_one(const bx_deltas *deltas, const char *path, bool *selected,
                      bx_error **err)
{
    autowanted wanted want;
    bool is_found = false;

    if (read_wanted(path, &want) < 0)
        return bx_error_set_nomem(err);
    for (int by_mapping = 0; !is_found && by_mapping < 2; by_mapping++) {
        for (size_t i = 0; i < deltas->count; i++) {
            const bx_delta *row = &deltas->rows[i];
            bx_autofree char *host = bx_delta_host_path(deltas, row);
            const char *tail;

            if (host == NULL)
                return bx_error_set_nomem(err);
            tail = host + strlen(host) - strlen(row->path) - 1; /* "/a/b" */
            if (by_mapping == 0
                    ? !is_beneath(host, want.absolute)
                    : want.beneath == NULL || !is_beneath(tail, want.beneath))
                continue;
            selected[i] = true;
            is_found = true;
        }
    }
    if (!is_found) {
        bx_autobuf bx_buf shown = BX_BUF_INIT;

        if (bx_buf_put_escaped(&shown, path, strlen(path), 256) < 0)
            return bx_error_set_nomem(err);
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "overlay '%s' changes nothing at '%s'; `boxagnts "
                            "overlay diff %s --stat` lists what it changes",
                            deltas->store->name, shown.data,
                            deltas->store->name);
    }
    return 0;
}

int bx_deltas_select(const bx_deltas *deltas, const char *const *paths,
                     size_t count, bool **ret_selected, bx_error **err)
{
    bx_autofree bool *selected = calloc(deltas->count + 1, sizeof(*selected));

    if (selected == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; count == 0 && i < deltas->count; i++)
        selected[i] = true;
    for (size_t i = 0; i < count; i++) {
        if (select_one(deltas, paths[i], selected, err) < 0)
            return -1;
    }
    *ret_selected = bx_take(selected);
    return 0;
}

bool bx_deltas_is_named(const bx_deltas *deltas, const bx_delta *row,
                        const char *const *paths, size_t count)
{
    bx_autofree char *host = bx_delta_host_path(deltas, row);
    const char *folder = deltas->store->mappings[row->mapping].path;

    for (size_t i = 0; host != NULL && i < count; i++) {
        autowanted wanted want;
        bx_autofree char *there = NULL;

        if (read_wanted(paths[i], &want) < 0)
            return false;
        if (is_beneath(host, want.absolute) &&
            bx_overlay_store_protects(deltas->store, want.absolute) != NULL)
            return true;
        if (want.beneath == NULL)
            continue;
        if (asprintf(&there, "%s%s", strcmp(folder, "/") == 0 ? "" : folder,
                     want.beneath) < 0) {
            there = NULL;
            return false;
        }
        if (is_beneath(host, there) &&
            bx_overlay_store_protects(deltas->store, there) != NULL)
            return true;
    }
    return false;
}
