#include "cli/view_call.h"

#include <stdlib.h>
#include <string.h>

#include "agent/result.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "cli/cli.h"
#include "cli/markdown_flow.h"

#define ERROR_LINES 6u
#define WRAPPED_MAX_BYTES 1000u

/* Members that say what a call is about, the most telling first. */
static const char *const subjects[] = { "command", "path",    "file_path",
                                        "url",     "pattern", "query",
                                        "name",    "question" };
#define SUBJECTS_COUNT (sizeof(subjects) / sizeof(subjects[0]))

char *bx_view_call_subject(const json_t *input)
{
    char *text;

    for (size_t i = 0; i < SUBJECTS_COUNT; i++) {
        const char *value =
            json_string_value(json_object_get(input, subjects[i]));

        if (value != NULL && value[0] != '\0')
            return strdup(value);
    }
    if (json_object_size(input) == 0)
        return strdup("");
    text = bx_json_text(input, JSON_COMPACT);
    return text;
}

static void put_blanks(bx_screen *screen, unsigned count)
{
    fprintf(screen->out, "%*s", (int)count, "");
}

void bx_view_put_call(bx_screen *screen, unsigned indent, const char *name,
                      const json_t *input)
{
    bx_autofree char *subject = bx_view_call_subject(input);
    unsigned used = indent + 2;

    put_blanks(screen, indent);
    bx_screen_print(screen, BX_LOOK_BLUE, "> ");
    used += bx_screen_put_line(screen, BX_LOOK_BOLD, name, strlen(name), 40);
    if (subject != NULL && subject[0] != '\0') {
        putc(' ', screen->out);
        bx_screen_put_line(screen, 0, subject, strlen(subject),
                           screen->columns - used - 2);
    }
    putc('\n', screen->out);
}

static void put_text(bx_flow *flow, unsigned look, const char *text,
                     size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        if (strchr(" \t\n", text[at]) != NULL) {
            bx_flow_space(flow);
            at++;
        } else {
            at += bx_flow_put(flow, look, text + at, bytes - at);
        }
    }
}

static void put_quoted(bx_screen *screen, unsigned look, unsigned indent,
                       const char *text, size_t bytes, size_t max,
                       bool is_whole)
{
    char prefix[BX_FLOW_PREFIX_BYTES];
    bx_flow flow;

    (void)snprintf(prefix, sizeof(prefix), "%*s| ", (int)indent, "");
    bx_flow_init(&flow, screen);
    bx_flow_set_prefix(&flow, NULL, prefix, indent + 2);
    for (size_t lines = 0; bytes > 0; lines++) {
        const char *newline = memchr(text, '\n', bytes);
        size_t line = newline == NULL ? bytes : (size_t)(newline - text);

        if (lines == max) {
            bx_screen_print(screen, BX_LOOK_DIM, "%s... %zu bytes more\n",
                            prefix, bytes);
            break;
        }
        if (is_whole && line > 0) {
            put_text(&flow, look, text, line);
            bx_flow_break(&flow);
        } else {
            bx_screen_print(screen, BX_LOOK_DIM, "%s", prefix);
            bx_screen_put_line(screen, look, text, line,
                               screen->columns - indent - 3);
            putc('\n', screen->out);
        }
        line += newline != NULL;
        text += line;
        bytes -= line;
    }
    bx_flow_clear(&flow);
}

void bx_view_put_quoted(bx_screen *screen, unsigned look, unsigned indent,
                        const char *text, size_t bytes, size_t max)
{
    put_quoted(screen, look, indent, text, bytes, max, false);
}

void bx_view_put_quoted_whole(bx_screen *screen, unsigned indent,
                              const char *text, size_t bytes, size_t max)
{
    put_quoted(screen, 0, indent, text, bytes, max, true);
}

void bx_view_put_wrapped(bx_screen *screen, unsigned indent, unsigned look,
                         const char *label, const char *text)
{
    char blanks[BX_FLOW_PREFIX_BYTES];
    size_t bytes = strlen(text);
    bx_flow flow;

    if (bytes > WRAPPED_MAX_BYTES)
        bytes = bx_utf8_span(text, WRAPPED_MAX_BYTES);
    bx_flow_init(&flow, screen);
    (void)snprintf(blanks, sizeof(blanks), "%*s", (int)indent, "");
    bx_flow_set_prefix(&flow, NULL, blanks, indent);
    put_text(&flow, look, label, strlen(label));
    put_text(&flow, 0, text, bytes);
    bx_flow_break(&flow);
    bx_flow_clear(&flow);
}

/* Whole, however long its lines: somebody decides by it. */
static void put_whole(bx_screen *screen, const char *text, size_t bytes,
                      size_t max)
{
    size_t lines = 0;

    while (bytes > 0) {
        const char *newline = memchr(text, '\n', bytes);
        size_t line = newline == NULL ? bytes : (size_t)(newline - text);
        size_t part = 0;

        if (lines++ == max) {
            bx_screen_print(screen, BX_LOOK_YELLOW,
                            "    | ... %zu bytes more that are not shown\n",
                            bytes);
            return;
        }
        bx_screen_print(screen, BX_LOOK_DIM, "    | ");
        if (line > 0)
            part =
                bx_screen_put_part(screen, 0, text, line, screen->columns - 8);
        putc('\n', screen->out);
        part += part == line && newline != NULL;
        text += part;
        bytes -= part;
    }
}

