/* Which tools there are, and which of them may run. */
#include "support_registry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/run.h"
#include "tool/registry_scan.h"

static char why[1024];

static void lists_tools_of_three_folders(void **state)
{
    bx_registry *registry;
    bx_tool **tools;
    size_t count;

    (void)state;
    write_tool(test_builtin, "built", "");
    write_tool(test_user, "mine", "");
    write_tool(test_tools, "theirs", "");
    write_text(test_tools, "README.md", "no tool");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(bx_registry_list(registry, &tools, &count, NULL), 0);
    assert_int_equal(count, 3);
    assert_string_equal(tools[0]->name, "built");
    assert_int_equal(tools[0]->source, BX_TOOL_BUILTIN);
    assert_int_equal(tools[0]->status, BX_TOOL_READY);
    assert_string_equal(tools[1]->name, "mine");
    assert_int_equal(tools[1]->source, BX_TOOL_USER);
    assert_int_equal(tools[1]->status, BX_TOOL_READY);
    assert_string_equal(tools[2]->name, "theirs");
    assert_int_equal(tools[2]->status, BX_TOOL_UNAPPROVED);
    bx_registry_list_free(tools, count);
    bx_registry_free(registry);
}

static void shows_only_what_was_asked_for(void **state)
{
    static const char *const only[] = { "file-*" };
    const bx_registry_config config = { .engine = test_engine,
                                        .workspace = test_workspace,
                                        .builtin_dir = test_builtin,
                                        .only = only,
                                        .only_count = 1 };
    bx_registry *registry;
    bx_error *err;

    (void)state;
    write_tool(test_builtin, "file-a", "");
    write_tool(test_builtin, "other", "");
    registry = bx_registry_new(&config, NULL);
    assert_int_equal(status_of(registry, "file-a"), BX_TOOL_READY);
    err = fail_tool(registry, "other", "{}");
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    bx_error_free(err);
    bx_registry_free(registry);
}

static void grow_file(const char *name, off_t bytes)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", test_tools, name);
    assert_int_equal(truncate(path, bytes), 0);
}

