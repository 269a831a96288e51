/* Loads modules. Where a name leads is decided in the prelude's part "module",
 * for import as for require(); files come through the box like all others. */
#include "module.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "quickjs-libc.h"

static bool is_own(const char *name)
{
    return strcmp(name, "std") == 0 || strcmp(name, "os") == 0 ||
           strncmp(name, "qjs:", 4) == 0;
}

/* Call a function of the part "module". */
static JSValue call_part(JSContext *ctx, const char *function, int argc,
                         JSValue *args)
{
    JSValue part = js_parts_get(ctx, "module");
    JSValue value = JS_EXCEPTION;

    if (!JS_IsException(part)) {
        JSValue callee = JS_GetPropertyStr(ctx, part, function);

        value = JS_Call(ctx, callee, JS_UNDEFINED, argc, args);
        JS_FreeValue(ctx, callee);
        JS_FreeValue(ctx, part);
    }
    for (int i = 0; i < argc; i++)
        JS_FreeValue(ctx, args[i]);
    return value;
}

static char *normalize(JSContext *ctx, const char *base, const char *name,
                       void *opaque)
{
    JSValue args[2];
    JSValue found;
    const char *text;
    char *copy;

    (void)opaque;
    if (is_own(name))
        return js_strdup(ctx, name);
    args[0] = JS_NewString(ctx, base);
    args[1] = JS_NewString(ctx, name);
    found = call_part(ctx, "resolveImport", 2, args);
    if (JS_IsException(found))
        return NULL;
    text = JS_ToCString(ctx, found);
    copy = text == NULL ? NULL : js_strdup(ctx, text);
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, found);
    return copy;
}

/* A module whose exports are the properties of an object: [names, values]. */
static int fill(JSContext *ctx, JSModuleDef *module)
{
    JSValue pair = JS_GetModulePrivateValue(ctx, module);
    JSValue names = JS_GetPropertyUint32(ctx, pair, 0);
    JSValue values = JS_GetPropertyUint32(ctx, pair, 1);
    int64_t count = 0;
    int status = JS_GetLength(ctx, names, &count);

    for (int64_t i = 0; i < count && status >= 0; i++) {
        JSValue name = JS_GetPropertyInt64(ctx, names, i);
        const char *text = JS_ToCString(ctx, name);

        status = text == NULL
                     ? -1
                     : JS_SetModuleExport(ctx, module, text,
                                          JS_GetPropertyInt64(ctx, values, i));
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, name);
    }
    JS_FreeValue(ctx, values);
    JS_FreeValue(ctx, names);
    JS_FreeValue(ctx, pair);
    return status;
}

/* Takes pair. */
static JSModuleDef *make(JSContext *ctx, const char *name, JSValue pair)
{
    JSModuleDef *module = JS_NewCModule(ctx, name, fill);
    JSValue names = JS_GetPropertyUint32(ctx, pair, 0);
    int64_t count = 0;

    if (module == NULL || JS_GetLength(ctx, names, &count) < 0) {
        JS_FreeValue(ctx, names);
        JS_FreeValue(ctx, pair);
        return NULL;
    }
    for (int64_t i = 0; i < count; i++) {
        JSValue item = JS_GetPropertyInt64(ctx, names, i);
        const char *text = JS_ToCString(ctx, item);

        if (text != NULL)
            JS_AddModuleExport(ctx, module, text);
        JS_FreeCString(ctx, text);
        JS_FreeValue(ctx, item);
    }
    JS_FreeValue(ctx, names);
    JS_SetModulePrivateValue(ctx, module, pair);
    return module;
}

int js_module_describe(JSContext *ctx, JSModuleDef *module, bool is_main)
{
    JSAtom atom = JS_GetModuleName(ctx, module);
    JSValue meta = JS_GetImportMeta(ctx, module);
    JSValue args[3];
    JSValue done;

    args[0] = JS_AtomToString(ctx, atom);
    args[1] = meta;
    args[2] = JS_NewBool(ctx, is_main);
    JS_FreeAtom(ctx, atom);
    done = call_part(ctx, "describe", 3, args);
    JS_FreeValue(ctx, done);
    return JS_IsException(done) ? -1 : 0;
}

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque,
                         JSValueConst attributes)
{
    JSModuleDef *module;
    JSValue args[1];
    JSValue pair;

    if (is_own(name))
        return js_parts_load_module(ctx, name);
    if (!JS_IsUndefined(attributes) && !JS_IsNull(attributes))
        return js_module_loader(ctx, name, opaque, attributes);
    args[0] = JS_NewString(ctx, name);
    pair = call_part(ctx, "loadImport", 1, args);
    if (JS_IsException(pair))
        return NULL;
    if (!JS_IsUndefined(pair))
        return make(ctx, name, pair);
    module = js_module_loader(ctx, name, opaque, attributes);
    if (module == NULL || js_module_describe(ctx, module, false) < 0)
        return NULL;
    return module;
}

/* compileFunction(parameters, source, filename): a function. Lines are those
 * of source. */
static JSValue native_compile(JSContext *ctx, JSValueConst this_val, int argc,
                              JSValueConst *argv)
{
    const char *texts[3] = { NULL, NULL, NULL };
    size_t bytes[3];
    char *whole = NULL;
    int len = 0;
    JSValue function = JS_EXCEPTION;

    (void)this_val;
    for (int i = 0; i < 3 && i < argc; i++)
        texts[i] = JS_ToCStringLen(ctx, &bytes[i], argv[i]);
    if (texts[0] != NULL && texts[1] != NULL && texts[2] != NULL) {
        /* A first line "#!" is no JavaScript behind other text. */
        const char *hash = strncmp(texts[1], "#!", 2) == 0 ? "//" : "";
        size_t cap = bytes[0] + bytes[1] + 32;

        whole = js_malloc(ctx, cap);
        if (whole != NULL) {
            len = snprintf(whole, cap, "(function (%s) {%s", texts[0], hash);
            memcpy(whole + len, texts[1], bytes[1]);
            len += (int)bytes[1];
            len += snprintf(whole + len, cap - (size_t)len, "\n})");
        }
    }
    if (whole != NULL)
        function =
            JS_Eval(ctx, whole, (size_t)len, texts[2], JS_EVAL_TYPE_GLOBAL);
    js_free(ctx, whole);
    for (int i = 0; i < 3; i++)
        JS_FreeCString(ctx, texts[i]);
    return function;
}

static const JSCFunctionListEntry natives[] = {
    JS_CFUNC_DEF("compileFunction", 3, native_compile),
};

void js_module_add(JSContext *ctx, JSValueConst native)
{
    JS_SetPropertyFunctionList(ctx, native, natives,
                               sizeof(natives) / sizeof(natives[0]));
}

void js_module_init(JSRuntime *rt)
{
    JS_SetModuleLoaderFunc2(rt, normalize, load, js_module_check_attributes,
                            NULL);
}
