/* Notes of a workspace: names, sizes and counts are checked, nothing is found
 * or made outside, a note is replaced in one step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/memory.h"
#include "agent/support_folder.h"

static folder at;
static folder outside;
static json_t *problems;

static int set_up(void **state)
{
    (void)state;
    folder_make(&at);
    folder_make(&outside);
    problems = json_array();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_remove(&at);
    folder_remove(&outside);
    json_decref(problems);
    return 0;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(bx_memory_write(at.fd, name, text, strlen(text), NULL), 0);
}

static void check_refused(int status, bx_error *error, bx_code code)
{
    assert_int_equal(status, -1);
    if (bx_error_code(error) != code)
        fail_msg("%d: %s", bx_error_code(error), bx_error_message(error));
    bx_error_free(error);
}

static void refuse_write(const char *name, const char *text, size_t bytes,
                         bx_code code)
{
    bx_error *error = NULL;
    int status = bx_memory_write(at.fd, name, text, bytes, &error);

    check_refused(status, error, code);
}

static void refuse_read(const char *name, bx_code code)
{
    bx_error *error = NULL;
    char *text = NULL;
    int status = bx_memory_read(at.fd, name, &text, &error);

    check_refused(status, error, code);
    assert_null(text);
}

static void refuse_remove(const char *name, bx_code code)
{
    bx_error *error = NULL;
    int status = bx_memory_remove(at.fd, name, &error);

    check_refused(status, error, code);
}

static json_t *list(void)
{
    json_t *notes = bx_memory_list(at.fd, problems, NULL);

    assert_non_null(notes);
    return notes;
}

static const char *member(const json_t *notes, size_t i, const char *key)
{
    return json_string_value(json_object_get(json_array_get(notes, i), key));
}

static void keeps_notes(void **state)
{
    bx_autofree char *text = NULL;
    json_t *notes = list();

    (void)state;
    assert_int_equal(json_array_size(notes), 0);
    json_decref(notes);
    put("build_steps", "# How to build\n\nmake\n");
    put("a-2", "\n\nfirst \033[1mline\nsecond");
    put("build_steps", "# Build\nmake all\n");
    notes = list();
    assert_int_equal(json_array_size(notes), 2);
    assert_string_equal(member(notes, 0, "name"), "a-2");
    assert_string_equal(member(notes, 0, "title"), "first \xef\xbf\xbd[1mline");
    assert_string_equal(member(notes, 1, "name"), "build_steps");
    assert_string_equal(member(notes, 1, "title"), "Build");
    json_decref(notes);
    assert_int_equal(bx_memory_read(at.fd, "build_steps", &text, NULL), 0);
    assert_string_equal(text, "# Build\nmake all\n");
    assert_int_equal(bx_memory_remove(at.fd, "build_steps", NULL), 0);
    assert_false(folder_has(&at, ".boxagnts/memory/build_steps.md"));
    refuse_read("build_steps", BX_ERR_NOT_FOUND);
    refuse_remove("build_steps", BX_ERR_NOT_FOUND);
    /* Nothing of the writing is left. */
    assert_int_equal(folder_count(&at, ".boxagnts/memory"), 1);
    assert_int_equal(json_array_size(problems), 0);
}

static void checks_names(void **state)
{
    static const char *const names[] = { "",
                                         ".",
                                         "..",
                                         "../x",
                                         "a/b",
                                         "/etc/passwd",
                                         "a.md",
                                         "A",
                                         "-a",
                                         "_a",
                                         " a",
                                         "a\n",
                                         "caf\xc3\xa9",
                                         "a\\b",
                                         "a:b",
                                         ".ab",
                                         "a\x01"
                                         "b" };
    char longest[BX_MEMORY_NAME_MAX + 2];

    (void)state;
    folder_put(&at, "x.md", "outside of the notes");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        refuse_write(names[i], "x", 1, BX_ERR_INVALID);
        refuse_read(names[i], BX_ERR_INVALID);
        refuse_remove(names[i], BX_ERR_INVALID);
    }
    memset(longest, 'n', sizeof(longest));
    longest[BX_MEMORY_NAME_MAX + 1] = '\0';
    refuse_write(longest, "x", 1, BX_ERR_INVALID);
    longest[BX_MEMORY_NAME_MAX] = '\0';
    put(longest, "x");
    assert_true(folder_has(&at, "x.md"));
}

static void checks_texts(void **state)
{
    static char large[BX_MEMORY_NOTE_MAX + 1];
    bx_autofree char *text = NULL;

    (void)state;
    memset(large, 'x', sizeof(large));
    refuse_write("a", large, sizeof(large), BX_ERR_LIMIT);
    refuse_write("a", "x\0y", 3, BX_ERR_INVALID);
    refuse_write("a", "\xff", 1, BX_ERR_INVALID);
    assert_false(folder_has(&at, ".boxagnts/memory/a.md"));
    assert_int_equal(
        bx_memory_write(at.fd, "a", large, BX_MEMORY_NOTE_MAX, NULL), 0);
    assert_int_equal(bx_memory_read(at.fd, "a", &text, NULL), 0);
    assert_int_equal(strlen(text), BX_MEMORY_NOTE_MAX);
}

