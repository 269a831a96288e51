/* One call of a tool, from the model's wish to its stored result. */
#ifndef BX_AGENT_CALL_RUN_H
#define BX_AGENT_CALL_RUN_H

#include "agent/agent_state.h"
#include "agent/effect.h"

typedef enum bx_call_stage {
    BX_CALL_STAGE_NEW,     /* nothing was decided */
    BX_CALL_STAGE_ALLOWED, /* to be made */
    BX_CALL_STAGE_ENDED,   /* its result is stored */
} bx_call_stage;

/* Who is behind a call that was not made. */
typedef enum bx_call_bar {
    BX_CALL_BAR_NONE,
    BX_CALL_BAR_REFUSED, /* a person, a rule, the mode, the policy: counts as a
                          * refusal */
    BX_CALL_BAR_WRONG,   /* the call itself: no such tool, input that does not
                          * fit */
    BX_CALL_BAR_OVER,    /* cancelled, stopped, out of budget: counts as
                          * nothing */
} bx_call_bar;

typedef struct bx_call_run {
    bx_agent *agent;
    const char *id; /* borrowed of the list of open calls, as the next two */
    const char *name;
    const json_t *input;
    bx_toolset_entry entry;
    bool has_entry;
    bx_level level;
    bx_call_stage stage;
    bool is_begun; /* on the disk, by a process that ended since */
    bx_call_bar bar;
    bx_effect effect;  /* of a run before it was approved */
    bool is_approved;  /* by a person, this very call */
    bx_grants *grants; /* of what it calls in turn; owned, NULL: the agent's */
    bool is_error;
    json_t *content;   /* of the result; owned */
    uint64_t refusals; /* within the run, by the policy */
    bx_error *err;     /* the store failed; owned */
} bx_call_run;

void bx_call_run_clear(bx_call_run *call);

/* May it run beside others? */
bool bx_call_run_is_parallel(const bx_call_run *call);

/* What a person is shown of it: its effect, found out over an overlay. Nothing
 * where that is not possible. */
void bx_call_run_try(bx_call_run *call);

/* Is it of a server's tool, whose effects are in no sandbox and no overlay? */
bool bx_call_run_is_remote(const bx_call_run *call);

/* Begin it, make it, store its result; on any thread. Failure is call->err. */
void bx_call_run_make(bx_call_run *call);

/* It is not made: its result is an error that says so in the host's own words,
 * which may have a text of others as data. data: NULL: none. */
int bx_call_run_bar(bx_call_run *call, bx_call_bar bar, const char *data,
                    bx_error **err, const char *format, ...) BX_PRINTF(5, 6);

#endif
