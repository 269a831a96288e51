/* wasi:http requests of a component, on the HTTP client. For component_host.c
 * alone; the functions are those of bx_component_api. */
#ifndef BX_SANDBOX_COMPONENT_HTTP_H
#define BX_SANDBOX_COMPONENT_HTTP_H

#include "sandbox/component_api.h"

void *bx_component_http_open(void *context, bx_text method, bx_text url,
                             const bx_text (*fields)[2], size_t fields_count,
                             uint64_t timeout_ms,
                             bx_component_failure *failure);
bool bx_component_http_check_field(bx_text name, bx_text value);
int32_t bx_component_http_write(void *context, void *exchange,
                                const uint8_t *data, size_t bytes,
                                bx_component_failure *failure);
bool bx_component_http_is_ready(void *context, void *exchange, bool wants_body);
int32_t bx_component_http_wait(void *context, struct pollfd *fds, size_t count,
                               int64_t timeout_ns);
int32_t bx_component_http_head(void *context, void *exchange,
                               uint16_t *ret_status, size_t *ret_fields,
                               bx_component_failure *failure);
void bx_component_http_field(void *context, void *exchange, size_t index,
                             bx_text *ret_name, bx_text *ret_value);
int64_t bx_component_http_read(void *context, void *exchange, uint8_t *buf,
                               size_t bytes, bx_component_failure *failure);
void bx_component_http_free(void *context, void *exchange);

/* CLOCK_MONOTONIC of timeout_ns from now; below 0: never. */
int64_t bx_component_until(int64_t timeout_ns);
void bx_component_fail(bx_component_failure *failure, const bx_error *error);

#endif
