/* The stream of a response: items by output_index, each of which is one block.
 * What comes in pieces comes again whole, with the item and with the response;
 * that counts only where no piece of it came. */
#include "agent/models/openai_responses.h"

#include <string.h>

/* Of the reply's memory. */
#define M_REFUSED "refused" /* a refusal was among the texts */
#define M_BEGUN "begun"     /* an item was */

static int read_index(const json_t *data, uint64_t *ret_index, bx_error **err)
{
    const json_t *index = json_object_get(data, "output_index");

    if (!json_is_integer(index) || json_integer_value(index) < 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "openai-responses: output_index: expected a "
                            "number");
    *ret_index = (uint64_t)json_integer_value(index);
    return 0;
}

/* What is known of an item, by its index and what about it; false: nothing. */
static json_t *recall(bx_reply *reply, uint64_t index, const char *what)
{
    char key[64];

    snprintf(key, sizeof(key), "%s %llu", what, (unsigned long long)index);
    return json_object_get(bx_reply_memory(reply), key);
}

/* Takes value. */
static int remember(bx_reply *reply, uint64_t index, const char *what,
                    json_t *value, bx_error **err)
{
    char key[64];

    snprintf(key, sizeof(key), "%s %llu", what, (unsigned long long)index);
    if (json_object_set_new(bx_reply_memory(reply), key, value) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static bool is_open(bx_reply *reply, uint64_t index)
{
    return bx_reply_has(reply, index) && recall(reply, index, "done") == NULL;
}

static bool has_text(bx_reply *reply, uint64_t index)
{
    return recall(reply, index, "text") != NULL;
}

/* A piece of an item; of one that is not known, or is done, it is passed over:
 * the item brings it whole. */
static int append(bx_reply *reply, uint64_t index, const json_t *text,
                  bx_error **err)
{
    if (json_string_length(text) == 0 || !is_open(reply, index))
        return 0;
    if (!has_text(reply, index) &&
        remember(reply, index, "text", json_true(), err) < 0)
        return -1;
    return bx_reply_append(reply, index, json_string_value(text),
                           json_string_length(text), err);
}

/* Text that is whole. */
static int append_whole(bx_reply *reply, uint64_t index, const json_t *text,
                        bx_error **err)
{
    return has_text(reply, index) ? 0 : append(reply, index, text, err);
}

/* Begin the block of an item; other types are passed over, and all that comes
 * of them. */
static int begin_item(bx_reply *reply, uint64_t index, const json_t *item,
                      bx_error **err)
{
    if (json_object_set_new(bx_reply_memory(reply), M_BEGUN, json_true()) < 0)
        return bx_error_set_nomem(err);
    if (bx_block_is(item, "message"))
        return bx_reply_begin(reply, index, BX_BLOCK_TEXT, NULL, err);
    if (bx_block_is(item, "reasoning"))
        return bx_reply_begin(reply, index, BX_BLOCK_THINKING, NULL, err);
    if (!bx_block_is(item, "function_call"))
        return 0;
    if (bx_reply_begin(reply, index, BX_BLOCK_CALL, bx_block_text(item, "name"),
                       err) < 0)
        return -1;
    return bx_openai_put_id(reply, index, bx_block_text(item, "call_id"), err);
}

static int read_item_added(bx_reply *reply, const json_t *data, bx_error **err)
{
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    return begin_item(reply, index, json_object_get(data, "item"), err);
}

static int set_refused(bx_reply *reply, bx_error **err)
{
    if (json_object_set_new(bx_reply_memory(reply), M_REFUSED, json_true()) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* The parts of a message: {"type": "output_text", "text"} or {"type":
 * "refusal", "refusal"}. */
static int read_parts(bx_reply *reply, uint64_t index, const json_t *parts,
                      bx_error **err)
{
    bool is_known = has_text(reply, index);
    json_t *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        bool is_refusal = bx_block_is(part, "refusal");
        const json_t *text =
            json_object_get(part, is_refusal ? "refusal" : "text");

        if (is_refusal && set_refused(reply, err) < 0)
            return -1;
        if (!is_known && append(reply, index, text, err) < 0)
            return -1;
    }
    return 0;
}

static int read_phase(bx_reply *reply, uint64_t index, const json_t *item,
                      bx_error **err)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz_";
    const char *phase = bx_block_text(item, "phase");
    size_t bytes = strlen(phase);

    if (bytes == 0 || bytes > 64 || strspn(phase, set) != bytes)
        return 0;
    return bx_reply_put_carry(reply, index, BX_OPENAI_PHASE, json_string(phase),
                              err);
}

/* Paragraphs of a summary stand apart. */
static int begin_part(bx_reply *reply, uint64_t index, bx_error **err)
{
    if (!has_text(reply, index) || !is_open(reply, index))
        return 0;
    return bx_reply_append(reply, index, "\n\n", 2, err);
}

static bool is_plain(const json_t *text)
{
    return json_is_string(text) &&
           strlen(json_string_value(text)) == json_string_length(text);
}

/* The texts of a list of {"type", "text"}; those with a NUL cannot be kept.
 * Owned. */
static json_t *texts_of(const json_t *parts, size_t *ret_bytes)
{
    json_t *texts = json_array();
    json_t *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        json_t *text = json_object_get(part, "text");

        if (!is_plain(text))
            continue;
        *ret_bytes += json_string_length(text);
        if (json_array_append(texts, text) < 0) {
            json_decref(texts);
            return NULL;
        }
    }
    return texts;
}

static int add_parts(bx_reply *reply, uint64_t index, const json_t *parts,
                     bx_error **err)
{
    json_t *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        if (begin_part(reply, index, err) < 0 ||
            append(reply, index, json_object_get(part, "text"), err) < 0)
            return -1;
    }
    return 0;
}

