/* boxagnts tool call. */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json_text.h"
#include "cli/hold.h"
#include "cli/learner.h"
#include "cli/tool_cli.h"

/* One more than a call takes, so that too much is said by the call itself. */
#define READ_MAX_BYTES (BX_TOOL_INPUT_MAX_BYTES + 1u)

static int read_input(const char *operand, bx_buf *input, bx_error **err)
{
    bx_autofree char *text = NULL;
    size_t bytes;
    int failed;

    if (operand[0] == '@')
        failed = bx_file_read(operand + 1, READ_MAX_BYTES, &text, &bytes, err);
    else
        failed = bx_file_read_fd(STDIN_FILENO, "stdin", READ_MAX_BYTES, &text,
                                 &bytes, err);
    if (failed < 0)
        return bx_error_wrap(err, "input");
    return bx_buf_append(input, text, bytes, SIZE_MAX) < 0
               ? bx_error_set_nomem(err)
               : 0;
}

/* Is a property a string, as far as the schema says? */
static bool is_string_property(const bx_tool *tool, const char *name)
{
    const json_t *schema = tool->manifest->input_schema;
    const json_t *type = json_object_get(
        json_object_get(json_object_get(schema, "properties"), name), "type");

    return json_is_string(type) &&
           strcmp(json_string_value(type), "string") == 0;
}

/* KEY=VALUE: a string where the schema says string, otherwise JSON if it is
 * some. KEY:=JSON is always JSON. */
static int put_pair(json_t *object, const char *pair, const bx_tool *tool,
                    bx_error **err)
{
    const char *equals = strchr(pair, '=');
    bx_autofree char *key = NULL;
    bool is_json;
    json_t *value = NULL;
    json_error_t problem;

    if (equals == NULL || equals == pair)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s': expected a JSON object, '-', '@FILE', or "
                            "KEY=VALUE",
                            pair);
    is_json = equals[-1] == ':' && equals - 1 > pair;
    key = strndup(pair, (size_t)(equals - pair) - (is_json ? 1 : 0));
    if (key == NULL)
        return bx_error_set_nomem(err);
    equals++;
    if (is_json || !is_string_property(tool, key))
        value = json_loads(equals, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES,
                           &problem);
    if (value == NULL && is_json)
        return bx_error_set(err, BX_ERR_INVALID, "'%s': no valid JSON: %s",
                            pair, problem.text);
    if (value == NULL)
        value = json_string(equals);
    if (value == NULL)
        return bx_error_set(err, BX_ERR_INVALID, "'%s': no valid UTF-8", key);
    return json_object_set_new(object, key, value) < 0 ? bx_error_set_nomem(err)
                                                       : 0;
}

static int put_pairs(const bx_tool_cli *cli, bx_buf *input, bx_error **err)
{
    bx_autotool bx_tool *tool =
        bx_registry_get(cli->registry, cli->options.operands[0], err);
    bx_autofree char *text = NULL;
    json_t *object;
    int result = 0;

    if (tool == NULL)
        return -1;
    if (tool->manifest == NULL)
        return 0; /* the call says what is wrong with it */
    object = json_object();
    for (int i = 1; result == 0 && i < cli->options.operands_count; i++)
        result = put_pair(object, cli->options.operands[i], tool, err);
    if (result == 0 && ((text = bx_json_text(object, JSON_COMPACT)) == NULL ||
                        bx_buf_puts(input, text) < 0))
        result = bx_error_set_nomem(err);
    json_decref(object);
    return result;
}

static int make_input(const bx_tool_cli *cli, bx_buf *input, bx_error **err)
{
    const char *first;

    if (cli->options.operands_count < 2)
        return 0;
    first = cli->options.operands[1];
    if (cli->options.operands_count > 2)
        return put_pairs(cli, input, err);
    if (strcmp(first, "-") == 0 || first[0] == '@')
        return read_input(first, input, err);
    if (strchr(first, '=') == NULL && strpbrk(first, "{}[]\"") == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "input '%s': expected a JSON object, KEY=VALUE "
                            "pairs, '-' for stdin or '@FILE'",
                            first);
    if (first[strspn(first, " \t\r\n")] == '{' || strchr(first, '=') == NULL)
        return bx_buf_puts(input, first) < 0 ? bx_error_set_nomem(err) : 0;
    return put_pairs(cli, input, err);
}

static void print_denied(const bx_tool_result *result)
{
    const json_t *denied = json_object_get(
        json_object_get(result->metadata, "boxagnts"), "denied");
    size_t i;
    json_t *event;

    json_array_foreach(denied, i, event)
    {
        const char *call;
        const char *target;
        const char *reason;
        const char *rule;

        if (json_unpack(event, "{s:s, s:s, s:s, s:s}", "call", &call, "target",
                        &target, "reason", &reason, "rule", &rule) == 0)
            fprintf(stderr, "boxagnts: denied %s '%s': %s (%s)\n", call, target,
                    reason, rule);
    }
}

static void print_notes(const bx_tool_result *result)
{
    const json_t *notes =
        json_object_get(json_object_get(result->metadata, "boxagnts"), "notes");
    size_t i;
    json_t *note;

    json_array_foreach(notes, i, note)
        fprintf(stderr, "boxagnts: note: %s\n", json_string_value(note));
}

