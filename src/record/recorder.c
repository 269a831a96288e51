#include "record/recorder.h"

#include <string.h>

#include "base/digest.h"
#include "record/call.h"

#define TARGET_BYTES 8192u      /* of a need; paths have half of that */
#define FIELD_BYTES (64u << 10) /* of a field, in one record */

struct bx_recorder {
    const char *const *names; /* of calls */
    size_t names_count;
    bx_record_writer *writer;
    bx_error *error; /* the first; nothing is taken in after it */
    uint32_t numbers[BX_RECORD_NAMES]; /* of names in the file, from 1; 0: not
                                        * there yet */
    uint32_t names_used;
    uint64_t calls;
    bx_buf call; /* under way */
    bool is_in_hash;
    uint64_t hash_bytes;
    bx_sha256_parts hash;
    uint64_t out_bytes; /* of the output under way, in blobs */
    uint32_t *blobs;    /* of it */
    size_t blobs_count;
    size_t blobs_size;
    uint64_t output_bytes[2];
    bx_sha256_parts output[2];
    size_t scratch_used;
    uint8_t scratch[BX_RECORD_BLOB_BYTES]; /* of the output, what came in
                                            * pieces and is no blob yet */
};

/* Whether what is told is taken in; a writer that cannot go on leaves out what
 * it is given. */
static bool is_open(const bx_recorder *recorder)
{
    return recorder->error == NULL;
}

bool bx_recorder_is_fine(const bx_recorder *recorder)
{
    return is_open(recorder) && bx_record_writer_is_fine(recorder->writer);
}

static void check_put(bx_recorder *recorder, int failed, const char *what)
{
    if (failed < 0 && recorder->error == NULL)
        bx_error_set(&recorder->error, BX_ERR_LIMIT, "recording: %s", what);
}

static void check_given(bx_recorder *recorder, int failed)
{
    check_put(recorder, failed, "one call gives too much");
}

static void put_record(bx_recorder *recorder, bx_record_type type,
                       const void *head, size_t head_bytes, const void *body,
                       size_t body_bytes)
{
    (void)bx_record_writer_put(recorder->writer, type, head, head_bytes, body,
                               body_bytes, &recorder->error);
}

/* ---- calls ---------------------------------------------------------- */

/* The name's number; the first time, the name before it. */
static uint32_t number_of(bx_recorder *recorder, unsigned number)
{
    const char *name = recorder->names[number];

    if (recorder->numbers[number] == 0) {
        put_record(recorder, BX_RECORD_NAME, name, strlen(name), NULL, 0);
        recorder->numbers[number] = ++recorder->names_used;
    }
    return recorder->numbers[number] - 1;
}

void bx_recorder_call(bx_recorder *recorder, unsigned number)
{
    uint8_t varint[BX_VARINT_BYTES];
    size_t bytes;

    if (!is_open(recorder))
        return;
    if (number >= recorder->names_count || number >= BX_RECORD_NAMES) {
        bx_error_set(&recorder->error, BX_ERR_SYSTEM, "recording: call %u",
                     number);
        return;
    }
    recorder->call.len = 0;
    recorder->is_in_hash = false;
    recorder->scratch_used = 0;
    recorder->blobs_count = 0;
    recorder->out_bytes = 0;
    bytes = bx_store_varint(varint, number_of(recorder, number));
    check_given(recorder, bx_buf_append(&recorder->call, varint, bytes,
                                        BX_RECORD_MAX_BYTES));
}

void bx_recorder_value(bx_recorder *recorder, uint64_t value)
{
    if (is_open(recorder))
        check_given(recorder, bx_call_put_value(&recorder->call, value));
}

void bx_recorder_text(bx_recorder *recorder, const void *text, size_t bytes)
{
    if (is_open(recorder))
        check_given(recorder, bx_call_put_text(&recorder->call, text, bytes));
}

