#include "sandbox/linker.h"

#include <assert.h>
#include <string.h>

#include "net/http_host.h"
#include "sandbox/call_host.h"
#include "sandbox/instance.h"
#include "sandbox/record.h"
#include "wasi/wasi.h"

_Static_assert(sizeof(bx_raw) == sizeof(wasmtime_val_raw_t),
               "raw values have the engine's layout");

const bx_host_module bx_host_modules[] = {
    { "wasi_snapshot_preview1", bx_wasi_preview1_calls,
      &bx_wasi_preview1_calls_count, BX_HOST_WASI },
    { "wasi_unstable", bx_wasi_snapshot0_calls, &bx_wasi_snapshot0_calls_count,
      BX_HOST_WASI },
    { "boxagnts", bx_wasi_own_calls, &bx_wasi_own_calls_count, BX_HOST_WASI },
    { "boxagnts", bx_http_calls, &bx_http_calls_count, BX_HOST_HTTP },
    { "boxagnts", bx_call_calls, &bx_call_calls_count, BX_HOST_CALL },
};
const size_t bx_host_modules_count =
    sizeof(bx_host_modules) / sizeof(bx_host_modules[0]);

static bool is_name(const char *name, const char *text, size_t bytes)
{
    return strlen(name) == bytes && memcmp(name, text, bytes) == 0;
}

const bx_host_call *bx_host_call_find(const char *module, size_t module_bytes,
                                      const char *name, size_t name_bytes)
{
    for (size_t i = 0; i < bx_host_modules_count; i++) {
        const bx_host_module *m = &bx_host_modules[i];

        if (!is_name(m->name, module, module_bytes))
            continue;
        for (size_t j = 0; j < *m->calls_count; j++) {
            if (is_name(m->calls[j].name, name, name_bytes))
                return &m->calls[j];
        }
    }
    return NULL;
}

static wasm_trap_t *trap(const char *why)
{
    return wasmtime_trap_new(why, strlen(why));
}

/* The engine's way into a host function; env is its bx_host_call. */
static wasm_trap_t *enter(void *env, wasmtime_caller_t *caller,
                          wasmtime_val_raw_t *values, bx_host_kind kind)
{
    const bx_host_call *call = env;
    wasmtime_context_t *context = wasmtime_caller_context(caller);
    bx_instance *instance = wasmtime_context_get_data(context);
    bx_guest guest;
    void *host;
    int32_t answer;

    if (!bx_instance_memory(instance, caller, &guest)) {
        instance->has_no_memory = true;
        return trap("no memory");
    }
    /* Code without a loop never meets the epoch, but it may make a long call
     * thousands of times. */
    if (atomic_load_explicit(&instance->watch.is_due, memory_order_relaxed) ||
        bx_run_is_cancelled(&instance->run)) {
        instance->host_answer = BX_HOST_STOP;
        return trap("stop");
    }
    host = instance->hosts[kind];
    instance->run.calls++;
    answer = instance->record == NULL
                 ? call->call(host, &guest, (const bx_raw *)values)
                 : bx_record_call(instance, bx_record_number(call), call->call,
                                  host, &guest, (const bx_raw *)values);
    if (answer < 0) {
        instance->host_answer = answer;
        return trap(answer == BX_HOST_EXIT ? "exit" : "stop");
    }
    if (call->has_result)
        values[0].i32 = answer;
    return NULL;
}

static wasm_trap_t *enter_wasi(void *env, wasmtime_caller_t *caller,
                               wasmtime_val_raw_t *values, size_t count)
{
    (void)count;
    return enter(env, caller, values, BX_HOST_WASI);
}

static wasm_trap_t *enter_http(void *env, wasmtime_caller_t *caller,
                               wasmtime_val_raw_t *values, size_t count)
{
    (void)count;
    return enter(env, caller, values, BX_HOST_HTTP);
}

static wasm_trap_t *enter_call(void *env, wasmtime_caller_t *caller,
                               wasmtime_val_raw_t *values, size_t count)
{
    (void)count;
    return enter(env, caller, values, BX_HOST_CALL);
}

static wasm_functype_t *function_type(const bx_host_call *call)
{
    size_t count = strlen(call->params);
    wasm_valtype_vec_t params;
    wasm_valtype_vec_t results;

    wasm_valtype_vec_new_uninitialized(&params, count);
    for (size_t i = 0; i < count; i++) {
        assert(call->params[i] == 'i' || call->params[i] == 'I');
        params.data[i] =
            wasm_valtype_new(call->params[i] == 'I' ? WASM_I64 : WASM_I32);
    }
    wasm_valtype_vec_new_uninitialized(&results, call->has_result ? 1 : 0);
    if (call->has_result)
        results.data[0] = wasm_valtype_new(WASM_I32);
    return wasm_functype_new(&params, &results);
}

static int define(wasmtime_linker_t *linker, const bx_host_module *module,
                  const bx_host_call *call, bx_error **err)
{
    static const wasmtime_func_unchecked_callback_t enters[BX_HOST_KINDS] = {
        enter_wasi, enter_http, enter_call
    };
    wasm_functype_t *type = function_type(call);
    wasmtime_error_t *error = wasmtime_linker_define_func_unchecked(
        linker, module->name, strlen(module->name), call->name,
        strlen(call->name), type, enters[module->kind], (void *)call, NULL);

    wasm_functype_delete(type);
    return error == NULL
               ? 0
               : bx_engine_fail(err, BX_ERR_SYSTEM, error, call->name);
}

wasmtime_linker_t *bx_linker_new(wasm_engine_t *engine, bx_error **err)
{
    wasmtime_linker_t *linker = wasmtime_linker_new(engine);

    for (size_t i = 0; i < bx_host_modules_count; i++) {
        const bx_host_module *module = &bx_host_modules[i];

        for (size_t j = 0; j < *module->calls_count; j++) {
            if (define(linker, module, &module->calls[j], err) < 0) {
                wasmtime_linker_delete(linker);
                return NULL;
            }
        }
    }
    return linker;
}
