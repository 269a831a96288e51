/* Turns that go well in the end, and when they are made again. */
#include "agent/models/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "models/turn_server.h"

static const char *const json_line = "content-type: application/json\r\n";

/* Of turn_stream: up to its second piece of text. */
#define HALF ((size_t)(strstr(turn_stream, "world") - turn_stream))

/* ---- one attempt ---------------------------------------------------- */

static void turn_is_made(void **state)
{
    turn_server *server = *state;
    bx_autofree char *heads = NULL;

    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    assert_string_equal(server->said.data, "(Hello, )(world)");
    assert_int_equal(server->reply.stop, BX_STOP_END);
    assert_int_equal(server->reply.usage.input_tokens, 10);
    assert_int_equal(server->reply.usage.output_tokens, 5);
    assert_string_equal(server->reply.model, "m-1");
    assert_string_equal(server->reply.request_id, "req-7");
    assert_int_equal(server->reply.attempts, 1);
    heads = support_server_heads(server->server);
    assert_non_null(strstr(heads, "POST /v1/messages HTTP/1.1\r\n"));
    assert_non_null(strstr(heads, "x-api-key: " TURN_KEY "\r\n"));
    assert_non_null(strstr(heads, "content-type: application/json\r\n"));
    assert_non_null(strstr(heads, "accept: text/event-stream\r\n"));
}

static void pieces_may_be_bytes(void **state)
{
    turn_server *server = *state;

    turn_will(server, (turn_answer){ .act = TURN_BYTES });
    turn_said(server, "Hello, world");
}

static void connection_is_kept(void **state)
{
    turn_server *server = *state;
    bx_model_client *client = bx_model_client_new(&server->config, NULL);
    bx_autofree char *stream = NULL;

    /* What comes behind the last event is not read by halves. */
    assert_true(asprintf(&stream, "%s: and then this\n\n", turn_stream) > 0);
    turn_will(server, (turn_answer){ .act = TURN_BYTES, .body = stream });
    for (int i = 0; i < 3; i++) {
        bx_autoreply bx_turn_reply reply = { 0 };

        assert_int_equal(bx_model_client_turn(client, &server->request, NULL,
                                              INT64_MAX, &reply, NULL),
                         0);
    }
    bx_model_client_free(client);
    assert_int_equal(support_server_requests(server->server), 3);
    assert_int_equal(support_server_connections(server->server), 1);
}

static void nothing_is_waited_for_behind_the_end(void **state)
{
    turn_server *server = *state;

    turn_will(server, (turn_answer){ .act = TURN_HOLD });
    turn_said(server, "Hello, world");
}

static void headers_of_the_provider_are_sent(void **state)
{
    static const char *const headers[] = { "anthropic-version: mine",
                                           "X-More: some thing", NULL };
    turn_server *server = *state;
    bx_autofree char *heads = NULL;

    server->provider.headers = headers;
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    heads = support_server_heads(server->server);
    assert_non_null(strstr(heads, "anthropic-version: mine\r\n"));
    assert_null(strstr(heads, "2023-06-01"));
    assert_non_null(strstr(heads, "X-More: some thing\r\n"));
}

static void no_key_where_none_is_wanted(void **state)
{
    turn_server *server = *state;
    bx_autofree char *heads = NULL;

    server->provider.key_env = NULL;
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    heads = support_server_heads(server->server);
    assert_null(strstr(heads, "x-api-key"));
}

static void missing_key_asks_nobody(void **state)
{
    turn_server *server = *state;

    unsetenv("BX_TEST_KEY");
    turn_will(server, (turn_answer){ 0 });
    turn_refused(server, BX_ERR_DENIED, "BX_TEST_KEY");
    assert_int_equal(support_server_requests(server->server), 0);
}

static void unknown_protocol_is_named(void **state)
{
    turn_server *server = *state;

    server->provider.protocol = "telepathy";
    turn_refused(server, BX_ERR_INVALID, "'telepathy'");
}

