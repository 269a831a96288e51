/* Turn after turn until the model wants nothing more, a budget is used up, or
 * someone stops it. */
#include <string.h>

#include "agent/agent_state.h"
#include "agent/agent_usage.h"
#include "agent/one_line.h"
#include "agent/subagent.h"
#include "base/buf.h"
#include "base/run.h"

#define TITLE_MAX 60
#define CUTS_MAX 3 /* replies in a row that were cut before they ended */

static const char go_on[] =
    "[Your reply was cut: it had the most tokens that one may have. Go on "
    "where it ended, in smaller steps.]";
static const char sum_up[] =
    "[No more tools can be called: %s. Say in a few sentences what is done and "
    "what is not.]";

/* ---- what is said to the model --------------------------------------------
 */

static int add_user(bx_agent *agent, const json_t *message, bx_error **err)
{
    uint64_t entry = 0;
    int result;

    bx_agent_lock(agent);
    result = bx_session_log_add_message(agent->log, message, NULL, &entry, err);
    bx_agent_unlock(agent);
    if (result < 0)
        return -1;
    return bx_conversation_add(agent->conversation, message, entry, err);
}

static int add_text(bx_agent *agent, const char *text, bx_error **err)
{
    json_t *message = bx_message_new_text("user", text, strlen(text));
    int result = message == NULL ? bx_error_set_nomem(err)
                                 : add_user(agent, message, err);

    json_decref(message);
    return result;
}

/* The first words of a session are its name, until it is given another. */
static int give_title(bx_agent *agent, const json_t *message, bx_error **err)
{
    bx_autofree char *text = NULL;
    bx_autofree char *title = NULL;

    if (agent->has_title)
        return 0;
    agent->has_title = true;
    text = bx_message_text(message);
    if (text != NULL)
        title = bx_one_line(text, strlen(text), TITLE_MAX, NULL);
    if (title == NULL)
        return bx_error_set_nomem(err);
    return title[0] == '\0'
               ? 0
               : bx_session_log_set(agent->log, "title", title, err);
}

static int add_content(bx_agent *agent, const json_t *content, bx_error **err)
{
    json_t *copy = json_deep_copy(content);
    json_t *message = json_pack("{s:s, s:o}", "role", "user", "content", copy);
    int result = message == NULL ? bx_error_set_nomem(err) : 0;

    if (result == 0)
        result = bx_message_check(message, err);
    if (result == 0 && json_array_size(copy) == 0)
        result = bx_error_set(err, BX_ERR_INVALID,
                              "the message is empty; expected text");
    if (result == 0)
        result = add_user(agent, message, err);
    if (result == 0)
        result = give_title(agent, message, err);
    json_decref(message);
    return result;
}

/* ---- ends -----------------------------------------------------------------
 */

typedef struct run_end {
    bx_agent_status status;
    char *reason; /* owned; NULL: none */
} run_end;

static const char *session_status(bx_agent_status status)
{
    switch (status) {
    case BX_AGENT_DONE:
        return "done";
    case BX_AGENT_CANCELLED:
        return "cancelled";
    default:
        return "failed";
    }
}

/* Between runs a person may commit or drop what mode edits wrote: nobody holds
 * it then. */
static void release_overlay(bx_agent *agent)
{
    bx_autoerror bx_error *err = NULL;

    if (agent->mode == BX_MODE_EDITS && agent->overlay_dir != NULL &&
        agent->config.overlay == NULL && /* it is the parent's */
        bx_registry_release_overlay(agent->config.registry, agent->overlay_dir,
                                    &err) < 0)
        bx_agent_notice(agent, "%s", bx_error_message(err));
}

