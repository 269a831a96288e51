/* Calls that a table cannot say: arguments and environment, whose place in the
 * guest's memory follows from the words, and poll_oneoff. */
#include <string.h>

#include "sandbox/record_spec.h"
#include "wasi/calls.h"

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
    if (!bx_relay_move(relay, text, bytes))
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

/* Events of the guest that are kept, or brought. subscriptions: a copy, of as
 * many as there are in it: the guest may name more, and a recording says that
 * all went well. */
static bool move_events(bx_relay *relay, const uint8_t *subscriptions,
                        uint32_t subs_count, uint32_t sub_bytes)
{
    const bx_raw *args = relay->args;
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
                             ? BX_SNAPSHOT0_SUBSCRIPTION_BYTES
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
    if (answer == 0 && !move_events(relay, copy, count, sub_bytes))
        return BX_HOST_STOP;
    return (int32_t)answer;
}

int32_t bx_relay_own(bx_relay *relay, bx_host_fn *function, void *host)
{
    return strstr(relay->spec->name, "poll_oneoff") != NULL
               ? relay_poll(relay, function, host)
               : relay_words(relay, function, host);
}
