#include "agent/models/gemini.h"

#include <string.h>

#include "base/json_text.h"

static uint64_t count_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    json_int_t count = json_integer_value(value);

    return json_is_integer(value) && count >= 0 ? (uint64_t)count : 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Each count is the whole so far, and what is zero is not sent: none falls. */
static void read_usage(bx_reply *reply, const json_t *from)
{
    bx_usage *usage = bx_reply_usage(reply);
    uint64_t input = larger(usage->input_tokens + usage->cache_read_tokens,
                            count_of(from, "promptTokenCount") +
                                count_of(from, "toolUsePromptTokenCount"));
    uint64_t said = larger(usage->output_tokens - usage->thinking_tokens,
                           count_of(from, "candidatesTokenCount"));

    usage->cache_read_tokens = larger(
        usage->cache_read_tokens, count_of(from, "cachedContentTokenCount"));
    usage->input_tokens =
        input > usage->cache_read_tokens ? input - usage->cache_read_tokens : 0;
    usage->thinking_tokens =
        larger(usage->thinking_tokens, count_of(from, "thoughtsTokenCount"));
    usage->output_tokens = said + usage->thinking_tokens;
}

/* An id is carried only if it may be sent back. */
static bool is_id(const char *id)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    size_t bytes = strlen(id);

    return bytes > 0 && bytes <= 200 && strspn(id, set) == bytes;
}

static int finish_open(bx_reply *reply, bx_error **err)
{
    uint64_t last = bx_reply_blocks(reply) - 1;

    if (bx_reply_is_open(reply, last, BX_BLOCK_TEXT) ||
        bx_reply_is_open(reply, last, BX_BLOCK_THINKING))
        return bx_reply_finish_block(reply, last, err);
    return 0;
}

/* Owned; NULL: there is none, or one that the API would not take back: bytes in
 * base64, of either alphabet. */
static json_t *read_signature(const json_t *part)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/_=-";
    json_t *value = json_object_get(part, "thoughtSignature");
    size_t bytes = json_string_length(value);

    if (bytes == 0 || strspn(json_string_value(value), set) != bytes)
        return NULL;
    return json_incref(value);
}

/* A part is a piece of the block before it if that is of its kind. What is
 * signed goes back as it came, neither cut nor joined: a block of its own. */
static int read_text(bx_reply *reply, const json_t *text, bx_block_kind kind,
                     json_t *signature, bx_error **err)
{
    uint64_t index = bx_reply_blocks(reply) - 1;

    if (signature != NULL || !bx_reply_is_open(reply, index, kind)) {
        if (finish_open(reply, err) < 0 ||
            bx_reply_begin(reply, ++index, kind, NULL, err) < 0) {
            json_decref(signature);
            return -1;
        }
    }
    if (signature != NULL &&
        bx_reply_put_carry(reply, index, BX_GEMINI_SIGNATURE, signature, err) <
            0)
        return -1;
    if (bx_reply_append(reply, index, json_string_value(text),
                        json_string_length(text), err) < 0)
        return -1;
    return signature == NULL ? 0 : finish_open(reply, err);
}

static int read_call_input(bx_reply *reply, uint64_t index, const json_t *call,
                           bx_error **err)
{
    const json_t *input = json_object_get(call, "args");
    bx_autofree char *text = NULL;

    if (input == NULL || json_is_null(input)) {
        text = strdup("{}");
    } else {
        text = bx_json_text(input, JSON_COMPACT | JSON_ENCODE_ANY);
    }
    if (text == NULL)
        return bx_error_set_nomem(err);
    if (bx_reply_append(reply, index, text, strlen(text), err) < 0)
        return -1;
    return bx_reply_finish_block(reply, index, err);
}

