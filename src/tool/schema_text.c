/* Words of the validator's messages. What they quote is hostile: it is
 * printable on one line and cut. */
#include <string.h>

#include "base/json_text.h"
#include "tool/schema_run.h"

#define MAX_TEXT 80 /* of a quoted value */
#define MAX_KEY 64

void bx_schema_put_place(bx_buf *buf, const bx_schema_place *place)
{
    const bx_schema_place *way[BX_SCHEMA_MAX_EVALS];
    size_t depth = 0;

    if (place == NULL) {
        (void)bx_buf_puts(buf, "the value");
        return;
    }
    for (; place != NULL && depth < BX_SCHEMA_MAX_EVALS; place = place->up)
        way[depth++] = place;
    while (depth-- > 0) {
        (void)bx_buf_puts(buf, "/");
        if (way[depth]->key == NULL) {
            (void)bx_buf_printf(buf, "%zu", way[depth]->index);
            continue;
        }
        (void)bx_buf_put_escaped(buf, way[depth]->key, strlen(way[depth]->key),
                                 MAX_KEY);
    }
}

/* As JSON has it: a pattern's backslashes are doubled, not \\x5c. */
static void put_string(bx_buf *buf, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);
    size_t end = bytes < MAX_TEXT ? bytes : MAX_TEXT;

    while (end < bytes && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--; /* between two characters */
    (void)bx_buf_puts(buf, "\"");
    for (size_t i = 0; i < end;) {
        const char *slash = memchr(text + i, '\\', end - i);
        size_t length = slash != NULL ? (size_t)(slash - text) - i : end - i;

        (void)bx_buf_put_escaped(buf, text + i, length, length);
        (void)bx_buf_puts(buf, slash != NULL ? "\\\\" : "");
        i += length + (slash != NULL ? 1 : 0);
    }
    (void)bx_buf_puts(buf, end < bytes ? "...\"" : "\"");
}

void bx_schema_put_value(bx_buf *buf, const json_t *value)
{
    bx_autofree char *text = NULL;

    switch (json_typeof(value)) {
    case JSON_STRING:
        put_string(buf, value);
        return;
    case JSON_OBJECT:
        (void)bx_buf_puts(buf, json_object_size(value) == 0 ? "{}" : "{...}");
        return;
    case JSON_ARRAY:
        (void)bx_buf_puts(buf, json_array_size(value) == 0 ? "[]" : "[...]");
        return;
    default:
        text = bx_json_text(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        (void)bx_buf_puts(buf, text != NULL ? text : "?");
    }
}

void bx_schema_put_got(bx_buf *buf, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        (void)bx_buf_puts(buf, "the string ");
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        (void)bx_buf_puts(buf, "the number ");
        break;
    case JSON_OBJECT:
        (void)bx_buf_puts(buf, "an object");
        return;
    case JSON_ARRAY:
        (void)bx_buf_puts(buf, "an array");
        return;
    default:
        break;
    }
    bx_schema_put_value(buf, value);
}

static const char *type_words(const char *type)
{
    static const char *const words[][2] = {
        { "string", "a string" },  { "integer", "an integer" },
        { "number", "a number" },  { "boolean", "true or false" },
        { "object", "an object" }, { "array", "an array" },
        { "null", "null" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i][0], type) == 0)
            return words[i][1];
    }
    return "another type";
}

void bx_schema_put_type(bx_buf *buf, const json_t *type)
{
    size_t count = json_array_size(type);

    if (json_is_string(type)) {
        (void)bx_buf_puts(buf, type_words(json_string_value(type)));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(type, i));

        if (i > 0)
            (void)bx_buf_puts(buf, i + 1 < count ? ", " : " or ");
        (void)bx_buf_puts(buf, name != NULL ? type_words(name) : "?");
    }
}

void bx_schema_put_expected(bx_buf *buf, const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    const json_t *words = json_object_get(schema, "enum");

    if (json_is_array(words) && json_array_size(words) <= 12) {
        (void)bx_buf_puts(buf, "one of ");
        for (size_t i = 0; i < json_array_size(words); i++) {
            if (i > 0)
                (void)bx_buf_puts(buf, ", ");
            bx_schema_put_value(buf, json_array_get(words, i));
        }
        return;
    }
    if (type != NULL)
        bx_schema_put_type(buf, type);
    else
        (void)bx_buf_puts(buf, "a value");
}
