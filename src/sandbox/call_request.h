/* A spawn request as the JSON of docs/host-interface.md. */
#ifndef BX_SANDBOX_CALL_REQUEST_H
#define BX_SANDBOX_CALL_REQUEST_H

#include "base/service.h"

/* text is a guest's; keys that are unknown or given twice are refused by name.
 * ret_request: without input; bx_call_request_clear() frees what it points to.
 * errors: BX_ERR_INVALID */
int bx_call_request_parse(const char *text, size_t bytes,
                          bx_spawn_request *ret_request, bx_error **err);
void bx_call_request_clear(bx_spawn_request *request);

/* From parts, for callers without JSON: env holds "NAME=VALUE"; cwd is a guest
 * path or NULL. All copied; checked alike. */
int bx_call_request_make(size_t argc, const char *const *argv, size_t env_count,
                         const char *const *env, const char *cwd,
                         bx_spawn_request *ret_request, bx_error **err);

#endif
