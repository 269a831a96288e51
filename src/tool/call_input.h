/* From a call's input to what the module is given: JSON on stdin, flags, or a
 * script with JSON on stdin. */
#ifndef BX_TOOL_CALL_INPUT_H
#define BX_TOOL_CALL_INPUT_H

#include "tool/registry_entry.h"

typedef struct bx_input {
    char **argv; /* owned */
    size_t argc;
    const char *text; /* for stdin; borrowed from the call, or static */
    size_t text_bytes;
    json_t *value;       /* owned */
    const char *session; /* borrowed; NULL: a fresh sandbox */
} bx_input;

/* text: NULL or "" is {}.
 * errors: BX_ERR_LIMIT: past BX_TOOL_INPUT_MAX_BYTES; BX_ERR_INVALID: not
 * UTF-8, not JSON, no object, not as the schema says; the place and what was
 * expected */
int bx_input_make(const bx_tool *tool, const char *text, size_t text_bytes,
                  bx_input *ret_input, bx_error **err);
void bx_input_clear(bx_input *input);
#define bx_autoinput __attribute__((cleanup(bx_input_clear)))

#endif
