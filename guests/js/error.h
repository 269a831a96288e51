/* Failures of WASI and of the host as JavaScript errors. */
#ifndef BOXAGNTS_JS_ERROR_H
#define BOXAGNTS_JS_ERROR_H

#include "quickjs.h"

/* "ENOENT"; "EIO" for one without a name here. */
const char *js_errno_name(int errnum);

/* Throw as Node's fs does: "ENOENT: no such file or directory, open 'a'", with
 * code, errno, syscall, path and dest. path and dest may be NULL. */
JSValue js_throw_errno(JSContext *ctx, int errnum, const char *syscall,
                       const char *path, const char *dest);

/* Throw type ("TypeError", ...) with message and the errno's name as code. */
JSValue js_throw_code(JSContext *ctx, bool is_type_error, int errnum,
                      const char *message);

#endif
