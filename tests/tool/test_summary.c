/* What is kept of modules between two starts: it spares reading them, and
 * decides nothing. */
#include "support_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tool/registry_summary.h"

#define DIGEST                                                                 \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD_ID_AT 8 /* behind the magic */
#define HEAD_DIGEST_AT (HEAD_ID_AT + sizeof(bx_file_id))

static const bx_file_id old_id = { 1, 2, 3, 4, 5 };
static char module[200000];
static size_t module_bytes;

/* A module of which little is a tool's. */
static void make_module(size_t junk_bytes)
{
    static const char manifest[] = "tool: {name: big, description: A tool.}\n";
    static const uint8_t preamble[] = { 0, 'a', 's', 'm', 1, 0, 0, 0 };
    bx_autofree uint8_t *made = NULL;
    bx_autofree char *plain = calloc(1, junk_bytes + 16);
    uint32_t section_bytes = (uint32_t)junk_bytes + 2; /* its name: "x" */

    memcpy(plain, preamble, 8);
    for (int i = 0; i < 3; i++)
        plain[9 + i] =
            (char)((section_bytes >> (7 * i) & 0x7f) | (i < 2 ? 0x80 : 0));
    plain[12] = 1;
    plain[13] = 'x';
    assert_int_equal(bx_manifest_embed(manifest, strlen(manifest), plain,
                                       junk_bytes + 14, &made, &module_bytes,
                                       NULL),
                     0);
    assert_true(module_bytes < sizeof(module));
    memcpy(module, made, module_bytes);
}

static char *state_dir(void)
{
    static char dir[256];

    snprintf(dir, sizeof(dir), "%s/.local/state/boxagnts", test_home);
    return dir;
}

static void keeps_what_makes_a_tool(void **state)
{
    bx_autofree char *path = bx_summary_path(state_dir(), "/t/big.wasm");
    bx_summary summary;
    bx_manifest *manifest;
    struct stat st;

    (void)state;
    make_module(100000);
    bx_summary_save(path, &old_id, DIGEST, module, module_bytes);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(st.st_size < 1000);
    assert_true(bx_summary_load(path, &old_id, &summary));
    assert_string_equal(summary.digest, DIGEST);
    manifest = bx_manifest_extract(summary.skeleton, summary.bytes, "it", NULL);
    assert_non_null(manifest);
    assert_string_equal(manifest->name, "big");
    bx_manifest_free(manifest);
    free(summary.skeleton);
}

static void knows_no_other_file(void **state)
{
    bx_autofree char *path = bx_summary_path(state_dir(), "/t/big.wasm");
    bx_autofree char *other = bx_summary_path(state_dir(), "/t/bag.wasm");
    const bx_file_id others[] = {
        { 9, 2, 3, 4, 5 }, { 1, 9, 3, 4, 5 }, { 1, 2, 9, 4, 5 },
        { 1, 2, 3, 9, 5 }, { 1, 2, 3, 4, 9 },
    };
    bx_summary summary;

    (void)state;
    make_module(100000);
    bx_summary_save(path, &old_id, DIGEST, module, module_bytes);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(bx_summary_load(path, &others[i], &summary));
    assert_string_not_equal(path, other);
    assert_false(bx_summary_load(other, &old_id, &summary));
    assert_false(bx_summary_load(NULL, &old_id, &summary));
    assert_null(bx_summary_path(NULL, "/t/big.wasm"));
}

static void leaves_out_what_may_still_change(void **state)
{
    bx_autofree char *path = bx_summary_path(state_dir(), "/t/big.wasm");
    bx_file_id id;

    (void)state;
    make_module(100000);
    write_file(test_user, "big.wasm", module, module_bytes);
    snprintf(module, sizeof(module), "%s/big.wasm", test_user);
    id = bx_file_id_get(module);
    assert_int_equal(id.bytes, module_bytes);
    make_module(100000);
    bx_summary_save(path, &id, DIGEST, module, module_bytes);
    assert_int_equal(access(path, F_OK), -1);
    id.modified_ns = 0; /* a time anyone may set */
    bx_summary_save(path, &id, DIGEST, module, module_bytes);
    assert_int_equal(access(path, F_OK), -1);
}

static void leaves_out_small_and_broken_modules(void **state)
{
    bx_autofree char *path = bx_summary_path(state_dir(), "/t/big.wasm");

    (void)state;
    make_module(30000);
    bx_summary_save(path, &old_id, DIGEST, module, module_bytes);
    make_module(100000);
    bx_summary_save(path, &old_id, DIGEST, module, module_bytes - 1);
    bx_summary_save(path, &old_id, DIGEST, module + 1, module_bytes - 1);
    assert_int_equal(access(path, F_OK), -1);
}

