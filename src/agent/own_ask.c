/* ask_user: what only a person can decide. */
#include <string.h>

#include "agent/context_parts.h"
#include "agent/one_line.h"
#include "agent/own.h"
#include "base/utf8.h"

#define QUESTION_MAX (8 * 1024)
#define CHOICE_MAX 200
#define ANSWER_MAX (64 * 1024)

/* Each on a line of its own, so that none looks like more than one. */
static json_t *clean_choices(const json_t *choices)
{
    json_t *clean = json_array();
    size_t i;
    json_t *item;

    json_array_foreach(choices, i, item)
    {
        bx_autofree char *line =
            bx_one_line(json_string_value(item), json_string_length(item),
                        CHOICE_MAX, NULL);

        if (clean != NULL &&
            (line == NULL ||
             json_array_append_new(clean, json_string(line)) < 0)) {
            json_decref(clean);
            clean = NULL;
        }
    }
    return clean;
}

static int tell_answer(const char *answer, json_t **ret_content, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t bytes = strlen(answer);

    if (bytes > ANSWER_MAX || !bx_utf8_is_valid(answer, bytes))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the answer is not UTF-8 of at most %d bytes",
                            ANSWER_MAX);
    if (bytes == 0)
        return bx_own_answer("The user gave an empty answer.", ret_content,
                             err);
    if (bx_buf_printf(&text, "The user answered:\n%s", answer) < 0)
        return bx_error_set_nomem(err);
    return bx_own_answer(text.data, ret_content, err);
}

static int run(void *data, const bx_own_call *call, json_t **ret_content,
               bx_error **err)
{
    const bx_context *context = data;
    const char *question = bx_own_text(call, "question");
    const json_t *choices = json_object_get(call->input, "choices");
    bx_autofree char *answer = NULL;
    json_t *clean = NULL;

    if (strlen(question) > QUESTION_MAX)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "the question has more than %d bytes; ask in fewer "
                            "words",
                            QUESTION_MAX);
    if (choices != NULL && (clean = clean_choices(choices)) == NULL)
        return bx_error_set_nomem(err);
    if (context->config.has_person && context->config.ask != NULL)
        answer =
            context->config.ask(context->config.ask_context, question, clean);
    json_decref(clean);
    if (answer == NULL)
        return bx_error_set(err, BX_ERR_DENIED,
                            "nobody is there to answer; decide yourself what "
                            "is safe, or leave it and say in the end what "
                            "needs an answer");
    return tell_answer(answer, ret_content, err);
}

const bx_own_tool bx_own_ask = {
    .name = "ask_user",
    .description =
        "Ask the user a question and wait for the answer. Use it only for what "
        "the user alone can decide and what cannot be found out with other "
        "tools. With choices, the user picks one of them or answers freely.",
    .input_schema =
        "{\"type\": \"object\", \"required\": [\"question\"], "
        "\"additionalProperties\": false, \"properties\": {"
        "\"question\": {\"type\": \"string\", \"minLength\": 1, "
        "\"maxLength\": 4000, \"description\": \"One question, with what the "
        "user needs to know to answer it.\"}, "
        "\"choices\": {\"type\": \"array\", \"minItems\": 2, \"maxItems\": 10, "
        "\"items\": {\"type\": \"string\", \"minLength\": 1, "
        "\"maxLength\": 100}, \"description\": \"Short answers to pick "
        "from.\"}}}",
    .is_serial = true,
    .run = run,
};
