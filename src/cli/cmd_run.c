/* boxagnts run: one guest, once. */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/hold.h"
#include "base/file.h"
#include "cli/json_bytes.h"
#include "cli/learner.h"
#include "cli/options.h"
#include "cli/overlay_cli.h"
#include "cli/record_file.h"
#include "cli/run_lock.h"
#include "policy/secret.h"
#include "sandbox/module.h"
#include "worker/compile_apart.h"
#include "worker/worker.h"

/* Refusals shown; a guest may make millions. */
#define SHOWN_REFUSALS 20

static const bx_flag flags[] = {
    { "stats", NULL, "Print time, memory, fuel, bytes and refusals" },
    { "json", NULL, "Print one JSON object: output, end and statistics" },
    { "quiet", NULL, "Do not show refused calls" },
    { "require-lockdown", NULL,
      "Do not run where the kernel lacks a layer of the lockdown" },
    BX_OVERLAY_FLAG,
    { "program-name", "NAME", "What the guest sees as argv[0]" },
    { "invoke", "NAME", "Call an exported function of a component" },
    { "record", "FILE", "Record the run for `boxagnts replay`" },
    { "record-max", "SIZE", "The most a recording may have; 1GiB without it" },
    { "hold-requests", NULL, BX_CLI_HOLD_HELP },
};

typedef struct bx_run_state {
    bool wants_stats;
    bool wants_json;
    bool is_quiet;
    bool requires_lockdown;
    bool holds_requests;
    bx_overlay_cli overlay;
    const char *program_name;
    const char *function; /* of --invoke */
    bx_record_file record;
    uint64_t shown;
    json_t *refusals; /* with --json */
} bx_run_state;

static void print_help(void)
{
    puts("Run a WebAssembly program (WASI preview1, or a WASI 0.2 component) "
         "in a fresh\nsandbox that starts with nothing and receives what these "
         "flags or a policy file\ngrant.\n\n"
         "Usage: boxagnts run [options] FILE.wasm [--] [arguments...]\n"
         "       boxagnts run [options] --invoke NAME FILE.wasm [JSON]\n\n"
         "Policy:");
    bx_options_print_controls(stdout);
    puts("\nOptions:");
    bx_options_print_flags(stdout, flags, sizeof(flags) / sizeof(flags[0]));
    puts("\nExit status: the guest's own, or 124 wasm-timeout, 125 not run "
         "(usage, policy,\nmodule), 130 interrupted, 134 trap, 137 "
         "wasm-max-memory-size at the start, 139\nwasm-max-wasm-stack, 152 "
         "wasm-fuel.\n\n"
         "Examples:\n"
         "  boxagnts run hello.wasm one two\n"
         "  boxagnts run --work-dir ./project js-execute.wasm -- build.js\n"
         "  boxagnts run --map-dir ./data::/data::ro --wasm-timeout 5s "
         "tool.wasm\n"
         "  boxagnts run --invoke add adder.wasm '{\"a\": 1, \"b\": 2}'\n"
         "  boxagnts run --allowed-outbound-host https://api.example.com "
         "\\\n      js-execute.wasm -- \\\n      -e "
         "'fetch(\"https://api.example.com\").then(r => console.log(r.status))"
         "'");
}

static int on_flag(void *context, const char *name, const char *value,
                   bx_error **err)
{
    bx_run_state *state = context;

    if (strcmp(name, "overlay") == 0)
        return bx_overlay_cli_take(&state->overlay, value, err);
    if (bx_record_file_flag(&state->record, name))
        return bx_record_file_set(&state->record, name, value, err);
    if (strcmp(name, "stats") == 0)
        state->wants_stats = true;
    else if (strcmp(name, "json") == 0)
        state->wants_json = true;
    else if (strcmp(name, "quiet") == 0)
        state->is_quiet = true;
    else if (strcmp(name, "require-lockdown") == 0)
        state->requires_lockdown = true;
    else if (strcmp(name, "hold-requests") == 0)
        state->holds_requests = true;
    else if (strcmp(name, "invoke") == 0)
        state->function = value;
    else
        state->program_name = value;
    return 0;
}

static void on_refusal(void *context, const bx_audit_event *event)
{
    bx_run_state *state = context;

    if (bx_learner_hides(event) || state->shown++ >= SHOWN_REFUSALS)
        return;
    if (state->refusals != NULL)
        json_array_append_new(state->refusals,
                              json_pack("{s:s, s:s, s:s, s:s}", "call",
                                        event->call, "target", event->target,
                                        "reason", event->reason, "rule",
                                        event->rule));
    else if (!state->is_quiet)
        fprintf(stderr, "boxagnts: denied %s '%s': %s (%s)\n", event->call,
                event->target, event->reason, event->rule);
}

