/* The turn of a model: attempts, and the waits between them. An attempt that
 * gave no whole reply gave none: what it streamed is declared void. */
#include "agent/models/client.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "agent/models/demo.h"
#include "base/json_text.h"

#define ATTEMPTS 6
#define IDLE_MS 120000
#define MAX_DELAY_MS 60000
#define TOKEN_BYTES 4     /* a guess, where nobody counts */
#define IMAGE_TOKENS 1500 /* the same */

bx_model_client *bx_model_client_new(const bx_model_client_config *config,
                                     bx_error **err)
{
    bx_model_client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    client->config = *config;
    if (config->attempts == 0)
        client->config.attempts = ATTEMPTS;
    if (config->idle_ms == 0)
        client->config.idle_ms = IDLE_MS;
    if (config->max_delay_ms == 0)
        client->config.max_delay_ms = MAX_DELAY_MS;
    client->run.cancel = config->cancel;
    return client;
}

void bx_model_client_free(bx_model_client *client)
{
    if (client == NULL)
        return;
    bx_http_client_free(client->http);
    bx_client_drop_key(client);
    free(client);
}

/* ---- the request ---------------------------------------------------- */

/* protocol: NULL: the demo. */
static int find_protocol(const bx_turn_request *request,
                         const bx_protocol **ret_protocol, bx_error **err)
{
    const char *name = request->model->provider->protocol;

    *ret_protocol = bx_protocol_find(name);
    if (*ret_protocol == NULL && strcmp(name, BX_DEMO_PROTOCOL) != 0)
        return bx_error_set(err, BX_ERR_INVALID,
                            "provider '%s': the protocol '%s' is none that is "
                            "spoken here",
                            request->model->provider->name, name);
    return 0;
}

static int wrap(const bx_turn_request *request, bx_error **err)
{
    return bx_error_wrap(err, "model '%s' of '%s'", request->model->name,
                         request->model->provider->name);
}

/* ---- one attempt ---------------------------------------------------- */

static int make_reply(bx_model_client *client, const bx_protocol *protocol,
                      bx_protocol_request *http, const bx_turn_request *request,
                      unsigned attempt, bx_reply *reply, char **ret_request_id,
                      bx_client_fault *fault, bx_error **err)
{
    const bx_reply_failure *failure;
    int result;

    if (protocol == NULL) {
        client->run.deadline_ns = client->deadline_ns;
        result = bx_demo_play(request, &client->run, attempt, reply, err);
    } else {
        result = bx_client_stream(client, protocol, http, reply, ret_request_id,
                                  fault, err);
    }
    if (result < 0)
        return -1;
    failure = bx_reply_failure_of(reply);
    if (failure == NULL)
        return 0;
    bx_client_judge(0, NULL, failure, 0, fault);
    return bx_client_fail(failure, "", fault, err);
}

/* Not every provider says which model it was. */
static int settle_model(const bx_model *model, bx_turn_reply *reply,
                        bx_error **err)
{
    if (reply->model != NULL && *reply->model != '\0')
        return 0;
    free(reply->model);
    reply->model = strdup(model->id != NULL ? model->id : model->name);
    return reply->model != NULL ? 0 : bx_error_set_nomem(err);
}

/* The conversation is too long: no message, and the stop that says so. */
static int take_context(const bx_model *model, bx_turn_reply *ret_reply,
                        bx_error **err)
{
    ret_reply->message = bx_message_new("assistant");
    ret_reply->stop = BX_STOP_CONTEXT;
    if (ret_reply->message == NULL)
        return bx_error_set_nomem(err);
    return settle_model(model, ret_reply, err);
}

