/* Capabilities as runs are asked about them: bx_need_event. */
#ifndef BX_POLICY_NEED_H
#define BX_POLICY_NEED_H

#include "policy/policy.h"

/* Does the policy give what a run said that it needs? kind and target may come
 * from a file and be hostile: what is not understood is not given. Protected
 * paths are the file system's to know, and are not looked at; nor is the
 * address that a name resolves to. */
bx_verdict bx_policy_check_need(const bx_policy *policy, const char *kind,
                                const char *target);

/* The two ends of a "fs.move": ret_from is owned by the caller, free(); ret_to
 * points into target. False: it is none, or there is no memory. */
bool bx_need_split_move(const char *target, char **ret_from,
                        const char **ret_to);

/* Does a rule's pattern give a "network" need? Its target is an origin,
 * "https://host:443"; of a socket "*://host:53", of either scheme; of a lookup
 * "*://host:*", for which the host is enough. */
bool bx_need_matches_host(const bx_host_pattern *pattern, const char *target);

#endif
