/* One run. The module is hostile: it may trap, loop, grow, or export nothing
 * of what it should, and each of these ends in a result. */
#include "sandbox/instance.h"

#include <stdarg.h>
#include <string.h>

#include "sandbox/result.h"
#include "sandbox/sandbox.h"

#define TRAP_TEXT_MAX_BYTES 4096 /* of a message with its backtrace */

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void open_streams(bx_instance *instance, const bx_run_options *options,
                         const bx_budget *budget)
{
    uint64_t capture_bytes = instance->sandbox->policy->limits.output_bytes;

    const int fds[3] = { options->stdin_fd, options->stdout_fd,
                         options->stderr_fd };
    bx_stream *in = &instance->streams[0];

    if (budget != NULL)
        capture_bytes = lower(capture_bytes, budget->output_bytes);
    for (int i = 0; i < 3; i++) {
        bx_stream *stream = &instance->streams[i];

        stream->fd = fds[i] >= 0 ? fds[i] : -1;
        if (i > 0 && fds[i] == BX_FD_CAPTURE)
            stream->capture = &instance->captured[i];
        stream->capture_bytes = capture_bytes;
    }
    in->data = options->stdin_data;
    in->bytes = options->stdin_data == NULL ? 0 : options->stdin_bytes;
}

/* The earlier of the policy's limit and the caller's, from now on. */
static int64_t deadline(const bx_limits *limits, const bx_run_options *options,
                        int64_t now_ns)
{
    uint64_t ms = limits->timeout_ms;

    if (options->timeout_ms != 0 && options->timeout_ms < ms)
        ms = options->timeout_ms;
    return now_ns + (int64_t)ms * 1000000;
}

/* Every epoch tick: has this run's own time come? */
static wasmtime_error_t *on_epoch(wasmtime_context_t *context, void *data,
                                  uint64_t *ret_delta,
                                  wasmtime_update_deadline_kind_t *ret_kind)
{
    bx_instance *instance = data;

    (void)context;
    if (bx_run_is_over(&instance->run)) {
        instance->host_answer = BX_HOST_STOP;
        return wasmtime_error_new("the run is over");
    }
    *ret_delta = 1;
    *ret_kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
    return NULL;
}

static uint64_t fuel_left(const bx_instance *instance)
{
    uint64_t left = 0;
    wasmtime_error_t *error =
        wasmtime_context_get_fuel(instance->context, &left);

    if (error != NULL)
        wasmtime_error_delete(error);
    return left;
}

/* What only the store knows of a nested run's budget; bx_call_host fills in
 * the rest. */
static void lend(void *context, bx_budget *budget)
{
    const bx_instance *instance = context;
    const bx_limiter *limiter = &instance->limiter;

    budget->memory_bytes =
        limiter->max_memory_bytes > limiter->memory_bytes
            ? limiter->max_memory_bytes - limiter->memory_bytes
            : 0;
    budget->fuel_units =
        instance->sandbox->variant->has_fuel ? fuel_left(instance) : UINT64_MAX;
}

static void settle(void *context, const bx_budget *left)
{
    bx_instance *instance = context;
    wasmtime_error_t *error;

    if (!instance->sandbox->variant->has_fuel)
        return;
    error = wasmtime_context_set_fuel(instance->context, left->fuel_units);
    if (error != NULL)
        wasmtime_error_delete(error);
}

