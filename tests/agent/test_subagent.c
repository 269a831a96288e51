/* Agents of an agent: what they are given, and that it is never more. The model
 * is the test's: what it says is found by who asks and by how often. */
#include "agent/support_agent.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_state.h"
#include "agent/subagent.h"
#include "base/run.h"

/* ---- the model ------------------------------------------------------------
 */

typedef struct play {
    const char *task; /* in the first message */
    reply_plan replies[12];
} play;

typedef struct theatre {
    stage it;
    const play *plays;
    pthread_mutex_t lock;
    unsigned calls; /* ids that were given */
    unsigned turns;
    pthread_mutex_t gate; /* held: nobody goes on */
    json_t *asked;        /* of people: names of agents */
    unsigned asking;      /* at the same time */
    unsigned asking_most;
    bx_answer answer;
} theatre;

static size_t count_said(const json_t *messages)
{
    size_t i, count = 0;
    const json_t *message;

    json_array_foreach(messages, i, message) count +=
        strcmp(bx_message_role(message), "assistant") == 0;
    return count;
}

static const reply_plan *find_reply(const theatre *all,
                                    const bx_turn_request *request)
{
    bx_autofree char *task =
        bx_message_text(json_array_get(request->messages, 0));

    for (const play *one = all->plays; one->task != NULL; one++)
        if (strstr(task, one->task) != NULL)
            return &one->replies[count_said(request->messages)];
    fail_msg("nobody plays '%s'", task);
    return NULL;
}

static void add_calls(theatre *all, json_t *message, const char *text)
{
    json_t *calls = json_loads(text, 0, NULL);
    size_t i;
    const json_t *call;

    assert_non_null(calls);
    json_array_foreach(calls, i, call)
    {
        char id[32];

        snprintf(id, sizeof(id), "call_%u", all->calls++);
        bx_message_add_call(message, id,
                            json_string_value(json_array_get(call, 0)),
                            json_incref(json_array_get(call, 1)));
    }
    json_decref(calls);
}

static int on_turn(void *context, const bx_turn_request *request,
                   bx_turn_reply *ret_reply, bx_error **err)
{
    theatre *all = context;
    const reply_plan *plan = find_reply(all, request);

    pthread_mutex_lock(&all->gate);
    pthread_mutex_unlock(&all->gate);
    if (plan->cancels) {
        bx_cancel_trigger(all->it.cancel);
        return bx_error_set(err, BX_ERR_CANCELLED, "cancelled");
    }
    if (plan->fails != BX_OK)
        return bx_error_set(err, plan->fails, "the model is not there");
    pthread_mutex_lock(&all->lock);
    all->turns++;
    ret_reply->message = bx_message_new("assistant");
    if (plan->text != NULL)
        bx_message_add_text(ret_reply->message, plan->text, strlen(plan->text));
    if (plan->calls != NULL)
        add_calls(all, ret_reply->message, plan->calls);
    pthread_mutex_unlock(&all->lock);
    ret_reply->stop = plan->calls != NULL ? BX_STOP_CALLS : plan->stop;
    ret_reply->usage = plan->usage;
    ret_reply->model = strdup("of the test");
    return 0;
}

/* ---- the person -----------------------------------------------------------
 */

static bx_answer on_approve(void *context, const bx_approval_ask *ask,
                            char **ret_reason)
{
    theatre *all = context;

    (void)ret_reason;
    all->asking++;
    if (all->asking > all->asking_most)
        all->asking_most = all->asking;
    json_array_append_new(all->asked,
                          json_string(ask->agent == NULL ? "" : ask->agent));
    bx_run_poll(&(bx_run){ .deadline_ns = INT64_MAX }, NULL, 0,
                bx_now_ns() + 20000000);
    all->asking--;
    return all->answer;
}

static void begin(theatre *all, const play *plays)
{
    *all = (theatre){ .plays = plays, .answer = BX_ANSWER_YES };
    stage_begin(&all->it);
    pthread_mutex_init(&all->lock, NULL);
    pthread_mutex_init(&all->gate, NULL);
    all->asked = json_array();
    all->it.config.turn = on_turn;
    all->it.config.turn_context = all;
    all->it.config.has_subagents = true;
}

static void end(theatre *all)
{
    json_decref(all->asked);
    stage_end(&all->it);
    pthread_mutex_destroy(&all->gate);
    pthread_mutex_destroy(&all->lock);
}

