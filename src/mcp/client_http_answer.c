/* What comes in an answer: JSON, or events of which each is a message. Sizes,
 * depth and shape are checked before anybody sees it. */
#include <stdlib.h>
#include <string.h>

#include "mcp/client_http_state.h"
#include "mcp/rpc.h"
#include "net/sse.h"

void bx_http_deliver(bx_http_transport *http, json_t *message)
{
    pthread_mutex_lock(&http->delivering);
    http->sink.receive(http->sink.context, message);
    pthread_mutex_unlock(&http->delivering);
}

static bool is_answer_to(const json_t *message, const json_t *id)
{
    return json_is_object(message) &&
           json_object_get(message, "method") == NULL &&
           json_equal(json_object_get(message, "id"), id);
}

static bool has_answer(const json_t *message, const json_t *id)
{
    size_t i;
    json_t *item;

    if (id == NULL)
        return false;
    if (!json_is_array(message))
        return is_answer_to(message, id);
    json_array_foreach(message, i, item)
    {
        if (is_answer_to(item, id))
            return true;
    }
    return false;
}

static int take_text(bx_http_transport *http, const char *text, size_t bytes,
                     bx_http_awaited *awaited, bx_error **err)
{
    json_t *error = NULL;
    json_t *message = bx_rpc_parse(text, bytes, &error);
    const char *why = bx_rpc_text(error, "message");
    int result = 0;

    if (json_is_object(message) || json_is_array(message)) {
        awaited->has_come |= has_answer(message, awaited->id);
        bx_http_deliver(http, json_incref(message));
    } else {
        result = bx_error_set(err, BX_ERR_INVALID,
                              "the server's answer is no message of MCP: %s",
                              why == NULL ? "no object" : why);
    }
    json_decref(message);
    json_decref(error);
    return result;
}

int bx_http_read_json(bx_http_transport *http, bx_web_call *call,
                      bx_http_awaited *awaited, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_web_read_all(call, BX_HTTP_MESSAGE_MAX_BYTES, &text, err) < 0)
        return -1;
    return take_text(http, text.data, text.len, awaited, err);
}

/* ---- events ----------------------------------------------------------- */

typedef struct bx_http_reading {
    bx_http_transport *http;
    bx_http_awaited *awaited;
    bx_http_place *place;
} bx_http_reading;

static int on_event(void *context, const char *event, const char *data,
                    size_t bytes, bx_error **err)
{
    const bx_http_reading *reading = context;

    reading->place->events++;
    /* Without data an event only tells the place; other kinds are none of
     * MCP's. */
    if (bytes == 0 || (*event != '\0' && strcmp(event, "message") != 0))
        return 0;
    return take_text(reading->http, data, bytes, reading->awaited, err);
}

static int keep_place(const bx_sse *sse, bx_http_place *place, bx_error **err)
{
    const char *id = bx_sse_last_id(sse);

    if (bx_sse_retry_ms(sse) > 0)
        place->retry_ms = bx_sse_retry_ms(sse);
    if (*id == '\0' || (place->id != NULL && strcmp(place->id, id) == 0))
        return 0;
    free(place->id);
    place->id = strdup(id);
    return place->id == NULL ? bx_error_set_nomem(err) : 0;
}

int bx_http_read_events(bx_http_transport *http, bx_web_call *call,
                        uint64_t idle_ms, bx_http_awaited *awaited,
                        bx_http_place *place, bx_error **err)
{
    bx_http_reading reading = { http, awaited, place };
    bx_autosse bx_sse *sse =
        bx_sse_new(BX_HTTP_MESSAGE_MAX_BYTES, on_event, &reading, err);
    int more = sse == NULL ? -1 : 1;

    while (more == 1 && !awaited->has_come) {
        const char *data;
        size_t bytes;

        if (idle_ms > 0) {
            bx_wait wait = bx_wait_for_ms(idle_ms);

            bx_web_set_wait(call, &wait);
        }
        more = bx_web_read(call, &data, &bytes, err);
        if (more == 1 && (bx_sse_feed(sse, data, bytes, err) < 0 ||
                          keep_place(sse, place, err) < 0))
            more = -1;
    }
    return more < 0 ? -1 : 0;
}