void bx_recorder_hash(bx_recorder *recorder, const void *data, size_t bytes,
                      bool is_last)
{
    uint8_t digest[BX_DIGEST_BYTES];

    if (!is_open(recorder))
        return;
    if (!recorder->is_in_hash) {
        bx_sha256_begin(&recorder->hash);
        recorder->hash_bytes = 0;
        recorder->is_in_hash = true;
    }
    bx_sha256_add(&recorder->hash, data, bytes);
    recorder->hash_bytes += bytes;
    if (!is_last)
        return;
    recorder->is_in_hash = false;
    bx_sha256_end(&recorder->hash, digest);
    check_given(recorder, bx_call_put_hash(&recorder->call,
                                           recorder->hash_bytes, digest));
}

void bx_recorder_answer(bx_recorder *recorder, int64_t answer)
{
    if (is_open(recorder))
        check_given(recorder, bx_call_put_answer(&recorder->call, answer));
}

void bx_recorder_output(bx_recorder *recorder, unsigned stream,
                        const void *data, size_t bytes)
{
    if (!is_open(recorder))
        return;
    bx_sha256_add(&recorder->output[stream & 1], data, bytes);
    recorder->output_bytes[stream & 1] += bytes;
}

void bx_recorder_call_end(bx_recorder *recorder)
{
    if (!is_open(recorder))
        return;
    put_record(recorder, BX_RECORD_CALL, recorder->call.data,
               recorder->call.len, NULL, 0);
    /* One that the run's end cut off is left out. */
    if (recorder->error == NULL && !bx_record_writer_is_cut(recorder->writer))
        recorder->calls++;
}

void bx_recorder_need(bx_recorder *recorder, const char *kind,
                      const char *target)
{
    size_t kind_bytes = strnlen(kind, BX_RECORD_NAME_BYTES);
    char head[BX_RECORD_NAME_BYTES + 1];

    if (!is_open(recorder))
        return;
    memcpy(head, kind, kind_bytes);
    head[kind_bytes] = '\0';
    put_record(recorder, BX_RECORD_NEED, head, kind_bytes + 1, target,
               strnlen(target, TARGET_BYTES));
}

/* ---- what the guest is given ---------------------------------------- */

static void keep_blob(bx_recorder *recorder, const void *data, size_t bytes)
{
    uint32_t number;

    if (bx_record_writer_blob(recorder->writer, data, bytes, &number,
                              &recorder->error) < 0)
        return;
    if (recorder->blobs_count == recorder->blobs_size) {
        size_t size = recorder->blobs_size == 0 ? 16 : recorder->blobs_size * 2;
        uint32_t *grown = realloc(recorder->blobs, size * sizeof(*grown));

        if (grown == NULL) {
            bx_error_set_nomem(&recorder->error);
            return;
        }
        recorder->blobs = grown;
        recorder->blobs_size = size;
    }
    recorder->blobs[recorder->blobs_count++] = number;
    recorder->out_bytes += bytes;
}

static void flush_scratch(bx_recorder *recorder)
{
    size_t bytes = recorder->scratch_used;

    recorder->scratch_used = 0;
    keep_blob(recorder, recorder->scratch, bytes);
}

/* Blobs are cut at the same places however the bytes come; those that come at
 * once are not copied first. */
static void add_out(bx_recorder *recorder, const uint8_t *data, size_t bytes,
                    bool is_last)
{
    while (bytes > 0 && recorder->error == NULL) {
        size_t room = BX_RECORD_BLOB_BYTES - recorder->scratch_used;
        size_t part = bytes < room ? bytes : room;

        if (recorder->scratch_used == 0 &&
            (part == BX_RECORD_BLOB_BYTES ||
             (is_last && part > BX_RECORD_INLINE_BYTES))) {
            keep_blob(recorder, data, part);
        } else {
            memcpy(recorder->scratch + recorder->scratch_used, data, part);
            recorder->scratch_used += part;
            if (recorder->scratch_used == BX_RECORD_BLOB_BYTES)
                flush_scratch(recorder);
        }
        data += part;
        bytes -= part;
    }
}

