/* Raw host functions, recorded and played. What a guest passes is hostile: a
 * range that is none is taken as empty, and the function itself refuses it. */
#include <jansson.h>
#include <string.h>

#include "sandbox/record_spec.h"
#include "wasi/state.h"

/* The bytes of a pointer and its length; none when they lie outside. */
static void *range(const bx_relay *relay, size_t i, size_t *ret_bytes)
{
    uint32_t bytes = relay->args[i + 1].u32;
    void *at = bx_guest_range(relay->guest, relay->args[i].u32, bytes);

    *ret_bytes = at == NULL ? 0 : bytes;
    return at;
}

/* Copies of the iovecs as they are before the call: what is read may overwrite
 * them. As src/wasi/fd_io.c has it, they name no more than the memory holds. */
static void load_pieces(bx_relay *relay, size_t i)
{
    uint32_t count = relay->args[i + 1].u32;
    const uint8_t *at = bx_guest_range(relay->guest, relay->args[i].u32,
                                       (uint64_t)count * BX_IOVEC_BYTES);
    uint64_t total = 0;

    relay->record->pieces_count = 0;
    relay->pieces_bytes = 0;
    if (at == NULL || count > BX_IOVECS_MAX)
        return;
    for (uint32_t n = 0; n < count; n++, at += BX_IOVEC_BYTES) {
        struct iovec *piece = &relay->record->pieces[n];

        piece->iov_len = bx_load32(at + 4);
        piece->iov_base =
            bx_guest_range(relay->guest, bx_load32(at), piece->iov_len);
        if (piece->iov_base == NULL)
            return;
        if (piece->iov_len > relay->guest->size - total)
            piece->iov_len = relay->guest->size - total;
        total += piece->iov_len;
    }
    relay->record->pieces_count = count;
    relay->pieces_bytes = total;
}

/* What is fit to be shown of a request: its method and its address without
 * query and user. Its header fields are the guest's own business. */
static void put_request(bx_relay *relay, const char *text, size_t bytes)
{
    json_t *root = text == NULL
                       ? NULL
                       : json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *method = json_string_value(json_object_get(root, "method"));
    const char *url = json_string_value(json_object_get(root, "url"));
    const char *program =
        json_string_value(json_array_get(json_object_get(root, "argv"), 0));
    const char *host = url == NULL ? NULL : strstr(url, "://");
    const char *user =
        host == NULL ? NULL : memchr(host, '@', strcspn(host + 3, "/?#") + 3);
    char shown[BX_RECORD_SHORT_BYTES];

    if (host != NULL)
        snprintf(shown, sizeof(shown), "%s %.*s://%.*s",
                 method == NULL ? "GET" : method, (int)(host - url), url,
                 (int)strcspn(user == NULL ? host + 3 : user + 1, "?#"),
                 user == NULL ? host + 3 : user + 1);
    else
        snprintf(shown, sizeof(shown), "%s", program == NULL ? "" : program);
    json_decref(root);
    bx_tape_text(relay->tape, shown, strlen(shown));
    bx_tape_hash(relay->tape, text, bytes, true);
}

static void put_pieces(bx_relay *relay)
{
    for (size_t i = 0; i < relay->record->pieces_count; i++)
        bx_tape_hash(relay->tape, relay->record->pieces[i].iov_base,
                     relay->record->pieces[i].iov_len, false);
    bx_tape_hash(relay->tape, NULL, 0, true);
}

static void put_inputs(bx_relay *relay, const char *types)
{
    for (size_t i = 0; relay->spec->letters[i] != '\0'; i++) {
        size_t bytes;
        const void *at;

        switch (relay->spec->letters[i]) {
        case '.':
            bx_tape_value(relay->tape, types[i] == 'I' ? relay->args[i].u64
                                                       : relay->args[i].u32);
            break;
        case 'p':
            at = range(relay, i, &bytes);
            bx_tape_text(relay->tape, at, bytes);
            break;
        case 'd':
            at = range(relay, i, &bytes);
            bx_tape_hash(relay->tape, at, bytes, true);
            break;
        case 'j':
            at = range(relay, i, &bytes);
            put_request(relay, at, bytes);
            break;
        case 'b':
            bx_tape_value(relay->tape, relay->args[i + 1].u32);
            break;
        case 'r':
            load_pieces(relay, i);
            bx_tape_value(relay->tape, relay->pieces_bytes);
            break;
        case 'w':
            load_pieces(relay, i);
            put_pieces(relay);
            break;
        default:
            break;
        }
    }
}

