/* A guest that reads the cache's key and writes the cache puts native code
 * into the next run, with the rights of the process; one that reads the user's
 * state has other runs' overlays, recordings and log. Folders are compared by
 * device and inode, so that neither links nor bind mounts hide one. */
#include "sandbox/guard.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/user_dir.h"
#include "policy/grant.h"

/* Cut the last name off; false when none is left. */
static bool cut_name(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL) {
        bool is_here = strcmp(path, ".") == 0;

        path[0] = '.';
        path[1] = '\0';
        return !is_here;
    }
    if (slash[1] == '\0' && slash == path)
        return false;
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

/* The real path of the deepest folder of path that exists; owned. */
static char *find_existing(const char *path)
{
    bx_autofree char *text = strdup(path);
    char *real;

    if (text == NULL || text[0] == '\0')
        return NULL;
    while ((real = realpath(text, NULL)) == NULL) {
        if (errno == ENOMEM || !cut_name(text))
            return NULL;
    }
    return real;
}

/* Is path the folder, or in it? One that cannot be told is. */
static bool is_in(const char *path, const struct stat *folder)
{
    bx_autofree char *real = find_existing(path);
    struct stat stat_;

    if (real == NULL)
        return true;
    do {
        if (stat(real, &stat_) < 0)
            return true;
        if (stat_.st_dev == folder->st_dev && stat_.st_ino == folder->st_ino)
            return true;
    } while (cut_name(real));
    return false;
}

/* No mapping gives what the policy protects, so none needs to be refused. */
static bool is_protected(const bx_policy *policy, const char *path)
{
    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        const char *row = policy->protected_paths[i].host_path;
        size_t bytes = strlen(row);

        if (strncmp(path, row, bytes) == 0 &&
            (path[bytes] == '\0' || path[bytes] == '/'))
            return true;
    }
    return false;
}

static int check_folder(const bx_policy *policy, const char *path,
                        const char *what, bx_error **err)
{
    if (path == NULL || is_protected(policy, path))
        return 0;
    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];
        struct stat folder;

        if ((mount->access & BX_ACCESS_WRITE) == 0 ||
            stat(mount->host_dir, &folder) < 0) /* opening it says why */
            continue;
        errno = 0;
        if (is_in(path, &folder))
            return errno == ENOMEM
                       ? bx_error_set_nomem(err)
                       : bx_error_set(
                             err, BX_ERR_DENIED,
                             "%s: this would let the guest write %s '%s'; "
                             "map it read-only, or a folder that does not "
                             "hold it",
                             mount->origin, what, path);
    }
    return 0;
}

/* Twice is once: a nested run's policy comes from its caller's. */
static int hide_folder(bx_policy *policy, const char *path, const char *what,
                       bx_error **err)
{
    if (path == NULL || path[0] != '/')
        return 0;
    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        const bx_protected *row = &policy->protected_paths[i];

        if (row->is_hidden && strcmp(row->host_path, path) == 0)
            return 0;
    }
    return bx_policy_hide(policy, path, what, err);
}

int bx_guard_apply(bx_policy *policy, const bx_cache *cache, bx_error **err)
{
    bx_autofree char *cache_dir = NULL;
    bx_autofree char *own_cache_dir = NULL;
    bx_autofree char *key_dir = NULL;
    bx_autofree char *config_dir = NULL;
    const char *used_dir = cache == NULL ? NULL : bx_cache_dir(cache);

    /* Without a home there are none; without memory nobody knows. */
    errno = 0;
    cache_dir = bx_cache_default_dir();
    key_dir = bx_user_state_path(NULL);
    own_cache_dir = bx_user_cache_path(NULL);
    config_dir = bx_user_config_path(NULL);
    if ((cache_dir == NULL || key_dir == NULL || own_cache_dir == NULL ||
         config_dir == NULL) &&
        errno == ENOMEM)
        return bx_error_set_nomem(err);
    if (check_folder(policy, used_dir, "the module cache", err) < 0 ||
        check_folder(policy, cache_dir, "the module cache", err) < 0 ||
        check_folder(policy, key_dir, "the module cache's key in", err) < 0)
        return -1;
    if (hide_folder(policy, used_dir, "the module cache", err) < 0 ||
        hide_folder(policy, own_cache_dir, "the user's caches", err) < 0 ||
        hide_folder(policy, key_dir, "the user's state", err) < 0)
        return -1;
    return hide_folder(policy, config_dir, "the user's configuration", err);
}
