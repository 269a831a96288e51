#include "overlay/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#define NAME_BYTES 256 /* NAME_MAX and a NUL */

static atomic_bool is_walk_forced;

void bx_beneath_force_walk(bool is_forced)
{
    atomic_store(&is_walk_forced, is_forced);
}

/* ---- opening --------------------------------------------------------- */

/* One name after the other, each a folder and no link; the last as flags say.
 */
static int walk(int root_fd, const char *path, int flags)
{
    bx_autofd int held = -1;
    int at = root_fd;

    for (;;) {
        size_t bytes = strcspn(path, "/");
        char name[NAME_BYTES];
        bool is_last = path[bytes] == '\0';
        int fd;

        if (bytes >= sizeof(name)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, bytes);
        name[bytes] = '\0';
        if (name[0] == '\0' || strcmp(name, "..") == 0) {
            errno = EXDEV;
            return -1;
        }
        fd = openat(at, name,
                    is_last ? flags | O_NOFOLLOW | O_CLOEXEC
                            : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || is_last)
            return fd;
        if (held >= 0)
            close(held);
        at = held = fd;
        path += bytes + 1;
    }
}

int bx_beneath_open(int root_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
        .resolve =
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd;

    if (path[0] == '\0')
        path = ".";
    if (!atomic_load_explicit(&is_walk_forced, memory_order_relaxed)) {
        do
            fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        while (fd < 0 && (errno == EINTR || errno == EAGAIN));
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
            return fd;
    }
    return walk(root_fd, path, flags);
}

