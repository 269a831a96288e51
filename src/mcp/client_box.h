/* What a stdio server gets: from its configuration to a plan for the kernel's
 * lockdown, and to words for people. */
#ifndef BX_MCP_CLIENT_BOX_H
#define BX_MCP_CLIENT_BOX_H

#include "base/buf.h"
#include "mcp/client_server.h"
#include "worker/native.h"

typedef struct bx_server_box {
    bx_native_plan plan; /* what it points to is the box's */
    bx_server_words texts;
    bx_native_dir *dirs;
    size_t own_dirs; /* the first of dirs that is the server's own, behind the
                      * system's */
    const char **argv;
    const char **env;
} bx_server_box;

/* Find the program, work the folders out, make its own. errors:
 * BX_ERR_NOT_FOUND the program or a folder, BX_ERR_DENIED a folder that no
 * server may have */
int bx_server_box_make(const bx_remote_server *server, bx_server_box *ret_box,
                       bx_error **err);
void bx_server_box_clear(bx_server_box *box);
#define bx_autoserverbox __attribute__((cleanup(bx_server_box_clear)))

/* May a server have path, real and absolute, in its configuration? Not where
 * this program keeps what decides over servers, nor a folder that holds that:
 * "/" or the home folder. */
int bx_server_box_check_path(const char *path, bx_error **err);

/* What holds it and what does not, line by line. layers: of one that runs;
 * NULL: what this kernel has. */
int bx_server_box_describe(const bx_server_box *box,
                           const bool layers[BX_LOCKDOWN_LAYERS], bx_buf *text);

#endif
