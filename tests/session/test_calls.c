/* What is appended is read back, and a call only goes forward. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In place of the C library's, for SQLite: how often was the disk waited for?
 */
static int syncs;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    syncs++;
    return fsync(fd);
}

static const char *text_of(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));

    return text == NULL ? "" : text;
}

static void appends_and_reads_back(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "first");
    json_t *note = json_pack("{s:s, s:s}", "type", "model", "to", "other");
    json_t *entries;
    uint64_t entry = 0;

    (void)state;
    add_text(log, "hello");
    add_calls(log, "c", 2);
    assert_int_equal(bx_session_log_add_note(log, note, &entry, NULL), 0);
    assert_int_equal(entry, 3);
    json_decref(note);
    assert_int_equal(bx_session_log_begin_call(log, "c0", NULL), 0);
    assert_int_equal(end_call(log, "c0", "found", NULL), 0);

    entries = bx_session_log_read(log, 0, 0, NULL);
    assert_int_equal(json_array_size(entries), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(json_integer_value(json_object_get(
                             json_array_get(entries, i), "entry")),
                         i + 1);
    assert_string_equal(text_of(json_array_get(entries, 0), "kind"), "message");
    assert_string_equal(
        text_of(json_object_get(json_array_get(entries, 0), "message"), "role"),
        "user");
    assert_string_equal(
        text_of(json_object_get(json_array_get(entries, 2), "note"), "to"),
        "other");
    assert_string_equal(text_of(json_array_get(entries, 3), "state"), "begun");
    assert_string_equal(text_of(json_array_get(entries, 4), "state"), "done");
    assert_string_equal(text_of(json_array_get(entries, 4), "id"), "c0");
    assert_int_equal(
        json_integer_value(json_object_get(
            json_object_get(json_array_get(entries, 4), "meta"), "wall_ms")),
        3);
    json_decref(entries);

    entries = bx_session_store_read(store, "first", 2, 3, NULL);
    assert_int_equal(json_array_size(entries), 2);
    json_decref(entries);
    assert_string_equal(open_state(log, "c0"), "");
    assert_string_equal(open_state(log, "c1"), "planned");
}

static void goes_on_after_opening_again(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_session_log *log = create(store, "again");
    char id[BX_SESSION_ID_BYTES];
    json_t *calls;

    (void)state;
    strcpy(id, bx_session_log_id(log));
    add_calls(log, "c", 3);
    assert_int_equal(bx_session_log_begin_call(log, "c1", NULL), 0);
    assert_int_equal(end_call(log, "c2", "refused", NULL), 0);
    bx_session_log_close(log);
    bx_session_store_close(store);

    store = open_store();
    log = bx_session_log_open(store, id, NULL);
    assert_non_null(log);
    calls = bx_session_log_open_calls(log, NULL);
    assert_int_equal(json_array_size(calls), 2);
    assert_string_equal(text_of(json_array_get(calls, 0), "id"), "c0");
    assert_string_equal(text_of(json_array_get(calls, 0), "state"), "planned");
    assert_string_equal(text_of(json_array_get(calls, 1), "id"), "c1");
    assert_string_equal(text_of(json_array_get(calls, 1), "state"), "begun");
    assert_string_equal(text_of(json_array_get(calls, 1), "name"), "grep");
    assert_int_equal(
        json_integer_value(json_object_get(
            json_object_get(json_array_get(calls, 1), "input"), "n")),
        1);
    json_decref(calls);
    assert_int_equal(end_call(log, "c1", "late", NULL), 0);
    bx_session_log_close(log);
}

