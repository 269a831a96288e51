#include <string.h>

#include "agent/models/openai_chat.h"

static bool has(const bx_turn_request *request, unsigned ability)
{
    return bx_request_has(request, ability);
}

/* Is the reply's form to be had by a tool that must be called? */
static bool has_reply_tool(const bx_turn_request *request)
{
    return request->output_schema != NULL && !has(request, BX_MODEL_SCHEMA) &&
           has(request, BX_MODEL_TOOLS);
}

static json_t *write_tool(const json_t *name, const json_t *description,
                          const json_t *schema)
{
    return json_pack("{s:s, s:{s:O, s:O*, s:O}}", "type", "function",
                     "function", "name", name, "description", description,
                     "parameters", schema);
}

static int write_tools(const bx_turn_request *request, json_t *body)
{
    json_t *tools =
        bx_request_write_tools(request, has_reply_tool(request), write_tool);
    int status = tools == NULL ? -1 : 0;

    if (status == 0 && json_array_size(tools) > 0)
        status = json_object_set(body, "tools", tools);
    json_decref(tools);
    return status;
}

static int write_choice(const bx_turn_request *request, json_t *body)
{
    bool has_tools = json_array_size(request->tools) > 0;
    const char *choice = request->tool_choice;
    json_t *value;

    if (has_reply_tool(request)) {
        if (!has_tools || (choice != NULL && strcmp(choice, "none") == 0))
            choice = BX_REPLY_TOOL;
        else if (choice == NULL || strcmp(choice, "auto") == 0)
            choice = "any";
    } else if (!has_tools || choice == NULL) {
        return 0;
    }
    if (strcmp(choice, "any") == 0)
        value = json_string("required");
    else if (strcmp(choice, "auto") == 0 || strcmp(choice, "none") == 0)
        value = json_string(choice);
    else
        value = json_pack("{s:s, s:{s:s}}", "type", "function", "function",
                          "name", choice);
    return json_object_set_new(body, "tool_choice", value);
}

static int write_format(const bx_turn_request *request, json_t *body)
{
    if (request->output_schema == NULL || has_reply_tool(request))
        return 0;
    return json_object_set_new(
        body, "response_format",
        json_pack("{s:s, s:o}", "type", "json_schema", "json_schema",
                  bx_openai_write_schema(request->output_schema)));
}

static int write_switch(const bx_turn_request *request, json_t *body)
{
    bool is_on = request->effort != BX_EFFORT_NONE;

    return json_object_set_new(
        body, "thinking",
        json_pack("{s:s}", "type", is_on ? "enabled" : "disabled"));
}

static int write_effort(const bx_turn_request *request, bx_openai_server server,
                        json_t *body)
{
    const char *effort = bx_openai_effort(request->effort);

    if (effort == NULL || !has(request, BX_MODEL_THINKING))
        return 0;
    switch (server) {
    case BX_OPENAI_OPENROUTER:
        return json_object_set_new(body, "reasoning",
                                   json_pack("{s:s}", "effort", effort));
    case BX_OPENAI_MOONSHOT:
        return write_switch(request, body);
    case BX_OPENAI_DEEPSEEK:
        if (write_switch(request, body) < 0)
            return -1;
        if (request->effort == BX_EFFORT_NONE)
            return 0;
        break;
    case BX_OPENAI_MISTRAL: /* has these two */
        if (request->effort != BX_EFFORT_NONE)
            effort = "high";
        break;
    default:
        break;
    }
    return json_object_set_new(body, "reasoning_effort", json_string(effort));
}

/* OpenAI's models that think refuse max_tokens and a temperature; other servers
 * know max_tokens, and not all of them the newer name. */
static int write_limits(const bx_turn_request *request, bx_openai_server server,
                        json_t *body)
{
    bool is_itself = server == BX_OPENAI_ITSELF;
    uint64_t most = bx_openai_output_tokens(request);

    if (most > 0 &&
        json_object_set_new(body,
                            is_itself ? "max_completion_tokens" : "max_tokens",
                            json_integer((json_int_t)most)) < 0)
        return -1;
    if (request->temperature < 0 ||
        (is_itself && has(request, BX_MODEL_THINKING) &&
         request->effort != BX_EFFORT_NONE))
        return 0;
    return json_object_set_new(body, "temperature",
                               json_real(request->temperature));
}

/* Mistral always tells the usage, and refuses members that it does not know. */
static int write_stream(const bx_turn_request *request, bx_openai_server server,
                        json_t *body)
{
    if (json_object_set_new(body, "stream", json_true()) < 0 ||
        (server != BX_OPENAI_MISTRAL &&
         json_object_set_new(body, "stream_options",
                             json_pack("{s:b}", "include_usage", 1)) < 0))
        return -1;
    if (request->cache_key == NULL || server != BX_OPENAI_ITSELF)
        return 0;
    return json_object_set_new(body, "prompt_cache_key",
                               json_string(request->cache_key));
}

int bx_openai_chat_write(const bx_turn_request *request,
                         bx_protocol_request *ret, bx_error **err)
{
    const bx_provider *provider = request->model->provider;
    bx_openai_server server = bx_openai_server_of(provider);

    if (bx_request_check(request, has_reply_tool(request), err) < 0)
        return -1;
    ret->body = json_pack("{s:s}", "model", request->model->id);
    if (ret->body == NULL ||
        bx_buf_printf(&ret->url, "%s/chat/completions", provider->base_url) <
            0 ||
        bx_openai_chat_write_messages(request, server, ret->body) < 0 ||
        write_tools(request, ret->body) < 0 ||
        write_choice(request, ret->body) < 0 ||
        write_format(request, ret->body) < 0 ||
        write_effort(request, server, ret->body) < 0 ||
        write_limits(request, server, ret->body) < 0 ||
        write_stream(request, server, ret->body) < 0)
        return bx_error_set_nomem(err);
    return 0;
}
