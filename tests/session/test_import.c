/* Sessions to files and back: what was said stays, nothing of it acts. */
#include "support.h"

#include <string.h>

#include "base/scope.h"
#include "store/session_import.h"

static bx_session_store *store;
static bx_error *err;

static int set_up(void **state)
{
    int made = make_folder(state);

    err = NULL;
    store = made == 0 ? open_store() : NULL;
    return made;
}

static int tear_down(void **state)
{
    bx_session_store_close(store);
    bx_error_free(err);
    return remove_folder(state);
}

/* Of JSON with ' in place of ". */
static json_t *parse(const char *text)
{
    bx_autofree char *copy = strdup(text);
    json_t *value;

    for (char *at = copy; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    value = json_loads(copy, JSON_ALLOW_NUL, NULL);
    if (value == NULL)
        fail_msg("no JSON: %s", copy);
    return value;
}

static json_t *wrap(const char *entries)
{
    char text[8192];

    (void)snprintf(text, sizeof(text),
                   "{'format': 'boxagnts-session', 'version': 1, 'session': "
                   "{'id': 'X', 'title': 'a title', 'model': 'm', 'kind': "
                   "'chat', 'status': 'running'}, 'entries': [%s]}",
                   entries);
    return parse(text);
}

static bx_session_log *import(json_t *value)
{
    bx_session_log *log = bx_session_log_import(store, value, "/here", &err);

    json_decref(value);
    return log;
}

static void import_fails(json_t *value, bx_code code, const char *word)
{
    assert_null(import(value));
    assert_error(&err, code, word);
    assert_int_equal(get_number("SELECT count(*) FROM session"), 0);
    assert_int_equal(get_number("SELECT count(*) FROM entry"), 0);
    assert_int_equal(get_number("SELECT count(*) FROM words"), 0);
}

static bx_session_info info_of(const char *id)
{
    bx_session_info info = { 0 };

    assert_int_equal(bx_session_store_info(store, id, &info, &err), 0);
    return info;
}

#define USER                                                                   \
    "{'entry': 1, 'time_ms': 5, 'kind': 'message', 'message': {'role': "       \
    "'user', 'content': [{'type': 'text', 'text': 'pineapple'}]}}"
#define CALL                                                                   \
    ",{'entry': 2, 'time_ms': 6, 'kind': 'message', 'message': {'role': "      \
    "'assistant', 'content': [{'type': 'tool_call', 'id': 'c1', 'name': "      \
    "'bash', 'input': {'command': 'rm -r x'}}]}}"
#define BEGUN                                                                  \
    ",{'entry': 3, 'time_ms': 7, 'kind': 'call', 'id': 'c1', 'state': "        \
    "'begun'}"
#define DONE(number)                                                           \
    ",{'entry': " number ", 'time_ms': 8, 'kind': 'call', 'id': 'c1', "        \
    "'state': 'done', 'block': {'type': 'tool_result', 'id': 'c1', 'name': "   \
    "'bash', 'is_error': false, 'content': []}}"

static void comes_back_as_it_was(void **state)
{
    bx_autosessionlog bx_session_log *log = create(store, "my title");
    bx_autosessionlog bx_session_log *again = NULL;
    json_t *note = parse("{'type': 'plan', 'items': []}");
    json_t *first;
    json_t *second;
    bx_session_info info;

    (void)state;
    add_text(log, "hello");
    add_calls(log, "c", 2);
    assert_int_equal(bx_session_log_begin_call(log, "c0", &err), 0);
    assert_int_equal(end_call(log, "c0", "done", &err), 0);
    assert_int_equal(bx_session_log_begin_call(log, "c1", &err), 0);
    assert_int_equal(bx_session_log_add_note(log, note, NULL, &err), 0);
    assert_int_equal(bx_session_log_add_usage(log, 10, 20, 0.5, &err), 0);
    assert_int_equal(bx_session_log_set(log, "status", "running", &err), 0);
    first = bx_session_store_export(store, bx_session_log_id(log), &err);
    assert_non_null(first);
    again = bx_session_log_import(store, first, "/here", &err);
    assert_non_null(again);
    second = bx_session_store_export(store, bx_session_log_id(again), &err);
    assert_true(json_equal(json_object_get(first, "entries"),
                           json_object_get(second, "entries")));
    assert_string_not_equal(bx_session_log_id(log), bx_session_log_id(again));
    assert_string_equal(open_state(again, "c1"), "begun");
    info = info_of(bx_session_log_id(again));
    assert_string_equal(info.title, "my title");
    assert_string_equal(info.workspace, "/here");
    assert_string_equal(info.status, "idle");
    assert_string_equal(info.parent, "");
    assert_int_equal(info.input_tokens, 0);
    assert_true(info.cost == 0);
    bx_session_info_clear(&info);
    json_decref(first);
    json_decref(second);
    json_decref(note);
}

/* Exactly what a later resume asks for. */
static void a_planned_call_is_ended(void **state)
{
    bx_autosessionlog bx_session_log *log = import(wrap(USER CALL));
    json_t *entries;

    (void)state;
    assert_non_null(log);
    assert_string_equal(open_state(log, "c1"), "");
    assert_int_equal(bx_session_log_begin_call(log, "c1", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "has its result");
    entries = bx_session_log_read(log, 3, 0, &err);
    assert_int_equal(json_array_size(entries), 1);
    assert_true(json_is_true(json_object_get(
        json_object_get(json_array_get(entries, 0), "block"), "is_error")));
    json_decref(entries);
}

static void a_begun_call_stays_begun(void **state)
{
    bx_autosessionlog bx_session_log *log = import(wrap(USER CALL BEGUN));

    (void)state;
    assert_non_null(log);
    assert_string_equal(open_state(log, "c1"), "begun");
    assert_int_equal(bx_session_log_begin_call(log, "c1", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "was begun before");
}

static void is_found_and_keeps_its_times(void **state)
{
    bx_autosessionlog bx_session_log *log = import(wrap(USER));
    const bx_session_query query = { .text = "pineapple" };
    bx_autosessionlist bx_session_list list = { 0 };
    json_t *entries = bx_session_log_read(log, 1, 1, &err);

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(entries, 0), "time_ms")),
                     5);
    json_decref(entries);
    assert_int_equal(bx_session_store_list(store, &query, &list, &err), 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].id, bx_session_log_id(log));
}

