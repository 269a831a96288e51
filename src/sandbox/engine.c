#include "sandbox/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "sandbox/compile.h"
#include "sandbox/linker.h"
#include "sandbox/record.h"
#include "sandbox/watchdog.h"

#define DEFAULT_INSTANCES 1024u
#define MAX_INSTANCES                                                          \
    16384u /* each reserves 4 GiB of the 128 TiB a process                     \
            * may address; leave half to everyone else */
#define MAX_VARIANTS                                                           \
    16 /* more would be a caller turning one knob in a                         \
        * loop; each keeps a pool */
#define CORE_INSTANCES_PER_RUN 8u /* on average; bookkeeping alone */
#define TABLES_PER_RUN 4u         /* the same */
#define TABLES_PER_MODULE 8u
#define MEMORIES_PER_MODULE 4u
#define TABLE_ELEMENTS (1u << 20)
#define KEEP_RESIDENT_BYTES                                                    \
    65536 /* of a finished instance's memory, reset by                         \
           * writing instead of by page faults */

#define ERROR_MAX_BYTES 4096 /* of the engine's words, in messages */

struct bx_engine {
    uint32_t max_instances;
    pthread_mutex_t mutex; /* over variants */
    bx_variant *variants;
    bx_watchdog *watchdog;
    bx_compile_fn compiler; /* NULL: this process compiles */
    atomic_bool has_compiled;
};

int bx_engine_put_text(bx_buf *buf, const char *text, size_t bytes,
                       size_t max_bytes)
{
    const char *end = text + (bytes < max_bytes ? bytes : max_bytes);

    for (;;) {
        const char *line = memchr(text, '\n', (size_t)(end - text));
        const char *stop = line == NULL ? end : line;

        if (bx_buf_put_escaped(buf, text, (size_t)(stop - text), SIZE_MAX) < 0)
            return -1;
        if (line == NULL)
            return bx_buf_puts(buf, bytes > max_bytes ? "..." : "");
        if (bx_buf_puts(buf, "\n") < 0)
            return -1;
        text = line + 1;
    }
}

int bx_engine_fail(bx_error **err, bx_code code, wasmtime_error_t *error,
                   const char *what)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    wasm_byte_vec_t text;

    wasmtime_error_message(error, &text);
    if (bx_engine_put_text(&shown, text.data, text.size, ERROR_MAX_BYTES) < 0)
        bx_error_set_nomem(err);
    else
        bx_error_set(err, code, "%s: %s", what, shown.data);
    wasm_byte_vec_delete(&text);
    wasmtime_error_delete(error);
    return -1;
}

bx_engine *bx_engine_new(const bx_engine_options *options, bx_error **err)
{
    bx_engine *engine;
    uint32_t instances = options == NULL ? 0 : options->max_instances;

    if (options != NULL && options->struct_bytes < sizeof(*options)) {
        bx_error_set(err, BX_ERR_INVALID,
                     "engine options: struct_bytes is %zu, expected %zu",
                     options->struct_bytes, sizeof(*options));
        return NULL;
    }
    if (instances > MAX_INSTANCES) {
        bx_error_set(err, BX_ERR_INVALID,
                     "engine options: max_instances is %u, at most %u",
                     instances, MAX_INSTANCES);
        return NULL;
    }
    engine = calloc(1, sizeof(*engine));
    if (engine == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    engine->max_instances = instances == 0 ? DEFAULT_INSTANCES : instances;
    pthread_mutex_init(&engine->mutex, NULL);
    engine->watchdog = bx_watchdog_new(err);
    if (engine->watchdog == NULL) {
        bx_engine_free(engine);
        return NULL;
    }
    return engine;
}

void bx_engine_free(bx_engine *engine)
{
    if (engine == NULL)
        return;
    bx_watchdog_free(engine->watchdog); /* before what it ticks */
    while (engine->variants != NULL) {
        bx_variant *variant = engine->variants;

        engine->variants = variant->next;
        wasmtime_linker_delete(variant->linker);
        bx_component_linker_delete(variant->component_linker);
        wasm_engine_delete(variant->engine);
        free(variant);
    }
    pthread_mutex_destroy(&engine->mutex);
    free(engine);
}

bx_watchdog *bx_engine_watchdog(bx_engine *engine)
{
    return engine->watchdog;
}

void bx_engine_set_compiler(bx_engine *engine, bx_compile_fn compiler)
{
    engine->compiler = compiler;
}

bx_compile_fn bx_engine_compiler(const bx_engine *engine)
{
    return engine->compiler;
}

void bx_engine_note_compiler(bx_engine *engine)
{
    atomic_store_explicit(&engine->has_compiled, true, memory_order_relaxed);
}

int bx_engine_adopt(bx_engine *engine, bx_error **err)
{
    if (atomic_load_explicit(&engine->has_compiled, memory_order_relaxed))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the engine has compiled a module; expected one "
                            "that compiled none before fork()");
    return bx_watchdog_adopt(engine->watchdog, err);
}

static void set_features(wasm_config_t *config)
{
    wasmtime_config_wasm_simd_set(config, true);
    wasmtime_config_wasm_relaxed_simd_set(config, true);
    wasmtime_config_wasm_relaxed_simd_deterministic_set(config, true);
    wasmtime_config_wasm_bulk_memory_set(config, true);
    wasmtime_config_wasm_multi_value_set(config, true);
    wasmtime_config_wasm_multi_memory_set(config, true);
    wasmtime_config_wasm_memory64_set(config, true);
    wasmtime_config_wasm_tail_call_set(config, true);
    wasmtime_config_wasm_reference_types_set(config, true);
    wasmtime_config_wasm_function_references_set(config, true);
    wasmtime_config_wasm_gc_set(config, true);
    wasmtime_config_wasm_exceptions_set(config, true);
    /* Atomic instructions are fine on a memory that nobody shares. */
    wasmtime_config_wasm_threads_set(config, true);
    wasmtime_config_shared_memory_set(config, false);
    wasmtime_config_wasm_component_model_set(config, true);
}

