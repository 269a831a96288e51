#include <string.h>

#include "policy/control.h"
#include "policy/support.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void assert_not_set(bx_policy *policy, const char *control,
                           const char *value, const char *message)
{
    bx_error *err = NULL;

    if (bx_policy_set(policy, control, value, NULL, &err) == 0)
        fail_msg("%s %s was taken", control, value);
    assert_string_equal(bx_error_message(err), message);
    bx_error_free(err);
}

static void defaults_are_on(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    assert_int_equal(policy->limits.timeout_ms, 30000);
    assert_int_equal(policy->limits.memory_bytes, 268435456);
    assert_int_equal(policy->limits.stack_bytes, 4194304);
    assert_int_equal(policy->limits.fuel_units, 0);
    assert_false(policy->is_deterministic);
    assert_null(policy->cache_dir);
    assert_string_equal(bx_policy_origin(policy, "wasm-timeout"), "default");
    assert_string_equal(bx_policy_origin(policy, "work-dir"), "default");
    assert_null(bx_policy_origin(policy, "map-dir"));
    assert_null(bx_policy_origin(policy, "frob"));
    bx_policy_free(policy);
    bx_policy_free(NULL);
}

static void mappings_are_read(void **state)
{
    static const struct {
        const char *value;
        const char *host;
        const char *guest;
        const char *name;
        unsigned access;
    } rows[] = {
        { "data::/data", "data", "/data", "/data", 3 },
        { "data::/d1::rw", "data", "/d1", "/d1", 3 },
        { "/srv/d::/d2::ro", "/srv/d", "/d2", "/d2", 1 },
        { "d::fs-tests.dir", "d", "/fs-tests.dir", "fs-tests.dir", 3 },
        { "d::.", "d", "/", ".", 3 },
        { "a b::/d3//x/./", "a b", "/d3/x", "/d3//x/./", 3 },
        { "a:b::/d4", "a:b", "/d4", "/d4", 3 },
        { "d::/ro", "d", "/ro", "/ro", 3 },
        { "d::./rw::ro", "d", "/rw", "./rw", 1 },
    };
    bx_policy *policy = bx_policy_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const bx_mount *mount;

        set_control(policy, "map-dir", rows[i].value);
        mount = &policy->mounts[i];
        assert_string_equal(mount->host_dir, rows[i].host);
        assert_string_equal(mount->guest_dir, rows[i].guest);
        assert_string_equal(mount->name, rows[i].name);
        assert_int_equal(mount->access, rows[i].access);
        assert_false(mount->is_work_dir);
    }
    bx_policy_free(policy);
}

static void malformed_mappings_are_refused(void **state)
{
    static const char *const rows[][2] = {
        { "data", "has no '::'" },
        { "", "has no '::'" },
        { "data:/data", "has no '::'" },
        { "::/data", "has no host folder" },
        { "data::", "has no guest folder" },
        { "data::::ro", "has no guest folder" },
        { "data::ro", "has a mode but no guest folder" },
        { "data::rw", "has a mode but no guest folder" },
        { "data::/data::rx", "has a mode that is not ro or rw" },
        { "data::/data::RO", "has a mode that is not ro or rw" },
        { "data::/data::", "has a mode that is not ro or rw" },
        { "a::b::/data::ro", "has more than three parts" },
        { "data::/../x", "climbs above the root" },
        { "data::/a\nb", "has a control byte" },
        { "~/data::/data", "begins with '~'" },
        { "\xff::/data", "is not UTF-8" },
    };
    bx_policy *policy = bx_policy_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_error *err = NULL;

        if (bx_policy_set(policy, "map-dir", rows[i][0], NULL, &err) == 0)
            fail_msg("'%s' was taken", rows[i][0]);
        if (strncmp(bx_error_message(err), "map-dir: ", 9) != 0 ||
            strstr(bx_error_message(err), rows[i][1]) == NULL ||
            strstr(bx_error_message(err), "; expected ") == NULL)
            fail_msg("'%s': %s", rows[i][0], bx_error_message(err));
        bx_error_free(err);
    }
    assert_int_equal(policy->mounts_count, 0);
    bx_policy_free(policy);
}

