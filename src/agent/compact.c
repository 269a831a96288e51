/* Making a conversation shorter: which part is old, and what is left out of it
 * when nobody can say what was in it. */
#include "agent/compact.h"

#include <math.h>
#include <string.h>

#include "agent/conversation_parts.h"

/* Of a model whose context is not known. */
#define CONTEXT_TOKENS 128000.0

/* ---- which part is old -------------------------------------------------- */

/* Can what is kept begin with this message? */
static bool is_border(const bx_conversation *conversation, size_t index)
{
    return !conversation->parts[index].is_answer;
}

double bx_compact_context(const bx_model *model)
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
                      : fmin(bx_compact_context(how->model) / 5, all / 4);
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

/* The last entry of the first count messages: what begins behind it is kept. */
json_int_t bx_compact_last_entry(const bx_conversation *conversation,
                                 size_t count)
{
    return (json_int_t)conversation->parts[count - 1].entry;
}

uint64_t bx_compact_tokens(const bx_conversation *conversation, size_t count)
{
    bx_weight sum = { .bytes = 0 };

    for (size_t i = 0; i < count; i++) {
        sum.bytes += conversation->parts[i].weight.bytes;
        sum.images += conversation->parts[i].weight.images;
    }
    return (uint64_t)(bx_weight_tokens(&sum) * conversation->ratio);
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
                     bx_compact_last_entry(conversation, count), "elided",
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

    return old > from && (bx_compact_tokens(conversation, old) -
                          bx_compact_tokens(conversation, from)) *
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
        note = bx_compact_summarise(conversation, old, how, ret_usage, &why);
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
