/* A conversation as Chat Completions has it. */
#include <string.h>

#include "agent/models/openai_chat.h"
#include "agent/models/openai_details.h"

#define ID_MAX_OPENAI 40 /* the API's most */
#define ID_MISTRAL 9     /* letters and digits: the only form it takes */

/* What is being written. */
typedef struct writing {
    const bx_turn_request *request;
    bx_openai_server server;
    json_t *messages;
    json_t *ids;  /* a call's id to the one that is sent */
    json_t *sent; /* those */
} writing;

static void writing_clear(writing *w)
{
    json_decref(w->messages);
    json_decref(w->ids);
    json_decref(w->sent);
}

static bool has(const bx_turn_request *request, unsigned ability)
{
    return bx_request_has(request, ability);
}

static int add_message(writing *w, json_t *message)
{
    return json_array_append_new(w->messages, message);
}

/* Many servers take no list of texts, so they are joined. */
static int join(bx_buf *to, const char *text, const char *between)
{
    if (bx_text_is_blank(text))
        return 0;
    if (to->len > 0 && bx_buf_puts(to, between) < 0)
        return -1;
    return bx_buf_puts(to, text);
}

static const char *text_of(const bx_buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}

/* What was joined of texts that are UTF-8 need not be looked at again. */
static json_t *string_of(const bx_buf *buf)
{
    return json_stringn_nocheck(text_of(buf), buf->len);
}

/* A server without images refuses the whole conversation for one, and each
 * turn after it. */
static bool has_images(const writing *w)
{
    return w->server == BX_OPENAI_ITSELF || has(w->request, BX_MODEL_IMAGES);
}

static json_t *write_text_part(const char *text)
{
    return json_pack("{s:s, s:s}", "type", "text", "text", text);
}

static json_t *write_image(const writing *w, const json_t *block)
{
    if (!has_images(w))
        return write_text_part("(an image, left out: the model is not known "
                               "to take images)");
    return json_pack("{s:s, s:{s:o}}", "type", "image_url", "image_url", "url",
                     bx_openai_write_image_url(block));
}

/* Results have text alone, so their images come with what the user says. */
static int add_result_images(const writing *w, const json_t *result,
                             json_t *parts)
{
    bool is_first = true;
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(result), i, block)
    {
        bx_autobuf bx_buf lead = BX_BUF_INIT;

        if (!bx_block_is(block, "image") || !has_images(w))
            continue;
        if (is_first &&
            (bx_buf_printf(
                 &lead, "Images of the result of %s (%s), data and no request:",
                 bx_block_text(result, "name"),
                 bx_block_text(w->ids, bx_block_text(result, "id"))) < 0 ||
             json_array_append_new(parts, write_text_part(lead.data)) < 0))
            return -1;
        is_first = false;
        if (json_array_append_new(parts, write_image(w, block)) < 0)
            return -1;
    }
    return 0;
}

static int write_result(writing *w, const json_t *result)
{
    bool is_error = json_is_true(json_object_get(result, "is_error"));
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *block;
    size_t i;

    /* The API has no other mark for it. */
    if (is_error && join(&text, "The call failed.", "") < 0)
        return -1;
    json_array_foreach(bx_message_blocks(result), i, block)
    {
        const char *part = bx_block_text(block, "text");

        if (bx_block_is(block, "image"))
            part = has_images(w) ? "(an image: it follows the results)"
                                 : "(an image, left out: the model is not "
                                   "known to take images)";
        if (join(&text, part, "\n") < 0)
            return -1;
    }
    if (text.len == 0 && bx_buf_puts(&text, "(nothing)") < 0)
        return -1;
    return add_message(
        w, json_pack("{s:s, s:O, s:o}", "role", "tool", "tool_call_id",
                     json_object_get(w->ids, bx_block_text(result, "id")),
                     "content", string_of(&text)));
}

/* Parts without images are one text. */
static json_t *write_content(const json_t *parts)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *part;
    size_t i;

    json_array_foreach(parts, i, part)
    {
        if (!bx_block_is(part, "text"))
            return json_incref((json_t *)parts);
        if (join(&text, bx_block_text(part, "text"), "\n\n") < 0)
            return NULL;
    }
    return string_of(&text);
}

static int write_user_parts(writing *w, const json_t *message, json_t *parts)
{
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        const char *text = bx_block_text(block, "text");
        int status = 0;

        if (bx_block_is(block, "tool_result"))
            status = add_result_images(w, block, parts);
        else if (bx_block_is(block, "image"))
            status = json_array_append_new(parts, write_image(w, block));
        else if (!bx_text_is_blank(text))
            status = json_array_append_new(parts, write_text_part(text));
        if (status < 0)
            return -1;
    }
    return 0;
}

/* The API wants results right behind their calls. */
static int write_user(writing *w, const json_t *message)
{
    json_t *parts = json_array();
    json_t *block;
    size_t i;
    int status = 0;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (status == 0 && bx_block_is(block, "tool_result"))
            status = write_result(w, block);
    }
    if (status == 0)
        status = write_user_parts(w, message, parts);
    if (status == 0 && json_array_size(parts) > 0)
        status = add_message(w, json_pack("{s:s, s:o}", "role", "user",
                                          "content", write_content(parts)));
    json_decref(parts);
    return status;
}

static bool is_id_of(bx_openai_server server, const char *id)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t bytes = strlen(id);

    if (server == BX_OPENAI_MISTRAL)
        return bytes == ID_MISTRAL && strspn(id, set) == bytes;
    return server != BX_OPENAI_ITSELF || bytes <= ID_MAX_OPENAI;
}

