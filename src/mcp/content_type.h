/* What kind of content a file has, for who is to show it. */
#ifndef BX_MCP_CONTENT_TYPE_H
#define BX_MCP_CONTENT_TYPE_H

#include <stdbool.h>
#include <stddef.h>

/* UTF-8 without NUL. */
bool bx_content_is_text(const char *data, size_t bytes);

/* By the name's ending; static. */
const char *bx_content_type_of_name(const char *name);
/* The same where the content does not say otherwise. */
const char *bx_content_type(const char *name, const char *data, size_t bytes);

/* RFC 4648 section 4; owned by the caller, NULL without memory. */
char *bx_content_base64(const char *data, size_t bytes);

#endif
