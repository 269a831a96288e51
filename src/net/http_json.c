#include "net/http_json.h"

#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/json_text.h"

#define DEPTH_MAX 4 /* a request needs three: object, headers, pair */
#define SHOWN_BYTES 64
#define WHY_SHOWN_BYTES 128 /* of jansson's own words */

static void json_freep(json_t **json)
{
    json_decref(*json);
}
#define auto_json __attribute__((cleanup(json_freep)))

/* ---- requests ------------------------------------------------------- */

/* jansson recurses for each level; count them before it does. */
static int check_depth(const char *text, size_t bytes, bx_error **err)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < bytes; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '[' || text[i] == '{'))
            depth++;
        else if (!in_string && (text[i] == ']' || text[i] == '}') && depth > 0)
            depth--;
        if (depth > DEPTH_MAX)
            return bx_error_set(err, BX_ERR_INVALID,
                                "the request is nested deeper than %d levels",
                                DEPTH_MAX);
    }
    return 0;
}

static int copy_string(const json_t *value, const char *key, char **ret_text,
                       bx_error **err)
{
    if (!json_is_string(value))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' of the request: a string is expected", key);
    *ret_text = strdup(json_string_value(value));
    return *ret_text == NULL ? bx_error_set_nomem(err) : 0;
}

static int set_method(bx_http_parsed *parsed, const json_t *value,
                      bx_error **err)
{
    return copy_string(value, "method", &parsed->method, err);
}

static int set_url(bx_http_parsed *parsed, const json_t *value, bx_error **err)
{
    return copy_string(value, "url", &parsed->url, err);
}

static int set_headers(bx_http_parsed *parsed, const json_t *value,
                       bx_error **err)
{
    if (!json_is_array(value))
        return bx_error_set(err, BX_ERR_INVALID,
                            "'headers' of the request: an array of "
                            "[name, value] is expected");
    if (json_array_size(value) > BX_HTTP_REQUEST_FIELDS_MAX)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'headers' of the request: %zu of them; at most "
                            "%d are accepted",
                            json_array_size(value), BX_HTTP_REQUEST_FIELDS_MAX);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *pair = json_array_get(value, i);
        const char *name = json_string_value(json_array_get(pair, 0));
        const char *text = json_string_value(json_array_get(pair, 1));

        if (json_array_size(pair) != 2 || name == NULL || text == NULL)
            return bx_error_set(err, BX_ERR_INVALID,
                                "'headers' of the request: entry %zu is not "
                                "a pair of strings",
                                i);
        if (bx_http_fields_add(&parsed->fields, name, strlen(name), text,
                               strlen(text)) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

static int set_redirect(bx_http_parsed *parsed, const json_t *value,
                        bx_error **err)
{
    static const char *const names[] = {
        [BX_HTTP_REDIRECT_FOLLOW] = "follow",
        [BX_HTTP_REDIRECT_MANUAL] = "manual",
        [BX_HTTP_REDIRECT_ERROR] = "error",
    };
    const char *text = json_string_value(value);

    for (size_t i = 0; text != NULL && i < sizeof(names) / sizeof(names[0]);
         i++) {
        if (strcmp(names[i], text) == 0) {
            parsed->request.redirect = (bx_http_redirect)i;
            return 0;
        }
    }
    return bx_error_set(err, BX_ERR_INVALID,
                        "'redirect' of the request: \"follow\", \"manual\" or "
                        "\"error\" is expected");
}

static int set_timeout(bx_http_parsed *parsed, const json_t *value,
                       bx_error **err)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'timeout_ms' of the request: a whole number of "
                            "milliseconds, 1 or more, is expected");
    parsed->request.timeout_ms = (uint64_t)json_integer_value(value);
    return 0;
}

static const struct {
    const char *name;
    int (*set)(bx_http_parsed *parsed, const json_t *value, bx_error **err);
} keys[] = {
    { "method", set_method },      { "url", set_url },
    { "headers", set_headers },    { "redirect", set_redirect },
    { "timeout_ms", set_timeout },
};

