/* What of src/worker stands without a pool: the lockdown, the processes of one
 * run for the network and for the compiler, control groups. One allocation or
 * system call fails at a time, here or in the child. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "fault/support_fault.h"
#include "net/http_client.h"
#include "policy/policy.h"
#include "worker/broker_child.h"
#include "worker/cgroup.h"
#include "worker/compile_apart.h"
#include "worker/lockdown.h"

static char folder[] = "/tmp/bx-fault-XXXXXX";

/* The host is to blame. */
static bool may_fail(const bx_error *error)
{
    return bx_error_code(error) == BX_ERR_SYSTEM;
}

/* ---- the lockdown ---------------------------------------------------- */

enum { LOCKED, FAILED, WEAKER };

/* In a child: 0, and then all that the kernel has holds. */
static int lock_down(void)
{
    const bx_lockdown_support *support = bx_lockdown_probe();
    const bx_lockdown_dir dir = { open("/usr", O_PATH | O_CLOEXEC),
                                  BX_ACCESS_READ };
    const bx_lockdown lockdown = { .dirs = &dir,
                                   .dirs_count = 1,
                                   .memory_bytes = UINT64_C(1) << 40,
                                   .open_files = 64 };
    bool applied[BX_LOCKDOWN_LAYERS] = { false };
    bx_error *err = NULL;

    if (dir.fd < 0)
        return FAILED;
    if (bx_lockdown_apply(&lockdown, applied, &err) < 0)
        return bx_error_code(err) == BX_ERR_SYSTEM ? FAILED : WEAKER;
    for (int i = 0; i < BX_LOCKDOWN_CGROUP; i++) {
        if (applied[i] != support->has[i])
            return WEAKER;
    }
    fault_pause();
    if (applied[BX_LOCKDOWN_LANDLOCK] && open("/etc/passwd", O_RDONLY) >= 0)
        return WEAKER;
    if (applied[BX_LOCKDOWN_SECCOMP] && setsid() >= 0)
        return WEAKER;
    return LOCKED;
}

static int lock_a_child(fault_log *log, bx_error **err)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(lock_down());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status))
        fail_msg("ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) == FAILED)
        return bx_error_set(err, BX_ERR_SYSTEM, "not locked");
    fault_note(log, WEXITSTATUS(status) == LOCKED ? "locked" : "weaker");
    return 0;
}

static void lockdown(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .place = FAULT_CHILD,
                                      .run = lock_a_child,
                                      .may_fail = may_fail };

    (void)state;
    (void)bx_lockdown_probe();
    fault_run(&scenario);
}

/* ---- the network's process ------------------------------------------- */

static bx_policy *policy;

static void hear(void *context, const bx_audit_event *event)
{
    (void)context;
    (void)event;
}

static bool give(void *context, const bx_need_event *event)
{
    (void)context;
    (void)event;
    return true;
}

/* One that is refused, or one that nobody answers. */
static int request(fault_log *log, bx_run *run, const char *url, bx_error **err)
{
    bx_http_config config = { .run = run, .policy = policy };
    bx_http_request what = { .method = "GET", .url = url };
    bx_http_client *client = bx_http_client_new(&config, err);
    bx_error *why = NULL;
    bx_http_exchange *exchange;
    bx_http_head head;
    int result = 0;

    if (client == NULL)
        return -1;
    exchange = bx_http_client_open(client, &what, &why);
    if (exchange != NULL)
        (void)bx_http_exchange_head(exchange, &head, &why);
    if (why != NULL && bx_error_code(why) != BX_ERR_DENIED &&
        bx_error_errno(why) != ECONNREFUSED)
        result = bx_error_set(err, BX_ERR_SYSTEM, "%s", bx_error_message(why));
    else
        fault_note(log, "%s: %s", url,
                   why == NULL ? "done" : bx_code_name(bx_error_code(why)));
    bx_error_free(why);
    bx_http_exchange_free(exchange);
    bx_http_client_free(client);
    return result;
}

static int ask_a_child(fault_log *log, bx_error **err)
{
    bx_broker_child *child = bx_broker_child_new(policy, NULL, NULL, err);
    bx_run run = { .deadline_ns = bx_now_ns() + INT64_C(20000000000),
                   .audit = hear,
                   .need = give };
    int result = -1;

    if (child == NULL)
        return -1;
    if (bx_broker_child_begin(child, &run, err) == 0) {
        run.broker = bx_broker_child_broker(child);
        result = request(log, &run, "http://127.0.0.1:1/", err);
        if (result == 0)
            result = request(log, &run, "http://example.com/", err);
    }
    bx_run_forget_needs(&run);
    bx_broker_child_free(child);
    return result;
}

