/* What is sent of a session, kept in step with it. A session that is loaded was
 * written by a program that may have been another one: every entry is checked
 * as what a stranger says. */
#include "agent/conversation.h"

#include <inttypes.h>
#include <string.h>

#include "agent/conversation_parts.h"

/* ---- messages ----------------------------------------------------------- */

bx_conversation *bx_conversation_new(bx_error **err)
{
    bx_conversation *conversation = calloc(1, sizeof(*conversation));

    if (conversation != NULL) {
        conversation->ratio = 1;
        conversation->messages = json_array();
        conversation->call_ids = json_object();
        conversation->asked = json_array();
    }
    if (conversation == NULL || conversation->messages == NULL ||
        conversation->call_ids == NULL || conversation->asked == NULL) {
        bx_conversation_free(conversation);
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return conversation;
}

void bx_conversation_free(bx_conversation *conversation)
{
    if (conversation == NULL)
        return;
    json_decref(conversation->messages);
    json_decref(conversation->call_ids);
    json_decref(conversation->asked);
    free(conversation->calls);
    free(conversation->parts);
    free(conversation);
}

int bx_conversation_insert(bx_conversation *conversation, size_t index,
                           json_t *message, const bx_part *part, bx_error **err)
{
    size_t count = json_array_size(conversation->messages);
    bx_part *parts;

    if (count == conversation->room) {
        size_t room = conversation->room == 0 ? 64 : conversation->room * 2;

        parts = realloc(conversation->parts, room * sizeof(*parts));
        if (parts == NULL) {
            json_decref(message);
            return bx_error_set_nomem(err);
        }
        conversation->parts = parts;
        conversation->room = room;
    }
    if (json_array_insert_new(conversation->messages, index, message) < 0)
        return bx_error_set_nomem(err);
    parts = conversation->parts;
    memmove(parts + index + 1, parts + index, (count - index) * sizeof(*parts));
    parts[index] = *part;
    parts[index].weight = (bx_weight){ .bytes = 0 };
    bx_conversation_weigh(conversation, index, message);
    return 0;
}

int bx_conversation_drop(bx_conversation *conversation, size_t count,
                         bx_error **err)
{
    size_t all = json_array_size(conversation->messages);
    bx_part *parts = conversation->parts;
    json_t *left = json_array();

    for (size_t i = count; i < all && left != NULL; i++) {
        if (json_array_append(left, json_array_get(conversation->messages, i)) <
            0) {
            json_decref(left);
            left = NULL;
        }
    }
    if (left == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < count; i++)
        bx_conversation_unweigh(conversation, i);
    if (all > count)
        memmove(parts, parts + count, (all - count) * sizeof(*parts));
    json_decref(conversation->messages);
    conversation->messages = left;
    return 0;
}

int bx_conversation_replace(bx_conversation *conversation, size_t index,
                            json_t *message, bx_error **err)
{
    if (json_array_set_new(conversation->messages, index, message) < 0)
        return bx_error_set_nomem(err);
    bx_conversation_unweigh(conversation, index);
    bx_conversation_weigh(conversation, index, message);
    return 0;
}

void bx_conversation_forget_calls(bx_conversation *conversation)
{
    conversation->call_count = 0;
    json_object_clear(conversation->call_ids);
}

static const bx_part *last_part(const bx_conversation *conversation)
{
    size_t count = json_array_size(conversation->messages);

    return count == 0 ? NULL : &conversation->parts[count - 1];
}

static bx_open_call *first_open(const bx_conversation *conversation)
{
    for (size_t i = 0; i < conversation->call_count; i++) {
        if (!conversation->calls[i].is_answered)
            return &conversation->calls[i];
    }
    return NULL;
}

static int refuse_open(const bx_conversation *conversation, bx_error **err)
{
    const bx_open_call *call = first_open(conversation);

    if (call == NULL)
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "the call '%s' of '%s' has no result yet", call->id,
                        call->name);
}

