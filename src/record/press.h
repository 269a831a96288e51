/* Takes full blocks and writes them as a file: each with its check, the digest
 * at the end. Another thread does it, started when the first block is full, so
 * that a run waits for neither hash nor disk until BX_RECORD_PRESS_BLOCKS wait
 * for it. A short recording never starts it. */
#ifndef BX_RECORD_PRESS_H
#define BX_RECORD_PRESS_H

#include "base/run.h"
#include "record/format.h"
#include "record/sink.h"

#define BX_RECORD_PRESS_BLOCKS 4u

typedef struct bx_record_block {
    size_t used; /* of records, at most BX_RECORD_BLOCK_BYTES */
    /* Its length, the records, its check: as it is written. */
    uint8_t data[4 + BX_RECORD_BLOCK_BYTES + BX_RECORD_CHECK_BYTES];
} bx_record_block;

typedef struct bx_record_press bx_record_press;

/* sink: copied; run: borrowed. Puts the file's begin. */
bx_record_press *bx_record_press_new(const bx_record_sink *sink,
                                     const bx_run *run, bx_error **err);
/* NULL is fine. Waits for the thread. */
void bx_record_press_free(bx_record_press *press);

/* The first one to fill. */
bx_record_block *bx_record_press_first(bx_record_press *press);
/* Give away what is in the block that the last call gave, and have an empty
 * one. NULL: there was none before the run was over, or it failed; is_patient:
 * the run's end does not matter. Calling it again may give one. */
bx_record_block *bx_record_press_next(bx_record_press *press, bool is_patient);
/* Something went wrong; bx_record_press_finish() says what. */
bool bx_record_press_has_failed(const bx_record_press *press);

/* Write what is left and the file's end. errors: what went wrong, the first of
 * it, whenever it did */
int bx_record_press_finish(bx_record_press *press, bx_error **err);

#endif
