/* The system calls beneath node:fs. Each throws as Node does; paths are checked
 * by the host, which resolves them beneath what the policy grants. */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "error.h"
#include "stream.h"

#define READ_BYTES (64u << 10) /* of a file whose size says nothing */
#define NATIVE(name)                                                           \
    static JSValue name(JSContext *ctx, JSValueConst this_val, int argc,       \
                        JSValueConst *argv)

/* A path as an argument; NULL with an exception. JS_FreeCString(). */
static const char *get_path(JSContext *ctx, int argc, JSValueConst *argv,
                            int at)
{
    size_t bytes;
    const char *path;

    if (at >= argc || !JS_IsString(argv[at])) {
        JS_ThrowTypeError(ctx, "expected a path as a string");
        return NULL;
    }
    path = JS_ToCStringLen(ctx, &bytes, argv[at]);
    if (path != NULL && strlen(path) != bytes) {
        JS_FreeCString(ctx, path);
        JS_ThrowTypeError(ctx, "the path has a NUL character");
        return NULL;
    }
    return path;
}

/* ---- descriptors ----------------------------------------------------- */

/* fileOpen(path, flags, mode) */
NATIVE(native_open)
{
    const char *path = get_path(ctx, argc, argv, 0);
    int32_t flags;
    int fd;
    JSValue value;

    (void)this_val;
    if (path == NULL || argc < 2 || JS_ToInt32(ctx, &flags, argv[1]) < 0) {
        JS_FreeCString(ctx, path);
        return JS_EXCEPTION;
    }
    fd = open(path, flags, 0666);
    value = fd < 0 ? js_throw_errno(ctx, errno, "open", path, NULL)
                   : JS_NewInt32(ctx, fd);
    JS_FreeCString(ctx, path);
    return value;
}

NATIVE(native_close)
{
    int32_t fd;

    (void)this_val;
    if (argc < 1 || JS_ToInt32(ctx, &fd, argv[0]) < 0)
        return JS_EXCEPTION;
    if (js_stream_close(fd) < 0)
        return js_throw_errno(ctx, errno, "close", NULL, NULL);
    return JS_UNDEFINED;
}

/* fd, bytes, position (a number, or null for the descriptor's own) */
static int get_transfer(JSContext *ctx, int argc, JSValueConst *argv,
                        int32_t *ret_fd, uint8_t **ret_data, size_t *ret_bytes,
                        int64_t *ret_position)
{
    static uint8_t nothing;

    if (argc < 3 || JS_ToInt32(ctx, ret_fd, argv[0]) < 0)
        return -1;
    *ret_position = -1;
    if (JS_IsNumber(argv[2]) && JS_ToInt64(ctx, ret_position, argv[2]) < 0)
        return -1;
    *ret_data = JS_GetUint8Array(ctx, ret_bytes, argv[1]);
    if (*ret_data == NULL && *ret_bytes > 0)
        return -1;
    if (*ret_data == NULL)
        *ret_data = &nothing;
    return 0;
}

NATIVE(native_read)
{
    int32_t fd;
    uint8_t *data;
    size_t bytes;
    int64_t position;
    ssize_t got;

    (void)this_val;
    if (get_transfer(ctx, argc, argv, &fd, &data, &bytes, &position) < 0)
        return JS_EXCEPTION;
    got = position < 0 ? js_stream_read(fd, data, bytes)
                       : pread(fd, data, bytes, position);
    if (got < 0)
        return js_throw_errno(ctx, errno, "read", NULL, NULL);
    return JS_NewInt64(ctx, got);
}

NATIVE(native_write)
{
    int32_t fd;
    uint8_t *data;
    size_t bytes;
    int64_t position;
    size_t done = 0;

    (void)this_val;
    if (get_transfer(ctx, argc, argv, &fd, &data, &bytes, &position) < 0)
        return JS_EXCEPTION;
    if (fd == STDOUT_FILENO)
        fflush(js_stream_file(fd));
    while (done < bytes) {
        ssize_t wrote = position < 0
                            ? js_stream_write(fd, data + done, bytes - done)
                            : pwrite(fd, data + done, bytes - done,
                                     position + (int64_t)done);

        if (wrote <= 0)
            return js_throw_errno(ctx, wrote < 0 ? errno : EIO, "write", NULL,
                                  NULL);
        done += (size_t)wrote;
    }
    return JS_NewInt64(ctx, (int64_t)done);
}

