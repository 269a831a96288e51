/* One turn of the model: what it may cost is checked before, what it said is
 * stored before anything of it takes effect. */
#include <math.h>
#include <string.h>

#include "agent/agent_state.h"
#include "agent/agent_usage.h"
#include "agent/subagent.h"
#include "base/buf.h"
#include "base/json_text.h"
#include "base/run.h"

/* Of the model's context, as a share: more than that and the old part is
 * summarised before the next turn. */
#define FULL_NUMERATOR 4
#define FULL_DENOMINATOR 5
/* A reply is worth asking for when it may have so many tokens. */
#define LEAST_OUTPUT 256

/* ---- events of a stream ---------------------------------------------------
 */

static void tell_piece(void *context, const char *type, const char *text,
                       size_t bytes)
{
    const bx_agent *agent = context;

    bx_event_tell(&agent->events,
                  json_pack("{s:s, s:s%}", "type", type, "text", text, bytes));
}

static void on_text(void *context, const char *text, size_t bytes)
{
    tell_piece(context, "text", text, bytes);
}

static void on_thinking(void *context, const char *text, size_t bytes)
{
    tell_piece(context, "thinking", text, bytes);
}

static void on_retry(void *context, unsigned attempt, uint64_t delay_ms,
                     const char *reason)
{
    const bx_agent *agent = context;

    bx_event_tell(&agent->events,
                  json_pack("{s:s, s:I, s:I, s:s}", "type", "retry", "attempt",
                            (json_int_t)attempt, "delay_ms",
                            (json_int_t)delay_ms, "reason", reason));
}

static int ask(bx_agent *agent, const bx_turn_request *request,
               const bx_turn_events *events, bx_turn_reply *ret_reply,
               bx_error **err)
{
    const bx_agent_config *config = &agent->config;
    const bx_model_client_config client = { .cancel = config->cancel,
                                            .ca_file = config->ca_file };

    if (config->turn != NULL)
        return config->turn(config->turn_context, request, ret_reply, err);
    if (agent->client == NULL)
        agent->client = bx_model_client_new(&client, err);
    if (agent->client == NULL)
        return -1;
    return bx_model_client_turn(agent->client, request, events,
                                bx_spending_deadline_ns(&agent->spending),
                                ret_reply, err);
}

/* Nobody watches a summary being written. */
int bx_agent_ask_model(void *context, const bx_turn_request *request,
                       bx_turn_reply *ret_reply, bx_error **err)
{
    const bx_turn_events quiet = { .context = context, .retry = on_retry };

    return ask(context, request, &quiet, ret_reply, err);
}

/* ---- what it has cost -----------------------------------------------------
 */

json_t *bx_agent_usage_json(const bx_usage *usage)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "input_tokens",
                     (json_int_t)usage->input_tokens, "output_tokens",
                     (json_int_t)usage->output_tokens, "cache_read_tokens",
                     (json_int_t)usage->cache_read_tokens, "cache_write_tokens",
                     (json_int_t)usage->cache_write_tokens, "thinking_tokens",
                     (json_int_t)usage->thinking_tokens);
}

json_t *bx_agent_cost_json(double cost)
{
    return cost >= 0 ? json_real(cost) : json_null();
}

int bx_agent_count_usage(bx_agent *agent, const bx_usage *usage, bx_error **err)
{
    double cost = bx_model_cost(agent->model, usage);
    int result;

    bx_spending_add_turn(&agent->spending, usage, cost);
    bx_usage_add(&agent->usage, usage);
    agent->cost = cost >= 0 && agent->cost >= 0 ? agent->cost + cost : -1;
    bx_event_tell(&agent->events,
                  json_pack("{s:s, s:o, s:o, s:{s:o, s:o, s:I, s:I}}", "type",
                            "usage", "usage", bx_agent_usage_json(usage),
                            "cost", bx_agent_cost_json(cost), "total", "usage",
                            bx_agent_usage_json(&agent->usage), "cost",
                            bx_agent_cost_json(agent->cost), "turns",
                            (json_int_t)agent->spending.turns, "calls",
                            (json_int_t)agent->calls));
    bx_agent_lock(agent);
    result = bx_session_log_add_usage(agent->log,
                                      usage->input_tokens +
                                          usage->cache_read_tokens +
                                          usage->cache_write_tokens,
                                      usage->output_tokens, cost, err);
    bx_agent_unlock(agent);
    return result;
}

