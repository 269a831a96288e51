/* A transcript that people read and paste. What was said may hold anything that
 * Markdown means: it stands in block quotes, which end with their lines
 * whatever was left open in them, and what was called and came back in fences
 * longer than any in it. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "agent/one_line.h"
#include "base/json_text.h"
#include "cli/session_cli.h"

static const char *member(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));

    return text == NULL ? "" : text;
}

/* Escapes what a terminal would act on; tabs and backslashes stay. */
static int put_safe(bx_buf *out, const char *text, size_t bytes)
{
    while (bytes > 0) {
        size_t part = 0;

        while (part < bytes && text[part] != '\t' && text[part] != '\\')
            part++;
        if (bx_buf_put_escaped(out, text, part, part) < 0)
            return -1;
        if (part < bytes && bx_buf_append(out, text + part++, 1, SIZE_MAX) < 0)
            return -1;
        text += part;
        bytes -= part;
    }
    return 0;
}

/* How a text of its own is shown: HTML in it, a comment that is never closed
 * say, would go on behind the quote. It is text there, but in code between
 * fences, where it does nothing. Only fences at the begin of a line count: no
 * list can end those. */
typedef struct quote {
    char fence;   /* '`', '~'; 0: outside */
    size_t least; /* of the run that ends it */
} quote;

static void follow_fence(quote *in, const char *line, size_t bytes)
{
    size_t indent = 0;
    size_t run = 0;
    char of;

    while (indent < bytes && indent < 4 && line[indent] == ' ')
        indent++;
    if (indent == bytes || indent > 3)
        return;
    of = line[indent];
    while (indent + run < bytes && line[indent + run] == of)
        run++;
    if ((of != '`' && of != '~') || run < 3)
        return;
    line += indent + run;
    bytes -= indent + run;
    if (in->fence == 0) {
        if (indent == 0 && (of == '~' || memchr(line, '`', bytes) == NULL))
            *in = (quote){ of, run };
        return;
    }
    while (bytes > 0 && (*line == ' ' || *line == '\t'))
        line++, bytes--;
    if (of == in->fence && run >= in->least && bytes == 0)
        in->fence = 0;
}

static int put_quoted(bx_buf *out, const quote *in, const char *text,
                      size_t bytes)
{
    if (in->fence != 0)
        return put_safe(out, text, bytes);
    while (bytes > 0) {
        const char *sign = memchr(text, '<', bytes);
        size_t part = sign == NULL ? bytes : (size_t)(sign - text);

        if (put_safe(out, text, part) < 0 ||
            (sign != NULL && bx_buf_puts(out, "&lt;") < 0))
            return -1;
        part += sign == NULL ? 0 : 1;
        text += part;
        bytes -= part;
    }
    return 0;
}

/* Each line with a prefix. in: NULL: between fences of ours. */
static int put_lines(bx_buf *out, const char *prefix, quote *in,
                     const char *text, size_t bytes)
{
    while (bytes > 0) {
        const char *end = memchr(text, '\n', bytes);
        size_t line = end == NULL ? bytes : (size_t)(end - text);
        size_t shown = line > 0 && text[line - 1] == '\r' ? line - 1 : line;

        if (bx_buf_puts(out, prefix) < 0 ||
            (in == NULL ? put_safe(out, text, shown)
                        : put_quoted(out, in, text, shown)) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
        if (in != NULL)
            follow_fence(in, text, shown);
        line += end == NULL ? 0 : 1;
        text += line;
        bytes -= line;
    }
    return 0;
}

static size_t longest_run(const char *text, size_t bytes, char of)
{
    size_t most = 0;
    size_t run = 0;

    for (size_t i = 0; i < bytes; i++) {
        run = text[i] == of ? run + 1 : 0;
        most = run > most ? run : most;
    }
    return most;
}

static int put_fence(bx_buf *out, const char *language, const char *text,
                     size_t bytes)
{
    size_t run = longest_run(text, bytes, '`');
    size_t ticks = run < 3 ? 3 : run + 1;

    for (size_t i = 0; i < ticks; i++) {
        if (bx_buf_puts(out, "`") < 0)
            return -1;
    }
    if (bx_buf_printf(out, "%s\n", language) < 0 ||
        put_lines(out, "", NULL, text, bytes) < 0)
        return -1;
    for (size_t i = 0; i < ticks; i++) {
        if (bx_buf_puts(out, "`") < 0)
            return -1;
    }
    return bx_buf_puts(out, "\n\n");
}

/* As code on one line; what would end it is left out. */
static int put_code(bx_buf *out, const char *text)
{
    bx_autofree char *line = bx_one_line(text, strlen(text), 300, NULL);

    if (line == NULL)
        return -1;
    for (char *at = line; *at != '\0'; at++)
        *at = *at == '`' ? '\'' : *at;
    return line[0] == '\0' ? bx_buf_puts(out, "-")
                           : bx_buf_printf(out, "`%s`", line);
}

static const char *format_time(int64_t time_ms, char text[40])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc;

    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(text, 40, "%Y-%m-%d %H:%M:%S UTC", &utc) == 0)
        (void)snprintf(text, 40, "?");
    return text;
}

/* ---- blocks ---------------------------------------------------------- */

