/* What the two threads of a recorder share: chunks full of items. */
#ifndef BX_RECORD_RECORDER_STATE_H
#define BX_RECORD_RECORDER_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "record/recorder.h"
#include "record/writer.h"

#define BX_RECORDER_CHUNKS 4u
#define BX_RECORDER_CHUNK_BYTES (512u << 10)
#define BX_RECORDER_PIECE_BYTES (64u << 10) /* of an item, the most */

typedef enum bx_item_kind {
    BX_ITEM_FIELD = 1, /* id: the tag */
    BX_ITEM_CALL,      /* id: the call's number */
    BX_ITEM_VALUE,
    BX_ITEM_TEXT,
    BX_ITEM_HASH,
    BX_ITEM_ANSWER,
    BX_ITEM_OUT,
    BX_ITEM_OUTPUT, /* id: the stream */
    BX_ITEM_CALL_END,
    BX_ITEM_NEED
} bx_item_kind;

/* Before the bytes of each. */
typedef struct bx_item {
    uint8_t kind;
    bool is_last;
    uint16_t id;
    uint32_t bytes;
} bx_item;

typedef struct bx_chunk {
    size_t used;
    uint8_t data[BX_RECORDER_CHUNK_BYTES];
} bx_chunk;

struct bx_recorder {
    bx_recorder_config config;
    bx_record_writer *writer;
    pthread_t thread;
    bool has_thread;
    bx_chunk *chunk; /* being filled by the run; NULL: it is over for it */
    bool is_cut;     /* the run was over before all was taken in */
    atomic_bool has_failed;
    pthread_mutex_t mutex; /* over the rest */
    pthread_cond_t changed;
    uint64_t filled; /* chunks handed over, and done with, in all */
    uint64_t emptied;
    bx_record_end *end; /* set: nothing follows */
    bx_error *error;    /* the first */
    bx_chunk chunks[BX_RECORDER_CHUNKS];
};

/* The thread; argument is the recorder. */
void *bx_recorder_thread(void *argument);

#endif
