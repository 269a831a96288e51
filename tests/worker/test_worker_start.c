/* Starting a worker takes time: of the call that needs it, and of no other. The
 * template is stopped, or what it forks never answers. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "sandbox/result.h"
#include "worker/answer.h"
#include "worker/support_pool.h"

#define MUTE_INSTANCES 3 /* tells the program whose workers never answer */
#define QUICK PLAIN(IMPORT_EXIT, "(call $exit (i32.const 7))")

/* No test here may take what a hanging process is given. */
#define LONG_MS 8000

static bx_policy *policy_number(int number)
{
    char timeout[32];

    snprintf(timeout, sizeof(timeout), "%dms", 20000 + number);
    return make_pool_policy("wasm-cache-dir", "", "wasm-timeout", timeout,
                            NULL);
}

/* ---- a template whose workers never answer --------------------------------
 */

static int be_mute(void)
{
    bx_channel host;
    bx_frame message;

    if (bx_channel_open(&host, 3, NULL) < 0)
        return 9;
    while (bx_channel_receive(&host, BX_FRAME_MAX_BYTES, 1, 0, &message,
                              NULL) == 1) {
        bx_wire_in in = bx_frame_body(&message);
        uint64_t zero = 0;
        bx_buf reply = { (char *)&zero, 8, 8 };
        siginfo_t info = { 0 };
        int pidfd = -1;
        pid_t pid;

        if (message.type == BX_FRAME_FORK) {
            pid = fork();
            if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                    pause();
            }
            pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
            memcpy(&zero, &pid, sizeof(pid));
            reply.len = 4;
        } else if (message.type == BX_FRAME_REAP) {
            (void)waitid(P_PID, bx_wire_get_u32(&in), &info, WEXITED);
            zero = (uint64_t)(uint32_t)info.si_status << 8;
            reply.len = 5;
        }
        (void)bx_channel_reply(&host, &reply, &pidfd, pidfd >= 0, NULL);
        if (pidfd >= 0)
            close(pidfd);
        bx_frame_clear(&message);
    }
    return 0;
}

/* ---- calls --------------------------------------------------------------- */

/* A box whose worker is gone: its next call starts another. */
static bool has_no_worker(void *context)
{
    bx_worker_stats stats;

    bx_worker_pool_stats(context, &stats);
    return stats.workers == 0;
}

static bool has_one_worker(void *context)
{
    bx_worker_stats stats;

    bx_worker_pool_stats(context, &stats);
    return stats.workers == 1;
}

static void end_workers(bx_worker_pool *pool)
{
    int pids[8];
    size_t count = bx_worker_pool_pids(pool, pids, 8);

    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    assert_true(wait_until(has_no_worker, pool));
}

typedef struct timed {
    pthread_t thread;
    const test_box *box;
    bx_run_options options;
    int64_t took_ns;
    bx_result *result;
} timed;

static void *run_timed(void *argument)
{
    timed *call = argument;
    int64_t begin_ns = bx_now_ns();

    call->result = run_box(call->box, &call->options, NULL);
    call->took_ns = bx_now_ns() - begin_ns;
    return NULL;
}

static void begin(timed *call, const test_box *box, uint64_t timeout_ms,
                  bx_cancel *cancel)
{
    *call = (timed){ .box = box, .options = BX_RUN_OPTIONS_INIT };
    call->options.timeout_ms = timeout_ms;
    call->options.cancel = cancel;
    pthread_create(&call->thread, NULL, run_timed, call);
}

static void expect(timed *call, bx_code code, const char *text)
{
    pthread_join(call->thread, NULL);
    if (bx_result_code(call->result) != code)
        fail_msg("%s: %s", bx_code_name(bx_result_code(call->result)),
                 bx_result_message(call->result));
    assert_non_null(strstr(bx_result_message(call->result), text));
    /* What hangs is given longer: the call did not wait for that. */
    assert_true(call->took_ns < LONG_MS * INT64_C(1000000));
    bx_result_free(call->result);
}

static void expect_seven(timed *call)
{
    pthread_join(call->thread, NULL);
    assert_string_equal(bx_result_message(call->result), "");
    assert_int_equal(bx_result_exit_code(call->result), 7);
    bx_result_free(call->result);
}

static void stop_template(const bx_worker_pool *pool)
{
    stop_process(pool->template_.pid);
}

