#include "tool/tool.h"

#include <string.h>

#include "base/buf.h"
#include "tool/registry_entry.h"

bx_tool *bx_tool_ref(bx_tool *tool)
{
    bx_entry_ref((bx_entry *)tool);
    return tool;
}

void bx_tool_unref(bx_tool *tool)
{
    bx_entry_unref((bx_entry *)tool);
}

const char *bx_tool_source_name(bx_tool_source source)
{
    static const char *const names[] = {
        [BX_TOOL_BUILTIN] = "built-in",
        [BX_TOOL_USER] = "user",
        [BX_TOOL_WORKSPACE] = "workspace",
        [BX_TOOL_REMOTE] = "mcp",
    };

    return names[source];
}

const char *bx_tool_status_name(bx_tool_status status)
{
    static const char *const names[] = {
        [BX_TOOL_READY] = "ready",     [BX_TOOL_UNAPPROVED] = "unapproved",
        [BX_TOOL_CHANGED] = "changed", [BX_TOOL_FORBIDDEN] = "forbidden",
        [BX_TOOL_BROKEN] = "broken",
    };

    return names[status];
}

void bx_tool_result_free(bx_tool_result *result)
{
    if (result == NULL)
        return;
    json_decref(result->content);
    json_decref(result->structured);
    json_decref(result->metadata);
    free(result);
}

static int put_block(bx_buf *text, const json_t *block)
{
    const char *type = json_string_value(json_object_get(block, "type"));
    const json_t *words = json_object_get(block, "text");
    const char *kind = json_string_value(json_object_get(block, "mimeType"));
    const json_t *data = json_object_get(block, "data");

    if (words != NULL)
        return bx_buf_append(text, json_string_value(words),
                             json_string_length(words), SIZE_MAX);
    if (data != NULL)
        return bx_buf_printf(text, "[%s: %s, %zu bytes]", type,
                             kind == NULL ? "unknown type" : kind,
                             json_string_length(data) / 4 * 3);
    block = json_object_get(block, "resource");
    words = json_object_get(block, "text");
    if (words != NULL)
        return bx_buf_append(text, json_string_value(words),
                             json_string_length(words), SIZE_MAX);
    return bx_buf_printf(text, "[%s]", type == NULL ? "?" : type);
}

char *bx_tool_result_text(const bx_tool_result *result)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t i;
    const json_t *block;

    json_array_foreach(result->content, i, block)
    {
        if (i > 0 && text.len > 0 && text.data[text.len - 1] != '\n' &&
            bx_buf_puts(&text, "\n") < 0)
            return NULL;
        if (put_block(&text, block) < 0)
            return NULL;
    }
    return bx_buf_take(&text);
}
