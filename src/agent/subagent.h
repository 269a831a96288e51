/* Agents that an agent gives tasks to, each with a session, a thread and a
 * cancel of its own, and nothing beyond what its parent has: its budget is set
 * aside from the parent's, its tools, mode and grants are the parent's or
 * fewer, and the same person is asked. What one comes to is data for the
 * parent, and nobody else's business: a crew outlives each of them. */
#ifndef BX_AGENT_SUBAGENT_H
#define BX_AGENT_SUBAGENT_H

#include "agent/agent_state.h"

#define BX_SUBAGENT_DEPTH_MAX 2u /* of those above */
/* Of all that the first agent has below it. */
#define BX_SUBAGENTS_AT_ONCE 8u
#define BX_SUBAGENTS_IN_ALL 50u /* in one run */
#define BX_SUBAGENT_NAME_MAX 60 /* bytes */

/* The sub-agents of one agent. Each function takes NULL, which has none. */
typedef struct bx_crew bx_crew;
typedef struct bx_subagent bx_subagent;

/* ---- for the agent -------------------------------------------------------
 */

/* The first one of a tree also takes over who is told and asked, so that one
 * question stands alone. */
bx_crew *bx_crew_new(bx_agent *agent, bx_error **err);
/* Ends those that work, first. */
void bx_crew_free(bx_crew *crew);
/* What an earlier process noted of its own; entries: NULL: nothing. */
int bx_crew_load(bx_crew *crew, const json_t *entries, bx_error **err);
int bx_crew_add_tools(bx_crew *crew, bx_toolset *toolset, bx_error **err);

/* A run begins: those in the background that an earlier process left go on. */
int bx_crew_begin(bx_crew *crew, bx_error **err);
/* It ends: cancel all that work, and wait until they have ended. */
void bx_crew_stop(bx_crew *crew);
/* Wait until all have ended, or the agent is cancelled. */
void bx_crew_await(bx_crew *crew);
/* Bring the agent's spending up to date with what its sub-agents use. On its
 * own thread. */
void bx_crew_charge(bx_crew *crew);
/* Add what those of this run have used. */
void bx_crew_add_usage(bx_crew *crew, bx_usage *usage, double *cost);
/* A user's message of those in the background that ended and were not told of
 * yet; a reference of the caller's, NULL: there is nothing to tell. */
int bx_crew_news(bx_crew *crew, json_t **ret_message, bx_error **err);

/* An open call that was begun (as of bx_session_log_open_calls()): has it a
 * sub-agent whose session goes on? */
bool bx_subagent_goes_on(bx_agent *agent, const json_t *call);

/* ---- for tools that give tasks -------------------------------------------
 */

/* All borrowed. */
typedef struct bx_subagent_order {
    const char *call; /* id of the call that gives it, */
    unsigned index;   /* and which of its tasks */
    const char *task;
    const char *name;    /* NULL: its id */
    const json_t *tools; /* patterns; NULL: all of the parent's */
    const char *mode;    /* NULL: the parent's */
    uint64_t turns;      /* 0: a share of what the parent has left */
    double cost;         /* 0: a share */
    unsigned share;      /* one part of so many; 0: 2 */
    bool is_background;
    bool is_apart; /* mode edits, over an overlay of its own */
} bx_subagent_order;

/* The one of that call and index when there is one already, gone on with where
 * it did not end; otherwise a new one, at work. Borrowed, until the crew is
 * freed. errors: BX_ERR_LIMIT: at once, in all, budget; BX_ERR_INVALID: the
 * mode, no such tool; BX_ERR_DENIED: a mode that lets more through */
bx_subagent *bx_crew_order(bx_crew *crew, const bx_subagent_order *order,
                           bx_error **err);
/* Until all of them have ended, or until_ns (CLOCK_MONOTONIC), or, where the
 * cancel is given, that. True: all have. */
bool bx_crew_wait(bx_crew *crew, bx_subagent *const *subs, size_t count,
                  const bx_cancel *cancel, int64_t until_ns);
/* NULL: there is none of that id. */
bx_subagent *bx_crew_find(bx_crew *crew, const char *id);
/* The i-th from 0; NULL: there are no more. */
bx_subagent *bx_crew_at(bx_crew *crew, size_t i);

const char *bx_subagent_id(const bx_subagent *sub);
const char *bx_subagent_name(const bx_subagent *sub);
const char *bx_subagent_session(const bx_subagent *sub);
bool bx_subagent_is_background(const bx_subagent *sub);
bool bx_subagent_has_ended(bx_subagent *sub);
bool bx_subagent_is_told(bx_subagent *sub);
/* Of one that has ended. */
bx_agent_status bx_subagent_status(const bx_subagent *sub);
const char *bx_subagent_text(const bx_subagent *sub);
void bx_subagent_cancel(bx_subagent *sub);
/* What it came to, as text blocks that are added to content; one that works
 * still is said to. From now on it counts as told, once the next turn begins.
 * key: names the file of a long answer. */
int bx_subagent_show(bx_subagent *sub, const char *key, json_t *content,
                     bx_error **err);

#endif
