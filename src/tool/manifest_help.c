/* The text of --help as a manifest. */
#include "tool/manifest_help.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "policy/text.h"
#include "tool/manifest.h"
#include "tool/manifest_text.h"
#include "tool/schema.h"

#define DESCRIPTION_MAX 2000
#define USAGE_MAX 4096

/* ---- arguments ---- */

bx_help_argument *bx_help_find(bx_help *help, const char *property)
{
    for (size_t i = 0; i < help->count; i++) {
        if (strcmp(help->arguments[i].property, property) == 0)
            return &help->arguments[i];
    }
    return NULL;
}

bx_help_argument *bx_help_find_flag(bx_help *help, const char *flag)
{
    for (size_t i = 0; i < help->count; i++) {
        if (strcmp(help->arguments[i].flag, flag) == 0 ||
            (flag[0] != '\0' && strcmp(help->arguments[i].alias, flag) == 0))
            return &help->arguments[i];
    }
    return NULL;
}

bx_help_argument *bx_help_add(bx_help *help)
{
    if (help->count == BX_HELP_MAX_ARGUMENTS)
        return NULL;
    help->arguments[help->count] = (bx_help_argument){ 0 };
    return &help->arguments[help->count++];
}

static void clear_help(bx_help *help)
{
    for (size_t i = 0; i < help->count; i++)
        bx_help_argument_clear(&help->arguments[i]);
    bx_buf_clear(&help->description);
}

/* Asking for help, or for a version, is no use to a caller. */
static bool is_about_itself(const bx_help_argument *option)
{
    static const char *const names[] = { "help", "version", "h", "usage" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(option->property, names[i]) == 0 && !option->has_value)
            return true;
    }
    return strcmp(option->flag, "-?") == 0;
}

/* ---- the text ---- */

typedef struct reader {
    const char *at;
    const char *end;
    bx_help *help;
    bx_help_argument *last; /* what a deeper line goes on about */
    size_t last_indent;
    bx_buf usage;
    size_t usage_indent;
    bool is_in_usage;
    bool is_in_other_usage; /* further forms of the call, which are left out */
    bool has_usage;
    bool is_silent; /* "Usage of NAME:" */
    bool has_seen_option;
    bool is_description_over;
} reader;

static bool next_line(reader *in, bx_help_line *ret_line)
{
    const char *newline;
    size_t bytes;
    size_t out = 0;

    if (in->at >= in->end)
        return false;
    newline = memchr(in->at, '\n', (size_t)(in->end - in->at));
    bytes = (size_t)((newline != NULL ? newline : in->end) - in->at);
    ret_line->indent = 0;
    for (size_t i = 0; i < bytes; i++) {
        char byte = in->at[i];

        if (out == 0 && (byte == ' ' || byte == '\t'))
            ret_line->indent += byte == ' ' ? 1 : 8;
        else if (byte != '\r' && byte != '\0' &&
                 out + 1 < sizeof(ret_line->text))
            ret_line->text[out++] = byte;
    }
    while (out > 0 &&
           (ret_line->text[out - 1] == ' ' || ret_line->text[out - 1] == '\t'))
        out--;
    ret_line->text[out] = '\0';
    in->at = newline != NULL ? newline + 1 : in->end;
    return true;
}

/* Without the program's name: one word, or python's "python -m NAME". */
static const char *skip_program(const char *text)
{
    const char *rest;

    text += strspn(text, " ");
    rest = text + strcspn(text, " ");
    if (strncmp(text, "python", 6) == 0 && strncmp(rest, " -m ", 4) == 0)
        rest += 4 + strcspn(rest + 4, " ");
    return rest;
}

static bool begin_usage(reader *in, const bx_help_line *line)
{
    /* Go: "Usage of NAME:", and nothing about arguments. */
    bool is_heading = strncasecmp(line->text, "usage of ", 9) == 0;
    bool is_bare = strcasecmp(line->text, "usage") == 0;
    const char *text = line->text;

    if (!is_heading && !is_bare && strncasecmp(text, "usage:", 6) != 0)
        return false;
    in->is_in_usage = !in->has_usage;
    in->has_usage = true;
    in->is_silent = in->is_silent || is_heading;
    in->usage_indent = line->indent;
    if (!is_heading && !is_bare)
        (void)bx_buf_append(&in->usage, text + 6, strlen(text + 6), USAGE_MAX);
    return true;
}

