/* What goes wrong in one worker costs the calls in it, and nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "worker/box.h"
#include "worker/support_pool.h"

/* Says that it runs, and goes on for ever. */
#define LOOP                                                                   \
    PLAIN(IMPORT_WRITE, "(i32.store (i32.const 4) (i32.const 1)) "             \
                        "(drop (call $fd_write (i32.const 1) (i32.const 0) "   \
                        "(i32.const 1) (i32.const 8))) (loop $l (br $l))")
#define QUICK PLAIN(IMPORT_EXIT, "(call $exit (i32.const 7))")

/* ---- calls on threads ------------------------------------------------ */

typedef struct background {
    pthread_t thread;
    const test_box *box;
    bx_run_options options;
    int said[2]; /* a pipe: what it says */
    bx_result *result;
} background;

static void *run_background(void *argument)
{
    background *call = argument;

    call->result = run_box(call->box, &call->options, NULL);
    return NULL;
}

static void start(background *call, const test_box *box, bx_cancel *cancel)
{
    *call = (background){ .box = box, .options = BX_RUN_OPTIONS_INIT };
    assert_int_equal(pipe2(call->said, O_CLOEXEC), 0);
    call->options.stdout_fd = call->said[1];
    call->options.cancel = cancel;
    pthread_create(&call->thread, NULL, run_background, call);
}

/* Until the guest runs: a call that nobody read would be made again. */
static void start_loop(background *call, const test_box *box, bx_cancel *cancel)
{
    char byte;

    start(call, box, cancel);
    assert_int_equal(read(call->said[0], &byte, 1), 1);
}

static bx_result *finish(background *call)
{
    pthread_join(call->thread, NULL);
    close(call->said[0]);
    close(call->said[1]);
    return call->result;
}

static pthread_t later;

static void *trigger_later(void *argument)
{
    usleep(300000);
    bx_cancel_trigger(argument);
    return NULL;
}

static void cancel_later(bx_cancel *cancel)
{
    pthread_create(&later, NULL, trigger_later, cancel);
}

static void finish_cancel(void)
{
    pthread_join(later, NULL);
}

typedef struct expected_stats {
    bx_worker_pool *pool;
    uint32_t calls;
    uint32_t workers;
} expected_stats;

static bool has_calls(void *context)
{
    const expected_stats *expected = context;
    bx_worker_stats stats;

    bx_worker_pool_stats(expected->pool, &stats);
    return stats.calls == expected->calls;
}

static bool has_workers(void *context)
{
    const expected_stats *expected = context;
    bx_worker_stats stats;

    bx_worker_pool_stats(expected->pool, &stats);
    return stats.workers == expected->workers;
}

/* The call is counted before it is sent: give it the time to be running. */
static void wait_running(bx_worker_pool *pool, uint32_t calls)
{
    expected_stats expected = { .pool = pool, .calls = calls };

    assert_true(wait_until(has_calls, &expected));
    usleep(50000);
}

static uint64_t lost(bx_worker_pool *pool)
{
    bx_worker_stats stats;

    bx_worker_pool_stats(pool, &stats);
    return stats.lost;
}

static int pid_of(const test_box *box)
{
    return (int)box->box->process->pid;
}

static void stop(const test_box *box)
{
    stop_process(pid_of(box));
}

static void expect_lost(bx_result *result, const char *text)
{
    assert_int_equal(bx_result_code(result), BX_ERR_SYSTEM);
    if (strstr(bx_result_message(result), text) == NULL)
        fail_msg("'%s' is not in '%s'", text, bx_result_message(result));
    bx_result_free(result);
}

static void expect_seven(const test_box *box)
{
    bx_result *result = run_box(box, NULL, NULL);

    assert_string_equal(bx_result_message(result), "");
    assert_int_equal(bx_result_exit_code(result), 7);
    bx_result_free(result);
}

/* ---- a worker -------------------------------------------------------- */

