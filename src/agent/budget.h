/* What an agent has used of its budget, and whether it may go on. Each answer
 * that it may not is a text that names the budget, what it is and what was
 * used, for people and for the model. One thread: the agent's. */
#ifndef BX_AGENT_BUDGET_H
#define BX_AGENT_BUDGET_H

#include <jansson.h>

#include "agent/models/model.h"
#include "base/digest.h"

/* 0 takes the default, in parentheses; UINT64_MAX: none. */
typedef struct bx_agent_budget {
    uint64_t turns;         /* (100) */
    uint64_t calls;         /* (500) */
    uint64_t input_tokens;  /* (none) all turns together */
    uint64_t output_tokens; /* (none) */
    double cost;            /* (none) dollars; 0: none. A model without
                             * prices cannot run under it */
    uint64_t time_ms;       /* (1 hour) without what people took */
    uint64_t failures;      /* (8) calls in a row that failed */
    uint64_t repeats;       /* (3) the same call with the same result in a
                             * row: no progress */
} bx_agent_budget;

/* What others use of the same budget: sub-agents that ended have used it, and
 * for those that work it is set aside. */
typedef struct bx_spent {
    uint64_t turns;
    uint64_t calls;
    uint64_t input_tokens; /* cached ones as well */
    uint64_t output_tokens;
    double cost;
    bool is_cost_unknown;
} bx_spent;

void bx_spent_add(bx_spent *sum, const bx_spent *more);

typedef struct bx_spending {
    bx_agent_budget budget; /* with defaults in place of zeros */
    uint64_t turns;
    uint64_t calls;
    uint64_t input_tokens; /* cached ones as well */
    uint64_t output_tokens;
    double cost;
    bool is_cost_unknown; /* of a turn: a price was not known */
    int64_t started_ns;   /* CLOCK_MONOTONIC */
    int64_t paused_ns;    /* in all, while people were asked */
    int64_t pause_ns;     /* since when they are; 0: nobody is */
    uint64_t failures;    /* in a row, up to the last call */
    uint64_t repeats;     /* the last call and those before it that were the
                           * same, with the same result */
    uint8_t last[BX_DIGEST_BYTES];
    bx_spent others;
    char reason[192];
} bx_spending;

/* now_ns: CLOCK_MONOTONIC, here and below. */
void bx_spending_begin(bx_spending *spending, const bx_agent_budget *budget,
                       int64_t now_ns);
/* Time stands still from one to the other. */
void bx_spending_pause(bx_spending *spending, int64_t now_ns);
void bx_spending_resume(bx_spending *spending, int64_t now_ns);

/* May a turn begin that is estimated so? cost: negative: not known. NULL: yes;
 * otherwise why not, borrowed until the next question. */
const char *bx_spending_refuse_turn(bx_spending *spending,
                                    uint64_t input_tokens, double cost,
                                    int64_t now_ns);
/* Is the time up, or has the run failed or repeated itself too often? */
const char *bx_spending_refuse_any(bx_spending *spending, int64_t now_ns);
/* May one more call be made? */
const char *bx_spending_refuse_call(bx_spending *spending, int64_t now_ns);

/* A turn was made. */
void bx_spending_add_turn(bx_spending *spending, const bx_usage *usage,
                          double cost);
/* A call was made, or refused, and the model is told so: content, is_error.
 * Calls made at once are added in their order. -1: no memory, and it counts as
 * a repeat. */
int bx_spending_add_call(bx_spending *spending, const char *name,
                         const json_t *input, bool is_error,
                         const json_t *content, bx_error **err);

/* When the time is up, for a turn or call that begins now; INT64_MAX: never. */
int64_t bx_spending_deadline_ns(const bx_spending *spending);
/* Most output tokens that a turn may still have; UINT64_MAX: any. */
uint64_t bx_spending_output_left(const bx_spending *spending);

/* What is left at now_ns, as a budget; UINT64_MAX and a cost of 0: without end.
 * ret_is_empty: nothing is left of one of them, or the cost cannot be counted.
 * Failures and repeats are as they are. */
bx_agent_budget bx_spending_left(const bx_spending *spending, int64_t now_ns,
                                 bool *ret_is_empty);

#endif
