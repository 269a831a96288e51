/* What a running guest may ask of the program around it besides files and the
 * network: to run another program of its box, or to call a tool. The sandbox
 * knows only this table; src/tool fills it. */
#ifndef BX_BASE_SERVICE_H
#define BX_BASE_SERVICE_H

#include "base/buf.h"
#include "base/run.h"

/* The call a nested run belongs to. All borrowed. */
typedef struct bx_caller {
    const struct bx_policy *policy; /* the caller's own: the most a callee
                                     * gets */
    bx_budget *budget;              /* in and out */
    bx_cancel *cancel;
    bx_audit_fn audit;
    void *audit_context;
    bx_need_fn need; /* a callee's capabilities are the caller's */
    void *need_context;
    bx_hold_fn hold; /* and so are its requests */
    void *hold_context;
} bx_caller;

typedef struct bx_spawn_request {
    size_t argc; /* at least 1 */
    const char *const *argv;
    size_t env_count;
    const char *const *env; /* "NAME=VALUE"; PWD is the working folder */
    const void *input;
    size_t input_bytes;
    uint64_t timeout_ms; /* of its own, within the caller's; 0: none. What
                          * serves it finds it in the budget's deadline */
} bx_spawn_request;

/* How a nested run ended; the callee's output is data of the caller. */
typedef struct bx_service_result {
    bx_buf head;      /* JSON, see docs/host-interface.md */
    bx_buf output[2]; /* stdout and stderr; of a tool [0] is its result */
} bx_service_result;

/* Each returns 0 with ret_result filled (by the caller zeroed, by the caller
 * cleared), or -1 with err: BX_ERR_NOT_FOUND no such program or tool,
 * BX_ERR_DENIED the policy refuses (the audit was told), BX_ERR_INVALID the
 * request is malformed, BX_ERR_LIMIT depth or number, BX_ERR_CANCELLED and
 * BX_ERR_TIMEOUT the caller is over. */
typedef struct bx_services {
    void *context;
    int (*spawn)(void *context, const bx_caller *caller,
                 const bx_spawn_request *request, bx_service_result *ret_result,
                 bx_error **err);
    int (*tool_call)(void *context, const bx_caller *caller, const char *name,
                     const char *input, size_t input_bytes,
                     bx_service_result *ret_result, bx_error **err);
    int (*tool_list)(void *context, const bx_caller *caller,
                     bx_service_result *ret_result, bx_error **err);
} bx_services;

void bx_service_result_clear(bx_service_result *result);

#endif
