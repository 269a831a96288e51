#include "mcp/client_link.h"

#include <string.h>

#include "base/buf.h"
#include "mcp/agreement.h"
#include "mcp/client_http.h"
#include "mcp/client_stdio.h"

#define SHOWN_BYTES 1000 /* of an error's words */
#define STRAY_MAX 1000   /* messages that answer nothing, before it is over */
#define TELL_MS 1000     /* to take in a notification */

/* A request under way; on the stack of who asks. */
typedef struct bx_asked {
    json_int_t id;
    const bx_link_request *request;
    json_t *answer; /* the message; NULL: not yet */
    uint64_t progress_count;
    struct bx_asked *next;
} bx_asked;

struct bx_link {
    pthread_mutex_t opening; /* over transport, which speaks before it is
                              * known here */
    bx_transport *transport;
    bx_link_listener listener;
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t changed;
    bx_asked *asked;
    size_t asked_count;
    json_int_t last_id;
    uint64_t stray;
    bool is_stateless;
    bool is_lost;
    char *why;
};

/* ---- what comes ------------------------------------------------------ */

static bx_asked *find_asked(const bx_link *link, const json_t *id)
{
    bx_asked *asked = link->asked;

    if (!json_is_integer(id))
        return NULL;
    while (asked != NULL && asked->id != json_integer_value(id))
        asked = asked->next;
    return asked;
}

static void note_stray(bx_link *link, const char *what)
{
    uint64_t count;

    pthread_mutex_lock(&link->mutex);
    count = ++link->stray;
    if (count > STRAY_MAX && !link->is_lost) {
        link->is_lost = true;
        link->why = strdup("it sends messages that answer nothing, without "
                           "end");
        pthread_cond_broadcast(&link->changed);
    }
    pthread_mutex_unlock(&link->mutex);
    if (count <= 3)
        link->listener.log(link->listener.context, what);
    else if (count == STRAY_MAX + 1)
        link->listener.lose(link->listener.context,
                            "it sends messages that answer nothing, without "
                            "end");
}

/* Whoever waits has the message to itself from then on. */
static void take_answer(bx_link *link, bx_rpc *rpc)
{
    bx_asked *asked;

    pthread_mutex_lock(&link->mutex);
    asked = find_asked(link, rpc->id);
    if (asked != NULL && asked->answer == NULL) {
        json_decref(rpc->id);
        rpc->id = NULL;
        asked->answer = bx_take(rpc->message);
        pthread_cond_broadcast(&link->changed);
    }
    pthread_mutex_unlock(&link->mutex);
    if (asked == NULL)
        note_stray(link, "it answered what nobody asked (or too late)");
}

static void take_progress(bx_link *link, const json_t *params)
{
    const json_t *progress = json_object_get(params, "progress");
    const json_t *total = json_object_get(params, "total");
    const char *message = bx_rpc_text(params, "message");
    const bx_link_request *request = NULL;
    bx_asked *asked;

    if (!json_is_number(progress))
        return;
    pthread_mutex_lock(&link->mutex);
    asked = find_asked(link, json_object_get(params, "progressToken"));
    if (asked != NULL && asked->answer == NULL &&
        asked->progress_count++ < BX_LINK_MAX_PROGRESS)
        request = asked->request;
    /* Beneath the mutex: who asked is still there. */
    if (request != NULL && request->progress != NULL)
        request->progress(
            request->progress_context, json_number_value(progress),
            json_is_number(total) ? json_number_value(total) : 0, message);
    pthread_mutex_unlock(&link->mutex);
}

/* An answer of ours: whether there is room for it is the server's matter. */
static void send_now(bx_link *link, json_t *message)
{
    bx_transport *transport;

    pthread_mutex_lock(&link->opening);
    transport = link->transport;
    pthread_mutex_unlock(&link->opening);
    if (message != NULL && transport != NULL)
        (void)transport->kind->send(transport, message, bx_now_ns(), NULL,
                                    NULL);
    json_decref(message);
}

static void take_request(bx_link *link, const bx_rpc *rpc)
{
    json_t *error = NULL;
    json_t *result =
        strcmp(rpc->method, "ping") == 0
            ? json_object()
            : link->listener.answer(link->listener.context, rpc->method,
                                    rpc->params, &error);

    send_now(link, result != NULL ? bx_rpc_result(rpc->id, result)
                                  : bx_rpc_failure(rpc->id, error));
}

/* Takes value. */
static void take_message(bx_link *link, json_t *value)
{
    bx_autorpc bx_rpc rpc;

    bx_rpc_read(value, &rpc);
    switch (rpc.kind) {
    case BX_RPC_RESPONSE:
        take_answer(link, &rpc);
        break;
    case BX_RPC_REQUEST:
        take_request(link, &rpc);
        break;
    case BX_RPC_NOTIFICATION:
        if (strcmp(rpc.method, "notifications/progress") == 0)
            take_progress(link, rpc.params);
        else
            link->listener.notify(link->listener.context, rpc.method,
                                  rpc.params);
        break;
    default:
        /* An answer of a wrong shape is one all the same: who waits for it
         * should not wait for ever. */
        if (rpc.id != NULL && rpc.method == NULL && rpc.message != NULL)
            take_answer(link, &rpc);
        else
            note_stray(link, "it sent what is no message of JSON-RPC");
    }
}

