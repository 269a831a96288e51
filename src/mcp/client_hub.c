#include "mcp/client_hub.h"

#include <stdlib.h>
#include <string.h>

#include "base/user_dir.h"
#include "mcp/client_log.h"
#include "tool/remote.h"

typedef struct bx_hub_server {
    bx_remote_server *server; /* borrowed from servers */
    bx_mcp_client *client;
    bool is_ambiguous;
} bx_hub_server;

struct bx_mcp_hub {
    bx_mcp_hub_config config;
    bx_remote_servers servers;
    bx_mcp_log *log; /* NULL: the lines go elsewhere, or nowhere */
    bx_hub_server *started;
    size_t count;
    pthread_mutex_t mutex; /* over what follows */
    bx_registry *registry; /* NULL: not attached */
    bool is_ending;
};

/* ---- what clients tell ----------------------------------------------- */

static void on_log(void *context, const char *server, const char *text)
{
    const bx_mcp_hub *hub = context;

    if (hub->config.log != NULL)
        hub->config.log(hub->config.log_context, server, text);
    else if (hub->log != NULL)
        bx_mcp_log_put(hub->log, server, text);
}

static void on_change(void *context)
{
    bx_mcp_hub *hub = context;
    bx_autoerror bx_error *err = NULL;
    bx_registry *registry;

    pthread_mutex_lock(&hub->mutex);
    registry = hub->is_ending ? NULL : hub->registry;
    pthread_mutex_unlock(&hub->mutex);
    if (registry == NULL)
        return;
    if (bx_registry_refresh(registry, &err) < 0)
        on_log(hub, "*", bx_error_message(err));
    else
        bx_registry_tell_change(registry);
}

/* ---- secrets --------------------------------------------------------- */

/* What we gave a server as a secret does not reach a model by way of it. A
 * copy, owned; NULL without memory. */
static json_t *masked(const bx_remote_server *server, const json_t *value);

static json_t *masked_text(const bx_remote_server *server, const json_t *value)
{
    size_t bytes = json_string_length(value);
    bx_autofree char *text = malloc(bytes + 1);

    if (text == NULL)
        return NULL;
    memcpy(text, json_string_value(value), bytes + 1);
    /* A NUL in it ends no secret's search. */
    for (size_t at = 0; at < bytes; at += strlen(text + at) + 1)
        bx_remote_server_mask(server, text + at);
    return json_stringn(text, bytes);
}