/* ---- outputs -------------------------------------------------------- */

/* Bytes of the guest that are kept, or brought; false: stop. */
bool bx_relay_move(const bx_relay *relay, uint32_t ptr, uint64_t bytes)
{
    void *at = bx_guest_range(relay->guest, ptr, bytes);

    if (at != NULL)
        return bx_tape_out(relay->tape, at, bytes, true);
    if (relay->tape->player != NULL)
        bx_player_refuse(relay->tape->player,
                         "it gives a place outside of its memory");
    return !bx_tape_is_playing(relay->tape);
}

/* The first bytes of the pieces. */
static bool move_pieces(const bx_relay *relay, uint64_t bytes)
{
    const bx_record *record = relay->record;

    for (size_t i = 0; i < record->pieces_count && bytes > 0; i++) {
        const struct iovec *piece = &record->pieces[i];
        bool is_last = piece->iov_len >= bytes;
        size_t part = is_last ? bytes : piece->iov_len;

        if (!bx_tape_out(relay->tape, piece->iov_base, part, is_last))
            return false;
        if (is_last)
            return true;
        bytes -= part;
    }
    return bx_tape_out(relay->tape, NULL, 0, true);
}

static void write_out(bx_stream *stream, const char *data, size_t bytes)
{
    size_t left = 0;

    while (stream->fd >= 0 && bytes > 0) {
        ssize_t done = write(stream->fd, data, bytes);

        if (done <= 0)
            return;
        data += done;
        bytes -= (size_t)done;
    }
    if (stream->capture == NULL)
        return;
    if (stream->capture->len < stream->capture_bytes)
        left = stream->capture_bytes - stream->capture->len;
    stream->is_cut |= bytes > left;
    (void)bx_buf_append(stream->capture, data, bytes < left ? bytes : left,
                        SIZE_MAX);
}

/* Which standard stream a descriptor is: 1 or 2; 0: none. */
static uint8_t stream_of(const bx_relay *relay)
{
    const bx_instance *instance = relay->instance;
    const bx_fd *fd = bx_fd_find(&instance->wasi->table, relay->args[0].u32);

    if (fd == NULL || fd->kind != BX_FD_STREAM)
        return 0;
    return fd->stream == &instance->streams[1]   ? 1
           : fd->stream == &instance->streams[2] ? 2
                                                 : 0;
}

/* What was written goes to the standard streams in a replay too. */
static bool move_written(bx_relay *relay, uint8_t stream)
{
    uint64_t bytes = relay->used;

    if (!bx_tape_out(relay->tape, &stream, sizeof(stream), true))
        return false;
    if (stream == 0 || stream > 2)
        return true;
    for (size_t i = 0; i < relay->record->pieces_count && bytes > 0; i++) {
        const struct iovec *piece = &relay->record->pieces[i];
        size_t part = piece->iov_len < bytes ? piece->iov_len : bytes;

        bx_tape_output(relay->tape, stream - 1u, piece->iov_base, part);
        if (bx_tape_is_playing(relay->tape))
            write_out(&relay->instance->streams[stream], piece->iov_base, part);
        bytes -= part;
    }
    return true;
}

static bool move_used(bx_relay *relay)
{
    int at = relay->spec->used_at;
    const void *place;

    if (at < 0)
        return true;
    place = bx_guest_range(relay->guest, relay->args[at].u32, 4);
    relay->used = place == NULL ? 0 : bx_load32(place);
    return bx_tape_out(relay->tape, &relay->used, sizeof(relay->used), true);
}

static bool move_buffer(bx_relay *relay, size_t i)
{
    uint32_t bytes = relay->args[i + 1].u32;

    if (relay->spec->used_at >= 0 && relay->used < bytes)
        bytes = relay->used;
    return bx_relay_move(relay, relay->args[i].u32, bytes);
}