static int make_attempt(bx_model_client *client, const bx_protocol *protocol,
                        bx_protocol_request *http,
                        const bx_turn_request *request,
                        const bx_turn_events *events, unsigned attempt,
                        bx_turn_reply *ret_reply, bx_client_fault *fault,
                        bx_error **err)
{
    bx_autoreplying bx_reply *reply =
        bx_reply_new(request->model->provider->protocol, events, err);
    char *request_id = NULL;
    bx_autoerror bx_error *why = NULL;

    if (reply == NULL)
        return -1;
    if (make_reply(client, protocol, http, request, attempt, reply, &request_id,
                   fault, &why) < 0) {
        free(request_id);
        if (fault->is_context)
            return take_context(request->model, ret_reply, err);
        if (err != NULL)
            *err = bx_take(why);
        return -1;
    }
    if (bx_reply_take(reply, ret_reply, &why) < 0) {
        free(request_id);
        /* Half a reply; asked again, the model may finish it. What the host
         * lacks, it lacks then too. */
        fault->is_passing = bx_error_code(why) == BX_ERR_INVALID;
        snprintf(fault->reason, sizeof(fault->reason),
                 "the reply was not whole");
        if (err != NULL)
            *err = bx_take(why);
        return -1;
    }
    ret_reply->request_id = request_id;
    return settle_model(request->model, ret_reply, err);
}

/* ---- between attempts ----------------------------------------------- */

static uint32_t make_noise(void)
{
    uint32_t noise = 0;

    /* Without it all wait alike, which is no harm. */
    if (getrandom(&noise, sizeof(noise), 0) != (ssize_t)sizeof(noise))
        noise = 0;
    return noise;
}

static int wait_ms(bx_model_client *client, uint64_t ms, bx_error **err)
{
    int64_t until_ns = bx_now_ns() + (int64_t)ms * 1000000;

    client->run.deadline_ns = client->deadline_ns;
    while (bx_run_poll(&client->run, NULL, 0, until_ns) < 0 && errno == EINTR)
        continue;
    return bx_client_check_time(client, err);
}

/* A key that was refused is read again, once in a turn: what gives it may have
 * a newer one. 1: it has. */
static int renew_key(bx_model_client *client, bx_client_fault *fault,
                     bool *is_renewed, bx_error **err)
{
    int result;

    if (!fault->is_key || *is_renewed || client->key == NULL)
        return 0;
    *is_renewed = true;
    result = bx_client_renew_key(client, err);
    if (result == 1) {
        fault->is_passing = true;
        fault->has_hint = true;
        fault->hint_ms = 0;
        snprintf(fault->reason, sizeof(fault->reason),
                 "the key was refused; there is a newer one");
    }
    return result;
}

/* May and should the turn go on behind this attempt? 0: yes, and the time has
 * come. -1: *err, which holds the attempt's own error, is the turn's. */
static int go_on(bx_model_client *client, const bx_turn_events *events,
                 const bx_client_fault *fault, unsigned attempt, bx_error **err)
{
    uint64_t most_ms = client->config.max_delay_ms;
    unsigned most = client->config.attempts;
    uint64_t delay_ms;
    bx_error *over = NULL;

    if (!fault->is_passing)
        return -1;
    if (fault->is_connecting && most > BX_CLIENT_CONNECT_ATTEMPTS)
        most = BX_CLIENT_CONNECT_ATTEMPTS;
    if (attempt >= most)
        return attempt == 1
                   ? -1
                   : bx_error_wrap(err, "gave up after %u attempts", attempt);
    if (fault->has_hint && fault->hint_ms > most_ms)
        return bx_error_wrap(err,
                             "gave up: the server wants to be asked again in "
                             "%" PRIu64 " s, and %" PRIu64
                             " s is the most that is waited",
                             (fault->hint_ms + 999) / 1000, most_ms / 1000);
    delay_ms = bx_client_delay_ms(fault, attempt, most_ms, make_noise());
    if (client->deadline_ns - bx_now_ns() <= (int64_t)delay_ms * 1000000)
        return bx_error_wrap(err,
                             "gave up: the next attempt, in %" PRIu64
                             " ms, is past the turn's time",
                             delay_ms);
    if (events != NULL && events->retry != NULL)
        events->retry(events->context, attempt + 1, delay_ms, fault->reason);
    if (wait_ms(client, delay_ms, &over) == 0)
        return 0;
    if (err != NULL) {
        bx_error_free(*err);
        *err = over;
    } else {
        bx_error_free(over);
    }
    return -1;
}

