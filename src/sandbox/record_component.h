/* What the files of a component's recorded functions share. */
#ifndef BX_SANDBOX_RECORD_COMPONENT_H
#define BX_SANDBOX_RECORD_COMPONENT_H

#include "sandbox/record.h"

/* A text or result that is played, the most. */
#define BX_TAPE_BLOCK_MAX_BYTES (1u << 30)
#define BX_TAPE_KEPT_MAX_BYTES (256u << 20)

/* The tape of a run that has one; NULL: call the real function. */
static inline bx_tape *bx_tape_of(void *context)
{
    const bx_instance *instance = context;

    if (instance->record == NULL ||
        (instance->record->tape.is_over && !instance->is_played))
        return NULL;
    return &instance->record->tape;
}

/* All inputs are told: go on? */
static inline bool bx_tape_may_go(bx_tape *tape)
{
    return !tape->is_over && bx_tape_enter(tape);
}

/* The same for a call with one input. */
static inline bool bx_tape_begin(bx_tape *tape, unsigned number, uint64_t value)
{
    bx_tape_call(tape, number);
    bx_tape_value(tape, value);
    return bx_tape_may_go(tape);
}

/* Is an answer in what it can be? The guest is stopped otherwise. */
bool bx_tape_is_within(bx_tape *tape, int64_t answer, int64_t most);
/* The end of a call that has an answer alone. */
int64_t bx_tape_end(void *context, bx_tape *tape, int64_t answer, int64_t most);
/* The same for a descriptor to wait for, which is the host's own number:
 * whether there is one is told. */
int32_t bx_tape_end_fd(void *context, bx_tape *tape, int32_t fd);

/* Put the functions of one file into the table. */
void bx_record_put_sockets(bx_component_api *api);
void bx_record_put_requests(bx_component_api *api);
void bx_record_put_raw(bx_component_api *api);

#endif
