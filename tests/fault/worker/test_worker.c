/* The host of workers, with one allocation or system call failing at a time: in
 * the thread that calls, in the keeper's, in the child that becomes the
 * template, in the template and in workers. The call comes to what it would
 * have, or to an error of the host's; the next one works, and nothing is left
 * over. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault/support_fault.h"
#include "worker/box.h"
#include "worker/worker.h"

#define SEVEN                                                                  \
    "(module (import \"wasi_snapshot_preview1\" \"proc_exit\" "                \
    "(func $exit (param i32))) (memory (export \"memory\") 1) "                \
    "(func (export \"_start\") (call $exit (i32.const 7))))"

/* One of everything that a run asks its host for. What each came to is the
 * first that it writes; the rest is what it read, more than a message holds. */
#define INPUT_BYTES 70000
#define ASKER                                                                  \
    "(module "                                                                 \
    "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param "     \
    "i32))) "                                                                  \
    "(import \"wasi_snapshot_preview1\" \"path_create_directory\" "            \
    "(func $mk (param i32 i32 i32) (result i32))) "                            \
    "(import \"wasi_snapshot_preview1\" \"fd_read\" "                          \
    "(func $read (param i32 i32 i32 i32) (result i32))) "                      \
    "(import \"wasi_snapshot_preview1\" \"fd_write\" "                         \
    "(func $write (param i32 i32 i32 i32) (result i32))) "                     \
    "(import \"boxagnts\" \"http_open\" "                                      \
    "(func $open (param i32 i32 i32) (result i32))) "                          \
    "(import \"boxagnts\" \"http_head\" "                                      \
    "(func $head (param i32 i32 i32 i32) (result i32))) "                      \
    "(import \"boxagnts\" \"spawn\" "                                          \
    "(func $spawn (param i32 i32 i32 i32 i32) (result i32))) "                 \
    "(import \"boxagnts\" \"tool_call\" "                                      \
    "(func $tool (param i32 i32 i32 i32 i32) (result i32))) "                  \
    "(import \"boxagnts\" \"tool_list\" (func $list (param i32) (result "      \
    "i32))) "                                                                  \
    "(memory (export \"memory\") 4) "                                          \
    "(data (i32.const 0) \"x\") "                                              \
    "(data (i32.const 16) \"{\\22url\\22:\\22http://127.0.0.1:1/\\22}\") "     \
    "(data (i32.const 64) \"{\\22argv\\22:[\\22p\\22]}\") "                    \
    "(data (i32.const 96) \"t{}\") "                                           \
    "(func (export \"_start\") "                                               \
    "(i32.store (i32.const 128) (call $mk (i32.const 3) (i32.const 0) "        \
    "(i32.const 1))) "                                                         \
    "(i32.store (i32.const 132) (call $mk (i32.const 4) (i32.const 0) "        \
    "(i32.const 1))) "                                                         \
    "(i32.store (i32.const 136) (call $open (i32.const 16) (i32.const 29) "    \
    "(i32.const 256))) "                                                       \
    "(i32.store (i32.const 140) (call $head (i32.load (i32.const 256)) "       \
    "(i32.const 1024) (i32.const 1024) (i32.const 260))) "                     \
    "(i32.store (i32.const 144) (call $spawn (i32.const 64) (i32.const 14) "   \
    "(i32.const 0) (i32.const 1) (i32.const 264))) "                           \
    "(i32.store (i32.const 148) (call $tool (i32.const 96) (i32.const 1) "     \
    "(i32.const 97) (i32.const 2) (i32.const 268))) "                          \
    "(i32.store (i32.const 152) (call $list (i32.const 272))) "                \
    "(i32.store (i32.const 512) (i32.const 65536)) "                           \
    "(i32.store (i32.const 516) (i32.const 70000)) "                           \
    "(i32.store (i32.const 156) (call $read (i32.const 0) (i32.const 512) "    \
    "(i32.const 1) (i32.const 276))) "                                         \
    "(i32.store (i32.const 520) (i32.const 128)) "                             \
    "(i32.store (i32.const 524) (i32.const 32)) "                              \
    "(drop (call $write (i32.const 1) (i32.const 520) (i32.const 1) "          \
    "(i32.const 276))) "                                                       \
    "(drop (call $write (i32.const 1) (i32.const 512) (i32.const 1) "          \
    "(i32.const 276))) "                                                       \
    "(call $exit (i32.const 7))))"

