/* One thread for each server, the keeper, connects, lists, waits, and begins
 * anew. Callers share its connection and never make one. */
#include "mcp/client.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "mcp/agreement.h"
#include "mcp/client_hello.h"
#include "mcp/client_stdio.h"

#define BACKOFF_MS 1000
#define BACKOFF_MAX_MS 60000
#define STEADY_NS                                                              \
    INT64_C(60000000000) /* after so long it counts as healthy                 \
                          */
#define PATIENCE_MS 3000 /* a call waits for a restart that is so near */
#define LOG_MAX 5000     /* notifications of one start that are told */
#define LOG_BYTES 1000

struct bx_mcp_client {
    bx_mcp_client_config config;
    bx_link_listener listener;
    pthread_t keeper;
    bool has_keeper;
    bx_cancel *stop;       /* ends what the keeper waits for */
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t changed;
    bx_link *link; /* NULL: down */
    size_t users;  /* of link */
    bx_client_state state;
    json_t *tools;
    bool is_lost;
    bool is_stale; /* the list of tools is another */
    bool is_stopping;
    bool has_tried;  /* one start has succeeded or failed */
    int64_t next_ns; /* of the next start, while it is down */
    uint64_t logged;
};

/* ---- what the server says by itself ---------------------------------- */

static void tell(bx_mcp_client *client, const char *text)
{
    if (client->config.log != NULL)
        client->config.log(client->config.context, client->config.server->name,
                           text);
}

static void on_log(void *context, const char *text)
{
    tell(context, text);
}

static void take_log(bx_mcp_client *client, const json_t *params)
{
    const json_t *data = json_object_get(params, "data");
    const char *level = bx_rpc_text(params, "level");
    bx_autofree char *json = NULL;
    const char *words = json_string_value(data);
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (data == NULL || client->logged++ >= LOG_MAX)
        return;
    if (words == NULL) {
        json = bx_json_text(data, JSON_COMPACT | JSON_ENCODE_ANY);
        words = json;
    }
    if (words == NULL)
        return;
    if (bx_buf_put_escaped(&text, level == NULL ? "log" : level,
                           strnlen(level == NULL ? "log" : level, 16),
                           16) == 0 &&
        bx_buf_puts(&text, ": ") == 0 &&
        bx_buf_put_escaped(&text, words, strlen(words), LOG_BYTES) == 0) {
        bx_remote_server_mask(client->config.server, text.data);
        tell(client, text.data);
    }
}

