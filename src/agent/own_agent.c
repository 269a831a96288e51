/* agent, agent_wait, agent_stop: tasks for agents of the agent's own. What one
 * says is data: it may have read a page that told it what to say. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "agent/agent_kept.h"
#include "agent/own.h"
#include "agent/result.h"
#include "agent/subagent_state.h"
#include "agent/team.h"
#include "base/buf.h"
#include "base/run.h"

#define TASK_MAX (256 * 1024)
#define WAIT_DEFAULT_S 600
#define NS_PER_S 1000000000LL

/* ---- what is shown --------------------------------------------------------
 */

static int put_head(const bx_subagent *sub, bx_buf *out)
{
    if (bx_buf_printf(out,
                      "Sub-agent %s \"%s\": %s, after %" PRIu64
                      " turns and %" PRIu64 " calls.",
                      sub->id, sub->name, bx_agent_status_name(sub->status),
                      sub->used.turns, sub->used.calls) < 0)
        return -1;
    if (sub->overlay[0] != '\0' && !sub->is_apart &&
        bx_buf_printf(out,
                      " What it changed lies in the overlay %s, for the user "
                      "to look at and to commit; you do not see it.",
                      sub->overlay) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

static int put_words(const bx_subagent *sub, bx_buf *out)
{
    const char *reason = sub->reason == NULL ? "" : sub->reason;

    if (reason[0] != '\0' && bx_buf_printf(out, "reason: %s\n", reason) < 0)
        return -1;
    return bx_buf_puts(out, bx_subagent_text(sub));
}

static int show_end(const bx_subagent *sub, const char *key, json_t *content,
                    bx_error **err)
{
    bx_agent *agent = sub->crew->agent;
    bx_autobuf bx_buf head = BX_BUF_INIT;
    bx_autobuf bx_buf words = BX_BUF_INIT;
    bx_autofree char *kept = NULL;
    bx_result_view view = { .tool = "agent" };
    json_t *blocks = NULL;
    bool is_cut = false;
    int result;

    if (put_head(sub, &head) < 0 || put_words(sub, &words) < 0)
        return bx_error_set_nomem(err);
    if (bx_result_is_long(words.len, 0))
        kept = bx_agent_keep(agent, key, words.data, words.len);
    view.kept = kept;
    if (bx_result_show(&agent->envelope, &view, words.data, words.len, NULL,
                       &blocks, &is_cut, err) < 0)
        return -1;
    result = json_array_append_new(
        content, json_pack("{s:s, s:s}", "type", "text", "text", head.data));
    if (result == 0)
        result = json_array_extend(content, blocks);
    json_decref(blocks);
    return result < 0 ? bx_error_set_nomem(err) : 0;
}

static int show_work(const bx_subagent *sub, json_t *content, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_printf(&text, "Sub-agent %s \"%s\" %s.\n", sub->id, sub->name,
                      sub->phase == BX_SUBAGENT_LEFT ? "could not go on"
                                                     : "works still") < 0 ||
        json_array_append_new(content, json_pack("{s:s, s:s}", "type", "text",
                                                 "text", text.data)) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

int bx_subagent_show(bx_subagent *sub, const char *key, json_t *content,
                     bx_error **err)
{
    if (!bx_subagent_has_ended(sub))
        return show_work(sub, content, err);
    if (show_end(sub, key, content, err) < 0)
        return -1;
    pthread_mutex_lock(&sub->crew->lock);
    sub->is_shown = true;
    pthread_mutex_unlock(&sub->crew->lock);
    return 0;
}

/* ---- news -----------------------------------------------------------------
 */

/* In brackets, all of it: the loop says so, and nobody asks for it. */
static int add_news(bx_subagent *sub, json_t *message, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *blocks = json_array();
    size_t i;
    const json_t *block;
    int result = blocks == NULL
                     ? bx_error_set_nomem(err)
                     : bx_subagent_show(sub, sub->session, blocks, err);

    if (result == 0)
        result = bx_buf_puts(&text, "[");
    json_array_foreach(blocks, i, block)
    {
        if (result == 0)
            result = bx_buf_puts(&text, bx_block_text(block, "text"));
    }
    if (result == 0)
        result = bx_buf_puts(&text, "]");
    if (result == 0 &&
        bx_message_add_text(message, text.data, text.len) == NULL)
        result = bx_error_set_nomem(err);
    json_decref(blocks);
    return result;
}

/* Shown by a call whose result is stored by now. */
static int settle_shown(bx_crew *crew, json_t *ids, bx_error **err)
{
    bx_subagent *sub;

    for (size_t i = 0; (sub = bx_crew_at(crew, i)) != NULL; i++) {
        if (!sub->is_background || !sub->is_shown || sub->is_told)
            continue;
        if (json_array_append_new(ids, json_string(sub->id)) < 0)
            return bx_error_set_nomem(err);
        sub->is_told = true;
    }
    return 0;
}

int bx_crew_news(bx_crew *crew, json_t **ret_message, bx_error **err)
{
    json_t *ids = json_array();
    json_t *message = bx_message_new("user");
    bx_subagent *sub;
    int result = ids == NULL || message == NULL ? bx_error_set_nomem(err) : 0;

    if (crew != NULL && result == 0)
        result = settle_shown(crew, ids, err);
    for (size_t i = 0;
         crew != NULL && result == 0 && (sub = bx_crew_at(crew, i)) != NULL;
         i++)
        if (sub->is_background && !sub->is_told && bx_subagent_has_ended(sub))
            result = add_news(sub, message, err);
    if (crew != NULL && result == 0 && json_array_size(ids) > 0)
        result = bx_subagent_note_told(crew, ids, err);
    json_decref(ids);
    if (result == 0 && json_array_size(bx_message_blocks(message)) > 0)
        *ret_message = json_incref(message);
    json_decref(message);
    return result;
}

/* ---- agent ----------------------------------------------------------------
 */

static int answer_begun(const bx_subagent *sub, json_t **ret_content,
                        bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_printf(&text,
                      "Sub-agent %s \"%s\" works in the background. You are "
                      "told when it has ended; agent_wait waits for it.",
                      sub->id, sub->name) < 0)
        return bx_error_set_nomem(err);
    return bx_own_answer(text.data, ret_content, err);
}

static int answer_shown(bx_subagent *const *subs, size_t count,
                        const bx_own_call *call, json_t **ret_content,
                        bx_error **err)
{
    json_t *content = json_array();
    int result = content == NULL ? bx_error_set_nomem(err) : 0;

    for (size_t i = 0; result == 0 && i < count; i++)
        result = bx_subagent_show(
            subs[i], count == 1 ? call->id : subs[i]->session, content, err);
    if (result == 0)
        *ret_content = content;
    else
        json_decref(content);
    return result;
}

static int run_agent(void *data, const bx_own_call *call, json_t **ret_content,
                     bx_error **err)
{
    bx_crew *crew = data;
    const json_t *turns = json_object_get(call->input, "turns");
    const json_t *cost = json_object_get(call->input, "cost");
    const bx_subagent_order order = {
        .call = call->id,
        .task = bx_own_text(call, "task"),
        .name = bx_own_text(call, "name"),
        .tools = json_object_get(call->input, "tools"),
        .mode = bx_own_text(call, "mode"),
        .turns = (uint64_t)json_integer_value(turns),
        .cost = json_number_value(cost),
        .is_background =
            json_is_true(json_object_get(call->input, "background")),
    };
    bx_subagent *sub;

    if (strlen(order.task) > TASK_MAX)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "the task has more than %d bytes", TASK_MAX);
    if (!isfinite(order.cost))
        return bx_error_set(err, BX_ERR_INVALID, "cost: expected dollars");
    sub = bx_crew_order(crew, &order, err);
    if (sub == NULL)
        return -1;
    if (sub->is_background)
        return answer_begun(sub, ret_content, err);
    (void)bx_crew_wait(crew, &sub, 1, NULL, INT64_MAX);
    *call->is_error = bx_subagent_status(sub) != BX_AGENT_DONE;
    return answer_shown(&sub, 1, call, ret_content, err);
}

const bx_own_tool bx_own_agent = {
    .name = "agent",
    .description =
        "Give a task to a sub-agent, which works on it with tools of its own "
        "conversation and answers with a text. It knows nothing of yours: say "
        "in the task all that it needs. It has your model and at most your "
        "tools, mode and policy, and a part of your budget. Several calls in "
        "one message work at once; with background, you go on meanwhile.",
    .input_schema =
        "{\"type\": \"object\", \"required\": [\"task\"], "
        "\"additionalProperties\": false, \"properties\": {"
        "\"task\": {\"type\": \"string\", \"minLength\": 1, "
        "\"maxLength\": 100000, \"description\": \"The whole task, and what "
        "to answer.\"}, "
        "\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
        "40, \"description\": \"What people see it as.\"}, "
        "\"tools\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 20, "
        "\"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
        "100}, \"description\": \"Names of tools it may use, or begins with "
        "'*' behind: file-*. Yours without it.\"}, "
        "\"mode\": {\"enum\": [\"ask\", \"reads\", \"edits\", \"auto\", "
        "\"plan\"], \"description\": \"Which calls go unasked: yours or a "
        "narrower one.\"}, "
        "\"turns\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": "
        "10000}, "
        "\"cost\": {\"type\": \"number\", \"exclusiveMinimum\": 0, "
        "\"description\": \"Dollars it may spend.\"}, "
        "\"background\": {\"type\": \"boolean\"}}}",
    .run = run_agent,
};

/* ---- agent_wait, agent_stop -----------------------------------------------
 */

typedef struct sub_list {
    bx_subagent *subs[BX_SUBAGENTS_IN_ALL];
    size_t count;
} sub_list;

static int add_named(bx_crew *crew, const json_t *ids, sub_list *list,
                     bx_error **err)
{
    size_t i;
    const json_t *id;

    json_array_foreach(ids, i, id)
    {
        bx_subagent *sub = bx_crew_find(crew, json_string_value(id));

        if (sub == NULL)
            return bx_error_set(err, BX_ERR_NOT_FOUND,
                                "there is no sub-agent '%s'",
                                json_string_value(id));
        if (list->count < BX_SUBAGENTS_IN_ALL)
            list->subs[list->count++] = sub;
    }
    return 0;
}

/* Without ids: those that were not told of yet. */
static int find_subs(bx_crew *crew, const bx_own_call *call, sub_list *list,
                     bx_error **err)
{
    const json_t *ids = json_object_get(call->input, "ids");
    bx_subagent *sub;

    if (ids != NULL)
        return add_named(crew, ids, list, err);
    for (size_t i = 0; (sub = bx_crew_at(crew, i)) != NULL; i++)
        if (sub->is_background && !bx_subagent_is_told(sub) &&
            list->count < BX_SUBAGENTS_IN_ALL)
            list->subs[list->count++] = sub;
    return list->count > 0
               ? 0
               : bx_error_set(err, BX_ERR_NOT_FOUND,
                              "no sub-agent works in the background");
}

static int run_wait(void *data, const bx_own_call *call, json_t **ret_content,
                    bx_error **err)
{
    bx_crew *crew = data;
    const json_t *timeout = json_object_get(call->input, "timeout_s");
    int64_t seconds =
        timeout == NULL ? WAIT_DEFAULT_S : json_integer_value(timeout);
    int64_t until_ns = bx_now_ns() + seconds * NS_PER_S;
    int64_t deadline_ns = bx_spending_deadline_ns(&crew->agent->spending);
    sub_list list = { .count = 0 };

    if (find_subs(crew, call, &list, err) < 0)
        return -1;
    (void)bx_crew_wait(crew, list.subs, list.count, call->cancel,
                       until_ns < deadline_ns ? until_ns : deadline_ns);
    return answer_shown(list.subs, list.count, call, ret_content, err);
}

#define IDS_SCHEMA                                                             \
    "\"ids\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 50, "       \
    "\"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": 15}, " \
    "\"description\": \"Such as a1.\"}"

