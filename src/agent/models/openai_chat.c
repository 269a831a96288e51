/* The stream of Chat Completions. It has no blocks: thinking and text are one
 * each, and calls have an index that some servers leave out or give to several
 * of them, so which call a piece is of is found out here. */
#include "agent/models/openai_chat.h"

#include <string.h>

#include "base/json_text.h"

/* Indices of a reply's blocks. */
#define THINKING 0
#define TEXT 1
#define CALLS 2 /* and more */

/* Of the reply's memory. */
#define M_CALLS "calls"   /* [{"id", "index", "is_call": once it has a name}] */
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

static int add_thinking(bx_reply *reply, const json_t *text, const char *field,
                        bx_error **err)
{
    if (json_string_length(text) == 0)
        return 0;
    if (!bx_reply_has(reply, THINKING) &&
        (bx_reply_begin(reply, THINKING, BX_BLOCK_THINKING, NULL, err) < 0 ||
         bx_reply_put_carry(reply, THINKING, BX_OPENAI_CHAT_FIELD,
                            json_string(field), err) < 0))
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

static json_t *get_calls(bx_reply *reply, bx_error **err)
{
    json_t *memory = bx_reply_memory(reply);

    if (json_object_get(memory, M_CALLS) == NULL &&
        json_object_set_new(memory, M_CALLS, json_array()) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return json_object_get(memory, M_CALLS);
}

/* Do both have an index, and another? */
static bool differs(const json_t *call, const json_t *index)
{
    const json_t *own = json_object_get(call, "index");

    return own != NULL && index != NULL && !json_equal(own, index);
}

/* The call that a piece goes on with; count: none, it begins one. An id tells
 * for sure. After it the index does, unless the piece has an id and a name of
 * its own: then the server numbers all calls alike. Without index, what has no
 * name goes on with the last one. */
static size_t find_call(const json_t *calls, const json_t *piece,
                        const char *name)
{
    const char *id = bx_block_text(piece, "id");
    const json_t *index = json_object_get(piece, "index");
    size_t count = json_array_size(calls);

    if (!json_is_integer(index))
        index = NULL;
    for (size_t i = count; i > 0 && *id != '\0'; i--) {
        const json_t *call = json_array_get(calls, i - 1);

        if (strcmp(bx_block_text(call, "id"), id) == 0 && !differs(call, index))
            return i - 1;
    }
    for (size_t i = count; i > 0; i--) {
        const json_t *call = json_array_get(calls, i - 1);
        bool has_id = *bx_block_text(call, "id") != '\0';

        if (index == NULL)
            return *name == '\0' ? i - 1 : count;
        if (json_equal(json_object_get(call, "index"), index))
            return *id != '\0' && *name != '\0' && has_id ? count : i - 1;
    }
    return count;
}

static json_t *add_call(json_t *calls, const json_t *piece, bx_error **err)
{
    const json_t *index = json_object_get(piece, "index");
    json_t *call = json_object();

    if (json_array_size(calls) >= BX_REPLY_MAX_BLOCKS) {
        json_decref(call);
        bx_error_set(err, BX_ERR_INVALID, "openai-chat: more than %d calls",
                     BX_REPLY_MAX_BLOCKS);
        return NULL;
    }
    if (json_array_append_new(calls, call) < 0 ||
        (json_is_integer(index) &&
         json_object_set(call, "index", (json_t *)index) < 0)) {
        bx_error_set_nomem(err);
        return NULL;
    }
    return call;
}

/* What Google's servers want back with a call: a signature of thinking. */
static int read_extra(bx_reply *reply, uint64_t block, const json_t *piece,
                      bx_error **err)
{
    const json_t *extra = json_object_get(piece, BX_OPENAI_CHAT_EXTRA);
    bx_autofree char *text = NULL;
    json_t *value;

    if (!json_is_object(extra))
        return 0;
    text = bx_json_text(extra, JSON_COMPACT);
    if (text == NULL)
        return bx_error_set_nomem(err);
    if (bx_reply_count(reply, strlen(text), err) < 0)
        return -1;
    value = json_loads(text, 0, NULL); /* refuses a NUL, as all do later */
    if (value == NULL)
        return 0;
    return bx_reply_put_carry(reply, block, BX_OPENAI_CHAT_EXTRA, value, err);
}

/* Begin a call once it has a name. */
static int read_name(bx_reply *reply, json_t *call, uint64_t block,
                     const char *name, bx_error **err)
{
    bool is_reply = strcmp(name, BX_OPENAI_CHAT_REPLY_TOOL) == 0;

    if (*name == '\0' || json_object_get(call, "is_call") != NULL)
        return 0;
    if (bx_reply_begin(reply, block, is_reply ? BX_BLOCK_TEXT : BX_BLOCK_CALL,
                       is_reply ? NULL : name, err) < 0)
        return -1;
    if (json_object_set_new(call, "is_call", json_boolean(!is_reply)) < 0)
        return bx_error_set_nomem(err);
    if (is_reply || *bx_block_text(call, "id") == '\0')
        return 0;
    return bx_openai_put_id(reply, block, bx_block_text(call, "id"), err);
}

/* The first id counts. */
static int read_id(bx_reply *reply, json_t *call, uint64_t block,
                   const json_t *piece, bx_error **err)
{
    const char *id = bx_block_text(piece, "id");

    if (*id == '\0' || *bx_block_text(call, "id") != '\0')
        return 0;
    if (bx_reply_count(reply, strlen(id), err) < 0)
        return -1;
    if (json_object_set_new(call, "id", json_string(id)) < 0)
        return bx_error_set_nomem(err);
    if (!json_is_true(json_object_get(call, "is_call")))
        return 0;
    return bx_openai_put_id(reply, block, id, err);
}

/* Text in pieces; some servers send the value itself. */
static int read_arguments(bx_reply *reply, const json_t *call, uint64_t block,
                          const json_t *arguments, bx_error **err)
{
    bx_autofree char *text = NULL;
    size_t bytes = json_string_length(arguments);

    if (arguments == NULL || json_is_null(arguments) ||
        (json_is_string(arguments) && bytes == 0))
        return 0;
    if (json_object_get(call, "is_call") == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "openai-chat: arguments of a call without a name");
    if (json_is_string(arguments))
        return bx_reply_append(reply, block, json_string_value(arguments),
                               bytes, err);
    text = bx_json_text(arguments, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return bx_error_set_nomem(err);
    return bx_reply_append(reply, block, text, strlen(text), err);
}

static int read_call(bx_reply *reply, const json_t *piece, bx_error **err)
{
    const json_t *function = json_object_get(piece, "function");
    const char *name = bx_block_text(function, "name");
    json_t *calls = get_calls(reply, err);
    size_t at = find_call(calls, piece, name);
    uint64_t block = CALLS + at;
    json_t *call;

    if (calls == NULL)
        return -1;
    call = at < json_array_size(calls) ? json_array_get(calls, at)
                                       : add_call(calls, piece, err);
    if (call == NULL || read_id(reply, call, block, piece, err) < 0 ||
        read_name(reply, call, block, name, err) < 0)
        return -1;
    if (json_is_true(json_object_get(call, "is_call")) &&
        read_extra(reply, block, piece, err) < 0)
        return -1;
    return read_arguments(reply, call, block,
                          json_object_get(function, "arguments"), err);
}

static int read_delta(bx_reply *reply, const json_t *delta, bx_error **err)
{
    const json_t *content = json_object_get(delta, "content");
    const json_t *refusal = json_object_get(delta, "refusal");
    json_t *piece;
    size_t i;

    if (read_thinking(reply, delta, err) < 0 ||
        add_text(reply, content, err) < 0 ||
        read_parts(reply, content, err) < 0 ||
        add_text(reply, refusal, err) < 0)
        return -1;
    if (json_string_length(refusal) > 0 && remember(reply, M_REFUSED, err) < 0)
        return -1;
    json_array_foreach(json_object_get(delta, "tool_calls"), i, piece)
    {
        if (json_is_object(piece) && read_call(reply, piece, err) < 0)
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
static int read_choice(bx_reply *reply, const json_t *choice, bx_error **err)
{
    const json_t *delta = json_object_get(choice, "delta");
    const json_t *message = json_object_get(choice, "message");

    if (json_integer_value(json_object_get(choice, "index")) != 0)
        return 0; /* one was asked for */
    if (!json_is_object(delta) && json_is_object(message) &&
        !bx_reply_has(reply, THINKING) && !bx_reply_has(reply, TEXT) &&
        !remembers(reply, M_CALLS))
        delta = message;
    if (read_delta(reply, delta, err) < 0)
        return -1;
    bx_openai_read_usage(reply, json_object_get(choice, "usage"));
    return read_finish(reply, bx_block_text(choice, "finish_reason"), err);
}

/* Blocks are whole when the stream is; nothing says so of each. A call that has
 * no name by now never was one, and the reply is not what was said. */
static int finish(bx_reply *reply, bx_error **err)
{
    json_t *call;
    size_t i;

    for (uint64_t block = THINKING; block <= TEXT; block++) {
        if (bx_reply_has(reply, block) &&
            bx_reply_finish_block(reply, block, err) < 0)
            return -1;
    }
    json_array_foreach(json_object_get(bx_reply_memory(reply), M_CALLS), i,
                       call)
    {
        if (json_object_get(call, "is_call") == NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "openai-chat: a tool call without a name");
        if (bx_reply_finish_block(reply, CALLS + i, err) < 0)
            return -1;
    }
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
        if (read_choice(reply, choice, err) < 0)
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
