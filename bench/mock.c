#include "mock.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "bench.h"

#define PAUSE_NS 2000000 /* before the last event: a model is not that fast */

typedef struct script {
    const char *protocol;
    /* The events of a reply; returns where the last one begins. */
    size_t (*put)(bx_buf *out, unsigned number, bool is_last);
} script;

struct mock {
    const script *script;
    unsigned replies;
    unsigned port;
    int listener;
    pthread_t thread;
    double *gaps; /* us */
    size_t request_bytes;
};

/* ---- the wire forms ------------------------------------------------------ */

static size_t put_anthropic(bx_buf *out, unsigned number, bool is_last)
{
    size_t end;

    bx_buf_puts(
        out, "event: message_start\ndata: {\"type\":\"message_start\","
             "\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
             "\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":"
             "{\"input_tokens\":60000,\"output_tokens\":1}}}\n\n"
             "event: content_block_start\ndata: {\"type\":"
             "\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
             "\"text\",\"text\":\"\"}}\n\n"
             "event: content_block_delta\ndata: {\"type\":"
             "\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
             "\"text_delta\",\"text\":\"One more.\"}}\n\n"
             "event: content_block_stop\ndata: {\"type\":"
             "\"content_block_stop\",\"index\":0}\n\n");
    if (!is_last)
        bx_buf_printf(
            out,
            "event: content_block_start\ndata: {\"type\":"
            "\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
            "\"tool_use\",\"id\":\"toolu_%u\",\"name\":\"nothing\",\"input\":"
            "{}}}\n\n"
            "event: content_block_delta\ndata: {\"type\":"
            "\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
            "\"input_json_delta\",\"partial_json\":\"{\\\"n\\\": %u}\"}}\n\n"
            "event: content_block_stop\ndata: {\"type\":"
            "\"content_block_stop\",\"index\":1}\n\n",
            number, number);
    bx_buf_printf(out,
                  "event: message_delta\ndata: {\"type\":\"message_delta\","
                  "\"delta\":{\"stop_reason\":\"%s\"},\"usage\":"
                  "{\"output_tokens\":40}}\n\n",
                  is_last ? "end_turn" : "tool_use");
    end = out->len;
    bx_buf_puts(out, "event: message_stop\ndata: {\"type\":"
                     "\"message_stop\"}\n\n");
    return end;
}

#define CHAT_CHUNK                                                             \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\","       \
    "\"created\":1,\"model\":\"m\",\"choices\":"

static size_t put_chat(bx_buf *out, unsigned number, bool is_last)
{
    size_t end;

    bx_buf_puts(out, CHAT_CHUNK
                "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
                "\"One more.\"},\"finish_reason\":null}]}\n\n");
    if (!is_last)
        bx_buf_printf(out,
                      CHAT_CHUNK
                      "[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
                      "\"id\":\"call_%u\",\"type\":\"function\",\"function\":"
                      "{\"name\":\"nothing\",\"arguments\":\"\"}}]},"
                      "\"finish_reason\":null}]}\n\n" CHAT_CHUNK
                      "[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,"
                      "\"function\":{\"arguments\":\"{\\\"n\\\": %u}\"}}]},"
                      "\"finish_reason\":null}]}\n\n",
                      number, number);
    bx_buf_printf(out,
                  CHAT_CHUNK "[{\"index\":0,\"delta\":{},\"finish_reason\":"
                             "\"%s\"}]}\n\n" CHAT_CHUNK
                             "[],\"usage\":{\"prompt_tokens\":60000,"
                             "\"completion_tokens\":40}}\n\n",
                  is_last ? "stop" : "tool_calls");
    end = out->len;
    bx_buf_puts(out, "data: [DONE]\n\n");
    return end;
}

static void put_item(bx_buf *out, unsigned index, const char *item)
{
    bx_buf_printf(out,
                  "event: response.output_item.added\ndata: {\"type\":"
                  "\"response.output_item.added\",\"output_index\":%u,"
                  "\"item\":%s}\n\n"
                  "event: response.output_item.done\ndata: {\"type\":"
                  "\"response.output_item.done\",\"output_index\":%u,"
                  "\"item\":%s}\n\n",
                  index, item, index, item);
}

static size_t put_responses(bx_buf *out, unsigned number, bool is_last)
{
    static const char message[] =
        "{\"id\":\"msg_1\",\"type\":\"message\",\"status\":\"completed\","
        "\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
        "\"text\":\"One more.\",\"annotations\":[]}]}";
    char call[256];
    size_t end;

    snprintf(call, sizeof(call),
             "{\"id\":\"fc_%u\",\"type\":\"function_call\",\"status\":"
             "\"completed\",\"call_id\":\"call_%u\",\"name\":\"nothing\","
             "\"arguments\":\"{\\\"n\\\": %u}\"}",
             number, number, number);
    bx_buf_puts(out, "event: response.created\ndata: {\"type\":"
                     "\"response.created\",\"response\":{\"id\":\"resp_1\","
                     "\"object\":\"response\",\"status\":\"in_progress\","
                     "\"model\":\"m\",\"output\":[],\"usage\":null}}\n\n");
    put_item(out, 0, message);
    if (!is_last)
        put_item(out, 1, call);
    end = out->len;
    bx_buf_printf(out,
                  "event: response.completed\ndata: {\"type\":"
                  "\"response.completed\",\"response\":{\"id\":\"resp_1\","
                  "\"object\":\"response\",\"status\":\"completed\",\"model\":"
                  "\"m\",\"output\":[%s%s%s],\"usage\":{\"input_tokens\":60000,"
                  "\"output_tokens\":40,\"total_tokens\":60040}}}\n\n",
                  message, is_last ? "" : ",", is_last ? "" : call);
    return end;
}

