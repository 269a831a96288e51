/* What the prelude cannot do in JavaScript. Its arguments come from the
 * prelude, but a script can reach the prelude with anything: each is checked.
 */
#include "native.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boxagnts_guest.h"
#include "call.h"
#include "error.h"
#include "file.h"
#include "hash.h"
#include "module.h"
#include "stream.h"
#include "text.h"
#include "tool.h"

#define READ_BYTES (256 << 10)      /* of a response's body at a time */
#define ENTROPY_BYTES 256           /* the most getentropy() gives */
#define TYPED_ARRAY_MAX_BYTES 65536 /* Web Crypto, getRandomValues */
#define NATIVE(name)                                                           \
    static JSValue name(JSContext *ctx, JSValueConst this_val, int argc,       \
                        JSValueConst *argv)

/* ---- text and bytes -------------------------------------------------- */

/* write(fd, text): whole, at once; console's way out. */
NATIVE(native_write)
{
    int32_t fd;
    size_t bytes;
    const char *text;
    FILE *file;

    (void)this_val;
    if (argc < 2 || JS_ToInt32(ctx, &fd, argv[0]) < 0)
        return JS_EXCEPTION;
    text = JS_ToCStringLen(ctx, &bytes, argv[1]);
    if (text == NULL)
        return JS_EXCEPTION;
    file = js_stream_file(fd == 2 ? 2 : 1);
    fwrite(text, 1, bytes, file);
    fflush(file);
    JS_FreeCString(ctx, text);
    return JS_UNDEFINED;
}

NATIVE(native_utf8_encode)
{
    size_t bytes;
    const char *text;
    JSValue array;

    (void)this_val;
    text = argc < 1 ? NULL : JS_ToCStringLen(ctx, &bytes, argv[0]);
    if (text == NULL)
        return JS_EXCEPTION;
    array = JS_NewUint8ArrayCopy(ctx, (const uint8_t *)text, bytes);
    JS_FreeCString(ctx, text);
    return array;
}

/* utf8Decode(bytes, fatal): a string, or undefined when fatal and malformed. */
NATIVE(native_utf8_decode)
{
    size_t bytes;
    const uint8_t *text =
        argc < 2 ? NULL : JS_GetUint8Array(ctx, &bytes, argv[0]);
    bool is_fatal;
    size_t bad = 0;
    char *mended;
    size_t len = 0;
    JSValue string;

    (void)this_val;
    if (text == NULL)
        return bytes == 0 ? JS_NewString(ctx, "") : JS_EXCEPTION;
    is_fatal = JS_ToBool(ctx, argv[1]) > 0;
    for (size_t i = 0, skip, step; i<bytes; i += step> 0 ? step : skip) {
        step = js_utf8_sequence(text + i, bytes - i, &skip);
        bad += step == 0;
    }
    if (bad == 0)
        return JS_NewStringLen(ctx, (const char *)text, bytes);
    if (is_fatal)
        return JS_UNDEFINED;
    if (bytes > SIZE_MAX / 4)
        return JS_ThrowRangeError(ctx, "the text is too long to decode");
    mended = js_malloc(ctx, bytes + bad * 3);
    if (mended == NULL)
        return JS_EXCEPTION;
    for (size_t i = 0, skip, step; i<bytes; i += step> 0 ? step : skip) {
        step = js_utf8_sequence(text + i, bytes - i, &skip);
        memcpy(mended + len, step > 0 ? (const char *)text + i : "\xef\xbf\xbd",
               step > 0 ? step : 3);
        len += step > 0 ? step : 3;
    }
    string = JS_NewStringLen(ctx, mended, len);
    js_free(ctx, mended);
    return string;
}

/* random(bytes): fill a Uint8Array. */
NATIVE(native_random)
{
    size_t bytes;
    uint8_t *at = argc < 1 ? NULL : JS_GetUint8Array(ctx, &bytes, argv[0]);

    (void)this_val;
    if (at == NULL || bytes > TYPED_ARRAY_MAX_BYTES)
        return JS_ThrowTypeError(ctx, "random: expected a Uint8Array of at "
                                      "most 65536 bytes");
    for (size_t done = 0, step; done < bytes; done += step) {
        step = bytes - done < ENTROPY_BYTES ? bytes - done : ENTROPY_BYTES;
        if (getentropy(at + done, step) < 0)
            return JS_ThrowInternalError(ctx, "no random numbers here");
    }
    return JS_UNDEFINED;
}

