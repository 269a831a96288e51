/* replay: the module is found, run on the recording, and compared. */
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "cli/json_bytes.h"
#include "cli/replay.h"
#include "cli/run_lock.h"
#include "policy/policy.h"
#include "record/player.h"
#include "sandbox/code.h"
#include "sandbox/engine.h"
#include "sandbox/module.h"
#include "sandbox/record.h"
#include "sandbox/sandbox.h"
#include "tool/registry.h"
#include "worker/compile_apart.h"

/* A replay waits for nothing, but another machine may be slower, and a changed
 * module may run for ever. */
#define LEAST_MS 60000u
#define TIMES_LONGER 4u
#define SHOWN_BYTES 1024u
#define MAX_TABLE_ELEMENTS (16ull << 20) /* as of the control */
#define MAX_OUTPUT_BYTES (1ull << 30)

/* ---- the module ----------------------------------------------------- */

/* A file of that name; whoever made the recording chose it: no pipe is waited
 * for. */
static int read_file(const char *path, char **ret_bytes, size_t *ret_count)
{
    bx_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat stat;

    if (fd < 0 || fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        return -1;
    return bx_file_read_fd(fd, path, BX_MODULE_MAX_BYTES, ret_bytes, ret_count,
                           NULL);
}

/* The module at path when it is the recorded one; NULL: it is not. What is
 * another one is not compiled; of text only the compiler knows. */
static bx_module *try_path(bx_engine *engine, const char *path,
                           const bx_policy *policy, const bx_record_head *head)
{
    bx_autofree char *bytes = NULL;
    uint8_t digest[BX_DIGEST_BYTES];
    bx_module *module;
    size_t count;

    if (read_file(path, &bytes, &count) < 0)
        return NULL;
    bx_sha256(bytes, count, digest);
    if (bx_code_is_binary(bytes, count, NULL) &&
        !bx_digest_equals(digest, head->module_digest))
        return NULL;
    module = bx_module_parse(engine, bytes, count, path, policy, NULL);
    if (module == NULL || bx_digest_equals(module->digest, head->module_digest))
        return module;
    bx_module_free(module);
    return NULL;
}

/* One of the tools that come with this program. */
static bx_module *try_builtin(bx_engine *engine, const bx_policy *policy,
                              const bx_record_head *head)
{
    bx_autofree char *folder = bx_registry_share_path("tools");
    DIR *dir = folder == NULL ? NULL : opendir(folder);
    const struct dirent *entry;
    bx_module *module = NULL;

    while (dir != NULL && module == NULL && (entry = readdir(dir)) != NULL) {
        const char *end = strrchr(entry->d_name, '.');
        bx_autofree char *path = NULL;

        if (end == NULL || strcmp(end, ".wasm") != 0)
            continue;
        if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
            path = NULL;
            break;
        }
        module = try_path(engine, path, policy, head);
    }
    if (dir != NULL)
        closedir(dir);
    return module;
}

/* On one line, as what it is: a text of somebody's file. Owned. */
static char *escape(const char *text)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, text, strlen(text), SHOWN_BYTES) < 0)
        return NULL;
    return bx_buf_take(&shown);
}

