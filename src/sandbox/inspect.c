/* What a module is and will ask for, without running it. */
#include <jansson.h>
#include <string.h>

#include "base/digest.h"
#include "base/json_text.h"
#include "sandbox/linker.h"
#include "sandbox/module.h"

/* Which imports speak of which capability; a prefix each. */
static const struct {
    const char *prefix;
    const char *capability;
} capabilities[] = {
    { "path_", "files" },       { "fd_prestat", "files" },
    { "fd_readdir", "files" },  { "http_", "network" },
    { "sock_", "sockets" },     { "environ_", "environment" },
    { "args_", "arguments" },   { "clock_", "clock" },
    { "poll_oneoff", "clock" }, { "random_get", "random" },
    { "fd_read", "input" },     { "fd_write", "output" },
};

static json_t *name_json(const wasm_name_t *name)
{
    json_t *text = json_stringn(name->data, name->size);

    return text != NULL ? text : json_string("(not UTF-8)");
}

static const char *kind_name(wasm_externkind_t kind)
{
    switch (kind) {
    case WASM_EXTERN_FUNC:
        return "function";
    case WASM_EXTERN_GLOBAL:
        return "global";
    case WASM_EXTERN_TABLE:
        return "table";
    case WASM_EXTERN_MEMORY:
        return "memory";
    default:
        return "tag";
    }
}

static const char *value_name(wasm_valkind_t kind)
{
    switch (kind) {
    case WASM_I32:
        return "i32";
    case WASM_I64:
        return "i64";
    case WASM_F32:
        return "f32";
    case WASM_F64:
        return "f64";
    default:
        return "reference";
    }
}

static json_t *values_json(const wasm_valtype_vec_t *types)
{
    json_t *list = json_array();

    for (size_t i = 0; i < types->size; i++)
        json_array_append_new(
            list, json_string(value_name(wasm_valtype_kind(types->data[i]))));
    return list;
}

/* Kind, and what matters about it: a signature, or sizes in 64 KiB pages. */
static void put_type(json_t *item, const wasm_externtype_t *type)
{
    wasm_externkind_t kind = wasm_externtype_kind(type);

    json_object_set_new(item, "kind", json_string(kind_name(kind)));
    if (kind == WASM_EXTERN_FUNC) {
        const wasm_functype_t *function =
            wasm_externtype_as_functype_const(type);

        json_object_set_new(item, "params",
                            values_json(wasm_functype_params(function)));
        json_object_set_new(item, "results",
                            values_json(wasm_functype_results(function)));
    } else if (kind == WASM_EXTERN_MEMORY) {
        const wasm_memorytype_t *memory =
            wasm_externtype_as_memorytype_const(type);
        uint64_t max = 0;

        json_object_set_new(
            item, "min_pages",
            json_integer((json_int_t)wasmtime_memorytype_minimum(memory)));
        if (wasmtime_memorytype_maximum(memory, &max))
            json_object_set_new(item, "max_pages",
                                json_integer((json_int_t)max));
    }
}

static void add_capability(json_t *list, const wasm_name_t *name)
{
    for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]);
         i++) {
        const char *capability = capabilities[i].capability;
        size_t prefix = strlen(capabilities[i].prefix);
        bool is_there = false;
        size_t index;
        json_t *item;

        if (name->size < prefix ||
            memcmp(name->data, capabilities[i].prefix, prefix) != 0)
            continue;
        json_array_foreach(list, index, item) is_there |=
            strcmp(json_string_value(item), capability) == 0;
        if (!is_there)
            json_array_append_new(list, json_string(capability));
    }
}

