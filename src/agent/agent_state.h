/* An agent, for the files that make it. What calls on other threads share is
 * under its lock; the rest is the agent's thread's. */
#ifndef BX_AGENT_AGENT_STATE_H
#define BX_AGENT_AGENT_STATE_H

#include <pthread.h>

#include "agent/agent.h"
#include "agent/budget.h"
#include "agent/context.h"
#include "agent/conversation.h"
#include "agent/result.h"

struct bx_crew;

struct bx_agent {
    bx_agent_config config;
    char id[BX_SESSION_ID_BYTES];
    char date[sizeof("2026-11-21")]; /* of the session's begin; "" */
    const bx_model *model;
    bx_mode mode;
    bx_envelope envelope;
    bx_toolset *toolset;
    bx_context *context;
    bx_conversation *conversation;
    bx_model_client *client; /* NULL until the first turn */
    char *system;            /* NULL: to be made anew */
    char *overlay_dir;       /* of mode edits; NULL: the policy's */
    char overlay_name[sizeof("agent-") + BX_SESSION_ID_BYTES];
    bool is_resumed;
    bool has_title;
    bx_tool_filter reads; /* of a manager: nothing else */
    struct bx_crew *crew; /* its sub-agents; NULL: it may have none */
    json_t *always;       /* names of tools that a person said always to */

    /* Of one run. */
    bx_spending spending;
    bx_usage usage;
    double cost; /* negative: not known */
    uint64_t calls;
    uint64_t refusals;
    char *last_text;     /* of the assistant; owned, NULL: none */
    char *stop_reason;   /* a person stopped it; owned, NULL: nobody did */
    const char *no_more; /* the budget that a call met; NULL: none */

    pthread_mutex_t lock; /* recursive; over the log, the events, held_ns */
    bx_session_log *log;
    bx_event_sink events;      /* under the lock */
    int64_t held_ns;           /* people were asked of requests, during calls */
    pthread_mutex_t hold_lock; /* one request is asked for at a time */
};

void bx_agent_lock(bx_agent *agent);
void bx_agent_unlock(bx_agent *agent);

bool bx_agent_is_cancelled(const bx_agent *agent);
/* What this run has used of its budgets, with what sub-agents have. */
bx_spent bx_agent_spent(bx_agent *agent);
/* Tell for people. */
void bx_agent_notice(bx_agent *agent, const char *format, ...) BX_PRINTF(2, 3);

/* ---- agent_turn.c ------------------------------------------------------- */

typedef enum bx_turn_end {
    BX_TURN_CALLS,   /* stored; there are calls to make */
    BX_TURN_SAID,    /* stored; nothing more is wanted */
    BX_TURN_CUT,     /* stored; its text ended at the most tokens */
    BX_TURN_REFUSED, /* the model declines */
    BX_TURN_BUDGET,  /* none was made, or it took too long; ret_why */
    BX_TURN_CANCELLED,
    BX_TURN_FAILED, /* ret_why */
} bx_turn_end;

/* One turn: checked against the budgets, made, stored, told. is_last: no calls
 * are offered. ret_why: owned, for the last ones. -1: the store failed. */
int bx_agent_turn(bx_agent *agent, bool is_last, bx_turn_end *ret_end,
                  char **ret_why, bx_error **err);
/* Summarise, when it must be or is wanted. ret_is_done: something was made
 * shorter. */
int bx_agent_shorten(bx_agent *agent, bool *ret_is_done, bx_error **err);
/* A turn for a summary; a bx_turn_fn whose context is the agent. */
int bx_agent_ask_model(void *context, const bx_turn_request *request,
                       bx_turn_reply *ret_reply, bx_error **err);
/* Take a turn's usage into the run's sums and the session's. */
int bx_agent_count_usage(bx_agent *agent, const bx_usage *usage,
                         bx_error **err);
/* Of what would be sent now. */
uint64_t bx_agent_estimate(bx_agent *agent, bx_error **err);

/* ---- calls.c ------------------------------------------------------------ */

/* Decide and make every call that has no result yet, and store the results.
 * When the agent is cancelled or stopped, those that are left get results that
 * say so. -1: the store failed. */
int bx_agent_make_calls(bx_agent *agent, bx_error **err);
/* Of an earlier process: what was begun gets a result, what was only planned
 * stays. */
int bx_agent_settle_interrupted(bx_agent *agent, bx_error **err);

#endif
