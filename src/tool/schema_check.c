/* Is a schema one that the validator understands? Everything it later relies
 * on (types of keywords, patterns, where a $ref leads) is made sure of here,
 * so that a tool is refused when it is loaded and not when it is called. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "policy/text.h"
#include "tool/schema_run.h"

typedef struct checker {
    const json_t *root;
    bx_buf path; /* JSON pointer of what is being looked at */
    unsigned depth;
    size_t nodes;
    json_t *seen;           /* "address": colour, of every schema found */
    const json_t **schemas; /* in the order found */
    size_t count;
    size_t cap;
    bx_error **err;
} checker;

enum { FOUND, UNDER_WAY, DONE }; /* colours of the search for circles */

static int check_schema(checker *in, const json_t *schema);

/* ---- messages and places ---- */

static int refuse(const checker *in, const char *format, ...) BX_PRINTF(2, 3);

static int refuse(const checker *in, const char *format, ...)
{
    bx_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    va_end(args);
    if (message == NULL)
        return bx_error_set_nomem(in->err);
    return bx_error_set(in->err, BX_ERR_INVALID, "%s: %s",
                        in->path.len > 0 ? in->path.data : "the schema",
                        message);
}

static size_t enter(checker *in, const char *name)
{
    size_t length = in->path.len;

    (void)bx_buf_puts(&in->path, "/");
    (void)bx_buf_put_escaped(&in->path, name, strlen(name), 64);
    return length;
}

static size_t enter_index(checker *in, size_t index)
{
    size_t length = in->path.len;

    (void)bx_buf_printf(&in->path, "/%zu", index);
    return length;
}

static void leave(checker *in, size_t length)
{
    if (in->path.data != NULL && length <= in->path.len) {
        in->path.len = length;
        in->path.data[length] = '\0';
    }
}

static const char *kind_of(const json_t *value)
{
    static const char *const words[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",  [JSON_INTEGER] = "a number",
        [JSON_REAL] = "a number",    [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };

    return words[json_typeof(value)];
}

static int refuse_kind(const checker *in, const char *expected,
                       const json_t *value)
{
    return refuse(in, "expected %s, got %s", expected, kind_of(value));
}

/* ---- the kinds of keywords ---- */

static int check_schemas(checker *in, const json_t *value)
{
    json_t *item;
    size_t i;

    if (!json_is_array(value) || json_array_size(value) == 0)
        return refuse(in, "expected a list of schemas, not empty");
    json_array_foreach(value, i, item)
    {
        size_t length = enter_index(in, i);

        if (check_schema(in, item) < 0)
            return -1;
        leave(in, length);
    }
    return 0;
}

static int check_pattern(checker *in, const char *pattern)
{
    bx_autoerror bx_error *why = NULL;

    if (bx_schema_pattern_check(pattern, &why) == 0)
        return 0;
    if (bx_error_code(why) != BX_ERR_INVALID)
        return bx_error_set_nomem(in->err);
    return refuse(in, "%s", bx_error_message(why));
}

static int check_map(checker *in, const json_t *value, bool is_by_pattern)
{
    const char *name;
    json_t *schema;

    if (!json_is_object(value))
        return refuse_kind(in, "an object of schemas by name", value);
    json_object_foreach((json_t *)value, name, schema)
    {
        size_t length = enter(in, name);

        if ((is_by_pattern && check_pattern(in, name) < 0) ||
            check_schema(in, schema) < 0)
            return -1;
        leave(in, length);
    }
    return 0;
}

static int check_strings(checker *in, const json_t *value)
{
    json_t *item;
    size_t i;

    if (!json_is_array(value))
        return refuse_kind(in, "a list of names", value);
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item))
            return refuse_kind(in, "a list of names", item);
    }
    return 0;
}

static int check_names_map(checker *in, const json_t *value, bool or_schemas)
{
    const char *name;
    json_t *needed;

    if (!json_is_object(value))
        return refuse_kind(in, "an object of lists of names", value);
    json_object_foreach((json_t *)value, name, needed)
    {
        size_t length = enter(in, name);
        int status = or_schemas && !json_is_array(needed)
                         ? check_schema(in, needed)
                         : check_strings(in, needed);

        if (status < 0)
            return -1;
        leave(in, length);
    }
    return 0;
}

