/* A conversation as Gemini's contents. */
#include <string.h>

#include "agent/models/gemini.h"

/* What the API documents for a call that another model, or people, wrote. */
#define NO_SIGNATURE "skip_thought_signature_validator"

static bool begins_with(const char *text, const char *begin)
{
    return strncmp(text, begin, strlen(begin)) == 0;
}

bool bx_gemini_is_older(const bx_turn_request *request)
{
    const char *last = strrchr(request->model->id, '/');
    const char *id = last != NULL ? last + 1 : request->model->id;

    return begins_with(id, "gemini-1") || begins_with(id, "gemini-2") ||
           begins_with(id, "gemma-");
}

/* What is being written. */
typedef struct writing {
    const bx_turn_request *request;
    json_t *contents;
    json_t *ids; /* a call's id to the provider's own */
} writing;

static void writing_clear(writing *w)
{
    json_decref(w->contents);
    json_decref(w->ids);
}

static json_t *write_image(const json_t *block)
{
    return json_pack("{s:{s:O, s:O}}", "inlineData", "mimeType",
                     json_object_get(block, "media_type"), "data",
                     json_object_get(block, "data"));
}

static const json_t *signature_of(const json_t *block)
{
    const json_t *value = json_object_get(bx_block_carry(block, BX_GEMINI_NAME),
                                          BX_GEMINI_SIGNATURE);

    return json_string_length(value) > 0 ? value : NULL;
}

static int sign(json_t *part, const json_t *signature)
{
    return signature == NULL
               ? 0
               : json_object_set(part, "thoughtSignature", (json_t *)signature);
}

/* Text goes without a signature, a thought does not. null: nothing is sent. */
static json_t *write_text(const json_t *block)
{
    const json_t *signature = signature_of(block);
    bool is_thought = bx_block_is(block, "thinking");
    json_t *part;

    if (signature == NULL &&
        (is_thought || bx_text_is_blank(bx_block_text(block, "text"))))
        return json_null();
    part = json_pack("{s:O}", "text", json_object_get(block, "text"));
    if ((is_thought && json_object_set_new(part, "thought", json_true()) < 0) ||
        sign(part, signature) < 0) {
        json_decref(part);
        return NULL;
    }
    return part;
}

static json_t *write_call(writing *w, const json_t *block, bool is_first)
{
    const char *own =
        bx_block_text(bx_block_carry(block, BX_GEMINI_NAME), BX_GEMINI_ID);
    const json_t *signature = signature_of(block);
    json_t *call =
        json_pack("{s:O, s:O}", "name", json_object_get(block, "name"), "args",
                  json_object_get(block, "input"));
    json_t *part = json_pack("{s:o}", "functionCall", call);
    int status = part == NULL ? -1 : 0;

    if (status == 0 && *own != '\0' &&
        (json_object_set_new(call, "id", json_string(own)) < 0 ||
         json_object_set_new(w->ids, bx_block_text(block, "id"),
                             json_string(own)) < 0))
        status = -1;
    if (status == 0 && signature != NULL)
        status = sign(part, signature);
    else if (status == 0 && is_first && !bx_gemini_is_older(w->request))
        status = json_object_set_new(part, "thoughtSignature",
                                     json_string(NO_SIGNATURE));
    if (status < 0) {
        json_decref(part);
        return NULL;
    }
    return part;
}

/* The images of a result, into parts. */
static int write_result_images(const json_t *block, json_t *parts)
{
    json_t *inner;
    size_t i;

    json_array_foreach(bx_message_blocks(block), i, inner)
    {
        if (bx_block_is(inner, "image") &&
            json_array_append_new(parts, write_image(inner)) < 0)
            return -1;
    }
    return 0;
}

static json_t *write_result(const writing *w, const json_t *block)
{
    bool is_error = json_is_true(json_object_get(block, "is_error"));
    bx_autofree char *text = bx_message_text(block);
    json_t *images = json_array();
    json_t *result = NULL;

    if (text != NULL && images != NULL &&
        (bx_gemini_is_older(w->request) ||
         write_result_images(block, images) == 0))
        result =
            json_pack("{s:O*, s:O, s:{s:o}}", "id",
                      json_object_get(w->ids, bx_block_text(block, "id")),
                      "name", json_object_get(block, "name"), "response",
                      is_error ? "error" : "output", json_string_nocheck(text));
    if (result != NULL && json_array_size(images) > 0 &&
        json_object_set(result, "parts", images) < 0) {
        json_decref(result);
        result = NULL;
    }
    json_decref(images);
    return json_pack("{s:o}", "functionResponse", result);
}

/* Borrowed results by their ids. */
static json_t *index_results(const json_t *message)
{
    json_t *results = json_object();
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        if (bx_block_is(block, "tool_result") &&
            json_object_set(results, bx_block_text(block, "id"), block) < 0) {
            json_decref(results);
            return NULL;
        }
    }
    return results;
}

/* Results first, in the order of the calls: without an id that is how the API
 * knows which is which. Images that no result may have stand behind them. */
static int write_results(const writing *w, const json_t *message,
                         const json_t *calls, json_t *parts)
{
    json_t *results = index_results(message);
    json_t *call;
    size_t i;
    int status = results == NULL ? -1 : 0;

    for (int is_images = 0; is_images <= (int)bx_gemini_is_older(w->request);
         is_images++) {
        json_array_foreach(calls, i, call)
        {
            const json_t *result =
                json_object_get(results, bx_block_text(call, "id"));

            if (result == NULL || status < 0)
                continue;
            status = is_images ? write_result_images(result, parts)
                               : json_array_append_new(parts,
                                                       write_result(w, result));
        }
    }
    json_decref(results);
    return status;
}

static int write_blocks(writing *w, const json_t *message, json_t *parts)
{
    bool is_first = true;
    json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(message), i, block)
    {
        json_t *part;

        if (bx_block_is(block, "tool_result"))
            continue;
        if (bx_block_is(block, "tool_call")) {
            part = write_call(w, block, is_first);
            is_first = false;
        } else if (bx_block_is(block, "image")) {
            part = write_image(block);
        } else {
            part = write_text(block);
        }
        if (!json_is_null(part) && json_array_append_new(parts, part) < 0)
            return -1;
    }
    return 0;
}

static int write_message(writing *w, const json_t *message,
                         const json_t *before)
{
    bool is_user = strcmp(bx_message_role(message), "user") == 0;
    json_t *parts = json_array();

    if (parts == NULL ||
        write_results(w, message, bx_message_blocks(before), parts) < 0 ||
        write_blocks(w, message, parts) < 0) {
        json_decref(parts);
        return -1;
    }
    if (json_array_size(parts) == 0) { /* which the API refuses */
        json_decref(parts);
        return 0;
    }
    return json_array_append_new(
        w->contents, json_pack("{s:s, s:o}", "role", is_user ? "user" : "model",
                               "parts", parts));
}

int bx_gemini_write_contents(const bx_turn_request *request, json_t *body)
{
    __attribute__((cleanup(writing_clear)))
    writing w = { request, json_array(), json_object() };
    const json_t *before = NULL;
    json_t *message;
    size_t i;

    json_array_foreach(request->messages, i, message)
    {
        if (write_message(&w, message, before) < 0)
            return -1;
        before = message;
    }
    return json_object_set(body, "contents", w.contents);
}
