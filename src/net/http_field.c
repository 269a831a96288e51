/* Header fields. Names and values come from guests and servers and are
 * hostile; nothing goes into a request that could end its line. */
#include "net/http_field.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

#define SHOWN_BYTES 64 /* of a name, in messages */

/* Message framing and hop-by-hop fields (RFC 9110 sections 7.2, 7.6.1, 8.6,
 * 10.1.1; RFC 9112 section 6): ours, or request smuggling begins here. */
static const char *const own_names[] = {
    "Host",       "Content-Length", "Transfer-Encoding",
    "Connection", "Keep-Alive",     "Proxy-Connection",
    "TE",         "Trailer",        "Upgrade",
    "Expect",     "HTTP2-Settings",
};

int bx_http_fields_add(bx_http_fields *fields, const char *name,
                       size_t name_bytes, const char *value, size_t value_bytes)
{
    bx_http_field *items = fields->items;
    bx_http_field field;

    if ((fields->count & (fields->count - 1)) == 0) { /* 0, 1, 2, 4, ... */
        size_t cap = fields->count == 0 ? 1 : fields->count * 2;

        items = realloc(items, cap * sizeof(*items));
        if (items == NULL)
            return -1;
        fields->items = items;
    }
    field.name = strndup(name, name_bytes);
    field.value = strndup(value, value_bytes);
    if (field.name == NULL || field.value == NULL) {
        free(field.name);
        free(field.value);
        return -1;
    }
    items[fields->count++] = field;
    return 0;
}

int bx_http_fields_check_count(size_t count, bx_error **err)
{
    if (count > BX_HTTP_REQUEST_FIELDS_MAX)
        return bx_error_set(err, BX_ERR_INVALID,
                            "%zu headers; at most %d are accepted", count,
                            BX_HTTP_REQUEST_FIELDS_MAX);
    return 0;
}

int bx_http_fields_copy(bx_http_fields *fields, const bx_http_fields *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const bx_http_field *field = &from->items[i];

        if (bx_http_fields_add(fields, field->name, strlen(field->name),
                               field->value, strlen(field->value)) < 0)
            return -1;
    }
    return 0;
}

const bx_http_field *bx_http_fields_find(const bx_http_fields *fields,
                                         const char *name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (strcasecmp(fields->items[i].name, name) == 0)
            return &fields->items[i];
    }
    return NULL;
}

static bool is_named(const bx_http_field *field, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcasecmp(field->name, *names) == 0)
            return true;
    }
    return false;
}

/* The room stays: add() grows at powers of two and may find more than it
 * needs, never less. */
void bx_http_fields_remove(bx_http_fields *fields, const char *const *names)
{
    bx_http_fields kept = BX_HTTP_FIELDS_INIT;

    for (size_t i = 0; i < fields->count; i++) {
        if (is_named(&fields->items[i], names)) {
            free(fields->items[i].name);
            free(fields->items[i].value);
        } else {
            fields->items[kept.count++] = fields->items[i];
        }
    }
    fields->count = kept.count;
}

void bx_http_fields_clear(bx_http_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        free(fields->items[i].name);
        free(fields->items[i].value);
    }
    free(fields->items);
    *fields = BX_HTTP_FIELDS_INIT;
}

/* RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (!is_token_char(*text))
            return false;
    }
    return true;
}

int bx_http_field_check(const char *name, const char *value, bx_error **err)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_put_escaped(&shown, name, strlen(name), SHOWN_BYTES) < 0)
        return bx_error_set_nomem(err);
    if (!is_token(name))
        return bx_error_set(err, BX_ERR_INVALID,
                            "header name '%s': letters, digits and "
                            "!#$%%&'*+-.^_`|~ are expected",
                            shown.data);
    for (const unsigned char *at = (const unsigned char *)value; *at != '\0';
         at++) {
        if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
            return bx_error_set(err, BX_ERR_INVALID,
                                "header '%s': a control byte (0x%02x) in the "
                                "value",
                                shown.data, *at);
    }
    for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++) {
        if (strcasecmp(name, own_names[i]) == 0)
            return bx_error_set(err, BX_ERR_INVALID,
                                "header '%s' is set by the host and may not "
                                "be given",
                                shown.data);
    }
    return 0;
}

int bx_http_method_parse(const char *text, char ret[BX_HTTP_METHOD_BYTES],
                         bx_error **err)
{
    char method[BX_HTTP_METHOD_BYTES];
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    size_t bytes = strlen(text);

    if (bx_buf_put_escaped(&shown, text, bytes, SHOWN_BYTES) < 0)
        return bx_error_set_nomem(err);
    if (!is_token(text) || bytes >= sizeof(method))
        return bx_error_set(err, BX_ERR_INVALID,
                            "method '%s': a word such as GET, at most %d "
                            "bytes, is expected",
                            shown.data, BX_HTTP_METHOD_BYTES - 1);
    for (size_t i = 0; i <= bytes; i++)
        method[i] = text[i] >= 'a' && text[i] <= 'z'
                        ? (char)(text[i] - 'a' + 'A')
                        : text[i];
    if (strcmp(method, "CONNECT") == 0 || strcmp(method, "TRACE") == 0 ||
        strcmp(method, "TRACK") == 0)
        return bx_error_set(err, BX_ERR_INVALID, "method %s is not allowed",
                            method);
    memcpy(ret, method, bytes + 1);
    return 0;
}
