#include "policy/yaml_json.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "policy/text.h"

typedef struct reader {
    yaml_parser_t yaml;
    yaml_event_t event; /* the one being looked at; type 0 is none */
    const char *name;
    unsigned depth;
    unsigned nodes;
} reader;

/* A value and where it was written. A place is [line], [line, {key: place}] or
 * [line, [place...]]. */
typedef struct node {
    json_t *value;
    json_t *place;
} node;

static void clear_node(node *it)
{
    json_decref(it->value);
    json_decref(it->place);
}

#define autonode __attribute__((cleanup(clear_node)))

/* ---- messages ---- */

static size_t line_of(const reader *in)
{
    return in->event.start_mark.line + 1;
}

static int refuse_at(const reader *in, size_t line, bx_error **err,
                     const char *format, ...) BX_PRINTF(4, 5);

static int refuse_at(const reader *in, size_t line, bx_error **err,
                     const char *format, ...)
{
    bx_autofree char *message = NULL;
    va_list args;
    int bytes;

    va_start(args, format);
    bytes = vasprintf(&message, format, args);
    va_end(args);
    if (bytes < 0) {
        message = NULL;
        return bx_error_set_nomem(err);
    }
    return bx_error_set(err, BX_ERR_INVALID, "%s: line %zu: %s", in->name, line,
                        message);
}

/* ---- events ---- */

static int refuse_yaml(const reader *in, bx_error **err)
{
    const yaml_parser_t *yaml = &in->yaml;

    if (yaml->error == YAML_MEMORY_ERROR)
        return bx_error_set_nomem(err);
    return refuse_at(in, yaml->problem_mark.line + 1, err,
                     "not valid YAML: %s%s%s; expected lines such as "
                     "'name: word-count'",
                     yaml->context != NULL ? yaml->context : "",
                     yaml->context != NULL ? ", " : "",
                     yaml->problem != NULL ? yaml->problem : "malformed");
}

/* Anchor and tag of whatever event has them. */
static void find_decoration(const yaml_event_t *event,
                            const yaml_char_t **ret_anchor,
                            const yaml_char_t **ret_tag)
{
    *ret_anchor = NULL;
    *ret_tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        *ret_anchor = event->data.scalar.anchor;
        *ret_tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        *ret_anchor = event->data.sequence_start.anchor;
        *ret_tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        *ret_anchor = event->data.mapping_start.anchor;
        *ret_tag = event->data.mapping_start.tag;
    }
}

static int next_event(reader *in, bx_error **err)
{
    const yaml_char_t *anchor;
    const yaml_char_t *tag;

    yaml_event_delete(&in->event);
    if (!yaml_parser_parse(&in->yaml, &in->event))
        return refuse_yaml(in, err);
    find_decoration(&in->event, &anchor, &tag);
    if (in->event.type == YAML_ALIAS_EVENT)
        return refuse_at(in, line_of(in), err,
                         "an alias (*name); expected the value itself (quote "
                         "a text that begins with '*')");
    if (anchor != NULL)
        return refuse_at(in, line_of(in), err,
                         "an anchor (&name); expected a plain value");
    if (tag != NULL)
        return refuse_at(in, line_of(in), err,
                         "a tag (!name); expected a plain value");
    return 0;
}

/* ---- scalars ---- */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

/* An optional sign, digits, and at most one point and one exponent. */
static bool is_number(const char *text, bool *ret_is_real)
{
    size_t digits;

    *ret_is_real = false;
    text += *text == '-' || *text == '+' ? 1 : 0;
    digits = strspn(text, "0123456789");
    text += digits;
    if (*text == '.') {
        size_t more = strspn(++text, "0123456789");

        *ret_is_real = true;
        digits += more;
        text += more;
    }
    if (digits == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        *ret_is_real = true;
        text++;
        text += *text == '-' || *text == '+' ? 1 : 0;
        digits = strspn(text, "0123456789");
        if (digits == 0)
            return false;
        text += digits;
    }
    return *text == '\0';
}

static int read_number(const reader *in, const char *text, bool is_real,
                       json_t **ret_value, bx_error **err)
{
    const char *digits = text + (*text == '-' || *text == '+' ? 1 : 0);
    bx_autofree char *shown = NULL;
    long long whole;
    double real;

    errno = 0;
    if (is_real) {
        real = strtod(text, NULL);
        if (isfinite(real)) {
            *ret_value = json_real(real);
            return *ret_value != NULL ? 0 : bx_error_set_nomem(err);
        }
    } else if (digits[0] != '0' || digits[1] == '\0') {
        whole = strtoll(text, NULL, 10);
        if (errno == 0) {
            *ret_value = json_integer(whole);
            return *ret_value != NULL ? 0 : bx_error_set_nomem(err);
        }
    }
    shown = bx_text_show(text);
    return refuse_at(in, line_of(in), err,
                     "%s: expected a number of at most 64 bits without "
                     "leading zeros, or text in quotes",
                     BX_SHOWN(shown));
}