static bx_module *find_module(const bx_replay *replay, bx_engine *engine,
                              const bx_policy *policy, bx_error **err)
{
    const bx_record_head *head = bx_recording_head(replay->recording);
    bx_autofree char *name = NULL;
    bx_autofree char *path = NULL;
    char digest[65];
    bx_module *module = NULL;

    if (replay->module_path != NULL)
        return bx_module_load(engine, replay->module_path, policy, err);
    if (head->module_path != NULL)
        module = try_path(engine, head->module_path, policy, head);
    if (module == NULL)
        module = try_builtin(engine, policy, head);
    if (module != NULL)
        return module;
    bx_digest_format(head->module_digest, digest);
    name = escape(head->module_name);
    path = escape(head->module_path == NULL ? "" : head->module_path);
    if (name == NULL || path == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    bx_error_set(err, BX_ERR_NOT_FOUND,
                 "module '%s' with SHA-256 %s is neither at '%s' nor among the "
                 "built-in tools; say with --module where it is, or which one "
                 "to run in its place",
                 name, digest, path);
    return NULL;
}

/* ---- the run -------------------------------------------------------- */

/* Nothing is granted; the limits are those that were in effect. */
static bx_policy *make_policy(const bx_record_head *head, bx_error **err)
{
    const bx_limits *limits = &head->limits;
    bx_autopolicy bx_policy *policy = bx_policy_new();
    uint64_t timeout_ms = limits->timeout_ms;

    if (policy == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    timeout_ms = timeout_ms > 86400000 / TIMES_LONGER
                     ? 86400000
                     : timeout_ms * TIMES_LONGER;
    if (timeout_ms < LEAST_MS)
        timeout_ms = LEAST_MS;
    if (bx_policy_wasm_max_memory_size(policy, limits->memory_bytes, err) < 0 ||
        bx_policy_wasm_max_wasm_stack(policy, limits->stack_bytes, err) < 0 ||
        (head->has_fuel &&
         bx_policy_wasm_fuel(policy, limits->fuel_units, err) < 0) ||
        bx_policy_wasm_timeout(policy, timeout_ms, err) < 0) {
        bx_error_wrap(err, "the recording's limits");
        return NULL;
    }
    if (limits->table_elements > MAX_TABLE_ELEMENTS ||
        limits->output_bytes > MAX_OUTPUT_BYTES) {
        bx_error_set(err, BX_ERR_INVALID,
                     "the recording's limits: more table elements or output "
                     "than any policy gives");
        return NULL;
    }
    policy->limits.table_elements = limits->table_elements;
    policy->limits.output_bytes = limits->output_bytes;
    return bx_take(policy);
}

static bx_cancel *interrupt;

static void on_signal(int number)
{
    (void)number;
    bx_cancel_trigger(interrupt);
}

static void catch_interrupts(void)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)SA_RESETHAND };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int run(const bx_replay *replay, const bx_sandbox *sandbox,
               bx_player *player, bx_result **ret_result, bx_error **err)
{
    const bx_record_head *head = bx_recording_head(replay->recording);
    bx_autofree const char **argv = bx_record_words_list(&head->argv);
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_invocation invocation = { head->function,
                                 head->args == NULL ? "" : head->args, 0 };
    bx_run_extra extra = { .player = player };

    if (argv == NULL)
        return bx_error_set_nomem(err);
    invocation.args_bytes = strlen(invocation.args);
    if (head->function != NULL)
        extra.invocation = &invocation;
    if (!replay->wants_json) {
        options.stdout_fd = STDOUT_FILENO;
        options.stderr_fd = STDERR_FILENO;
    }
    options.cancel = interrupt = bx_cancel_new();
    catch_interrupts();
    return bx_sandbox_run_with(sandbox, head->argv.count, argv, &options,
                               &extra, ret_result, err);
}

/* ---- the verdict ---------------------------------------------------- */

static void print_differs(const bx_difference *difference)
{
    fprintf(stderr,
            "boxagnts: differs at call %llu\n  recorded: %s\n  now:      %s\n",
            (unsigned long long)difference->call, difference->recorded,
            difference->now);
}

static void print_identical(const bx_recording *recording)
{
    const bx_record_end *end = bx_recording_end(recording);

    fprintf(stderr,
            "boxagnts: identical: %llu calls, %llu bytes of stdout, %llu of "
            "stderr\n",
            (unsigned long long)end->calls,
            (unsigned long long)end->output[0].bytes,
            (unsigned long long)end->output[1].bytes);
}

