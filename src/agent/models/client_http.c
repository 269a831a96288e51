/* One attempt of a turn over HTTP. The answer is a stranger's: what is no event
 * stream is an error that says what came instead, an event that does not come
 * in time ends the wait, and nothing of the key passes from here. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/models/client.h"
#include "base/json_text.h"
#include "net/sse.h"

#define BODY_MAX_BYTES (256u << 20) /* a request, and a whole stream */
#define FAILURE_MAX_BYTES (64u << 10)
#define FETCH_MAX_BYTES (1u << 20)
#define LINGER_MS 500 /* for the end of a stream that has said all */

/* ---- what went wrong ------------------------------------------------ */

static void set_reason(bx_client_fault *fault, const char *reason)
{
    snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
}

/* The wait for the network failed: say how, and whether it may pass. */
static int fail_network(bx_model_client *client, bool has_head,
                        bx_client_fault *fault, bx_error *cause, bx_error **err)
{
    bx_code code = bx_error_code(cause);
    int errnum = bx_error_errno(cause);
    bx_autoerror bx_error *owned = cause;

    /* Names that did not resolve, and half-read connections, go with it. */
    client->is_http_broken = true;
    if (code == BX_ERR_CANCELLED || code == BX_ERR_TIMEOUT) {
        if (bx_client_check_time(client, err) < 0)
            return -1;
        fault->is_passing = true;
        fault->is_connecting =
            !has_head && bx_now_ns() < client->run.deadline_ns;
        if (fault->is_connecting) {
            set_reason(fault, "no connection in time");
            return bx_error_set(err, BX_ERR_TIMEOUT, "%s",
                                bx_error_message(cause));
        }
        snprintf(fault->reason, sizeof(fault->reason), "%s for %" PRIu64 " ms",
                 has_head ? "the stream said nothing" : "no answer",
                 client->config.idle_ms);
        return bx_error_set(err, BX_ERR_TIMEOUT, "%s", fault->reason);
    }
    fault->is_passing = code == BX_ERR_SYSTEM;
    fault->is_connecting = !has_head && errnum != ECONNRESET;
    set_reason(fault, has_head                 ? "the stream broke off"
                      : errnum == ECONNRESET   ? "the connection was reset"
                      : errnum == ECONNREFUSED ? "the connection was refused"
                      : errnum == EHOSTUNREACH ? "the host was not reached"
                                               : "the connection failed");
    if (err != NULL)
        *err = bx_take(owned);
    return -1;
}

int bx_client_fail(const bx_reply_failure *failure, const char *where,
                   bx_client_fault *ret_fault, bx_error **err)
{
    static const struct {
        bx_code code;
        const char *reason;
    } kinds[] = {
        [BX_FAILURE_REQUEST] = { BX_ERR_INVALID, "the request was refused" },
        [BX_FAILURE_KEY] = { BX_ERR_DENIED, "the key was refused" },
        [BX_FAILURE_NO_MODEL] = { BX_ERR_NOT_FOUND, "no such model" },
        [BX_FAILURE_CONTEXT] = { BX_ERR_INVALID,
                                 "the conversation is too long" },
        [BX_FAILURE_RATE] = { BX_ERR_LIMIT, "rate limited" },
        [BX_FAILURE_OVERLOAD] = { BX_ERR_LIMIT, "overloaded" },
        [BX_FAILURE_SERVER] = { BX_ERR_LIMIT, "the server failed" },
    };

    set_reason(ret_fault, kinds[failure->kind].reason);
    ret_fault->is_context = failure->kind == BX_FAILURE_CONTEXT;
    return bx_error_set(err, kinds[failure->kind].code, "%s%s%s%s",
                        kinds[failure->kind].reason, where,
                        failure->text[0] != '\0' ? ": " : "", failure->text);
}

/* ---- the request ---------------------------------------------------- */

static int add_field(bx_http_fields *fields, const char *name,
                     const char *value, bx_error **err)
{
    if (bx_http_fields_add(fields, name, strlen(name), value, strlen(value)) <
        0)
        return bx_error_set_nomem(err);
    return 0;
}