/* What a scalar without quotes says, as the core schema of YAML 1.2 has it. */
static int read_plain(const reader *in, const char *text, json_t **ret_value,
                      bx_error **err)
{
    static const char *const null_words[] = { "",     "~",    "null",
                                              "Null", "NULL", NULL };
    static const char *const true_words[] = { "true", "True", "TRUE", NULL };
    static const char *const false_words[] = { "false", "False", "FALSE",
                                               NULL };
    bool is_real;

    if (is_number(text, &is_real))
        return read_number(in, text, is_real, ret_value, err);
    if (is_one_of(text, null_words))
        *ret_value = json_null();
    else if (is_one_of(text, true_words))
        *ret_value = json_true();
    else if (is_one_of(text, false_words))
        *ret_value = json_false();
    else
        *ret_value = json_string(text);
    return *ret_value != NULL ? 0 : bx_error_set_nomem(err);
}

/* The scalar at hand has no NUL and is UTF-8: escapes could have made either
 * ("\0", "\ud800"). */
static int check_scalar_text(const reader *in, bx_error **err)
{
    const char *text = (const char *)in->event.data.scalar.value;
    size_t bytes = in->event.data.scalar.length;

    if (strlen(text) != bytes)
        return refuse_at(in, line_of(in), err,
                         "a NUL byte in a value; expected text");
    if (!bx_utf8_is_valid(text, bytes))
        return refuse_at(in, line_of(in), err,
                         "invalid UTF-8 in a value; expected text");
    return 0;
}

