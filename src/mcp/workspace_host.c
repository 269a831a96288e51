#include "mcp/workspace_host.h"

#include <stdlib.h>

#include "wasi/calls.h"
#include "wasi/types.h"

/* Where things lie in the memory that stands for a guest's. */
#define AT_PATH 1024u
#define AT_RESULT 0u
#define AT_IOVEC 16u
#define AT_STAT 64u
#define AT_PIECE 16384u
#define MEMORY_BYTES (AT_PIECE + BX_VIEW_PIECE_BYTES)
#define PATH_MAX_BYTES (AT_PIECE - AT_PATH)
#define FIRST_PREOPEN 3u /* behind the standard streams, in mapping order */
#define TIME_NS 20000000000ll

int bx_view_open(bx_view *view, const bx_workspace *workspace,
                 const bx_workspace_ask *ask, bx_error **err)
{
    static const char *const argv[] = { "resources" };
    bx_wasi_config config = { .policy = workspace->policy,
                              .fs = workspace->fs,
                              .run = &view->run,
                              .argc = 1,
                              .argv = argv };

    *view = (bx_view){ .workspace = workspace };
    view->run.deadline_ns = bx_now_ns() + TIME_NS;
    view->run.cancel = ask->cancel;
    view->run.audit = ask->audit;
    view->run.audit_context = ask->audit_context;
    view->memory.size = MEMORY_BYTES;
    view->memory.data = calloc(1, MEMORY_BYTES);
    if (view->memory.data == NULL)
        return bx_error_set_nomem(err);
    for (int i = 0; i < 3; i++) {
        view->streams[i].fd = -1;
        config.stdio[i] = &view->streams[i];
    }
    view->wasi = bx_wasi_new(&config, err);
    return view->wasi == NULL ? -1 : 0;
}

void bx_view_close(bx_view *view)
{
    bx_wasi_free(view->wasi);
    free(view->memory.data);
}

/* What a WASI errno means to who asked for a resource. */
static int fail(int32_t problem, const char *path, bx_error **err)
{
    switch (problem) {
    case BX_HOST_STOP:
        return bx_error_set(err, BX_ERR_CANCELLED,
                            "'%s': the request was ended", path);
    case BX_WASI_ENOENT:
    case BX_WASI_ENOTDIR:
        return bx_error_set(err, BX_ERR_NOT_FOUND, "'%s': no such file", path);
    case BX_WASI_EACCES:
    case BX_WASI_EPERM:
    case BX_WASI_EROFS:
    case BX_WASI_ENOTCAPABLE:
    case BX_WASI_ELOOP:
        return bx_error_set(err, BX_ERR_DENIED,
                            "'%s': the policy does not let it be read", path);
    default:
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "'%s': reading failed (WASI errno %d)", path,
                            (int)problem);
    }
}

/* The mapping that has a path, and what is left of it beneath. */
static int find_mount(const bx_view *view, const char *path, uint32_t *ret_fd,
                      const char **ret_rest)
{
    const bx_fs *fs = view->workspace->fs;
    size_t best_len = 0;
    bool is_found = false;

    for (size_t i = 0; i < fs->mounts_count; i++) {
        const char *dir = fs->mounts[i].rule->guest_dir;
        size_t len = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

        if (strncmp(path, dir, len) != 0 ||
            (path[len] != '/' && path[len] != '\0') ||
            (is_found && len < best_len))
            continue;
        is_found = true;
        best_len = len;
        *ret_fd = FIRST_PREOPEN + (uint32_t)i;
    }
    if (!is_found)
        return -1;
    path += best_len;
    *ret_rest = path + strspn(path, "/");
    return 0;
}

int bx_view_open_path(bx_view *view, const char *path, bool is_folder,
                      uint32_t *ret_fd, bx_error **err)
{
    uint64_t rights = BX_RIGHT_FD_FILESTAT_GET |
                      (is_folder ? BX_RIGHT_FD_READDIR : BX_RIGHT_FD_READ);
    const char *rest;
    uint32_t dir;
    size_t bytes;
    int32_t problem;
    bx_raw args[9];

    if (find_mount(view, path, &dir, &rest) < 0)
        return fail(BX_WASI_ENOENT, path, err);
    if (rest[0] == '\0')
        rest = ".";
    bytes = strlen(rest);
    if (bytes > PATH_MAX_BYTES)
        return fail(BX_WASI_ENOENT, path, err);
    memcpy(view->memory.data + AT_PATH, rest, bytes);
    args[0].u32 = dir;
    args[1].u32 = BX_LOOKUP_SYMLINK_FOLLOW;
    args[2].u32 = AT_PATH;
    args[3].u32 = (uint32_t)bytes;
    args[4].u32 = is_folder ? BX_OFLAG_DIRECTORY : 0;
    args[5].u64 = rights;
    args[6].u64 = 0;
    args[7].u32 = BX_FDFLAG_NONBLOCK; /* a FIFO is opened, seen and refused */
    args[8].u32 = AT_RESULT;
    problem = bx_wasi_path_open(view->wasi, &view->memory, args);
    if (problem != BX_WASI_SUCCESS)
        return fail(problem, path, err);
    *ret_fd = bx_load32(view->memory.data + AT_RESULT);
    return 0;
}

