/* HTTP header fields: a list in the order sent, and what may be in one. */
#ifndef BX_NET_HTTP_FIELD_H
#define BX_NET_HTTP_FIELD_H

#include "base/error.h"

typedef struct bx_http_field {
    char *name;
    char *value;
} bx_http_field;

typedef struct bx_http_fields {
    bx_http_field *items; /* NULL while empty */
    size_t count;
} bx_http_fields;

#define BX_HTTP_FIELDS_INIT ((bx_http_fields){ NULL, 0 })
#define BX_HTTP_REQUEST_FIELDS_MAX 128

/* Copies both; -1 without memory. */
int bx_http_fields_add(bx_http_fields *fields, const char *name,
                       size_t name_bytes, const char *value,
                       size_t value_bytes);
int bx_http_fields_copy(bx_http_fields *fields, const bx_http_fields *from);
/* The first of that name in any case, NULL when there is none. */
const bx_http_field *bx_http_fields_find(const bx_http_fields *fields,
                                         const char *name);
/* Drop every field that names (ended by NULL) has. */
void bx_http_fields_remove(bx_http_fields *fields, const char *const *names);
void bx_http_fields_clear(bx_http_fields *fields); /* frees */

/* May a request have so many? BX_ERR_INVALID. */
int bx_http_fields_check_count(size_t count, bx_error **err);

#define bx_autofields __attribute__((cleanup(bx_http_fields_clear)))

/* May a caller send this field? Names are tokens, values have no CR, LF or
 * other control byte but tab, and what frames the message is the host's own
 * (Host, Content-Length, Transfer-Encoding and the like). BX_ERR_INVALID. */
int bx_http_field_check(const char *name, const char *value, bx_error **err);

/* A method as it is sent: a token in upper case, at most 32 bytes, neither
 * CONNECT nor TRACE. BX_ERR_INVALID. */
#define BX_HTTP_METHOD_BYTES 33
int bx_http_method_parse(const char *text, char ret[BX_HTTP_METHOD_BYTES],
                         bx_error **err);

#endif
