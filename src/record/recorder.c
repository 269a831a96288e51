#include "record/recorder.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "record/recorder_state.h"

#define TARGET_BYTES 8192u /* of a need; paths have half of that */
#define WAIT_NS 20000000   /* between looks at the run's deadline and cancel */

static bx_chunk *chunk_of(bx_recorder *recorder, uint64_t number)
{
    return &recorder->chunks[number % BX_RECORDER_CHUNKS];
}

static void wait_a_little(bx_recorder *recorder)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += WAIT_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&recorder->changed, &recorder->mutex, &until);
}

/* Give the chunk away and take the next one that is empty. */
static void hand_over(bx_recorder *recorder)
{
    bx_chunk *next = NULL;

    pthread_mutex_lock(&recorder->mutex);
    recorder->filled++;
    pthread_cond_broadcast(&recorder->changed);
    while (recorder->filled - recorder->emptied == BX_RECORDER_CHUNKS) {
        if (bx_run_is_over(recorder->config.run))
            break;
        wait_a_little(recorder);
    }
    if (recorder->filled - recorder->emptied < BX_RECORDER_CHUNKS) {
        next = chunk_of(recorder, recorder->filled);
        next->used = 0;
    }
    pthread_mutex_unlock(&recorder->mutex);
    recorder->chunk = next;
    recorder->is_cut |= next == NULL;
}

static void put(bx_recorder *recorder, bx_item_kind kind, unsigned id,
                const void *data, size_t bytes, bool is_last)
{
    const bx_item item = { .kind = (uint8_t)kind,
                           .is_last = is_last,
                           .id = (uint16_t)id,
                           .bytes = (uint32_t)bytes };
    bx_chunk *chunk = recorder->chunk;

    if (chunk == NULL)
        return;
    if (sizeof(item) + bytes > BX_RECORDER_CHUNK_BYTES - chunk->used) {
        hand_over(recorder);
        chunk = recorder->chunk;
        if (chunk == NULL)
            return;
    }
    memcpy(chunk->data + chunk->used, &item, sizeof(item));
    chunk->used += sizeof(item);
    if (bytes > 0)
        memcpy(chunk->data + chunk->used, data, bytes);
    chunk->used += bytes;
}

/* In pieces that fit a chunk. */
static void put_pieces(bx_recorder *recorder, bx_item_kind kind, unsigned id,
                       const void *data, size_t bytes, bool is_last)
{
    const char *at = data;

    while (bytes > BX_RECORDER_PIECE_BYTES) {
        put(recorder, kind, id, at, BX_RECORDER_PIECE_BYTES, false);
        at += BX_RECORDER_PIECE_BYTES;
        bytes -= BX_RECORDER_PIECE_BYTES;
    }
    if (bytes > 0 || is_last)
        put(recorder, kind, id, at, bytes, is_last);
}

void bx_recorder_call(bx_recorder *recorder, unsigned number)
{
    put(recorder, BX_ITEM_CALL, number, NULL, 0, true);
}

void bx_recorder_value(bx_recorder *recorder, uint64_t value)
{
    put(recorder, BX_ITEM_VALUE, 0, &value, sizeof(value), true);
}

void bx_recorder_text(bx_recorder *recorder, const void *text, size_t bytes)
{
    put(recorder, BX_ITEM_TEXT, 0, text, bytes, true);
}

void bx_recorder_hash(bx_recorder *recorder, const void *data, size_t bytes,
                      bool is_last)
{
    put_pieces(recorder, BX_ITEM_HASH, 0, data, bytes, is_last);
}

void bx_recorder_answer(bx_recorder *recorder, int64_t answer)
{
    put(recorder, BX_ITEM_ANSWER, 0, &answer, sizeof(answer), true);
}

void bx_recorder_out(bx_recorder *recorder, const void *data, size_t bytes,
                     bool is_last)
{
    put_pieces(recorder, BX_ITEM_OUT, 0, data, bytes, is_last);
}