static int check_type_name(const checker *in, const json_t *value)
{
    static const char *const types[] = { "string",  "number", "integer",
                                         "boolean", "object", "array",
                                         "null" };
    bx_autofree char *shown = NULL;

    if (!json_is_string(value))
        return refuse_kind(in, "the name of a type", value);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i], json_string_value(value)) == 0)
            return 0;
    }
    shown = bx_text_show(json_string_value(value));
    return refuse(in,
                  "%s is no type; expected string, number, integer, boolean, "
                  "object, array or null",
                  BX_SHOWN(shown));
}

static int check_type(const checker *in, const json_t *value)
{
    json_t *item;
    size_t i;

    if (!json_is_array(value))
        return check_type_name(in, value);
    if (json_array_size(value) == 0)
        return refuse(in, "an empty list; expected a type");
    json_array_foreach(value, i, item)
    {
        if (check_type_name(in, item) < 0)
            return -1;
    }
    return 0;
}

static int check_count(const checker *in, const json_t *value)
{
    double number = json_number_value(value);

    if (!json_is_number(value) || number < 0 || floor(number) != number)
        return refuse(in, "expected a whole number of at least 0");
    return 0;
}

static int check_number(const checker *in, const json_t *value)
{
    if (json_is_boolean(value))
        return refuse(in, "expected a number (true and false are of draft 4; "
                          "write the bound itself)");
    return json_is_number(value) ? 0 : refuse_kind(in, "a number", value);
}

/* The target must be a schema itself; it is looked at where it stands, and
 * here in case that place is none where schemas are looked for. */
static int check_ref(checker *in, const json_t *value)
{
    const json_t *target;
    bx_autofree char *shown = NULL;

    if (!json_is_string(value))
        return refuse_kind(in, "a string", value);
    target = bx_schema_resolve(in->root, json_string_value(value));
    if (target != NULL)
        return check_schema(in, target);
    shown = bx_text_show(json_string_value(value));
    return refuse(in,
                  "%s leads nowhere; expected a place in this schema, such as "
                  "'#/$defs/NAME'",
                  BX_SHOWN(shown));
}

static int check_string(const checker *in, const json_t *value)
{
    return json_is_string(value) ? 0 : refuse_kind(in, "a string", value);
}

static int check_items(checker *in, const json_t *value)
{
    if (json_is_array(value) && json_array_size(value) == 0)
        return 0;
    return json_is_array(value) ? check_schemas(in, value)
                                : check_schema(in, value);
}

static int check_keyword(checker *in, const bx_schema_keyword *keyword,
                         const json_t *value)
{
    switch (keyword->kind) {
    case BX_SCHEMA_ANY:
        return 0;
    case BX_SCHEMA_SCHEMA:
        return check_schema(in, value);
    case BX_SCHEMA_SCHEMAS:
        return check_schemas(in, value);
    case BX_SCHEMA_MAP:
        return check_map(in, value, false);
    case BX_SCHEMA_PATTERNS:
        return check_map(in, value, true);
    case BX_SCHEMA_ITEMS:
        return check_items(in, value);
    case BX_SCHEMA_COUNT:
        return check_count(in, value);
    case BX_SCHEMA_NUMBER:
        return check_number(in, value);
    case BX_SCHEMA_POSITIVE:
        return json_number_value(value) > 0
                   ? 0
                   : refuse(in, "expected a number above 0");
    case BX_SCHEMA_BOOLEAN:
        return json_is_boolean(value) ? 0
                                      : refuse_kind(in, "true or false", value);
    case BX_SCHEMA_STRING:
        return check_string(in, value);
    case BX_SCHEMA_STRINGS:
        return check_strings(in, value);
    case BX_SCHEMA_STRINGS_MAP:
        return check_names_map(in, value, false);
    case BX_SCHEMA_DEPENDENCIES:
        return check_names_map(in, value, true);
    case BX_SCHEMA_TYPE:
        return check_type(in, value);
    case BX_SCHEMA_LIST:
        return json_is_array(value) ? 0 : refuse_kind(in, "a list", value);
    case BX_SCHEMA_PATTERN:
        return check_string(in, value) < 0
                   ? -1
                   : check_pattern(in, json_string_value(value));
    case BX_SCHEMA_REF:
        return check_ref(in, value);
    case BX_SCHEMA_ID:
        return in->depth == 1 ? check_string(in, value)
                              : refuse(in, "expected only at the top");
    default:
        return refuse(in, "this validator cannot check it; expected "
                          "additionalProperties, items or $ref instead");
    }
}

/* ---- schemas ---- */

