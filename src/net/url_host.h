/* The host part of a URL, made canonical. */
#ifndef BX_NET_URL_HOST_H
#define BX_NET_URL_HOST_H

#include "base/error.h"

/* RFC 1035 section 2.3.4, without the root's dot. */
#define BX_URL_HOST_MAX_BYTES 253

/* A name in lower case and ASCII (IDN as xn--) without its final dot, or an
 * address in its usual text; octal, hex and short IPv4 forms are turned into
 * that. is_ipv6: text stood in brackets. Owned by the caller, free().
 * BX_ERR_INVALID. */
char *bx_url_host_parse(const char *text, size_t bytes, bool is_ipv6,
                        bx_error **err);

#endif
