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
    BOXAGNTS_EMFILE = 33,   /* too many requests */
    BOXAGNTS_EPROTO = 65,   /* the server broke HTTP or TLS */
    BOXAGNTS_ERANGE = 68,   /* buf is too small; *ret_len says how small */
    BOXAGNTS_ETIMEDOUT = 73 /* timeout_ms of the request passed */
};

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

#ifdef __cplusplus
}
#endif

#endif