/* Is it a line of the options' list, which may follow with no blank line?
 * argparse wraps a usage to the column behind "usage: ". */
static bool is_option_line(const bx_help_line *line)
{
    return line->text[0] == '-' &&
           (line->indent < 7 || strstr(line->text, "  ") != NULL ||
            strchr(line->text, '\t') != NULL);
}

/* Does the line go on with the usage? is_first: it has no text yet. */
static bool is_more_usage(const reader *in, const bx_help_line *line,
                          bool is_first)
{
    if (line->indent <= in->usage_indent || is_option_line(line))
        return false;
    if (is_first)
        return line->text[0] != '-';
    return strchr("[<{-(", line->text[0]) != NULL || line->indent >= 12;
}

/* Lines of the first usage: deeper ones, until another form of the call. */
static bool continue_usage(reader *in, const bx_help_line *line)
{
    bool is_first =
        in->usage.data == NULL || strspn(in->usage.data, " ") == in->usage.len;

    if (in->is_in_other_usage) {
        in->is_in_other_usage = line->indent > in->usage_indent &&
                                line->text[0] != '\0' && !is_option_line(line);
        return in->is_in_other_usage;
    }
    if (!in->is_in_usage)
        return false;
    if (line->text[0] == '\0') {
        in->is_in_usage = is_first;
        return true;
    }
    if (!is_more_usage(in, line, is_first)) {
        in->is_in_usage = false;
        in->is_in_other_usage =
            line->indent > in->usage_indent && !is_option_line(line);
        return in->is_in_other_usage;
    }
    (void)bx_buf_append(&in->usage, " ", 1, USAGE_MAX);
    (void)bx_buf_append(&in->usage, line->text, strlen(line->text), USAGE_MAX);
    return true;
}

static bool read_option(reader *in, const bx_help_line *line)
{
    bx_help_argument option;
    bx_help_argument *place;

    if (line->text[0] != '-' || bx_help_read_option(line, &option) < 0)
        return false;
    in->has_seen_option = true;
    in->last = NULL;
    place = in->help->count < BX_HELP_MAX_OPTIONS &&
                    bx_help_find(in->help, option.property) == NULL
                ? bx_help_add(in->help)
                : NULL;
    if (is_about_itself(&option) || place == NULL) {
        if (place != NULL)
            in->help->count--;
        bx_help_argument_clear(&option);
        return true;
    }
    *place = option;
    in->last = place;
    in->last_indent = line->indent;
    return true;
}

/* A deeper line that is no option goes on with the description. */
static bool continue_option(reader *in, const bx_help_line *line)
{
    bx_buf *text;

    if (line->text[0] == '\0' || in->last == NULL ||
        line->indent <= in->last_indent) {
        in->last = line->text[0] == '\0' ? in->last : NULL;
        return false;
    }
    text = &in->last->description;
    if (text->len > 0)
        (void)bx_buf_append(text, " ", 1, 1000);
    (void)bx_manifest_put_clean(text, line->text, strlen(line->text), 1000,
                                true);
    return true;
}

/* The first paragraph that is neither usage nor options nor a heading. */
static void read_description(reader *in, const bx_help_line *line)
{
    bx_buf *text = &in->help->description;
    size_t length = strlen(line->text);

    if (length == 0 || in->has_seen_option) {
        in->is_description_over = in->is_description_over || text->len > 0;
        return;
    }
    if (in->is_description_over || line->text[length - 1] == ':')
        return;
    if (text->len > 0)
        (void)bx_buf_append(text, " ", 1, DESCRIPTION_MAX);
    (void)bx_manifest_put_clean(text, line->text, length, DESCRIPTION_MAX,
                                true);
}

