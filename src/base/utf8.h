/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, at most
 * U+10FFFF. */
#ifndef BX_BASE_UTF8_H
#define BX_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence at text, 0 when there is none. ret_point
 * may be NULL. */
size_t bx_utf8_decode(const char *text, size_t bytes, uint32_t *ret_point);

/* How many bytes at the begin of text are well-formed. */
size_t bx_utf8_span(const char *text, size_t bytes);

bool bx_utf8_is_valid(const char *text, size_t bytes);

#endif
