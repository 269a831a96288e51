#include "agent/call_run.h"

#include <stdarg.h>
#include <string.h>

#include "agent/agent_kept.h"
#include "agent/rules.h"
#include "base/buf.h"
#include "base/json_text.h"
#include "base/run.h"
#include "tool/tool.h"

#define DENIED_SHOWN 5
#define NS_PER_MS 1000000

static const char cancelled[] =
    "Cancelled while it ran. What it had done by then stays done.";

void bx_call_run_clear(bx_call_run *call)
{
    bx_effect_clear(call->agent, &call->effect);
    if (call->has_entry)
        bx_toolset_entry_clear(&call->entry);
    json_decref(call->content);
    bx_grants_free(call->grants);
    bx_error_free(call->err);
    *call = (bx_call_run){ 0 };
}

bool bx_call_run_is_parallel(const bx_call_run *call)
{
    return call->level <= BX_LEVEL_READ_ONLY &&
           (call->entry.own == NULL || !call->entry.own->is_serial);
}

/* ---- results --------------------------------------------------------------
 */

static json_t *text_content(const char *text, size_t bytes)
{
    return json_pack("[{s:s, s:s%}]", "type", "text", "text", text, bytes);
}

typedef struct call_end {
    uint64_t wall_ms;
    bool is_cut;
    const char *kept;   /* borrowed; NULL */
    const char *denied; /* why it was not made; NULL: it was */
} call_end;

/* A result that cannot be stored is an error that can. */
static int store_end(bx_call_run *call, json_t **block, const json_t *meta,
                     bx_error **err)
{
    bx_agent *agent = call->agent;
    bx_autoerror bx_error *why = NULL;
    static const char too_large[] =
        "The result is too large to be kept, and is lost. The call was made.";
    json_t *small;

    if (bx_session_log_end_call(agent->log, call->id, *block, meta, &why) == 0)
        return 0;
    if (bx_error_code(why) != BX_ERR_LIMIT &&
        bx_error_code(why) != BX_ERR_INVALID)
        goto failed;
    json_decref(call->content);
    call->content = text_content(too_large, strlen(too_large));
    call->is_error = true;
    small = json_pack("{s:s, s:s, s:s, s:b, s:O*}", "type", "tool_result", "id",
                      call->id, "name", call->name, "is_error", true, "content",
                      call->content);
    json_decref(*block);
    *block = small;
    if (small != NULL &&
        bx_session_log_end_call(agent->log, call->id, small, meta, err) == 0)
        return 0;
    return small == NULL ? bx_error_set_nomem(err) : -1;
failed:
    if (err != NULL)
        *err = bx_take(why);
    return -1;
}

/* Store and tell what call->content says. */
static int end_call(bx_call_run *call, const call_end *end, bx_error **err)
{
    bx_agent *agent = call->agent;
    json_t *block =
        json_pack("{s:s, s:s, s:s, s:b, s:O}", "type", "tool_result", "id",
                  call->id, "name", call->name, "is_error", call->is_error,
                  "content", call->content);
    json_t *meta =
        json_pack("{s:I, s:s*, s:s*}", "wall_ms", (json_int_t)end->wall_ms,
                  "denied", end->denied, "kept", end->kept);
    int result = block == NULL || meta == NULL ? bx_error_set_nomem(err) : 0;

    bx_agent_lock(agent);
    if (result == 0)
        result = store_end(call, &block, meta, err);
    if (result == 0)
        bx_event_tell(&agent->events,
                      json_pack("{s:s, s:s, s:s, s:b, s:O, s:I, s:b, s:s?}",
                                "type", "result", "id", call->id, "name",
                                call->name, "is_error", call->is_error,
                                "content", call->content, "wall_ms",
                                (json_int_t)end->wall_ms, "is_cut", end->is_cut,
                                "kept", end->kept));
    bx_agent_unlock(agent);
    json_decref(block);
    json_decref(meta);
    if (result == 0)
        call->stage = BX_CALL_STAGE_ENDED;
    return result;
}

