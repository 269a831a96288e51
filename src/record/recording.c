#include "record/recording.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"

typedef struct blob_place {
    uint64_t offset;
    uint32_t bytes;
} blob_place;

struct bx_recording {
    int fd;
    char *file; /* its name, for messages */
    uint64_t size;
    bx_record_head head;
    bx_record_end end;
    bool has_end;
    char *names[BX_RECORD_NAMES];
    size_t names_count;
    blob_place *blobs;
    size_t blobs_count;
    size_t blobs_size;
    uint64_t calls; /* seen while it was checked */
    bx_buf field;   /* under way; later a need */
    unsigned field_tag;
    /* where the reading is */
    uint64_t block_at; /* of the block in memory */
    uint64_t next_at;  /* of the one behind it */
    size_t at;         /* of the next record, in block */
    size_t block_bytes;
    uint64_t call_number;
    uint8_t block[BX_RECORD_BLOCK_BYTES];
};

/* One record, borrowed from the block. */
typedef struct record {
    unsigned type;
    const uint8_t *data;
    size_t bytes;
} record;

static int read_at(const bx_recording *recording, uint64_t offset, void *data,
                   size_t bytes, bx_error **err)
{
    char *at = data;

    while (bytes > 0) {
        ssize_t done = pread(recording->fd, at, bytes, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return bx_error_set_errno(err, errno, "%s", recording->file);
        if (done == 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "%s: cut: it ends at byte %llu, in the middle "
                                "of a block",
                                recording->file, (unsigned long long)offset);
        at += done;
        offset += (uint64_t)done;
        bytes -= (size_t)done;
    }
    return 0;
}

static int fail(const bx_recording *recording, uint64_t offset,
                const char *what, bx_error **err)
{
    return bx_error_set(err, BX_ERR_INVALID, "%s: byte %llu: %s",
                        recording->file, (unsigned long long)offset, what);
}

/* ---- blocks --------------------------------------------------------- */

/* Load the block at next_at. Returns 0 with block_bytes 0 at the end. chain:
 * compared, and gone on with; NULL: it was when the file was opened. */
static int load_block(bx_recording *recording, bx_sha256_parts *chain,
                      bx_error **err)
{
    uint64_t at = recording->next_at;
    uint8_t digest[BX_DIGEST_BYTES];
    uint8_t check[BX_RECORD_CHECK_BYTES];
    bx_sha256_parts so_far;
    uint8_t length[4];
    uint32_t bytes;

    if (read_at(recording, at, length, sizeof(length), err) < 0)
        return -1;
    bytes = bx_load32(length);
    if (bytes > BX_RECORD_BLOCK_BYTES)
        return fail(recording, at, "altered: a block that is too long", err);
    recording->block_at = at + sizeof(length);
    recording->block_bytes = bytes;
    recording->at = 0;
    if (bytes > 0 &&
        (read_at(recording, at + 4, recording->block, bytes, err) < 0 ||
         read_at(recording, at + 4 + bytes, check, sizeof(check), err) < 0))
        return -1;
    recording->next_at = at + 4 + bytes + sizeof(check);
    if (chain == NULL)
        return 0;
    bx_sha256_add(chain, length, sizeof(length));
    bx_sha256_add(chain, recording->block, bytes);
    if (bytes == 0)
        return 0;
    so_far = *chain;
    bx_sha256_end(&so_far, digest);
    if (memcmp(digest, check, sizeof(check)) != 0)
        return fail(recording, at,
                    "altered: this block is not what was written", err);
    bx_sha256_add(chain, check, sizeof(check));
    return 0;
}

static int check_end(const bx_recording *recording, bx_sha256_parts *chain,
                     bx_error **err)
{
    uint8_t digest[BX_DIGEST_BYTES];
    uint8_t there[BX_DIGEST_BYTES];
    uint64_t at = recording->block_at;

    if (read_at(recording, at, there, sizeof(there), err) < 0)
        return -1;
    bx_sha256_end(chain, digest);
    if (!bx_digest_equals(digest, there))
        return fail(recording, at, "altered: its end is not what was written",
                    err);
    if (recording->size != at + sizeof(there))
        return fail(recording, at + sizeof(there),
                    "altered: something follows its end", err);
    return 0;
}

static int next_record(bx_recording *recording, record *ret, bx_error **err)
{
    bx_cursor cursor = bx_cursor_of(recording->block + recording->at,
                                    recording->block_bytes - recording->at);
    uint64_t offset = recording->block_at + recording->at;

    ret->type = bx_cursor_u8(&cursor);
    ret->bytes = bx_cursor_u32(&cursor);
    ret->data = bx_cursor_take(&cursor, ret->bytes);
    if (cursor.is_broken)
        return fail(recording, offset,
                    "malformed: a record that passes its "
                    "block's end",
                    err);
    recording->at += BX_RECORD_HEAD_BYTES + ret->bytes;
    return 0;
}

/* ---- checking ------------------------------------------------------- */

static int end_field(bx_recording *recording, bx_error **err)
{
    unsigned tag = recording->field_tag;
    int result;

    if (tag == 0)
        return 0;
    recording->field_tag = 0;
    result = bx_record_head_set(&recording->head, tag, recording->field.data,
                                recording->field.len, err);
    recording->field.len = 0;
    return result;
}

static int take_field(bx_recording *recording, const record *at, bx_error **err)
{
    if (at->bytes < 3 || at->data[1] > 1 || recording->names_count > 0 ||
        recording->blobs_count > 0 || recording->calls > 0)
        return bx_error_set(err, BX_ERR_INVALID, "a field out of place");
    if (at->data[1] == 0 && end_field(recording, err) < 0)
        return -1;
    if (at->data[1] == 1 && recording->field_tag != at->data[0])
        return bx_error_set(err, BX_ERR_INVALID, "a field without its begin");
    recording->field_tag = at->data[0];
    if (recording->field_tag == 0 || recording->field_tag >= BX_TAGS)
        return bx_error_set(err, BX_ERR_INVALID, "field %u: unknown",
                            recording->field_tag);
    return bx_buf_append(&recording->field, at->data + 2, at->bytes - 2,
                         BX_RECORD_FIELD_BYTES) < 0
               ? bx_error_set(err, BX_ERR_LIMIT,
                              "field %u: more than %u bytes, or no memory",
                              recording->field_tag, BX_RECORD_FIELD_BYTES)
               : 0;
}

static int take_name(bx_recording *recording, const record *at, bx_error **err)
{
    char *name;

    if (recording->names_count == BX_RECORD_NAMES || at->bytes == 0 ||
        at->bytes > BX_RECORD_NAME_BYTES ||
        memchr(at->data, '\0', at->bytes) != NULL)
        return bx_error_set(err, BX_ERR_INVALID, "a malformed name");
    name = strndup((const char *)at->data, at->bytes);
    if (name == NULL)
        return bx_error_set_nomem(err);
    recording->names[recording->names_count++] = name;
    return 0;
}

static int take_blob(bx_recording *recording, const record *at, bx_error **err)
{
    if (at->bytes == 0 || at->bytes > BX_RECORD_BLOB_BYTES)
        return bx_error_set(err, BX_ERR_INVALID, "a blob of %zu bytes",
                            at->bytes);
    if (recording->blobs_count == recording->blobs_size) {
        size_t size =
            recording->blobs_size == 0 ? 64 : recording->blobs_size * 2;
        blob_place *grown = realloc(recording->blobs, size * sizeof(*grown));

        if (grown == NULL)
            return bx_error_set_nomem(err);
        recording->blobs = grown;
        recording->blobs_size = size;
    }
    recording->blobs[recording->blobs_count++] = (blob_place){
        .offset = recording->block_at + (uint64_t)(at->data - recording->block),
        .bytes = (uint32_t)at->bytes,
    };
    return 0;
}

/* They are there, and hold as many bytes as is said. */
static bool are_blobs(const bx_recording *recording, const bx_call_part *part)
{
    bx_cursor numbers = part->blobs;
    uint64_t bytes = 0;

    for (uint64_t i = 0; i < part->count; i++) {
        uint64_t number = bx_cursor_varint(&numbers);

        if (number >= recording->blobs_count)
            return false;
        bytes += recording->blobs[number].bytes;
    }
    return !numbers.is_broken && bytes == part->value;
}

/* Inputs, one answer, outputs. */
static bool is_call(const bx_recording *recording, bx_cursor *cursor)
{
    bool is_answered = false;
    bx_call_part part;

    while (bx_call_next(cursor, &part)) {
        bool is_out = part.kind > BX_PART_ANSWER;

        if (part.kind == BX_PART_ANSWER ? is_answered : is_out != is_answered)
            return false;
        if (part.kind == BX_PART_BLOBS && !are_blobs(recording, &part))
            return false;
        is_answered |= part.kind == BX_PART_ANSWER;
    }
    return is_answered && !cursor->is_broken;
}

static int take_call(bx_recording *recording, const record *at, bx_error **err)
{
    bx_cursor cursor = bx_cursor_of(at->data, at->bytes);
    uint64_t name = bx_cursor_varint(&cursor);

    if (cursor.is_broken || name >= recording->names_count)
        return bx_error_set(err, BX_ERR_INVALID, "a call without a name");
    if (!is_call(recording, &cursor))
        return bx_error_set(err, BX_ERR_INVALID, "a malformed call");
    recording->calls++;
    return 0;
}

/* "fs.read": it is shown as it is. */
static bool is_kind(const uint8_t *at, const uint8_t *end)
{
    while (at < end && ((*at >= 'a' && *at <= 'z') || *at == '.'))
        at++;
    return at == end;
}

static int take_need(const record *at, bx_error **err)
{
    const uint8_t *end = memchr(at->data, '\0', at->bytes);

    if (end == NULL || end == at->data || !is_kind(at->data, end) ||
        memchr(end + 1, '\0', at->bytes - 1 - (size_t)(end - at->data)) != NULL)
        return bx_error_set(err, BX_ERR_INVALID, "a malformed need");
    return 0;
}

static int take_end(bx_recording *recording, const record *at, bx_error **err)
{
    if (bx_record_end_parse(at->data, at->bytes, &recording->end, err) < 0)
        return -1;
    recording->has_end = true;
    if (recording->end.calls != recording->calls)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%llu calls, and its end says %llu",
                            (unsigned long long)recording->calls,
                            (unsigned long long)recording->end.calls);
    return 0;
}

