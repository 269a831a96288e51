#include "record/writer.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/guest.h"

/* Blobs that are looked for again: beyond this many, one that comes twice is
 * stored twice. 48 bytes each. */
#define KNOWN_MAX (1u << 20)
#define KNOWN_FIRST 1024u

typedef struct known_blob {
    uint8_t digest[BX_DIGEST_BYTES];
    uint32_t number;
    bool is_used;
} known_blob;

struct bx_record_writer {
    int fd;
    uint64_t max_bytes;
    uint64_t bytes; /* in the file, or on their way into it */
    bx_sha256_parts chain;
    uint32_t blobs;
    known_blob *known; /* open addressing, a power of two */
    size_t known_size;
    size_t known_count;
    size_t used; /* of block, its length field included */
    uint8_t block[4 + BX_RECORD_BLOCK_BYTES + BX_RECORD_CHECK_BYTES];
};

static int write_all(bx_record_writer *writer, const uint8_t *data,
                     size_t bytes, bx_error **err)
{
    while (bytes > 0) {
        ssize_t done = write(writer->fd, data, bytes);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return bx_error_set_errno(err, errno, "recording");
        if (done == 0)
            return bx_error_set(err, BX_ERR_SYSTEM,
                                "recording: nothing more can be written");
        data += done;
        bytes -= (size_t)done;
    }
    return 0;
}

static int start(bx_record_writer *writer, bx_error **err)
{
    uint8_t head[BX_RECORD_START_BYTES] = { 0 };

    memcpy(head, BX_RECORD_MAGIC, BX_RECORD_MAGIC_BYTES);
    bx_store32(head + BX_RECORD_MAGIC_BYTES, BX_RECORD_VERSION);
    bx_sha256_begin(&writer->chain);
    bx_sha256_add(&writer->chain, head, sizeof(head));
    return write_all(writer, head, sizeof(head), err);
}

bx_record_writer *bx_record_writer_new(int fd, uint64_t max_bytes,
                                       bx_error **err)
{
    bx_record_writer *writer;
    struct stat stat;

    if (fstat(fd, &stat) < 0) {
        bx_error_set_errno(err, errno, "recording");
        return NULL;
    }
    if (S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode)) {
        bx_error_set(err, BX_ERR_INVALID,
                     "recording: a pipe or socket; expected a file");
        return NULL;
    }
    writer = malloc(sizeof(*writer));
    if (writer == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    memset(writer, 0, offsetof(bx_record_writer, block));
    writer->fd = fd;
    writer->max_bytes = max_bytes;
    writer->bytes = BX_RECORD_START_BYTES;
    if (start(writer, err) == 0)
        return writer;
    bx_record_writer_free(writer);
    return NULL;
}

void bx_record_writer_free(bx_record_writer *writer)
{
    if (writer == NULL)
        return;
    free(writer->known);
    free(writer);
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

static int flush(bx_record_writer *writer, bx_error **err)
{
    uint8_t digest[BX_DIGEST_BYTES];
    bx_sha256_parts so_far;
    size_t bytes = writer->used;

    if (bytes == 0)
        return 0;
    bx_store32(writer->block, (uint32_t)(bytes - 4));
    bx_sha256_add(&writer->chain, writer->block, bytes);
    so_far = writer->chain;
    bx_sha256_end(&so_far, digest);
    memcpy(writer->block + bytes, digest, BX_RECORD_CHECK_BYTES);
    bx_sha256_add(&writer->chain, digest, BX_RECORD_CHECK_BYTES);
    writer->used = 0;
    return write_all(writer, writer->block, bytes + BX_RECORD_CHECK_BYTES, err);
}

int bx_record_writer_put(bx_record_writer *writer, bx_record_type type,
                         const void *head, size_t head_bytes, const void *body,
                         size_t body_bytes, bx_error **err)
{
    size_t bytes = head_bytes + body_bytes;
    uint8_t *at;

    if (bytes > BX_RECORD_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "recording: one call takes %zu bytes, at most %u",
                            bytes, BX_RECORD_MAX_BYTES);
    if (writer->used + BX_RECORD_HEAD_BYTES + bytes >
            4 + BX_RECORD_BLOCK_BYTES &&
        flush(writer, err) < 0)
        return -1;
    if (charge(writer,
               BX_RECORD_HEAD_BYTES + bytes +
                   (writer->used == 0 ? 4 + BX_RECORD_CHECK_BYTES : 0),
               err) < 0)
        return -1;
    if (writer->used == 0)
        writer->used = 4; /* its length, when it is known */
    at = writer->block + writer->used;
    at[0] = (uint8_t)type;
    bx_store32(at + 1, (uint32_t)bytes);
    at += BX_RECORD_HEAD_BYTES;
    if (head_bytes > 0)
        memcpy(at, head, head_bytes);
    if (body_bytes > 0)
        memcpy(at + head_bytes, body, body_bytes);
    writer->used += BX_RECORD_HEAD_BYTES + bytes;
    return 0;
}

/* ---- blobs ---------------------------------------------------------- */

/* Where it is, or where it would be. */
static known_blob *find(known_blob *known, size_t size, const uint8_t *digest)
{
    size_t at = (size_t)bx_load64(digest) & (size - 1);

    while (known[at].is_used &&
           memcmp(known[at].digest, digest, BX_DIGEST_BYTES) != 0)
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
        if (writer->known[i].is_used)
            *find(grown, size, writer->known[i].digest) = writer->known[i];
    }
    free(writer->known);
    writer->known = grown;
    writer->known_size = size;
    return 0;
}

int bx_record_writer_blob(bx_record_writer *writer, const void *data,
                          size_t bytes, uint32_t *ret_number, bx_error **err)
{
    uint8_t digest[BX_DIGEST_BYTES];
    bool is_kept = writer->known_count < KNOWN_MAX;
    known_blob *blob;

    if (is_kept && make_room(writer, err) < 0)
        return -1;
    bx_sha256(data, bytes, digest);
    blob = find(writer->known, writer->known_size, digest);
    if (blob->is_used) {
        *ret_number = blob->number;
        return 0;
    }
    if (bx_record_writer_put(writer, BX_RECORD_BLOB, NULL, 0, data, bytes,
                             err) < 0)
        return -1;
    *ret_number = writer->blobs++;
    if (is_kept) {
        memcpy(blob->digest, digest, sizeof(digest));
        blob->number = *ret_number;
        blob->is_used = true;
        writer->known_count++;
    }
    return 0;
}

int bx_record_writer_finish(bx_record_writer *writer, bx_error **err)
{
    uint8_t end[4 + BX_DIGEST_BYTES] = { 0 };

    if (flush(writer, err) < 0)
        return -1;
    bx_sha256_add(&writer->chain, end, 4);
    bx_sha256_end(&writer->chain, end + 4);
    return write_all(writer, end, sizeof(end), err);
}