/* Every start would read and hash them. */
static void reads_so_much_of_a_workspace_and_no_more(void **state)
{
    bx_registry *registry;

    (void)state;
    write_text(test_tools, "a.wasm", "");
    write_text(test_tools, "b.wasm", "");
    write_tool(test_tools, "c", "");
    grow_file("a.wasm", BX_TOOL_WORKSPACE_MAX_BYTES);
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(
        status_at(registry, test_tools, "a.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "larger than 268435456 bytes");
    assert_int_equal(
        status_at(registry, test_tools, "c.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "not read");
    grow_file("a.wasm", 0);
    assert_int_equal(bx_registry_refresh(registry, NULL), 0);
    assert_int_equal(status_of(registry, "c"), BX_TOOL_UNAPPROVED);
    grow_file("a.wasm", BX_TOOL_WORKSPACE_MAX_BYTES);
    assert_int_equal(bx_registry_refresh(registry, NULL), 0);
    assert_int_equal(status_of(registry, "c"), BX_TOOL_BROKEN);
    bx_registry_free(registry);
}

static void nobody_takes_a_trusted_name(void **state)
{
    bx_registry *registry;

    (void)state;
    write_tool(test_builtin, "bash", "");
    write_tool(test_user, "bash", "");
    write_tool(test_tools, "Bash", "");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "bash"), BX_TOOL_READY);
    assert_int_equal(
        status_at(registry, test_user, "bash.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "taken by the built-in tool 'bash'");
    assert_int_equal(
        status_at(registry, test_tools, "Bash.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    bx_registry_free(registry);
}

static void refuses_two_of_one_name_in_a_folder(void **state)
{
    bx_registry *registry;
    bx_error *err;

    (void)state;
    write_tool(test_user, "one", "");
    write_tool(test_user, "two", "");
    write_text(test_user, "two.tool.yaml",
               "tool: {name: one, description: The same.}\n");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(
        status_at(registry, test_user, "one.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "one.wasm");
    assert_contains(why, "two.wasm");
    assert_int_equal(
        status_at(registry, test_user, "two.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    err = fail_tool(registry, "one", "{}");
    assert_contains(bx_error_message(err), "two tools of one name");
    bx_error_free(err);
    bx_registry_free(registry);
}

static void broken_files_say_what_is_wrong(void **state)
{
    bx_registry *registry;

    (void)state;
    write_text(test_user, "text.wasm", "no module");
    write_tool(test_user, "yaml", "");
    write_text(test_user, "yaml.tool.yaml", "tool: {name: yaml}\n");
    write_text(test_user, "alone.tool.yaml",
               "tool: {name: alone, description: No module.}\n");
    write_file(test_user, "cut.wasm", "\0asm\1\0\0\0\0\xff", 10);
    assert_int_equal(mkfifo(strcat(strcpy(why, test_user), "/pipe.wasm"), 0600),
                     0);
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(
        status_at(registry, test_user, "text.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "not WebAssembly");
    assert_int_equal(
        status_at(registry, test_user, "yaml.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "description");
    assert_int_equal(
        status_at(registry, test_user, "alone.tool.yaml", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "no module beside it");
    assert_int_equal(
        status_at(registry, test_user, "cut.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_int_equal(
        status_at(registry, test_user, "pipe.wasm", why, sizeof(why)),
        BX_TOOL_BROKEN);
    assert_contains(why, "no regular file");
    bx_registry_free(registry);
}

static void workspace_tools_run_once_approved(void **state)
{
    bx_registry *registry;
    bx_error *err;
    char *difference;

    (void)state;
    write_tool(test_tools, "theirs", "");
    registry = open_registry(NULL, NULL, false);
    err = fail_tool(registry, "theirs", "{\"do\": \"echo\"}");
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_contains(bx_error_message(err), "boxagnts tool approve theirs");
    bx_error_free(err);
    assert_int_equal(bx_registry_approve(registry, "theirs", &difference, NULL),
                     0);
    assert_contains(difference, "--- never approved");
    assert_contains(difference, "+ Does what it is told.");
    free(difference);
    free(call_tool(registry, "theirs", "{\"do\": \"echo\"}", NULL));
    bx_registry_free(registry);
    /* In the next process too. */
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "theirs"), BX_TOOL_READY);
    bx_registry_free(registry);
}

/* Change one thing, and see it refused, shown and approved. */
static void check_change(const char *manifest, const char *description,
                         const char *old, const char *now)
{
    bx_registry *registry;
    bx_error *err;
    char *difference;
    char text[1024];

    write_tool(test_user, "mine", "");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(bx_registry_approve(registry, "mine", &difference, NULL),
                     0);
    free(difference);
    snprintf(text, sizeof(text),
             "tool:\n  name: mine\n  description: \"%s\"\n%s", description,
             manifest);
    write_text(test_user, "mine.tool.yaml", text);
    assert_int_equal(bx_registry_refresh(registry, NULL), 0);
    assert_int_equal(status_of(registry, "mine"), BX_TOOL_CHANGED);
    err = fail_tool(registry, "mine", "{\"do\": \"echo\"}");
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
    assert_int_equal(bx_registry_approve(registry, "mine", &difference, NULL),
                     0);
    assert_contains(difference, old);
    assert_contains(difference, now);
    free(difference);
    assert_int_equal(status_of(registry, "mine"), BX_TOOL_READY);
    bx_registry_free(registry);
}

static void a_change_is_refused_until_approved(void **state)
{
    (void)state;
    check_change("", "Also does evil.", "- Does what it is told.",
                 "+ Also does evil.");
    check_change("  permission_level: read_only\n", "Does what it is told.",
                 "@@ permission_level @@", "+ read_only");
    check_change("  permission_level: read_only\n"
                 "  permissions: [\"fs.read:/\"]\n",
                 "Does what it is told.", "@@ permissions @@",
                 "+   \"fs.read:/\"");
    check_change("  input_schema: {type: object, properties: {x: {}}}\n",
                 "Does what it is told.", "@@ input_schema @@", "properties");
}

static void a_changed_module_is_refused(void **state)
{
    bx_registry *registry;
    char *difference;

    (void)state;
    write_tool(test_user, "mine", "");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "mine"), BX_TOOL_READY);
    write_text(test_user, "mine.wasm", "(module)");
    assert_int_equal(bx_registry_refresh(registry, NULL), 0);
    assert_int_equal(status_of(registry, "mine"), BX_TOOL_CHANGED);
    assert_int_equal(
        bx_registry_difference(registry, "mine", &difference, NULL), 0);
    assert_contains(difference, "SHA-256");
    free(difference);
    bx_registry_free(registry);
}

/* Not noticed by a scan, and yet what runs is what was read. */
static void a_module_swapped_behind_our_back_does_not_run(void **state)
{
    bx_registry *registry;
    bx_error *err;

    (void)state;
    write_tool(test_user, "mine", "");
    registry = open_registry(NULL, NULL, false);
    write_text(test_user, "mine.wasm", "(module)");
    err = fail_tool(registry, "mine", "{\"do\": \"echo\"}");
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_contains(bx_error_message(err), "changed after it was read");
    bx_error_free(err);
    bx_registry_free(registry);
}

static void a_module_swapped_for_a_pipe_holds_nobody_up(void **state)
{
    bx_registry *registry;
    bx_error *err;
    char path[4096];

    (void)state;
    write_tool(test_user, "mine", "");
    registry = open_registry(NULL, NULL, false);
    remove_file(test_user, "mine.wasm");
    snprintf(path, sizeof(path), "%s/mine.wasm", test_user);
    assert_int_equal(mkfifo(path, 0600), 0);
    err = fail_tool(registry, "mine", "{}");
    assert_contains(bx_error_message(err), "no regular file");
    bx_error_free(err);
    bx_registry_free(registry);
}

static void a_broken_lock_file_approves_nothing(void **state)
{
    static const char *const texts[] = {
        "{\"version\": 1, \"scopes\": {\"user\": 3}}",
        "{\"version\": 2, \"scopes\": {}}",
        "{\"version\": 1, \"scopes\": {\"user\": {\"mine\": {}}}}",
        "not json",
        "",
    };
    char state_dir[256];

    (void)state;
    snprintf(state_dir, sizeof(state_dir), "%s/.local/state/boxagnts",
             test_home);
    write_tool(test_user, "mine", "");
    write_tool(test_builtin, "built", "");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        bx_registry *registry;

        write_text(state_dir, "tools.lock", texts[i]);
        registry = open_registry(NULL, NULL, false);
        assert_int_equal(
            status_at(registry, test_user, "mine.wasm", why, sizeof(why)),
            BX_TOOL_UNAPPROVED);
        assert_contains(why, "tools.lock");
        assert_int_equal(status_of(registry, "built"), BX_TOOL_READY);
        bx_registry_free(registry);
    }
}

static void a_lock_file_others_may_write_approves_nothing(void **state)
{
    bx_registry *registry;
    char path[256];

    (void)state;
    write_tool(test_user, "mine", "");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "mine"), BX_TOOL_READY);
    bx_registry_free(registry);
    snprintf(path, sizeof(path), "%s/.local/state/boxagnts/tools.lock",
             test_home);
    assert_int_equal(chmod(path, 0666), 0);
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(status_of(registry, "mine"), BX_TOOL_UNAPPROVED);
    bx_registry_free(registry);
}

static void the_lock_file_is_ours_alone(void **state)
{
    bx_registry *registry;
    char path[256];
    struct stat st;

    (void)state;
    write_tool(test_user, "mine", "");
    registry = open_registry(NULL, NULL, false);
    bx_registry_free(registry);
    snprintf(path, sizeof(path), "%s/.local/state/boxagnts/tools.lock",
             test_home);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

typedef struct nap {
    bx_registry *registry;
    char *text;
} nap;

static void *take_nap(void *argument)
{
    nap *self = argument;

    self->text = call_tool(self->registry, "actor", "{\"do\": \"nap\"}", NULL);
    return NULL;
}

static void a_running_call_ends_on_its_own_module(void **state)
{
    nap self = { 0 };
    pthread_t thread;
    bx_error *err;

    (void)state;
    write_tool(test_builtin, "actor", "");
    self.registry = open_registry(NULL, NULL, false);
    free(call_tool(self.registry, "actor", "{\"do\": \"echo\"}", NULL));
    assert_int_equal(pthread_create(&thread, NULL, take_nap, &self), 0);
    usleep(100000); /* it naps for three times that */
    remove_file(test_builtin, "actor.wasm");
    remove_file(test_builtin, "actor.tool.yaml");
    assert_int_equal(bx_registry_refresh(self.registry, NULL), 0);
    err = fail_tool(self.registry, "actor", "{}");
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    bx_error_free(err);
    pthread_join(thread, NULL);
    assert_string_equal(self.text, "slept\n");
    free(self.text);
    bx_registry_free(self.registry);
}

typedef struct caller {
    bx_registry *registry;
    int good;
} caller;

static void *call_often(void *argument)
{
    caller *self = argument;

    for (int i = 0; i < 50; i++) {
        char *text = call_tool(self->registry, "actor",
                               "{\"do\": \"print\", \"text\": \"x\"}", NULL);

        self->good += strcmp(text, "x") == 0;
        free(text);
    }
    return NULL;
}

static void many_callers_while_the_folders_change(void **state)
{
    caller callers[16] = { 0 };
    pthread_t threads[16];
    bx_registry *registry;

    (void)state;
    write_tool(test_builtin, "actor", "");
    registry = open_registry(NULL, NULL, false);
    for (size_t i = 0; i < 16; i++) {
        callers[i].registry = registry;
        assert_int_equal(
            pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (int i = 0; i < 20; i++) {
        write_tool(test_user, "other", i % 2 == 0 ? "" : "  title: Other\n");
        assert_int_equal(bx_registry_refresh(registry, NULL), 0);
    }
    for (size_t i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(callers[i].good, 50);
    }
    bx_registry_free(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_tools_of_three_folders),
        TEST(shows_only_what_was_asked_for),
        TEST(reads_so_much_of_a_workspace_and_no_more),
        TEST(nobody_takes_a_trusted_name),
        TEST(refuses_two_of_one_name_in_a_folder),
        TEST(broken_files_say_what_is_wrong),
        TEST(workspace_tools_run_once_approved),
        TEST(a_change_is_refused_until_approved),
        TEST(a_changed_module_is_refused),
        TEST(a_module_swapped_behind_our_back_does_not_run),
        TEST(a_module_swapped_for_a_pipe_holds_nobody_up),
        TEST(a_broken_lock_file_approves_nothing),
        TEST(a_lock_file_others_may_write_approves_nothing),
        TEST(the_lock_file_is_ours_alone),
        TEST(a_running_call_ends_on_its_own_module),
        TEST(many_callers_while_the_folders_change),
    };

    return cmocka_run_group_tests_name("tool.registry", tests, make_engine,
                                       free_engine);
}
