/* One turn from the command line, for tests that bring a server of their own:
 *
 *     turn_driver PROTOCOL URL ATTEMPTS < REQUEST
 *
 * REQUEST is JSON: "messages", and as wanted "model", "system", "tools",
 * "tool_choice", "output_schema", "effort", "max_output_tokens", "ca_file". The
 * key is in BX_TEST_KEY. It prints {"message", "stop", "usage", "model",
 * "attempts", "text", "thinking", "retries"} or {"error", "code", ...}. */
#include <stdio.h>
#include <string.h>

#include "agent/models/turn.h"
#include "base/buf.h"

typedef struct watching {
    bx_buf text;
    bx_buf thinking;
    json_t *retries;
} watching;

static void on_text(void *context, const char *text, size_t bytes)
{
    bx_buf_append(&((watching *)context)->text, text, bytes, SIZE_MAX);
}

static void on_thinking(void *context, const char *text, size_t bytes)
{
    bx_buf_append(&((watching *)context)->thinking, text, bytes, SIZE_MAX);
}

static void on_retry(void *context, unsigned attempt, uint64_t delay_ms,
                     const char *reason)
{
    watching *w = context;

    bx_buf_clear(&w->text);
    bx_buf_clear(&w->thinking);
    json_array_append_new(w->retries,
                          json_pack("{s:i, s:I, s:s}", "attempt", (int)attempt,
                                    "delay_ms", (json_int_t)delay_ms, "reason",
                                    reason));
}

static json_t *show_usage(const bx_usage *usage)
{
    return json_pack("[I, I, I, I, I]", (json_int_t)usage->input_tokens,
                     (json_int_t)usage->output_tokens,
                     (json_int_t)usage->cache_read_tokens,
                     (json_int_t)usage->cache_write_tokens,
                     (json_int_t)usage->thinking_tokens);
}

static bx_effort find_effort(const char *name)
{
    static const char *const names[] = { "default", "none", "low", "medium",
                                         "high" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0)
            return (bx_effort)i;
    }
    return BX_EFFORT_DEFAULT;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_t *ask(bx_model_client *client, const bx_turn_request *request,
                   watching *w)
{
    static const char *const stops[] = { "end", "calls", "length", "context",
                                         "refusal" };
    const bx_turn_events events = { .text = on_text,
                                    .thinking = on_thinking,
                                    .retry = on_retry,
                                    .context = w };
    bx_autoreply bx_turn_reply reply = { 0 };
    bx_autoerror bx_error *err = NULL;

    bx_buf_puts(&w->text, "");
    bx_buf_puts(&w->thinking, "");
    if (bx_model_client_turn(client, request, &events, INT64_MAX, &reply,
                             &err) < 0)
        return json_pack("{s:s, s:s, s:O}", "error", bx_error_message(err),
                         "code", bx_code_name(bx_error_code(err)), "retries",
                         w->retries);
    return json_pack(
        "{s:O, s:s, s:o, s:s, s:s, s:i, s:s, s:s, s:O}", "message",
        reply.message, "stop", stops[reply.stop], "usage",
        show_usage(&reply.usage), "model", reply.model, "request_id",
        reply.request_id == NULL ? "" : reply.request_id, "attempts",
        (int)reply.attempts, "text", w->text.data == NULL ? "" : w->text.data,
        "thinking", w->thinking.data == NULL ? "" : w->thinking.data, "retries",
        w->retries);
}

int main(int argc, char **argv)
{
    json_error_t error;
    json_t *input = json_loadf(stdin, 0, &error);
    watching w = { BX_BUF_INIT, BX_BUF_INIT, json_array() };
    bx_provider provider = { .name = "test", .key_env = "BX_TEST_KEY" };
    bx_model model = { .name = "test", .provider = &provider };
    bx_turn_request request = { .model = &model, .temperature = -1 };
    bx_model_client_config config = { .idle_ms = 20000 };
    bx_model_client *client;
    json_t *output;

    if (argc != 4 || !json_is_object(input)) {
        fprintf(stderr, "turn_driver PROTOCOL URL ATTEMPTS < REQUEST: %s\n",
                input == NULL ? error.text : "expected an object");
        return 2;
    }
    provider.protocol = argv[1];
    provider.base_url = argv[2];
    config.attempts = (unsigned)strtoul(argv[3], NULL, 10);
    config.ca_file = text_of(input, "ca_file");
    model.id = text_of(input, "model") != NULL ? text_of(input, "model")
                                               : "test-model";
    model.abilities =
        BX_MODEL_TOOLS | BX_MODEL_IMAGES | BX_MODEL_THINKING | BX_MODEL_SCHEMA;
    request.messages = json_object_get(input, "messages");
    request.system = text_of(input, "system");
    if (json_is_array(json_object_get(input, "tools")))
        request.tools = json_object_get(input, "tools");
    request.tool_choice = text_of(input, "tool_choice");
    request.output_schema = json_object_get(input, "output_schema");
    request.max_output_tokens = (uint64_t)json_integer_value(
        json_object_get(input, "max_output_tokens"));
    if (text_of(input, "effort") != NULL)
        request.effort = find_effort(text_of(input, "effort"));

    client = bx_model_client_new(&config, NULL);
    if (client == NULL)
        return 2;
    output = ask(client, &request, &w);
    bx_model_client_free(client);
    json_dumpf(output, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(output);
    json_decref(input);
    json_decref(w.retries);
    bx_buf_clear(&w.text);
    bx_buf_clear(&w.thinking);
    return 0;
}
