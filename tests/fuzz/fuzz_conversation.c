/* Any bytes as what happens in a session: messages, calls, results, notes of
 * compactions that somebody made up, compactions of our own by a model that
 * answers anything. What is sent is a conversation that providers take each
 * time, and the same when the session is read again. Bytes that are JSON are
 * entries of a session as well. */
#include <stdint.h>
#include <string.h>

#include "agent/conversation_parts.h"

#define OPS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct input {
    const uint8_t *at;
    const uint8_t *end;
} input;

typedef struct session {
    bx_conversation *conversation;
    json_t *entries;
    uint64_t last;
    unsigned calls; /* made so far */
    input *in;
} session;

static void expect(bool is_so)
{
    if (!is_so)
        abort();
}

static uint8_t next(input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Up to 2 KiB of one letter. */
static json_t *take_text(input *in)
{
    size_t bytes = (size_t)next(in) * 8;
    char text[8 * 256];

    memset(text, 'a' + bytes % 26, bytes);
    return json_stringn(text, bytes);
}

/* Takes value; an entry is there once it was taken into the conversation. */
static void keep(session *it, bool is_taken, const char *kind, const char *key,
                 json_t *value)
{
    json_t *entry = json_pack(
        "{s:I, s:s, s:O, s:s, s:s}", "entry", (json_int_t)it->last + 1, "kind",
        kind, key, value, "state", "done", "id", bx_block_text(value, "id"));

    expect(entry != NULL);
    if (is_taken) {
        it->last++;
        json_array_append(it->entries, entry);
    }
    json_decref(entry);
    json_decref(value);
}

static void add_message(session *it, json_t *message)
{
    bx_autoerror bx_error *err = NULL;
    int status =
        bx_conversation_add(it->conversation, message, it->last + 1, &err);

    expect((status < 0) == (err != NULL));
    keep(it, status == 0, "message", "message", message);
}

static void say(session *it, const char *role)
{
    json_t *message = bx_message_new(role);
    json_t *text = take_text(it->in);

    bx_message_add_text(message, json_string_value(text),
                        json_string_length(text));
    if (next(it->in) % 8 == 0)
        bx_message_add_image(message, "image/png", "P", 1);
    json_decref(text);
    add_message(it, message);
}

static void ask_calls(session *it)
{
    json_t *message = bx_message_new("assistant");
    unsigned count = next(it->in) % 4;
    char id[16];

    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(id, sizeof(id), "c%u", it->calls++);
        bx_message_add_call(message, id, "read",
                            json_pack("{s:o}", "path", take_text(it->in)));
    }
    add_message(it, message);
}

static void answer_call(session *it)
{
    char id[16];
    bx_autoerror bx_error *err = NULL;
    json_t *block;
    int status;

    (void)snprintf(id, sizeof(id), "c%u",
                   it->calls == 0 ? 0 : it->calls - 1 - next(it->in) % 4);
    block = json_pack("{s:s, s:s, s:s, s:b, s:[{s:s, s:o}]}", "type",
                      "tool_result", "id", id, "name", "read", "is_error", 0,
                      "content", "type", "text", "text", take_text(it->in));
    status = bx_conversation_add_result(it->conversation, block, &err);
    expect((status < 0) == (err != NULL));
    keep(it, status == 0, "call", "block", block);
}

static void apply_note(session *it)
{
    bx_autoerror bx_error *err = NULL;
    int to = next(it->in);
    json_t *note = next(it->in) % 2 == 0
                       ? json_pack("{s:s, s:i, s:o}", "type", "compaction",
                                   "to", to, "summary", take_text(it->in))
                       : json_pack("{s:s, s:i, s:i}", "type", "compaction",
                                   "to", to, "elided", 1);
    int status = bx_conversation_apply(it->conversation, note, &err);

    expect((status < 0) == (err != NULL));
    keep(it, status == 0, "note", "note", note);
}

static int answer_turn(void *context, const bx_turn_request *request,
                       bx_turn_reply *ret_reply, bx_error **err)
{
    session *it = context;
    json_t *text;

    expect(bx_messages_check(request->messages, NULL) == 0);
    if (next(it->in) % 4 == 0)
        return bx_error_set(err, BX_ERR_LIMIT, "overloaded");
    text = take_text(it->in);
    ret_reply->message = bx_message_new_text(
        "assistant", json_string_value(text), json_string_length(text));
    ret_reply->stop = (bx_stop)(next(it->in) % 5);
    json_decref(text);
    return 0;
}

static void compact(session *it)
{
    bx_model model = { .context_tokens = 10u * next(it->in) };
    const bx_compaction how = { .model = &model,
                                .turn =
                                    next(it->in) % 4 == 0 ? NULL : answer_turn,
                                .turn_context = it,
                                .keep_tokens = 4u * next(it->in) };
    bx_autoerror bx_error *err = NULL;
    bx_usage usage;
    json_t *note = NULL;
    int status =
        bx_conversation_compact(it->conversation, &how, &note, &usage, &err);

    expect((status < 0) == (err != NULL));
    if (note != NULL)
        keep(it, true, "note", "note", note);
}

static char *dump(bx_conversation *conversation)
{
    const json_t *messages = bx_conversation_messages(conversation, NULL);

    if (messages == NULL)
        return NULL;
    expect(bx_messages_check(messages, NULL) == 0);
    return json_dumps(messages, JSON_COMPACT);
}

static void check_again(const session *it)
{
    bx_autoconversation bx_conversation *again =
        bx_conversation_load_entries(it->entries, NULL);
    bx_autofree char *one = dump(it->conversation);
    bx_autofree char *two = NULL;

    expect(again != NULL);
    two = dump(again);
    expect((one == NULL) == (two == NULL));
    expect(one == NULL || strcmp(one, two) == 0);
    expect(bx_conversation_tokens(again, 0) ==
           bx_conversation_tokens(it->conversation, 0));
}

static void play(input *in)
{
    session it = { .conversation = bx_conversation_new(NULL),
                   .entries = json_array(),
                   .in = in };

    for (int i = 0; i < OPS_MAX && in->at < in->end; i++) {
        switch (next(in) % 6) {
        case 0:
            say(&it, "user");
            break;
        case 1:
            say(&it, "assistant");
            break;
        case 2:
            ask_calls(&it);
            break;
        case 3:
            answer_call(&it);
            break;
        case 4:
            apply_note(&it);
            break;
        default:
            compact(&it);
        }
    }
    check_again(&it);
    json_decref(it.entries);
    bx_conversation_free(it.conversation);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    input in = { data, data + bytes };
    json_t *entries = json_loadb((const char *)data, bytes, 0, NULL);
    bx_autoerror bx_error *err = NULL;
    bx_autoconversation bx_conversation *conversation = NULL;

    if (entries == NULL) {
        play(&in);
        return 0;
    }
    conversation = bx_conversation_load_entries(entries, &err);
    expect((conversation == NULL) == (err != NULL));
    if (conversation != NULL)
        free(dump(conversation));
    json_decref(entries);
    return 0;
}
