#include "agent/models/anthropic.h"

#include <string.h>

#include "base/json_text.h"

static uint64_t count_of(const json_t *object, const char *key, uint64_t known)
{
    const json_t *value = json_object_get(object, key);
    json_int_t count = json_integer_value(value);

    return json_is_integer(value) && count >= 0 ? (uint64_t)count : known;
}

/* Each count is the whole so far; what an event does not say stays. */
static void read_usage(bx_reply *reply, const json_t *from)
{
    bx_usage *usage = bx_reply_usage(reply);

    usage->input_tokens = count_of(from, "input_tokens", usage->input_tokens);
    usage->output_tokens =
        count_of(from, "output_tokens", usage->output_tokens);
    usage->cache_read_tokens =
        count_of(from, "cache_read_input_tokens", usage->cache_read_tokens);
    usage->cache_write_tokens = count_of(from, "cache_creation_input_tokens",
                                         usage->cache_write_tokens);
}

static int read_message_start(bx_reply *reply, const json_t *data,
                              bx_error **err)
{
    const json_t *message = json_object_get(data, "message");

    read_usage(reply, json_object_get(message, "usage"));
    return bx_reply_set_model(reply, bx_block_text(message, "model"), err);
}

static int read_index(const json_t *data, uint64_t *ret_index, bx_error **err)
{
    const json_t *index = json_object_get(data, "index");

    if (!json_is_integer(index) || json_integer_value(index) < 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "anthropic: index: expected a number");
    *ret_index = (uint64_t)json_integer_value(index);
    return 0;
}

/* What a string member of a block or delta adds to the block. */
static int append(bx_reply *reply, uint64_t index, const json_t *from,
                  const char *key, bx_error **err)
{
    const json_t *text = json_object_get(from, key);

    if (!json_is_string(text))
        return 0;
    return bx_reply_append(reply, index, json_string_value(text),
                           json_string_length(text), err);
}

/* An id is carried only if it may be sent back. */
static bool is_id(const char *id)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t bytes = strlen(id);

    return bytes > 0 && bytes <= 200 && strspn(id, set) == bytes;
}

static int begin_call(bx_reply *reply, uint64_t index, const json_t *block,
                      bx_error **err)
{
    const char *name = bx_block_text(block, "name");
    const char *id = bx_block_text(block, "id");
    const json_t *input = json_object_get(block, "input");
    bool is_reply = strcmp(name, BX_REPLY_TOOL) == 0;
    bx_autofree char *text = NULL;

    if (bx_reply_begin(reply, index, is_reply ? BX_BLOCK_TEXT : BX_BLOCK_CALL,
                       is_reply ? NULL : name, err) < 0)
        return -1;
    if (!is_reply && is_id(id) &&
        bx_reply_put_carry(reply, index, BX_ANTHROPIC_ID, json_string(id),
                           err) < 0)
        return -1;
    /* Usually {}, and the input comes in pieces; some servers send it here. */
    if (input == NULL || json_is_null(input) ||
        (json_is_object(input) && json_object_size(input) == 0))
        return 0;
    text = bx_json_text(input, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return bx_error_set_nomem(err);
    return bx_reply_append(reply, index, text, strlen(text), err);
}

static int begin_thinking(bx_reply *reply, uint64_t index, const json_t *block,
                          bx_error **err)
{
    const char *signature = bx_block_text(block, "signature");

    if (bx_reply_begin(reply, index, BX_BLOCK_THINKING, NULL, err) < 0 ||
        append(reply, index, block, "thinking", err) < 0)
        return -1;
    if (*signature == '\0')
        return 0;
    return bx_reply_append_carry(reply, index, BX_ANTHROPIC_SIGNATURE,
                                 signature, strlen(signature), err);
}

/* A block of a type that is not known is passed over, and all that comes of
 * it. */
static int read_block_start(bx_reply *reply, const json_t *data, bx_error **err)
{
    const json_t *block = json_object_get(data, "content_block");
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    if (bx_block_is(block, "tool_use"))
        return begin_call(reply, index, block, err);
    if (bx_block_is(block, "thinking"))
        return begin_thinking(reply, index, block, err);
    if (bx_block_is(block, "text")) {
        if (bx_reply_begin(reply, index, BX_BLOCK_TEXT, NULL, err) < 0)
            return -1;
        return append(reply, index, block, "text", err);
    }
    if (bx_block_is(block, "redacted_thinking")) {
        const json_t *hidden = json_object_get(block, "data");

        if (!json_is_string(hidden) ||
            strlen(json_string_value(hidden)) != json_string_length(hidden))
            return bx_error_set(err, BX_ERR_INVALID,
                                "anthropic: redacted_thinking: expected "
                                "\"data\"");
        if (bx_reply_begin(reply, index, BX_BLOCK_THINKING, NULL, err) < 0)
            return -1;
        return bx_reply_put_carry(reply, index, BX_ANTHROPIC_REDACTED,
                                  json_incref((json_t *)hidden), err);
    }
    return 0;
}

static int read_block_delta(bx_reply *reply, const json_t *data, bx_error **err)
{
    const json_t *delta = json_object_get(data, "delta");
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    if (!bx_reply_has(reply, index))
        return 0;
    if (bx_block_is(delta, "text_delta"))
        return append(reply, index, delta, "text", err);
    if (bx_block_is(delta, "thinking_delta"))
        return append(reply, index, delta, "thinking", err);
    if (bx_block_is(delta, "input_json_delta"))
        return append(reply, index, delta, "partial_json", err);
    if (bx_block_is(delta, "signature_delta")) {
        const char *text = bx_block_text(delta, "signature");

        return bx_reply_append_carry(reply, index, BX_ANTHROPIC_SIGNATURE, text,
                                     strlen(text), err);
    }
    return 0;
}

static int read_block_stop(bx_reply *reply, const json_t *data, bx_error **err)
{
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    if (!bx_reply_has(reply, index))
        return 0;
    return bx_reply_finish_block(reply, index, err);
}

static int read_message_delta(bx_reply *reply, const json_t *data,
                              bx_error **err)
{
    static const struct {
        const char *reason;
        bx_stop stop;
    } stops[] = {
        { "tool_use", BX_STOP_CALLS },
        { "max_tokens", BX_STOP_LENGTH },
        { "model_context_window_exceeded", BX_STOP_CONTEXT },
        { "refusal", BX_STOP_REFUSAL },
    };
    const char *reason =
        bx_block_text(json_object_get(data, "delta"), "stop_reason");

    (void)err;
    read_usage(reply, json_object_get(data, "usage"));
    if (*reason == '\0')
        return 0;
    /* end_turn, stop_sequence, pause_turn and what may come: it is done, and
     * what is half of it is found out. */
    bx_reply_set_stop(reply, BX_STOP_END);
    for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
        if (strcmp(reason, stops[i].reason) == 0)
            bx_reply_set_stop(reply, stops[i].stop);
    }
    return 0;
}