/* A message's own copy, which can grow; its blocks are shared. */
static json_t *copy_message(const json_t *message)
{
    return json_pack("{s:s, s:o}", "role", bx_message_role(message), "content",
                     json_copy(bx_message_blocks(message)));
}

/* The message that a user's blocks go into: the last one, where that is a
 * user's, or a new one. index: where it is. */
static int user_message(bx_conversation *conversation, uint64_t entry,
                        size_t *ret_index, bx_error **err)
{
    const bx_part *last = last_part(conversation);
    size_t count = json_array_size(conversation->messages);
    const json_t *message =
        count == 0 ? NULL : json_array_get(conversation->messages, count - 1);
    bx_part part = { .entry = entry };
    json_t *added;

    if (message != NULL && strcmp(bx_message_role(message), "user") == 0 &&
        !last->is_summary) {
        *ret_index = count - 1;
        return 0;
    }
    if (conversation->call_count > 0) {
        part.is_answer = true;
        part.entry = last->entry;
    }
    added = bx_message_new("user");
    if (added == NULL)
        return bx_error_set_nomem(err);
    *ret_index = count;
    return bx_conversation_insert(conversation, count, added, &part, err);
}

static int add_user(bx_conversation *conversation, const json_t *message,
                    uint64_t entry, bx_error **err)
{
    json_t *blocks;
    size_t i, index = 0;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "tool_result"))
            return bx_error_set(err, BX_ERR_INVALID,
                                "the message of the user has the result of "
                                "'%s' in it; results are entries of calls",
                                bx_block_text(block, "id"));
    }
    if (json_array_size(bx_message_blocks(message)) == 0)
        return 0; /* providers take no empty message */
    if (user_message(conversation, entry, &index, err) < 0)
        return -1;
    blocks = bx_message_blocks(json_array_get(conversation->messages, index));
    if (json_array_extend(blocks, bx_message_blocks(message)) < 0)
        return bx_error_set_nomem(err);
    bx_conversation_weigh(conversation, index, bx_message_blocks(message));
    return 0;
}

/* Take a call into those collected so far. */
static int collect_call(const json_t *block, json_t *ids, bx_open_call *calls,
                        size_t *count, bx_error **err)
{
    const char *id = bx_block_text(block, "id");

    if (!bx_block_is(block, "tool_call"))
        return 0;
    if (json_object_get(ids, id) != NULL)
        return bx_error_set(err, BX_ERR_INVALID, "two calls have the id '%s'",
                            id);
    if (json_object_set_new(ids, id, json_integer((json_int_t)*count)) < 0)
        return bx_error_set_nomem(err);
    calls[(*count)++] =
        (bx_open_call){ .id = id, .name = bx_block_text(block, "name") };
    return 0;
}

/* The calls of a message. */
static int collect_calls(const json_t *message, bx_open_call **ret_calls,
                         size_t *ret_count, json_t **ret_ids, bx_error **err)
{
    const json_t *blocks = bx_message_blocks(message);
    bx_autofree bx_open_call *calls =
        calloc(json_array_size(blocks) + 1, sizeof(*calls));
    json_t *ids = json_object();
    size_t count = 0;
    size_t i;
    json_t *block;

    if (calls == NULL || ids == NULL) {
        json_decref(ids);
        return bx_error_set_nomem(err);
    }
    json_array_foreach(blocks, i, block)
    {
        if (collect_call(block, ids, calls, &count, err) < 0) {
            json_decref(ids);
            return -1;
        }
    }
    *ret_calls = bx_take(calls);
    *ret_count = count;
    *ret_ids = ids;
    return 0;
}

