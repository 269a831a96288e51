/* The second thread: items in, records out. After a failure it goes on taking
 * chunks, so that nobody waits for it. */
#include <string.h>

#include "record/call.h"
#include "record/recorder_state.h"

typedef struct bx_scribe {
    bx_recorder *recorder;
    bx_record_writer *writer;
    uint32_t numbers[BX_RECORD_NAMES]; /* of names in the file, from 1; 0: not
                                        * there yet */
    uint32_t names;
    uint64_t calls;
    bx_buf call; /* under way */
    bool is_in_call;
    bool is_in_hash;
    uint64_t hash_bytes;
    bx_sha256_parts hash;
    uint64_t out_bytes; /* of the output under way, blobs included */
    uint32_t *blobs;    /* of it */
    size_t blobs_count;
    size_t blobs_size;
    uint64_t output_bytes[2];
    bx_sha256_parts output[2];
    bool is_after_field; /* of the same tag: it goes on */
    size_t scratch_used;
    uint8_t scratch[BX_RECORD_BLOB_BYTES]; /* of it, what is no blob yet */
} bx_scribe;

/* ---- calls ---------------------------------------------------------- */

static int begin_call(bx_scribe *scribe, unsigned number, bx_error **err)
{
    const bx_recorder_config *config = &scribe->recorder->config;
    uint8_t varint[BX_VARINT_BYTES];
    const char *name;

    if (number >= config->names_count || number >= BX_RECORD_NAMES)
        return bx_error_set(err, BX_ERR_SYSTEM, "recording: call %u", number);
    if (scribe->numbers[number] == 0) {
        name = config->names[number];
        if (bx_record_writer_put(scribe->writer, BX_RECORD_NAME, name,
                                 strlen(name), NULL, 0, err) < 0)
            return -1;
        scribe->numbers[number] = ++scribe->names;
    }
    scribe->call.len = 0;
    scribe->is_in_call = true;
    return bx_buf_append(&scribe->call, varint,
                         bx_store_varint(varint, scribe->numbers[number] - 1),
                         SIZE_MAX) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

static int end_call(bx_scribe *scribe, bx_error **err)
{
    scribe->is_in_call = false;
    scribe->calls++;
    return bx_record_writer_put(scribe->writer, BX_RECORD_CALL,
                                scribe->call.data, scribe->call.len, NULL, 0,
                                err);
}

static int add_hash(bx_scribe *scribe, const uint8_t *data, const bx_item *item)
{
    uint8_t digest[BX_DIGEST_BYTES];

    if (!scribe->is_in_hash) {
        bx_sha256_begin(&scribe->hash);
        scribe->hash_bytes = 0;
        scribe->is_in_hash = true;
    }
    bx_sha256_add(&scribe->hash, data, item->bytes);
    scribe->hash_bytes += item->bytes;
    if (!item->is_last)
        return 0;
    scribe->is_in_hash = false;
    bx_sha256_end(&scribe->hash, digest);
    return bx_call_put_hash(&scribe->call, scribe->hash_bytes, digest);
}

static int keep_blob(bx_scribe *scribe, const void *data, size_t bytes,
                     bx_error **err)
{
    uint32_t number;

    if (bx_record_writer_blob(scribe->writer, data, bytes, &number, err) < 0)
        return -1;
    if (scribe->blobs_count == scribe->blobs_size) {
        size_t size = scribe->blobs_size == 0 ? 16 : scribe->blobs_size * 2;
        uint32_t *grown = realloc(scribe->blobs, size * sizeof(*grown));

        if (grown == NULL)
            return bx_error_set_nomem(err);
        scribe->blobs = grown;
        scribe->blobs_size = size;
    }
    scribe->blobs[scribe->blobs_count++] = number;
    scribe->out_bytes += bytes;
    return 0;
}

static int end_out(bx_scribe *scribe, bx_error **err)
{
    int failed;

    if (scribe->blobs_count == 0 &&
        scribe->scratch_used <= BX_RECORD_INLINE_BYTES) {
        failed = bx_call_put_out(&scribe->call, scribe->scratch,
                                 scribe->scratch_used);
    } else {
        if (scribe->scratch_used > 0 &&
            keep_blob(scribe, scribe->scratch, scribe->scratch_used, err) < 0)
            return -1;
        failed = bx_call_put_blobs(&scribe->call, scribe->out_bytes,
                                   scribe->blobs, scribe->blobs_count);
    }
    scribe->scratch_used = 0;
    scribe->blobs_count = 0;
    scribe->out_bytes = 0;
    return failed < 0 ? bx_error_set(err, BX_ERR_LIMIT,
                                     "recording: one call brought too much")
                      : 0;
}

static int add_out(bx_scribe *scribe, const uint8_t *data, const bx_item *item,
                   bx_error **err)
{
    size_t left = item->bytes;

    while (left > 0) {
        size_t room = BX_RECORD_BLOB_BYTES - scribe->scratch_used;
        size_t bytes = left < room ? left : room;

        memcpy(scribe->scratch + scribe->scratch_used, data, bytes);
        scribe->scratch_used += bytes;
        data += bytes;
        left -= bytes;
        if (scribe->scratch_used == BX_RECORD_BLOB_BYTES) {
            if (keep_blob(scribe, scribe->scratch, BX_RECORD_BLOB_BYTES, err) <
                0)
                return -1;
            scribe->scratch_used = 0;
        }
    }
    return item->is_last ? end_out(scribe, err) : 0;
}

/* ---- items ---------------------------------------------------------- */

static int add_field(bx_scribe *scribe, const uint8_t *data,
                     const bx_item *item, bx_error **err)
{
    uint8_t head[2] = { (uint8_t)item->id, scribe->is_after_field };

    scribe->is_after_field = !item->is_last;
    return bx_record_writer_put(scribe->writer, BX_RECORD_FIELD, head,
                                sizeof(head), data, item->bytes, err);
}

static int add_item(bx_scribe *scribe, const bx_item *item, const uint8_t *data,
                    bx_error **err)
{
    int failed;

    switch ((bx_item_kind)item->kind) {
    case BX_ITEM_FIELD:
        return add_field(scribe, data, item, err);
    case BX_ITEM_NEED:
        return bx_record_writer_put(scribe->writer, BX_RECORD_NEED, data,
                                    item->bytes, NULL, 0, err);
    case BX_ITEM_CALL:
        return begin_call(scribe, item->id, err);
    case BX_ITEM_CALL_END:
        return end_call(scribe, err);
    case BX_ITEM_OUT:
        return add_out(scribe, data, item, err);
    case BX_ITEM_OUTPUT:
        bx_sha256_add(&scribe->output[item->id & 1], data, item->bytes);
        scribe->output_bytes[item->id & 1] += item->bytes;
        return 0;
    case BX_ITEM_VALUE:
        failed = bx_call_put_value(&scribe->call, bx_load64(data));
        break;
    case BX_ITEM_TEXT:
        failed = bx_call_put_text(&scribe->call, data, item->bytes);
        break;
    case BX_ITEM_HASH:
        failed = add_hash(scribe, data, item);
        break;
    case BX_ITEM_ANSWER:
        failed = bx_call_put_answer(&scribe->call, (int64_t)bx_load64(data));
        break;
    default:
        failed = -1;
        break;
    }
    return failed < 0 ? bx_error_set(err, BX_ERR_LIMIT,
                                     "recording: one call gives too much")
                      : 0;
}

static int add_chunk(bx_scribe *scribe, const bx_chunk *chunk, bx_error **err)
{
    size_t at = 0;
    bx_item item;

    while (at < chunk->used) {
        memcpy(&item, chunk->data + at, sizeof(item));
        at += sizeof(item);
        if (add_item(scribe, &item, chunk->data + at, err) < 0)
            return -1;
        at += item.bytes;
    }
    return 0;
}

/* A call that the run's end cut off is left out. */
static int put_end(bx_scribe *scribe, bx_record_end *end, bx_error **err)
{
    bx_autobuf bx_buf bytes = BX_BUF_INIT;

    end->calls = scribe->calls;
    for (int i = 0; i < 2; i++) {
        end->output[i].bytes = scribe->output_bytes[i];
        bx_sha256_end(&scribe->output[i], end->output[i].digest);
    }
    if (bx_record_end_put(end, &bytes) < 0)
        return bx_error_set_nomem(err);
    if (bx_record_writer_put(scribe->writer, BX_RECORD_END, bytes.data,
                             bytes.len, NULL, 0, err) < 0)
        return -1;
    return bx_record_writer_finish(scribe->writer, err);
}

static void fail(bx_recorder *recorder, bx_error *error)
{
    pthread_mutex_lock(&recorder->mutex);
    recorder->error = error;
    pthread_mutex_unlock(&recorder->mutex);
    atomic_store_explicit(&recorder->has_failed, true, memory_order_relaxed);
}

/* The next chunk to empty; NULL: there is none left and there comes none. */
static bx_chunk *take_chunk(bx_recorder *recorder, bool is_done)
{
    bx_chunk *chunk = NULL;

    pthread_mutex_lock(&recorder->mutex);
    if (is_done) {
        recorder->emptied++;
        pthread_cond_broadcast(&recorder->changed);
    }
    while (recorder->filled == recorder->emptied && recorder->end == NULL)
        pthread_cond_wait(&recorder->changed, &recorder->mutex);
    if (recorder->filled != recorder->emptied)
        chunk = &recorder->chunks[recorder->emptied % BX_RECORDER_CHUNKS];
    pthread_mutex_unlock(&recorder->mutex);
    return chunk;
}

static void work(bx_recorder *recorder, bx_scribe *scribe)
{
    bx_error *error = NULL;
    bx_chunk *chunk = take_chunk(recorder, false);

    for (; chunk != NULL; chunk = take_chunk(recorder, true)) {
        if (error != NULL)
            continue;
        if (scribe == NULL)
            bx_error_set_nomem(&error);
        else
            (void)add_chunk(scribe, chunk, &error);
        if (error != NULL)
            fail(recorder, error);
    }
    if (error == NULL && scribe != NULL &&
        put_end(scribe, recorder->end, &error) < 0)
        fail(recorder, error);
}

void *bx_recorder_thread(void *argument)
{
    bx_recorder *recorder = argument;
    bx_scribe *scribe = malloc(sizeof(*scribe));

    if (scribe != NULL) {
        memset(scribe, 0, offsetof(bx_scribe, scratch));
        scribe->recorder = recorder;
        scribe->writer = recorder->writer;
        bx_sha256_begin(&scribe->output[0]);
        bx_sha256_begin(&scribe->output[1]);
    }
    work(recorder, scribe);
    if (scribe != NULL) {
        bx_buf_clear(&scribe->call);
        free(scribe->blobs);
    }
    free(scribe);
    return NULL;
}
