/* A call over an overlay of its own: what it writes goes there, and can be
 * committed while the registry goes on. */
#include "support_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/store.h"
#include "wasi/overlay.h"

#define WRITER                                                                 \
    "  permission_level: execute\n  permissions: [\"fs.read:/\", "             \
    "\"fs.write:/\", \"tool:*\"]\n"

/* Its text; owned. */
static char *call_over(bx_registry *registry, const char *overlay,
                       const char *input, bool *ret_is_error)
{
    char *dir = overlay == NULL ? NULL : bx_overlay_path(overlay, NULL);
    const bx_tool_call call = { .name = "actor",
                                .input = input,
                                .input_bytes = strlen(input),
                                .caller = "test",
                                .overlay_dir = dir };
    bx_tool_result *result = NULL;
    bx_error *err = NULL;
    char *text;

    if (bx_registry_call(registry, &call, &result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    text = bx_tool_result_text(result);
    *ret_is_error = result->is_error;
    bx_tool_result_free(result);
    free(dir);
    return text;
}

static void check(bx_registry *registry, const char *overlay, const char *input,
                  bool is_error, const char *text)
{
    bool was_error;
    char *answer = call_over(registry, overlay, input, &was_error);

    if (was_error != is_error)
        fail_msg("%s", answer);
    if (text != NULL)
        assert_string_equal(answer, text);
    free(answer);
}

static const char write_a[] =
    "{\"do\": \"write\", \"path\": \"/a.txt\", \"text\": \"new\"}";
static const char read_a[] = "{\"do\": \"read\", \"path\": \"/a.txt\"}";

static void each_overlay_is_one_of_its_own(void **state)
{
    bx_registry *registry;
    char *text;

    (void)state;
    write_text(test_workspace, "a.txt", "old");
    write_tool(test_builtin, "actor", WRITER);
    registry = open_registry(NULL, NULL, false);
    check(registry, "one", write_a, false, NULL);
    text = read_text(test_workspace, "a.txt");
    assert_string_equal(text, "old");
    free(text);
    check(registry, "one", read_a, false, "new");
    check(registry, "two", read_a, false, "old");
    check(registry, NULL, read_a, false, "old");
    bx_registry_free(registry);
}

static void what_is_protected_stays_so(void **state)
{
    bx_registry *registry;

    (void)state;
    write_tool(test_builtin, "actor", WRITER);
    registry = open_registry(NULL, NULL, false);
    check(registry, "one",
          "{\"do\": \"write\", \"path\": \"/.boxagnts/agent.yaml\", "
          "\"text\": \"mode: auto\"}",
          true, NULL);
    bx_registry_free(registry);
}

static void nobody_holds_one_that_is_released(void **state)
{
    bx_registry *registry;
    bx_overlay_store *store;
    bx_error *err = NULL;
    char *dir = bx_overlay_path("one", NULL);

    (void)state;
    write_text(test_workspace, "a.txt", "old");
    write_tool(test_builtin, "actor", WRITER);
    registry = open_registry(NULL, NULL, false);
    /* Of one that nobody used, too. */
    assert_int_equal(bx_registry_release_overlay(registry, dir, NULL), 0);
    check(registry, "one", write_a, false, NULL);
    store = bx_overlay_store_open("one", BX_OVERLAY_ALONE, &err);
    assert_null(store);
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
    assert_int_equal(bx_registry_release_overlay(registry, dir, NULL), 0);
    store = bx_overlay_store_open("one", BX_OVERLAY_ALONE, NULL);
    assert_non_null(store);
    assert_int_equal(bx_overlay_store_drop(store, NULL), 0);
    bx_overlay_store_free(store);
    /* And is anew what the folder is. */
    check(registry, "one", read_a, false, "old");
    bx_registry_free(registry);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_overlay_is_one_of_its_own,
                                        make_home, remove_home),
        cmocka_unit_test_setup_teardown(what_is_protected_stays_so, make_home,
                                        remove_home),
        cmocka_unit_test_setup_teardown(nobody_holds_one_that_is_released,
                                        make_home, remove_home),
    };

    return cmocka_run_group_tests_name("tool.call_overlay", tests, make_engine,
                                       free_engine);
}
