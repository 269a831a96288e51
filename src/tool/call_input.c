#include "tool/call_input.h"

#include <string.h>

#include "base/utf8.h"
#include "tool/call_text.h"
#include "tool/registry.h"
#include "tool/schema.h"

static json_t *parse(const char *text, size_t bytes, bx_error **err)
{
    json_error_t problem;
    json_t *value = json_loadb(
        text, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &problem);

    if (json_is_object(value))
        return value;
    if (value != NULL) {
        bx_error_set(err, BX_ERR_INVALID,
                     "input: expected a JSON object such as {\"path\": "
                     "\"a.txt\"}, got %s",
                     json_is_array(value) ? "an array"
                                          : "neither object nor array");
        json_decref(value);
    } else if (!bx_utf8_is_valid(text, bytes)) {
        bx_error_set(err, BX_ERR_INVALID,
                     "input: byte %zu is not UTF-8; JSON is UTF-8, other bytes "
                     "are written as \\u escapes or base64",
                     bx_utf8_span(text, bytes) + 1);
    } else {
        bx_error_set(err, BX_ERR_INVALID,
                     "input: no valid JSON at line %d, column %d: %s",
                     problem.line, problem.column, problem.text);
    }
    return NULL;
}

static int set_name(bx_input *input, const char *name, bx_error **err)
{
    input->argv = calloc(2, sizeof(char *));
    if (input->argv == NULL || (input->argv[0] = strdup(name)) == NULL)
        return bx_error_set_nomem(err);
    input->argc = 1;
    return 0;
}

static int set_argv(bx_input *input, const bx_tool *tool, bx_error **err)
{
    if (tool->manifest->runtime != BX_TOOL_RUNTIME_NONE)
        return bx_manifest_script_argv(tool->manifest, &input->argv,
                                       &input->argc, err);
    if (tool->manifest->input != BX_TOOL_INPUT_FLAGS)
        return set_name(input, tool->name, err);
    input->text_bytes = 0;
    return bx_manifest_flags(tool->manifest, input->value, &input->argv,
                             &input->argc, err);
}

int bx_input_make(const bx_tool *tool, const char *text, size_t text_bytes,
                  bx_input *ret_input, bx_error **err)
{
    bx_autoinput bx_input input = { 0 };

    if (text_bytes > BX_TOOL_INPUT_MAX_BYTES)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "input: %zu bytes, at most %u are accepted; put "
                            "large data into a file",
                            text_bytes, BX_TOOL_INPUT_MAX_BYTES);
    if (text == NULL || text_bytes == 0) {
        text = "{}";
        text_bytes = 2;
    }
    if (!bx_text_is_readable(text, text_bytes))
        return bx_error_set(err, BX_ERR_LIMIT,
                            "input: more than %d JSON values; put large data "
                            "into a string or a file",
                            BX_TEXT_MAX_VALUES);
    input.text = text;
    input.text_bytes = text_bytes;
    input.value = parse(text, text_bytes, err);
    if (input.value == NULL)
        return -1;
    if (bx_schema_validate(tool->manifest->input_schema, input.value, err) < 0)
        return bx_error_wrap(err, "input of '%s'", tool->name);
    if (set_argv(&input, tool, err) < 0)
        return -1;
    *ret_input = input;
    input = (bx_input){ 0 };
    return 0;
}

void bx_input_clear(bx_input *input)
{
    bx_argv_free(input->argv, input->argc);
    json_decref(input->value);
    *input = (bx_input){ 0 };
}
