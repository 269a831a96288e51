#include <string.h>

#include "agent/models/openai_chat.h"

#define ID_MAX_OPENAI 40 /* the API's most */
#define ID_MISTRAL 9     /* letters and digits: the only form it takes */

/* What is being written. */
typedef struct writing {
    const bx_turn_request *request;
    bx_openai_server server;
    json_t *messages;
    json_t *ids;  /* a call's id to the one that is sent */
    json_t *sent; /* those */
} writing;

static void writing_clear(writing *w)
{
    json_decref(w->messages);
    json_decref(w->ids);
    json_decref(w->sent);
}

static bool has(const bx_turn_request *request, unsigned ability)
{
    return bx_openai_has(request, ability);
}

static int add_message(writing *w, json_t *message)
{
    return json_array_append_new(w->messages, message);
}

/* Many servers take no list of texts, so they are joined. */
static int join(bx_buf *to, const char *text, const char *between)
{
    if (bx_openai_is_blank(text))
        return 0;
    if (to->len > 0 && bx_buf_puts(to, between) < 0)
        return -1;
    return bx_buf_puts(to, text);
}

static const char *text_of(const bx_buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

/* A server without images refuses the whole conversation for one, and each
 * turn after it. */
static bool has_images(const writing *w)
{
    return w->server == BX_OPENAI_ITSELF || has(w->request, BX_MODEL_IMAGES);
}

static json_t *write_text_part(const char *text)
{
    return json_pack("{s:s, s:s}", "type", "text", "text", text);
}

static json_t *write_image(const writing *w, const json_t *block)
{
    if (!has_images(w))
        return write_text_part("(an image, left out: the model is not known "
                               "to take images)");
    return json_pack("{s:s, s:{s:o}}", "type", "image_url", "image_url", "url",
                     bx_openai_write_image_url(block));
}

/* Results have text alone, so their images come with what the user says. */
static int add_result_images(const writing *w, const json_t *result,
                             json_t *parts)
{
    bool is_first = true;
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(result), i, block)
    {
        bx_autobuf bx_buf lead = BX_BUF_INIT;

        if (!bx_block_is(block, "image") || !has_images(w))
            continue;
        if (is_first &&
            (bx_buf_printf(
                 &lead, "Images of the result of %s (%s), data and no request:",
                 bx_block_text(result, "name"),
                 bx_block_text(w->ids, bx_block_text(result, "id"))) < 0 ||
             json_array_append_new(parts, write_text_part(lead.data)) < 0))
            return -1;
        is_first = false;
        if (json_array_append_new(parts, write_image(w, block)) < 0)
            return -1;
    }
    return 0;
}

static int write_result(writing *w, const json_t *result)
{
    bool is_error = json_is_true(json_object_get(result, "is_error"));
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *block;
    size_t i;

    /* The API has no other mark for it. */
    if (is_error && join(&text, "The call failed.", "") < 0)
        return -1;
    json_array_foreach(bx_message_blocks(result), i, block)
    {
        const char *part = bx_block_text(block, "text");

        if (bx_block_is(block, "image"))
            part = has_images(w) ? "(an image: it follows the results)"
                                 : "(an image, left out: the model is not "
                                   "known to take images)";
        if (join(&text, part, "\n") < 0)
            return -1;
    }
    if (text.len == 0 && bx_buf_puts(&text, "(nothing)") < 0)
        return -1;
    return add_message(
        w, json_pack("{s:s, s:O, s:s}", "role", "tool", "tool_call_id",
                     json_object_get(w->ids, bx_block_text(result, "id")),
                     "content", text.data));
}

/* Parts without images are one text. */
static json_t *write_content(const json_t *parts)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        if (!bx_block_is(part, "text"))
            return json_incref((json_t *)parts);
        if (join(&text, bx_block_text(part, "text"), "\n\n") < 0)
            return NULL;
    }
    return json_string(text_of(&text));
}

static int write_user_parts(writing *w, const json_t *message, json_t *parts)
{
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        const char *text = bx_block_text(block, "text");
        int status = 0;

        if (bx_block_is(block, "tool_result"))
            status = add_result_images(w, block, parts);
        else if (bx_block_is(block, "image"))
            status = json_array_append_new(parts, write_image(w, block));
        else if (!bx_openai_is_blank(text))
            status = json_array_append_new(parts, write_text_part(text));
        if (status < 0)
            return -1;
    }
    return 0;
}

