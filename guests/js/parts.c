/* Loads the prelude's parts: a fresh sandbox that runs one line should not pay
 * for URL or fetch when that line never names them. */
#include "parts.h"

#include <string.h>

#include "native.h"
#include "quickjs-libc.h"

/* A global and the part that makes it. */
typedef struct global_name {
    const char *name;
    const char *part;
} global_name;

static const global_name globals[] = {
    { "console", "console" },
    { "std", "system" },
    { "os", "system" },
    { "setTimeout", "system" },
    { "clearTimeout", "system" },
    { "setInterval", "system" },
    { "clearInterval", "system" },
    { "setImmediate", "system" },
    { "clearImmediate", "system" },
    { "process", "system" },
    { "TextEncoder", "text" },
    { "TextDecoder", "text" },
    { "URL", "url" },
    { "URLSearchParams", "url" },
    { "Event", "event" },
    { "EventTarget", "event" },
    { "AbortController", "event" },
    { "AbortSignal", "event" },
    { "fetch", "fetch" },
    { "Headers", "fetch" },
    { "Request", "fetch" },
    { "Response", "fetch" },
    { "crypto", "misc" },
    { "structuredClone", "misc" },
    { "Buffer", "buffer" },
    { "require", "module" },
    { "module", "module" },
    { "exports", "module" },
    { "__filename", "module" },
    { "__dirname", "module" },
    { "tools", "tools" },
};
#define GLOBALS_COUNT (sizeof(globals) / sizeof(globals[0]))
#define PARTS_MAX 48

static JSValue loaded[PARTS_MAX]; /* what each part returned */
static JSValue native = JS_UNDEFINED;

static JSValue native_part(JSContext *ctx, JSValueConst this_val, int argc,
                           JSValueConst *argv)
{
    const char *name = argc < 1 ? NULL : JS_ToCString(ctx, argv[0]);
    JSValue part;

    (void)this_val;
    if (name == NULL)
        return JS_EXCEPTION;
    part = js_parts_get(ctx, name);
    JS_FreeCString(ctx, name);
    return part;
}