#define COMPONENT                                                              \
    "(component (core module $m (func (export \"f\") (result i32) "            \
    "i32.const 7)) (core instance $i (instantiate $m)) (func (export "         \
    "\"seven\") (result u32) (canon lift (core func $i \"f\"))))"

typedef struct world {
    bx_policy *policy;
    const char *text; /* of the module */
    bx_worker_pool *pool;
    bx_worker_module *module;
    bx_worker_box *box;
    bool is_far; /* what fails: the guest may ask for less than it would */
    fault_log *log;
} world;

static char folder[] = "/tmp/bx-fault-XXXXXX";
static world the_world;

/* ---- a call, and what it tells --------------------------------------- */

/* Of a request that the host has no memory for the guest gets an errno, and
 * nobody hears. */
static bool is_told(const world *it, const char *word)
{
    return !it->is_far && strncmp(word, "http", 4) != 0 &&
           strcmp(word, "network") != 0;
}

static void on_audit(void *context, const bx_audit_event *event)
{
    const world *it = context;

    if (is_told(it, event->call))
        fault_note(it->log, "audit %s %s %s (%s)", event->call, event->target,
                   event->reason, event->rule);
}

static void on_effect(void *context, const bx_effect_event *event)
{
    const world *it = context;

    if (is_told(it, event->call))
        fault_note(it->log, "effect %s %s", event->call, event->target);
}

static bool on_need(void *context, const bx_need_event *event)
{
    const world *it = context;

    if (is_told(it, event->kind))
        fault_note(it->log, "need %s %s", event->kind, event->target);
    return true;
}

