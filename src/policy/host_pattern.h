/* Patterns of allowed-outbound-host: [scheme://]host[:port].
 *
 * scheme: http, https or * (both); without one https. host: a name,
 * "*.example.com" (subdomains, not the name itself), an address, [IPv6], a
 * CIDR block, or * (any). port: a number, a range a..b, or *; without one the
 * scheme's own (80, 443). "*" alone allows any scheme, host and port. */
#ifndef BX_POLICY_HOST_PATTERN_H
#define BX_POLICY_HOST_PATTERN_H

#include "base/error.h"
#include "policy/network.h"
#include "policy/url.h"

typedef struct bx_host_pattern bx_host_pattern;

bx_host_pattern *bx_host_pattern_parse(const char *text, bx_error **err);
void bx_host_pattern_free(bx_host_pattern *pattern);

BX_DEFINE_AUTO(bx_host_pattern, bx_host_pattern_free)
#define bx_autopattern BX_AUTO(bx_host_pattern_free)

/* Its canonical text, which parses to the same pattern; borrowed. */
const char *bx_host_pattern_text(const bx_host_pattern *pattern);

/* The host part alone matches: to explain that scheme or port did not. */
bool bx_host_pattern_matches_host(const bx_host_pattern *pattern,
                                  const bx_url *url);

/* Scheme, host and port all match the URL as it is written. A CIDR pattern
 * matches a URL whose host is an address inside it. */
bool bx_host_pattern_matches(const bx_host_pattern *pattern, const bx_url *url);

/* Does outer match every URL that inner matches? A name and an address stay
 * two things. */
bool bx_host_pattern_covers(const bx_host_pattern *outer,
                            const bx_host_pattern *inner);

/* Is it one scheme, one host and one port, and nothing else? */
bool bx_host_pattern_is_origin(const bx_host_pattern *pattern);
/* Does it leave this machine never, or never without TLS? */
bool bx_host_pattern_is_safe(const bx_host_pattern *pattern);

/* Does the pattern itself name this (not globally routable) address: a literal
 * or CIDR that has it, or localhost for loopback; scheme and port as above. */
bool bx_host_pattern_names_address(const bx_host_pattern *pattern,
                                   const bx_url *url,
                                   const bx_address *address);

#endif
