/* subscriptions/listen, since 2026-07-28: a request that stays under way and
 * hears of what changes until the client cancels it or the connection ends. */
#include "mcp/server_state.h"
#include "mcp/uri.h"
#include "mcp/watched.h"

static json_t *refuse(json_t **ret_error, const char *what)
{
    *ret_error = bx_rpc_error(BX_RPC_INVALID_PARAMS, "%s", what);
    return NULL;
}

/* What cannot be watched is left out of what is acknowledged. */
static json_t *watch_all(const bx_flight *flight, const json_t *uris,
                         bx_watched **ret_watched, size_t *ret_count)
{
    bx_watched *watched = calloc(BX_MCP_WATCHED_MAX, sizeof(*watched));
    json_t *taken = json_array();
    size_t count = 0;
    size_t i;
    json_t *uri;

    json_array_foreach(uris, i, uri)
    {
        const char *text = json_string_value(uri);
        bx_autofree char *path = text == NULL ? NULL : bx_uri_parse(text, NULL);

        if (path == NULL || watched == NULL || count == BX_MCP_WATCHED_MAX ||
            bx_watched_begin(flight->server, text, path, &watched[count]) < 0)
            continue;
        count++;
        json_array_append(taken, uri);
    }
    *ret_watched = watched;
    *ret_count = count;
    return taken;
}

static json_t *acknowledge(const bx_flight *flight, bool wants_tools,
                           json_t *taken)
{
    json_t *honoured = json_object();

    if (wants_tools)
        json_object_set_new(honoured, "toolsListChanged", json_true());
    if (json_array_size(taken) > 0)
        json_object_set(honoured, "resourceSubscriptions", taken);
    json_decref(taken);
    return bx_rpc_notification("notifications/subscriptions/acknowledged",
                               json_pack("{s:{s:O}, s:o}", "_meta",
                                         BX_META_SUBSCRIPTION, flight->rpc.id,
                                         "notifications", honoured));
}

/* Under the mutex, so that no change is told of before the acknowledgement. */
static bool begin_listening(bx_flight *flight, bool wants_tools,
                            bx_watched *watched, size_t count,
                            json_t *acknowledgement)
{
    bx_mcp_server *server = flight->server;
    bool is_taken;

    pthread_mutex_lock(&server->mutex);
    is_taken = server->listening_count < BX_MCP_LISTEN_MAX;
    if (is_taken) {
        flight->is_listening = true;
        flight->wants_tools = wants_tools;
        flight->watched = watched;
        flight->watched_count = count;
        server->listening_count++;
        server->flights_count--;
        bx_server_send(server, json_incref(acknowledgement));
        pthread_cond_signal(&server->tick);
    }
    pthread_mutex_unlock(&server->mutex);
    json_decref(acknowledgement);
    return is_taken;
}

json_t *bx_method_listen(bx_flight *flight, json_t **ret_error)
{
    const json_t *filter = json_object_get(flight->rpc.params, "notifications");
    const json_t *uris = json_object_get(filter, "resourceSubscriptions");
    bool wants_tools =
        json_is_true(json_object_get(filter, "toolsListChanged"));
    bx_watched *watched = NULL;
    size_t count = 0;
    json_t *taken;

    if (!json_is_object(filter))
        return refuse(ret_error, "'notifications': expected an object such as "
                                 "{\"toolsListChanged\": true}");
    if (uris != NULL && !json_is_array(uris))
        return refuse(ret_error, "'resourceSubscriptions': expected an array "
                                 "of URIs");
    taken = flight->server->workspace == NULL
                ? json_array()
                : watch_all(flight, uris, &watched, &count);
    if (begin_listening(flight, wants_tools, watched, count,
                        acknowledge(flight, wants_tools, taken)))
        return NULL;
    bx_watched_clear(watched, count);
    return refuse(ret_error, "too many subscriptions: cancel one first");
}
