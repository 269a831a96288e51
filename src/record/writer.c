#include "record/writer.h"

#include <string.h>

#include "base/digest.h"
#include "base/fingerprint.h"
#include "base/guest.h"

/* Blobs that are looked for again: beyond this many, one that comes twice is
 * stored twice. 40 to 80 bytes each, with the room between. */
#define KNOWN_MAX (1u << 20)
#define KNOWN_FIRST 1024u

typedef struct known_blob {
    uint8_t fingerprint[BX_FINGERPRINT_BYTES];
    uint32_t number; /* from 1; 0: the slot is free */
} known_blob;

struct bx_record_writer {
    bx_record_press *press;
    bx_record_block *block; /* NULL: it is cut */
    bool is_ending;         /* it waits for the disk as long as that takes */
    uint64_t max_bytes;
    uint64_t bytes; /* in the file, or on their way into it */
    bx_fingerprint *fingerprint;
    uint32_t blobs;
    known_blob *known; /* open addressing, a power of two */
    size_t known_size;
    size_t known_count;
};

bx_record_writer *bx_record_writer_new(const bx_record_sink *sink,
                                       uint64_t max_bytes, const bx_run *run,
                                       bx_error **err)
{
    bx_record_writer *writer = calloc(1, sizeof(*writer));

    if (writer == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    writer->max_bytes = max_bytes;
    writer->bytes = BX_RECORD_START_BYTES;
    writer->fingerprint = bx_fingerprint_new(err);
    if (writer->fingerprint != NULL)
        writer->press = bx_record_press_new(sink, run, err);
    if (writer->press != NULL) {
        writer->block = bx_record_press_first(writer->press);
        return writer;
    }
    bx_record_writer_free(writer);
    return NULL;
}

void bx_record_writer_free(bx_record_writer *writer)
{
    if (writer == NULL)
        return;
    bx_record_press_free(writer->press);
    bx_fingerprint_free(writer->fingerprint);
    free(writer->known);
    free(writer);
}

bool bx_record_writer_is_cut(const bx_record_writer *writer)
{
    return writer->block == NULL;
}

bool bx_record_writer_is_fine(const bx_record_writer *writer)
{
    return writer->block != NULL && !bx_record_press_has_failed(writer->press);
}

/* Room is kept for what ends the file: nothing is written that could not be
 * finished. */
static int charge(bx_record_writer *writer, uint64_t bytes, bx_error **err)
{
    const uint64_t end = 4 + BX_DIGEST_BYTES;

    if (writer->max_bytes < end || bytes > writer->max_bytes - end ||
        writer->bytes > writer->max_bytes - end - bytes)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "recording: it grows past the %llu bytes it may "
                            "have (--record-max)",
                            (unsigned long long)writer->max_bytes);
    writer->bytes += bytes;
    return 0;
}

int bx_record_writer_put(bx_record_writer *writer, bx_record_type type,
                         const void *head, size_t head_bytes, const void *body,
                         size_t body_bytes, bx_error **err)
{
    size_t bytes = head_bytes + body_bytes;
    uint8_t *at;

    if (writer->block == NULL)
        return 0;
    if (bytes > BX_RECORD_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "recording: one call takes %zu bytes, at most %u",
                            bytes, BX_RECORD_MAX_BYTES);
    if (writer->block->used + BX_RECORD_HEAD_BYTES + bytes >
        BX_RECORD_BLOCK_BYTES) {
        writer->block = bx_record_press_next(writer->press, writer->is_ending);
        if (writer->block == NULL)
            return 0;
    }
    if (charge(writer,
               BX_RECORD_HEAD_BYTES + bytes +
                   (writer->block->used == 0 ? 4 + BX_RECORD_CHECK_BYTES : 0),
               err) < 0)
        return -1;
    at = writer->block->data + 4 + writer->block->used;
    at[0] = (uint8_t)type;
    bx_store32(at + 1, (uint32_t)bytes);
    at += BX_RECORD_HEAD_BYTES;
    if (head_bytes > 0)
        memcpy(at, head, head_bytes);
    if (body_bytes > 0)
        memcpy(at + head_bytes, body, body_bytes);
    writer->block->used += BX_RECORD_HEAD_BYTES + bytes;
    return 0;
}

/* ---- blobs ---------------------------------------------------------- */

/* Where it is, or where it would be. */
static known_blob *find(known_blob *known, size_t size,
                        const uint8_t *fingerprint)
{
    size_t at = (size_t)bx_load64(fingerprint) & (size - 1);

    while (known[at].number != 0 && memcmp(known[at].fingerprint, fingerprint,
                                           BX_FINGERPRINT_BYTES) != 0)
        at = (at + 1) & (size - 1);
    return &known[at];
}

/* Half of it stays empty. */
static int make_room(bx_record_writer *writer, bx_error **err)
{
    size_t size =
        writer->known_size == 0 ? KNOWN_FIRST : writer->known_size * 2;
    known_blob *grown;

    if (writer->known_count < writer->known_size / 2)
        return 0;
    grown = calloc(size, sizeof(*grown));
    if (grown == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < writer->known_size; i++) {
        if (writer->known[i].number != 0)
            *find(grown, size, writer->known[i].fingerprint) = writer->known[i];
    }
    free(writer->known);
    writer->known = grown;
    writer->known_size = size;
    return 0;
}

int bx_record_writer_blob(bx_record_writer *writer, const void *data,
                          size_t bytes, uint32_t *ret_number, bx_error **err)
{
    uint8_t fingerprint[BX_FINGERPRINT_BYTES];
    bool is_kept = writer->known_count < KNOWN_MAX;
    known_blob *blob;

    if (is_kept && make_room(writer, err) < 0)
        return -1;
    bx_fingerprint_of(writer->fingerprint, data, bytes, fingerprint);
    blob = find(writer->known, writer->known_size, fingerprint);
    if (blob->number != 0) {
        *ret_number = blob->number - 1;
        return 0;
    }
    if (bx_record_writer_put(writer, BX_RECORD_BLOB, NULL, 0, data, bytes,
                             err) < 0)
        return -1;
    *ret_number = writer->blobs++;
    if (is_kept) {
        memcpy(blob->fingerprint, fingerprint, sizeof(fingerprint));
        blob->number = writer->blobs;
        writer->known_count++;
    }
    return 0;
}

int bx_record_writer_finish(bx_record_writer *writer, const bx_buf *end,
                            bx_error **err)
{
    writer->is_ending = true;
    if (writer->block == NULL)
        writer->block = bx_record_press_next(writer->press, true);
    if (end != NULL && bx_record_writer_put(writer, BX_RECORD_END, end->data,
                                            end->len, NULL, 0, err) < 0)
        return -1;
    return bx_record_press_finish(writer->press, err);
}
