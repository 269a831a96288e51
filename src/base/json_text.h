/* A JSON value as text. */
#ifndef BX_BASE_JSON_TEXT_H
#define BX_BASE_JSON_TEXT_H

#include <jansson.h>

/* As json_dumps(), which passes over a key that it has no memory for (jansson
 * 2.14) and gives text that is no JSON: here it is all or NULL. Owned, free().
 * value NULL gives NULL. Compact text is such that json_loads() takes it back
 * with JSON_ALLOW_NUL. */
char *bx_json_text(const json_t *value, size_t flags);

#endif
