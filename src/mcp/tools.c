/* tools/list and tools/call. What a model sends is input of a tool, checked by
 * the registry; nothing in it can approve a call or widen a grant. */
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "mcp/server_state.h"

/* ---- tools/list ------------------------------------------------------ */

static bx_level level_of(const bx_mcp_server *server, const bx_tool *tool)
{
    return bx_policy_tool_level(server->config.policy, tool->name,
                                tool->manifest->level, NULL);
}

/* What a client may call: nothing that waits for approval, nothing forbidden;
 * what is dangerous only when a person agreed to it beforehand. */
static bool is_offered(const bx_mcp_server *server, const bx_tool *tool)
{
    bx_level level;

    if (tool->status != BX_TOOL_READY || tool->manifest == NULL)
        return false;
    level = level_of(server, tool);
    return level < BX_LEVEL_DANGEROUS ||
           (level == BX_LEVEL_DANGEROUS && server->config.allows_dangerous);
}

static bool is_network(const json_t *grant)
{
    const char *text = json_string_value(grant);

    return text != NULL && strncmp(text, "network:", 8) == 0;
}

/* Does its effective policy give any of the network it asks for? What is not
 * given at all is a line that says so; what is given in part is one too. */
static bool has_network(const bx_mcp_server *server, const bx_tool *tool)
{
    bx_autofree char *text =
        bx_registry_explain(server->registry, tool->name, NULL, true, NULL);
    json_t *about = text == NULL ? NULL : json_loads(text, 0, NULL);
    const json_t *asks =
        json_object_get(json_object_get(about, "asks_for"), "permissions");
    const json_t *missing = json_object_get(about, "not_given");
    long given = about == NULL ? 1 : 0; /* not known: the wider hint */
    size_t i;
    json_t *grant;

    json_array_foreach(asks, i, grant) given += is_network(grant);
    json_array_foreach(missing, i, grant) given -=
        is_network(grant) &&
        strstr(json_string_value(grant), ": given in part") == NULL;
    json_decref(about);
    return given > 0;
}

static json_t *annotate(const bx_mcp_server *server, const bx_tool *tool)
{
    bool is_reading = level_of(server, tool) <= BX_LEVEL_READ_ONLY;

    return json_pack("{s:s*, s:b, s:b, s:b, s:b}", "title",
                     tool->manifest->title, "readOnlyHint", is_reading,
                     "destructiveHint", !is_reading, "idempotentHint",
                     is_reading, "openWorldHint", has_network(server, tool));
}

/* MCP wants "type": "object" at the top of what a tool takes. */
static json_t *object_schema(const json_t *schema)
{
    json_t *copy = schema == NULL ? json_object() : json_copy((json_t *)schema);

    if (copy != NULL && !json_is_object(copy)) { /* true */
        json_decref(copy);
        copy = json_object();
    }
    json_object_set_new(copy, "type", json_string("object"));
    return copy;
}

static bool is_object_schema(const json_t *schema)
{
    const char *type = json_string_value(json_object_get(schema, "type"));

    return type != NULL && strcmp(type, "object") == 0;
}

static json_t *describe(const bx_flight *flight, const bx_tool *tool)
{
    const bx_manifest *manifest = tool->manifest;
    bx_revision revision = flight->terms.revision;
    json_t *shown =
        json_pack("{s:s, s:s, s:o}", "name", tool->name, "description",
                  manifest->description, "inputSchema",
                  object_schema(manifest->input_schema));

    if (revision >= BX_REVISION_2025_03_26)
        json_object_set_new(shown, "annotations",
                            annotate(flight->server, tool));
    if (revision < BX_REVISION_2025_06_18)
        return shown;
    if (manifest->title != NULL)
        json_object_set_new(shown, "title", json_string(manifest->title));
    if (manifest->output_schema != NULL &&
        is_object_schema(manifest->output_schema))
        json_object_set(shown, "outputSchema", manifest->output_schema);
    return shown;
}

static json_t *make_page(const bx_flight *flight, bx_tool **tools, size_t count,
                         const char *cursor)
{
    json_t *page = json_array();
    const char *last = NULL;
    bool is_more = false;
    json_t *result;

    for (size_t i = 0; i < count && !is_more; i++) {
        if (!is_offered(flight->server, tools[i]) ||
            (cursor != NULL && strcmp(tools[i]->name, cursor) <= 0))
            continue;
        is_more = json_array_size(page) == bx_page_items(flight->server);
        if (is_more)
            break;
        json_array_append_new(page, describe(flight, tools[i]));
        last = tools[i]->name;
    }
    result = json_pack("{s:o}", "tools", page);
    if (is_more)
        json_object_set_new(result, "nextCursor", json_string(last));
    return result;
}

json_t *bx_method_tools_list(bx_flight *flight, json_t **ret_error)
{
    bx_autoerror bx_error *err = NULL;
    bx_tool **tools;
    size_t count;
    const char *cursor;
    json_t *result;

    if (bx_page_cursor(flight, &cursor, ret_error) < 0)
        return NULL;
    if (cursor != NULL && (cursor[0] == '\0' || strlen(cursor) > 64)) {
        *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                                  "'cursor': none that was given out");
        return NULL;
    }
    if (bx_registry_list(flight->server->registry, &tools, &count, &err) < 0) {
        *ret_error =
            bx_rpc_error(BX_RPC_INTERNAL_ERROR, "%s", bx_error_message(err));
        return NULL;
    }
    result = make_page(flight, tools, count, cursor);
    bx_registry_list_free(tools, count);
    return result;
}