static void conversation_is_checked(void **state)
{
    turn_server *server = *state;
    json_t *none = json_array();
    const json_t *messages = server->request.messages;

    server->request.messages = none;
    turn_refused(server, BX_ERR_INVALID, "messages: ");
    server->request.messages = messages;
    json_decref(none);
    assert_int_equal(support_server_requests(server->server), 0);
}

/* ---- again ---------------------------------------------------------- */

static void rate_limit_passes(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 0;
    turn_will(server, (turn_answer){ .status = 429,
                                     .headers = "retry-after-ms: 3\r\n",
                                     .body = "{\"error\":{\"type\":"
                                             "\"rate_limit_error\",\"message\":"
                                             "\"slow\"}}" });
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    assert_string_equal(server->reasons.data, "2 rate limited;");
    assert_int_equal(server->delay_ms, 3);
    assert_int_equal(server->reply.attempts, 2);
}

/* What may pass, by status and what the server says of it. */
static void statuses(void **state)
{
    static const struct {
        unsigned status;
        const char *headers;
        const char *type;
        bool passes;
        bx_code code; /* of an end */
    } cases[] = {
        { 400, "", "invalid_request_error", false, BX_ERR_INVALID },
        { 400, "x-should-retry: true\r\n", "overloaded_error", false,
          BX_ERR_LIMIT },
        { 401, "x-should-retry: true\r\n", "authentication_error", false,
          BX_ERR_DENIED },
        { 402, "", "billing_error", false, BX_ERR_DENIED },
        { 403, "", "permission_error", false, BX_ERR_DENIED },
        { 404, "x-should-retry: true\r\n", "not_found_error", false,
          BX_ERR_NOT_FOUND },
        { 408, "", "", true, 0 },
        { 409, "", "", false, BX_ERR_INVALID },
        { 409, "x-should-retry: true\r\n", "", true, 0 },
        { 418, "", "", false, BX_ERR_INVALID },
        { 429, "", "rate_limit_error", true, 0 },
        { 429, "", "billing_error", false, BX_ERR_DENIED },
        { 429, "x-should-retry: false\r\n", "rate_limit_error", false,
          BX_ERR_LIMIT },
        { 500, "", "api_error", true, 0 },
        { 500, "X-Should-Retry: False\r\n", "api_error", false, BX_ERR_LIMIT },
        { 502, "", "", true, 0 },
        { 503, "", "", true, 0 },
        { 504, "", "", true, 0 },
        { 529, "", "overloaded_error", true, 0 },
    };
    turn_server *server = *state;

    server->config.attempts = 2;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned before = support_server_requests(server->server);
        char headers[100];
        char body[100];
        unsigned made;

        snprintf(headers, sizeof(headers), "retry-after: 0\r\n%s",
                 cases[i].headers);
        snprintf(body, sizeof(body), "{\"error\":{\"type\":\"%s\"}}",
                 cases[i].type);
        server->at = server->count = 0;
        turn_will(server, (turn_answer){ .status = cases[i].status,
                                         .headers = headers,
                                         .body = body });
        turn_will(server, (turn_answer){ 0 });
        if (cases[i].passes)
            turn_said(server, "Hello, world");
        else
            turn_refused(server, cases[i].code, "HTTP ");
        made = support_server_requests(server->server) - before;
        if (made != (cases[i].passes ? 2u : 1u))
            fail_msg("case %zu: %u requests", i, made);
    }
}

static void attempts_are_used_up(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 3;
    turn_will(server, (turn_answer){ .status = 529,
                                     .headers = "retry-after: 0\r\n",
                                     .body = "" });
    turn_refused(server, BX_ERR_LIMIT,
                 "model 'm' of 'local': gave up after 3 attempts: overloaded "
                 "(HTTP 529, request req-7)");
    assert_int_equal(support_server_requests(server->server), 3);
    assert_string_equal(server->reasons.data, "2 overloaded;3 overloaded;");
}

static void body_may_say_when(void **state)
{
    bx_reply_failure failure = { .kind = BX_FAILURE_RATE, .retry_ms = 1234 };
    bx_client_fault fault = { 0 };

    (void)state;
    bx_client_judge(429, NULL, &failure, 0, &fault);
    assert_true(fault.is_passing && fault.has_hint);
    assert_int_equal(fault.hint_ms, 1234);
}

