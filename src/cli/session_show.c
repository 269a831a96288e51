/* boxagnts session show: what a session is, and a line for each thing in it. */
#include <inttypes.h>
#include <string.h>

#include "agent/one_line.h"
#include "base/json_text.h"
#include "cli/session_cli.h"

#define CELL_COLUMN 32

static void print_field(const char *name, const char *text)
{
    bx_autofree char *line = bx_one_line(text, strlen(text), 4000, NULL);

    if (text[0] != '\0')
        printf("%-12s %s\n", name, line == NULL ? "" : line);
}

static void print_children(bx_session_cli *cli, const bx_session_info *info)
{
    const bx_session_query query = { .parent = info->id,
                                     .has_children = true,
                                     .limit = 100 };
    bx_autosessionlist bx_session_list list = { 0 };

    if (bx_session_store_list(cli->store, &query, &list, NULL) < 0)
        return;
    for (size_t i = 0; i < list.count; i++) {
        char text[BX_SESSION_ID_BYTES + 300];

        (void)snprintf(text, sizeof(text), "%s %.250s", list.items[i].id,
                       list.items[i].title);
        print_field(list.items[i].parent_entry > 0 ? "fork" : "sub-agent",
                    text);
    }
}

static void print_info(bx_session_cli *cli, const bx_session_info *info)
{
    char text[128];
    char time[40];
    char cost[32];
    char status[48];

    print_field("session", info->id);
    print_field("title", info->title);
    print_field("workspace", info->workspace);
    print_field("model", info->model);
    (void)snprintf(text, sizeof(text), "%s, %s", info->kind,
                   bx_session_cli_status(info, status));
    print_field("kind", text);
    print_field("created", bx_session_cli_time(info->created_ms,
                                               "%Y-%m-%d %H:%M:%S", time));
    print_field("updated", bx_session_cli_time(info->updated_ms,
                                               "%Y-%m-%d %H:%M:%S", time));
    (void)snprintf(
        text, sizeof(text), "%" PRIu64 " in, %" PRIu64 " out; cost %s",
        info->input_tokens, info->output_tokens,
        info->cost < 0 ? "not known" : bx_session_cli_cost(info->cost, cost));
    print_field("tokens", text);
    if (info->parent_entry > 0) {
        (void)snprintf(text, sizeof(text), "%s at entry %" PRIu64, info->parent,
                       info->parent_entry);
        print_field("forked from", text);
    } else {
        print_field("part of", info->parent);
    }
    print_children(cli, info);
}

/* ---- entries --------------------------------------------------------- */

static void print_row(const json_t *entry, const char *who, const char *text,
                      size_t bytes)
{
    size_t columns = bx_session_cli_columns();
    bx_autofree char *line =
        bx_one_line(text, bytes, columns - CELL_COLUMN + 1, NULL);
    bx_autofree char *shown = bx_one_line(who, strlen(who), 14, NULL);
    char time[40];

    printf("%7" JSON_INTEGER_FORMAT "  %-5s  %-14s %s\n",
           json_integer_value(json_object_get(entry, "entry")),
           bx_session_cli_time(
               json_integer_value(json_object_get(entry, "time_ms")), "%H:%M",
               time),
           shown == NULL ? "" : shown, line == NULL ? "" : line);
}

static const char *member(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));

    return text == NULL ? "" : text;
}

static void print_block(const json_t *entry, const char *role,
                        const json_t *block)
{
    const char *type = member(block, "type");
    bx_autofree char *text = NULL;
    bx_autobuf bx_buf line = BX_BUF_INIT;

    if (strcmp(type, "text") == 0) {
        const json_t *value = json_object_get(block, "text");

        if (json_is_string(value))
            print_row(entry, role, json_string_value(value),
                      json_string_length(value));
        return;
    }
    if (strcmp(type, "tool_call") == 0) {
        text = bx_json_text(json_object_get(block, "input"), JSON_COMPACT);
        if (bx_buf_printf(&line, "%s %s", member(block, "name"),
                          text == NULL ? "" : text) == 0)
            print_row(entry, "call", line.data, line.len);
        return;
    }
    if (strcmp(type, "thinking") == 0) {
        print_row(entry, "thinking", member(block, "text"),
                  strlen(member(block, "text")));
        return;
    }
    if (bx_buf_printf(&line, "(%s)", type) == 0)
        print_row(entry, role, line.data, line.len);
}

static void print_call(const json_t *entry)
{
    const json_t *block = json_object_get(entry, "block");
    bx_autofree char *text = NULL;
    bx_autobuf bx_buf line = BX_BUF_INIT;

    if (strcmp(member(entry, "state"), "begun") == 0) {
        print_row(entry, "begun", member(entry, "id"),
                  strlen(member(entry, "id")));
        return;
    }
    text = bx_session_cli_text(block);
    if (bx_buf_printf(&line, "%s: ", member(block, "name")) == 0 &&
        bx_buf_puts(&line, text == NULL ? "" : text) == 0)
        print_row(entry,
                  json_is_true(json_object_get(block, "is_error")) ? "error"
                                                                   : "result",
                  line.data, line.len);
}

static void print_entry(const json_t *entry)
{
    const char *kind = member(entry, "kind");
    const json_t *message = json_object_get(entry, "message");
    const json_t *block;
    size_t i;

    if (strcmp(kind, "call") == 0) {
        print_call(entry);
    } else if (strcmp(kind, "note") == 0) {
        const json_t *note = json_object_get(entry, "note");
        bx_autofree char *text = bx_json_text(note, JSON_COMPACT);

        print_row(entry, "note", text == NULL ? "" : text,
                  text == NULL ? 0 : strlen(text));
    }
    json_array_foreach(json_object_get(message, "content"), i, block)
        print_block(entry, member(message, "role"), block);
}

static int print_json(const bx_session_info *info, json_t *entries)
{
    json_t *value =
        json_pack("{s:o, s:O}", "session", bx_session_cli_info_json(info),
                  "entries", entries);
    int status =
        value == NULL || json_dumpf(value, stdout,
                                    JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0
            ? BX_EXIT_FAILED
            : 0;

    putchar('\n');
    json_decref(value);
    return status;
}

int bx_session_cli_show(bx_session_cli *cli)
{
    const char *name = cli->operands[0];
    bx_session_info info = { 0 };
    bx_error *err = NULL;
    json_t *entries = NULL;
    json_t *entry;
    int status = 0;
    size_t i;

    if (bx_session_store_info(cli->store, name, &info, &err) == 0)
        entries = bx_session_store_read(cli->store, info.id, 0, 0, &err);
    if (entries == NULL) {
        bx_session_info_clear(&info);
        return bx_session_cli_fail(cli, name, err);
    }
    if (cli->is_json) {
        status = print_json(&info, entries);
    } else {
        print_info(cli, &info);
        if (json_array_size(entries) > 0)
            printf("\n%7s  %-5s  %-14s %s\n", "ENTRY", "TIME", "WHO", "WHAT");
        json_array_foreach(entries, i, entry) print_entry(entry);
    }
    json_decref(entries);
    bx_session_info_clear(&info);
    return status;
}
