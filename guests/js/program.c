#include "program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "module.h"

int js_module_keeps_value; /* patch.py: the parser looks at it */

char *js_program_read_stdin(JSContext *ctx, size_t *ret_bytes)
{
    char *text = NULL;
    size_t bytes = 0;
    size_t cap = 0;

    do {
        if (cap - bytes < 4096) {
            cap = cap == 0 ? 16384 : cap * 2;
            text = js_realloc(ctx, text, cap);
            if (text == NULL)
                js_loop_fail(ctx);
        }
        bytes += fread(text + bytes, 1, cap - bytes - 1, stdin);
    } while (!feof(stdin) && !ferror(stdin));
    if (ferror(stdin)) {
        fprintf(stderr, "js: standard input: %s\n", strerror(errno));
        exit(JS_EXIT_ERROR);
    }
    text[bytes] = '\0';
    *ret_bytes = bytes;
    return text;
}

static JSValue compile(JSContext *ctx, const char *text, size_t bytes,
                       const char *name, int flags)
{
    return JS_Eval(ctx, text, bytes, name, JS_EVAL_FLAG_COMPILE_ONLY | flags);
}

/* Is there something that only a module has? What it stands in is for the
 * parser to find out. */
static bool may_be_module(const char *text)
{
    return strstr(text, "import") != NULL || strstr(text, "export") != NULL;
}

/* Takes code. */
static JSValue run_module(JSContext *ctx, JSValue code)
{
    if (js_module_describe(ctx, JS_VALUE_GET_PTR(code), true) < 0)
        return JS_EXCEPTION;
    code = JS_EvalFunction(ctx, code);
    return JS_IsException(code) ? code : js_loop_await(ctx, code);
}

/* "return not in a function": the code is the body of one. */
static bool is_stray_return(JSContext *ctx, JSValueConst error)
{
    JSValue message = JS_GetPropertyStr(ctx, error, "message");
    const char *text = JS_ToCString(ctx, message);
    bool is_stray = text != NULL && strstr(text, "return not in") != NULL;

    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, message);
    return is_stray;
}

/* head: "(async () => {" and its like. */
static JSValue evaluate_body(JSContext *ctx, const char *head, const char *text,
                             size_t bytes, const char *name)
{
    static const char tail[] = "\n})()";
    /* A first line "#!" is no JavaScript behind other text. */
    const char *hash = strncmp(text, "#!", 2) == 0 ? "//" : "";
    size_t cap = bytes + strlen(head) + strlen(hash) + sizeof(tail);
    char *whole = js_malloc(ctx, cap);
    JSValue value;
    int len;

    if (whole == NULL)
        return JS_EXCEPTION;
    len = snprintf(whole, cap, "%s%s%s%s", head, hash, text, tail);
    value = JS_Eval(ctx, whole, (size_t)len, name, JS_EVAL_TYPE_GLOBAL);
    js_free(ctx, whole);
    return JS_IsException(value) ? value : js_loop_await(ctx, value);
}

JSValue js_program_run(JSContext *ctx, const char *text, size_t bytes,
                       const char *name, js_program_kind kind)
{
    JSValue code = JS_UNDEFINED;
    JSValue error;

    if (kind != JS_PROGRAM_MODULE) {
        code = compile(ctx, text, bytes, name, JS_EVAL_TYPE_GLOBAL);
        if (!JS_IsException(code))
            return JS_EvalFunction(ctx, code);
        error = JS_GetException(ctx);
        if (is_stray_return(ctx, error)) { /* as CommonJS allows */
            JS_FreeValue(ctx, error);
            return evaluate_body(ctx, "(function () {", text, bytes, name);
        }
        if (kind == JS_PROGRAM_SCRIPT ||
            (!may_be_module(text) && strstr(text, "await") == NULL))
            return JS_Throw(ctx, error);
        JS_FreeValue(ctx, error);
    }
    /* The error told is the module's. */
    code = compile(ctx, text, bytes, name, JS_EVAL_TYPE_MODULE);
    return JS_IsException(code) ? code : run_module(ctx, code);
}

/* A script whose value comes in a promise of { value }; takes code. */
static JSValue run_async(JSContext *ctx, JSValue code)
{
    JSValue result = JS_EvalFunction(ctx, code);
    JSValue value;

    if (JS_IsException(result))
        return result;
    result = js_loop_await(ctx, result);
    if (JS_IsException(result))
        return result;
    value = JS_GetPropertyStr(ctx, result, "value");
    JS_FreeValue(ctx, result);
    return value;
}

/* The parser leaves the value of a module's last expression in import.meta. */
static JSValue evaluate_module(JSContext *ctx, const char *text, size_t bytes,
                               const char *name)
{
    JSValue code;
    JSValue done;
    JSValue meta;
    JSValue value;
    JSModuleDef *module;

    js_module_keeps_value = 1;
    code = compile(ctx, text, bytes, name, JS_EVAL_TYPE_MODULE);
    js_module_keeps_value = 0;
    if (JS_IsException(code))
        return code;
    module = JS_VALUE_GET_PTR(code);
    done = run_module(ctx, code);
    if (JS_IsException(done))
        return done;
    JS_FreeValue(ctx, done);
    meta = JS_GetImportMeta(ctx, module);
    value = JS_GetPropertyStr(ctx, meta, "value");
    JS_FreeValue(ctx, meta);
    return value;
}

JSValue js_program_evaluate(JSContext *ctx, const char *text, size_t bytes,
                            const char *name)
{
    JSValue code = compile(ctx, text, bytes, name,
                           JS_EVAL_TYPE_GLOBAL | JS_EVAL_FLAG_ASYNC);
    JSValue error;

    if (!JS_IsException(code))
        return run_async(ctx, code);
    error = JS_GetException(ctx);
    if (is_stray_return(ctx, error)) {
        JS_FreeValue(ctx, error);
        return evaluate_body(ctx, "(async () => {", text, bytes, name);
    }
    if (!may_be_module(text))
        return JS_Throw(ctx, error);
    JS_FreeValue(ctx, error);
    return evaluate_module(ctx, text, bytes, name);
}
