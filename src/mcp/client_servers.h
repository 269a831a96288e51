/* The servers there are: those of the user's mcp.json, and those of the
 * workspace's .mcp.json once a person has approved it as it is. */
#ifndef BX_MCP_CLIENT_SERVERS_H
#define BX_MCP_CLIENT_SERVERS_H

#include "mcp/client_server.h"

#define BX_SERVERS_FILE_MAX_BYTES (256u << 10)
#define BX_SERVERS_WORKSPACE_FILE ".mcp.json"

/* Where files lie; all borrowed, NULL for what is usual. */
typedef struct bx_servers_place {
    const char *workspace; /* the current folder */
    const char *user_file; /* ~/.config/boxagnts/mcp.json */
    const char *state_dir; /* ~/.local/state/boxagnts */
} bx_servers_place;

typedef struct bx_remote_servers {
    bx_remote_server **items; /* the user's, then the workspace's */
    size_t count;
    char *workspace;      /* real path */
    char *user_file;      /* which may not exist */
    char *workspace_file; /* the same */
    char *problem; /* of the workspace's file: malformed, not approved, changed;
                    * NULL: nothing, or there is none */
    bool has_workspace_file;
    bool is_approved; /* the workspace's file as it is */
    bool is_changed;  /* another was approved */
} bx_remote_servers;

/* errors: BX_ERR_INVALID: the user's file; names file, server, key and what was
 * expected; BX_ERR_DENIED: others may write it */
int bx_remote_servers_load(const bx_servers_place *place,
                           bx_remote_servers *ret_servers, bx_error **err);
void bx_remote_servers_clear(bx_remote_servers *servers);
#define bx_autoservers __attribute__((cleanup(bx_remote_servers_clear)))

/* The server of that name, borrowed; errors: BX_ERR_NOT_FOUND */
bx_remote_server *bx_remote_servers_get(const bx_remote_servers *servers,
                                        const char *name, bx_error **err);
/* Is it the start of another's name, or another the start of its, so that
 * names of tools made of both would not tell them apart? */
bool bx_remote_servers_is_ambiguous(const bx_remote_servers *servers,
                                    const bx_remote_server *server);

/* What approving the workspace's file would pin against what is pinned, for
 * people; owned, free(). */
int bx_remote_servers_difference(const bx_servers_place *place,
                                 char **ret_difference, bx_error **err);
/* shown: that text, which a person agreed to; what came to be meanwhile is not
 * approved. */
int bx_remote_servers_approve(const bx_servers_place *place, const char *shown,
                              bx_error **err);

/* Put a server into the user's file, or take it out. entry: its object. */
int bx_remote_servers_add(const bx_servers_place *place, const char *name,
                          const json_t *entry, bx_error **err);
int bx_remote_servers_remove(const bx_servers_place *place, const char *name,
                             bx_error **err);

#endif