static int add_key(const bx_model_client *client, const bx_protocol *protocol,
                   bx_http_fields *fields, bx_error **err)
{
    char *value = NULL;
    int bytes;
    int result;

    if (client->key == NULL)
        return 0;
    bytes = asprintf(&value, "%s%s", protocol->key_prefix, client->key);
    if (bytes < 0)
        return bx_error_set_nomem(err);
    result = add_field(fields, protocol->key_header, value, err);
    explicit_bzero(value, (size_t)bytes);
    free(value);
    return result;
}

/* The provider's own headers stand in place of others of their names. */
static int add_own(const bx_provider *provider, bx_http_fields *fields,
                   bx_error **err)
{
    for (size_t i = 0;
         provider->headers != NULL && provider->headers[i] != NULL; i++) {
        const char *line = provider->headers[i];
        const char *value = line + strcspn(line, ":");
        bx_autofree char *name = strndup(line, (size_t)(value - line));
        const char *names[] = { name, NULL };

        if (name == NULL)
            return bx_error_set_nomem(err);
        bx_http_fields_remove(fields, names);
        value += *value == ':';
        value += strspn(value, " \t");
        if (add_field(fields, name, value, err) < 0)
            return -1;
    }
    return 0;
}

/* A copy of a field list holds the key. */
static void clear_fields(bx_http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        explicit_bzero(fields->items[i].value, strlen(fields->items[i].value));
    bx_http_fields_clear(fields);
}

static int make_http(bx_model_client *client, bx_error **err)
{
    bx_http_config config = {
        .run = &client->run,
        .is_trusted = true,
        .ca_file = client->config.ca_file,
        .body_bytes = BODY_MAX_BYTES,
    };

    if (client->is_http_broken)
        bx_http_client_free(bx_take(client->http));
    client->is_http_broken = false;
    if (client->http == NULL)
        client->http = bx_http_client_new(&config, err);
    return client->http == NULL ? -1 : 0;
}

static int open_exchange(bx_model_client *client, const bx_protocol *protocol,
                         bx_protocol_request *request, const char *accept,
                         bx_http_exchange **ret_exchange, bx_error **err)
{
    bx_http_fields fields = BX_HTTP_FIELDS_INIT;
    bx_http_request http = {
        .method = "POST",
        .url = request->url.data,
        .fields = &fields,
        .redirect = BX_HTTP_REDIRECT_MANUAL,
    };
    bx_http_exchange *exchange = NULL;

    if (request->text == NULL)
        request->text = bx_json_text(request->body, JSON_COMPACT);
    if (request->text == NULL)
        return bx_error_set_nomem(err);
    if (bx_http_fields_copy(&fields, &request->fields) < 0)
        bx_error_set_nomem(err);
    else if (add_field(&fields, "content-type", "application/json", err) == 0 &&
             add_field(&fields, "accept", accept, err) == 0 &&
             add_key(client, protocol, &fields, err) == 0 &&
             add_own(client->provider, &fields, err) == 0 &&
             make_http(client, err) == 0)
        exchange = bx_http_client_open(client->http, &http, err);
    clear_fields(&fields);
    if (exchange != NULL &&
        bx_http_exchange_write(exchange, request->text, strlen(request->text),
                               err) == 0) {
        *ret_exchange = exchange;
        return 0;
    }
    bx_http_exchange_free(exchange);
    return -1;
}

/* ---- the answer ----------------------------------------------------- */

static int fail_redirect(const bx_model_client *client,
                         const bx_http_head *head, bx_error **err)
{
    bx_autofree char *to =
        bx_client_show_header(client, bx_client_header(head, "location"));

    if (to == NULL)
        return bx_error_set_nomem(err);
    to[strcspn(to, "?#")] = '\0';
    return bx_error_set(err, BX_ERR_INVALID,
                        "HTTP %u: the server sends us on to '%s'; a key does "
                        "not follow: give that address as the base_url if it "
                        "is the provider's",
                        head->status, to);
}