/* filestat: dev u64, ino u64, filetype u8, nlink u64, size u64, atim u64,
 * mtim u64, ctim u64 */
int bx_view_stat_fd(bx_view *view, uint32_t fd, const char *path,
                    bx_workspace_stat *ret_stat, bool *ret_is_file,
                    bx_error **err)
{
    const uint8_t *at = view->memory.data + AT_STAT;
    bx_raw args[2];
    int32_t problem;

    args[0].u32 = fd;
    args[1].u32 = AT_STAT;
    problem = bx_wasi_fd_filestat_get(view->wasi, &view->memory, args);
    if (problem != BX_WASI_SUCCESS)
        return fail(problem, path, err);
    *ret_is_file = at[16] == BX_FILETYPE_REGULAR_FILE;
    ret_stat->is_folder = at[16] == BX_FILETYPE_DIRECTORY;
    ret_stat->identity = bx_load64(at + 8);
    ret_stat->bytes = bx_load64(at + 32);
    ret_stat->modified_ns = bx_load64(at + 48);
    return 0;
}

int bx_view_read_fd(bx_view *view, uint32_t fd, const char *path,
                    size_t max_bytes, bx_buf *data, bx_error **err)
{
    for (;;) {
        bx_raw args[4];
        int32_t problem;
        uint32_t bytes;

        bx_store32(view->memory.data + AT_IOVEC, AT_PIECE);
        bx_store32(view->memory.data + AT_IOVEC + 4, BX_VIEW_PIECE_BYTES);
        args[0].u32 = fd;
        args[1].u32 = AT_IOVEC;
        args[2].u32 = 1;
        args[3].u32 = AT_RESULT;
        problem = bx_wasi_fd_read(view->wasi, &view->memory, args);
        if (problem != BX_WASI_SUCCESS)
            return fail(problem, path, err);
        bytes = bx_load32(view->memory.data + AT_RESULT);
        if (bytes == 0)
            return 0;
        if (data->len + bytes > max_bytes)
            return bx_error_set(err, BX_ERR_LIMIT,
                                "'%s' is larger than the %zu bytes that are "
                                "read of a resource; read it in parts with the "
                                "tool file-read",
                                path, max_bytes);
        if (bx_buf_append(data, view->memory.data + AT_PIECE, bytes, SIZE_MAX) <
            0)
            return bx_error_set_nomem(err);
    }
}

void bx_view_close_fd(bx_view *view, uint32_t fd)
{
    bx_raw args[1];

    args[0].u32 = fd;
    (void)bx_wasi_fd_close(view->wasi, &view->memory, args);
}

/* dirent: next u64, ino u64, namlen u32, type u8, then the name. Returns how
 * many entries were whole, -1 with err. */
static long take_entries(bx_view *view, uint32_t used, uint64_t *cookie,
                         bx_view_entry_fn *on_entry, void *context,
                         bx_error **err)
{
    const uint8_t *at = view->memory.data + AT_PIECE;
    long count = 0;

    while (used >= BX_DIRENT_BYTES) {
        uint32_t name_bytes = bx_load32(at + 16);

        if (name_bytes > used - BX_DIRENT_BYTES)
            break;
        if (on_entry(context, (const char *)at + BX_DIRENT_BYTES, name_bytes,
                     at[20], err) < 0)
            return -1;
        *cookie = bx_load64(at);
        at += BX_DIRENT_BYTES + name_bytes;
        used -= BX_DIRENT_BYTES + name_bytes;
        count++;
    }
    return count;
}

static int read_entries(bx_view *view, uint32_t fd, const char *path,
                        bx_view_entry_fn *on_entry, void *context,
                        bx_error **err)
{
    uint64_t cookie = 0;
    long count;

    do {
        bx_raw args[5];
        int32_t problem;

        args[0].u32 = fd;
        args[1].u32 = AT_PIECE;
        args[2].u32 = BX_VIEW_PIECE_BYTES;
        args[3].u64 = cookie;
        args[4].u32 = AT_RESULT;
        problem = bx_wasi_fd_readdir(view->wasi, &view->memory, args);
        if (problem != BX_WASI_SUCCESS)
            return fail(problem, path, err);
        count = take_entries(view, bx_load32(view->memory.data + AT_RESULT),
                             &cookie, on_entry, context, err);
    } while (count > 0);
    return (int)count;
}

int bx_view_read_folder(bx_view *view, const char *path,
                        bx_view_entry_fn *on_entry, void *context,
                        bx_error **err)
{
    uint32_t fd = 0;
    int result;

    if (bx_view_open_path(view, path, true, &fd, err) < 0)
        return -1;
    result = read_entries(view, fd, path, on_entry, context, err);
    bx_view_close_fd(view, fd);
    return result;
}
