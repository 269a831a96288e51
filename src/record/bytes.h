/* Numbers in and out of bytes. A cursor never passes its end: what is not
 * there reads as 0 and the cursor is broken from then on. */
#ifndef BX_RECORD_BYTES_H
#define BX_RECORD_BYTES_H

#include <string.h>

#include "base/buf.h"
#include "base/guest.h"

#define BX_VARINT_BYTES 10u

typedef struct bx_cursor {
    const uint8_t *at;
    size_t left;
    bool is_broken;
} bx_cursor;

static inline bx_cursor bx_cursor_of(const void *data, size_t bytes)
{
    return (bx_cursor){ data, bytes, false };
}

/* The next bytes, borrowed; NULL when there are not as many. */
static inline const uint8_t *bx_cursor_take(bx_cursor *cursor, uint64_t bytes)
{
    const uint8_t *at = cursor->at;

    if (cursor->is_broken || bytes > cursor->left) {
        cursor->is_broken = true;
        return NULL;
    }
    cursor->at += bytes;
    cursor->left -= (size_t)bytes;
    return at;
}

static inline uint8_t bx_cursor_u8(bx_cursor *cursor)
{
    const uint8_t *at = bx_cursor_take(cursor, 1);

    return at == NULL ? 0 : *at;
}

static inline uint32_t bx_cursor_u32(bx_cursor *cursor)
{
    const uint8_t *at = bx_cursor_take(cursor, 4);

    return at == NULL ? 0 : bx_load32(at);
}

static inline uint64_t bx_cursor_u64(bx_cursor *cursor)
{
    const uint8_t *at = bx_cursor_take(cursor, 8);

    return at == NULL ? 0 : bx_load64(at);
}

/* One encoding for each number: no longer one than it takes. */
static inline uint64_t bx_cursor_varint(bx_cursor *cursor)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < BX_VARINT_BYTES; i++) {
        uint8_t byte = bx_cursor_u8(cursor);

        if (i == BX_VARINT_BYTES - 1 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            if (byte == 0 && i > 0)
                break;
            return value;
        }
    }
    cursor->is_broken = true;
    return 0;
}

/* Returns how many bytes it took of BX_VARINT_BYTES. */
static inline size_t bx_store_varint(uint8_t *at, uint64_t value)
{
    size_t bytes = 0;

    while (value >= 0x80) {
        at[bytes++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[bytes++] = (uint8_t)value;
    return bytes;
}

static inline uint64_t bx_zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t bx_unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

#endif
