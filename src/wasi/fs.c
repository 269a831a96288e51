/* Mapped folders and access by guest path. The host folders are opened once,
 * by the policy's author's names; after that only descriptors are used. */
#include "wasi/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "policy/layer.h"
#include "wasi/guarded.h"
#include "wasi/overlay_state.h"

/* Canonical guest paths write the root as "/"; here it is "". */
static const char *without_root(const char *guest_path)
{
    return strcmp(guest_path, "/") == 0 ? "" : guest_path;
}

bool bx_fs_is_beneath(const char *path, size_t path_len, const char *dir,
                      size_t dir_len)
{
    return path_len > dir_len && path[dir_len] == '/' &&
           memcmp(path, dir, dir_len) == 0;
}

void bx_fs_find(const bx_fs *fs, const char *path, size_t len,
                bx_region *ret_region)
{
    const bx_fs_point *deepest = NULL;
    bx_region region = { .mount = -1 };

    for (size_t i = 0; i < fs->points_count; i++) {
        const bx_fs_point *point = &fs->points[i];

        if (bx_fs_is_beneath(point->path, point->len, path, len)) {
            region.holds_point = true;
            region.holds_mount |= point->is_mount;
            region.holds_guarded |= point->is_guarded;
            region.holds_access |= point->access != 0;
        } else if ((point->len == len && memcmp(point->path, path, len) == 0) ||
                   bx_fs_is_beneath(path, len, point->path, point->len)) {
            if (deepest == NULL || point->len > deepest->len)
                deepest = point;
        }
    }
    if (deepest != NULL) {
        region.mount = deepest->mount;
        region.access = deepest->access;
        if (deepest->len == len) {
            region.is_mount = deepest->is_mount;
            region.is_grant = !deepest->is_mount;
        }
    }
    *ret_region = region;
}

bx_verdict bx_fs_explain(const bx_fs *fs, const char *path, size_t len,
                         unsigned wanted)
{
    bx_autofree char *text = len == 0 ? strdup("/") : strndup(path, len);

    bx_verdict verdict;

    if (text == NULL)
        return (bx_verdict){ false, "out of memory", "nothing granted" };
    verdict = bx_policy_check_fs(fs->policy, text, wanted);
    if (verdict.is_allowed) {
        const bx_fs_guarded *guarded;
        bx_region region;

        bx_fs_find(fs, path, len, &region);
        guarded = bx_guarded_at(fs, region.mount, path, len);
        if (guarded != NULL && guarded->is_hidden)
            return (bx_verdict){ false, guarded->reason, guarded->origin };
        if (guarded != NULL && (wanted & BX_ACCESS_WRITE) != 0)
            return (bx_verdict){ false, "the path is protected",
                                 guarded->origin };
    }
    return verdict;
}

static int open_mounts(bx_fs *fs, bx_error **err)
{
    for (size_t i = 0; i < fs->policy->mounts_count; i++) {
        const bx_mount *rule = &fs->policy->mounts[i];
        int fd;

        for (size_t k = 0; k < i; k++) {
            const bx_mount *other = &fs->policy->mounts[k];

            if (strcmp(rule->guest_dir, other->guest_dir) == 0)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "%s: guest folder '%s' is mapped already "
                                    "(%s)",
                                    rule->origin, rule->guest_dir,
                                    other->origin);
        }
        fd = open(rule->host_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return bx_error_set_errno(err, errno, "%s: folder '%s'",
                                      rule->origin, rule->host_dir);
        fs->mounts[i] = (bx_fs_mount){ .rule = rule, .fd = fd };
        fs->mounts_count = i + 1;
    }
    return 0;
}

const char *bx_fs_beneath(const bx_fs *fs, int mount, const char *path)
{
    path += strlen(without_root(fs->mounts[mount].rule->guest_dir));
    return path[0] == '/' ? path + 1 : path;
}

static int open_overlay(bx_fs *fs, const char *const *folders,
                        unsigned *numbers, bx_error **err)
{
    fs->overlay = bx_overlay_open(fs->policy->overlay_dir, folders,
                                  fs->mounts_count, numbers, err);
    if (fs->overlay == NULL)
        return -1;
    for (size_t i = 0; i < fs->mounts_count; i++)
        fs->mounts[i].layers =
            bx_overlay_layers(fs->overlay, numbers[i], fs->mounts[i].fd);
    return 0;
}

/* The layers over the mapped folders, if the policy has an overlay. */
static int cover_mounts(bx_fs *fs, bx_error **err)
{
    bx_autofree char **folders = NULL;
    bx_autofree unsigned *numbers = NULL;
    size_t count = 0;
    int result = 0;

    if (fs->policy->overlay_dir == NULL)
        return 0;
    folders = calloc(fs->mounts_count + 1, sizeof(*folders));
    numbers = calloc(fs->mounts_count + 1, sizeof(*numbers));
    if (folders == NULL || numbers == NULL)
        return bx_error_set_nomem(err);
    while (result == 0 && count < fs->mounts_count) {
        const bx_mount *rule = fs->mounts[count].rule;

        folders[count] = realpath(rule->host_dir, NULL);
        if (folders[count++] == NULL)
            result = bx_error_set_errno(err, errno, "%s: folder '%s'",
                                        rule->origin, rule->host_dir);
    }
    if (result == 0)
        result = open_overlay(fs, (const char *const *)folders, numbers, err);
    for (size_t i = 0; i < count; i++)
        free(folders[i]);
    return result;
}