static void continue_template(const bx_worker_pool *pool)
{
    kill(pool->template_.pid, SIGCONT);
}

static size_t count_template_children(const bx_worker_pool *pool)
{
    char path[64];
    bx_autofree char *text = NULL;
    size_t count = 0;
    int pid = (int)pool->template_.pid;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    assert_int_equal(bx_file_read(path, 65536, &text, NULL, NULL), 0);
    for (const char *at = text; *at != '\0'; at++)
        count += *at == ' ';
    return count;
}

static bool has_known_children(void *context)
{
    bx_worker_stats stats;

    bx_worker_pool_stats(context, &stats);
    return count_template_children(context) == stats.workers;
}

/* ---- a template that hangs ------------------------------------------------
 */

static void a_call_ends_in_time_though_the_template_hangs(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    bx_cancel *cancel = bx_cancel_new();
    timed calls[3];

    (void)state;
    pool->template_.hang_ns = INT64_C(3600000000000); /* it is not replaced */
    end_workers(pool);
    stop_template(pool);
    begin(&calls[0], &box, 300, NULL);
    begin(&calls[1], &box, 600, NULL);
    begin(&calls[2], &box, 0, cancel);
    expect(&calls[0], BX_ERR_TIMEOUT, "waited for a worker");
    expect(&calls[1], BX_ERR_TIMEOUT, "waited for a worker");
    bx_cancel_trigger(cancel);
    expect(&calls[2], BX_ERR_CANCELLED, "waited for a worker");
    /* It goes on, and so do calls; what nobody waited for is cleared away. */
    continue_template(pool);
    begin(&calls[0], &box, 0, NULL);
    expect_seven(&calls[0]);
    assert_true(wait_until(has_known_children, pool));
    bx_cancel_free(cancel);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static void who_has_a_worker_needs_no_template(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy = policy_number(1);
    test_box box = make_box(pool, QUICK, NULL);
    test_box other = make_box(pool, QUICK, policy);
    int pid = 0;
    timed calls[2];

    (void)state;
    pool->template_.hang_ns = INT64_C(3600000000000);
    assert_int_equal(bx_worker_pool_pids(pool, &pid, 1), 1);
    kill(pid, SIGKILL); /* the newest: other's */
    assert_true(wait_until(has_one_worker, pool));
    stop_template(pool);
    begin(&calls[0], &other, 600, NULL);
    begin(&calls[1], &box, 0, NULL);
    expect_seven(&calls[1]);
    expect(&calls[0], BX_ERR_TIMEOUT, "waited for a worker");
    continue_template(pool);
    free_box(&box);
    free_box(&other);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void a_template_that_hangs_is_replaced(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    timed calls[4];
    pid_t first = pool->template_.pid;

    (void)state;
    pool->template_.hang_ns = 500000000;
    end_workers(pool);
    stop_template(pool);
    for (int i = 0; i < 4; i++)
        begin(&calls[i], &box, 0, NULL);
    for (int i = 0; i < 4; i++)
        expect_seven(&calls[i]);
    assert_int_not_equal(pool->template_.pid, first);
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* Its workers die as they did; the host is told how, later. */
static void a_worker_that_dies_while_the_template_hangs(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    bx_worker_stats stats;
    timed call;

    (void)state;
    pool->template_.hang_ns = INT64_C(3600000000000);
    stop_template(pool);
    end_workers(pool);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.lost, 1);
    continue_template(pool);
    begin(&call, &box, 0, NULL);
    expect_seven(&call);
    assert_true(wait_until(has_known_children, pool));
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* ---- a pool that ends -----------------------------------------------------
 */

static void a_pool_ends_though_its_template_hangs(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    int64_t begin_ns = bx_now_ns();

    (void)state;
    stop_template(pool);
    free_box(&box);
    bx_worker_pool_free(pool);
    assert_true(bx_now_ns() - begin_ns < LONG_MS * INT64_C(1000000));
}

/* ---- a worker that hangs --------------------------------------------------
 */

static const bx_worker_options mute_options = {
    .max_instances = MUTE_INSTANCES,
};

typedef struct waiter {
    pthread_t thread;
    bx_worker_pool *pool;
    bx_worker_module *module;
    bx_wait wait;
    bx_code code;
} waiter;

static void *open_box(void *argument)
{
    waiter *one = argument;
    bx_error *err = NULL;

    assert_null(bx_worker_box_new_within(one->pool, one->module, NULL,
                                         &one->wait, &err));
    one->code = bx_error_code(err);
    bx_error_free(err);
    return NULL;
}

/* All want the same worker: one starts it, the others wait for that one. */
static void nobody_waits_longer_than_it_wants_for_a_worker(void **state)
{
    static const char module[8] = { 0, 'a', 's', 'm', 1 };
    bx_worker_pool *pool = make_pool(&mute_options);
    bx_cancel *cancel = bx_cancel_new();
    bx_worker_module it = {
        .pool = pool, .id = 1, .name = (char *)"mute", .binary = -1
    };
    bx_module_fd code = { .limits = BX_LIMITS_DEFAULT,
                          .fd = bx_channel_memory(module, 8, NULL) };
    waiter all[4];
    bx_worker_stats stats;
    int64_t begin_ns = bx_now_ns();

    (void)state;
    pthread_mutex_init(&it.mutex, NULL);
    it.codes = &code;
    for (int i = 0; i < 4; i++) {
        all[i] =
            (waiter){ .pool = pool,
                      .module = &it,
                      .wait = bx_wait_for_ms(i < 3 ? 200 * (i + 1) : 3600000) };
        if (i == 3)
            all[i].wait.cancel = cancel;
        pthread_create(&all[i].thread, NULL, open_box, &all[i]);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(all[i].thread, NULL);
        assert_int_equal(all[i].code, BX_ERR_TIMEOUT);
    }
    bx_cancel_trigger(cancel);
    pthread_join(all[3].thread, NULL);
    assert_int_equal(all[3].code, BX_ERR_CANCELLED);
    assert_true(bx_now_ns() - begin_ns < LONG_MS * INT64_C(1000000));
    assert_true(wait_until(has_no_worker, pool));
    assert_true(wait_until(has_known_children, pool));
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.started, 0);
    close(code.fd);
    pthread_mutex_destroy(&it.mutex);
    bx_cancel_free(cancel);
    bx_worker_pool_free(pool);
}

/* It was there and ready; then another module is to be made ready in it. */
static void a_worker_that_hangs_gets_no_more_calls(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    bx_policy *policy = make_pool_policy("wasm-cache-dir", "", NULL);
    bx_worker_module *module = bx_worker_module_new(
        pool, PLAIN("", ""), strlen(PLAIN("", "")), "other", policy, 0, NULL);
    bx_error *err = NULL;
    bx_wait wait;
    bx_worker_box *other;
    timed call;
    int pid = 0;
    int next = 0;

    (void)state;
    assert_int_equal(bx_worker_pool_pids(pool, &pid, 1), 1);
    stop_process(pid);
    wait = bx_wait_for_ms(300);
    assert_null(bx_worker_box_new_within(pool, module, policy, &wait, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_TIMEOUT);
    bx_error_free(err);
    err = NULL;
    wait = bx_wait_for_ms(20000);
    other = bx_worker_box_new_within(pool, module, policy, &wait, &err);
    assert_non_null(other);
    assert_int_equal(bx_worker_pool_pids(pool, &next, 1), 1);
    assert_int_not_equal(next, pid);
    begin(&call, &box, 0, NULL);
    expect_seven(&call);
    bx_worker_box_free(other);
    bx_worker_module_free(module);
    bx_policy_free(policy);
    free_box(&box);
    bx_worker_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_ends_in_time_though_the_template_hangs),
        cmocka_unit_test(who_has_a_worker_needs_no_template),
        cmocka_unit_test(a_template_that_hangs_is_replaced),
        cmocka_unit_test(a_worker_that_dies_while_the_template_hangs),
        cmocka_unit_test(a_pool_ends_though_its_template_hangs),
        cmocka_unit_test(nobody_waits_longer_than_it_wants_for_a_worker),
        cmocka_unit_test(a_worker_that_hangs_gets_no_more_calls),
    };

    if (argc > 2 && strcmp(argv[1], BX_WORKER_ARGUMENT) == 0 &&
        atoi(argv[2]) == MUTE_INSTANCES)
        return be_mute();
    POOL_MAIN(argc, argv);
    return cmocka_run_group_tests(tests, make_pool_home, remove_pool_home);
}