/* ---- the request ----------------------------------------------------------
 */

static int make_system(bx_agent *agent, bx_error **err)
{
    if (agent->system == NULL)
        agent->system =
            bx_context_system(agent->context, agent->mode,
                              agent->date[0] == '\0' ? NULL : agent->date, err);
    return agent->system == NULL ? -1 : 0;
}

static uint64_t estimate(const bx_agent *agent, const json_t *tools)
{
    bx_autofree char *text = bx_json_text(tools, JSON_COMPACT);

    return bx_conversation_tokens(agent->conversation,
                                  strlen(agent->system) +
                                      (text == NULL ? 0 : strlen(text)));
}

uint64_t bx_agent_estimate(bx_agent *agent, bx_error **err)
{
    json_t *tools = bx_toolset_definitions(agent->toolset, err);
    uint64_t tokens = 0;

    if (tools != NULL && make_system(agent, err) == 0)
        tokens = estimate(agent, tools);
    json_decref(tools);
    return tokens;
}

/* Most tokens that a reply may have: what the budgets of tokens and of money
 * leave, if they bound it at all. 0: the model's own. */
static uint64_t output_most(const bx_agent *agent, double input_cost)
{
    const bx_spending *spending = &agent->spending;
    uint64_t most = bx_spending_output_left(spending);
    double price = agent->model->price_output > agent->model->long_output
                       ? agent->model->price_output
                       : agent->model->long_output;
    uint64_t own = agent->model->output_tokens;

    if (spending->budget.cost > 0 && price > 0 && input_cost >= 0) {
        double left = (spending->budget.cost - spending->cost -
                       spending->others.cost - input_cost) /
                      price * 1e6;

        if (left < (double)most)
            most = left > 0 ? (uint64_t)left : 0;
    }
    if (most == UINT64_MAX || (own != 0 && most >= own))
        return 0;
    return most == 0 ? 1 : most;
}

/* What the turn takes at least: its input, and a reply worth having. */
static double least_cost(const bx_agent *agent, uint64_t tokens,
                         double *ret_input)
{
    const bx_usage input = { .input_tokens = tokens };
    const bx_usage all = { .input_tokens = tokens,
                           .output_tokens = LEAST_OUTPUT };

    *ret_input = bx_model_cost(agent->model, &input);
    return bx_model_cost(agent->model, &all);
}

/* ---- compaction -----------------------------------------------------------
 */

static bool is_full(const bx_agent *agent, uint64_t tokens)
{
    uint64_t context = agent->model->context_tokens;

    return context != 0 && tokens > context / FULL_DENOMINATOR * FULL_NUMERATOR;
}

/* Where the budgets have no room for a summary, nobody is asked for one. */
static bool may_summarise(bx_agent *agent)
{
    bx_autoerror bx_error *err = NULL;
    uint64_t tokens = bx_agent_estimate(agent, &err);
    double input_cost;
    double cost = least_cost(agent, tokens, &input_cost);

    return err == NULL && bx_spending_refuse_turn(&agent->spending, tokens,
                                                  cost, bx_now_ns()) == NULL;
}

int bx_agent_shorten(bx_agent *agent, bool *ret_is_done, bx_error **err)
{
    const bx_compaction how = {
        .model = agent->model,
        .turn = may_summarise(agent) ? bx_agent_ask_model : NULL,
        .turn_context = agent,
    };
    bx_error *why = NULL;
    bx_usage usage = { 0 };
    json_t *note = NULL;
    int result;

    *ret_is_done = false;
    if (bx_conversation_compact(agent->conversation, &how, &note, &usage,
                                &why) < 0) {
        bool is_ours = bx_error_code(why) == BX_ERR_LIMIT ||
                       bx_error_code(why) == BX_ERR_CANCELLED;

        if (is_ours || err == NULL)
            bx_error_free(why);
        else
            *err = why;
        return is_ours ? 0 : -1;
    }
    bx_agent_lock(agent);
    result = bx_session_log_add_note(agent->log, note, NULL, err);
    bx_agent_unlock(agent);
    if (result == 0) {
        *ret_is_done = true;
        bx_event_tell(
            &agent->events,
            json_pack("{s:s, s:O?, s:O?}", "type", "compaction",
                      "before_tokens", json_object_get(note, "before_tokens"),
                      "after_tokens", json_object_get(note, "after_tokens")));
    }
    json_decref(note);
    if (result == 0 && (usage.input_tokens > 0 || usage.output_tokens > 0))
        result = bx_agent_count_usage(agent, &usage, err);
    return result;
}