/* Its summary, or for open models the reasoning itself, is shown; what is
 * encrypted goes back, and with it the summary as it was. */
static int read_reasoning(bx_reply *reply, uint64_t index, const json_t *item,
                          bx_error **err)
{
    const json_t *encrypted = json_object_get(item, BX_OPENAI_ENCRYPTED);
    const json_t *summary = json_object_get(item, "summary");
    size_t bytes = 0;
    json_t *texts;

    if (!has_text(reply, index) &&
        add_parts(reply, index,
                  json_array_size(summary) > 0
                      ? summary
                      : json_object_get(item, "content"),
                  err) < 0)
        return -1;
    if (!is_plain(encrypted) || json_string_length(encrypted) == 0)
        return 0;
    texts = texts_of(summary, &bytes);
    if (texts == NULL)
        return bx_error_set_nomem(err);
    if (bx_reply_count(reply, bytes, err) < 0) {
        json_decref(texts);
        return -1;
    }
    if (bx_reply_put_carry(reply, index, BX_OPENAI_SUMMARY, texts, err) < 0)
        return -1;
    return bx_reply_put_carry(reply, index, BX_OPENAI_ENCRYPTED,
                              json_incref((json_t *)encrypted), err);
}

/* An item that is whole. */
static int read_item(bx_reply *reply, uint64_t index, const json_t *item,
                     bx_error **err)
{
    int status;

    if (!bx_reply_has(reply, index) && begin_item(reply, index, item, err) < 0)
        return -1;
    if (!is_open(reply, index))
        return 0;
    if (bx_block_is(item, "function_call"))
        status =
            append_whole(reply, index, json_object_get(item, "arguments"), err);
    else if (bx_block_is(item, "reasoning"))
        status = read_reasoning(reply, index, item, err);
    else if (read_phase(reply, index, item, err) < 0)
        status = -1;
    else
        status =
            read_parts(reply, index, json_object_get(item, "content"), err);
    if (status < 0 || bx_reply_finish_block(reply, index, err) < 0)
        return -1;
    return remember(reply, index, "done", json_true(), err);
}

static int read_item_done(bx_reply *reply, const json_t *data, bx_error **err)
{
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    return read_item(reply, index, json_object_get(data, "item"), err);
}

static int read_text_delta(bx_reply *reply, const json_t *data, bx_error **err)
{
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    return append(reply, index, json_object_get(data, "delta"), err);
}

static int read_arguments_done(bx_reply *reply, const json_t *data,
                               bx_error **err)
{
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    return append_whole(reply, index, json_object_get(data, "arguments"), err);
}

static int read_refusal_delta(bx_reply *reply, const json_t *data,
                              bx_error **err)
{
    if (set_refused(reply, err) < 0)
        return -1;
    return read_text_delta(reply, data, err);
}

static int read_part_added(bx_reply *reply, const json_t *data, bx_error **err)
{
    uint64_t index = 0;

    if (read_index(data, &index, err) < 0)
        return -1;
    return begin_part(reply, index, err);
}

static int read_created(bx_reply *reply, const json_t *data, bx_error **err)
{
    return bx_openai_read_model(reply, json_object_get(data, "response"), err);
}

