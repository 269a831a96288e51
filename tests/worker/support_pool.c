#include "worker/support_pool.h"

#include <dirent.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"

char pool_home[64];
static size_t fds_before;

static size_t count_entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        closedir(dir);
    return count;
}

size_t count_fds(void)
{
    return count_entries("/proc/self/fd");
}

size_t count_children(void)
{
    char path[64];
    bx_autofree char *text = NULL;
    size_t count = 0;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    if (bx_file_read(path, 4096, &text, NULL, NULL) < 0)
        return 0;
    for (const char *at = text; *at != '\0'; at++)
        count += *at == ' ';
    return count;
}

bool wait_until(bool (*is_so)(void *), void *context)
{
    const struct timespec tick = { .tv_nsec = 5000000 };

    for (int i = 0; i < 2000; i++) {
        if (is_so(context))
            return true;
        nanosleep(&tick, NULL);
    }
    return false;
}

/* Every thread of it. */
static bool is_stopped(void *context)
{
    char path[300];
    struct dirent *entry;
    bool is_so = true;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%d/task", *(int *)context);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        bx_autofree char *text = NULL;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", *(int *)context,
                 entry->d_name);
        if (bx_file_read(path, 4096, &text, NULL, NULL) == 0)
            is_so &= strstr(text, ") T ") != NULL;
    }
    if (dir != NULL)
        closedir(dir);
    return is_so;
}

void stop_process(int pid)
{
    kill(pid, SIGSTOP);
    assert_true(wait_until(is_stopped, &pid));
}

int make_pool_home(void **state)
{
    (void)state;
    strcpy(pool_home, "/tmp/bx-worker-XXXXXX");
    if (mkdtemp(pool_home) == NULL)
        return -1;
    setenv("HOME", pool_home, 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_STATE_HOME");
    fds_before = count_fds();
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

int remove_pool_home(void **state)
{
    (void)state;
    if (count_fds() != fds_before || count_children() != 0) {
        fprintf(stderr, "left over: %zu descriptors, %zu children\n",
                count_fds() - fds_before, count_children());
        return -1;
    }
    return nftw(pool_home, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

bx_worker_pool *make_pool(const bx_worker_options *options)
{
    bx_error *err = NULL;
    bx_worker_options few = { .max_instances = 8 };
    bx_worker_pool *pool =
        bx_worker_pool_new(options == NULL ? &few : options, &err);

    if (pool == NULL)
        fail_msg("%s", bx_error_message(err));
    return pool;
}

bx_policy *make_pool_policy(const char *control, ...)
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

static test_box box_of(bx_worker_pool *pool, const void *bytes, size_t count,
                       const char *name, const bx_policy *policy)
{
    bx_policy *plain = make_pool_policy("wasm-cache-dir", "", NULL);
    bx_error *err = NULL;
    test_box box = { 0 };

    if (policy == NULL)
        policy = plain;
    box.module =
        bx_worker_module_new(pool, bytes, count, name, policy, 0, &err);
    if (box.module != NULL)
        box.box = bx_worker_box_new(pool, box.module, policy, &err);
    bx_policy_free(plain);
    if (box.box == NULL)
        fail_msg("%s", bx_error_message(err));
    return box;
}

test_box make_box(bx_worker_pool *pool, const char *wat,
                  const bx_policy *policy)
{
    return box_of(pool, wat, strlen(wat), "test.wat", policy);
}

test_box make_guest_box(bx_worker_pool *pool, const char *name,
                        const bx_policy *policy)
{
    const char *build = getenv("BX_BUILD_DIR");
    bx_autofree char *bytes = NULL;
    char path[512];
    size_t count;

    snprintf(path, sizeof(path), "%s/tests/guest/%s.wasm",
             build == NULL ? "build" : build, name);
    if (bx_file_read(path, 64u << 20, &bytes, &count, NULL) < 0)
        fail_msg("no guest '%s'", path);
    return box_of(pool, bytes, count, name, policy);
}

void free_box(test_box *box)
{
    bx_worker_box_free(box->box);
    bx_worker_module_free(box->module);
}

static bx_result *run_words(const test_box *box, size_t argc,
                            const char *const *argv,
                            const bx_run_options *options,
                            const bx_run_extra *extra)
{
    bx_result *result = NULL;
    bx_error *err = NULL;

    if (bx_worker_box_run(box->box, argc, argv, options, extra, &result, &err) <
        0)
        fail_msg("%s", bx_error_message(err));
    return result;
}

bx_result *run_box(const test_box *box, const bx_run_options *options,
                   const char *arg, ...)
{
    const char *argv[16] = { "guest" };
    size_t argc = 1;
    va_list args;

    va_start(args, arg);
    for (; arg != NULL && argc < 16; arg = va_arg(args, const char *))
        argv[argc++] = arg;
    va_end(args);
    return run_words(box, argc, argv, options, NULL);
}

bx_result *run_box_with(const test_box *box, const bx_run_options *options,
                        const bx_run_extra *extra)
{
    const char *const argv[] = { "guest" };

    return run_words(box, 1, argv, options, extra);
}
