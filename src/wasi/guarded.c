/* Where protected paths of the host lie in what a guest sees. A guest may have
 * had its hands on the folders above one, so each link on the way is protected
 * like the place it leads to; a folder is told by device and inode, so that
 * neither links nor bind mounts above it hide one. */
#include "wasi/guarded.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/secret.h"

#define LINKS_MAX 40 /* path_resolution(7) */
#define GUARDED_MAX 4096u
#define TEXT_BYTES (2 * PATH_MAX)

/* ---- the list ------------------------------------------------------- */

const bx_fs_guarded *bx_guarded_at(const bx_fs *fs, int mount, const char *path,
                                   size_t len)
{
    const bx_fs_guarded *found = NULL;

    for (size_t i = 0; i < fs->guarded_count; i++) {
        const bx_fs_guarded *row = &fs->guarded[i];

        if ((found == NULL || row->is_hidden) && row->mount == mount &&
            ((row->len == len && memcmp(row->path, path, len) == 0) ||
             bx_fs_is_beneath(path, len, row->path, row->len)))
            found = row;
    }
    return found;
}

void bx_guarded_clear(bx_fs *fs)
{
    for (size_t i = 0; i < fs->guarded_count; i++)
        free(fs->guarded[i].path);
    free(fs->guarded);
    fs->guarded = NULL;
    fs->guarded_count = 0;
}

/* What is to be guarded at a place, and why. */
typedef struct guard {
    const char *path;   /* of the host */
    const char *origin; /* borrowed */
    const char *reason; /* static; NULL: it is not hidden */
} guard;

/* rest: beneath the mapping's folder, "" for all of it. */
static int add(bx_fs *fs, size_t mount, const char *rest, const guard *why,
               bx_error **err)
{
    const char *dir = fs->mounts[mount].rule->guest_dir;
    bx_fs_guarded row = { .mount = (int)mount,
                          .is_hidden = why->reason != NULL,
                          .reason = why->reason,
                          .origin = why->origin };
    const bx_fs_guarded *same;
    bx_fs_guarded *grown;

    if (fs->guarded_count == GUARDED_MAX)
        return bx_error_set(err, BX_ERR_LIMIT, "more than %u places to protect",
                            GUARDED_MAX);
    if (asprintf(&row.path, "%s%s%s", strcmp(dir, "/") == 0 ? "" : dir,
                 rest[0] == '\0' ? "" : "/", rest) < 0)
        return bx_error_set_nomem(err);
    row.len = strlen(row.path);
    same = bx_guarded_at(fs, row.mount, row.path, row.len);
    if (same != NULL && (same->is_hidden || !row.is_hidden)) {
        free(row.path);
        return 0;
    }
    grown = realloc(fs->guarded, (fs->guarded_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        free(row.path);
        return bx_error_set_nomem(err);
    }
    fs->guarded = grown;
    fs->guarded[fs->guarded_count++] = row;
    return 0;
}

/* ---- one real place of the host ------------------------------------- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Cut the last name off a real path; false at the root. */
static bool cut_name(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash[1] == '\0')
        return false;
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

/* Does the mapping show a folder beneath the place? */
static bool is_inside(const bx_fs_mount *mount, const struct stat *place)
{
    bx_autofree char *real = realpath(mount->rule->host_dir, NULL);
    struct stat folder;

    if (real == NULL)
        return true; /* gone since it was opened: who knows */
    do {
        if (lstat(real, &folder) < 0 || is_same(&folder, place))
            return true;
    } while (cut_name(real));
    return false;
}

/* What lies at a host path: 1 with stat filled, 0 when nothing does or nothing
 * that this process could reach, -1 with err when it is not known. */
static int look_at(const char *path, struct stat *ret_stat, const guard *why,
                   bx_error **err)
{
    if (lstat(path, ret_stat) == 0)
        return 1;
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES ||
        errno == ENAMETOOLONG)
        return 0;
    return bx_error_set_errno(err, errno, "'%s', protected by '%s'", path,
                              why->origin);
}

static int guard_in_mount(bx_fs *fs, size_t mount, const char *place,
                          const guard *why, bx_error **err)
{
    bx_autofree char *above = strdup(place);
    struct stat folder;
    struct stat at;
    int found;

    if (above == NULL)
        return bx_error_set_nomem(err);
    if (fstat(fs->mounts[mount].fd, &folder) < 0)
        return bx_error_set_errno(err, errno, "%s",
                                  fs->mounts[mount].rule->origin);
    found = look_at(place, &at, why, err);
    if (found > 0 && S_ISDIR(at.st_mode) && is_inside(&fs->mounts[mount], &at))
        return add(fs, mount, "", why, err);
    do {
        const char *rest = place + strlen(above);

        if (found >= 0)
            found = look_at(above, &at, why, err);
        if (found < 0)
            return -1;
        if (found > 0 && is_same(&at, &folder) &&
            add(fs, mount, rest + strspn(rest, "/"), why, err) < 0)
            return -1;
    } while (cut_name(above));
    return 0;
}

