#include "agent/models/anthropic.h"

#include <string.h>

#define NAME "anthropic"
#define VERSION "2023-06-01"
/* Of a model of which nothing is known: every one there is can do that. */
#define OUTPUT_TOKENS 8192
#define BUDGET_MIN 1024 /* the API's least */
/* Breakpoints in messages; with tools and system the API's most, four. */
#define MARKS 2

/* What is being written. */
typedef struct writing {
    json_t *messages;
    bx_call_ids ids;
} writing;

static void writing_clear(writing *w)
{
    json_decref(w->messages);
    bx_call_ids_clear(&w->ids);
}

/* A block's text is shared: there may be much of it, and it was checked when it
 * came. */
static json_t *write_text(const json_t *block)
{
    return json_pack("{s:s, s:O}", "type", "text", "text",
                     json_object_get(block, "text"));
}

static json_t *write_image(const json_t *block)
{
    return json_pack("{s:s, s:{s:s, s:O, s:O}}", "type", "image", "source",
                     "type", "base64", "media_type",
                     json_object_get(block, "media_type"), "data",
                     json_object_get(block, "data"));
}

/* Without the carry of this protocol a thought cannot be sent: null. */
static json_t *write_thinking(const json_t *block)
{
    const json_t *carry = bx_block_carry(block, NAME);
    const char *redacted = bx_block_text(carry, BX_ANTHROPIC_REDACTED);
    const char *signature = bx_block_text(carry, BX_ANTHROPIC_SIGNATURE);

    if (*redacted != '\0')
        return json_pack("{s:s, s:s}", "type", "redacted_thinking", "data",
                         redacted);
    if (*signature == '\0')
        return json_null();
    return json_pack("{s:s, s:O, s:s}", "type", "thinking", "thinking",
                     json_object_get(block, "text"), "signature", signature);
}

static json_t *write_call(writing *w, const json_t *block)
{
    const char *own = bx_call_ids_take(
        &w->ids, block,
        bx_block_text(bx_block_carry(block, NAME), BX_ANTHROPIC_ID));

    if (own == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:O, s:O}", "type", "tool_use", "id", own,
                     "name", json_object_get(block, "name"), "input",
                     json_object_get(block, "input"));
}

/* A result that is an error may have text alone. */
static json_t *write_inner(const json_t *block, bool is_error)
{
    if (!bx_block_is(block, "image"))
        return bx_text_is_blank(bx_block_text(block, "text"))
                   ? json_null()
                   : write_text(block);
    return is_error ? json_pack("{s:s, s:s}", "type", "text", "text",
                                "(an image, left out)")
                    : write_image(block);
}

static json_t *write_result(const writing *w, const json_t *block)
{
    bool is_error = json_is_true(json_object_get(block, "is_error"));
    json_t *content = json_array();
    json_t *inner;
    size_t i;

    json_array_foreach(bx_message_blocks(block), i, inner)
    {
        json_t *part = write_inner(inner, is_error);

        if (json_is_null(part))
            continue;
        if (json_array_append_new(content, part) < 0) {
            json_decref(content);
            return NULL;
        }
    }
    return json_pack("{s:s, s:O, s:o, s:b}", "type", "tool_result",
                     "tool_use_id", bx_call_ids_of(&w->ids, block), "content",
                     content, "is_error", (int)is_error);
}

/* Owned; null: nothing is sent of it; NULL without memory. */
static json_t *write_block(writing *w, const json_t *block)
{
    if (bx_block_is(block, "tool_call"))
        return write_call(w, block);
    if (bx_block_is(block, "tool_result"))
        return write_result(w, block);
    if (bx_block_is(block, "image"))
        return write_image(block);
    if (bx_block_is(block, "thinking"))
        return write_thinking(block);
    if (bx_text_is_blank(bx_block_text(block, "text")))
        return json_null();
    return write_text(block);
}

/* The API wants results before everything else of a message. */
static int write_blocks(writing *w, const json_t *message, bool is_results,
                        json_t *content)
{
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        json_t *written;

        if (bx_block_is(block, "tool_result") != is_results)
            continue;
        written = write_block(w, block);
        if (!json_is_null(written) &&
            json_array_append_new(content, written) < 0)
            return -1;
    }
    return 0;
}

static int write_message(writing *w, const json_t *message)
{
    json_t *content = json_array();

    if (write_blocks(w, message, true, content) < 0 ||
        write_blocks(w, message, false, content) < 0) {
        json_decref(content);
        return -1;
    }
    if (json_array_size(content) == 0) { /* which the API refuses */
        json_decref(content);
        return content == NULL ? -1 : 0;
    }
    return json_array_append_new(
        w->messages, json_pack("{s:s, s:o}", "role", bx_message_role(message),
                               "content", content));
}

