/* Fields one after another in a message between two of our processes: numbers
 * in little endian, texts and bytes behind their length. What is read is
 * hostile: each length is held against what is there, and the first field that
 * does not fit makes all that follow zero or empty. */
#ifndef BX_BASE_WIRE_H
#define BX_BASE_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* ---- reading --------------------------------------------------------- */

typedef struct bx_wire_in {
    const unsigned char *at; /* borrowed */
    size_t left;
    bool is_bad;       /* a field did not fit */
    bool lacks_memory; /* or could not be kept, which is not its sender's
                        * fault */
} bx_wire_in;

static inline bx_wire_in bx_wire_in_of(const void *data, size_t bytes)
{
    return (bx_wire_in){ .at = data, .left = bytes };
}

uint8_t bx_wire_get_u8(bx_wire_in *in);
bool bx_wire_get_bool(bx_wire_in *in); /* 0 or 1, nothing else */
uint16_t bx_wire_get_u16(bx_wire_in *in);
uint32_t bx_wire_get_u32(bx_wire_in *in);
uint64_t bx_wire_get_u64(bx_wire_in *in);
int64_t bx_wire_get_i64(bx_wire_in *in);
/* Borrowed from the message, never NULL; at most max_bytes. */
const void *bx_wire_get_bytes(bx_wire_in *in, size_t max_bytes,
                              size_t *ret_bytes);
/* The same number of bytes as the field must have, without a length. */
void bx_wire_get_raw(bx_wire_in *in, void *ret_data, size_t bytes);
/* Owned by the caller; at most max_bytes, without a NUL in it. NULL: it did
 * not fit, or there is no memory (then the message is bad, too). */
char *bx_wire_get_text(bx_wire_in *in, size_t max_bytes);
/* There is no memory to keep a field that was read. */
void bx_wire_lack_memory(bx_wire_in *in);
/* Say why the message, which what names, is bad: it is malformed, or there is
 * no memory for it. Returns -1. */
int bx_wire_fail(const bx_wire_in *in, bx_code code, const char *what,
                 bx_error **err);
/* Every field fitted and nothing is left. */
bool bx_wire_is_whole(const bx_wire_in *in);

/* ---- writing --------------------------------------------------------- */

typedef struct bx_wire_out {
    bx_buf *buf;      /* borrowed, appended to */
    size_t max_bytes; /* of the whole buffer */
    bool is_bad;      /* no memory or no room: what was written is no message */
} bx_wire_out;

static inline bx_wire_out bx_wire_out_to(bx_buf *buf, size_t max_bytes)
{
    return (bx_wire_out){ buf, max_bytes, false };
}

void bx_wire_put_u8(bx_wire_out *out, uint8_t value);
void bx_wire_put_bool(bx_wire_out *out, bool value);
void bx_wire_put_u16(bx_wire_out *out, uint16_t value);
void bx_wire_put_u32(bx_wire_out *out, uint32_t value);
void bx_wire_put_u64(bx_wire_out *out, uint64_t value);
void bx_wire_put_i64(bx_wire_out *out, int64_t value);
void bx_wire_put_bytes(bx_wire_out *out, const void *data, size_t bytes);
void bx_wire_put_raw(bx_wire_out *out, const void *data, size_t bytes);
void bx_wire_put_text(bx_wire_out *out, const char *text);

#endif
