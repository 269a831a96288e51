/* What a guest is answered: WASI preview1 errno numbers. */
#ifndef BX_NET_HTTP_ERRNO_H
#define BX_NET_HTTP_ERRNO_H

#include "base/error.h"

typedef enum bx_http_errno {
    BX_HTTP_SUCCESS = 0,
    BX_HTTP_EACCES = 2,
    BX_HTTP_EBADF = 8,
    BX_HTTP_ECONNREFUSED = 14,
    BX_HTTP_ECONNRESET = 15,
    BX_HTTP_EFAULT = 21,
    BX_HTTP_EFBIG = 22,
    BX_HTTP_EHOSTUNREACH = 23,
    BX_HTTP_EINVAL = 28,
    BX_HTTP_EIO = 29,
    BX_HTTP_EMFILE = 33,
    BX_HTTP_ENOMEM = 48,
    BX_HTTP_ENOTSUP = 58,
    BX_HTTP_EPROTO = 65,
    BX_HTTP_ERANGE = 68,
    BX_HTTP_ETIMEDOUT = 73,
} bx_http_errno;

/* The answer for an error of the client. */
bx_http_errno bx_http_errno_of(const bx_error *error);

#endif