static void read_text(reader *in)
{
    bx_help_line line;

    while (next_line(in, &line)) {
        if (begin_usage(in, &line) || continue_usage(in, &line))
            continue;
        if (line.text[0] == '-' ? read_option(in, &line)
                                : continue_option(in, &line))
            continue;
        read_description(in, &line);
    }
    if (in->usage.data != NULL)
        (void)bx_help_read_usage(in->help, skip_program(in->usage.data));
}

/* "  FILE   what it is", in a list of arguments: only now are they known. */
static void describe_positionals(const char *text, size_t bytes, bx_help *help)
{
    reader in = { .at = text, .end = text + bytes };
    bx_help_line line;

    while (next_line(&in, &line)) {
        size_t end = strcspn(line.text, " \t");
        char property[BX_HELP_NAME_MAX + 1];
        bx_help_argument *argument;
        const char *words = line.text + end;

        if (line.indent == 0 || line.text[0] == '-' || end == 0 ||
            (words[0] != '\t' && (words[0] != ' ' || words[1] != ' ')))
            continue;
        line.text[end] = '\0';
        if (!bx_help_make_property(line.text, property))
            continue;
        argument = bx_help_find(help, property);
        words += 1 + strspn(words + 1, " \t");
        if (argument != NULL && argument->flag[0] == '\0' &&
            argument->description.len == 0)
            (void)bx_manifest_put_clean(&argument->description, words,
                                        strlen(words), 1000, true);
    }
}

/* ---- as a manifest ---- */

static const char *guess_type(const bx_help_argument *argument)
{
    static const char *const whole[] = { "N",    "NUM",     "INT",  "COUNT",
                                         "UINT", "INTEGER", "INT64" };
    static const char *const real[] = { "NUMBER", "FLOAT", "FLOAT64", "DOUBLE",
                                        "DECIMAL" };

    if (!argument->has_value)
        return "boolean";
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        if (strcasecmp(argument->value, whole[i]) == 0)
            return "integer";
    }
    for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++) {
        if (strcasecmp(argument->value, real[i]) == 0)
            return "number";
    }
    return "string";
}

static json_t *choices_json(const bx_help_argument *argument)
{
    json_t *list = json_array();

    for (size_t i = 0; i < argument->choices.len;
         i += strlen(argument->choices.data + i) + 1)
        json_array_append_new(list, json_string(argument->choices.data + i));
    return list;
}

static json_t *property_json(const bx_help_argument *argument)
{
    json_t *item = argument->is_value_optional
                       ? json_pack("{s[ss]}", "type", "boolean", "string")
                       : json_pack("{ss}", "type", guess_type(argument));
    json_t *list;

    if (argument->choices.len > 0 && !argument->is_value_optional) {
        json_object_set_new(item, "type", json_string("string"));
        json_object_set_new(item, "enum", choices_json(argument));
    }
    if (argument->is_list) {
        list = json_pack("{ss so}", "type", "array", "items", item);
        if (argument->is_required && argument->flag[0] == '\0')
            json_object_set_new(list, "minItems", json_integer(1));
        item = list;
    }
    if (argument->description.len > 0)
        json_object_set_new(item, "description",
                            json_string(argument->description.data));
    return item;
}

static json_t *flag_json(const bx_help_argument *argument, int *index)
{
    json_t *item;

    if (argument->flag[0] == '\0')
        return json_pack("{si}", "index", (*index)++);
    item = json_pack("{ss}", "flag", argument->flag);
    if (argument->negative[0] != '\0')
        json_object_set_new(item, "negative", json_string(argument->negative));
    return item;
}

static int fill(bx_manifest *manifest, const bx_help *help)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    int index = 0;

    manifest->flags = json_object();
    manifest->input_schema =
        json_pack("{ss sb so}", "type", "object", "additionalProperties", 0,
                  "properties", properties);
    for (size_t i = 0; i < help->count; i++) {
        const bx_help_argument *argument = &help->arguments[i];

        json_object_set_new(properties, argument->property,
                            property_json(argument));
        json_object_set_new(manifest->flags, argument->property,
                            flag_json(argument, &index));
        if (argument->is_required)
            json_array_append_new(required, json_string(argument->property));
    }
    if (json_array_size(required) > 0)
        json_object_set(manifest->input_schema, "required", required);
    json_decref(required);
    return json_object_size(properties) == help->count &&
                   json_object_size(manifest->flags) == help->count
               ? 0
               : -1;
}