/* The modules std and os start when something first imports them. */
static JSValue native_module(JSContext *ctx, JSValueConst this_val, int argc,
                             JSValueConst *argv)
{
    static const char source[] = "import * as std from 'std';"
                                 "import * as os from 'os';"
                                 "import.meta.names = { std, os };";
    JSValue module;
    JSValue meta;
    JSValue names;
    JSModuleDef *def;

    (void)this_val;
    (void)argc;
    (void)argv;
    module = JS_Eval(ctx, source, sizeof(source) - 1, "js:modules",
                     JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (JS_IsException(module))
        return JS_EXCEPTION;
    def = JS_VALUE_GET_PTR(module);
    JS_FreeValue(ctx, JS_EvalFunction(ctx, module));
    meta = JS_GetImportMeta(ctx, def);
    names = JS_GetPropertyStr(ctx, meta, "names");
    JS_FreeValue(ctx, meta);
    return names;
}

static const JSCFunctionListEntry natives[] = {
    JS_CFUNC_DEF("part", 1, native_part),
    JS_CFUNC_DEF("modules", 0, native_module),
};

static JSValue load(JSContext *ctx, const js_part *part)
{
    JSValue script =
        JS_ReadObject(ctx, part->bytecode, part->bytes, JS_READ_OBJ_BYTECODE);
    JSValue init;
    JSValue names;

    if (JS_IsException(script))
        return script;
    init = JS_EvalFunction(ctx, script);
    if (JS_IsException(init))
        return init;
    if (JS_IsUndefined(native)) {
        native = js_native_new(ctx);
        JS_SetPropertyFunctionList(ctx, native, natives,
                                   sizeof(natives) / sizeof(natives[0]));
    }
    names = JS_Call(ctx, init, JS_UNDEFINED, 1, &native);
    JS_FreeValue(ctx, init);
    return names;
}

JSValue js_parts_get(JSContext *ctx, const char *part_name)
{
    for (size_t i = 0; i < PARTS_MAX && js_parts[i].name != NULL; i++) {
        if (strcmp(js_parts[i].name, part_name) != 0)
            continue;
        if (JS_IsUndefined(loaded[i])) {
            JSValue names = load(ctx, &js_parts[i]);

            if (JS_IsException(names))
                return names;
            loaded[i] = names;
        }
        return JS_DupValue(ctx, loaded[i]);
    }
    return JS_ThrowInternalError(ctx, "no part '%s' in the prelude", part_name);
}

JSValue js_parts_peek(JSContext *ctx, const char *part_name)
{
    for (size_t i = 0; i < PARTS_MAX && js_parts[i].name != NULL; i++) {
        if (strcmp(js_parts[i].name, part_name) == 0)
            return JS_DupValue(ctx, loaded[i]);
    }
    return JS_UNDEFINED;
}

JSModuleDef *js_parts_load_module(JSContext *ctx, const char *name)
{
    JSValue part = js_parts_get(ctx, "lacking");
    JSValue sources = JS_GetPropertyStr(ctx, part, "sources");
    JSValue source = JS_GetPropertyStr(ctx, sources, name);
    const char *text = JS_ToCString(ctx, source);
    JSValue code = JS_EXCEPTION;
    JSModuleDef *module = NULL;

    if (text != NULL)
        code = JS_Eval(ctx, text, strlen(text), name,
                       JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    if (!JS_IsException(code)) {
        JSValue meta;

        /* The module list holds a reference of its own. */
        module = JS_VALUE_GET_PTR(code);
        JS_FreeValue(ctx, code);
        meta = JS_GetImportMeta(ctx, module);
        JS_SetPropertyStr(ctx, meta, "extra",
                          JS_GetPropertyStr(ctx, part, name));
        JS_FreeValue(ctx, meta);
    }
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, source);
    JS_FreeValue(ctx, sources);
    JS_FreeValue(ctx, part);
    return module;
}

/* From here on the global is a plain property. */
static void settle(JSContext *ctx, JSValueConst object, const char *name,
                   JSValue value)
{
    JS_DefinePropertyValueStr(ctx, object, name, value,
                              JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
}

static JSValue get_global(JSContext *ctx, JSValueConst this_val, int argc,
                          JSValueConst *argv, int magic, JSValue *data)
{
    JSValue part = js_parts_get(ctx, globals[magic].part);
    JSValue global;
    JSValue value;

    (void)this_val;
    (void)argc;
    (void)argv;
    (void)data;
    if (JS_IsException(part))
        return part;
    value = JS_GetPropertyStr(ctx, part, globals[magic].name);
    JS_FreeValue(ctx, part);
    global = JS_GetGlobalObject(ctx);
    settle(ctx, global, globals[magic].name, JS_DupValue(ctx, value));
    JS_FreeValue(ctx, global);
    return value;
}

static JSValue set_global(JSContext *ctx, JSValueConst this_val, int argc,
                          JSValueConst *argv, int magic, JSValue *data)
{
    JSValue global = JS_GetGlobalObject(ctx);

    (void)this_val;
    (void)data;
    settle(ctx, global, globals[magic].name,
           argc < 1 ? JS_UNDEFINED : JS_DupValue(ctx, argv[0]));
    JS_FreeValue(ctx, global);
    return JS_UNDEFINED;
}

int js_parts_init(JSContext *ctx)
{
    JSValue global = JS_GetGlobalObject(ctx);
    int status = 0;

    for (size_t i = 0; i < PARTS_MAX; i++)
        loaded[i] = JS_UNDEFINED;
    for (size_t i = 0; i < GLOBALS_COUNT && status >= 0; i++) {
        JSAtom name = JS_NewAtom(ctx, globals[i].name);

        status = JS_DefinePropertyGetSet(
            ctx, global, name,
            JS_NewCFunctionData(ctx, get_global, 0, (int)i, 0, NULL),
            JS_NewCFunctionData(ctx, set_global, 1, (int)i, 0, NULL),
            JS_PROP_CONFIGURABLE);
        JS_FreeAtom(ctx, name);
    }
    JS_FreeValue(ctx, global);
    return status < 0 ? -1 : 0;
}
