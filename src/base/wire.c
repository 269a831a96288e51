#include "base/wire.h"

#include <string.h>

/* ---- reading --------------------------------------------------------- */

/* The next bytes of the message, or NULL. */
static const unsigned char *take(bx_wire_in *in, size_t bytes)
{
    const unsigned char *at = in->at;

    if (in->is_bad || bytes > in->left) {
        in->is_bad = true;
        return NULL;
    }
    in->at += bytes;
    in->left -= bytes;
    return at;
}

static uint64_t get(bx_wire_in *in, size_t bytes)
{
    const unsigned char *at = take(in, bytes);
    uint64_t value = 0;

    while (at != NULL && bytes-- > 0)
        value = value << 8 | at[bytes];
    return value;
}

uint8_t bx_wire_get_u8(bx_wire_in *in)
{
    return (uint8_t)get(in, 1);
}

bool bx_wire_get_bool(bx_wire_in *in)
{
    uint64_t value = get(in, 1);

    if (value > 1)
        in->is_bad = true;
    return value == 1;
}

uint16_t bx_wire_get_u16(bx_wire_in *in)
{
    return (uint16_t)get(in, 2);
}

uint32_t bx_wire_get_u32(bx_wire_in *in)
{
    return (uint32_t)get(in, 4);
}

uint64_t bx_wire_get_u64(bx_wire_in *in)
{
    return get(in, 8);
}

int64_t bx_wire_get_i64(bx_wire_in *in)
{
    return (int64_t)get(in, 8);
}

const void *bx_wire_get_bytes(bx_wire_in *in, size_t max_bytes,
                              size_t *ret_bytes)
{
    size_t bytes = bx_wire_get_u32(in);
    const unsigned char *at;

    if (bytes > max_bytes)
        in->is_bad = true;
    at = take(in, bytes);
    *ret_bytes = at == NULL ? 0 : bytes;
    return at == NULL ? (const void *)"" : at;
}

void bx_wire_get_raw(bx_wire_in *in, void *ret_data, size_t bytes)
{
    const unsigned char *at = take(in, bytes);

    if (at == NULL)
        memset(ret_data, 0, bytes);
    else
        memcpy(ret_data, at, bytes);
}

char *bx_wire_get_text(bx_wire_in *in, size_t max_bytes)
{
    size_t bytes;
    const char *at = bx_wire_get_bytes(in, max_bytes, &bytes);
    char *copy;

    if (in->is_bad || memchr(at, '\0', bytes) != NULL) {
        in->is_bad = true;
        return NULL;
    }
    copy = strndup(at, bytes);
    if (copy == NULL)
        bx_wire_lack_memory(in);
    return copy;
}

void bx_wire_lack_memory(bx_wire_in *in)
{
    in->is_bad = true;
    in->lacks_memory = true;
}

int bx_wire_fail(const bx_wire_in *in, bx_code code, const char *what,
                 bx_error **err)
{
    if (in->lacks_memory)
        return bx_error_set_nomem(err);
    return bx_error_set(err, code, "%s", what);
}

bool bx_wire_is_whole(const bx_wire_in *in)
{
    return !in->is_bad && in->left == 0;
}

/* ---- writing --------------------------------------------------------- */

void bx_wire_put_raw(bx_wire_out *out, const void *data, size_t bytes)
{
    if (out->is_bad || bx_buf_append(out->buf, data, bytes, out->max_bytes) < 0)
        out->is_bad = true;
}

static void put(bx_wire_out *out, uint64_t value, size_t bytes)
{
    unsigned char field[8];

    for (size_t i = 0; i < bytes; i++)
        field[i] = (unsigned char)(value >> (8 * i));
    bx_wire_put_raw(out, field, bytes);
}

void bx_wire_put_u8(bx_wire_out *out, uint8_t value)
{
    put(out, value, 1);
}

void bx_wire_put_bool(bx_wire_out *out, bool value)
{
    put(out, value, 1);
}

void bx_wire_put_u16(bx_wire_out *out, uint16_t value)
{
    put(out, value, 2);
}

void bx_wire_put_u32(bx_wire_out *out, uint32_t value)
{
    put(out, value, 4);
}

void bx_wire_put_u64(bx_wire_out *out, uint64_t value)
{
    put(out, value, 8);
}

void bx_wire_put_i64(bx_wire_out *out, int64_t value)
{
    put(out, (uint64_t)value, 8);
}

void bx_wire_put_bytes(bx_wire_out *out, const void *data, size_t bytes)
{
    if (bytes > UINT32_MAX)
        out->is_bad = true;
    bx_wire_put_u32(out, (uint32_t)bytes);
    bx_wire_put_raw(out, data, bytes);
}

void bx_wire_put_text(bx_wire_out *out, const char *text)
{
    bx_wire_put_bytes(out, text, strlen(text));
}