static int add_assistant(bx_conversation *conversation, const json_t *message,
                         uint64_t entry, bx_error **err)
{
    size_t count = json_array_size(conversation->messages);
    const bx_part part = { .entry = entry };
    bx_autofree bx_open_call *calls = NULL;
    size_t call_count = 0;
    json_t *ids = NULL;
    json_t *copy;

    if (refuse_open(conversation, err) < 0)
        return -1;
    if (count == 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the first message is the assistant's; expected "
                            "the user's");
    if (json_array_size(bx_message_blocks(message)) == 0)
        return 0; /* the same */
    if (collect_calls(message, &calls, &call_count, &ids, err) < 0)
        return -1;
    copy = copy_message(message);
    if (copy == NULL) {
        json_decref(ids);
        return bx_error_set_nomem(err);
    }
    if (bx_conversation_insert(conversation, count, copy, &part, err) < 0) {
        json_decref(ids);
        return -1;
    }
    json_decref(conversation->call_ids);
    free(conversation->calls);
    conversation->call_ids = ids;
    conversation->calls = bx_take(calls);
    conversation->call_count = call_count;
    conversation->open_count = call_count;
    return 0;
}

int bx_conversation_add(bx_conversation *conversation, const json_t *message,
                        uint64_t entry, bx_error **err)
{
    int status;

    if (bx_message_check(message, err) < 0)
        return bx_error_wrap(err, "entry %" PRIu64, entry);
    if (entry <= conversation->last_entry)
        return bx_error_set(err, BX_ERR_INVALID,
                            "entry %" PRIu64 ": expected one behind %" PRIu64,
                            entry, conversation->last_entry);
    status = strcmp(bx_message_role(message), "user") == 0
                 ? add_user(conversation, message, entry, err)
                 : add_assistant(conversation, message, entry, err);
    if (status < 0)
        return bx_error_wrap(err, "entry %" PRIu64, entry);
    conversation->last_entry = entry;
    return 0;
}

/* ---- results ------------------------------------------------------------ */

static int check_result(const json_t *block, bx_error **err)
{
    json_t *message =
        json_pack("{s:s, s:[O]}", "role", "user", "content", (json_t *)block);
    int status;

    if (message == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the result of a call is no block");
    status = bx_message_check(message, err);
    json_decref(message);
    if (status == 0 && !bx_block_is(block, "tool_result"))
        return bx_error_set(err, BX_ERR_INVALID,
                            "expected a block \"tool_result\"");
    return status;
}

/* Before which block of the answer does the result of a call stand? */
static size_t place_of(const bx_conversation *conversation,
                       const bx_open_call *call)
{
    size_t place = 0;

    for (const bx_open_call *at = conversation->calls; at < call; at++)
        place += at->is_answered;
    return place;
}

int bx_conversation_add_result(bx_conversation *conversation,
                               const json_t *block, bx_error **err)
{
    const json_t *at;
    bx_open_call *call;
    json_t *message;
    size_t index = 0;

    if (check_result(block, err) < 0)
        return -1;
    at = json_object_get(conversation->call_ids, bx_block_text(block, "id"));
    if (at == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the result '%s' is of no call of the last message",
                            bx_block_text(block, "id"));
    call = &conversation->calls[json_integer_value(at)];
    if (call->is_answered)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the call '%s' has a result already", call->id);
    if (strcmp(call->name, bx_block_text(block, "name")) != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the result '%s' names another tool than its call, "
                            "'%s'",
                            call->id, call->name);
    if (user_message(conversation, 0, &index, err) < 0)
        return -1;
    message = json_array_get(conversation->messages, index);
    if (json_array_insert(bx_message_blocks(message),
                          place_of(conversation, call), (json_t *)block) < 0)
        return bx_error_set_nomem(err);
    call->is_answered = true;
    conversation->open_count--;
    bx_conversation_weigh(conversation, index, block);
    return 0;
}

const json_t *bx_conversation_messages(bx_conversation *conversation,
                                       bx_error **err)
{
    if (conversation->open_count > 0) {
        (void)refuse_open(conversation, err);
        return NULL;
    }
    if (json_array_size(conversation->messages) == 0) {
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "nothing was said yet; expected a message of the "
                           "user");
        return NULL;
    }
    return conversation->messages;
}