static void a_guest_folder_is_mapped_once(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    assert_int_equal(bx_policy_set(policy, "map-dir", "a::/data",
                                   "ci.yaml:3: map-dir a::/data", NULL),
                     0);
    assert_not_set(policy, "map-dir", "b::/x/../data/::ro",
                   "map-dir: guest folder '/data' is mapped twice, by "
                   "'ci.yaml:3: map-dir a::/data' and by 'map-dir "
                   "b::/x/../data/::ro'; expected each guest folder once");
    assert_int_equal(policy->mounts_count, 1);
    assert_string_equal(policy->mounts[0].host_dir, "a");
    set_control(policy, "map-dir", "c::/");
    assert_not_set(policy, "work-dir", "d",
                   "work-dir: guest folder '/' is mapped twice, by 'map-dir "
                   "c::/' and by 'work-dir d'; expected each guest folder "
                   "once");
    bx_policy_free(policy);
}

static void work_dir_is_replaced(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    set_control(policy, "work-dir", "a");
    set_control(policy, "map-dir", "x::/x");
    set_control(policy, "work-dir", "b");
    assert_int_equal(policy->mounts_count, 2);
    assert_string_equal(policy->mounts[0].host_dir, "b");
    assert_string_equal(policy->mounts[0].guest_dir, "/");
    assert_string_equal(policy->mounts[0].name, "/");
    assert_int_equal(policy->mounts[0].access, 3);
    assert_string_equal(bx_policy_origin(policy, "work-dir"), "work-dir b");
    assert_not_set(policy, "map-dir", "c::.",
                   "map-dir: guest folder '/' is mapped twice, by 'work-dir b' "
                   "and by 'map-dir c::.'; expected each guest folder once");
    bx_policy_free(policy);
}

static void variables_are_set(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    set_control(policy, "env", "A=1");
    set_control(policy, "env", "B=x=y");
    set_control(policy, "env", "C=");
    set_control(policy, "env", "A=2\n");
    assert_int_equal(policy->env_count, 3);
    assert_string_equal(policy->env[0].name, "A");
    assert_string_equal(policy->env[0].value, "2\n");
    assert_string_equal(policy->env[1].value, "x=y");
    assert_string_equal(policy->env[2].value, "");
    bx_policy_free(policy);
}

static void variables_come_from_the_host(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    assert_int_equal(setenv("BX_TEST_VARIABLE", "from=host", 1), 0);
    set_control(policy, "env", "BX_TEST_VARIABLE");
    assert_string_equal(policy->env[0].value, "from=host");
    assert_int_equal(unsetenv("BX_TEST_VARIABLE"), 0);
    assert_not_set(policy, "env", "BX_TEST_VARIABLE",
                   "env: 'BX_TEST_VARIABLE' is not set in the host's "
                   "environment; expected NAME=VALUE, or the name of a "
                   "variable that is set");
    assert_int_equal(setenv("BX_TEST_VARIABLE", "\xff", 1), 0);
    assert_not_set(policy, "env", "BX_TEST_VARIABLE",
                   "env: variable 'BX_TEST_VARIABLE' has a value that is not "
                   "UTF-8; expected NAME=VALUE, or NAME alone to pass the "
                   "host's own");
    assert_int_equal(unsetenv("BX_TEST_VARIABLE"), 0);
    bx_policy_free(policy);
}

static void malformed_variables_are_refused(void **state)
{
    static const char *const bad[] = { "", "=", "=x", "A\nB=x", "\xff=x" };
    bx_policy *policy = bx_policy_new();

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (bx_policy_set(policy, "env", bad[i], NULL, NULL) == 0)
            fail_msg("'%s' was taken", bad[i]);
    }
    assert_int_equal(bx_policy_env(policy, "A=B", "x", NULL), -1);
    assert_int_equal(policy->env_count, 0);
    bx_policy_free(policy);
}

/* Values may be secrets; origins end up in logs. */
static void origins_hide_values(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    assert_int_equal(bx_policy_set(policy, "env", "TOKEN=s3cret",
                                   "--env TOKEN=s3cret", NULL),
                     0);
    assert_string_equal(policy->env[0].origin, "--env TOKEN");
    set_control(policy, "env", "KEY=s3cret");
    assert_string_equal(policy->env[1].origin, "env KEY");
    assert_int_equal(bx_policy_env(policy, "K", "s3cret", NULL), 0);
    assert_string_equal(policy->env[2].origin, "env K");
    bx_policy_free(policy);
}

