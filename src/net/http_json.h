/* Requests and heads as the JSON of docs/host-interface.md. */
#ifndef BX_NET_HTTP_JSON_H
#define BX_NET_HTTP_JSON_H

#include "net/http_client.h"

#define BX_HTTP_REQUEST_MAX_BYTES 65536

/* A request with its own copy of all it points to. */
typedef struct bx_http_parsed {
    bx_http_request request; /* points into the rest */
    char *method;
    char *url;
    bx_http_fields fields;
} bx_http_parsed;

/* text is a guest's. Unknown and duplicate keys are refused by name.
 * BX_ERR_INVALID. ret_parsed: free with bx_http_parsed_clear(). */
int bx_http_request_parse(const char *text, size_t bytes,
                          bx_http_parsed *ret_parsed, bx_error **err);
void bx_http_parsed_clear(bx_http_parsed *parsed);

/* Owned by the caller, free(). NULL without memory. Bytes of a header that are
 * not UTF-8 are taken as ISO 8859-1. */
char *bx_http_head_format(const bx_http_head *head);

#endif
