/* Everything shown was made by a model or a tool: nothing of it reaches the
 * terminal as a terminal would act on it. */
#include "cli/agent_cli_view.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "cli/chat_call.h"
#include "cli/hold.h"

#define INPUT_BYTES 160 /* of a call's input */
#define LINE_BYTES 200

static const char *member(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    return text == NULL ? "" : text;
}

/* One line of it, escaped and cut. */
static void put(const char *text, size_t max)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, text, strlen(text), max) == 0 &&
        shown.len > 0)
        fwrite(shown.data, 1, shown.len, stderr);
}

static void show_call(const json_t *event)
{
    bx_autofree char *input =
        bx_json_text(json_object_get(event, "input"), JSON_COMPACT);

    fputs("> ", stderr);
    put(member(event, "name"), 64);
    putc(' ', stderr);
    put(input == NULL ? "" : input, INPUT_BYTES);
    putc('\n', stderr);
}

static size_t text_bytes(const json_t *content)
{
    size_t i, bytes = 0;
    const json_t *block;

    json_array_foreach(content, i, block) bytes +=
        json_string_length(json_object_get(block, "text"));
    return bytes;
}

/* Without the lines that only tell the model where data begins and ends. */
static void put_error(const char *text)
{
    bool is_first = true;

    while (*text != '\0') {
        size_t bytes = strcspn(text, "\n");
        bx_autofree char *line = strndup(text, bytes);

        text += bytes + (text[bytes] == '\n' ? 1 : 0);
        if (line == NULL || bytes == 0 || strncmp(line, "<data ", 6) == 0 ||
            strncmp(line, "</data ", 7) == 0)
            continue;
        fputs(is_first ? "" : "    ", stderr);
        put(line, LINE_BYTES);
        putc('\n', stderr);
        if (!is_first)
            return; /* two lines say enough */
        is_first = false;
    }
    if (is_first)
        putc('\n', stderr);
}

static void show_result(const json_t *event)
{
    char size[32];
    const json_t *content = json_object_get(event, "content");

    fputs("  ", stderr);
    put(member(event, "name"), 64);
    if (json_is_true(json_object_get(event, "is_error"))) {
        fputs(": ", stderr);
        put_error(member(json_array_get(content, 0), "text"));
        return;
    }
    fprintf(stderr, ": %s, %" JSON_INTEGER_FORMAT " ms",
            bx_cli_bytes(text_bytes(content), size),
            json_integer_value(json_object_get(event, "wall_ms")));
    if (json_is_true(json_object_get(event, "is_cut")))
        fputs(", cut", stderr);
    putc('\n', stderr);
}

static void show_approval(const json_t *event)
{
    if (strcmp(member(event, "decision"), "allowed") == 0)
        return;
    fprintf(stderr, "  %s (", member(event, "decision"));
    put(member(event, "by"), LINE_BYTES);
    fputs(")", stderr);
    if (member(event, "reason")[0] != '\0') {
        fputs(": ", stderr);
        put(member(event, "reason"), LINE_BYTES);
    }
    putc('\n', stderr);
}

static void show_denied(const json_t *event)
{
    fputs("  denied ", stderr);
    put(member(event, "call"), 64);
    fputs(" '", stderr);
    put(member(event, "target"), LINE_BYTES);
    fputs("': ", stderr);
    put(member(event, "reason"), LINE_BYTES);
    fputs(" (", stderr);
    put(member(event, "rule"), LINE_BYTES);
    fputs(")\n", stderr);
}

static void show_session(const json_t *event)
{
    fprintf(stderr, "boxagnts: session %s, model ", member(event, "id"));
    put(member(event, "model"), 80);
    fputs(json_is_true(json_object_get(event, "is_resumed")) ? ", resumed\n"
                                                             : "\n",
          stderr);
}

static void show_text(const json_t *event, const char *before)
{
    const char *text = member(event, "text");

    fputs(before, stderr);
    bx_cli_print_safe(stderr, text, strlen(text));
    putc('\n', stderr);
}

/* What it says on the way; the last words are the answer. */
static void show_message(const json_t *event)
{
    const json_t *message = json_object_get(event, "message");
    bx_autofree char *text = NULL;
    bool has_call = false;
    size_t i;
    json_t *block;

    json_array_foreach(bx_message_blocks(message), i, block) has_call =
        has_call || bx_block_is(block, "tool_call");
    if (!has_call)
        return;
    text = bx_message_text(message);
    if (text == NULL || text[0] == '\0')
        return;
    bx_cli_print_safe(stderr, text, strlen(text));
    putc('\n', stderr);
}

