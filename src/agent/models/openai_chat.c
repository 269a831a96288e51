/* The stream of Chat Completions. It has no blocks: thinking and text are one
 * each, and calls are told apart in openai_chat_calls.c. */
#include "agent/models/openai_chat.h"

#include <string.h>

#include "agent/models/openai_details.h"

/* Indices of a reply's blocks. */
#define THINKING 0
#define TEXT 1

/* Of the reply's memory. */
#define M_FINISH "finish" /* the stream said why it stopped */
#define M_REFUSED "refused"

static int remember(bx_reply *reply, const char *key, bx_error **err)
{
    if (json_object_set_new(bx_reply_memory(reply), key, json_true()) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static bool remembers(bx_reply *reply, const char *key)
{
    return json_object_get(bx_reply_memory(reply), key) != NULL;
}

static int add_text(bx_reply *reply, const json_t *text, bx_error **err)
{
    if (json_string_length(text) == 0)
        return 0;
    if (!bx_reply_has(reply, TEXT) &&
        bx_reply_begin(reply, TEXT, BX_BLOCK_TEXT, NULL, err) < 0)
        return -1;
    return bx_reply_append(reply, TEXT, json_string_value(text),
                           json_string_length(text), err);
}

static int begin_thinking(bx_reply *reply, const char *field, bx_error **err)
{
    if (bx_reply_has(reply, THINKING))
        return 0;
    if (bx_reply_begin(reply, THINKING, BX_BLOCK_THINKING, NULL, err) < 0)
        return -1;
    return bx_reply_put_carry(reply, THINKING, BX_OPENAI_CHAT_FIELD,
                              json_string(field), err);
}

static int add_thinking(bx_reply *reply, const json_t *text, const char *field,
                        bx_error **err)
{
    if (json_string_length(text) == 0)
        return 0;
    if (begin_thinking(reply, field, err) < 0)
        return -1;
    return bx_reply_append(reply, THINKING, json_string_value(text),
                           json_string_length(text), err);
}

/* Mistral's: [{"type": "thinking", "thinking": [texts]}, {"type": "text"}] */
static int read_parts(bx_reply *reply, const json_t *parts, bx_error **err)
{
    json_t *part;
    json_t *inner;
    size_t i;
    size_t j;

    json_array_foreach(parts, i, part)
    {
        if (bx_block_is(part, "text") &&
            add_text(reply, json_object_get(part, "text"), err) < 0)
            return -1;
        if (!bx_block_is(part, "thinking"))
            continue;
        json_array_foreach(json_object_get(part, "thinking"), j, inner)
        {
            if (add_thinking(reply, json_object_get(inner, "text"), "content",
                             err) < 0)
                return -1;
        }
    }
    return 0;
}

/* Thinking has more than one name, and some servers send it under both. */
static int read_thinking(bx_reply *reply, const json_t *delta, bx_error **err)
{
    static const char *const fields[] = { "reasoning_content", "reasoning" };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        const json_t *text = json_object_get(delta, fields[i]);

        if (json_string_length(text) > 0)
            return add_thinking(reply, text, fields[i], err);
    }
    return 0;
}

static int read_details(bx_reply *reply, const json_t *delta, const char *model,
                        bx_error **err)
{
    const json_t *details = json_object_get(delta, BX_OPENAI_DETAILS);

    if (json_array_size(details) == 0)
        return 0;
    if (begin_thinking(reply, "reasoning", err) < 0)
        return -1;
    return bx_openai_details_read(reply, details, model, err);
}

static int read_delta(bx_reply *reply, const json_t *delta, const char *model,
                      bx_error **err)
{
    const json_t *content = json_object_get(delta, "content");
    const json_t *refusal = json_object_get(delta, "refusal");
    json_t *piece;
    size_t i;

    if (read_thinking(reply, delta, err) < 0 ||
        read_details(reply, delta, model, err) < 0 ||
        add_text(reply, content, err) < 0 ||
        read_parts(reply, content, err) < 0 ||
        add_text(reply, refusal, err) < 0)
        return -1;
    if (json_string_length(refusal) > 0 && remember(reply, M_REFUSED, err) < 0)
        return -1;
    json_array_foreach(json_object_get(delta, "tool_calls"), i, piece)
    {
        if (json_is_object(piece) &&
            bx_openai_chat_read_call(reply, piece, err) < 0)
            return -1;
    }
    return 0;
}

static void fail(bx_reply *reply, const json_t *error)
{
    bx_reply_failure failure;

    bx_openai_read_failure(0, error, &failure);
    bx_reply_fail(reply, &failure);
}

static void fail_for(bx_reply *reply, bx_failure_kind kind, const char *reason)
{
    bx_reply_failure failure = { .kind = kind };

    bx_reply_failure_say(&failure, reason);
    bx_reply_fail(reply, &failure);
}

static int read_finish(bx_reply *reply, const char *reason, bx_error **err)
{
    static const struct {
        const char *reason;
        bx_stop stop;
    } stops[] = {
        { "tool_calls", BX_STOP_CALLS },
        { "length", BX_STOP_LENGTH },
        { "max_tokens", BX_STOP_LENGTH },
        { "model_length", BX_STOP_CONTEXT }, /* Mistral's */
        { "content_filter", BX_STOP_REFUSAL },
        { "refusal", BX_STOP_REFUSAL },
    };

    if (*reason == '\0')
        return 0;
    if (strcmp(reason, "insufficient_system_resource") == 0) /* DeepSeek's */
        fail_for(reply, BX_FAILURE_OVERLOAD, reason);
    else if (strcmp(reason, "error") == 0 || strcmp(reason, "abort") == 0)
        fail_for(reply, BX_FAILURE_SERVER, reason);
    /* stop, and what may come: it is done, and what is half of it is found
     * out. */
    bx_reply_set_stop(reply, BX_STOP_END);
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        if (strcmp(reason, stops[i].reason) == 0)
            bx_reply_set_stop(reply, stops[i].stop);
    }
    if (remembers(reply, M_REFUSED))
        bx_reply_set_stop(reply, BX_STOP_REFUSAL);
    return remember(reply, M_FINISH, err);
}