static void run(theatre *all, const char *text, bx_agent_result *ret_result)
{
    json_t *content =
        text == NULL ? NULL
                     : json_pack("[{s:s, s:s}]", "type", "text", "text", text);
    bx_error *err = NULL;

    json_array_clear(all->it.events);
    if (bx_agent_run(all->it.agent, content, ret_result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    json_decref(content);
}

/* The n-th result of the first agent, its text joined; owned. */
static char *result_text(const theatre *all, size_t n, bool *ret_is_error)
{
    const json_t *event = stage_event(&all->it, "result", n);
    size_t i;
    const json_t *block;
    char *text = strdup("");

    if (ret_is_error != NULL)
        *ret_is_error = json_is_true(json_object_get(event, "is_error"));
    json_array_foreach(json_object_get(event, "content"), i, block)
    {
        char *longer = NULL;

        assert_true(
            asprintf(&longer, "%s%s", text, bx_block_text(block, "text")) >= 0);
        free(text);
        text = longer;
    }
    return text;
}

static void check_result(const theatre *all, size_t n, bool is_error,
                         const char *part)
{
    bool is = false;
    bx_autofree char *text = result_text(all, n, &is);

    assert_has(text, part);
    assert_int_equal(is, is_error);
}

#define USAGE(in, out)                                                         \
    {                                                                          \
        .input_tokens = (in), .output_tokens = (out)                           \
    }

/* ---- what it comes to -----------------------------------------------------
 */

static void answers_as_data(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do helper\", \"name\": "
                       "\"one\"}]]",
              .usage = USAGE(100, 10) },
            { .text = "done", .usage = USAGE(100, 10) } } },
        { "helper", { { .text = "helped", .usage = USAGE(1000, 7) } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };
    bx_session_query query = { .limit = 10 };
    bx_autosessionlist bx_session_list list = { 0 };

    (void)state;
    begin(&all, plays);
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    check_result(&all, 0, false, "Sub-agent a1 \"one\": done, after 1 turns");
    check_result(&all, 0, false, "\">\nhelped\n</data");
    assert_int_equal(result.usage.input_tokens, 1200);
    query.parent = bx_agent_session(all.it.agent);
    assert_int_equal(bx_session_store_list(all.it.store, &query, &list, NULL),
                     0);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.items[0].kind, "agent");
    assert_string_equal(list.items[0].status, "done");
    assert_int_equal(list.items[0].input_tokens, 1000);
    end(&all);
}

