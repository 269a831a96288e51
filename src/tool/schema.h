/* JSON Schema: what of draft 2020-12 tool inputs use. A schema comes with a
 * tool and a value from a model; both are hostile. */
#ifndef BX_TOOL_SCHEMA_H
#define BX_TOOL_SCHEMA_H

#include <jansson.h>

#include "base/error.h"

/* Is it a schema this validator understands? Unknown keywords are annotations
 * and pass; a known one of a wrong type, a $ref that leads nowhere or in
 * circles, and a pattern that does not compile are BX_ERR_INVALID with the
 * place, "/properties/path/type". */
int bx_schema_check(const json_t *schema, bx_error **err);

/* errors: BX_ERR_INVALID: each violation (at most 5) with the place in the
 * value and what was expected: "/offset: expected an integer, got the string
 * \"two\"; /path: missing". */
int bx_schema_validate(const json_t *schema, const json_t *value,
                       bx_error **err);

#endif
