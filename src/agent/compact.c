/* Making a conversation shorter: which part is old, who says what was in it,
 * and what is done when nobody can. The summary is written by a model that read
 * what tools brought, so it may have been told what to write: it is shown as
 * such, and the user's own words stand beside it as they were. */
#include "agent/compact.h"

#include <math.h>
#include <string.h>

#include "agent/compact_prompt.h"
#include "agent/conversation_parts.h"

/* Of a model whose context is not known. */
#define CONTEXT_TOKENS 128000.0
/* Of what a model may answer; thinking is part of it. */
#define SUMMARY_TOKENS 16384
#define SUMMARY_BYTES_MAX (128u * 1024)

/* ---- which part is old -------------------------------------------------- */

/* Can what is kept begin with this message? */
static bool is_border(const bx_conversation *conversation, size_t index)
{
    return !conversation->parts[index].is_answer;
}

static double context_tokens(const bx_model *model)
{
    return model == NULL || model->context_tokens == 0
               ? CONTEXT_TOKENS
               : (double)model->context_tokens;
}

/* How many messages are old. The newest, with the results of its calls, never
 * is; by default a part that is short is not kept whole just because the
 * model's context is large. */
static size_t count_old(const bx_conversation *conversation,
                        const bx_compaction *how)
{
    size_t count = json_array_size(conversation->messages);
    double all = (double)bx_conversation_tokens(conversation, 0);
    double keep = how->keep_tokens != 0
                      ? (double)how->keep_tokens
                      : fmin(context_tokens(how->model) / 5, all / 4);
    size_t old = count;
    double sum = 0;

    for (size_t i = count; i > 0; i--) {
        sum += bx_weight_tokens(&conversation->parts[i - 1].weight) *
               conversation->ratio;
        if (sum > keep && old < count)
            break;
        if (is_border(conversation, i - 1))
            old = i - 1;
    }
    return old;
}

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
    size_t max_bytes = (size_t)(context_tokens(how->model) * 4 * 0.6 /
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

/* The last entry of the first count messages: what begins behind it is kept. */
static json_int_t last_entry(const bx_conversation *conversation, size_t count)
{
    return (json_int_t)conversation->parts[count - 1].entry;
}

static uint64_t messages_tokens(const bx_conversation *conversation,
                                size_t count)
{
    bx_weight sum = { .bytes = 0 };

    for (size_t i = 0; i < count; i++) {
        sum.bytes += conversation->parts[i].weight.bytes;
        sum.images += conversation->parts[i].weight.images;
    }
    return (uint64_t)(bx_weight_tokens(&sum) * conversation->ratio);
}

/* A note with a summary that is shorter than what it stands for; NULL. */
static json_t *summarise(const bx_conversation *conversation, size_t old,
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
                     last_entry(conversation, old), "summary", summary, "asked",
                     collect_asked(conversation, old));
    if (note == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    bx_weight_add(&weight, note);
    if (bx_weight_tokens(&weight) * conversation->ratio >=
        (double)messages_tokens(conversation, old)) {
        json_decref(note);
        (void)bx_error_set(err, BX_ERR_LIMIT,
                           "the summary is longer than what it stands for");
        return NULL;
    }
    return note;
}

/* ---- leaving out results ------------------------------------------------ */

/* What leaving out would save of a message, in tokens; negative: no memory. */
static double saving(const bx_conversation *conversation, size_t index)
{
    const bx_part *part = &conversation->parts[index];
    bx_weight weight = { .bytes = 0 };
    json_t *left;

    if (part->is_summary)
        return 0;
    left =
        bx_compact_elide(json_array_get(conversation->messages, index), NULL);
    if (left == NULL)
        return -1;
    bx_weight_add(&weight, left);
    json_decref(left);
    return fmax((bx_weight_tokens(&part->weight) - bx_weight_tokens(&weight)) *
                    conversation->ratio,
                0);
}

/* How many messages, oldest first, are to be gone through so that half is left;
 * of the old ones, unless that saves next to nothing. 0: nothing is saved. */
static int count_elided(const bx_conversation *conversation, size_t old,
                        size_t *ret_count, bx_error **err)
{
    size_t count = json_array_size(conversation->messages);
    double all = (double)bx_conversation_tokens(conversation, 0);
    double saved = 0;
    size_t i = 0;

    while (i < count && saved < all / 2 && (i < old || saved < all / 20)) {
        double tokens = saving(conversation, i);

        if (tokens < 0)
            return bx_error_set_nomem(err);
        saved += tokens;
        i++;
    }
    if (i < count && !is_border(conversation, i))
        i++; /* with the calls go their results */
    /* Less than that is not worth a turn that no cache helps with. */
    *ret_count = saved < all / 20 ? 0 : i;
    return 0;
}

static size_t count_results(const bx_conversation *conversation, size_t count)
{
    size_t results = 0;

    for (size_t i = 0; i < count; i++) {
        size_t j;
        json_t *block;

        json_array_foreach(
            bx_message_blocks(json_array_get(conversation->messages, i)), j,
            block)
        {
            results += bx_block_is(block, "tool_result");
        }
    }
    return results;
}

/* why: what the summary failed of; NULL: none was asked for. */
static json_t *elide(const bx_conversation *conversation, size_t old,
                     const bx_error *why, bx_error **err)
{
    size_t count = 0;
    json_t *note;

    if (count_elided(conversation, old, &count, err) < 0)
        return NULL;
    if (count == 0) {
        (void)bx_error_set(err, BX_ERR_LIMIT,
                           "there is nothing left to make shorter%s%s",
                           why == NULL ? "" : "; no summary: ",
                           why == NULL ? "" : bx_error_message(why));
        return NULL;
    }
    note = json_pack("{s:s, s:I, s:I}", "type", "compaction", "to",
                     last_entry(conversation, count), "elided",
                     (json_int_t)count_results(conversation, count));
    if (note == NULL ||
        (why != NULL &&
         json_object_set_new(note, "reason",
                             json_string(bx_error_message(why))) < 0)) {
        json_decref(note);
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return note;
}

/* ---- both --------------------------------------------------------------- */

/* Is there enough in the old part that was not summarised before? */
static bool is_worth_it(const bx_conversation *conversation, size_t old)
{
    size_t from = old > 0 && conversation->parts[0].is_summary ? 1 : 0;

    return old > from && (messages_tokens(conversation, old) -
                          messages_tokens(conversation, from)) *
                                 10 >=
                             bx_conversation_tokens(conversation, 0);
}

static json_t *make_note(const bx_conversation *conversation,
                         const bx_compaction *how, bx_usage *ret_usage,
                         bx_error **err)
{
    size_t old = count_old(conversation, how);
    bx_autoerror bx_error *why = NULL;
    json_t *note;

    if (how->turn != NULL && is_worth_it(conversation, old)) {
        note = summarise(conversation, old, how, ret_usage, &why);
        if (note != NULL)
            return note;
        if (bx_error_code(why) == BX_ERR_CANCELLED) {
            if (err != NULL)
                *err = bx_take(why);
            return NULL;
        }
    }
    return elide(conversation, old, why, err);
}

int bx_conversation_compact(bx_conversation *conversation,
                            const bx_compaction *how, json_t **ret_note,
                            bx_usage *ret_usage, bx_error **err)
{
    uint64_t before = bx_conversation_tokens(conversation, 0);
    bx_usage usage = { .input_tokens = 0 };
    json_t *note;

    *ret_usage = usage;
    if (bx_conversation_messages(conversation, err) == NULL)
        return -1;
    note = make_note(conversation, how, &usage, err);
    *ret_usage = usage;
    if (note == NULL)
        return -1;
    if (bx_conversation_apply(conversation, note, err) < 0) {
        json_decref(note);
        return -1;
    }
    if (json_object_set_new(note, "before_tokens",
                            json_integer((json_int_t)before)) < 0 ||
        json_object_set_new(note, "after_tokens",
                            json_integer((json_int_t)bx_conversation_tokens(
                                conversation, 0))) < 0) {
        json_decref(note);
        return bx_error_set_nomem(err);
    }
    *ret_note = note;
    return 0;
}
