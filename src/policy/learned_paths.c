#include "policy/learned_paths.h"

#include <stdlib.h>
#include <string.h>

/* Each round of moves passes access on by one; past so many all get it. */
#define ROUNDS_MAX 32

/* ---- filling -------------------------------------------------------- */

static int grow(void *list, size_t count, size_t *cap, size_t item_bytes,
                bx_error **err)
{
    void **items = list;
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *grown;

    if (count < *cap)
        return 0;
    grown = reallocarray(*items, more, item_bytes);
    if (grown == NULL) {
        (void)bx_error_set_nomem(err);
        return -1;
    }
    *items = grown;
    *cap = more;
    return 0;
}

int bx_learned_paths_add(bx_learned_paths *paths, unsigned use,
                         const char *path, bx_error **err)
{
    bx_learned_path item = { .used = use };

    if (strcmp(path, "/") == 0)
        path = "";
    if (grow((void *)&paths->items, paths->count, &paths->cap, sizeof(item),
             err) < 0)
        return -1;
    item.len = strlen(path);
    item.path = strdup(path);
    if (item.path == NULL)
        return bx_error_set_nomem(err);
    paths->items[paths->count++] = item;
    return 0;
}

int bx_learned_paths_add_move(bx_learned_paths *paths, const char *from,
                              const char *to, bx_error **err)
{
    bx_learned_move move;

    if (bx_learned_paths_add(paths, BX_LEARNED_WHOLE, from, err) < 0 ||
        bx_learned_paths_add(paths, BX_LEARNED_WHOLE, to, err) < 0 ||
        grow((void *)&paths->moves, paths->moves_count, &paths->moves_cap,
             sizeof(move), err) < 0)
        return -1;
    move.from = strdup(from);
    move.to = strdup(to);
    if (move.from == NULL || move.to == NULL) {
        free(move.from);
        free(move.to);
        return bx_error_set_nomem(err);
    }
    paths->moves[paths->moves_count++] = move;
    return 0;
}

void bx_learned_paths_clear(bx_learned_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i].path);
    for (size_t i = 0; i < paths->moves_count; i++) {
        free(paths->moves[i].from);
        free(paths->moves[i].to);
    }
    free(paths->items);
    free(paths->moves);
    *paths = (bx_learned_paths){ 0 };
}

