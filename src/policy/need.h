/* Capabilities as runs are asked about them: bx_need_event. */
#ifndef BX_POLICY_NEED_H
#define BX_POLICY_NEED_H

#include "policy/policy.h"

/* Does the policy give what a run said that it needs? A kind that is not known
 * is not given. Protected paths are the file system's to know, and are not
 * looked at; nor is the address that a name resolves to. */
bx_verdict bx_policy_check_need(const bx_policy *policy, const char *kind,
                                const char *target);

/* The two ends of a "fs.move": ret_from is owned by the caller, free(); ret_to
 * points into target. False: it is none, or there is no memory. */
bool bx_need_split_move(const char *target, char **ret_from,
                        const char **ret_to);

/* "https://host:443" taken apart; the strings point into ret_room, free().
 * False: it is no origin. */
bool bx_need_split_origin(const char *target, bx_url *ret_url, char **ret_room);

#endif