/* The rest of an open file. */
static JSValue read_rest(JSContext *ctx, int fd)
{
    struct stat st;
    size_t cap = READ_BYTES;
    size_t bytes = 0;
    uint8_t *data = NULL;
    ssize_t got = 1;
    JSValue array;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0) {
        if (st.st_size >= INT32_MAX)
            return js_throw_errno(ctx, EFBIG, "read", NULL, NULL);
        cap = (size_t)st.st_size + 1; /* one more sees the end */
    }
    while (got > 0) {
        if (data == NULL || bytes == cap) {
            size_t need = data == NULL ? cap : cap * 2;
            uint8_t *grown = js_realloc(ctx, data, need);

            if (grown == NULL) {
                js_free(ctx, data);
                return JS_EXCEPTION;
            }
            data = grown;
            cap = need;
        }
        got = js_stream_read(fd, data + bytes, cap - bytes);
        bytes += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        js_free(ctx, data);
        return js_throw_errno(ctx, errno, "read", NULL, NULL);
    }
    array = JS_NewUint8ArrayCopy(ctx, data, bytes);
    js_free(ctx, data);
    return array;
}

/* fileRead(path or descriptor): a Uint8Array */
NATIVE(native_read_all)
{
    const char *path;
    int32_t fd;
    JSValue array;

    (void)this_val;
    if (argc > 0 && JS_IsNumber(argv[0])) {
        if (JS_ToInt32(ctx, &fd, argv[0]) < 0)
            return JS_EXCEPTION;
        return read_rest(ctx, fd);
    }
    path = get_path(ctx, argc, argv, 0);
    if (path == NULL)
        return JS_EXCEPTION;
    fd = open(path, O_RDONLY);
    array = fd < 0 ? js_throw_errno(ctx, errno, "open", path, NULL)
                   : read_rest(ctx, fd);
    if (fd >= 0)
        close(fd);
    JS_FreeCString(ctx, path);
    return array;
}

NATIVE(native_truncate)
{
    int32_t fd;
    int64_t bytes;

    (void)this_val;
    if (argc < 2 || JS_ToInt32(ctx, &fd, argv[0]) < 0 ||
        JS_ToInt64(ctx, &bytes, argv[1]) < 0)
        return JS_EXCEPTION;
    if (ftruncate(fd, bytes) < 0)
        return js_throw_errno(ctx, errno, "ftruncate", NULL, NULL);
    return JS_UNDEFINED;
}

NATIVE(native_sync)
{
    int32_t fd;

    (void)this_val;
    if (argc < 1 || JS_ToInt32(ctx, &fd, argv[0]) < 0)
        return JS_EXCEPTION;
    if (fsync(fd) < 0)
        return js_throw_errno(ctx, errno, "fsync", NULL, NULL);
    return JS_UNDEFINED;
}

/* ---- what a path is -------------------------------------------------- */