static bool move_output(bx_relay *relay, size_t i)
{
    uint32_t ptr = relay->args[i].u32;

    switch (relay->spec->letters[i]) {
    case '4':
        return bx_relay_move(relay, ptr, 4);
    case '8':
        return bx_relay_move(relay, ptr, 8);
    case 'f':
        return bx_relay_move(relay, ptr, BX_FDSTAT_BYTES);
    case 's':
        return bx_relay_move(relay, ptr, BX_FILESTAT_BYTES);
    case 'z':
        return bx_relay_move(relay, ptr, BX_SNAPSHOT0_FILESTAT_BYTES);
    case 'b':
        return move_buffer(relay, i);
    case 'r':
        return move_pieces(relay, relay->used);
    default:
        return true;
    }
}

/* In a replay, the number of bytes last: as the function itself stores it. */
static void store_used(const bx_relay *relay)
{
    int at = relay->spec->used_at;
    void *place;

    if (at < 0 || !bx_tape_is_playing(relay->tape))
        return;
    place = bx_guest_range(relay->guest, relay->args[at].u32, 4);
    if (place != NULL)
        bx_store32(place, relay->used);
}

static bool move_outputs(bx_relay *relay, int64_t answer, uint8_t stream)
{
    if (answer != 0 && answer != BX_WASI_ERANGE)
        return true;
    if (!move_used(relay))
        return false;
    for (size_t i = 0; answer == 0 && relay->spec->letters[i] != '\0'; i++) {
        if (!move_output(relay, i))
            return false;
    }
    if (answer == 0 && relay->spec->is_written && !move_written(relay, stream))
        return false;
    store_used(relay);
    return true;
}

/* ---- all ------------------------------------------------------------ */

void bx_record_call_end(bx_instance *instance)
{
    bx_tape *tape = &instance->record->tape;

    bx_tape_call_end(tape);
    /* A guest that computes until it is stopped makes no further call. */
    if (tape->player != NULL && bx_player_is_stopped(tape->player))
        instance->run.deadline_ns = 0;
}

void bx_record_fuel(bx_instance *instance, uint64_t before)
{
    bx_tape *tape = &instance->record->tape;
    uint64_t left = bx_instance_fuel(instance);
    uint64_t taken = before - left;

    if (!instance->sandbox->variant->has_fuel)
        return;
    if (!bx_tape_out(tape, &taken, sizeof(taken), true) || tape->player == NULL)
        return;
    (void)bx_instance_set_fuel(instance, left < taken ? 0 : left - taken, NULL);
}

static int32_t relay_plain(bx_relay *relay, bx_host_fn *function, void *host)
{
    uint64_t fuel = 0;
    int64_t answer = 0;
    uint8_t stream = 0;

    put_inputs(relay, relay->spec->params);
    if (!bx_tape_enter(relay->tape))
        return BX_HOST_STOP;
    if (relay->spec->is_written)
        stream = stream_of(relay);
    if (relay->spec->takes_fuel && relay->instance->sandbox->variant->has_fuel)
        fuel = bx_instance_fuel(relay->instance);
    if (relay->spec->is_always || !bx_tape_is_playing(relay->tape))
        answer = function(host, relay->guest, relay->args);
    answer = bx_tape_answer(relay->tape, answer);
    if (relay->spec->takes_fuel)
        bx_record_fuel(relay->instance, fuel);
    if (!move_outputs(relay, answer, stream))
        return BX_HOST_STOP;
    return (int32_t)answer;
}

int32_t bx_record_call(bx_instance *instance, unsigned number,
                       bx_host_fn *function, void *host, const bx_guest *guest,
                       const bx_raw *args)
{
    bx_record *record = instance->record;
    bx_relay relay = { .instance = instance,
                       .record = record,
                       .tape = &record->tape,
                       .spec = bx_record_spec(number),
                       .guest = guest,
                       .args = args };
    int32_t answer;

    if (relay.tape->is_over || relay.spec == NULL)
        return bx_tape_is_playing(relay.tape) ? BX_WASI_EBADF
                                              : function(host, guest, args);
    bx_tape_call(relay.tape, number);
    answer = relay.spec->is_own ? bx_relay_own(&relay, function, host)
                                : relay_plain(&relay, function, host);
    if (!bx_tape_is_fine(relay.tape))
        return BX_HOST_STOP;
    bx_record_call_end(instance);
    return answer;
}
