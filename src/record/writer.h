/* Writes a recording: records to blocks, equal blobs once. One thread. */
#ifndef BX_RECORD_WRITER_H
#define BX_RECORD_WRITER_H

#include "record/format.h"

typedef struct bx_record_writer bx_record_writer;

/* fd: borrowed; written from where it stands. max_bytes: of the file.
 * errors: BX_ERR_INVALID: a pipe or a socket, which may never take it all */
bx_record_writer *bx_record_writer_new(int fd, uint64_t max_bytes,
                                       bx_error **err);
/* NULL is fine. What is not finished is a cut file. */
void bx_record_writer_free(bx_record_writer *writer);

/* Add a record of two parts, the second of which may be empty.
 * errors: BX_ERR_LIMIT: past max_bytes; BX_ERR_SYSTEM: disk full, ... */
int bx_record_writer_put(bx_record_writer *writer, bx_record_type type,
                         const void *head, size_t head_bytes, const void *body,
                         size_t body_bytes, bx_error **err);
/* The number of a blob, added if there is none of these bytes. bytes: 1 to
 * BX_RECORD_BLOB_BYTES */
int bx_record_writer_blob(bx_record_writer *writer, const void *data,
                          size_t bytes, uint32_t *ret_number, bx_error **err);
/* Write what is left, and the end. */
int bx_record_writer_finish(bx_record_writer *writer, bx_error **err);

#endif
