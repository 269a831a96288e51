/* What goes with a call and comes back from it, and whence its code comes. What
 * guests do once they run is tested by the tests of src/sandbox, in workers
 * (as_sandbox.h). */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "sandbox/module.h"
#include "worker/box.h"
#include "worker/support_pool.h"

#define SEVEN PLAIN(IMPORT_EXIT, "(call $exit (i32.const 7))")

static void runs_and_exits(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, SEVEN, NULL);
    bx_stats stats;

    (void)state;
    for (int i = 0; i < 3; i++) {
        bx_result *result = run_box(&box, NULL, NULL);

        assert_string_equal(bx_result_message(result), "");
        assert_int_equal(bx_result_code(result), BX_OK);
        assert_int_equal(bx_result_exit_code(result), 7);
        bx_result_stats(result, &stats, sizeof(stats));
        assert_int_equal(stats.memory_bytes, 65536);
        assert_int_equal(stats.calls, 1);
        assert_true(stats.wall_ns > 0);
        bx_result_free(result);
    }
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* ---- streams --------------------------------------------------------- */

static void expect_echo(const test_box *box, size_t bytes)
{
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_autofree char *input = malloc(bytes + 1);
    bx_result *result;
    size_t said;

    for (size_t i = 0; i < bytes; i++)
        input[i] = (char)(i * 31 + i / 7);
    options.stdin_data = input;
    options.stdin_bytes = bytes;
    result = run_box(box, &options, NULL);
    assert_int_equal(bx_result_exit_code(result), 0);
    (void)bx_result_stdout(result, &said);
    assert_int_equal(said, bytes);
    assert_memory_equal(bx_result_stdout(result, NULL), input, bytes);
    assert_false(bx_result_is_cut(result));
    bx_result_free(result);
}