static void on_receive(void *context, json_t *message)
{
    size_t i;
    json_t *item;

    if (!json_is_array(message)) {
        take_message(context, message);
        return;
    }
    if (json_array_size(message) > BX_RPC_MAX_BATCH)
        note_stray(context, "it sent more than 256 messages in one");
    else
        json_array_foreach(message, i, item)
            take_message(context, json_incref(item));
    json_decref(message);
}

/* The listener first: who sees its request fail, and asks again, finds a
 * connection that is known to be lost. */
static void on_lose(void *context, const char *why)
{
    bx_link *link = context;
    bool is_told;

    pthread_mutex_lock(&link->mutex);
    is_told = link->is_lost;
    pthread_mutex_unlock(&link->mutex);
    if (!is_told)
        link->listener.lose(link->listener.context, why);
    pthread_mutex_lock(&link->mutex);
    link->is_lost = true;
    if (link->why == NULL)
        link->why = strdup(why);
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->mutex);
}

static void on_log(void *context, const char *text)
{
    const bx_link *link = context;

    link->listener.log(link->listener.context, text);
}

/* ---- what goes ------------------------------------------------------- */

/* What each request has beside its own: who speaks which revision, and a token
 * for its progress. */
static int complete(const bx_link *link, json_t *params, json_int_t id,
                    bool has_progress)
{
    json_t *meta = json_object();
    int failed = 0;

    if (link->is_stateless)
        failed = json_object_set_new(
                     meta, BX_META_VERSION,
                     json_string(bx_revision_name(BX_REVISION_2026_07_28))) +
                 json_object_set_new(meta, BX_META_CAPABILITIES, json_object());
    if (has_progress)
        failed += json_object_set_new(meta, "progressToken", json_integer(id));
    if (failed == 0 && json_object_size(meta) > 0)
        failed = json_object_set(params, "_meta", meta);
    json_decref(meta);
    return failed < 0 || meta == NULL ? -1 : 0;
}

static int begin(bx_link *link, bx_asked *asked, bx_error **err)
{
    int result = 0;

    pthread_mutex_lock(&link->mutex);
    if (link->is_lost)
        result = bx_error_set(err, BX_ERR_SYSTEM, "the server is gone: %s",
                              link->why == NULL ? "" : link->why);
    else if (link->asked_count == BX_LINK_MAX_ASKED)
        result = bx_error_set(err, BX_ERR_LIMIT,
                              "%d requests to the server are under way, which "
                              "is the most",
                              BX_LINK_MAX_ASKED);
    if (result == 0) {
        asked->id = ++link->last_id;
        asked->next = link->asked;
        link->asked = asked;
        link->asked_count++;
    }
    pthread_mutex_unlock(&link->mutex);
    return result;
}

static void end(bx_link *link, bx_asked *asked)
{
    bx_asked **at = &link->asked;

    pthread_mutex_lock(&link->mutex);
    while (*at != asked)
        at = &(*at)->next;
    *at = asked->next;
    link->asked_count--;
    pthread_mutex_unlock(&link->mutex);
}

static int wait_answer(bx_link *link, const bx_asked *asked,
                       const bx_wait *wait, bx_error **err)
{
    int result = 0;

    pthread_mutex_lock(&link->mutex);
    while (asked->answer == NULL && result == 0) {
        if (link->is_lost)
            result = bx_error_set(err, BX_ERR_SYSTEM, "the server is gone: %s",
                                  link->why == NULL ? "" : link->why);
        else
            result = bx_wait_change(wait, &link->changed, &link->mutex, err);
    }
    pthread_mutex_unlock(&link->mutex);
    return result;
}

/* The server need not go on; whether it does is its own matter. */
static void tell_cancelled(bx_link *link, json_int_t id, const bx_error *why)
{
    json_t *params = json_pack(
        "{s:I, s:s}", "requestId", id, "reason",
        bx_error_code(why) == BX_ERR_TIMEOUT ? "timed out" : "cancelled");
    const bx_wait wait = bx_wait_for_ms(TELL_MS);

    (void)bx_link_tell(link, "notifications/cancelled", params, &wait, NULL);
}

