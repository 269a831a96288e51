/* Errors: one code to branch on, one chain of messages for people. */
#ifndef BX_BASE_ERROR_H
#define BX_BASE_ERROR_H

#include "boxagnts.h"

#include "base/scope.h"

#define BX_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Set *err, which must be empty, and return -1. err may be NULL. */
int bx_error_set(bx_error **err, bx_code code, const char *format, ...)
    BX_PRINTF(3, 4);

/* The same for a failed system call: BX_ERR_SYSTEM, or BX_ERR_NOT_FOUND for
 * ENOENT; the errno's own words are added behind ": ". */
int bx_error_set_errno(bx_error **err, int errnum, const char *format, ...)
    BX_PRINTF(3, 4);

/* Put "context: " before the message. Returns -1. */
int bx_error_wrap(bx_error **err, const char *format, ...) BX_PRINTF(2, 3);

/* Out of memory in the host. Returns -1. */
int bx_error_set_nomem(bx_error **err);

/* An error of another process, word for word. Returns -1. */
int bx_error_restore(bx_error **err, bx_code code, int errnum,
                     const char *message);

BX_DEFINE_AUTO(bx_error, bx_error_free)
#define bx_autoerror BX_AUTO(bx_error_free)

#endif