int bx_beneath_open_parent(int root_fd, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    char parent[BX_BENEATH_PATH_MAX];
    size_t bytes = slash == NULL ? 0 : (size_t)(slash - path);

    if (bytes >= sizeof(parent)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(parent, path, bytes);
    parent[bytes] = '\0';
    *ret_name = slash == NULL ? path : slash + 1;
    return bx_beneath_open(root_fd, parent, O_PATH | O_DIRECTORY);
}

int bx_beneath_stat(int root_fd, const char *path, struct stat *ret_stat)
{
    bx_autofd int fd = -1;
    const char *name;

    memset(ret_stat, 0, sizeof(*ret_stat));
    if (path[0] == '\0')
        return fstatat(root_fd, "", ret_stat, AT_EMPTY_PATH);
    fd = bx_beneath_open_parent(root_fd, path, &name);
    if (fd >= 0 && fstatat(fd, name, ret_stat, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    memset(ret_stat, 0, sizeof(*ret_stat));
    /* A link in the place of a folder: nothing is beneath it here. */
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
}

char *bx_beneath_read_link(int root_fd, const char *path)
{
    bx_autofd int fd = -1;
    bx_autofree char *content = malloc(BX_BENEATH_PATH_MAX);
    const char *name;
    ssize_t bytes;

    if (content == NULL)
        return NULL;
    fd = bx_beneath_open_parent(root_fd, path, &name);
    if (fd < 0)
        return NULL;
    bytes = readlinkat(fd, name, content, BX_BENEATH_PATH_MAX);
    if (bytes < 0)
        return NULL;
    if (bytes == BX_BENEATH_PATH_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    content[bytes] = '\0';
    return bx_take(content);
}

/* ---- names ----------------------------------------------------------- */

void bx_names_clear(bx_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
    *names = (bx_names){ NULL, 0 };
}

/* The room doubles at each power of two. */
static int add_name(bx_names *names, char *name)
{
    if (name == NULL)
        return -1;
    if ((names->count & (names->count - 1)) == 0) {
        size_t room = names->count == 0 ? 1 : names->count * 2;
        char **grown = realloc(names->names, room * sizeof(*grown));

        if (grown == NULL) {
            free(name);
            return -1;
        }
        names->names = grown;
    }
    names->names[names->count++] = name;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Takes the descriptor. */
static int list(int dir_fd, bx_names *ret_names)
{
    DIR *dir = fdopendir(dir_fd);
    const struct dirent *entry;
    bx_autonames bx_names found = { NULL, 0 };
    int errnum = 0;

    if (dir == NULL) {
        close(dir_fd);
        return -1;
    }
    for (;;) {
        errno = 0;
        entry = readdir(dir);
        if (entry == NULL)
            break;
        if (is_dots(entry->d_name))
            continue;
        if (add_name(&found, strdup(entry->d_name)) < 0) {
            errno = ENOMEM;
            break;
        }
    }
    errnum = errno;
    closedir(dir);
    if (errnum != 0) {
        errno = errnum;
        return -1;
    }
    if (found.count > 1)
        qsort(found.names, found.count, sizeof(char *), compare_names);
    *ret_names = found;
    found = (bx_names){ NULL, 0 };
    return 0;
}

int bx_beneath_list(int root_fd, const char *path, bx_names *ret_names)
{
    int fd = bx_beneath_open(root_fd, path, O_RDONLY | O_DIRECTORY);

    *ret_names = (bx_names){ NULL, 0 };
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -1;
    return list(fd, ret_names);
}

int bx_names_merge(bx_names *names, bx_names *more)
{
    bx_names sum = { NULL, 0 };
    size_t i = 0;
    size_t k = 0;

    if (more->count == 0)
        return 0;
    sum.names = calloc(names->count + more->count, sizeof(char *));
    if (sum.names == NULL)
        return -1;
    while (i < names->count || k < more->count) {
        int order = i == names->count ? 1
                    : k == more->count
                        ? -1
                        : strcmp(names->names[i], more->names[k]);

        if (order <= 0)
            sum.names[sum.count++] = names->names[i++];
        else
            sum.names[sum.count++] = more->names[k++];
        if (order == 0)
            free(more->names[k++]);
    }
    free(names->names);
    free(more->names);
    *names = sum;
    *more = (bx_names){ NULL, 0 };
    return 0;
}

/* ---- removing -------------------------------------------------------- */

/* Moved up before it is emptied: a guest may nest folders deeper than there
 * are descriptors. */
typedef struct emptying {
    int fd; /* the folder that is emptied, and where others are moved to */
    uint64_t moved;
} emptying;

/* A name of another folder, to be removed or moved up. */
static int take_out(emptying *task, int dir_fd, const char *name)
{
    char place[32];

    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0)
        return 0;
    /* A folder without its write bit cannot get another parent. */
    (void)!fchmodat(dir_fd, name, 0700, AT_SYMLINK_NOFOLLOW);
    do {
        snprintf(place, sizeof(place), ".%llu",
                 (unsigned long long)task->moved++);
        if (renameat2(dir_fd, name, task->fd, place, RENAME_NOREPLACE) == 0)
            return 0;
    } while (errno == EEXIST);
    return -1;
}

/* Empty one folder of it and remove that. */
static int remove_folder(emptying *task, const char *name)
{
    bx_autonames bx_names names = { NULL, 0 };
    bx_autofd int fd = -1;
    int copy;

    (void)!fchmodat(task->fd, name, 0700, AT_SYMLINK_NOFOLLOW);
    fd =
        openat(task->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1; /* by another one's hand */
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0 || list(copy, &names) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        if (take_out(task, fd, names.names[i]) < 0)
            return -1;
    }
    return unlinkat(task->fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0
                                                                          : -1;
}

int bx_beneath_empty(int dir_fd)
{
    emptying task = { .fd = dir_fd };

    for (;;) {
        bx_autonames bx_names names = { NULL, 0 };

        if (bx_beneath_list(dir_fd, "", &names) < 0)
            return -1;
        if (names.count == 0)
            return 0;
        for (size_t i = 0; i < names.count; i++) {
            const char *name = names.names[i];

            if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
                continue;
            if ((errno != EISDIR && errno != EPERM) ||
                remove_folder(&task, name) < 0)
                return -1;
        }
    }
}