/* 1: it was there already. */
static int remember(checker *in, const json_t *schema)
{
    char address[32];

    (void)snprintf(address, sizeof(address), "%p", (const void *)schema);
    if (json_object_get(in->seen, address) != NULL)
        return 1;
    if (in->count == in->cap) {
        size_t cap = in->cap == 0 ? 64 : in->cap * 2;
        const json_t **grown =
            realloc((void *)in->schemas, cap * sizeof(json_t *));

        if (grown == NULL)
            return bx_error_set_nomem(in->err);
        in->schemas = grown;
        in->cap = cap;
    }
    if (json_object_set_new(in->seen, address, json_integer(FOUND)) < 0)
        return bx_error_set_nomem(in->err);
    in->schemas[in->count++] = schema;
    return 0;
}

static int check_members(checker *in, const json_t *schema)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)schema, name, value)
    {
        const bx_schema_keyword *keyword = bx_schema_keyword_find(name);
        size_t length;

        if (keyword == NULL)
            continue;
        length = enter(in, name);
        if (check_keyword(in, keyword, value) < 0)
            return -1;
        leave(in, length);
    }
    return 0;
}

static int check_schema(checker *in, const json_t *schema)
{
    int status;

    if (json_is_boolean(schema))
        return 0;
    if (!json_is_object(schema))
        return refuse_kind(in, "a schema (an object, true or false)", schema);
    status = remember(in, schema);
    if (status != 0)
        return status < 0 ? -1 : 0;
    if (++in->nodes > BX_SCHEMA_MAX_NODES)
        return refuse(in, "more than %d schemas within one",
                      BX_SCHEMA_MAX_NODES);
    if (in->depth == BX_SCHEMA_MAX_DEPTH)
        return refuse(in, "nested deeper than %d schemas", BX_SCHEMA_MAX_DEPTH);
    in->depth++;
    status = check_members(in, schema);
    in->depth--;
    return status;
}

/* ---- circles ---- */

static int follow(checker *in, const json_t *schema, unsigned chain);

static int follow_each(checker *in, const json_t *schemas, unsigned chain)
{
    const char *name;
    json_t *item;
    size_t i;

    json_array_foreach(schemas, i, item)
    {
        if (follow(in, item, chain) < 0)
            return -1;
    }
    json_object_foreach((json_t *)schemas, name, item)
    {
        if (follow(in, item, chain) < 0)
            return -1;
    }
    return 0;
}

static int follow_keyword(checker *in, const bx_schema_keyword *keyword,
                          const json_t *value, unsigned chain)
{
    if (keyword->kind == BX_SCHEMA_REF)
        return follow(in, bx_schema_resolve(in->root, json_string_value(value)),
                      chain);
    if (keyword->kind == BX_SCHEMA_SCHEMA)
        return follow(in, value, chain);
    return follow_each(in, value, chain);
}

/* Schemas that apply to the same value must not lead back to themselves: the
 * validator would never come to an end. */
static int follow(checker *in, const json_t *schema, unsigned chain)
{
    char address[32];
    const char *name;
    json_t *value;
    json_t *colour;

    if (!json_is_object(schema))
        return 0;
    (void)snprintf(address, sizeof(address), "%p", (const void *)schema);
    colour = json_object_get(in->seen, address);
    if (colour == NULL || json_integer_value(colour) == DONE)
        return 0; /* names of dependencies are no schemas */
    if (json_integer_value(colour) == UNDER_WAY)
        return refuse(in, "a $ref leads in a circle, without a property or "
                          "item in between");
    if (chain == BX_SCHEMA_MAX_CHAIN)
        return refuse(in, "more than %d $ref, allOf and the like in a row",
                      BX_SCHEMA_MAX_CHAIN);
    json_integer_set(colour, UNDER_WAY);
    json_object_foreach((json_t *)schema, name, value)
    {
        const bx_schema_keyword *keyword = bx_schema_keyword_find(name);

        if (keyword != NULL && keyword->is_in_place &&
            follow_keyword(in, keyword, value, chain + 1) < 0)
            return -1;
    }
    json_integer_set(colour, DONE);
    return 0;
}

static int check_all(checker *in)
{
    if (in->seen == NULL)
        return bx_error_set_nomem(in->err);
    if (check_schema(in, in->root) < 0)
        return -1;
    leave(in, 0);
    for (size_t i = 0; i < in->count; i++) {
        if (follow(in, in->schemas[i], 0) < 0)
            return -1;
    }
    return 0;
}

int bx_schema_check(const json_t *schema, bx_error **err)
{
    checker in = { .root = schema, .seen = json_object(), .err = err };
    int status = check_all(&in);

    json_decref(in.seen);
    free(in.schemas);
    bx_buf_clear(&in.path);
    return status;
}