static int copy(bx_learned_paths *to, const bx_learned_paths *from,
                bx_error **err)
{
    for (size_t i = 0; i < from->count; i++) {
        if (bx_learned_paths_add(to, from->items[i].used, from->items[i].path,
                                 err) < 0)
            return -1;
    }
    for (size_t i = 0; i < from->moves_count; i++) {
        if (bx_learned_paths_add_move(to, from->moves[i].from,
                                      from->moves[i].to, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- order ---------------------------------------------------------- */

/* A path comes right before all that lies beneath it: '/' is the lowest byte.
 */
static int compare(const char *left, const char *right)
{
    while (*left == *right && *left != '\0') {
        left++;
        right++;
    }
    if (*left == *right)
        return 0;
    if (*left == '\0' || *right == '\0')
        return *left == '\0' ? -1 : 1;
    if (*left == '/' || *right == '/')
        return *left == '/' ? -1 : 1;
    return (unsigned char)*left < (unsigned char)*right ? -1 : 1;
}

static int compare_items(const void *left, const void *right)
{
    return compare(((const bx_learned_path *)left)->path,
                   ((const bx_learned_path *)right)->path);
}

static bool is_beneath(const bx_learned_path *item, const bx_learned_path *dir)
{
    return item->len > dir->len && item->path[dir->len] == '/' &&
           memcmp(item->path, dir->path, dir->len) == 0;
}

/* Sort, and each path once. */
static void sort(bx_learned_paths *paths)
{
    size_t kept = 0;

    if (paths->count == 0)
        return;
    qsort(paths->items, paths->count, sizeof(*paths->items), compare_items);
    for (size_t i = 1; i < paths->count; i++) {
        if (strcmp(paths->items[kept].path, paths->items[i].path) == 0) {
            paths->items[kept].used |= paths->items[i].used;
            free(paths->items[i].path);
        } else {
            paths->items[++kept] = paths->items[i];
        }
    }
    paths->count = kept + 1;
}

static bx_learned_path *find(const bx_learned_paths *paths, const char *path)
{
    const bx_learned_path key = { .path =
                                      (char *)(path[1] == '\0' ? "" : path) };

    return bsearch(&key, paths->items, paths->count, sizeof(key),
                   compare_items);
}

/* ---- what covers what ----------------------------------------------- */

/* Keep a use where none above has it. */
static void cover(bx_learned_paths *paths, unsigned use)
{
    const bx_learned_path *above = NULL;

    for (size_t i = 0; i < paths->count; i++) {
        bx_learned_path *item = &paths->items[i];

        if ((item->used & use) == 0 ||
            (above != NULL && is_beneath(item, above)))
            continue;
        item->kept |= use;
        above = item;
    }
}

/* What the grants give at each path. Of those of one use none lies beneath
 * another, so the last one before a path is the only one it can be beneath. */
static void give_access(bx_learned_paths *paths)
{
    const bx_learned_path *above[2] = { NULL, NULL };

    for (size_t i = 0; i < paths->count; i++) {
        bx_learned_path *item = &paths->items[i];

        item->access = item->kept;
        for (unsigned k = 0; k < 2; k++) {
            if ((item->kept & (1u << k)) != 0)
                above[k] = item;
            else if (above[k] != NULL && is_beneath(item, above[k]))
                item->access |= 1u << k;
        }
    }
}

/* What is only seen needs a grant at, above or beneath it. The deepest comes
 * first, so that its grant serves those above. */
static void cover_seen(bx_learned_paths *paths)
{
    const bx_learned_path *next = NULL; /* that a grant is written for */

    give_access(paths);
    for (size_t i = 0; i < paths->count; i++) {
        if (paths->items[i].access != 0)
            paths->items[i].used &= ~BX_LEARNED_SEE;
    }
    for (size_t i = paths->count; i-- > 0;) {
        bx_learned_path *item = &paths->items[i];

        if (item->kept == 0 && (item->used & BX_LEARNED_SEE) != 0 &&
            (next == NULL || !is_beneath(next, item)))
            item->kept = BX_LEARNED_READ;
        if (item->kept != 0)
            next = item;
    }
}

/* Where no grant may lie beneath, those there move up. True: one did. */
static bool lift(bx_learned_paths *paths)
{
    bool is_changed = false;
    bx_learned_path *whole = NULL;

    for (size_t i = 0; i < paths->count; i++) {
        bx_learned_path *item = &paths->items[i];

        if (whole != NULL && is_beneath(item, whole)) {
            is_changed |= (item->kept & ~whole->used) != 0;
            whole->used |= item->kept;
        } else if ((item->used & BX_LEARNED_WHOLE) != 0) {
            whole = item;
        }
    }
    return is_changed;
}

/* Both ends of a move have the same access. True: one got more. */
static bool even_out(bx_learned_paths *paths, bool is_last)
{
    bool is_changed = false;

    for (size_t i = 0; i < paths->moves_count; i++) {
        bx_learned_path *ends[2] = { find(paths, paths->moves[i].from),
                                     find(paths, paths->moves[i].to) };
        if (ends[0] == NULL || ends[1] == NULL)
            continue;
        for (int k = 0; k < 2; k++) {
            unsigned wanted = is_last ? BX_LEARNED_READ | BX_LEARNED_WRITE
                                      : ends[1 - k]->access;

            if ((wanted & ~(ends[k]->access | ends[k]->used)) == 0)
                continue;
            ends[k]->used |= wanted & ~ends[k]->access;
            is_changed = true;
        }
    }
    return is_changed;
}

static size_t work_out(bx_learned_paths *paths)
{
    bool is_changed = true;
    size_t count = 0;

    for (unsigned round = 0; is_changed; round++) {
        for (size_t i = 0; i < paths->count; i++)
            paths->items[i].kept = 0;
        cover(paths, BX_LEARNED_READ);
        cover(paths, BX_LEARNED_WRITE);
        cover_seen(paths);
        give_access(paths);
        is_changed = lift(paths);
        is_changed |= even_out(paths, round >= ROUNDS_MAX);
    }
    for (size_t i = 0; i < paths->count; i++) {
        count += (paths->items[i].kept & BX_LEARNED_READ) != 0;
        count += (paths->items[i].kept & BX_LEARNED_WRITE) != 0;
    }
    return count;
}

/* ---- too many ------------------------------------------------------- */

static size_t depth_of(const bx_learned_path *item)
{
    size_t depth = 0;

    for (size_t i = 0; i < item->len; i++)
        depth += item->path[i] == '/';
    return depth;
}

/* What the deepest grants give, their folders give. */
static void go_up(bx_learned_paths *paths)
{
    size_t deepest = 0;

    for (size_t i = 0; i < paths->count; i++) {
        size_t depth =
            paths->items[i].kept == 0 ? 0 : depth_of(&paths->items[i]);

        deepest = depth > deepest ? depth : deepest;
    }
    for (size_t i = 0; i < paths->count; i++) {
        bx_learned_path *item = &paths->items[i];

        if (depth_of(item) < deepest)
            continue;
        while (item->len > 0 && item->path[--item->len] != '/')
            ;
        item->path[item->len] = '\0';
    }
    for (size_t i = 0; i < paths->moves_count; i++) {
        char *ends[2] = { paths->moves[i].from, paths->moves[i].to };

        for (int k = 0; k < 2; k++) {
            char *slash = strrchr(ends[k], '/');
            bx_learned_path end = { .path = ends[k], .len = strlen(ends[k]) };

            if (depth_of(&end) >= deepest && slash != NULL)
                slash[slash == ends[k] ? 1 : 0] = '\0';
        }
    }
    sort(paths);
}

int bx_learned_paths_reduce(const bx_learned_paths *paths, size_t max,
                            bx_learned_paths *ret_paths, bool *ret_is_cut,
                            bx_error **err)
{
    bx_learned_paths work = { 0 };

    if (copy(&work, paths, err) < 0) {
        bx_learned_paths_clear(&work);
        return -1;
    }
    sort(&work);
    *ret_is_cut = false;
    while (work_out(&work) > max) {
        *ret_is_cut = true;
        if (work.count == 1 && work.items[0].len == 0)
            break; /* the root: there is nothing above */
        go_up(&work);
    }
    *ret_paths = work;
    return 0;
}
