/* boxagnts model test: one short turn with a tool to call, so that a person
 * knows whether address, key, model and tools are right before an agent starts.
 * What comes back is a stranger's: it is shown escaped. */
#include <inttypes.h>
#include <string.h>

#include "agent/models/turn.h"
#include "base/json_text.h"
#include "base/run.h"
#include "cli/model_cli.h"
#include "cli/tool_cli.h"

#define OUTPUT_TOKENS 4096 /* what is thought of it counts too */
#define ATTEMPTS 3
#define SHOWN_BYTES 200
#define TOOL "add_numbers"

static const char task[] =
    "This is a test of tool calls. Call the tool " TOOL " with a = 17 and "
    "b = 25, and say nothing else.";
/* Of a model that the table gives no tools. */
static const char task_alone[] = "This is a test. Answer with the word ready.";

typedef struct trial {
    const bx_model *model;
    bx_turn_reply reply;
    bx_error *error; /* owned; NULL: a reply came */
    int64_t begin_ns;
    int64_t first_ns; /* something came; 0: nothing */
    int64_t end_ns;
} trial;

static void trial_clear(trial *t)
{
    bx_turn_reply_clear(&t->reply);
    bx_error_free(t->error);
}

static bool has_tools(const trial *t)
{
    return (t->model->abilities & BX_MODEL_TOOLS) != 0;
}

static bool is_demo(const trial *t)
{
    return strcmp(t->model->provider->protocol, "demo") == 0;
}

/* ---- the turn --------------------------------------------------------- */

static void note_first(void *context, const char *text, size_t bytes)
{
    trial *t = context;

    (void)text;
    (void)bytes;
    if (t->first_ns == 0)
        t->first_ns = bx_now_ns();
}

static void tell_retry(void *context, unsigned attempt, uint64_t delay_ms,
                       const char *reason)
{
    trial *t = context;

    (void)attempt;
    t->first_ns = 0;
    fputs("boxagnts: ", stderr);
    bx_cli_print_safe(stderr, reason, strlen(reason));
    fprintf(stderr, "; again in %.1f s\n", (double)delay_ms / 1e3);
}

static json_t *make_tools(void)
{
    return json_pack(
        "[{s:s, s:s, s:{s:s, s:{s:{s:s}, s:{s:s}}, s:[s,s], s:b}}]", "name",
        TOOL, "description", "Adds two whole numbers.", "input_schema", "type",
        "object", "properties", "a", "type", "integer", "b", "type", "integer",
        "required", "a", "b", "additionalProperties", 0);
}

static uint64_t output_tokens(const bx_model *model)
{
    return model->output_tokens > 0 && model->output_tokens < OUTPUT_TOKENS
               ? model->output_tokens
               : OUTPUT_TOKENS;
}

static int ask(trial *t, bx_model_client *client, unsigned timeout_s)
{
    const char *text = has_tools(t) ? task : task_alone;
    json_t *messages =
        json_pack("[o]", bx_message_new_text("user", text, strlen(text)));
    json_t *tools = make_tools();
    bx_turn_request request = {
        .model = t->model,
        .messages = messages,
        .tools = has_tools(t) ? tools : NULL,
        .max_output_tokens = output_tokens(t->model),
        .temperature = -1,
    };
    bx_turn_events events = { .text = note_first,
                              .thinking = note_first,
                              .call = note_first,
                              .retry = tell_retry,
                              .context = t };
    int status = -1;

    t->begin_ns = bx_now_ns();
    if (messages == NULL || tools == NULL)
        bx_error_set_nomem(&t->error);
    else
        status =
            bx_model_client_turn(client, &request, &events,
                                 t->begin_ns + (int64_t)timeout_s * 1000000000,
                                 &t->reply, &t->error);
    t->end_ns = bx_now_ns();
    json_decref(messages);
    json_decref(tools);
    return status;
}

/* ---- what came -------------------------------------------------------- */

typedef enum outcome {
    OUTCOME_WORKS,
    OUTCOME_OTHER,     /* a call, but not the one that was asked for */
    OUTCOME_NONE,      /* no call */
    OUTCOME_NOT_TRIED, /* the table says that it has no tools */
} outcome;

static const struct {
    const char *text;
    const char *word; /* in JSON */
} outcomes[] = {
    [OUTCOME_WORKS] = { "works", "works" },
    [OUTCOME_OTHER] = { "not what was asked for", "other" },
    [OUTCOME_NONE] = { "none came", "none" },
    [OUTCOME_NOT_TRIED] = { "not tried: the table gives it no tools",
                            "not_tried" },
};

static const json_t *find_call(const trial *t)
{
    const json_t *block;
    size_t i;

    json_array_foreach(bx_message_blocks(t->reply.message), i, block)
    {
        if (bx_block_is(block, "tool_call"))
            return block;
    }
    return NULL;
}

