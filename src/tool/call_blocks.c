/* Content blocks as the Model Context Protocol has them (schema 2025-06-18,
 * ContentBlock). What a tool prints is passed on to clients that trust us to
 * send what the protocol allows. */
#include <string.h>

#include "tool/call_answer.h"

#define MAX_TYPE_BYTES                                                         \
    255 /* RFC 6838 section 4.2: 127 each side of the '/'                      \
         */
#define MAX_URI_BYTES 8192

/* RFC 4648 section 4, with padding. */
static bool is_base64(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);
    size_t padding = 0;

    if (text == NULL || bytes % 4 != 0)
        return false;
    while (padding < 2 && bytes > 0 && text[bytes - 1] == '=') {
        padding++;
        bytes--;
    }
    for (size_t i = 0; i < bytes; i++) {
        char letter = text[i];
        bool is_digit = (letter >= 'A' && letter <= 'Z') ||
                        (letter >= 'a' && letter <= 'z') ||
                        (letter >= '0' && letter <= '9') || letter == '+' ||
                        letter == '/';

        if (!is_digit)
            return false;
    }
    return true;
}

static bool is_short_text(const json_t *value, size_t max_bytes)
{
    return json_is_string(value) && json_string_length(value) > 0 &&
           json_string_length(value) <= max_bytes;
}

static bool is_type(const json_t *value)
{
    return is_short_text(value, MAX_TYPE_BYTES) &&
           strchr(json_string_value(value), '/') != NULL;
}

static const char *check_media(const json_t *block)
{
    if (!is_base64(json_object_get(block, "data")))
        return "\"data\" of a block is no base64";
    if (!is_type(json_object_get(block, "mimeType")))
        return "\"mimeType\" of a block is no media type";
    return NULL;
}

static const char *check_resource(const json_t *block)
{
    const json_t *resource = json_object_get(block, "resource");
    const json_t *text = json_object_get(resource, "text");
    const json_t *blob = json_object_get(resource, "blob");
    const json_t *type = json_object_get(resource, "mimeType");

    if (!json_is_object(resource))
        return "\"resource\" of a block is no object";
    if (!is_short_text(json_object_get(resource, "uri"), MAX_URI_BYTES))
        return "\"uri\" of a resource is missing or no string";
    if ((text == NULL) == (blob == NULL))
        return "a resource has one of \"text\" and \"blob\"";
    if (text != NULL && !json_is_string(text))
        return "\"text\" of a resource is no string";
    if (blob != NULL && !is_base64(blob))
        return "\"blob\" of a resource is no base64";
    return type == NULL || is_type(type)
               ? NULL
               : "\"mimeType\" of a resource is no media type";
}

static const char *check_text(const json_t *block)
{
    return json_is_string(json_object_get(block, "text"))
               ? NULL
               : "\"text\" of a block is no string";
}

static const char *check_link(const json_t *block)
{
    if (!is_short_text(json_object_get(block, "uri"), MAX_URI_BYTES))
        return "\"uri\" of a link is missing or no string";
    return is_short_text(json_object_get(block, "name"), MAX_URI_BYTES)
               ? NULL
               : "\"name\" of a link is missing or no string";
}

static const struct {
    const char *type;
    const char *(*check)(const json_t *block);
} kinds[] = {
    { "text", check_text },          { "image", check_media },
    { "audio", check_media },        { "resource", check_resource },
    { "resource_link", check_link },
};

bool bx_answer_check_blocks(const json_t *value, const char **ret_why)
{
    size_t i;
    json_t *block;

    if (!json_is_array(value)) {
        *ret_why = "\"content\" is neither a string nor an array";
        return false;
    }
    if (json_array_size(value) > BX_ANSWER_MAX_BLOCKS) {
        *ret_why = "\"content\" has more than 1000 blocks";
        return false;
    }
    json_array_foreach(value, i, block)
    {
        const char *type = json_string_value(json_object_get(block, "type"));
        size_t kind = 0;

        while (type != NULL && kind < sizeof(kinds) / sizeof(kinds[0]) &&
               strcmp(kinds[kind].type, type) != 0)
            kind++;
        *ret_why = type == NULL || kind == sizeof(kinds) / sizeof(kinds[0])
                       ? "a block's \"type\" is none of text, image, audio, "
                         "resource, resource_link"
                       : kinds[kind].check(block);
        if (*ret_why != NULL)
            return false;
    }
    return true;
}
