/* Host functions http_* of the module "boxagnts": a guest's way out. See
 * docs/host-interface.md for the contract. One per run. */
#ifndef BX_NET_HTTP_HOST_H
#define BX_NET_HTTP_HOST_H

#include "base/guest.h"
#include "base/run.h"
#include "policy/policy.h"

typedef struct bx_http_host bx_http_host;

/* policy and run are borrowed and outlive it. Costs nothing until the guest
 * opens its first request: libcurl is loaded then. */
bx_http_host *bx_http_host_new(const bx_policy *policy, bx_run *run,
                               bx_error **err);
/* NULL is fine. Ends requests under way. */
void bx_http_host_free(bx_http_host *host);

/* The table; each call's void *host is a bx_http_host. */
extern const bx_host_call bx_http_calls[];
extern const size_t bx_http_calls_count;

#endif