static void end_out(bx_recorder *recorder)
{
    int failed;

    if (recorder->blobs_count == 0 &&
        recorder->scratch_used <= BX_RECORD_INLINE_BYTES) {
        failed = bx_call_put_out(&recorder->call, recorder->scratch,
                                 recorder->scratch_used);
    } else {
        if (recorder->scratch_used > 0)
            flush_scratch(recorder);
        failed = bx_call_put_blobs(&recorder->call, recorder->out_bytes,
                                   recorder->blobs, recorder->blobs_count);
    }
    recorder->scratch_used = 0;
    recorder->blobs_count = 0;
    recorder->out_bytes = 0;
    check_put(recorder, failed, "one call brought too much");
}

void bx_recorder_out(bx_recorder *recorder, const void *data, size_t bytes,
                     bool is_last)
{
    if (!is_open(recorder))
        return;
    add_out(recorder, data, bytes, is_last);
    if (is_last && recorder->error == NULL)
        end_out(recorder);
}

/* ---- its life ------------------------------------------------------- */

static void put_field(bx_recorder *recorder, bx_record_tag tag,
                      const uint8_t *data, size_t bytes)
{
    uint8_t head[2] = { (uint8_t)tag, 0 };

    while (bytes > 0 && recorder->error == NULL) {
        size_t part = bytes < FIELD_BYTES ? bytes : FIELD_BYTES;

        put_record(recorder, BX_RECORD_FIELD, head, sizeof(head), data, part);
        head[1] = 1; /* it goes on */
        data += part;
        bytes -= part;
    }
}

static void put_head(bx_recorder *recorder, const bx_record_head *head)
{
    uint8_t facts[BX_RECORD_FACTS_BYTES];
    const void *data;
    size_t bytes;

    for (unsigned tag = 1; tag < BX_TAGS; tag++) {
        bx_record_head_field(head, (bx_record_tag)tag, facts, &data, &bytes);
        put_field(recorder, (bx_record_tag)tag, data, bytes);
    }
}

bx_recorder *bx_recorder_new(const bx_recorder_config *config, bx_error **err)
{
    bx_recorder *recorder = malloc(sizeof(*recorder));

    if (recorder == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    memset(recorder, 0, offsetof(bx_recorder, scratch));
    recorder->names = config->names;
    recorder->names_count = config->names_count;
    bx_sha256_begin(&recorder->output[0]);
    bx_sha256_begin(&recorder->output[1]);
    recorder->writer =
        bx_record_writer_new(config->sink, config->max_bytes, config->run, err);
    if (recorder->writer != NULL) {
        put_head(recorder, config->head);
        return recorder;
    }
    bx_recorder_free(recorder);
    return NULL;
}

int bx_recorder_finish(bx_recorder *recorder, bx_record_end *end,
                       bx_error **err)
{
    bx_autobuf bx_buf bytes = BX_BUF_INIT;

    end->calls = recorder->calls;
    for (int i = 0; i < 2; i++) {
        end->output[i].bytes = recorder->output_bytes[i];
        bx_sha256_end(&recorder->output[i], end->output[i].digest);
    }
    if (recorder->error == NULL && bx_record_end_put(end, &bytes) < 0)
        bx_error_set_nomem(&recorder->error);
    if (recorder->error == NULL)
        (void)bx_record_writer_finish(recorder->writer, &bytes,
                                      &recorder->error);
    if (recorder->error == NULL)
        return 0;
    if (err != NULL)
        *err = bx_take(recorder->error);
    return -1;
}

void bx_recorder_free(bx_recorder *recorder)
{
    if (recorder == NULL)
        return;
    bx_record_writer_free(recorder->writer);
    bx_error_free(recorder->error);
    bx_buf_clear(&recorder->call);
    free(recorder->blobs);
    free(recorder);
}