static double milliseconds(struct timespec at)
{
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

/* Numbers only: the prelude makes a Stats of them. */
static JSValue stat_values(JSContext *ctx, const struct stat *st)
{
    const double values[] = {
        (double)st->st_dev,        (double)st->st_ino,
        (double)st->st_mode,       (double)st->st_nlink,
        (double)st->st_size,       milliseconds(st->st_atim),
        milliseconds(st->st_mtim), milliseconds(st->st_ctim),
    };
    JSValue array = JS_NewArray(ctx);

    for (uint32_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        JS_SetPropertyUint32(ctx, array, i, JS_NewFloat64(ctx, values[i]));
    return array;
}

/* fileStat(path or descriptor, follow): undefined when there is none */
NATIVE(native_stat)
{
    struct stat st;
    const char *path = NULL;
    bool follows = argc > 1 && JS_ToBool(ctx, argv[1]) > 0;
    int32_t fd;
    int status;
    JSValue value;

    (void)this_val;
    if (argc > 0 && JS_IsNumber(argv[0])) {
        if (JS_ToInt32(ctx, &fd, argv[0]) < 0)
            return JS_EXCEPTION;
        status = fstat(fd, &st);
    } else {
        path = get_path(ctx, argc, argv, 0);
        if (path == NULL)
            return JS_EXCEPTION;
        status = follows ? stat(path, &st) : lstat(path, &st);
    }
    if (status == 0)
        value = stat_values(ctx, &st);
    else if (path != NULL && (errno == ENOENT || errno == ENOTDIR))
        value = JS_UNDEFINED;
    else
        value = js_throw_errno(ctx, errno,
                               path == NULL ? "fstat"
                               : follows    ? "stat"
                                            : "lstat",
                               path, NULL);
    JS_FreeCString(ctx, path);
    return value;
}

static const char *entry_kind(const struct dirent *entry)
{
    switch (entry->d_type) {
    case DT_DIR:
        return "d";
    case DT_REG:
        return "f";
    case DT_LNK:
        return "l";
    default:
        return "?";
    }
}

/* fileList(path): ["fname", "dname", ...], the first character its kind */
NATIVE(native_list)
{
    const char *path = get_path(ctx, argc, argv, 0);
    DIR *dir;
    const struct dirent *entry;
    JSValue array;
    uint32_t count = 0;

    (void)this_val;
    if (path == NULL)
        return JS_EXCEPTION;
    dir = opendir(path);
    if (dir == NULL) {
        array = js_throw_errno(ctx, errno, "scandir", path, NULL);
        JS_FreeCString(ctx, path);
        return array;
    }
    array = JS_NewArray(ctx);
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        char name[1 + 256];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof(name), "%s%s", entry_kind(entry), entry->d_name);
        JS_SetPropertyUint32(ctx, array, count++, JS_NewString(ctx, name));
    }
    if (errno != 0) {
        JS_FreeValue(ctx, array);
        array = js_throw_errno(ctx, errno, "scandir", path, NULL);
    }
    closedir(dir);
    JS_FreeCString(ctx, path);
    return array;
}

NATIVE(native_readlink)
{
    char target[4096];
    const char *path = get_path(ctx, argc, argv, 0);
    ssize_t len;
    JSValue value;

    (void)this_val;
    if (path == NULL)
        return JS_EXCEPTION;
    len = readlink(path, target, sizeof(target));
    value = len < 0 ? js_throw_errno(ctx, errno, "readlink", path, NULL)
                    : JS_NewStringLen(ctx, target, (size_t)len);
    JS_FreeCString(ctx, path);
    return value;
}

/* ---- changes --------------------------------------------------------- */

static int make_dir(const char *path)
{
    return mkdir(path, 0777);
}

static int change_dir(const char *path)
{
    return chdir(path);
}

typedef struct path_call {
    const char *name; /* as errors call it */
    int (*one)(const char *path);
    int (*two)(const char *path, const char *dest);
} path_call;

static const path_call path_calls[] = {
    { "mkdir", make_dir, NULL },  { "rmdir", rmdir, NULL },
    { "unlink", unlink, NULL },   { "chdir", change_dir, NULL },
    { "rename", NULL, rename },   { "link", NULL, link },
    { "symlink", NULL, symlink },
};

static JSValue call_path(JSContext *ctx, JSValueConst this_val, int argc,
                         JSValueConst *argv, int magic)
{
    const path_call *call = &path_calls[magic];
    const char *path = get_path(ctx, argc, argv, 0);
    const char *dest = NULL;
    JSValue value = JS_UNDEFINED;
    int status;

    (void)this_val;
    if (path == NULL)
        return JS_EXCEPTION;
    if (call->two != NULL) {
        dest = get_path(ctx, argc, argv, 1);
        if (dest == NULL) {
            JS_FreeCString(ctx, path);
            return JS_EXCEPTION;
        }
    }
    status = call->two != NULL ? call->two(path, dest) : call->one(path);
    if (status < 0)
        value = js_throw_errno(ctx, errno, call->name, path, dest);
    JS_FreeCString(ctx, path);
    JS_FreeCString(ctx, dest);
    return value;
}