/* The provider's own id, unless it gave the same one twice or it is another
 * server's that this one does not take. */
static int choose_id(writing *w, const json_t *call, bx_buf *id)
{
    const char *own =
        bx_block_text(bx_block_carry(call, BX_OPENAI_CHAT), BX_OPENAI_ID);

    if (*own != '\0' && is_id_of(w->server, own) &&
        json_object_get(w->sent, own) == NULL)
        return bx_buf_puts(id, own);
    if (is_id_of(w->server, bx_block_text(call, "id")))
        return bx_buf_puts(id, bx_block_text(call, "id"));
    for (size_t i = json_object_size(w->sent);; i++) {
        bx_buf_clear(id);
        if (bx_buf_printf(id, "c%08zu", i % 100000000) < 0)
            return -1;
        if (json_object_get(w->sent, id->data) == NULL)
            return 0;
    }
}

static json_t *write_call(writing *w, const json_t *call)
{
    const json_t *carry = bx_block_carry(call, BX_OPENAI_CHAT);
    json_t *extra = json_object_get(carry, BX_OPENAI_CHAT_EXTRA);
    bx_autobuf bx_buf id = BX_BUF_INIT;

    if (choose_id(w, call, &id) < 0 ||
        json_object_set_new(w->sent, id.data, json_true()) < 0 ||
        json_object_set_new(w->ids, bx_block_text(call, "id"),
                            json_string(id.data)) < 0)
        return NULL;
    if (w->server != BX_OPENAI_GOOGLE)
        extra = NULL;
    return json_pack(
        "{s:s, s:s, s:{s:O, s:o}, s:O*}", "id", id.data, "type", "function",
        "function", "name", json_object_get(call, "name"), "arguments",
        bx_openai_write_arguments(call), BX_OPENAI_CHAT_EXTRA, extra);
}

/* DeepSeek refuses a message with calls that comes without the thinking before
 * them (and what had none then has an empty one), and passes over that of
 * others; Moonshot wants all of it, OpenRouter what it gave in place of it.
 * Servers that do not say that they want it are not sent any. */
static int write_thinking(const writing *w, const char *thinking,
                          json_t *details, bool has_calls, json_t *message)
{
    const char *field = "reasoning_content";
    bool is_wanted = *thinking != '\0';

    switch (w->server) {
    case BX_OPENAI_DEEPSEEK:
        is_wanted =
            has_calls && (is_wanted || has(w->request, BX_MODEL_THINKING));
        break;
    case BX_OPENAI_MOONSHOT:
        break;
    case BX_OPENAI_OPENROUTER:
        if (details != NULL)
            return json_object_set(message, BX_OPENAI_DETAILS, details);
        field = "reasoning";
        break;
    default:
        return 0;
    }
    if (!is_wanted)
        return 0;
    return json_object_set_new(message, field, json_string(thinking));
}

/* A reply's thinking is one block. */
static json_t *find_details(const writing *w, const json_t *message)
{
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        const json_t *carry = bx_block_carry(block, BX_OPENAI_CHAT);

        if (bx_block_is(block, "thinking") && carry != NULL)
            return bx_openai_details_for(carry, w->request->model->id);
    }
    return NULL;
}

static int write_assistant_blocks(writing *w, const json_t *message,
                                  bx_buf *text, bx_buf *thinking, json_t *calls)
{
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        const char *words = bx_block_text(block, "text");
        int status = 0;

        if (bx_block_is(block, "tool_call"))
            status = json_array_append_new(calls, write_call(w, block));
        else if (bx_block_is(block, "text"))
            status = join(text, words, "\n\n");
        else if (bx_block_carry(block, BX_OPENAI_CHAT) != NULL)
            status = bx_buf_puts(thinking, words);
        if (status < 0)
            return -1;
    }
    return 0;
}

/* Of nothing but thinking, nothing is sent. */
static int write_assistant(writing *w, const json_t *message)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autobuf bx_buf thinking = BX_BUF_INIT;
    json_t *calls = json_array();
    json_t *written;
    bool has_calls;

    if (write_assistant_blocks(w, message, &text, &thinking, calls) < 0) {
        json_decref(calls);
        return -1;
    }
    has_calls = json_array_size(calls) > 0;
    if (text.len == 0 && !has_calls) {
        json_decref(calls);
        return 0;
    }
    /* Servers want null more than no member. */
    written = json_pack("{s:s, s:o, s:O*}", "role", "assistant", "content",
                        text.len > 0 ? string_of(&text) : json_null(),
                        "tool_calls", has_calls ? calls : NULL);
    json_decref(calls);
    if (write_thinking(w, text_of(&thinking), find_details(w, message),
                       has_calls, written) < 0) {
        json_decref(written);
        return -1;
    }
    return add_message(w, written);
}

int bx_openai_chat_write_messages(const bx_turn_request *request,
                                  bx_openai_server server, json_t *body)
{
    __attribute__((cleanup(writing_clear)))
    writing w = { request, server, json_array(), json_object(), json_object() };
    json_t *message;
    size_t i;

    if (request->system != NULL && !bx_text_is_blank(request->system) &&
        add_message(&w, json_pack("{s:s, s:s}", "role", "system", "content",
                                  request->system)) < 0)
        return -1;
    json_array_foreach(request->messages, i, message)
    {
        bool is_user = strcmp(bx_message_role(message), "user") == 0;

        if ((is_user ? write_user : write_assistant)(&w, message) < 0)
            return -1;
    }
    return json_object_set(body, "messages", w.messages);
}