static bx_manifest *make(const char *tool_name, const bx_help *help,
                         bx_error **err)
{
    bx_automanifest bx_manifest *manifest = calloc(1, sizeof(*manifest));
    const char *words = help->description.data;

    if (manifest == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    manifest->name = strdup(tool_name);
    manifest->grants = bx_grants_new();
    manifest->input = BX_TOOL_INPUT_FLAGS;
    /* A program that says no more than its flags gets no more than reading;
     * a manifest beside it can ask for more. */
    manifest->level = BX_LEVEL_READ_ONLY;
    if (words != NULL && strspn(words, " ") < strlen(words))
        manifest->description = strdup(words);
    else if (asprintf(&manifest->description, "The command-line program %s.",
                      tool_name) < 0)
        manifest->description = NULL;
    if (manifest->name == NULL || manifest->grants == NULL ||
        manifest->description == NULL || fill(manifest, help) < 0) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_grants_add(manifest->grants, "fs.read:/", "adapted from --help",
                      err) < 0)
        return NULL;
    if (bx_schema_check(manifest->input_schema, err) < 0) {
        (void)bx_error_wrap(err, "--help of '%s'", tool_name);
        return NULL;
    }
    return bx_take(manifest);
}

/* Text alone: no colours (ECMA-48 control sequences), nothing that is not
 * UTF-8 or that is not shown. */
static int clean(const char *text, size_t bytes, bx_buf *out)
{
    const char *end = text + bytes;

    while (text < end) {
        const char *escape = memchr(text, 0x1b, (size_t)(end - text));
        size_t length = (size_t)((escape != NULL ? escape : end) - text);

        if (bx_manifest_put_clean(out, text, length, BX_HELP_MAX_BYTES, false) <
            0)
            return -1;
        text += length;
        if (text < end && ++text < end && *text == '[') {
            text++;
            while (text < end && *text >= 0x20 && *text < 0x40)
                text++;
            text += text < end ? 1 : 0;
        }
    }
    return 0;
}

/* Go's flag package names no arguments, and takes any. */
static void add_unnamed(bx_help *help)
{
    bx_help_argument *argument =
        bx_help_find(help, "args") == NULL ? bx_help_add(help) : NULL;

    if (argument == NULL)
        return;
    (void)snprintf(argument->property, sizeof(argument->property), "args");
    argument->has_value = true;
    argument->is_list = true;
    (void)bx_buf_puts(&argument->description, "Arguments behind the flags");
}

static bx_manifest *adapt(const char *tool_name, const bx_buf *text,
                          bx_error **err)
{
    bx_autofree bx_help *found = calloc(1, sizeof(*found));
    reader in = { .at = text->data,
                  .end = text->data + text->len,
                  .help = found };
    bx_manifest *manifest = NULL;

    if (found == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    read_text(&in);
    if (in.is_silent && in.usage.len == 0 && found->count > 0)
        add_unnamed(found);
    describe_positionals(text->data, text->len, found);
    if (found->count > 0)
        manifest = make(tool_name, found, err);
    bx_buf_clear(&in.usage);
    clear_help(found);
    return manifest;
}

bx_manifest *bx_manifest_adapt_help(const char *tool_name, const char *help,
                                    size_t help_bytes, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;
    bx_autofree char *shown = NULL;

    if (!bx_tool_name_is_valid(tool_name)) {
        shown = bx_text_show(tool_name);
        (void)bx_error_set(err, BX_ERR_INVALID,
                           "%s is no tool's name; expected 1 to %d letters, "
                           "digits, '-' and '_'",
                           BX_SHOWN(shown), BX_TOOL_NAME_MAX);
        return NULL;
    }
    if (help_bytes > BX_HELP_MAX_BYTES)
        help_bytes = BX_HELP_MAX_BYTES;
    if (clean(help, help_bytes, &text) < 0) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return text.data == NULL ? NULL : adapt(tool_name, &text, err);
}
