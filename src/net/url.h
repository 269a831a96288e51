/* Canonical URLs. The text comes from a guest, a page or a model and is
 * hostile. Parsed once, by libcurl's own parser, so what rules see is what is
 * dialled. */
#ifndef BX_NET_URL_H
#define BX_NET_URL_H

#include "base/error.h"
#include "policy/url.h"

#define BX_URL_MAX_BYTES 8192

/* base: what a relative redirect counts from, or NULL.
 * errors: BX_ERR_INVALID: not http(s), userinfo, control bytes, no host,
 *         backslash and the like, each named. */
bx_url *bx_url_parse(const char *text, size_t bytes, const bx_url *base,
                     bx_error **err);
void bx_url_free(bx_url *url);

BX_DEFINE_AUTO(bx_url, bx_url_free)
#define bx_autourl BX_AUTO(bx_url_free)

#endif
