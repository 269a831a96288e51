#include "store/session_db.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* The same file may be written by other processes, each for milliseconds. */
#define BUSY_SECONDS "5"

int bx_session_db_fail(bx_session_store *store, int result, bx_error **err)
{
    const char *reason = sqlite3_errmsg(store->db);

    switch (result & 0xff) {
    case SQLITE_NOMEM:
        return bx_error_set_nomem(err);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return bx_error_set(
            err, BX_ERR_INVALID,
            "'%s' is damaged, or no database of sessions (%s); move it away, "
            "or save what is in it: sqlite3 '%s' .recover",
            store->path, reason, store->path);
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' holds what boxagnts does not write (%s); "
                            "move it away",
                            store->path, reason);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "'%s' has been in use by another process for more "
                            "than " BUSY_SECONDS " seconds; try again",
                            store->path);
    case SQLITE_FULL:
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "no room on the disk for '%s'; make room and try "
                            "again, what was stored before is kept",
                            store->path);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return bx_error_set(err, BX_ERR_SYSTEM,
                            "'%s' cannot be written (%s); its folder must be "
                            "yours and writable",
                            store->path, reason);
    case SQLITE_TOOBIG:
        return bx_error_set(err, BX_ERR_LIMIT,
                            "too long for '%s': an entry holds %d MiB",
                            store->path, BX_SESSION_MAX_ENTRY_BYTES >> 20);
    default:
        if (sqlite3_system_errno(store->db) != 0)
            return bx_error_set_errno(err, sqlite3_system_errno(store->db),
                                      "'%s': %s", store->path, reason);
        return bx_error_set(err, BX_ERR_SYSTEM, "'%s': %s", store->path,
                            reason);
    }
}

static int bind(sqlite3_stmt *statement, const char *types, va_list arguments)
{
    int result = SQLITE_OK;

    for (int i = 0; result == SQLITE_OK && types[i] != '\0'; i++) {
        if (types[i] == 'i')
            result = sqlite3_bind_int64(statement, i + 1,
                                        va_arg(arguments, int64_t));
        else if (types[i] == 'd')
            result = sqlite3_bind_double(statement, i + 1,
                                         va_arg(arguments, double));
        else
            result = sqlite3_bind_text(statement, i + 1,
                                       va_arg(arguments, const char *), -1,
                                       SQLITE_STATIC);
    }
    return result;
}

static sqlite3_stmt *prepare(bx_session_store *store, bx_error **err,
                             const char *sql, const char *types,
                             va_list arguments)
{
    bx_autostatement sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    if (result == SQLITE_OK)
        result = bind(statement, types, arguments);
    if (result != SQLITE_OK) {
        (void)bx_session_db_fail(store, result, err);
        return NULL;
    }
    return bx_take(statement);
}

sqlite3_stmt *bx_session_db_prepare(bx_session_store *store, bx_error **err,
                                    const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;

    va_start(arguments, types);
    statement = prepare(store, err, sql, types, arguments);
    va_end(arguments);
    return statement;
}

int bx_session_db_step(bx_session_store *store, sqlite3_stmt *statement,
                       bx_error **err)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : bx_session_db_fail(store, result, err);
}

/* ---- kept statements ----
 *
 * A turn of an agent runs about thirty; compiling each anew takes longer than
 * running it. One is taken out while it runs, so that a statement that runs
 * within another's rows is never the same one. */

static sqlite3_stmt *take_kept(bx_session_store *store, const char *sql)
{
    for (size_t i = 0; i < BX_SESSION_KEPT_STATEMENTS; i++) {
        if (store->kept[i] != NULL &&
            strcmp(sqlite3_sql(store->kept[i]), sql) == 0)
            return bx_take(store->kept[i]);
    }
    return NULL;
}

/* A PRAGMA may act while it is compiled (sqlite.org/pragma.html), so that to
 * run it again is nothing: it is never kept. */
static void keep(bx_session_store *store, sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    for (size_t i = 0; i < BX_SESSION_KEPT_STATEMENTS; i++) {
        if (store->kept[i] == NULL &&
            strncmp(sqlite3_sql(statement), "PRAGMA", 6) != 0) {
            store->kept[i] = statement;
            return;
        }
    }
    (void)sqlite3_finalize(statement);
}

void bx_session_db_drop_kept(bx_session_store *store)
{
    for (size_t i = 0; i < BX_SESSION_KEPT_STATEMENTS; i++)
        (void)sqlite3_finalize(bx_take(store->kept[i]));
}

/* A kept one, or one made; it goes back with keep(). */
static sqlite3_stmt *obtain(bx_session_store *store, bx_error **err,
                            const char *sql, const char *types,
                            va_list arguments)
{
    sqlite3_stmt *statement = take_kept(store, sql);
    int result;

    if (statement == NULL)
        return prepare(store, err, sql, types, arguments);
    result = bind(statement, types, arguments);
    if (result == SQLITE_OK)
        return statement;
    (void)bx_session_db_fail(store, result, err);
    keep(store, statement);
    return NULL;
}

int bx_session_db_run(bx_session_store *store, bx_error **err, const char *sql,
                      const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;
    int more;

    va_start(arguments, types);
    statement = obtain(store, err, sql, types, arguments);
    va_end(arguments);
    if (statement == NULL)
        return -1;
    do
        more = bx_session_db_step(store, statement, err);
    while (more > 0);
    keep(store, statement);
    return more;
}

int bx_session_db_get(bx_session_store *store, bx_error **err,
                      int64_t *ret_value, const char *sql, const char *types,
                      ...)
{
    sqlite3_stmt *statement;
    va_list arguments;
    int found;

    va_start(arguments, types);
    statement = obtain(store, err, sql, types, arguments);
    va_end(arguments);
    if (statement == NULL)
        return -1;
    found = bx_session_db_step(store, statement, err);
    if (found > 0)
        *ret_value = sqlite3_column_int64(statement, 0);
    keep(store, statement);
    return found;
}

const char *bx_session_db_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text == NULL ? "" : text;
}

/* In WAL mode NORMAL keeps every commit through a kill of the process, and FULL
 * through a power cut too, for an fsync() each. */
static int set_synced(bx_session_store *store, bool is_synced, bx_error **err)
{
    if (store->is_synced == is_synced)
        return 0;
    if (bx_session_db_run(store, err,
                          is_synced ? "PRAGMA synchronous = FULL"
                                    : "PRAGMA synchronous = NORMAL",
                          "") < 0)
        return -1;
    store->is_synced = is_synced;
    return 0;
}

int bx_session_db_begin(bx_session_store *store, bx_session_access access,
                        bx_error **err)
{
    (void)pthread_mutex_lock(&store->mutex);
    if ((access != BX_SESSION_READ &&
         set_synced(store, access == BX_SESSION_WRITE_SYNCED, err) < 0) ||
        bx_session_db_run(
            store, err, access == BX_SESSION_READ ? "BEGIN" : "BEGIN IMMEDIATE",
            "") < 0) {
        (void)pthread_mutex_unlock(&store->mutex);
        return -1;
    }
    return 0;
}

int bx_session_db_end(bx_session_store *store, int result, bx_error **err)
{
    if (result == 0)
        result = bx_session_db_run(store, err, "COMMIT", "");
    /* Some failures have rolled back already. */
    if (result < 0 && !sqlite3_get_autocommit(store->db))
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    (void)pthread_mutex_unlock(&store->mutex);
    return result;
}
