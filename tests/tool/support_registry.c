#include "support_registry.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

bx_engine *test_engine;
char test_home[64];
char test_builtin[96];
char test_user[96];
char test_workspace[96];
char test_tools[128];

static char *actor;
static size_t actor_bytes;

/* The engine turns a fault of guest code into a trap by its signal handlers,
 * set when the first module is there; cmocka sets its own before every test. */
static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
static struct sigaction engine_actions[4];

int make_engine(void **state)
{
    const bx_engine_options options = { sizeof(options), 128 };
    bx_autopolicy bx_policy *policy = bx_policy_new();
    const char *build = getenv("BX_BUILD_DIR");
    char path[512];
    bx_module *module;

    (void)state;
    snprintf(path, sizeof(path), "%s/tests/guest/actor.wasm",
             build == NULL ? "build" : build);
    if (bx_file_read(path, 64u << 20, &actor, &actor_bytes, NULL) < 0)
        return -1;
    test_engine = bx_engine_new(&options, NULL);
    if (test_engine == NULL || bx_policy_wasm_cache_dir(policy, "", NULL) < 0)
        return -1;
    module = bx_module_parse(test_engine, "(module)", 8, "first", policy, NULL);
    for (size_t i = 0; i < 4; i++)
        sigaction(signals[i], NULL, &engine_actions[i]);
    bx_module_free(module);
    return module == NULL ? -1 : 0;
}

int free_engine(void **state)
{
    (void)state;
    bx_engine_free(test_engine);
    free(actor);
    return 0;
}

int make_home(void **state)
{
    (void)state;
    strcpy(test_home, "/tmp/bx-tool-XXXXXX");
    if (mkdtemp(test_home) == NULL)
        return -1;
    snprintf(test_builtin, sizeof(test_builtin), "%s/builtin", test_home);
    snprintf(test_user, sizeof(test_user), "%s/.local/share/boxagnts/tools",
             test_home);
    snprintf(test_workspace, sizeof(test_workspace), "%s/work", test_home);
    snprintf(test_tools, sizeof(test_tools), "%s/.boxagnts/tools",
             test_workspace);
    setenv("HOME", test_home, 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_CONFIG_HOME");
    return bx_file_make_dirs(test_builtin, 0755, NULL) +
           bx_file_make_dirs(test_user, 0755, NULL) +
           bx_file_make_dirs(test_tools, 0755, NULL);
}

static int remove_entry(const char *path, const struct stat *st, int flag,
                        struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int remove_home(void **state)
{
    (void)state;
    return nftw(test_home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void write_file(const char *dir, const char *name, const void *data,
                size_t bytes)
{
    char path[512];
    bx_error *err = NULL;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (bx_file_make_dirs(dir, 0755, &err) < 0 ||
        bx_file_replace(path, data, bytes, 0644, &err) < 0)
        fail_msg("%s", bx_error_message(err));
}

void write_text(const char *dir, const char *name, const char *text)
{
    write_file(dir, name, text, strlen(text));
}

char *read_text(const char *dir, const char *name)
{
    char path[512];
    char *text;
    bx_error *err = NULL;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (bx_file_read(path, 64u << 20, &text, NULL, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    return text;
}

bool has_file(const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

void remove_file(const char *dir, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(unlink(path), 0);
}

void write_tool(const char *dir, const char *name, const char *manifest)
{
    char file[128];
    char text[4096];

    snprintf(file, sizeof(file), "%s.tool.yaml", name);
    snprintf(text, sizeof(text),
             "tool:\n  name: %s\n  description: Does what it is told.\n%s",
             name, manifest);
    write_text(dir, file, text);
    snprintf(file, sizeof(file), "%s.wasm", name);
    write_file(dir, file, actor, actor_bytes);
}

bx_registry *open_registry(const bx_policy *policy, bx_audit_log *audit,
                           bool is_watching)
{
    const bx_registry_config config = { .engine = test_engine,
                                        .workspace = test_workspace,
                                        .policy = policy,
                                        .builtin_dir = test_builtin,
                                        .audit = audit,
                                        .is_watching = is_watching };
    bx_error *err = NULL;
    bx_registry *registry;

    for (size_t i = 0; i < 4; i++)
        sigaction(signals[i], &engine_actions[i], NULL);
    registry = bx_registry_new(&config, &err);

    if (registry == NULL)
        fail_msg("%s", bx_error_message(err));
    return registry;
}

bx_tool_status status_of(bx_registry *registry, const char *name)
{
    bx_error *err = NULL;
    bx_autotool bx_tool *tool = bx_registry_get(registry, name, &err);

    if (tool == NULL)
        fail_msg("%s", bx_error_message(err));
    return tool->status;
}

bx_tool_status status_at(bx_registry *registry, const char *dir,
                         const char *file, char *why, size_t why_bytes)
{
    char path[512];
    bx_tool **tools;
    size_t count;
    bx_tool_status status = BX_TOOL_READY;
    bool is_found = false;

    snprintf(path, sizeof(path), "%s/%s", dir, file);
    assert_int_equal(bx_registry_list(registry, &tools, &count, NULL), 0);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(tools[i]->path, path) != 0)
            continue;
        is_found = true;
        status = tools[i]->status;
        snprintf(why, why_bytes, "%s",
                 tools[i]->why == NULL ? "" : tools[i]->why);
    }
    bx_registry_list_free(tools, count);
    if (!is_found)
        fail_msg("no tool at '%s'", path);
    return status;
}

char *call_tool(bx_registry *registry, const char *name, const char *input,
                bx_tool_result **ret_result)
{
    const bx_tool_call call = { .name = name,
                                .input = input,
                                .input_bytes = strlen(input),
                                .caller = "test" };
    bx_tool_result *result = NULL;
    bx_error *err = NULL;
    char *text;

    if (bx_registry_call(registry, &call, &result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    text = bx_tool_result_text(result);
    if (ret_result != NULL)
        *ret_result = result;
    else
        bx_tool_result_free(result);
    return text;
}

bx_error *fail_tool(bx_registry *registry, const char *name, const char *input)
{
    const bx_tool_call call = { .name = name,
                                .input = input,
                                .input_bytes = strlen(input),
                                .caller = "test" };
    bx_tool_result *result = NULL;
    bx_error *err = NULL;

    if (bx_registry_call(registry, &call, &result, &err) == 0)
        fail_msg("it was called: %s", bx_tool_result_text(result));
    assert_non_null(err);
    return err;
}
