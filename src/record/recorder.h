/* Records a run: its own thread puts each call together and looks for bytes
 * that were stored before, another one hashes and writes full blocks (press.h).
 * When that falls behind, the run waits, and not past its deadline. A recording
 * that cannot be written ends the run: one that is silently cut would be
 * worthless. */
#ifndef BX_RECORD_RECORDER_H
#define BX_RECORD_RECORDER_H

#include "base/run.h"
#include "record/head.h"
#include "record/writer.h"

typedef struct bx_recorder bx_recorder;

typedef struct bx_recorder_config {
    const bx_record_sink *sink; /* copied */
    uint64_t max_bytes;         /* of the file */
    const char *const *names;   /* of calls, by their numbers; static */
    size_t names_count;         /* at most BX_RECORD_NAMES */
    const bx_run *run;          /* borrowed: deadline and cancel */
    const bx_record_head *head;
} bx_recorder_config;

bx_recorder *bx_recorder_new(const bx_recorder_config *config, bx_error **err);
/* NULL is fine. What is not finished is a cut file. */
void bx_recorder_free(bx_recorder *recorder);

/* Say what the guest gave to a call, or was given. Bytes may come in several
 * pieces, is_last with the last one. */
void bx_recorder_call(bx_recorder *recorder, unsigned number);
void bx_recorder_value(bx_recorder *recorder, uint64_t value);
void bx_recorder_text(bx_recorder *recorder, const void *text, size_t bytes);
void bx_recorder_hash(bx_recorder *recorder, const void *data, size_t bytes,
                      bool is_last);
void bx_recorder_answer(bx_recorder *recorder, int64_t answer);
void bx_recorder_out(bx_recorder *recorder, const void *data, size_t bytes,
                     bool is_last);
/* What of it went to stdout (0) or stderr (1). */
void bx_recorder_output(bx_recorder *recorder, unsigned stream,
                        const void *data, size_t bytes);
void bx_recorder_call_end(bx_recorder *recorder);
void bx_recorder_need(bx_recorder *recorder, const char *kind,
                      const char *target);

/* False: it failed, or the run was over before all was taken in: the guest is
 * to be stopped. */
bool bx_recorder_is_fine(const bx_recorder *recorder);

/* Write the end; its outputs and calls are filled in here. errors: what went
 * wrong, the first of it, whenever it did */
int bx_recorder_finish(bx_recorder *recorder, bx_record_end *end,
                       bx_error **err);

#endif
