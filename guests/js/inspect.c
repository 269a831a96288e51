#include "inspect.h"

#include <stdlib.h>
#include <string.h>

#include "parts.h"

static JSValue call_console(JSContext *ctx, const char *name,
                            JSValueConst value)
{
    JSValue part = js_parts_get(ctx, "console");
    JSValue function = JS_GetPropertyStr(ctx, part, name);
    JSValue answer = JS_Call(ctx, function, JS_UNDEFINED, 1, &value);

    JS_FreeValue(ctx, function);
    JS_FreeValue(ctx, part);
    return answer;
}

char *js_inspect(JSContext *ctx, JSValueConst value)
{
    JSValue shown = call_console(ctx, "inspect", value);
    const char *text;
    char *copy;

    if (JS_IsException(shown))
        JS_FreeValue(ctx, JS_GetException(ctx));
    text = JS_ToCString(ctx, JS_IsException(shown) ? value : shown);
    if (text == NULL)
        JS_FreeValue(ctx, JS_GetException(ctx));
    copy = strdup(text == NULL ? "an error without text" : text);
    JS_FreeCString(ctx, text);
    JS_FreeValue(ctx, shown);
    if (copy == NULL)
        abort();
    return copy;
}

bool js_inspect_is_plain(JSContext *ctx, JSValueConst value)
{
    JSValue answer = call_console(ctx, "isPlain", value);
    bool is_plain = JS_IsBool(answer) && JS_ToBool(ctx, answer) > 0;

    if (JS_IsException(answer))
        JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, answer);
    return is_plain;
}
