#include "sandbox/support.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bx_engine *test_engine;
char test_home[64];

/* The engine turns a fault of guest code into a trap by its signal handlers,
 * set when the first engine starts; cmocka sets its own before every test. */
static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
static struct sigaction engine_actions[4];
static bool has_engine_actions;

void use_engine_signals(void)
{
    for (size_t i = 0; has_engine_actions && i < 4; i++)
        sigaction(signals[i], &engine_actions[i], NULL);
}

static void keep_engine_signals(void)
{
    bx_module *module =
        bx_module_parse(test_engine, "(module)", 8, "first", NULL, NULL);

    for (size_t i = 0; i < 4; i++)
        sigaction(signals[i], NULL, &engine_actions[i]);
    has_engine_actions = module != NULL;
    bx_module_free(module);
}

int make_home(void **state)
{
    const bx_engine_options options = { sizeof(options), 64 };

    (void)state;
    strcpy(test_home, "/tmp/bx-test-XXXXXX");
    if (mkdtemp(test_home) == NULL)
        return -1;
    setenv("HOME", test_home, 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_STATE_HOME");
    test_engine = bx_engine_new(&options, NULL);
    if (test_engine == NULL)
        return -1;
    keep_engine_signals();
    return 0;
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
    bx_engine_free(test_engine);
    return nftw(test_home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

bx_policy *make_policy(const char *control, ...)
{
    bx_policy *policy = bx_policy_new();
    bx_error *err = NULL;
    va_list args;

    assert_non_null(policy);
    va_start(args, control);
    while (control != NULL) {
        const char *value = va_arg(args, const char *);

        if (bx_policy_set(policy, control, value, control, &err) < 0)
            fail_msg("%s", bx_error_message(err));
        control = va_arg(args, const char *);
    }
    va_end(args);
    return policy;
}

static bx_result *try_wat(const char *wat, const bx_policy *policy,
                          const bx_run_options *options, bx_error **err)
{
    const char *const argv[] = { "guest", "one" };
    bx_policy *plain = NULL;
    bx_module *module;
    bx_sandbox *sandbox = NULL;
    bx_result *result = NULL;

    use_engine_signals();
    if (policy == NULL)
        policy = plain = make_policy("wasm-cache-dir", "", NULL);
    module =
        bx_module_parse(test_engine, wat, strlen(wat), "test.wat", policy, err);
    if (module != NULL)
        sandbox = bx_sandbox_new(module, policy, err);
    if (sandbox != NULL)
        (void)bx_sandbox_run(sandbox, 2, argv, options, &result, err);
    bx_sandbox_free(sandbox);
    bx_module_free(module);
    bx_policy_free(plain);
    return result;
}

bx_result *run_wat(const char *wat, const bx_policy *policy,
                   const bx_run_options *options)
{
    bx_error *err = NULL;
    bx_result *result = try_wat(wat, policy, options, &err);

    if (result == NULL)
        fail_msg("%s", bx_error_message(err));
    return result;
}

bx_error *fail_wat(const char *wat, const bx_policy *policy)
{
    bx_error *err = NULL;
    bx_result *result = try_wat(wat, policy, NULL, &err);

    assert_null(result);
    assert_non_null(err);
    return err;
}
