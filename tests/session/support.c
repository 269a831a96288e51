#include "support.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char db_path[128];
static char folder[96];

int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/bx-session-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(db_path, sizeof(db_path), "%s/sessions.db", folder);
    return setenv("XDG_STATE_HOME", folder, 1);
}

int remove_folder(void **state)
{
    char command[256];

    (void)state;
    (void)snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s",
                   folder, folder);
    return system(command);
}

bx_session_store *open_store(void)
{
    bx_error *err = NULL;
    bx_session_store *store = bx_session_store_open(db_path, &err);

    if (store == NULL)
        fail_msg("%s", bx_error_message(err));
    return store;
}

bx_session_log *create(bx_session_store *store, const char *title)
{
    const bx_session_new params = { .title = title,
                                    .workspace = "/home/me/here",
                                    .model = "demo",
                                    .kind = "chat" };
    bx_error *err = NULL;
    bx_session_log *log = bx_session_log_create(store, &params, &err);

    if (log == NULL)
        fail_msg("%s", bx_error_message(err));
    return log;
}

static void add(bx_session_log *log, json_t *message)
{
    bx_error *err = NULL;

    assert_non_null(message);
    if (bx_session_log_add_message(log, message, NULL, NULL, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    json_decref(message);
}

void add_text(bx_session_log *log, const char *text)
{
    add(log, json_pack("{s:s, s:[{s:s, s:s}]}", "role", "user", "content",
                       "type", "text", "text", text));
}

void add_calls(bx_session_log *log, const char *prefix, int count)
{
    json_t *content = json_array();
    char id[64];

    for (int i = 0; i < count; i++) {
        (void)snprintf(id, sizeof(id), "%s%d", prefix, i);
        assert_int_equal(
            json_array_append_new(content,
                                  json_pack("{s:s, s:s, s:s, s:{s:i}}", "type",
                                            "tool_call", "id", id, "name",
                                            "grep", "input", "n", i)),
            0);
    }
    add(log, json_pack("{s:s, s:o}", "role", "assistant", "content", content));
}

int end_call(bx_session_log *log, const char *id, const char *text,
             bx_error **err)
{
    json_t *block = json_pack(
        "{s:s, s:s, s:s, s:b, s:[{s:s, s:s}]}", "type", "tool_result", "id", id,
        "name", "grep", "is_error", 0, "content", "type", "text", "text", text);
    json_t *meta = json_pack("{s:i}", "wall_ms", 3);
    int result;

    assert_non_null(block);
    result = bx_session_log_end_call(log, id, block, meta, err);
    json_decref(block);
    json_decref(meta);
    return result;
}

void run_sql(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int64_t get_number(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    int64_t number;

    assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

void assert_error(bx_error **err, bx_code code, const char *word)
{
    assert_non_null(*err);
    if (bx_error_code(*err) != code ||
        strstr(bx_error_message(*err), word) == NULL)
        fail_msg("expected '%s', got code %d: %s", word,
                 (int)bx_error_code(*err), bx_error_message(*err));
    bx_error_free(*err);
    *err = NULL;
}

const char *open_state(bx_session_log *log, const char *id)
{
    static char state[16];
    json_t *calls = bx_session_log_open_calls(log, NULL);
    json_t *call;
    size_t i;

    assert_non_null(calls);
    state[0] = '\0';
    json_array_foreach(calls, i, call)
    {
        if (strcmp(json_string_value(json_object_get(call, "id")), id) == 0)
            (void)snprintf(state, sizeof(state), "%s",
                           json_string_value(json_object_get(call, "state")));
    }
    json_decref(calls);
    return state;
}
