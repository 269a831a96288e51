#include <string.h>

#include "agent/models/openai_responses.h"

#define OUTPUT_TOKENS_MIN 16 /* the API's least */

/* What is being written. */
typedef struct writing {
    json_t *items;
    bx_call_ids ids;
} writing;

static void writing_clear(writing *w)
{
    json_decref(w->items);
    bx_call_ids_clear(&w->ids);
}

static int add_item(writing *w, json_t *item)
{
    return json_array_append_new(w->items, item);
}

/* The parts of a user's message or of a result. */
static int add_part(const json_t *block, json_t *parts)
{
    const char *text = bx_block_text(block, "text");

    if (bx_block_is(block, "image"))
        return json_array_append_new(
            parts,
            json_pack("{s:s, s:s, s:o}", "type", "input_image", "detail",
                      "auto", "image_url", bx_openai_write_image_url(block)));
    if (!bx_block_is(block, "text") || bx_text_is_blank(text))
        return 0;
    return json_array_append_new(
        parts, json_pack("{s:s, s:O}", "type", "input_text", "text",
                         json_object_get(block, "text")));
}

static bool has_image(const json_t *parts)
{
    json_t *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        if (bx_block_is(part, "input_image"))
            return true;
    }
    return false;
}

/* Without images it is one text, which every server takes. */
static json_t *write_output(json_t *parts)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *part;
    size_t i;

    if (has_image(parts))
        return json_incref(parts);
    if (json_array_size(parts) == 0)
        return json_string("(nothing)");
    if (json_array_size(parts) == 1)
        return json_incref(json_object_get(json_array_get(parts, 0), "text"));
    json_array_foreach(parts, i, part)
    {
        if ((i > 0 && bx_buf_puts(&text, "\n") < 0) ||
            bx_buf_puts(&text, bx_block_text(part, "text")) < 0)
            return NULL;
    }
    /* Joined of texts that are UTF-8. */
    return json_stringn_nocheck(text.data, text.len);
}

static int write_result(writing *w, const json_t *result)
{
    bool is_error = json_is_true(json_object_get(result, "is_error"));
    json_t *parts = json_array();
    json_t *block;
    size_t i;
    int status = 0;

    /* The API has no other mark for it. */
    if (is_error)
        status = json_array_append_new(parts, json_pack("{s:s, s:s}", "type",
                                                        "input_text", "text",
                                                        "The call failed."));
    json_array_foreach(bx_message_blocks(result), i, block)
    {
        if (status == 0)
            status = add_part(block, parts);
    }
    if (status == 0)
        status = add_item(w, json_pack("{s:s, s:O, s:o}", "type",
                                       "function_call_output", "call_id",
                                       bx_call_ids_of(&w->ids, result),
                                       "output", write_output(parts)));
    json_decref(parts);
    return status;
}

/* Results are items of their own, before what the user says. */
static int write_user(writing *w, const json_t *message)
{
    json_t *parts = json_array();
    json_t *block;
    size_t i;
    int status = 0;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (status == 0)
            status = bx_block_is(block, "tool_result") ? write_result(w, block)
                                                       : add_part(block, parts);
    }
    if (status == 0 && json_array_size(parts) > 0)
        status = add_item(w, json_pack("{s:s, s:s, s:O}", "type", "message",
                                       "role", "user", "content", parts));
    json_decref(parts);
    return status;
}

static int write_call(writing *w, const json_t *call)
{
    const char *own = bx_call_ids_take(
        &w->ids, call,
        bx_block_text(bx_block_carry(call, BX_OPENAI_RESPONSES), BX_OPENAI_ID));

    if (own == NULL)
        return -1;
    return add_item(w, json_pack("{s:s, s:s, s:O, s:o}", "type",
                                 "function_call", "call_id", own, "name",
                                 json_object_get(call, "name"), "arguments",
                                 bx_openai_write_arguments(call)));
}

/* Without what is encrypted there is nothing for the API to go by. */
static int write_thinking(writing *w, const json_t *block)
{
    const json_t *carry = bx_block_carry(block, BX_OPENAI_RESPONSES);
    json_t *encrypted = json_object_get(carry, BX_OPENAI_ENCRYPTED);
    json_t *summary = json_array();
    json_t *text;
    size_t i;
    int status = 0;

    json_array_foreach(json_object_get(carry, BX_OPENAI_SUMMARY), i, text)
    {
        if (status == 0 && json_is_string(text))
            status = json_array_append_new(
                summary,
                json_pack("{s:s, s:O}", "type", "summary_text", "text", text));
    }
    if (status == 0 && json_is_string(encrypted))
        status = add_item(w, json_pack("{s:s, s:O, s:O}", "type", "reasoning",
                                       "summary", summary, "encrypted_content",
                                       encrypted));
    json_decref(summary);
    return status;
}

static int write_text(writing *w, const json_t *block)
{
    json_t *phase = json_object_get(bx_block_carry(block, BX_OPENAI_RESPONSES),
                                    BX_OPENAI_PHASE);

    if (bx_text_is_blank(bx_block_text(block, "text")))
        return 0;
    return add_item(w, json_pack("{s:s, s:s, s:O, s:O*}", "type", "message",
                                 "role", "assistant", "content",
                                 json_object_get(block, "text"), "phase",
                                 json_is_string(phase) ? phase : NULL));
}