/* ret_result from the answer, or its error as ours. */
static int read_answer(const json_t *answer, bx_link_request *request,
                       json_t **ret_result, bx_error **err)
{
    json_t *result = json_object_get(answer, "result");
    const json_t *error = json_object_get(answer, "error");
    const char *message = bx_rpc_text(error, "message");
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (json_is_object(result) && error == NULL) {
        *ret_result = json_incref(result);
        return 0;
    }
    if (!json_is_object(error))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the server's answer has neither \"result\" nor "
                            "\"error\" as an object");
    request->error_code =
        (int)json_integer_value(json_object_get(error, "code"));
    if (request->error_code == 0)
        request->error_code = BX_RPC_INTERNAL_ERROR;
    request->error_data = json_incref(json_object_get(error, "data"));
    if (message == NULL)
        message = "no message";
    if (bx_buf_put_escaped(&shown, message, strlen(message), SHOWN_BYTES) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, BX_ERR_INVALID, "the server refuses: %s (%d)",
                        shown.data, request->error_code);
}

static int send_asked(bx_link *link, const bx_asked *asked, json_t *params,
                      bx_error **err)
{
    const bx_link_request *request = asked->request;
    json_t *message;
    int result;

    if (complete(link, params, asked->id, request->progress != NULL) < 0)
        return bx_error_set_nomem(err);
    message = json_pack("{s:s, s:I, s:s, s:O}", "jsonrpc", "2.0", "id",
                        asked->id, "method", request->method, "params", params);
    if (message == NULL)
        return bx_error_set_nomem(err);
    result = link->transport->kind->send(
        link->transport, message, request->wait->until_ns,
        (bx_cancel *)request->wait->cancel, err);
    json_decref(message);
    return result;
}

int bx_link_ask(bx_link *link, bx_link_request *request, json_t **ret_result,
                bx_error **err)
{
    json_t *params = request->params == NULL ? json_object() : request->params;
    bx_asked asked = { .request = request };
    bx_error *why = NULL;
    int result;

    request->params = NULL;
    request->error_code = 0;
    request->error_data = NULL;
    if (begin(link, &asked, err) < 0) {
        json_decref(params);
        return -1;
    }
    result = send_asked(link, &asked, params, &why);
    json_decref(params);
    if (result == 0)
        result = wait_answer(link, &asked, request->wait, &why);
    end(link, &asked);
    if (result < 0 && bx_wait_is_over(why) &&
        strcmp(request->method, "initialize") != 0)
        tell_cancelled(link, asked.id, why);
    if (result == 0)
        result = read_answer(asked.answer, request, ret_result, &why);
    json_decref(asked.answer);
    if (err != NULL)
        *err = why;
    else
        bx_error_free(why);
    return result;
}

int bx_link_tell(bx_link *link, const char *method, json_t *params,
                 const bx_wait *wait, bx_error **err)
{
    json_t *message = bx_rpc_notification(method, params);
    int result;

    if (message == NULL)
        return bx_error_set_nomem(err);
    result =
        link->transport->kind->send(link->transport, message, wait->until_ns,
                                    (bx_cancel *)wait->cancel, err);
    json_decref(message);
    return result;
}

/* ---- the connection -------------------------------------------------- */

void bx_link_set_stateless(bx_link *link, bool is_stateless)
{
    link->is_stateless = is_stateless;
}

int bx_link_set_revision(bx_link *link, const char *revision, bx_error **err)
{
    return link->transport->kind->set_revision(link->transport, revision, err);
}

const bx_transport *bx_link_transport(const bx_link *link)
{
    return link->transport;
}

/* The one place where a kind of transport is chosen. */
static bx_transport *open_transport(const bx_remote_server *server,
                                    const char *guard,
                                    const bx_transport_sink *sink,
                                    bx_error **err)
{
    if (server->url == NULL)
        return bx_transport_stdio_new(server, guard, sink, err);
    return bx_transport_http_new(server, sink, err);
}

bx_link *bx_link_open(const bx_remote_server *server, const char *guard,
                      const bx_link_listener *listener, bx_error **err)
{
    bx_link *link = calloc(1, sizeof(*link));
    pthread_condattr_t attributes;
    const bx_transport_sink sink = {
        .receive = on_receive, .lose = on_lose, .log = on_log, .context = link
    };

    if (link == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    link->listener = *listener;
    pthread_mutex_init(&link->opening, NULL);
    pthread_mutex_init(&link->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&link->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_lock(&link->opening);
    link->transport = open_transport(server, guard, &sink, err);
    pthread_mutex_unlock(&link->opening);
    if (link->transport != NULL)
        return link;
    bx_link_close(link);
    return NULL;
}

void bx_link_fail(bx_link *link, const char *why)
{
    pthread_mutex_lock(&link->mutex);
    link->is_lost = true;
    if (link->why == NULL)
        link->why = strdup(why);
    pthread_cond_broadcast(&link->changed);
    pthread_mutex_unlock(&link->mutex);
    if (link->transport->kind->stop != NULL)
        link->transport->kind->stop(link->transport);
}

void bx_link_close(bx_link *link)
{
    if (link == NULL)
        return;
    if (link->transport != NULL)
        link->transport->kind->free(link->transport);
    pthread_mutex_destroy(&link->opening);
    pthread_mutex_destroy(&link->mutex);
    pthread_cond_destroy(&link->changed);
    free(link->why);
    free(link);
}
