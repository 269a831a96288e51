/* What engine/ and this folder call of each other for components: the other
 * half of hooks.h. Keep the structures as in engine/src/host.rs and
 * component.rs. */
#ifndef BX_SANDBOX_COMPONENT_API_H
#define BX_SANDBOX_COMPONENT_API_H

#include "base/guest.h"
#include "net/socket_host.h"
#include "sandbox/hooks.h"

/* Bytes that stay the giver's. */
typedef struct bx_text {
    const char *data;
    size_t bytes;
} bx_text;

typedef struct bx_component_failure {
    int32_t code; /* bx_code */
    int32_t errnum;
    char message[256];
} bx_component_failure;

/* malloc()ed; the taker frees data. */
typedef struct bx_block {
    void *data;
    size_t bytes;
} bx_block;

typedef enum bx_component_service {
    BX_SERVICE_SPAWN,
    BX_SERVICE_TOOL_CALL,
    BX_SERVICE_TOOL_LIST
} bx_component_service;

/* A socket's answer when the run is over: BX_HOST_STOP is an errno. */
#define BX_COMPONENT_STOPPED INT32_MIN

/* Everything a component's host functions reach. context is the bx_instance. */
typedef struct bx_component_api {
    const bx_host_call *calls;
    const size_t *calls_count;
    int32_t (*enter)(void *context);
    bool (*is_over)(void *context);
    int32_t (*stream_fd)(void *context, uint32_t fd, bool is_read);
    int32_t (*wait)(void *context, struct pollfd *fds, size_t count,
                    int64_t timeout_ns);
    bool (*is_deterministic)(void *context);
    void (*free)(void *data);

    int32_t (*socket_open)(void *context, bool is_udp, bool is_ipv6);
    void (*socket_close)(void *context, int32_t handle);
    int32_t (*socket_connect)(void *context, int32_t handle,
                              const bx_endpoint *to);
    int32_t (*socket_finish)(void *context, int32_t handle);
    int32_t (*socket_bind)(void *context, int32_t handle,
                           const bx_endpoint *local);
    int32_t (*socket_listen)(void *context, int32_t handle);
    int32_t (*socket_fd)(void *context, int32_t handle);
    int64_t (*socket_receive)(void *context, int32_t handle, uint8_t *buf,
                              size_t bytes);
    int64_t (*socket_send)(void *context, int32_t handle, const uint8_t *data,
                           size_t bytes);
    int64_t (*socket_receive_from)(void *context, int32_t handle, uint8_t *buf,
                                   size_t bytes, bx_endpoint *ret_from);
    int64_t (*socket_send_to)(void *context, int32_t handle,
                              const uint8_t *data, size_t bytes,
                              const bx_endpoint *to);
    int32_t (*socket_shutdown)(void *context, int32_t handle, int32_t how);
    int32_t (*socket_name)(void *context, int32_t handle, bool is_remote,
                           bx_endpoint *ret_name);
    int32_t (*socket_get)(void *context, int32_t handle, int32_t option,
                          uint64_t *ret_value);
    int32_t (*socket_set)(void *context, int32_t handle, int32_t option,
                          uint64_t value);
    int32_t (*socket_resolve)(void *context, bx_text name,
                              bx_endpoint *ret_addresses, size_t max);

    void *(*http_open)(void *context, bx_text method, bx_text url,
                       const bx_text (*fields)[2], size_t fields_count,
                       uint64_t timeout_ms, bx_component_failure *failure);
    bool (*http_check_field)(bx_text name, bx_text value);
    int32_t (*http_write)(void *context, void *exchange, const uint8_t *data,
                          size_t bytes, bx_component_failure *failure);
    bool (*http_is_ready)(void *context, void *exchange, bool wants_body);
    int32_t (*http_wait)(void *context, struct pollfd *fds, size_t count,
                         int64_t timeout_ns);
    int32_t (*http_head)(void *context, void *exchange, uint16_t *ret_status,
                         size_t *ret_fields, bx_component_failure *failure);
    void (*http_field)(void *context, void *exchange, size_t index,
                       bx_text *ret_name, bx_text *ret_value);
    int64_t (*http_read)(void *context, void *exchange, uint8_t *buf,
                         size_t bytes, bx_component_failure *failure);
    void (*http_free)(void *context, void *exchange);

    /* SPAWN: stdin, argc as text, arguments, variables; TOOL_CALL: name, input.
     * ret_blocks: head and outputs. BX_HOST_STOP or -1 with failure. */
    int32_t (*service)(void *context, int32_t which, const bx_text *texts,
                       size_t count, bx_block (*ret_blocks)[3],
                       bx_component_failure *failure);
} bx_component_api;

extern const bx_component_api bx_component_host;

typedef struct bx_component_linker bx_component_linker;
typedef struct bx_component_pre bx_component_pre;
typedef struct bx_component_store bx_component_store;

typedef enum bx_component_end {
    BX_COMPONENT_RETURNED,
    BX_COMPONENT_RETURNED_ERR, /* its result was an error */
    BX_COMPONENT_TRAPPED,
    BX_COMPONENT_FAILED,  /* the host could not */
    BX_COMPONENT_INVALID, /* no such function, wrong arguments */
} bx_component_end;

typedef enum bx_trap_kind {
    BX_TRAP_OTHER,
    BX_TRAP_STACK,
    BX_TRAP_FUEL
} bx_trap_kind;

typedef struct bx_component_outcome {
    int32_t answer; /* BX_HOST_EXIT, BX_HOST_STOP or 0: see kind */
    int32_t kind;   /* bx_component_end */
    int32_t trap;   /* bx_trap_kind */
    uint32_t exit_code;
    char *message; /* owned by the caller, bx_component_text_free() */
    char *value;   /* of an invocation, JSON; the same */
    size_t value_bytes;
} bx_component_outcome;

wasmtime_error_t *bx_component_linker_new(const wasm_engine_t *engine,
                                          const bx_component_api *api,
                                          bx_component_linker **ret_linker);
void bx_component_linker_delete(bx_component_linker *linker); /* or NULL */

wasmtime_error_t *bx_component_pre_new(const bx_component_linker *linker,
                                       const wasmtime_component_t *component,
                                       bx_component_pre **ret_pre);
void bx_component_pre_delete(bx_component_pre *pre); /* or NULL */

/* Imports the sandbox does not have, a line each; NULL: none. */
char *bx_component_missing(const wasmtime_component_t *component);
/* JSON. */
char *bx_component_inspect(const wasmtime_component_t *component);
/* NULL is fine. */
void bx_component_text_free(char *text);

/* All borrowed; they outlive the store. */
bx_component_store *bx_component_store_new(const bx_component_pre *pre,
                                           void *context, void *wasi,
                                           bx_limiter *limiter);
void bx_component_store_delete(bx_component_store *store); /* or NULL */
bool bx_component_store_set_fuel(bx_component_store *store, uint64_t units);
uint64_t bx_component_store_fuel(const bx_component_store *store);
void bx_component_store_run(bx_component_store *store,
                            bx_component_outcome *outcome);
void bx_component_store_invoke(bx_component_store *store, bx_text name,
                               bx_text args, bx_component_outcome *outcome);

#endif