/* A summary that was tampered with, by what is done to its bytes. */
static bool loads_changed(size_t at, char value, size_t bytes)
{
    bx_autofree char *path = bx_summary_path(state_dir(), "/t/big.wasm");
    bx_autofree char *data = NULL;
    bx_summary summary;
    size_t all;

    make_module(100000);
    bx_summary_save(path, &old_id, DIGEST, module, module_bytes);
    assert_int_equal(bx_file_read(path, 1 << 20, &data, &all, NULL), 0);
    data[at] = value;
    assert_int_equal(
        bx_file_replace(path, data, bytes == 0 ? all : bytes, 0600, NULL), 0);
    if (!bx_summary_load(path, &old_id, &summary))
        return false;
    free(summary.skeleton);
    return true;
}

static void refuses_what_is_no_summary(void **state)
{
    (void)state;
    assert_true(loads_changed(0, 'B', 0));
    assert_false(loads_changed(0, 'b', 0));
    assert_false(loads_changed(HEAD_DIGEST_AT + 63, 'g', 0));
    assert_false(loads_changed(HEAD_DIGEST_AT + 63, '\0', 0));
    assert_false(loads_changed(0, 'B', HEAD_DIGEST_AT + 63));
    assert_false(loads_changed(0, 'B', 4));
}

static void refuses_summaries_of_others(void **state)
{
    bx_autofree char *path = bx_summary_path(state_dir(), "/t/big.wasm");
    bx_autofree char *link = bx_summary_path(state_dir(), "/t/link.wasm");
    bx_summary summary;

    (void)state;
    make_module(100000);
    bx_summary_save(path, &old_id, DIGEST, module, module_bytes);
    assert_int_equal(symlink(path, link), 0);
    assert_false(bx_summary_load(link, &old_id, &summary));
    assert_int_equal(chmod(path, 0620), 0);
    assert_false(bx_summary_load(path, &old_id, &summary));
    assert_int_equal(chmod(path, 0602), 0);
    assert_false(bx_summary_load(path, &old_id, &summary));
}

/* Say of NAME.wasm in a folder that it is another module. */
static void lie_about(const char *dir, const char *name)
{
    char file[256];
    bx_autofree char *path = NULL;
    bx_autofree char *data = NULL;
    bx_file_id id;
    size_t bytes;

    snprintf(file, sizeof(file), "%s/%s", dir, name);
    path = bx_summary_path(state_dir(), file);
    id = bx_file_id_get(file);
    make_module(100000);
    bx_summary_save(path, &old_id, DIGEST, module, module_bytes);
    assert_int_equal(bx_file_read(path, 1 << 20, &data, &bytes, NULL), 0);
    memcpy(data + HEAD_ID_AT, &id, sizeof(id));
    assert_int_equal(bx_file_replace(path, data, bytes, 0600, NULL), 0);
}

static void a_wrong_summary_runs_nothing(void **state)
{
    bx_registry *registry;
    bx_tool *tool;
    bx_error *err;
    char *text;

    (void)state;
    write_tool(test_builtin, "big", "");
    lie_about(test_builtin, "big.wasm");
    registry = open_registry(NULL, NULL, false);
    tool = bx_registry_get(registry, "big", NULL);
    assert_non_null(tool);
    assert_string_equal(tool->digest, DIGEST);
    bx_tool_unref(tool);
    err = fail_tool(registry, "big", "{\"do\": \"echo\"}");
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_contains(bx_error_message(err), "changed after it was read");
    bx_error_free(err);
    /* And the lie is gone, for this process and the next. */
    assert_int_equal(bx_registry_refresh(registry, NULL), 0);
    text = call_tool(registry, "big", "{\"do\": \"print\", \"text\": \"x\"}",
                     NULL);
    assert_string_equal(text, "x");
    free(text);
    bx_registry_free(registry);
    registry = open_registry(NULL, NULL, false);
    tool = bx_registry_get(registry, "big", NULL);
    assert_string_not_equal(tool->digest, DIGEST);
    bx_tool_unref(tool);
    bx_registry_free(registry);
}

static void a_wrong_summary_approves_nothing(void **state)
{
    bx_registry *registry;
    char why[512];

    (void)state;
    write_tool(test_user, "big", "");
    bx_registry_free(open_registry(NULL, NULL, false)); /* pinned */
    lie_about(test_user, "big.wasm");
    registry = open_registry(NULL, NULL, false);
    assert_int_equal(
        status_at(registry, test_user, "big.wasm", why, sizeof(why)),
        BX_TOOL_CHANGED);
    bx_registry_free(registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_what_makes_a_tool),
        TEST(knows_no_other_file),
        TEST(leaves_out_what_may_still_change),
        TEST(leaves_out_small_and_broken_modules),
        TEST(refuses_what_is_no_summary),
        TEST(refuses_summaries_of_others),
        TEST(a_wrong_summary_runs_nothing),
        TEST(a_wrong_summary_approves_nothing),
    };

    return cmocka_run_group_tests_name("tool.summary", tests, make_engine,
                                       free_engine);
}