/* A mode, a boundary of envelopes, an answer "always": another's are not ours.
 */
static void notes_that_act_are_put_away(void **state)
{
    bx_autosessionlog bx_session_log *log = import(
        wrap("{'entry': 1, 'time_ms': 1, 'kind': 'note', 'note': {'type': "
             "'mode', 'mode': 'auto'}},"
             "{'entry': 2, 'time_ms': 1, 'kind': 'note', 'note': {'type': "
             "'anything', 'x': 1}},"
             "{'entry': 3, 'time_ms': 1, 'kind': 'note', 'note': {'type': "
             "'plan', 'items': []}}"));
    static const char *const types[] = { "imported", "imported", "plan" };
    json_t *entries;
    json_t *entry;
    size_t i;

    (void)state;
    assert_non_null(log);
    entries = bx_session_log_read(log, 1, 0, &err);
    assert_int_equal(json_array_size(entries), 3);
    json_array_foreach(entries, i, entry)
    {
        assert_string_equal(json_string_value(json_object_get(
                                json_object_get(entry, "note"), "type")),
                            types[i]);
    }
    assert_string_equal(
        json_string_value(json_object_get(
            json_object_get(json_object_get(json_array_get(entries, 0), "note"),
                            "note"),
            "mode")),
        "auto");
    json_decref(entries);
}