/* ---- the turn -------------------------------------------------------------
 */

static const char *stop_name(bx_stop stop)
{
    static const char *const names[] = {
        [BX_STOP_END] = "end",         [BX_STOP_CALLS] = "calls",
        [BX_STOP_LENGTH] = "length",   [BX_STOP_CONTEXT] = "context",
        [BX_STOP_REFUSAL] = "refusal",
    };

    return names[stop];
}

static bool has_calls(const json_t *message)
{
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "tool_call"))
            return true;
    }
    return false;
}

static int store_reply(bx_agent *agent, const bx_turn_reply *reply,
                       bx_error **err)
{
    json_t *meta;
    uint64_t entry = 0;
    int result;

    if (json_array_size(bx_message_blocks(reply->message)) == 0)
        return 0; /* it had nothing to say, and no provider takes it back */
    meta = json_pack(
        "{s:s?, s:o, s:o, s:s, s:s?}", "model", reply->model, "usage",
        bx_agent_usage_json(&reply->usage), "cost",
        bx_agent_cost_json(bx_model_cost(agent->model, &reply->usage)), "stop",
        stop_name(reply->stop), "request_id", reply->request_id);
    if (meta == NULL)
        return bx_error_set_nomem(err);
    bx_agent_lock(agent);
    result = bx_session_log_add_message(agent->log, reply->message, meta,
                                        &entry, err);
    bx_agent_unlock(agent);
    json_decref(meta);
    if (result < 0 || bx_conversation_add(agent->conversation, reply->message,
                                          entry, err) < 0)
        return -1;
    bx_event_tell(&agent->events, json_pack("{s:s, s:O}", "type", "message",
                                            "message", reply->message));
    free(agent->last_text);
    agent->last_text = bx_message_text(reply->message);
    return 0;
}

static int say(bx_turn_end end, const char *why, bx_turn_end *ret_end,
               char **ret_why, bx_error **err)
{
    *ret_end = end;
    *ret_why = strdup(why);
    return *ret_why == NULL ? bx_error_set_nomem(err) : 0;
}

/* The turn did not come about. */
static int end_failed(bx_agent *agent, const bx_error *why,
                      bx_turn_end *ret_end, char **ret_why, bx_error **err)
{
    int64_t now_ns = bx_now_ns();

    if (bx_agent_is_cancelled(agent)) {
        *ret_end = BX_TURN_CANCELLED;
        return 0;
    }
    if (bx_error_code(why) == BX_ERR_TIMEOUT &&
        now_ns >= bx_spending_deadline_ns(&agent->spending))
        return say(BX_TURN_BUDGET,
                   bx_spending_refuse_turn(&agent->spending, 0, 0, now_ns),
                   ret_end, ret_why, err);
    return say(BX_TURN_FAILED, bx_error_message(why), ret_end, ret_why, err);
}

static int end_made(bx_agent *agent, const bx_turn_reply *reply,
                    uint64_t tokens, bool is_bounded, bx_turn_end *ret_end,
                    char **ret_why, bx_error **err)
{
    bx_conversation_learn(agent->conversation, tokens, &reply->usage);
    if (store_reply(agent, reply, err) < 0 ||
        bx_agent_count_usage(agent, &reply->usage, err) < 0)
        return -1;
    if (has_calls(reply->message)) {
        *ret_end = BX_TURN_CALLS;
        return 0;
    }
    switch (reply->stop) {
    case BX_STOP_LENGTH:
        if (is_bounded)
            return say(BX_TURN_BUDGET,
                       "the reply was cut where the budget of output tokens, "
                       "or of cost, ended",
                       ret_end, ret_why, err);
        *ret_end = BX_TURN_CUT;
        return 0;
    case BX_STOP_REFUSAL:
        return say(BX_TURN_REFUSED, "the model declines to go on", ret_end,
                   ret_why, err);
    case BX_STOP_CONTEXT:
        return say(BX_TURN_FAILED,
                   "the conversation is larger than the model's context and "
                   "cannot be made shorter",
                   ret_end, ret_why, err);
    default:
        *ret_end = BX_TURN_SAID;
        return 0;
    }
}