static int mark(json_t *block)
{
    return json_object_set_new(block, "cache_control",
                               json_pack("{s:s}", "type", "ephemeral"));
}

/* The end of the last messages of the user: the last one is read from the cache
 * by the next request, the one before was written by the last. */
static int mark_messages(json_t *messages)
{
    unsigned left = MARKS;

    for (size_t i = json_array_size(messages); i > 0 && left > 0; i--) {
        const json_t *message = json_array_get(messages, i - 1);
        const json_t *blocks = bx_message_blocks(message);

        if (strcmp(bx_message_role(message), "user") != 0)
            continue;
        if (mark(json_array_get(blocks, json_array_size(blocks) - 1)) < 0)
            return -1;
        left--;
    }
    return 0;
}

static bool has(const bx_turn_request *request, unsigned ability)
{
    return (request->model->abilities & ability) != 0;
}

static int write_messages(const bx_turn_request *request, json_t *body)
{
    __attribute__((cleanup(writing_clear)))
    writing w = { .messages = json_array() };
    json_t *message;
    size_t i;

    json_array_foreach(request->messages, i, message)
    {
        if (write_message(&w, message) < 0)
            return -1;
    }
    if (has(request, BX_MODEL_CACHE) && mark_messages(w.messages) < 0)
        return -1;
    return json_object_set(body, "messages", w.messages);
}

static int write_system(const bx_turn_request *request, json_t *body)
{
    json_t *block;

    if (request->system == NULL || bx_text_is_blank(request->system))
        return 0;
    block = json_pack("{s:s, s:s}", "type", "text", "text", request->system);
    if (has(request, BX_MODEL_CACHE) && mark(block) < 0) {
        json_decref(block);
        return -1;
    }
    return json_object_set_new(body, "system", json_pack("[o]", block));
}

/* Is the reply's form to be had by a tool that must be called? */
static bool has_reply_tool(const bx_turn_request *request)
{
    return request->output_schema != NULL && !has(request, BX_MODEL_SCHEMA);
}

static json_t *write_tool(const json_t *name, const json_t *description,
                          const json_t *schema)
{
    return json_pack("{s:O, s:O*, s:O}", "name", name, "description",
                     description, "input_schema", schema);
}

static int write_tools(const bx_turn_request *request, json_t *body)
{
    json_t *tools =
        bx_request_write_tools(request, has_reply_tool(request), write_tool);
    size_t count = json_array_size(tools);
    int status = tools == NULL ? -1 : 0;

    if (status == 0 && count > 0 && has(request, BX_MODEL_CACHE))
        status = mark(json_array_get(tools, count - 1));
    if (status == 0 && count > 0)
        status = json_object_set(body, "tools", tools);
    json_decref(tools);
    return status;
}

/* Must a tool be called? Thinking does not go with that. */
static bool is_forced(const bx_turn_request *request)
{
    const char *choice = request->tool_choice;

    return has_reply_tool(request) ||
           (choice != NULL && json_array_size(request->tools) > 0 &&
            strcmp(choice, "auto") != 0 && strcmp(choice, "none") != 0);
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
    if (strcmp(choice, "auto") == 0 || strcmp(choice, "none") == 0 ||
        strcmp(choice, "any") == 0)
        value = json_pack("{s:s}", "type", choice);
    else
        value = json_pack("{s:s, s:s}", "type", "tool", "name", choice);
    return json_object_set_new(body, "tool_choice", value);
}

static uint64_t output_tokens(const bx_turn_request *request)
{
    if (request->max_output_tokens > 0)
        return request->max_output_tokens;
    if (request->model->output_tokens > 0)
        return request->model->output_tokens;
    return OUTPUT_TOKENS;
}

/* Models up to 4.5 are given a budget of tokens; those after it think as much
 * as they find right, by effort. */
static bool has_budget(const char *id)
{
    static const char *const older[] = {
        "claude-3",          "claude-sonnet-4-0", "claude-sonnet-4-2",
        "claude-sonnet-4-5", "claude-opus-4-0",   "claude-opus-4-1",
        "claude-opus-4-2",   "claude-opus-4-5",   "claude-haiku-4-5",
    };

    for (size_t i = 0; i < sizeof(older) / sizeof(older[0]); i++) {
        if (strncmp(id, older[i], strlen(older[i])) == 0)
            return true;
    }
    return false;
}

