/* What the parts of the registry share. */
#ifndef BX_TOOL_REGISTRY_STATE_H
#define BX_TOOL_REGISTRY_STATE_H

#include "tool/registry.h"
#include "tool/registry_table.h"
#include "tool/remote.h"

#define BX_TOOL_SOURCES BX_TOOL_REMOTE /* that are folders */

typedef struct bx_watch_folders bx_watch_folders;

struct bx_registry {
    bx_runner runner;            /* where guests run */
    bx_audit_log *audit;         /* borrowed; NULL: none */
    bx_policy *policy;           /* the workspace's, with its protected paths */
    char *workspace;             /* real path */
    char *dirs[BX_TOOL_SOURCES]; /* NULL: there is none */
    char *state_dir;             /* NULL: no home */
    char **only;                 /* patterns; NULL: all tools */
    size_t only_count;
    void (*on_change)(void *context);
    void *change_context;
    bx_services services;
    char asked[65]; /* digest of a module that a person wants looked into;
                     * under scan_mutex */
    pthread_rwlock_t remote_lock; /* held by calls of remote's tools */
    bx_remote_source remote;      /* list NULL: there is none */
    char run_id[17];              /* this registry's part of every call's id */
    atomic_ullong next_id;        /* of calls and boxes */
    pthread_mutex_t scan_mutex;   /* one scan at a time */
    pthread_mutex_t mutex;        /* over what follows */
    pthread_cond_t idle;
    uint64_t running; /* calls under way */
    bx_table *table;
    struct bx_live *live; /* sessions, see call_live.h */
    bx_watch_folders *watch;
};

/* The table as it is now; a reference of the caller's. */
bx_table *bx_registry_table(bx_registry *registry);

/* The tool of that name in a table; as bx_registry_get(). */
bx_tool *bx_registry_find(const bx_table *table, const char *name,
                          bx_error **err);

/* Read the folders again and take the new table into use. */
int bx_registry_scan(bx_registry *registry, bool *ret_has_changed,
                     bx_error **err);

/* A call begins or ended: bx_registry_free() waits. */
void bx_registry_enter(bx_registry *registry);
void bx_registry_leave(bx_registry *registry);

/* The scope of a tool in the lock file; borrowed. NULL: needs no approval. */
const char *bx_registry_scope(const bx_registry *registry, const bx_tool *tool);

/* A number used once in this registry. */
uint64_t bx_registry_next_id(bx_registry *registry);

#endif