static size_t put_gemini(bx_buf *out, unsigned number, bool is_last)
{
    size_t end;

    bx_buf_puts(out, "data: {\"candidates\":[{\"index\":0,\"content\":"
                     "{\"parts\":[{\"text\":\"One more.\"}],\"role\":"
                     "\"model\"}}],\"modelVersion\":\"m\"}\r\n\r\n");
    if (!is_last)
        bx_buf_printf(out,
                      "data: {\"candidates\":[{\"index\":0,\"content\":"
                      "{\"parts\":[{\"functionCall\":{\"name\":\"nothing\","
                      "\"args\":{\"n\":%u}}}],\"role\":\"model\"}}],"
                      "\"modelVersion\":\"m\"}\r\n\r\n",
                      number);
    end = out->len;
    bx_buf_puts(out, "data: {\"candidates\":[{\"index\":0,\"content\":"
                     "{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},"
                     "\"finishReason\":\"STOP\"}],\"modelVersion\":\"m\","
                     "\"usageMetadata\":{\"promptTokenCount\":60000,"
                     "\"candidatesTokenCount\":40,\"totalTokenCount\":60040}}"
                     "\r\n\r\n");
    return end;
}

static const script scripts[] = {
    { "anthropic", put_anthropic },
    { "openai-chat", put_chat },
    { "openai-responses", put_responses },
    { "gemini", put_gemini },
};

/* ---- the server ---------------------------------------------------------- */

/* A request's body is as long as it says; what is in it does not matter here.
 * Returns its bytes, 0 at the end of the connection; ret_first: when its first
 * byte was there. */
static size_t read_request(int fd, double *ret_first)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t whole = SIZE_MAX;

    while (text.len < whole) {
        char some[65536];
        ssize_t bytes = read(fd, some, sizeof(some));
        const char *end, *length;

        if (text.len == 0)
            *ret_first = now_us();
        if (bytes <= 0 ||
            bx_buf_append(&text, some, (size_t)bytes, SIZE_MAX) < 0)
            return 0;
        if (whole != SIZE_MAX)
            continue;
        end = strstr(text.data, "\r\n\r\n");
        length = strcasestr(text.data, "content-length:");
        if (end != NULL && length != NULL)
            whole =
                (size_t)(end + 4 - text.data) + strtoul(length + 15, NULL, 10);
    }
    return text.len;
}

static void send_chunk(int fd, const char *head, const char *data, size_t bytes,
                       const char *tail)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    bx_buf_printf(&text, "%s%zx\r\n", head, bytes);
    bx_buf_append(&text, data, bytes, SIZE_MAX);
    bx_buf_puts(&text, tail);
    if (bx_file_write_all(fd, text.data, text.len) < 0)
        die("the stand-in's reply", NULL);
}

static double reply(const mock *it, int fd, unsigned number)
{
    static const char head[] = "HTTP/1.1 200 OK\r\n"
                               "content-type: text/event-stream\r\n"
                               "transfer-encoding: chunked\r\n\r\n";
    const struct timespec pause = { .tv_nsec = PAUSE_NS };
    bx_autobuf bx_buf text = BX_BUF_INIT;
    size_t end = it->script->put(&text, number, number + 1 == it->replies);
    double at;

    send_chunk(fd, head, text.data, end, "\r\n");
    nanosleep(&pause, NULL);
    at = now_us();
    send_chunk(fd, "", text.data + end, text.len - end, "\r\n0\r\n\r\n");
    return at;
}

static void *serve(void *context)
{
    mock *it = context;
    int fd = -1;
    double left_us = 0;

    for (unsigned number = 0; number < it->replies;) {
        double first_us = 0;
        size_t bytes;

        if (fd < 0) {
            fd = accept(it->listener, NULL, NULL);
            if (fd < 0)
                die("the stand-in for a model", NULL);
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 },
                             sizeof(int));
        }
        bytes = read_request(fd, &first_us);
        if (bytes == 0) { /* it makes another connection */
            close(fd);
            fd = -1;
            continue;
        }
        if (number > 0)
            it->gaps[number - 1] = first_us - left_us;
        it->request_bytes = bytes;
        left_us = reply(it, fd, number++);
    }
    close(fd);
    return NULL;
}

mock *mock_start(const char *protocol, unsigned replies)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(at);
    mock *it = calloc(1, sizeof(*it));

    for (size_t i = 0; it != NULL && i < sizeof(scripts) / sizeof(scripts[0]);
         i++) {
        if (strcmp(scripts[i].protocol, protocol) == 0)
            it->script = &scripts[i];
    }
    if (it == NULL || it->script == NULL)
        die(protocol, NULL);
    it->replies = replies;
    it->gaps = calloc(replies, sizeof(*it->gaps));
    it->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (it->gaps == NULL || it->listener < 0 ||
        bind(it->listener, (struct sockaddr *)&at, bytes) < 0 ||
        listen(it->listener, 4) < 0 ||
        getsockname(it->listener, (struct sockaddr *)&at, &bytes) < 0 ||
        pthread_create(&it->thread, NULL, serve, it) != 0)
        die("the stand-in for a model", NULL);
    it->port = ntohs(at.sin_port);
    return it;
}

unsigned mock_port(const mock *it)
{
    return it->port;
}

void mock_stop(mock *it, double *ret_gaps, size_t *ret_bytes)
{
    pthread_join(it->thread, NULL);
    memcpy(ret_gaps, it->gaps, (it->replies - 1) * sizeof(*ret_gaps));
    *ret_bytes = it->request_bytes;
    close(it->listener);
    free(it->gaps);
    free(it);
}