static int open_store(bx_instance *instance, bx_error **err)
{
    const bx_sandbox *sandbox = instance->sandbox;
    const bx_limits *limits = &sandbox->policy->limits;

    const bx_budget *budget = instance->run.budget;

    instance->limiter.max_memory_bytes =
        budget == NULL ? limits->memory_bytes
                       : lower(limits->memory_bytes, budget->memory_bytes);
    instance->limiter.max_table_elements = limits->table_elements;
    instance->store =
        wasmtime_store_new(sandbox->variant->engine, instance, NULL);
    if (instance->store == NULL)
        return bx_error_set_nomem(err);
    instance->context = wasmtime_store_context(instance->store);
    bx_engine_limit_store(instance->store, &instance->limiter);
    wasmtime_store_epoch_deadline_callback(instance->store, on_epoch, instance,
                                           NULL);
    wasmtime_context_set_epoch_deadline(instance->context, 1);
    if (sandbox->variant->has_fuel) {
        wasmtime_error_t *error;

        instance->fuel_units =
            budget == NULL ? limits->fuel_units
                           : lower(limits->fuel_units, budget->fuel_units);
        error =
            wasmtime_context_set_fuel(instance->context, instance->fuel_units);
        if (error != NULL)
            return bx_engine_fail(err, BX_ERR_SYSTEM, error, "fuel");
    }
    return 0;
}

int bx_instance_open(bx_instance *instance, const bx_sandbox *sandbox,
                     size_t argc, const char *const *argv,
                     const bx_run_options *options, const bx_run_extra *extra,
                     bx_error **err)
{
    const bx_policy *policy = sandbox->policy;
    bx_wasi_config config = { .policy = policy,
                              .fs = sandbox->fs,
                              .run = &instance->run,
                              .argc = argc,
                              .argv = argv,
                              .env_count = extra->env_count,
                              .env = extra->env };
    bx_call_config calls = { .policy = policy,
                             .run = &instance->run,
                             .cancel = options->cancel,
                             .services = extra->services,
                             .lend = lend,
                             .settle = settle,
                             .context = instance };

    memset(instance, 0, sizeof(*instance));
    instance->begin_ns = bx_now_ns();
    instance->sandbox = sandbox;
    instance->run.deadline_ns =
        deadline(&policy->limits, options, instance->begin_ns);
    if (extra->budget != NULL &&
        extra->budget->deadline_ns < instance->run.deadline_ns)
        instance->run.deadline_ns = extra->budget->deadline_ns;
    instance->run.budget = extra->budget;
    instance->run.cancel = options->cancel;
    instance->run.audit = options->audit;
    instance->run.audit_context = options->audit_context;
    instance->run.is_deterministic = policy->is_deterministic;
    instance->run.seed = policy->seed;
    open_streams(instance, options, extra->budget);
    for (int i = 0; i < 3; i++)
        config.stdio[i] = &instance->streams[i];
    instance->wasi = bx_wasi_new(&config, err);
    if (instance->wasi == NULL)
        return -1;
    instance->http = bx_http_host_new(policy, &instance->run, err);
    if (instance->http == NULL)
        return -1;
    instance->calls = bx_call_host_new(&calls, err);
    if (instance->calls == NULL)
        return -1;
    instance->hosts[BX_HOST_WASI] = instance->wasi;
    instance->hosts[BX_HOST_HTTP] = instance->http;
    instance->hosts[BX_HOST_CALL] = instance->calls;
    instance->watch.deadline_ns = instance->run.deadline_ns;
    instance->watch.is_cancellable = options->cancel != NULL;
    if (bx_watchdog_add(bx_engine_watchdog(sandbox->engine), &instance->watch,
                        err) < 0)
        return -1;
    instance->is_watched = true;
    return open_store(instance, err);
}

void bx_instance_close(bx_instance *instance)
{
    if (instance->store != NULL)
        wasmtime_store_delete(instance->store);
    if (instance->is_watched)
        bx_watchdog_remove(bx_engine_watchdog(instance->sandbox->engine),
                           &instance->watch);
    bx_call_host_free(instance->calls);
    bx_http_host_free(instance->http);
    bx_wasi_free(instance->wasi);
    for (int i = 0; i < 3; i++)
        bx_buf_clear(&instance->captured[i]);
}