static void set_pool(wasm_config_t *config, uint32_t instances)
{
    wasmtime_pooling_allocation_config_t *pool =
        wasmtime_pooling_allocation_config_new();

    /* A component is several core instances: its modules and the glue. */
    wasmtime_pooling_allocation_config_total_component_instances_set(pool,
                                                                     instances);
    wasmtime_pooling_allocation_config_total_core_instances_set(
        pool, instances * CORE_INSTANCES_PER_RUN);
    wasmtime_pooling_allocation_config_total_memories_set(pool, instances);
    wasmtime_pooling_allocation_config_total_tables_set(
        pool, instances * TABLES_PER_RUN);
    wasmtime_pooling_allocation_config_total_gc_heaps_set(pool, instances);
    /* Guests run on the stack of the thread that calls them. A pool of stacks
     * would be two mappings for each, which every fork() copies. */
    wasmtime_pooling_allocation_config_total_stacks_set(pool, 0);
    wasmtime_pooling_allocation_config_max_memories_per_module_set(
        pool, MEMORIES_PER_MODULE);
    wasmtime_pooling_allocation_config_max_tables_per_module_set(
        pool, TABLES_PER_MODULE);
    wasmtime_pooling_allocation_config_table_elements_set(pool, TABLE_ELEMENTS);
    wasmtime_pooling_allocation_config_linear_memory_keep_resident_set(
        pool, KEEP_RESIDENT_BYTES);
    wasmtime_pooling_allocation_config_table_keep_resident_set(
        pool, KEEP_RESIDENT_BYTES);
    bx_engine_pool_scan(pool);
    wasmtime_pooling_allocation_strategy_set(config, pool);
    wasmtime_pooling_allocation_config_delete(pool);
}

static bx_variant *make_variant(const bx_engine *owner, bool has_fuel,
                                uint64_t stack_bytes, bx_error **err)
{
    bx_variant *variant = calloc(1, sizeof(*variant));
    wasm_config_t *config;

    if (variant == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    config = wasm_config_new();
    set_features(config);
    wasmtime_config_epoch_interruption_set(config, true);
    wasmtime_config_consume_fuel_set(config, has_fuel);
    wasmtime_config_async_stack_size_set(config, stack_bytes + (1u << 20));
    wasmtime_config_max_wasm_stack_set(config, stack_bytes);
    wasmtime_config_memory_init_cow_set(config, true);
    wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
    /* A process that runs one guest pays for no pool. */
    if (owner->max_instances > 1)
        set_pool(config, owner->max_instances);

    variant->has_fuel = has_fuel;
    variant->stack_bytes = stack_bytes;
    variant->engine = wasm_engine_new_with_config(config);
    if (variant->engine == NULL) {
        free(variant);
        bx_error_set(err, BX_ERR_SYSTEM,
                     "the WebAssembly engine does not start with a stack of "
                     "%llu bytes and %u instances",
                     (unsigned long long)stack_bytes, owner->max_instances);
        return NULL;
    }
    variant->linker = bx_linker_new(variant->engine, err);
    if (variant->linker == NULL) {
        wasm_engine_delete(variant->engine);
        free(variant);
        return NULL;
    }
    return variant;
}

static bx_variant *find_variant(const bx_engine *engine, bool has_fuel,
                                uint64_t stack_bytes, size_t *ret_count)
{
    *ret_count = 0;
    for (bx_variant *v = engine->variants; v != NULL; v = v->next) {
        if (v->has_fuel == has_fuel && v->stack_bytes == stack_bytes)
            return v;
        ++*ret_count;
    }
    return NULL;
}

int bx_engine_get_variant(bx_engine *engine, const bx_limits *limits,
                          bx_variant **ret_variant, bx_error **err)
{
    bool has_fuel = limits->fuel_units > 0;
    bx_variant *variant;
    size_t count;

    if (bx_watchdog_check_process(engine->watchdog, err) < 0)
        return -1;
    pthread_mutex_lock(&engine->mutex);
    variant = find_variant(engine, has_fuel, limits->stack_bytes, &count);
    if (variant == NULL && count >= MAX_VARIANTS) {
        bx_error_set(err, BX_ERR_LIMIT,
                     "wasm-max-wasm-stack: this process already uses %d "
                     "different stack sizes; use one of them",
                     MAX_VARIANTS);
    } else if (variant == NULL) {
        variant = make_variant(engine, has_fuel, limits->stack_bytes, err);
        if (variant != NULL) {
            bx_watchdog_watch(engine->watchdog, variant->engine);
            variant->next = engine->variants;
            engine->variants = variant;
        }
    }
    pthread_mutex_unlock(&engine->mutex);
    if (variant == NULL)
        return -1;
    *ret_variant = variant;
    return 0;
}

int bx_engine_get_component_linker(bx_engine *engine, bx_variant *variant,
                                   const bx_component_linker **ret_linker,
                                   bx_error **err)
{
    wasmtime_error_t *error = NULL;

    pthread_mutex_lock(&engine->mutex);
    if (variant->component_linker == NULL)
        error = bx_component_linker_new(variant->engine, bx_component_taped(),
                                        &variant->component_linker);
    pthread_mutex_unlock(&engine->mutex);
    if (error != NULL)
        return bx_engine_fail(err, BX_ERR_SYSTEM, error, "component linker");
    *ret_linker = variant->component_linker;
    return 0;
}