static int read_scalar(const reader *in, json_t **ret_value, bx_error **err)
{
    const char *text = (const char *)in->event.data.scalar.value;

    if (check_scalar_text(in, err) < 0)
        return -1;
    if (in->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return read_plain(in, text, ret_value, err);
    *ret_value = json_string(text);
    return *ret_value != NULL ? 0 : bx_error_set_nomem(err);
}

/* ---- collections ---- */

/* Recursion is bounded by BX_YAML_MAX_DEPTH. */
static int read_node(reader *in, node *ret_node, bx_error **err);

static int read_list(reader *in, node *it, bx_error **err)
{
    json_t *places = json_array();

    it->value = json_array();
    if (json_array_append_new(it->place, places) < 0 || it->value == NULL)
        return bx_error_set_nomem(err);
    for (;;) {
        autonode node item = { 0 };

        if (next_event(in, err) < 0)
            return -1;
        if (in->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        if (read_node(in, &item, err) < 0)
            return -1;
        if (json_array_append(it->value, item.value) < 0 ||
            json_array_append(places, item.place) < 0)
            return bx_error_set_nomem(err);
    }
}

static int read_key(const reader *in, const json_t *seen, char **ret_key,
                    bx_error **err)
{
    bx_autofree char *shown = NULL;
    const char *text;

    if (in->event.type != YAML_SCALAR_EVENT)
        return refuse_at(in, line_of(in), err,
                         "a list or mapping as a key; expected a name");
    if (check_scalar_text(in, err) < 0)
        return -1;
    text = (const char *)in->event.data.scalar.value;
    if (in->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        strcmp(text, "<<") == 0)
        return refuse_at(in, line_of(in), err,
                         "a merge key (<<); expected each key in full");
    if (json_object_get(seen, text) != NULL) {
        shown = bx_text_show(text);
        return refuse_at(in, line_of(in), err,
                         "%s: given twice; expected each key once",
                         BX_SHOWN(shown));
    }
    *ret_key = strdup(text);
    return *ret_key != NULL ? 0 : bx_error_set_nomem(err);
}

static int read_mapping(reader *in, node *it, bx_error **err)
{
    json_t *places = json_object();

    it->value = json_object();
    if (json_array_append_new(it->place, places) < 0 || it->value == NULL)
        return bx_error_set_nomem(err);
    for (;;) {
        autonode node member = { 0 };
        bx_autofree char *key = NULL;
        size_t line;

        if (next_event(in, err) < 0)
            return -1;
        if (in->event.type == YAML_MAPPING_END_EVENT)
            return 0;
        line = line_of(in);
        if (read_key(in, it->value, &key, err) < 0 || next_event(in, err) < 0 ||
            read_node(in, &member, err) < 0)
            return -1;
        /* A message about a member points at its key. */
        if (json_array_set_new(member.place, 0,
                               json_integer((json_int_t)line)) < 0 ||
            json_object_set(it->value, key, member.value) < 0 ||
            json_object_set(places, key, member.place) < 0)
            return bx_error_set_nomem(err);
    }
}

static int read_node(reader *in, node *ret_node, bx_error **err)
{
    int status;

    ret_node->place = json_pack("[I]", (json_int_t)line_of(in));
    if (ret_node->place == NULL)
        return bx_error_set_nomem(err);
    if (++in->nodes > BX_YAML_MAX_NODES)
        return refuse_at(in, line_of(in), err, "more than %d values",
                         BX_YAML_MAX_NODES);
    if (in->event.type == YAML_SCALAR_EVENT)
        return read_scalar(in, &ret_node->value, err);
    if (in->depth == BX_YAML_MAX_DEPTH)
        return refuse_at(in, line_of(in), err,
                         "nested deeper than %d lists and mappings",
                         BX_YAML_MAX_DEPTH);
    in->depth++;
    status = in->event.type == YAML_SEQUENCE_START_EVENT
                 ? read_list(in, ret_node, err)
                 : read_mapping(in, ret_node, err);
    in->depth--;
    return status;
}

/* ---- the document ---- */

static int read_stream(reader *in, node *ret_node, bx_error **err)
{
    if (next_event(in, err) < 0)
        return -1; /* the start of the stream */
    if (next_event(in, err) < 0)
        return -1;
    if (in->event.type == YAML_STREAM_END_EVENT) {
        ret_node->value = json_null();
        ret_node->place = json_pack("[i]", 1);
        return ret_node->place != NULL ? 0 : bx_error_set_nomem(err);
    }
    if (in->event.data.document_start.version_directive != NULL ||
        in->event.data.document_start.tag_directives.start !=
            in->event.data.document_start.tag_directives.end)
        return refuse_at(in, line_of(in), err,
                         "a directive (%%); expected the keys alone");
    if (next_event(in, err) < 0 || read_node(in, ret_node, err) < 0 ||
        next_event(in, err) < 0 || next_event(in, err) < 0)
        return -1; /* after the value the end of its document, then more */
    if (in->event.type != YAML_STREAM_END_EVENT)
        return refuse_at(in, line_of(in), err,
                         "a second document; expected one");
    return 0;
}

/* Before libyaml sees it: no other encoding is guessed, no byte is skipped. */
static int check_text(const reader *in, const char *text, size_t bytes,
                      size_t max_bytes, bx_error **err)
{
    size_t line = 1;

    if (bytes > max_bytes)
        return bx_error_set(err, BX_ERR_LIMIT,
                            "%s: larger than %zu bytes, the most accepted",
                            in->name, max_bytes);
    for (size_t i = 0; i < bytes;) {
        size_t len = bx_utf8_decode(text + i, bytes - i, NULL);

        if (len == 0)
            return refuse_at(in, line, err, "invalid UTF-8; expected text");
        if (text[i] == '\0')
            return refuse_at(in, line, err, "a NUL byte; expected text");
        line += text[i] == '\n' ? 1 : 0;
        i += len;
    }
    return 0;
}

int bx_yaml_parse(const char *text, size_t text_bytes, const char *name,
                  size_t max_bytes, json_t **ret_value, json_t **ret_lines,
                  bx_error **err)
{
    reader in = { .name = name };
    autonode node document = { 0 };
    int status;

    if (check_text(&in, text, text_bytes, max_bytes, err) < 0)
        return -1;
    if (!yaml_parser_initialize(&in.yaml))
        return bx_error_set_nomem(err);
    yaml_parser_set_encoding(&in.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&in.yaml, (const unsigned char *)text,
                                 text_bytes);
    status = read_stream(&in, &document, err);
    yaml_event_delete(&in.event);
    yaml_parser_delete(&in.yaml);
    if (status < 0)
        return -1;
    *ret_value = bx_take(document.value);
    *ret_lines = bx_take(document.place);
    return 0;
}

/* The place behind the first part of pointer, which is moved past it. */
static const json_t *find_child(const json_t *place, const char **pointer)
{
    const json_t *children = json_array_get(place, 1);
    bx_autobuf bx_buf part = BX_BUF_INIT;
    const char *at = *pointer + 1;

    for (; *at != '\0' && *at != '/'; at++) {
        char byte = *at;

        if (byte == '~' && (at[1] == '0' || at[1] == '1'))
            byte = *++at == '0' ? '~' : '/';
        if (bx_buf_append(&part, &byte, 1, SIZE_MAX) < 0)
            return NULL;
    }
    *pointer = at;
    if (part.data == NULL)
        return json_object_get(children, "");
    if (json_is_array(children))
        return json_array_get(children, strtoul(part.data, NULL, 10));
    return json_object_get(children, part.data);
}

size_t bx_yaml_line(const json_t *lines, const char *pointer)
{
    while (*pointer == '/') {
        const json_t *child = find_child(lines, &pointer);

        if (child == NULL)
            break;
        lines = child;
    }
    return (size_t)json_integer_value(json_array_get(lines, 0));
}
