/* Bytes from a provider: the stream of a reply; from a file: a conversation,
 * which is sent; from a tool of a stranger: a schema, which is sent too. The
 * first byte chooses the protocol and which of the three, the second how the
 * stream is cut, which server is written to, or what the model can do. */
#include <stdlib.h>
#include <string.h>

#include "agent/models/gemini.h"
#include "base/json_text.h"
#include "net/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "anthropic", "openai-chat",
                                     "openai-responses", "gemini" };

struct reading {
    const bx_protocol *protocol;
    bx_reply *reply;
};

static int tell(void *context, const char *event, const char *data,
                size_t bytes, bx_error **err)
{
    struct reading *to = context;

    return to->protocol->read_event(to->reply, event, data, bytes, err);
}

/* Whatever came: it is a message, and the same when it is loaded again. */
static void check_reply(const bx_turn_reply *got)
{
    char *text = bx_json_text(got->message, 0);
    json_t *again = text == NULL ? NULL : json_loads(text, 0, NULL);

    if (bx_message_check(got->message, NULL) < 0 ||
        !json_equal(again, got->message))
        abort();
    json_decref(again);
    free(text);
}

static int read_stream(struct reading *to, const char *text, size_t bytes,
                       size_t piece, bx_error **err)
{
    bx_autosse bx_sse *sse = bx_sse_new(1 << 16, tell, to, err);

    if (sse == NULL)
        abort();
    for (size_t at = 0; at < bytes; at += piece) {
        size_t part = bytes - at < piece ? bytes - at : piece;

        if (bx_sse_feed(sse, text + at, part, err) < 0)
            return -1;
    }
    return to->protocol->read_end(to->reply, err);
}

static void take_stream(const bx_protocol *protocol, const char *text,
                        size_t bytes, size_t piece)
{
    struct reading to = { protocol, bx_reply_new(protocol->name, NULL, NULL) };
    bx_autoreply bx_turn_reply got = { 0 };
    bx_error *err = NULL;
    int status = read_stream(&to, text, bytes, piece, &err);

    if (status == 0)
        status = bx_reply_take(to.reply, &got, &err);
    if ((status < 0) != (err != NULL) || (status < 0) != (got.message == NULL))
        abort();
    if (status == 0)
        check_reply(&got);
    bx_error_free(err);
    bx_reply_free(to.reply);
}

/* What passes for a conversation can be written. */
static void take_messages(const bx_protocol *protocol, unsigned server,
                          const char *text, size_t bytes)
{
    static const char *const bases[] = {
        "https://h.example",
        "https://api.openai.com/v1",
        "https://api.deepseek.com",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://api.mistral.ai/v1",
        "https://openrouter.ai/api/v1",
    };
    const bx_provider provider = {
        .base_url = bases[server % (sizeof(bases) / sizeof(bases[0]))],
    };
    const bx_model model = { .id = "m",
                             .provider = &provider,
                             .abilities = BX_MODEL_CACHE | BX_MODEL_IMAGES |
                                          BX_MODEL_THINKING };
    json_t *messages = json_loadb(text, bytes, 0, NULL);
    bx_turn_request request = { .model = &model,
                                .messages = messages,
                                .temperature = -1 };
    bx_autoprotocolrequest bx_protocol_request got = { 0 };
    int status = bx_messages_check(messages, NULL);

    if (protocol->write(&request, &got, NULL) != status)
        abort();
    json_decref(messages);
}

/* Any object can be sent as a tool's schema and as the reply's; what one API
 * would refuse of it is gone at once. */
static void take_schema(const bx_protocol *protocol, unsigned abilities,
                        const char *text, size_t bytes)
{
    const bx_provider provider = { .base_url = "https://h.example" };
    const bx_model model = { .id = "m",
                             .provider = &provider,
                             .abilities = abilities };
    json_t *schema = json_loadb(text, bytes, 0, NULL);
    json_t *messages = json_pack("[o]", bx_message_new_text("user", "a", 1));
    json_t *tools =
        json_pack("[{s:s, s:O*}]", "name", "t", "input_schema", schema);
    json_t *once = bx_gemini_schema(schema);
    json_t *twice = bx_gemini_schema(once);
    bx_turn_request request = { .model = &model,
                                .messages = messages,
                                .tools = tools,
                                .output_schema = schema,
                                .temperature = -1 };
    bx_autoprotocolrequest bx_protocol_request got = { 0 };

    if (json_is_object(schema) &&
        (protocol->write(&request, &got, NULL) < 0 || !json_equal(once, twice)))
        abort();
    json_decref(once);
    json_decref(twice);
    json_decref(tools);
    json_decref(messages);
    json_decref(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const bx_protocol *protocol;

    if (size < 2)
        return 0;
    protocol = bx_protocol_find(names[(data[0] & 15) % 4]);
    if (protocol == NULL)
        return 0;
    if ((data[0] & 32) != 0)
        take_schema(protocol, data[1], (const char *)data + 2, size - 2);
    else if ((data[0] & 16) != 0)
        take_messages(protocol, data[1], (const char *)data + 2, size - 2);
    else
        take_stream(protocol, (const char *)data + 2, size - 2,
                    data[1] % 64 + 1u);
    return 0;
}