static void long_waits_are_an_error(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 6;
    turn_will(server, (turn_answer){ .status = 429,
                                     .headers = "retry-after: 61\r\n",
                                     .body = "" });
    turn_refused(server, BX_ERR_LIMIT,
                 "gave up: the server wants to be asked again in 61 s, and 60 "
                 "s is the most that is waited: rate limited");
    assert_int_equal(support_server_requests(server->server), 1);
}

static void wait_past_the_deadline_is_an_error(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 6;
    server->deadline_ns = bx_now_ns() + 20000000000;
    turn_will(server, (turn_answer){ .status = 529,
                                     .headers = "retry-after: 30\r\n",
                                     .body = "" });
    turn_refused(server, BX_ERR_LIMIT, "is past the turn's time: overloaded");
}

static void hints(void **state)
{
    static const struct {
        const char *name;
        const char *value;
        int64_t ms; /* -1: none */
    } cases[] = {
        { "retry-after-ms", "15", 15 },
        { "retry-after-ms", "15.5", 16 },
        { "retry-after-ms", "-15", -1 },
        { "retry-after-ms", "", -1 },
        { "retry-after", "2", 2000 },
        { "retry-after", "0.25", 250 },
        { "retry-after", "1.2.3", -1 },
        { "retry-after", "1e9", -1 },
        { "retry-after", "soon", -1 },
        { "retry-after", "99999999999999999999999999", 8640000000 },
        { "retry-after", "Thu, 01 Jan 1970 00:01:10 GMT", 10000 },
        { "retry-after", "Thu, 01 Jan 1970 00:00:10 GMT", 0 },
        { "retry-after", "Thu, 01 Jan 2970 00:00:10 GMT", 8640000000 },
        { "retry-after", "Thu, 01 Jan 1970 00:01:10 GMT x", -1 },
        { "retry-after", "Thu, 41 Jan 1970", -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bx_reply_failure failure = { .kind = BX_FAILURE_RATE };
        bx_client_fault fault = { 0 };
        bx_autofields bx_http_fields fields = BX_HTTP_FIELDS_INIT;

        bx_http_fields_add(&fields, cases[i].name, strlen(cases[i].name),
                           cases[i].value, strlen(cases[i].value));
        bx_client_judge(429, &fields, &failure, 60, &fault);
        if (fault.has_hint != (cases[i].ms >= 0) ||
            (fault.has_hint && fault.hint_ms != (uint64_t)cases[i].ms))
            fail_msg("'%s': %d %llu", cases[i].value, fault.has_hint,
                     (unsigned long long)fault.hint_ms);
    }
}

/* Longer each time, up to the most, and never all at the same moment. */
static void delays_grow(void **state)
{
    bx_client_fault fault = { 0 };
    bx_client_fault told = { .has_hint = true, .hint_ms = 1000 };

    (void)state;
    assert_int_equal(bx_client_delay_ms(&fault, 1, 60000, 1023), 500);
    assert_int_equal(bx_client_delay_ms(&fault, 2, 60000, 1023), 1000);
    assert_int_equal(bx_client_delay_ms(&fault, 5, 60000, 1023), 8000);
    assert_int_equal(bx_client_delay_ms(&fault, 50, 60000, 1023), 60000);
    assert_int_equal(bx_client_delay_ms(&fault, 4000000000, 60000, 1023),
                     60000);
    assert_int_equal(bx_client_delay_ms(&fault, 1, 60000, 0), 250);
    assert_int_equal(bx_client_delay_ms(&fault, 1, 100, 1023), 100);
    for (uint32_t noise = 0; noise < 5000; noise += 7) {
        uint64_t delay = bx_client_delay_ms(&fault, 3, 60000, noise);

        assert_in_range(delay, 1000, 2000);
        delay = bx_client_delay_ms(&told, 3, 60000, noise);
        assert_in_range(delay, 1000, 1100);
    }
}

/* ---- what breaks ---------------------------------------------------- */

static void reset_passes(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 2;
    turn_will(server, (turn_answer){ .act = TURN_RESET });
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    assert_string_equal(server->reasons.data, "2 the connection was reset;");
}

static void hang_up_passes(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 2;
    turn_will(server, (turn_answer){ .act = TURN_HANG_UP });
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
}

static void cut_stream_is_void(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 2;
    turn_will(server, (turn_answer){ .act = TURN_BREAK, .bytes = HALF });
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    assert_string_equal(server->reasons.data, "2 the stream broke off;");
    assert_string_equal(server->said.data, "(Hello, )|(Hello, )(world)");
    assert_int_equal(json_array_size(bx_message_blocks(server->reply.message)),
                     1);
}

static void idle_stream_is_broken(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 2;
    server->config.idle_ms = 60;
    turn_will(server, (turn_answer){ .act = TURN_HOLD, .bytes = 100 });
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    assert_string_equal(server->reasons.data,
                        "2 the stream said nothing for 60 ms;");
}

static void silent_server_is_given_up(void **state)
{
    turn_server *server = *state;

    server->config.idle_ms = 60;
    turn_will(server, (turn_answer){ .act = TURN_SILENT });
    turn_refused(server, BX_ERR_TIMEOUT, "no answer for 60 ms");
}

static void error_within_a_stream_passes(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 2;
    turn_will(server,
              (turn_answer){ .body = "event: error\ndata: {\"type\":\"error\","
                                     "\"error\":{\"type\":"
                                     "\"overloaded_error\",\"message\":"
                                     "\"busy\"}}\n\n" });
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    assert_string_equal(server->reasons.data, "2 overloaded;");
}

static void closed_port_is_tried_thrice(void **state)
{
    turn_server *server = *state;
    bx_autofree char *url = NULL;

    assert_true(asprintf(&url, "http://127.0.0.1:%u", support_closed_port()) >
                0);
    server->provider.base_url = url;
    server->config.attempts = 6;
    server->config.max_delay_ms = 1;
    turn_refused(server, BX_ERR_SYSTEM, "gave up after 3 attempts: POST ");
    assert_int_equal(bx_error_errno(server->err), ECONNREFUSED);
    assert_string_equal(server->reasons.data, "2 the connection was refused;"
                                              "3 the connection was refused;");
}

/* ---- the end of waiting --------------------------------------------- */

static void cancel_ends_the_stream(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 6;
    server->cancels_at_text = true;
    turn_will(server, (turn_answer){ .act = TURN_HOLD, .bytes = HALF });
    turn_refused(server, BX_ERR_CANCELLED, "cancelled");
    assert_int_equal(server->retries, 0);
}

static void cancel_ends_a_wait(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 6;
    server->cancels_at_retry = true;
    turn_will(server, (turn_answer){ .status = 529,
                                     .headers = "retry-after: 50\r\n",
                                     .body = "" });
    turn_refused(server, BX_ERR_CANCELLED, "cancelled");
    assert_int_equal(server->retries, 1);
    assert_int_equal(support_server_requests(server->server), 1);
}

static void cancel_when_asked(turn_server *server, size_t number)
{
    (void)number;
    server->cancel.triggered = true;
}

static void cancel_ends_the_wait_for_an_answer(void **state)
{
    turn_server *server = *state;

    server->on_request = cancel_when_asked;
    turn_will(server, (turn_answer){ .act = TURN_SILENT });
    turn_refused(server, BX_ERR_CANCELLED, "cancelled");
}

static void *trigger(void *cancel)
{
    usleep(30000);
    ((bx_cancel *)cancel)->triggered = true;
    return NULL;
}

/* A port whose queue is full: the kernel answers no more of those who dial. */
static int listen_deaf(unsigned *ret_port, int dialled[4])
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(to);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&to, bytes), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &bytes), 0);
    *ret_port = ntohs(to.sin_port);
    for (int i = 0; i < 4; i++) {
        dialled[i] =
            socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(dialled[i], (struct sockaddr *)&to, bytes);
    }
    return fd;
}

