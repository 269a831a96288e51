/* resources/list, resources/read, templates and completion: the workspace's
 * files. A URI is hostile; what it leads to is read through src/wasi, under the
 * workspace's policy. */
#include <string.h>
#include <time.h>

#include "mcp/content_type.h"
#include "mcp/server_state.h"
#include "mcp/uri.h"
#include "mcp/watched.h"

#define COMPLETION_MAX 100 /* completion/complete, 2026-07-28 */

/* ---- the audit ------------------------------------------------------- */

typedef struct bx_resource_audit {
    const bx_flight *flight;
    const char *uri;
} bx_resource_audit;

static void append(const bx_flight *flight, json_t *event)
{
    bx_autoerror bx_error *err = NULL;

    if (event != NULL && flight->server->config.audit != NULL &&
        bx_audit_log_append(flight->server->config.audit, event, &err) < 0)
        bx_mcp_log(flight->server, BX_LOG_ERROR, "audit log: %s",
                   bx_error_message(err));
    json_decref(event);
}

static void on_refusal(void *context, const bx_audit_event *refusal)
{
    const bx_resource_audit *about = context;

    append(about->flight,
           json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "event",
                     "refusal", "caller", "mcp", "resource", about->uri,
                     "decision", "denied", "call", refusal->call, "target",
                     refusal->target, "reason", refusal->reason, "rule",
                     refusal->rule));
    bx_client_log(about->flight, BX_LOG_WARNING, "resources",
                  json_pack("{s:{s:s, s:s, s:s, s:s}}", "denied", "call",
                            refusal->call, "target", refusal->target, "reason",
                            refusal->reason, "rule", refusal->rule));
}

/* ---- errors ---------------------------------------------------------- */

static json_t *fail(const bx_flight *flight, const char *uri,
                    const bx_error *err, json_t **ret_error)
{
    int code = BX_RPC_INVALID_PARAMS;

    if (bx_error_code(err) == BX_ERR_SYSTEM ||
        bx_error_code(err) == BX_ERR_CANCELLED)
        code = BX_RPC_INTERNAL_ERROR;
    else if (bx_error_code(err) == BX_ERR_NOT_FOUND &&
             flight->terms.revision < BX_REVISION_2026_07_28)
        code = BX_RPC_NO_RESOURCE;
    *ret_error = bx_rpc_error(code, "%s", bx_error_message(err));
    if (uri != NULL)
        bx_rpc_error_put_data(*ret_error, json_pack("{s:s}", "uri", uri));
    return NULL;
}

static json_t *refuse_all(json_t **ret_error)
{
    *ret_error =
        bx_rpc_error(BX_RPC_NO_METHOD, "this server shows no resources");
    return NULL;
}

static char *path_of(const bx_flight *flight, const char **ret_uri,
                     json_t **ret_error)
{
    bx_autoerror bx_error *err = NULL;
    char *path;

    *ret_uri = bx_rpc_text(flight->rpc.params, "uri");
    if (*ret_uri == NULL) {
        *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                                  "'uri': expected a string such as "
                                  "\"" BX_URI_SCHEME "/README.md\"");
        return NULL;
    }
    path = bx_uri_parse(*ret_uri, &err);
    if (path == NULL)
        fail(flight, NULL, err, ret_error);
    return path;
}

/* ---- resources/list -------------------------------------------------- */

static json_t *time_text(uint64_t modified_ns)
{
    time_t seconds = (time_t)(modified_ns / 1000000000);
    struct tm parts;
    char text[32];

    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return NULL;
    return json_string(text);
}

static void put_stat(const bx_flight *flight, const char *path,
                     const bx_workspace_ask *ask, json_t *shown)
{
    bx_workspace_stat stat;
    json_t *modified;

    if (bx_workspace_look(flight->server->workspace, path, ask, &stat, NULL) <
        0)
        return;
    json_object_set_new(shown, "size", json_integer((json_int_t)stat.bytes));
    modified = time_text(stat.modified_ns);
    if (modified != NULL && flight->terms.revision >= BX_REVISION_2025_06_18)
        json_object_set_new(shown, "annotations",
                            json_pack("{s:o}", "lastModified", modified));
}

