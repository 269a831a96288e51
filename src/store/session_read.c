/* Reading entries back. What the database holds may be damaged or made by hand:
 * each row is checked for what the interface promises of it. */
#include <inttypes.h>
#include <string.h>

#include "store/session_db.h"
#include "store/session_find.h"

static int put(json_t *object, const char *key, json_t *value, bx_error **err)
{
    return json_object_set_new(object, key, value) < 0 ? bx_error_set_nomem(err)
                                                       : 0;
}

/* A column of JSON; NULL in the row is no member. */
static int put_json(bx_session_store *store, sqlite3_stmt *statement,
                    int column, json_t *object, const char *key, bx_error **err)
{
    json_t *value;

    if (sqlite3_column_type(statement, column) == SQLITE_NULL)
        return 0;
    value =
        json_loads(bx_session_db_text(statement, column), JSON_ALLOW_NUL, NULL);
    if (value == NULL)
        return bx_error_set(
            err, BX_ERR_INVALID,
            "'%s' is damaged: the %s of entry %" PRId64 " is no JSON",
            store->path, key, (int64_t)sqlite3_column_int64(statement, 0));
    return put(object, key, value, err);
}

/* Columns: entry, time_ms, kind, call_id, state, body, meta. */
static int read_entry(bx_session_store *store, sqlite3_stmt *statement,
                      json_t *entry, bx_error **err)
{
    const char *kind = bx_session_db_text(statement, 2);
    bool is_call = strcmp(kind, "call") == 0;

    if (put(entry, "entry", json_integer(sqlite3_column_int64(statement, 0)),
            err) < 0 ||
        put(entry, "time_ms", json_integer(sqlite3_column_int64(statement, 1)),
            err) < 0 ||
        put(entry, "kind", json_string(kind), err) < 0)
        return -1;
    if (is_call &&
        (put(entry, "id", json_string(bx_session_db_text(statement, 3)), err) <
             0 ||
         put(entry, "state", json_string(bx_session_db_text(statement, 4)),
             err) < 0))
        return -1;
    if (put_json(store, statement, 5, entry, is_call ? "block" : kind, err) < 0)
        return -1;
    return put_json(store, statement, 6, entry, "meta", err);
}

static json_t *read_entries(bx_session_store *store, int64_t number,
                            uint64_t from, uint64_t to, bx_error **err)
{
    bx_autostatement sqlite3_stmt *statement = bx_session_db_prepare(
        store, err,
        "SELECT entry, time_ms, kind, call_id, state, body, meta FROM entry "
        "WHERE session = ? AND entry >= ? AND entry <= ? ORDER BY entry",
        "iii", number, (int64_t)(from > INT64_MAX ? INT64_MAX : from),
        (int64_t)(to == 0 || to > INT64_MAX ? INT64_MAX : to));
    json_t *entries = statement == NULL ? NULL : json_array();
    int more;

    if (statement == NULL)
        return NULL;
    while ((more = bx_session_db_step(store, statement, err)) > 0) {
        json_t *entry = json_object();

        if (json_array_append_new(entries, entry) < 0) {
            more = bx_error_set_nomem(err);
            break;
        }
        more = read_entry(store, statement, entry, err);
        if (more < 0)
            break;
    }
    if (more < 0) {
        json_decref(entries);
        return NULL;
    }
    return entries;
}

/* Hand out the JSON that a transaction made, or none. */
static json_t *end_with(bx_session_store *store, json_t *value, bx_error **err)
{
    if (bx_session_db_end(store, value == NULL ? -1 : 0, err) < 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

json_t *bx_session_log_read(bx_session_log *log, uint64_t from, uint64_t to,
                            bx_error **err)
{
    if (bx_session_db_begin(log->store, BX_SESSION_READ, err) < 0)
        return NULL;
    return end_with(log->store,
                    read_entries(log->store, log->number, from, to, err), err);
}

json_t *bx_session_store_read(bx_session_store *store, const char *id,
                              uint64_t from, uint64_t to, bx_error **err)
{
    json_t *entries = NULL;
    int64_t number;

    if (bx_session_db_begin(store, BX_SESSION_READ, err) < 0)
        return NULL;
    if (bx_session_find(store, id, &number, NULL, err) == 0)
        entries = read_entries(store, number, from, to, err);
    return end_with(store, entries, err);
}

/* Columns: call_id, name, input, is begun, entry. */
static int read_call(bx_session_store *store, sqlite3_stmt *statement,
                     json_t *call, bx_error **err)
{
    bool is_begun = sqlite3_column_int(statement, 4) != 0;

    if (put(call, "id", json_string(bx_session_db_text(statement, 1)), err) <
            0 ||
        put(call, "name", json_string(bx_session_db_text(statement, 2)), err) <
            0 ||
        put_json(store, statement, 3, call, "input", err) < 0 ||
        put(call, "state", json_string(is_begun ? "begun" : "planned"), err) <
            0)
        return -1;
    return put(call, "entry", json_integer(sqlite3_column_int64(statement, 0)),
               err);
}

static json_t *read_calls(bx_session_log *log, bx_error **err)
{
    bx_autostatement sqlite3_stmt *statement = bx_session_db_prepare(
        log->store, err,
        "SELECT entry, call_id, name, input, begun_entry IS NOT NULL FROM call "
        "WHERE session = ? AND done_entry IS NULL ORDER BY n",
        "i", log->number);
    json_t *calls = statement == NULL ? NULL : json_array();
    int more;

    if (statement == NULL)
        return NULL;
    while ((more = bx_session_db_step(log->store, statement, err)) > 0) {
        json_t *call = json_object();

        if (json_array_append_new(calls, call) < 0) {
            more = bx_error_set_nomem(err);
            break;
        }
        more = read_call(log->store, statement, call, err);
        if (more < 0)
            break;
    }
    if (more < 0) {
        json_decref(calls);
        return NULL;
    }
    return calls;
}

json_t *bx_session_log_open_calls(bx_session_log *log, bx_error **err)
{
    if (bx_session_db_begin(log->store, BX_SESSION_READ, err) < 0)
        return NULL;
    return end_with(log->store, read_calls(log, err), err);
}
