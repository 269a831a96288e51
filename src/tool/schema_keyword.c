/* The keywords, in the order of their names, and where a $ref leads. */
#include <string.h>

#include "tool/schema_run.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const bx_schema_keyword keywords[] = {
    { "$defs", BX_SCHEMA_MAP },
    { "$dynamicRef", BX_SCHEMA_REFUSED },
    { "$id", BX_SCHEMA_ID },
    { "$recursiveRef", BX_SCHEMA_REFUSED },
    { "$ref", BX_SCHEMA_REF, true, bx_schema_apply_ref },
    { "additionalItems", BX_SCHEMA_SCHEMA,
      .apply = bx_schema_apply_additional_items },
    { "additionalProperties", BX_SCHEMA_SCHEMA,
      .apply = bx_schema_apply_additional },
    { "allOf", BX_SCHEMA_SCHEMAS, true, bx_schema_apply_all },
    { "anyOf", BX_SCHEMA_SCHEMAS, true, bx_schema_apply_any },
    { "const", BX_SCHEMA_ANY, .apply = bx_schema_assert_const },
    { "contains", BX_SCHEMA_SCHEMA, .apply = bx_schema_apply_contains },
    { "definitions", BX_SCHEMA_MAP },
    { "dependencies", BX_SCHEMA_DEPENDENCIES, true, bx_schema_apply_dependent },
    { "dependentRequired", BX_SCHEMA_STRINGS_MAP,
      .apply = bx_schema_assert_dependent },
    { "dependentSchemas", BX_SCHEMA_MAP, true, bx_schema_apply_dependent },
    { "description", BX_SCHEMA_STRING },
    { "else", BX_SCHEMA_SCHEMA, true },
    { "enum", BX_SCHEMA_LIST, .apply = bx_schema_assert_enum },
    { "exclusiveMaximum", BX_SCHEMA_NUMBER, .apply = bx_schema_assert_below },
    { "exclusiveMinimum", BX_SCHEMA_NUMBER, .apply = bx_schema_assert_above },
    { "format", BX_SCHEMA_STRING },
    { "if", BX_SCHEMA_SCHEMA, true, bx_schema_apply_if },
    { "items", BX_SCHEMA_ITEMS, .apply = bx_schema_apply_items },
    { "maxContains", BX_SCHEMA_COUNT },
    { "maxItems", BX_SCHEMA_COUNT, .apply = bx_schema_assert_max_items },
    { "maxLength", BX_SCHEMA_COUNT, .apply = bx_schema_assert_max_length },
    { "maxProperties", BX_SCHEMA_COUNT,
      .apply = bx_schema_assert_max_properties },
    { "maximum", BX_SCHEMA_NUMBER, .apply = bx_schema_assert_maximum },
    { "minContains", BX_SCHEMA_COUNT },
    { "minItems", BX_SCHEMA_COUNT, .apply = bx_schema_assert_min_items },
    { "minLength", BX_SCHEMA_COUNT, .apply = bx_schema_assert_min_length },
    { "minProperties", BX_SCHEMA_COUNT,
      .apply = bx_schema_assert_min_properties },
    { "minimum", BX_SCHEMA_NUMBER, .apply = bx_schema_assert_minimum },
    { "multipleOf", BX_SCHEMA_POSITIVE, .apply = bx_schema_assert_multiple },
    { "not", BX_SCHEMA_SCHEMA, true, bx_schema_apply_not },
    { "oneOf", BX_SCHEMA_SCHEMAS, true, bx_schema_apply_one },
    { "pattern", BX_SCHEMA_PATTERN, .apply = bx_schema_assert_pattern },
    { "patternProperties", BX_SCHEMA_PATTERNS,
      .apply = bx_schema_apply_patterns },
    { "prefixItems", BX_SCHEMA_SCHEMAS, .apply = bx_schema_apply_prefix },
    { "properties", BX_SCHEMA_MAP, .apply = bx_schema_apply_properties },
    { "propertyNames", BX_SCHEMA_SCHEMA, .apply = bx_schema_apply_names },
    { "required", BX_SCHEMA_STRINGS, .apply = bx_schema_assert_required },
    { "then", BX_SCHEMA_SCHEMA, true },
    { "title", BX_SCHEMA_STRING },
    { "type", BX_SCHEMA_TYPE, .apply = bx_schema_assert_type },
    { "unevaluatedItems", BX_SCHEMA_REFUSED },
    { "unevaluatedProperties", BX_SCHEMA_REFUSED },
    { "uniqueItems", BX_SCHEMA_BOOLEAN, .apply = bx_schema_assert_unique },
};

const bx_schema_keyword *bx_schema_keyword_find(const char *name)
{
    size_t low = 0;
    size_t high = COUNT(keywords);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, keywords[middle].name);

        if (order == 0)
            return &keywords[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* ---- $ref ---- */

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* A URI fragment without its percent-encoding; false when it is malformed or
 * has a NUL. out is as long as text. */
static bool decode_fragment(const char *text, char *out)
{
    for (; *text != '\0'; text++) {
        int high = *text == '%' ? hex_value(text[1]) : 0;
        int low = *text == '%' && high >= 0 ? hex_value(text[2]) : 0;

        if (high < 0 || low < 0)
            return false;
        if (*text == '%') {
            *out++ = (char)(high * 16 + low);
            text += 2;
            if (out[-1] == '\0')
                return false;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
    return true;
}

/* One part of a JSON pointer, unescaped where it stands; false: malformed. */
static bool decode_part(char *part)
{
    char *out = part;

    for (; *part != '\0'; part++) {
        if (*part == '~') {
            part++;
            if (*part != '0' && *part != '1')
                return false;
            *out++ = *part == '0' ? '~' : '/';
        } else {
            *out++ = *part;
        }
    }
    *out = '\0';
    return true;
}

static const json_t *find_member(const json_t *value, const char *part)
{
    size_t length = strlen(part);

    if (json_is_object(value))
        return json_object_get(value, part);
    if (length == 0 || length > 9 || strspn(part, "0123456789") != length)
        return NULL;
    return json_array_get(value, strtoul(part, NULL, 10));
}

const json_t *bx_schema_resolve(const json_t *root, const char *ref)
{
    bx_autofree char *pointer = NULL;
    char *rest;

    if (ref[0] != '#' || (ref[1] != '/' && ref[1] != '\0'))
        return NULL;
    pointer = malloc(strlen(ref));
    if (pointer == NULL || !decode_fragment(ref + 1, pointer))
        return NULL;
    rest = pointer[0] == '/' ? pointer + 1 : NULL;
    while (rest != NULL && root != NULL) {
        char *part = rest;
        char *slash = strchr(rest, '/');

        rest = slash != NULL ? slash + 1 : NULL;
        if (slash != NULL)
            *slash = '\0';
        root = decode_part(part) ? find_member(root, part) : NULL;
    }
    return root;
}