static bx_cancel *interrupt;

static void on_signal(int number)
{
    (void)number;
    bx_cancel_trigger(interrupt);
}

/* The first Ctrl-C ends the guest, a second one the program. */
static void catch_interrupts(void)
{
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)SA_RESETHAND };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Compiling tens of megabytes takes a minute: on a terminal, say why nothing
 * happens. */
static void on_slow_compile(int number)
{
    static const char text[] = "boxagnts: compiling; a large module takes a "
                               "while, once if there is a cache\n";

    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}

static void announce_slow_compile(void)
{
    struct sigaction action = { .sa_handler = on_slow_compile,
                                .sa_flags = SA_RESTART };

    if (isatty(STDERR_FILENO) && sigaction(SIGALRM, &action, NULL) == 0)
        alarm(2); /* seconds */
}

int bx_cli_run_status(const bx_result *result)
{
    switch (bx_result_code(result)) {
    case BX_OK:
        return (int)(bx_result_exit_code(result) & 0xff);
    case BX_ERR_TIMEOUT:
        return BX_EXIT_TIMEOUT;
    case BX_ERR_CANCELLED:
        return BX_EXIT_CANCELLED;
    case BX_ERR_MEMORY:
        return BX_EXIT_MEMORY;
    case BX_ERR_STACK:
        return BX_EXIT_STACK;
    case BX_ERR_FUEL:
        return BX_EXIT_FUEL;
    default:
        return BX_EXIT_TRAP;
    }
}

static void print_stats(const bx_result *result, bool is_cached)
{
    bx_stats stats;
    char text[32];

    bx_result_stats(result, &stats, sizeof(stats));
    fprintf(stderr, "time           %s (%s)\n",
            bx_cli_duration(stats.wall_ns, text),
            is_cached ? "compiled code from the cache" : "compiled just now");
    fprintf(stderr, "memory peak    %s\n",
            bx_cli_bytes(stats.memory_bytes, text));
    if (stats.fuel_units > 0)
        fprintf(stderr, "fuel           %llu units\n",
                (unsigned long long)stats.fuel_units);
    fprintf(stderr, "bytes read     %s\n",
            bx_cli_bytes(stats.read_bytes, text));
    fprintf(stderr, "bytes written  %s\n",
            bx_cli_bytes(stats.write_bytes, text));
    fprintf(stderr, "host calls     %llu, denied %llu\n",
            (unsigned long long)stats.calls,
            (unsigned long long)stats.calls_denied);
}