/* ---- values seen from outside ---------------------------------------- */

/* classOf(value): the engine's class of an object, which no script can fake. */
NATIVE(native_class_of)
{
    JSClassID id = argc < 1 ? JS_INVALID_CLASS_ID : JS_GetClassID(argv[0]);
    JSAtom name;
    JSValue text;

    (void)this_val;
    if (id == JS_INVALID_CLASS_ID)
        return JS_UNDEFINED;
    name = JS_GetClassName(JS_GetRuntime(ctx), id);
    text = JS_AtomToString(ctx, name);
    JS_FreeAtom(ctx, name);
    return text;
}

/* promiseState(promise): [state, result], state 0 pending, 1 kept, 2 broken. */
NATIVE(native_promise_state)
{
    JSPromiseStateEnum state =
        argc < 1 ? JS_PROMISE_NOT_A_PROMISE : JS_PromiseState(ctx, argv[0]);
    JSValue pair;

    (void)this_val;
    if (state == JS_PROMISE_NOT_A_PROMISE)
        return JS_ThrowTypeError(ctx, "promiseState: expected a promise");
    pair = JS_NewArray(ctx);
    JS_SetPropertyUint32(ctx, pair, 0, JS_NewInt32(ctx, (int)state));
    if (state != JS_PROMISE_PENDING)
        JS_SetPropertyUint32(ctx, pair, 1, JS_PromiseResult(ctx, argv[0]));
    return pair;
}

/* proxyTarget(proxy): its target, undefined when it is no proxy. */
NATIVE(native_proxy_target)
{
    (void)this_val;
    if (argc < 1 || !JS_IsProxy(argv[0]))
        return JS_UNDEFINED;
    return JS_GetProxyTarget(ctx, argv[0]);
}

/* ---- files and process ----------------------------------------------- */

int js_exit_code;
const char *js_main_file;

/* exitCode([code]): what the program ends with when it runs to its end. */
NATIVE(native_exit_code)
{
    (void)this_val;
    if (argc > 0 && JS_ToInt32(ctx, &js_exit_code, argv[0]) < 0)
        return JS_EXCEPTION;
    return JS_NewInt32(ctx, js_exit_code);
}

/* memoryUsed(): bytes of the heap in use. */
NATIVE(native_memory_used)
{
    JSMemoryUsage usage;

    (void)this_val;
    (void)argc;
    (void)argv;
    JS_ComputeMemoryUsage(JS_GetRuntime(ctx), &usage);
    return JS_NewInt64(ctx, usage.malloc_size);
}

/* exit(code): at once. */
NATIVE(native_exit)
{
    int32_t code;

    (void)this_val;
    if (argc < 1 || JS_ToInt32(ctx, &code, argv[0]) < 0)
        return JS_EXCEPTION;
    js_exit(code);
}

_Noreturn void js_exit(int status)
{
    if (js_tool_is_running())
        js_tool_exit(status, NULL);
    exit(status);
}

/* [value, errno], as the functions of os answer; takes value. */
static JSValue answer(JSContext *ctx, JSValue value, int errnum)
{
    JSValue pair = JS_NewArray(ctx);

    JS_SetPropertyUint32(ctx, pair, 0, value);
    JS_SetPropertyUint32(ctx, pair, 1, JS_NewInt32(ctx, errnum));
    return pair;
}

/* symlink(target, path): 0 or a negative errno */
NATIVE(native_symlink)
{
    const char *target = argc < 2 ? NULL : JS_ToCString(ctx, argv[0]);
    const char *path = target == NULL ? NULL : JS_ToCString(ctx, argv[1]);
    int status = -1;

    (void)this_val;
    if (path != NULL)
        status = symlink(target, path) < 0 ? -errno : 0;
    JS_FreeCString(ctx, target);
    JS_FreeCString(ctx, path);
    if (path == NULL)
        return JS_ThrowTypeError(ctx, "symlink: expected a target and a path");
    return JS_NewInt32(ctx, status);
}