/* The API wants results right behind their calls. */
static int write_user(writing *w, const json_t *message)
{
    json_t *parts = json_array();
    json_t *block;
    size_t i;
    int status = 0;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (status == 0 && bx_block_is(block, "tool_result"))
            status = write_result(w, block);
    }
    if (status == 0)
        status = write_user_parts(w, message, parts);
    if (status == 0 && json_array_size(parts) > 0)
        status = add_message(w, json_pack("{s:s, s:o}", "role", "user",
                                          "content", write_content(parts)));
    json_decref(parts);
    return status;
}

static bool is_id_of(bx_openai_server server, const char *id)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t bytes = strlen(id);

    if (server == BX_OPENAI_MISTRAL)
        return bytes == ID_MISTRAL && strspn(id, set) == bytes;
    return server != BX_OPENAI_ITSELF || bytes <= ID_MAX_OPENAI;
}

/* The provider's own id, unless it gave the same one twice or it is another
 * server's that this one does not take. */
static int choose_id(writing *w, const json_t *call, bx_buf *id)
{
    const char *own =
        bx_block_text(bx_block_carry(call, BX_OPENAI_CHAT), BX_OPENAI_ID);

    if (*own != '\0' && is_id_of(w->server, own) &&
        json_object_get(w->sent, own) == NULL)
        return bx_buf_puts(id, own);
    if (is_id_of(w->server, bx_block_text(call, "id")))
        return bx_buf_puts(id, bx_block_text(call, "id"));
    for (size_t i = json_object_size(w->sent);; i++) {
        bx_buf_clear(id);
        if (bx_buf_printf(id, "c%08zu", i % 100000000) < 0)
            return -1;
        if (json_object_get(w->sent, id->data) == NULL)
            return 0;
    }
}

static json_t *write_call(writing *w, const json_t *call)
{
    const json_t *carry = bx_block_carry(call, BX_OPENAI_CHAT);
    json_t *extra = json_object_get(carry, BX_OPENAI_CHAT_EXTRA);
    bx_autobuf bx_buf id = BX_BUF_INIT;

    if (choose_id(w, call, &id) < 0 ||
        json_object_set_new(w->sent, id.data, json_true()) < 0 ||
        json_object_set_new(w->ids, bx_block_text(call, "id"),
                            json_string(id.data)) < 0)
        return NULL;
    if (w->server != BX_OPENAI_GOOGLE)
        extra = NULL;
    return json_pack(
        "{s:s, s:s, s:{s:O, s:o}, s:O*}", "id", id.data, "type", "function",
        "function", "name", json_object_get(call, "name"), "arguments",
        bx_openai_write_arguments(call), BX_OPENAI_CHAT_EXTRA, extra);
}

/* DeepSeek refuses a message with calls that comes without the thinking before
 * them (and what had none then has an empty one), and passes over that of
 * others; Moonshot wants all of it, OpenRouter has another name for it. Servers
 * that do not say that they want it are not sent any. */
static int write_thinking(const writing *w, const char *thinking,
                          bool has_calls, json_t *message)
{
    const char *field = "reasoning_content";
    bool is_wanted = *thinking != '\0';

    switch (w->server) {
    case BX_OPENAI_DEEPSEEK:
        is_wanted =
            has_calls && (is_wanted || has(w->request, BX_MODEL_THINKING));
        break;
    case BX_OPENAI_MOONSHOT:
        break;
    case BX_OPENAI_OPENROUTER:
        field = "reasoning";
        break;
    default:
        return 0;
    }
    if (!is_wanted)
        return 0;
    return json_object_set_new(message, field, json_string(thinking));
}

