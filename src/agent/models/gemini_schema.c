/* The part of JSON Schema that the API documents for parametersJsonSchema and
 * responseJsonSchema; one word beyond it and a whole request may be refused.
 * Schemas come from tools of strangers. */
#include <string.h>

#include "agent/models/gemini.h"

#define DEPTH_MAX 64 /* what is deeper may be anything */

static const char ref_old[] = "#/definitions/";
static const char ref_new[] = "#/$defs/";

static json_t *convert(const json_t *schema, unsigned depth);

/* Each member is a schema. */
static json_t *convert_members(const json_t *from, unsigned depth)
{
    json_t *to = json_object();
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)from, key, value)
    {
        if (json_object_set_new(to, key, convert(value, depth)) < 0) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

static json_t *convert_list(const json_t *from, unsigned depth)
{
    json_t *to = json_array();
    json_t *value;
    size_t i;

    json_array_foreach(from, i, value)
    {
        if (json_array_append_new(to, convert(value, depth)) < 0) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

/* Texts and numbers alone may be listed. null: the list says nothing then. */
static json_t *convert_enum(const json_t *from)
{
    json_t *value;
    size_t i;

    json_array_foreach(from, i, value)
    {
        if (!json_is_string(value) && !json_is_number(value))
            return json_null();
    }
    return json_array_size(from) > 0 ? json_incref((json_t *)from)
                                     : json_null();
}

static json_t *convert_const(const json_t *value)
{
    if (!json_is_string(value) && !json_is_number(value))
        return json_null();
    return json_pack("[O]", value);
}

static json_t *convert_ref(const json_t *value)
{
    const char *text = json_string_value(value);

    if (text == NULL)
        return json_null();
    if (strncmp(text, ref_old, strlen(ref_old)) == 0)
        return json_sprintf("%s%s", ref_new, text + strlen(ref_old));
    return json_incref((json_t *)value);
}

enum form {
    FORM_SAME,
    FORM_COPY,
    FORM_SCHEMA,
    FORM_SCHEMA_OR_BOOL,
    FORM_MEMBERS,
    FORM_LIST,
    FORM_ENUM,
    FORM_CONST,
    FORM_REF,
};

static const struct word {
    const char *word;
    const char *sent_as;
    enum form form;
} words[] = {
    { "type", "type", FORM_SAME },
    { "format", "format", FORM_SAME },
    { "title", "title", FORM_SAME },
    { "description", "description", FORM_SAME },
    { "required", "required", FORM_COPY },
    { "minItems", "minItems", FORM_SAME },
    { "maxItems", "maxItems", FORM_SAME },
    { "minimum", "minimum", FORM_SAME },
    { "maximum", "maximum", FORM_SAME },
    { "enum", "enum", FORM_ENUM },
    { "const", "enum", FORM_CONST },
    { "properties", "properties", FORM_MEMBERS },
    { "$defs", "$defs", FORM_MEMBERS },
    { "definitions", "$defs", FORM_MEMBERS },
    { "items", "items", FORM_SCHEMA },
    { "prefixItems", "prefixItems", FORM_LIST },
    { "anyOf", "anyOf", FORM_LIST },
    { "oneOf", "anyOf", FORM_LIST },
    { "additionalProperties", "additionalProperties", FORM_SCHEMA_OR_BOOL },
    { "$ref", "$ref", FORM_REF },
};

static const struct word *find_word(const char *word)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i].word, word) == 0)
            return &words[i];
    }
    return NULL;
}

/* null: left out; NULL without memory. */
static json_t *convert_word(const struct word *word, const json_t *value,
                            unsigned depth)
{
    switch (word->form) {
    case FORM_SAME:
        return json_incref((json_t *)value);
    case FORM_COPY:
        return json_is_array(value) ? json_copy((json_t *)value) : json_null();
    case FORM_SCHEMA_OR_BOOL:
        if (json_is_boolean(value))
            return json_incref((json_t *)value);
        return convert(value, depth);
    case FORM_SCHEMA:
        return convert(value, depth);
    case FORM_MEMBERS:
        return json_is_object(value) ? convert_members(value, depth)
                                     : json_null();
    case FORM_LIST:
        return json_array_size(value) > 0 ? convert_list(value, depth)
                                          : json_null();
    case FORM_ENUM:
        return convert_enum(value);
    case FORM_CONST:
        return convert_const(value);
    case FORM_REF:
        return convert_ref(value);
    }
    return json_null();
}

