/* One run. The module is hostile: it may trap, loop, grow, or export nothing
 * of what it should, and each of these ends in a result. */
#include "sandbox/instance.h"

#include <string.h>

#include "sandbox/component_run.h"
#include "sandbox/ending.h"
#include "sandbox/record.h"
#include "sandbox/result.h"
#include "sandbox/sandbox.h"

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

uint64_t bx_instance_fuel(const bx_instance *instance)
{
    uint64_t left = 0;
    wasmtime_error_t *error;

    if (instance->component != NULL)
        return bx_component_store_fuel(instance->component);
    error = wasmtime_context_get_fuel(instance->context, &left);
    if (error != NULL)
        wasmtime_error_delete(error);
    return left;
}

int bx_instance_set_fuel(bx_instance *instance, uint64_t units, bx_error **err)
{
    wasmtime_error_t *error;

    if (instance->component != NULL)
        return bx_component_store_set_fuel(instance->component, units)
                   ? 0
                   : bx_error_set(err, BX_ERR_SYSTEM, "fuel");
    error = wasmtime_context_set_fuel(instance->context, units);
    return error == NULL ? 0
                         : bx_engine_fail(err, BX_ERR_SYSTEM, error, "fuel");
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
    budget->fuel_units = instance->sandbox->variant->has_fuel
                             ? bx_instance_fuel(instance)
                             : UINT64_MAX;
}

static void settle(void *context, const bx_budget *left)
{
    bx_instance *instance = context;

    if (instance->sandbox->variant->has_fuel)
        (void)bx_instance_set_fuel(instance, left->fuel_units, NULL);
}

static int fuel_store(bx_instance *instance, bx_error **err)
{
    const bx_limits *limits = &instance->sandbox->policy->limits;
    const bx_budget *budget = instance->run.budget;

    if (!instance->sandbox->variant->has_fuel)
        return 0;
    instance->fuel_units = budget == NULL
                               ? limits->fuel_units
                               : lower(limits->fuel_units, budget->fuel_units);
    return bx_instance_set_fuel(instance, instance->fuel_units, err);
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
    if (sandbox->prepared->component != NULL) {
        instance->component =
            bx_component_store_new(sandbox->prepared->component, instance,
                                   instance, &instance->limiter);
        return fuel_store(instance, err);
    }
    instance->store =
        wasmtime_store_new(sandbox->variant->engine, instance, NULL);
    if (instance->store == NULL)
        return bx_error_set_nomem(err);
    instance->context = wasmtime_store_context(instance->store);
    bx_engine_limit_store(instance->store, &instance->limiter);
    wasmtime_store_epoch_deadline_callback(instance->store, on_epoch, instance,
                                           NULL);
    wasmtime_context_set_epoch_deadline(instance->context, 1);
    return fuel_store(instance, err);
}

/* What belongs to one call: its time, its streams, who is told. */
static void begin_call(bx_instance *instance, const bx_run_options *options,
                       const bx_budget *budget)
{
    bx_run *run = &instance->run;

    instance->begin_ns = bx_now_ns();
    instance->begin_held_ns = run->held_ns;
    run->deadline_ns = deadline(&instance->sandbox->policy->limits, options,
                                instance->begin_ns);
    if (budget != NULL && budget->deadline_ns < run->deadline_ns)
        run->deadline_ns = budget->deadline_ns;
    run->budget = budget;
    bx_run_options_give(options, run);
    open_streams(instance, options, budget);
}

/* The run's time stands still, or goes on. */
static void on_deadline(void *context, int64_t deadline_ns)
{
    bx_instance *instance = context;

    if (instance->is_watched)
        bx_watchdog_move(bx_engine_watchdog(instance->sandbox->engine),
                         &instance->watch, deadline_ns);
}

static int watch(bx_instance *instance, bx_error **err)
{
    instance->watch =
        (bx_watch){ .deadline_ns = instance->run.deadline_ns,
                    .is_cancellable =
                        instance->run.cancel != NULL || instance->is_played };
    if (bx_watchdog_add(bx_engine_watchdog(instance->sandbox->engine),
                        &instance->watch, err) < 0)
        return -1;
    instance->is_watched = true;
    return 0;
}

static void unwatch(bx_instance *instance)
{
    if (instance->is_watched)
        bx_watchdog_remove(bx_engine_watchdog(instance->sandbox->engine),
                           &instance->watch);
    instance->is_watched = false;
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
    instance->sandbox = sandbox;
    instance->invocation = extra->invocation;
    instance->run.is_deterministic = policy->is_deterministic;
    instance->run.seed = policy->seed;
    instance->run.broker = extra->broker;
    instance->run.on_deadline = on_deadline;
    instance->run.on_deadline_context = instance;
    instance->is_played = extra->player != NULL;
    begin_call(instance, options, extra->budget);
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
    if (watch(instance, err) < 0 || open_store(instance, err) < 0)
        return -1;
    return bx_record_open(instance, argc, argv, options, extra, err);
}