static json_t *imports_json(const wasmtime_module_t *code,
                            json_t *ret_capabilities)
{
    json_t *list = json_array();
    wasm_importtype_vec_t imports;

    wasmtime_module_imports(code, &imports);
    for (size_t i = 0; i < imports.size; i++) {
        const wasm_name_t *module = wasm_importtype_module(imports.data[i]);
        const wasm_name_t *name = wasm_importtype_name(imports.data[i]);
        json_t *item = json_object();

        json_object_set_new(item, "module", name_json(module));
        json_object_set_new(item, "name", name_json(name));
        put_type(item, wasm_importtype_type(imports.data[i]));
        json_object_set_new(
            item, "is_known",
            json_boolean(bx_host_call_find(module->data, module->size,
                                           name->data, name->size) != NULL));
        json_array_append_new(list, item);
        add_capability(ret_capabilities, name);
    }
    wasm_importtype_vec_delete(&imports);
    return list;
}

static json_t *exports_json(const wasmtime_module_t *code, bool *ret_is_command)
{
    json_t *list = json_array();
    wasm_exporttype_vec_t exports;

    *ret_is_command = false;
    wasmtime_module_exports(code, &exports);
    for (size_t i = 0; i < exports.size; i++) {
        const wasm_name_t *name = wasm_exporttype_name(exports.data[i]);
        json_t *item = json_object();

        json_object_set_new(item, "name", name_json(name));
        put_type(item, wasm_exporttype_type(exports.data[i]));
        json_array_append_new(list, item);
        if (name->size == 6 && memcmp(name->data, "_start", 6) == 0)
            *ret_is_command = true;
    }
    wasm_exporttype_vec_delete(&exports);
    return list;
}

/* What every module has, ahead of the rest. */
static json_t *start_json(const bx_module *module)
{
    json_t *root = json_object();
    char digest[65];

    bx_digest_format(module->digest, digest);
    json_object_set_new(root, "module", json_string(module->name));
    json_object_set_new(root, "sha256", json_string(digest));
    json_object_set_new(root, "bytes",
                        json_integer((json_int_t)module->bytes_len));
    return root;
}

static char *inspect_component(const bx_module *module, bx_error **err)
{
    char *text = bx_component_inspect(bx_module_first_code(module)->component);
    json_t *root = start_json(module);
    json_t *rest = json_loads(text, 0, NULL);

    bx_component_text_free(text);
    text = NULL;
    if (rest != NULL && json_object_update(root, rest) == 0)
        text = bx_json_text(root, JSON_INDENT(2));
    json_decref(rest);
    json_decref(root);
    if (text == NULL)
        bx_error_set_nomem(err);
    return text;
}

static char *inspect_core(const bx_module *module, bx_error **err)
{
    const wasmtime_module_t *code = bx_module_first_code(module)->module;
    json_t *root = start_json(module);
    json_t *asks = json_array();
    json_t *imports = imports_json(code, asks);
    bool is_command;
    json_t *exports = exports_json(code, &is_command);
    char *text;

    json_object_set_new(root, "kind",
                        json_string(is_command ? "command" : "library"));
    json_object_set_new(root, "capabilities", asks);
    json_object_set_new(root, "imports", imports);
    json_object_set_new(root, "exports", exports);
    text = bx_json_text(root, JSON_INDENT(2));
    json_decref(root);
    if (text == NULL)
        bx_error_set_nomem(err);
    return text;
}

char *bx_module_inspect(const bx_module *module, bx_error **err)
{
    return module->is_component ? inspect_component(module, err)
                                : inspect_core(module, err);
}

bool bx_module_wants_network(const bx_module *module)
{
    const wasmtime_module_t *code = bx_module_first_code(module)->module;
    wasm_importtype_vec_t imports;
    bool wants = false;

    if (code == NULL)
        return true;
    wasmtime_module_imports(code, &imports);
    for (size_t i = 0; i < imports.size; i++) {
        const wasm_name_t *name = wasm_importtype_name(imports.data[i]);

        wants |= name->size > 5 && memcmp(name->data, "http_", 5) == 0;
    }
    wasm_importtype_vec_delete(&imports);
    return wants;
}
