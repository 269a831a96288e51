/* The calls of a message, one after another: decided, and those that change
 * nothing made side by side. What writes runs alone, so that a message's calls
 * have their effects in the order in which the model wrote them. */
#include <string.h>

#include "agent/agent_state.h"
#include "agent/call_run.h"
#include "agent/subagent.h"
#include "base/buf.h"
#include "base/run.h"
#include "tool/schema.h"

#define PARALLEL_DEFAULT 4u
#define PARALLEL_MAX 64u

static const char interrupted[] =
    "Interrupted: the program ended while this call ran. Whether it took "
    "effect is not known; look before you make it again.";

typedef struct call_list {
    json_t *open; /* owned */
    bx_call_run *calls;
    size_t count;
} call_list;

static void clear_list(call_list *list)
{
    for (size_t i = 0; list->calls != NULL && i < list->count; i++)
        bx_call_run_clear(&list->calls[i]);
    free(list->calls);
    json_decref(list->open);
}

/* ---- what an earlier process left ------------------------------------------
 */

int bx_agent_settle_interrupted(bx_agent *agent, bx_error **err)
{
    json_t *open = bx_session_log_open_calls(agent->log, err);
    int result = open == NULL ? -1 : 0;
    size_t i;
    const json_t *call;

    json_array_foreach(open, i, call)
    {
        json_t *block;

        if (result < 0)
            continue;
        bx_effect_forget(agent, bx_block_text(call, "id"));
        if (strcmp(bx_block_text(call, "state"), "begun") != 0 ||
            bx_subagent_goes_on(agent, call))
            continue;
        block = json_pack("{s:s, s:s, s:s, s:b, s:[{s:s, s:s}]}", "type",
                          "tool_result", "id", bx_block_text(call, "id"),
                          "name", bx_block_text(call, "name"), "is_error", true,
                          "content", "type", "text", "text", interrupted);
        result =
            block == NULL
                ? bx_error_set_nomem(err)
                : bx_session_log_end_call(agent->log, bx_block_text(call, "id"),
                                          block, NULL, err);
        json_decref(block);
    }
    json_decref(open);
    return result;
}

/* ---- deciding ---------------------------------------------------------------
 */

static void tell_decision(const bx_call_run *call, const char *decision,
                          const char *by, const char *reason)
{
    bx_event_tell(&call->agent->events,
                  json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "type",
                            "approval", "id", call->id, "name", call->name,
                            "decision", decision, "by", by, "reason", reason));
}

static int refuse(bx_call_run *call, const char *why, const char *said,
                  bx_error **err)
{
    tell_decision(call, "refused", why, said);
    if (said != NULL)
        return bx_call_run_bar(call, BX_CALL_BAR_REFUSED, NULL, err,
                               "Refused by the user: %s", said);
    return bx_call_run_bar(
        call, BX_CALL_BAR_REFUSED, NULL, err,
        "Refused (%s). The call was not made. Do not try to reach the same by "
        "other means; go on without it, ask the user, or say what you would "
        "need.",
        why);
}

/* Nobody is there to say yes. */
static int refuse_unasked(bx_call_run *call, const char *why, bx_error **err)
{
    tell_decision(call, "refused", why, "nobody is there to be asked");
    return bx_call_run_bar(
        call, BX_CALL_BAR_REFUSED, NULL, err,
        "Refused: %s wants a person's approval, and nobody is there to be "
        "asked. The call was not made. Go on with what needs no approval, or "
        "end and say what is left to do.",
        why);
}

static int stop(bx_call_run *call, const char *said, bx_error **err)
{
    bx_agent *agent = call->agent;

    tell_decision(call, "stopped", "person", said);
    agent->refusals++;
    agent->stop_reason =
        strdup(said == NULL || said[0] == '\0' ? "stopped by the user" : said);
    if (agent->stop_reason == NULL)
        return bx_error_set_nomem(err);
    return bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, err,
                           "The user stopped the work here. The call was not "
                           "made.");
}

/* What "always" is said to: the tool where its mode asks, and of a rule what
 * this rule asks for. Owned, NULL without memory. */
static char *always_key(const bx_call_run *call, const char *why)
{
    const bool is_of_rule = strncmp(why, "rule ", 5) == 0;
    char *key = NULL;

    return asprintf(&key, "%s%s%s", call->name, is_of_rule ? "\n" : "",
                    is_of_rule ? why : "") < 0
               ? NULL
               : key;
}

static bool is_always(const bx_call_run *call, const char *why)
{
    bx_autofree char *key = always_key(call, why);

    return call->level < BX_LEVEL_DANGEROUS && key != NULL &&
           json_object_get(call->agent->always, key) != NULL;
}

