#include "agent/models/protocol_parts.h"

#include <string.h>

/* ---- requests -------------------------------------------------------- */

bool bx_request_has(const bx_turn_request *request, unsigned ability)
{
    return (request->model->abilities & ability) != 0;
}

int bx_request_check(const bx_turn_request *request, bool has_reply_tool,
                     bx_error **err)
{
    json_t *tool;
    size_t i;

    if (!request->are_checked && bx_messages_check(request->messages, err) < 0)
        return -1;
    json_array_foreach(request->tools, i, tool)
    {
        if (!json_is_string(json_object_get(tool, "name")) ||
            !json_is_object(json_object_get(tool, "input_schema")))
            return bx_error_set(err, BX_ERR_INVALID,
                                "tool %zu: expected \"name\" and "
                                "\"input_schema\"",
                                i);
        if (has_reply_tool &&
            strcmp(bx_block_text(tool, "name"), BX_REPLY_TOOL) == 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "tool '" BX_REPLY_TOOL
                                "': this name is taken for the reply's form; "
                                "name it otherwise");
    }
    return 0;
}

static int add_reply_tool(const bx_turn_request *request,
                          bx_write_tool_fn write, json_t *tools)
{
    json_t *name = json_string(BX_REPLY_TOOL);
    json_t *description =
        json_string("Gives the final reply, in the form that was asked for.");
    json_t *tool = name == NULL || description == NULL
                       ? NULL
                       : write(name, description, request->output_schema);

    json_decref(name);
    json_decref(description);
    return json_array_append_new(tools, tool);
}

json_t *bx_request_write_tools(const bx_turn_request *request,
                               bool has_reply_tool, bx_write_tool_fn write)
{
    json_t *tools = json_array();
    json_t *tool;
    size_t i;
    int status = tools == NULL ? -1 : 0;

    json_array_foreach(request->tools, i, tool)
    {
        if (status == 0)
            status = json_array_append_new(
                tools, write(json_object_get(tool, "name"),
                             json_object_get(tool, "description"),
                             json_object_get(tool, "input_schema")));
    }
    if (status == 0 && has_reply_tool)
        status = add_reply_tool(request, write, tools);
    if (status == 0)
        return tools;
    json_decref(tools);
    return NULL;
}

bool bx_text_is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\v\f")] == '\0';
}

/* ---- ids of calls ---------------------------------------------------- */

const char *bx_call_ids_take(bx_call_ids *ids, const json_t *call,
                             const char *own)
{
    const char *id = bx_block_text(call, "id");

    if (ids->of_calls == NULL)
        ids->of_calls = json_object();
    if (ids->sent == NULL)
        ids->sent = json_object();
    if (*own == '\0' || json_object_get(ids->sent, own) != NULL)
        own = id;
    if (json_object_set_new(ids->sent, own, json_true()) < 0 ||
        json_object_set_new(ids->of_calls, id, json_string(own)) < 0)
        return NULL;
    return own;
}

json_t *bx_call_ids_of(const bx_call_ids *ids, const json_t *result)
{
    return json_object_get(ids->of_calls, bx_block_text(result, "id"));
}

void bx_call_ids_clear(bx_call_ids *ids)
{
    json_decref(ids->of_calls);
    json_decref(ids->sent);
    *ids = (bx_call_ids){ 0 };
}

/* ---- answers --------------------------------------------------------- */

bx_failure_kind bx_failure_of_status(unsigned status)
{
    if (status == 401 || status == 402 || status == 403)
        return BX_FAILURE_KEY;
    if (status == 404)
        return BX_FAILURE_NO_MODEL;
    if (status == 413)
        return BX_FAILURE_CONTEXT;
    if (status == 429)
        return BX_FAILURE_RATE;
    if (status == 503 || status == 529)
        return BX_FAILURE_OVERLOAD;
    /* 499: it gave up itself. */
    return status == 0 || status == 408 || status == 499 || status >= 500
               ? BX_FAILURE_SERVER
               : BX_FAILURE_REQUEST;
}

int bx_count_read(const json_t *body, const char *name, const char *key,
                  uint64_t *ret_tokens, bx_error **err)
{
    const json_t *count = json_object_get(body, key);

    if (!json_is_integer(count) || json_integer_value(count) < 0)
        return bx_error_set(err, BX_ERR_INVALID, "%s: %s: expected a number",
                            name, key);
    *ret_tokens = (uint64_t)json_integer_value(count);
    return 0;
}