static int make_turn(bx_model_client *client, const bx_protocol *protocol,
                     bx_protocol_request *http, const bx_turn_request *request,
                     const bx_turn_events *events, bx_turn_reply *ret_reply,
                     bx_error **err)
{
    bool is_renewed = false;

    for (unsigned attempt = 1;; attempt++) {
        bx_client_fault fault = { 0 };
        bx_error *why = NULL;
        int renewed;

        ret_reply->attempts = attempt;
        if (make_attempt(client, protocol, http, request, events, attempt,
                         ret_reply, &fault, &why) == 0)
            return 0;
        renewed = renew_key(client, &fault, &is_renewed, err);
        if (renewed < 0) {
            bx_error_free(why);
            return -1;
        }
        if (go_on(client, events, &fault, attempt, &why) < 0) {
            if (err != NULL)
                *err = why;
            else
                bx_error_free(why);
            return -1;
        }
        bx_error_free(why);
    }
}

int bx_model_client_turn(bx_model_client *client,
                         const bx_turn_request *request,
                         const bx_turn_events *events, int64_t deadline_ns,
                         bx_turn_reply *ret_reply, bx_error **err)
{
    bx_autoprotocolrequest bx_protocol_request http = { 0 };
    bx_turn_reply reply = { 0 };
    const bx_protocol *protocol;

    client->deadline_ns = deadline_ns;
    if (find_protocol(request, &protocol, err) < 0 ||
        bx_client_check_time(client, err) < 0)
        return wrap(request, err);
    /* A protocol looks at them before it writes them. */
    if (protocol == NULL && bx_messages_check(request->messages, err) < 0)
        return wrap(request, err);
    if (protocol != NULL &&
        (protocol->write(request, &http, err) < 0 ||
         bx_client_hold_key(client, request->model->provider, err) < 0))
        return wrap(request, err);
    if (make_turn(client, protocol, &http, request, events, &reply, err) < 0) {
        bx_turn_reply_clear(&reply);
        return wrap(request, err);
    }
    *ret_reply = reply;
    return 0;
}

/* ---- counting ------------------------------------------------------- */

static uint64_t text_bytes(const json_t *value)
{
    bx_autofree char *text = bx_json_text(value, JSON_COMPACT);

    return text == NULL ? 0 : strlen(text);
}

static uint64_t estimate(const bx_turn_request *request)
{
    uint64_t bytes = text_bytes(request->messages) + text_bytes(request->tools);
    uint64_t images = 0;
    size_t i, j;
    json_t *message, *block;

    if (request->system != NULL)
        bytes += strlen(request->system);
    json_array_foreach(request->messages, i, message)
    {
        json_array_foreach(bx_message_blocks(message), j, block)
        {
            if (!bx_block_is(block, "image"))
                continue;
            bytes -= strlen(bx_block_text(block, "data"));
            images++;
        }
    }
    return bytes / TOKEN_BYTES + images * IMAGE_TOKENS;
}

/* -1: the provider does not count, or not now. */
static int ask_count(bx_model_client *client, const bx_protocol *protocol,
                     const bx_turn_request *request, uint64_t *ret_tokens)
{
    bx_autoprotocolrequest bx_protocol_request http = { 0 };
    bx_client_fault fault = { 0 };
    json_t *body = NULL;
    int result = -1;

    if (protocol->write_count(request, &http, NULL) == 0 &&
        bx_client_hold_key(client, request->model->provider, NULL) == 0 &&
        bx_client_fetch(client, protocol, &http, &body, &fault, NULL) == 0)
        result = protocol->read_count(body, ret_tokens, NULL);
    json_decref(body);
    return result;
}

int bx_model_client_count(bx_model_client *client,
                          const bx_turn_request *request, int64_t deadline_ns,
                          uint64_t *ret_tokens, bool *ret_is_estimate,
                          bx_error **err)
{
    const bx_protocol *protocol;
    uint64_t tokens;

    client->deadline_ns = deadline_ns;
    if (find_protocol(request, &protocol, err) < 0 ||
        bx_client_check_time(client, err) < 0)
        return wrap(request, err);
    *ret_is_estimate = protocol == NULL || protocol->write_count == NULL ||
                       ask_count(client, protocol, request, &tokens) < 0;
    if (*ret_is_estimate && bx_client_check_time(client, err) < 0)
        return wrap(request, err);
    *ret_tokens = *ret_is_estimate ? estimate(request) : tokens;
    return 0;
}