bool bx_instance_memory(bx_instance *instance, wasmtime_caller_t *caller,
                        bx_guest *ret_guest)
{
    if (!instance->has_memory) {
        wasmtime_extern_t item;

        /* Not instantiated yet: this is the module's start function. */
        if (!wasmtime_caller_export_get(caller, "memory", 6, &item))
            return false;
        if (item.kind != WASMTIME_EXTERN_MEMORY) {
            wasmtime_extern_delete(&item);
            return false;
        }
        instance->memory = item.of.memory;
        instance->has_memory = true;
    }
    ret_guest->data =
        wasmtime_memory_data(instance->context, &instance->memory);
    ret_guest->size =
        wasmtime_memory_data_size(instance->context, &instance->memory);
    return true;
}

static char *describe(const char *format, ...) BX_PRINTF(1, 2);

static char *describe(const char *format, ...)
{
    va_list args;
    char *text = NULL;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return text;
}

/* "ci.yaml:4: wasm-timeout 2s", or "default wasm-timeout"; NULL without
 * memory. */
static char *limit_rule(const bx_instance *instance, const char *control)
{
    const char *origin = bx_policy_origin(instance->sandbox->policy, control);

    return strcmp(origin, "default") == 0 ? describe("default %s", control)
                                          : strdup(origin);
}

static void end_at_limit(const bx_instance *instance, bx_result *result,
                         bx_code code, const char *control, const char *what,
                         uint64_t value, const char *unit)
{
    bx_autofree char *rule = limit_rule(instance, control);

    bx_result_end(result, code,
                  describe("%s: %s %llu %s (%s)", control, what,
                           (unsigned long long)value, unit,
                           rule == NULL ? "" : rule));
}

static void end_stopped(const bx_instance *instance, bx_result *result)
{
    if (bx_run_is_cancelled(&instance->run))
        bx_result_end(result, BX_ERR_CANCELLED,
                      describe("the run was ended from outside"));
    else
        end_at_limit(
            instance, result, BX_ERR_TIMEOUT, "wasm-timeout",
            "the run was ended after",
            (uint64_t)(instance->run.deadline_ns - instance->begin_ns) /
                1000000,
            "ms");
}

/* The engine writes "error while executing at wasm backtrace: ... Caused by:
 * wasm trap: CAUSE"; people and a cut want the cause first. The parts are
 * borrowed from text; one without a cause is its own. The last mark counts:
 * the names before it are the module's. */
static void split_trap(const wasm_message_t *text, wasm_message_t *ret_cause,
                       wasm_message_t *ret_trace)
{
    static const char mark[] = "\n\nCaused by:\n    ";
    static const char prefix[] = "wasm trap: ";
    const char *end = text->data + text->size;
    char *at = NULL;
    char *cause = text->data;
    char *next;
    size_t size;

    while ((next = memmem(cause, (size_t)(end - cause), mark,
                          sizeof(mark) - 1)) != NULL) {
        at = next;
        cause = next + sizeof(mark) - 1;
    }
    size = (size_t)(end - cause);
    if (size >= sizeof(prefix) - 1 &&
        memcmp(cause, prefix, sizeof(prefix) - 1) == 0)
        cause += sizeof(prefix) - 1;
    while (end > cause && (end[-1] == '\n' || end[-1] == '\0'))
        end--;
    *ret_cause = (wasm_message_t){ (size_t)(end - cause), cause };
    *ret_trace = (wasm_message_t){ at == NULL ? 0 : (size_t)(at - text->data),
                                   text->data };
}

/* The engine's advice to its own users is none to ours. */
static void cut_note(wasm_message_t *trace)
{
    static const char note[] = "\nnote: using the `WASMTIME_";
    const char *at = memmem(trace->data, trace->size, note, sizeof(note) - 1);

    if (at != NULL)
        trace->size = (size_t)(at - trace->data);
}

/* A part of it, fit to be shown; NULL without memory. */
static char *show(const wasm_message_t *text)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_engine_put_text(&shown, text->data, text->size,
                           TRAP_TEXT_MAX_BYTES) < 0)
        return NULL;
    return bx_buf_take(&shown);
}

