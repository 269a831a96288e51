/* Raw host functions, recorded and played. Which memory each one reads and
 * writes is a table. What a guest passes is hostile: a range that is none is
 * taken as empty, and the function itself refuses it. */
#include <jansson.h>
#include <pthread.h>
#include <string.h>

#include "sandbox/record.h"
#include "wasi/calls.h"
#include "wasi/state.h"

/* One letter for each parameter:
 *   .     a value
 *   -     not looked at
 *   p l   a path or name, and its length
 *   d l   bytes, and their length
 *   j l   a request as JSON, and its length
 *   w n   ciovecs to write from, and their number
 *   r n   iovecs to read into, and their number
 *   b l   a buffer that is filled, and its length
 *   u     4 bytes: how much of the iovecs or the buffer was used
 *   4 8   as many bytes; f a fdstat, s a filestat, z one of snapshot 0
 * and before them: ! the function is called in a replay too, $ it may take
 * fuel, @ it has a function of its own here. */
typedef struct call_spec {
    const char *name;
    const char *args;
} call_spec;

static const call_spec specs[] = {
    { "args_get", "@" },
    { "args_sizes_get", "44" },
    { "environ_get", "@" },
    { "environ_sizes_get", "44" },
    { "clock_res_get", ".8" },
    { "clock_time_get", "..8" },
    { "fd_advise", "...." },
    { "fd_allocate", "..." },
    { "fd_close", "." },
    { "fd_datasync", "." },
    { "fd_fdstat_get", ".f" },
    { "fd_fdstat_set_flags", ".." },
    { "fd_fdstat_set_rights", "..." },
    { "fd_filestat_get", ".s" },
    { "fd_filestat_set_size", ".." },
    { "fd_filestat_set_times", "...." },
    { "fd_pread", ".rn.u" },
    { "fd_prestat_get", ".8" },
    { "fd_prestat_dir_name", ".bl" },
    { "fd_pwrite", ".wn.u" },
    { "fd_read", ".rnu" },
    { "fd_readdir", ".bl.u" },
    { "fd_renumber", ".." },
    { "fd_seek", "...8" },
    { "fd_sync", "." },
    { "fd_tell", ".8" },
    { "fd_write", ".wnu" },
    { "path_create_directory", ".pl" },
    { "path_filestat_get", "..pls" },
    { "path_filestat_set_times", "..pl..." },
    { "path_link", "..pl.pl" },
    { "path_open", "..pl....4" },
    { "path_readlink", ".plblu" },
    { "path_remove_directory", ".pl" },
    { "path_rename", ".pl.pl" },
    { "path_symlink", "pl.pl" },
    { "path_unlink_file", ".pl" },
    { "poll_oneoff", "@" },
    { "proc_exit", "!." },
    { "proc_raise", "." },
    { "sched_yield", "" },
    { "random_get", "bl" },
    { "sock_accept", "..-" },
    { "sock_recv", ".--.--" },
    { "sock_send", ".--.-" },
    { "sock_shutdown", ".." },
    { "http_open", "jl4" },
    { "http_write", ".dl" },
    { "http_head", ".blu" },
    { "http_read", ".blu" },
    { "http_error", ".blu" },
    { "http_close", "." },
    { "spawn", "$jldl4" },
    { "tool_call", "$pldl4" },
    { "tool_list", "4" },
    { "call_head", ".blu" },
    { "call_read", "..blu" },
    { "call_error", "blu" },
    { "call_close", "." },
    { "wasi_unstable.fd_filestat_get", ".z" },
    { "wasi_unstable.fd_seek", "...8" },
    { "wasi_unstable.path_filestat_get", "..plz" },
    { "wasi_unstable.poll_oneoff", "@" },
};
#define SPECS_COUNT (sizeof(specs) / sizeof(specs[0]))
_Static_assert(SPECS_COUNT <= BX_TAPE_COMPONENT, "numbers are taken");

#define SNAPSHOT0 "wasi_unstable"
#define SNAPSHOT0_FILESTAT_BYTES 56u
#define SNAPSHOT0_SUBSCRIPTION_BYTES 56u
#define MODULES_MAX 4
#define MODULE_CALLS_MAX 64
#define ERANGE_ANSWER                                                          \
    BX_WASI_ERANGE /* http_ and call_ functions have it too                    \
                    */

/* ---- names and numbers ---------------------------------------------- */

static const char *names[BX_TAPE_CALLS];
static const char *params[SPECS_COUNT]; /* as bx_host_call has them */
static uint8_t numbers[MODULES_MAX][MODULE_CALLS_MAX];