static bool is_number(const json_t *input, const char *key, double expected)
{
    const json_t *value = json_object_get(input, key);

    return json_is_number(value) && json_number_value(value) == expected;
}

static outcome judge(const trial *t)
{
    const json_t *call = find_call(t);
    const json_t *input = json_object_get(call, "input");

    if (!has_tools(t))
        return OUTCOME_NOT_TRIED;
    if (call == NULL)
        return OUTCOME_NONE;
    /* A script does not read what it is asked. */
    if (is_demo(t))
        return OUTCOME_WORKS;
    return strcmp(bx_block_text(call, "name"), TOOL) == 0 &&
                   is_number(input, "a", 17) && is_number(input, "b", 25)
               ? OUTCOME_WORKS
               : OUTCOME_OTHER;
}

static bool is_fine(outcome found)
{
    return found == OUTCOME_WORKS || found == OUTCOME_NOT_TRIED;
}

/* A reply that was declined or cut has no call for that reason. */
static const char *stop_text(bx_stop stop)
{
    switch (stop) {
    case BX_STOP_LENGTH:
        return "cut at the most tokens of output";
    case BX_STOP_CONTEXT:
        return "this little is too long for it";
    case BX_STOP_REFUSAL:
        return "declined by the model or its provider";
    case BX_STOP_END:
    case BX_STOP_CALLS:
        break;
    }
    return NULL;
}

/* ---- for people ------------------------------------------------------- */

static void print_shown(const char *name, const char *text)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, text, strlen(text), SHOWN_BYTES) == 0 &&
        shown.data != NULL)
        bx_model_print_field(name, shown.data);
}

static void print_call(const trial *t, outcome found)
{
    const json_t *call = find_call(t);
    bx_autofree char *input =
        call == NULL
            ? NULL
            : bx_json_text(json_object_get(call, "input"), JSON_COMPACT);
    bx_autobuf bx_buf line = BX_BUF_INIT;

    if (bx_buf_puts(&line, outcomes[found].text) < 0 ||
        (input != NULL &&
         bx_buf_printf(&line, ": %s(%s)", bx_block_text(call, "name"), input) <
             0))
        return;
    print_shown("tool call", line.data);
}

static void print_usage(const trial *t)
{
    const bx_usage *usage = &t->reply.usage;
    double cost = bx_model_cost(t->model, usage);
    bx_autobuf bx_buf line = BX_BUF_INIT;

    if (bx_buf_printf(&line, "%" PRIu64 " in, %" PRIu64 " out",
                      usage->input_tokens, usage->output_tokens) < 0 ||
        (usage->thinking_tokens > 0 &&
         bx_buf_printf(&line, " (%" PRIu64 " of them thinking)",
                       usage->thinking_tokens) < 0) ||
        (usage->cache_read_tokens > 0 &&
         bx_buf_printf(&line, ", %" PRIu64 " read from the cache",
                       usage->cache_read_tokens) < 0) ||
        (usage->cache_write_tokens > 0 &&
         bx_buf_printf(&line, ", %" PRIu64 " written to the cache",
                       usage->cache_write_tokens) < 0))
        return;
    bx_model_print_field("tokens", line.data);
    bx_buf_clear(&line);
    if (bx_buf_printf(&line, cost < 0 ? "not known" : "$%.6f", cost) == 0)
        bx_model_print_field("cost", line.data);
}

static void print_reply(const trial *t, outcome found)
{
    bx_autofree char *text = bx_message_text(t->reply.message);
    bx_autobuf bx_buf line = BX_BUF_INIT;
    char whole[32];
    char first[32];

    bx_model_print_field("model", t->model->name);
    bx_model_print_field("provider", t->model->provider->name);
    if (is_demo(t))
        bx_model_print_field("note", "a script is played, no model was asked");
    if (t->reply.model != NULL && t->reply.model[0] != '\0')
        print_shown("answered as", t->reply.model);
    if (bx_buf_printf(
            &line, "%s",
            bx_cli_duration((uint64_t)(t->end_ns - t->begin_ns), whole)) == 0 &&
        (t->first_ns == 0 ||
         bx_buf_printf(&line, ", something came after %s",
                       bx_cli_duration((uint64_t)(t->first_ns - t->begin_ns),
                                       first)) == 0))
        bx_model_print_field("time", line.data);
    print_usage(t);
    print_call(t, found);
    if (stop_text(t->reply.stop) != NULL)
        bx_model_print_field("reply", stop_text(t->reply.stop));
    if (found != OUTCOME_WORKS && text != NULL && text[0] != '\0')
        print_shown("it said", text);
    if (t->reply.request_id != NULL && !is_fine(found))
        print_shown("request", t->reply.request_id);
}

/* ---- what went wrong -------------------------------------------------- */

static int exit_of(bx_code code)
{
    if (code == BX_ERR_TIMEOUT)
        return BX_EXIT_TIMEOUT;
    return code == BX_ERR_CANCELLED ? BX_EXIT_CANCELLED : BX_EXIT_FAILED;
}

