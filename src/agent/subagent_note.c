/* What a session keeps of its sub-agents, so that a process that is killed
 * leaves neither one that is forgotten nor one that is run twice:
 *
 *     {"type": "subagent", "state": "begun", "id", "index", "call", "session",
 *      "name", "task", "tools", "mode", "background", "apart", "budget"}
 *     {"type": "subagent", "state": "ended", "id", "status", "text", "reason",
 *      "overlay"}
 *     {"type": "subagent", "state": "told", "ids"}
 *
 * A session may come from a file that anyone wrote: what is no more than the
 * parent has now is taken from it, and nothing else. */
#include <string.h>

#include "agent/one_line.h"
#include "agent/settings.h"
#include "agent/subagent_state.h"

#define RECORDS_MAX 10000 /* of one session */

/* ---- writing --------------------------------------------------------------
 */

static int store(bx_agent *agent, json_t *note, bx_error **err)
{
    int result = note == NULL ? bx_error_set_nomem(err) : 0;

    if (result == 0) {
        bx_agent_lock(agent);
        result = bx_session_log_add_note(agent->log, note, NULL, err);
        bx_agent_unlock(agent);
    }
    json_decref(note);
    return result;
}

int bx_subagent_note_begin(const bx_subagent *sub, bx_error **err)
{
    return store(
        sub->crew->agent,
        json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:O*, s:s, s:b, "
                  "s:b, s:o}",
                  "type", "subagent", "state", "begun", "id", sub->id, "index",
                  (int)sub->index, "call", sub->call, "session", sub->session,
                  "name", sub->name, "task", sub->task, "tools", sub->patterns,
                  "mode", bx_mode_name(sub->mode), "background",
                  sub->is_background, "apart", sub->is_apart, "budget",
                  bx_subagent_budget_json(&sub->budget)),
        err);
}

int bx_subagent_note_end(const bx_subagent *sub, bx_error **err)
{
    return store(sub->crew->agent,
                 json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "type",
                           "subagent", "state", "ended", "id", sub->id,
                           "status", bx_agent_status_name(sub->status), "text",
                           sub->text == NULL ? "" : sub->text, "reason",
                           sub->reason == NULL ? "" : sub->reason, "overlay",
                           sub->overlay),
                 err);
}

int bx_subagent_note_told(bx_crew *crew, const json_t *ids, bx_error **err)
{
    return store(crew->agent,
                 json_pack("{s:s, s:s, s:O}", "type", "subagent", "state",
                           "told", "ids", (json_t *)ids),
                 err);
}

/* ---- reading --------------------------------------------------------------
 */

static bool is_ours(const json_t *entry, const char *state)
{
    const json_t *note = json_object_get(entry, "note");

    return note != NULL && bx_block_is(note, "subagent") &&
           strcmp(bx_block_text(note, "state"), state) == 0;
}

bool bx_subagent_goes_on(bx_agent *agent, const json_t *call)
{
    const json_int_t from = json_integer_value(json_object_get(call, "entry"));
    json_t *entries;
    bool is_found = false;
    size_t i;
    const json_t *entry;

    if (agent->crew == NULL || from < 1)
        return false;
    entries = bx_session_log_read(agent->log, (uint64_t)from, 0, NULL);
    json_array_foreach(entries, i, entry)
    {
        const json_t *note = json_object_get(entry, "note");

        is_found |=
            is_ours(entry, "begun") &&
            strcmp(bx_block_text(note, "call"), bx_block_text(call, "id")) == 0;
    }
    json_decref(entries);
    return is_found;
}

static int find_status(const char *name, bx_agent_status *ret_status)
{
    for (int i = BX_AGENT_DONE; i <= BX_AGENT_FAILED; i++) {
        if (strcmp(bx_agent_status_name((bx_agent_status)i), name) == 0) {
            *ret_status = (bx_agent_status)i;
            return 0;
        }
    }
    return -1;
}