static const char *const component_names[] = {
    "poll",           "stream_fd",      "socket_open",   "socket_close",
    "socket_connect", "socket_finish",  "socket_bind",   "socket_listen",
    "socket_fd",      "socket_receive", "socket_send",   "socket_shutdown",
    "socket_name",    "socket_get",     "socket_set",    "socket_resolve",
    "http_request",   "http_send",      "http_is_ready", "http_poll",
    "http_response",  "http_field",     "http_receive",  "http_drop",
    "call_service",
};
_Static_assert(sizeof(component_names) / sizeof(component_names[0]) ==
                   BX_TAPE_CALLS - BX_TAPE_COMPONENT,
               "each has its name");

static unsigned find_spec(const char *prefix, const char *name)
{
    size_t bytes = strlen(prefix);

    for (unsigned i = 0; i < SPECS_COUNT; i++) {
        const char *at = specs[i].name;

        if (bytes == 0 ? strcmp(at, name) == 0
                       : strncmp(at, prefix, bytes) == 0 && at[bytes] == '.' &&
                             strcmp(at + bytes + 1, name) == 0)
            return i;
    }
    return BX_TAPE_CALLS;
}

static void number_calls(void)
{
    for (unsigned i = 0; i < BX_TAPE_CALLS; i++)
        names[i] = i < SPECS_COUNT ? specs[i].name
                   : i < BX_TAPE_COMPONENT
                       ? ""
                       : component_names[i - BX_TAPE_COMPONENT];
    for (size_t m = 0; m < bx_host_modules_count && m < MODULES_MAX; m++) {
        const bx_host_module *module = &bx_host_modules[m];

        for (size_t i = 0; i < *module->calls_count && i < MODULE_CALLS_MAX;
             i++) {
            unsigned spec = BX_TAPE_CALLS;

            if (strcmp(module->name, SNAPSHOT0) == 0)
                spec = find_spec(SNAPSHOT0, module->calls[i].name);
            if (spec == BX_TAPE_CALLS)
                spec = find_spec("", module->calls[i].name);
            numbers[m][i] = (uint8_t)spec;
            if (spec < SPECS_COUNT)
                params[spec] = module->calls[i].params;
        }
    }
}

static void ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, number_calls);
}

const char *const *bx_record_names(void)
{
    ready();
    return names;
}

unsigned bx_record_find(const char *name)
{
    return find_spec("", name);
}

unsigned bx_record_number(const bx_host_call *call)
{
    ready();
    for (size_t m = 0; m < bx_host_modules_count && m < MODULES_MAX; m++) {
        const bx_host_module *module = &bx_host_modules[m];

        if (call >= module->calls &&
            call < module->calls + *module->calls_count)
            return numbers[m][call - module->calls];
    }
    return BX_TAPE_CALLS;
}

/* ---- one call ------------------------------------------------------- */

