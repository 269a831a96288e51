/* Lists, searches, names, forks and removal. */
#include "support.h"

#include <stdio.h>
#include <string.h>

static void assert_found(bx_session_store *store, const char *text,
                         size_t count)
{
    bx_autosessionlist bx_session_list list = { 0 };
    bx_error *err = NULL;

    if (bx_session_store_list(store, &(bx_session_query){ .text = text }, &list,
                              &err) < 0)
        fail_msg("'%s': %s", text, bx_error_message(err));
    if (list.count != count)
        fail_msg("'%s' finds %zu, expected %zu", text, list.count, count);
}

static size_t count_list(bx_session_store *store, bx_session_query query)
{
    bx_autosessionlist bx_session_list list = { 0 };

    assert_int_equal(bx_session_store_list(store, &query, &list, NULL), 0);
    return list.count;
}

static void searches_titles_messages_results_and_calls(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *one = create(store, "Garden plans");
    bx_autosessionlog bx_session_log *two = create(store, "other");
    bx_error *err = NULL;
    char long_text[1100];

    (void)state;
    add_text(one, "Where do tomatoes grow? Caf\xc3\xa9!");
    add_calls(one, "c", 1);
    assert_int_equal(end_call(one, "c0", "in the greenhouse", NULL), 0);
    add_text(two, "nothing of that");
    assert_found(store, "garden", 1);
    assert_found(store, "tomato", 1);
    assert_found(store, "grow tomatoes", 1);
    assert_found(store, "cafe", 1);
    assert_found(store, "greenhouse", 1);
    assert_found(store, "grep", 1);
    assert_found(store, "that", 1);
    assert_found(store, "zucchini", 0);
    assert_found(store, "tomatoes zucchini", 0);
    /* Operators of the index are only characters. */
    assert_found(store, "tomatoes OR zucchini", 0);
    assert_found(store, "NEAR", 0);
    assert_found(store, "\"", 0);
    assert_found(store, "\"tomatoes", 1);
    assert_found(store, "text:tomatoes", 0);
    assert_found(store, "(tomatoes) * - ^ :", 1);
    assert_found(store, "   ", 0);
    assert_found(store, "'; DROP TABLE session", 0);
    assert_int_equal(
        bx_session_store_list(store, &(bx_session_query){ .text = "\xff" },
                              &(bx_session_list){ 0 }, &err),
        -1);
    assert_error(&err, BX_ERR_INVALID, "UTF-8");
    memset(long_text, 'x', sizeof(long_text));
    long_text[1099] = '\0';
    assert_int_equal(
        bx_session_store_list(store, &(bx_session_query){ .text = long_text },
                              &(bx_session_list){ 0 }, &err),
        -1);
    assert_error(&err, BX_ERR_INVALID, "at most 1000 bytes");
    for (size_t i = 1; i < 99; i += 2)
        long_text[i] = ' ';
    long_text[99] = '\0';
    assert_int_equal(
        bx_session_store_list(store, &(bx_session_query){ .text = long_text },
                              &(bx_session_list){ 0 }, &err),
        -1);
    assert_error(&err, BX_ERR_INVALID, "at most 32 words");

    assert_int_equal(
        bx_session_store_rename(store, "Garden plans", "Weather", NULL), 0);
    assert_found(store, "garden", 0);
    assert_found(store, "weather", 1);
}

static void lists_newest_first_and_within_limits(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlist bx_session_list list = { 0 };
    char title[16];

    (void)state;
    for (int i = 0; i < 60; i++) {
        (void)snprintf(title, sizeof(title), "s%d", i);
        bx_session_log_close(create(store, title));
    }
    assert_int_equal(
        bx_session_store_list(store, &(bx_session_query){ 0 }, &list, NULL), 0);
    assert_int_equal(list.count, 50);
    assert_string_equal(list.items[0].title, "s59");
    assert_string_equal(list.items[49].title, "s10");
    assert_false(list.items[0].is_open);
    assert_int_equal(count_list(store, (bx_session_query){ .limit = 100 }), 60);
    assert_int_equal(count_list(store, (bx_session_query){ .limit = 3 }), 3);
    assert_int_equal(
        count_list(store, (bx_session_query){ .workspace = "/home/me/here" }),
        50);
    assert_int_equal(
        count_list(store, (bx_session_query){ .workspace = "/work" }), 0);
}

static void finds_by_id_beginning_and_title(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_session_info info;
    bx_error *err = NULL;
    char begin[27];

    (void)state;
    bx_session_log_close(create(store, "one"));
    assert_int_equal(bx_session_store_info(store, "one", &info, NULL), 0);
    (void)snprintf(begin, sizeof(begin), "%.8s", info.id);
    bx_session_info_clear(&info);
    for (char *c = begin; *c != '\0'; c++)
        *c = *c >= 'A' ? (char)(*c | 32) : *c;
    assert_int_equal(bx_session_store_info(store, begin, &info, NULL), 0);
    bx_session_info_clear(&info);
    bx_session_log_close(create(store, "two"));
    bx_session_log_close(create(store, "two"));
    begin[2] = '\0';
    assert_int_equal(bx_session_store_info(store, begin, &info, &err), -1);
    assert_error(&err, BX_ERR_INVALID, "'one'");
    assert_int_equal(bx_session_store_info(store, "two", &info, &err), -1);
    assert_error(&err, BX_ERR_INVALID, "'two' may be");
    assert_int_equal(bx_session_store_info(store, "three", &info, &err), -1);
    assert_error(&err, BX_ERR_NOT_FOUND, "three");
    assert_int_equal(bx_session_store_info(store, "", &info, &err), -1);
    assert_error(&err, BX_ERR_NOT_FOUND, "no session");
}

