/* Sessions to and from files. Reading goes through the same checks as a living
 * agent's appending, entry by entry in one transaction. */
#include "store/session_import.h"

#include <inttypes.h>
#include <string.h>

#include "store/session_find.h"
#include "store/session_log.h"

#define LAST_TIME_MS INT64_C(253402300799999) /* of the year 9999 */

/* ---- export ---------------------------------------------------------- */

static json_t *info_json(const bx_session_info *info)
{
    json_t *cost = info->cost < 0 ? json_null() : json_real(info->cost);

    return json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}",
        "id", info->id, "parent", info->parent, "parent_entry",
        (json_int_t)info->parent_entry, "title", info->title, "workspace",
        info->workspace, "model", info->model, "kind", info->kind, "status",
        info->status, "created_ms", (json_int_t)info->created_ms, "updated_ms",
        (json_int_t)info->updated_ms, "input_tokens",
        (json_int_t)info->input_tokens, "output_tokens",
        (json_int_t)info->output_tokens, "cost", cost);
}

json_t *bx_session_store_export(bx_session_store *store, const char *id,
                                bx_error **err)
{
    bx_session_info info = { 0 };
    json_t *entries;
    json_t *value;

    if (bx_session_store_info(store, id, &info, err) < 0)
        return NULL;
    entries = bx_session_store_read(store, info.id, 0, 0, err);
    if (entries == NULL) {
        bx_session_info_clear(&info);
        return NULL;
    }
    value = json_pack("{s:s, s:i, s:o, s:o}", "format", BX_SESSION_FORMAT,
                      "version", BX_SESSION_FORMAT_VERSION, "session",
                      info_json(&info), "entries", entries);
    bx_session_info_clear(&info);
    if (value == NULL)
        (void)bx_error_set_nomem(err);
    return value;
}

/* ---- import ---------------------------------------------------------- */

static int check_format(const json_t *value, bx_error **err)
{
    const char *format = json_string_value(json_object_get(value, "format"));
    const json_t *version = json_object_get(value, "version");
    const json_t *entries = json_object_get(value, "entries");

    if (format == NULL || strcmp(format, BX_SESSION_FORMAT) != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "no exported session: expected \"format\": "
                            "\"" BX_SESSION_FORMAT "\"");
    if (!json_is_integer(version) || json_integer_value(version) < 1)
        return bx_error_set(err, BX_ERR_INVALID, "expected \"version\": %d",
                            BX_SESSION_FORMAT_VERSION);
    if (json_integer_value(version) > BX_SESSION_FORMAT_VERSION)
        return bx_error_set(err, BX_ERR_INVALID,
                            "written by a newer boxagnts (version "
                            "%" JSON_INTEGER_FORMAT ", this one knows %d); "
                            "use that one",
                            json_integer_value(version),
                            BX_SESSION_FORMAT_VERSION);
    if (!json_is_object(json_object_get(value, "session")) ||
        !json_is_array(entries))
        return bx_error_set(err, BX_ERR_INVALID,
                            "expected a \"session\" and its \"entries\"");
    if (json_array_size(entries) > BX_SESSION_IMPORT_MAX_ENTRIES)
        return bx_error_set(
            err, BX_ERR_LIMIT, "%zu entries, at most %d are imported",
            json_array_size(entries), BX_SESSION_IMPORT_MAX_ENTRIES);
    return 0;
}

/* A text member, or "" when there is none. NULL: it is something else. */
static const char *get_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (value == NULL || json_is_null(value))
        return "";
    if (strlen(json_is_string(value) ? json_string_value(value) : "") !=
        json_string_length(value))
        return NULL;
    return json_string_value(value);
}

/* What does not change how the session goes on. */
static bool is_harmless(const json_t *note)
{
    static const char *const types[] = { "compaction", "plan", "imported" };
    const char *type = json_string_value(json_object_get(note, "type"));

    for (size_t i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]);
         i++) {
        if (strcmp(type, types[i]) == 0)
            return true;
    }
    return false;
}

static int put_note(bx_session_log *log, const json_t *note,
                    uint64_t *ret_entry, bx_error **err)
{
    json_t *wrapped;
    int result;

    if (!json_is_string(json_object_get(note, "type")) || is_harmless(note))
        return bx_session_put_note(log, note, ret_entry, err);
    wrapped = json_pack("{s:s, s:O}", "type", "imported", "note", note);
    if (wrapped == NULL)
        return bx_error_set_nomem(err);
    result = bx_session_put_note(log, wrapped, ret_entry, err);
    json_decref(wrapped);
    return result;
}

