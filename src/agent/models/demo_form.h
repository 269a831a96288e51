/* What a script of the demo may hold. */
#ifndef BX_AGENT_MODELS_DEMO_FORM_H
#define BX_AGENT_MODELS_DEMO_FORM_H

#include <jansson.h>

#include "base/error.h"

/* Is a script whole, with no key too many? errors: BX_ERR_INVALID: the file,
 * the script, the step, the key and what was expected */
int bx_demo_form_check(const char *file, const json_t *script, bx_error **err);

#endif
