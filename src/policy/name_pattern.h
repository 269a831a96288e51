/* Names of variables, programs and tools in grants: the whole name, one that
 * ends in '*' for every name that begins so, or '*' for all. */
#ifndef BX_POLICY_NAME_PATTERN_H
#define BX_POLICY_NAME_PATTERN_H

#include "base/error.h"

#define BX_NAME_PATTERN_MAX 255 /* bytes */

/* what: "variable", "program" or "tool", for the message. */
int bx_name_pattern_check(const char *text, const char *what, bx_error **err);

bool bx_name_pattern_matches(const char *pattern, const char *name);
/* Does outer match whatever inner matches? */
bool bx_name_pattern_covers(const char *outer, const char *inner);

#endif
