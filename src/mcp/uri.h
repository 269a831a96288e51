/* Workspace files as URIs: workspace:///src/main.c is /src/main.c of the box.
 * A URI comes from a client or a model and is hostile. */
#ifndef BX_MCP_URI_H
#define BX_MCP_URI_H

#include <stddef.h>

#include "base/error.h"

#define BX_URI_SCHEME "workspace://"
#define BX_URI_TEMPLATE BX_URI_SCHEME "/{+path}"
#define BX_URI_MAX_BYTES 16384

/* The canonical guest path ("/a/b") a URI means; owned by the caller.
 * errors: BX_ERR_INVALID: another scheme, a host, a query or fragment, a bad
 * escape, an escaped '/' or NUL, "." or "..", no UTF-8 */
char *bx_uri_parse(const char *uri, bx_error **err);

/* The URI of a canonical guest path; owned by the caller, NULL without memory.
 */
char *bx_uri_format(const char *guest_path);

#endif