NATIVE(native_readlink)
{
    char target[4096];
    const char *path = argc < 1 ? NULL : JS_ToCString(ctx, argv[0]);
    ssize_t len;

    (void)this_val;
    if (path == NULL)
        return JS_ThrowTypeError(ctx, "readlink: expected a path");
    len = readlink(path, target, sizeof(target));
    JS_FreeCString(ctx, path);
    if (len < 0)
        return answer(ctx, JS_NewString(ctx, ""), errno);
    return answer(ctx, JS_NewStringLen(ctx, target, (size_t)len), 0);
}

static double milliseconds(struct timespec at)
{
    return (double)at.tv_sec * 1e3 + (double)(at.tv_nsec / 1000000);
}

/* The same fields as os.stat. */
NATIVE(native_lstat)
{
    struct stat st;
    const char *path = argc < 1 ? NULL : JS_ToCString(ctx, argv[0]);
    int status;
    JSValue object;

    (void)this_val;
    if (path == NULL)
        return JS_ThrowTypeError(ctx, "lstat: expected a path");
    status = lstat(path, &st);
    JS_FreeCString(ctx, path);
    if (status < 0)
        return answer(ctx, JS_NULL, errno);
    object = JS_NewObject(ctx);
    JS_SetPropertyStr(ctx, object, "dev", JS_NewInt64(ctx, (int64_t)st.st_dev));
    JS_SetPropertyStr(ctx, object, "ino", JS_NewInt64(ctx, (int64_t)st.st_ino));
    JS_SetPropertyStr(ctx, object, "mode", JS_NewInt32(ctx, (int)st.st_mode));
    JS_SetPropertyStr(ctx, object, "nlink",
                      JS_NewInt64(ctx, (int64_t)st.st_nlink));
    JS_SetPropertyStr(ctx, object, "size", JS_NewInt64(ctx, st.st_size));
    JS_SetPropertyStr(ctx, object, "atime",
                      JS_NewFloat64(ctx, milliseconds(st.st_atim)));
    JS_SetPropertyStr(ctx, object, "mtime",
                      JS_NewFloat64(ctx, milliseconds(st.st_mtim)));
    JS_SetPropertyStr(ctx, object, "ctime",
                      JS_NewFloat64(ctx, milliseconds(st.st_ctim)));
    return answer(ctx, object, 0);
}

/* ---- HTTP ------------------------------------------------------------ */

/* Throw a TypeError with the host's own reason, and the errno as its code. */
static JSValue throw_http(JSContext *ctx, uint32_t handle, int32_t errnum)
{
    static const char head[] = "fetch failed: ";
    char message[2048 + sizeof(head)] =
        "fetch failed: the host gives no reason";
    size_t len = 0;

    if (boxagnts_http_error(handle, message + strlen(head), 2047, &len) == 0 &&
        len > 0)
        message[strlen(head) + len] = '\0';
    return js_throw_code(ctx, true, errnum, message);
}

static int get_handle(JSContext *ctx, int argc, JSValueConst *argv,
                      uint32_t *ret_handle)
{
    if (argc < 1)
        return -1;
    return JS_ToUint32(ctx, ret_handle, argv[0]);
}

/* httpOpen(request as JSON): a handle. */
NATIVE(native_http_open)
{
    size_t bytes;
    const char *request =
        argc < 1 ? NULL : JS_ToCStringLen(ctx, &bytes, argv[0]);
    uint32_t handle = 0;
    int32_t errnum;

    (void)this_val;
    if (request == NULL)
        return JS_EXCEPTION;
    errnum = boxagnts_http_open(request, bytes, &handle);
    JS_FreeCString(ctx, request);
    return errnum == 0 ? JS_NewUint32(ctx, handle) : throw_http(ctx, 0, errnum);
}

/* httpWrite(handle, bytes) */
NATIVE(native_http_write)
{
    uint32_t handle;
    size_t bytes;
    const uint8_t *data;
    int32_t errnum;

    (void)this_val;
    if (argc < 2 || get_handle(ctx, argc, argv, &handle) < 0)
        return JS_EXCEPTION;
    data = JS_GetUint8Array(ctx, &bytes, argv[1]);
    if (data == NULL)
        return bytes == 0 ? JS_UNDEFINED : JS_EXCEPTION;
    errnum = boxagnts_http_write(handle, data, bytes);
    return errnum == 0 ? JS_UNDEFINED : throw_http(ctx, handle, errnum);
}