static void failures_stay_their_own(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do broken\"}], [\"agent\", "
                       "{\"task\": \"do declining\"}], [\"agent\", {\"task\": "
                       "\"do helper\"}]]" },
            { .text = "done" } } },
        { "broken", { { .fails = BX_ERR_SYSTEM } } },
        { "declining", { { .text = "no", .stop = BX_STOP_REFUSAL } } },
        { "helper", { { .text = "helped" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };
    bool seen[3] = { false };

    (void)state;
    begin(&all, plays);
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    for (size_t i = 0; i < 3; i++) {
        bool is_error = false;
        bx_autofree char *text = result_text(&all, i, &is_error);

        seen[0] |= is_error && strstr(text, "failed") != NULL &&
                   strstr(text, "the model is not there") != NULL;
        seen[1] |= is_error && strstr(text, "refused") != NULL;
        seen[2] |= !is_error && strstr(text, "helped") != NULL;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    end(&all);
}

/* ---- budgets --------------------------------------------------------------
 */

static void has_half_of_what_is_left(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do helper\"}]]",
              .usage = USAGE(0, 100) },
            { .text = "done" } } },
        { "helper",
          { { .calls = "[[\"plan\", {\"items\": []}]]",
              .usage = USAGE(0, 450) },
            { .text = "more" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };

    (void)state;
    begin(&all, plays);
    all.it.config.budget.output_tokens = 1000;
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    /* (1000 - 100) / 2 */
    check_result(&all, 0, true, "budget of 450 output tokens");
    assert_int_equal(result.status, BX_AGENT_DONE);
    assert_int_equal(bx_agent_spent(all.it.agent).output_tokens, 550);
    end(&all);
}

static void never_has_more_than_is_left(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do helper\", \"turns\": "
                       "50, \"cost\": 100}]]",
              .usage = USAGE(1000000, 0) },
            { .text = "done" } } },
        { "helper",
          { { .calls = "[[\"plan\", {\"items\": []}]]",
              .usage = USAGE(1000000, 0) },
            { .calls = "[[\"plan\", {\"items\": []}]]",
              .usage = USAGE(1000000, 0) },
            { .text = "more" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };

    (void)state;
    begin(&all, plays);
    all.it.model.price_input = 1;
    all.it.model.price_output = 1;
    all.it.config.budget.cost = 3;
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    check_result(&all, 0, true, "cost budget of $2.0000");
    assert_int_equal(result.status, BX_AGENT_BUDGET);
    assert_true(result.cost < 3.01);
    end(&all);
}

static const play helper_alone[] = {
    { "helper", { { .text = "helped" } } },
    { NULL, { { 0 } } },
};

/* As in a run that makes calls. */
static void open_crew(theatre *all, const bx_agent_budget *budget)
{
    stage_open(&all->it, NULL, NULL);
    bx_spending_begin(&all->it.agent->spending, budget, bx_now_ns());
}

static bx_subagent *give(theatre *all, unsigned index, uint64_t turns,
                         bx_error **err)
{
    const bx_subagent_order order = {
        .call = "c", .index = index, .task = "do helper", .turns = turns
    };

    return bx_crew_order(all->it.agent->crew, &order, err);
}

static void what_is_set_aside_is_not_the_parents(void **state)
{
    const bx_agent_budget budget = { .turns = 9 };
    theatre all;
    bx_subagent *subs[2];
    bx_crew *crew;
    const bx_spending *spending;
    bx_error *err = NULL;

    (void)state;
    begin(&all, helper_alone);
    open_crew(&all, &budget);
    crew = all.it.agent->crew;
    spending = &all.it.agent->spending;
    pthread_mutex_lock(&all.gate);
    subs[0] = give(&all, 0, 8, NULL);
    bx_crew_charge(crew);
    assert_int_equal(spending->others.turns, 8);
    subs[1] = give(&all, 1, 8, NULL); /* gets the one that is left */
    bx_crew_charge(crew);
    assert_int_equal(spending->others.turns, 9);
    assert_non_null(
        bx_spending_refuse_turn(&all.it.agent->spending, 1, 0, bx_now_ns()));
    assert_null(give(&all, 2, 1, &err));
    assert_has(bx_error_message(err), "no room for a sub-agent");
    bx_error_free(err);
    pthread_mutex_unlock(&all.gate);
    assert_true(bx_crew_wait(crew, subs, 2, NULL, INT64_MAX));
    bx_crew_charge(crew);
    assert_int_equal(spending->others.turns, 2); /* what they used */
    end(&all);
}

/* ---- limits ---------------------------------------------------------------
 */

/* All wait in their first turn, so that none has ended while the others
 * begin. */
static void has_eight_at_once(void **state)
{
    const bx_agent_budget budget = { .turns = 1000 };
    theatre all;
    bx_error *err = NULL;

    (void)state;
    begin(&all, helper_alone);
    open_crew(&all, &budget);
    pthread_mutex_lock(&all.gate);
    for (unsigned i = 0; i < BX_SUBAGENTS_AT_ONCE; i++)
        assert_non_null(give(&all, i, 1, NULL));
    assert_null(give(&all, BX_SUBAGENTS_AT_ONCE, 1, &err));
    assert_has(bx_error_message(err), "8 sub-agents work already");
    bx_error_free(err);
    pthread_mutex_unlock(&all.gate);
    bx_crew_await(all.it.agent->crew);
    assert_non_null(give(&all, BX_SUBAGENTS_AT_ONCE, 1, NULL));
    end(&all);
}

static void has_fifty_in_all(void **state)
{
    const bx_agent_budget budget = { .turns = 1000 };
    theatre all;
    bx_error *err = NULL;

    (void)state;
    begin(&all, helper_alone);
    open_crew(&all, &budget);
    for (unsigned i = 0; i < BX_SUBAGENTS_IN_ALL; i++) {
        bx_subagent *sub = give(&all, i, 1, NULL);

        assert_non_null(sub);
        assert_true(bx_crew_wait(all.it.agent->crew, &sub, 1, NULL, INT64_MAX));
    }
    assert_null(give(&all, BX_SUBAGENTS_IN_ALL, 1, &err));
    assert_has(bx_error_message(err), "50 sub-agents");
    bx_error_free(err);
    end(&all);
}

static void has_tools_that_there_are(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do helper\", \"tools\": "
                       "[\"no-such-*\"]}], [\"agent_wait\", {}], "
                       "[\"agent_stop\", {\"ids\": [\"a7\"]}]]" },
            { .text = "done" } } },
        { "helper", { { .text = "helped" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };
    unsigned seen = 0;

    (void)state;
    begin(&all, plays);
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    for (size_t i = 0; i < 3; i++) {
        bool is_error = false;
        bx_autofree char *text = result_text(&all, i, &is_error);

        assert_true(is_error);
        seen |= strstr(text, "that is in 'tools'") != NULL ? 1 : 0;
        seen |= strstr(text, "no sub-agent works") != NULL ? 2 : 0;
        seen |= strstr(text, "there is no sub-agent 'a7'") != NULL ? 4 : 0;
    }
    assert_int_equal(seen, 7);
    assert_int_equal(all.turns, 2);
    end(&all);
}

static void goes_no_deeper(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do second\"}]]" },
            { .text = "done" } } },
        { "second",
          { { .calls = "[[\"agent\", {\"task\": \"do third\"}]]" },
            { .text = "second" } } },
        { "third",
          { { .calls = "[[\"agent\", {\"task\": \"do fourth\"}]]" },
            { .text = "third" } } },
        { "fourth", { { .text = "too deep" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };

    (void)state;
    begin(&all, plays);
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    assert_int_equal(all.turns, 6); /* the fourth made none */
    end(&all);
}

static void cancelled_with_its_parent(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do helper\"}], "
                       "[\"agent\", {\"task\": \"do helper\", "
                       "\"background\": true}]]" },
            { .text = "done" } } },
        { "helper", { { .cancels = true } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };

    (void)state;
    begin(&all, plays);
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    assert_int_equal(result.status, BX_AGENT_CANCELLED);
    for (size_t i = 0;; i++) {
        bx_subagent *sub = bx_crew_at(all.it.agent->crew, i);

        if (sub == NULL)
            break;
        assert_true(bx_subagent_has_ended(sub));
        assert_int_not_equal(bx_subagent_status(sub), BX_AGENT_DONE);
    }
    end(&all);
}

