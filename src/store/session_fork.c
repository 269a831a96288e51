/* A new session that goes on from an entry of another. Entries are copied, with
 * their numbers: both can be removed without the other. A call that has no
 * result there gets one that says so, because the fork must never make it. */
#include <inttypes.h>
#include <string.h>

#include "store/session_find.h"
#include "store/session_log.h"

typedef struct fork_origin {
    int64_t number;
    uint64_t entry; /* the last one copied */
    bx_session_info info;
} fork_origin;

static int find_origin(bx_session_store *store, const char *id, uint64_t entry,
                       fork_origin *origin, bx_error **err)
{
    bx_autostatement sqlite3_stmt *statement = NULL;
    int found;

    if (bx_session_find(store, id, &origin->number, NULL, err) < 0)
        return -1;
    statement = bx_session_db_prepare(
        store, err, "SELECT " BX_SESSION_COLUMNS " FROM session WHERE n = ?",
        "i", origin->number);
    if (statement == NULL)
        return -1;
    found = bx_session_db_step(store, statement, err);
    if (found <= 0)
        return found < 0 ? -1
                         : bx_error_set(err, BX_ERR_NOT_FOUND, "no session");
    if (bx_session_info_read(store, statement, &origin->info, err) < 0)
        return -1;
    if (origin->info.entries == 0 || entry > origin->info.entries)
        return bx_error_set(err, BX_ERR_INVALID,
                            "session %s has %" PRIu64
                            " entries; a fork is after one of them",
                            origin->info.id, origin->info.entries);
    origin->entry = entry == 0 ? origin->info.entries : entry;
    return 0;
}

static int copy_entries(bx_session_log *log, const fork_origin *origin,
                        bx_error **err)
{
    int64_t last = (int64_t)origin->entry;

    if (bx_session_db_run(
            log->store, err,
            "INSERT INTO entry (session, entry, time_ms, kind, call_id, "
            "state, body, meta) SELECT ?, entry, time_ms, kind, call_id, "
            "state, body, meta FROM entry WHERE session = ? AND entry <= ? "
            "ORDER BY entry",
            "iii", log->number, origin->number, last) < 0 ||
        bx_session_db_run(
            log->store, err,
            "INSERT INTO words (rowid, text) SELECT b.n, w.text "
            "FROM entry a JOIN words w ON w.rowid = a.n "
            "JOIN entry b ON b.session = ?1 AND b.entry = a.entry "
            "WHERE a.session = ?2 AND a.entry <= ?3",
            "iii", log->number, origin->number, last) < 0 ||
        bx_session_db_run(
            log->store, err,
            "INSERT INTO call (session, call_id, name, entry, begun_entry, "
            "done_entry) SELECT ?1, call_id, name, entry, "
            "CASE WHEN begun_entry <= ?3 THEN begun_entry END, "
            "CASE WHEN done_entry <= ?3 THEN done_entry END "
            "FROM call WHERE session = ?2 AND entry <= ?3 ORDER BY n",
            "iii", log->number, origin->number, last) < 0)
        return -1;
    return bx_session_db_run(log->store, err,
                             "UPDATE session SET entries = ? WHERE n = ?", "ii",
                             last, log->number);
}

static int end_one(bx_session_log *log, const char *id, const char *name,
                   bool is_begun, int64_t row, bx_error **err)
{
    const char *text = is_begun
                           ? "This call was begun in the session that this one "
                             "was forked from; it may have had its effect. It "
                             "was not made in this fork."
                           : "This call was not made in this fork.";
    json_t *block = json_pack("{s:s, s:s, s:s, s:b, s:[{s:s, s:s}]}", "type",
                              "tool_result", "id", id, "name", name, "is_error",
                              1, "content", "type", "text", "text", text);
    const bx_session_entry entry = {
        .kind = "call", .call_id = id, .state = "done", .body = block
    };
    uint64_t number = 0;
    int result = block == NULL
                     ? bx_error_set(err, BX_ERR_INVALID,
                                    "call %" PRId64 " has a name that is not "
                                    "UTF-8: the database is damaged",
                                    row)
                     : bx_session_append(log, &entry, &number, err);

    json_decref(block);
    if (result < 0)
        return -1;
    return bx_session_db_run(log->store, err,
                             "UPDATE call SET done_entry = ? WHERE n = ?", "ii",
                             (int64_t)number, row);
}

static int end_calls(bx_session_log *log, bx_error **err)
{
    for (;;) {
        bx_autostatement sqlite3_stmt *statement = bx_session_db_prepare(
            log->store, err,
            "SELECT n, call_id, name, begun_entry IS NOT NULL FROM call "
            "WHERE session = ? AND done_entry IS NULL ORDER BY n LIMIT 1",
            "i", log->number);
        int found = statement == NULL
                        ? -1
                        : bx_session_db_step(log->store, statement, err);

        if (found <= 0)
            return found;
        if (end_one(log, bx_session_db_text(statement, 1),
                    bx_session_db_text(statement, 2),
                    sqlite3_column_int(statement, 3) != 0,
                    sqlite3_column_int64(statement, 0), err) < 0)
            return -1;
    }
}

/* A fork has spent nothing yet, and goes on in a chat when it came from a
 * sub-agent, whose parent waits for the original. */
static bx_session_log *fork_from(bx_session_store *store,
                                 const fork_origin *origin, bx_error **err)
{
    const bx_session_info *info = &origin->info;
    const bx_session_new params = {
        .title = info->title,
        .workspace = info->workspace,
        .model = info->model,
        .kind = strcmp(info->kind, "agent") == 0 ? "chat" : info->kind,
        .parent = info->id,
    };
    bx_autosessionlog bx_session_log *log =
        bx_session_log_insert(store, &params, origin->entry, err);

    if (log == NULL || copy_entries(log, origin, err) < 0 ||
        end_calls(log, err) < 0)
        return NULL;
    return bx_take(log);
}

bx_session_log *bx_session_log_fork(bx_session_store *store, const char *id,
                                    uint64_t entry, bx_error **err)
{
    bx_autosessionlog bx_session_log *log = NULL;
    fork_origin origin = { 0 };

    if (bx_session_db_begin(store, BX_SESSION_WRITE, err) < 0)
        return NULL;
    if (find_origin(store, id, entry, &origin, err) == 0)
        log = fork_from(store, &origin, err);
    bx_session_info_clear(&origin.info);
    if (bx_session_db_end(store, log == NULL ? -1 : 0, err) < 0)
        return NULL;
    return bx_take(log);
}