static void keeps_so_many_and_no_more(void **state)
{
    json_t *notes;
    char name[16];

    (void)state;
    for (int i = 0; i < BX_MEMORY_COUNT_MAX; i++) {
        snprintf(name, sizeof(name), "n%03d", i);
        put(name, "x");
    }
    refuse_write("one-more", "x", 1, BX_ERR_LIMIT);
    put("n000", "replaced"); /* is no more of them */
    /* People may have put more there. */
    folder_put(&at, ".boxagnts/memory/zz.md", "x");
    folder_put(&at, ".boxagnts/memory/README.txt", "no note");
    notes = list();
    assert_int_equal(json_array_size(notes), BX_MEMORY_COUNT_MAX);
    json_decref(notes);
    assert_int_equal(json_array_size(problems), 1);
    assert_non_null(
        strstr(json_string_value(json_array_get(problems, 0)), "'n063'"));
}

/* A link in the place of a note, of the folder, of .boxagnts: nothing outside
 * is read, written or removed. */
static void stays_beneath(void **state)
{
    bx_autofree char *kept = NULL;
    json_t *notes;

    (void)state;
    folder_put(&outside, "secret.md", "secret");
    folder_make_dirs(&at, ".boxagnts/memory");
    {
        char target[128];

        snprintf(target, sizeof(target), "%s/secret.md", outside.path);
        folder_link(&at, ".boxagnts/memory/a.md", target);
    }
    refuse_read("a", BX_ERR_DENIED);
    notes = list();
    assert_int_equal(json_array_size(notes), 0);
    json_decref(notes);
    assert_int_equal(json_array_size(problems), 1);
    put("a", "mine"); /* the link is replaced, not followed */
    kept = folder_get(&outside, "secret.md");
    assert_string_equal(kept, "secret");
}

static void refuses_a_folder_that_is_a_link(void **state)
{
    bx_autoerror bx_error *error = NULL;

    (void)state;
    folder_put(&outside, "memory/a.md", "theirs");
    folder_link(&at, ".boxagnts", outside.path);
    refuse_write("b", "x", 1, BX_ERR_DENIED);
    refuse_read("a", BX_ERR_DENIED);
    refuse_remove("a", BX_ERR_DENIED);
    assert_null(bx_memory_list(at.fd, problems, &error));
    assert_int_equal(bx_error_code(error), BX_ERR_DENIED);
    assert_int_equal(folder_count(&outside, "memory"), 1);
}

static void refuses_a_memory_that_is_a_link(void **state)
{
    (void)state;
    folder_make_dirs(&at, ".boxagnts");
    folder_link(&at, ".boxagnts/memory", outside.path);
    refuse_write("b", "x", 1, BX_ERR_DENIED);
    refuse_remove("b", BX_ERR_DENIED);
    assert_int_equal(folder_count(&outside, "."), 0);
}

static void is_not_held_up_by_what_is_no_file(void **state)
{
    json_t *notes;

    (void)state;
    folder_fifo(&at, ".boxagnts/memory/pipe.md");
    folder_make_dirs(&at, ".boxagnts/memory/dir.md");
    folder_put_fill(&at, ".boxagnts/memory/big.md", BX_MEMORY_NOTE_MAX + 1);
    refuse_read("pipe", BX_ERR_DENIED);
    refuse_read("big", BX_ERR_LIMIT);
    refuse_write("dir", "x", 1, BX_ERR_SYSTEM);
    refuse_remove("dir", BX_ERR_SYSTEM);
    notes = list();
    assert_int_equal(json_array_size(notes), 0);
    json_decref(notes);
    assert_int_equal(json_array_size(problems), 3);
    assert_int_equal(folder_count(&at, ".boxagnts/memory"), 3);
}

/* Two texts of different length, over and over. */
static atomic_bool is_over;

static void *write_both(void *unused)
{
    static char large[BX_MEMORY_NOTE_MAX];

    (void)unused;
    memset(large, 'l', sizeof(large));
    for (int i = 0; i < 200; i++) {
        (void)bx_memory_write(at.fd, "a", "small", 5, NULL);
        (void)bx_memory_write(at.fd, "a", large, sizeof(large), NULL);
    }
    atomic_store(&is_over, true);
    return NULL;
}

static void is_replaced_in_one_step(void **state)
{
    pthread_t writer;
    bool is_whole = true;

    (void)state;
    put("a", "small");
    atomic_store(&is_over, false);
    assert_int_equal(pthread_create(&writer, NULL, write_both, NULL), 0);
    while (!atomic_load(&is_over)) {
        bx_autofree char *text = NULL;

        if (bx_memory_read(at.fd, "a", &text, NULL) < 0 ||
            (strcmp(text, "small") != 0 &&
             (strlen(text) != BX_MEMORY_NOTE_MAX ||
              strspn(text, "l") != BX_MEMORY_NOTE_MAX)))
            is_whole = false;
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_true(is_whole);
    assert_int_equal(folder_count(&at, ".boxagnts/memory"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(keeps_notes),
        TEST(is_replaced_in_one_step),
        TEST(checks_names),
        TEST(checks_texts),
        TEST(keeps_so_many_and_no_more),
        TEST(stays_beneath),
        TEST(refuses_a_folder_that_is_a_link),
        TEST(refuses_a_memory_that_is_a_link),
        TEST(is_not_held_up_by_what_is_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