/* Some servers end with the whole message in place of a delta: it counts when
 * nothing came before it. */
static int read_choice(bx_reply *reply, const json_t *choice, const char *model,
                       bx_error **err)
{
    const json_t *delta = json_object_get(choice, "delta");
    const json_t *message = json_object_get(choice, "message");

    if (json_integer_value(json_object_get(choice, "index")) != 0)
        return 0; /* one was asked for */
    if (!json_is_object(delta) && json_is_object(message) &&
        !bx_reply_has(reply, THINKING) && !bx_reply_has(reply, TEXT) &&
        !bx_openai_chat_has_calls(reply))
        delta = message;
    if (read_delta(reply, delta, model, err) < 0)
        return -1;
    bx_openai_read_usage(reply, json_object_get(choice, "usage"));
    return read_finish(reply, bx_block_text(choice, "finish_reason"), err);
}

/* Blocks are whole when the stream is; nothing says so of each. */
static int finish(bx_reply *reply, bx_error **err)
{
    if (bx_openai_details_end(reply, THINKING, err) < 0)
        return -1;
    for (uint64_t block = THINKING; block <= TEXT; block++) {
        if (bx_reply_has(reply, block) &&
            bx_reply_finish_block(reply, block, err) < 0)
            return -1;
    }
    if (bx_openai_chat_finish_calls(reply, err) < 0)
        return -1;
    bx_reply_end(reply);
    return 0;
}

static bool is_error(const char *event, const json_t *value)
{
    return bx_openai_has_error(value) || strcmp(event, "error") == 0 ||
           strcmp(bx_block_text(value, "object"), "error") == 0;
}

static int read_chunk(bx_reply *reply, const json_t *chunk, bx_error **err)
{
    const json_t *groq = json_object_get(chunk, "x_groq");
    json_t *choice;
    size_t i;

    if (bx_openai_read_model(reply, chunk, err) < 0)
        return -1;
    json_array_foreach(json_object_get(chunk, "choices"), i, choice)
    {
        if (read_choice(reply, choice, bx_block_text(chunk, "model"), err) < 0)
            return -1;
    }
    bx_openai_read_usage(reply, json_object_get(groq, "usage"));
    bx_openai_read_usage(reply, json_object_get(chunk, "usage"));
    return 0;
}

static int read_event(bx_reply *reply, const char *event, const char *data,
                      size_t bytes, bx_error **err)
{
    static const char done[] = "[DONE]";
    json_t *value;
    int status = 0;

    if (bx_reply_is_ended(reply))
        return 0;
    if (bytes == strlen(done) && memcmp(data, done, bytes) == 0)
        return finish(reply, err);
    /* A NUL in a text is a character like others, and is replaced there. */
    value = json_loadb(data, bytes, JSON_ALLOW_NUL, NULL);
    if (json_is_object(value)) {
        status = read_chunk(reply, value, err);
        if (status == 0 && is_error(event, value))
            fail(reply, value);
    } else if (*event == '\0' || strcmp(event, "error") == 0) {
        status = bx_error_set(err, BX_ERR_INVALID,
                              "openai-chat: event '%s': expected an object of "
                              "JSON",
                              event);
    }
    json_decref(value);
    return status;
}

/* Not every server says [DONE]. */
static int read_end(bx_reply *reply, bx_error **err)
{
    if (bx_reply_is_ended(reply))
        return 0;
    if (remembers(reply, M_FINISH))
        return finish(reply, err);
    return bx_error_set(err, BX_ERR_INVALID,
                        "openai-chat: the stream ended without finish_reason");
}

const bx_protocol bx_protocol_openai_chat = {
    .name = BX_OPENAI_CHAT,
    .key_header = "authorization",
    .key_prefix = "Bearer ",
    .write = bx_openai_chat_write,
    .read_event = read_event,
    .read_end = read_end,
    .read_failure = bx_openai_read_failure,
};
