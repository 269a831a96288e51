/* replay: the module is found, run on the recording, and compared. */
#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "cli/json_bytes.h"
#include "cli/replay.h"
#include "policy/policy.h"
#include "record/player.h"
#include "sandbox/module.h"
#include "sandbox/record.h"
#include "sandbox/sandbox.h"
#include "tool/registry.h"

/* A replay waits for nothing, but another machine may be slower, and a changed
 * module may run for ever. */
#define LEAST_MS 60000u
#define TIMES_LONGER 4u

/* ---- the module ----------------------------------------------------- */

static bool has_digest(const bx_module *module, const bx_record_head *head)
{
    return bx_digest_equals(module->digest, head->module_digest);
}

/* Without compiling what is not. */
static bool is_recorded(const char *path, const bx_record_head *head)
{
    bx_autofree char *bytes = NULL;
    uint8_t digest[BX_DIGEST_BYTES];
    size_t count;

    if (bx_file_read(path, BX_MODULE_MAX_BYTES, &bytes, &count, NULL) < 0)
        return false;
    bx_sha256(bytes, count, digest);
    return bx_digest_equals(digest, head->module_digest);
}

/* The module at path when it is the recorded one; NULL: it is not. */
static bx_module *try_path(bx_engine *engine, const char *path,
                           const bx_policy *policy, const bx_record_head *head)
{
    bx_module *module = bx_module_load(engine, path, policy, NULL);

    if (module == NULL || has_digest(module, head))
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
        if (is_recorded(path, head))
            module = try_path(engine, path, policy, head);
    }
    if (dir != NULL)
        closedir(dir);
    return module;
}

static bx_module *find_module(const bx_replay *replay, bx_engine *engine,
                              const bx_policy *policy, bx_error **err)
{
    const bx_record_head *head = bx_recording_head(replay->recording);
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
    bx_error_set(err, BX_ERR_NOT_FOUND,
                 "module '%s' with SHA-256 %s is neither at '%s' nor among the "
                 "built-in tools; say with --module where it is, or which one "
                 "to run in its place",
                 head->module_name, digest,
                 head->module_path == NULL ? "" : head->module_path);
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

static void print_json(const bx_replay *replay, const bx_module *module,
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
    bx_digest_format(module->digest, now);
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

static int show(const bx_replay *replay, const bx_module *module,
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
        print_json(replay, module, result, difference);
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

int bx_replay_run(const bx_replay *replay)
{
    const bx_engine_options one = { sizeof(one), 1 };
    const bx_record_head *head = bx_recording_head(replay->recording);
    bx_error *err = NULL;
    bx_policy *policy = make_policy(head, &err);
    bx_engine *engine = policy == NULL ? NULL : bx_engine_new(&one, &err);
    bx_module *module =
        engine == NULL ? NULL : find_module(replay, engine, policy, &err);
    bx_sandbox *sandbox =
        module == NULL ? NULL : bx_sandbox_new(module, policy, &err);
    bx_player *player = NULL;
    bx_result *result = NULL;
    int status = BX_EXIT_NOT_RUN;

    if (sandbox != NULL)
        player = bx_player_new(replay->recording, bx_record_names(),
                               BX_TAPE_CALLS, &err);
    if (player == NULL) {
        (void)bx_cli_fail(status, err);
    } else {
        if (!has_digest(module, head) && !replay->is_quiet)
            fputs("boxagnts: note: this is not the module that was recorded\n",
                  stderr);
        (void)run(replay, sandbox, player, &result, &err);
        status = show(replay, module, player, result, err);
    }
    bx_result_free(result);
    bx_player_free(player);
    bx_sandbox_free(sandbox);
    bx_module_free(module);
    bx_engine_free(engine);
    bx_policy_free(policy);
    return status;
}