/* The next step, behind the error that tells what was. */
static void teach(const trial *t, bx_code code)
{
    const bx_provider *provider = t->model->provider;
    const char *address =
        provider->base_url != NULL ? provider->base_url : "its script";

    switch (code) {
    case BX_ERR_DENIED:
        if (bx_provider_is_open(provider))
            fprintf(stderr,
                    "Provider '%s' has no key_env, key_file or key_command, so "
                    "none was sent; add one in\n"
                    "~/.config/boxagnts/models.yaml.\n",
                    provider->name);
        else
            fprintf(stderr,
                    "'boxagnts model show %s' tells where the key is looked "
                    "for.\n",
                    t->model->name);
        break;
    case BX_ERR_NOT_FOUND:
        fprintf(stderr,
                "It was asked for as '%s' at %s. Another id goes into "
                "~/.config/boxagnts/models.yaml,\nor is named as "
                "%s/ID.\n",
                t->model->id, address, provider->name);
        break;
    case BX_ERR_SYSTEM:
        fprintf(stderr,
                "Is %s the right address, and does a server listen there?\n",
                address);
        break;
    case BX_ERR_LIMIT:
        fputs("Nothing is wrong with address and key; try again later.\n",
              stderr);
        break;
    case BX_ERR_TIMEOUT:
        fputs("--timeout SECONDS waits longer, as a model that is loaded first "
              "may need.\n",
              stderr);
        break;
    case BX_ERR_INVALID:
        fprintf(stderr, "Does %s lead to a server that speaks '%s'?\n", address,
                provider->protocol);
        break;
    default:
        break;
    }
}

static json_t *result_json(const trial *t, outcome found)
{
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:b, s:f}", "model", t->model->name,
                  "provider", t->model->provider->name, "ok",
                  t->error == NULL && is_fine(found), "is_demo", is_demo(t),
                  "time_ms", (double)(t->end_ns - t->begin_ns) / 1e6);
    const bx_usage *usage = &t->reply.usage;
    double cost = bx_model_cost(t->model, usage);

    if (t->error != NULL) {
        json_object_set_new(object, "error",
                            json_string(bx_error_message(t->error)));
        return object;
    }
    if (t->first_ns != 0)
        json_object_set_new(
            object, "first_ms",
            json_real((double)(t->first_ns - t->begin_ns) / 1e6));
    json_object_set_new(
        object, "answered_as",
        json_string(t->reply.model != NULL ? t->reply.model : ""));
    if (t->reply.request_id != NULL)
        json_object_set_new(object, "request_id",
                            json_string(t->reply.request_id));
    json_object_set_new(object, "attempts",
                        json_integer((json_int_t)t->reply.attempts));
    json_object_set_new(object, "tool_call", json_string(outcomes[found].word));
    json_object_set_new(
        object, "usage",
        json_pack("{s:I, s:I, s:I, s:I, s:I}", "input_tokens",
                  (json_int_t)usage->input_tokens, "output_tokens",
                  (json_int_t)usage->output_tokens, "cache_read_tokens",
                  (json_int_t)usage->cache_read_tokens, "cache_write_tokens",
                  (json_int_t)usage->cache_write_tokens, "thinking_tokens",
                  (json_int_t)usage->thinking_tokens));
    json_object_set_new(object, "cost",
                        cost < 0 ? json_null() : json_real(cost));
    return object;
}

/* The error goes to stderr, and in JSON to stdout as well. */
static int report(trial *t, const bx_model_cli *cli)
{
    outcome found = t->error == NULL ? judge(t) : OUTCOME_NONE;

    if (cli->wants_json)
        bx_model_print_json(result_json(t, found));
    else if (t->error == NULL)
        print_reply(t, found);
    if (t->error != NULL) {
        bx_code code = bx_error_code(t->error);

        fflush(stdout);
        (void)bx_cli_fail(0, bx_take(t->error));
        teach(t, code);
        return exit_of(code);
    }
    return is_fine(found) ? 0 : BX_EXIT_FAILED;
}

int bx_model_test_run(const bx_model_cli *cli)
{
    __attribute__((cleanup(trial_clear))) trial t = { 0 };
    bx_tool_cli interrupts = { .record = BX_RECORD_FILE_INIT };
    bx_model_client_config config = { .attempts = ATTEMPTS };
    bx_model_client *client;
    int status;

    t.model = bx_model_cli_get(cli, &t.error);
    if (t.model == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, bx_take(t.error));
    bx_tool_cli_catch_interrupts(&interrupts);
    config.cancel = interrupts.cancel;
    client = bx_model_client_new(&config, &t.error);
    if (client == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, bx_take(t.error));
    (void)ask(&t, client, cli->timeout_s);
    status = report(&t, cli);
    bx_model_client_free(client);
    return status;
}