static void survives_a_kill(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *other_policy =
        make_pool_policy("wasm-cache-dir", "", "wasm-timeout", "20s", NULL);
    test_box loop = make_box(pool, LOOP, NULL);
    test_box quick = make_box(pool, QUICK, NULL);
    test_box other = make_box(pool, LOOP, other_policy);
    bx_cancel *cancel = bx_cancel_new();
    background calls[3];

    (void)state;
    assert_int_equal(pid_of(&loop), pid_of(&quick));
    assert_int_not_equal(pid_of(&loop), pid_of(&other));
    start_loop(&calls[0], &loop, NULL);
    start_loop(&calls[1], &loop, NULL);
    start_loop(&calls[2], &other, cancel);
    kill(pid_of(&loop), SIGKILL);
    expect_lost(finish(&calls[0]), "signal 9, SIGKILL");
    expect_lost(finish(&calls[1]), "signal 9, SIGKILL");
    assert_int_equal(lost(pool), 1);
    expect_seven(&quick);
    /* The other one was still at it. */
    assert_true(calls[2].result == NULL);
    bx_cancel_trigger(cancel);
    finish(&calls[2]);
    assert_int_equal(bx_result_code(calls[2].result), BX_ERR_CANCELLED);
    bx_result_free(calls[2].result);
    bx_cancel_free(cancel);
    free_box(&loop);
    free_box(&quick);
    free_box(&other);
    bx_policy_free(other_policy);
    bx_worker_pool_free(pool);
}

/* The engine takes faults of guests: not these, each the first of its worker.
 */
static void ends_by_a_fault_that_is_no_guests(void **state)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
    static const char *const names[] = { "signal 11, SIGSEGV", "SIGBUS",
                                         "SIGILL", "SIGFPE" };
    bx_worker_pool *pool = make_pool(NULL);
    test_box loop = make_box(pool, LOOP, NULL);
    test_box quick = make_box(pool, QUICK, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        bx_cancel *cancel = bx_cancel_new();
        background call;

        expect_seven(&quick);
        start_loop(&call, &loop, cancel);
        kill(pid_of(&loop), faults[i]);
        usleep(200000);
        bx_cancel_trigger(cancel); /* one that lives on says so */
        expect_lost(finish(&call), names[i]);
        bx_cancel_free(cancel);
        assert_int_equal(lost(pool), i + 1);
    }
    free_box(&loop);
    free_box(&quick);
    bx_worker_pool_free(pool);
}

/* Dead, whether anyone has looked or not. */
static bool is_gone(void *context)
{
    char path[64];
    bx_autofree char *text = NULL;

    /* The first thread may be a zombie while another still takes a call. */
    snprintf(path, sizeof(path), "/proc/%d/status", *(int *)context);
    return bx_file_read(path, 4096, &text, NULL, NULL) < 0 ||
           (strstr(text, "State:\tZ") != NULL &&
            strstr(text, "Threads:\t1\n") != NULL);
}

