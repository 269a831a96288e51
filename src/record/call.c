#include "record/call.h"

#define SHOWN_TEXT_BYTES 200
#define SHOWN_PARTS 16

/* The kind and a number, and room for bytes behind them, which the caller puts
 * there. NULL: there is none. */
static uint8_t *put_part(bx_buf *parts, bx_record_part kind, uint64_t value,
                         size_t bytes)
{
    uint8_t *begin;
    uint8_t *at;

    if (bytes > BX_RECORD_MAX_BYTES ||
        bx_buf_reserve(parts, 1 + BX_VARINT_BYTES + bytes,
                       BX_RECORD_MAX_BYTES) < 0)
        return NULL;
    begin = at = (uint8_t *)parts->data + parts->len;
    *at++ = (uint8_t)kind;
    at += bx_store_varint(at, value);
    at[bytes] = '\0';
    parts->len += (size_t)(at - begin) + bytes;
    return at;
}

static int put_bytes(bx_buf *parts, bx_record_part kind, uint64_t value,
                     const void *data, size_t bytes)
{
    uint8_t *at = put_part(parts, kind, value, bytes);

    if (at == NULL)
        return -1;
    if (bytes > 0)
        memcpy(at, data, bytes);
    return 0;
}

int bx_call_put_value(bx_buf *parts, uint64_t value)
{
    return put_part(parts, BX_PART_VALUE, value, 0) == NULL ? -1 : 0;
}

int bx_call_put_text(bx_buf *parts, const void *text, size_t bytes)
{
    return put_bytes(parts, BX_PART_TEXT, bytes, text, bytes);
}

int bx_call_put_hash(bx_buf *parts, uint64_t bytes, const uint8_t *sha256)
{
    return put_bytes(parts, BX_PART_HASH, bytes, sha256, BX_RECORD_HASH_BYTES);
}

int bx_call_put_answer(bx_buf *parts, int64_t answer)
{
    return put_part(parts, BX_PART_ANSWER, bx_zigzag(answer), 0) == NULL ? -1
                                                                         : 0;
}

int bx_call_put_out(bx_buf *parts, const void *data, size_t bytes)
{
    return put_bytes(parts, BX_PART_OUT, bytes, data, bytes);
}

int bx_call_put_blobs(bx_buf *parts, uint64_t bytes, const uint32_t *numbers,
                      size_t count)
{
    uint8_t number[BX_VARINT_BYTES];

    if (put_part(parts, BX_PART_BLOBS, bytes, 0) == NULL ||
        bx_buf_append(parts, number, bx_store_varint(number, count),
                      BX_RECORD_MAX_BYTES) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (bx_buf_append(parts, number, bx_store_varint(number, numbers[i]),
                          BX_RECORD_MAX_BYTES) < 0)
            return -1;
    }
    return 0;
}

/* Step over count varints. */
static bx_cursor take_numbers(bx_cursor *cursor, uint64_t count)
{
    const uint8_t *begin = cursor->at;

    for (uint64_t i = 0; i < count && !cursor->is_broken; i++)
        (void)bx_cursor_varint(cursor);
    return bx_cursor_of(begin, (size_t)(cursor->at - begin));
}

bool bx_call_next(bx_cursor *cursor, bx_call_part *ret_part)
{
    bx_call_part part = { 0 };

    if (cursor->left == 0 || cursor->is_broken)
        return false;
    part.kind = bx_cursor_u8(cursor);
    part.value = bx_cursor_varint(cursor);
    switch (part.kind) {
    case BX_PART_VALUE:
        break;
    case BX_PART_ANSWER:
        part.value = (uint64_t)bx_unzigzag(part.value);
        break;
    case BX_PART_HASH:
        part.data = bx_cursor_take(cursor, BX_RECORD_HASH_BYTES);
        break;
    case BX_PART_TEXT:
    case BX_PART_OUT:
        part.data = bx_cursor_take(cursor, part.value);
        break;
    case BX_PART_BLOBS:
        part.count = bx_cursor_varint(cursor);
        part.blobs = take_numbers(cursor, part.count);
        break;
    default:
        cursor->is_broken = true;
        break;
    }
    if (cursor->is_broken)
        return false;
    *ret_part = part;
    return true;
}

size_t bx_call_inputs_bytes(const void *parts, size_t bytes)
{
    bx_cursor cursor = bx_cursor_of(parts, bytes);
    bx_call_part part;
    size_t inputs = 0;

    while (bx_call_next(&cursor, &part) && part.kind < BX_PART_ANSWER)
        inputs = bytes - cursor.left;
    return inputs;
}

static int format_part(bx_buf *text, const bx_call_part *part)
{
    switch (part->kind) {
    case BX_PART_VALUE:
        return bx_buf_printf(text, "%lld", (long long)part->value);
    case BX_PART_TEXT:
        if (bx_buf_puts(text, "'") < 0 ||
            bx_buf_put_escaped(text, (const char *)part->data,
                               (size_t)part->value, SHOWN_TEXT_BYTES) < 0)
            return -1;
        return bx_buf_puts(text, "'");
    case BX_PART_HASH:
        return bx_buf_printf(text, "%llu bytes %02x%02x%02x%02x",
                             (unsigned long long)part->value, part->data[0],
                             part->data[1], part->data[2], part->data[3]);
    default:
        return 0;
    }
}

int bx_call_format(bx_buf *text, const char *name, const void *parts,
                   size_t bytes)
{
    bx_cursor cursor = bx_cursor_of(parts, bytes);
    bx_call_part part;

    if (bx_buf_put_escaped(text, name, strlen(name), BX_RECORD_NAME_BYTES) <
            0 ||
        bx_buf_puts(text, "(") < 0)
        return -1;
    for (int i = 0; bx_call_next(&cursor, &part) && part.kind < BX_PART_ANSWER;
         i++) {
        if (i > 0 && bx_buf_puts(text, ", ") < 0)
            return -1;
        if (i == SHOWN_PARTS)
            return bx_buf_puts(text, "...)");
        if (format_part(text, &part) < 0)
            return -1;
    }
    return bx_buf_puts(text, ")");
}