static json_t *write_budget(const bx_turn_request *request)
{
    static const uint64_t budgets[] = { [BX_EFFORT_LOW] = 2048,
                                        [BX_EFFORT_MEDIUM] = 8192,
                                        [BX_EFFORT_HIGH] = 24576 };
    uint64_t budget = budgets[request->effort];
    uint64_t most = output_tokens(request) / 2; /* the rest is for the reply */

    if (budget > most)
        budget = most;
    if (budget < BUDGET_MIN)
        return json_pack("{s:s}", "type", "disabled");
    return json_pack("{s:s, s:I}", "type", "enabled", "budget_tokens",
                     (json_int_t)budget);
}

static bool is_thinking(const bx_turn_request *request)
{
    return has(request, BX_MODEL_THINKING) && !is_forced(request) &&
           request->effort >= BX_EFFORT_LOW;
}

/* Thinking and the form of the reply; output_config is of both. */
static int write_output(const bx_turn_request *request, json_t *body)
{
    static const char *const efforts[] = { [BX_EFFORT_LOW] = "low",
                                           [BX_EFFORT_MEDIUM] = "medium",
                                           [BX_EFFORT_HIGH] = "high" };
    json_t *config = json_object();
    json_t *thinking = NULL;
    int status = 0;

    if (is_thinking(request) && has_budget(request->model->id)) {
        thinking = write_budget(request);
    } else if (is_thinking(request)) {
        thinking = json_pack("{s:s}", "type", "adaptive");
        status = json_object_set_new(config, "effort",
                                     json_string(efforts[request->effort]));
    } else if (has(request, BX_MODEL_THINKING) &&
               request->effort != BX_EFFORT_DEFAULT) {
        thinking = json_pack("{s:s}", "type", "disabled");
    }
    if (request->effort != BX_EFFORT_DEFAULT &&
        has(request, BX_MODEL_THINKING) &&
        json_object_set_new(body, "thinking", thinking) < 0)
        status = -1;
    if (request->output_schema != NULL && has(request, BX_MODEL_SCHEMA) &&
        json_object_set_new(config, "format",
                            json_pack("{s:s, s:O}", "type", "json_schema",
                                      "schema", request->output_schema)) < 0)
        status = -1;
    if (config == NULL || (json_object_size(config) > 0 &&
                           json_object_set(body, "output_config", config) < 0))
        status = -1;
    json_decref(config);
    return status;
}

/* What the API takes for a temperature goes without thinking only. */
static int write_limits(const bx_turn_request *request, json_t *body)
{
    if (json_object_set_new(body, "max_tokens",
                            json_integer((json_int_t)output_tokens(request))) <
            0 ||
        json_object_set_new(body, "stream", json_true()) < 0)
        return -1;
    if (request->temperature < 0 || is_thinking(request))
        return 0;
    return json_object_set_new(body, "temperature",
                               json_real(request->temperature));
}

/* People write a base with the version and without. */
static int write_url(const bx_turn_request *request, const char *path,
                     bx_buf *url)
{
    const char *base = request->model->provider->base_url;
    size_t bytes = strlen(base);
    bool has_version = bytes >= 3 && strcmp(base + bytes - 3, "/v1") == 0;

    return bx_buf_printf(url, "%s%s%s", base, has_version ? "" : "/v1", path);
}

static int write_common(const bx_turn_request *request, const char *path,
                        bx_protocol_request *ret, bx_error **err)
{
    static const char field[] = "anthropic-version";

    if (bx_request_check(request, has_reply_tool(request), err) < 0)
        return -1;
    ret->body = json_pack("{s:s}", "model", request->model->id);
    if (ret->body == NULL || write_url(request, path, &ret->url) < 0 ||
        bx_http_fields_add(&ret->fields, field, strlen(field), VERSION,
                           strlen(VERSION)) < 0 ||
        write_system(request, ret->body) < 0 ||
        write_tools(request, ret->body) < 0 ||
        write_choice(request, ret->body) < 0 ||
        write_output(request, ret->body) < 0 ||
        write_messages(request, ret->body) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

int bx_anthropic_write(const bx_turn_request *request, bx_protocol_request *ret,
                       bx_error **err)
{
    if (write_common(request, "/messages", ret, err) < 0)
        return -1;
    if (write_limits(request, ret->body) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

int bx_anthropic_write_count(const bx_turn_request *request,
                             bx_protocol_request *ret, bx_error **err)
{
    return write_common(request, "/messages/count_tokens", ret, err);
}
