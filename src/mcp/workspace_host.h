/* The host calls of a guest, made by the host itself: memory that stands for
 * the guest's, and the calls it takes to read. */
#ifndef BX_MCP_WORKSPACE_HOST_H
#define BX_MCP_WORKSPACE_HOST_H

#include "mcp/workspace.h"
#include "wasi/fs.h"

struct bx_workspace {
    bx_policy *policy; /* owned; the workspace's, narrowed to reading */
    bx_fs *fs;
};

#define BX_VIEW_PIECE_BYTES 65536u /* moved at once */

/* One request's view. One thread. */
typedef struct bx_view {
    const bx_workspace *workspace;
    bx_run run;
    bx_wasi *wasi;
    bx_guest memory;
    bx_stream streams[3];
} bx_view;

int bx_view_open(bx_view *view, const bx_workspace *workspace,
                 const bx_workspace_ask *ask, bx_error **err);
void bx_view_close(bx_view *view);
#define bx_autoview __attribute__((cleanup(bx_view_close)))

/* Each -1 with err; path is canonical. */
int bx_view_open_path(bx_view *view, const char *path, bool is_folder,
                      uint32_t *ret_fd, bx_error **err);
int bx_view_stat_fd(bx_view *view, uint32_t fd, const char *path,
                    bx_workspace_stat *ret_stat, bool *ret_is_file,
                    bx_error **err);
int bx_view_read_fd(bx_view *view, uint32_t fd, const char *path,
                    size_t max_bytes, bx_buf *data, bx_error **err);
void bx_view_close_fd(bx_view *view, uint32_t fd);

/* Entries of a folder: on_entry answers -1 with err to stop. name is not
 * terminated. */
typedef int bx_view_entry_fn(void *context, const char *name, size_t bytes,
                             uint8_t filetype, bx_error **err);
int bx_view_read_folder(bx_view *view, const char *path,
                        bx_view_entry_fn *on_entry, void *context,
                        bx_error **err);

#endif