static int write_assistant_blocks(writing *w, const json_t *message,
                                  bx_buf *text, bx_buf *thinking, json_t *calls)
{
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        const char *words = bx_block_text(block, "text");
        int status = 0;

        if (bx_block_is(block, "tool_call"))
            status = json_array_append_new(calls, write_call(w, block));
        else if (bx_block_is(block, "text"))
            status = join(text, words, "\n\n");
        else if (bx_block_carry(block, BX_OPENAI_CHAT) != NULL)
            status = bx_buf_puts(thinking, words);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* Of nothing but thinking, nothing is sent. */
static int write_assistant(writing *w, const json_t *message)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autobuf bx_buf thinking = BX_BUF_INIT;
    json_t *calls = json_array();
    json_t *written;
    bool has_calls;

    if (write_assistant_blocks(w, message, &text, &thinking, calls) < 0) {
        json_decref(calls);
        return -1;
    }
    has_calls = json_array_size(calls) > 0;
    if (text.len == 0 && !has_calls) {
        json_decref(calls);
        return 0;
    }
    /* content: s? writes null, which servers want more than no member. */
    written = json_pack("{s:s, s:s?, s:O*}", "role", "assistant", "content",
                        text.data, "tool_calls", has_calls ? calls : NULL);
    json_decref(calls);
    if (write_thinking(w, text_of(&thinking), has_calls, written) < 0) {
        json_decref(written);
        return -1;
    }
    return add_message(w, written);
}

static int write_messages(const bx_turn_request *request,
                          bx_openai_server server, json_t *body)
{
    __attribute__((cleanup(writing_clear)))
    writing w = { request, server, json_array(), json_object(), json_object() };
    json_t *message;
    size_t i;

    if (request->system != NULL && !bx_openai_is_blank(request->system) &&
        add_message(&w, json_pack("{s:s, s:s}", "role", "system", "content",
                                  request->system)) < 0)
        return -1;
    json_array_foreach(request->messages, i, message)
    {
        bool is_user = strcmp(bx_message_role(message), "user") == 0;

        if ((is_user ? write_user : write_assistant)(&w, message) < 0)
            return -1;
    }
    return json_object_set(body, "messages", w.messages);
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

static int add_reply_tool(const bx_turn_request *request, json_t *tools)
{
    json_t *name = json_string(BX_OPENAI_CHAT_REPLY_TOOL);
    json_t *description = json_string("Gives the final reply, in the form "
                                      "that was asked for.");
    int status = json_array_append_new(
        tools, write_tool(name, description, request->output_schema));

    json_decref(name);
    json_decref(description);
    return status;
}

static int write_tools(const bx_turn_request *request, json_t *body)
{
    json_t *tools = json_array();
    json_t *tool;
    size_t i;
    int status = 0;

    json_array_foreach(request->tools, i, tool)
    {
        if (status == 0)
            status = json_array_append_new(
                tools, write_tool(json_object_get(tool, "name"),
                                  json_object_get(tool, "description"),
                                  json_object_get(tool, "input_schema")));
    }
    if (status == 0 && has_reply_tool(request))
        status = add_reply_tool(request, tools);
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
            choice = BX_OPENAI_CHAT_REPLY_TOOL;
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

static int check(const bx_turn_request *request, bx_error **err)
{
    json_t *tool;
    size_t i;

    if (bx_openai_check(request, err) < 0)
        return -1;
    json_array_foreach(request->tools, i, tool)
    {
        if (has_reply_tool(request) &&
            strcmp(bx_block_text(tool, "name"), BX_OPENAI_CHAT_REPLY_TOOL) == 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "tool '" BX_OPENAI_CHAT_REPLY_TOOL
                                "': this name is taken for the reply's form; "
                                "name it otherwise");
    }
    return 0;
}

int bx_openai_chat_write(const bx_turn_request *request,
                         bx_protocol_request *ret, bx_error **err)
{
    const bx_provider *provider = request->model->provider;
    bx_openai_server server = bx_openai_server_of(provider);

    if (check(request, err) < 0)
        return -1;
    ret->body = json_pack("{s:s}", "model", request->model->id);
    if (ret->body == NULL ||
        bx_buf_printf(&ret->url, "%s/chat/completions", provider->base_url) <
            0 ||
        write_messages(request, server, ret->body) < 0 ||
        write_tools(request, ret->body) < 0 ||
        write_choice(request, ret->body) < 0 ||
        write_format(request, ret->body) < 0 ||
        write_effort(request, server, ret->body) < 0 ||
        write_limits(request, server, ret->body) < 0 ||
        write_stream(request, server, ret->body) < 0)
        return bx_error_set_nomem(err);
    return 0;
}
