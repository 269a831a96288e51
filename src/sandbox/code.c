#include "sandbox/code.h"

#include <stdio.h>
#include <string.h>

#include "sandbox/module.h"

int bx_code_compatibility(bx_engine *engine, const bx_limits *limits,
                          uint64_t *ret_compatibility, bx_error **err)
{
    bx_variant *variant;

    if (bx_engine_get_variant(engine, limits, &variant, err) < 0)
        return -1;
    *ret_compatibility = bx_engine_compatibility(variant->engine);
    return 0;
}

void bx_code_bytes_clear(bx_code_bytes *code)
{
    free(code->binary);
    free(code->bytes);
    memset(code, 0, sizeof(*code));
}

static int serialize(const bx_code_image *image, bx_code_bytes *code,
                     bx_error **err)
{
    wasm_byte_vec_t body;
    wasmtime_error_t *error =
        image->component != NULL
            ? wasmtime_component_serialize(image->component, &body)
            : wasmtime_module_serialize(image->module, &body);

    if (error != NULL)
        return bx_engine_fail(err, BX_ERR_SYSTEM, error, "serialize");
    code->bytes = malloc(body.size + 1);
    if (code->bytes != NULL) {
        memcpy(code->bytes, body.data, body.size);
        code->bytes_count = body.size;
    }
    wasm_byte_vec_delete(&body);
    return code->bytes == NULL ? bx_error_set_nomem(err) : 0;
}

static int keep_binary(const bx_module *module, bx_code_bytes *code,
                       bx_error **err)
{
    code->binary = malloc(module->bytes_len + 1);
    if (code->binary == NULL)
        return bx_error_set_nomem(err);
    memcpy(code->binary, module->bytes, module->bytes_len);
    code->binary_bytes = module->bytes_len;
    return 0;
}

int bx_code_compile(bx_engine *engine, const bx_limits *limits,
                    const void *bytes, size_t count, const char *name,
                    bx_code_bytes *ret_code, bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    bx_code_bytes code = { 0 };
    bx_module *module;
    int result = -1;

    if (policy == NULL)
        return bx_error_set_nomem(err);
    policy->limits = *limits;
    if (bx_policy_wasm_cache_dir(policy, "", err) < 0)
        return -1;
    module = bx_module_parse(engine, bytes, count, name, policy, err);
    if (module == NULL)
        return -1;
    code.is_component = module->is_component;
    memcpy(code.digest, module->digest, sizeof(code.digest));
    if (serialize(bx_module_first_code(module), &code, err) == 0 &&
        (bx_code_is_binary(bytes, count, NULL) ||
         keep_binary(module, &code, err) == 0))
        result = 0;
    bx_module_free(module);
    if (result < 0)
        bx_code_bytes_clear(&code);
    else
        *ret_code = code;
    return result;
}

bx_module *bx_code_module(bx_engine *engine, const char *name,
                          bool is_component,
                          const uint8_t digest[BX_DIGEST_BYTES], bx_error **err)
{
    bx_module *module = calloc(1, sizeof(*module));

    if (module == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    pthread_mutex_init(&module->mutex, NULL);
    module->engine = engine;
    module->is_component = is_component;
    memcpy(module->digest, digest, BX_DIGEST_BYTES);
    module->name = strdup(name);
    if (module->name == NULL) {
        bx_module_free(module);
        bx_error_set_nomem(err);
        return NULL;
    }
    return module;
}

static bool has_code(const bx_module *module, const bx_variant *variant)
{
    for (const bx_module_code *code = module->codes; code != NULL;
         code = code->next) {
        if (code->variant == variant)
            return true;
    }
    return false;
}

/* By file: its pages are shared by every process that has it, and so are those
 * of the memory that instances begin with. */
static int map_code(const bx_module *module, bx_module_code *code, int fd,
                    bx_error **err)
{
    wasmtime_error_t *error;
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    error = module->is_component
                ? wasmtime_component_deserialize_file(
                      code->variant->engine, path, &code->image.component)
                : wasmtime_module_deserialize_file(code->variant->engine, path,
                                                   &code->image.module);
    return error == NULL
               ? 0
               : bx_engine_fail(err, BX_ERR_SYSTEM, error, "compiled code");
}

int bx_code_load(bx_module *module, const bx_limits *limits, int fd,
                 bx_error **err)
{
    bx_autofree bx_module_code *code = calloc(1, sizeof(*code));
    bx_prepared *prepared;
    bx_variant *variant;
    int result = 0;

    if (code == NULL)
        return bx_error_set_nomem(err);
    if (bx_engine_get_variant(module->engine, limits, &code->variant, err) < 0)
        return -1;
    variant = code->variant;
    pthread_mutex_lock(&module->mutex);
    if (!has_code(module, variant)) {
        result = map_code(module, code, fd, err);
        if (result == 0) {
            code->next = module->codes;
            module->codes = bx_take(code);
        }
    }
    pthread_mutex_unlock(&module->mutex);
    /* In a template every fork finds it done. What cannot be prepared is told
     * when a box of it is asked for. */
    if (result == 0 &&
        bx_module_get_prepared(module, variant, &prepared, NULL) == 0)
        bx_prepared_unref(prepared);
    return result;
}

/* The preamble of either kind; component-model Binary.md. */
bool bx_code_is_binary(const void *bytes, size_t count, bool *ret_is_component)
{
    static const uint8_t magic[4] = { 0, 'a', 's', 'm' };
    const uint8_t *head = bytes;

    if (count < 8 || memcmp(head, magic, sizeof(magic)) != 0)
        return false;
    if (ret_is_component != NULL)
        *ret_is_component = head[6] == 1 && head[7] == 0;
    return true;
}
