/* The cache: an entry is used only when it verifies; everything else is
 * rebuilt, and the run is right either way. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/cache.h"
#include "sandbox/support.h"

static const char exit_42[] = COMMAND(PROC_EXIT, "(call $exit (i32.const 42))");
static const char exit_13[] = COMMAND(PROC_EXIT, "(call $exit (i32.const 13))");

static char cache_dir[128];

/* A fresh folder for each test. */
static int make_cache(void **state)
{
    static int number;

    (void)state;
    snprintf(cache_dir, sizeof(cache_dir), "%s/cache-%d", test_home, ++number);
    return 0;
}

/* Load and run; returns the exit code, and whether the cache served it. */
static uint32_t run_cached(const char *wat, bool *ret_is_cached)
{
    bx_policy *policy = make_policy("wasm-cache-dir", cache_dir, NULL);
    bx_error *err = NULL;
    bx_module *module =
        bx_module_parse(test_engine, wat, strlen(wat), "m", policy, &err);
    bx_sandbox *sandbox;
    const char *const argv[] = { "m" };
    bx_result *result = NULL;
    uint32_t code;

    if (module == NULL)
        fail_msg("%s", bx_error_message(err));
    *ret_is_cached = bx_module_is_cached(module);
    sandbox = bx_sandbox_new(module, policy, NULL);
    assert_int_equal(bx_sandbox_run(sandbox, 1, argv, NULL, &result, NULL), 0);
    code = bx_result_exit_code(result);
    bx_result_free(result);
    bx_sandbox_free(sandbox);
    bx_module_free(module);
    bx_policy_free(policy);
    return code;
}

/* The path of the only entry. */
static void find_entry(char path[256])
{
    bx_cache *cache = bx_cache_open(cache_dir, NULL);
    bx_cache_entry *entries;
    size_t count;

    assert_non_null(cache);
    assert_int_equal(bx_cache_list(cache, &entries, &count, NULL), 0);
    assert_int_equal(count, 1);
    snprintf(path, 256, "%s/%s", cache_dir, entries[0].name);
    bx_cache_entries_free(entries, count);
    bx_cache_free(cache);
}

static void serves_the_second_load(void **state)
{
    bool is_cached;

    (void)state;
    assert_int_equal(run_cached(exit_42, &is_cached), 42);
    assert_false(is_cached);
    assert_int_equal(run_cached(exit_42, &is_cached), 42);
    assert_true(is_cached);
    assert_int_equal(run_cached(exit_13, &is_cached), 13);
    assert_false(is_cached);
}

static void rebuilds_an_altered_entry(void **state)
{
    static const double places[] = { 0,   0.0005, 0.001, 0.002, 0.01,
                                     0.1, 0.5,    0.9,   0.9999 };
    char path[256];
    struct stat st;
    bool is_cached;

    (void)state;
    run_cached(exit_42, &is_cached);
    find_entry(path);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        int fd = open(path, O_RDWR);
        off_t at;
        uint8_t byte;

        assert_int_equal(fstat(fd, &st), 0);
        at = (off_t)((double)st.st_size * places[i]);
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x40;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        assert_int_equal(run_cached(exit_42, &is_cached), 42);
        assert_false(is_cached);
        assert_int_equal(run_cached(exit_42, &is_cached), 42);
        assert_true(is_cached); /* the rebuilt one */
    }
}

static void rebuilds_a_truncated_entry(void **state)
{
    static const off_t sizes[] = { 0, 1, 8, 87, 88, 89, 4096 };
    char path[256];
    bool is_cached;

    (void)state;
    run_cached(exit_42, &is_cached);
    find_entry(path);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_int_equal(run_cached(exit_42, &is_cached), 42);
        assert_false(is_cached);
    }
}