/* httpHead(handle): the response's head, as JSON. */
NATIVE(native_http_head)
{
    uint32_t handle;
    size_t len = 4096;
    char *head = NULL;
    int32_t errnum = BOXAGNTS_ERANGE;
    JSValue text;

    (void)this_val;
    if (get_handle(ctx, argc, argv, &handle) < 0)
        return JS_EXCEPTION;
    for (int tries = 0; tries < 3 && errnum == BOXAGNTS_ERANGE; tries++) {
        size_t cap = len;
        char *grown = js_realloc(ctx, head, cap);

        if (grown == NULL) {
            js_free(ctx, head);
            return JS_EXCEPTION;
        }
        head = grown;
        errnum = boxagnts_http_head(handle, head, cap, &len);
    }
    text = errnum == 0 ? JS_NewStringLen(ctx, head, len)
                       : throw_http(ctx, handle, errnum);
    js_free(ctx, head);
    return text;
}

/* httpRead(handle): a Uint8Array, empty at the end. */
NATIVE(native_http_read)
{
    uint32_t handle;
    size_t len = 0;
    uint8_t *data;
    int32_t errnum;
    JSValue array;

    (void)this_val;
    if (get_handle(ctx, argc, argv, &handle) < 0)
        return JS_EXCEPTION;
    data = js_malloc(ctx, READ_BYTES);
    if (data == NULL)
        return JS_EXCEPTION;
    errnum = boxagnts_http_read(handle, data, READ_BYTES, &len);
    array = errnum == 0 ? JS_NewUint8ArrayCopy(ctx, data, len)
                        : throw_http(ctx, handle, errnum);
    js_free(ctx, data);
    return array;
}

NATIVE(native_http_close)
{
    uint32_t handle;

    (void)this_val;
    if (get_handle(ctx, argc, argv, &handle) < 0)
        return JS_EXCEPTION;
    boxagnts_http_close(handle);
    return JS_UNDEFINED;
}

static const JSCFunctionListEntry natives[] = {
    JS_CFUNC_DEF("write", 2, native_write),
    JS_CFUNC_DEF("utf8Encode", 1, native_utf8_encode),
    JS_CFUNC_DEF("utf8Decode", 2, native_utf8_decode),
    JS_CFUNC_DEF("random", 1, native_random),
    JS_CFUNC_DEF("classOf", 1, native_class_of),
    JS_CFUNC_DEF("promiseState", 1, native_promise_state),
    JS_CFUNC_DEF("proxyTarget", 1, native_proxy_target),
    JS_CFUNC_DEF("exitCode", 0, native_exit_code),
    JS_CFUNC_DEF("exit", 1, native_exit),
    JS_CFUNC_DEF("memoryUsed", 0, native_memory_used),
    JS_CFUNC_DEF("symlink", 2, native_symlink),
    JS_CFUNC_DEF("readlink", 1, native_readlink),
    JS_CFUNC_DEF("lstat", 1, native_lstat),
    JS_CFUNC_DEF("httpOpen", 1, native_http_open),
    JS_CFUNC_DEF("httpWrite", 2, native_http_write),
    JS_CFUNC_DEF("httpHead", 1, native_http_head),
    JS_CFUNC_DEF("httpRead", 1, native_http_read),
    JS_CFUNC_DEF("httpClose", 1, native_http_close),
};

JSValue js_native_new(JSContext *ctx)
{
    JSValue native = JS_NewObject(ctx);

    JS_SetPropertyFunctionList(ctx, native, natives,
                               sizeof(natives) / sizeof(natives[0]));
    js_file_add(ctx, native);
    js_hash_add(ctx, native);
    js_call_add(ctx, native);
    js_module_add(ctx, native);
    JS_SetPropertyStr(ctx, native, "version",
                      JS_NewString(ctx, JS_GetVersion()));
    JS_SetPropertyStr(ctx, native, "nodeVersion",
                      JS_NewString(ctx, JS_NODE_VERSION));
    if (js_main_file != NULL)
        JS_SetPropertyStr(ctx, native, "mainFile",
                          JS_NewString(ctx, js_main_file));
    if (js_tool_is_running())
        JS_SetPropertyStr(ctx, native, "isTool", JS_TRUE);
    return native;
}