static int end_run(bx_agent *agent, run_end *end, bx_agent_result *ret_result,
                   bx_error **err)
{
    *ret_result = (bx_agent_result){
        .status = end->status,
        .text = strdup(agent->last_text == NULL ? "" : agent->last_text),
        .reason = strdup(end->reason == NULL ? "" : end->reason),
        .usage = agent->usage,
        .cost = agent->cost,
        .turns = agent->spending.turns,
        .calls = agent->calls,
        .refusals = agent->refusals,
    };
    bx_crew_add_usage(agent->crew, &ret_result->usage, &ret_result->cost);
    if (ret_result->text == NULL || ret_result->reason == NULL)
        return bx_error_set_nomem(err);
    release_overlay(agent);
    if (bx_session_log_set(agent->log, "status", session_status(end->status),
                           err) < 0)
        return -1;
    bx_event_tell(&agent->events,
                  json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I}",
                            "type", "end", "status",
                            bx_agent_status_name(end->status), "reason",
                            ret_result->reason, "text", ret_result->text,
                            "usage", bx_agent_usage_json(&ret_result->usage),
                            "cost", bx_agent_cost_json(ret_result->cost),
                            "turns", (json_int_t)agent->spending.turns, "calls",
                            (json_int_t)agent->calls, "refusals",
                            (json_int_t)agent->refusals));
    return 0;
}

static void set_end(run_end *end, bx_agent_status status, char *reason)
{
    end->status = status;
    free(end->reason);
    end->reason = reason;
}

/* ---- the loop -------------------------------------------------------------
 */

/* A budget that a call met still leaves the model a few words, where those of
 * turns, tokens, money and time have room for them. */
static int say_last_words(bx_agent *agent, bx_error **err)
{
    bx_autofree char *text = NULL;
    bx_autofree char *why = NULL;
    bx_turn_end end;

    if (bx_agent_is_cancelled(agent))
        return 0;
    if (asprintf(&text, sum_up, agent->no_more) < 0) {
        text = NULL;
        return bx_error_set_nomem(err);
    }
    agent->spending.failures = 0;
    agent->spending.repeats = 0;
    if (bx_spending_refuse_turn(&agent->spending, bx_agent_estimate(agent, err),
                                0, bx_now_ns()) != NULL)
        return 0;
    if (add_text(agent, text, err) < 0 ||
        bx_agent_turn(agent, true, &end, &why, err) < 0)
        return -1;
    /* Asked for all the same: they are told no. */
    return end == BX_TURN_CALLS ? bx_agent_make_calls(agent, err) : 0;
}

/* What sub-agents in the background have come to since the last turn. */
static int tell_news(bx_agent *agent, bool *ret_is_told, bx_error **err)
{
    json_t *message = NULL;
    int result = bx_crew_news(agent->crew, &message, err);

    *ret_is_told = result == 0 && message != NULL;
    if (*ret_is_told)
        result = add_user(agent, message, err);
    json_decref(message);
    return result;
}

/* The model has said what it wanted, but others still work for it. */
static int await_others(bx_agent *agent, bool *ret_goes_on, bx_error **err)
{
    bx_crew_await(agent->crew);
    if (!bx_agent_is_cancelled(agent))
        return tell_news(agent, ret_goes_on, err);
    *ret_goes_on = false;
    return 0;
}

/* What follows from how a turn ended. True: another turn. */
static bool goes_on(bx_turn_end end, unsigned cuts, char **why, run_end *ret)
{
    switch (end) {
    case BX_TURN_CALLS:
        return true;
    case BX_TURN_SAID:
        set_end(ret, BX_AGENT_DONE, NULL);
        return false;
    case BX_TURN_CUT:
        if (cuts < CUTS_MAX)
            return true;
        set_end(ret, BX_AGENT_FAILED,
                strdup("the model's replies are cut again and again: they have "
                       "the most tokens one may have"));
        return false;
    case BX_TURN_REFUSED:
        set_end(ret, BX_AGENT_REFUSED, bx_take(*why));
        return false;
    case BX_TURN_BUDGET:
        set_end(ret, BX_AGENT_BUDGET, bx_take(*why));
        return false;
    case BX_TURN_CANCELLED:
        set_end(ret, BX_AGENT_CANCELLED, NULL);
        return false;
    default:
        set_end(ret, BX_AGENT_FAILED, bx_take(*why));
        return false;
    }
}

