/* Modules. The bytes come from anyone and are hostile: the engine validates
 * them; what can be said better than it does is said here first. */
#include "sandbox/module.h"

#include <string.h>

#include "base/file.h"
#include "base/digest.h"
#include "sandbox/compile.h"

static const uint8_t binary_magic[4] = { 0, 'a', 's', 'm' };

/* Layer 1 of the binary format marks a component (component-model
 * Binary.md, preamble). */
static bool is_component(const uint8_t *bytes, size_t count)
{
    return count >= 8 && memcmp(bytes, binary_magic, 4) == 0 && bytes[6] == 1 &&
           bytes[7] == 0;
}

/* Text format begins, after blanks and comments, with a parenthesis. */
static bool is_text(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '(')
            return true;
        if (bytes[i] == ';')
            return i + 1 < count && bytes[i + 1] == ';';
        if (strchr(" \t\r\n", bytes[i]) == NULL)
            return false;
    }
    return false;
}

static int parse_text(bx_module *module, const void *bytes, size_t count,
                      bx_error **err)
{
    wasm_byte_vec_t binary;
    wasmtime_error_t *error = wasmtime_wat2wasm(bytes, count, &binary);

    if (error != NULL)
        return bx_engine_fail(err, BX_ERR_INVALID, error, "text format");
    module->bytes = malloc(binary.size + 1);
    if (module->bytes != NULL) {
        memcpy(module->bytes, binary.data, binary.size);
        module->bytes_len = binary.size;
    }
    wasm_byte_vec_delete(&binary);
    return module->bytes == NULL ? bx_error_set_nomem(err) : 0;
}

/* An unsigned LEB128 of at most 32 bits; false when there is none. */
static bool read_number(const uint8_t **at, const uint8_t *end,
                        uint32_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 35 && *at < end; shift += 7) {
        uint8_t byte = *(*at)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret_value = (uint32_t)value;
            return value <= UINT32_MAX;
        }
    }
    return false;
}

enum {
    PREAMBLE_BYTES = 8,
    FUNCTION_SECTION = 3,    /* of a core module */
    CORE_MODULE_SECTION = 1, /* of a component */
    COMPONENT_SECTION = 4,
    NESTING_MAX = 32, /* deeper, it is the engine's to refuse */
};

/* How many functions a binary declares, in all its modules. One that is
 * malformed is the engine's to explain. */
static uint64_t count_functions(const uint8_t *bytes, size_t count,
                                unsigned depth)
{
    const uint8_t *at = bytes + PREAMBLE_BYTES;
    const uint8_t *end = bytes + count;
    bool has_modules = is_component(bytes, count);
    uint64_t functions = 0;

    if (count < PREAMBLE_BYTES || depth > NESTING_MAX)
        return 0;
    while (at < end) {
        uint8_t id = *at++;
        uint32_t section_bytes;
        uint32_t declared;
        const uint8_t *section;

        if (!read_number(&at, end, &section_bytes) ||
            section_bytes > (size_t)(end - at))
            break;
        section = at;
        at += section_bytes;
        if (has_modules &&
            (id == CORE_MODULE_SECTION || id == COMPONENT_SECTION))
            functions += count_functions(section, section_bytes, depth + 1);
        else if (!has_modules && id == FUNCTION_SECTION &&
                 read_number(&section, at, &declared))
            functions += declared;
    }
    return functions;
}

static int check_functions(const bx_module *module, bx_error **err)
{
    uint64_t functions = count_functions(module->bytes, module->bytes_len, 0);

    if (functions <= BX_MODULE_MAX_FUNCTIONS)
        return 0;
    return bx_error_set(err, BX_ERR_LIMIT,
                        "%llu functions, at most %u are accepted",
                        (unsigned long long)functions, BX_MODULE_MAX_FUNCTIONS);
}

static int parse_bytes(bx_module *module, const void *bytes, size_t count,
                       bx_error **err)
{
    if (count > BX_MODULE_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%zu bytes, at most %u are accepted", count,
                            BX_MODULE_MAX_BYTES);
    if (count < 4 || memcmp(bytes, binary_magic, 4) != 0) {
        if (is_text(bytes, count))
            return parse_text(module, bytes, count, err);
        return bx_error_set(err, BX_ERR_INVALID,
                            "not WebAssembly: expected the binary format "
                            "(\\0asm) or the text format (.wat)");
    }
    module->bytes = malloc(count);
    if (module->bytes == NULL)
        return bx_error_set_nomem(err);
    memcpy(module->bytes, bytes, count);
    module->bytes_len = count;
    return 0;
}

/* The default folder may be out of reach (a read-only home): run without. One
 * that was asked for must work. */
static int open_cache(bx_module *module, const bx_policy *policy,
                      bx_error **err)
{
    const char *dir = policy->cache_dir;

    if (dir != NULL && dir[0] == '\0')
        return 0;
    module->cache = bx_cache_open(dir, dir == NULL ? NULL : err);
    return module->cache == NULL && dir != NULL ? -1 : 0;
}

bx_module *bx_module_parse(bx_engine *engine, const void *bytes,
                           size_t bytes_len, const char *name,
                           const bx_policy *policy, bx_error **err)
{
    bx_autopolicy bx_policy *empty = NULL;
    bx_module *module = calloc(1, sizeof(*module));
    bx_variant *variant;
    const bx_code_image *code;

    if (module == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&module->mutex, NULL);
    module->engine = engine;
    module->name = strdup(name);
    if (policy == NULL) {
        empty = bx_policy_new();
        policy = empty;
    }
    if (module->name == NULL || policy == NULL) {
        bx_error_set_nomem(err);
    } else if (parse_bytes(module, bytes, bytes_len, err) == 0 &&
               check_functions(module, err) == 0) {
        module->is_component = is_component(module->bytes, module->bytes_len);
        bx_sha256(module->bytes, module->bytes_len, module->digest);
        if (open_cache(module, policy, err) == 0 &&
            bx_engine_get_variant(engine, &policy->limits, &variant, err) ==
                0 &&
            bx_module_get_code(module, variant, &code, err) == 0)
            return module;
    }
    bx_error_wrap(err, "module '%s'", name);
    bx_module_free(module);
    return NULL;
}