static int put_call(bx_session_log *log, const json_t *entry, bx_error **err)
{
    const char *id = get_text(entry, "id");
    const char *state = get_text(entry, "state");

    if (id == NULL || id[0] == '\0' || state == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "expected a call's \"id\" and \"state\"");
    if (strcmp(state, "begun") == 0)
        return bx_session_put_begin(log, id, err);
    if (strcmp(state, "done") != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a call's \"state\" is begun or done");
    return bx_session_put_end(log, id, json_object_get(entry, "block"),
                              json_object_get(entry, "meta"), err);
}

static int put_entry(bx_session_log *log, const json_t *entry, bx_error **err)
{
    const char *kind = get_text(entry, "kind");
    uint64_t number = 0;

    if (kind == NULL)
        kind = "";
    if (strcmp(kind, "message") == 0)
        return bx_session_put_message(log, json_object_get(entry, "message"),
                                      json_object_get(entry, "meta"), &number,
                                      err);
    if (strcmp(kind, "note") == 0)
        return put_note(log, json_object_get(entry, "note"), &number, err);
    if (strcmp(kind, "call") == 0)
        return put_call(log, entry, err);
    return bx_error_set(err, BX_ERR_INVALID,
                        "an entry's \"kind\" is message, note or call");
}

/* Notes speak of entries by their numbers, so these stay as they are. */
static int put_entries(bx_session_log *log, const json_t *entries,
                       bx_error **err)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        const json_t *number = json_object_get(entry, "entry");
        const json_t *time = json_object_get(entry, "time_ms");
        json_int_t time_ms = json_integer_value(time);

        if (!json_is_integer(number) ||
            json_integer_value(number) != (json_int_t)i + 1)
            return bx_error_set(err, BX_ERR_INVALID,
                                "entry %zu: expected \"entry\": %zu, since "
                                "they are counted from 1",
                                i + 1, i + 1);
        if (!json_is_integer(time) || time_ms < 0 || time_ms > LAST_TIME_MS)
            return bx_error_set(err, BX_ERR_INVALID,
                                "entry %zu: expected \"time_ms\" since 1970",
                                i + 1);
        if (put_entry(log, entry, err) < 0)
            return bx_error_wrap(err, "entry %zu", i + 1);
        if (bx_session_db_run(log->store, err,
                              "UPDATE entry SET time_ms = ? WHERE session = ? "
                              "AND entry = ?",
                              "iii", (int64_t)time_ms, log->number,
                              (int64_t)i + 1) < 0)
            return -1;
    }
    return 0;
}

static int end_one(bx_session_log *log, const char *id, const char *name,
                   bx_error **err)
{
    json_t *block = json_pack(
        "{s:s, s:s, s:s, s:b, s:[{s:s, s:s}]}", "type", "tool_result", "id", id,
        "name", name, "is_error", 1, "content", "type", "text", "text",
        "This call was not made: the session was imported before it "
        "was.");
    int result = block == NULL ? bx_error_set_nomem(err)
                               : bx_session_put_end(log, id, block, NULL, err);

    json_decref(block);
    return result;
}

/* Or whoever goes on with the session would make them. */
static int end_planned(bx_session_log *log, bx_error **err)
{
    for (;;) {
        bx_autostatement sqlite3_stmt *statement = bx_session_db_prepare(
            log->store, err,
            "SELECT call_id, name FROM call WHERE session = ? AND begun_entry "
            "IS NULL AND done_entry IS NULL ORDER BY n LIMIT 1",
            "i", log->number);
        int found = statement == NULL
                        ? -1
                        : bx_session_db_step(log->store, statement, err);

        if (found <= 0)
            return found;
        if (end_one(log, bx_session_db_text(statement, 0),
                    bx_session_db_text(statement, 1), err) < 0)
            return -1;
    }
}

static bx_session_log *import(bx_session_store *store, const json_t *value,
                              const char *workspace, bx_error **err)
{
    const json_t *session = json_object_get(value, "session");
    const char *kind = get_text(session, "kind");
    const bx_session_new params = {
        .title = get_text(session, "title"),
        .workspace = workspace,
        .model = get_text(session, "model"),
        .kind = kind != NULL && strcmp(kind, "run") == 0 ? "run" : "chat",
    };
    bx_autosessionlog bx_session_log *log = NULL;

    if (params.title == NULL || params.model == NULL) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "expected the session's \"title\" and \"model\" as "
                           "text");
        return NULL;
    }
    log = bx_session_log_insert(store, &params, 0, err);
    if (log == NULL ||
        put_entries(log, json_object_get(value, "entries"), err) < 0 ||
        end_planned(log, err) < 0)
        return NULL;
    return bx_take(log);
}

bx_session_log *bx_session_log_import(bx_session_store *store,
                                      const json_t *value,
                                      const char *workspace, bx_error **err)
{
    bx_autosessionlog bx_session_log *log = NULL;

    if (check_format(value, err) < 0 ||
        bx_session_db_begin(store, BX_SESSION_WRITE, err) < 0)
        return NULL;
    log = import(store, value, workspace, err);
    if (bx_session_db_end(store, log == NULL ? -1 : 0, err) < 0)
        return NULL;
    return bx_take(log);
}
