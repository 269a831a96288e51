/* The meeting point of guest and host: the guest's memory, and the shape of
 * every function a guest may call. Each value here comes from the guest and is
 * hostile: an address is used only through bx_guest_range(). */
#ifndef BX_BASE_GUEST_H
#define BX_BASE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The guest's linear memory; valid until the guest runs again. */
typedef struct bx_guest {
    uint8_t *data;
    uint64_t size; /* bytes */
} bx_guest;

/* Raw WebAssembly value; the engine's layout (sandbox asserts it). */
typedef union bx_raw {
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
    uint8_t v128[16];
} bx_raw;

/* What a host function answers: a value of 0 or more is the i32 result (a WASI
 * errno); these two end the run. */
#define BX_HOST_EXIT (-1) /* proc_exit: the module asked to end */
#define BX_HOST_STOP (-2) /* the deadline passed or the run was cancelled */

typedef int32_t bx_host_fn(void *host, const bx_guest *guest,
                           const bx_raw *args);

typedef struct bx_host_call {
    const char *name;
    const char *params; /* one letter each: 'i' for i32, 'I' for i64 */
    bool has_result;    /* i32 */
    bx_host_fn *call;
} bx_host_call;

/* Host address of [ptr, ptr + bytes), or NULL when any of it lies outside. A
 * range of no bytes must still begin inside or at the end. */
static inline void *bx_guest_range(const bx_guest *guest, uint32_t ptr,
                                   uint64_t bytes)
{
    if (bytes > guest->size || ptr > guest->size - bytes)
        return NULL;
    return guest->data + ptr;
}

/* Little-endian loads and stores at any alignment. */
static inline uint32_t bx_load32(const void *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint64_t bx_load64(const void *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static inline void bx_store16(void *at, uint16_t value)
{
    memcpy(at, &value, sizeof(value));
}

static inline void bx_store32(void *at, uint32_t value)
{
    memcpy(at, &value, sizeof(value));
}

static inline void bx_store64(void *at, uint64_t value)
{
    memcpy(at, &value, sizeof(value));
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "guest memory is little-endian; this host is not"
#endif

#endif