static void cancel_ends_the_dialling(void **state)
{
    turn_server *server = *state;
    bx_autofree char *url = NULL;
    pthread_t thread;
    unsigned port;
    int dialled[4];
    int fd = listen_deaf(&port, dialled);

    assert_true(asprintf(&url, "http://127.0.0.1:%u", port) > 0);
    server->provider.base_url = url;
    server->config.attempts = 6;
    assert_int_equal(pthread_create(&thread, NULL, trigger, &server->cancel),
                     0);
    turn_refused(server, BX_ERR_CANCELLED, "cancelled");
    pthread_join(thread, NULL);
    assert_int_equal(server->retries, 0);
    for (int i = 0; i < 4; i++)
        close(dialled[i]);
    close(fd);
}

static void deadline_ends_the_stream(void **state)
{
    turn_server *server = *state;

    server->config.attempts = 6;
    server->deadline_ns = bx_now_ns() + 60000000;
    turn_will(server, (turn_answer){ .act = TURN_HOLD, .bytes = 100 });
    turn_refused(server, BX_ERR_TIMEOUT, "the turn's time is up");
    assert_int_equal(support_server_requests(server->server), 1);
    server->deadline_ns = 1;
    turn_refused(server, BX_ERR_TIMEOUT, "the turn's time is up");
    assert_int_equal(support_server_requests(server->server), 1);
}