/* Another module's good entry, under this one's name. */
static void refuses_an_exchanged_entry(void **state)
{
    char path_42[256];
    char path_13[256];
    bool is_cached;

    (void)state;
    run_cached(exit_42, &is_cached);
    find_entry(path_42);
    make_cache(NULL);
    run_cached(exit_13, &is_cached);
    find_entry(path_13);
    assert_int_equal(rename(path_42, path_13), 0);
    assert_int_equal(run_cached(exit_13, &is_cached), 13);
    assert_false(is_cached);
}

/* Made elsewhere, so signed with another key. */
static void refuses_an_entry_of_another_key(void **state)
{
    char key[128];
    bool is_cached;

    (void)state;
    run_cached(exit_42, &is_cached);
    snprintf(key, sizeof(key), "%s/.local/state/boxagnts/cache.key", test_home);
    assert_int_equal(unlink(key), 0);
    assert_int_equal(run_cached(exit_42, &is_cached), 42);
    assert_false(is_cached);
    assert_int_equal(run_cached(exit_42, &is_cached), 42);
    assert_true(is_cached);
}

static void refuses_a_key_open_to_others(void **state)
{
    bx_error *err = NULL;
    char key[128];
    bool is_cached;

    (void)state;
    run_cached(exit_42, &is_cached);
    snprintf(key, sizeof(key), "%s/.local/state/boxagnts/cache.key", test_home);
    assert_int_equal(chmod(key, 0644), 0);
    assert_null(bx_cache_open(cache_dir, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_non_null(strstr(bx_error_message(err), "cache.key"));
    bx_error_free(err);
    assert_int_equal(chmod(key, 0600), 0);
}

static void refuses_a_folder_open_to_others(void **state)
{
    bx_error *err = NULL;

    (void)state;
    assert_int_equal(mkdir(cache_dir, 0700), 0);
    assert_int_equal(chmod(cache_dir, 0777), 0);
    assert_null(bx_cache_open(cache_dir, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    bx_error_free(err);
}

static void refuses_to_map_the_cache_writable(void **state)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", cache_dir, "work-dir", test_home, NULL);
    bx_error *err = fail_wat(exit_42, policy);
    char mapping[256];

    (void)state;
    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    assert_non_null(strstr(bx_error_message(err), "module cache"));
    bx_error_free(err);
    bx_policy_free(policy);

    snprintf(mapping, sizeof(mapping), "%s::/home::ro", test_home);
    policy = make_policy("wasm-cache-dir", cache_dir, "map-dir", mapping, NULL);
    bx_result_free(run_wat(exit_42, policy, NULL));
    bx_policy_free(policy);
}

static void expect_guarded(const char *cache, const char *mapping,
                           const char *text)
{
    bx_policy *policy =
        make_policy("wasm-cache-dir", cache, "map-dir", mapping, NULL);
    bx_error *err = fail_wat(exit_42, policy);

    assert_int_equal(bx_error_code(err), BX_ERR_DENIED);
    if (strstr(bx_error_message(err), text) == NULL)
        fail_msg("'%s' is not in '%s'", text, bx_error_message(err));
    bx_error_free(err);
    bx_policy_free(policy);
}

/* A run without the cache, or with another one, could forge an entry for the
 * next run: it would need the key and the user's own cache. */
static void guards_key_and_default_cache_of_every_run(void **state)
{
    static const char *const folders[] = { "", "/.local", "/.local/state",
                                           "/.local/state/boxagnts" };
    bx_policy *policy;
    char path[256];
    char mapping[600];
    bool is_cached;

    (void)state;
    run_cached(exit_42, &is_cached); /* makes the key */
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const char *what =
            i == 0 ? "the module cache '" : "the module cache's key";

        snprintf(mapping, sizeof(mapping), "%s%s::/home", test_home,
                 folders[i]);
        expect_guarded("", mapping, what);
    }
    /* Not made yet, and by another name. */
    snprintf(path, sizeof(path), "%s/link-to-home", test_home);
    (void)unlink(path);
    assert_int_equal(symlink(test_home, path), 0);
    snprintf(mapping, sizeof(mapping), "%s::/home", path);
    expect_guarded("", mapping, "the module cache '");
    /* A folder beside them is fine. */
    snprintf(path, sizeof(path), "%s/beside", test_home);
    (void)mkdir(path, 0755);
    snprintf(mapping, sizeof(mapping), "%s::/home", path);
    policy = make_policy("wasm-cache-dir", "", "map-dir", mapping, NULL);
    bx_result_free(run_wat(exit_42, policy, NULL));
    bx_policy_free(policy);
}

/* What each process does: runs two modules while the cache is emptied. */
static int be_a_process(int number)
{
    const bx_engine_options one = { sizeof(one), 1 };
    bool is_right = true;
    bool is_cached;

    test_engine = bx_engine_new(&one, NULL);
    for (int i = 0; i < 10; i++) {
        is_right &= run_cached(exit_42, &is_cached) == 42;
        is_right &= run_cached(exit_13, &is_cached) == 13;
        if (i % 3 == number % 3) {
            bx_cache *cache = bx_cache_open(cache_dir, NULL);
            size_t count;

            is_right &= bx_cache_clear(cache, &count, NULL) == 0;
            bx_cache_free(cache);
        }
    }
    bx_engine_free(test_engine);
    return is_right ? 0 : 1;
}

static void is_shared_by_processes(void **state)
{
    pid_t children[6];

    (void)state;
    for (int i = 0; i < 6; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char number[4];

            snprintf(number, sizeof(number), "%d", i);
            execl("/proc/self/exe", "test_cache", cache_dir, number, NULL);
            _exit(127);
        }
    }
    for (int i = 0; i < 6; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

static void clears_only_what_is_its_own(void **state)
{
    bx_cache *cache = bx_cache_open(cache_dir, NULL);
    char other[256];
    bool is_cached;
    size_t count;
    int fd;

    (void)state;
    run_cached(exit_42, &is_cached);
    snprintf(other, sizeof(other), "%s/notes.txt", cache_dir);
    fd = open(other, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(bx_cache_clear(cache, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(access(other, F_OK), 0);
    bx_cache_free(cache);
}

static void keeps_metered_and_unmetered_code_apart(void **state)
{
    bx_policy *metered =
        make_policy("wasm-cache-dir", cache_dir, "wasm-fuel", "1M", NULL);
    bool is_cached;
    bx_result *result;
    bx_stats stats;

    (void)state;
    run_cached(exit_42, &is_cached);
    result = run_wat(exit_42, metered, NULL);
    assert_int_equal(bx_result_exit_code(result), 42);
    bx_result_stats(result, &stats, sizeof(stats));
    assert_true(stats.fuel_units > 0);
    bx_result_free(result);
    bx_policy_free(metered);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(serves_the_second_load, make_cache),
        cmocka_unit_test_setup(rebuilds_an_altered_entry, make_cache),
        cmocka_unit_test_setup(rebuilds_a_truncated_entry, make_cache),
        cmocka_unit_test_setup(refuses_an_exchanged_entry, make_cache),
        cmocka_unit_test_setup(refuses_an_entry_of_another_key, make_cache),
        cmocka_unit_test_setup(refuses_a_key_open_to_others, make_cache),
        cmocka_unit_test_setup(refuses_a_folder_open_to_others, make_cache),
        cmocka_unit_test_setup(refuses_to_map_the_cache_writable, make_cache),
        cmocka_unit_test_setup(guards_key_and_default_cache_of_every_run,
                               make_cache),
        cmocka_unit_test_setup(is_shared_by_processes, make_cache),
        cmocka_unit_test_setup(clears_only_what_is_its_own, make_cache),
        cmocka_unit_test_setup(keeps_metered_and_unmetered_code_apart,
                               make_cache),
    };

    if (argc == 3) {
        snprintf(cache_dir, sizeof(cache_dir), "%s", argv[1]);
        return be_a_process(argv[2][0] - '0');
    }
    return cmocka_run_group_tests(tests, make_home, remove_home);
}