bx_module *bx_module_load(bx_engine *engine, const char *path,
                          const bx_policy *policy, bx_error **err)
{
    bx_autofree char *bytes = NULL;
    size_t count;

    if (bx_file_read(path, BX_MODULE_MAX_BYTES, &bytes, &count, err) < 0) {
        bx_error_wrap(err, "module");
        return NULL;
    }
    return bx_module_parse(engine, bytes, count, path, policy, err);
}

void bx_module_free(bx_module *module)
{
    if (module == NULL)
        return;
    while (module->codes != NULL) {
        bx_module_code *code = module->codes;

        module->codes = code->next;
        bx_prepared_unref(code->prepared);
        bx_code_image_clear(&code->image);
        free(code);
    }
    bx_cache_free(module->cache);
    pthread_mutex_destroy(&module->mutex);
    free(module->bytes);
    free(module->name);
    free(module);
}

bool bx_module_is_cached(const bx_module *module)
{
    return atomic_load(&module->is_cached);
}

static bool compile_here(const bx_module *module, const bx_variant *variant,
                         bx_code_image *image, bx_error **err)
{
    wasmtime_error_t *error;

    bx_engine_note_compiler(module->engine);
    error = module->is_component
                ? wasmtime_component_new(variant->engine, module->bytes,
                                         module->bytes_len, &image->component)
                : wasmtime_module_new(variant->engine, module->bytes,
                                      module->bytes_len, &image->module);

    if (error == NULL)
        return true;
    bx_engine_fail(err, BX_ERR_INVALID, error,
                   module->is_component ? "not a valid component"
                                        : "not a valid module");
    return false;
}

/* Compiled elsewhere. */
static bool fetch_code(const bx_module *module, const bx_variant *variant,
                       bx_code_image *ret_image, bx_error **err)
{
    bx_autofree char *code = NULL;
    size_t bytes;

    return bx_engine_compiler(module->engine)(
               variant, module->bytes, module->bytes_len, module->is_component,
               &code, &bytes, err) == 0 &&
           bx_compile_load(variant, code, bytes, module->is_component,
                           ret_image, err) == 0;
}

/* From the cache, or compiled and kept there. A cache that cannot be written
 * costs time, not the run. */
static bool make_code(bx_module *module, const bx_variant *variant,
                      bx_code_image *ret_image, bx_error **err)
{
    bx_code_image image = { NULL, NULL };
    bool is_cached = module->cache != NULL &&
                     bx_cache_find(module->cache, variant, module->digest,
                                   module->is_component, ret_image);

    atomic_store(&module->is_cached, is_cached);
    if (is_cached)
        return true;
    if (module->bytes == NULL) {
        bx_error_set(err, BX_ERR_INVALID, "no code for a stack of %llu bytes%s",
                     (unsigned long long)variant->stack_bytes,
                     variant->has_fuel ? " with fuel" : "");
        return false;
    }
    if (bx_engine_compiler(module->engine) != NULL) {
        if (!fetch_code(module, variant, &image, err))
            return false;
    } else if (!compile_here(module, variant, &image, err)) {
        return false;
    }
    if (module->cache != NULL)
        (void)bx_cache_save(module->cache, variant, module->digest, &image,
                            NULL);
    *ret_image = image;
    return true;
}

/* With the mutex. */
static bx_module_code *get_code(bx_module *module, bx_variant *variant,
                                bx_error **err)
{
    bx_module_code *code;

    for (code = module->codes; code != NULL; code = code->next) {
        if (code->variant == variant)
            return code;
    }
    code = calloc(1, sizeof(*code));
    if (code == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    code->variant = variant;
    if (!make_code(module, variant, &code->image, err)) {
        free(code);
        return NULL;
    }
    code->next = module->codes;
    module->codes = code;
    return code;
}

int bx_module_get_code(bx_module *module, bx_variant *variant,
                       const bx_code_image **ret_image, bx_error **err)
{
    bx_module_code *code;

    pthread_mutex_lock(&module->mutex);
    code = get_code(module, variant, err);
    pthread_mutex_unlock(&module->mutex);
    if (code == NULL)
        return -1;
    *ret_image = &code->image;
    return 0;
}

int bx_module_get_prepared(bx_module *module, bx_variant *variant,
                           bx_prepared **ret_prepared, bx_error **err)
{
    bx_module_code *code;
    int result = -1;

    pthread_mutex_lock(&module->mutex);
    code = get_code(module, variant, err);
    if (code != NULL && code->prepared == NULL)
        code->prepared =
            bx_prepared_new(module->engine, variant, &code->image, err);
    if (code != NULL && code->prepared != NULL) {
        *ret_prepared = bx_prepared_ref(code->prepared);
        result = 0;
    }
    pthread_mutex_unlock(&module->mutex);
    return result;
}

const bx_code_image *bx_module_first_code(const bx_module *module)
{
    /* The lock is no part of what a module is. */
    pthread_mutex_t *mutex = (pthread_mutex_t *)&module->mutex;
    const bx_code_image *code;

    pthread_mutex_lock(mutex);
    code = &module->codes->image;
    pthread_mutex_unlock(mutex);
    return code;
}