/* ---- a newer key ---------------------------------------------------- */

#define NEW_KEY "sk-newer-0123456789"

static void write_key(const char *path, const char *key)
{
    assert_int_equal(bx_file_replace(path, key, strlen(key), 0600, NULL), 0);
}

static void use_key_file(turn_server *server)
{
    int fd;

    server->key_file = strdup("/tmp/bx-key-XXXXXX");
    fd = mkstemp(server->key_file);
    assert_true(fd >= 0);
    close(fd);
    write_key(server->key_file, TURN_KEY);
    server->provider.key_env = NULL;
    server->provider.key_file = server->key_file;
}

static void renew_at_first(turn_server *server, size_t number)
{
    if (number == 1)
        write_key(server->key_file, NEW_KEY);
}

static void refused_key_is_read_again(void **state)
{
    turn_server *server = *state;
    bx_autofree char *heads = NULL;

    use_key_file(server);
    server->config.attempts = 0;
    server->on_request = renew_at_first;
    turn_will(server, (turn_answer){
                          .status = 401, .headers = json_line, .body = "{}" });
    turn_will(server, (turn_answer){ 0 });
    turn_said(server, "Hello, world");
    heads = support_server_heads(server->server);
    assert_non_null(strstr(heads, "x-api-key: " TURN_KEY "\r\n"));
    assert_non_null(strstr(heads, "x-api-key: " NEW_KEY "\r\n"));
}

static void refused_key_is_read_again_once(void **state)
{
    turn_server *server = *state;

    use_key_file(server);
    server->config.attempts = 0;
    server->on_request = renew_at_first;
    turn_will(server, (turn_answer){
                          .status = 401, .headers = json_line, .body = "{}" });
    turn_refused(server, BX_ERR_DENIED, "the key was refused (HTTP 401");
    assert_int_equal(support_server_requests(server->server), 2);
}

static void same_key_is_not_tried_again(void **state)
{
    turn_server *server = *state;

    use_key_file(server);
    server->config.attempts = 0;
    turn_will(server, (turn_answer){
                          .status = 401, .headers = json_line, .body = "{}" });
    turn_refused(server, BX_ERR_DENIED, "the key was refused (HTTP 401");
    assert_int_equal(support_server_requests(server->server), 1);
}

static void key_is_of_its_provider_alone(void **state)
{
    turn_server *server = *state;
    bx_model_client *client = bx_model_client_new(&server->config, NULL);
    bx_autofree char *heads = NULL;

    turn_will(server, (turn_answer){ 0 });
    for (int i = 0; i < 2; i++) {
        bx_autoreply bx_turn_reply reply = { 0 };

        assert_int_equal(bx_model_client_turn(client, &server->request, NULL,
                                              INT64_MAX, &reply, NULL),
                         0);
        /* Another one, where the first one lay. */
        server->provider.name = "other";
        setenv("BX_TEST_KEY", NEW_KEY, 1);
    }
    bx_model_client_free(client);
    heads = support_server_heads(server->server);
    assert_non_null(strstr(heads, "x-api-key: " NEW_KEY "\r\n"));
}

