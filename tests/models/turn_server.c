#include "models/turn_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char turn_stream[] =
    "event: message_start\n"
    "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m-1\","
    "\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\n"
    "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
    "{\"type\":\"text\",\"text\":\"\"}}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
    "\"text_delta\",\"text\":\"Hello, \"}}\n\n"
    "event: content_block_delta\n"
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
    "\"text_delta\",\"text\":\"world\"}}\n\n"
    "event: content_block_stop\n"
    "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: message_delta\n"
    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
    "\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\n"
    "event: message_stop\n"
    "data: {\"type\":\"message_stop\"}\n\n";

/* ---- the server ----------------------------------------------------- */

#define STREAM_HEADERS "content-type: text/event-stream\r\n"

static char *json_escape(const char *text)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;

    bx_buf_puts(&out, "");
    for (; *text != '\0'; text++)
        bx_buf_printf(&out,
                      *text == '"' || *text == '\\' ? "\\%c"
                      : *text < 0x20                ? " "
                                                    : "%c",
                      *text);
    return bx_buf_take(&out);
}

static bool send_head(support_conn *conn, const turn_answer *answer,
                      size_t bytes)
{
    return support_sendf(
        conn,
        "HTTP/1.1 %u Said\r\n%srequest-id: req-7\r\n"
        "content-length: %zu\r\n\r\n",
        answer->status == 0 ? 200 : answer->status,
        answer->headers == NULL ? STREAM_HEADERS : answer->headers, bytes);
}

static bool echo(support_conn *conn, const turn_answer *answer,
                 const support_request *request)
{
    bx_autofree char *head = json_escape(request->head);
    bx_autobuf bx_buf body = BX_BUF_INIT;

    if (answer->act == TURN_ECHO)
        bx_buf_printf(&body,
                      "{\"error\":{\"type\":\"some_error\",\"message\":"
                      "\"you sent %s\"}}",
                      head);
    else
        bx_buf_printf(
            &body,
            "data: {\"type\":\"message_start\"}\n\n"
            "data: {\"type\":\"content_block_start\",\"index\":0,"
            "\"content_block\":{\"type\":\"text\",\"text\":\"%s\"}}\n\n"
            "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
            "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
            "\"end_turn\"}}\n\n"
            "data: {\"type\":\"message_stop\"}\n\n",
            head);
    return send_head(conn, answer, body.len) &&
           support_send(conn, body.data, body.len);
}

static bool send_answer(support_conn *conn, const turn_answer *answer)
{
    const char *body = answer->body == NULL ? turn_stream : answer->body;
    size_t bytes = answer->bytes == 0 ? strlen(body) : answer->bytes;

    if (!send_head(conn, answer,
                   bytes +
                       (answer->act == TURN_HOLD || answer->act == TURN_BREAK)))
        return false;
    if (answer->act != TURN_BYTES)
        return support_send(conn, body, bytes);
    for (size_t i = 0; i < bytes; i++) {
        if (!support_send(conn, body + i, 1))
            return false;
    }
    return true;
}

static bool handle(support_conn *conn, const support_request *request,
                   void *context)
{
    turn_server *server = context;
    size_t at = server->at++;
    const turn_answer *answer =
        &server->answers[at < server->count ? at : server->count - 1];

    if (server->on_request != NULL)
        server->on_request(server, at + 1);
    switch (answer->act) {
    case TURN_SILENT:
        support_wait_closed(conn);
        return false;
    case TURN_HANG_UP:
        return false;
    case TURN_RESET:
        support_reset(conn);
        return false;
    case TURN_ECHO:
    case TURN_ECHO_TEXT:
        return echo(conn, answer, request);
    case TURN_HOLD:
        if (send_answer(conn, answer))
            support_wait_closed(conn);
        return false;
    case TURN_BREAK:
        send_answer(conn, answer);
        return false;
    default:
        return send_answer(conn, answer);
    }
}

/* ---- asking --------------------------------------------------------- */

