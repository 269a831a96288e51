/* Rules of approval.h, as bx_approval_judge() asks them. */
#ifndef BX_AGENT_RULES_H
#define BX_AGENT_RULES_H

#include "agent/approval.h"

/* What the rules say of a call; false: nothing, the mode decides. ret_why:
 * borrowed from the rules. rules: NULL: none. */
bool bx_rules_judge(const bx_rules *rules, const char *name, bx_level level,
                    const json_t *input, bx_ruling *ret_ruling,
                    const char **ret_why);

/* Is there a rule that refuses or asks for the tool, or for some of its calls?
 * name NULL: for any tool. */
bool bx_rules_restrict(const bx_rules *rules, const char *name);

#endif