static void forks_with_open_calls(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_autosessionlog bx_session_log *log = create(store, "origin");
    bx_session_info info;
    bx_session_log *fork;
    bx_error *err = NULL;
    json_t *copied;
    json_t *entries;
    char *text;

    (void)state;
    assert_null(bx_session_log_fork(store, "origin", 0, &err));
    assert_error(&err, BX_ERR_INVALID, "0 entries");
    add_text(log, "carrots");
    add_calls(log, "c", 3);
    assert_int_equal(bx_session_log_begin_call(log, "c0", NULL), 0);
    assert_int_equal(bx_session_log_begin_call(log, "c1", NULL), 0);
    assert_int_equal(end_call(log, "c0", "found", NULL), 0);
    assert_int_equal(end_call(log, "c1", "found", NULL), 0);
    assert_null(bx_session_log_fork(store, "origin", 7, &err));
    assert_error(&err, BX_ERR_INVALID, "6 entries");

    /* c0 done, c1 begun and done only later, c2 planned. */
    fork = bx_session_log_fork(store, bx_session_log_id(log), 5, &err);
    assert_non_null(fork);
    assert_int_equal(
        bx_session_store_info(store, bx_session_log_id(fork), &info, NULL), 0);
    assert_string_equal(info.parent, bx_session_log_id(log));
    assert_int_equal(info.parent_entry, 5);
    assert_int_equal(info.entries, 7);
    assert_string_equal(info.workspace, "/home/me/here");
    bx_session_info_clear(&info);
    entries = bx_session_log_read(log, 1, 5, NULL);
    copied = bx_session_log_read(fork, 1, 5, NULL);
    assert_true(json_equal(entries, copied));
    json_decref(entries);
    json_decref(copied);
    entries = bx_session_log_read(fork, 6, 7, NULL);
    text = json_dumps(json_array_get(entries, 0), 0);
    assert_non_null(strstr(text, "\"c1\""));
    assert_non_null(strstr(text, "may have had its effect"));
    free(text);
    text = json_dumps(json_array_get(entries, 1), 0);
    assert_non_null(strstr(text, "\"c2\""));
    assert_non_null(strstr(text, "not made in this fork"));
    assert_null(strstr(text, "effect"));
    free(text);
    json_decref(entries);
    assert_int_equal(bx_session_log_begin_call(fork, "c2", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "has its result already");

    /* The origin goes on as it was, and either is found. */
    assert_string_equal(open_state(log, "c2"), "planned");
    assert_int_equal(bx_session_log_begin_call(log, "c2", NULL), 0);
    assert_found(store, "carrots", 2);
    add_calls(fork, "d", 1);
    assert_string_equal(open_state(fork, "d0"), "planned");
    bx_session_log_close(log);
    log = NULL;
    assert_int_equal(bx_session_store_remove(store, "origin", &err), -1);
    assert_error(&err, BX_ERR_INVALID, "may be");
    assert_int_equal(get_number("SELECT count(*) FROM session"), 2);
    bx_session_log_close(fork);
}

static void removes_with_sub_agents_but_not_forks(void **state)
{
    bx_autosessionstore bx_session_store *store = open_store();
    bx_session_log *log = create(store, "parent");
    const bx_session_new params = { .kind = "agent",
                                    .title = "child",
                                    .parent = bx_session_log_id(log) };
    bx_session_log *child = bx_session_log_create(store, &params, NULL);
    bx_session_log *fork;
    bx_error *err = NULL;

    (void)state;
    add_text(log, "apples");
    add_calls(log, "c", 1);
    add_text(child, "pears");
    bx_session_log_close(create(store, "bystander"));
    fork = bx_session_log_fork(store, "parent", 1, NULL);
    assert_int_equal(bx_session_log_set(fork, "title", "fork", NULL), 0);
    assert_int_equal(count_list(store, (bx_session_query){ 0 }), 3);
    assert_int_equal(
        count_list(store, (bx_session_query){ .has_children = true }), 4);
    assert_int_equal(
        count_list(store, (bx_session_query){ .parent = "parent" }), 2);

    assert_int_equal(bx_session_store_remove(store, "parent", &err), -1);
    assert_error(&err, BX_ERR_DENIED, "is open in process");
    bx_session_log_close(log);
    assert_int_equal(bx_session_store_remove(store, "parent", &err), -1);
    assert_error(&err, BX_ERR_DENIED, "is open in process");
    assert_int_equal(
        count_list(store, (bx_session_query){ .has_children = true }), 4);
    bx_session_log_close(child);
    assert_int_equal(bx_session_store_remove(store, "parent", &err), 0);
    assert_int_equal(
        count_list(store, (bx_session_query){ .has_children = true }), 2);
    assert_found(store, "pears", 0);
    assert_found(store, "apples", 1); /* the fork's */
    assert_int_equal(get_number("SELECT count(*) FROM entry"), 1);
    assert_int_equal(get_number("SELECT count(*) FROM call"), 0);
    /* fork and bystander: a title each, and one entry. */
    assert_int_equal(get_number("SELECT count(*) FROM words"), 3);
    bx_session_log_close(fork);
    assert_int_equal(bx_session_store_remove(store, "fork", NULL), 0);
    assert_int_equal(bx_session_store_remove(store, "fork", &err), -1);
    assert_error(&err, BX_ERR_NOT_FOUND, "fork");
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(searches_titles_messages_results_and_calls),
        TEST(lists_newest_first_and_within_limits),
        TEST(finds_by_id_beginning_and_title),
        TEST(forks_with_open_calls),
        TEST(removes_with_sub_agents_but_not_forks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
