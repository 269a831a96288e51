/* What a recorded run needed, asked of another policy. */
#ifndef BX_RECORD_NEED_H
#define BX_RECORD_NEED_H

#include "policy/policy.h"

/* Would policy give it? kind and target are as of bx_need_event, from a file
 * and hostile: what is not understood is not given. The verdict's strings are
 * the policy's, or static. */
bx_verdict bx_record_check_need(const bx_policy *policy, const char *kind,
                                const char *target);

#endif
