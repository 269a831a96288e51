#include "mcp/client_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "mcp/client_http_state.h"
#include "mcp/revision.h"
#include "mcp/rpc.h"

#define END_MS 500 /* to take in that the session is over */
#define RETRY_MS 1000
#define RETRY_MAX_MS 30000

bool bx_http_is_stateless(const char *revision)
{
    bx_revision number;

    return bx_revision_find(revision, &number) == 0 &&
           number > BX_REVISION_LAST_HANDSHAKE;
}

void bx_http_lose(bx_http_transport *http, const char *why)
{
    bool is_lost;

    pthread_mutex_lock(&http->mutex);
    is_lost = http->is_lost;
    http->is_lost = true;
    pthread_mutex_unlock(&http->mutex);
    if (is_lost)
        return;
    pthread_mutex_lock(&http->delivering);
    http->sink.lose(http->sink.context, why);
    pthread_mutex_unlock(&http->delivering);
}

/* ---- the answer to a message ------------------------------------------ */

/* Visible ASCII, as the protocol has it. */
static int keep_session(bx_http_transport *http, const bx_http_head *head,
                        bx_error **err)
{
    const char *session = bx_web_header(head, "mcp-session-id");
    size_t bytes = strlen(session);

    if (bytes > BX_HTTP_SESSION_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the server's \"Mcp-Session-Id\" is of more than "
                            "%d bytes",
                            BX_HTTP_SESSION_MAX_BYTES);
    for (size_t i = 0; i < bytes; i++) {
        if (session[i] < 0x21 || session[i] > 0x7e)
            return bx_error_set(err, BX_ERR_INVALID,
                                "the server's \"Mcp-Session-Id\" is not of "
                                "visible ASCII");
    }
    pthread_mutex_lock(&http->mutex);
    memcpy(http->session, session, bytes + 1);
    pthread_mutex_unlock(&http->mutex);
    return 0;
}

/* Where a stream broke off, another goes on with what came after it. */
static int resume(bx_http_transport *http, bx_http_place *place,
                  const bx_wait *wait, bx_http_awaited *awaited, bx_error **err)
{
    const bx_http_ask ask = { .method = "GET",
                              .accept = "text/event-stream",
                              .last_event_id = place->id };
    bx_web_call *call = NULL;
    bx_http_head head;
    int result;

    if (bx_http_ask_server(http, &ask, wait, &call, &head, err) < 0)
        return -1;
    if (head.status == 200 && bx_web_is_type(&head, "text/event-stream"))
        result = bx_http_read_events(http, call, 0, awaited, place, err);
    else
        result = bx_http_fail_status(call, &head, err);
    bx_web_close(call);
    return result;
}

static int pause_before(bx_http_transport *http, const bx_http_place *place,
                        const bx_wait *wait, bx_error **err)
{
    uint64_t left_ms = place->retry_ms > 0 ? place->retry_ms : RETRY_MS;

    if (left_ms > RETRY_MAX_MS)
        left_ms = RETRY_MAX_MS;
    while (left_ms > 0 && bx_wait_check(wait, err) == 0) {
        uint64_t ms = left_ms < BX_WAIT_TICK_MS ? left_ms : BX_WAIT_TICK_MS;

        if (bx_web_is_stopped(http->web))
            return bx_error_set_errno(err, ECONNABORTED,
                                      "the connection is closed from here");
        bx_web_pause(http->web, ms);
        left_ms -= ms;
    }
    return bx_wait_check(wait, NULL);
}

static bool may_resume(const bx_error *why)
{
    return why == NULL || bx_error_code(why) == BX_ERR_SYSTEM;
}

/* The first stream, whose call is given, and as many as it takes. */
static int read_streams(bx_http_transport *http, bx_web_call *call,
                        bx_http_place *place, const bx_wait *wait,
                        bx_http_awaited *awaited, bx_error **err)
{
    bx_autoerror bx_error *why = NULL;
    unsigned tries = 0;
    int result = bx_http_read_events(http, call, 0, awaited, place, &why);

    while (!awaited->has_come && may_resume(why) && place->id != NULL &&
           tries < BX_HTTP_RESUME_MAX && !bx_web_is_stopped(http->web)) {
        uint64_t events = place->events;

        bx_error_free(bx_take(why));
        if (pause_before(http, place, wait, &why) < 0)
            break;
        result = resume(http, place, wait, awaited, &why);
        tries = place->events > events ? 0 : tries + 1;
    }
    if (awaited->has_come)
        return 0;
    if (result == 0 && why == NULL)
        return bx_error_set_errno(err, ECONNRESET,
                                  "the stream ended before the answer");
    if (err != NULL)
        *err = bx_take(why);
    return -1;
}