/* On the line that it stands on. Its bytes are not its cells: one that is
 * escaped has four. */
static bool fits(const char *text, size_t bytes, unsigned max_cells)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    unsigned used = 0;

    for (size_t at = 0; at < bytes && used <= max_cells;) {
        unsigned cells = 0;
        int part = bx_screen_cell(text + at, bytes - at, &shown, &cells);

        if (part < 0 || text[at] == '\n' || text[at] == '\t')
            return false;
        at += (size_t)part;
        used += cells;
    }
    return used <= max_cells;
}

void bx_view_put_input(bx_screen *screen, const json_t *input, size_t max)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)input, key, value)
    {
        bx_autofree char *json = NULL;
        const char *text = json_string_value(value);
        size_t bytes = json_string_length(value);
        unsigned used;

        if (text == NULL) {
            json = bx_json_text(value, JSON_COMPACT | JSON_ENCODE_ANY);
            if (json == NULL)
                continue;
            text = json;
            bytes = strlen(json);
        }
        fputs("    ", screen->out);
        used = 8 + bx_screen_put_line(screen, BX_LOOK_BOLD, key, strlen(key),
                                      screen->columns / 2);
        putc(':', screen->out);
        if (fits(text, bytes, screen->columns - used)) {
            putc(' ', screen->out);
            bx_screen_put(screen, 0, text, bytes);
            putc('\n', screen->out);
        } else {
            putc('\n', screen->out);
            put_whole(screen, text, bytes, max);
        }
    }
}

static size_t count_lines(const char *text, size_t bytes)
{
    size_t lines = bytes > 0 && text[bytes - 1] != '\n' ? 1 : 0;

    for (size_t i = 0; i < bytes; i++)
        lines += text[i] == '\n';
    return lines;
}

static size_t count_images(const json_t *content)
{
    size_t images = 0;
    size_t i;
    json_t *block;

    json_array_foreach(content, i, block)
    {
        const char *type = json_string_value(json_object_get(block, "type"));

        images += type != NULL && strcmp(type, "image") == 0;
    }
    return images;
}

static void put_summary(bx_screen *screen, const json_t *event,
                        const char *text, size_t bytes)
{
    size_t images = count_images(json_object_get(event, "content"));
    json_int_t wall_ms = json_integer_value(json_object_get(event, "wall_ms"));
    size_t lines = count_lines(text, bytes);
    char size[32];

    bx_screen_print(screen, BX_LOOK_DIM, "%zu line%s, %s, %lld ms", lines,
                    lines == 1 ? "" : "s", bx_cli_bytes(bytes, size),
                    (long long)wall_ms);
    if (images > 0)
        bx_screen_print(screen, BX_LOOK_DIM, ", %zu image%s", images,
                        images == 1 ? "" : "s");
    if (json_is_true(json_object_get(event, "is_cut")))
        bx_screen_print(screen, BX_LOOK_DIM, "; cut for the model");
}

void bx_view_put_result(bx_screen *screen, unsigned indent, const json_t *event,
                        unsigned lines)
{
    const json_t *content = json_object_get(event, "content");
    bool is_error = json_is_true(json_object_get(event, "is_error"));
    const char *text =
        json_string_value(json_object_get(json_array_get(content, 0), "text"));
    bx_autobuf bx_buf data = BX_BUF_INIT;
    size_t bytes;

    if (bx_envelope_strip(text == NULL ? "" : text, &data) < 0)
        return;
    text = data.len == 0 ? "" : data.data;
    bytes = data.len;
    put_blanks(screen, indent);
    if (is_error)
        bx_screen_print(screen, BX_LOOK_RED, "failed: ");
    put_summary(screen, event, text, bytes);
    putc('\n', screen->out);
    if (is_error)
        bx_view_put_quoted_whole(screen, indent, text, bytes, ERROR_LINES);
    else if (lines > 0)
        bx_view_put_quoted(screen, BX_LOOK_DIM, indent, text, bytes, lines);
}

static unsigned look_of(const char *line)
{
    if (strncmp(line, "+++", 3) == 0 || strncmp(line, "---", 3) == 0 ||
        strncmp(line, "diff ", 5) == 0)
        return BX_LOOK_BOLD;
    switch (line[0]) {
    case '+':
        return BX_LOOK_GREEN;
    case '-':
        return BX_LOOK_RED;
    case '@':
        return BX_LOOK_CYAN;
    default:
        return 0;
    }
}

/* What is longer than the screen goes on indented, so that nothing of it
 * begins where our own lines do. */
static void put_diff_line(bx_screen *screen, const char *text, size_t bytes)
{
    unsigned look = look_of(text);
    unsigned indent = 4;

    do {
        size_t part;

        put_blanks(screen, indent);
        part = bx_screen_put_part(screen, look, text, bytes,
                                  screen->columns - indent - 1);
        putc('\n', screen->out);
        text += part;
        bytes -= part;
        indent = 6;
    } while (bytes > 0);
}

void bx_view_put_diff(bx_screen *screen, const char *text, size_t max)
{
    for (size_t lines = 0; *text != '\0'; lines++) {
        size_t line = strcspn(text, "\n");

        if (lines == max) {
            bx_screen_print(screen, BX_LOOK_YELLOW,
                            "    ... %zu bytes more that are not shown\n",
                            strlen(text));
            return;
        }
        put_diff_line(screen, text, line);
        text += line + (text[line] == '\n');
    }
}