static int take(bx_recording *recording, const record *at, bx_error **err)
{
    if (recording->has_end)
        return bx_error_set(err, BX_ERR_INVALID, "a record behind the end");
    if (at->type == BX_RECORD_FIELD)
        return take_field(recording, at, err);
    if (end_field(recording, err) < 0)
        return -1;
    switch (at->type) {
    case BX_RECORD_NAME:
        return take_name(recording, at, err);
    case BX_RECORD_BLOB:
        return take_blob(recording, at, err);
    case BX_RECORD_CALL:
        return take_call(recording, at, err);
    case BX_RECORD_NEED:
        return take_need(at, err);
    case BX_RECORD_END:
        return take_end(recording, at, err);
    default:
        return bx_error_set(err, BX_ERR_INVALID, "a record of type %u",
                            at->type);
    }
}

static int check_block(bx_recording *recording, bx_error **err)
{
    record at;

    while (recording->at < recording->block_bytes) {
        uint64_t offset = recording->block_at + recording->at;

        if (next_record(recording, &at, err) < 0)
            return -1;
        if (take(recording, &at, err) < 0)
            return bx_error_wrap(err, "%s: byte %llu: malformed",
                                 recording->file, (unsigned long long)offset);
    }
    return 0;
}

static int check_start(bx_recording *recording, bx_sha256_parts *chain,
                       bx_error **err)
{
    uint8_t start[BX_RECORD_START_BYTES];

    if (recording->size < sizeof(start) ||
        read_at(recording, 0, start, sizeof(start), err) < 0 ||
        memcmp(start, BX_RECORD_MAGIC, BX_RECORD_MAGIC_BYTES) != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: not a recording; expected what --record wrote",
                            recording->file);
    if (bx_load32(start + BX_RECORD_MAGIC_BYTES) != BX_RECORD_VERSION)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%s: a recording of version %u; this program reads "
                            "version %u",
                            recording->file,
                            bx_load32(start + BX_RECORD_MAGIC_BYTES),
                            BX_RECORD_VERSION);
    bx_sha256_begin(chain);
    bx_sha256_add(chain, start, sizeof(start));
    return 0;
}