static void refuses_what_is_no_export(void **state)
{
    (void)state;
    import_fails(parse("[]"), BX_ERR_INVALID, "no exported session");
    import_fails(parse("{'format': 'x'}"), BX_ERR_INVALID, "no exported");
    import_fails(parse("{'format': 'boxagnts-session'}"), BX_ERR_INVALID,
                 "\"version\": 1");
    import_fails(parse("{'format': 'boxagnts-session', 'version': 2}"),
                 BX_ERR_INVALID, "newer boxagnts");
    import_fails(parse("{'format': 'boxagnts-session', 'version': 1}"),
                 BX_ERR_INVALID, "\"session\" and its");
    import_fails(parse("{'format': 'boxagnts-session', 'version': 1, "
                       "'session': {'title': 7}, 'entries': []}"),
                 BX_ERR_INVALID, "\"title\"");
    import_fails(parse("{'format': 'boxagnts-session', 'version': 1, "
                       "'session': {'title': 'a\\u0000b'}, 'entries': []}"),
                 BX_ERR_INVALID, "\"title\"");
}

/* All of it or nothing, and the entry is named. */
static void refuses_entries_that_do_not_fit(void **state)
{
    static const struct {
        const char *entries;
        const char *word;
    } cases[] = {
        { "7", "entry 1: expected \"entry\": 1" },
        { "{'entry': 2}", "entry 1: expected \"entry\": 1" },
        { "{'entry': 1}", "entry 1: expected \"time_ms\"" },
        { "{'entry': 1, 'time_ms': -1}", "\"time_ms\"" },
        { "{'entry': 1, 'time_ms': 1}", "\"kind\" is" },
        { "{'entry': 1, 'time_ms': 1, 'kind': 'row'}", "\"kind\" is" },
        { "{'entry': 1, 'time_ms': 1, 'kind': 'message'}", "role is" },
        { "{'entry': 1, 'time_ms': 1, 'kind': 'note', 'note': 1}",
          "a \"type\"" },
        { "{'entry': 1, 'time_ms': 1, 'kind': 'call'}", "\"id\" and" },
        { USER ",{'entry': 2, 'time_ms': 1, 'kind': 'call', 'id': 'c1', "
               "'state': 'begun'}",
          "entry 2: call 'c1' is not planned" },
        { USER CALL ",{'entry': 3, 'time_ms': 1, 'kind': 'call', 'id': 'c1', "
                    "'state': 'planned'}",
          "entry 3: a call's \"state\"" },
        { USER CALL BEGUN ",{'entry': 4, 'time_ms': 1, 'kind': 'call', 'id': "
                          "'c1', 'state': 'begun'}",
          "entry 4: call 'c1' was begun" },
        { USER CALL DONE("3") DONE("4"), "entry 4: call 'c1' has its result" },
        { USER CALL ",{'entry': 3, 'time_ms': 1, 'kind': 'call', 'id': 'c1', "
                    "'state': 'done', 'block': {'type': 'text'}}",
          "ends with a tool_result" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        import_fails(wrap(cases[i].entries), BX_ERR_INVALID, cases[i].word);
}

static void is_a_chat_or_a_run(void **state)
{
    static const char *const kinds[][2] = { { "run", "run" },
                                            { "agent", "chat" },
                                            { "root", "chat" } };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        json_t *value = wrap(USER);
        bx_autosessionlog bx_session_log *log = NULL;
        bx_session_info info;

        json_object_set_new(json_object_get(value, "session"), "kind",
                            json_string(kinds[i][0]));
        log = import(value);
        info = info_of(bx_session_log_id(log));
        assert_string_equal(info.kind, kinds[i][1]);
        bx_session_info_clear(&info);
    }
}

static void unknown_sessions_are_not_exported(void **state)
{
    (void)state;
    assert_null(bx_session_store_export(store, "nothing", &err));
    assert_error(&err, BX_ERR_NOT_FOUND, "no session 'nothing'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(comes_back_as_it_was),
        TEST(a_planned_call_is_ended),
        TEST(a_begun_call_stays_begun),
        TEST(is_found_and_keeps_its_times),
        TEST(notes_that_act_are_put_away),
        TEST(refuses_what_is_no_export),
        TEST(refuses_entries_that_do_not_fit),
        TEST(is_a_chat_or_a_run),
        TEST(unknown_sessions_are_not_exported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