static int read_answer(bx_http_transport *http, bx_web_call *call,
                       const bx_http_head *head, const bx_wait *wait,
                       const json_t *id, bx_error **err)
{
    bx_http_awaited awaited = { .id = id };
    bx_http_place place = { 0 };
    int result;

    if (bx_web_is_type(head, "text/event-stream")) {
        result = read_streams(http, call, &place, wait, &awaited, err);
        free(place.id);
    } else if (bx_web_is_type(head, "application/json")) {
        result = bx_http_read_json(http, call, &awaited, err);
    } else {
        bx_autofree char *type =
            bx_web_show(call, bx_web_header(head, "content-type"), 100);

        return bx_error_set(err, BX_ERR_INVALID,
                            "the server's answer is neither JSON nor an event "
                            "stream but '%s': is \"url\" the address of an MCP "
                            "server over streamable HTTP?",
                            type == NULL ? "" : type);
    }
    if (result == 0 && !awaited.has_come)
        result = bx_error_set(err, BX_ERR_INVALID,
                              "the server answered, but not what it was asked");
    return result;
}

/* Servers that forget a session say 404; the SDK's examples say 400 and this.
 */
#define RPC_CONNECTION_ERROR (-32000)

static bool has_forgotten(const bx_http_transport *http,
                          const bx_http_head *head, const json_t *message)
{
    const json_t *code =
        json_object_get(json_object_get(message, "error"), "code");

    return http->session[0] != '\0' &&
           (head->status == 404 ||
            (head->status == 400 &&
             json_integer_value(code) == RPC_CONNECTION_ERROR));
}

/* A refusal may be an answer all the same: an error of JSON-RPC to the
 * request. */
static int read_refusal(bx_http_transport *http, bx_web_call *call,
                        const bx_http_head *head, const json_t *id,
                        bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    json_t *error = NULL;
    json_t *message = NULL;
    bool is_forgotten;
    int result;

    if (head->status < 400 || head->status >= 500 || head->status == 429)
        return bx_http_fail_status(call, head, err);
    if (bx_web_read_all(call, BX_HTTP_FAILURE_MAX_BYTES, &text, err) < 0)
        return -1;
    if (bx_web_is_type(head, "application/json"))
        message = bx_rpc_parse(text.data, text.len, &error);
    is_forgotten = has_forgotten(http, head, message);
    if (!is_forgotten && id != NULL &&
        json_equal(json_object_get(message, "id"), id) &&
        json_is_object(json_object_get(message, "error"))) {
        bx_http_deliver(http, json_incref(message));
        result = 0;
    } else {
        result = bx_http_fail_words(call, head, message, text.data, err);
    }
    if (is_forgotten)
        bx_http_lose(http, "the server knows the session no more");
    json_decref(message);
    json_decref(error);
    return result;
}

static int take_head(bx_http_transport *http, const json_t *message,
                     bx_web_call *call, const bx_http_head *head,
                     const bx_wait *wait, bx_error **err)
{
    const json_t *id = json_object_get(message, "id");
    const char *method = bx_rpc_text(message, "method");

    if (head->status < 200 || head->status > 299)
        return read_refusal(http, call, head, id, err);
    if (strcmp(method, "initialize") == 0 && keep_session(http, head, err) < 0)
        return -1;
    if (id == NULL)
        return 0;
    if (head->status == 200)
        return read_answer(http, call, head, wait, id, err);
    return bx_error_set(err, BX_ERR_INVALID,
                        "the server answers a request with HTTP %u, which has "
                        "no content",
                        head->status);
}

/* ---- the transport ---------------------------------------------------- */

