#include "tool/call_answer.h"

#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "tool/call_text.h"
#include "tool/schema.h"

/* One being made: the result, and what the host has to say about it. */
typedef struct bx_answer {
    const bx_answer_run *run;
    bx_tool_result *result;
    json_t *notes;
} bx_answer;

static void note(bx_answer *answer, const char *format, ...) BX_PRINTF(2, 3);

static void note(bx_answer *answer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    json_array_append_new(answer->notes, json_vsprintf(format, args));
    va_end(args);
}

static int add_text(bx_answer *answer, const char *text, size_t bytes)
{
    bool is_replaced = false;
    json_t *words = bx_text_json(text, bytes, &is_replaced);
    json_t *block = json_pack("{s:s, s:o}", "type", "text", "text", words);

    if (is_replaced)
        note(answer, "bytes that are not UTF-8 were replaced by U+FFFD");
    return json_array_append_new(answer->result->content, block);
}

/* ---- a result in JSON ------------------------------------------------ */

static bool has_only(const json_t *object, const char *const *keys,
                     size_t keys_count)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;

        while (i < keys_count && strcmp(keys[i], key) != 0)
            i++;
        if (i == keys_count)
            return false;
    }
    return true;
}

/* An object that says it is a result, in every part; otherwise it is text, and
 * ret_why, when it came close, is what is wrong. */
static bool is_result(const json_t *value, const char **ret_why)
{
    static const char *const keys[] = { "content", "is_error", "metadata",
                                        "structured" };
    const json_t *content = json_object_get(value, "content");
    const json_t *is_error = json_object_get(value, "is_error");
    const json_t *metadata = json_object_get(value, "metadata");
    const json_t *structured = json_object_get(value, "structured");

    if (!json_is_object(value) || !has_only(value, keys, 4) ||
        (content == NULL && structured == NULL))
        return false;
    if (content != NULL && !json_is_string(content) &&
        !bx_answer_check_blocks(content, ret_why))
        return false;
    if (is_error != NULL && !json_is_boolean(is_error))
        *ret_why = "\"is_error\" is no boolean";
    else if (metadata != NULL && !json_is_object(metadata))
        *ret_why = "\"metadata\" is no object";
    else if (structured != NULL && !json_is_object(structured))
        *ret_why = "\"structured\" is no object";
    else
        return true;
    return false;
}

static int add_json_text(bx_answer *answer, const json_t *value)
{
    bx_autofree char *text =
        bx_json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);

    return text == NULL ? -1 : add_text(answer, text, strlen(text));
}

static int use_result(bx_answer *answer, const json_t *value)
{
    bx_tool_result *result = answer->result;
    json_t *content = json_object_get(value, "content");
    json_t *metadata = json_object_get(value, "metadata");

    result->is_error =
        result->is_error || json_is_true(json_object_get(value, "is_error"));
    result->structured = json_incref(json_object_get(value, "structured"));
    if (metadata != NULL) {
        json_decref(result->metadata);
        result->metadata = json_incref(metadata);
        json_object_del(metadata, "boxagnts"); /* the host's alone */
    }
    if (json_is_string(content))
        return add_text(answer, json_string_value(content),
                        json_string_length(content));
    if (content == NULL)
        return add_json_text(answer, result->structured);
    json_decref(result->content);
    result->content = json_incref(content);
    return 0;
}

/* A tool with an output schema may print the object itself. */
static int use_structured(bx_answer *answer, json_t *value)
{
    answer->result->structured = json_incref(value);
    return add_json_text(answer, value);
}

static int use_output(bx_answer *answer)
{
    const bx_answer_run *run = answer->run;
    const char *text = run->output[0];
    size_t bytes = run->output_bytes[0];
    size_t begin = strspn(text, " \t\r\n");
    const char *why = NULL;
    json_t *value = NULL;
    int result;

    if (begin < bytes && text[begin] == '{')
        value = bx_text_load(text, bytes);
    if (value != NULL && is_result(value, &why))
        result = use_result(answer, value);
    else if (json_is_object(value) && why == NULL &&
             run->manifest->output_schema != NULL)
        result = use_structured(answer, value);
    else
        result = add_text(answer, text, bytes);
    if (why != NULL)
        note(answer, "the output looks like a result but is taken as text: %s",
             why);
    json_decref(value);
    return result;
}

/* ---- failures -------------------------------------------------------- */

/* What the caller can do about it. */
static const char *advice(bx_code code)
{
    switch (code) {
    case BX_ERR_TIMEOUT:
        return "ask for less in one call, or let wasm-timeout be longer";
    case BX_ERR_FUEL:
        return "ask for less in one call, or let wasm-fuel be more";
    case BX_ERR_MEMORY:
        return "ask for less in one call, or let wasm-max-memory-size be more";
    case BX_ERR_STACK:
        return "nest less deeply, or let wasm-max-wasm-stack be more";
    case BX_ERR_TRAP:
        return "the tool failed inside; other input may work";
    case BX_ERR_CANCELLED:
        return "the caller ended it";
    default:
        return "see the message";
    }
}