static json_t *masked_object(const bx_remote_server *server,
                             const json_t *value)
{
    json_t *made = json_object();
    const char *key;
    json_t *item;

    json_object_foreach((json_t *)value, key, item)
    {
        bx_autofree char *name = strdup(key);

        if (name != NULL)
            bx_remote_server_mask(server, name);
        if (name == NULL || made == NULL ||
            json_object_set_new(made, name, masked(server, item)) < 0) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static json_t *masked_array(const bx_remote_server *server, const json_t *value)
{
    json_t *made = json_array();
    size_t i;
    json_t *item;

    json_array_foreach(value, i, item)
    {
        if (made == NULL ||
            json_array_append_new(made, masked(server, item)) < 0) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static json_t *masked(const bx_remote_server *server, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return masked_text(server, value);
    case JSON_OBJECT:
        return masked_object(server, value);
    case JSON_ARRAY:
        return masked_array(server, value);
    default:
        return json_incref((json_t *)value);
    }
}

/* ---- a source of tools ----------------------------------------------- */

static bx_hub_server *find(const bx_mcp_hub *hub, const char *name)
{
    for (size_t i = 0; i < hub->count; i++) {
        if (strcmp(hub->started[i].server->name, name) == 0)
            return &hub->started[i];
    }
    return NULL;
}

/* NULL without memory; owned. */
static json_t *tools_of(const bx_hub_server *at)
{
    json_t *tools = bx_mcp_client_tools(at->client);
    json_t *shown = tools;

    if (bx_remote_server_has_secrets(at->server)) {
        shown = masked(at->server, tools);
        json_decref(tools);
    }
    return shown;
}

static int list_one(const bx_hub_server *at,
                    int (*take)(void *context, const bx_remote_tool *tool),
                    void *take_context)
{
    json_t *tools = tools_of(at);
    int result = tools == NULL ? -1 : 0;
    size_t i;
    const json_t *tool;

    json_array_foreach(tools, i, tool)
    {
        const char *name = json_string_value(json_object_get(tool, "name"));
        const bx_remote_tool remote = {
            .server = at->server->name,
            .name = name,
            .is_ambiguous = at->is_ambiguous,
            .is_workspace = at->server->is_workspace,
            .level = bx_remote_server_level(
                at->server, name, json_object_get(tool, "annotations")),
            .identity = at->server->identity,
            .definition = tool,
        };

        result = take(take_context, &remote);
        if (result < 0)
            break;
    }
    json_decref(tools);
    return result;
}

static int list(void *context,
                int (*take)(void *take_context, const bx_remote_tool *tool),
                void *take_context)
{
    const bx_mcp_hub *hub = context;

    for (size_t i = 0; i < hub->count; i++) {
        if (list_one(&hub->started[i], take, take_context) < 0)
            return -1;
    }
    return 0;
}

/* A refusal in its words. Takes why. */
static int fail_call(const bx_remote_server *server, bx_error *why,
                     bx_error **err)
{
    bx_autofree char *text = strdup(bx_error_message(why));
    bx_code code = bx_error_code(why);

    bx_error_free(why);
    if (text == NULL)
        return bx_error_set_nomem(err);
    bx_remote_server_mask(server, text);
    return bx_error_set(err, code, "MCP server '%s': %s", server->name, text);
}

static int call(void *context, const bx_remote_call *request,
                json_t **ret_result, bx_error **err)
{
    const bx_mcp_hub *hub = context;
    const bx_hub_server *at = find(hub, request->server);
    bx_wait wait;
    bx_mcp_client_call own = { .tool = request->name,
                               .arguments = request->arguments,
                               .wait = &wait,
                               .progress = request->progress,
                               .progress_context = request->progress_context };
    json_t *result = NULL;
    bx_error *why = NULL;

    if (at == NULL)
        return bx_error_set(err, BX_ERR_NOT_FOUND, "server '%s' is gone",
                            request->server);
    wait = bx_wait_at_most_ms(request->wait, request->timeout_ms != 0
                                                 ? request->timeout_ms
                                                 : at->server->timeout_ms);
    if (bx_mcp_client_call_tool(at->client, &own, &result, &why) < 0)
        return fail_call(at->server, why, err);
    if (!bx_remote_server_has_secrets(at->server)) {
        *ret_result = result;
        return 0;
    }
    *ret_result = masked(at->server, result);
    json_decref(result);
    return *ret_result == NULL ? bx_error_set_nomem(err) : 0;
}

/* ---- the hub --------------------------------------------------------- */

static bool is_wanted(const bx_mcp_hub *hub, const bx_remote_server *server)
{
    if (server->problem != NULL)
        return false;
    if (hub->config.only != NULL)
        return strcmp(hub->config.only, server->name) == 0;
    return !server->is_off;
}

static int start(bx_mcp_hub *hub, bx_error **err)
{
    hub->started = calloc(hub->servers.count + 1, sizeof(*hub->started));
    if (hub->started == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < hub->servers.count; i++) {
        bx_remote_server *server = hub->servers.items[i];
        const bx_mcp_client_config config = {
            .server = server,
            .guard = hub->config.guard,
            .root = server->has_workspace ? hub->servers.workspace : NULL,
            .log = on_log,
            .on_change = on_change,
            .context = hub,
        };
        bx_hub_server *at = &hub->started[hub->count];

        if (!is_wanted(hub, server))
            continue;
        at->server = server;
        at->is_ambiguous =
            bx_remote_servers_is_ambiguous(&hub->servers, server);
        at->client = bx_mcp_client_new(&config, err);
        if (at->client == NULL)
            return bx_error_wrap(err, "MCP server '%s'", server->name);
        hub->count++;
    }
    return 0;
}

static void open_log(bx_mcp_hub *hub)
{
    const char *given = hub->config.place.state_dir;
    bx_autofree char *own = given == NULL ? bx_user_state_path(NULL) : NULL;

    if (hub->config.log == NULL && hub->servers.count > 0 &&
        (given != NULL || own != NULL))
        hub->log = bx_mcp_log_open(given == NULL ? own : given);
}

static int check_only(const bx_mcp_hub *hub, bx_error **err)
{
    const bx_remote_server *server;

    if (hub->config.only == NULL)
        return 0;
    server = bx_remote_servers_get(&hub->servers, hub->config.only, err);
    if (server == NULL)
        return -1;
    if (server->problem != NULL)
        return bx_error_set(err, BX_ERR_DENIED, "MCP server '%s': %s",
                            server->name, server->problem);
    return 0;
}

bx_mcp_hub *bx_mcp_hub_new(const bx_mcp_hub_config *config, bx_error **err)
{
    bx_mcp_hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    hub->config = *config;
    pthread_mutex_init(&hub->mutex, NULL);
    if (bx_remote_servers_load(&config->place, &hub->servers, err) == 0 &&
        check_only(hub, err) == 0) {
        open_log(hub);
        if (start(hub, err) == 0)
            return hub;
    }
    bx_mcp_hub_free(hub);
    return NULL;
}

int bx_mcp_hub_attach(bx_mcp_hub *hub, bx_registry *registry, bx_error **err)
{
    const bx_remote_source source = { .context = hub,
                                      .list = list,
                                      .call = call };

    pthread_mutex_lock(&hub->mutex);
    hub->registry = registry;
    pthread_mutex_unlock(&hub->mutex);
    return bx_registry_set_remote(registry, &source, err);
}

void bx_mcp_hub_free(bx_mcp_hub *hub)
{
    bx_registry *registry;

    if (hub == NULL)
        return;
    pthread_mutex_lock(&hub->mutex);
    hub->is_ending = true;
    registry = hub->registry;
    pthread_mutex_unlock(&hub->mutex);
    /* Servers end first: that ends calls, for which the registry waits. A
     * caller that comes in between finds a server that is down. */
    for (size_t i = 0; i < hub->count; i++)
        bx_mcp_client_stop(hub->started[i].client);
    if (registry != NULL)
        (void)bx_registry_set_remote(registry, NULL, NULL);
    for (size_t i = 0; i < hub->count; i++)
        bx_mcp_client_free(hub->started[i].client);
    free(hub->started);
    bx_mcp_log_close(hub->log);
    bx_remote_servers_clear(&hub->servers);
    pthread_mutex_destroy(&hub->mutex);
    free(hub);
}

int bx_mcp_hub_wait(bx_mcp_hub *hub, const bx_wait *wait, bx_error **err)
{
    for (size_t i = 0; i < hub->count; i++) {
        if (bx_mcp_client_wait(hub->started[i].client, wait, err) < 0)
            return bx_error_wrap(err, "MCP server '%s'",
                                 hub->started[i].server->name);
    }
    return 0;
}

const bx_remote_servers *bx_mcp_hub_servers(const bx_mcp_hub *hub)
{
    return &hub->servers;
}

size_t bx_mcp_hub_count(const bx_mcp_hub *hub)
{
    return hub->count;
}

bool bx_mcp_hub_state(bx_mcp_hub *hub, const char *server,
                      bx_client_state *ret_state)
{
    const bx_hub_server *at = find(hub, server);

    if (at != NULL)
        bx_mcp_client_state(at->client, ret_state);
    return at != NULL;
}
