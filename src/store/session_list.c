/* Lists, searches, new names and removal. */
#include <string.h>

#include "store/session_find.h"
#include "store/session_lock.h"
#include "store/session_log.h"
#include "store/session_words.h"

#define DEFAULT_LIMIT 50
#define MAX_LIMIT 100000

/* ---- lists ---- */

static int add_info(bx_session_store *store, sqlite3_stmt *statement,
                    bx_session_list *list, bx_error **err)
{
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count == 0 ? 1 : 2 * list->count;
        bx_session_info *items =
            reallocarray(list->items, room, sizeof(*items));

        if (items == NULL)
            return bx_error_set_nomem(err);
        list->items = items;
    }
    if (bx_session_info_read(store, statement, &list->items[list->count], err) <
        0)
        return -1;
    list->count++;
    return 0;
}

/* An empty ?1, ?2 or ?3 does not choose. A session is found by one entry, or
 * its title, that has all the words. */
#define LIST_SQL                                                               \
    "SELECT " BX_SESSION_COLUMNS " FROM session WHERE "                        \
    "(?1 IS NULL OR workspace = ?1) AND "                                      \
    "CASE WHEN ?2 IS NOT NULL THEN parent = ?2 "                               \
    "ELSE ?4 OR parent = '' OR parent_entry > 0 END "
#define FOUND_SQL                                                              \
    "AND n IN ("                                                               \
    "SELECT e.session FROM words w JOIN entry e ON e.n = w.rowid "             \
    "WHERE words MATCH ?3 UNION "                                              \
    "SELECT -rowid FROM words WHERE words MATCH ?3 AND rowid < 0) "
#define ORDER_SQL "ORDER BY updated_ms DESC, n DESC LIMIT ?5"

static int list_sessions(bx_session_store *store, const bx_session_query *query,
                         const char *words, bx_session_list *list,
                         bx_error **err)
{
    bx_autostatement sqlite3_stmt *statement = NULL;
    char parent[BX_SESSION_ID_BYTES];
    uint64_t limit = query->limit == 0 ? DEFAULT_LIMIT : query->limit;
    int64_t number;
    int more;

    if (query->parent != NULL &&
        bx_session_find(store, query->parent, &number, parent, err) < 0)
        return -1;
    statement = bx_session_db_prepare(
        store, err,
        words == NULL ? LIST_SQL ORDER_SQL : LIST_SQL FOUND_SQL ORDER_SQL,
        "tttii", query->workspace, query->parent == NULL ? NULL : parent, words,
        (int64_t)query->has_children,
        (int64_t)(limit > MAX_LIMIT ? MAX_LIMIT : limit));
    if (statement == NULL)
        return -1;
    while ((more = bx_session_db_step(store, statement, err)) > 0) {
        if (add_info(store, statement, list, err) < 0)
            return -1;
    }
    return more;
}

int bx_session_store_list(bx_session_store *store,
                          const bx_session_query *query,
                          bx_session_list *ret_list, bx_error **err)
{
    bx_autosessionlist bx_session_list list = { 0 };
    bx_autobuf bx_buf words = BX_BUF_INIT;

    if (query->text != NULL) {
        if (bx_session_words_query(&words, query->text, err) < 0)
            return -1;
        if (words.len == 0) {
            *ret_list = (bx_session_list){ 0 };
            return 0;
        }
    }
    if (bx_session_db_begin(store, BX_SESSION_READ, err) < 0)
        return -1;
    if (bx_session_db_end(store,
                          list_sessions(store, query, words.data, &list, err),
                          err) < 0)
        return -1;
    *ret_list = list;
    list = (bx_session_list){ 0 };
    return 0;
}

void bx_session_list_clear(bx_session_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        bx_session_info_clear(&list->items[i]);
    free(list->items);
    *list = (bx_session_list){ 0 };
}

/* ---- rename ---- */

static int rename_session(bx_session_store *store, const char *id,
                          const char *title, bx_error **err)
{
    int64_t number;

    if (bx_session_find(store, id, &number, NULL, err) < 0)
        return -1;
    return bx_session_set_title(store, number, title, err);
}

int bx_session_store_rename(bx_session_store *store, const char *id,
                            const char *title, bx_error **err)
{
    if (bx_session_db_begin(store, BX_SESSION_WRITE, err) < 0)
        return -1;
    return bx_session_db_end(store, rename_session(store, id, title, err), err);
}

/* ---- remove ---- */

/* The session and the sub-agents' below it, forks not: UNION ends also where
 * a damaged database has a circle. */
#define FAMILY                                                                 \
    "WITH RECURSIVE family (n, id) AS (SELECT n, id FROM session WHERE n = "   \
    "?1 "                                                                      \
    "UNION SELECT s.n, s.id FROM session s JOIN family f ON s.parent = f.id "  \
    "WHERE s.parent_entry = 0) "

/* The transaction has the only right to write, so that what is free now is not
 * opened before the commit. */
static int check_closed(bx_session_store *store, int64_t number, bx_error **err)
{
    bx_autostatement sqlite3_stmt *statement = bx_session_db_prepare(
        store, err, FAMILY "SELECT n, id FROM family", "i", number);
    int more;

    if (statement == NULL)
        return -1;
    while ((more = bx_session_db_step(store, statement, err)) > 0) {
        bx_autofd int fd = bx_session_lock_take(
            store->lock_path, sqlite3_column_int64(statement, 0),
            bx_session_db_text(statement, 1), err);

        if (fd < 0)
            return -1;
    }
    return more;
}

static int remove_session(bx_session_store *store, const char *id,
                          bx_error **err)
{
    static const char *const steps[] = {
        "CREATE TEMP TABLE removed (n INTEGER PRIMARY KEY)",
        "INSERT INTO temp.removed " FAMILY "SELECT n FROM family",
        "DELETE FROM words WHERE rowid IN (SELECT n FROM entry WHERE "
        "session IN (SELECT n FROM temp.removed))",
        "DELETE FROM words WHERE rowid IN (SELECT -n FROM temp.removed)",
        "DELETE FROM call WHERE session IN (SELECT n FROM temp.removed)",
        "DELETE FROM entry WHERE session IN (SELECT n FROM temp.removed)",
        "DELETE FROM session WHERE n IN (SELECT n FROM temp.removed)",
        "DROP TABLE temp.removed",
    };
    int64_t number;

    if (bx_session_find(store, id, &number, NULL, err) < 0 ||
        check_closed(store, number, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (bx_session_db_run(store, err, steps[i], i == 1 ? "i" : "", number) <
            0)
            return -1;
    }
    return 0;
}

int bx_session_store_remove(bx_session_store *store, const char *id,
                            bx_error **err)
{
    if (bx_session_db_begin(store, BX_SESSION_WRITE, err) < 0)
        return -1;
    return bx_session_db_end(store, remove_session(store, id, err), err);
}