static void start(turn_server *server)
{
    server->server = support_server_start(handle, server, NULL);
    assert_true(asprintf(&server->url, "http://127.0.0.1:%u",
                         support_server_port(server->server)) > 0);
    server->provider.base_url = server->url;
}

void turn_restart(turn_server *server)
{
    support_server_stop(server->server);
    free(server->url);
    start(server);
}

int turn_open(void **state)
{
    turn_server *server = calloc(1, sizeof(*server));

    setenv("BX_TEST_KEY", TURN_KEY, 1);
    server->provider = (bx_provider){ .name = "local",
                                      .protocol = "anthropic",
                                      .key_env = "BX_TEST_KEY" };
    start(server);
    server->model = (bx_model){ .name = "m",
                                .id = "m-1",
                                .provider = &server->provider,
                                .abilities = BX_MODEL_TOOLS };
    server->request = (bx_turn_request){
        .model = &server->model,
        .messages = json_pack("[{s:s,s:[{s:s,s:s}]}]", "role", "user",
                              "content", "type", "text", "text", "hi"),
        .temperature = -1,
    };
    server->config =
        (bx_model_client_config){ .cancel = &server->cancel, .attempts = 1 };
    server->deadline_ns = INT64_MAX;
    *state = server;
    return 0;
}

static void forget(turn_server *server)
{
    bx_turn_reply_clear(&server->reply);
    bx_error_free(bx_take(server->err));
    bx_buf_clear(&server->said);
    bx_buf_clear(&server->reasons);
    server->retries = 0;
    server->cancel.triggered = false;
}

int turn_close(void **state)
{
    turn_server *server = *state;

    support_server_stop(server->server);
    forget(server);
    json_decref((json_t *)server->request.messages);
    if (server->key_file != NULL)
        unlink(server->key_file);
    free(server->key_file);
    free(server->url);
    free(server);
    unsetenv("BX_TEST_KEY");
    return 0;
}

void turn_will(turn_server *server, turn_answer answer)
{
    assert_true(server->count < TURN_ANSWERS_MAX);
    server->answers[server->count++] = answer;
}

static void on_text(void *context, const char *text, size_t bytes)
{
    turn_server *server = context;

    bx_buf_printf(&server->said, "(%.*s)", (int)bytes, text);
    if (server->cancels_at_text)
        server->cancel.triggered = true;
}

static void on_retry(void *context, unsigned attempt, uint64_t delay_ms,
                     const char *reason)
{
    turn_server *server = context;

    bx_buf_puts(&server->said, "|");
    bx_buf_printf(&server->reasons, "%u %s;", attempt, reason);
    server->delay_ms = delay_ms;
    server->retries++;
    if (server->cancels_at_retry)
        server->cancel.triggered = true;
}

int turn_ask(turn_server *server)
{
    bx_turn_events events = { .text = on_text,
                              .retry = on_retry,
                              .context = server };
    bx_model_client *client;
    int result;

    forget(server);
    bx_buf_puts(&server->said, "");
    bx_buf_puts(&server->reasons, "");
    client = bx_model_client_new(&server->config, NULL);
    result =
        bx_model_client_turn(client, &server->request, &events,
                             server->deadline_ns, &server->reply, &server->err);
    bx_model_client_free(client);
    return result;
}

void turn_refused(turn_server *server, bx_code code, const char *text)
{
    if (turn_ask(server) == 0)
        fail_msg("taken, where '%s' was expected", text);
    if (strstr(bx_error_message(server->err), text) == NULL ||
        bx_error_code(server->err) != code)
        fail_msg(
            "got '%s' (%s), expected '%s' (%s)", bx_error_message(server->err),
            bx_code_name(bx_error_code(server->err)), text, bx_code_name(code));
    assert_null(server->reply.message);
}

void turn_said(turn_server *server, const char *text)
{
    bx_autofree char *said = NULL;

    if (turn_ask(server) < 0)
        fail_msg("%s", bx_error_message(server->err));
    said = bx_message_text(server->reply.message);
    assert_string_equal(said, text);
}
