/* tool_search: tools that are not shown, found by words. What tools say of
 * themselves is theirs, and some come from servers of others: it is data. */
#include "agent/context_parts.h"
#include "agent/own.h"

#define FOUND_MAX 8

static const char *member(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));

    return text == NULL ? "" : text;
}

static int put_found(const bx_context *context, const json_t *found,
                     bx_buf *out, bx_error **err)
{
    bx_autobuf bx_buf lines = BX_BUF_INIT;
    size_t i;
    json_t *item;

    json_array_foreach(found, i, item)
    {
        if (bx_toolset_reveal(context->toolset, member(item, "name"), err) < 0)
            return -1;
        if (bx_buf_printf(&lines, "%s: %s\n", member(item, "name"),
                          member(item, "description")) < 0)
            return bx_error_set_nomem(err);
    }
    if (bx_buf_puts(out, "These can be called from now on; what each says of "
                         "itself:\n") < 0 ||
        bx_envelope_put(&context->config.envelope, "tool_search", lines.data,
                        lines.len, out) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int run(void *data, const bx_own_call *call, json_t **ret_content,
               bx_error **err)
{
    const bx_context *context = data;
    bx_autobuf bx_buf out = BX_BUF_INIT;
    json_t *found;
    int status;

    if (context->toolset == NULL)
        return bx_error_set(err, BX_ERR_INVALID, "there are no tools yet");
    found = bx_toolset_search(context->toolset, bx_own_text(call, "words"),
                              FOUND_MAX, err);
    if (found == NULL)
        return -1;
    if (json_array_size(found) == 0) {
        json_decref(found);
        return bx_own_answer("No tool fits these words. Try others, or fewer.",
                             ret_content, err);
    }
    status = put_found(context, found, &out, err);
    json_decref(found);
    return status < 0 ? -1 : bx_own_answer(out.data, ret_content, err);
}

const bx_own_tool bx_own_search = {
    .name = "tool_search",
    .description =
        "Find tools that are not shown to you, by words of what they do. Those "
        "that are found can be called from the next message on.",
    .input_schema =
        "{\"type\": \"object\", \"required\": [\"words\"], "
        "\"additionalProperties\": false, \"properties\": {"
        "\"words\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
        "200, \"description\": \"As 'create issue'.\"}}}",
    .is_serial = true,
    .run = run,
};
