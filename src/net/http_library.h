/* Which HTTP library there is, for people. */
#ifndef BX_NET_HTTP_LIBRARY_H
#define BX_NET_HTTP_LIBRARY_H

#include "base/error.h"

/* All static, or the library's. */
typedef struct bx_http_library {
    char version[64];    /* "7.88.1" */
    const char *tls;     /* "OpenSSL/3.0.17"; "" */
    const char *ca_file; /* where it looks for certificates; NULL: not there */
    const char *ca_dir;
} bx_http_library;

/* errors: BX_ERR_NOT_FOUND, as of bx_http_client_new() */
int bx_http_library_get(bx_http_library *ret_library, bx_error **err);

#endif