static bool are_patterns(const json_t *tools)
{
    size_t i;
    const json_t *one;

    if (!json_is_array(tools))
        return false;
    json_array_foreach(tools, i, one) if (!json_is_string(one)) return false;
    return true;
}

/* The mode it had, or the parent's where that is narrower now. */
static bx_mode mode_of(const bx_crew *crew, const json_t *note)
{
    bx_mode mode;

    if (bx_mode_find(bx_block_text(note, "mode"), &mode) < 0 ||
        !bx_settings_mode_is_within(mode, crew->agent->mode))
        return crew->agent->mode;
    return mode;
}

static int add_record(bx_crew *crew, const json_t *note, bx_error **err)
{
    const char *name = bx_block_text(note, "name");
    const char *session = bx_block_text(note, "session");
    const json_t *tools = json_object_get(note, "tools");
    bx_subagent *sub;

    if (crew->count >= RECORDS_MAX || bx_block_text(note, "call")[0] == '\0' ||
        strlen(session) + 1 != BX_SESSION_ID_BYTES ||
        (tools != NULL && !are_patterns(tools)))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the session's note of a sub-agent is no such");
    sub = calloc(1, sizeof(*sub));
    if (sub == NULL)
        return bx_error_set_nomem(err);
    sub->crew = crew;
    (void)snprintf(sub->id, sizeof(sub->id), "a%u", crew->count + 1);
    sub->index = (unsigned)json_integer_value(json_object_get(note, "index"));
    sub->name = bx_one_line(name, strlen(name), BX_SUBAGENT_NAME_MAX, NULL);
    sub->call = strdup(bx_block_text(note, "call"));
    sub->task = strdup(bx_block_text(note, "task"));
    sub->patterns = tools == NULL ? NULL : json_deep_copy(tools);
    sub->mode = mode_of(crew, note);
    sub->is_background = json_is_true(json_object_get(note, "background"));
    sub->is_apart = json_is_true(json_object_get(note, "apart"));
    memcpy(sub->session, session, sizeof(sub->session));
    bx_subagent_name_overlay(sub);
    bx_subagent_budget_load(json_object_get(note, "budget"), &sub->budget);
    bx_crew_append(crew, sub);
    return sub->name == NULL || sub->call == NULL || sub->task == NULL ||
                   (tools != NULL && sub->patterns == NULL)
               ? bx_error_set_nomem(err)
               : 0;
}

static int take_end(bx_crew *crew, const json_t *note, bx_error **err)
{
    bx_subagent *sub = bx_crew_find(crew, bx_block_text(note, "id"));

    if (sub == NULL || sub->phase == BX_SUBAGENT_ENDED ||
        find_status(bx_block_text(note, "status"), &sub->status) < 0)
        return 0;
    sub->phase = BX_SUBAGENT_ENDED;
    sub->is_past = true;
    sub->text = strdup(bx_block_text(note, "text"));
    sub->reason = strdup(bx_block_text(note, "reason"));
    if (!sub->is_apart)
        (void)snprintf(sub->overlay, sizeof(sub->overlay), "%s",
                       bx_block_text(note, "overlay"));
    return sub->text == NULL || sub->reason == NULL ? bx_error_set_nomem(err)
                                                    : 0;
}

static void take_told(bx_crew *crew, const json_t *note)
{
    size_t i;
    const json_t *id;

    json_array_foreach(json_object_get(note, "ids"), i, id)
    {
        bx_subagent *sub = json_is_string(id)
                               ? bx_crew_find(crew, json_string_value(id))
                               : NULL;

        if (sub != NULL)
            sub->is_told = true;
    }
}

int bx_crew_load(bx_crew *crew, const json_t *entries, bx_error **err)
{
    size_t i;
    const json_t *entry;

    json_array_foreach(entries, i, entry)
    {
        const json_t *note = json_object_get(entry, "note");

        if ((is_ours(entry, "begun") && add_record(crew, note, err) < 0) ||
            (is_ours(entry, "ended") && take_end(crew, note, err) < 0))
            return -1;
        if (is_ours(entry, "told"))
            take_told(crew, note);
    }
    return 0;
}