/* What it printed before: the end of stderr, the begin of stdout. */
static int add_remains(bx_answer *answer)
{
    const bx_answer_run *run = answer->run;
    size_t err_bytes = run->output_bytes[1];
    size_t out_bytes = run->output_bytes[0];
    size_t skipped = 0;

    if (err_bytes > BX_ANSWER_STDERR_MAX_BYTES) {
        skipped = err_bytes - BX_ANSWER_STDERR_MAX_BYTES;
        note(answer, "the first %zu bytes of stderr are left out", skipped);
    }
    if (err_bytes > 0 &&
        add_text(answer, run->output[1] + skipped, err_bytes - skipped) < 0)
        return -1;
    return out_bytes > 0 ? add_text(answer, run->output[0], out_bytes) : 0;
}

static int use_ended(bx_answer *answer)
{
    const bx_answer_run *run = answer->run;
    bx_autobuf bx_buf text = BX_BUF_INIT;

    answer->result->is_error = true;
    if (bx_buf_printf(&text, "%s: %s; %s", bx_code_name(run->code),
                      run->message, advice(run->code)) < 0 ||
        add_text(answer, text.data, text.len) < 0)
        return -1;
    return add_remains(answer);
}

/* The tool's own result when it printed one, otherwise stderr is the message.
 */
static int use_failed(bx_answer *answer)
{
    const bx_answer_run *run = answer->run;
    bx_autobuf bx_buf text = BX_BUF_INIT;
    const char *why = NULL;
    json_t *value;
    bool is_own;

    answer->result->is_error = true;
    value = bx_text_load(run->output[0], run->output_bytes[0]);
    is_own = value != NULL && is_result(value, &why);
    json_decref(value);
    if (is_own)
        return use_output(answer);
    if (run->output_bytes[1] == 0 &&
        (bx_buf_printf(&text, "the tool ended with status %u",
                       (unsigned)run->exit_code) < 0 ||
         add_text(answer, text.data, text.len) < 0))
        return -1;
    return add_remains(answer);
}

/* ---- all of it ------------------------------------------------------- */

/* A model is told that the tool broke its word, not given something else. */
static int check_structured(bx_answer *answer)
{
    bx_autoerror bx_error *problem = NULL;
    bx_tool_result *result = answer->result;
    const json_t *schema = answer->run->manifest->output_schema;
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (schema == NULL || result->structured == NULL || result->is_error ||
        bx_schema_validate(schema, result->structured, &problem) == 0)
        return 0;
    result->is_error = true;
    json_decref(result->structured);
    result->structured = NULL;
    if (bx_buf_printf(&text,
                      "the tool's output is not as its output schema "
                      "says: %s",
                      bx_error_message(problem)) < 0)
        return -1;
    return add_text(answer, text.data, text.len);
}

static int put_host_metadata(bx_answer *answer)
{
    const bx_answer_run *run = answer->run;
    json_t *host = json_object();
    bool has_denied = json_array_size(run->denied) > 0;

    if (run->code != BX_OK)
        json_object_set_new(host, "code", json_string(bx_code_name(run->code)));
    if (run->exit_code != 0)
        json_object_set_new(host, "exit_code",
                            json_integer((json_int_t)run->exit_code));
    if (has_denied)
        json_object_set(host, "denied", run->denied);
    if (json_array_size(answer->notes) > 0)
        json_object_set(host, "notes", answer->notes);
    if (json_object_size(host) == 0) {
        json_decref(host);
        return 0;
    }
    return json_object_set_new(answer->result->metadata, "boxagnts", host);
}

static int fill(bx_answer *answer)
{
    const bx_answer_run *run = answer->run;
    int failed;

    if (run->is_cut)
        note(answer,
             "the output was cut at max-output (%zu and %zu bytes are "
             "kept)",
             run->output_bytes[0], run->output_bytes[1]);
    if (run->code != BX_OK)
        failed = use_ended(answer);
    else if (run->exit_code != 0)
        failed = use_failed(answer);
    else
        failed = use_output(answer);
    if (failed < 0 || check_structured(answer) < 0)
        return -1;
    return put_host_metadata(answer);
}

bx_tool_result *bx_answer_make(const bx_answer_run *run, bx_error **err)
{
    bx_answer answer = { .run = run,
                         .result = calloc(1, sizeof(bx_tool_result)),
                         .notes = json_array() };

    if (answer.result != NULL) {
        answer.result->content = json_array();
        answer.result->metadata = json_object();
        answer.result->code = run->code;
        answer.result->is_error = run->is_error;
        answer.result->stats = *run->stats;
    }
    if (answer.result == NULL || fill(&answer) < 0) {
        bx_error_set_nomem(err);
        bx_tool_result_free(answer.result);
        answer.result = NULL;
    }
    json_decref(answer.notes);
    return answer.result;
}
