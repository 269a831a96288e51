/* The database under the sessions: one connection, its statements and its
 * transactions. */
#ifndef BX_STORE_SESSION_DB_H
#define BX_STORE_SESSION_DB_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/session_store.h"

/* What one entry may take, as JSON. */
#define BX_SESSION_MAX_ENTRY_BYTES (64 << 20)

/* More than there are in the session_*.c files. */
#define BX_SESSION_KEPT_STATEMENTS 48

struct bx_session_store {
    pthread_mutex_t mutex; /* over db, from begin to end */
    sqlite3 *db;
    sqlite3_stmt *kept[BX_SESSION_KEPT_STATEMENTS]; /* compiled, not running */
    bool is_synced; /* how the connection commits now */
    char *path;
    char *lock_path;
    int lock_fd; /* to ask who has which session */
};

struct bx_session_log {
    bx_session_store *store;
    int64_t number; /* of the session's row */
    int lock_fd;
    char id[BX_SESSION_ID_BYTES];
};

static inline void bx_session_finalizep(sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement);
}
#define bx_autostatement __attribute__((cleanup(bx_session_finalizep)))

/* What the connection's last failure, result, means. Returns -1. */
int bx_session_db_fail(bx_session_store *store, int result, bx_error **err);

/* types: a letter for each ?: 'i' int64_t, 't' const char * (NULL: NULL;
 * borrowed until the statement is finalized), 'd' double. Owned. */
sqlite3_stmt *bx_session_db_prepare(bx_session_store *store, bx_error **err,
                                    const char *sql, const char *types, ...);
/* 1: a row; 0: no more; -1 */
int bx_session_db_step(bx_session_store *store, sqlite3_stmt *statement,
                       bx_error **err);
/* To the end; rows are passed over. Of this one and the next the statement is
 * kept for the next time. */
int bx_session_db_run(bx_session_store *store, bx_error **err, const char *sql,
                      const char *types, ...);
/* The first column of the first row; 1, or 0: no row, or -1. */
int bx_session_db_get(bx_session_store *store, bx_error **err,
                      int64_t *ret_value, const char *sql, const char *types,
                      ...);
/* Before the database is closed. */
void bx_session_db_drop_kept(bx_session_store *store);
/* Borrowed until the next step; "" for NULL. */
const char *bx_session_db_text(sqlite3_stmt *statement, int column);

typedef enum bx_session_access {
    BX_SESSION_READ,
    BX_SESSION_WRITE,
    BX_SESSION_WRITE_SYNCED, /* on the disk, with all before it */
} bx_session_access;

/* A transaction of this thread's. After 0 there is an end. */
int bx_session_db_begin(bx_session_store *store, bx_session_access access,
                        bx_error **err);
/* result 0: commit; -1: as if nothing had been done. Returns 0 or -1. */
int bx_session_db_end(bx_session_store *store, int result, bx_error **err);

#endif
