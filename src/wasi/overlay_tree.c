/* Folders of an overlay as a whole: what is in them, and all of it brought up.
 * Names are read into memory and the folder is let go before the next one is
 * opened, so depth costs no descriptors. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "wasi/overlay_edit.h"
#include "wasi/types.h"

#define NAMES_BYTES (8u << 20)
#define NAMES_MAX 131072u

void bx_name_list_clear(bx_name_list *names)
{
    bx_buf_clear(&names->text);
    free(names->list);
    *names = (bx_name_list){ 0 };
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int sort(bx_name_list *names)
{
    const char *at = names->text.data;

    names->list = calloc(names->count + 1, sizeof(*names->list));
    if (names->list == NULL) {
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; i < names->count; i++, at += strlen(at) + 1)
        names->list[i] = at;
    qsort(names->list, names->count, sizeof(*names->list), compare);
    return 0;
}

static int read_names(DIR *dir, bx_name_list *names)
{
    const struct dirent *entry;
    size_t bytes;

    for (;;) {
        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            return errno == 0 || errno == ENOENT ? 0 : -1;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        bytes = strlen(entry->d_name) + 1;
        if (names->count == NAMES_MAX ||
            bytes > NAMES_BYTES - names->text.len) {
            errno = EOVERFLOW;
            return -1;
        }
        if (bx_buf_append(&names->text, entry->d_name, bytes, NAMES_BYTES) <
            0) {
            errno = ENOMEM;
            return -1;
        }
        names->count++;
    }
}

int bx_layer_list(int root_fd, const char *path, bx_name_list *ret_names)
{
    bx_name_list names = { .count = 0 };
    int fd = bx_layer_open(root_fd, path, O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int result;

    if (dir == NULL) {
        bool is_there = errno != ENOENT && errno != ENOTDIR;

        if (fd >= 0)
            close(fd);
        if (!is_there)
            *ret_names = names;
        return is_there ? -1 : 0;
    }
    result = read_names(dir, &names);
    if (result == 0)
        result = sort(&names);
    {
        int kept = errno;

        closedir(dir);
        if (result < 0)
            bx_name_list_clear(&names);
        errno = kept;
    }
    if (result == 0)
        *ret_names = names;
    return result;
}

bool bx_name_list_has(const bx_name_list *names, const char *name)
{
    return names->count > 0 && bsearch(&name, names->list, names->count,
                                       sizeof(*names->list), compare) != NULL;
}

int bx_layers_is_empty(const bx_layers *layers, const char *path)
{
    bx_autonamelist bx_name_list up = { .count = 0 };
    bx_autonamelist bx_name_list base = { .count = 0 };
    int is_gone;

    if (bx_layer_list(layers->up_fd, path, &up) < 0)
        return -1;
    if (up.count > 0)
        return 0;
    is_gone = bx_layers_is_gone(layers, path);
    if (is_gone != 0)
        return is_gone;
    if (bx_layer_list(layers->base_fd, path, &base) < 0)
        return -1;
    for (size_t i = 0; i < base.count; i++) {
        bx_autofree char *child = NULL;

        if (asprintf(&child, "%s/%s", path, base.list[i]) < 0) {
            child = NULL;
            errno = ENOMEM;
            return -1;
        }
        is_gone = bx_layers_is_gone(layers, child);
        if (is_gone <= 0)
            return is_gone;
    }
    return 1;
}

/* ---- brought up whole ----------------------------------------------- */

typedef enum climb_mode {
    CLIMB_COUNT, /* what it would take */
    CLIMB_COPY,
    CLIMB_CHECK /* stop at the first that is not up */
} climb_mode;

typedef struct climb {
    const bx_edit *edit;
    climb_mode mode;
    bx_up_limits left;
    bool is_left_over; /* something of the base still shows */
    size_t len;
    char path[BX_PATH_BYTES];
} climb;

static int climb_folder(climb *at);

static int take(uint64_t *left, uint64_t amount)
{
    if (amount > *left) {
        errno = EXDEV;
        return -1;
    }
    *left -= amount;
    return 0;
}

/* The base's entry at at->path, which shows. */
static int climb_entry(climb *at)
{
    const bx_layers *layers = at->edit->layers;
    bx_edit child = *at->edit;
    struct stat base;
    struct stat up;
    bool is_up = bx_layer_stat(layers->up_fd, at->path, &up) == 0;

    if (!is_up && errno != ENOENT)
        return -1;
    if (is_up && !S_ISDIR(up.st_mode))
        return 0; /* covered */
    if (bx_layer_stat(layers->base_fd, at->path, &base) < 0)
        return errno == ENOENT ? 0 : -1;
    if (is_up)
        return S_ISDIR(base.st_mode) ? climb_folder(at) : 0;
    if (at->mode == CLIMB_CHECK) {
        at->is_left_over = true;
        return 0;
    }
    if (at->mode == CLIMB_COUNT) {
        if (take(&at->left.entries, 1) < 0 ||
            (S_ISREG(base.st_mode) &&
             take(&at->left.bytes, (uint64_t)base.st_size) < 0))
            return -1;
        return S_ISDIR(base.st_mode) ? climb_folder(at) : 0;
    }
    child.path = at->path;
    if (bx_up_entry(&child, true) < 0)
        return errno == ENOENT ? 0 : -1;
    return S_ISDIR(base.st_mode) ? climb_folder(at) : 0;
}

static int climb_folder(climb *at)
{
    const bx_layers *layers = at->edit->layers;
    bx_autonamelist bx_name_list base = { .count = 0 };
    size_t len = at->len;
    int is_gone;

    if (bx_run_is_over(at->edit->run)) {
        errno = ETIME;
        return -1;
    }
    is_gone = bx_layers_is_gone(layers, at->path);
    if (is_gone != 0)
        return is_gone < 0 ? -1 : 0;
    if (bx_layer_list(layers->base_fd, at->path, &base) < 0)
        return -1;
    for (size_t i = 0; i < base.count && !at->is_left_over; i++) {
        size_t bytes = strlen(base.list[i]);
        int result = 0;

        if (len + 1 + bytes >= sizeof(at->path)) {
            errno = EXDEV; /* too deep to be named */
            return -1;
        }
        at->path[len] = '/';
        memcpy(at->path + len + 1, base.list[i], bytes + 1);
        at->len = len + 1 + bytes;
        is_gone = bx_layers_is_gone(layers, at->path);
        if (is_gone <= 0)
            result = is_gone < 0 ? -1 : climb_entry(at);
        at->len = len;
        at->path[len] = '\0';
        if (result < 0)
            return -1;
    }
    return 0;
}

static int start(climb *at, const bx_edit *edit, climb_mode mode,
                 bx_up_limits limits)
{
    at->edit = edit;
    at->mode = mode;
    at->left = limits;
    at->is_left_over = false;
    at->len = strlen(edit->path);
    if (at->len >= sizeof(at->path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(at->path, edit->path, at->len + 1);
    return climb_folder(at);
}

int bx_up_tree(const bx_edit *edit, bx_up_limits limits)
{
    climb at;

    if (start(&at, edit, CLIMB_COUNT, limits) < 0 ||
        bx_up_entry(edit, true) < 0)
        return -1;
    return start(&at, edit, CLIMB_COPY, limits);
}

int bx_up_is_whole(const bx_edit *edit)
{
    climb at;

    if (start(&at, edit, CLIMB_CHECK, (bx_up_limits){ 0, 0 }) < 0)
        return -1;
    return !at.is_left_over;
}
