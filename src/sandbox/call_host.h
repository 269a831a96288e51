/* Host functions spawn, tool_call, tool_list and call_* of the module
 * "boxagnts": a guest's way to other programs and tools of its box. See
 * docs/host-interface.md for the contract. One per run.
 *
 * A nested run shares what is left of this one: time, fuel, memory, quotas.
 * What it may use is worked out here, before and after each call; what it may
 * touch is the business of the services. */
#ifndef BX_SANDBOX_CALL_HOST_H
#define BX_SANDBOX_CALL_HOST_H

#include "base/guest.h"
#include "base/service.h"
#include "policy/policy.h"

#define BX_CALL_REQUEST_MAX_BYTES 65536
#define BX_CALL_INPUT_MAX_BYTES (64u << 20)
#define BX_CALL_HANDLES 64 /* results held at once */
#define BX_CALL_WORDS 4096 /* of argv, and of env */

typedef struct bx_call_host bx_call_host;

typedef struct bx_call_config {
    const bx_policy *policy; /* borrowed */
    bx_run *run;             /* borrowed */
    bx_cancel *cancel;       /* borrowed, or NULL */
    const bx_services *services;
    /* Fill in memory_bytes and fuel_units of what may be used now, and take
     * back what is left of the fuel. */
    void (*lend)(void *context, bx_budget *ret_budget);
    void (*settle)(void *context, const bx_budget *left);
    void *context;
} bx_call_config;

bx_call_host *bx_call_host_new(const bx_call_config *config, bx_error **err);
/* A session's next call may be cancelled by another; NULL: by none. */
void bx_call_host_set_cancel(bx_call_host *host, bx_cancel *cancel);
/* NULL is fine. */
void bx_call_host_free(bx_call_host *host);

/* The three calls without handles, for components. The request and its strings
 * are the guest's. ret_result: zeroed by the caller, who clears it.
 * errors: as bx_services, BX_ERR_LIMIT: depth or number of calls */
int bx_call_host_spawn(bx_call_host *host, const bx_spawn_request *request,
                       bx_service_result *ret_result, bx_error **err);
int bx_call_host_tool(bx_call_host *host, const char *name, const char *input,
                      size_t input_bytes, bx_service_result *ret_result,
                      bx_error **err);
int bx_call_host_list(bx_call_host *host, bx_service_result *ret_result,
                      bx_error **err);

/* The table; each call's void *host is a bx_call_host. */
extern const bx_host_call bx_call_calls[];
extern const size_t bx_call_calls_count;

#endif