static int keep_always(const bx_call_run *call, const char *why, bx_error **err)
{
    bx_autofree char *key = NULL;

    if (call->level >= BX_LEVEL_DANGEROUS)
        return 0;
    key = always_key(call, why);
    return key == NULL || json_object_set_new(call->agent->always, key,
                                              json_true()) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

static int ask(bx_call_run *call, const char *why, bx_error **err)
{
    bx_agent *agent = call->agent;
    bx_approval_ask question = { .id = call->id,
                                 .name = call->name,
                                 .input = call->input,
                                 .level = call->level,
                                 .why = why };
    bx_autofree char *said = NULL;
    bx_answer answer;

    if (agent->config.approve == NULL)
        return refuse_unasked(call, why, err);
    bx_call_run_try(call);
    if (bx_agent_is_cancelled(agent))
        return bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, err,
                               "Cancelled: the call was not made.");
    question.effect = call->effect.text;
    bx_spending_pause(&agent->spending, bx_now_ns());
    answer =
        agent->config.approve(agent->config.approve_context, &question, &said);
    bx_spending_resume(&agent->spending, bx_now_ns());
    if (bx_agent_is_cancelled(agent))
        return bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, err,
                               "Cancelled: the call was not made.");
    switch (answer) {
    case BX_ANSWER_ALWAYS:
        if (keep_always(call, why, err) < 0)
            return -1;
        /* fall through */
    case BX_ANSWER_YES:
        tell_decision(call, "allowed", "person", said);
        call->is_approved = true;
        call->stage = BX_CALL_STAGE_ALLOWED;
        return 0;
    case BX_ANSWER_STOP:
        return stop(call, said, err);
    default:
        return refuse(call, "person",
                      said == NULL || said[0] == '\0'
                          ? "the call was not made. Ask what they want instead."
                          : said,
                      err);
    }
}

static int judge(bx_call_run *call, bx_error **err)
{
    const bx_agent *agent = call->agent;
    /* What a server does goes to no overlay, and cannot be looked at first. */
    const bx_mode mode =
        agent->mode == BX_MODE_EDITS && bx_call_run_is_remote(call)
            ? BX_MODE_READS
            : agent->mode;
    const char *why = "";
    bx_ruling ruling = bx_approval_judge(mode, agent->config.rules, call->name,
                                         call->level, call->input, &why);

    if (ruling == BX_RULING_REFUSE)
        return agent->mode == BX_MODE_PLAN && strcmp(why, "mode plan") == 0
                   ? bx_call_run_bar(
                         call, BX_CALL_BAR_REFUSED, NULL, err,
                         "Refused: in mode plan nothing is changed. Write down "
                         "what you would do, as a plan, and end.")
                   : refuse(call, why, NULL, err);
    if (ruling == BX_RULING_ASK && !is_always(call, why))
        return ask(call, why, err);
    tell_decision(call, "allowed",
                  ruling == BX_RULING_ASK ? "person, always" : why, NULL);
    call->stage = BX_CALL_STAGE_ALLOWED;
    return 0;
}

/* Which tool, and does the input fit it? The registry looks at its own again,
 * when the call is made. */
static int find(bx_call_run *call, bx_error **err)
{
    bx_autoerror bx_error *why = NULL;

    bx_event_tell(&call->agent->events,
                  json_pack("{s:s, s:s, s:s, s:O}", "type", "call", "id",
                            call->id, "name", call->name, "input",
                            (json_t *)call->input));
    if (bx_toolset_get(call->agent->toolset, call->name, &call->entry, &why) <
        0)
        return bx_call_run_bar(call, BX_CALL_BAR_WRONG, bx_error_message(why),
                               err, "The call was not made:");
    call->has_entry = true;
    if (call->entry.own == NULL) {
        call->level = bx_registry_level(call->entry.tool);
        return 0;
    }
    if (bx_schema_validate(call->entry.schema, call->input, &why) < 0)
        return bx_call_run_bar(call, BX_CALL_BAR_WRONG, NULL, err,
                               "The call was not made: its input does not fit "
                               "the tool: %s",
                               bx_error_message(why));
    if (call->entry.own->level != NULL)
        call->level = call->entry.own->level(call->input);
    return 0;
}

/* May another call be made, with as many beside it that are not counted yet? */
static const char *refused_by_budget(bx_agent *agent, size_t beside)
{
    bx_spending *spending = &agent->spending;
    uint64_t counted = spending->calls;
    const char *why;

    if (agent->no_more != NULL)
        return agent->no_more;
    bx_crew_charge(agent->crew);
    spending->calls += beside;
    why = bx_spending_refuse_call(spending, bx_now_ns());
    spending->calls = counted;
    agent->no_more = why;
    return why;
}

static int decide(bx_call_run *call, size_t beside, bx_error **err)
{
    bx_agent *agent = call->agent;
    const char *budget;

    if (bx_agent_is_cancelled(agent))
        return bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, err,
                               "Cancelled: the call was not made.");
    if (agent->stop_reason != NULL)
        return bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, err,
                               "The user stopped the work before this call. It "
                               "was not made.");
    if (call->is_begun) { /* by an earlier process, which had it decided */
        call->stage = BX_CALL_STAGE_ALLOWED;
        return 0;
    }
    budget = refused_by_budget(agent, beside);
    if (budget != NULL)
        return bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, err,
                               "The call was not made: %s.", budget);
    return judge(call, err);
}