/* What fits into a message, what goes beside it, and around the border. */
static void carries_input_and_output_of_any_size(void **state)
{
    static const size_t sizes[] = { 0,     1,      65000,   65200,  65300,
                                    65400, 65500,  65535,   65536,  65537,
                                    70000, 131072, 1 << 20, 9 << 20 };
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_guest_box(pool, "echo", NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        expect_echo(&box, sizes[i]);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static void cuts_output_at_its_limit(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy =
        make_pool_policy("wasm-cache-dir", "", "max-output", "100000", NULL);
    test_box box = make_guest_box(pool, "echo", policy);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_autofree char *input = calloc(1, 200000);
    bx_result *result;
    size_t said;

    (void)state;
    options.stdin_data = input;
    options.stdin_bytes = 200000;
    result = run_box(&box, &options, NULL);
    (void)bx_result_stdout(result, &said);
    assert_int_equal(said, 100000);
    assert_true(bx_result_is_cut(result));
    bx_result_free(result);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void hands_descriptors_over(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_guest_box(pool, "echo", NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    char text[16] = { 0 };
    int in = memfd_create("in", MFD_CLOEXEC);
    int out = memfd_create("out", MFD_CLOEXEC);
    bx_result *result;
    size_t said;

    (void)state;
    assert_int_equal(write(in, "by descriptor", 13), 13);
    lseek(in, 0, SEEK_SET);
    options.stdin_fd = in;
    options.stdout_fd = out;
    options.stderr_fd = BX_FD_NONE;
    for (int i = 0; i < 2; i++) {
        size_t fds = count_fds();

        lseek(in, 0, SEEK_SET);
        lseek(out, 0, SEEK_SET);
        result = run_box(&box, &options, NULL);
        (void)bx_result_stdout(result, &said);
        assert_int_equal(said, 0);
        bx_result_free(result);
        assert_int_equal(count_fds(), fds);
    }
    assert_int_equal(pread(out, text, sizeof(text), 0), 13);
    assert_string_equal(text, "by descriptor");
    close(in);
    close(out);
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* Whoever reads what a call wrote meets the end once the call is over: the
 * worker has closed its copy by then. */
static void has_closed_what_it_was_given(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_guest_box(pool, "echo", NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;

    (void)state;
    options.stdin_data = "all of it";
    options.stdin_bytes = 9;
    for (int i = 0; i < 50; i++) {
        char text[16] = { 0 };
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        options.stdout_fd = ends[1];
        bx_result_free(run_box(&box, &options, NULL));
        close(ends[1]);
        assert_int_equal(read(ends[0], text, sizeof(text)), 9);
        assert_string_equal(text, "all of it");
        assert_int_equal(read(ends[0], text, sizeof(text)), 0);
        close(ends[0]);
    }
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* ---- who is told and asked ------------------------------------------- */

typedef struct heard {
    char audit[256];
    char effect[256];
    char need[256];
    unsigned needs;
    bool gives;
} heard;

static void on_audit(void *context, const bx_audit_event *event)
{
    heard *ears = context;

    snprintf(ears->audit, sizeof(ears->audit), "%s %s: %s", event->call,
             event->target, event->reason);
}

static void on_effect(void *context, const bx_effect_event *event)
{
    heard *ears = context;

    snprintf(ears->effect, sizeof(ears->effect), "%s %s", event->call,
             event->target);
}

static bool on_need(void *context, const bx_need_event *event)
{
    heard *ears = context;

    ears->needs++;
    snprintf(ears->need, sizeof(ears->need), "%s %s", event->kind,
             event->target);
    return ears->gives;
}

/* Makes /d/x: exits with the errno. */
#define MAKE_FOLDER                                                            \
    "(module " IMPORT_EXIT " (import \"wasi_snapshot_preview1\" "              \
    "\"path_create_directory\" (func $mk (param i32 i32 i32) (result i32))) "  \
    "(memory (export \"memory\") 1) (data (i32.const 0) \"x\") "               \
    "(func (export \"_start\") (call $exit (call $mk (i32.const 3) "           \
    "(i32.const 0) (i32.const 1)))))"

static bx_policy *map(const char *access)
{
    char folder[128];
    char value[160];

    snprintf(folder, sizeof(folder), "%s/d", pool_home);
    mkdir(folder, 0700);
    snprintf(value, sizeof(value), "%s/x", folder);
    rmdir(value);
    snprintf(value, sizeof(value), "%s::/d%s", folder, access);
    return make_pool_policy("wasm-cache-dir", "", "map-dir", value, NULL);
}

static uint32_t run_listening(const bx_policy *policy, heard *ears)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, MAKE_FOLDER, policy);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_result *result;
    uint32_t code;

    options.audit = on_audit;
    options.audit_context = ears;
    options.effect = on_effect;
    options.effect_context = ears;
    options.need = on_need;
    options.need_context = ears;
    result = run_box(&box, &options, NULL);
    code = bx_result_exit_code(result);
    bx_result_free(result);
    free_box(&box);
    bx_worker_pool_free(pool);
    return code;
}

static void tells_effects_and_asks_for_needs(void **state)
{
    bx_policy *policy = map("::rw");
    heard ears = { .gives = true };

    (void)state;
    assert_int_equal(run_listening(policy, &ears), 0);
    assert_string_equal(ears.effect, "path_create_directory /d/x");
    assert_string_equal(ears.need, "fs.write /d/x");
    assert_string_equal(ears.audit, "");
    bx_policy_free(policy);
}

static void tells_refusals(void **state)
{
    bx_policy *policy = map("::ro");
    heard ears = { .gives = true };

    (void)state;
    assert_int_not_equal(run_listening(policy, &ears), 0);
    assert_non_null(strstr(ears.audit, "path_create_directory /d/x: "));
    assert_string_equal(ears.effect, "");
    bx_policy_free(policy);
}

static void takes_no_for_an_answer(void **state)
{
    bx_policy *policy = map("::rw");
    heard ears = { .gives = false };

    (void)state;
    assert_int_not_equal(run_listening(policy, &ears), 0);
    assert_int_equal(ears.needs, 1);
    assert_non_null(strstr(ears.audit, "refused when asked"));
    assert_string_equal(ears.effect, "");
    bx_policy_free(policy);
}

/* Asks for the list of tools and exits with the first byte of its input. */
#define ASK_THEN_READ                                                          \
    "(module " IMPORT_EXIT " (import \"boxagnts\" \"tool_list\" "              \
    "(func $list (param i32) (result i32))) "                                  \
    "(import \"wasi_snapshot_preview1\" \"fd_read\" (func $read (param i32 "   \
    "i32 i32 i32) (result i32))) (memory (export \"memory\") 1) "              \
    "(data (i32.const 16) \"@\\00\\00\\00\\01\") "                             \
    "(func (export \"_start\") (drop (call $list (i32.const 0))) "             \
    "(drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) "            \
    "(i32.const 32))) (call $exit (i32.load8_u (i32.const 64)))))"

static int list_tools(void *context, const bx_caller *caller,
                      bx_service_result *ret_result, bx_error **err)
{
    static const char list[4096];

    (void)context;
    (void)caller;
    (void)err;
    return bx_buf_append(&ret_result->output[0], list, sizeof(list), SIZE_MAX);
}

/* Answers that come meanwhile do not take the place of a call's own words. */
static void keeps_input_while_it_asks(void **state)
{
    const bx_services services = { .tool_list = list_tools };
    const bx_run_extra extra = { .services = &services };
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, ASK_THEN_READ, NULL);
    bx_run_options options = BX_RUN_OPTIONS_INIT;

    (void)state;
    options.stdin_data = "A";
    options.stdin_bytes = 1;
    for (int i = 0; i < 3; i++) {
        bx_result *result = run_box_with(&box, &options, &extra);

        assert_string_equal(bx_result_message(result), "");
        assert_int_equal(bx_result_exit_code(result), 'A');
        bx_result_free(result);
    }
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* ---- code ------------------------------------------------------------ */

static bool is_cached(const bx_policy *policy, const char *wat)
{
    bx_engine *engine = bx_engine_new(NULL, NULL);
    bx_module *module =
        bx_module_parse(engine, wat, strlen(wat), "m", policy, NULL);
    bool is_so = bx_module_is_cached(module);

    bx_module_free(module);
    bx_engine_free(engine);
    return is_so;
}

/* One cache for both: what a worker's child compiled serves this process. */
static void keeps_code_in_the_cache(void **state)
{
    char folder[128];
    bx_policy *policy;
    bx_worker_pool *pool;
    test_box box;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/cache", pool_home);
    policy = make_pool_policy("wasm-cache-dir", folder, NULL);
    pool = make_pool(NULL);
    box = make_box(pool, SEVEN, policy);
    bx_result_free(run_box(&box, NULL, NULL));
    free_box(&box);
    bx_worker_pool_free(pool);
    assert_true(is_cached(policy, SEVEN));
    bx_policy_free(policy);
}

static void spoil(const char *folder)
{
    char command[256];

    snprintf(command, sizeof(command),
             "for f in %s/*.bxc; do printf x | dd of=$f bs=1 seek=200 "
             "conv=notrunc 2>/dev/null; done",
             folder);
    assert_int_equal(system(command), 0);
}

static void compiles_anew_what_was_altered_in_the_cache(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    char folder[128];
    bx_policy *policy;
    test_box box;
    bx_result *result;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/spoiled", pool_home);
    policy = make_pool_policy("wasm-cache-dir", folder, NULL);
    for (int i = 0; i < 2; i++) {
        box = make_guest_box(pool, "echo", policy);
        result = run_box(&box, NULL, NULL);
        assert_int_equal(bx_result_exit_code(result), 0);
        bx_result_free(result);
        free_box(&box);
        if (i == 0)
            spoil(folder);
    }
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void expect_no_module(bx_worker_pool *pool, const char *bytes,
                             size_t count, const bx_policy *policy,
                             uint64_t timeout_ms, bx_code code,
                             const char *text)
{
    bx_error *err = NULL;

    assert_null(bx_worker_module_new(pool, bytes, count, "it", policy,
                                     timeout_ms, &err));
    if (bx_error_code(err) != code ||
        strstr(bx_error_message(err), text) == NULL)
        fail_msg("%s: %s", bx_code_name(bx_error_code(err)),
                 bx_error_message(err));
    bx_error_free(err);
}

static void refuses_what_is_no_module(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);

    (void)state;
    expect_no_module(pool, "", 0, NULL, 0, BX_ERR_INVALID, "not WebAssembly");
    expect_no_module(pool, "(module", 7, NULL, 0, BX_ERR_INVALID, "it");
    expect_no_module(pool, "\0asm\1\0\0\0\377", 9, NULL, 0, BX_ERR_INVALID,
                     "not a valid module");
    expect_no_module(pool, "\0asm\15\0\1\0\377", 9, NULL, 0, BX_ERR_INVALID,
                     "not a valid component");
    bx_worker_pool_free(pool);
}

/* Functions enough to keep the compiler busy. */
static char *make_large(size_t *ret_count)
{
    bx_buf text = BX_BUF_INIT;

    bx_buf_puts(&text, "(module ");
    for (int i = 0; i < 20000; i++)
        bx_buf_puts(&text, "(func (param i32) (result i32) (i32.mul (i32.add "
                           "(local.get 0) (i32.const 3)) (local.get 0)))");
    bx_buf_puts(&text, ")");
    *ret_count = text.len;
    return bx_buf_take(&text);
}

static void ends_a_compilation_in_time(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy = make_pool_policy("wasm-cache-dir", "", NULL);
    size_t count;
    bx_autofree char *large = make_large(&count);

    (void)state;
    expect_no_module(pool, large, count, policy, 5, BX_ERR_TIMEOUT, "compile");
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void serves_one_module_under_several_settings(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *plain = make_pool_policy("wasm-cache-dir", "", NULL);
    bx_policy *fuelled =
        make_pool_policy("wasm-cache-dir", "", "wasm-fuel", "100000", NULL);
    test_box box = make_box(pool, SEVEN, plain);
    test_box other = { box.module,
                       bx_worker_box_new(pool, box.module, fuelled, NULL) };
    bx_result *result;
    bx_stats stats;

    (void)state;
    assert_non_null(other.box);
    result = run_box(&other, NULL, NULL);
    assert_int_equal(bx_result_exit_code(result), 7);
    bx_result_stats(result, &stats, sizeof(stats));
    assert_true(stats.fuel_units > 0);
    bx_result_free(result);
    bx_worker_box_free(other.box);
    free_box(&box);
    bx_policy_free(plain);
    bx_policy_free(fuelled);
    bx_worker_pool_free(pool);
}

/* Many modules come and go in a worker that stays. */
static void lets_go_of_modules(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box keeper = make_box(pool, SEVEN, NULL);
    pid_t pid = keeper.box->process->pid;

    (void)state;
    for (int i = 0; i < 20; i++) {
        char wat[256];
        test_box box;
        bx_result *result;

        snprintf(wat, sizeof(wat),
                 PLAIN(IMPORT_EXIT, "(call $exit (i32.const %d))"), i);
        box = make_box(pool, wat, NULL);
        assert_int_equal(box.box->process->pid, pid);
        result = run_box(&box, NULL, NULL);
        assert_int_equal(bx_result_exit_code(result), i);
        bx_result_free(result);
        free_box(&box);
    }
    free_box(&keeper);
    bx_worker_pool_free(pool);
}

/* ---- the process ----------------------------------------------------- */

static void locks_each_worker_down(void **state)
{
    const bx_worker_options options = { .max_instances = 2 };
    const bx_lockdown_support *support = bx_lockdown_probe();
    bx_worker_pool *pool = make_pool(&options);
    test_box box = make_box(pool, SEVEN, NULL);

    (void)state;
    for (int i = 0; i < BX_LOCKDOWN_CGROUP; i++)
        assert_int_equal(box.box->process->layers[i], support->has[i]);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static bool is_allowed(const char *target)
{
    static const char *const known[] = {
        "/dev/null", "socket:", "/memfd:", "anon_inode:", "/proc/",
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strncmp(target, known[i], strlen(known[i])) == 0)
            return true;
    }
    return strncmp(target, pool_home, strlen(pool_home)) == 0;
}

/* Whoever started this process gave it what a worker must not have. */
static void inherits_nothing(void **state)
{
    bx_policy *policy = map("::ro");
    int leak = open("/etc/passwd", O_RDONLY); /* without O_CLOEXEC */
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, SEVEN, policy);
    char path[64];
    char target[256];
    bx_autofree char *environment = NULL;
    size_t count = 0;
    size_t sockets = 0;

    (void)state;
    assert_true(leak >= 0);
    for (int fd = 0; fd < 64; fd++) {
        ssize_t bytes;

        snprintf(path, sizeof(path), "/proc/%d/fd/%d",
                 (int)box.box->process->pid, fd);
        bytes = readlink(path, target, sizeof(target) - 1);
        if (bytes < 0)
            continue;
        target[bytes] = '\0';
        if (!is_allowed(target))
            fail_msg("descriptor %d is %s", fd, target);
        sockets += strncmp(target, "socket:", 7) == 0;
    }
    /* Its control, and a channel for each call at once so far. */
    assert_true(sockets <= 2);
    /* Nobody but root may look; who does sees nothing. */
    snprintf(path, sizeof(path), "/proc/%d/environ",
             (int)box.box->process->pid);
    if (bx_file_read(path, 4096, &environment, &count, NULL) == 0)
        assert_int_equal(count, 0);
    close(leak);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

/* Like the engine's: nothing of it runs in a child of fork(). */
static void refuses_to_serve_a_child(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, SEVEN, NULL);
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        static const char *const argv[] = { "guest" };
        bx_result *result = NULL;
        bx_error *err = NULL;

        if (bx_worker_box_run(box.box, 1, argv, NULL, NULL, &result, &err) ==
                0 ||
            bx_error_code(err) != BX_ERR_INVALID)
            _exit(1);
        bx_worker_pool_free(pool);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    bx_result_free(run_box(&box, NULL, NULL));
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* ---- descriptors that a worker has no place for ----------------------- */

enum { CROWD = 10, CROWD_FILES = 48 };

typedef struct crowd {
    bx_worker_pool *pool;
    test_box box;
    bx_run_options options;
    atomic_int refused;
} crowd;

static void *call_in_crowd(void *argument)
{
    static const char *const argv[] = { "guest" };
    crowd *all = argument;
    bx_autoerror bx_error *err = NULL;
    bx_result *result = NULL;

    if (bx_worker_box_run(all->box.box, 1, argv, &all->options, NULL, &result,
                          &err) < 0)
        all->refused +=
            strstr(bx_error_message(err), "too many calls at once") != NULL;
    bx_result_free(result);
    return NULL;
}

static bool is_crowd_there(void *context)
{
    const crowd *all = context;
    bx_worker_stats stats;

    bx_worker_pool_stats(all->pool, &stats);
    return all->refused + (int)stats.calls >= CROWD;
}

/* Each call takes four descriptors in the worker and one here. */
static int run_crowd(void)
{
    const struct rlimit few = { CROWD_FILES, CROWD_FILES };
    const bx_worker_options options = { .max_instances = 2 * CROWD };
    pthread_t threads[CROWD];
    bx_worker_stats stats;
    crowd all = { .options = BX_RUN_OPTIONS_INIT };
    int ends[2];

    setrlimit(RLIMIT_NOFILE, &few);
    all.pool = make_pool(&options);
    all.box = make_guest_box(all.pool, "echo", NULL);
    all.options.cancel = bx_cancel_new();
    if (pipe2(ends, O_CLOEXEC) < 0)
        return 1;
    all.options.stdin_fd = ends[0];
    all.options.stdout_fd = ends[1]; /* nothing is written */
    all.options.stderr_fd = ends[1];
    for (int i = 0; i < CROWD; i++)
        pthread_create(&threads[i], NULL, call_in_crowd, &all);
    if (!wait_until(is_crowd_there, &all))
        return 2;
    bx_cancel_trigger(all.options.cancel);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    bx_worker_pool_stats(all.pool, &stats);
    free_box(&all.box);
    bx_worker_pool_free(all.pool);
    bx_cancel_free(all.options.cancel);
    return all.refused > 0 && stats.lost == 0 && stats.started == 1 ? 0 : 3;
}

static void refuses_the_call_it_has_no_descriptors_for(void **state)
{
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0)
        _exit(run_crowd());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The engine of this process keeps a descriptor for good. */
static int make_home_and_engine(void **state)
{
    bx_engine *engine = bx_engine_new(NULL, NULL);

    bx_module_free(bx_module_parse(engine, "(module)", 8, "first", NULL, NULL));
    bx_engine_free(engine);
    return make_pool_home(state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_exits),
        cmocka_unit_test(carries_input_and_output_of_any_size),
        cmocka_unit_test(cuts_output_at_its_limit),
        cmocka_unit_test(hands_descriptors_over),
        cmocka_unit_test(has_closed_what_it_was_given),
        cmocka_unit_test(tells_effects_and_asks_for_needs),
        cmocka_unit_test(tells_refusals),
        cmocka_unit_test(takes_no_for_an_answer),
        cmocka_unit_test(keeps_input_while_it_asks),
        cmocka_unit_test(keeps_code_in_the_cache),
        cmocka_unit_test(compiles_anew_what_was_altered_in_the_cache),
        cmocka_unit_test(refuses_what_is_no_module),
        cmocka_unit_test(ends_a_compilation_in_time),
        cmocka_unit_test(serves_one_module_under_several_settings),
        cmocka_unit_test(lets_go_of_modules),
        cmocka_unit_test(locks_each_worker_down),
        cmocka_unit_test(inherits_nothing),
        cmocka_unit_test(refuses_to_serve_a_child),
        cmocka_unit_test(refuses_the_call_it_has_no_descriptors_for),
    };

    POOL_MAIN(argc, argv);
    return cmocka_run_group_tests(tests, make_home_and_engine,
                                  remove_pool_home);
}