static int post(bx_http_transport *http, const json_t *message,
                const bx_wait *wait, bx_error **err)
{
    bx_autofree char *text = bx_json_text(message, JSON_COMPACT);
    const bx_http_ask ask = {
        .method = "POST",
        .body = text,
        .accept = "application/json, text/event-stream",
        .message = message,
    };
    bx_error *why = NULL;
    bx_web_call *call = NULL;
    bx_http_head head;
    int result;

    if (text == NULL)
        return bx_error_set_nomem(err);
    if (bx_http_ask_server(http, &ask, wait, &call, &head, &why) < 0) {
        int errnum = bx_error_errno(why);

        if (errnum == ECONNREFUSED || errnum == EHOSTUNREACH)
            bx_http_lose(http, bx_error_message(why));
        if (err != NULL)
            *err = why;
        else
            bx_error_free(why);
        return -1;
    }
    result = take_head(http, message, call, &head, wait, err);
    bx_web_close(call);
    return result;
}

static int http_send(bx_transport *transport, const json_t *message,
                     int64_t deadline_ns, bx_cancel *cancel, bx_error **err)
{
    bx_http_transport *http = (bx_http_transport *)transport;
    const bx_wait wait = { deadline_ns, cancel };
    const char *method = bx_rpc_text(message, "method");
    bool is_cancel =
        method != NULL && strcmp(method, "notifications/cancelled") == 0;

    /* Nobody waits for these; without sessions the end of a request's own
     * connection cancels it. */
    if (method == NULL || is_cancel) {
        if (!is_cancel || !bx_http_is_stateless(http->revision))
            bx_http_queue(http, message);
        return 0;
    }
    if (post(http, message, &wait, err) < 0)
        return -1;
    if (strcmp(method, "notifications/initialized") == 0)
        bx_http_listen(http);
    return 0;
}

static int http_set_revision(bx_transport *transport, const char *revision,
                             bx_error **err)
{
    bx_http_transport *http = (bx_http_transport *)transport;

    if (strlen(revision) >= sizeof(http->revision))
        return bx_error_set(err, BX_ERR_INVALID, "no revision of MCP");
    pthread_mutex_lock(&http->mutex);
    memcpy(http->revision, revision, strlen(revision) + 1);
    pthread_mutex_unlock(&http->mutex);
    return 0;
}

static void http_stop(bx_transport *transport)
{
    bx_web_stop(((bx_http_transport *)transport)->web, true);
}

/* A server may keep much for a session; it need not know that it is over. */
static void end_session(bx_http_transport *http)
{
    const bx_http_ask ask = { .method = "DELETE" };
    const bx_wait wait = bx_wait_for_ms(END_MS);
    bx_web_call *call = NULL;
    bx_http_head head;

    if (http->session[0] == '\0' || http->is_lost)
        return;
    bx_web_stop(http->web, false);
    if (bx_http_ask_server(http, &ask, &wait, &call, &head, NULL) == 0)
        bx_web_close(call);
}

static void http_free(bx_transport *transport)
{
    bx_http_transport *http = (bx_http_transport *)transport;

    if (http->web != NULL) {
        bx_web_stop(http->web, true);
        bx_http_join(http);
        end_session(http);
    }
    bx_web_free(http->web);
    pthread_mutex_destroy(&http->delivering);
    pthread_mutex_destroy(&http->mutex);
    pthread_cond_destroy(&http->changed);
    free(http);
}

bx_transport *bx_transport_http_new(const bx_remote_server *server,
                                    const bx_transport_sink *sink,
                                    bx_error **err)
{
    static const bx_transport_kind kind = {
        .name = "http",
        .send = http_send,
        .set_revision = http_set_revision,
        .stop = http_stop,
        .free = http_free,
    };
    bx_http_transport *http = calloc(1, sizeof(*http));
    bx_autofields bx_http_fields fields = BX_HTTP_FIELDS_INIT;

    if (http == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    http->transport.kind = &kind;
    http->server = server;
    http->sink = *sink;
    pthread_mutex_init(&http->delivering, NULL);
    pthread_mutex_init(&http->mutex, NULL);
    pthread_cond_init(&http->changed, NULL);
    http->web = bx_web_new(server->url, server->is_private, err);
    if (http->web != NULL && bx_http_put_own(server, &fields, err) == 0)
        return &http->transport;
    http_free(&http->transport);
    return NULL;
}
