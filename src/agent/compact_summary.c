/* Who says what was in the old part: a model, which read what tools brought and
 * so may have been told what to write. Its summary is shown as such, and the
 * user's own words stand beside it as they were. */
#include <math.h>
#include <string.h>

#include "agent/compact.h"
#include "agent/compact_prompt.h"
#include "agent/conversation_parts.h"

/* Of what a model may answer; thinking is part of it. */
#define SUMMARY_TOKENS 16384
#define SUMMARY_BYTES_MAX (128u * 1024)

/* ---- the user's own words ----------------------------------------------- */

static json_t *cut_asked(const json_t *value)
{
    static const char mark[] = "\n[... cut ...]";
    const char *text = json_string_value(value);
    size_t max = BX_COMPACT_ASKED_ONE_MAX;
    bx_autobuf bx_buf cut = BX_BUF_INIT;

    if (json_string_length(value) <= max)
        return json_incref((json_t *)value);
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    if (bx_buf_append(&cut, text, max, SIZE_MAX) < 0 ||
        bx_buf_puts(&cut, mark) < 0)
        return NULL;
    return json_stringn(cut.data, cut.len);
}

/* What the loop says to the model stands in a user's message too, all of it in
 * brackets: "[Your reply was cut ...]". It was true then, and nobody's wish. */
static bool is_loops(const json_t *text)
{
    const char *at = json_string_value(text);
    size_t bytes = json_string_length(text);

    return bytes >= 2 && at[0] == '[' && at[bytes - 1] == ']';
}

static int add_asked(const json_t *message, json_t *asked)
{
    size_t i;
    json_t *block;

    if (strcmp(bx_message_role(message), "user") != 0)
        return 0;
    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "tool_result") &&
            strcmp(bx_block_text(block, "name"), "ask_user") == 0 &&
            !json_is_true(json_object_get(block, "is_error")))
            block = json_array_get(json_object_get(block, "content"), 0);
        if (bx_block_is(block, "text") &&
            !is_loops(json_object_get(block, "text")) &&
            json_array_append_new(
                asked, cut_asked(json_object_get(block, "text"))) < 0)
            return -1;
    }
    return 0;
}

/* What the user said in the old part and in those before it: the first, which
 * is the task, and as many of the last as have room. NULL: no memory. */
static json_t *collect_asked(const bx_conversation *conversation, size_t old)
{
    json_t *asked = json_copy(conversation->asked);
    size_t bytes = 0;
    size_t i;
    json_t *item;

    for (size_t j = 0; asked != NULL && j < old; j++) {
        if (!conversation->parts[j].is_summary &&
            add_asked(json_array_get(conversation->messages, j), asked) < 0) {
            json_decref(asked);
            asked = NULL;
        }
    }
    json_array_foreach(asked, i, item)
    {
        bytes += json_string_length(item);
    }
    while (bytes > BX_COMPACT_ASKED_MAX && json_array_size(asked) > 1) {
        bytes -= json_string_length(json_array_get(asked, 1));
        (void)json_array_remove(asked, 1);
    }
    return asked;
}

/* ---- a summary ---------------------------------------------------------- */

/* The text of a reply that is a summary; NULL with err: it is none. */
static char *take_summary(const bx_turn_reply *reply, bx_error **err)
{
    bx_autofree char *text = bx_message_text(reply->message);
    size_t i;
    json_t *block;

    if (text == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    json_array_foreach(bx_message_blocks(reply->message), i, block)
    {
        if (bx_block_is(block, "tool_call")) {
            (void)bx_error_set(err, BX_ERR_INVALID,
                               "the model called tools instead");
            return NULL;
        }
    }
    if (reply->stop != BX_STOP_END) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           reply->stop == BX_STOP_REFUSAL
                               ? "the model declined"
                               : "the model did not come to its end");
        return NULL;
    }
    if (text[strspn(text, " \t\r\n")] == '\0') {
        (void)bx_error_set(err, BX_ERR_INVALID, "the model wrote nothing");
        return NULL;
    }
    if (strlen(text) > SUMMARY_BYTES_MAX) {
        (void)bx_error_set(err, BX_ERR_LIMIT,
                           "the summary has %zu bytes, expected at most %u",
                           strlen(text), SUMMARY_BYTES_MAX);
        return NULL;
    }
    return bx_take(text);
}

/* Ask the model. ret_usage: also of a reply that is no good. */
static char *ask_summary(const bx_conversation *conversation, size_t old,
                         const bx_compaction *how, bx_usage *ret_usage,
                         bx_error **err)
{
    uint64_t output = how->model == NULL ? 0 : how->model->output_tokens;
    size_t max_bytes = (size_t)(bx_compact_context(how->model) * 4 * 0.6 /
                                fmax(conversation->ratio, 1));
    bx_turn_request request = {
        .model = how->model,
        .system = bx_compact_system,
        .max_output_tokens =
            output != 0 && output < SUMMARY_TOKENS ? output : SUMMARY_TOKENS,
        .temperature = -1,
    };
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autoreply bx_turn_reply reply = { .message = NULL };
    json_t *messages;
    int status;

    if (bx_compact_transcript(conversation->messages, old,
                              conversation->parts[0].is_summary, max_bytes,
                              &text, err) < 0)
        return NULL;
    messages =
        json_pack("[o]", bx_message_new_text("user", text.data, text.len));
    if (messages == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    request.messages = messages;
    status = how->turn(how->turn_context, &request, &reply, err);
    json_decref(messages);
    if (status < 0)
        return NULL;
    bx_usage_add(ret_usage, &reply.usage);
    return take_summary(&reply, err);
}

/* A note with a summary that is shorter than what it stands for; NULL. */
json_t *bx_compact_summarise(const bx_conversation *conversation, size_t old,
                             const bx_compaction *how, bx_usage *ret_usage,
                             bx_error **err)
{
    bx_autofree char *summary =
        ask_summary(conversation, old, how, ret_usage, err);
    bx_weight weight = { .bytes = 0 };
    json_t *note;

    if (summary == NULL)
        return NULL;
    note = json_pack("{s:s, s:I, s:s, s:o}", "type", "compaction", "to",
                     bx_compact_last_entry(conversation, old), "summary",
                     summary, "asked", collect_asked(conversation, old));
    if (note == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    bx_weight_add(&weight, note);
    if (bx_weight_tokens(&weight) * conversation->ratio >=
        (double)bx_compact_tokens(conversation, old)) {
        json_decref(note);
        (void)bx_error_set(err, BX_ERR_LIMIT,
                           "the summary is longer than what it stands for");
        return NULL;
    }
    return note;
}
