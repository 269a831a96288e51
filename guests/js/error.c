#include "error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct errno_name {
    int errnum;
    const char *name;
    const char *text; /* as Node.js says it */
} errno_name;

#define NAME(errnum, text)                                                     \
    {                                                                          \
        errnum, #errnum, text                                                  \
    }
static const errno_name names[] = {
    NAME(EACCES, "permission denied"),
    NAME(EAGAIN, "resource temporarily unavailable"),
    NAME(EBADF, "bad file descriptor"),
    NAME(EBUSY, "resource busy or locked"),
    NAME(ECONNREFUSED, "connection refused"),
    NAME(ECONNRESET, "connection reset by peer"),
    NAME(EDQUOT, "disk quota exceeded"),
    NAME(EEXIST, "file already exists"),
    NAME(EFAULT, "bad address in system call argument"),
    NAME(EFBIG, "file too large"),
    NAME(EHOSTUNREACH, "host is unreachable"),
    NAME(EINVAL, "invalid argument"),
    NAME(EIO, "i/o error"),
    NAME(EISDIR, "illegal operation on a directory"),
    NAME(ELOOP, "too many symbolic links encountered"),
    NAME(EMFILE, "too many open files"),
    NAME(EMLINK, "too many links"),
    NAME(ENAMETOOLONG, "name too long"),
    NAME(ENOENT, "no such file or directory"),
    NAME(ENOMEM, "not enough memory"),
    NAME(ENOSPC, "no space left on device"),
    NAME(ENOSYS, "function not implemented"),
    NAME(ENOTDIR, "not a directory"),
    NAME(ENOTEMPTY, "directory not empty"),
    NAME(ENOTSUP, "operation not supported"),
    NAME(EPERM, "operation not permitted"),
    NAME(EPROTO, "protocol error"),
    NAME(ERANGE, "result too large"),
    NAME(EROFS, "read-only file system"),
    NAME(ESPIPE, "invalid seek"),
    NAME(ETIMEDOUT, "connection timed out"),
    NAME(EXDEV, "cross-device link not permitted"),
    /* What leads out of the box, or may not be done to a descriptor. */
    { ENOTCAPABLE, "EACCES", "permission denied" },
};

static const errno_name *find(int errnum)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].errnum == errnum)
            return &names[i];
    }
    return NULL;
}

const char *js_errno_name(int errnum)
{
    const errno_name *found = find(errnum);

    return found == NULL ? "EIO" : found->name;
}

static void put_text(JSContext *ctx, JSValueConst error, const char *name,
                     const char *text, int flags)
{
    if (text != NULL)
        JS_DefinePropertyValueStr(ctx, error, name, JS_NewString(ctx, text),
                                  flags);
}

JSValue js_throw_errno(JSContext *ctx, int errnum, const char *syscall,
                       const char *path, const char *dest)
{
    char message[3072];
    const errno_name *found = find(errnum);
    JSValue error = JS_NewError(ctx);

    snprintf(message, sizeof(message), "%s: %s, %s%s%.1024s%s%s%.1024s%s",
             js_errno_name(errnum),
             found == NULL ? strerror(errnum) : found->text, syscall,
             path == NULL ? "" : " '", path == NULL ? "" : path,
             path == NULL ? "" : "'", dest == NULL ? "" : " -> '",
             dest == NULL ? "" : dest, dest == NULL ? "" : "'");
    put_text(ctx, error, "message", message,
             JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    JS_DefinePropertyValueStr(ctx, error, "errno", JS_NewInt32(ctx, -errnum),
                              JS_PROP_C_W_E);
    put_text(ctx, error, "code", js_errno_name(errnum), JS_PROP_C_W_E);
    put_text(ctx, error, "syscall", syscall, JS_PROP_C_W_E);
    put_text(ctx, error, "path", path, JS_PROP_C_W_E);
    put_text(ctx, error, "dest", dest, JS_PROP_C_W_E);
    return JS_Throw(ctx, error);
}

JSValue js_throw_code(JSContext *ctx, bool is_type_error, int errnum,
                      const char *message)
{
    JSValue error;

    /* These take at most 255 bytes. */
    if (is_type_error)
        JS_ThrowTypeError(ctx, "-");
    else
        JS_ThrowPlainError(ctx, "-");
    error = JS_GetException(ctx);
    put_text(ctx, error, "message", message,
             JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    put_text(ctx, error, "code", js_errno_name(errnum),
             JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE);
    return JS_Throw(ctx, error);
}