int bx_call_run_bar(bx_call_run *call, bx_call_bar bar, const char *data,
                    bx_error **err, const char *format, ...)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autofree char *why = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&why, format, args);
    va_end(args);
    if (bytes < 0) {
        why = NULL;
        return bx_error_set_nomem(err);
    }
    if (bx_buf_puts(&text, why) < 0 || bx_buf_puts(&text, "\n") < 0 ||
        (data != NULL && bx_envelope_put(&call->agent->envelope, call->name,
                                         data, strlen(data), &text) < 0))
        return bx_error_set_nomem(err);
    call->bar = bar;
    call->is_error = true;
    json_decref(call->content);
    call->content = text_content(text.data, text.len);
    if (call->content == NULL)
        return bx_error_set_nomem(err);
    return end_call(call, &(call_end){ .denied = why }, err);
}

/* ---- own tools ------------------------------------------------------------
 */

static int make_own(bx_call_run *call, bx_error **err)
{
    bx_agent *agent = call->agent;
    const bx_own_call own = { .id = call->id,
                              .input = call->input,
                              .cancel = agent->config.cancel,
                              .events = &agent->events,
                              .is_error = &call->is_error };
    bx_autoerror bx_error *why = NULL;
    int64_t begin_ns = bx_now_ns();
    call_end end = { 0 };

    if (call->entry.own->run(call->entry.context, &own, &call->content, &why) <
        0) {
        const char *text = bx_error_message(why);

        call->is_error = true;
        call->content = text_content(text, strlen(text));
    }
    if (call->content == NULL)
        return bx_error_set_nomem(err);
    end.wall_ms = (uint64_t)(bx_now_ns() - begin_ns) / NS_PER_MS;
    return end_call(call, &end, err);
}

/* ---- tools of the registry ------------------------------------------------
 */

/* One person, one question; the budget's time stands still. */
static bool on_hold(void *context, const bx_hold_event *event)
{
    bx_agent *agent = context;
    int64_t begin_ns;
    bool is_agreed;

    pthread_mutex_lock(&agent->hold_lock);
    begin_ns = bx_now_ns();
    is_agreed = agent->config.hold(agent->config.hold_context, event);
    bx_agent_lock(agent);
    agent->held_ns += bx_now_ns() - begin_ns;
    bx_agent_unlock(agent);
    pthread_mutex_unlock(&agent->hold_lock);
    return is_agreed;
}

static void tell_denied(bx_call_run *call, const json_t *denied)
{
    size_t i;
    const json_t *one;

    json_array_foreach(denied, i, one)
    {
        json_t *event =
            json_pack("{s:s, s:s}", "type", "denied", "id", call->id);

        if (event != NULL)
            (void)json_object_update_missing(event, (json_t *)one);
        bx_event_tell(&call->agent->events, event);
    }
}

/* What the policy refused the tool, which it may have passed over. As data: a
 * path or URL among it is the guest's choice. */
