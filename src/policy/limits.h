/* Limits of a run. All are on unless a comment says otherwise. */
#ifndef BX_POLICY_LIMITS_H
#define BX_POLICY_LIMITS_H

#include <stdint.h>

typedef struct bx_limits {
    uint64_t timeout_ms;        /* wasm-timeout, 30 s */
    uint64_t memory_bytes;      /* wasm-max-memory-size, 256 MiB: all linear
                                 * memories and GC heaps of a run together */
    uint64_t stack_bytes;       /* wasm-max-wasm-stack, 4 MiB */
    uint64_t fuel_units;        /* wasm-fuel, 0: not metered */
    uint64_t table_elements;    /* max-table-elements, 1 Mi, all tables */
    uint64_t output_bytes;      /* max-output, 16 MiB captured, each stream */
    uint64_t fs_write_bytes;    /* max-write, 1 GiB for all files of a run */
    uint64_t fs_create_entries; /* max-create, 100000 files, folders, links */
    uint64_t open_files;        /* max-open-files, 256 */
    uint64_t http_requests;     /* max-requests, 1000 in a run */
    uint64_t http_open;         /* max-open-requests, 16 at once */
    uint64_t http_body_bytes;   /* max-response, 64 MiB, each response; a
                                 * request body has the same cap */
    uint64_t call_count;        /* max-calls, 1000 nested runs of a run */
    uint64_t call_depth;        /* max-call-depth, 4 within one another */
} bx_limits;

#define BX_LIMITS_COUNT (sizeof(bx_limits) / sizeof(uint64_t))

#define BX_LIMITS_DEFAULT                                                      \
    ((bx_limits){                                                              \
        .timeout_ms = 30000,                                                   \
        .memory_bytes = 256u << 20,                                            \
        .stack_bytes = 4u << 20,                                               \
        .fuel_units = 0,                                                       \
        .table_elements = 1u << 20,                                            \
        .output_bytes = 16u << 20,                                             \
        .fs_write_bytes = 1u << 30,                                            \
        .fs_create_entries = 100000,                                           \
        .open_files = 256,                                                     \
        .http_requests = 1000,                                                 \
        .http_open = 16,                                                       \
        .http_body_bytes = 64u << 20,                                          \
        .call_count = 1000,                                                    \
        .call_depth = 4,                                                       \
    })

#endif