static int end(bx_reply *reply, const json_t *data, bx_stop stop,
               bx_error **err)
{
    const json_t *response = json_object_get(data, "response");
    bool is_refused =
        json_object_get(bx_reply_memory(reply), M_REFUSED) != NULL;

    if (bx_openai_read_model(reply, response, err) < 0)
        return -1;
    bx_openai_read_usage(reply, json_object_get(response, "usage"));
    bx_reply_set_stop(reply, is_refused ? BX_STOP_REFUSAL : stop);
    bx_reply_end(reply);
    return 0;
}

/* All items again: for a stream that left out all of them, or their ends. Some
 * servers number them otherwise here, so no other is taken. */
static int read_completed(bx_reply *reply, const json_t *data, bx_error **err)
{
    const json_t *items =
        json_object_get(json_object_get(data, "response"), "output");
    bool has_any = json_object_get(bx_reply_memory(reply), M_BEGUN) != NULL;
    json_t *item;
    size_t i;

    json_array_foreach(items, i, item)
    {
        if ((!has_any || is_open(reply, i)) &&
            read_item(reply, i, item, err) < 0)
            return -1;
    }
    return end(reply, data, BX_STOP_END, err);
}

static int read_incomplete(bx_reply *reply, const json_t *data, bx_error **err)
{
    const json_t *why = json_object_get(json_object_get(data, "response"),
                                        "incomplete_details");
    bool is_filtered =
        strcmp(bx_block_text(why, "reason"), "content_filter") == 0;

    return end(reply, data, is_filtered ? BX_STOP_REFUSAL : BX_STOP_LENGTH,
               err);
}

static int fail(bx_reply *reply, const json_t *error)
{
    bx_reply_failure failure;

    bx_openai_read_failure(0, error, &failure);
    bx_reply_fail(reply, &failure);
    return 0;
}

static int read_failed(bx_reply *reply, const json_t *data, bx_error **err)
{
    (void)err;
    return fail(reply, json_object_get(data, "response"));
}

static int read_error(bx_reply *reply, const json_t *data, bx_error **err)
{
    (void)err;
    return fail(reply, data);
}

static const struct event_form {
    const char *type;
    int (*read)(bx_reply *reply, const json_t *data, bx_error **err);
} forms[] = {
    { "response.output_text.delta", read_text_delta },
    { "response.function_call_arguments.delta", read_text_delta },
    { "response.reasoning_summary_text.delta", read_text_delta },
    { "response.reasoning_text.delta", read_text_delta },
    { "response.refusal.delta", read_refusal_delta },
    { "response.created", read_created },
    { "response.output_item.added", read_item_added },
    { "response.output_item.done", read_item_done },
    { "response.function_call_arguments.done", read_arguments_done },
    { "response.reasoning_summary_part.added", read_part_added },
    { "response.completed", read_completed },
    { "response.incomplete", read_incomplete },
    { "response.failed", read_failed },
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

    /* [DONE] is another protocol's, and some servers say it here too. */
    if (bx_reply_is_ended(reply) ||
        (*event != '\0' && find_form(event) == NULL) ||
        (bytes == 6 && memcmp(data, "[DONE]", bytes) == 0))
        return 0;
    /* A NUL in a text is a character like others, and is replaced there. */
    value = json_loadb(data, bytes, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(value)) {
        json_decref(value);
        return bx_error_set(err, BX_ERR_INVALID,
                            "openai-responses: event '%s': expected an object "
                            "of JSON",
                            event);
    }
    form = find_form(*event != '\0' ? event : bx_block_text(value, "type"));
    /* What stands in the way may answer in its own form. */
    if (form == NULL && *event == '\0' && bx_openai_has_error(value) &&
        *bx_block_text(value, "type") == '\0')
        form = find_form("error");
    status = form == NULL ? 0 : form->read(reply, value, err);
    json_decref(value);
    return status;
}

static int read_end(bx_reply *reply, bx_error **err)
{
    if (bx_reply_is_ended(reply))
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "openai-responses: the stream ended without "
                        "response.completed");
}

const bx_protocol bx_protocol_openai_responses = {
    .name = BX_OPENAI_RESPONSES,
    .key_header = "authorization",
    .key_prefix = "Bearer ",
    .write = bx_openai_responses_write,
    .read_event = read_event,
    .read_end = read_end,
    .read_failure = bx_openai_read_failure,
};