static void refuses_what_is_not_next(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "states");
    bx_error *err = NULL;
    int64_t before;

    (void)state;
    add_calls(log, "c", 2);
    assert_int_equal(bx_session_log_begin_call(log, "no", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "'no' is not planned");
    assert_int_equal(end_call(log, "no", "x", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "is not planned");
    assert_int_equal(bx_session_log_begin_call(log, "c0", NULL), 0);
    before = get_number("SELECT count(*) FROM entry");
    assert_int_equal(bx_session_log_begin_call(log, "c0", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "was begun before");
    assert_int_equal(end_call(log, "c0", "x", NULL), 0);
    assert_int_equal(end_call(log, "c0", "x", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "has its result already");
    assert_int_equal(bx_session_log_begin_call(log, "c0", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "has its result already");
    assert_int_equal(end_call(log, "c1", "refused", NULL), 0);
    assert_int_equal(bx_session_log_begin_call(log, "c1", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "has its result already");
    assert_int_equal(get_number("SELECT count(*) FROM entry"), before + 2);
}

/* An effect must not be on the disk before its begin is. */
static void waits_for_the_disk_when_a_call_begins(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "sync");

    (void)state;
    add_calls(log, "c", 2);
    syncs = 0;
    add_text(log, "x");
    assert_int_equal(syncs, 0);
    assert_int_equal(bx_session_log_begin_call(log, "c0", NULL), 0);
    assert_true(syncs > 0);
    syncs = 0;
    assert_int_equal(end_call(log, "c0", "x", NULL), 0);
    assert_int_equal(syncs, 0);
    assert_int_equal(bx_session_log_begin_call(log, "c1", NULL), 0);
    assert_true(syncs > 0);
}

/* Another session's calls are not this one's. */
static void keeps_calls_apart(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *one = create(store, "one");
    bx_autosessionlog bx_session_log *two = create(store, "two");
    bx_error *err = NULL;

    (void)state;
    add_calls(one, "c", 1);
    assert_int_equal(bx_session_log_begin_call(two, "c0", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "is not planned");
    add_calls(two, "c", 1);
    assert_int_equal(bx_session_log_begin_call(two, "c0", NULL), 0);
    assert_string_equal(open_state(one, "c0"), "planned");
    assert_string_equal(open_state(two, "c0"), "begun");
}

static void refuse_message(bx_session_log *log, json_t *message,
                           const char *word)
{
    bx_error *err = NULL;
    int64_t before = get_number("SELECT total(entries) + (SELECT count(*) FROM "
                                "entry) + (SELECT count(*) FROM call) FROM "
                                "session");

    assert_int_equal(bx_session_log_add_message(log, message, NULL, NULL, &err),
                     -1);
    assert_error(&err, BX_ERR_INVALID, word);
    json_decref(message);
    assert_int_equal(get_number("SELECT total(entries) + (SELECT count(*) FROM "
                                "entry) + (SELECT count(*) FROM call) FROM "
                                "session"),
                     before);
}

static json_t *call_of(const char *role, const char *id, json_t *input)
{
    return json_pack("{s:s, s:[{s:s, s:s, s:s, s:o}]}", "role", role, "content",
                     "type", "tool_call", "id", id, "name", "grep", "input",
                     input);
}

static void refuses_malformed_messages(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "bad");
    json_t *deep = json_object();
    json_t *twice = json_pack("{s:s, s:[]}", "role", "assistant", "content");
    json_t *block = json_pack("{s:s, s:s, s:s, s:{}}", "type", "tool_call",
                              "id", "t", "name", "grep", "input");
    bx_error *err = NULL;
    char long_id[300];

    (void)state;
    memset(long_id, 'x', sizeof(long_id) - 1);
    long_id[sizeof(long_id) - 1] = '\0';
    refuse_message(log, json_null(), "role");
    refuse_message(log, json_pack("{s:s, s:[]}", "role", "system", "content"),
                   "role");
    refuse_message(log, json_pack("{s:s, s:s}", "role", "user", "content", "x"),
                   "array");
    refuse_message(log, json_pack("{s:s, s:[i]}", "role", "user", "content", 1),
                   "no type");
    refuse_message(log, call_of("user", "c", json_object()), "calls no tools");
    refuse_message(log, call_of("assistant", "", json_object()), "1 to 256");
    refuse_message(log, call_of("assistant", long_id, json_object()),
                   "1 to 256");
    refuse_message(log, call_of("assistant", "c", json_array()), "1 to 256");
    (void)json_array_append(json_object_get(twice, "content"), block);
    (void)json_array_append(json_object_get(twice, "content"), block);
    json_decref(block);
    refuse_message(log, twice, "used once");
    for (int i = 0; i < 3000; i++)
        deep = json_pack("{s:o}", "x", deep);
    refuse_message(log, call_of("assistant", "c", deep), "too deep");
    add_calls(log, "c", 1);
    refuse_message(log, call_of("assistant", "c0", json_object()), "used once");

    block = json_pack("{s:s, s:s, s:[]}", "type", "tool_result", "id", "other",
                      "content");
    assert_int_equal(bx_session_log_end_call(log, "c0", block, NULL, &err), -1);
    assert_error(&err, BX_ERR_INVALID, "same id");
    json_decref(block);
    assert_int_equal(bx_session_log_add_note(log, json_null(), NULL, &err), -1);
    assert_error(&err, BX_ERR_INVALID, "note");
    assert_string_equal(open_state(log, "c0"), "planned");
}

static void keeps_hostile_texts_as_they_are(void **state)
{
    static const char *const texts[] = {
        "'); DROP TABLE session; --",   "\x1b[2J\x07\r", "%s%n%p",
        "\xf0\x9f\x92\xa3\xe2\x80\xae", "\" OR * NEAR(", ""
    };
    bx_autosessionstore bx_session_store *store = open_store();
    bx_error *err = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bx_autosessionlog bx_session_log *log = create(store, texts[i]);
        bx_session_info info;
        json_t *entries;

        add_text(log, texts[i]);
        assert_int_equal(
            bx_session_store_info(store, bx_session_log_id(log), &info, NULL),
            0);
        assert_string_equal(info.title, texts[i]);
        assert_true(info.is_open);
        bx_session_info_clear(&info);
        entries = bx_session_log_read(log, 1, 1, NULL);
        assert_string_equal(
            text_of(
                json_array_get(
                    json_object_get(
                        json_object_get(json_array_get(entries, 0), "message"),
                        "content"),
                    0),
                "text"),
            texts[i]);
        json_decref(entries);
    }
    /* An error shows them harmless. */
    assert_null(bx_session_log_open(store, "\x1b[2Jnone", &err));
    assert_error(&err, BX_ERR_NOT_FOUND, "\\x1b[2Jnone");
}

static void keeps_a_nul_within_a_text(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "nul");
    json_t *message = json_loads("{\"role\": \"user\", \"content\": [{\"type\":"
                                 " \"text\", \"text\": \"a\\u0000needle\"}]}",
                                 JSON_ALLOW_NUL, NULL);
    bx_autosessionlist bx_session_list list = { 0 };
    json_t *entries;

    (void)state;
    assert_int_equal(bx_session_log_add_message(log, message, NULL, NULL, NULL),
                     0);
    entries = bx_session_log_read(log, 1, 1, NULL);
    assert_true(json_equal(
        json_object_get(json_array_get(entries, 0), "message"), message));
    json_decref(entries);
    json_decref(message);
    assert_int_equal(
        bx_session_store_list(store, &(bx_session_query){ .text = "needle" },
                              &list, NULL),
        0);
    assert_int_equal(list.count, 1);
}

static void sets_and_counts(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "t");
    bx_session_info info;
    bx_error *err = NULL;
    char long_title[1002];

    (void)state;
    memset(long_title, 'x', 1001);
    long_title[1001] = '\0';
    assert_int_equal(bx_session_log_set(log, "title", long_title, &err), -1);
    assert_error(&err, BX_ERR_LIMIT, "at most 1000");
    assert_int_equal(bx_session_log_set(log, "title", "\xff", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "UTF-8");
    assert_int_equal(bx_session_log_set(log, "status", "lost", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "lost");
    assert_int_equal(bx_session_log_set(log, "kind", "chat", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "kind");
    assert_int_equal(bx_session_log_set(log, "title", "new", NULL), 0);
    assert_int_equal(bx_session_log_set(log, "status", "running", NULL), 0);
    assert_int_equal(bx_session_log_set(log, "model", "m2", NULL), 0);
    assert_int_equal(bx_session_log_add_usage(log, 10, 5, 0.25, NULL), 0);
    assert_int_equal(bx_session_log_add_usage(log, 0, 7, 0, NULL), 0);
    assert_int_equal(bx_session_store_info(store, "new", &info, NULL), 0);
    assert_int_equal(info.output_tokens, 12);
    bx_session_info_clear(&info);
    assert_int_equal(bx_session_log_add_usage(log, 1, UINT64_MAX, 0.5, NULL),
                     0);
    assert_int_equal(bx_session_store_info(store, "new", &info, NULL), 0);
    assert_string_equal(info.status, "running");
    assert_string_equal(info.model, "m2");
    assert_int_equal(info.input_tokens, 11);
    assert_int_equal(info.output_tokens, UINT64_C(1) << 53);
    assert_true(info.cost == 0.75);
    bx_session_info_clear(&info);
    assert_int_equal(bx_session_log_add_usage(log, 1, 1, -1, NULL), 0);
    assert_int_equal(bx_session_log_add_usage(log, 1, 1, 2, NULL), 0);
    assert_int_equal(bx_session_store_info(store, "new", &info, NULL), 0);
    assert_true(info.cost < 0);
    bx_session_info_clear(&info);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(appends_and_reads_back),
        TEST(goes_on_after_opening_again),
        TEST(refuses_what_is_not_next),
        TEST(waits_for_the_disk_when_a_call_begins),
        TEST(keeps_calls_apart),
        TEST(refuses_malformed_messages),
        TEST(keeps_hostile_texts_as_they_are),
        TEST(keeps_a_nul_within_a_text),
        TEST(sets_and_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