const bx_own_tool bx_own_agent_wait = {
    .name = "agent_wait",
    .description = "Wait for sub-agents in the background and read what they "
                   "came to. Without ids, for all that you have not heard of.",
    .input_schema = "{\"type\": \"object\", \"additionalProperties\": false, "
                    "\"properties\": {" IDS_SCHEMA
                    ", \"timeout_s\": {\"type\": \"integer\", \"minimum\": 0, "
                    "\"maximum\": 3600}}}",
    .run = run_wait,
};

static int run_stop(void *data, const bx_own_call *call, json_t **ret_content,
                    bx_error **err)
{
    bx_crew *crew = data;
    sub_list list = { .count = 0 };

    if (find_subs(crew, call, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.count; i++)
        bx_subagent_cancel(list.subs[i]);
    (void)bx_crew_wait(crew, list.subs, list.count, call->cancel, INT64_MAX);
    return answer_shown(list.subs, list.count, call, ret_content, err);
}

const bx_own_tool bx_own_agent_stop = {
    .name = "agent_stop",
    .description = "Stop sub-agents in the background. What they did stays "
                   "done; what they said so far is answered.",
    .input_schema =
        "{\"type\": \"object\", \"additionalProperties\": false, "
        "\"required\": [\"ids\"], \"properties\": {" IDS_SCHEMA "}}",
    .run = run_stop,
};

int bx_crew_add_tools(bx_crew *crew, bx_toolset *toolset, bx_error **err)
{
    static const bx_own_tool *const tools[] = { &bx_own_agent,
                                                &bx_own_agent_wait,
                                                &bx_own_agent_stop };

    if (crew->agent->config.team != NULL)
        return bx_team_add_tools(crew, toolset, err);
    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
        if (bx_toolset_add(toolset, tools[i], crew, err) < 0)
            return -1;
    return 0;
}
