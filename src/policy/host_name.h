/* Host names as rules write them. */
#ifndef BX_POLICY_HOST_NAME_H
#define BX_POLICY_HOST_NAME_H

#include <stdbool.h>

#include "base/error.h"

#define BX_HOST_NAME_MAX_BYTES 253 /* RFC 1035 section 2.3.4, without dot */

/* Lower-case name in place and drop one final dot, then check its labels:
 * letters, digits, '-' and '_', 1 to 63 bytes each; not a number at the end,
 * which URL parsers take for an IPv4 address (WHATWG URL, "ends in a number").
 * The message says what is wrong, without the name. */
int bx_host_name_check(char *name, bx_error **err);

#endif
