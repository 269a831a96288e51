#include "cli/audit_table.h"

#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "store/audit_log_line.h"

#define CELL_MAX_BYTES 160
#define TIME_BYTES 23 /* to the millisecond */
#define DIGEST_SHOWN 12

/* The columns before the details; how wide each is at least. */
static const struct column {
    const char *member;
    const char *title;
    int width;
} columns[] = {
    { "time", "TIME (UTC)", TIME_BYTES },
    { "decision", "DECISION", 8 },
    { "event", "EVENT", 8 },
    { "tool", "TOOL", 16 },
};
#define COLUMNS_COUNT (sizeof(columns) / sizeof(columns[0]))

/* Shown elsewhere, or of use to verify alone. */
static const char *const hidden[] = { "seq", "prev", "hash" };
#define HIDDEN_COUNT (sizeof(hidden) / sizeof(hidden[0]))

/* Details people look for, in this order; the others follow. */
static const char *const first[] = { "program", "call",  "target", "detail",
                                     "reason",  "rule",  "code",   "is_error",
                                     "message", "caller" };
#define FIRST_COUNT (sizeof(first) / sizeof(first[0]))

static const char *member_text(const json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

/* What was called: a tool, or a program by its own name. */
static const char *tool_or_program(const json_t *line)
{
    const char *tool = member_text(line, "tool");

    return tool != NULL ? tool : member_text(line, "program");
}

bool bx_audit_filter_takes(const bx_audit_filter *filter, const json_t *line)
{
    const char *tool = tool_or_program(line);
    const char *decision = member_text(line, "decision");
    const char *time = member_text(line, "time");

    if (filter->tool != NULL &&
        (tool == NULL || strcmp(tool, filter->tool) != 0))
        return false;
    if (filter->decision != NULL &&
        (decision == NULL || strcmp(decision, filter->decision) != 0))
        return false;
    return filter->since == NULL ||
           (time != NULL && strcmp(time, filter->since) >= 0);
}

json_t *bx_audit_table_parse(const bx_audit_text *text)
{
    json_t *line = text->is_long ? NULL
                                 : json_loadb(text->text, text->bytes,
                                              JSON_ALLOW_NUL, NULL);

    if (json_is_object(line))
        return line;
    json_decref(line);
    return NULL;
}

int bx_audit_table_put_json(bx_buf *out, const bx_audit_text *text,
                            const json_t *line)
{
    json_t *broken = NULL;
    int failed;

    if (line == NULL) {
        broken = json_pack("{s:I, s:o}", "line", (json_int_t)text->line,
                           "unreadable",
                           json_stringn_nocheck(text->text, text->bytes));
        if (broken == NULL)
            return -1;
        line = broken;
    }
    failed =
        bx_audit_line_put_value(out, line) < 0 || bx_buf_puts(out, "\n") < 0
            ? -1
            : 0;
    json_decref(broken);
    return failed;
}

/* ---- rows ---- */

/* Columns of a terminal, as far as UTF-8 goes. */
static int text_width(const char *text)
{
    int width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80 ? 1 : 0;
    return width;
}

/* A value in the table: JSON's escapes, no quotes around a string, cut. */
static int put_cell(bx_buf *out, const json_t *value, size_t max_bytes)
{
    bx_autobuf bx_buf cell = BX_BUF_INIT;
    const char *text;
    size_t bytes;
    size_t end;

    if (bx_audit_line_put_value(&cell, value) < 0)
        return -1;
    text = cell.data;
    bytes = cell.len;
    if (json_is_string(value)) {
        text++;
        bytes -= 2;
    }
    end = bytes;
    if (bytes > max_bytes) {
        end = max_bytes;
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
            end--;
    }
    if (bx_buf_append(out, text, end, SIZE_MAX) < 0)
        return -1;
    return end < bytes ? bx_buf_puts(out, "...") : 0;
}

static const char *colour_of(const json_t *line)
{
    const char *decision = member_text(line, "decision");

    if (json_object_get(line, "audit") != NULL)
        return "\033[35m";
    if (decision == NULL)
        return "";
    if (strcmp(decision, "denied") == 0)
        return "\033[31m";
    return strcmp(decision, "allowed") == 0 ? "\033[32m" : "\033[33m";
}

static int put_column(bx_buf *out, const json_t *line,
                      const struct column *column, const char *colour)
{
    bx_autobuf bx_buf cell = BX_BUF_INIT;
    const json_t *value = json_object_get(line, column->member);
    bool is_time = column == &columns[0];
    int pad;

    if (value == NULL ? bx_buf_puts(&cell, "-") < 0
                      : put_cell(&cell, value, CELL_MAX_BYTES) < 0)
        return -1;
    /* "...T...": a space reads better, and microseconds are for --json. */
    if (is_time && cell.len > TIME_BYTES) {
        cell.data[TIME_BYTES] = '\0';
        cell.data[10] = ' ';
    }
    pad = column->width - text_width(cell.data);
    return bx_buf_printf(out, "%s%s%s%*s  ", colour, cell.data,
                         colour[0] == '\0' ? "" : "\033[0m", pad > 0 ? pad : 0,
                         "");
}

static bool is_shown_elsewhere(const char *name)
{
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        if (strcmp(name, columns[i].member) == 0)
            return true;
    }
    for (size_t i = 0; i < HIDDEN_COUNT; i++) {
        if (strcmp(name, hidden[i]) == 0)
            return true;
    }
    return false;
}