static void print_json(const bx_result *result, json_t *refusals,
                       bool is_cached)
{
    bx_stats stats;
    size_t out_bytes;
    size_t err_bytes;
    const char *out = bx_result_stdout(result, &out_bytes);
    const char *err = bx_result_stderr(result, &err_bytes);
    json_t *root;

    bx_result_stats(result, &stats, sizeof(stats));
    root = json_pack(
        "{s:s, s:i, s:s, s:o, s:o, s:b, s:O, s:{s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, s:b}}",
        "end", bx_code_name(bx_result_code(result)), "exit_status",
        bx_cli_run_status(result), "message", bx_result_message(result),
        "stdout", bx_cli_json_bytes(out, out_bytes), "stderr",
        bx_cli_json_bytes(err, err_bytes), "is_cut", bx_result_is_cut(result),
        "refusals", refusals, "stats", "wall_ns", (json_int_t)stats.wall_ns,
        "memory_bytes", (json_int_t)stats.memory_bytes, "fuel_units",
        (json_int_t)stats.fuel_units, "read_bytes",
        (json_int_t)stats.read_bytes, "write_bytes",
        (json_int_t)stats.write_bytes, "calls", (json_int_t)stats.calls,
        "calls_denied", (json_int_t)stats.calls_denied, "is_cached", is_cached);
    if (bx_result_value(result) != NULL)
        json_object_set_new(root, "value",
                            json_loads(bx_result_value(result),
                                       JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

/* Where the module runs: one of the two. */
typedef struct run_place {
    const bx_sandbox *sandbox;
    bx_worker_box *box;
} run_place;

static int run_at(const run_place *place, size_t argc, char **argv,
                  const bx_run_options *options, const bx_run_extra *extra,
                  bx_result **ret_result, bx_error **err)
{
    const char *const *words = (const char *const *)argv;

    return place->box != NULL
               ? bx_worker_box_run(place->box, argc, words, options, extra,
                                   ret_result, err)
               : bx_sandbox_run_with(place->sandbox, argc, words, options,
                                     extra, ret_result, err);
}

/* FILE [--] arguments: the guest's argv[0] is FILE's name. */
static int start_run(const run_place *place, const bx_options *given,
                     const bx_run_state *state, const bx_run_options *options,
                     bx_run_extra *extra, bx_result **ret_result,
                     bx_error **err)
{
    char **argv = given->operands;
    int argc = given->operands_count;

    if (state->function != NULL) {
        const char *args = argc > 1 ? argv[1] : "{}";
        const bx_invocation invocation = { state->function, args,
                                           strlen(args) };

        if (argc > 2)
            return bx_error_set(err, BX_ERR_INVALID,
                                "--invoke takes FILE.wasm and one JSON text; "
                                "'%s' is one too many",
                                argv[2]);
        extra->invocation = &invocation;
        return run_at(place, 1, argv, options, extra, ret_result, err);
    }
    if (argc > 1 && strcmp(argv[1], "--") == 0) {
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    if (state->program_name != NULL)
        argv[0] = (char *)state->program_name;
    else if (strrchr(argv[0], '/') != NULL)
        argv[0] = strrchr(argv[0], '/') + 1;
    return run_at(place, (size_t)argc, argv, options, extra, ret_result, err);
}

/* Open what the run needs, then let go of everything else: the module, with
 * the key of the cache it came from, and what the lockdown takes. */
static bx_sandbox *make_sandbox(bx_module *module, const bx_options *given,
                                const bx_run_options *options,
                                bx_broker_child **ret_network, bx_error **err)
{
    bx_sandbox *sandbox = bx_sandbox_new(module, given->policy, err);
    bool wants_network = bx_module_wants_network(module);

    bx_module_free(module);
    alarm(0);
    if (sandbox == NULL || bx_run_lock_apply(sandbox, wants_network, options,
                                             ret_network, err) == 0)
        return sandbox;
    bx_sandbox_free(sandbox);
    return NULL;
}

static void print_result(const bx_result *result, const bx_run_state *state,
                         bool is_cached)
{
    if (state->shown > SHOWN_REFUSALS && !state->is_quiet)
        fprintf(stderr, "boxagnts: %llu more refusals are not shown\n",
                (unsigned long long)(state->shown - SHOWN_REFUSALS));
    if (!state->wants_json && bx_result_value(result) != NULL)
        puts(bx_result_value(result));
    if (state->wants_json)
        print_json(result, state->refusals, is_cached);
    else if (bx_result_code(result) != BX_OK)
        fprintf(stderr, "boxagnts: %s: %s\n",
                bx_code_name(bx_result_code(result)),
                bx_result_message(result));
    if (state->wants_stats)
        print_stats(result, is_cached);
}

static void set_options(const bx_run_state *state, bx_run_options *options)
{
    options->stdin_fd = 0;
    if (!state->wants_json) {
        options->stdout_fd = 1;
        options->stderr_fd = 2;
    }
    options->cancel = interrupt = bx_cancel_new();
    options->audit = on_refusal;
    options->audit_context = (void *)state;
    options->hold = state->holds_requests ? bx_cli_on_hold : NULL;
    options->record_fd = bx_record_file_fd(&state->record);
    options->record_max_bytes = state->record.max_bytes;
}

static int run_module(bx_module *module, const bx_options *given,
                      bx_run_state *state)
{
    bx_error *err = NULL;
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_run_extra extra = { 0 };
    bool is_cached = bx_module_is_cached(module);
    bx_broker_child *network = NULL;
    bx_result *result = NULL;
    bx_sandbox *sandbox;
    int status;

    set_options(state, &options);
    sandbox = make_sandbox(module, given, &options, &network, &err);
    if (sandbox == NULL)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    if (network != NULL)
        extra.broker = bx_broker_child_broker(network);
    catch_interrupts();
    if (bx_run_lock_begin(network, sandbox, &options, &err) < 0 ||
        start_run(&(run_place){ .sandbox = sandbox }, given, state, &options,
                  &extra, &result, &err) < 0 ||
        bx_record_file_keep(&state->record, &err) < 0) {
        bx_record_file_drop(&state->record);
        bx_sandbox_free(sandbox);
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    }
    status = bx_cli_run_status(result);
    print_result(result, state, is_cached);
    bx_result_free(result);
    bx_sandbox_free(sandbox);
    return status;
}

static int learn_in(bx_worker_pool *pool, const bx_options *given,
                    bx_run_state *state, bx_result **ret_result, bx_error **err)
{
    const char *path = given->operands[0];
    bx_run_options options = BX_RUN_OPTIONS_INIT;
    bx_run_extra extra = { 0 };
    bx_autofree char *bytes = NULL;
    bx_worker_module *module;
    bx_worker_box *box;
    size_t count;
    int result = -1;

    if (bx_file_read(path, BX_MODULE_MAX_BYTES, &bytes, &count, err) < 0)
        return bx_error_wrap(err, "module");
    module =
        bx_worker_module_new(pool, bytes, count, path, given->policy, 0, err);
    if (module == NULL)
        return -1;
    box = bx_worker_box_new(pool, module, given->policy, err);
    if (box != NULL) {
        set_options(state, &options);
        options.need = bx_learner_need(options.cancel, &options.need_context);
        catch_interrupts();
        result = start_run(&(run_place){ .box = box }, given, state, &options,
                           &extra, ret_result, err);
        if (result == 0)
            result = bx_record_file_keep(&state->record, err);
    }
    bx_worker_box_free(box);
    bx_worker_module_free(module);
    return result;
}

/* A learner asks and writes here, so the guest runs in another process. */
static int learn(const bx_options *given, bx_run_state *state)
{
    const bx_worker_options one = { .max_instances = 1,
                                    .requires_lockdown =
                                        state->requires_lockdown };
    bx_error *err = NULL;
    bx_worker_pool *pool = bx_worker_pool_new(&one, &err);
    bx_result *result = NULL;
    int status;

    if (pool == NULL || learn_in(pool, given, state, &result, &err) < 0) {
        bx_record_file_drop(&state->record);
        status = bx_cli_fail(BX_EXIT_NOT_RUN, err);
    } else {
        status = bx_cli_run_status(result);
        bx_learner_note_result(result);
        print_result(result, state, false);
    }
    bx_result_free(result);
    bx_worker_pool_free(pool);
    return status;
}

/* The engine and the module under these options, then the run. */
static int run_with(const bx_options *given, bx_run_state *state)
{
    const bx_engine_options one = { sizeof(one), 1 };
    const bx_run_lock lock = { .is_required = state->requires_lockdown,
                               .is_quiet = state->is_quiet };
    bx_error *err = NULL;
    bx_engine *engine = NULL;
    bx_module *module = NULL;

    if (bx_run_lock_check(&lock, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    /* Secrets are for tools that ask for them. */
    bx_policy_drop_secrets(given->policy);
    if (bx_learner_is_on())
        return learn(given, state);
    if (!state->is_quiet)
        announce_slow_compile();
    engine = bx_engine_new(&one, &err);
    if (engine != NULL) {
        bx_engine_set_compiler(engine, bx_compile_apart);
        module =
            bx_module_load(engine, given->operands[0], given->policy, &err);
    }
    return module == NULL ? bx_cli_fail(BX_EXIT_NOT_RUN, err)
                          : run_module(module, given, state);
}

int bx_cmd_run(int argc, char **argv)
{
    bx_run_state state = { .record = BX_RECORD_FILE_INIT };
    bx_options options;
    bx_error *err = NULL;
    int status;

    if (bx_options_parse(argc, argv, flags, sizeof(flags) / sizeof(flags[0]),
                         on_flag, &state, &options, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    if (options.wants_help) {
        print_help();
        bx_options_clear(&options);
        return 0;
    }
    if (options.operands_count == 0) {
        bx_options_clear(&options);
        return bx_cli_usage(BX_EXIT_NOT_RUN, "run",
                            "which module? Expected FILE.wasm");
    }
    if (bx_overlay_cli_check_word(
            &state.overlay, options.operands, options.operands_count,
            access(options.operands[0], F_OK) == 0, &err) < 0 ||
        bx_learner_prepare(&options, NULL, &err) < 0 ||
        bx_overlay_cli_begin(&state.overlay, options.policy, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    if (state.overlay.is_given) {
        status = bx_overlay_cli_watch(&state.overlay, state.is_quiet);
        if (status >= 0) {
            bx_options_clear(&options);
            return status;
        }
    }
    if (bx_record_file_open(&state.record, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    if (state.wants_json)
        state.refusals = json_array();
    status = run_with(&options, &state);
    /* The process ends here: unmapping code and pools page by page would only
     * make it end later. */
    json_decref(state.refusals);
    if (bx_learner_is_on())
        return status;
    status = bx_cli_finish(status);
    fflush(NULL);
    _exit(status);
}
