/* The tools that a model is shown, and which one a name means. */
#include "agent/support_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char any[] = "{\"type\": \"object\"}";

static int run(void *context, const bx_own_call *call, json_t **ret_content,
               bx_error **err)
{
    (void)context;
    (void)call;
    *ret_content = json_array();
    (void)err;
    return 0;
}

static const bx_own_tool plan = { "plan", "Plans.", any, false, NULL, run };

typedef struct set {
    folder at;
    char builtin[96];
    char user[96];
    bx_registry *registry;
    bx_toolset *toolset;
} set;

/* folder: "builtin" or "user". */
static void put_tool(const set *it, const char *where, const char *name,
                     const char *description)
{
    static const char module[] = "\0asm\1\0\0\0";
    char path[160];
    char text[512];

    snprintf(path, sizeof(path), "%s/%s.wasm", where, name);
    folder_put_bytes(&it->at, path, module, 8);
    snprintf(path, sizeof(path), "%s/%s.tool.yaml", where, name);
    snprintf(text, sizeof(text),
             "tool:\n  name: %s\n  description: %s\n"
             "  permission_level: read_only\n"
             "  input_schema: { type: object }\n",
             name, description);
    folder_put(&it->at, path, text);
}

static int setup(void **state)
{
    set *it = calloc(1, sizeof(*it));

    folder_make(&it->at);
    setenv("HOME", it->at.path, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_CACHE_HOME");
    folder_make_dirs(&it->at, "builtin");
    folder_make_dirs(&it->at, "user");
    folder_make_dirs(&it->at, "ws");
    *state = it;
    return 0;
}

static int teardown(void **state)
{
    set *it = *state;

    bx_toolset_free(it->toolset);
    bx_registry_free(it->registry);
    folder_remove(&it->at);
    free(it);
    return 0;
}

static void open_set(set *it)
{
    char workspace[96];
    bx_registry_config config = { .workspace = workspace,
                                  .builtin_dir = it->builtin,
                                  .user_dir = it->user };
    bx_error *err = NULL;

    snprintf(workspace, sizeof(workspace), "%s/ws", it->at.path);
    snprintf(it->builtin, sizeof(it->builtin), "%s/builtin", it->at.path);
    snprintf(it->user, sizeof(it->user), "%s/user", it->at.path);
    it->registry = bx_registry_new(&config, &err);
    if (it->registry == NULL)
        fail_msg("%s", bx_error_message(err));
    it->toolset = bx_toolset_new(it->registry, NULL);
    assert_non_null(it->toolset);
}

/* A tool of a workspace runs once a person approved it. */
static void approve(const set *it, const char *name)
{
    char *difference = NULL;
    bx_error *err = NULL;

    if (bx_registry_approve(it->registry, name, &difference, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    free(difference);
}

static char *shown(const set *it)
{
    json_t *list = bx_toolset_definitions(it->toolset, NULL);
    char *names = calloc(1, 8192);
    size_t i;
    const json_t *one;

    json_array_foreach(list, i, one)
    {
        strcat(names, json_string_value(json_object_get(one, "name")));
        strcat(names, " ");
        assert_true(json_is_object(json_object_get(one, "input_schema")));
    }
    json_decref(list);
    return names;
}

#define NAMES bx_autofree char *

static void own_ones_come_first_then_by_name(void **state)
{
    set *it = *state;
    NAMES names = NULL;

    put_tool(it, "builtin", "zebra", "Z.");
    put_tool(it, "builtin", "apple", "A.");
    open_set(it);
    assert_int_equal(bx_toolset_add(it->toolset, &plan, NULL, NULL), 0);
    names = shown(it);
    assert_string_equal(names, "plan apple zebra ");
}

static void what_is_not_approved_is_not_shown(void **state)
{
    set *it = *state;
    NAMES before = NULL;
    NAMES after = NULL;

    put_tool(it, "ws/.boxagnts/tools", "mine", "M.");
    open_set(it);
    before = shown(it);
    assert_string_equal(before, "");
    approve(it, "mine");
    after = shown(it);
    assert_string_equal(after, "mine ");
}

static void no_own_tool_takes_a_built_in_name(void **state)
{
    set *it = *state;
    bx_autoerror bx_error *err = NULL;

    put_tool(it, "builtin", "plan", "P.");
    open_set(it);
    assert_int_equal(bx_toolset_add(it->toolset, &plan, NULL, &err), -1);
    assert_has(bx_error_message(err), "'plan'");
}

/* A stranger's tool of an own tool's name would be told what that is told. */
static void no_stranger_takes_an_own_name(void **state)
{
    set *it = *state;
    bx_toolset_entry entry = { 0 };
    NAMES names = NULL;
    json_t *found;

    put_tool(it, "user", "plan", "A stranger's plan.");
    open_set(it);
    approve(it, "plan");
    assert_int_equal(bx_toolset_add(it->toolset, &plan, NULL, NULL), 0);
    names = shown(it);
    assert_string_equal(names, "plan ");
    assert_int_equal(bx_toolset_get(it->toolset, "plan", &entry, NULL), 0);
    assert_ptr_equal(entry.own, &plan);
    bx_toolset_entry_clear(&entry);
    found = bx_toolset_search(it->toolset, "stranger", 10, NULL);
    assert_int_equal(json_array_size(found), 0);
    json_decref(found);
}

static void refuses_a_bad_schema_and_a_second_one(void **state)
{
    set *it = *state;
    const bx_own_tool bad = { "bad", "B.", "{\"type\": 7}", false, NULL, run };
    const bx_own_tool worse = { "bad", "B.", "{", false, NULL, run };

    open_set(it);
    assert_int_equal(bx_toolset_add(it->toolset, &bad, NULL, NULL), -1);
    assert_int_equal(bx_toolset_add(it->toolset, &worse, NULL, NULL), -1);
    assert_int_equal(bx_toolset_add(it->toolset, &plan, NULL, NULL), 0);
    assert_int_equal(bx_toolset_add(it->toolset, &plan, NULL, NULL), -1);
}

static void many_tools_wait_for_a_search(void **state)
{
    set *it = *state;
    NAMES before = NULL;
    NAMES after = NULL;
    json_t *found;
    char name[32];

    put_tool(it, "builtin", "always", "Built in.");
    for (int i = 0; i < BX_TOOLSET_SHOWN_MAX; i++) {
        snprintf(name, sizeof(name), "user-%02d", i);
        put_tool(it, "user", name,
                 i == 17 ? "Reads the moon's phase." : "Something else.");
    }
    open_set(it);
    for (int i = 0; i < BX_TOOLSET_SHOWN_MAX; i++) {
        snprintf(name, sizeof(name), "user-%02d", i);
        approve(it, name);
    }
    before = shown(it);
    assert_string_equal(before, "always ");
    found = bx_toolset_search(it->toolset, "moon PHASE", 10, NULL);
    assert_int_equal(json_array_size(found), 1);
    assert_string_equal(bx_block_text(json_array_get(found, 0), "name"),
                        "user-17");
    json_decref(found);
    assert_int_equal(bx_toolset_reveal(it->toolset, "user-17", NULL), 0);
    after = shown(it);
    assert_string_equal(after, "always user-17 ");
}

static void a_search_has_the_best_first_and_no_more(void **state)
{
    set *it = *state;
    json_t *found;

    put_tool(it, "builtin", "other", "Has to do with git too.");
    put_tool(it, "builtin", "git-log", "Shows a log.");
    put_tool(it, "builtin", "nothing", "Else.");
    open_set(it);
    found = bx_toolset_search(it->toolset, "git", 10, NULL);
    assert_int_equal(json_array_size(found), 2);
    assert_string_equal(bx_block_text(json_array_get(found, 0), "name"),
                        "git-log");
    json_decref(found);
    found = bx_toolset_search(it->toolset, "git", 1, NULL);
    assert_int_equal(json_array_size(found), 1);
    json_decref(found);
}

static void an_unknown_name_has_a_guess(void **state)
{
    set *it = *state;
    bx_toolset_entry entry = { 0 };
    bx_autoerror bx_error *err = NULL;

    put_tool(it, "builtin", "file-read", "R.");
    open_set(it);
    assert_int_equal(bx_toolset_get(it->toolset, "file-raed", &entry, &err),
                     -1);
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_has(bx_error_message(err), "file-read");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_ones_come_first_then_by_name),
        TEST(what_is_not_approved_is_not_shown),
        TEST(no_own_tool_takes_a_built_in_name),
        TEST(no_stranger_takes_an_own_name),
        TEST(refuses_a_bad_schema_and_a_second_one),
        TEST(many_tools_wait_for_a_search),
        TEST(a_search_has_the_best_first_and_no_more),
        TEST(an_unknown_name_has_a_guess),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
