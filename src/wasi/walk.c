/* Paths resolved component by component. Each step opens one name beneath the
 * folder before it and never follows a link; links are read and followed here,
 * so the guest path that is kept is the true one, and each step is judged by
 * it. Nested mappings are entered by name, whatever the host has there. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "wasi/need.h"

#define LINKS_MAX 40 /* path_resolution(7): links followed in one path */
/* ".." walks again from the base, so steps can be many; no honest path comes
 * near this, and it takes milliseconds. */
#define STEPS_MAX 20000
#define FOLLOWED (-1) /* a link was put in place of its name */

typedef struct bx_walk_state {
    bx_path *path;
    const bx_fs *fs;
    bx_place *place; /* dir_fd and guest are where the walk stands */
    bx_region region;
    int mount; /* where it stands */
    unsigned links;
    unsigned steps;
    char rest[2 * BX_PATH_BYTES]; /* what is still to be walked */
} bx_walk_state;

/* Where the name that was added last lies, under an overlay. */
static bx_spot added_spot(const bx_walk_state *walk)
{
    return (bx_spot){ .layers = walk->place->layers,
                      .path = bx_fs_beneath(walk->fs, walk->mount,
                                            walk->place->text->guest),
                      .base_dir_fd = -1 };
}

/* What has that name in the folder; -1 with errno. */
static int look_at(const bx_walk_state *walk, const char *name,
                   struct stat *ret_stat)
{
    bx_spot spot;
    bx_sight sight;

    if (walk->place->layers == NULL)
        return fstatat(walk->place->dir_fd, name, ret_stat,
                       AT_SYMLINK_NOFOLLOW);
    spot = added_spot(walk);
    if (bx_layers_look(&spot, false, &sight) < 0)
        return -1;
    *ret_stat = sight.stat;
    return 0;
}

static ssize_t read_link(const bx_walk_state *walk, const char *name, char *buf,
                         size_t bytes)
{
    if (walk->place->layers == NULL)
        return readlinkat(walk->place->dir_fd, name, buf, bytes);
    return bx_layers_readlink(walk->place->layers, added_spot(walk).path, buf,
                              bytes);
}

/* Stand in another folder; -1 is one that only the policy has. */
static void stand_in(bx_walk_state *walk, int fd, bool is_owned)
{
    bx_place_close(walk->place);
    walk->place->dir_fd = fd;
    walk->place->is_owned = is_owned;
}

static void stand_in_mount(bx_walk_state *walk, int mount)
{
    stand_in(walk, walk->fs->mounts[mount].fd, false);
    walk->mount = mount;
    walk->place->layers = bx_fs_layers(walk->fs, mount);
}

