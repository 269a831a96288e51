/* Sessions of agents in SQLite (WAL): what was said and what was done, each
 * stored before it takes effect.
 *
 * A session is a list of entries, counted from 1, that is only appended to. An
 * entry is a message, a note (a compaction, a change of model or mode) or a
 * call's state. A process that is killed at any point leaves a session from
 * which the next one goes on: a call that was begun and has no result is known
 * as such and is never made again by itself.
 *
 * One process at a time has a session open for appending; others read. */
#ifndef BX_STORE_SESSION_STORE_H
#define BX_STORE_SESSION_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define BX_SESSION_ID_BYTES 27 /* a ULID and its NUL: sorts by time */

/* Any number of threads. */
typedef struct bx_session_store bx_session_store;

/* path: NULL for ~/.local/state/boxagnts/sessions.db, made 0600.
 * errors: BX_ERR_SYSTEM; BX_ERR_DENIED: others may write it; BX_ERR_INVALID: no
 * database of ours, or a newer version's */
bx_session_store *bx_session_store_open(const char *path, bx_error **err);
/* NULL is fine. */
void bx_session_store_close(bx_session_store *store);
BX_DEFINE_AUTO(bx_session_store, bx_session_store_close)
#define bx_autosessionstore BX_AUTO(bx_session_store_close)

typedef struct bx_session_info {
    char id[BX_SESSION_ID_BYTES];
    char parent[BX_SESSION_ID_BYTES]; /* of a fork or a sub-agent; "" */
    uint64_t parent_entry;            /* where it was forked; 0: not a fork */
    char *title;
    char *workspace; /* host folder */
    char *model;
    char *kind;         /* "chat", "run", "agent" (a sub-agent's) */
    char *status;       /* "idle", "running", "done", "failed", "cancelled" */
    int64_t created_ms; /* since 1970 */
    int64_t updated_ms;
    uint64_t entries;
    uint64_t input_tokens;
    uint64_t output_tokens;
    double cost;  /* dollars; negative: not known */
    bool is_open; /* a living process appends to it */
    long pid;     /* which; 0: not known, or none */
} bx_session_info;

void bx_session_info_clear(bx_session_info *info);

typedef struct bx_session_new {
    const char *title; /* NULL: "" */
    const char *workspace;
    const char *model;
    const char *kind;
    const char *parent; /* NULL: none */
} bx_session_new;

/* A session that is open for appending. One thread at a time. */
typedef struct bx_session_log bx_session_log;

bx_session_log *bx_session_log_create(bx_session_store *store,
                                      const bx_session_new *params,
                                      bx_error **err);
/* id: whole, or the first characters where they are enough, or a title. errors:
 * BX_ERR_NOT_FOUND; BX_ERR_INVALID: several begin so, they are named;
 * BX_ERR_DENIED: another process has it open, its pid is named */
bx_session_log *bx_session_log_open(bx_session_store *store, const char *id,
                                    bx_error **err);
/* A new session with the entries of another up to and with one; 0: all. Calls
 * that have no result there get one that says so, as entries after these; what
 * was spent stays the other's. errors: BX_ERR_NOT_FOUND; BX_ERR_INVALID: there
 * is no such entry */
bx_session_log *bx_session_log_fork(bx_session_store *store, const char *id,
                                    uint64_t entry, bx_error **err);
/* NULL is fine. */
void bx_session_log_close(bx_session_log *log);
BX_DEFINE_AUTO(bx_session_log, bx_session_log_close)
#define bx_autosessionlog BX_AUTO(bx_session_log_close)

const char *bx_session_log_id(const bx_session_log *log);

/* How far a call of a tool has come. */
typedef enum bx_call_state {
    BX_CALL_PLANNED, /* asked for by the model; nothing was done */
    BX_CALL_BEGUN,   /* it may have had its effect */
    BX_CALL_DONE,    /* has a result, be it a refusal */
} bx_call_state;

/* Append a message; each call in an assistant's becomes BX_CALL_PLANNED in the
 * same transaction. meta: {"model", "usage", "cost", "stop"}, or NULL.
 * ret_entry may be NULL. errors: BX_ERR_INVALID: no message, or a call's id was
 * used before in this session; BX_ERR_LIMIT */
int bx_session_log_add_message(bx_session_log *log, const json_t *message,
                               const json_t *meta, uint64_t *ret_entry,
                               bx_error **err);
/* A call is about to take effect; it is on the disk when this returns. errors:
 * BX_ERR_INVALID: it is not planned */
int bx_session_log_begin_call(bx_session_log *log, const char *call_id,
                              bx_error **err);
/* Its result: a tool_result block. meta: {"denied", "wall_ms", "audit"}, or
 * NULL. A call that was only planned may end too: it was refused. errors:
 * BX_ERR_INVALID: it has one already */
int bx_session_log_end_call(bx_session_log *log, const char *call_id,
                            const json_t *block, const json_t *meta,
                            bx_error **err);
/* Anything else to remember: {"type": "compaction" | "model" | "mode" | "plan"
 * | "title" ...}. */
int bx_session_log_add_note(bx_session_log *log, const json_t *note,
                            uint64_t *ret_entry, bx_error **err);
int bx_session_log_set(bx_session_log *log, const char *key, const char *value,
                       bx_error **err); /* "title", "status", "model" */
/* Tokens and money of a turn, added to the session's. */
int bx_session_log_add_usage(bx_session_log *log, uint64_t input_tokens,
                             uint64_t output_tokens, double cost,
                             bx_error **err);

/* Calls without a result, in order: [{"id", "name", "input", "state":
 * "planned" | "begun", "entry"}]; a reference of the caller's. */
json_t *bx_session_log_open_calls(bx_session_log *log, bx_error **err);

/* Entries from..to (0: the last), as [{"entry", "time_ms", "kind": "message" |
 * "note" | "call", ...}]; a reference of the caller's. A message's entry has
 * "message" and "meta", a note's "note", a call's "id", "state" ("begun" |
 * "done"; planned is the message's), "block" and "meta"; what was not given is
 * not there. */
json_t *bx_session_log_read(bx_session_log *log, uint64_t from, uint64_t to,
                            bx_error **err);

/* The same for those who do not append. */
json_t *bx_session_store_read(bx_session_store *store, const char *id,
                              uint64_t from, uint64_t to, bx_error **err);
int bx_session_store_info(bx_session_store *store, const char *id,
                          bx_session_info *ret_info, bx_error **err);

typedef struct bx_session_query {
    const char *workspace; /* NULL: all */
    const char *text;      /* words, all in one title, message or result, the
                            * last may be a beginning; NULL: any */
    const char *parent;    /* children of; NULL: those without a parent, and
                            * forks */
    bool has_children;     /* those of sub-agents too */
    uint64_t limit;        /* 0: 50; last changed first */
} bx_session_query;

typedef struct bx_session_list {
    bx_session_info *items;
    size_t count;
} bx_session_list;

int bx_session_store_list(bx_session_store *store,
                          const bx_session_query *query,
                          bx_session_list *ret_list, bx_error **err);
void bx_session_list_clear(bx_session_list *list);
#define bx_autosessionlist __attribute__((cleanup(bx_session_list_clear)))

int bx_session_store_rename(bx_session_store *store, const char *id,
                            const char *title, bx_error **err);
/* With its sub-agents' sessions. errors: BX_ERR_DENIED: it is open */
int bx_session_store_remove(bx_session_store *store, const char *id,
                            bx_error **err);

#endif