static int write_assistant(writing *w, const json_t *message)
{
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        int status = bx_block_is(block, "tool_call")  ? write_call(w, block)
                     : bx_block_is(block, "thinking") ? write_thinking(w, block)
                     : bx_block_is(block, "text")     ? write_text(w, block)
                                                      : 0;

        if (status < 0)
            return -1;
    }
    return 0;
}

static int write_input(const bx_turn_request *request, json_t *body)
{
    __attribute__((cleanup(writing_clear)))
    writing w = { .items = json_array() };
    json_t *message;
    size_t i;

    json_array_foreach(request->messages, i, message)
    {
        bool is_user = strcmp(bx_message_role(message), "user") == 0;

        if ((is_user ? write_user : write_assistant)(&w, message) < 0)
            return -1;
    }
    return json_object_set(body, "input", w.items);
}

/* strict: by default the API makes schemas so, and refuses some. */
static json_t *write_tool(const json_t *name, const json_t *description,
                          const json_t *schema)
{
    return json_pack("{s:s, s:O, s:O*, s:O, s:b}", "type", "function", "name",
                     name, "description", description, "parameters", schema,
                     "strict", 0);
}

static int write_tools(const bx_turn_request *request, json_t *body)
{
    json_t *tools = bx_request_write_tools(request, false, write_tool);
    int status = tools == NULL ? -1 : 0;

    if (status == 0 && json_array_size(tools) > 0)
        status = json_object_set(body, "tools", tools);
    json_decref(tools);
    return status;
}

static int write_choice(const bx_turn_request *request, json_t *body)
{
    const char *choice = request->tool_choice;
    json_t *value;

    if (choice == NULL || json_array_size(request->tools) == 0)
        return 0;
    if (strcmp(choice, "any") == 0)
        value = json_string("required");
    else if (strcmp(choice, "auto") == 0 || strcmp(choice, "none") == 0)
        value = json_string(choice);
    else
        value = json_pack("{s:s, s:s}", "type", "function", "name", choice);
    return json_object_set_new(body, "tool_choice", value);
}

static int write_format(const bx_turn_request *request, json_t *body)
{
    json_t *format;

    if (request->output_schema == NULL)
        return 0;
    format = bx_openai_write_schema(request->output_schema);
    if (json_object_set_new(format, "type", json_string("json_schema")) < 0) {
        json_decref(format);
        return -1;
    }
    return json_object_set_new(body, "text",
                               json_pack("{s:o}", "format", format));
}

static bool is_thinking(const bx_turn_request *request)
{
    return bx_request_has(request, BX_MODEL_THINKING) &&
           request->effort != BX_EFFORT_NONE;
}

/* A summary is asked for with an effort only: for some models OpenAI wants to
 * know an organization before it gives one. */
static int write_reasoning(const bx_turn_request *request, json_t *body)
{
    const char *effort = bx_openai_effort(request->effort);

    if (!bx_request_has(request, BX_MODEL_THINKING))
        return 0;
    if (effort != NULL &&
        json_object_set_new(
            body, "reasoning",
            json_pack("{s:s, s:s*}", "effort", effort, "summary",
                      is_thinking(request) ? "auto" : NULL)) < 0)
        return -1;
    return json_object_set_new(
        body, "include", json_pack("[s]", "reasoning." BX_OPENAI_ENCRYPTED));
}

/* Models that think refuse a temperature. */
static int write_limits(const bx_turn_request *request, json_t *body)
{
    uint64_t most = bx_openai_output_tokens(request);

    if (most > 0 && most < OUTPUT_TOKENS_MIN)
        most = OUTPUT_TOKENS_MIN;
    if (most > 0 && json_object_set_new(body, "max_output_tokens",
                                        json_integer((json_int_t)most)) < 0)
        return -1;
    if (request->cache_key != NULL &&
        json_object_set_new(body, "prompt_cache_key",
                            json_string(request->cache_key)) < 0)
        return -1;
    if (request->temperature < 0 || is_thinking(request))
        return 0;
    return json_object_set_new(body, "temperature",
                               json_real(request->temperature));
}

int bx_openai_responses_write(const bx_turn_request *request,
                              bx_protocol_request *ret, bx_error **err)
{
    const char *system = request->system;

    if (bx_request_check(request, false, err) < 0)
        return -1;
    if (system != NULL && bx_text_is_blank(system))
        system = NULL;
    ret->body = json_pack("{s:s, s:b, s:b, s:s*}", "model", request->model->id,
                          "stream", 1, "store", 0, "instructions", system);
    if (ret->body == NULL ||
        bx_buf_printf(&ret->url, "%s/responses",
                      request->model->provider->base_url) < 0 ||
        write_input(request, ret->body) < 0 ||
        write_tools(request, ret->body) < 0 ||
        write_choice(request, ret->body) < 0 ||
        write_format(request, ret->body) < 0 ||
        write_reasoning(request, ret->body) < 0 ||
        write_limits(request, ret->body) < 0)
        return bx_error_set_nomem(err);
    return 0;
}
