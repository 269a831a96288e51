/* Appending. Each call is one transaction, so that a kill leaves all of it or
 * nothing. What a model or a tool brings is checked for the shape that reading
 * relies on; the rest is only text here. */
#include "store/session_log.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "store/session_find.h"
#include "store/session_lock.h"
#include "store/session_words.h"

#define MAX_CALL_ID_BYTES 256
#define MAX_MODEL_BYTES 256
#define MAX_WORKSPACE_BYTES 4096
#define SHOWN_BYTES 80

int64_t bx_session_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- open and close ---- */

/* ULID: 48 bits of milliseconds, 80 of chance, in Crockford's base 32. */
static int make_id(char id[BX_SESSION_ID_BYTES], int64_t now_ms, bx_error **err)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint8_t chance[16];

    if (getrandom(chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
        return bx_error_set_errno(err, errno, "random bytes for an id");
    for (int i = 0; i < 10; i++)
        id[i] = digits[((uint64_t)now_ms >> (45 - 5 * i)) & 31];
    for (int i = 0; i < 16; i++)
        id[10 + i] = digits[chance[i] & 31];
    id[26] = '\0';
    return 0;
}

static bool is_one_of(const char *value, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(value, *list) == 0)
            return true;
    }
    return false;
}

static int check_new(const bx_session_new *params, bx_error **err)
{
    static const char *const kinds[] = { "chat", "run", "agent", NULL };

    if (params->kind == NULL || !is_one_of(params->kind, kinds))
        return bx_error_set(err, BX_ERR_INVALID,
                            "a session's kind is chat, run or agent");
    if (params->workspace != NULL &&
        strlen(params->workspace) > MAX_WORKSPACE_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "the workspace's name has more than %d bytes",
                            MAX_WORKSPACE_BYTES);
    if (params->model != NULL &&
        bx_session_check_text("model", params->model, MAX_MODEL_BYTES, err) < 0)
        return -1;
    return 0;
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

bx_session_log *bx_session_log_insert(bx_session_store *store,
                                      const bx_session_new *params,
                                      uint64_t parent_entry, bx_error **err)
{
    bx_autosessionlog bx_session_log *log = calloc(1, sizeof(*log));
    char parent[BX_SESSION_ID_BYTES] = "";
    int64_t now_ms = bx_session_now_ms();
    int64_t number;

    if (log == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    log->store = store;
    log->lock_fd = -1;
    if (check_new(params, err) < 0 || make_id(log->id, now_ms, err) < 0)
        return NULL;
    if (params->parent != NULL &&
        bx_session_find(store, params->parent, &number, parent, err) < 0)
        return NULL;
    if (bx_session_db_run(
            store, err,
            "INSERT INTO session (id, parent, parent_entry, title, workspace, "
            "model, kind, status, created_ms, updated_ms) "
            "VALUES (?, ?, ?, '', ?, ?, ?, 'idle', ?, ?)",
            "ttitttii", log->id, parent, (int64_t)parent_entry,
            or_empty(params->workspace), or_empty(params->model), params->kind,
            now_ms, now_ms) < 0)
        return NULL;
    log->number = sqlite3_last_insert_rowid(store->db);
    if (bx_session_set_title(store, log->number, or_empty(params->title), err) <
        0)
        return NULL;
    log->lock_fd =
        bx_session_lock_take(store->lock_path, log->number, log->id, err);
    return log->lock_fd < 0 ? NULL : bx_take(log);
}

bx_session_log *bx_session_log_create(bx_session_store *store,
                                      const bx_session_new *params,
                                      bx_error **err)
{
    bx_autosessionlog bx_session_log *log = NULL;

    if (bx_session_db_begin(store, BX_SESSION_WRITE, err) < 0)
        return NULL;
    log = bx_session_log_insert(store, params, 0, err);
    if (bx_session_db_end(store, log == NULL ? -1 : 0, err) < 0)
        return NULL;
    return bx_take(log);
}

/* The lock is taken in the transaction that finds the row, so that nobody can
 * remove it in between. */
static int find_and_lock(bx_session_log *log, const char *id, bx_error **err)
{
    if (bx_session_find(log->store, id, &log->number, log->id, err) < 0)
        return -1;
    log->lock_fd =
        bx_session_lock_take(log->store->lock_path, log->number, log->id, err);
    return log->lock_fd < 0 ? -1 : 0;
}

bx_session_log *bx_session_log_open(bx_session_store *store, const char *id,
                                    bx_error **err)
{
    bx_autosessionlog bx_session_log *log = calloc(1, sizeof(*log));

    if (log == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    log->store = store;
    log->lock_fd = -1;
    if (bx_session_db_begin(store, BX_SESSION_WRITE, err) < 0)
        return NULL;
    if (bx_session_db_end(store, find_and_lock(log, id, err), err) < 0)
        return NULL;
    return bx_take(log);
}

void bx_session_log_close(bx_session_log *log)
{
    if (log == NULL)
        return;
    bx_closep(&log->lock_fd);
    free(log);
}

const char *bx_session_log_id(const bx_session_log *log)
{
    return log->id;
}

/* ---- entries ---- */

/* value as text that json_loads() takes back; *ret_text NULL for NULL. */
static int format(const char *what, const json_t *value, char **ret_text,
                  bx_error **err)
{
    bx_autofree char *text = NULL;

    *ret_text = NULL;
    if (value == NULL)
        return 0;
    text = bx_json_text(value, JSON_COMPACT);
    if (text != NULL && strlen(text) > BX_SESSION_MAX_ENTRY_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "the %s has %zu bytes as JSON, an entry holds %d",
                            what, strlen(text), BX_SESSION_MAX_ENTRY_BYTES);
    if (text == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the %s cannot be stored: it is no JSON object of "
                            "UTF-8 text, or too deep",
                            what);
    *ret_text = bx_take(text);
    return 0;
}

static int put_words(bx_session_log *log, const json_t *body, int64_t row,
                     bx_error **err)
{
    bx_autobuf bx_buf words = BX_BUF_INIT;

    if (bx_session_words_put(&words, body, err) < 0)
        return -1;
    if (words.len == 0)
        return 0;
    return bx_session_db_run(log->store, err,
                             "INSERT INTO words (rowid, text) VALUES (?, ?)",
                             "it", row, words.data);
}

int bx_session_append(bx_session_log *log, const bx_session_entry *entry,
                      uint64_t *ret_entry, bx_error **err)
{
    bx_session_store *store = log->store;
    bx_autofree char *body = NULL;
    bx_autofree char *meta = NULL;
    int64_t now_ms = bx_session_now_ms();
    int64_t number = 0;
    int found;

    if (format(entry->kind, entry->body, &body, err) < 0 ||
        format("meta", entry->meta, &meta, err) < 0 ||
        bx_session_db_run(store, err,
                          "UPDATE session SET entries = entries + 1, "
                          "updated_ms = ? WHERE n = ?",
                          "ii", now_ms, log->number) < 0)
        return -1;
    found = bx_session_db_get(store, err, &number,
                              "SELECT entries FROM session WHERE n = ?", "i",
                              log->number);
    if (found <= 0)
        return found < 0 ? -1
                         : bx_error_set(err, BX_ERR_NOT_FOUND,
                                        "session %s was removed", log->id);
    if (bx_session_db_run(
            store, err,
            "INSERT INTO entry (session, entry, time_ms, kind, call_id, "
            "state, body, meta) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            "iiittttt", log->number, number, now_ms, entry->kind,
            entry->call_id, entry->state, body, meta) < 0 ||
        put_words(log, entry->body, sqlite3_last_insert_rowid(store->db), err) <
            0)
        return -1;
    *ret_entry = (uint64_t)number;
    return 0;
}

int bx_session_put_note(bx_session_log *log, const json_t *note,
                        uint64_t *ret_entry, bx_error **err)
{
    const bx_session_entry entry = { .kind = "note", .body = note };

    if (!json_is_string(json_object_get(note, "type")))
        return bx_error_set(err, BX_ERR_INVALID,
                            "a note is an object with a \"type\"");
    return bx_session_append(log, &entry, ret_entry, err);
}

int bx_session_log_add_note(bx_session_log *log, const json_t *note,
                            uint64_t *ret_entry, bx_error **err)
{
    uint64_t number = 0;

    if (bx_session_db_begin(log->store, BX_SESSION_WRITE, err) < 0)
        return -1;
    if (bx_session_db_end(
            log->store, bx_session_put_note(log, note, &number, err), err) < 0)
        return -1;
    if (ret_entry != NULL)
        *ret_entry = number;
    return 0;
}

/* ---- messages and calls ---- */

static bool is_type(const json_t *block, const char *type)
{
    const char *value = json_string_value(json_object_get(block, "type"));

    return value != NULL && strcmp(value, type) == 0;
}

/* A string member without NUL, of 1 to max_bytes; NULL otherwise. */
static const char *get_name(const json_t *block, const char *key)
{
    const json_t *value = json_object_get(block, key);
    size_t bytes = json_string_length(value);

    if (bytes == 0 || bytes > MAX_CALL_ID_BYTES ||
        strlen(json_string_value(value)) != bytes)
        return NULL;
    return json_string_value(value);
}

static int check_message(const json_t *message, bool *ret_is_assistant,
                         bx_error **err)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content");
    const json_t *block;
    size_t i;

    if (role == NULL ||
        (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0))
        return bx_error_set(err, BX_ERR_INVALID,
                            "a message's role is user or assistant");
    if (!json_is_array(content))
        return bx_error_set(err, BX_ERR_INVALID,
                            "a message's content is an array of blocks");
    *ret_is_assistant = strcmp(role, "assistant") == 0;
    json_array_foreach(content, i, block)
    {
        if (!json_is_string(json_object_get(block, "type")))
            return bx_error_set(err, BX_ERR_INVALID,
                                "block %zu of the message has no type", i);
        if (!is_type(block, "tool_call"))
            continue;
        if (!*ret_is_assistant)
            return bx_error_set(err, BX_ERR_INVALID,
                                "block %zu of the message: a user calls no "
                                "tools",
                                i);
        if (get_name(block, "id") == NULL || get_name(block, "name") == NULL ||
            !json_is_object(json_object_get(block, "input")))
            return bx_error_set(err, BX_ERR_INVALID,
                                "block %zu of the message: a call has an id "
                                "and a name of 1 to %d bytes and an object as "
                                "input",
                                i, MAX_CALL_ID_BYTES);
    }
    return 0;
}

static int fail_call(const char *call_id, const char *reason, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_put_escaped(&text, call_id, strlen(call_id), SHOWN_BYTES) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, BX_ERR_INVALID, "call '%s' %s",
                        text.data == NULL ? "" : text.data, reason);
}

static int plan_call(bx_session_log *log, const json_t *block, uint64_t entry,
                     bx_error **err)
{
    const char *id = get_name(block, "id");
    bx_autofree char *input = NULL;
    int64_t used = 0;
    int found = bx_session_db_get(log->store, err, &used,
                                  "SELECT n FROM call WHERE session = ? AND "
                                  "call_id = ?",
                                  "it", log->number, id);

    if (found != 0)
        return found < 0 ? -1
                         : fail_call(id,
                                     "is in this session already; an id is "
                                     "used once",
                                     err);
    if (format("input", json_object_get(block, "input"), &input, err) < 0)
        return -1;
    return bx_session_db_run(log->store, err,
                             "INSERT INTO call (session, call_id, name, input, "
                             "entry) VALUES (?, ?, ?, ?, ?)",
                             "ittti", log->number, id, get_name(block, "name"),
                             input, (int64_t)entry);
}

int bx_session_put_message(bx_session_log *log, const json_t *message,
                           const json_t *meta, uint64_t *ret_entry,
                           bx_error **err)
{
    const bx_session_entry entry = { .kind = "message",
                                     .body = message,
                                     .meta = meta };
    const json_t *block;
    bool is_assistant;
    size_t i;

    if (check_message(message, &is_assistant, err) < 0 ||
        bx_session_append(log, &entry, ret_entry, err) < 0)
        return -1;
    json_array_foreach(json_object_get(message, "content"), i, block)
    {
        if (is_type(block, "tool_call") &&
            plan_call(log, block, *ret_entry, err) < 0)
            return -1;
    }
    return 0;
}

int bx_session_log_add_message(bx_session_log *log, const json_t *message,
                               const json_t *meta, uint64_t *ret_entry,
                               bx_error **err)
{
    uint64_t entry = 0;

    if (bx_session_db_begin(log->store, BX_SESSION_WRITE, err) < 0)
        return -1;
    if (bx_session_db_end(
            log->store, bx_session_put_message(log, message, meta, &entry, err),
            err) < 0)
        return -1;
    if (ret_entry != NULL)
        *ret_entry = entry;
    return 0;
}

/* How far is it? -1: there is no such call. */
static int get_state(bx_session_log *log, const char *call_id,
                     bx_call_state *ret_state, bx_error **err)
{
    int64_t state = 0;
    int found =
        bx_session_db_get(log->store, err, &state,
                          "SELECT CASE WHEN done_entry IS NOT NULL THEN 2 "
                          "WHEN begun_entry IS NOT NULL THEN 1 ELSE 0 END "
                          "FROM call WHERE session = ? AND call_id = ?",
                          "it", log->number, call_id);

    if (found <= 0)
        return found < 0
                   ? -1
                   : fail_call(call_id,
                               "is not planned: no message of the session has "
                               "it",
                               err);
    *ret_state = (bx_call_state)state;
    return 0;
}

int bx_session_put_begin(bx_session_log *log, const char *call_id,
                         bx_error **err)
{
    const bx_session_entry entry = { .kind = "call",
                                     .call_id = call_id,
                                     .state = "begun" };
    bx_call_state state = BX_CALL_PLANNED;
    uint64_t number = 0;

    if (get_state(log, call_id, &state, err) < 0)
        return -1;
    if (state == BX_CALL_BEGUN)
        return fail_call(call_id,
                         "was begun before; it may have had its effect", err);
    if (state == BX_CALL_DONE)
        return fail_call(call_id, "has its result already", err);
    if (bx_session_append(log, &entry, &number, err) < 0)
        return -1;
    return bx_session_db_run(log->store, err,
                             "UPDATE call SET begun_entry = ? WHERE "
                             "session = ? AND call_id = ?",
                             "iit", (int64_t)number, log->number, call_id);
}

int bx_session_log_begin_call(bx_session_log *log, const char *call_id,
                              bx_error **err)
{
    if (bx_session_db_begin(log->store, BX_SESSION_WRITE_SYNCED, err) < 0)
        return -1;
    return bx_session_db_end(log->store,
                             bx_session_put_begin(log, call_id, err), err);
}

/* From planned too: a refusal is a result of what was never begun. */
int bx_session_put_end(bx_session_log *log, const char *call_id,
                       const json_t *block, const json_t *meta, bx_error **err)
{
    const char *id = get_name(block, "id");
    const bx_session_entry entry = { .kind = "call",
                                     .call_id = call_id,
                                     .state = "done",
                                     .body = block,
                                     .meta = meta };
    bx_call_state state = BX_CALL_PLANNED;
    uint64_t number = 0;

    if (!is_type(block, "tool_result") || id == NULL ||
        strcmp(id, call_id) != 0 ||
        !json_is_array(json_object_get(block, "content")))
        return fail_call(call_id,
                         "ends with a tool_result block of the same id", err);
    if (get_state(log, call_id, &state, err) < 0)
        return -1;
    if (state == BX_CALL_DONE)
        return fail_call(call_id, "has its result already", err);
    if (bx_session_append(log, &entry, &number, err) < 0)
        return -1;
    /* The input is in the message; here it was for the open ones. */
    return bx_session_db_run(log->store, err,
                             "UPDATE call SET done_entry = ?, input = NULL "
                             "WHERE session = ? AND call_id = ?",
                             "iit", (int64_t)number, log->number, call_id);
}

int bx_session_log_end_call(bx_session_log *log, const char *call_id,
                            const json_t *block, const json_t *meta,
                            bx_error **err)
{
    if (bx_session_db_begin(log->store, BX_SESSION_WRITE, err) < 0)
        return -1;
    return bx_session_db_end(
        log->store, bx_session_put_end(log, call_id, block, meta, err), err);
}

/* ---- the row ---- */

int bx_session_set_title(bx_session_store *store, int64_t number,
                         const char *title, bx_error **err)
{
    if (bx_session_check_text("title", title, BX_SESSION_MAX_TITLE_BYTES, err) <
            0 ||
        bx_session_db_run(store, err,
                          "UPDATE session SET title = ? WHERE n = ?", "ti",
                          title, number) < 0 ||
        bx_session_db_run(store, err, "DELETE FROM words WHERE rowid = ?", "i",
                          -number) < 0)
        return -1;
    return bx_session_db_run(store, err,
                             "INSERT INTO words (rowid, text) VALUES (?, ?)",
                             "it", -number, title);
}

static int set(bx_session_log *log, const char *key, const char *value,
               bx_error **err)
{
    static const char *const states[] = { "idle",   "running",   "done",
                                          "failed", "cancelled", NULL };
    int64_t now_ms = bx_session_now_ms();

    if (strcmp(key, "title") == 0)
        return bx_session_set_title(log->store, log->number, value, err);
    if (strcmp(key, "model") == 0) {
        if (bx_session_check_text("model", value, MAX_MODEL_BYTES, err) < 0)
            return -1;
        return bx_session_db_run(
            log->store, err,
            "UPDATE session SET model = ?, updated_ms = ? WHERE n = ?", "tii",
            value, now_ms, log->number);
    }
    if (strcmp(key, "status") != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a session has a title, a status and a model to "
                            "set, not '%.40s'",
                            key);
    if (!is_one_of(value, states))
        return bx_error_set(err, BX_ERR_INVALID,
                            "a session's status is idle, running, done, failed "
                            "or cancelled, not '%.40s'",
                            value);
    return bx_session_db_run(
        log->store, err,
        "UPDATE session SET status = ?, updated_ms = ? WHERE n = ?", "tii",
        value, now_ms, log->number);
}

int bx_session_log_set(bx_session_log *log, const char *key, const char *value,
                       bx_error **err)
{
    if (bx_session_db_begin(log->store, BX_SESSION_WRITE, err) < 0)
        return -1;
    return bx_session_db_end(log->store, set(log, key, value, err), err);
}

/* Sums stop at the largest number; a cost that is not known makes the whole
 * unknown. */
int bx_session_log_add_usage(bx_session_log *log, uint64_t input_tokens,
                             uint64_t output_tokens, double cost,
                             bx_error **err)
{
    const uint64_t most = UINT64_C(1) << 53;
    int64_t input = (int64_t)(input_tokens < most ? input_tokens : most);
    int64_t output = (int64_t)(output_tokens < most ? output_tokens : most);

    if (!isfinite(cost))
        cost = -1;
    if (bx_session_db_begin(log->store, BX_SESSION_WRITE, err) < 0)
        return -1;
    return bx_session_db_end(
        log->store,
        bx_session_db_run(
            log->store, err,
            "UPDATE session SET"
            " input_tokens = min(input_tokens + ?1, 9007199254740992),"
            " output_tokens = min(output_tokens + ?2, 9007199254740992),"
            " cost = CASE WHEN cost < 0 OR ?3 < 0 THEN -1.0"
            "  ELSE min(cost + ?3, 1e15) END,"
            " updated_ms = ?4 WHERE n = ?5",
            "iidii", input, output, cost, bx_session_now_ms(), log->number),
        err);
}
