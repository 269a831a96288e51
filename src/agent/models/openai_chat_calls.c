/* Calls in pieces. They have an index that some servers leave out or give to
 * several of them, so which call a piece is of is found out here. */
#include <string.h>

#include "agent/models/openai_chat.h"
#include "agent/models/openai_details.h"
#include "base/json_text.h"

/* Of the reply's memory: [{"id", "index", "is_call": once it has a name}]. */
#define M_CALLS "calls"

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
    json_t *plain = NULL;

    if (!json_is_object(extra))
        return 0;
    if (bx_openai_copy_plain(reply, extra, &plain, err) < 0)
        return -1;
    if (plain == NULL)
        return 0;
    return bx_reply_put_carry(reply, block, BX_OPENAI_CHAT_EXTRA, plain, err);
}

/* Begin a call once it has a name. */
static int read_name(bx_reply *reply, json_t *call, uint64_t block,
                     const char *name, bx_error **err)
{
    bool is_reply = strcmp(name, BX_REPLY_TOOL) == 0;

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

int bx_openai_chat_read_call(bx_reply *reply, const json_t *piece,
                             bx_error **err)
{
    const json_t *function = json_object_get(piece, "function");
    const char *name = bx_block_text(function, "name");
    json_t *calls = get_calls(reply, err);
    size_t at = find_call(calls, piece, name);
    uint64_t block = BX_OPENAI_CHAT_CALLS + at;
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

bool bx_openai_chat_has_calls(bx_reply *reply)
{
    return json_object_get(bx_reply_memory(reply), M_CALLS) != NULL;
}

int bx_openai_chat_finish_calls(bx_reply *reply, bx_error **err)
{
    json_t *call;
    size_t i;

    json_array_foreach(json_object_get(bx_reply_memory(reply), M_CALLS), i,
                       call)
    {
        if (json_object_get(call, "is_call") == NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "openai-chat: a tool call without a name");
        if (bx_reply_finish_block(reply, BX_OPENAI_CHAT_CALLS + i, err) < 0)
            return -1;
    }
    return 0;
}