static int check(bx_recording *recording, bx_error **err)
{
    bx_sha256_parts chain;

    if (check_start(recording, &chain, err) < 0)
        return -1;
    recording->next_at = BX_RECORD_START_BYTES;
    do {
        if (load_block(recording, &chain, err) < 0 ||
            check_block(recording, err) < 0)
            return -1;
    } while (recording->block_bytes > 0);
    if (check_end(recording, &chain, err) < 0)
        return -1;
    if (!recording->has_end)
        return fail(recording, recording->block_at, "malformed: it has no end",
                    err);
    if (recording->head.module_name == NULL)
        return fail(recording, BX_RECORD_START_BYTES,
                    "malformed: it names no module", err);
    return 0;
}

bx_recording *bx_recording_open(int fd, const char *name, bx_error **err)
{
    bx_recording *recording = malloc(sizeof(*recording));
    struct stat stat;

    if (recording == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    memset(recording, 0, offsetof(bx_recording, block));
    recording->fd = fd;
    recording->file = strdup(name);
    if (recording->file == NULL) {
        bx_error_set_nomem(err);
    } else if (fstat(fd, &stat) < 0) {
        bx_error_set_errno(err, errno, "%s", name);
    } else if (!S_ISREG(stat.st_mode)) {
        bx_error_set(err, BX_ERR_INVALID, "%s: expected a file", name);
    } else {
        recording->size = (uint64_t)stat.st_size;
        if (check(recording, err) == 0) {
            bx_recording_rewind(recording);
            return recording;
        }
    }
    bx_recording_free(recording);
    return NULL;
}

void bx_recording_free(bx_recording *recording)
{
    if (recording == NULL)
        return;
    bx_record_head_clear(&recording->head);
    bx_record_end_clear(&recording->end);
    for (size_t i = 0; i < recording->names_count; i++)
        free(recording->names[i]);
    bx_buf_clear(&recording->field);
    free(recording->blobs);
    free(recording->file);
    free(recording);
}

const bx_record_head *bx_recording_head(const bx_recording *recording)
{
    return &recording->head;
}

const bx_record_end *bx_recording_end(const bx_recording *recording)
{
    return &recording->end;
}

/* ---- reading -------------------------------------------------------- */

void bx_recording_rewind(bx_recording *recording)
{
    recording->next_at = BX_RECORD_START_BYTES;
    recording->block_bytes = 0;
    recording->at = 0;
    recording->call_number = 0;
}

/* What was checked may have been changed since: it is looked at as if it had
 * not been. */
static int give(bx_recording *recording, const record *at, bx_recorded *ret,
                bx_error **err)
{
    bx_cursor cursor = bx_cursor_of(at->data, at->bytes);
    uint64_t name;

    *ret = (bx_recorded){ .type = (bx_record_type)at->type,
                          .number = recording->call_number + 1 };
    if (at->type == BX_RECORD_NEED) {
        if (take_need(at, err) < 0)
            return -1;
        recording->field.len = 0; /* a copy, with a NUL at its end */
        if (bx_buf_append(&recording->field, at->data, at->bytes, SIZE_MAX) < 0)
            return bx_error_set_nomem(err);
        ret->name = recording->field.data;
        ret->target = ret->name + strlen(ret->name) + 1;
        return 0;
    }
    if (at->type == BX_RECORD_END)
        return 0;
    name = bx_cursor_varint(&cursor);
    if (cursor.is_broken || name >= recording->names_count)
        return bx_error_set(err, BX_ERR_INVALID, "%s: changed while it is read",
                            recording->file);
    recording->call_number++;
    ret->name = recording->names[name];
    ret->parts = cursor.at;
    ret->bytes = cursor.left;
    return 0;
}

int bx_recording_next(bx_recording *recording, bx_recorded *ret, bx_error **err)
{
    record at;

    for (;;) {
        size_t before = recording->at;

        if (recording->at >= recording->block_bytes) {
            if (load_block(recording, NULL, err) < 0)
                return -1;
            if (recording->block_bytes == 0)
                return bx_error_set(err, BX_ERR_INVALID,
                                    "%s: changed while it is read",
                                    recording->file);
            continue;
        }
        if (next_record(recording, &at, err) < 0)
            return -1;
        if (at.type == BX_RECORD_END)
            recording->at = before;
        if (at.type >= BX_RECORD_CALL && at.type <= BX_RECORD_END)
            return give(recording, &at, ret, err);
    }
}

int bx_recording_blob(bx_recording *recording, uint64_t number, void *ret_data,
                      size_t *ret_bytes, bx_error **err)
{
    const blob_place *place;

    if (number >= recording->blobs_count)
        return bx_error_set(err, BX_ERR_INVALID, "%s: changed while it is read",
                            recording->file);
    place = &recording->blobs[number];
    *ret_bytes = place->bytes;
    return read_at(recording, place->offset, ret_data, place->bytes, err);
}