static void origins_are_printable(void **state)
{
    bx_policy *policy = bx_policy_new();
    char *origin = malloc(2000);

    (void)state;
    memset(origin, 'x', 1999);
    origin[1999] = '\0';
    assert_int_equal(
        bx_policy_set(policy, "map-dir", "a::/a", "x\n\033[31m", NULL), 0);
    assert_string_equal(policy->mounts[0].origin, "x\\x0a\\x1b[31m");
    assert_int_equal(bx_policy_set(policy, "map-dir", "b::/b", origin, NULL),
                     0);
    assert_int_equal(strlen(policy->mounts[1].origin), 403);
    free(origin);
    bx_policy_free(policy);
}

static void grants_are_read(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    set_control(policy, "grant", "fs.read:/a//b");
    set_control(policy, "grant", "read:c");
    set_control(policy, "grant", "fs.write:/d/");
    set_control(policy, "grant", "write:/");
    assert_int_equal(policy->fs_grants_count, 4);
    assert_int_equal(policy->fs_grants[0].access, BX_ACCESS_READ);
    assert_string_equal(policy->fs_grants[0].guest_path, "/a/b");
    assert_int_equal(policy->fs_grants[1].access, BX_ACCESS_READ);
    assert_string_equal(policy->fs_grants[1].guest_path, "/c");
    assert_int_equal(policy->fs_grants[2].access, BX_ACCESS_WRITE);
    assert_string_equal(policy->fs_grants[3].guest_path, "/");
    assert_not_set(
        policy, "grant", "fs.raed:/x",
        "grant: 'fs.raed:/x' is no grant on a path, program or tool; expected "
        "fs.read:/path, fs.write:/path, exec:PROGRAM or tool:NAME (hosts: "
        "allowed-outbound-host; variables: env)");
    assert_not_set(policy, "grant", "fs.read:",
                   "grant: '' is empty; expected a guest path such as /data");
    bx_policy_free(policy);
}

static void limits_have_bounds(void **state)
{
    static const struct {
        const char *control;
        const char *least;
        const char *most;
        const char *below;
        const char *above;
    } rows[] = {
        { "wasm-timeout", "1ms", "24h", "0", "86400001ms" },
        { "wasm-max-memory-size", "64KiB", "4GiB", "65535", "4294967297" },
        { "wasm-max-wasm-stack", "16KiB", "64MiB", "16383", "67108865" },
        { "wasm-fuel", "0", "9223372036854775807", NULL,
          "9223372036854775808" },
        { "max-table-elements", "0", "16777216", NULL, "16777217" },
        { "max-output", "0", "1GiB", NULL, "1073741825" },
        { "max-write", "0", "16TiB", NULL, "17592186044417" },
        { "max-create", "0", "1G", NULL, "1000000001" },
        { "max-open-files", "3", "65536", "2", "65537" },
        { "max-requests", "0", "1M", NULL, "1000001" },
        { "max-open-requests", "1", "1024", "0", "1025" },
        { "max-response", "0", "4GiB", NULL, "4294967297" },
        { "max-calls", "0", "1000000", NULL, "1000001" },
        { "max-call-depth", "0", "16", NULL, "17" },
    };
    size_t limits = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        bx_policy *policy = bx_policy_new();

        set_control(policy, rows[i].control, rows[i].least);
        set_control(policy, rows[i].control, rows[i].most);
        if (rows[i].below != NULL)
            assert_int_equal(bx_policy_set(policy, rows[i].control,
                                           rows[i].below, NULL, NULL),
                             -1);
        assert_int_equal(
            bx_policy_set(policy, rows[i].control, rows[i].above, NULL, NULL),
            -1);
        bx_policy_free(policy);
    }
    for (size_t i = 0; i < bx_controls_count; i++)
        limits += bx_control_is_limit(&bx_controls[i]) ? 1 : 0;
    assert_int_equal(limits, COUNT(rows));
    assert_int_equal(limits, BX_LIMITS_COUNT);
}