static void print_json(const bx_replay *replay, const uint8_t *digest,
                       const bx_result *result, const bx_difference *difference)
{
    const bx_record_head *head = bx_recording_head(replay->recording);
    const bx_record_end *end = bx_recording_end(replay->recording);
    size_t out_bytes = 0;
    size_t err_bytes = 0;
    const char *out =
        result == NULL ? "" : bx_result_stdout(result, &out_bytes);
    const char *err =
        result == NULL ? "" : bx_result_stderr(result, &err_bytes);
    char recorded[65];
    char now[65];
    json_t *root;

    bx_digest_format(head->module_digest, recorded);
    bx_digest_format(digest, now);
    root = json_pack(
        "{s:b, s:I, s:s, s:i, s:s, s:o, s:o, s:{s:o, s:s, s:s}}", "identical",
        difference == NULL, "calls", (json_int_t)end->calls, "end",
        result == NULL ? bx_code_name(end->code)
                       : bx_code_name(bx_result_code(result)),
        "exit_status",
        result == NULL ? BX_EXIT_NOT_RUN : bx_cli_run_status(result), "message",
        result == NULL ? end->message : bx_result_message(result), "stdout",
        bx_cli_json_bytes(out, out_bytes), "stderr",
        bx_cli_json_bytes(err, err_bytes), "module", "name",
        bx_cli_json_bytes(head->module_name, strlen(head->module_name)),
        "recorded", recorded, "now", now);
    if (difference != NULL)
        json_object_set_new(root, "difference",
                            json_pack("{s:I, s:s, s:s}", "call",
                                      (json_int_t)difference->call, "recorded",
                                      difference->recorded, "now",
                                      difference->now));
    if (result != NULL && bx_result_value(result) != NULL)
        json_object_set_new(root, "value",
                            json_loads(bx_result_value(result),
                                       JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static int show(const bx_replay *replay, const uint8_t *digest,
                const bx_player *player, const bx_result *result, bx_error *err)
{
    const bx_error *failed = NULL;
    const bx_difference *difference = bx_player_difference(player, &failed);

    if (failed != NULL) {
        fprintf(stderr, "boxagnts: %s\n", bx_error_message(failed));
        bx_error_free(err);
        return BX_EXIT_NOT_RUN;
    }
    if (replay->wants_json) {
        print_json(replay, digest, result, difference);
    } else if (difference != NULL) {
        print_differs(difference);
    } else {
        if (result != NULL && bx_result_value(result) != NULL)
            puts(bx_result_value(result));
        fflush(stdout);
        if (result != NULL && bx_result_code(result) != BX_OK)
            fprintf(stderr, "boxagnts: %s: %s\n",
                    bx_code_name(bx_result_code(result)),
                    bx_result_message(result));
        if (!replay->is_quiet)
            print_identical(replay->recording);
    }
    if (difference != NULL) {
        bx_error_free(err);
        return BX_EXIT_FAILED;
    }
    return result == NULL ? bx_cli_fail(BX_EXIT_NOT_RUN, err)
                          : bx_cli_run_status(result);
}

/* The module's code in a process that can open nothing: what it is given is in
 * the recording, which is open. ret_digest: of the module. */
static bx_sandbox *make_sandbox(const bx_replay *replay, bx_engine *engine,
                                const bx_policy *policy,
                                uint8_t ret_digest[BX_DIGEST_BYTES],
                                bx_error **err)
{
    const bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_broker_child *network = NULL;
    bx_sandbox *sandbox;
    bx_module *module;

    bx_engine_set_compiler(engine, bx_compile_apart);
    module = find_module(replay, engine, policy, err);
    if (module == NULL)
        return NULL;
    memcpy(ret_digest, module->digest, BX_DIGEST_BYTES);
    sandbox = bx_sandbox_new(module, policy, err);
    bx_module_free(module);
    if (sandbox == NULL ||
        bx_run_lock_apply(sandbox, false, &options, &network, err) == 0)
        return sandbox;
    bx_sandbox_free(sandbox);
    return NULL;
}

int bx_replay_run(const bx_replay *replay)
{
    const bx_engine_options one = { sizeof(one), 1 };
    const bx_record_head *head = bx_recording_head(replay->recording);
    bx_error *err = NULL;
    bx_policy *policy = make_policy(head, &err);
    bx_engine *engine = policy == NULL ? NULL : bx_engine_new(&one, &err);
    uint8_t digest[BX_DIGEST_BYTES] = { 0 };
    bx_sandbox *sandbox =
        engine == NULL ? NULL
                       : make_sandbox(replay, engine, policy, digest, &err);
    bx_player *player = NULL;
    bx_result *result = NULL;
    int status = BX_EXIT_NOT_RUN;

    if (sandbox != NULL)
        player = bx_player_new(replay->recording, bx_record_names(),
                               BX_TAPE_CALLS, &err);
    if (player == NULL) {
        (void)bx_cli_fail(status, err);
    } else {
        if (!bx_digest_equals(digest, head->module_digest) && !replay->is_quiet)
            fputs("boxagnts: note: this is not the module that was recorded\n",
                  stderr);
        (void)run(replay, sandbox, player, &result, &err);
        status = show(replay, digest, player, result, err);
    }
    bx_result_free(result);
    bx_player_free(player);
    bx_sandbox_free(sandbox);
    bx_engine_free(engine);
    bx_policy_free(policy);
    return status;
}