static int set_key(bx_http_parsed *parsed, const char *key, const json_t *value,
                   bx_error **err)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(keys[i].name, key) == 0)
            return keys[i].set(parsed, value, err);
    }
    if (bx_buf_put_escaped(&shown, key, strlen(key), SHOWN_BYTES) < 0)
        return bx_error_set_nomem(err);
    return bx_error_set(err, BX_ERR_INVALID,
                        "unknown key '%s' in the request; method, url, "
                        "headers, redirect and timeout_ms are known",
                        shown.data);
}

static int fill(bx_http_parsed *parsed, json_t *root, bx_error **err)
{
    const char *key;
    json_t *value;

    if (!json_is_object(root))
        return bx_error_set(err, BX_ERR_INVALID,
                            "the request is not a JSON object");
    json_object_foreach(root, key, value)
    {
        if (set_key(parsed, key, value, err) < 0)
            return -1;
    }
    if (parsed->url == NULL)
        return bx_error_set(err, BX_ERR_INVALID, "the request has no 'url'");
    parsed->request.method = parsed->method;
    parsed->request.url = parsed->url;
    return 0;
}

int bx_http_request_parse(const char *text, size_t bytes,
                          bx_http_parsed *ret_parsed, bx_error **err)
{
    bx_http_parsed parsed = { 0 };
    auto_json json_t *root = NULL;
    json_error_t why;

    if (bytes > BX_HTTP_REQUEST_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "the request is %zu bytes; at most %d are "
                            "accepted",
                            bytes, BX_HTTP_REQUEST_MAX_BYTES);
    if (check_depth(text, bytes, err) < 0)
        return -1;
    root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL) {
        bx_autobuf bx_buf shown = BX_BUF_INIT;

        if (bx_buf_put_escaped(&shown, why.text, strlen(why.text),
                               WHY_SHOWN_BYTES) < 0)
            return bx_error_set_nomem(err);
        return bx_error_set(err, BX_ERR_INVALID,
                            "the request is not JSON: line %d: %s", why.line,
                            shown.data);
    }
    if (fill(&parsed, root, err) < 0) {
        bx_http_parsed_clear(&parsed);
        return -1;
    }
    *ret_parsed = parsed;
    return 0;
}

void bx_http_parsed_clear(bx_http_parsed *parsed)
{
    free(parsed->method);
    free(parsed->url);
    bx_http_fields_clear(&parsed->fields);
    *parsed = (bx_http_parsed){ 0 };
}

/* ---- heads ---------------------------------------------------------- */

static json_t *to_string(const char *text)
{
    bx_autobuf bx_buf utf8 = BX_BUF_INIT;
    json_t *string = json_string(text); /* NULL too for what is not UTF-8 */

    if (string != NULL)
        return string;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';
         at++) {
        char two[2] = { (char)(0xc0 | *at >> 6), (char)(0x80 | (*at & 0x3f)) };

        if (bx_buf_append(&utf8, *at < 0x80 ? (const char *)at : two,
                          *at < 0x80 ? 1 : 2, SIZE_MAX) < 0)
            return NULL;
    }
    return utf8.data == NULL ? NULL : json_string(utf8.data);
}

char *bx_http_head_format(const bx_http_head *head)
{
    auto_json json_t *headers = json_array();
    auto_json json_t *root = NULL;

    for (size_t i = 0; i < head->fields->count; i++) {
        const bx_http_field *field = &head->fields->items[i];
        auto_json json_t *pair = json_array();

        /* the _new functions take what they are given, NULL included */
        if (json_array_append_new(pair, to_string(field->name)) < 0 ||
            json_array_append_new(pair, to_string(field->value)) < 0 ||
            json_array_append(headers, pair) < 0)
            return NULL;
    }
    root = json_pack("{s:i, s:s, s:b, s:O}", "status", (int)head->status, "url",
                     head->url->text, "redirected", (int)head->is_redirected,
                     "headers", headers);
    return root == NULL ? NULL : bx_json_text(root, JSON_COMPACT);
}
