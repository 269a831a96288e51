/* The two threads beside the callers': one sends what nobody waits for, one
 * listens to what the server says by itself. Each is made when it is needed. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "mcp/client_http_state.h"

#define POST_MS 10000  /* for the server to take one */
#define IDLE_MS 600000 /* of a silent stream, before another is opened */
#define RETRY_MS 1000  /* before the next stream, unless the server says */
#define RETRY_MAX_MS 60000

/* Signals are for the threads of whoever embeds us. */
static bool start(pthread_t *thread, void *(*run)(void *), void *context)
{
    sigset_t all;
    sigset_t before;
    int number;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number == 0;
}

/* ---- sending ---------------------------------------------------------- */

/* Whether the server takes it is the server's matter. */
static void post(bx_http_transport *http, const char *text)
{
    const bx_http_ask ask = {
        .method = "POST",
        .body = text,
        .accept = "application/json, text/event-stream",
    };
    const bx_wait wait = bx_wait_for_ms(POST_MS);
    bx_web_call *call = NULL;
    bx_http_head head;

    if (bx_http_ask_server(http, &ask, &wait, &call, &head, NULL) == 0)
        bx_web_close(call);
}

static void *run_poster(void *context)
{
    bx_http_transport *http = context;

    pthread_mutex_lock(&http->mutex);
    for (;;) {
        bx_http_queued *first;

        while (http->queue == NULL && !http->is_stopping)
            pthread_cond_wait(&http->changed, &http->mutex);
        if (http->is_stopping)
            break;
        first = http->queue;
        http->queue = first->next;
        http->queue_count--;
        pthread_mutex_unlock(&http->mutex);
        post(http, first->text);
        free(first->text);
        free(first);
        pthread_mutex_lock(&http->mutex);
    }
    pthread_mutex_unlock(&http->mutex);
    return NULL;
}

void bx_http_queue(bx_http_transport *http, const json_t *message)
{
    bx_http_queued *queued = calloc(1, sizeof(*queued));
    bx_http_queued **at = &http->queue;

    if (queued == NULL)
        return;
    queued->text = bx_json_text(message, JSON_COMPACT);
    pthread_mutex_lock(&http->mutex);
    if (!http->has_poster && !http->is_stopping)
        http->has_poster = start(&http->poster, run_poster, http);
    if (queued->text != NULL && http->has_poster &&
        http->queue_count < BX_HTTP_QUEUE_MAX) {
        while (*at != NULL)
            at = &(*at)->next;
        *at = bx_take(queued);
        http->queue_count++;
        pthread_cond_broadcast(&http->changed);
    }
    pthread_mutex_unlock(&http->mutex);
    if (queued != NULL)
        free(queued->text);
    free(queued);
}

/* ---- listening -------------------------------------------------------- */

static void say(bx_http_transport *http, const char *what, const bx_error *why)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    pthread_mutex_lock(&http->delivering);
    if (bx_buf_printf(&text, "%s: %s", what, bx_error_message(why)) == 0)
        http->sink.log(http->sink.context, text.data);
    pthread_mutex_unlock(&http->delivering);
}

typedef enum bx_listen_end {
    BX_LISTEN_NO_MORE, /* it has no such stream, or is gone */
    BX_LISTEN_BROKEN,
    BX_LISTEN_OVER, /* it came, and ended */
} bx_listen_end;

static bx_listen_end read_head(bx_http_transport *http, bx_web_call *call,
                               const bx_http_head *head)
{
    bx_autoerror bx_error *why = NULL;

    if (head->status == 200 && bx_web_is_type(head, "text/event-stream"))
        return BX_LISTEN_OVER;
    if (head->status >= 500 || head->status == 429)
        return BX_LISTEN_BROKEN;
    if (head->status == 404 && http->session[0] != '\0') {
        bx_http_lose(http, "the server knows the session no more");
        return BX_LISTEN_NO_MORE;
    }
    /* 405: it says nothing by itself. */
    if (head->status != 405 && head->status != 404) {
        bx_http_fail_status(call, head, &why);
        say(http, "it is not listened to", why);
    }
    return BX_LISTEN_NO_MORE;
}

static bx_listen_end listen_once(bx_http_transport *http, bx_http_place *place)
{
    const bx_http_ask ask = {
        .method = "GET",
        .accept = "text/event-stream",
        .last_event_id = place->id,
    };
    const bx_wait wait = bx_wait_for_ms(IDLE_MS);
    bx_http_awaited nothing = { 0 };
    bx_autoerror bx_error *why = NULL;
    bx_web_call *call = NULL;
    bx_http_head head;
    bx_listen_end end;

    if (bx_http_ask_server(http, &ask, &wait, &call, &head, &why) < 0)
        return bx_error_code(why) == BX_ERR_SYSTEM ||
                       bx_error_code(why) == BX_ERR_TIMEOUT
                   ? BX_LISTEN_BROKEN
                   : BX_LISTEN_NO_MORE;
    end = read_head(http, call, &head);
    if (end == BX_LISTEN_OVER &&
        bx_http_read_events(http, call, IDLE_MS, &nothing, place, &why) < 0 &&
        !bx_web_is_stopped(http->web)) {
        bx_code code = bx_error_code(why);

        if (code == BX_ERR_INVALID || code == BX_ERR_LIMIT)
            say(http, "what it says by itself", why);
        /* A stream of too much in all is begun anew, as one that broke. */
        end = code == BX_ERR_INVALID ? BX_LISTEN_NO_MORE : BX_LISTEN_BROKEN;
    }
    bx_web_close(call);
    return end;
}

static void *run_listener(void *context)
{
    bx_http_transport *http = context;
    bx_http_place place = { 0 };
    uint64_t backoff_ms = RETRY_MS;

    while (!bx_web_is_stopped(http->web)) {
        uint64_t events = place.events;
        bx_listen_end end = listen_once(http, &place);
        uint64_t pause_ms;

        if (end == BX_LISTEN_NO_MORE)
            break;
        if (place.events > events)
            backoff_ms = RETRY_MS;
        pause_ms = place.retry_ms > backoff_ms ? place.retry_ms : backoff_ms;
        bx_web_pause(http->web,
                     pause_ms > RETRY_MAX_MS ? RETRY_MAX_MS : pause_ms);
        backoff_ms =
            backoff_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : backoff_ms * 2;
    }
    free(place.id);
    return NULL;
}

void bx_http_listen(bx_http_transport *http)
{
    pthread_mutex_lock(&http->mutex);
    if (!http->has_listener && !http->is_stopping)
        http->has_listener = start(&http->listener, run_listener, http);
    pthread_mutex_unlock(&http->mutex);
}

/* ---- the end ---------------------------------------------------------- */

void bx_http_join(bx_http_transport *http)
{
    pthread_mutex_lock(&http->mutex);
    http->is_stopping = true;
    pthread_cond_broadcast(&http->changed);
    pthread_mutex_unlock(&http->mutex);
    if (http->has_poster)
        pthread_join(http->poster, NULL);
    if (http->has_listener)
        pthread_join(http->listener, NULL);
    http->has_poster = http->has_listener = false;
    while (http->queue != NULL) {
        bx_http_queued *first = http->queue;

        http->queue = first->next;
        free(first->text);
        free(first);
    }
}