/* Go into a folder of the one it stands in; -1 with errno. */
static int stand_in_folder(bx_walk_state *walk, const char *name)
{
    struct stat stat;
    int fd;

    if (walk->place->layers != NULL) {
        if (look_at(walk, name, &stat) < 0)
            return -1;
        errno = ENOTDIR;
        return S_ISDIR(stat.st_mode) ? 0 : -1;
    }
    fd = openat(walk->place->dir_fd, name,
                O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    stand_in(walk, fd, true);
    return 0;
}

static void stand_in_base(bx_walk_state *walk)
{
    const bx_fd *dir = walk->path->dir;

    stand_in(walk, dir->host_fd, false);
    walk->mount = dir->mount;
    walk->place->layers = bx_fs_layers(walk->fs, dir->mount);
    memcpy(walk->place->text->guest, dir->guest_path, dir->guest_len);
    walk->place->text->guest[dir->guest_len] = '\0';
    walk->place->guest_len = dir->guest_len;
}

/* Add a name to the guest path and judge the path that makes. */
static int32_t add_name(bx_walk_state *walk, const char *name, size_t bytes,
                        bx_region *ret_region)
{
    bx_place *place = walk->place;
    size_t parent_len = place->guest_len;
    bx_verdict verdict;

    if (bytes > NAME_MAX || parent_len + 1 + bytes >= BX_GUEST_PATH_BYTES)
        return BX_WASI_ENAMETOOLONG;
    place->text->guest[parent_len] = '/';
    memmove(place->text->guest + parent_len + 1, name, bytes);
    place->guest_len = parent_len + 1 + bytes;
    place->text->guest[place->guest_len] = '\0';
    bx_fs_find(walk->fs, place->text->guest, place->guest_len, ret_region);
    if (ret_region->access != 0 || ret_region->holds_access)
        return 0;
    verdict = bx_fs_explain(walk->fs, place->text->guest, place->guest_len,
                            BX_ACCESS_READ);
    bx_path_deny(walk->path, place, verdict.reason, verdict.rule);
    return BX_WASI_EACCES;
}

/* Put a link's content in place of its name, which after follows. */
static int32_t follow_link(bx_walk_state *walk, const char *name, size_t bytes,
                           const char *after)
{
    char link[BX_PATH_BYTES];
    char text[BX_NAME_BYTES];
    size_t after_len = strlen(after);
    ssize_t len;
    int32_t err;

    memcpy(text, name, bytes);
    text[bytes] = '\0';
    len = read_link(walk, text, link, sizeof(link));
    if (len < 0) {
        walk->place->guest_len += 1 + bytes; /* it is what was looked at */
        return errno == EINVAL ? BX_WASI_ENOTDIR : bx_wasi_errno(errno);
    }
    err = bx_need_link(walk->path, walk->place, bytes);
    if (err != 0)
        return err;
    if (len == 0)
        return BX_WASI_ENOENT;
    if (++walk->links > LINKS_MAX)
        return BX_WASI_ELOOP;
    if (link[0] == '/')
        return bx_path_deny_escape(walk->path);
    if ((size_t)len == sizeof(link) ||
        (size_t)len + after_len >= sizeof(walk->rest))
        return BX_WASI_ENAMETOOLONG;
    memmove(walk->rest + len, after, after_len + 1);
    memcpy(walk->rest, link, (size_t)len);
    return FOLLOWED;
}

/* Go into a folder by name. */
static int32_t enter(bx_walk_state *walk, const char *name, size_t bytes,
                     const char *after)
{
    bx_place *place = walk->place;
    size_t parent_len = place->guest_len;
    bx_region region;
    int32_t err = add_name(walk, name, bytes, &region);
    char text[BX_NAME_BYTES];

    if (err != 0)
        return err;
    walk->region = region;
    if (region.is_mount) {
        stand_in_mount(walk, region.mount);
        return 0;
    }
    if (place->dir_fd < 0)
        return region.holds_mount ? 0 : BX_WASI_ENOENT;
    memcpy(text, place->text->guest + parent_len + 1, bytes);
    text[bytes] = '\0';
    if (stand_in_folder(walk, text) == 0)
        return 0;
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
        return bx_wasi_errno(errno);
    if (region.holds_mount) {
        stand_in(walk, -1, false);
        return 0;
    }
    if (errno == ENOENT || after == NULL)
        return bx_wasi_errno(errno);
    place->guest_len = parent_len;
    return follow_link(walk, text, bytes, after);
}

/* Go to the parent: by its true path from the base, where nothing was a link
 * when it was walked before. */
static int32_t go_up(bx_walk_state *walk)
{
    bx_place *place = walk->place;
    size_t base_len = walk->path->dir->guest_len;
    size_t end = place->guest_len;
    int32_t err;

    if (end == base_len)
        return bx_path_deny_escape(walk->path);
    err = bx_need_place(walk->path, place, BX_ACCESS_SEE);
    if (err != 0)
        return err;
    while (place->text->guest[end - 1] != '/')
        end--;
    end--;
    stand_in_base(walk);
    while (place->guest_len < end) {
        const char *name = place->text->guest + place->guest_len + 1;
        const char *slash = memchr(name, '/', end - place->guest_len - 1);
        size_t bytes =
            slash == NULL ? end - place->guest_len - 1 : (size_t)(slash - name);

        if (++walk->steps > STEPS_MAX)
            return BX_WASI_ELOOP;
        err = enter(walk, name, bytes, NULL);
        if (err != 0)
            return err;
    }
    return 0;
}

/* The path ends where the walk stands. */
static int32_t end_here(bx_walk_state *walk, const char *name)
{
    bx_place *place = walk->place;

    bx_fs_find(walk->fs, place->text->guest, place->guest_len, &place->region);
    memcpy(place->text->name, name, strlen(name) + 1);
    place->is_dir = true;
    place->is_virtual = place->dir_fd < 0;
    if (place->region.access != 0 || place->region.holds_access ||
        bx_path_is_preopen(walk->path, place))
        return 0;
    return bx_place_need(walk->path, place, BX_ACCESS_READ);
}

static int32_t look_for_folder(const bx_walk_state *walk, const char *name,
                               bool *ret_is_there)
{
    struct stat stat = { .st_mode = 0 };

    if (walk->place->dir_fd >= 0 && look_at(walk, name, &stat) < 0 &&
        errno != ENOENT)
        return bx_wasi_errno(errno);
    *ret_is_there = S_ISDIR(stat.st_mode);
    return 0;
}

/* The last name: looked up where the walk stands, which stays its parent. */
static int32_t end_at(bx_walk_state *walk, const char *name, size_t bytes,
                      const char *after, bx_final final)
{
    bx_place *place = walk->place;
    size_t parent_len = place->guest_len;
    bool is_dir = *after == '/';
    bool is_there = false;
    char link;
    int32_t err = add_name(walk, name, bytes, &place->region);

    if (err != 0)
        return err;
    memcpy(place->text->name, name, bytes);
    place->text->name[bytes] = '\0';
    place->is_dir = is_dir;
    if (final == BX_FINAL_ENTRY) {
        if (is_dir)
            memcpy(place->text->name + bytes, "/", 2);
        place->is_virtual = place->dir_fd < 0;
        return 0;
    }
    if (place->region.is_mount) {
        stand_in_mount(walk, place->region.mount);
        memcpy(place->text->name, ".", 2);
        place->is_dir = true;
        return 0;
    }
    if (place->region.holds_mount) {
        err = look_for_folder(walk, place->text->name, &is_there);
        if (err != 0)
            return err;
        if (!is_there) {
            stand_in(walk, -1, false);
            place->is_virtual = true;
            return 0;
        }
    }
    if (place->dir_fd < 0)
        return BX_WASI_ENOENT;
    if (final == BX_FINAL_FOLLOW || is_dir) {
        if (read_link(walk, place->text->name, &link, 1) >= 0) {
            place->guest_len = parent_len;
            return follow_link(walk, name, bytes, after);
        }
        if (errno != EINVAL && errno != ENOENT) /* no link; nothing */
            return bx_wasi_errno(errno);
    }
    return 0;
}

static bool is_name(const char *at, size_t bytes, const char *name)
{
    return bytes == strlen(name) && memcmp(at, name, bytes) == 0;
}

static int32_t walk_on(bx_walk_state *walk, bx_final final)
{
    const char *at = walk->rest;

    for (;;) {
        size_t bytes = strcspn(at, "/");
        const char *after = at + bytes;
        const char *next = after + strspn(after, "/");
        bool is_last = *next == '\0';
        int32_t err = 0;

        if (++walk->steps > STEPS_MAX)
            return BX_WASI_ELOOP;
        if (is_name(at, bytes, ".") || is_name(at, bytes, "..")) {
            if (is_last && final == BX_FINAL_ENTRY)
                return end_here(walk, bytes == 1 ? "." : "..");
            if (bytes == 2)
                err = go_up(walk);
            if (err == 0 && is_last)
                return end_here(walk, ".");
        } else if (is_last) {
            err = end_at(walk, at, bytes, after, final);
            if (err != FOLLOWED)
                return err;
        } else {
            err = enter(walk, at, bytes, after);
        }
        if (err > 0) {
            bx_need_put_rest(walk->path, walk->place, next);
            return err;
        }
        at = err == FOLLOWED ? walk->rest : next;
    }
}

int32_t bx_walk(bx_path *path, bx_final final, bx_place *ret_place)
{
    bx_walk_state walk;
    int32_t err;

    walk.path = path;
    walk.fs = path->wasi->fs;
    walk.place = ret_place;
    walk.links = 0;
    walk.steps = 0;
    memcpy(walk.rest, path->text, path->len + 1);
    ret_place->is_whole = false;
    ret_place->is_guess = false;
    ret_place->is_virtual = false;
    ret_place->name = ret_place->text->name;
    stand_in_base(&walk);
    err = walk_on(&walk, final);
    if (err != 0) {
        err = bx_need_missing(path, ret_place, err);
        bx_place_close(ret_place);
    }
    return err;
}