static int put_quote(bx_buf *out, const char *prefix, const json_t *text)
{
    quote in = { 0 };

    if (!json_is_string(text) || json_string_length(text) == 0)
        return 0;
    if (put_lines(out, prefix, &in, json_string_value(text),
                  json_string_length(text)) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

static int put_call(bx_buf *out, const json_t *block)
{
    bx_autofree char *input =
        bx_json_text(json_object_get(block, "input"), JSON_INDENT(2));

    if (bx_buf_puts(out, "**Call** ") < 0 ||
        put_code(out, member(block, "name")) < 0 || bx_buf_puts(out, " ") < 0 ||
        put_code(out, member(block, "id")) < 0 || bx_buf_puts(out, "\n\n") < 0)
        return -1;
    return input == NULL ? -1 : put_fence(out, "json", input, strlen(input));
}

static int put_block(bx_buf *out, const json_t *block)
{
    const char *type = member(block, "type");

    if (strcmp(type, "text") == 0)
        return put_quote(out, "> ", json_object_get(block, "text"));
    if (strcmp(type, "thinking") == 0) {
        if (json_string_length(json_object_get(block, "text")) == 0)
            return 0;
        if (bx_buf_puts(out, "*Thinking*\n\n") < 0)
            return -1;
        return put_quote(out, "> > ", json_object_get(block, "text"));
    }
    if (strcmp(type, "tool_call") == 0)
        return put_call(out, block);
    if (bx_buf_puts(out, "*Not shown here:* ") < 0 || put_code(out, type) < 0)
        return -1;
    return bx_buf_puts(out, "\n\n");
}

/* ---- entries --------------------------------------------------------- */

static int put_message(bx_buf *out, const json_t *entry, const char *time)
{
    const json_t *message = json_object_get(entry, "message");
    const json_t *cost =
        json_object_get(json_object_get(entry, "meta"), "cost");
    bool is_user = strcmp(member(message, "role"), "user") == 0;
    const json_t *block;
    char text[32];
    size_t i;

    if (bx_buf_printf(out, "## %s (entry %" JSON_INTEGER_FORMAT ", %s",
                      is_user ? "User" : "Assistant",
                      json_integer_value(json_object_get(entry, "entry")),
                      time) < 0 ||
        (json_is_number(cost) && json_number_value(cost) >= 0 &&
         bx_buf_printf(out, ", %s",
                       bx_session_cli_cost(json_number_value(cost), text)) <
             0) ||
        bx_buf_puts(out, ")\n\n") < 0)
        return -1;
    json_array_foreach(json_object_get(message, "content"), i, block)
    {
        if (put_block(out, block) < 0)
            return -1;
    }
    return 0;
}

static int put_result(bx_buf *out, const json_t *entry, const char *time)
{
    const json_t *block = json_object_get(entry, "block");
    const json_t *wall =
        json_object_get(json_object_get(entry, "meta"), "wall_ms");
    bx_autofree char *text = NULL;

    if (strcmp(member(entry, "state"), "done") != 0)
        return 0; /* its begin is in the JSON */
    text = bx_session_cli_text(block);
    if (text == NULL ||
        bx_buf_printf(out, "**%s** ",
                      json_is_true(json_object_get(block, "is_error"))
                          ? "Error"
                          : "Result") < 0 ||
        put_code(out, member(block, "name")) < 0 || bx_buf_puts(out, " ") < 0 ||
        put_code(out, member(entry, "id")) < 0 ||
        bx_buf_printf(out, " (%s", time) < 0 ||
        (json_is_integer(wall) &&
         bx_buf_printf(out, ", %" JSON_INTEGER_FORMAT " ms",
                       json_integer_value(wall)) < 0) ||
        bx_buf_puts(out, ")\n\n") < 0)
        return -1;
    return put_fence(out, "text", text, strlen(text));
}

static int put_note(bx_buf *out, const json_t *entry, const char *time)
{
    const json_t *note = json_object_get(entry, "note");
    bx_autofree char *text = bx_json_text(note, JSON_INDENT(2));

    if (text == NULL || bx_buf_puts(out, "**Note** ") < 0 ||
        put_code(out, member(note, "type")) < 0 ||
        bx_buf_printf(out, " (%s)\n\n", time) < 0)
        return -1;
    return put_fence(out, "json", text, strlen(text));
}

static int put_entry(bx_buf *out, const json_t *entry)
{
    const char *kind = member(entry, "kind");
    char time[40];

    format_time(json_integer_value(json_object_get(entry, "time_ms")), time);
    if (strcmp(kind, "message") == 0)
        return put_message(out, entry, time);
    return strcmp(kind, "call") == 0 ? put_result(out, entry, time)
                                     : put_note(out, entry, time);
}

/* ---- the head -------------------------------------------------------- */

static int put_field(bx_buf *out, const char *name, const char *value)
{
    if (bx_buf_printf(out, "- %s: ", name) < 0 || put_code(out, value) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

static int put_head(bx_buf *out, const bx_session_info *info)
{
    char tokens[96];
    char time[40];
    char cost[32];

    (void)snprintf(tokens, sizeof(tokens), "%" PRIu64 " in, %" PRIu64 " out",
                   info->input_tokens, info->output_tokens);
    if (bx_buf_puts(out, "# Session ") < 0 ||
        put_code(out, info->title[0] == '\0' ? info->id : info->title) < 0 ||
        bx_buf_puts(out, "\n\n") < 0 || put_field(out, "Id", info->id) < 0 ||
        put_field(out, "Workspace", info->workspace) < 0 ||
        put_field(out, "Model", info->model) < 0 ||
        put_field(out, "Created", format_time(info->created_ms, time)) < 0 ||
        put_field(out, "Tokens", tokens) < 0 ||
        put_field(out, "Cost",
                  info->cost < 0 ? "not known"
                                 : bx_session_cli_cost(info->cost, cost)) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

int bx_session_markdown_put(bx_buf *out, const bx_session_info *info,
                            const json_t *entries)
{
    const json_t *entry;
    size_t i;

    if (put_head(out, info) < 0)
        return -1;
    json_array_foreach(entries, i, entry)
    {
        if (put_entry(out, entry) < 0)
            return -1;
    }
    return 0;
}