/* A call is whole in its part. */
static int read_call(bx_reply *reply, const json_t *call, json_t *signature,
                     bx_error **err)
{
    const char *name = bx_block_text(call, "name");
    const char *id = bx_block_text(call, "id");
    bool is_reply = strcmp(name, BX_REPLY_TOOL) == 0;
    uint64_t index = bx_reply_blocks(reply);

    if (finish_open(reply, err) < 0 ||
        bx_reply_begin(reply, index, is_reply ? BX_BLOCK_TEXT : BX_BLOCK_CALL,
                       is_reply ? NULL : name, err) < 0) {
        json_decref(signature);
        return -1;
    }
    /* Of the tool that is none the signature is no text's. */
    if (is_reply)
        json_decref(signature);
    else if (signature != NULL &&
             bx_reply_put_carry(reply, index, BX_GEMINI_SIGNATURE, signature,
                                err) < 0)
        return -1;
    if (!is_reply && is_id(id) &&
        bx_reply_put_carry(reply, index, BX_GEMINI_ID, json_string(id), err) <
            0)
        return -1;
    return read_call_input(reply, index, call, err);
}

/* Parts of other kinds (code that ran there, files) are passed over. */
static int read_part(bx_reply *reply, const json_t *part, bx_error **err)
{
    const json_t *call = json_object_get(part, "functionCall");
    const json_t *text = json_object_get(part, "text");
    bool is_thought = json_is_true(json_object_get(part, "thought"));
    json_t *signature = read_signature(part);

    if (json_is_object(call) &&
        (json_object_get(call, "partialArgs") != NULL ||
         json_is_true(json_object_get(call, "willContinue")))) {
        json_decref(signature);
        return bx_error_set(err, BX_ERR_INVALID,
                            "gemini: functionCall: came in pieces, which was "
                            "not asked for");
    }
    if (json_is_object(call))
        return read_call(reply, call, signature, err);
    if (json_is_string(text) &&
        (json_string_length(text) > 0 || signature != NULL))
        return read_text(reply, text,
                         is_thought ? BX_BLOCK_THINKING : BX_BLOCK_TEXT,
                         signature, err);
    json_decref(signature);
    return 0;
}

typedef struct finish {
    const char *reason;
    bool is_failure;
    bx_stop stop;
    bx_failure_kind kind;
} finish;

#define STOP(reason, stop)                                                     \
    {                                                                          \
        reason, false, stop, BX_FAILURE_REQUEST                                \
    }
#define FAIL(reason, kind)                                                     \
    {                                                                          \
        reason, true, BX_STOP_END, kind                                        \
    }

static const finish finishes[] = {
    STOP("STOP", BX_STOP_END),
    STOP("MAX_TOKENS", BX_STOP_LENGTH),
    STOP("CONTINUATION", BX_STOP_LENGTH),
    STOP("SAFETY", BX_STOP_REFUSAL),
    STOP("RECITATION", BX_STOP_REFUSAL),
    STOP("LANGUAGE", BX_STOP_REFUSAL),
    STOP("BLOCKLIST", BX_STOP_REFUSAL),
    STOP("PROHIBITED_CONTENT", BX_STOP_REFUSAL),
    STOP("SPII", BX_STOP_REFUSAL),
    STOP("IMAGE_SAFETY", BX_STOP_REFUSAL),
    STOP("IMAGE_PROHIBITED_CONTENT", BX_STOP_REFUSAL),
    STOP("IMAGE_RECITATION", BX_STOP_REFUSAL),
    STOP("MODEL_ARMOR", BX_STOP_REFUSAL),
    STOP("ESCALATION", BX_STOP_REFUSAL),
    STOP("PUP_LIMITED_DISABLED", BX_STOP_REFUSAL),
    /* What the model wrote could not be read: it does better the next time. */
    FAIL("MALFORMED_FUNCTION_CALL", BX_FAILURE_SERVER),
    FAIL("MALFORMED_RESPONSE", BX_FAILURE_SERVER),
    FAIL("UNEXPECTED_TOOL_CALL", BX_FAILURE_SERVER),
    FAIL("TOO_MANY_TOOL_CALLS", BX_FAILURE_SERVER),
    FAIL("MISSING_THOUGHT_SIGNATURE", BX_FAILURE_REQUEST),
};

/* One that is not known: it is done, if there is anything. */
static finish find_finish(const bx_reply *reply, const char *reason)
{
    finish other = STOP(reason, BX_STOP_END);

    for (size_t i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++) {
        if (strcmp(reason, finishes[i].reason) == 0)
            return finishes[i];
    }
    if (bx_reply_blocks(reply) == 0)
        other = (finish)FAIL(reason, BX_FAILURE_SERVER);
    return other;
}