/* ---- making -----------------------------------------------------------------
 */

typedef struct batch {
    bx_call_run *calls;
    size_t count;
    atomic_size_t next;
} batch;

static void *work(void *context)
{
    batch *all = context;
    size_t i;

    while ((i = atomic_fetch_add(&all->next, 1)) < all->count) {
        if (all->calls[i].stage == BX_CALL_STAGE_ALLOWED)
            bx_call_run_make(&all->calls[i]);
    }
    return NULL;
}

/* Without threads to spare they are made one after another. */
static void make_batch(const bx_agent *agent, bx_call_run *calls, size_t count)
{
    batch all = { .calls = calls, .count = count };
    unsigned most =
        agent->config.parallel == 0 ? PARALLEL_DEFAULT : agent->config.parallel;
    pthread_t threads[PARALLEL_MAX];
    size_t started = 0;

    if (most > PARALLEL_MAX)
        most = PARALLEL_MAX;
    atomic_init(&all.next, 0);
    while (started + 1 < count && started + 1 < most &&
           pthread_create(&threads[started], NULL, work, &all) == 0)
        started++;
    (void)work(&all);
    while (started > 0)
        (void)pthread_join(threads[--started], NULL);
}

/* In their order: into the conversation, and what they cost. */
static int count_batch(bx_agent *agent, bx_call_run *calls, size_t count,
                       bx_error **err)
{
    agent->spending.paused_ns += agent->held_ns;
    agent->held_ns = 0;
    for (size_t i = 0; i < count; i++) {
        bx_call_run *call = &calls[i];
        json_t *block;
        int failed;

        if (call->err != NULL) {
            if (err != NULL)
                *err = bx_take(call->err);
            return -1;
        }
        block = json_pack("{s:s, s:s, s:s, s:b, s:O}", "type", "tool_result",
                          "id", call->id, "name", call->name, "is_error",
                          call->is_error, "content", call->content);
        failed = block == NULL ? bx_error_set_nomem(err)
                               : bx_conversation_add_result(agent->conversation,
                                                            block, err);
        json_decref(block);
        if (failed < 0)
            return -1;
        agent->refusals +=
            call->refusals + (call->bar == BX_CALL_BAR_REFUSED ? 1 : 0);
        if (call->bar == BX_CALL_BAR_OVER)
            continue;
        agent->calls++;
        if (bx_spending_add_call(&agent->spending, call->name, call->input,
                                 call->is_error, call->content, err) < 0)
            return -1;
    }
    return 0;
}

/* The next calls that may run side by side, decided and made. */
static int make_next(bx_agent *agent, call_list *list, size_t *at,
                     bx_error **err)
{
    size_t from = *at;
    size_t to = from;
    bool is_alone = false;

    while (to < list->count && !is_alone) {
        bx_call_run *call = &list->calls[to];
        bool is_single;

        if (!call->has_entry && call->stage == BX_CALL_STAGE_NEW &&
            find(call, err) < 0)
            return -1;
        is_single =
            call->stage == BX_CALL_STAGE_NEW && !bx_call_run_is_parallel(call);
        /* What ran before it is over before anybody is asked of it. */
        if (is_single && to > from)
            break;
        if (call->stage == BX_CALL_STAGE_NEW &&
            decide(call, to - from, err) < 0)
            return -1;
        is_alone = is_single;
        to++;
    }
    make_batch(agent, list->calls + from, to - from);
    *at = to;
    return count_batch(agent, list->calls + from, to - from, err);
}

static int fill_list(bx_agent *agent, call_list *list, bx_error **err)
{
    list->count = json_array_size(list->open);
    list->calls = calloc(list->count + 1, sizeof(*list->calls));
    if (list->calls == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < list->count; i++) {
        const json_t *open = json_array_get(list->open, i);

        list->calls[i] = (bx_call_run){
            .agent = agent,
            .id = bx_block_text(open, "id"),
            .name = bx_block_text(open, "name"),
            .input = json_object_get(open, "input"),
            .is_begun = strcmp(bx_block_text(open, "state"), "begun") == 0,
        };
    }
    return 0;
}

int bx_agent_make_calls(bx_agent *agent, bx_error **err)
{
    call_list list = { 0 };
    size_t at = 0;
    int result;

    bx_agent_lock(agent);
    list.open = bx_session_log_open_calls(agent->log, err);
    bx_agent_unlock(agent);
    result = list.open == NULL ? -1 : fill_list(agent, &list, err);
    while (result == 0 && at < list.count)
        result = make_next(agent, &list, &at, err);
    clear_list(&list);
    return result;
}
