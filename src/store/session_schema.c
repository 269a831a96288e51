#include "store/session_schema.h"

#include <inttypes.h>
#include <time.h>

#define APPLICATION_ID 0x42785365 /* "BxSe", in the file's header */
#define WAL_TRIES 100

/* Step i makes version i + 1 out of version i, in one transaction.
 *
 * A call's state is what its entries say: planned by the message, begun and
 * done by entries of their own, whose numbers are beside it. parent is no
 * foreign key: a fork outlives what it was forked from. words has a row for
 * each entry, under its number, and for each title, under minus the
 * session's. */
static const char *const steps[] = {
    "CREATE TABLE session ("
    " n INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " parent TEXT NOT NULL,"
    " parent_entry INTEGER NOT NULL,"
    " title TEXT NOT NULL,"
    " workspace TEXT NOT NULL,"
    " model TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " updated_ms INTEGER NOT NULL,"
    " entries INTEGER NOT NULL DEFAULT 0,"
    " input_tokens INTEGER NOT NULL DEFAULT 0,"
    " output_tokens INTEGER NOT NULL DEFAULT 0,"
    " cost REAL NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX session_updated ON session (updated_ms);"
    "CREATE INDEX session_parent ON session (parent);"
    "CREATE INDEX session_title ON session (title);"
    "CREATE TABLE entry ("
    " n INTEGER PRIMARY KEY,"
    " session INTEGER NOT NULL REFERENCES session (n),"
    " entry INTEGER NOT NULL,"
    " time_ms INTEGER NOT NULL,"
    " kind TEXT NOT NULL CHECK (kind IN ('message', 'note', 'call')),"
    " call_id TEXT,"
    " state TEXT CHECK (state IN ('begun', 'done')),"
    " body TEXT,"
    " meta TEXT,"
    " UNIQUE (session, entry),"
    " CHECK ((kind = 'call') = (call_id IS NOT NULL AND state IS NOT NULL))"
    ") STRICT;"
    "CREATE TABLE call ("
    " n INTEGER PRIMARY KEY,"
    " session INTEGER NOT NULL REFERENCES session (n),"
    " call_id TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " input TEXT,"
    " entry INTEGER NOT NULL,"
    " begun_entry INTEGER,"
    " done_entry INTEGER,"
    " UNIQUE (session, call_id)) STRICT;"
    "CREATE VIRTUAL TABLE words USING fts5 ("
    " text, tokenize = 'unicode61 remove_diacritics 2');",
};
#define VERSION ((int64_t)(sizeof(steps) / sizeof(steps[0])))

/* ret_version: 0 for an empty file. */
static int find_version(bx_session_store *store, int64_t *ret_version,
                        bx_error **err)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;

    if (bx_session_db_get(store, err, &application, "PRAGMA application_id",
                          "") < 0 ||
        bx_session_db_get(store, err, &version, "PRAGMA user_version", "") <
            0 ||
        bx_session_db_get(store, err, &tables,
                          "SELECT count(*) FROM sqlite_schema", "") < 0)
        return -1;
    if (application == 0 && version == 0 && tables == 0) {
        *ret_version = 0;
        return 0;
    }
    if (application != APPLICATION_ID)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is another program's database; name another "
                            "file",
                            store->path);
    if (version > VERSION)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' was written by a newer boxagnts (version "
                            "%" PRId64 " of its tables, this one knows "
                            "%" PRId64 "); use that one",
                            store->path, version, VERSION);
    if (version < 1)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is damaged: its tables have version "
                            "%" PRId64 "; move it away",
                            store->path, version);
    *ret_version = version;
    return 0;
}

static int migrate(bx_session_store *store, bx_error **err)
{
    char pragmas[96];
    int64_t version = 0;
    int result;

    /* Another process may have done it meanwhile. */
    if (find_version(store, &version, err) < 0)
        return -1;
    for (; version < VERSION; version++) {
        result = sqlite3_exec(store->db, steps[version], NULL, NULL, NULL);
        if (result != SQLITE_OK)
            return bx_session_db_fail(store, result, err);
    }
    (void)snprintf(pragmas, sizeof(pragmas),
                   "PRAGMA application_id = %d; PRAGMA user_version = "
                   "%" PRId64,
                   APPLICATION_ID, version);
    result = sqlite3_exec(store->db, pragmas, NULL, NULL, NULL);
    return result == SQLITE_OK ? 0 : bx_session_db_fail(store, result, err);
}

/* Two that make the same file at once meet here, where SQLite does not wait by
 * itself. */
static int set_wal(bx_session_store *store, bx_error **err)
{
    const struct timespec pause = { .tv_nsec = 50000000 };
    int result = SQLITE_BUSY;

    for (int i = 0; i < WAL_TRIES; i++) {
        result = sqlite3_exec(store->db, "PRAGMA journal_mode = WAL", NULL,
                              NULL, NULL);
        if ((result & 0xff) != SQLITE_BUSY)
            break;
        (void)nanosleep(&pause, NULL);
    }
    return result == SQLITE_OK ? 0 : bx_session_db_fail(store, result, err);
}

int bx_session_schema_ensure(bx_session_store *store, bx_error **err)
{
    int64_t version = 0;

    if (find_version(store, &version, err) < 0 || set_wal(store, err) < 0)
        return -1;
    if (version == VERSION)
        return 0;
    if (bx_session_db_begin(store, BX_SESSION_WRITE, err) < 0)
        return -1;
    return bx_session_db_end(store, migrate(store, err), err);
}