void bx_recorder_output(bx_recorder *recorder, unsigned stream,
                        const void *data, size_t bytes)
{
    put_pieces(recorder, BX_ITEM_OUTPUT, stream, data, bytes, false);
}

void bx_recorder_call_end(bx_recorder *recorder)
{
    put(recorder, BX_ITEM_CALL_END, 0, NULL, 0, true);
}

void bx_recorder_need(bx_recorder *recorder, const char *kind,
                      const char *target)
{
    char text[BX_RECORD_NAME_BYTES + 1 + TARGET_BYTES];
    size_t kind_bytes = strnlen(kind, BX_RECORD_NAME_BYTES);
    size_t bytes = strnlen(target, TARGET_BYTES);

    memcpy(text, kind, kind_bytes);
    text[kind_bytes] = '\0';
    memcpy(text + kind_bytes + 1, target, bytes);
    put(recorder, BX_ITEM_NEED, 0, text, kind_bytes + 1 + bytes, true);
}

bool bx_recorder_is_fine(const bx_recorder *recorder)
{
    return !recorder->is_cut &&
           !atomic_load_explicit(&recorder->has_failed, memory_order_relaxed);
}

/* ---- its life ------------------------------------------------------- */

static void put_head(bx_recorder *recorder, const bx_record_head *head)
{
    uint8_t facts[BX_RECORD_FACTS_BYTES];
    const void *data;
    size_t bytes;

    for (unsigned tag = 1; tag < BX_TAGS; tag++) {
        bx_record_head_field(head, (bx_record_tag)tag, facts, &data, &bytes);
        if (bytes > 0)
            put_pieces(recorder, BX_ITEM_FIELD, tag, data, bytes, true);
    }
}

/* Signals are the program's own business. */
static int start_thread(bx_recorder *recorder, bx_error **err)
{
    sigset_t all;
    sigset_t before;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed =
        pthread_create(&recorder->thread, NULL, bx_recorder_thread, recorder);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return bx_error_set_errno(err, failed, "recording: its thread");
    recorder->has_thread = true;
    return 0;
}

bx_recorder *bx_recorder_new(const bx_recorder_config *config, bx_error **err)
{
    bx_recorder *recorder = malloc(sizeof(*recorder));
    pthread_condattr_t monotonic;

    if (recorder == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    memset(recorder, 0, offsetof(bx_recorder, chunks));
    recorder->config = *config;
    atomic_init(&recorder->has_failed, false);
    pthread_mutex_init(&recorder->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&recorder->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    recorder->chunk = &recorder->chunks[0];
    recorder->chunk->used = 0;
    recorder->writer = bx_record_writer_new(config->fd, config->max_bytes, err);
    if (recorder->writer != NULL && start_thread(recorder, err) == 0) {
        put_head(recorder, config->head);
        recorder->config.head = NULL; /* only borrowed for now */
        return recorder;
    }
    bx_recorder_free(recorder);
    return NULL;
}

int bx_recorder_finish(bx_recorder *recorder, bx_record_end *end,
                       bx_error **err)
{
    if (recorder->has_thread) {
        pthread_mutex_lock(&recorder->mutex);
        if (recorder->chunk != NULL)
            recorder->filled++;
        recorder->end = end;
        pthread_cond_broadcast(&recorder->changed);
        pthread_mutex_unlock(&recorder->mutex);
        pthread_join(recorder->thread, NULL);
        recorder->has_thread = false;
        recorder->chunk = NULL;
    }
    if (recorder->error == NULL)
        return 0;
    if (err != NULL)
        *err = bx_take(recorder->error);
    return -1;
}

void bx_recorder_free(bx_recorder *recorder)
{
    bx_record_end end = { .is_failed = true, .code = BX_ERR_SYSTEM };

    if (recorder == NULL)
        return;
    (void)bx_recorder_finish(recorder, &end, NULL);
    bx_record_writer_free(recorder->writer);
    bx_error_free(recorder->error);
    pthread_cond_destroy(&recorder->changed);
    pthread_mutex_destroy(&recorder->mutex);
    free(recorder);
}