static void end_trapped(const bx_instance *instance, bx_result *result,
                        wasm_trap_t *trap)
{
    const bx_limits *limits = &instance->sandbox->policy->limits;
    bx_autofree char *rule = NULL;
    bx_autofree char *shown_cause = NULL;
    bx_autofree char *shown_trace = NULL;
    wasm_message_t text;
    wasm_message_t cause;
    wasm_message_t trace;
    wasmtime_trap_code_t code;

    if (!wasmtime_trap_code(trap, &code))
        code = WASMTIME_TRAP_CODE_UNREACHABLE_CODE_REACHED;
    switch (code) {
    case WASMTIME_TRAP_CODE_STACK_OVERFLOW:
        end_at_limit(instance, result, BX_ERR_STACK, "wasm-max-wasm-stack",
                     "the guest used its stack of", limits->stack_bytes,
                     "bytes");
        return;
    case WASMTIME_TRAP_CODE_OUT_OF_FUEL:
        end_at_limit(instance, result, BX_ERR_FUEL, "wasm-fuel",
                     "the guest used its", instance->fuel_units, "units");
        return;
    default:
        break;
    }
    wasm_trap_message(trap, &text);
    if (instance->limiter.memory_refused > 0)
        rule = limit_rule(instance, "wasm-max-memory-size");
    split_trap(&text, &cause, &trace);
    cut_note(&trace);
    shown_cause = show(&cause);
    shown_trace = show(&trace);
    bx_result_end(
        result, BX_ERR_TRAP,
        describe("%s%s%s%s\n%s", shown_cause == NULL ? "trap" : shown_cause,
                 rule == NULL ? ""
                              : "; before it, wasm-max-memory-size refused "
                                "the guest more memory (",
                 rule == NULL ? "" : rule, rule == NULL ? "" : ")",
                 shown_trace == NULL ? "" : shown_trace));
    wasm_byte_vec_delete(&text);
}

/* A store error that is no trap: a limit met while instantiating or, with a GC
 * heap, later; or the host cannot. */
static int end_failed(const bx_instance *instance, bx_result *result,
                      wasmtime_error_t *error, bx_error **err)
{
    const bx_limits *limits = &instance->sandbox->policy->limits;
    static const char needs[] = "the guest needs more than";

    if (instance->limiter.memory_refused > 0) {
        wasmtime_error_delete(error);
        end_at_limit(instance, result, BX_ERR_MEMORY, "wasm-max-memory-size",
                     needs, instance->limiter.max_memory_bytes, "bytes");
        return 0;
    }
    if (instance->limiter.table_refused > 0) {
        wasmtime_error_delete(error);
        end_at_limit(instance, result, BX_ERR_MEMORY, "max-table-elements",
                     needs, limits->table_elements, "elements");
        return 0;
    }
    return bx_engine_fail(err, BX_ERR_LIMIT, error, "instance");
}

/* Sort out how a call into the guest came back. Takes error and trap. */
static int end_run(bx_instance *instance, bx_result *result,
                   wasmtime_error_t *error, wasm_trap_t *trap, bx_error **err)
{
    int returned = 0;

    if (instance->host_answer == BX_HOST_EXIT) {
        result->exit_code = bx_wasi_exit_code(instance->wasi);
        bx_result_end(result, BX_OK, NULL);
    } else if (instance->host_answer == BX_HOST_STOP) {
        end_stopped(instance, result);
    } else if (trap != NULL) {
        end_trapped(instance, result, trap);
    } else if (instance->has_no_memory) {
        bx_result_end(result, BX_ERR_TRAP,
                      describe("a host function was called, but the module "
                               "exports no memory named 'memory'"));
    } else if (error != NULL) {
        returned = end_failed(instance, result, error, err);
        error = NULL;
    }
    if (trap != NULL)
        wasm_trap_delete(trap);
    if (error != NULL)
        wasmtime_error_delete(error);
    return returned;
}