static int answer(bx_service_result *ret_result, bx_error **err)
{
    if (bx_buf_puts(&ret_result->head, "{}") < 0 ||
        bx_buf_puts(&ret_result->output[0], "out") < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int spawn(void *context, const bx_caller *caller,
                 const bx_spawn_request *request, bx_service_result *ret_result,
                 bx_error **err)
{
    const world *it = context;

    (void)caller;
    if (!it->is_far)
        fault_note(it->log, "spawn %s with %zu", request->argv[0],
                   request->input_bytes);
    return answer(ret_result, err);
}

static int tool_call(void *context, const bx_caller *caller, const char *name,
                     const char *input, size_t input_bytes,
                     bx_service_result *ret_result, bx_error **err)
{
    const world *it = context;

    (void)caller;
    if (!it->is_far)
        fault_note(it->log, "tool %s %.*s", name, (int)input_bytes, input);
    return answer(ret_result, err);
}

static int tool_list(void *context, const bx_caller *caller,
                     bx_service_result *ret_result, bx_error **err)
{
    const world *it = context;

    (void)caller;
    if (!it->is_far)
        fault_note(it->log, "tools");
    return answer(ret_result, err);
}

static const bx_services services = { .context = &the_world,
                                      .spawn = spawn,
                                      .tool_call = tool_call,
                                      .tool_list = tool_list };

static char input[INPUT_BYTES];

/* A result of the host's is an error here. */
static int take_result(fault_log *log, bx_result *result, bx_error **err)
{
    const char *out;
    size_t bytes;

    if (bx_result_code(result) != BX_OK) {
        bx_error_set(err, bx_result_code(result), "%s",
                     bx_result_message(result));
        bx_result_free(result);
        return -1;
    }
    out = bx_result_stdout(result, &bytes);
    fault_note(log, "exit %d", bx_result_exit_code(result));
    for (size_t i = 0; !the_world.is_far && bytes == 32 + INPUT_BYTES && i < 8;
         i++)
        fault_note(log, "errno %zu: %d", i, (unsigned char)out[i * 4]);
    fault_note(log, "%zu bytes: %s", bytes,
               bytes > 32 && memcmp(out + 32, input, bytes - 32) == 0
                   ? "as read"
                   : "others");
    if (bx_result_value(result) != NULL)
        fault_note(log, "value %s", bx_result_value(result));
    bx_result_free(result);
    return 0;
}

static int call(fault_log *log, bx_error **err)
{
    static const char *const argv[] = { "guest", "one" };
    world *it = log->context;
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_budget budget = { .deadline_ns = INT64_MAX,
                         .fuel_units = UINT64_MAX,
                         .memory_bytes = UINT64_MAX,
                         .output_bytes = UINT64_MAX,
                         .fs_write_bytes = 1000,
                         .fs_create_entries = 1000,
                         .http_requests = 10,
                         .calls = 10,
                         .depth = 2 };
    const bx_run_extra extra = { .services = &services, .budget = &budget };
    bx_result *result = NULL;

    it->log = log;
    options.audit = on_audit;
    options.audit_context = it;
    options.effect = on_effect;
    options.effect_context = it;
    options.need = on_need;
    options.need_context = it;
    options.stdin_data = input;
    options.stdin_bytes = INPUT_BYTES;
    if (bx_worker_box_run(it->box, 2, argv, &options, &extra, &result, err) < 0)
        return -1;
    return take_result(log, result, err);
}

/* ---- a pool ---------------------------------------------------------- */

static int make_pool(world *it, bx_error **err)
{
    const bx_worker_options few = { .max_instances = 2, .max_workers = 4 };

    it->pool = bx_worker_pool_new(&few, err);
    return it->pool == NULL ? -1 : 0;
}

static int make_box(world *it, bx_error **err)
{
    it->module = bx_worker_module_new(it->pool, it->text, strlen(it->text),
                                      "test.wat", it->policy, 0, err);
    if (it->module == NULL)
        return -1;
    it->box = bx_worker_box_new(it->pool, it->module, it->policy, err);
    return it->box == NULL ? -1 : 0;
}

static int make(world *it, bx_error **err)
{
    return make_pool(it, err) < 0 ? -1 : make_box(it, err);
}

static void drop_box(world *it)
{
    bx_worker_box_free(it->box);
    bx_worker_module_free(it->module);
    it->box = NULL;
    it->module = NULL;
}

static void drop(world *it)
{
    drop_box(it);
    bx_worker_pool_free(it->pool);
    it->pool = NULL;
}

/* A module comes and goes; the pool stays. */
static int visit(fault_log *log, bx_error **err)
{
    world *it = log->context;
    int result = make_box(it, err);

    if (result == 0)
        result = call(log, err);
    drop_box(it);
    return result;
}

static int live(fault_log *log, bx_error **err)
{
    world *it = log->context;
    char *text = NULL;
    int result = make(it, err);

    if (result == 0) {
        text = bx_worker_module_inspect(it->module, err);
        result = text == NULL ? -1 : 0;
    }
    if (result == 0) {
        fault_note(log, "%s", text);
        result = call(log, err);
    }
    free(text);
    drop(it);
    return result;
}

/* The guest's session, if it is a component. */
static int live_in_session(fault_log *log, bx_error **err)
{
    world *it = log->context;
    bx_worker_session *session;
    bx_result *result = NULL;
    int failed = 0;

    session = bx_worker_session_open(it->box, &services, err);
    if (session == NULL)
        return -1;
    for (int i = 0; i < 2 && failed == 0; i++) {
        failed = bx_worker_session_invoke(session, "seven", NULL, NULL, &result,
                                          err);
        if (failed == 0)
            failed = take_result(log, result, err);
        if (failed == 0 && !bx_worker_session_is_alive(session))
            fail_msg("a session that ended without an error");
    }
    bx_worker_session_close(session);
    return failed;
}

/* ---- scenarios ------------------------------------------------------- */

static void remove_made(void *context)
{
    char path[64];

    (void)context;
    snprintf(path, sizeof(path), "%s/d/x", folder);
    rmdir(path);
}

/* The host is to blame, and says so; a worker that cannot take a call refuses
 * it. */
static bool may_fail(const bx_error *error)
{
    static const char *const wrong[] = { "none sends", "malformed", "no frame",
                                         "answer that is none" };
    const char *message = bx_error_message(error);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (strstr(message, wrong[i]) != NULL)
            return false;
    }
    return bx_error_code(error) == BX_ERR_SYSTEM ||
           (bx_error_code(error) == BX_ERR_LIMIT &&
            (strstr(message, "no memory") != NULL ||
             strstr(message, "too many calls at once") != NULL));
}

/* The engine of the other process says it in its own words, if it can. */
static bool may_fail_there(const bx_error *error)
{
    const char *message = bx_error_message(error);

    return may_fail(error) ||
           (bx_error_code(error) == BX_ERR_MEMORY &&
            strstr(message, "compile") != NULL) ||
           ((bx_error_code(error) == BX_ERR_INVALID ||
             bx_error_code(error) == BX_ERR_LIMIT) &&
            strstr(message, "out of memory") != NULL);
}

/* What a guest asked for in vain: a request, another program, tools. */
static bool may_say(const char *line, const char *expected)
{
    if (the_world.is_far &&
        (strncmp(line, "errno ", 6) == 0 || strstr(line, " bytes: ") != NULL))
        return true;
    return strncmp(line, "errno ", 6) == 0 && strncmp(line, expected, 8) == 0 &&
           line[6] >= '2' && line[6] <= '6';
}

static void call_again(void *context)
{
    fault_log log = { .text = BX_BUF_INIT, .context = context };
    bx_error *err = NULL;

    if (((world *)context)->box != NULL) {
        remove_made(context);
        if (call(&log, &err) < 0)
            fail_msg("the next call: %s", bx_error_message(err));
    }
    fault_pause();
    bx_buf_clear(&log.text);
    fault_resume();
}

static void visit_again(void *context)
{
    fault_log log = { .text = BX_BUF_INIT, .context = context };
    bx_error *err = NULL;

    if (visit(&log, &err) < 0)
        fail_msg("the next module: %s", bx_error_message(err));
    fault_pause();
    bx_buf_clear(&log.text);
    fault_resume();
}

static void open_again(void *context)
{
    fault_log log = { .text = BX_BUF_INIT, .context = context };
    bx_error *err = NULL;

    if (live_in_session(&log, &err) < 0)
        fail_msg("the next session: %s", bx_error_message(err));
    fault_pause();
    bx_buf_clear(&log.text);
    fault_resume();
}

static bx_policy *make_policy(bool has_cache)
{
    char text[1024];
    bx_error *err = NULL;
    bx_policy *policy;

    snprintf(text, sizeof(text),
             "map-dir: ['%s/d::/d::rw', '%s/r::/r::ro']\n"
             "allowed-outbound-host: ['http://127.0.0.1:1']\n"
             "grant: ['fs.read:/', 'fs.write:/d',"
             " 'exec:*', 'tool:*']\n"
             "wasm-cache-dir: '%s%s'\n",
             folder, folder, has_cache ? folder : "",
             has_cache ? "/cache" : "");
    policy = bx_policy_parse(text, strlen(text), "test", NULL, &err);
    if (policy == NULL)
        fail_msg("%s", bx_error_message(err));
    return policy;
}

static void begin_world(const char *text, bool has_cache)
{
    the_world = (world){ .text = text, .policy = make_policy(has_cache) };
}

static void end_world(void)
{
    drop(&the_world);
    bx_policy_free(the_world.policy);
}

static void whole_life_in(const char *name, const char *text, fault_place place,
                          unsigned sampled)
{
    const fault_scenario scenario = { .name = name,
                                      .context = &the_world,
                                      .place = place,
                                      .sampled = sampled,
                                      .set_up = remove_made,
                                      .run = live,
                                      .settle = call_again,
                                      .may_say = may_say,
                                      .may_fail = place >= FAULT_PROGRAM
                                                      ? may_fail_there
                                                      : may_fail };

    begin_world(text, place >= FAULT_PROGRAM);
    the_world.is_far = place >= FAULT_PROGRAM;
    fault_run(&scenario);
    end_world();
}

static void from_pool_to_result(void **state)
{
    (void)state;
    whole_life_in(__func__, SEVEN, FAULT_HERE, 6);
}

static void calls_that_ask(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .context = &the_world,
                                      .set_up = remove_made,
                                      .run = call,
                                      .settle = call_again,
                                      .may_say = may_say,
                                      .may_fail = may_fail };
    bx_error *err = NULL;

    (void)state;
    begin_world(ASKER, false);
    if (make(&the_world, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    call_again(&the_world);
    fault_run(&scenario);
    end_world();
}

static void modules_that_come_and_go(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .context = &the_world,
                                      .sampled = 3,
                                      .set_up = remove_made,
                                      .run = visit,
                                      .settle = visit_again,
                                      .may_say = may_say,
                                      .may_fail = may_fail };
    bx_error *err = NULL;

    (void)state;
    begin_world(SEVEN, false);
    if (make_pool(&the_world, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    visit_again(&the_world);
    fault_run(&scenario);
    end_world();
}

static void sessions(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .context = &the_world,
                                      .run = live_in_session,
                                      .settle = open_again,
                                      .may_fail = may_fail };
    bx_error *err = NULL;

    (void)state;
    begin_world(COMPONENT, false);
    if (make(&the_world, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    open_again(&the_world);
    fault_run(&scenario);
    end_world();
}

/* Its worker is killed between two calls. */
static int lose_a_worker(fault_log *log, bx_error **err)
{
    const struct timespec tick = { .tv_nsec = 1000000 };
    world *it = log->context;
    int pid = 0;
    int now = 0;

    if (bx_worker_pool_pids(it->pool, &pid, 1) == 1)
        kill(pid, SIGKILL);
    /* Until the keeper knows: a call in it would be lost. */
    for (int i = 0;
         i < 1000 && bx_worker_pool_pids(it->pool, &now, 1) == 1 && now == pid;
         i++)
        nanosleep(&tick, NULL);
    return call(log, err);
}

static void what_the_keeper_does(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .context = &the_world,
                                      .place = FAULT_THREADS,
                                      .set_up = remove_made,
                                      .run = lose_a_worker,
                                      .settle = call_again,
                                      .may_fail = may_fail };
    bx_error *err = NULL;

    (void)state;
    begin_world(SEVEN, false);
    if (make(&the_world, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    call_again(&the_world);
    fault_run(&scenario);
    end_world();
}

static void template_being_started(void **state)
{
    (void)state;
    whole_life_in(__func__, SEVEN, FAULT_CHILD, 0);
}

/* Most of their calls are the engine's, which ends the process without memory:
 * that is told like any other end. */
static void in_the_template(void **state)
{
    (void)state;
    whole_life_in(__func__, SEVEN, FAULT_PROGRAM, 24);
}

static void in_workers(void **state)
{
    (void)state;
    whole_life_in(__func__, ASKER, FAULT_WORKER, 24);
}

static int make_folders(void **state)
{
    char path[64];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (char)(i * 31 + i / 7);
    if (mkdtemp(folder) == NULL)
        return -1;
    setenv("HOME", folder, 1);
    snprintf(path, sizeof(path), "%s/d", folder);
    if (mkdir(path, 0700) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/r", folder);
    return mkdir(path, 0700);
}

static int remove_folders(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

/* argv[1]: only tests of that name, which may have a '*'. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_pool_to_result),
        cmocka_unit_test(calls_that_ask),
        cmocka_unit_test(modules_that_come_and_go),
        cmocka_unit_test(sessions),
        cmocka_unit_test(what_the_keeper_does),
        cmocka_unit_test(template_being_started),
        cmocka_unit_test(in_the_template),
        cmocka_unit_test(in_workers),
    };

    if (argc > 1 && strcmp(argv[1], BX_WORKER_ARGUMENT) == 0) {
        fault_attach();
        return bx_worker_main(argc, argv);
    }
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