static json_t *describe(const bx_flight *flight, const char *path,
                        const bx_workspace_ask *ask)
{
    bx_autofree char *uri = bx_uri_format(path);
    json_t *shown =
        json_pack("{s:s, s:s, s:s}", "uri", uri == NULL ? "" : uri, "name",
                  path + 1, "mimeType", bx_content_type_of_name(path));

    if (shown != NULL)
        put_stat(flight, path, ask, shown);
    return shown;
}

static json_t *make_page(const bx_flight *flight, char **paths, size_t count,
                         const char *cursor, const bx_workspace_ask *ask)
{
    json_t *page = json_array();
    json_t *result;
    size_t i = 0;

    while (cursor != NULL && i < count && strcmp(paths[i], cursor) <= 0)
        i++;
    for (; i < count && json_array_size(page) < bx_page_items(flight->server);
         i++)
        json_array_append_new(page, describe(flight, paths[i], ask));
    result = json_pack("{s:o}", "resources", page);
    if (i < count)
        json_object_set_new(result, "nextCursor", json_string(paths[i - 1]));
    return result;
}

/* Folders that are refused are left out of a list: they are not told of. */
json_t *bx_method_resources_list(bx_flight *flight, json_t **ret_error)
{
    const bx_workspace_ask ask = { .cancel = flight->cancel };
    bx_autoerror bx_error *err = NULL;
    const char *cursor;
    char **paths;
    size_t count;
    bool is_cut;
    json_t *result;

    if (flight->server->workspace == NULL)
        return refuse_all(ret_error);
    if (bx_page_cursor(flight, &cursor, ret_error) < 0)
        return NULL;
    if (cursor != NULL && cursor[0] != '/') {
        *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                                  "'cursor': none that was given out");
        return NULL;
    }
    if (bx_workspace_list(flight->server->workspace, &ask, &paths, &count,
                          &is_cut, &err) < 0)
        return fail(flight, NULL, err, ret_error);
    if (is_cut)
        bx_client_log(flight, BX_LOG_WARNING, "resources",
                      json_pack("{s:s}", "note",
                                "the workspace has more files than are "
                                "listed; the tool file-glob finds the others"));
    result = make_page(flight, paths, count, cursor, &ask);
    bx_workspace_list_free(paths, count);
    return result;
}

/* ---- resources/read -------------------------------------------------- */

static json_t *make_contents(const char *uri, const char *path,
                             const bx_buf *data)
{
    const char *bytes = data->data == NULL ? "" : data->data;
    bool is_text = bx_content_is_text(bytes, data->len);
    bx_autofree char *blob = NULL;

    if (is_text)
        return json_pack("{s:[{s:s, s:s, s:o}]}", "contents", "uri", uri,
                         "mimeType", bx_content_type(path, bytes, data->len),
                         "text", json_stringn(bytes, data->len));
    blob = bx_content_base64(bytes, data->len);
    return blob == NULL
               ? NULL
               : json_pack("{s:[{s:s, s:s, s:s}]}", "contents", "uri", uri,
                           "mimeType", bx_content_type(path, bytes, data->len),
                           "blob", blob);
}

json_t *bx_method_resources_read(bx_flight *flight, json_t **ret_error)
{
    bx_resource_audit about = { .flight = flight };
    const bx_workspace_ask ask = { flight->cancel, on_refusal, &about };
    bx_autoerror bx_error *err = NULL;
    bx_autobuf bx_buf data = BX_BUF_INIT;
    bx_autofree char *path = NULL;
    const char *uri;
    int result;

    if (flight->server->workspace == NULL)
        return refuse_all(ret_error);
    path = path_of(flight, &uri, ret_error);
    if (path == NULL)
        return NULL;
    about.uri = uri;
    result =
        bx_workspace_read(flight->server->workspace, path, &ask, &data, &err);
    append(flight, json_pack("{s:s, s:s, s:s, s:s, s:I}", "event", "read",
                             "caller", "mcp", "resource", uri, "decision",
                             result == 0                           ? "allowed"
                             : bx_error_code(err) == BX_ERR_DENIED ? "denied"
                                                                   : "failed",
                             "read_bytes", (json_int_t)data.len));
    if (result < 0)
        return fail(flight, uri, err, ret_error);
    return make_contents(uri, path, &data);
}

