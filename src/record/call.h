/* One call of a guest as bytes: what it gave, the answer, what it was given.
 * The same inputs make the same bytes, so they are compared as such. */
#ifndef BX_RECORD_CALL_H
#define BX_RECORD_CALL_H

#include "record/bytes.h"
#include "record/format.h"

/* Append a part; -1 without memory or past BX_RECORD_MAX_BYTES. */
int bx_call_put_value(bx_buf *parts, uint64_t value);
int bx_call_put_text(bx_buf *parts, const void *text, size_t bytes);
int bx_call_put_hash(bx_buf *parts, uint64_t bytes, const uint8_t *sha256);
int bx_call_put_answer(bx_buf *parts, int64_t answer);
int bx_call_put_out(bx_buf *parts, const void *data, size_t bytes);
int bx_call_put_blobs(bx_buf *parts, uint64_t bytes, const uint32_t *numbers,
                      size_t count);

/* One part, borrowed from the cursor's bytes. */
typedef struct bx_call_part {
    bx_record_part kind;
    uint64_t value;      /* of a value; of an answer, as an int64_t; else how
                          * many bytes */
    const uint8_t *data; /* the text, hash or output */
    bx_cursor blobs;     /* their numbers, count of them */
    uint64_t count;
} bx_call_part;

/* The next part; false at the end, or when the cursor is broken. */
bool bx_call_next(bx_cursor *cursor, bx_call_part *ret_part);

/* How long the part with the inputs is: up to the answer or the end. */
size_t bx_call_inputs_bytes(const void *parts, size_t bytes);

/* Append it for people, on one line: "path_open(3, 'a.txt', 0)". What a guest
 * or a file chose is escaped and cut. -1 without memory. */
int bx_call_format(bx_buf *ret_text, const char *name, const void *parts,
                   size_t bytes);

#endif