static int add_denied(bx_call_run *call, const json_t *denied, bx_error **err)
{
    bx_autobuf bx_buf lines = BX_BUF_INIT;
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t count = json_array_size(denied);

    if (count == 0)
        return 0;
    for (size_t i = 0; i < count && i < DENIED_SHOWN; i++) {
        const json_t *one = json_array_get(denied, i);

        if (bx_buf_printf(
                &lines, "%s '%s': %s (%s)\n", bx_block_text(one, "call"),
                bx_block_text(one, "target"), bx_block_text(one, "reason"),
                bx_block_text(one, "rule")) < 0)
            return bx_error_set_nomem(err);
    }
    if (bx_buf_printf(&text,
                      "[The policy refused %zu thing%s to this call. It "
                      "cannot be got around; go on without, or tell the user "
                      "what you would need:]\n",
                      count, count == 1 ? "" : "s") < 0 ||
        bx_envelope_put(&call->agent->envelope, "policy", lines.data, lines.len,
                        &text) < 0 ||
        json_array_append_new(call->content,
                              json_pack("{s:s, s:s%}", "type", "text", "text",
                                        text.data, text.len)) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int show_result(bx_call_run *call, const bx_tool_result *result,
                       bx_error **err)
{
    bx_agent *agent = call->agent;
    const json_t *denied = json_object_get(
        json_object_get(result->metadata, "boxagnts"), "denied");
    bx_autofree char *text = bx_tool_result_text(result);
    bx_autofree char *kept = NULL;
    bx_result_view view = { .tool = call->name };
    call_end end = { .wall_ms = result->stats.wall_ns / NS_PER_MS };
    size_t bytes = text == NULL ? 0 : strlen(text);

    if (text == NULL)
        return bx_error_set_nomem(err);
    if (bx_result_is_long(bytes, 0))
        kept = bx_agent_keep(agent, call->id, text, bytes);
    view.kept = kept;
    call->is_error = result->is_error;
    call->refusals = result->stats.calls_denied;
    tell_denied(call, denied);
    if (bx_result_show(&agent->envelope, &view, text, bytes, result->content,
                       &call->content, &end.is_cut, err) < 0 ||
        add_denied(call, denied, err) < 0)
        return -1;
    if (result->code == BX_ERR_CANCELLED &&
        json_array_append_new(
            call->content,
            json_pack("{s:s, s:s}", "type", "text", "text", cancelled)) < 0)
        return bx_error_set_nomem(err);
    end.kept = kept;
    return end_call(call, &end, err);
}

/* It did not come to a run. Who says why may be a stranger. */
static int show_failure(bx_call_run *call, const bx_error *why, bx_error **err)
{
    switch (bx_error_code(why)) {
    case BX_ERR_CANCELLED:
        return bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, err, "%s",
                               cancelled);
    case BX_ERR_DENIED:
        return bx_call_run_bar(call, BX_CALL_BAR_REFUSED, bx_error_message(why),
                               err,
                               "Refused: the call was not made. Do not try to "
                               "get around this; go on without, or tell the "
                               "user what you would need.");
    default:
        return bx_call_run_bar(call, BX_CALL_BAR_WRONG, bx_error_message(why),
                               err, "The call was not made:");
    }
}

static uint64_t time_left_ms(const bx_agent *agent)
{
    int64_t deadline_ns = bx_spending_deadline_ns(&agent->spending);
    int64_t left_ns;

    if (deadline_ns == INT64_MAX)
        return 0; /* the policy's */
    left_ns = deadline_ns - bx_now_ns();
    return left_ns < NS_PER_MS ? 1 : (uint64_t)left_ns / NS_PER_MS;
}

/* On the thread of the call. */
static void on_effect(void *context, const bx_effect_event *event)
{
    const bx_call_run *call = context;

    bx_event_tell(&call->agent->events,
                  json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "effect", "id",
                            call->id, "call", event->call, "target",
                            event->target, "detail", event->detail));
}

bool bx_call_run_is_remote(const bx_call_run *call)
{
    return call->entry.own == NULL && call->entry.tool != NULL &&
           call->entry.tool->source == BX_TOOL_REMOTE;
}

/* A script calls tools where no rule sees it and nobody is asked: those that a
 * rule refuses or asks for it has not. */
static int narrow_inner(bx_call_run *call, bx_error **err)
{
    const bx_agent_config *config = &call->agent->config;
    bx_tool **tools = NULL;
    bx_autofree const char **names = NULL;
    size_t count = 0, kept = 0;

    if (call->grants != NULL || !bx_rules_restrict(config->rules, NULL))
        return 0;
    if (bx_registry_list(config->registry, &tools, &count, err) < 0)
        return -1;
    names = calloc(count + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < count; i++)
        if (strcmp(tools[i]->name, call->name) == 0 ||
            !bx_rules_restrict(config->rules, tools[i]->name))
            names[kept++] = tools[i]->name;
    if (names == NULL)
        (void)bx_error_set_nomem(err);
    else if (kept < count)
        call->grants =
            bx_grants_with_tools(config->grants, names, kept, "rules", err);
    bx_registry_list_free(tools, count);
    return names == NULL || (kept < count && call->grants == NULL) ? -1 : 0;
}

