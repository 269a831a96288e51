/* boxagnts tool list, show, explain. What a tool says of itself is hostile:
 * it is shown escaped. */
#include <jansson.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "cli/tool_cli.h"

#define LINE_BYTES 60  /* of a description in the list */
#define LINE_COLUMN 54 /* where it begins */
#define LINE_MIN_BYTES 20

static void put_escaped(const char *text, size_t max_bytes)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, text, strlen(text), max_bytes) == 0)
        fputs(shown.data, stdout);
}

static json_t *tool_json(const bx_tool *tool)
{
    const bx_manifest *manifest = tool->manifest;
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s*, s:s, s:s}", "name", tool->name,
                  "source", bx_tool_source_name(tool->source), "status",
                  bx_tool_status_name(tool->status), "why", tool->why, "path",
                  tool->path, "digest", tool->digest);
    bx_autofree char *grants = NULL;

    if (manifest == NULL)
        return object;
    grants = bx_grants_format(manifest->grants, NULL);
    json_object_set_new(object, "description",
                        json_string(manifest->description));
    json_object_set_new(object, "permission_level",
                        json_string(bx_level_name(manifest->level)));
    if (manifest->title != NULL)
        json_object_set_new(object, "title", json_string(manifest->title));
    if (grants != NULL)
        json_object_set_new(object, "asks_for", json_loads(grants, 0, NULL));
    json_object_set(object, "input_schema", manifest->input_schema);
    if (manifest->output_schema != NULL)
        json_object_set(object, "output_schema", manifest->output_schema);
    return object;
}

static int print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(value);
    return 0;
}

/* What of a description fits the terminal's line. */
static size_t line_bytes(void)
{
    struct winsize size;
    size_t bytes = LINE_BYTES;

    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_col > 0 && size.ws_col < LINE_COLUMN + LINE_BYTES + 3)
        bytes = size.ws_col > LINE_COLUMN + LINE_MIN_BYTES + 3
                    ? size.ws_col - LINE_COLUMN - 3u /* "..." */
                    : LINE_MIN_BYTES;
    return bytes;
}

static void print_row(const bx_tool *tool)
{
    bx_autofree char *line = NULL;

    printf("%-20s %-10s %-10s %-10s ", tool->name,
           bx_tool_source_name(tool->source),
           tool->manifest == NULL ? "-" : bx_level_name(tool->manifest->level),
           bx_tool_status_name(tool->status));
    if (tool->status == BX_TOOL_READY) {
        const char *text = tool->manifest->description;

        line = strndup(text, strcspn(text, "\n"));
    } else {
        line = strdup(tool->why);
    }
    if (line != NULL)
        put_escaped(line, tool->status == BX_TOOL_READY ? line_bytes() : 400);
    putchar('\n');
}

int bx_tool_list_run(bx_tool_cli *cli)
{
    bx_error *err = NULL;
    bx_tool **tools;
    size_t count;
    json_t *list;

    if (cli->options.operands_count != 0)
        return bx_cli_usage(BX_EXIT_USAGE, "tool list",
                            "'%s': no operand is "
                            "expected",
                            cli->options.operands[0]);
    if (bx_tool_cli_open(cli, 1, &err) < 0 ||
        bx_registry_list(cli->registry, &tools, &count, &err) < 0)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    list = json_array();
    if (!cli->wants_json && count > 0)
        printf("%-20s %-10s %-10s %-10s %s\n", "NAME", "FROM", "LEVEL",
               "STATUS", "DESCRIPTION");
    for (size_t i = 0; i < count; i++) {
        if (cli->wants_json)
            json_array_append_new(list, tool_json(tools[i]));
        else
            print_row(tools[i]);
    }
    if (cli->wants_json)
        print_json(json_incref(list));
    else if (count == 0)
        fprintf(stderr,
                "boxagnts: no tools; they come from '%s', '%s' and "
                "'%s'\n",
                bx_registry_folder(cli->registry, BX_TOOL_BUILTIN),
                bx_registry_folder(cli->registry, BX_TOOL_USER),
                bx_registry_folder(cli->registry, BX_TOOL_WORKSPACE));
    json_decref(list);
    bx_registry_list_free(tools, count);
    return 0;
}

/* Lines behind the first are set in: none looks like a field of ours. */
static void print_field(const char *name, const char *text)
{
    for (;;) {
        size_t bytes = strcspn(text, "\n");

        printf("%-12s ", name);
        bx_cli_print_safe(stdout, text, bytes);
        putchar('\n');
        if (text[bytes] == '\0')
            return;
        name = "";
        text += bytes + 1;
    }
}

static void print_value(const char *name, const json_t *value)
{
    bx_autofree char *text =
        bx_json_text(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_SORT_KEYS);

    if (text != NULL)
        print_field(name, text);
}

static void print_grants(const bx_manifest *manifest)
{
    bx_autofree char *text = bx_grants_format(manifest->grants, NULL);
    json_t *root = text == NULL ? NULL : json_loads(text, 0, NULL);
    const char *kind;
    json_t *value;

    json_object_foreach(root, kind, value)
    {
        size_t i;
        json_t *item;

        if (json_is_array(value)) {
            json_array_foreach(value, i, item)
            {
                if (json_is_string(item))
                    print_field("asks for", json_string_value(item));
                else
                    print_value("asks for", item);
            }
        } else if (json_object_size(value) > 0) {
            print_value(kind, value);
        }
    }
    json_decref(root);
}

static void print_tool(const bx_tool *tool)
{
    const bx_manifest *manifest = tool->manifest;

    print_field("name", tool->name);
    print_field("from", bx_tool_source_name(tool->source));
    print_field("status", bx_tool_status_name(tool->status));
    if (tool->why != NULL)
        print_field("why", tool->why);
    print_field("file", tool->path);
    print_field("SHA-256", tool->digest);
    if (manifest == NULL)
        return;
    print_field("level", bx_level_name(manifest->level));
    print_grants(manifest);
    for (size_t i = 0; i < manifest->programs_count; i++)
        print_field("program", manifest->programs[i]);
    print_field("description", manifest->description);
    print_value("input", manifest->input_schema);
    if (manifest->output_schema != NULL)
        print_value("output", manifest->output_schema);
}

/* The one operand, or NULL after saying so. */
static const char *get_name(const bx_tool_cli *cli, const char *command)
{
    if (cli->options.operands_count == 1)
        return cli->options.operands[0];
    bx_cli_usage(BX_EXIT_USAGE, command, "which tool? Expected one NAME");
    return NULL;
}

int bx_tool_show_run(bx_tool_cli *cli)
{
    bx_error *err = NULL;
    const char *name = get_name(cli, "tool show");
    bx_autotool bx_tool *tool = NULL;

    if (name == NULL)
        return BX_EXIT_USAGE;
    if (bx_tool_cli_open(cli, 1, &err) < 0 ||
        (tool = bx_registry_get(cli->registry, name, &err)) == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    if (cli->wants_json)
        return print_json(tool_json(tool));
    print_tool(tool);
    return 0;
}

int bx_tool_explain_run(bx_tool_cli *cli)
{
    bx_error *err = NULL;
    const char *name = get_name(cli, "tool explain");
    bx_autofree char *text = NULL;

    if (name == NULL)
        return BX_EXIT_USAGE;
    if (bx_tool_cli_open(cli, 1, &err) < 0 ||
        (text = bx_registry_explain(cli->registry, name, NULL, cli->wants_json,
                                    &err)) == NULL)
        return bx_cli_fail(BX_EXIT_FAILED, err);
    puts(text);
    return 0;
}
