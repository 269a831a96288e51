/* What a component's function returned, as a tool's output. */
#ifndef BX_TOOL_CALL_VALUE_H
#define BX_TOOL_CALL_VALUE_H

#include <jansson.h>
#include <stdbool.h>

typedef struct bx_value {
    const char *text; /* borrowed from the rest */
    size_t bytes;
    bool is_error; /* a result's error */
    json_t *value; /* owned */
    char *made;    /* owned */
} bx_value;

/* A string as it is, nothing as "", anything else as JSON; of a result the one
 * side it has. One of too many values stays JSON as it is. json: as
 * bx_result_value(), outlives the value. False when nothing was returned. */
bool bx_value_read(const char *json, bx_value *ret_value);
void bx_value_clear(bx_value *value);
#define bx_autovalue __attribute__((cleanup(bx_value_clear)))

#endif
