/* Writes a recording: records to blocks, equal blobs once. One thread; its
 * press has another. */
#ifndef BX_RECORD_WRITER_H
#define BX_RECORD_WRITER_H

#include "base/buf.h"
#include "record/press.h"

typedef struct bx_record_writer bx_record_writer;

/* sink: copied; run: borrowed. max_bytes: of the file. */
bx_record_writer *bx_record_writer_new(const bx_record_sink *sink,
                                       uint64_t max_bytes, const bx_run *run,
                                       bx_error **err);
/* NULL is fine. What is not finished is a cut file. */
void bx_record_writer_free(bx_record_writer *writer);

/* Add a record of two parts, the second of which may be empty. When the run is
 * over before there is room it is left out, and so is all that follows.
 * errors: BX_ERR_LIMIT: past max_bytes */
int bx_record_writer_put(bx_record_writer *writer, bx_record_type type,
                         const void *head, size_t head_bytes, const void *body,
                         size_t body_bytes, bx_error **err);
/* The number of a blob, added if there is none of these bytes. bytes: 1 to
 * BX_RECORD_BLOB_BYTES */
int bx_record_writer_blob(bx_record_writer *writer, const void *data,
                          size_t bytes, uint32_t *ret_number, bx_error **err);
/* False: something was left out, or could not be written. */
bool bx_record_writer_is_fine(const bx_record_writer *writer);
/* Something was left out. */
bool bx_record_writer_is_cut(const bx_record_writer *writer);

/* Add the last record, of these bytes (NULL: none), cut or not, and write what
 * is left.
 * errors: what went wrong, the first of it, whenever it did: BX_ERR_LIMIT;
 * BX_ERR_SYSTEM: disk full, ... */
int bx_record_writer_finish(bx_record_writer *writer, const bx_buf *end,
                            bx_error **err);

#endif