static int guard_place(bx_fs *fs, const char *place, const guard *why,
                       bx_error **err)
{
    for (size_t i = 0; i < fs->mounts_count; i++) {
        if (guard_in_mount(fs, i, place, why, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- from a path to its places -------------------------------------- */

/* The way from the root: real holds no link, rest is still to be walked. */
typedef struct way {
    char real[TEXT_BYTES];
    char rest[TEXT_BYTES];
    unsigned links;
    bool is_missing; /* real does not exist: no more links can be met */
} way;

/* Add a name to the real path; false when it grows too long. */
static bool add_name(way *walk, const char *name, size_t bytes)
{
    size_t len = strlen(walk->real);

    if (bytes == 1 && name[0] == '.')
        return true;
    if (bytes == 2 && memcmp(name, "..", 2) == 0) {
        (void)cut_name(walk->real);
        return true;
    }
    if (len + 1 + bytes >= sizeof(walk->real))
        return false;
    if (len > 1)
        walk->real[len++] = '/';
    memcpy(walk->real + len, name, bytes);
    walk->real[len + bytes] = '\0';
    return true;
}

static int refuse_way(const guard *why, bx_error **err)
{
    return bx_error_set(err, BX_ERR_INVALID,
                        "'%s' cannot be protected (%s): its path is too long "
                        "or its links lead in circles",
                        why->path, why->origin);
}

/* real is a link: put its content in front of what is left. */
static int follow(way *walk, const char *after, const guard *why,
                  bx_error **err)
{
    char content[PATH_MAX];
    ssize_t bytes = readlink(walk->real, content, sizeof(content));
    size_t after_len = strlen(after);

    if (bytes < 0)
        return bx_error_set_errno(err, errno, "'%s', protected by '%s'",
                                  walk->real, why->origin);
    if (bytes == 0 || (size_t)bytes == sizeof(content) ||
        ++walk->links > LINKS_MAX ||
        (size_t)bytes + 1 + after_len >= sizeof(walk->rest))
        return refuse_way(why, err);
    memmove(walk->rest + bytes + 1, after, after_len + 1);
    memcpy(walk->rest, content, (size_t)bytes);
    walk->rest[bytes] = '/';
    (void)cut_name(walk->real);
    if (content[0] == '/')
        memcpy(walk->real, "/", 2);
    return 0;
}

static int walk_to(bx_fs *fs, way *walk, const guard *why, bx_error **err)
{
    const guard link = { .origin = why->origin };
    const char *at = walk->rest;
    struct stat stat;
    int found;

    for (;;) {
        size_t bytes;

        at += strspn(at, "/");
        bytes = strcspn(at, "/");
        if (bytes == 0)
            return guard_place(fs, walk->real, why, err);
        if (!add_name(walk, at, bytes))
            return refuse_way(why, err);
        at += bytes;
        if (walk->is_missing)
            continue;
        found = look_at(walk->real, &stat, why, err);
        if (found < 0)
            return -1;
        walk->is_missing = found == 0;
        if (found == 0 || !S_ISLNK(stat.st_mode))
            continue;
        if (guard_place(fs, walk->real, &link, err) < 0 ||
            follow(walk, at, why, err) < 0)
            return -1;
        at = walk->rest;
    }
}

static int guard_path(bx_fs *fs, way *walk, const guard *why, bx_error **err)
{
    size_t len = strlen(why->path);

    if (len >= sizeof(walk->rest))
        return bx_error_set(err, BX_ERR_INVALID,
                            "a path of %zu bytes cannot be protected", len);
    memcpy(walk->rest, why->path, len + 1);
    memcpy(walk->real, "/", 2);
    walk->links = 0;
    walk->is_missing = false;
    return walk_to(fs, walk, why, err);
}

/* What the host uses for a guest, the guest does not read where it lies. */
static int guard_secret(bx_fs *fs, way *walk, const bx_secret *secret,
                        bx_error **err)
{
    bx_autofree char *here =
        secret->file[0] == '/' ? strdup("") : getcwd(NULL, 0);
    bx_autofree char *path = NULL;
    guard why = { .origin = secret->origin,
                  .reason = "the file holds a secret" };

    if (here == NULL)
        return bx_error_set_errno(err, errno, "the current folder");
    if (asprintf(&path, "%s/%s", here, secret->file) < 0) {
        path = NULL;
        return bx_error_set_nomem(err);
    }
    why.path = path;
    return guard_path(fs, walk, &why, err);
}

/* An overlay is not seen from within, nor are those beside it: what they hold
 * shows at its own place. */
static int guard_overlay(bx_fs *fs, way *walk, const char *dir, bx_error **err)
{
    bx_autofree char *path = realpath(dir, NULL);
    const guard why = { .path = path,
                        .origin = "an overlay's own folder",
                        .reason = "overlays are not seen from within" };
    char *slash;

    if (path == NULL)
        return bx_error_set_errno(err, errno, "'%s'", dir);
    slash = strrchr(path, '/');
    if (slash - path >= 9 && memcmp(slash - 9, "/overlays", 9) == 0)
        *slash = '\0';
    return guard_path(fs, walk, &why, err);
}

int bx_guarded_find(bx_fs *fs, bx_error **err)
{
    const bx_policy *policy = fs->policy;
    bx_autofree way *walk = NULL;

    if (policy->protected_paths_count == 0 && policy->secrets_count == 0 &&
        policy->overlay_dir == NULL)
        return 0;
    walk = calloc(1, sizeof(*walk));
    if (walk == NULL)
        return bx_error_set_nomem(err);
    if (policy->overlay_dir != NULL &&
        guard_overlay(fs, walk, policy->overlay_dir, err) < 0)
        return -1;
    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        const bx_protected *row = &policy->protected_paths[i];
        const guard why = { .path = row->host_path,
                            .origin = row->origin,
                            .reason = row->is_hidden
                                          ? "boxagnts keeps files of its own "
                                            "there, which no guest sees"
                                          : NULL };

        if (guard_path(fs, walk, &why, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < policy->secrets_count; i++) {
        if (policy->secrets[i].file != NULL &&
            guard_secret(fs, walk, &policy->secrets[i], err) < 0)
            return -1;
    }
    return 0;
}