static void replaces_one_that_died_idle(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    int first;

    (void)state;
    for (int i = 0; i < 10; i++) {
        expect_seven(&box);
        first = pid_of(&box);
        kill(first, SIGKILL);
        assert_true(wait_until(is_gone, &first));
        expect_seven(&box);
        assert_int_not_equal(pid_of(&box), first);
    }
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* It was sent to one that never read it: it had no effect yet. */
static void makes_a_call_again_that_nobody_read(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    background call;
    int first;

    (void)state;
    expect_seven(&box);
    first = pid_of(&box);
    stop(&box);
    start(&call, &box, NULL);
    wait_running(pool, 1);
    kill(first, SIGKILL);
    finish(&call);
    assert_string_equal(bx_result_message(call.result), "");
    assert_int_equal(bx_result_exit_code(call.result), 7);
    bx_result_free(call.result);
    assert_int_not_equal(pid_of(&box), first);
    free_box(&box);
    bx_worker_pool_free(pool);
}

static void ends_one_that_hangs(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy =
        make_pool_policy("wasm-cache-dir", "", "wasm-timeout", "300ms", NULL);
    test_box loop = make_box(pool, LOOP, policy);
    background call;

    (void)state;
    start_loop(&call, &loop, NULL);
    stop(&loop);
    expect_lost(finish(&call), "hung");
    assert_int_equal(lost(pool), 1);
    free_box(&loop);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void ends_one_that_ignores_a_cancel(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box loop = make_box(pool, LOOP, NULL);
    bx_cancel *cancel = bx_cancel_new();
    background call;

    (void)state;
    start_loop(&call, &loop, cancel);
    stop(&loop);
    bx_cancel_trigger(cancel);
    expect_lost(finish(&call), "hung");
    bx_cancel_free(cancel);
    free_box(&loop);
    bx_worker_pool_free(pool);
}

/* A server that takes no connection. */
static int make_mute_server(char *url, size_t bytes)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(url, bytes, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    return fd;
}

/* The host sees the cancel and answers; the worker has the flag for reading
 * only. */
static void lives_on_when_a_request_is_cancelled(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy =
        make_pool_policy("wasm-cache-dir", "", "allowed-outbound-host",
                         "http://127.0.0.1:*", NULL);
    test_box box = make_guest_box(pool, "http_get", policy);
    bx_cancel *cancel = bx_cancel_new();
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    char url[64];
    int server = make_mute_server(url, sizeof(url));
    bx_result *result;

    (void)state;
    options.cancel = cancel;
    cancel_later(cancel);
    result = run_box(&box, &options, url, NULL);
    assert_int_equal(bx_result_code(result), BX_ERR_CANCELLED);
    assert_int_equal(lost(pool), 0);
    bx_result_free(result);
    finish_cancel();
    close(server);
    bx_cancel_free(cancel);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void lets_a_guest_have_no_more_than_its_memory(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy = make_pool_policy("wasm-cache-dir", "",
                                         "wasm-max-memory-size", "8MiB", NULL);
    test_box bomb = make_guest_box(pool, "memory_bomb", policy);
    test_box quick = make_box(pool, QUICK, policy);
    bx_result *result = run_box(&bomb, NULL, NULL);

    (void)state;
    assert_int_not_equal(bx_result_code(result), BX_ERR_SYSTEM);
    bx_result_free(result);
    expect_seven(&quick);
    assert_int_equal(lost(pool), 0);
    free_box(&bomb);
    free_box(&quick);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

/* ---- the template ---------------------------------------------------- */

static void survives_a_template_that_is_killed(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box loop = make_box(pool, LOOP, NULL);
    test_box quick = make_box(pool, QUICK, NULL);
    background call;

    (void)state;
    for (int i = 0; i < 3; i++) {
        expect_seven(&quick);
        start_loop(&call, &loop, NULL);
        kill(pool->template_.pid, SIGKILL);
        expect_lost(finish(&call), "worker");
    }
    /* Killed while nothing runs: nobody notices. */
    kill(pool->template_.pid, SIGKILL);
    expect_seven(&quick);
    free_box(&loop);
    free_box(&quick);
    bx_worker_pool_free(pool);
}

static void tells_why_there_is_no_template(void **state)
{
    const bx_worker_options options = { .program = "/nonexistent/program" };
    bx_worker_pool *pool = bx_worker_pool_new(&options, NULL);
    bx_error *err = NULL;

    (void)state;
    assert_non_null(pool);
    assert_null(bx_worker_module_new(pool, "(module)", 8, "m", NULL, 0, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_SYSTEM);
    assert_non_null(strstr(bx_error_message(err), "template"));
    bx_error_free(err);
    bx_worker_pool_free(pool);
}

static bx_policy *policy_number(int number)
{
    char timeout[32];

    snprintf(timeout, sizeof(timeout), "%dms", 20000 + number);
    return make_pool_policy("wasm-cache-dir", "", "wasm-timeout", timeout,
                            NULL);
}

enum { HOG_MAX = 4096, SPARED_MAX = 12 };

/* Children of the template, those included that nobody waited for. */
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

/* No descriptor is free but for so many. */
static size_t hog(int *fds, int spared)
{
    size_t count = 0;

    while (count < HOG_MAX &&
           (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    assert_int_equal(errno, EMFILE);
    while (count > 0 && spared-- > 0)
        close(fds[--count]);
    return count;
}

static bool has_known_children(void *context)
{
    bx_worker_stats stats;

    bx_worker_pool_stats(context, &stats);
    return count_template_children(context) == stats.workers;
}

/* The descriptor of a new worker is the one that is missing. */
static void leaves_no_process_without_descriptors(void **state)
{
    struct rlimit limit;
    struct rlimit few;
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_box(pool, QUICK, NULL);
    bx_policy *policies[SPARED_MAX];
    int fds[HOG_MAX];

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = (struct rlimit){ 128, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int spared = 0; spared < SPARED_MAX; spared++) {
        size_t count;
        bx_error *err = NULL;
        bx_worker_box *other;

        policies[spared] = policy_number(100 + spared);
        count = hog(fds, spared);
        other = bx_worker_box_new(pool, box.module, policies[spared], &err);
        if (other == NULL)
            assert_int_equal(bx_error_errno(err), EMFILE);
        while (count > 0)
            close(fds[--count]);
        bx_error_free(err);
        bx_worker_box_free(other);
        assert_true(wait_until(has_known_children, pool));
    }
    expect_seven(&box);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < SPARED_MAX; i++)
        bx_policy_free(policies[i]);
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* ---- sessions -------------------------------------------------------- */

static bx_result *invoke(bx_worker_session *session, const char *function,
                         bx_error **err)
{
    bx_result *result = NULL;

    (void)bx_worker_session_invoke(session, function, NULL, NULL, &result, err);
    return result;
}

static void ends_sessions_with_their_worker(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box box = make_guest_box(pool, "component/typed", NULL);
    bx_worker_session *session = bx_worker_session_open(box.box, NULL, NULL);
    bx_error *err = NULL;
    bx_result *result;

    (void)state;
    assert_non_null(session);
    for (int i = 1; i < 3; i++) {
        result = invoke(session, "count", &err);
        assert_non_null(result);
        assert_int_equal(atoi(bx_result_value(result)), i);
        bx_result_free(result);
    }
    kill(pid_of(&box), SIGKILL);
    usleep(100000);
    assert_false(bx_worker_session_is_alive(session));
    assert_null(invoke(session, "count", &err));
    assert_int_equal(bx_error_code(err), BX_ERR_INVALID);
    assert_non_null(strstr(bx_error_message(err), "SIGKILL"));
    assert_non_null(strstr(bx_error_message(err), "open another"));
    bx_error_free(err);
    bx_worker_session_close(session);
    session = bx_worker_session_open(box.box, NULL, NULL);
    result = invoke(session, "count", NULL);
    assert_string_equal(bx_result_value(result), "1");
    bx_result_free(result);
    bx_worker_session_close(session);
    free_box(&box);
    bx_worker_pool_free(pool);
}

/* ---- coming and going ------------------------------------------------ */

static void retires_an_idle_worker(void **state)
{
    const bx_worker_options options = { .max_instances = 4, .idle_ms = 50 };
    bx_worker_pool *pool = make_pool(&options);
    test_box box = make_box(pool, QUICK, NULL);
    test_box typed = make_guest_box(pool, "component/typed", NULL);
    expected_stats expected = { .pool = pool };
    bx_worker_session *session;
    bx_result *result;

    (void)state;
    expect_seven(&box);
    assert_true(wait_until(has_workers, &expected));
    expect_seven(&box);
    /* A session keeps it. */
    session = bx_worker_session_open(typed.box, NULL, NULL);
    usleep(200000);
    result = invoke(session, "count", NULL);
    assert_non_null(result);
    bx_result_free(result);
    bx_worker_session_close(session);
    assert_true(wait_until(has_workers, &expected));
    assert_int_equal(lost(pool), 0);
    free_box(&box);
    free_box(&typed);
    bx_worker_pool_free(pool);
}

/* Several channels, one with a session, and the keeper looks more than once. */
static void leaves_alone_who_is_quiet(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    test_box loop = make_box(pool, LOOP, NULL);
    test_box quick = make_box(pool, QUICK, NULL);
    test_box typed = make_guest_box(pool, "component/typed", NULL);
    bx_worker_session *session = bx_worker_session_open(typed.box, NULL, NULL);
    bx_cancel *cancel = bx_cancel_new();
    background calls[4];
    bx_result *result;
    int pid = pid_of(&quick);

    (void)state;
    for (int i = 0; i < 4; i++)
        start_loop(&calls[i], &loop, cancel);
    bx_cancel_trigger(cancel);
    for (int i = 0; i < 4; i++)
        bx_result_free(finish(&calls[i]));
    for (int i = 0; i < 5; i++) {
        usleep(500000);
        expect_seven(&quick);
    }
    usleep(1500000);
    result = invoke(session, "count", NULL);
    assert_string_equal(bx_result_value(result), "1");
    bx_result_free(result);
    assert_int_equal(pid_of(&quick), pid);
    assert_int_equal(lost(pool), 0);
    bx_worker_session_close(session);
    bx_cancel_free(cancel);
    free_box(&loop);
    free_box(&quick);
    free_box(&typed);
    bx_worker_pool_free(pool);
}

static void evicts_the_least_used(void **state)
{
    const bx_worker_options options = { .max_instances = 4, .max_workers = 2 };
    bx_worker_pool *pool = make_pool(&options);
    bx_policy *policies[4];
    test_box boxes[4];
    bx_worker_stats stats;
    int second;

    (void)state;
    for (int i = 0; i < 4; i++)
        policies[i] = policy_number(i);
    for (int i = 0; i < 2; i++) {
        boxes[i] = make_box(pool, QUICK, policies[i]);
        expect_seven(&boxes[i]);
    }
    expect_seven(&boxes[0]);
    second = pid_of(&boxes[0]);
    boxes[2] = make_box(pool, QUICK, policies[2]);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.workers, 2);
    expect_seven(&boxes[0]);
    assert_int_equal(pid_of(&boxes[0]), second);
    /* And it comes back. */
    expect_seven(&boxes[1]);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.workers, 2);
    assert_int_equal(stats.lost, 0);
    for (int i = 0; i < 3; i++)
        free_box(&boxes[i]);
    for (int i = 0; i < 4; i++)
        bx_policy_free(policies[i]);
    bx_worker_pool_free(pool);
}

static void refuses_more_than_are_allowed(void **state)
{
    const bx_worker_options options = { .max_instances = 1, .max_workers = 1 };
    bx_worker_pool *pool = make_pool(&options);
    bx_policy *policy = policy_number(1);
    test_box loop = make_box(pool, LOOP, NULL);
    bx_cancel *cancel = bx_cancel_new();
    background call;
    bx_error *err = NULL;

    (void)state;
    start_loop(&call, &loop, cancel);
    assert_null(bx_worker_box_new(pool, loop.module, policy, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_LIMIT);
    bx_error_free(err);
    bx_cancel_trigger(cancel);
    bx_result_free(finish(&call));
    bx_cancel_free(cancel);
    free_box(&loop);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void keeps_one_worker_for_one_policy(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy = policy_number(1);
    test_box boxes[3];
    bx_worker_stats stats;

    (void)state;
    boxes[0] = make_box(pool, QUICK, NULL);
    boxes[1] = make_box(pool, LOOP, NULL);
    boxes[2] = make_box(pool, QUICK, policy);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.started, 2);
    assert_int_equal(pid_of(&boxes[0]), pid_of(&boxes[1]));
    for (int i = 0; i < 3; i++)
        free_box(&boxes[i]);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

/* The folder that a path names is part of the box. */
static void starts_anew_for_a_folder_that_was_replaced(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    char folder[128];
    char value[160];
    bx_policy *policy;
    test_box first;
    test_box second;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/mapped", pool_home);
    snprintf(value, sizeof(value), "%s::/d", folder);
    policy = make_pool_policy("wasm-cache-dir", "", "map-dir", value, NULL);
    assert_int_equal(mkdir(folder, 0700), 0);
    first = make_box(pool, QUICK, policy);
    assert_int_equal(rename(folder, strcat(value, "-old")), -1);
    snprintf(value, sizeof(value), "%s-old", folder);
    assert_int_equal(rename(folder, value), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    second = make_box(pool, QUICK, policy);
    assert_int_not_equal(pid_of(&first), pid_of(&second));
    free_box(&first);
    free_box(&second);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

static void tells_what_keeps_a_worker_from_starting(void **state)
{
    bx_worker_pool *pool = make_pool(NULL);
    bx_policy *policy = make_pool_policy("wasm-cache-dir", "", "map-dir",
                                         "/nonexistent-folder::/d", NULL);
    test_box box = make_box(pool, QUICK, NULL);
    bx_error *err = NULL;
    bx_worker_stats stats;

    (void)state;
    assert_null(bx_worker_box_new(pool, box.module, policy, &err));
    assert_int_equal(bx_error_code(err), BX_ERR_NOT_FOUND);
    assert_non_null(strstr(bx_error_message(err), "nonexistent-folder"));
    bx_error_free(err);
    bx_worker_pool_stats(pool, &stats);
    assert_int_equal(stats.workers, 1);
    free_box(&box);
    bx_policy_free(policy);
    bx_worker_pool_free(pool);
}

/* ---- many ------------------------------------------------------------ */

enum { CALLERS = 64, CALLS = 20, BOXES = 4 };

typedef struct crowd {
    test_box boxes[BOXES];
    atomic_int done;
    atomic_int lost;
    atomic_int wrong;
    atomic_bool is_over;
} crowd;

static void *call_often(void *argument)
{
    crowd *all = argument;

    for (int i = 0; i < CALLS; i++) {
        static const char *const argv[] = { "guest" };
        bx_result *result = NULL;
        bx_error *err = NULL;

        if (bx_worker_box_run(all->boxes[i % BOXES].box, 1, argv, NULL, NULL,
                              &result, &err) < 0) {
            /* Killed again and again while it was looked for. */
            if (bx_error_code(err) == BX_ERR_SYSTEM)
                atomic_fetch_add(&all->lost, 1);
            else
                atomic_fetch_add(&all->wrong, 1);
            bx_error_free(err);
            continue;
        }
        if (bx_result_code(result) == BX_ERR_SYSTEM)
            atomic_fetch_add(&all->lost, 1);
        else if (bx_result_exit_code(result) == 7)
            atomic_fetch_add(&all->done, 1);
        else
            atomic_fetch_add(&all->wrong, 1);
        bx_result_free(result);
    }
    return NULL;
}

static void run_crowd(bx_worker_pool *pool, crowd *all, bool kills)
{
    pthread_t threads[CALLERS];
    int pids[8];

    for (int i = 0; i < BOXES; i++) {
        bx_policy *policy = policy_number(i);

        all->boxes[i] = make_box(pool, QUICK, policy);
        bx_policy_free(policy);
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_create(&threads[i], NULL, call_often, all);
    for (int i = 0; kills && i < 20; i++) {
        size_t count = bx_worker_pool_pids(pool, pids, 8);

        if (count > 0)
            kill(pids[(size_t)i % count], SIGKILL);
        usleep(5000);
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < BOXES; i++)
        free_box(&all->boxes[i]);
}

static void serves_many_callers(void **state)
{
    const bx_worker_options options = { .max_instances = CALLERS };
    bx_worker_pool *pool = make_pool(&options);
    crowd all = { .done = 0 };

    (void)state;
    run_crowd(pool, &all, false);
    assert_int_equal(all.done, CALLERS * CALLS);
    assert_int_equal(lost(pool), 0);
    bx_worker_pool_free(pool);
}

static void loses_no_call_without_an_error(void **state)
{
    const bx_worker_options options = { .max_instances = CALLERS };
    bx_worker_pool *pool = make_pool(&options);
    crowd all = { .done = 0 };

    (void)state;
    run_crowd(pool, &all, true);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.done + all.lost, CALLERS * CALLS);
    assert_true(all.done > 0);
    bx_worker_pool_free(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_a_kill),
        cmocka_unit_test(ends_by_a_fault_that_is_no_guests),
        cmocka_unit_test(replaces_one_that_died_idle),
        cmocka_unit_test(makes_a_call_again_that_nobody_read),
        cmocka_unit_test(ends_one_that_hangs),
        cmocka_unit_test(ends_one_that_ignores_a_cancel),
        cmocka_unit_test(lives_on_when_a_request_is_cancelled),
        cmocka_unit_test(lets_a_guest_have_no_more_than_its_memory),
        cmocka_unit_test(survives_a_template_that_is_killed),
        cmocka_unit_test(tells_why_there_is_no_template),
        cmocka_unit_test(leaves_no_process_without_descriptors),
        cmocka_unit_test(ends_sessions_with_their_worker),
        cmocka_unit_test(retires_an_idle_worker),
        cmocka_unit_test(leaves_alone_who_is_quiet),
        cmocka_unit_test(evicts_the_least_used),
        cmocka_unit_test(refuses_more_than_are_allowed),
        cmocka_unit_test(keeps_one_worker_for_one_policy),
        cmocka_unit_test(starts_anew_for_a_folder_that_was_replaced),
        cmocka_unit_test(tells_what_keeps_a_worker_from_starting),
        cmocka_unit_test(serves_many_callers),
        cmocka_unit_test(loses_no_call_without_an_error),
    };

    POOL_MAIN(argc, argv);
    return cmocka_run_group_tests(tests, make_pool_home, remove_pool_home);
}