typedef struct turn_plan {
    json_t *tools;
    uint64_t tokens;
    uint64_t output_most;
} turn_plan;

/* Shorten what is too long, and ask the budgets. ret_why: borrowed, NULL: it
 * may be made. */
static int plan_turn(bx_agent *agent, turn_plan *plan, const char **ret_why,
                     bx_error **err)
{
    bool is_done = false;
    double input_cost, cost;

    plan->tools = bx_toolset_definitions(agent->toolset, err);
    if (plan->tools == NULL || make_system(agent, err) < 0)
        return -1;
    plan->tokens = estimate(agent, plan->tools);
    if (is_full(agent, plan->tokens)) {
        if (bx_agent_shorten(agent, &is_done, err) < 0)
            return -1;
        plan->tokens = estimate(agent, plan->tools);
    }
    bx_crew_charge(agent->crew);
    cost = least_cost(agent, plan->tokens, &input_cost);
    plan->output_most = output_most(agent, input_cost);
    *ret_why = bx_spending_refuse_turn(&agent->spending, plan->tokens, cost,
                                       bx_now_ns());
    return 0;
}

static int make_turn(bx_agent *agent, const turn_plan *plan, bool is_last,
                     bx_turn_reply *ret_reply, bx_error **err)
{
    const bx_turn_events events = { .text = on_text,
                                    .thinking = on_thinking,
                                    .retry = on_retry,
                                    .context = agent };
    const bool has_tools = (agent->model->abilities & BX_MODEL_TOOLS) != 0 &&
                           json_array_size(plan->tools) > 0;
    bx_turn_request request = {
        .model = agent->model,
        .system = agent->system,
        .messages = bx_conversation_messages(agent->conversation, err),
        .are_checked = true,
        .tools = has_tools ? plan->tools : NULL,
        .tool_choice = has_tools && is_last ? "none" : NULL,
        .max_output_tokens = plan->output_most,
        .effort = agent->config.effort,
        .temperature = -1,
        .cache_key = agent->id,
    };

    if (request.messages == NULL)
        return -1;
    bx_event_tell(&agent->events,
                  json_pack("{s:s, s:I}", "type", "turn", "number",
                            (json_int_t)agent->spending.turns + 1));
    return ask(agent, &request, &events, ret_reply, err);
}

static int turn(bx_agent *agent, bool is_last, turn_plan *plan,
                bx_turn_end *ret_end, char **ret_why, bx_error **err)
{
    for (bool is_again = false;; is_again = true) {
        bx_autoreply bx_turn_reply reply = { 0 };
        bx_autoerror bx_error *why = NULL;
        bool is_done = false;
        int made = make_turn(agent, plan, is_last, &reply, &why);

        if (made < 0)
            return end_failed(agent, why, ret_end, ret_why, err);
        if (reply.stop == BX_STOP_CONTEXT && !is_again &&
            !has_calls(reply.message)) {
            if (bx_agent_shorten(agent, &is_done, err) < 0)
                return -1;
            if (is_done) {
                plan->tokens = estimate(agent, plan->tools);
                continue;
            }
        }
        return end_made(agent, &reply, plan->tokens, plan->output_most != 0,
                        ret_end, ret_why, err);
    }
}

int bx_agent_turn(bx_agent *agent, bool is_last, bx_turn_end *ret_end,
                  char **ret_why, bx_error **err)
{
    turn_plan plan = { 0 };
    const char *refused = NULL;
    int result = plan_turn(agent, &plan, &refused, err);

    if (result == 0 && bx_agent_is_cancelled(agent))
        *ret_end = BX_TURN_CANCELLED;
    else if (result == 0 && refused != NULL)
        result = say(BX_TURN_BUDGET, refused, ret_end, ret_why, err);
    else if (result == 0)
        result = turn(agent, is_last, &plan, ret_end, ret_why, err);
    json_decref(plan.tools);
    return result;
}