/* An answer that tells of a failure, or is none of the API's. */
static int fail_answer(bx_client_body *b, const bx_protocol *protocol,
                       const bx_http_head *head, const char *request_id,
                       bx_client_fault *fault, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autofree char *where = NULL;
    bx_reply_failure failure = { 0 };
    bx_error *cause = NULL;
    bool is_whole;
    json_t *value;

    if (head->status >= 300 && head->status < 400)
        return fail_redirect(b->client, head, err);
    if (bx_client_body_read_all(b, FAILURE_MAX_BYTES, &text, &is_whole,
                                &cause) < 0) {
        /* The status alone says enough, but for the end of the turn. */
        bx_error_free(cause);
        b->client->is_http_broken = true;
        if (bx_client_check_time(b->client, err) < 0)
            return -1;
    }
    value = text.len == 0 || !is_whole
                ? NULL
                : json_loadb(text.data, text.len, 0, NULL);
    protocol->read_failure(head->status, value, &failure);
    json_decref(value);
    bx_client_judge(head->status, head->fields, &failure, (int64_t)time(NULL),
                    fault);
    fault->is_key = head->status == 401;
    if (asprintf(&where, " (HTTP %u%s%s)", head->status,
                 request_id == NULL ? "" : ", request ",
                 request_id == NULL ? "" : request_id) < 0) {
        where = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_client_fail(&failure, where, fault, err);
}

static bool is_type(const bx_http_head *head, const char *type)
{
    const char *value = bx_client_header(head, "content-type");
    size_t bytes = strlen(type);

    return strncasecmp(value, type, bytes) == 0 &&
           (value[bytes] == '\0' || strchr("; \t", value[bytes]) != NULL);
}

/* Status 200 of something else than the API: a proxy's page, a wrong path. */
static int fail_type(bx_client_body *b, const bx_protocol *protocol,
                     const bx_http_head *head, const char *expected,
                     bx_client_fault *fault, bx_error **err)
{
    bx_autofree char *type = bx_client_show_header(
        b->client, bx_client_header(head, "content-type"));
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bool is_whole;

    if (type == NULL)
        return bx_error_set_nomem(err);
    /* Some servers say 200 and then tell of an error. */
    if (is_type(head, "application/json") &&
        bx_client_body_read_all(b, FAILURE_MAX_BYTES, &text, &is_whole, NULL) ==
            0 &&
        text.len > 0) {
        json_t *value = json_loadb(text.data, text.len, 0, NULL);
        bool is_error = json_object_get(value, "error") != NULL;
        bx_reply_failure failure = { 0 };

        if (is_error) {
            protocol->read_failure(0, value, &failure);
            bx_client_judge(0, head->fields, &failure, (int64_t)time(NULL),
                            fault);
        }
        json_decref(value);
        if (is_error)
            return bx_client_fail(&failure, "", fault, err);
    }
    return bx_error_set(err, BX_ERR_INVALID,
                        "the answer is no %s but %s%s%s: is base_url the "
                        "address of the API, and no proxy or sign-in page "
                        "before it?",
                        expected, *type == '\0' ? "of no type" : "'", type,
                        *type == '\0' ? "" : "'");
}

/* ---- the two kinds of requests -------------------------------------- */

typedef struct streaming {
    const bx_protocol *protocol;
    bx_reply *reply;
} streaming;

static int on_event(void *context, const char *event, const char *data,
                    size_t bytes, bx_error **err)
{
    const streaming *s = context;

    if (bx_reply_is_ended(s->reply) || bx_reply_failure_of(s->reply) != NULL)
        return 0;
    return s->protocol->read_event(s->reply, event, data, bytes, err);
}

/* What the stream says after its last event is nothing; its end makes the
 * connection usable again, so that is waited for a moment. */
static void linger(bx_client_body *b)
{
    size_t settled;

    bx_client_allow_ms(b->client, LINGER_MS);
    for (int i = 0; i < 16 && bx_client_body_read(b, &settled, NULL) == 1; i++)
        bx_client_body_take(b, settled);
}

static int read_stream(bx_client_body *b, const bx_protocol *protocol,
                       bx_reply *reply, bx_client_fault *fault, bx_error **err)
{
    streaming to = { protocol, reply };
    bx_autosse bx_sse *sse = bx_sse_new(BX_SSE_MAX_BYTES, on_event, &to, err);
    bx_error *cause = NULL;
    int more = 1;

    if (sse == NULL)
        return -1;
    while (more == 1) {
        size_t settled = 0;

        bx_client_allow_ms(b->client, b->client->config.idle_ms);
        more = bx_client_body_read(b, &settled, &cause);
        if (more < 0)
            return fail_network(b->client, true, fault, cause, err);
        if (bx_sse_feed(sse, b->held.data, settled, err) < 0)
            return -1;
        bx_client_body_take(b, settled);
        if (bx_reply_failure_of(reply) != NULL)
            return 0;
        if (bx_reply_is_ended(reply)) {
            linger(b);
            return 0;
        }
    }
    if (protocol->read_end(reply, err) == 0)
        return 0;
    fault->is_passing = true;
    set_reason(fault, "the stream broke off");
    return -1;
}

/* Up to the head; *ret_body is the caller's to clear also when this fails. */
static int ask(bx_model_client *client, const bx_protocol *protocol,
               bx_protocol_request *request, const char *accept,
               bx_client_body *ret_body, bx_http_head *ret_head,
               bx_client_fault *fault, bx_error **err)
{
    bx_error *cause = NULL;

    ret_body->client = client;
    if (bx_client_check_time(client, err) < 0 ||
        open_exchange(client, protocol, request, accept, &ret_body->exchange,
                      err) < 0)
        return -1;
    bx_client_allow_ms(client, client->config.idle_ms);
    if (bx_http_exchange_head(ret_body->exchange, ret_head, &cause) == 0) {
        /* Now, while the model writes: it is a value for each of all messages,
         * and behind the reply someone waits. */
        json_decref(bx_take(request->body));
        return 0;
    }
    bx_http_exchange_free(bx_take(ret_body->exchange));
    return fail_network(client, false, fault, cause, err);
}

int bx_client_stream(bx_model_client *client, const bx_protocol *protocol,
                     bx_protocol_request *request, bx_reply *reply,
                     char **ret_request_id, bx_client_fault *ret_fault,
                     bx_error **err)
{
    bx_client_body b = { 0 };
    bx_http_head head;
    bx_autofree char *request_id = NULL;
    int result = -1;

    if (ask(client, protocol, request, "text/event-stream", &b, &head,
            ret_fault, err) == 0) {
        request_id = bx_client_request_id(client, &head);
        if (head.status != 200)
            fail_answer(&b, protocol, &head, request_id, ret_fault, err);
        else if (!is_type(&head, "text/event-stream"))
            fail_type(&b, protocol, &head, "event stream", ret_fault, err);
        else
            result = read_stream(&b, protocol, reply, ret_fault, err);
    }
    bx_client_body_clear(&b);
    if (result == 0)
        *ret_request_id = bx_take(request_id);
    return result;
}

int bx_client_fetch(bx_model_client *client, const bx_protocol *protocol,
                    bx_protocol_request *request, json_t **ret_body,
                    bx_client_fault *ret_fault, bx_error **err)
{
    bx_client_body b = { 0 };
    bx_http_head head;
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bool is_whole = false;
    json_t *value = NULL;

    if (ask(client, protocol, request, "application/json", &b, &head, ret_fault,
            err) < 0) {
        bx_client_body_clear(&b);
        return -1;
    }
    if (head.status != 200)
        fail_answer(&b, protocol, &head, NULL, ret_fault, err);
    else if (bx_client_body_read_all(&b, FETCH_MAX_BYTES, &text, &is_whole,
                                     err) == 0) {
        value = is_whole && text.len > 0
                    ? json_loadb(text.data, text.len, 0, NULL)
                    : NULL;
        if (value == NULL)
            bx_error_set(err, BX_ERR_INVALID, "the answer is no JSON");
    }
    bx_client_body_clear(&b);
    *ret_body = value;
    return value == NULL ? -1 : 0;
}
