/* Sub-agents, for the files that make them. */
#ifndef BX_AGENT_SUBAGENT_STATE_H
#define BX_AGENT_SUBAGENT_STATE_H

#include <pthread.h>

#include "agent/subagent.h"

/* What all agents below the first one share: how many they may be, and the
 * person. */
typedef struct bx_subagent_pool {
    pthread_mutex_t lock;
    unsigned working;
    unsigned begun;         /* in this run */
    pthread_mutex_t person; /* recursive: one question at a time, and nobody
                             * talks into it */
    bx_event_sink events;   /* of the first agent, as are the next ones */
    bx_approve_fn approve;
    void *approve_context;
    char *(*ask)(void *context, const char *question, const json_t *choices);
    void *ask_context;
    bx_hold_fn hold;
    void *hold_context;
} bx_subagent_pool;

typedef enum bx_subagent_phase {
    BX_SUBAGENT_LEFT, /* by an earlier process */
    BX_SUBAGENT_WORKS,
    BX_SUBAGENT_ENDED,
} bx_subagent_phase;

/* Phase, end and what is used are under the crew's lock; the rest stays as it
 * was made. */
struct bx_subagent {
    struct bx_crew *crew;
    char id[16]; /* "a1" */
    char *name;
    char *call;
    unsigned index;
    char *task;
    json_t *patterns; /* NULL: the parent's */
    bx_mode mode;
    bool is_background;
    bool is_apart;
    char session[BX_SESSION_ID_BYTES]; /* "": none was made */
    bx_agent_budget budget;            /* set aside for it */

    bx_tool_filter filter;
    bx_grants *grants; /* NULL: the parent's */
    bx_cancel *cancel;
    bx_agent *agent; /* its thread's */
    json_t *content; /* the task, when the session has it not yet */
    bx_spent before; /* by an earlier process */
    pthread_t thread;
    bool has_thread;

    bx_subagent_phase phase;
    bool is_past;  /* of an earlier run, whose budget is no more */
    bool is_shown; /* to the parent's model, in the turn under way */
    bool is_told;
    bx_agent_status status;
    char *text;
    char *reason;
    char overlay[64]; /* with its changes; "" */
    bx_spent used;
    bx_usage usage;
    double cost; /* negative: not known */
    struct bx_subagent *next;
};

struct bx_crew {
    bx_agent *agent;
    bx_subagent *self; /* its agent is one; NULL: the first agent */
    bx_subagent_pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* CLOCK_MONOTONIC */
    pthread_t watcher;      /* hands on a cancel of the agent's */
    bool has_watcher;
    bool is_closing;
    bx_subagent *subs; /* oldest first */
    unsigned count;
    unsigned working;
};

/* ---- subagent_pool.c ---- */

bx_subagent_pool *bx_subagent_pool_new(bx_agent *first, bx_error **err);
void bx_subagent_pool_free(bx_subagent_pool *pool);
/* errors: BX_ERR_LIMIT */
int bx_subagent_pool_take(bx_subagent_pool *pool, bx_error **err);
void bx_subagent_pool_give(bx_subagent_pool *pool);
/* A run of the first agent begins. */
void bx_subagent_pool_begin(bx_subagent_pool *pool);
/* Who is asked and told by a sub-agent. */
void bx_subagent_connect(bx_subagent *sub, bx_agent_config *config);

/* ---- subagent_budget.c ---- */

/* Set a budget aside. The crew's lock is held. errors: BX_ERR_LIMIT */
int bx_subagent_carve(bx_subagent *sub, const bx_subagent_order *order,
                      bx_error **err);
/* Again for one that goes on: no more than it had, nor than there is now. */
int bx_subagent_carve_again(bx_subagent *sub, bx_error **err);
/* What it may still spend; false: nothing. */
bool bx_subagent_left(const bx_subagent *sub, bx_agent_budget *ret_budget);
json_t *bx_subagent_budget_json(const bx_agent_budget *budget);
void bx_subagent_budget_load(const json_t *json, bx_agent_budget *ret_budget);

/* ---- subagent_note.c ---- */

int bx_subagent_note_begin(const bx_subagent *sub, bx_error **err);
int bx_subagent_note_end(const bx_subagent *sub, bx_error **err);
/* Those that were shown, or are by the message that tells of them. */
int bx_subagent_note_told(bx_crew *crew, const json_t *ids, bx_error **err);
/* Is its session one of this agent's? errors: BX_ERR_INVALID */
int bx_subagent_check(const bx_subagent *sub, bx_error **err);
/* What its session says of one that an earlier process left: has it ended?
 * Fills its end, what it used, or what is still to be said to it. */
int bx_subagent_look(bx_subagent *sub, bool *ret_has_ended, bx_error **err);

/* ---- subagent.c ---- */

void bx_crew_append(bx_crew *crew, bx_subagent *sub);
void bx_subagent_free(bx_subagent *sub);
/* Of one that works apart, once its session is known. */
void bx_subagent_name_overlay(bx_subagent *sub);
/* One that was made or left is put to work. errors: its end says the same */
int bx_subagent_start(bx_subagent *sub, bx_error **err);
/* One that works has ended; texts are taken. */
void bx_subagent_end(bx_subagent *sub, bx_agent_status status, char *text,
                     char *reason);

/* ---- subagent_order.c ---- */

/* One that an earlier process left. errors: as of bx_subagent_start() */
int bx_subagent_go_on(bx_subagent *sub, bx_error **err);

extern const bx_own_tool bx_own_agent;
extern const bx_own_tool bx_own_agent_wait;
extern const bx_own_tool bx_own_agent_stop;

#endif
