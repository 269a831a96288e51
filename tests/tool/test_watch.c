/* Files that come, change and go while a registry is open. Each wait is for the
 * thing itself, with a generous end. */
#include "support_registry.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "tool/watch.h"

#define PATIENCE_NS ((int64_t)20 * 1000000000)

static atomic_uint changes;

static void on_change(void *context)
{
    (void)context;
    atomic_fetch_add(&changes, 1);
}

static bx_registry *open_watching(void)
{
    const bx_registry_config config = { .engine = test_engine,
                                        .workspace = test_workspace,
                                        .builtin_dir = test_builtin,
                                        .is_watching = true,
                                        .on_change = on_change };
    bx_error *err = NULL;
    bx_registry *registry = bx_registry_new(&config, &err);

    if (registry == NULL)
        fail_msg("%s", bx_error_message(err));
    atomic_store(&changes, 0);
    return registry;
}

/* Until the tool has that status; -1: until there is none. */
static void await_status(bx_registry *registry, const char *name, int status)
{
    int64_t end_ns = bx_now_ns() + PATIENCE_NS;

    while (bx_now_ns() < end_ns) {
        bx_tool *tool = bx_registry_get(registry, name, NULL);
        int now = tool == NULL ? -1 : (int)tool->status;

        bx_tool_unref(tool);
        if (now == status)
            return;
        usleep(10000);
    }
    fail_msg("'%s' did not become %d", name, status);
}

static void check_life(void)
{
    bx_registry *registry = open_watching();

    write_tool(test_builtin, "late", "");
    await_status(registry, "late", BX_TOOL_READY);
    assert_true(atomic_load(&changes) > 0);
    free(call_tool(registry, "late", "{\"do\": \"echo\"}", NULL));
    write_text(test_builtin, "late.tool.yaml", "tool: {name: late, ");
    await_status(registry, "late", BX_TOOL_BROKEN);
    write_tool(test_builtin, "late", "");
    await_status(registry, "late", BX_TOOL_READY);
    remove_file(test_builtin, "late.wasm");
    remove_file(test_builtin, "late.tool.yaml");
    await_status(registry, "late", -1);
    bx_registry_free(registry);
}

static void sees_files_come_change_and_go(void **state)
{
    (void)state;
    check_life();
}

static void looks_where_inotify_fails(void **state)
{
    (void)state;
    bx_watch_refuse_inotify(true);
    check_life();
    bx_watch_refuse_inotify(false);
}

/* Until what is wrong with it is something else. */
static void await_other_problem(bx_registry *registry, const char *name,
                                const char *problem)
{
    int64_t end_ns = bx_now_ns() + PATIENCE_NS;
    bool is_other = false;

    while (!is_other) {
        bx_tool *tool = bx_registry_get(registry, name, NULL);

        is_other = tool != NULL && tool->why != NULL &&
                   strstr(tool->why, problem) == NULL;
        bx_tool_unref(tool);
        assert_true(bx_now_ns() < end_ns);
        usleep(10000);
    }
}

/* Written in place, slowly: broken until it is whole, then itself. */
static void a_half_written_file_is_none_yet(void **state)
{
    static char module[1 << 20];
    bx_registry *registry;
    char path[256];
    size_t bytes;
    FILE *file;

    (void)state;
    write_tool(test_tools, "model", "");
    snprintf(path, sizeof(path), "%s/model.wasm", test_tools);
    file = fopen(path, "r");
    assert_non_null(file);
    bytes = fread(module, 1, sizeof(module), file);
    fclose(file);
    registry = open_watching();
    write_text(test_builtin, "half.tool.yaml",
               "tool: {name: half, description: In halves.}\n");
    await_status(registry, "half", BX_TOOL_BROKEN);
    snprintf(path, sizeof(path), "%s/half.wasm", test_builtin);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(module, 1, bytes / 2, file), bytes / 2);
    fflush(file);
    await_other_problem(registry, "half", "no module beside it");
    bx_error_free(fail_tool(registry, "half", "{\"do\": \"echo\"}"));
    assert_int_equal(fwrite(module + bytes / 2, 1, bytes - bytes / 2, file),
                     bytes - bytes / 2);
    fclose(file);
    await_status(registry, "half", BX_TOOL_READY);
    free(call_tool(registry, "half", "{\"do\": \"echo\"}", NULL));
    bx_registry_free(registry);
}

static void sees_a_folder_that_is_made_later(void **state)
{
    bx_registry *registry;

    (void)state;
    assert_int_equal(rmdir(test_tools), 0);
    strrchr(test_tools, '/')[0] = '\0';
    assert_int_equal(rmdir(test_tools), 0);
    registry = open_watching();
    strcat(test_tools, "/tools");
    write_tool(test_tools, "late", "");
    await_status(registry, "late", BX_TOOL_UNAPPROVED);
    /* And what comes into it afterwards. */
    write_tool(test_tools, "later", "");
    await_status(registry, "later", BX_TOOL_UNAPPROVED);
    bx_registry_free(registry);
}

/* `boxagnts tool approve` is another process than the server. */
static void sees_what_another_registry_approves(void **state)
{
    bx_registry *registry;
    bx_registry *other;
    char *difference;

    (void)state;
    write_tool(test_tools, "theirs", "");
    registry = open_watching();
    await_status(registry, "theirs", BX_TOOL_UNAPPROVED);
    other = open_registry(NULL, NULL, false);
    assert_int_equal(bx_registry_approve(other, "theirs", &difference, NULL),
                     0);
    free(difference);
    bx_registry_free(other);
    await_status(registry, "theirs", BX_TOOL_READY);
    bx_registry_free(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sees_files_come_change_and_go),
        TEST(looks_where_inotify_fails),
        TEST(a_half_written_file_is_none_yet),
        TEST(sees_a_folder_that_is_made_later),
        TEST(sees_what_another_registry_approves),
    };

    return cmocka_run_group_tests_name("tool.watch", tests, make_engine,
                                       free_engine);
}