NATIVE(native_cwd)
{
    char path[4096];

    (void)this_val;
    (void)argc;
    (void)argv;
    return JS_NewString(ctx, getcwd(path, sizeof(path)) == NULL ? "/" : path);
}

static struct timespec from_seconds(double seconds)
{
    double whole = floor(seconds);

    return (struct timespec){ .tv_sec = (time_t)whole,
                              .tv_nsec = (long)((seconds - whole) * 1e9) };
}

/* fileTimes(path, access, modification): seconds */
NATIVE(native_times)
{
    const char *path = get_path(ctx, argc, argv, 0);
    double seconds[2];
    struct timespec times[2];
    JSValue value = JS_UNDEFINED;

    (void)this_val;
    if (path == NULL || argc < 3 ||
        JS_ToFloat64(ctx, &seconds[0], argv[1]) < 0 ||
        JS_ToFloat64(ctx, &seconds[1], argv[2]) < 0) {
        JS_FreeCString(ctx, path);
        return JS_EXCEPTION;
    }
    for (int i = 0; i < 2; i++) {
        if (!(fabs(seconds[i]) < 9e9)) { /* NaN as well */
            JS_FreeCString(ctx, path);
            return JS_ThrowRangeError(ctx, "utimes: expected seconds");
        }
        times[i] = from_seconds(seconds[i]);
    }
    if (utimensat(AT_FDCWD, path, times, 0) < 0)
        value = js_throw_errno(ctx, errno, "utime", path, NULL);
    JS_FreeCString(ctx, path);
    return value;
}

static const JSCFunctionListEntry natives[] = {
    JS_CFUNC_DEF("fileOpen", 2, native_open),
    JS_CFUNC_DEF("fileClose", 1, native_close),
    JS_CFUNC_DEF("fileReadAt", 3, native_read),
    JS_CFUNC_DEF("fileWriteAt", 3, native_write),
    JS_CFUNC_DEF("fileRead", 1, native_read_all),
    JS_CFUNC_DEF("fileTruncate", 2, native_truncate),
    JS_CFUNC_DEF("fileSync", 1, native_sync),
    JS_CFUNC_DEF("fileStat", 2, native_stat),
    JS_CFUNC_DEF("fileList", 1, native_list),
    JS_CFUNC_DEF("fileReadlink", 1, native_readlink),
    JS_CFUNC_DEF("fileTimes", 3, native_times),
    JS_CFUNC_DEF("cwd", 0, native_cwd),
    JS_CFUNC_MAGIC_DEF("fileMkdir", 1, call_path, 0),
    JS_CFUNC_MAGIC_DEF("fileRmdir", 1, call_path, 1),
    JS_CFUNC_MAGIC_DEF("fileUnlink", 1, call_path, 2),
    JS_CFUNC_MAGIC_DEF("fileChdir", 1, call_path, 3),
    JS_CFUNC_MAGIC_DEF("fileRename", 2, call_path, 4),
    JS_CFUNC_MAGIC_DEF("fileLink", 2, call_path, 5),
    JS_CFUNC_MAGIC_DEF("fileSymlink", 2, call_path, 6),
    JS_PROP_INT32_DEF("O_RDONLY", O_RDONLY, JS_PROP_C_W_E),
    JS_PROP_INT32_DEF("O_WRONLY", O_WRONLY, JS_PROP_C_W_E),
    JS_PROP_INT32_DEF("O_RDWR", O_RDWR, JS_PROP_C_W_E),
    JS_PROP_INT32_DEF("O_CREAT", O_CREAT, JS_PROP_C_W_E),
    JS_PROP_INT32_DEF("O_EXCL", O_EXCL, JS_PROP_C_W_E),
    JS_PROP_INT32_DEF("O_TRUNC", O_TRUNC, JS_PROP_C_W_E),
    JS_PROP_INT32_DEF("O_APPEND", O_APPEND, JS_PROP_C_W_E),
};

void js_file_add(JSContext *ctx, JSValueConst native)
{
    JS_SetPropertyFunctionList(ctx, native, natives,
                               sizeof(natives) / sizeof(natives[0]));
}
