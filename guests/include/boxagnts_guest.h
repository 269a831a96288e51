/* What a guest can import from BoxAgnts besides WASI, for C compiled to
 * wasm32-wasi. The contract is docs/host-interface.md: every function answers
 * a WASI errno (0 is success) and writes its results only on success. */
#ifndef BOXAGNTS_GUEST_H
#define BOXAGNTS_GUEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOXAGNTS_IMPORT(name)                                                  \
    __attribute__((import_module("boxagnts"), import_name(#name)))

/* WASI errno values that carry meaning here (preview1, errno). */
enum {
    BOXAGNTS_EACCES = 2,        /* the policy refuses */
    BOXAGNTS_EBADF = 8,         /* no such handle */
    BOXAGNTS_ECONNREFUSED = 14, /* the network says so */
    BOXAGNTS_ECONNRESET = 15,
    BOXAGNTS_EFAULT = 21, /* a range outside memory */
    BOXAGNTS_EFBIG = 22,  /* a body past its limit */
    BOXAGNTS_EHOSTUNREACH = 23,
    BOXAGNTS_EINVAL = 28,   /* a malformed request */
    BOXAGNTS_EDQUOT = 19,   /* nested calls: too deep or too many */
    BOXAGNTS_EMFILE = 33,   /* too many requests */
    BOXAGNTS_ENOENT = 44,   /* no such program or tool */
    BOXAGNTS_EPROTO = 65,   /* the server broke HTTP or TLS */
    BOXAGNTS_ERANGE = 68,   /* buf is too small; *ret_len says how small */
    BOXAGNTS_ETIMEDOUT = 73 /* timeout_ms of the request passed */
};

/* Put a file with these bytes in the place of the one at path, or of nothing,
 * in one step; it takes the mode of the one that it replaces. Only that path
 * has to be granted, and a program that is ended midway leaves nothing behind.
 * A link at the end of the path is not followed, but replaced. dir: a preopened
 * folder; wasi-libc's __wasilibc_find_relpath() splits an absolute path. */
BOXAGNTS_IMPORT(path_replace)
int32_t boxagnts_path_replace(int dir, const char *path, size_t path_len,
                              const void *data, size_t data_len);

/* request: JSON, at most 64 KiB; ret_handle: a small positive integer. */
BOXAGNTS_IMPORT(http_open)
int32_t boxagnts_http_open(const char *request, size_t request_len,
                           uint32_t *ret_handle);

/* Append to the request's body. */
BOXAGNTS_IMPORT(http_write)
int32_t boxagnts_http_write(uint32_t handle, const void *data, size_t data_len);

/* Send, wait, and copy the response's head as JSON. ERANGE: *ret_len is the
 * length needed. */
BOXAGNTS_IMPORT(http_head)
int32_t boxagnts_http_head(uint32_t handle, char *buf, size_t buf_len,
                           size_t *ret_len);

/* Some of the response's body; *ret_len 0 is its end. */
BOXAGNTS_IMPORT(http_read)
int32_t boxagnts_http_read(uint32_t handle, void *buf, size_t buf_len,
                           size_t *ret_len);

/* Why the last call on the handle failed, as text without a NUL; handle 0 is
 * the last http_open. ERANGE as above. */
BOXAGNTS_IMPORT(http_error)
int32_t boxagnts_http_error(uint32_t handle, char *buf, size_t buf_len,
                            size_t *ret_len);

BOXAGNTS_IMPORT(http_close)
int32_t boxagnts_http_close(uint32_t handle);

/* Run another program of the box and wait for it. request: JSON, at most 64
 * KiB: {"argv": ["python3", "x.py"], "env": [["LANG", "C"]], "cwd": "/src",
 * "timeout_ms": 1000}, all but argv optional. It gets what this guest has, or
 * less, and shares its time, fuel, memory and output. */
BOXAGNTS_IMPORT(spawn)
int32_t boxagnts_spawn(const char *request, size_t request_len,
                       const void *input, size_t input_len,
                       uint32_t *ret_handle);

/* Call a tool by name with its input as JSON, at most 64 MiB. */
BOXAGNTS_IMPORT(tool_call)
int32_t boxagnts_tool_call(const char *name, size_t name_len, const char *input,
                           size_t input_len, uint32_t *ret_handle);

/* The tools this guest may call; the result is a JSON array of
 * {"name", "description", "input_schema"}. */
BOXAGNTS_IMPORT(tool_list)
int32_t boxagnts_tool_list(uint32_t *ret_handle);

/* The head of a finished call, as JSON: of a program {"exit_code": 0,
 * "status": "ok", "message": ""} (status as bx_code_name(): "timeout",
 * "trap", ...), of a tool {"is_error": false}. ERANGE as above. */
BOXAGNTS_IMPORT(call_head)
int32_t boxagnts_call_head(uint32_t handle, char *buf, size_t buf_len,
                           size_t *ret_len);

/* Some of what a call returned; *ret_len 0 is its end. stream 1 is a program's
 * stdout or a tool's result {"content": ..., "is_error": ..., "metadata":
 * ...}; 2 is a program's stderr. */
BOXAGNTS_IMPORT(call_read)
int32_t boxagnts_call_read(uint32_t handle, uint32_t stream, void *buf,
                           size_t buf_len, size_t *ret_len);

/* Why the last spawn, tool_call or tool_list failed, as text. */
BOXAGNTS_IMPORT(call_error)
int32_t boxagnts_call_error(char *buf, size_t buf_len, size_t *ret_len);

BOXAGNTS_IMPORT(call_close)
int32_t boxagnts_call_close(uint32_t handle);

#ifdef __cplusplus
}
#endif

#endif
