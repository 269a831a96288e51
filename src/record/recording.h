/* Reads a recording. The file is hostile: it is checked whole when it is
 * opened, and again where it is read later. One thread. */
#ifndef BX_RECORD_RECORDING_H
#define BX_RECORD_RECORDING_H

#include "record/call.h"
#include "record/head.h"

typedef struct bx_recording bx_recording;

/* fd: a regular file, borrowed until it is freed. name: what messages call it.
 * errors: BX_ERR_INVALID: no recording, of another version, cut, altered or
 *         malformed, with the byte; BX_ERR_LIMIT: more than this reader takes
 */
bx_recording *bx_recording_open(int fd, const char *name, bx_error **err);
/* NULL is fine. */
void bx_recording_free(bx_recording *recording);

/* Borrowed. */
const bx_record_head *bx_recording_head(const bx_recording *recording);
const bx_record_end *bx_recording_end(const bx_recording *recording);

/* What came about, in its order. Borrowed until the next one is read. */
typedef struct bx_recorded {
    bx_record_type type;  /* BX_RECORD_CALL, _NEED or _END */
    uint64_t number;      /* of the call, from 1; of a need or the end: the call
                           * that comes next */
    const char *name;     /* of a call; the kind of a need */
    const char *target;   /* of a need */
    const uint8_t *parts; /* of a call */
    size_t bytes;
} bx_recorded;

/* The next one. After the end it is the end again. */
int bx_recording_next(bx_recording *recording, bx_recorded *ret,
                      bx_error **err);
void bx_recording_rewind(bx_recording *recording);

/* A blob whole; ret_data holds BX_RECORD_BLOB_BYTES. */
int bx_recording_blob(bx_recording *recording, uint64_t number, void *ret_data,
                      size_t *ret_bytes, bx_error **err);

#endif
