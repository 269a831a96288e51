#include "net/http_errno.h"

#include <errno.h>

static const struct {
    int host;
    bx_http_errno guest;
} by_errno[] = {
    { ECONNREFUSED, BX_HTTP_ECONNREFUSED },
    { ECONNRESET, BX_HTTP_ECONNRESET },
    { EHOSTUNREACH, BX_HTTP_EHOSTUNREACH },
    { EPROTO, BX_HTTP_EPROTO },
    { ENOMEM, BX_HTTP_ENOMEM },
};

static const struct {
    bx_code code;
    bx_http_errno guest;
} by_code[] = {
    { BX_ERR_INVALID, BX_HTTP_EINVAL },
    { BX_ERR_DENIED, BX_HTTP_EACCES },
    { BX_ERR_NOT_FOUND, BX_HTTP_ENOTSUP }, /* libcurl itself */
    { BX_ERR_LIMIT, BX_HTTP_EFBIG },
    { BX_ERR_TIMEOUT, BX_HTTP_ETIMEDOUT },
};

bx_http_errno bx_http_errno_of(const bx_error *error)
{
    for (size_t i = 0; i < sizeof(by_code) / sizeof(by_code[0]); i++) {
        if (by_code[i].code == bx_error_code(error))
            return by_code[i].guest;
    }
    for (size_t i = 0; i < sizeof(by_errno) / sizeof(by_errno[0]); i++) {
        if (by_errno[i].host == bx_error_errno(error))
            return by_errno[i].guest;
    }
    return BX_HTTP_EIO;
}