/* What cannot be asked for is not given. */
static bool may_say(const char *line, const char *expected)
{
    return strncmp(line, expected, strcspn(expected, " ")) == 0 &&
           strstr(line, ": denied") != NULL;
}

static void broker_in(const char *name, fault_place place)
{
    static const char text[] = "allowed-outbound-host: ['http://127.0.0.1:1']";
    const fault_scenario scenario = { .name = name,
                                      .place = place,
                                      .run = ask_a_child,
                                      .may_say = may_say,
                                      .may_fail = may_fail };

    policy = bx_policy_parse(text, strlen(text), "test", NULL, NULL);
    assert_non_null(policy);
    fault_run(&scenario);
    bx_policy_free(policy);
}

static void who_asks_the_network(void **state)
{
    (void)state;
    broker_in(__func__, FAULT_HERE);
}

static void who_is_the_network(void **state)
{
    (void)state;
    broker_in(__func__, FAULT_CHILD);
}

/* ---- the compiler's process ------------------------------------------ */

static bx_variant *variant;

static int compile(fault_log *log, bx_error **err)
{
    static const char module[] = "\0asm\1\0\0\0";
    char *code = NULL;
    size_t bytes = 0;

    if (bx_compile_apart(variant, module, 8, false, &code, &bytes, err) < 0)
        return -1;
    fault_note(log, "%s", bytes > 64 ? "code" : "none");
    free(code);
    return 0;
}

/* The child's calls are the engine's, but for a few. */
static void who_has_it_compiled(void **state)
{
    static const bx_limits limits = { .stack_bytes = 1u << 20 };
    const fault_scenario scenario = { .name = __func__,
                                      .run = compile,
                                      .may_fail = may_fail };
    bx_engine *engine = bx_engine_new(NULL, NULL);

    (void)state;
    assert_non_null(engine);
    assert_int_equal(bx_engine_get_variant(engine, &limits, &variant, NULL), 0);
    (void)bx_lockdown_probe();
    fault_run(&scenario);
    bx_engine_free(engine);
}

/* ---- control groups -------------------------------------------------- */

static void put(const char *path, const char *text)
{
    char whole[256];
    char *slash;

    snprintf(whole, sizeof(whole), "%s/%s", folder, path);
    slash = strrchr(whole, '/');
    *slash = '\0';
    assert_int_equal(bx_file_make_dirs(whole, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(bx_file_replace(whole, text, strlen(text), 0644, NULL), 0);
}

static void make_tree(void *context)
{
    (void)context;
    put("proc/self/cgroup", "1:name=x:/\n0::/app.scope\n");
    put("sys/fs/cgroup/app.scope/cgroup.controllers", "cpu memory pids\n");
    put("sys/fs/cgroup/app.scope/cgroup.procs", "");
    put("sys/fs/cgroup/app.scope/cgroup.subtree_control", "");
}

static int divide(fault_log *log, bx_error **err)
{
    bx_cgroup *cgroup = bx_cgroup_open(folder, err);
    int result;

    if (cgroup == NULL)
        return -1;
    fault_note(log, "open");
    result = bx_cgroup_add(cgroup, 4242, 1 << 20, 16, err);
    if (result == 0) {
        fault_note(log, "added");
        result = bx_cgroup_remove(cgroup, 4243, err); /* that never was */
    }
    bx_cgroup_free(cgroup);
    return result;
}

/* What cannot be read is taken as not there: nothing is promised then. */
static bool may_be_missing(const bx_error *error)
{
    return bx_error_code(error) == BX_ERR_SYSTEM ||
           bx_error_code(error) == BX_ERR_NOT_FOUND;
}

static void control_groups(void **state)
{
    const fault_scenario scenario = { .name = __func__,
                                      .set_up = make_tree,
                                      .run = divide,
                                      .may_fail = may_be_missing };

    (void)state;
    fault_run(&scenario);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) == 0 ? 0 : -1;
}

/* argv[1]: only tests of that name, which may have a '*'. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lockdown),
        cmocka_unit_test(who_asks_the_network),
        cmocka_unit_test(who_is_the_network),
        cmocka_unit_test(who_has_it_compiled),
        cmocka_unit_test(control_groups),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
