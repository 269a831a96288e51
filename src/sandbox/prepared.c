#include "sandbox/prepared.h"

#include <string.h>

#include "base/buf.h"
#include "sandbox/linker.h"

/* Name every import the sandbox does not have: one look tells the user what
 * kind of program this is. */
static int check_module(const wasmtime_module_t *code, bx_error **err)
{
    bx_autobuf bx_buf missing = BX_BUF_INIT;
    wasm_importtype_vec_t imports;
    size_t count = 0;

    wasmtime_module_imports(code, &imports);
    for (size_t i = 0; i < imports.size; i++) {
        const wasm_name_t *module = wasm_importtype_module(imports.data[i]);
        const wasm_name_t *name = wasm_importtype_name(imports.data[i]);

        if (bx_host_call_find(module->data, module->size, name->data,
                              name->size) != NULL)
            continue;
        if (++count > 5)
            continue;
        bx_buf_puts(&missing, count == 1 ? "'" : ", '");
        bx_buf_put_escaped(&missing, module->data, module->size, 64);
        bx_buf_puts(&missing, ".");
        bx_buf_put_escaped(&missing, name->data, name->size, 64);
        bx_buf_puts(&missing, "'");
    }
    wasm_importtype_vec_delete(&imports);
    if (count == 0)
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "imports what the sandbox does not have: %s%s; it has "
                        "wasi_snapshot_preview1, wasi_unstable and boxagnts",
                        missing.data == NULL ? "" : missing.data,
                        count > 5 ? ", ..." : "");
}

static int check_component(const wasmtime_component_t *component,
                           bx_error **err)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    char *missing = bx_component_missing(component);
    size_t count = 0;

    if (missing == NULL)
        return 0;
    for (const char *at = missing; at != NULL; count++) {
        size_t bytes = strcspn(at, "\n");

        if (count < 5) {
            bx_buf_puts(&shown, count == 0 ? "'" : ", '");
            bx_buf_put_escaped(&shown, at, bytes, 128);
            bx_buf_puts(&shown, "'");
        }
        at = at[bytes] == '\0' ? NULL : at + bytes + 1;
    }
    bx_component_text_free(missing);
    return bx_error_set(err, BX_ERR_INVALID,
                        "imports what the sandbox does not have: %s%s; it has "
                        "WASI 0.2 and boxagnts:host/calls@0.1.0",
                        shown.data == NULL ? "" : shown.data,
                        count > 5 ? ", ..." : "");
}

static int prepare(bx_prepared *prepared, bx_engine *engine,
                   bx_variant *variant, const bx_code_image *image,
                   bx_error **err)
{
    const bx_component_linker *linker;
    wasmtime_error_t *error;

    if (image->component == NULL) {
        if (check_module(image->module, err) < 0)
            return -1;
        error = wasmtime_linker_instantiate_pre(variant->linker, image->module,
                                                &prepared->module);
    } else {
        if (check_component(image->component, err) < 0 ||
            bx_engine_get_component_linker(engine, variant, &linker, err) < 0)
            return -1;
        error = bx_component_pre_new(linker, image->component,
                                     &prepared->component);
    }
    return error == NULL
               ? 0
               : bx_engine_fail(err, BX_ERR_INVALID, error, "imports");
}

bx_prepared *bx_prepared_new(bx_engine *engine, bx_variant *variant,
                             const bx_code_image *image, bx_error **err)
{
    bx_prepared *prepared = calloc(1, sizeof(*prepared));

    if (prepared == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    atomic_init(&prepared->owners, 1);
    if (prepare(prepared, engine, variant, image, err) == 0)
        return prepared;
    bx_prepared_unref(prepared);
    return NULL;
}

bx_prepared *bx_prepared_ref(bx_prepared *prepared)
{
    atomic_fetch_add_explicit(&prepared->owners, 1, memory_order_relaxed);
    return prepared;
}

void bx_prepared_unref(bx_prepared *prepared)
{
    if (prepared == NULL || atomic_fetch_sub_explicit(&prepared->owners, 1,
                                                      memory_order_acq_rel) > 1)
        return;
    if (prepared->module != NULL)
        wasmtime_instance_pre_delete(prepared->module);
    bx_component_pre_delete(prepared->component);
    free(prepared);
}