static void on_notify(void *context, const char *method, const json_t *params)
{
    bx_mcp_client *client = context;

    if (strcmp(method, "notifications/message") == 0) {
        take_log(client, params);
        return;
    }
    if (strcmp(method, "notifications/tools/list_changed") != 0)
        return; /* of resources and prompts nothing is used */
    pthread_mutex_lock(&client->mutex);
    client->is_stale = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

/* A path as RFC 8089 has it. */
static json_t *root_uri(const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~/";
    bx_autobuf bx_buf uri = BX_BUF_INIT;

    if (bx_buf_puts(&uri, "file://") < 0)
        return NULL;
    for (; *path != '\0'; path++) {
        if (strchr(plain, *path) != NULL) {
            if (bx_buf_append(&uri, path, 1, SIZE_MAX) < 0)
                return NULL;
        } else if (bx_buf_printf(&uri, "%%%02X", (unsigned char)*path) < 0) {
            return NULL;
        }
    }
    return json_string(uri.data);
}

static json_t *on_request(void *context, const char *method,
                          const json_t *params, json_t **ret_error)
{
    const bx_mcp_client *client = context;
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    (void)params;
    if (strcmp(method, "roots/list") == 0 && client->config.root != NULL)
        return json_pack("{s:[{s:o, s:s}]}", "roots", "uri",
                         root_uri(client->config.root), "name", "workspace");
    (void)bx_buf_put_escaped(&shown, method, strlen(method), 64);
    *ret_error = bx_rpc_error(
        BX_RPC_NO_METHOD, "'%s' is not done here: this client offers %s",
        shown.data == NULL ? "" : shown.data,
        client->config.root != NULL ? "roots alone" : "nothing");
    return NULL;
}

static void on_lose(void *context, const char *why)
{
    bx_mcp_client *client = context;

    pthread_mutex_lock(&client->mutex);
    client->is_lost = true;
    snprintf(client->state.why, sizeof(client->state.why), "%s", why);
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

/* ---- the keeper ------------------------------------------------------ */

static void set_phase(bx_mcp_client *client, bx_client_phase phase,
                      const char *why)
{
    pthread_mutex_lock(&client->mutex);
    client->state.phase = phase;
    if (why != NULL)
        snprintf(client->state.why, sizeof(client->state.why), "%s", why);
    if (phase != BX_CLIENT_STARTING)
        client->has_tried = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

/* Nobody uses the link any more when this returns. */
static void drop_link(bx_mcp_client *client)
{
    bx_link *link;

    pthread_mutex_lock(&client->mutex);
    link = client->link;
    client->link = NULL;
    if (link != NULL)
        bx_link_fail(link, client->state.why);
    while (client->users > 0)
        pthread_cond_wait(&client->changed, &client->mutex);
    pthread_mutex_unlock(&client->mutex);
    bx_link_close(link);
}

/* Takes tools. */
static void publish(bx_mcp_client *client, json_t *tools)
{
    bool has_changed;

    pthread_mutex_lock(&client->mutex);
    has_changed = client->tools == NULL || !json_equal(client->tools, tools);
    if (has_changed) {
        json_decref(client->tools);
        client->tools = json_incref(tools);
        client->state.tools_count = json_array_size(tools);
    }
    pthread_mutex_unlock(&client->mutex);
    json_decref(tools);
    if (has_changed && client->config.on_change != NULL)
        client->config.on_change(client->config.context);
}

static int list_tools(bx_mcp_client *client, const bx_hello *hello,
                      bx_error **err)
{
    bx_wait wait = bx_wait_for_ms(client->config.server->timeout_ms);
    json_t *tools;

    wait.cancel = client->stop;
    tools = hello->has_tools ? bx_hello_list_tools(client->link, &wait,
                                                   &client->listener, err)
                             : json_array();
    if (tools == NULL)
        return -1;
    publish(client, tools);
    return 0;
}

static int connect_server(bx_mcp_client *client, bx_hello *hello,
                          bx_error **err)
{
    bx_wait wait = bx_wait_for_ms(BX_CLIENT_START_MS);
    bx_link *link = bx_link_open(client->config.server, client->config.guard,
                                 &client->listener, err);
    bx_client_state *state = &client->state;

    wait.cancel = client->stop;
    if (link == NULL)
        return -1;
    pthread_mutex_lock(&client->mutex);
    client->link = link;
    state->starts++;
    state->has_layers = client->config.server->url == NULL;
    if (state->has_layers)
        bx_transport_stdio_layers(bx_link_transport(link), state->layers);
    pthread_mutex_unlock(&client->mutex);
    if (bx_hello_open(link, client->config.root != NULL, &wait, hello, err) < 0)
        return -1;
    pthread_mutex_lock(&client->mutex);
    memcpy(state->revision, hello->revision, sizeof(state->revision));
    memcpy(state->title, hello->title, sizeof(state->title));
    pthread_mutex_unlock(&client->mutex);
    return list_tools(client, hello, err);
}

/* True: the list is another; false: the server is gone, or shall be. */
static bool wait_stale(bx_mcp_client *client)
{
    bool is_stale;

    pthread_mutex_lock(&client->mutex);
    while (!client->is_lost && !client->is_stopping && !client->is_stale)
        pthread_cond_wait(&client->changed, &client->mutex);
    is_stale = client->is_stale && !client->is_lost && !client->is_stopping;
    client->is_stale = false;
    pthread_mutex_unlock(&client->mutex);
    return is_stale;
}

/* A server that says so all the time is asked once in a while. */
static void pause_ms(bx_mcp_client *client, uint64_t ms)
{
    bx_wait wait = bx_wait_for_ms(ms);

    pthread_mutex_lock(&client->mutex);
    client->next_ns = wait.until_ns;
    while (!client->is_stopping &&
           bx_wait_change(&wait, &client->changed, &client->mutex, NULL) == 0)
        ;
    pthread_mutex_unlock(&client->mutex);
}

/* From one start to the end of it. */
static void serve(bx_mcp_client *client)
{
    bx_autoerror bx_error *err = NULL;
    bx_hello hello;
    bool is_open;

    set_phase(client, BX_CLIENT_STARTING, NULL);
    pthread_mutex_lock(&client->mutex);
    client->is_lost = client->is_stale = false;
    client->logged = 0;
    pthread_mutex_unlock(&client->mutex);
    is_open = connect_server(client, &hello, &err) == 0;
    if (is_open)
        set_phase(client, BX_CLIENT_READY, "");
    while (is_open && wait_stale(client)) {
        pause_ms(client, 100);
        is_open = list_tools(client, &hello, &err) == 0;
    }
    if (err != NULL)
        set_phase(client, BX_CLIENT_DOWN, bx_error_message(err));
    else
        set_phase(client, BX_CLIENT_DOWN, NULL);
    drop_link(client);
}

static bool is_stopping(bx_mcp_client *client)
{
    bool is_it;

    pthread_mutex_lock(&client->mutex);
    is_it = client->is_stopping;
    pthread_mutex_unlock(&client->mutex);
    return is_it;
}

static void *keep(void *context)
{
    bx_mcp_client *client = context;
    const uint64_t first_ms =
        client->config.backoff_ms == 0 ? BACKOFF_MS : client->config.backoff_ms;
    uint64_t backoff_ms = first_ms;

    while (!is_stopping(client)) {
        int64_t begin_ns = bx_now_ns();
        bx_autobuf bx_buf text = BX_BUF_INIT;

        serve(client);
        if (is_stopping(client))
            break;
        if (bx_now_ns() - begin_ns > STEADY_NS)
            backoff_ms = first_ms;
        if (bx_buf_printf(&text, "%s; it is started again in %.1f s",
                          client->state.why, (double)backoff_ms / 1000) == 0)
            tell(client, text.data);
        pause_ms(client, backoff_ms);
        backoff_ms =
            backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff_ms * 2;
    }
    return NULL;
}

/* ---- the client ------------------------------------------------------ */

static int start_keeper(bx_mcp_client *client, bx_error **err)
{
    sigset_t all;
    sigset_t before;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&client->keeper, NULL, keep, client);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0)
        return bx_error_set_errno(err, number, "a thread");
    client->has_keeper = true;
    return 0;
}

bx_mcp_client *bx_mcp_client_new(const bx_mcp_client_config *config,
                                 bx_error **err)
{
    bx_mcp_client *client = calloc(1, sizeof(*client));
    pthread_condattr_t attributes;

    if (client == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    client->config = *config;
    client->listener = (bx_link_listener){ .notify = on_notify,
                                           .answer = on_request,
                                           .lose = on_lose,
                                           .log = on_log,
                                           .context = client };
    pthread_mutex_init(&client->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    client->stop = bx_cancel_new();
    if (client->stop == NULL)
        bx_error_set_nomem(err);
    else if (start_keeper(client, err) == 0)
        return client;
    bx_mcp_client_free(client);
    return NULL;
}

void bx_mcp_client_stop(bx_mcp_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->is_stopping = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
    if (client->stop != NULL)
        bx_cancel_trigger(client->stop);
    if (client->has_keeper)
        pthread_join(client->keeper, NULL);
    client->has_keeper = false;
}

void bx_mcp_client_free(bx_mcp_client *client)
{
    if (client == NULL)
        return;
    bx_mcp_client_stop(client);
    bx_cancel_free(client->stop);
    json_decref(client->tools);
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

int bx_mcp_client_wait(bx_mcp_client *client, const bx_wait *wait,
                       bx_error **err)
{
    int result = 0;

    pthread_mutex_lock(&client->mutex);
    while (!client->has_tried && result == 0)
        result = bx_wait_change(wait, &client->changed, &client->mutex, err);
    pthread_mutex_unlock(&client->mutex);
    return result;
}

void bx_mcp_client_state(bx_mcp_client *client, bx_client_state *ret_state)
{
    pthread_mutex_lock(&client->mutex);
    *ret_state = client->state;
    pthread_mutex_unlock(&client->mutex);
}

json_t *bx_mcp_client_tools(bx_mcp_client *client)
{
    json_t *tools;

    pthread_mutex_lock(&client->mutex);
    tools = client->tools == NULL ? json_array() : json_incref(client->tools);
    pthread_mutex_unlock(&client->mutex);
    return tools;
}

/* ---- calls ----------------------------------------------------------- */

static bool is_usable(const bx_mcp_client *client)
{
    return client->state.phase == BX_CLIENT_READY && !client->is_lost &&
           client->link != NULL;
}

static bool is_worth_waiting(const bx_mcp_client *client)
{
    if (client->is_stopping)
        return false;
    return client->state.phase == BX_CLIENT_STARTING ||
           client->state.phase == BX_CLIENT_READY || /* and lost just now */
           (client->state.phase == BX_CLIENT_DOWN &&
            client->next_ns - bx_now_ns() < PATIENCE_MS * INT64_C(1000000));
}

/* The link, which is there until it is given back. */
static bx_link *take_link(bx_mcp_client *client, const bx_wait *wait,
                          bx_error **err)
{
    bx_link *link = NULL;
    int result = 0;

    pthread_mutex_lock(&client->mutex);
    while (result == 0 && !is_usable(client) && is_worth_waiting(client))
        result = bx_wait_change(wait, &client->changed, &client->mutex, err);
    if (result == 0 && is_usable(client)) {
        link = client->link;
        client->users++;
    } else if (result == 0) {
        int64_t left_ns = client->next_ns - bx_now_ns();

        bx_error_set(err, BX_ERR_SYSTEM,
                     "the server is down: %s; it is started again in %d s",
                     client->state.why,
                     left_ns < 0 ? 0 : (int)(left_ns / 1000000000));
    }
    pthread_mutex_unlock(&client->mutex);
    return link;
}

static void give_link(bx_mcp_client *client)
{
    pthread_mutex_lock(&client->mutex);
    client->users--;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->mutex);
}

int bx_mcp_client_call_tool(bx_mcp_client *client,
                            const bx_mcp_client_call *call, json_t **ret_result,
                            bx_error **err)
{
    bx_link *link = take_link(client, call->wait, err);
    bx_link_request request = { .method = "tools/call",
                                .wait = call->wait,
                                .progress = call->progress,
                                .progress_context = call->progress_context };
    int result;

    if (link == NULL)
        return -1;
    request.params = json_pack("{s:s, s:O}", "name", call->tool, "arguments",
                               call->arguments);
    if (request.params == NULL)
        result = bx_error_set_nomem(err);
    else
        result = bx_link_ask(link, &request, ret_result, err);
    json_decref(request.error_data);
    give_link(client);
    return result;
}
