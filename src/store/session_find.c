#include "store/session_find.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "store/session_lock.h"

#define MAX_NAMED 5 /* of those that a short id may mean */
#define NAME_SHOWN 80

static int fail_missing(const char *name, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_put_escaped(&text, name, strlen(name), NAME_SHOWN) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, BX_ERR_NOT_FOUND,
                        "no session '%s'; expected an id, the beginning of "
                        "one, or a title",
                        text.data == NULL ? "" : text.data);
}

static int fail_several(bx_session_store *store, const char *name,
                        sqlite3_stmt *statement, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    int more = 1;

    if (bx_buf_puts(&text, "'") < 0 ||
        bx_buf_put_escaped(&text, name, strlen(name), NAME_SHOWN) < 0 ||
        bx_buf_puts(&text, "' may be") < 0)
        return bx_error_set_nomem(err);
    (void)sqlite3_reset(statement);
    for (int i = 0; (more = bx_session_db_step(store, statement, err)) > 0;
         i++) {
        const char *title = bx_session_db_text(statement, 2);

        if (i == MAX_NAMED) {
            if (bx_buf_puts(&text, ", and more") < 0)
                return bx_error_set_nomem(err);
            break;
        }
        if (bx_buf_printf(&text, "%s %.26s '", i == 0 ? "" : ",",
                          bx_session_db_text(statement, 1)) < 0 ||
            bx_buf_put_escaped(&text, title, strlen(title), NAME_SHOWN) < 0 ||
            bx_buf_puts(&text, "'") < 0)
            return bx_error_set_nomem(err);
    }
    if (more < 0)
        return -1;
    return bx_error_set(err, BX_ERR_INVALID,
                        "%s; give more of the id's characters", text.data);
}

/* What an id that begins so lies between; false: none does. */
static bool make_range(const char *name, char low[BX_SESSION_ID_BYTES],
                       char high[BX_SESSION_ID_BYTES + 1])
{
    size_t length = strlen(name);

    if (length >= BX_SESSION_ID_BYTES)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]))
            return false;
        low[i] = (char)toupper((unsigned char)name[i]);
    }
    low[length] = '\0';
    memcpy(high, low, length);
    memcpy(high + length, "~", 2); /* behind every letter and digit */
    return true;
}

int bx_session_find(bx_session_store *store, const char *name,
                    int64_t *ret_number, char ret_id[BX_SESSION_ID_BYTES],
                    bx_error **err)
{
    bx_autostatement sqlite3_stmt *statement = NULL;
    char low[BX_SESSION_ID_BYTES] = "";
    char high[BX_SESSION_ID_BYTES + 1] = "";
    char id[BX_SESSION_ID_BYTES];
    int64_t number;
    int found;

    if (name == NULL || name[0] == '\0' || strlen(name) > INT16_MAX)
        return fail_missing(name == NULL || name[0] == '\0' ? "" : "...", err);
    if (!make_range(name, low, high))
        low[0] = high[0] = '\0';
    statement = bx_session_db_prepare(
        store, err,
        "SELECT n, id, title FROM session "
        "WHERE (id >= ?1 AND id < ?2) OR title = ?3 ORDER BY id DESC LIMIT 6",
        "ttt", low, high, name);
    if (statement == NULL)
        return -1;
    found = bx_session_db_step(store, statement, err);
    if (found <= 0)
        return found < 0 ? -1 : fail_missing(name, err);
    number = sqlite3_column_int64(statement, 0);
    (void)snprintf(id, sizeof(id), "%s", bx_session_db_text(statement, 1));
    found = bx_session_db_step(store, statement, err);
    if (found != 0)
        return found < 0 ? -1 : fail_several(store, name, statement, err);
    *ret_number = number;
    if (ret_id != NULL)
        memcpy(ret_id, id, sizeof(id));
    return 0;
}

/* A negative count can only be damage; shown as none. */
static uint64_t get_count(sqlite3_stmt *statement, int column)
{
    int64_t value = sqlite3_column_int64(statement, column);

    return value < 0 ? 0 : (uint64_t)value;
}

int bx_session_info_read(bx_session_store *store, sqlite3_stmt *statement,
                         bx_session_info *ret_info, bx_error **err)
{
    bx_session_info info = { 0 };

    (void)snprintf(info.id, sizeof(info.id), "%s",
                   bx_session_db_text(statement, 1));
    (void)snprintf(info.parent, sizeof(info.parent), "%s",
                   bx_session_db_text(statement, 2));
    info.parent_entry = get_count(statement, 3);
    info.title = strdup(bx_session_db_text(statement, 4));
    info.workspace = strdup(bx_session_db_text(statement, 5));
    info.model = strdup(bx_session_db_text(statement, 6));
    info.kind = strdup(bx_session_db_text(statement, 7));
    info.status = strdup(bx_session_db_text(statement, 8));
    info.created_ms = sqlite3_column_int64(statement, 9);
    info.updated_ms = sqlite3_column_int64(statement, 10);
    info.entries = get_count(statement, 11);
    info.input_tokens = get_count(statement, 12);
    info.output_tokens = get_count(statement, 13);
    info.cost = sqlite3_column_double(statement, 14);
    info.is_open = bx_session_lock_is_taken(
        store->lock_fd, sqlite3_column_int64(statement, 0), &info.pid);
    if (info.title == NULL || info.workspace == NULL || info.model == NULL ||
        info.kind == NULL || info.status == NULL) {
        bx_session_info_clear(&info);
        return bx_error_set_nomem(err);
    }
    *ret_info = info;
    return 0;
}

void bx_session_info_clear(bx_session_info *info)
{
    free(info->title);
    free(info->workspace);
    free(info->model);
    free(info->kind);
    free(info->status);
    *info = (bx_session_info){ 0 };
}

int bx_session_check_text(const char *what, const char *text, size_t max_bytes,
                          bx_error **err)
{
    size_t bytes = strlen(text);

    if (bytes > max_bytes)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "the %s has %zu bytes, at most %zu are stored",
                            what, bytes, max_bytes);
    if (!bx_utf8_is_valid(text, bytes))
        return bx_error_set(err, BX_ERR_INVALID, "the %s is not UTF-8", what);
    return 0;
}

static int find_info(bx_session_store *store, const char *id,
                     bx_session_info *ret_info, bx_error **err)
{
    bx_autostatement sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    int found;

    if (bx_session_find(store, id, &number, NULL, err) < 0)
        return -1;
    statement = bx_session_db_prepare(
        store, err, "SELECT " BX_SESSION_COLUMNS " FROM session WHERE n = ?",
        "i", number);
    if (statement == NULL)
        return -1;
    found = bx_session_db_step(store, statement, err);
    if (found <= 0)
        return found < 0 ? -1 : fail_missing(id, err);
    return bx_session_info_read(store, statement, ret_info, err);
}

int bx_session_store_info(bx_session_store *store, const char *id,
                          bx_session_info *ret_info, bx_error **err)
{
    bx_session_info info = { 0 };

    if (bx_session_db_begin(store, BX_SESSION_READ, err) < 0)
        return -1;
    if (bx_session_db_end(store, find_info(store, id, &info, err), err) < 0) {
        bx_session_info_clear(&info);
        return -1;
    }
    *ret_info = info;
    return 0;
}
