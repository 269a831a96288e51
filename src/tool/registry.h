/* The tools there are, kept in step with the folders they come from, and
 * calls of them: input checked, policy narrowed, run in a fresh sandbox,
 * recorded. Many threads at once. */
#ifndef BX_TOOL_REGISTRY_H
#define BX_TOOL_REGISTRY_H

#include "base/service.h"
#include "store/audit_log.h"
#include "tool/tool.h"
#include "worker/worker.h"

#define BX_TOOL_INPUT_MAX_BYTES (64u << 20)

typedef struct bx_registry bx_registry;

typedef struct bx_registry_config {
    bx_engine *engine;       /* borrowed; where guests run without workers */
    bx_worker_pool *workers; /* borrowed; NULL: guests run in this process */
    const char *workspace;   /* host folder; NULL: the current one */
    const bx_policy *policy; /* the workspace's; copied. NULL:
                              * bx_registry_default_policy() */
    const char *builtin_dir; /* NULL: beside the program or installed */
    const char *user_dir;    /* NULL: ~/.local/share/boxagnts/tools */
    const char *state_dir;   /* of the lock; NULL: ~/.local/state/boxagnts */
    bx_audit_log *audit;     /* borrowed; NULL: none is kept */
    const char *const *only; /* names or patterns with '*'; NULL: all */
    size_t only_count;
    bool is_watching;                 /* keep up with changes (inotify) */
    void (*on_change)(void *context); /* tools changed; on a thread of the
                                       * registry's own. NULL: nobody asks */
    void *change_context;
} bx_registry_config;

/* What a workspace's tools get when nobody wrote a policy: the workspace at
 * "/", read and write, no network, no environment, every program and tool. */
bx_policy *bx_registry_default_policy(const char *workspace, bx_error **err);

bx_registry *bx_registry_new(const bx_registry_config *config, bx_error **err);
/* Waits for calls under way. NULL is fine. */
void bx_registry_free(bx_registry *registry);

/* Every tool, by name, whatever its status; each a reference of the caller's,
 * bx_registry_list_free(). */
int bx_registry_list(bx_registry *registry, bx_tool ***ret_tools,
                     size_t *ret_count, bx_error **err);
void bx_registry_list_free(bx_tool **tools, size_t count);

/* The tool of that name; a reference of the caller's. errors:
 * BX_ERR_NOT_FOUND, with a guess. */
bx_tool *bx_registry_get(bx_registry *registry, const char *name,
                         bx_error **err);

/* What a tool of this registry may do at most in its workspace. */
bx_level bx_registry_level(const bx_tool *tool);

typedef struct bx_tool_call {
    const char *name;
    const char *input; /* JSON object; "" or NULL is {} */
    size_t input_bytes;
    const char *caller;       /* for the audit: "cli", "mcp", "agent" */
    const bx_grants *session; /* narrows further; NULL: nothing */
    bool is_approved;         /* a person agreed to this call of a dangerous
                               * tool; never settable by a model */
    uint64_t timeout_ms;      /* 0: the policy's */
    bx_cancel *cancel;        /* NULL: none */
    bx_hold_fn hold;          /* as of bx_run_options; a nested call has its
                               * caller's */
    void *hold_context;
    const bx_caller *nested; /* the run this call comes from; NULL: none */
    bx_effect_fn effect;     /* told what the call, and those nested in it, do
                              * to the host; strings have no secret. NULL:
                              * nobody listens */
    void *effect_context;
    bx_need_fn need; /* as of bx_run_options; not of a nested call,
                      * which asks its caller's */
    void *need_context;
    const char *live_session; /* python-execute: state kept between calls
                               * under this name; NULL: a fresh sandbox */
    const char *overlay_dir;  /* absolute host path, as bx_overlay_path() makes
                               * them: what the call writes goes there; NULL:
                               * as the policy has it. Of a nested call its
                               * caller's counts */
    /* A remote tool says how far it is; from a thread of its server's.
     * message may be NULL. NULL: nobody asks. */
    void (*progress)(void *context, double progress, double total,
                     const char *message);
    void *progress_context;
    int record_fd; /* the run is recorded there, as of bx_run_options; 0: it
                    * is not */
    uint64_t record_max_bytes;
} bx_tool_call;

/**
 * Call a tool.
 *
 * ret_result  owned by the caller, bx_tool_result_free(). A tool that fails, is
 *             ended by a limit or answers garbage is a result with is_error
 * errors      BX_ERR_NOT_FOUND no such tool, BX_ERR_INVALID the input (place
 *             and what was expected), BX_ERR_DENIED level, lock or policy,
 *             BX_ERR_LIMIT input size
 */
int bx_registry_call(bx_registry *registry, const bx_tool_call *call,
                     bx_tool_result **ret_result, bx_error **err);

/* Effective policy of a tool and where each part comes from, as text or JSON.
 * Owned by the caller, free(). */
char *bx_registry_explain(bx_registry *registry, const char *name,
                          const bx_grants *session, bool json, bx_error **err);

/* May this file of the workspace, a relative path, be written in a session by
 * what is called name: no guest, but held against the policy as one. That no
 * guest writes in .boxagnts is no part of the answer.
 * errors: BX_ERR_DENIED: the reason and its rule */
int bx_registry_check_write(bx_registry *registry, const char *name,
                            const bx_grants *session, const char *path,
                            bx_error **err);

/* Approve a tool as it is now; ret_difference: what changed since it was
 * approved last, for people; owned, free(). */
int bx_registry_approve(bx_registry *registry, const char *name,
                        char **ret_difference, bx_error **err);

/* What bx_registry_approve() would pin against what is pinned; "" when they are
 * the same. */
int bx_registry_difference(bx_registry *registry, const char *name,
                           char **ret_difference, bx_error **err);

/* Forget that a tool was approved; fine when it was not. */
int bx_registry_forget(bx_registry *registry, const bx_tool *tool,
                       bx_error **err);

/* Read the folders again, for those who do not watch. */
int bx_registry_refresh(bx_registry *registry, bx_error **err);

/* Where tools of a source come from; borrowed, NULL when there is no such
 * folder, as of remote tools. It need not exist yet. */
const char *bx_registry_folder(const bx_registry *registry,
                               bx_tool_source source);

/* A program by the name under which guests spawn it, such as "bash". */
typedef struct bx_program_run {
    size_t argc; /* at least 1; argv[0] names it, a path's last name counts */
    const char *const *argv;
    const char *const *env; /* "NAME=VALUE"; NULL: the policy's */
    size_t env_count;
    const bx_run_options *options;
    const char *caller;      /* for the audit */
    const bx_caller *nested; /* NULL: none */
} bx_program_run;

/* Run it with the workspace's policy, narrowed by its manifest, or with the
 * caller's. ret_result is owned by the caller, bx_result_free(). errors:
 * BX_ERR_NOT_FOUND no such program, BX_ERR_DENIED */
int bx_registry_run(bx_registry *registry, const bx_program_run *request,
                    bx_result **ret_result, bx_error **err);

/* "PREFIX/share/boxagnts/NAME" of the program that runs: "tools", "sdk". Owned,
 * free(); NULL when that is not known. */
char *bx_registry_share_path(const char *name);

/* Have nobody hold the overlay in a folder any more, so that it can be
 * committed or dropped: what ran over it has ended, its workers end now.
 * errors: BX_ERR_TIMEOUT: something still runs there */
int bx_registry_release_overlay(bx_registry *registry, const char *overlay_dir,
                                bx_error **err);

/* What spawn and tool_call of guests lead to; borrowed. */
const bx_services *bx_registry_services(bx_registry *registry);

#endif
