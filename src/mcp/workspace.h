/* The workspace's files as MCP resources see them. Every look at the host goes
 * through the calls that guests have, under the workspace's policy narrowed to
 * reading: what a tool could not read, a client cannot either. */
#ifndef BX_MCP_WORKSPACE_H
#define BX_MCP_WORKSPACE_H

#include "base/buf.h"
#include "base/run.h"
#include "policy/policy.h"

#define BX_WORKSPACE_FILE_BYTES (16u << 20) /* the most that is read of one */
#define BX_WORKSPACE_MAX_FILES 10000        /* listed */
#define BX_WORKSPACE_MAX_ENTRIES 50000      /* looked at for it */

typedef struct bx_workspace bx_workspace;

/* policy: copied. */
bx_workspace *bx_workspace_new(const bx_policy *policy, bx_error **err);
/* NULL is fine. */
void bx_workspace_free(bx_workspace *workspace);

typedef struct bx_workspace_stat {
    bool is_folder;
    uint64_t bytes;
    uint64_t modified_ns; /* since 1970 */
    uint64_t identity;    /* its inode */
} bx_workspace_stat;

/* Who asks, and who hears of refusals. */
typedef struct bx_workspace_ask {
    bx_cancel *cancel; /* NULL: none */
    bx_audit_fn audit; /* NULL: nobody */
    void *audit_context;
} bx_workspace_ask;

/* A path is canonical, as of bx_uri_parse(). errors: BX_ERR_NOT_FOUND;
 * BX_ERR_DENIED; BX_ERR_INVALID: no regular file; BX_ERR_LIMIT: too large;
 * BX_ERR_CANCELLED */
int bx_workspace_read(const bx_workspace *workspace, const char *path,
                      const bx_workspace_ask *ask, bx_buf *ret_data,
                      bx_error **err);
int bx_workspace_look(const bx_workspace *workspace, const char *path,
                      const bx_workspace_ask *ask, bx_workspace_stat *ret_stat,
                      bx_error **err);

/* Canonical paths of files, sorted; hidden ones and what .gitignore and
 * .ignore files name are left out. ret_is_cut: there are more. Owned by the
 * caller, bx_workspace_list_free(). */
int bx_workspace_list(const bx_workspace *workspace,
                      const bx_workspace_ask *ask, char ***ret_paths,
                      size_t *ret_count, bool *ret_is_cut, bx_error **err);
void bx_workspace_list_free(char **paths, size_t count);

#endif
