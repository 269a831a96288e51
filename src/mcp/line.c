#include "mcp/line.h"

#include <string.h>

#define KEPT_BYTES (1u << 20) /* of an empty buffer's room */

static size_t cap_of(const bx_line_reader *reader)
{
    return reader->max_bytes == 0 ? BX_LINE_MAX_BYTES : reader->max_bytes;
}

/* What was taken makes room. */
static void compact(bx_line_reader *reader)
{
    bx_buf *held = &reader->held;

    if (reader->begin == 0)
        return;
    if (reader->begin == held->len && held->cap > KEPT_BYTES) {
        bx_buf_clear(held);
    } else {
        memmove(held->data, held->data + reader->begin,
                held->len - reader->begin);
        held->len -= reader->begin;
        held->data[held->len] = '\0';
    }
    reader->scanned -= reader->begin;
    reader->begin = 0;
}

int bx_line_feed(bx_line_reader *reader, const void *data, size_t bytes)
{
    compact(reader);
    if (reader->is_dropping) {
        const char *end = memchr(data, '\n', bytes);

        if (end == NULL)
            return 0;
        reader->is_dropping = false;
        bytes -= (size_t)(end + 1 - (const char *)data);
        data = end + 1;
    }
    return bytes == 0 ? 0 : bx_buf_append(&reader->held, data, bytes, SIZE_MAX);
}

static bx_line_status drop(bx_line_reader *reader, bool is_whole, size_t end)
{
    reader->begin = reader->scanned = is_whole ? end + 1 : reader->held.len;
    reader->is_dropping = !is_whole;
    return BX_LINE_TOO_LONG;
}

bx_line_status bx_line_next(bx_line_reader *reader, const char **ret_line,
                            size_t *ret_bytes)
{
    const bx_buf *held = &reader->held;
    const char *found = held->len == reader->scanned
                            ? NULL
                            : memchr(held->data + reader->scanned, '\n',
                                     held->len - reader->scanned);
    size_t end = found == NULL ? held->len : (size_t)(found - held->data);
    size_t bytes = end - reader->begin;

    if (bytes > cap_of(reader))
        return drop(reader, found != NULL, end);
    if (found == NULL) {
        reader->scanned = held->len;
        return BX_LINE_NONE;
    }
    *ret_line = held->data + reader->begin;
    if (bytes > 0 && (*ret_line)[bytes - 1] == '\r')
        bytes--;
    *ret_bytes = bytes;
    reader->begin = reader->scanned = end + 1;
    return BX_LINE_READY;
}

bool bx_line_has_rest(const bx_line_reader *reader)
{
    return reader->is_dropping || reader->begin < reader->held.len;
}

void bx_line_clear(bx_line_reader *reader)
{
    bx_buf_clear(&reader->held);
    reader->begin = reader->scanned = 0;
    reader->is_dropping = false;
}
