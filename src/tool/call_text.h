/* Bytes of a guest as JSON text. */
#ifndef BX_TOOL_CALL_TEXT_H
#define BX_TOOL_CALL_TEXT_H

#include <jansson.h>

#include "base/buf.h"

/* A string; what is not UTF-8 becomes U+FFFD, one for each byte, and
 * ret_is_replaced, which may be NULL, says so. NULL without memory. */
json_t *bx_text_json(const char *text, size_t bytes, bool *ret_is_replaced);

/* Load JSON; text has a NUL behind it. NULL for what is none. A result whose
 * first member is one long string, as tools print it, is read in a tenth of the
 * general reader's time; anything unusual is left to that one. */
json_t *bx_text_load(const char *text, size_t bytes);

#define BX_TEXT_MAX_VALUES 262144

/* May it be read as JSON? A value of two bytes takes a hundred once it is read,
 * so a text of more than BX_TEXT_MAX_VALUES is not. */
bool bx_text_is_readable(const char *text, size_t bytes);

#endif
