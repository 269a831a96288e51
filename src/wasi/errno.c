/* The host's errno in WASI's numbers. What preview1 has no word for is an
 * input/output error. */
#include "wasi/types.h"

#include <errno.h>
#include <stddef.h>

static const uint8_t numbers[] = {
    [E2BIG] = BX_WASI_E2BIG,
    [EACCES] = BX_WASI_EACCES,
    [EAGAIN] = BX_WASI_EAGAIN,
    [EBADF] = BX_WASI_EBADF,
    [EBUSY] = BX_WASI_EBUSY,
    [EDQUOT] = BX_WASI_EDQUOT,
    [EEXIST] = BX_WASI_EEXIST,
    [EFAULT] = BX_WASI_EFAULT,
    [EFBIG] = BX_WASI_EFBIG,
    [EILSEQ] = BX_WASI_EILSEQ,
    [EINTR] = BX_WASI_EINTR,
    [EINVAL] = BX_WASI_EINVAL,
    [EIO] = BX_WASI_EIO,
    [EISDIR] = BX_WASI_EISDIR,
    [ELOOP] = BX_WASI_ELOOP,
    [EMFILE] = BX_WASI_EMFILE,
    [EMLINK] = BX_WASI_EMLINK,
    [ENAMETOOLONG] = BX_WASI_ENAMETOOLONG,
    [ENFILE] = BX_WASI_ENFILE,
    [ENOBUFS] = BX_WASI_ENOBUFS,
    [ENODEV] = BX_WASI_ENODEV,
    [ENOENT] = BX_WASI_ENOENT,
    [ENOLCK] = BX_WASI_ENOLCK,
    [ENOMEM] = BX_WASI_ENOMEM,
    [ENOSPC] = BX_WASI_ENOSPC,
    [ENOSYS] = BX_WASI_ENOSYS,
    [ENOTDIR] = BX_WASI_ENOTDIR,
    [ENOTEMPTY] = BX_WASI_ENOTEMPTY,
    [ENOTSOCK] = BX_WASI_ENOTSOCK,
    [EOPNOTSUPP] = BX_WASI_ENOTSUP,
    [ENOTTY] = BX_WASI_ENOTTY,
    [ENXIO] = BX_WASI_ENXIO,
    [EOVERFLOW] = BX_WASI_EOVERFLOW,
    [EPERM] = BX_WASI_EPERM,
    [EPIPE] = BX_WASI_EPIPE,
    [ERANGE] = BX_WASI_ERANGE,
    [EROFS] = BX_WASI_EROFS,
    [ESPIPE] = BX_WASI_ESPIPE,
    [ESTALE] = BX_WASI_ESTALE,
    [ETIMEDOUT] = BX_WASI_ETIMEDOUT,
    [ETXTBSY] = BX_WASI_ETXTBSY,
    [EXDEV] = BX_WASI_EXDEV,
};

int32_t bx_wasi_errno(int host_errno)
{
    if (host_errno <= 0 ||
        (size_t)host_errno >= sizeof(numbers) / sizeof(numbers[0]) ||
        numbers[host_errno] == 0)
        return BX_WASI_EIO;
    return numbers[host_errno];
}
