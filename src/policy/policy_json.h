#ifndef BX_POLICY_POLICY_JSON_H
#define BX_POLICY_POLICY_JSON_H

#include "policy/policy.h"

/* Owned by the caller, free(); NULL without memory. */
char *bx_policy_format_json(const bx_policy *policy);

#endif