static void print_json(const bx_tool_result *result)
{
    const bx_stats *stats = &result->stats;
    json_t *root = json_pack(
        "{s:O, s:b, s:O, s:O*, s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}}",
        "content", result->content, "is_error", result->is_error, "metadata",
        result->metadata, "structured", result->structured, "code",
        bx_code_name(result->code), "stats", "wall_ns",
        (json_int_t)stats->wall_ns, "memory_bytes",
        (json_int_t)stats->memory_bytes, "fuel_units",
        (json_int_t)stats->fuel_units, "read_bytes",
        (json_int_t)stats->read_bytes, "write_bytes",
        (json_int_t)stats->write_bytes, "calls", (json_int_t)stats->calls,
        "calls_denied", (json_int_t)stats->calls_denied);

    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static int exit_status(const bx_tool_result *result)
{
    if (result->is_error && result->code == BX_ERR_CANCELLED)
        return BX_EXIT_CANCELLED;
    return result->is_error ? BX_EXIT_FAILED : 0;
}

static int print_result(const bx_tool_cli *cli, const bx_tool_result *result)
{
    FILE *out = result->is_error ? stderr : stdout;
    bx_autofree char *text = NULL;
    size_t bytes;

    if (cli->wants_json) {
        print_json(result);
        return exit_status(result);
    }
    if (!cli->is_quiet) {
        print_denied(result);
        print_notes(result);
    }
    text = bx_tool_result_text(result);
    bytes = text == NULL ? 0 : strlen(text);
    if (result->is_error)
        fputs("boxagnts: the tool reports an error: ", stderr);
    bx_tool_cli_print(out, text == NULL ? "" : text, bytes);
    if (bytes == 0 || text[bytes - 1] != '\n')
        putc('\n', out);
    return exit_status(result);
}

/* A person at the terminal may agree to a dangerous tool, call by call. */
static bool is_approved(const bx_tool_cli *cli, const char *name)
{
    bx_autotool bx_tool *tool = bx_registry_get(cli->registry, name, NULL);
    bx_level level;

    if (cli->is_agreed || tool == NULL || tool->manifest == NULL)
        return cli->is_agreed;
    level = bx_policy_tool_level(cli->options.policy, tool->name,
                                 tool->manifest->level, NULL);
    return level == BX_LEVEL_DANGEROUS &&
           bx_tool_cli_ask("This tool is dangerous. Run it?");
}

/* Sessions live as long as a registry: here, for this one call. */
static void note_session(bx_tool_cli *cli, const bx_buf *input)
{
    bx_autotool bx_tool *tool =
        bx_registry_get(cli->registry, cli->options.operands[0], NULL);
    json_t *object;

    if (cli->is_quiet || tool == NULL || tool->manifest == NULL ||
        json_object_get(
            json_object_get(tool->manifest->input_schema, "properties"),
            "session") == NULL)
        return;
    object = json_loadb(input->data, input->len, 0, NULL);
    if (json_object_get(object, "session") != NULL)
        fputs("boxagnts: note: the session ends with this command; `boxagnts "
              "mcp` keeps sessions between calls\n",
              stderr);
    json_decref(object);
}

static int check_word(const bx_tool_cli *cli, bx_error **err)
{
    const bx_options *options = &cli->options;
    bx_autotool bx_tool *tool =
        bx_registry_get(cli->registry, options->operands[0], NULL);

    return bx_overlay_cli_check_word(&cli->overlay, options->operands,
                                     options->operands_count, tool != NULL,
                                     err);
}

int bx_tool_call_run(bx_tool_cli *cli)
{
    bx_autobuf bx_buf input = BX_BUF_INIT;
    bx_error *err = NULL;
    bx_tool_result *result = NULL;
    bx_tool_call call = { .caller = "cli" };
    int status;

    if (cli->options.operands_count == 0)
        return bx_cli_usage(BX_EXIT_USAGE, "tool call",
                            "which tool? Expected NAME and its input");
    call.name = cli->options.operands[0];
    call.timeout_ms = cli->timeout_ms;
    if (bx_tool_cli_open(cli, 1, &err) < 0 || check_word(cli, &err) < 0 ||
        make_input(cli, &input, &err) < 0)
        return bx_cli_fail(BX_EXIT_NOT_RUN, err);
    call.input = input.data;
    call.input_bytes = input.len;
    call.is_approved = is_approved(cli, call.name);
    note_session(cli, &input);
    bx_tool_cli_catch_interrupts(cli);
    call.cancel = cli->cancel;
    call.hold = cli->holds_requests ? bx_cli_on_hold : NULL;
    call.need = bx_learner_need(cli->cancel, &call.need_context);
    bx_learner_note_tool(cli->registry, call.name);
    call.record_max_bytes = cli->record.max_bytes;
    if (cli->record.path != NULL &&
        bx_record_file_open(&cli->record, &err) == 0)
        call.record_fd = bx_record_file_fd(&cli->record);
    if (err != NULL ||
        bx_registry_call(cli->registry, &call, &result, &err) < 0 ||
        bx_record_file_keep(&cli->record, &err) < 0) {
        bx_record_file_drop(&cli->record);
        bx_tool_result_free(result);
        return bx_cli_fail_call(err);
    }
    bx_learner_note_end(&result->stats);
    status = print_result(cli, result);
    bx_tool_result_free(result);
    return status;
}