/* ---- a session that was left ----------------------------------------------
 */

typedef struct session_look {
    const json_t *last; /* message; borrowed, NULL: it has none */
    uint64_t turns;
    uint64_t calls;
} session_look;

static session_look look(const json_t *entries)
{
    session_look seen = { 0 };
    size_t i;
    const json_t *entry;

    json_array_foreach(entries, i, entry)
    {
        const json_t *message = json_object_get(entry, "message");

        if (message != NULL) {
            seen.last = message;
            seen.turns += strcmp(bx_message_role(message), "assistant") == 0;
        }
        seen.calls += strcmp(bx_block_text(entry, "state"), "done") == 0;
    }
    return seen;
}

static bool has_said_all(const json_t *message)
{
    size_t i;
    json_t *block;

    if (message == NULL || strcmp(bx_message_role(message), "assistant") != 0)
        return false;
    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "tool_call"))
            return false;
    }
    return true;
}

static int end_of(bx_subagent *sub, const bx_session_info *info,
                  const session_look *seen, bool *ret_has_ended, bx_error **err)
{
    bool has_said = has_said_all(seen->last);

    *ret_has_ended = true;
    if (has_said && strcmp(info->status, "failed") != 0 &&
        strcmp(info->status, "cancelled") != 0)
        sub->status = BX_AGENT_DONE;
    else if (strcmp(info->status, "cancelled") == 0)
        sub->status = BX_AGENT_CANCELLED;
    else if (strcmp(info->status, "failed") == 0)
        sub->status = BX_AGENT_FAILED;
    else
        *ret_has_ended = false;
    if (!*ret_has_ended)
        return 0;
    free(sub->text);
    free(sub->reason);
    sub->text = has_said ? bx_message_text(seen->last) : strdup("");
    sub->reason = strdup(
        sub->status == BX_AGENT_DONE ? "" : "it ended while the program did");
    return sub->text == NULL || sub->reason == NULL ? bx_error_set_nomem(err)
                                                    : 0;
}

/* A note names it, and anyone may have written that. */
int bx_subagent_check(const bx_subagent *sub, bx_error **err)
{
    bx_session_info info = { 0 };
    int result = bx_session_store_info(sub->crew->agent->config.store,
                                       sub->session, &info, err);

    if (result == 0 && strcmp(info.parent, sub->crew->agent->id) != 0)
        result =
            bx_error_set(err, BX_ERR_INVALID,
                         "session %s is not one of this agent's", sub->session);
    bx_session_info_clear(&info);
    return result;
}

int bx_subagent_look(bx_subagent *sub, bool *ret_has_ended, bx_error **err)
{
    bx_session_store *sessions = sub->crew->agent->config.store;
    bx_session_info info = { 0 };
    json_t *entries;
    session_look seen;
    int result;

    if (bx_subagent_check(sub, err) < 0 ||
        bx_session_store_info(sessions, sub->session, &info, err) < 0)
        return -1;
    entries = bx_session_store_read(sessions, sub->session, 1, 0, err);
    if (entries == NULL) {
        bx_session_info_clear(&info);
        return -1;
    }
    seen = look(entries);
    sub->before = (bx_spent){
        .turns = seen.turns,
        .calls = seen.calls,
        .input_tokens = info.input_tokens,
        .output_tokens = info.output_tokens,
        .cost = info.cost >= 0 ? info.cost : 0,
        .is_cost_unknown = info.cost < 0,
    };
    sub->used = sub->before;
    sub->cost = info.cost;
    json_decref(sub->content);
    sub->content = seen.last != NULL ? NULL
                                     : json_pack("[{s:s, s:s}]", "type", "text",
                                                 "text", sub->task);
    result = end_of(sub, &info, &seen, ret_has_ended, err);
    json_decref(entries);
    bx_session_info_clear(&info);
    return result;
}