static int read_finish(bx_reply *reply, const json_t *candidate, bx_error **err)
{
    const char *reason = bx_block_text(candidate, "finishReason");
    const char *words = bx_block_text(candidate, "finishMessage");
    finish found;

    if (*reason == '\0')
        return 0;
    found = find_finish(reply, reason);
    if (found.is_failure) {
        bx_reply_failure failure = { .kind = found.kind };
        bx_autobuf bx_buf text = BX_BUF_INIT;

        if (bx_buf_printf(&text, "the model's reply ended with %s%s%s", reason,
                          *words != '\0' ? ": " : "", words) < 0)
            return bx_error_set_nomem(err);
        bx_reply_failure_say(&failure, text.data);
        bx_reply_fail(reply, &failure);
        return 0;
    }
    if (finish_open(reply, err) < 0)
        return -1;
    bx_reply_set_stop(reply, found.stop);
    bx_reply_end(reply);
    return 0;
}

/* One reply is asked for, and others there are none. */
static int read_candidate(bx_reply *reply, const json_t *candidate,
                          bx_error **err)
{
    const json_t *parts =
        json_object_get(json_object_get(candidate, "content"), "parts");
    const json_t *part;
    size_t i;

    if (count_of(candidate, "index") != 0)
        return 0;
    json_array_foreach(parts, i, part)
    {
        if (read_part(reply, part, err) < 0)
            return -1;
    }
    return read_finish(reply, candidate, err);
}

static int read_chunk(bx_reply *reply, const json_t *chunk, bx_error **err)
{
    const json_t *candidates = json_object_get(chunk, "candidates");
    const char *model = bx_block_text(chunk, "modelVersion");
    const json_t *candidate;
    size_t i;

    if (json_is_object(json_object_get(chunk, "error"))) {
        bx_reply_failure failure;

        bx_gemini_read_failure(0, chunk, &failure);
        bx_reply_fail(reply, &failure);
        return 0;
    }
    if (*model != '\0' && bx_reply_set_model(reply, model, err) < 0)
        return -1;
    json_array_foreach(candidates, i, candidate)
    {
        if (!bx_reply_is_ended(reply) &&
            read_candidate(reply, candidate, err) < 0)
            return -1;
    }
    if (!bx_reply_is_ended(reply) && json_array_size(candidates) == 0 &&
        *bx_block_text(json_object_get(chunk, "promptFeedback"),
                       "blockReason") != '\0') {
        bx_reply_set_stop(reply, BX_STOP_REFUSAL);
        bx_reply_end(reply);
    }
    return 0;
}

/* Events have no names here; proxies give them some, and end with a word. */
static int read_event(bx_reply *reply, const char *event, const char *data,
                      size_t bytes, bx_error **err)
{
    json_t *value;
    int status = 0;

    (void)event;
    if (strcmp(data, "[DONE]") == 0 || bx_reply_failure_of(reply) != NULL)
        return 0;
    /* A NUL in a text is a character like others, and is replaced there. Which
     * of two equal keys would count is not for us to guess. */
    value =
        json_loadb(data, bytes, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value)) {
        /* The counts may come behind the reply's end. */
        read_usage(reply, json_object_get(value, "usageMetadata"));
        if (!bx_reply_is_ended(reply))
            status = read_chunk(reply, value, err);
    } else if (!bx_reply_is_ended(reply)) {
        status = bx_error_set(err, BX_ERR_INVALID,
                              "gemini: expected events that are an object of "
                              "JSON");
    }
    json_decref(value);
    return status;
}

static int read_end(bx_reply *reply, bx_error **err)
{
    if (bx_reply_is_ended(reply))
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "gemini: the stream ended without finishReason");
}

static int read_count(const json_t *body, uint64_t *ret_tokens, bx_error **err)
{
    return bx_count_read(body, "gemini", "totalTokens", ret_tokens, err);
}

const bx_protocol bx_protocol_gemini = {
    .name = BX_GEMINI_NAME,
    .key_header = "x-goog-api-key",
    .key_prefix = "",
    .write = bx_gemini_write,
    .write_count = bx_gemini_write_count,
    .read_count = read_count,
    .read_event = read_event,
    .read_end = read_end,
    .read_failure = bx_gemini_read_failure,
};
