/* Text of manifests that people and models will read. */
#ifndef BX_TOOL_MANIFEST_TEXT_H
#define BX_TOOL_MANIFEST_TEXT_H

#include "base/buf.h"

/* 1 to BX_TOOL_NAME_MAX of [A-Za-z0-9_-]. */
bool bx_tool_name_is_valid(const char *name);

/* Text that shows all it says: not empty, at most max_bytes, no control bytes
 * but newline and tab (none at all on one line), none of the characters that
 * hide or reorder text. errors: BX_ERR_INVALID, without a place. */
int bx_manifest_check_text(const char *text, size_t max_bytes, bool is_one_line,
                           bx_error **err);

/* Append what bx_manifest_check_text() takes of text, which may be anything:
 * the rest is left out, and all behind max_bytes. */
int bx_manifest_put_clean(bx_buf *buf, const char *text, size_t bytes,
                          size_t max_bytes, bool is_one_line);

#endif
