/* UTF-8 as the WHATWG decoder reads it. */
#ifndef BOXAGNTS_JS_TEXT_H
#define BOXAGNTS_JS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence at text, 0 when there is none. *ret_skip:
 * the bytes one U+FFFD stands for then. bytes is at least 1. */
size_t js_utf8_sequence(const uint8_t *text, size_t bytes, size_t *ret_skip);

/* "a/b.wasm" is "b". Copied into name, cut to its size. */
void js_program_name(const char *path, char *name, size_t name_bytes);

#endif