static void add_point(bx_fs *fs, const char *guest_path, bool is_mount)
{
    bx_fs_point point = { .path = without_root(guest_path),
                          .mount = -1,
                          .is_mount = is_mount };
    const bx_fs_guarded *guarded;
    size_t mount_len = 0;

    point.len = strlen(point.path);
    for (size_t i = 0; i < fs->points_count; i++) {
        if (strcmp(fs->points[i].path, point.path) == 0)
            return;
    }
    for (size_t i = 0; i < fs->mounts_count; i++) {
        const char *dir = without_root(fs->mounts[i].rule->guest_dir);
        size_t len = strlen(dir);

        if (strcmp(dir, point.path) != 0 &&
            !bx_fs_is_beneath(point.path, point.len, dir, len))
            continue;
        if (point.mount < 0 || len >= mount_len) {
            point.mount = (int)i;
            mount_len = len;
        }
    }
    if (point.mount < 0)
        return; /* a grant that no mapping serves */
    point.access = bx_policy_fs_access(fs->policy, guest_path, NULL) &
                   fs->mounts[point.mount].rule->access;
    guarded = bx_guarded_at(fs, point.mount, point.path, point.len);
    if (guarded != NULL) {
        point.access &= guarded->is_hidden ? 0 : ~BX_ACCESS_WRITE;
        point.is_guarded = guarded->len == point.len;
    }
    fs->points[fs->points_count++] = point;
}

static void add_layer(bx_fs *fs, const bx_grants *layer)
{
    for (size_t i = 0; i < layer->rules_count; i++) {
        if (layer->rules[i].kind == BX_GRANT_FS)
            add_point(fs, layer->rules[i].text, false);
    }
}

/* May anything be written at the path or in a folder above it? */
static bool is_written_above(const bx_fs *fs, const bx_fs_guarded *guarded)
{
    bx_region region;

    for (size_t len = guarded->len;; len--) {
        if (len == 0 || len == guarded->len || guarded->path[len] == '/') {
            bx_fs_find(fs, guarded->path, len, &region);
            if ((region.access & BX_ACCESS_WRITE) != 0)
                return true;
        }
        if (len == 0)
            return false;
    }
}

/* After all other points. Where nothing is written anyway, as for most tools,
 * it would only cost what a point costs: paths walked name by name. */
static void add_guarded(bx_fs *fs, const bx_fs_guarded *guarded)
{
    if (guarded->is_hidden || is_written_above(fs, guarded))
        add_point(fs, guarded->len == 0 ? "/" : guarded->path, false);
}

/* The most there can be. */
static size_t count_points(const bx_fs *fs)
{
    const bx_policy *policy = fs->policy;
    size_t count =
        policy->mounts_count + policy->fs_grants_count + fs->guarded_count;

    for (size_t i = 0; i < policy->layers_count; i++)
        count += policy->layers[i]->rules_count;
    return count;
}

bx_fs *bx_fs_new(const bx_policy *policy, bx_error **err)
{
    bx_fs *fs = calloc(1, sizeof(*fs));

    if (fs == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    fs->policy = policy;
    fs->mounts = calloc(policy->mounts_count + 1, sizeof(*fs->mounts));
    if (fs->mounts == NULL) {
        bx_error_set_nomem(err);
        bx_fs_free(fs);
        return NULL;
    }
    if (open_mounts(fs, err) < 0 || cover_mounts(fs, err) < 0 ||
        bx_guarded_find(fs, err) < 0) {
        bx_fs_free(fs);
        return NULL;
    }
    fs->points_count = 0;
    fs->points = calloc(count_points(fs) + 1, sizeof(*fs->points));
    if (fs->points == NULL) {
        bx_error_set_nomem(err);
        bx_fs_free(fs);
        return NULL;
    }
    for (size_t i = 0; i < policy->mounts_count; i++)
        add_point(fs, policy->mounts[i].guest_dir, true);
    for (size_t i = 0; i < policy->fs_grants_count; i++)
        add_point(fs, policy->fs_grants[i].guest_path, false);
    for (size_t i = 0; i < policy->layers_count; i++)
        add_layer(fs, policy->layers[i]);
    for (size_t i = 0; i < fs->guarded_count; i++)
        add_guarded(fs, &fs->guarded[i]);
    return fs;
}

void bx_fs_free(bx_fs *fs)
{
    if (fs == NULL)
        return;
    for (size_t i = 0; i < fs->mounts_count; i++)
        close(fs->mounts[i].fd);
    free(fs->mounts);
    free(fs->points);
    bx_guarded_clear(fs);
    bx_overlay_free(fs->overlay);
    free(fs);
}
