/* Plays a recording to a guest: each call is compared with the recorded one and
 * gets its answer and outputs. At the first difference the guest is stopped. */
#ifndef BX_RECORD_PLAYER_H
#define BX_RECORD_PLAYER_H

#include "record/recording.h"

typedef struct bx_player bx_player;

/* names: of calls by their numbers, static. The recording is borrowed. */
bx_player *bx_player_new(bx_recording *recording, const char *const *names,
                         size_t names_count, bx_error **err);
/* NULL is fine. */
void bx_player_free(bx_player *player);

bx_recording *bx_player_recording(const bx_player *player);

/* The same words as a recorder's. */
void bx_player_call(bx_player *player, unsigned number);
void bx_player_value(bx_player *player, uint64_t value);
void bx_player_text(bx_player *player, const void *text, size_t bytes);
void bx_player_hash(bx_player *player, const void *data, size_t bytes,
                    bool is_last);
/* All that the guest gives is said: true when it is as recorded. */
bool bx_player_enter(bx_player *player);
int64_t bx_player_answer(bx_player *player);
/* The next bytes of an output; is_last: it has no more. False: it has others,
 * the guest is to be stopped. */
bool bx_player_out(bx_player *player, void *at, size_t bytes, bool is_last);
/* How many bytes the next output has. */
uint64_t bx_player_out_bytes(bx_player *player);
void bx_player_output(bx_player *player, unsigned stream, const void *data,
                      size_t bytes);
void bx_player_call_end(bx_player *player);
/* The guest gives something that no recorded answer fits. */
void bx_player_refuse(bx_player *player, const char *why);

/* False: the guest is to be stopped. */
bool bx_player_is_fine(const bx_player *player);
/* Nothing more was recorded because the run was stopped here: so is this one.
 */
bool bx_player_is_stopped(bx_player *player);

/* The guest ended so; end is borrowed, its outputs and calls are filled in. */
void bx_player_finish(bx_player *player, bx_record_end *end);

/* Where they differ first. Texts of the guest and the file are escaped. */
typedef struct bx_difference {
    uint64_t call; /* its number, from 1 */
    char *recorded;
    char *now;
} bx_difference;

/* Borrowed; NULL: it was the same to the end. err: it could not be told, the
 * recording cannot be read any more. */
const bx_difference *bx_player_difference(const bx_player *player,
                                          const bx_error **ret_error);

#endif