/* ---- tools/call ------------------------------------------------------ */

static json_t *error_result(const char *text)
{
    return json_pack("{s:[{s:s, s:s}], s:b}", "content", "type", "text", "text",
                     text, "isError", 1);
}

/* What was not called: a fault of the request, of the input, or a refusal. */
static json_t *refuse(const bx_flight *flight, const char *name,
                      const bx_error *err, json_t **ret_error)
{
    bx_code code = bx_error_code(err);
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (code == BX_ERR_NOT_FOUND ||
        (flight->terms.revision < BX_REVISION_2025_11_25 &&
         (code == BX_ERR_INVALID || code == BX_ERR_LIMIT))) {
        *ret_error =
            bx_rpc_error(BX_RPC_INVALID_PARAMS, "%s", bx_error_message(err));
        return NULL;
    }
    if (code != BX_ERR_INVALID && code != BX_ERR_LIMIT &&
        code != BX_ERR_DENIED && code != BX_ERR_CANCELLED &&
        code != BX_ERR_TIMEOUT) {
        bx_mcp_log(flight->server, BX_LOG_ERROR, "%s", bx_error_message(err));
        *ret_error =
            bx_rpc_error(BX_RPC_INTERNAL_ERROR, "%s", bx_error_message(err));
        return NULL;
    }
    if (code == BX_ERR_DENIED)
        bx_client_log(flight, BX_LOG_WARNING, name,
                      json_pack("{s:s}", "denied", bx_error_message(err)));
    if (bx_buf_puts(&text, bx_error_message(err)) < 0)
        return NULL;
    return error_result(text.data);
}

/* Refusals and notes, to whoever listens to the log. */
static void log_result(const bx_flight *flight, const char *name,
                       const bx_tool_result *result)
{
    const json_t *host = json_object_get(result->metadata, "boxagnts");
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(host, "denied"), i, item) bx_client_log(
        flight, BX_LOG_WARNING, name, json_pack("{s:O}", "denied", item));
    json_array_foreach(json_object_get(host, "notes"), i, item) bx_client_log(
        flight, BX_LOG_INFO, name, json_pack("{s:O}", "note", item));
    bx_client_log(
        flight, BX_LOG_DEBUG, name,
        json_pack("{s:s, s:I, s:I}", "code", bx_code_name(result->code),
                  "wall_us", (json_int_t)(result->stats.wall_ns / 1000),
                  "memory_bytes", (json_int_t)result->stats.memory_bytes));
}

/* A client that was shown an output schema takes a result without structured
 * output for a fault of the protocol. */
static bool lacks_structured(const bx_flight *flight, const char *name,
                             const bx_tool_result *result)
{
    bx_autotool bx_tool *tool =
        bx_registry_get(flight->server->registry, name, NULL);

    return !result->is_error && result->structured == NULL && tool != NULL &&
           tool->manifest != NULL && tool->manifest->output_schema != NULL;
}

static json_t *show_result(const bx_flight *flight, const char *name,
                           const bx_tool_result *result)
{
    json_t *shown;
    bool is_error = result->is_error;

    if (lacks_structured(flight, name, result)) {
        is_error = true;
        json_array_append_new(
            result->content,
            json_pack("{s:s, s:s}", "type", "text", "text",
                      "the tool did not give the structured output that its "
                      "output schema promises"));
    }
    shown = json_pack("{s:O, s:b}", "content", result->content, "isError",
                      is_error);
    if (result->structured != NULL &&
        flight->terms.revision >= BX_REVISION_2025_06_18)
        json_object_set(shown, "structuredContent", result->structured);
    if (json_object_size(result->metadata) > 0)
        json_object_set_new(
            shown, "_meta",
            json_pack("{s:O}", "boxagnts/metadata", result->metadata));
    return shown;
}

static json_t *call_tool(const bx_flight *flight, const char *name,
                         const json_t *arguments, json_t **ret_error)
{
    bx_autoerror bx_error *err = NULL;
    bx_autofree char *input =
        arguments == NULL ? NULL : bx_json_text(arguments, JSON_COMPACT);
    bx_tool_result *result;
    json_t *shown;
    const bx_tool_call call = {
        .name = name,
        .input = input,
        .input_bytes = input == NULL ? 0 : strlen(input),
        .caller = "mcp",
        .is_approved = flight->server->config.allows_dangerous,
        .cancel = flight->cancel,
    };

    if (arguments != NULL && input == NULL)
        return NULL;
    if (bx_registry_call(flight->server->registry, &call, &result, &err) < 0)
        return refuse(flight, name, err, ret_error);
    log_result(flight, name, result);
    shown = show_result(flight, name, result);
    bx_tool_result_free(result);
    return shown;
}

json_t *bx_method_tools_call(bx_flight *flight, json_t **ret_error)
{
    const char *name = bx_rpc_text(flight->rpc.params, "name");
    const json_t *arguments = json_object_get(flight->rpc.params, "arguments");

    if (name == NULL)
        *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                                  "'name': expected a tool's name, a string");
    else if (arguments != NULL && !json_is_object(arguments))
        *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                                  "'arguments': expected an object");
    else
        return call_tool(flight, name, arguments, ret_error);
    return NULL;
}