int bx_instance_renew(bx_instance *instance, const bx_run_options *options,
                      const bx_invocation *invocation, bx_error **err)
{
    bx_stream *stdio[3];

    unwatch(instance);
    instance->invocation = invocation;
    instance->host_answer = 0;
    instance->limiter.memory_refused = 0;
    instance->limiter.table_refused = 0;
    instance->run.read_bytes = 0;
    instance->run.write_bytes = 0;
    instance->run.calls = 0;
    instance->run.calls_denied = 0;
    memset(instance->streams, 0, sizeof(instance->streams));
    begin_call(instance, options, NULL);
    for (int i = 0; i < 3; i++)
        stdio[i] = &instance->streams[i];
    bx_wasi_renew_stdio(instance->wasi, stdio);
    bx_call_host_set_cancel(instance->calls, options->cancel);
    if (watch(instance, err) < 0)
        return -1;
    return fuel_store(instance, err);
}

void bx_instance_rest(bx_instance *instance)
{
    bx_stream *stdio[3];

    unwatch(instance);
    /* What the caller lent for one call is not read by a later mistake. */
    memset(instance->streams, 0, sizeof(instance->streams));
    for (int i = 0; i < 3; i++) {
        instance->streams[i].fd = -1;
        stdio[i] = &instance->streams[i];
        bx_buf_clear(&instance->captured[i]);
    }
    bx_wasi_renew_stdio(instance->wasi, stdio);
    bx_call_host_set_cancel(instance->calls, NULL);
    instance->run.cancel = NULL;
    instance->run.audit = NULL;
    instance->run.effect = NULL;
    instance->run.need = NULL;
    bx_run_forget_needs(&instance->run);
    instance->run.hold = NULL;
    instance->invocation = NULL;
}

void bx_instance_end(bx_instance *instance)
{
    /* Its resources go back to the hosts below. */
    bx_component_store_delete(instance->component);
    instance->component = NULL;
    unwatch(instance);
    bx_http_client_free(instance->client);
    bx_socket_host_free(instance->sockets);
    bx_call_host_free(instance->calls);
    bx_http_host_free(instance->http);
    bx_wasi_free(instance->wasi);
    bx_run_forget_needs(&instance->run);
    bx_record_close(instance);
    for (int i = 0; i < 3; i++)
        bx_buf_clear(&instance->captured[i]);
}

void bx_instance_drop(bx_instance *instance)
{
    if (instance->store != NULL)
        wasmtime_store_delete(instance->store);
}

void bx_instance_close(bx_instance *instance)
{
    bx_instance_end(instance);
    bx_instance_drop(instance);
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

static void end_trapped(const bx_instance *instance, bx_result *result,
                        wasm_trap_t *trap)
{
    bx_trap_kind kind = BX_TRAP_OTHER;
    wasm_message_t text;
    wasmtime_trap_code_t code;

    if (wasmtime_trap_code(trap, &code)) {
        if (code == WASMTIME_TRAP_CODE_STACK_OVERFLOW)
            kind = BX_TRAP_STACK;
        else if (code == WASMTIME_TRAP_CODE_OUT_OF_FUEL)
            kind = BX_TRAP_FUEL;
    }
    wasm_trap_message(trap, &text);
    bx_ending_trapped(instance, result, kind, &text);
    wasm_byte_vec_delete(&text);
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
        bx_ending_stopped(instance, result);
    } else if (trap != NULL) {
        end_trapped(instance, result, trap);
    } else if (instance->has_no_memory) {
        bx_result_end(result, BX_ERR_TRAP,
                      strdup("a host function was called, but the module "
                             "exports no memory named 'memory'"));
    } else if (error != NULL) {
        if (!bx_ending_limited(instance, result)) {
            returned = bx_engine_fail(err, BX_ERR_LIMIT, error, "instance");
            error = NULL;
        }
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
    wasmtime_error_t *error;
    wasmtime_extern_t item;

    if (instance->invocation != NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "a core module: its functions know numbers only; "
                            "expected a component that exports '%s'",
                            instance->invocation->function);
    error = wasmtime_instance_pre_instantiate(
        instance->sandbox->prepared->module, instance->context,
        &instance->instance, &trap);
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
        stats->fuel_units = instance->fuel_units - bx_instance_fuel(instance);
}

/* Charge the call this one was nested in. Memory and depth come back. */
static void settle_budget(const bx_instance *instance, bx_budget *budget,
                          const bx_result *result)
{
    const bx_budget *used = &instance->run.used;
    int64_t held_ns = instance->run.held_ns - instance->begin_held_ns;

    budget->fuel_units -= lower(budget->fuel_units, result->stats.fuel_units);
    budget->fs_write_bytes -=
        lower(budget->fs_write_bytes, used->fs_write_bytes);
    budget->fs_create_entries -=
        lower(budget->fs_create_entries, used->fs_create_entries);
    budget->http_requests -= lower(budget->http_requests, used->http_requests);
    budget->calls -= lower(budget->calls, used->calls);
    /* The caller's time stood still with this run's. */
    if (held_ns < INT64_MAX - budget->deadline_ns)
        budget->deadline_ns += held_ns;
}

static void audit_growth(bx_instance *instance, const char *call,
                         const char *reason, const char *control)
{
    bx_autofree char *rule = bx_ending_rule(instance, control);

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
    int returned = instance->component != NULL
                       ? bx_component_run(instance, result, err)
                       : start(instance, result, err);

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
    return bx_record_finish(instance, result, returned, err);
}