static void limits_reach_their_field(void **state)
{
    bx_policy *policy = parse_policy("wasm-timeout: 1s\n"
                                     "wasm-max-memory-size: 1MiB\n"
                                     "wasm-max-wasm-stack: 64KiB\n"
                                     "wasm-fuel: 4\n"
                                     "max-table-elements: 5\n"
                                     "max-output: 6\n"
                                     "max-write: 7\n"
                                     "max-create: 8\n"
                                     "max-open-files: 9\n"
                                     "max-requests: 10\n"
                                     "max-open-requests: 11\n"
                                     "max-response: 12\n");

    (void)state;
    assert_int_equal(policy->limits.timeout_ms, 1000);
    assert_int_equal(policy->limits.memory_bytes, 1048576);
    assert_int_equal(policy->limits.stack_bytes, 65536);
    assert_int_equal(policy->limits.fuel_units, 4);
    assert_int_equal(policy->limits.table_elements, 5);
    assert_int_equal(policy->limits.output_bytes, 6);
    assert_int_equal(policy->limits.fs_write_bytes, 7);
    assert_int_equal(policy->limits.fs_create_entries, 8);
    assert_int_equal(policy->limits.open_files, 9);
    assert_int_equal(policy->limits.http_requests, 10);
    assert_int_equal(policy->limits.http_open, 11);
    assert_int_equal(policy->limits.http_body_bytes, 12);
    assert_string_equal(bx_policy_origin(policy, "wasm_timeout"),
                        "ci.yaml:1: wasm-timeout 1s");
    bx_policy_free(policy);
}

static void controls_work_as_functions(void **state)
{
    bx_policy *policy = bx_policy_new();
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(bx_policy_work_dir(policy, "w", NULL), 0);
    assert_int_equal(bx_policy_map_dir(policy, "a::b", "/d", 1, NULL), 0);
    assert_string_equal(policy->mounts[1].host_dir, "a::b");
    assert_string_equal(policy->mounts[1].origin, "map-dir a::b::/d::ro");
    assert_int_equal(bx_policy_map_dir(policy, "a", "/e", 2, &err), -1);
    assert_string_equal(bx_error_message(err),
                        "map-dir: access 2 is neither reading (1) nor reading "
                        "and writing (3)");
    bx_error_free(err);
    assert_int_equal(bx_policy_env(policy, "A", "1", NULL), 0);
    assert_int_equal(bx_policy_allowed_outbound_host(policy, "*", NULL), 0);
    assert_int_equal(bx_policy_block_url(policy, "x.example", NULL), 0);
    assert_int_equal(bx_policy_block_network(policy, "private", NULL), 0);
    assert_int_equal(bx_policy_wasm_timeout(policy, 1500, NULL), 0);
    assert_int_equal(policy->limits.timeout_ms, 1500);
    assert_string_equal(bx_policy_origin(policy, "wasm-timeout"),
                        "wasm-timeout 1500ms");
    assert_int_equal(bx_policy_wasm_timeout(policy, 0, NULL), -1);
    assert_int_equal(bx_policy_wasm_timeout(policy, 86400001, NULL), -1);
    assert_int_equal(bx_policy_wasm_max_memory_size(policy, 65536, NULL), 0);
    assert_int_equal(bx_policy_wasm_max_memory_size(policy, 65535, NULL), -1);
    assert_int_equal(policy->limits.memory_bytes, 65536);
    assert_int_equal(bx_policy_wasm_max_wasm_stack(policy, 16384, NULL), 0);
    assert_int_equal(policy->limits.stack_bytes, 16384);
    assert_int_equal(bx_policy_wasm_fuel(policy, 77, NULL), 0);
    assert_int_equal(bx_policy_wasm_fuel(policy, UINT64_MAX, NULL), -1);
    assert_int_equal(policy->limits.fuel_units, 77);
    assert_int_equal(bx_policy_wasm_cache_dir(policy, "", NULL), 0);
    assert_string_equal(policy->cache_dir, "");
    assert_int_equal(bx_policy_wasm_cache_dir(policy, "c", NULL), 0);
    assert_string_equal(policy->cache_dir, "c");
    bx_policy_free(policy);
}

static void seeds_are_read(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    assert_int_equal(bx_policy_set(policy, "deterministic", NULL, NULL, NULL),
                     0);
    assert_true(policy->is_deterministic);
    assert_int_equal(policy->seed, 0);
    set_control(policy, "deterministic", "18446744073709551615");
    assert_int_equal(policy->seed, UINT64_MAX);
    assert_int_equal(bx_policy_set(policy, "deterministic", "x", NULL, NULL),
                     -1);
    bx_policy_free(policy);
}

