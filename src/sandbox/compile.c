#include "sandbox/compile.h"

#include <string.h>

int bx_compile(const bx_variant *variant, const void *bytes, size_t count,
               bool is_component, char **ret_code, size_t *ret_code_bytes,
               bx_error **err)
{
    wasmtime_module_t *module = NULL;
    wasmtime_component_t *component = NULL;
    bx_code_image image;
    wasm_byte_vec_t made;
    wasmtime_error_t *error;

    error =
        is_component
            ? wasmtime_component_new(variant->engine, bytes, count, &component)
            : wasmtime_module_new(variant->engine, bytes, count, &module);
    if (error != NULL)
        return bx_engine_fail(err, BX_ERR_INVALID, error,
                              is_component ? "not a valid component"
                                           : "not a valid module");
    image = (bx_code_image){ module, component };
    error = is_component ? wasmtime_component_serialize(component, &made)
                         : wasmtime_module_serialize(module, &made);
    bx_code_image_clear(&image);
    if (error != NULL)
        return bx_engine_fail(err, BX_ERR_SYSTEM, error, "serialize");
    *ret_code = malloc(made.size + 1);
    if (*ret_code != NULL) {
        memcpy(*ret_code, made.data, made.size);
        *ret_code_bytes = made.size;
    }
    wasm_byte_vec_delete(&made);
    return *ret_code == NULL ? bx_error_set_nomem(err) : 0;
}

int bx_compile_load(const bx_variant *variant, const void *code,
                    size_t code_bytes, bool is_component,
                    bx_code_image *ret_image, bx_error **err)
{
    bx_code_image image = { NULL, NULL };
    wasmtime_error_t *error =
        is_component ? wasmtime_component_deserialize(
                           variant->engine, code, code_bytes, &image.component)
                     : wasmtime_module_deserialize(variant->engine, code,
                                                   code_bytes, &image.module);

    if (error != NULL)
        return bx_engine_fail(err, BX_ERR_SYSTEM, error, "compiled code");
    *ret_image = image;
    return 0;
}
