#include "agent/agent_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent_state.h"
#include "base/buf.h"
#include "base/file.h"
#include "overlay/beneath.h"

#define ID_CHARS                                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

static bool is_plain(const char *name)
{
    size_t bytes = strlen(name);

    return bytes > 0 && bytes <= 128 && strspn(name, ID_CHARS) == bytes;
}

/* One folder deeper, made when it is missing; closes parent. */
static int enter(int parent, const char *name, bool is_made)
{
    int fd;

    if (parent < 0)
        return -1;
    if (is_made && mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
        fd = -1;
    else
        fd = openat(parent, name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int errnum = errno;

        close(parent);
        errno = errnum;
        return -1;
    }
    close(parent);
    return fd;
}

/* The folder of all sessions; -1 with errno. */
static int open_results(const char *workspace, bool is_made)
{
    int fd = open(workspace, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return enter(enter(fd, ".boxagnts", is_made), "results", is_made);
}

/* Bytes that a folder's files have; what cannot be read is full. */
static uint64_t count_bytes(int folder_fd)
{
    bx_autonames bx_names names = { NULL, 0 };
    uint64_t sum = 0;

    if (bx_beneath_list(folder_fd, "", &names) < 0)
        return UINT64_MAX;
    for (size_t i = 0; i < names.count; i++) {
        struct stat st;

        if (fstatat(folder_fd, names.names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            sum += (uint64_t)st.st_size;
    }
    return sum;
}

static int write_new(int folder_fd, const char *name, const char *text,
                     size_t bytes)
{
    bx_autofd int fd =
        openat(folder_fd, name,
               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -1;
    if (bx_file_write_all(fd, text, bytes) == 0)
        return 0;
    (void)unlinkat(folder_fd, name, 0);
    return -1;
}

/* With the lock: two results at once would both fit. */
static int keep(bx_agent *agent, const char *name, const char *text,
                size_t bytes)
{
    bx_autofd int fd =
        enter(open_results(agent->config.workspace, true), agent->id, true);
    uint64_t used;

    if (fd < 0)
        return -1;
    used = count_bytes(fd);
    if (used > BX_KEPT_MAX_BYTES || bytes > BX_KEPT_MAX_BYTES - used)
        return -1;
    return write_new(fd, name, text, bytes);
}

char *bx_agent_keep(bx_agent *agent, const char *call_id, const char *text,
                    size_t bytes)
{
    const char *root = agent->config.kept_path;
    bx_autofree char *name = NULL;
    char *path = NULL;
    int kept;

    if (root == NULL || !is_plain(call_id) ||
        asprintf(&name, "%s.txt", call_id) < 0) {
        name = NULL;
        return NULL;
    }
    bx_agent_lock(agent);
    kept = keep(agent, name, text, bytes);
    bx_agent_unlock(agent);
    if (kept < 0 ||
        asprintf(&path, "%s%s" BX_KEPT_FOLDER "/%s/%s", root,
                 root[0] != '\0' && root[strlen(root) - 1] == '/' ? "" : "/",
                 agent->id, name) < 0)
        return NULL;
    return path;
}

int bx_kept_remove(const char *workspace, const char *session, bx_error **err)
{
    bx_autofd int results = -1;
    int folder;

    if (!is_plain(session))
        return bx_error_set(err, BX_ERR_INVALID, "no session's id");
    results = open_results(workspace, false);
    if (results < 0)
        return errno == ENOENT
                   ? 0
                   : bx_error_set_errno(err, errno, "'%s/" BX_KEPT_FOLDER "'",
                                        workspace);
    folder = openat(results, session,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) {
        int emptied = bx_beneath_empty(folder);

        close(folder);
        if (emptied == 0 && unlinkat(results, session, AT_REMOVEDIR) == 0)
            return 0;
    }
    return errno == ENOENT ? 0
                           : bx_error_set_errno(
                                 err, errno, "results of session %s", session);
}
