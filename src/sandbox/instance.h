/* One instance: a store, its memory and the host state of one run. Belongs to
 * one thread. */
#ifndef BX_SANDBOX_INSTANCE_H
#define BX_SANDBOX_INSTANCE_H

#include "base/buf.h"
#include "base/guest.h"
#include "base/run.h"
#include "net/http_host.h"
#include "net/http_client.h"
#include "sandbox/call_host.h"
#include "sandbox/component_api.h"
#include "sandbox/hooks.h"
#include "sandbox/linker.h"
#include "sandbox/sandbox.h"
#include "sandbox/watchdog.h"
#include "wasi/wasi.h"

typedef struct bx_record bx_record; /* sandbox/record.h */

typedef struct bx_instance {
    const bx_sandbox *sandbox; /* borrowed */
    bx_run run;
    bx_limiter limiter;
    bx_stream streams[3];
    bx_buf captured[3]; /* [1] stdout, [2] stderr */
    bx_wasi *wasi;
    bx_http_host *http;
    bx_call_host *calls;
    void *hosts[BX_HOST_KINDS];      /* the three above, by kind */
    const bx_invocation *invocation; /* of a component's function; NULL: its
                                      * command is run */
    bx_component_store *component;   /* of a component; then store is NULL */
    bx_socket_host *sockets; /* the component's; NULL before the first */
    bx_http_client *client;  /* likewise */
    uint64_t exchanges;      /* open */
    bx_record *record;       /* the run is recorded, or played; NULL: neither */
    bool is_played;
    wasmtime_store_t *store;
    wasmtime_context_t *context;
    wasmtime_instance_t instance;
    wasmtime_memory_t memory;
    bool has_memory;
    int32_t host_answer; /* BX_HOST_EXIT or BX_HOST_STOP ended the run */
    uint64_t fuel_units; /* it began with; 0: not metered */
    bool has_no_memory;  /* a host call found none: ends as a trap */
    bx_watch watch;
    bool is_watched;
    int64_t begin_ns;
    int64_t begin_held_ns; /* the run's held_ns then */
} bx_instance;

/* Make the store and the host state; instance is zeroed by this, borrowed.
 * options: complete; extra: its budget is settled by bx_instance_run(). */
int bx_instance_open(bx_instance *instance, const bx_sandbox *sandbox,
                     size_t argc, const char *const *argv,
                     const bx_run_options *options, const bx_run_extra *extra,
                     bx_error **err);

/* Instantiate and run _start. Fills ret_result however the guest ended; -1
 * when it was not started for a reason of the host's. budget: the one it was
 * opened with, charged with what the run used; NULL: none. */
int bx_instance_run(bx_instance *instance, bx_budget *budget, bx_result *result,
                    bx_error **err);

/* A session: another call into the same instance, and the time between two.
 * options and invocation are borrowed until bx_instance_rest(). */
int bx_instance_renew(bx_instance *instance, const bx_run_options *options,
                      const bx_invocation *invocation, bx_error **err);
void bx_instance_rest(bx_instance *instance);

/* Free what it holds; fine after a failed open. In two steps: what others could
 * see of it, and then a core module's memory. */
void bx_instance_close(bx_instance *instance);
void bx_instance_end(bx_instance *instance);
void bx_instance_drop(bx_instance *instance);

/* What is left to a metered one. */
uint64_t bx_instance_fuel(const bx_instance *instance);
int bx_instance_set_fuel(bx_instance *instance, uint64_t units, bx_error **err);

/* The guest's memory now; false when it exports none. */
bool bx_instance_memory(bx_instance *instance, wasmtime_caller_t *caller,
                        bx_guest *ret_guest);

#endif