/* name=value, digests in short. */
static int put_detail(bx_buf *out, const char *name, const json_t *value)
{
    json_t *key = json_string_nocheck(name);
    bool is_digest = json_is_string(value) && json_string_length(value) == 64 &&
                     bx_audit_hash_is_valid(json_string_value(value));
    int failed = key == NULL || put_cell(out, key, CELL_MAX_BYTES) < 0 ||
                         bx_buf_puts(out, "=") < 0
                     ? -1
                     : 0;

    json_decref(key);
    if (failed == 0 && is_digest)
        failed = bx_buf_append(out, json_string_value(value), DIGEST_SHOWN,
                               SIZE_MAX);
    else if (failed == 0)
        failed = put_cell(out, value, CELL_MAX_BYTES);
    return failed < 0 ? -1 : bx_buf_puts(out, " ");
}

static bool is_first(const char *name)
{
    for (size_t i = 0; i < FIRST_COUNT; i++) {
        if (strcmp(name, first[i]) == 0)
            return true;
    }
    return false;
}

static int put_details(bx_buf *out, const json_t *line)
{
    json_t *members = (json_t *)line; /* iterators take no const */

    for (size_t i = 0; i < FIRST_COUNT; i++) {
        const json_t *value = json_object_get(line, first[i]);

        if (value != NULL && put_detail(out, first[i], value) < 0)
            return -1;
    }
    for (void *at = json_object_iter(members); at != NULL;
         at = json_object_iter_next(members, at)) {
        const char *name = json_object_iter_key(at);

        if (!is_shown_elsewhere(name) && !is_first(name) &&
            put_detail(out, name, json_object_iter_value(at)) < 0)
            return -1;
    }
    return 0;
}

static int put_unreadable(bx_buf *out, const bx_audit_text *text)
{
    if (bx_buf_printf(out, "line %" PRIu64 " is not readable: ", text->line) <
            0 ||
        bx_buf_put_escaped(out, text->text, text->bytes, CELL_MAX_BYTES) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

int bx_audit_table_put_row(bx_buf *out, const bx_audit_text *text,
                           const json_t *line, bool has_colour)
{
    if (line == NULL)
        return put_unreadable(out, text);
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        bool is_decision = strcmp(columns[i].member, "decision") == 0;

        if (put_column(out, line, &columns[i],
                       has_colour && is_decision ? colour_of(line) : "") < 0)
            return -1;
    }
    if (put_details(out, line) < 0)
        return -1;
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->len--;
    return bx_buf_puts(out, "\n");
}

int bx_audit_table_put_head(bx_buf *out, bool has_colour)
{
    const char *bold = has_colour ? "\033[1m" : "";
    const char *plain = has_colour ? "\033[0m" : "";

    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        if (bx_buf_printf(out, "%s%-*s%s  ", bold, columns[i].width,
                          columns[i].title, plain) < 0)
            return -1;
    }
    return bx_buf_printf(out, "%sDETAILS%s\n", bold, plain);
}