/* ---- the person -----------------------------------------------------------
 */

static void the_same_person_is_asked_one_at_a_time(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do helper\", \"name\": "
                       "\"one\"}], [\"agent\", {\"task\": \"do helper\", "
                       "\"name\": \"two\"}]]" },
            { .text = "done" } } },
        { "helper",
          { { .calls = "[[\"memory\", {\"action\": \"write\", \"name\": "
                       "\"n\", \"text\": \"t\"}]]" },
            { .text = "helped" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };
    bx_rules *rules = bx_rules_new();

    (void)state;
    begin(&all, plays);
    assert_int_equal(bx_rules_add(rules, BX_RULING_ASK, "memory", NULL), 0);
    all.it.config.rules = rules;
    all.it.config.approve = on_approve;
    all.it.config.approve_context = &all;
    stage_open(&all.it, NULL, NULL);
    run(&all, "main", &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    assert_int_equal(json_array_size(all.asked), 2);
    for (size_t i = 0; i < 2; i++) {
        const char *name = json_string_value(json_array_get(all.asked, i));

        assert_true(strcmp(name, "one") == 0 || strcmp(name, "two") == 0);
    }
    assert_int_equal(all.asking_most, 1);
    end(&all);
    bx_rules_free(rules);
}

/* ---- what an earlier process left -----------------------------------------
 */

/* The parent's session as a kill leaves it: the call was begun, and the
 * sub-agent's session is there. */
static void goes_on_where_it_was(void **state)
{
    static const play plays[] = {
        { "main",
          { { .calls = "[[\"agent\", {\"task\": \"do helper\", \"turns\": "
                       "3}]]" },
            { .text = "done" } } },
        { "helper",
          { { .calls = "[[\"plan\", {\"items\": []}]]" },
            { .text = "helped" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };
    bx_session_log *log;
    bx_session_log *sub;
    json_t *message = bx_message_new("assistant");
    json_t *note;
    char id[BX_SESSION_ID_BYTES];

    (void)state;
    begin(&all, plays);
    log = bx_session_log_create(
        all.it.store,
        &(bx_session_new){ .workspace = all.it.config.workspace,
                           .model = "test",
                           .kind = "run" },
        NULL);
    assert_non_null(log);
    snprintf(id, sizeof(id), "%s", bx_session_log_id(log));
    sub = bx_session_log_create(
        all.it.store,
        &(bx_session_new){ .workspace = all.it.config.workspace,
                           .model = "test",
                           .kind = "agent",
                           .parent = id },
        NULL);
    assert_non_null(sub);
    note = bx_message_new_text("user", "main", 4);
    assert_int_equal(bx_session_log_add_message(log, note, NULL, NULL, NULL),
                     0);
    json_decref(note);
    bx_message_add_call(message, "call_x", "agent",
                        json_pack("{s:s}", "task", "do helper"));
    assert_int_equal(bx_session_log_add_message(log, message, NULL, NULL, NULL),
                     0);
    json_decref(message);
    assert_int_equal(bx_session_log_begin_call(log, "call_x", NULL), 0);
    note = json_pack(
        "{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:{s:i, s:i, "
        "s:i, s:i, s:f}}",
        "type", "subagent", "state", "begun", "id", "a1", "index", 0, "call",
        "call_x", "session", bx_session_log_id(sub), "name", "one", "task",
        "do helper", "mode", "auto", "background", 0, "apart", 0, "budget",
        "turns", 3, "calls", 10, "input_tokens", -1, "output_tokens", -1,
        "cost", 0.0);
    assert_non_null(note);
    assert_int_equal(bx_session_log_add_note(log, note, NULL, NULL), 0);
    json_decref(note);
    /* It had its task, and made one turn of its three. */
    message = bx_message_new_text("user", "do helper", 9);
    assert_int_equal(bx_session_log_add_message(sub, message, NULL, NULL, NULL),
                     0);
    json_decref(message);
    message = bx_message_new("assistant");
    bx_message_add_call(message, "call_y", "plan",
                        json_pack("{s:[]}", "items"));
    assert_int_equal(bx_session_log_add_message(sub, message, NULL, NULL, NULL),
                     0);
    json_decref(message);
    bx_session_log_close(sub);
    bx_session_log_close(log);

    all.it.config.session = strdup(id);
    stage_open(&all.it, NULL, NULL);
    run(&all, NULL, &result);
    assert_int_equal(result.status, BX_AGENT_DONE);
    check_result(&all, 0, false, "helped");
    check_result(&all, 0, false, "after 2 turns and 1 calls");
    /* One of the helper, which goes on, and one of main. */
    assert_int_equal(all.turns, 2);
    end(&all);
}

/* A note that names another's session is not followed. */
static void a_session_of_another_is_not_taken(void **state)
{
    static const play plays[] = {
        { "main", { { .calls = "[]" }, { .text = "done" } } },
        { "helper", { { .text = "helped" } } },
        { NULL, { { 0 } } },
    };
    theatre all;
    bx_autoagentresult bx_agent_result result = { 0 };
    bx_session_log *log;
    bx_session_log *other;
    json_t *message;
    char id[BX_SESSION_ID_BYTES];

    (void)state;
    begin(&all, plays);
    log = bx_session_log_create(
        all.it.store,
        &(bx_session_new){ .workspace = all.it.config.workspace,
                           .model = "test",
                           .kind = "run" },
        NULL);
    other = bx_session_log_create(
        all.it.store,
        &(bx_session_new){ .workspace = all.it.config.workspace,
                           .model = "test",
                           .kind = "run" },
        NULL);
    snprintf(id, sizeof(id), "%s", bx_session_log_id(log));
    message = bx_message_new_text("user", "main", 4);
    bx_session_log_add_message(log, message, NULL, NULL, NULL);
    json_decref(message);
    message = bx_message_new("assistant");
    bx_message_add_call(message, "call_x", "agent",
                        json_pack("{s:s}", "task", "do helper"));
    bx_session_log_add_message(log, message, NULL, NULL, NULL);
    json_decref(message);
    bx_session_log_begin_call(log, "call_x", NULL);
    message = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:i}}", "type",
                        "subagent", "state", "begun", "id", "a1", "call",
                        "call_x", "session", bx_session_log_id(other), "name",
                        "one", "task", "do helper", "budget", "turns", 3);
    bx_session_log_add_note(log, message, NULL, NULL);
    json_decref(message);
    bx_session_log_close(other);
    bx_session_log_close(log);

    all.it.config.session = strdup(id);
    stage_open(&all.it, NULL, NULL);
    run(&all, NULL, &result);
    check_result(&all, 0, true, "is not one of this agent's");
    end(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_as_data),
        cmocka_unit_test(failures_stay_their_own),
        cmocka_unit_test(has_half_of_what_is_left),
        cmocka_unit_test(never_has_more_than_is_left),
        cmocka_unit_test(what_is_set_aside_is_not_the_parents),
        cmocka_unit_test(has_eight_at_once),
        cmocka_unit_test(has_fifty_in_all),
        cmocka_unit_test(has_tools_that_there_are),
        cmocka_unit_test(goes_no_deeper),
        cmocka_unit_test(cancelled_with_its_parent),
        cmocka_unit_test(the_same_person_is_asked_one_at_a_time),
        cmocka_unit_test(goes_on_where_it_was),
        cmocka_unit_test(a_session_of_another_is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