/* After the calls of a turn. True: the run is over. */
static int look_after_calls(bx_agent *agent, run_end *end, bool *ret_is_over,
                            bx_error **err)
{
    *ret_is_over = true;
    if (bx_agent_is_cancelled(agent)) {
        set_end(end, BX_AGENT_CANCELLED, NULL);
        return 0;
    }
    if (agent->stop_reason != NULL) {
        set_end(end, BX_AGENT_REFUSED, bx_take(agent->stop_reason));
        return 0;
    }
    if (agent->no_more == NULL)
        agent->no_more = bx_spending_refuse_any(&agent->spending, bx_now_ns());
    if (agent->no_more != NULL) {
        char *reason = strdup(agent->no_more);

        set_end(end, BX_AGENT_BUDGET, reason);
        return reason == NULL ? bx_error_set_nomem(err)
                              : say_last_words(agent, err);
    }
    *ret_is_over = false;
    return 0;
}

static int loop(bx_agent *agent, run_end *end, bx_error **err)
{
    unsigned cuts = 0;

    for (;;) {
        bx_autofree char *why = NULL;
        bx_turn_end turn = BX_TURN_FAILED;
        bool is_over = false;
        bool is_told = false;

        if (tell_news(agent, &is_told, err) < 0 ||
            bx_agent_turn(agent, false, &turn, &why, err) < 0)
            return -1;
        if (turn == BX_TURN_SAID) {
            if (await_others(agent, &is_told, err) < 0)
                return -1;
            if (is_told)
                continue;
            if (bx_agent_is_cancelled(agent))
                turn = BX_TURN_CANCELLED;
        }
        cuts = turn == BX_TURN_CUT ? cuts + 1 : 0;
        if (!goes_on(turn, cuts, &why, end))
            return 0;
        if (turn == BX_TURN_CUT && add_text(agent, go_on, err) < 0)
            return -1;
        if (turn == BX_TURN_CALLS &&
            (bx_agent_make_calls(agent, err) < 0 ||
             look_after_calls(agent, end, &is_over, err) < 0))
            return -1;
        if (is_over)
            return 0;
    }
}

/* Without a new message: a session whose last word is the model's has nothing
 * to go on with, since the process ended between that and the run's end. */
static int look_for_more(bx_agent *agent, run_end *end, bool *ret_is_over,
                         bx_error **err)
{
    const json_t *messages = bx_conversation_messages(agent->conversation, err);
    const json_t *last;

    if (messages == NULL)
        return -1;
    last = json_array_get(messages, json_array_size(messages) - 1);
    if (strcmp(bx_message_role(last), "assistant") != 0)
        return 0;
    *ret_is_over = true;
    set_end(end, BX_AGENT_DONE, NULL);
    agent->last_text = bx_message_text(last);
    return agent->last_text == NULL ? bx_error_set_nomem(err) : 0;
}

static void begin_run(bx_agent *agent)
{
    bx_spending_begin(&agent->spending, &agent->config.budget, bx_now_ns());
    agent->usage = (bx_usage){ 0 };
    agent->cost = 0;
    agent->calls = agent->refusals = 0;
    agent->no_more = NULL;
    free(agent->last_text);
    free(agent->stop_reason);
    agent->last_text = agent->stop_reason = NULL;
}

int bx_agent_run(bx_agent *agent, const json_t *content,
                 bx_agent_result *ret_result, bx_error **err)
{
    run_end end = { .status = BX_AGENT_FAILED };
    bool is_over = false;
    int result;

    begin_run(agent);
    result = bx_session_log_set(agent->log, "status", "running", err);
    if (result == 0)
        result = bx_crew_begin(agent->crew, err);
    /* Of an earlier process: asked for, and not made. */
    if (result == 0)
        result = bx_agent_make_calls(agent, err);
    if (result == 0 && agent->calls > 0)
        result = look_after_calls(agent, &end, &is_over, err);
    if (result == 0 && content != NULL)
        result = add_content(agent, content, err);
    if (result == 0 && !is_over && content == NULL)
        result = look_for_more(agent, &end, &is_over, err);
    if (result == 0 && !is_over)
        result = loop(agent, &end, err);
    bx_crew_stop(agent->crew);
    if (result == 0)
        result = end_run(agent, &end, ret_result, err);
    free(end.reason);
    return result;
}