static void unknown_controls_are_refused(void **state)
{
    bx_policy *policy = bx_policy_new();

    (void)state;
    assert_not_set(policy, "map-dri", "x",
                   "unknown control 'map-dri'; expected one such as map-dir");
    assert_not_set(policy, "wasm_timeuot", "x",
                   "unknown control 'wasm_timeuot'; expected one such as "
                   "wasm-timeout");
    assert_not_set(policy, "map-dir", NULL,
                   "map-dir: no value; expected HOST::GUEST[::ro|::rw]");
    set_control(policy, "map_dir", "a::/a");
    bx_policy_free(policy);
}

static void lists_are_bounded(void **state)
{
    bx_policy *policy = bx_policy_new();
    bx_error *err = NULL;

    (void)state;
    for (int i = 0; i < BX_POLICY_MAX_ENTRIES; i++)
        set_control(policy, "block-network", "10.0.0.0/8");
    assert_int_equal(
        bx_policy_set(policy, "block-network", "10.0.0.0/8", NULL, &err), -1);
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    assert_string_equal(bx_error_message(err),
                        "block-network: more than 4096 entries");
    bx_error_free(err);
    bx_policy_free(policy);
}

static void clones_are_equal_and_apart(void **state)
{
    bx_policy *policy =
        parse_policy("work-dir: w\n"
                     "map-dir: ['a::/a::ro', {host: 'x::y', guest: ./b}]\n"
                     "grant: ['fs.read:/', 'fs.write:/b']\n"
                     "env: {A: '1', B: ''}\n"
                     "allowed-outbound-host: ['*', 'http://[fd00::/8]:1..9']\n"
                     "block-url: ['*.ads.example', 'https://x.example/y']\n"
                     "block-network: [private, 10.0.0.0/8, fd00::/8]\n"
                     "wasm-timeout: 5s\n"
                     "wasm-cache-dir: ''\n"
                     "deterministic: 9\n");
    bx_policy *copy;
    char *first;
    char *second;

    (void)state;
    assert_int_equal(bx_policy_set(policy, "map-dir", "z::/z", "x\n\\y", NULL),
                     0);
    copy = bx_policy_clone(policy);
    first = bx_policy_format(policy, true, NULL);
    assert_non_null(copy);
    bx_policy_free(policy);
    second = bx_policy_format(copy, true, NULL);
    assert_string_equal(first, second);
    free(first);
    free(second);
    bx_policy_free(copy);
}

static void help_is_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < bx_controls_count; i++) {
        const bx_control *control = &bx_controls[i];
        char text[32];

        assert_true(strlen(control->help) > 10 && strlen(control->help) < 66);
        assert_null(strchr(control->help, '\n'));
        assert_true((control->placeholder[0] == '[') ==
                    control->is_value_optional);
        assert_ptr_equal(bx_control_find(control->name), control);
        assert_true((bx_control_default(control, text) != NULL) ==
                    bx_control_is_limit(control));
    }
    {
        char text[32];

        assert_string_equal(
            bx_control_default(bx_control_find("wasm-timeout"), text), "30s");
        assert_string_equal(
            bx_control_default(bx_control_find("wasm-max-memory-size"), text),
            "256MiB");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_on),
        cmocka_unit_test(mappings_are_read),
        cmocka_unit_test(malformed_mappings_are_refused),
        cmocka_unit_test(a_guest_folder_is_mapped_once),
        cmocka_unit_test(work_dir_is_replaced),
        cmocka_unit_test(variables_are_set),
        cmocka_unit_test(variables_come_from_the_host),
        cmocka_unit_test(malformed_variables_are_refused),
        cmocka_unit_test(origins_hide_values),
        cmocka_unit_test(origins_are_printable),
        cmocka_unit_test(grants_are_read),
        cmocka_unit_test(limits_have_bounds),
        cmocka_unit_test(limits_reach_their_field),
        cmocka_unit_test(controls_work_as_functions),
        cmocka_unit_test(seeds_are_read),
        cmocka_unit_test(unknown_controls_are_refused),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(clones_are_equal_and_apart),
        cmocka_unit_test(help_is_one_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