/* Of a schema with $ref nothing else may be said but what begins with '$'. */
static bool is_sent(const json_t *schema, const char *key)
{
    return json_object_get(schema, "$ref") == NULL || key[0] == '$';
}

static int convert_into(json_t *to, const json_t *schema, unsigned depth)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)schema, key, value)
    {
        const struct word *word = find_word(key);
        json_t *sent;

        if (word == NULL || !is_sent(schema, key) ||
            json_object_get(to, word->sent_as) != NULL)
            continue;
        sent = convert_word(word, value, depth);
        if (!json_is_null(sent) &&
            json_object_set_new(to, word->sent_as, sent) < 0)
            return -1;
    }
    return 0;
}

static int add_required(json_t *to, const json_t *names)
{
    json_t *list = json_object_get(to, "required");
    json_t *name;
    size_t i;

    if (list == NULL)
        return 0;
    json_array_foreach(names, i, name)
    {
        if (json_array_append(list, name) < 0)
            return -1;
    }
    return 0;
}

/* Add what one of allOf says; of what cannot be said at once, the first. */
static int add_part(json_t *to, const json_t *said)
{
    json_t *properties = json_object_get(to, "properties");

    if (json_object_get(said, "$ref") != NULL)
        return json_object_size(to) == 0
                   ? json_object_update(to, (json_t *)said)
                   : 0;
    if (properties != NULL &&
        json_object_update_missing(properties,
                                   json_object_get(said, "properties")) < 0 &&
        json_object_get(said, "properties") != NULL)
        return -1;
    if (add_required(to, json_object_get(said, "required")) < 0)
        return -1;
    return json_object_update_missing(to, (json_t *)said);
}

static int convert_all_of(json_t *to, const json_t *schema, unsigned depth)
{
    const json_t *part;
    size_t i;

    json_array_foreach(json_object_get(schema, "allOf"), i, part)
    {
        json_t *said = convert(part, depth);
        int status = said == NULL || json_object_get(to, "$ref") != NULL
                         ? -(said == NULL)
                         : add_part(to, said);

        json_decref(said);
        if (status < 0)
            return -1;
    }
    /* The others' properties would be refused by it. */
    if (i > 1)
        json_object_del(to, "additionalProperties");
    return 0;
}

/* A name may be required once, and if it is one of a property. */
static int settle_required(json_t *to)
{
    const json_t *names = json_object_get(to, "required");
    const json_t *properties = json_object_get(to, "properties");
    json_t *seen = json_object();
    json_t *list = json_array();
    json_t *name;
    size_t i;
    int status = seen == NULL || list == NULL ? -1 : 0;

    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);

        if (status < 0 || text == NULL || json_object_get(seen, text) != NULL ||
            json_object_get(properties, text) == NULL)
            continue;
        if (json_object_set_new(seen, text, json_true()) < 0 ||
            json_array_append(list, name) < 0)
            status = -1;
    }
    json_object_del(to, "required");
    if (status == 0 && json_array_size(list) > 0)
        status = json_object_set(to, "required", list);
    json_decref(seen);
    json_decref(list);
    return status;
}

/* true, false and what is no schema become one that says nothing. */
static json_t *convert(const json_t *schema, unsigned depth)
{
    json_t *to = json_object();

    if (depth >= DEPTH_MAX || !json_is_object(schema))
        return to;
    if (convert_into(to, schema, depth + 1) < 0 ||
        (json_object_get(schema, "$ref") == NULL &&
         convert_all_of(to, schema, depth + 1) < 0) ||
        (json_object_get(to, "required") != NULL && settle_required(to) < 0)) {
        json_decref(to);
        return NULL;
    }
    return to;
}

json_t *bx_gemini_schema(const json_t *schema)
{
    return convert(schema, 0);
}
