#include "worker/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define FILE_MAX_BYTES 65536
#define DELEGATE "systemd-run --user --scope -p Delegate=yes"

struct bx_cgroup {
    int dir; /* the group that is divided */
};

/* This process's group of version 2, from the line "0::/PATH" (cgroups(7));
 * owned. */
static char *find_group(const char *root, bx_error **err)
{
    bx_autofree char *file = NULL;
    bx_autofree char *text = NULL;
    char *path = NULL;
    char *line;

    if (asprintf(&file, "%s/proc/self/cgroup", root) < 0) {
        file = NULL;
        bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_file_read(file, FILE_MAX_BYTES, &text, NULL, NULL) < 0) {
        bx_error_set(err, BX_ERR_NOT_FOUND, "no control groups in this kernel");
        return NULL;
    }
    line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
    if (line == NULL) {
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "only version 1: boot with "
                     "systemd.unified_cgroup_hierarchy=1");
        return NULL;
    }
    line = strchr(line, '/');
    line[strcspn(line, "\n")] = '\0';
    if (strstr(line, "..") != NULL)
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "the group lies outside of this container");
    else if (asprintf(&path, "%s/sys/fs/cgroup%s", root,
                      strcmp(line, "/") == 0 ? "" : line) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return path;
}

/* A word of a list with spaces. */
static bool has_word(const char *text, const char *word)
{
    size_t bytes = strlen(word);

    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        if ((at == text || at[-1] == ' ') && strchr(" \n", at[bytes]) != NULL)
            return true;
    }
    return false;
}

/* Its controllers are what was given to it. */
static int check_group(const char *path, int dir, bx_error **err)
{
    bx_autofd int fd = openat(dir, "cgroup.controllers", O_RDONLY | O_CLOEXEC);
    bx_autofree char *text = NULL;

    if (fd < 0 || bx_file_read_fd(fd, "cgroup.controllers", FILE_MAX_BYTES,
                                  &text, NULL, NULL) < 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "version 2 has no limits here: boot with "
                            "systemd.unified_cgroup_hierarchy=1");
    if (!has_word(text, "memory") || !has_word(text, "pids"))
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "memory and pids are not given to this group: "
                            "start by " DELEGATE);
    if (faccessat(dir, "cgroup.procs", W_OK, AT_EACCESS) < 0 ||
        faccessat(dir, "cgroup.subtree_control", W_OK, AT_EACCESS) < 0 ||
        access(path, W_OK) < 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "the group is not this user's: start by " DELEGATE);
    return 0;
}

static int open_group(const char *root, bx_error **err)
{
    bx_autofree char *path = find_group(root, err);
    bx_autofd int dir = -1;

    if (path == NULL)
        return -1;
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return bx_error_set(err, BX_ERR_NOT_FOUND,
                            "'%s' is not there: boot with "
                            "systemd.unified_cgroup_hierarchy=1",
                            path);
    if (check_group(path, dir, err) < 0)
        return -1;
    return bx_take_fd(&dir);
}

int bx_cgroup_check(const char *root, bx_error **err)
{
    bx_autofd int dir = open_group(root, err);

    return dir < 0 ? -1 : 0;
}

/* One write is one command to the kernel. */
static int put(int dir, const char *name, const char *text)
{
    bx_autofd int fd =
        openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t bytes = strlen(text);

    return fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes ? 0 : -1;
}

static int put_number(int dir, const char *name, uint64_t number)
{
    char text[32];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return put(dir, name, text);
}

/* A part of the group: made, and open. */
static int make_part(const bx_cgroup *cgroup, const char *kind, pid_t pid,
                     char name[64])
{
    snprintf(name, 64, "boxagnts.%s-%d", kind, (int)pid);
    if (mkdirat(cgroup->dir, name, 0755) < 0 && errno != EEXIST)
        return -1;
    return openat(cgroup->dir, name,
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A group that has parts under limits has no processes of its own
 * (cgroups(7)). */
static int divide(const bx_cgroup *cgroup)
{
    static const char wanted[] = "+memory +pids";
    bx_autofd int part = -1;
    char name[64];
    int failed;

    if (put(cgroup->dir, "cgroup.subtree_control", wanted) == 0)
        return 0;
    if (errno != EBUSY)
        return -1;
    part = make_part(cgroup, "host", getpid(), name);
    if (part < 0 || put_number(part, "cgroup.procs", (uint64_t)getpid()) < 0)
        return -1;
    if (put(cgroup->dir, "cgroup.subtree_control", wanted) == 0)
        return 0;
    failed = errno;
    (void)put_number(cgroup->dir, "cgroup.procs", (uint64_t)getpid());
    (void)unlinkat(cgroup->dir, name, AT_REMOVEDIR);
    errno = failed;
    return -1;
}

bx_cgroup *bx_cgroup_open(const char *root, bx_error **err)
{
    bx_cgroup *cgroup = calloc(1, sizeof(*cgroup));

    if (cgroup == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    cgroup->dir = open_group(root, err);
    if (cgroup->dir >= 0 && divide(cgroup) == 0)
        return cgroup;
    if (cgroup->dir >= 0)
        bx_error_set_errno(err, errno,
                           "other processes share this control group; start "
                           "by " DELEGATE);
    bx_cgroup_free(cgroup);
    return NULL;
}

void bx_cgroup_free(bx_cgroup *cgroup)
{
    if (cgroup == NULL)
        return;
    if (cgroup->dir >= 0)
        close(cgroup->dir);
    free(cgroup);
}

int bx_cgroup_add(const bx_cgroup *cgroup, pid_t pid, uint64_t memory_bytes,
                  uint64_t tasks, bx_error **err)
{
    char name[64];
    bx_autofd int part = make_part(cgroup, "worker", pid, name);
    int failed;

    /* Without swap its memory would be the disk's. Groups without these two
     * files have neither swap nor a choice. */
    if (part >= 0) {
        (void)put(part, "memory.swap.max", "0");
        (void)put(part, "memory.oom.group", "1");
    }
    if (part >= 0 && put_number(part, "memory.max", memory_bytes) == 0 &&
        put_number(part, "pids.max", tasks) == 0 &&
        put_number(part, "cgroup.procs", (uint64_t)pid) == 0)
        return 0;
    failed = errno;
    (void)unlinkat(cgroup->dir, name, AT_REMOVEDIR);
    return bx_error_set_errno(err, failed, "control group '%s'", name);
}

int bx_cgroup_remove(const bx_cgroup *cgroup, pid_t pid, bx_error **err)
{
    char name[64];

    snprintf(name, sizeof(name), "boxagnts.worker-%d", (int)pid);
    if (unlinkat(cgroup->dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return bx_error_set_errno(err, errno, "control group '%s'", name);
    return 0;
}
