#include "agent/own.h"

#include <string.h>

#include "agent/context_parts.h"

const char *bx_own_text(const bx_own_call *call, const char *key)
{
    return json_string_value(json_object_get(call->input, key));
}

int bx_own_answer(const char *text, json_t **ret_content, bx_error **err)
{
    json_t *content =
        text == NULL ? NULL
                     : json_pack("[{s:s, s:s}]", "type", "text", "text", text);

    if (content == NULL)
        return bx_error_set_nomem(err);
    *ret_content = content;
    return 0;
}

int bx_context_add_tools(bx_context *context, bx_toolset *toolset,
                         bx_error **err)
{
    const struct {
        const bx_own_tool *tool;
        bool is_wanted;
    } tools[] = {
        { &bx_own_ask,
          context->config.has_person && context->config.ask != NULL },
        { &bx_own_plan, true },
        { &bx_own_memory, true },
        { &bx_own_skill, bx_skills_count(context->skills) > 0 },
        { &bx_own_search, bx_toolset_has_hidden(toolset) },
    };

    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
        if (tools[i].is_wanted &&
            bx_toolset_add(toolset, tools[i].tool, context, err) < 0)
            return -1;
    }
    context->toolset = toolset;
    return 0;
}

int bx_context_load_note(bx_context *context, const json_t *note,
                         bx_error **err)
{
    const char *type = json_string_value(json_object_get(note, "type"));

    if (type == NULL || strcmp(type, "plan") != 0)
        return 0;
    return bx_own_plan_load(context, note, err);
}
