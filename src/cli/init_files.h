/* What `boxagnts init` writes into a workspace. Its .boxagnts may have come
 * with a stranger's repository: no link in it is followed, nothing is
 * overwritten. */
#ifndef BX_CLI_INIT_FILES_H
#define BX_CLI_INIT_FILES_H

#include "agent/approval.h"
#include "base/buf.h"

/* What a person answered. */
typedef struct bx_init_answers {
    const char *can;    /* "read", "edit", "auto" */
    const char **hosts; /* host patterns */
    size_t hosts_count;
    const char *model; /* NULL: the table's default */
} bx_init_answers;

/* errors: BX_ERR_INVALID: a host is no pattern */
int bx_init_put_policy(bx_buf *out, const bx_init_answers *answers,
                       bx_error **err);
int bx_init_put_settings(bx_buf *out, const bx_init_answers *answers,
                         bx_error **err);
extern const char bx_init_agents_md[];
extern const char bx_init_gitignore[];

/* A folder of the workspace, made when it is missing; -1. name: one name. */
int bx_init_open_folder(int workspace_fd, const char *name, bx_error **err);
/* Is anything of that name there? */
bool bx_init_has(int folder_fd, const char *name);
/* Another name for what is there, NAME.bak or NAME.bak.2 and so on; owned,
 * NULL with err. */
char *bx_init_put_aside(int folder_fd, const char *name, bx_error **err);
/* A new file. errors: BX_ERR_SYSTEM: it is there already */
int bx_init_write(int folder_fd, const char *name, const char *text,
                  size_t bytes, bx_error **err);

#endif