static int read_message_stop(bx_reply *reply, const json_t *data,
                             bx_error **err)
{
    (void)data;
    (void)err;
    bx_reply_end(reply);
    return 0;
}

/* One type is of many causes; two of them are another matter. */
static bx_failure_kind kind_of_invalid(const char *text)
{
    if (strstr(text, "prompt is too long") != NULL ||
        strstr(text, "exceed context limit") != NULL)
        return BX_FAILURE_CONTEXT;
    if (strstr(text, "credit balance") != NULL)
        return BX_FAILURE_KEY;
    return BX_FAILURE_REQUEST;
}

static void read_failure(unsigned status, const json_t *body,
                         bx_reply_failure *ret_failure)
{
    static const struct {
        const char *type;
        bx_failure_kind kind;
    } kinds[] = {
        { "authentication_error", BX_FAILURE_KEY },
        { "permission_error", BX_FAILURE_KEY },
        { "billing_error", BX_FAILURE_KEY },
        { "not_found_error", BX_FAILURE_NO_MODEL },
        { "request_too_large", BX_FAILURE_CONTEXT },
        { "rate_limit_error", BX_FAILURE_RATE },
        { "overloaded_error", BX_FAILURE_OVERLOAD },
        { "api_error", BX_FAILURE_SERVER },
        { "timeout_error", BX_FAILURE_SERVER },
    };
    const json_t *error = json_object_get(body, "error");
    const char *type = bx_block_text(error, "type");
    const char *text = bx_block_text(error, "message");

    memset(ret_failure, 0, sizeof(*ret_failure));
    bx_reply_failure_say(ret_failure, *text != '\0' ? text : type);
    ret_failure->kind = bx_failure_of_status(status);
    if (strcmp(type, "invalid_request_error") == 0)
        ret_failure->kind = kind_of_invalid(text);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(type, kinds[i].type) == 0)
            ret_failure->kind = kinds[i].kind;
    }
}

static int read_error(bx_reply *reply, const json_t *data, bx_error **err)
{
    bx_reply_failure failure;

    (void)err;
    read_failure(0, data, &failure);
    bx_reply_fail(reply, &failure);
    return 0;
}

static const struct event_form {
    const char *type;
    int (*read)(bx_reply *reply, const json_t *data, bx_error **err);
} forms[] = {
    { "message_start", read_message_start },
    { "content_block_start", read_block_start },
    { "content_block_delta", read_block_delta },
    { "content_block_stop", read_block_stop },
    { "message_delta", read_message_delta },
    { "message_stop", read_message_stop },
    { "error", read_error },
};

static const struct event_form *find_form(const char *type)
{
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strcmp(type, forms[i].type) == 0)
            return &forms[i];
    }
    return NULL;
}

static int read_event(bx_reply *reply, const char *event, const char *data,
                      size_t bytes, bx_error **err)
{
    const struct event_form *form;
    json_t *value;
    int status;

    if (bx_reply_is_ended(reply) ||
        (*event != '\0' && find_form(event) == NULL))
        return 0;
    /* A NUL in a text is a character like others, and is replaced there. */
    value = json_loadb(data, bytes, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(value)) {
        json_decref(value);
        return bx_error_set(err, BX_ERR_INVALID,
                            "anthropic: event '%s': expected an object of JSON",
                            event);
    }
    form = find_form(*event != '\0' ? event : bx_block_text(value, "type"));
    status = form == NULL ? 0 : form->read(reply, value, err);
    json_decref(value);
    return status;
}

static int read_end(bx_reply *reply, bx_error **err)
{
    if (bx_reply_is_ended(reply))
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "anthropic: the stream ended without message_stop");
}

static int read_count(const json_t *body, uint64_t *ret_tokens, bx_error **err)
{
    return bx_count_read(body, "anthropic", "input_tokens", ret_tokens, err);
}

const bx_protocol bx_protocol_anthropic = {
    .name = "anthropic",
    .key_header = "x-api-key",
    .key_prefix = "",
    .write = bx_anthropic_write,
    .write_count = bx_anthropic_write_count,
    .read_count = read_count,
    .read_event = read_event,
    .read_end = read_end,
    .read_failure = read_failure,
};
