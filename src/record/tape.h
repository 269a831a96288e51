/* What a run is recorded on or played from. Host functions say each call once,
 * the same words for both: what the guest gives, then, when bx_tape_enter()
 * says so, the answer and what it is given. */
#ifndef BX_RECORD_TAPE_H
#define BX_RECORD_TAPE_H

#include "record/player.h"
#include "record/recorder.h"

typedef struct bx_tape {
    bx_recorder *recorder; /* one of the two */
    bx_player *player;
    bool is_over; /* the run ended; what its instance still lets go of is
                   * nobody's business */
} bx_tape;

static inline bool bx_tape_is_playing(const bx_tape *tape)
{
    return tape->player != NULL;
}

/* False: the guest is to be stopped. */
static inline bool bx_tape_is_fine(const bx_tape *tape)
{
    return tape->player != NULL ? bx_player_is_fine(tape->player)
                                : bx_recorder_is_fine(tape->recorder);
}

static inline void bx_tape_call(bx_tape *tape, unsigned number)
{
    if (tape->player != NULL)
        bx_player_call(tape->player, number);
    else
        bx_recorder_call(tape->recorder, number);
}

static inline void bx_tape_value(bx_tape *tape, uint64_t value)
{
    if (tape->player != NULL)
        bx_player_value(tape->player, value);
    else
        bx_recorder_value(tape->recorder, value);
}

static inline void bx_tape_hash(bx_tape *tape, const void *data, size_t bytes,
                                bool is_last)
{
    if (tape->player != NULL)
        bx_player_hash(tape->player, data, bytes, is_last);
    else
        bx_recorder_hash(tape->recorder, data, bytes, is_last);
}

/* A name or path, kept as it is unless it is long. */
static inline void bx_tape_text(bx_tape *tape, const void *text, size_t bytes)
{
    size_t kept = bytes <= BX_RECORD_TEXT_BYTES ? bytes : BX_RECORD_SHORT_BYTES;

    if (tape->player != NULL)
        bx_player_text(tape->player, text, kept);
    else
        bx_recorder_text(tape->recorder, text, kept);
    if (kept < bytes)
        bx_tape_hash(tape, text, bytes, true);
}

static inline bool bx_tape_enter(bx_tape *tape)
{
    return tape->player != NULL ? bx_player_enter(tape->player)
                                : bx_recorder_is_fine(tape->recorder);
}

/* The recorded one in the place of answer. */
static inline int64_t bx_tape_answer(bx_tape *tape, int64_t answer)
{
    if (tape->player != NULL)
        return bx_player_answer(tape->player);
    bx_recorder_answer(tape->recorder, answer);
    return answer;
}

/* bytes at a place: kept, or brought. */
static inline bool bx_tape_out(bx_tape *tape, void *at, size_t bytes,
                               bool is_last)
{
    if (tape->player != NULL)
        return bx_player_out(tape->player, at, bytes, is_last);
    bx_recorder_out(tape->recorder, at, bytes, is_last);
    return true;
}

static inline void bx_tape_output(bx_tape *tape, unsigned stream,
                                  const void *data, size_t bytes)
{
    if (tape->player != NULL)
        bx_player_output(tape->player, stream, data, bytes);
    else
        bx_recorder_output(tape->recorder, stream, data, bytes);
}

static inline void bx_tape_call_end(bx_tape *tape)
{
    if (tape->player != NULL)
        bx_player_call_end(tape->player);
    else
        bx_recorder_call_end(tape->recorder);
}

#endif