/* ---- counting ------------------------------------------------------- */

static void count(turn_server *server, uint64_t expected, bool is_estimate)
{
    bx_model_client *client = bx_model_client_new(&server->config, NULL);
    uint64_t tokens = 0;
    bool is = !is_estimate;

    assert_int_equal(bx_model_client_count(client, &server->request, INT64_MAX,
                                           &tokens, &is, NULL),
                     0);
    assert_int_equal(tokens, expected);
    assert_int_equal(is, is_estimate);
    bx_model_client_free(client);
}

static void provider_counts(void **state)
{
    turn_server *server = *state;
    bx_autofree char *heads = NULL;

    turn_will(server, (turn_answer){ .headers = json_line,
                                     .body = "{\"input_tokens\":4711}" });
    count(server, 4711, false);
    heads = support_server_heads(server->server);
    assert_non_null(strstr(heads, "POST /v1/messages/count_tokens "));
}

static void otherwise_it_is_estimated(void **state)
{
    turn_server *server = *state;
    json_t *message;

    turn_will(server, (turn_answer){ .status = 404, .body = "no" });
    /* [{"role":"user","content":[{"type":"text","text":"hi"}]}] */
    count(server, 57 / 4, true);
    server->answers[0] =
        (turn_answer){ .headers = json_line, .body = "{\"nothing\":1}" };
    count(server, 57 / 4, true);
    server->answers[0] = (turn_answer){ .act = TURN_HANG_UP };
    server->request.system = "12345678";
    count(server, 65 / 4, true);
    server->provider.protocol = "demo";
    message = json_array_get(server->request.messages, 0);
    assert_non_null(bx_message_add_image(message, "image/png", "abcdef", 6));
    /* ,{"type":"image","media_type":"image/png","data":""} */
    count(server, (65 + 52) / 4 + 1500, true);
}

static void count_can_be_cancelled(void **state)
{
    turn_server *server = *state;
    bx_model_client *client = bx_model_client_new(&server->config, NULL);
    uint64_t tokens;
    bool is_estimate;
    bx_autoerror bx_error *err = NULL;

    server->on_request = cancel_when_asked;
    turn_will(server, (turn_answer){ .act = TURN_SILENT });
    assert_int_equal(bx_model_client_count(client, &server->request, INT64_MAX,
                                           &tokens, &is_estimate, &err),
                     -1);
    assert_int_equal(bx_error_code(err), BX_ERR_CANCELLED);
    bx_model_client_free(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, turn_open, turn_close)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(turn_is_made),
        TEST(pieces_may_be_bytes),
        TEST(connection_is_kept),
        TEST(nothing_is_waited_for_behind_the_end),
        TEST(headers_of_the_provider_are_sent),
        TEST(no_key_where_none_is_wanted),
        TEST(missing_key_asks_nobody),
        TEST(unknown_protocol_is_named),
        TEST(conversation_is_checked),
        TEST(rate_limit_passes),
        TEST(statuses),
        TEST(attempts_are_used_up),
        TEST(body_may_say_when),
        TEST(long_waits_are_an_error),
        TEST(wait_past_the_deadline_is_an_error),
        TEST(hints),
        TEST(delays_grow),
        TEST(reset_passes),
        TEST(hang_up_passes),
        TEST(cut_stream_is_void),
        TEST(idle_stream_is_broken),
        TEST(silent_server_is_given_up),
        TEST(error_within_a_stream_passes),
        TEST(closed_port_is_tried_thrice),
        TEST(cancel_ends_the_stream),
        TEST(cancel_ends_a_wait),
        TEST(cancel_ends_the_wait_for_an_answer),
        TEST(cancel_ends_the_dialling),
        TEST(deadline_ends_the_stream),
        TEST(refused_key_is_read_again),
        TEST(refused_key_is_read_again_once),
        TEST(same_key_is_not_tried_again),
        TEST(key_is_of_its_provider_alone),
        TEST(provider_counts),
        TEST(otherwise_it_is_estimated),
        TEST(count_can_be_cancelled),
    };

    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