/* input: its text; borrowed. */
static bx_tool_call params_of(const bx_call_run *call, const char *input)
{
    bx_agent *agent = call->agent;
    const bx_agent_config *config = &agent->config;

    return (bx_tool_call){
        .name = call->name,
        .input = input,
        .input_bytes = strlen(input),
        .caller = "agent",
        .session = call->grants != NULL ? call->grants : config->grants,
        .is_approved = call->is_approved,
        .timeout_ms = time_left_ms(agent),
        .cancel = config->cancel,
        .hold = config->hold == NULL ? NULL : on_hold,
        .hold_context = agent,
        .overlay_dir =
            agent->mode == BX_MODE_EDITS && !bx_call_run_is_remote(call)
                ? agent->overlay_dir
                : NULL,
    };
}

/* One that is dangerous runs only once it is approved; under an overlay of the
 * session or the policy there is no telling its own changes from the others;
 * one that keeps a session keeps its overlay in use. */
static bool can_try(const bx_call_run *call)
{
    const bx_agent *agent = call->agent;

    return agent->config.shows_effects && call->entry.own == NULL &&
           !bx_call_run_is_remote(call) &&
           (call->level == BX_LEVEL_WRITE || call->level == BX_LEVEL_EXECUTE) &&
           agent->mode != BX_MODE_EDITS && !agent->config.has_overlay &&
           json_object_get(call->input, "session") == NULL;
}

void bx_call_run_try(bx_call_run *call)
{
    bx_autofree char *input = NULL;
    bx_tool_call params;

    if (!can_try(call))
        return;
    input = bx_json_text(call->input, JSON_COMPACT);
    if (input == NULL || narrow_inner(call, NULL) < 0)
        return;
    params = params_of(call, input);
    (void)bx_effect_try(call->agent, call->id, &params, &call->effect, NULL);
}

/* It ran already: what it changed counts from now on. */
static int make_tried(bx_call_run *call, bx_error **err)
{
    bx_autoerror bx_error *why = NULL;
    size_t left = 0;

    if (bx_effect_commit(call->agent, &call->effect, &left, &why) < 0)
        return bx_call_run_bar(
            call, BX_CALL_BAR_WRONG, bx_error_message(why), err,
            "The call ran, and was approved, but what it changed could not be "
            "written to the workspace; look what is there before you make it "
            "again:");
    if (left > 0)
        bx_agent_notice(call->agent,
                        "%zu changes of protected paths were not written",
                        left);
    return show_result(call, call->effect.result, err);
}

static int make_tool(bx_call_run *call, bx_error **err)
{
    const bx_agent_config *config = &call->agent->config;
    bx_autofree char *input = bx_json_text(call->input, JSON_COMPACT);
    bx_autoerror bx_error *why = NULL;
    bx_tool_result *result = NULL;
    bx_tool_call params;
    int failed;

    if (call->effect.result != NULL)
        return make_tried(call, err);
    if (input == NULL)
        return bx_error_set_nomem(err);
    if (narrow_inner(call, &why) < 0)
        return show_failure(call, why, err);
    params = params_of(call, input);
    params.effect = on_effect;
    params.effect_context = call;
    if (bx_registry_call(config->registry, &params, &result, &why) < 0)
        return show_failure(call, why, err);
    failed = show_result(call, result, err);
    bx_tool_result_free(result);
    return failed;
}

/* ---- one call -------------------------------------------------------------
 */

static int begin(bx_call_run *call, bx_error **err)
{
    int result;

    bx_agent_lock(call->agent);
    result = bx_session_log_begin_call(call->agent->log, call->id, err);
    bx_agent_unlock(call->agent);
    return result;
}

void bx_call_run_make(bx_call_run *call)
{
    if (bx_agent_is_cancelled(call->agent))
        (void)bx_call_run_bar(call, BX_CALL_BAR_OVER, NULL, &call->err,
                              "Cancelled: the call was not made.");
    else if (call->is_begun || begin(call, &call->err) == 0)
        (void)(call->entry.own != NULL ? make_own(call, &call->err)
                                       : make_tool(call, &call->err));
}