/* No parameters and no results (WASI application ABI). */
static bool is_command_start(const bx_instance *instance,
                             const wasmtime_func_t *func)
{
    wasm_functype_t *type = wasmtime_func_type(instance->context, func);
    bool is_plain = wasm_functype_params(type)->size == 0 &&
                    wasm_functype_results(type)->size == 0;

    wasm_functype_delete(type);
    return is_plain;
}

static int start(bx_instance *instance, bx_result *result, bx_error **err)
{
    wasm_trap_t *trap = NULL;
    wasmtime_error_t *error = wasmtime_instance_pre_instantiate(
        instance->sandbox->pre, instance->context, &instance->instance, &trap);
    wasmtime_extern_t item;

    if (error != NULL || trap != NULL)
        return end_run(instance, result, error, trap, err);
    if (!wasmtime_instance_export_get(instance->context, &instance->instance,
                                      "_start", 6, &item))
        return bx_error_set(err, BX_ERR_INVALID,
                            "exports no '_start' function; expected a command "
                            "(wasm32-wasip1), not a library");
    if (item.kind != WASMTIME_EXTERN_FUNC) {
        wasmtime_extern_delete(&item);
        return bx_error_set(err, BX_ERR_INVALID,
                            "its export '_start' is not a function");
    }
    if (!is_command_start(instance, &item.of.func))
        return bx_error_set(err, BX_ERR_INVALID,
                            "its '_start' takes parameters or has results; "
                            "expected neither");
    error = wasmtime_func_call(instance->context, &item.of.func, NULL, 0, NULL,
                               0, &trap);
    return end_run(instance, result, error, trap, err);
}

static void fill_stats(bx_instance *instance, bx_stats *stats)
{
    stats->memory_bytes = instance->limiter.memory_bytes;
    stats->read_bytes = instance->run.read_bytes;
    stats->write_bytes = instance->run.write_bytes;
    stats->calls = instance->run.calls;
    stats->calls_denied = instance->run.calls_denied;
    if (instance->sandbox->variant->has_fuel)
        stats->fuel_units = instance->fuel_units - fuel_left(instance);
}

/* Charge the call this one was nested in. Memory and depth come back. */
static void settle_budget(const bx_instance *instance, bx_budget *budget,
                          const bx_result *result)
{
    const bx_budget *used = &instance->run.used;

    budget->fuel_units -= lower(budget->fuel_units, result->stats.fuel_units);
    budget->fs_write_bytes -=
        lower(budget->fs_write_bytes, used->fs_write_bytes);
    budget->fs_create_entries -=
        lower(budget->fs_create_entries, used->fs_create_entries);
    budget->http_requests -= lower(budget->http_requests, used->http_requests);
    budget->calls -= lower(budget->calls, used->calls);
}

static void audit_growth(bx_instance *instance, const char *call,
                         const char *reason, const char *control)
{
    bx_autofree char *rule = limit_rule(instance, control);

    bx_run_deny(&instance->run, call, call, strcspn(call, "."), reason,
                rule == NULL ? control : rule);
}

/* Growth that was refused: the guest was only told -1. */
static void audit_limiter(bx_instance *instance)
{
    if (instance->limiter.memory_refused > 0)
        audit_growth(instance, "memory.grow", "no more memory is granted",
                     "wasm-max-memory-size");
    if (instance->limiter.table_refused > 0)
        audit_growth(instance, "table.grow",
                     "no more table elements are granted",
                     "max-table-elements");
}

int bx_instance_run(bx_instance *instance, bx_budget *budget, bx_result *result,
                    bx_error **err)
{
    int returned = start(instance, result, err);

    if (result->code != BX_ERR_MEMORY)
        audit_limiter(instance);
    fill_stats(instance, &result->stats);
    if (budget != NULL)
        settle_budget(instance, budget, result);
    for (int i = 0; i < 2; i++) {
        result->captured[i] = instance->captured[i + 1];
        instance->captured[i + 1] = BX_BUF_INIT;
        result->is_cut |= instance->streams[i + 1].is_cut;
    }
    return returned;
}