static void show_retry(const json_t *event)
{
    fprintf(stderr, "  the model did not answer (");
    put(member(event, "reason"), LINE_BYTES);
    fprintf(stderr, "); again in %" JSON_INTEGER_FORMAT " ms\n",
            json_integer_value(json_object_get(event, "delay_ms")));
}

static void show_notice(const json_t *event)
{
    show_text(event, "boxagnts: ");
}

static void show_compaction(const json_t *event)
{
    (void)event;
    fputs("  (the older part of the conversation was summarised)\n", stderr);
}

static void on_event(void *context, const json_t *event)
{
    static const struct {
        const char *type;
        void (*show)(const json_t *event);
    } rows[] = {
        { "session", show_session },   { "call", show_call },
        { "approval", show_approval }, { "denied", show_denied },
        { "result", show_result },     { "message", show_message },
        { "retry", show_retry },       { "compaction", show_compaction },
        { "notice", show_notice },
    };
    const char *type = member(event, "type");

    (void)context;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].type, type) == 0)
            rows[i].show(event);
}

static void on_json(void *context, const json_t *event)
{
    (void)context;
    json_dumpf(event, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    putchar('\n');
    fflush(stdout);
}

/* ---- asking ----------------------------------------------------------------
 */

static void show_question(const bx_approval_ask *question)
{
    bx_screen screen;

    bx_screen_init(&screen, stderr);
    fputs("  ", stderr);
    put(question->name, 64);
    fputs(" asks to run:\n", stderr);
    bx_chat_put_input(&screen, question->input);
    if (question->effect != NULL) {
        fputs("  it would change:\n", stderr);
        bx_cli_print_safe(stderr, question->effect, strlen(question->effect));
    }
    fprintf(stderr, "  level %s; asked by ", bx_level_name(question->level));
    put(question->why, LINE_BYTES);
    putc('\n', stderr);
}

/* Whoever says more than a word has not said yes. */
static bx_answer on_ask(void *context, const bx_approval_ask *question,
                        char **ret_reason)
{
    static const struct {
        const char *word;
        bx_answer answer;
    } words[] = {
        { "yes", BX_ANSWER_YES },
        { "always", BX_ANSWER_ALWAYS },
        { "stop", BX_ANSWER_STOP },
    };
    char answer[16];

    (void)context;
    (void)ret_reason;
    show_question(question);
    if (!bx_cli_ask("  Run it? [y]es [n]o [a]lways [s]top: ", answer,
                    sizeof(answer)))
        return BX_ANSWER_STOP;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t bytes = strlen(answer);

        if ((bytes == 1 || bytes == strlen(words[i].word)) &&
            strncasecmp(answer, words[i].word, bytes) == 0)
            return words[i].answer;
    }
    return BX_ANSWER_NO;
}

void bx_agent_view_attach(bx_agent_cli *cli)
{
    const bool has_person =
        isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !cli->tools.wants_json;
    size_t i;
    const json_t *problem;

    json_array_foreach(cli->problems, i, problem)
    {
        fputs("boxagnts: ", stderr);
        put(json_string_value(problem), 1000);
        putc('\n', stderr);
    }
    if (cli->tools.wants_json)
        cli->config.events = (bx_event_sink){ on_json, NULL };
    else if (!cli->tools.is_quiet)
        cli->config.events = (bx_event_sink){ on_event, NULL };
    if (has_person) {
        cli->config.approve = on_ask;
        cli->config.shows_effects = true;
    }
    if (cli->tools.holds_requests)
        cli->config.hold = bx_cli_on_hold;
}

/* ---- the end ---------------------------------------------------------------
 */

void bx_agent_view_end(const bx_agent_cli *cli, const bx_agent_result *result)
{
    if (result->status != BX_AGENT_DONE) {
        fprintf(stderr, "boxagnts: %s", bx_agent_status_name(result->status));
        if (result->reason[0] != '\0') {
            fputs(": ", stderr);
            put(result->reason, 1000);
        }
        putc('\n', stderr);
    }
    if (cli->tools.is_quiet)
        return;
    fprintf(stderr,
            "boxagnts: %" PRIu64 " turns, %" PRIu64 " calls, %" PRIu64
            " refusals, %" PRIu64 " tokens in, %" PRIu64 " out",
            result->turns, result->calls, result->refusals,
            result->usage.input_tokens + result->usage.cache_read_tokens +
                result->usage.cache_write_tokens,
            result->usage.output_tokens);
    if (result->cost >= 0)
        fprintf(stderr, ", $%.4f", result->cost);
    putc('\n', stderr);
    if (result->status != BX_AGENT_DONE)
        fprintf(stderr,
                "boxagnts: go on with: boxagnts agent run --resume %s\n",
                bx_agent_session(cli->agent));
}
