#include "agent/support_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"

static void on_event(void *context, const json_t *event)
{
    stage *it = context;

    assert_int_equal(json_array_append_new(it->events, json_deep_copy(event)),
                     0);
}

static void keep_request(stage *it, const bx_turn_request *request)
{
    json_t *kept = json_pack(
        "{s:o, s:s?, s:I, s:s}", "messages", json_deep_copy(request->messages),
        "choice", request->tool_choice, "most",
        (json_int_t)request->max_output_tokens, "system", request->system);

    assert_non_null(kept);
    assert_int_equal(bx_messages_check(request->messages, NULL), 0);
    json_array_append_new(it->sent, kept);
}

static void add_calls(json_t *message, const char *text)
{
    static unsigned number;
    json_t *calls = json_loads(text, 0, NULL);
    size_t i;
    const json_t *call;

    assert_non_null(calls);
    json_array_foreach(calls, i, call)
    {
        char id[48];

        snprintf(id, sizeof(id), "call_%d_%u", (int)getpid(), number++);
        assert_non_null(bx_message_add_call(
            message, id, json_string_value(json_array_get(call, 0)),
            json_incref(json_array_get(call, 1))));
    }
    json_decref(calls);
}

int stage_turn(void *context, const bx_turn_request *request,
               bx_turn_reply *ret_reply, bx_error **err)
{
    stage *it = context;
    const reply_plan *plan = &it->replies[it->count];

    keep_request(it, request);
    it->count++;
    if (plan->cancels)
        bx_cancel_trigger(it->cancel);
    if (plan->cancels || plan->fails != BX_OK)
        return bx_error_set(err, plan->cancels ? BX_ERR_CANCELLED : plan->fails,
                            "the model is not there");
    ret_reply->message = bx_message_new("assistant");
    if (plan->text != NULL)
        bx_message_add_text(ret_reply->message, plan->text, strlen(plan->text));
    if (plan->calls != NULL)
        add_calls(ret_reply->message, plan->calls);
    ret_reply->stop = plan->calls != NULL ? BX_STOP_CALLS : plan->stop;
    ret_reply->usage = plan->usage;
    ret_reply->model = strdup("of the test");
    return 0;
}

void stage_begin(stage *it)
{
    folder home;

    folder_make(&home);
    stage_begin_at(it, home.path);
    it->at = home;
}

void stage_begin_at(stage *it, const char *home)
{
    char path[128];

    *it = (stage){ .sent = json_array(), .events = json_array() };
    it->at.fd = -1;
    snprintf(it->at.path, sizeof(it->at.path), "%s", home);
    setenv("HOME", it->at.path, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_DATA_HOME");
    unsetenv("XDG_CACHE_HOME");
    snprintf(path, sizeof(path), "%s/ws", home);
    assert_int_equal(bx_file_make_dirs(path, 0700, NULL), 0);
    snprintf(path, sizeof(path), "%s/tools", home);
    assert_int_equal(bx_file_make_dirs(path, 0700, NULL), 0);
    it->model = (bx_model){ .name = "test",
                            .id = "test",
                            .context_tokens = 100000,
                            .output_tokens = 4000,
                            .abilities = BX_MODEL_TOOLS };
    snprintf(path, sizeof(path), "%s/ws", it->at.path);
    it->config.workspace = strdup(path);
    snprintf(path, sizeof(path), "%s/tools", it->at.path);
    it->registry = bx_registry_new(
        &(bx_registry_config){ .workspace = it->config.workspace,
                               .builtin_dir = path },
        NULL);
    it->store = bx_session_store_open(NULL, NULL);
    it->cancel = bx_cancel_new();
    assert_non_null(it->registry);
    assert_non_null(it->store);
    it->config.registry = it->registry;
    it->config.store = it->store;
    it->config.model = &it->model;
    it->config.mode = BX_MODE_AUTO;
    it->config.cancel = it->cancel;
    it->config.turn = stage_turn;
    it->config.turn_context = it;
    it->config.events = (bx_event_sink){ on_event, it };
}

void stage_end(stage *it)
{
    bx_agent_free(it->agent);
    bx_session_store_close(it->store);
    bx_registry_free(it->registry);
    bx_cancel_free(it->cancel);
    free((char *)it->config.workspace);
    free((char *)it->config.session);
    json_decref(it->sent);
    json_decref(it->events);
    folder_remove(&it->at);
}

void stage_open(stage *it, const bx_own_tool *tools, void *context)
{
    bx_error *err = NULL;

    it->agent = bx_agent_new(&it->config, &err);
    if (it->agent == NULL)
        fail_msg("%s", bx_error_message(err));
    for (; tools != NULL && tools->name != NULL; tools++)
        assert_int_equal(
            bx_toolset_add(bx_agent_toolset(it->agent), tools, context, NULL),
            0);
}

void stage_reopen(stage *it, const bx_own_tool *tools, void *context)
{
    if (it->config.session == NULL)
        it->config.session = strdup(bx_agent_session(it->agent));
    bx_agent_free(it->agent);
    it->agent = NULL;
    stage_open(it, tools, context);
}

void stage_run(stage *it, const reply_plan *replies, const char *text,
               bx_agent_result *ret_result)
{
    json_t *content =
        text == NULL ? NULL
                     : json_pack("[{s:s, s:s}]", "type", "text", "text", text);
    bx_error *err = NULL;

    it->replies = replies;
    it->count = 0;
    json_array_clear(it->sent);
    json_array_clear(it->events);
    if (bx_agent_run(it->agent, content, ret_result, &err) < 0)
        fail_msg("%s", bx_error_message(err));
    json_decref(content);
}

static const json_t *last_message(const stage *it, size_t turn)
{
    const json_t *messages =
        json_object_get(json_array_get(it->sent, turn), "messages");

    assert_non_null(messages);
    return json_array_get(messages, json_array_size(messages) - 1);
}

const json_t *stage_result(const stage *it, size_t turn, size_t n)
{
    const json_t *block =
        json_array_get(bx_message_blocks(last_message(it, turn)), n);

    assert_true(bx_block_is(block, "tool_result"));
    return block;
}

const char *stage_result_text(const stage *it, size_t turn, size_t n)
{
    return bx_block_text(
        json_array_get(bx_message_blocks(stage_result(it, turn, n)), 0),
        "text");
}

bool stage_result_is_error(const stage *it, size_t turn, size_t n)
{
    return json_is_true(json_object_get(stage_result(it, turn, n), "is_error"));
}

const char *stage_user_text(const stage *it, size_t turn)
{
    const json_t *blocks = bx_message_blocks(last_message(it, turn));

    return bx_block_text(json_array_get(blocks, json_array_size(blocks) - 1),
                         "text");
}

size_t stage_events(const stage *it, const char *type)
{
    size_t i, count = 0;
    const json_t *event;

    json_array_foreach(it->events, i, event) count += bx_block_is(event, type);
    return count;
}

const json_t *stage_event(const stage *it, const char *type, size_t n)
{
    size_t i;
    const json_t *event;

    json_array_foreach(it->events, i, event)
    {
        if (bx_block_is(event, type) && n-- == 0)
            return event;
    }
    fail_msg("no such event: %s", type);
    return NULL;
}
