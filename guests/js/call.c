/* spawn, tool_call and tool_list of the host. What a call returns was made by
 * another guest: it is bytes until the prelude has looked at it. */
#include "call.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "boxagnts_guest.h"
#include "error.h"

#define READ_BYTES (64u << 10)
#define NATIVE(name)                                                           \
    static JSValue name(JSContext *ctx, JSValueConst this_val, int argc,       \
                        JSValueConst *argv)

/* Throw what the host says about the last call. */
static JSValue throw_call(JSContext *ctx, int32_t errnum)
{
    char message[4096];
    size_t len = 0;

    if (boxagnts_call_error(message, sizeof(message) - 1, &len) != 0)
        len = 0;
    message[len] = '\0';
    return js_throw_code(ctx, false, errnum,
                         len > 0 ? message : "the host gives no reason");
}

/* All of a stream; js_free(). NULL with an exception. */
static char *read_all(JSContext *ctx, uint32_t handle, uint32_t stream,
                      size_t *ret_bytes)
{
    char *data = NULL;
    size_t bytes = 0;
    size_t cap = 0;
    size_t got;

    do {
        int32_t errnum;

        if (cap - bytes < READ_BYTES) {
            size_t need = cap == 0 ? READ_BYTES : cap * 2;
            char *grown = need < cap ? NULL : js_realloc(ctx, data, need);

            if (grown == NULL) {
                js_free(ctx, data);
                return NULL;
            }
            data = grown;
            cap = need;
        }
        errnum =
            boxagnts_call_read(handle, stream, data + bytes, cap - bytes, &got);
        if (errnum != 0) {
            js_free(ctx, data);
            (void)throw_call(ctx, errnum);
            return NULL;
        }
        bytes += got;
    } while (got > 0);
    *ret_bytes = bytes;
    return data;
}

static JSValue stream_text(JSContext *ctx, uint32_t handle)
{
    size_t bytes;
    char *data = read_all(ctx, handle, 1, &bytes);
    JSValue text;

    if (data == NULL)
        return JS_EXCEPTION;
    text = JS_NewStringLen(ctx, data, bytes);
    js_free(ctx, data);
    return text;
}

static JSValue stream_bytes(JSContext *ctx, uint32_t handle, uint32_t stream)
{
    size_t bytes;
    char *data = read_all(ctx, handle, stream, &bytes);
    JSValue array;

    if (data == NULL)
        return JS_EXCEPTION;
    array = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)data, bytes);
    js_free(ctx, data);
    return array;
}

/* The head is small, but its message is the host's to choose. */
static JSValue head_text(JSContext *ctx, uint32_t handle)
{
    char small[512];
    size_t len = 0;
    int32_t errnum = boxagnts_call_head(handle, small, sizeof(small), &len);
    char *large;
    JSValue text;

    if (errnum == 0)
        return JS_NewStringLen(ctx, small, len);
    if (errnum != BOXAGNTS_ERANGE)
        return throw_call(ctx, errnum);
    large = js_malloc(ctx, len);
    if (large == NULL)
        return JS_EXCEPTION;
    errnum = boxagnts_call_head(handle, large, len, &len);
    text = errnum == 0 ? JS_NewStringLen(ctx, large, len)
                       : throw_call(ctx, errnum);
    js_free(ctx, large);
    return text;
}

/* spawn(request as JSON, input as Uint8Array): [head as JSON, stdout, stderr]
 */
NATIVE(native_spawn)
{
    size_t request_bytes;
    size_t input_bytes = 0;
    const char *request;
    const uint8_t *input;
    uint32_t handle = 0;
    int32_t errnum;
    JSValue parts[3];
    JSValue all;

    (void)this_val;
    if (argc < 2)
        return JS_ThrowTypeError(ctx, "spawn: expected a request and input");
    input = JS_GetUint8Array(ctx, &input_bytes, argv[1]);
    if (input == NULL && input_bytes > 0)
        return JS_EXCEPTION;
    request = JS_ToCStringLen(ctx, &request_bytes, argv[0]);
    if (request == NULL)
        return JS_EXCEPTION;
    errnum =
        boxagnts_spawn(request, request_bytes, input, input_bytes, &handle);
    JS_FreeCString(ctx, request);
    if (errnum != 0)
        return throw_call(ctx, errnum);
    parts[0] = head_text(ctx, handle);
    parts[1] = stream_bytes(ctx, handle, 1);
    parts[2] = stream_bytes(ctx, handle, 2);
    boxagnts_call_close(handle);
    all = JS_NewArray(ctx);
    for (uint32_t i = 0; i < 3; i++) {
        if (JS_IsException(parts[i])) {
            for (; i < 3; i++)
                JS_FreeValue(ctx, parts[i]);
            JS_FreeValue(ctx, all);
            return JS_EXCEPTION;
        }
        JS_SetPropertyUint32(ctx, all, i, parts[i]);
    }
    return all;
}

/* toolCall(name, input as JSON): the result as JSON */
NATIVE(native_tool_call)
{
    size_t name_bytes;
    size_t input_bytes;
    const char *name =
        argc < 2 ? NULL : JS_ToCStringLen(ctx, &name_bytes, argv[0]);
    const char *input =
        name == NULL ? NULL : JS_ToCStringLen(ctx, &input_bytes, argv[1]);
    uint32_t handle = 0;
    int32_t errnum = -1;
    JSValue text;

    (void)this_val;
    if (input != NULL)
        errnum =
            boxagnts_tool_call(name, name_bytes, input, input_bytes, &handle);
    JS_FreeCString(ctx, name);
    JS_FreeCString(ctx, input);
    if (input == NULL)
        return JS_EXCEPTION;
    if (errnum != 0)
        return throw_call(ctx, errnum);
    text = stream_text(ctx, handle);
    boxagnts_call_close(handle);
    return text;
}

/* toolList(): the tools that may be called, as JSON */
NATIVE(native_tool_list)
{
    uint32_t handle = 0;
    int32_t errnum = boxagnts_tool_list(&handle);
    JSValue text;

    (void)this_val;
    (void)argc;
    (void)argv;
    if (errnum != 0)
        return throw_call(ctx, errnum);
    text = stream_text(ctx, handle);
    boxagnts_call_close(handle);
    return text;
}

static const JSCFunctionListEntry natives[] = {
    JS_CFUNC_DEF("spawn", 2, native_spawn),
    JS_CFUNC_DEF("toolCall", 2, native_tool_call),
    JS_CFUNC_DEF("toolList", 0, native_tool_list),
};

void js_call_add(JSContext *ctx, JSValueConst native)
{
    JS_SetPropertyFunctionList(ctx, native, natives,
                               sizeof(natives) / sizeof(natives[0]));
}