/* ---- templates, completion ------------------------------------------- */

json_t *bx_method_resources_templates(bx_flight *flight, json_t **ret_error)
{
    if (flight->server->workspace == NULL)
        return refuse_all(ret_error);
    return json_pack("{s:[{s:s, s:s, s:s, s:s}]}", "resourceTemplates",
                     "uriTemplate", BX_URI_TEMPLATE, "name", "workspace-file",
                     "title", "A file of the workspace", "description",
                     "Any file the policy lets be read, listed or not; the "
                     "workspace is /.");
}

static json_t *complete_path(const bx_flight *flight, const char *begin,
                             json_t **ret_error)
{
    const bx_workspace_ask ask = { .cancel = flight->cancel };
    bx_autoerror bx_error *err = NULL;
    json_t *values = json_array();
    size_t total = 0;
    char **paths;
    size_t count;
    bool is_cut;

    if (bx_workspace_list(flight->server->workspace, &ask, &paths, &count,
                          &is_cut, &err) < 0) {
        json_decref(values);
        return fail(flight, NULL, err, ret_error);
    }
    for (size_t i = 0; i < count; i++) {
        if (strncmp(paths[i] + 1, begin, strlen(begin)) != 0)
            continue;
        if (total++ < COMPLETION_MAX)
            json_array_append_new(values, json_string(paths[i] + 1));
    }
    bx_workspace_list_free(paths, count);
    return json_pack("{s:{s:o, s:I, s:b}}", "completion", "values", values,
                     "total", (json_int_t)total, "hasMore",
                     total > COMPLETION_MAX || is_cut);
}

json_t *bx_method_complete(bx_flight *flight, json_t **ret_error)
{
    const json_t *params = flight->rpc.params;
    const json_t *ref = json_object_get(params, "ref");
    const json_t *argument = json_object_get(params, "argument");
    const char *uri = bx_rpc_text(ref, "uri");
    const char *name = bx_rpc_text(argument, "name");
    const char *value = bx_rpc_text(argument, "value");

    if (flight->server->workspace == NULL)
        return refuse_all(ret_error);
    if (name != NULL && value != NULL && uri != NULL &&
        strcmp(uri, BX_URI_TEMPLATE) == 0 && strcmp(name, "path") == 0)
        return complete_path(flight, value + strspn(value, "/"), ret_error);
    *ret_error =
        bx_rpc_error(BX_RPC_INVALID_PARAMS,
                     "there is only the argument 'path' of the "
                     "resource template " BX_URI_TEMPLATE " to complete");
    return NULL;
}

/* ---- subscriptions, until 2025-11-25 ----------------------------------- */

json_t *bx_method_resources_subscribe(bx_flight *flight, json_t **ret_error)
{
    bx_autofree char *path = NULL;
    const char *uri;
    int added;

    if (flight->server->workspace == NULL)
        return refuse_all(ret_error);
    path = path_of(flight, &uri, ret_error);
    if (path == NULL)
        return NULL;
    added = bx_watched_add(flight->server, uri, path);
    if (added == 0)
        return json_object();
    *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS,
                              "no more than %d resources are watched at once",
                              BX_MCP_WATCHED_MAX);
    return NULL;
}

json_t *bx_method_resources_unsubscribe(bx_flight *flight, json_t **ret_error)
{
    bx_autofree char *path = NULL;
    const char *uri;

    if (flight->server->workspace == NULL)
        return refuse_all(ret_error);
    path = path_of(flight, &uri, ret_error);
    if (path == NULL)
        return NULL;
    bx_watched_remove(flight->server, uri);
    return json_object();
}
