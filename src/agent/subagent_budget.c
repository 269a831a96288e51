/* A sub-agent's budget: a part of what its parent has left, set aside while it
 * works, so that both together never spend more than the parent may. */
#include <math.h>

#include "agent/subagent_state.h"
#include "base/run.h"

#define SHARE_DEFAULT 2u

/* ---- what the parent has left ---------------------------------------------
 */

/* Of those that this run pays for. The crew's lock is held. */
static bx_spent others_of(const bx_crew *crew)
{
    bx_spent sum = { 0 };

    for (const bx_subagent *sub = crew->subs; sub != NULL; sub = sub->next) {
        const bx_agent_budget *budget = &sub->budget;
        const bx_spent aside = {
            budget->turns,
            budget->calls,
            budget->input_tokens == UINT64_MAX ? 0 : budget->input_tokens,
            budget->output_tokens == UINT64_MAX ? 0 : budget->output_tokens,
            budget->cost,
            false,
        };

        if (sub->is_past)
            continue;
        if (sub->phase == BX_SUBAGENT_ENDED)
            bx_spent_add(&sum, &sub->used);
        else if (sub->phase == BX_SUBAGENT_WORKS)
            bx_spent_add(&sum, &aside);
    }
    return sum;
}

void bx_crew_charge(bx_crew *crew)
{
    if (crew == NULL)
        return;
    pthread_mutex_lock(&crew->lock);
    crew->agent->spending.others = others_of(crew);
    pthread_mutex_unlock(&crew->lock);
}

/* The parent's thread makes calls, or waits for them: its own numbers stand
 * still. */
static int find_left(const bx_crew *crew, bx_agent_budget *ret_left,
                     bx_error **err)
{
    bx_spending spending = crew->agent->spending;
    bool is_empty = false;

    spending.others = others_of(crew);
    *ret_left = bx_spending_left(&spending, bx_now_ns(), &is_empty);
    return is_empty ? bx_error_set(err, BX_ERR_LIMIT,
                                   "what is left of the budget has no room for "
                                   "a sub-agent")
                    : 0;
}

/* ---- carving --------------------------------------------------------------
 */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t share_of(uint64_t left, unsigned share)
{
    if (left == UINT64_MAX)
        return UINT64_MAX;
    return left / share > 0 ? left / share : 1;
}

int bx_subagent_carve(bx_subagent *sub, const bx_subagent_order *order,
                      bx_error **err)
{
    unsigned share = order->share == 0 ? SHARE_DEFAULT : order->share;
    bx_agent_budget left;

    if (find_left(sub->crew, &left, err) < 0)
        return -1;
    sub->budget = left; /* time, failures and repeats are as they are */
    sub->budget.turns = order->turns != 0 ? least(order->turns, left.turns)
                                          : share_of(left.turns, share);
    sub->budget.calls = share_of(left.calls, share);
    sub->budget.input_tokens = share_of(left.input_tokens, share);
    sub->budget.output_tokens = share_of(left.output_tokens, share);
    if (order->cost > 0 && left.cost != 0)
        sub->budget.cost = fmin(order->cost, left.cost);
    else if (order->cost > 0)
        sub->budget.cost = order->cost;
    else
        sub->budget.cost = left.cost / share;
    return 0;
}

int bx_subagent_carve_again(bx_subagent *sub, bx_error **err)
{
    bx_agent_budget *had = &sub->budget;
    bx_agent_budget left;

    if (find_left(sub->crew, &left, err) < 0)
        return -1;
    left.turns = least(had->turns, left.turns);
    left.calls = least(had->calls, left.calls);
    left.input_tokens = least(had->input_tokens, left.input_tokens);
    left.output_tokens = least(had->output_tokens, left.output_tokens);
    if (left.cost == 0)
        left.cost = had->cost;
    else if (had->cost != 0)
        left.cost = fmin(had->cost, left.cost);
    sub->budget = left;
    return 0;
}

static bool take(uint64_t *left, uint64_t used)
{
    if (*left == UINT64_MAX)
        return true;
    *left = used < *left ? *left - used : 0;
    return *left > 0;
}

bool bx_subagent_left(const bx_subagent *sub, bx_agent_budget *ret_budget)
{
    const bx_spent *before = &sub->before;
    bx_agent_budget left = sub->budget;
    bool has_some = take(&left.turns, before->turns);

    has_some = take(&left.calls, before->calls) && has_some;
    has_some = take(&left.input_tokens, before->input_tokens) && has_some;
    has_some = take(&left.output_tokens, before->output_tokens) && has_some;
    if (left.cost != 0) {
        left.cost -= before->cost;
        has_some = left.cost > 0 && !before->is_cost_unknown && has_some;
    }
    *ret_budget = left;
    return has_some;
}

/* ---- in notes -------------------------------------------------------------
 */

static json_int_t number(uint64_t value)
{
    return value > INT64_MAX ? -1 : (json_int_t)value;
}

json_t *bx_subagent_budget_json(const bx_agent_budget *budget)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:f}", "turns", number(budget->turns), "calls",
        number(budget->calls), "input_tokens", number(budget->input_tokens),
        "output_tokens", number(budget->output_tokens), "cost", budget->cost);
}

/* What is not there is nothing. */
static uint64_t load(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    json_int_t read = json_is_integer(value) ? json_integer_value(value) : 0;

    return read == -1 ? UINT64_MAX : read < 0 ? 0 : (uint64_t)read;
}

void bx_subagent_budget_load(const json_t *json, bx_agent_budget *ret_budget)
{
    const json_t *cost = json_object_get(json, "cost");

    *ret_budget = (bx_agent_budget){
        .turns = load(json, "turns"),
        .calls = load(json, "calls"),
        .input_tokens = load(json, "input_tokens"),
        .output_tokens = load(json, "output_tokens"),
        .cost = json_is_number(cost) ? json_number_value(cost) : -1,
    };
}