typedef struct bx_relay {
    bx_instance *instance;
    bx_record *record;
    bx_tape *tape;
    const call_spec *spec;
    const bx_guest *guest;
    const bx_raw *args;
    const char *letters; /* one for each argument */
    uint64_t pieces_bytes;
    uint32_t used; /* what 'u' says */
} bx_relay;

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
    for (size_t i = 0; relay->letters[i] != '\0'; i++) {
        size_t bytes;
        const void *at;

        switch (relay->letters[i]) {
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
static bool move(const bx_relay *relay, uint32_t ptr, uint64_t bytes)
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
        size_t part = piece->iov_len < bytes ? piece->iov_len : bytes;

        if (!bx_tape_out(relay->tape, piece->iov_base, part, false))
            return false;
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
    const char *at = strchr(relay->letters, 'u');
    const void *place;

    if (at == NULL)
        return true;
    place =
        bx_guest_range(relay->guest, relay->args[at - relay->letters].u32, 4);
    relay->used = place == NULL ? 0 : bx_load32(place);
    return bx_tape_out(relay->tape, &relay->used, sizeof(relay->used), true);
}

static bool move_buffer(bx_relay *relay, size_t i)
{
    uint32_t bytes = relay->args[i + 1].u32;

    if (strchr(relay->letters, 'u') != NULL && relay->used < bytes)
        bytes = relay->used;
    return move(relay, relay->args[i].u32, bytes);
}

static bool move_output(bx_relay *relay, size_t i)
{
    uint32_t ptr = relay->args[i].u32;

    switch (relay->letters[i]) {
    case '4':
        return move(relay, ptr, 4);
    case '8':
        return move(relay, ptr, 8);
    case 'f':
        return move(relay, ptr, BX_FDSTAT_BYTES);
    case 's':
        return move(relay, ptr, BX_FILESTAT_BYTES);
    case 'z':
        return move(relay, ptr, SNAPSHOT0_FILESTAT_BYTES);
    case 'b':
        return move_buffer(relay, i);
    case 'r':
        return move_pieces(relay, relay->used);
    default:
        return true;
    }
}

/* In a replay, the number of bytes last: as the function itself stores it. */
static bool store_used(const bx_relay *relay)
{
    const char *at = strchr(relay->letters, 'u');
    void *place;

    if (at == NULL || !bx_tape_is_playing(relay->tape))
        return true;
    place =
        bx_guest_range(relay->guest, relay->args[at - relay->letters].u32, 4);
    if (place != NULL)
        bx_store32(place, relay->used);
    return true;
}

static bool move_outputs(bx_relay *relay, int64_t answer, uint8_t stream)
{
    if (answer != 0 && answer != ERANGE_ANSWER)
        return true;
    if (!move_used(relay))
        return false;
    for (size_t i = 0; answer == 0 && relay->letters[i] != '\0'; i++) {
        if (!move_output(relay, i))
            return false;
    }
    if (answer == 0 && strchr(relay->letters, 'w') != NULL &&
        !move_written(relay, stream))
        return false;
    return store_used(relay);
}

/* ---- arguments and environment -------------------------------------- */

/* How many bytes the words have; 0 in a replay, which knows. */
static uint32_t words_bytes(const bx_relay *relay, bx_host_fn *sizes,
                            void *host)
{
    uint8_t memory[8] = { 0 };
    const bx_guest scratch = { memory, sizeof(memory) };
    const bx_raw places[2] = { { .u32 = 0 }, { .u32 = 4 } };

    if (bx_tape_is_playing(relay->tape) || sizes(host, &scratch, places) != 0)
        return 0;
    return bx_load32(memory + 4);
}

/* The words, and where each begins, which follows from them. */
static bool move_words(const bx_relay *relay, uint64_t bytes)
{
    uint32_t text = relay->args[1].u32;
    uint32_t list = relay->args[0].u32;
    const char *at;
    bool is_begin = true;

    if (bx_tape_is_playing(relay->tape))
        bytes = bx_player_out_bytes(relay->tape->player);
    if (!move(relay, text, bytes))
        return false;
    at = bx_guest_range(relay->guest, text, bytes);
    if (!bx_tape_is_playing(relay->tape) || at == NULL)
        return true;
    for (uint64_t i = 0; i < bytes; i++) {
        if (is_begin) {
            void *place = bx_guest_range(relay->guest, list, 4);

            if (place == NULL)
                return true;
            bx_store32(place, text + (uint32_t)i);
            list += 4;
        }
        is_begin = at[i] == '\0';
    }
    return true;
}

static int32_t relay_words(bx_relay *relay, bx_host_fn *function, void *host)
{
    bx_host_fn *sizes = strcmp(relay->spec->name, "args_get") == 0
                            ? bx_wasi_args_sizes_get
                            : bx_wasi_environ_sizes_get;
    int64_t answer = 0;
    uint32_t bytes;

    if (!bx_tape_enter(relay->tape))
        return BX_HOST_STOP;
    bytes = words_bytes(relay, sizes, host);
    if (!bx_tape_is_playing(relay->tape))
        answer = function(host, relay->guest, relay->args);
    answer = bx_tape_answer(relay->tape, answer);
    if (answer == 0 && !move_words(relay, bytes))
        return BX_HOST_STOP;
    return (int32_t)answer;
}

/* ---- poll_oneoff ---------------------------------------------------- */

/* Userdata are the guest's own words, often addresses: an event names its
 * subscription instead. */
static void number_events(uint8_t *events, uint32_t count,
                          const uint8_t *subscriptions, uint32_t subs_count,
                          uint32_t sub_bytes)
{
    uint32_t from = 0;

    for (uint32_t i = 0; i < count; i++, events += BX_EVENT_BYTES) {
        uint64_t number = UINT64_MAX;

        for (uint32_t s = from; number == UINT64_MAX && s < subs_count; s++) {
            const uint8_t *sub = subscriptions + (size_t)s * sub_bytes;

            if (memcmp(sub, events, 8) == 0 && sub[8] == events[10])
                number = s;
        }
        if (number != UINT64_MAX)
            from = (uint32_t)number + 1;
        bx_store64(events, number);
    }
}

static void name_events(uint8_t *events, uint32_t count,
                        const uint8_t *subscriptions, uint32_t subs_count,
                        uint32_t sub_bytes)
{
    for (uint32_t i = 0; i < count; i++, events += BX_EVENT_BYTES) {
        uint64_t number = bx_load64(events);

        if (number < subs_count)
            memcpy(events, subscriptions + number * sub_bytes, 8);
    }
}

/* Events of the guest that are kept, or brought. subscriptions: a copy. */
static bool move_events(bx_relay *relay, uint8_t *subscriptions,
                        uint32_t sub_bytes)
{
    const bx_raw *args = relay->args;
    uint32_t subs_count = args[2].u32;
    void *ret_count = bx_guest_range(relay->guest, args[3].u32, 4);
    uint32_t count = ret_count == NULL ? 0 : bx_load32(ret_count);
    bx_autofree uint8_t *events = NULL;
    uint8_t *at;
    bool result;

    if (!bx_tape_out(relay->tape, &count, sizeof(count), true))
        return false;
    at = bx_guest_range(relay->guest, args[1].u32,
                        (uint64_t)count * BX_EVENT_BYTES);
    if (at == NULL || ret_count == NULL || count > subs_count)
        return !bx_tape_is_playing(relay->tape);
    events = malloc((size_t)count * BX_EVENT_BYTES + 1);
    if (events == NULL)
        return false;
    memcpy(events, at, (size_t)count * BX_EVENT_BYTES);
    if (!bx_tape_is_playing(relay->tape))
        number_events(events, count, subscriptions, subs_count, sub_bytes);
    result =
        bx_tape_out(relay->tape, events, (size_t)count * BX_EVENT_BYTES, true);
    if (result && bx_tape_is_playing(relay->tape)) {
        name_events(events, count, subscriptions, subs_count, sub_bytes);
        memcpy(at, events, (size_t)count * BX_EVENT_BYTES);
        bx_store32(ret_count, count);
    }
    return result;
}

static int32_t relay_poll(bx_relay *relay, bx_host_fn *function, void *host)
{
    const bx_raw *args = relay->args;
    uint32_t sub_bytes = relay->spec->name[0] == 'w'
                             ? SNAPSHOT0_SUBSCRIPTION_BYTES
                             : BX_SUBSCRIPTION_BYTES;
    uint32_t count = args[2].u32;
    const uint8_t *in =
        bx_guest_range(relay->guest, args[0].u32, (uint64_t)count * sub_bytes);
    bx_autofree uint8_t *copy = NULL;
    int64_t answer = 0;

    if (in == NULL || count > BX_SUBSCRIPTIONS_MAX)
        count = 0; /* it is refused */
    copy = malloc((size_t)count * sub_bytes + 1);
    if (copy == NULL)
        count = 0;
    if (count > 0)
        memcpy(copy, in, (size_t)count * sub_bytes);
    bx_tape_value(relay->tape, args[2].u32);
    for (uint32_t i = 0; i < count; i++)
        bx_tape_hash(relay->tape, copy + (size_t)i * sub_bytes + 8,
                     sub_bytes - 8, false);
    bx_tape_hash(relay->tape, NULL, 0, true);
    if (!bx_tape_enter(relay->tape))
        return BX_HOST_STOP;
    if (!bx_tape_is_playing(relay->tape))
        answer =
            copy == NULL ? BX_WASI_ENOMEM : function(host, relay->guest, args);
    answer = bx_tape_answer(relay->tape, answer);
    if (answer == 0 && !move_events(relay, copy, sub_bytes))
        return BX_HOST_STOP;
    return (int32_t)answer;
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

static int32_t relay_plain(bx_relay *relay, unsigned number,
                           bx_host_fn *function, void *host)
{
    bool takes_fuel = relay->letters[0] == '$';
    bool is_always = relay->letters[0] == '!';
    uint64_t fuel = 0;
    int64_t answer = 0;
    uint8_t stream = 0;

    relay->letters += takes_fuel || is_always;
    put_inputs(relay, params[number]);
    if (!bx_tape_enter(relay->tape))
        return BX_HOST_STOP;
    if (strchr(relay->letters, 'w') != NULL)
        stream = stream_of(relay);
    if (takes_fuel && relay->instance->sandbox->variant->has_fuel)
        fuel = bx_instance_fuel(relay->instance);
    if (is_always || !bx_tape_is_playing(relay->tape))
        answer = function(host, relay->guest, relay->args);
    answer = bx_tape_answer(relay->tape, answer);
    if (takes_fuel)
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
                       .guest = guest,
                       .args = args };
    int32_t answer;

    if (relay.tape->is_over || number >= SPECS_COUNT)
        return bx_tape_is_playing(relay.tape) ? BX_WASI_EBADF
                                              : function(host, guest, args);
    relay.spec = &specs[number];
    relay.letters = relay.spec->args;
    bx_tape_call(relay.tape, number);
    if (relay.letters[0] != '@')
        answer = relay_plain(&relay, number, function, host);
    else if (strstr(relay.spec->name, "poll") != NULL)
        answer = relay_poll(&relay, function, host);
    else
        answer = relay_words(&relay, function, host);
    if (!bx_tape_is_fine(relay.tape))
        return BX_HOST_STOP;
    bx_record_call_end(instance);
    return answer;
}
