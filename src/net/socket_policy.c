/* The policy's rules speak of URLs; a socket has an address, a port and perhaps
 * a name. What is asked is whether some URL of that host and port would be
 * allowed to be dialled at that address, whatever its scheme. */
#include "net/socket_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/layer.h"

static const struct {
    const char *name;
    uint16_t port;
} schemes[] = {
    { "https", 443 },
    { "http", 80 },
};
#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

int bx_socket_leads_add(bx_socket_leads *leads, const char *name,
                        const bx_address *address)
{
    bx_socket_lead *lead = &leads->items[leads->count % BX_SOCKET_NAMES];
    char *copy = strdup(name);

    if (copy == NULL)
        return -1;
    free(lead->name);
    lead->name = copy;
    lead->address = *address;
    leads->count++;
    return 0;
}

void bx_socket_leads_clear(bx_socket_leads *leads)
{
    for (size_t i = 0; i < BX_SOCKET_NAMES; i++)
        free(leads->items[i].name);
    memset(leads, 0, sizeof(*leads));
}

void bx_endpoint_format(const bx_endpoint *endpoint, char text[56])
{
    char address[46];

    bx_address_format(&endpoint->address, address);
    snprintf(text, 56, endpoint->is_ipv6 ? "[%s]:%u" : "%s:%u", address,
             endpoint->port);
}

/* The URL of a host and port; its text is what block-url patterns see. */
static bx_url make_url(size_t scheme, const char *host, uint16_t port,
                       char *text, size_t text_bytes)
{
    bool is_ipv6 = strchr(host, ':') != NULL;
    char suffix[8] = "";

    if (port != schemes[scheme].port)
        snprintf(suffix, sizeof(suffix), ":%u", port);
    snprintf(text, text_bytes, "%s://%s%s%s%s/", schemes[scheme].name,
             is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", suffix);
    return (bx_url){ .text = text,
                     .scheme = (char *)schemes[scheme].name,
                     .host = (char *)host,
                     .port = port,
                     .path = (char *)"/" };
}

static bx_verdict check_host(const bx_policy *policy, const char *host,
                             const bx_endpoint *to)
{
    bx_verdict first = { false, "", "" };

    for (size_t i = 0; i < SCHEMES; i++) {
        char text[320];
        bx_url url = make_url(i, host, to->port, text, sizeof(text));
        bx_verdict verdict =
            bx_policy_check_address(policy, &url, &to->address);

        if (verdict.is_allowed)
            return verdict;
        if (i == 0)
            first = verdict;
    }
    return first;
}

/* The verdict, and the host that decided: a name of leads, or NULL for the
 * address. */
static bx_verdict check(const bx_policy *policy, const bx_socket_leads *leads,
                        const bx_endpoint *to, const char **ret_name)
{
    size_t count =
        leads->count < BX_SOCKET_NAMES ? leads->count : BX_SOCKET_NAMES;
    bx_verdict verdict;
    char address[46];

    *ret_name = NULL;
    bx_address_format(&to->address, address);
    verdict = check_host(policy, address, to);
    for (size_t i = 0; i < count && !verdict.is_allowed; i++) {
        const bx_socket_lead *lead = &leads->items[i];
        bx_verdict named;

        if (memcmp(&lead->address, &to->address, sizeof(to->address)) != 0)
            continue;
        named = check_host(policy, lead->name, to);
        /* What is said of the name says more than that of the address. */
        verdict = named;
        *ret_name = lead->name;
    }
    return verdict;
}

bx_verdict bx_socket_check_endpoint(const bx_policy *policy,
                                    const bx_socket_leads *leads,
                                    const bx_endpoint *to)
{
    const char *name;

    return check(policy, leads, to, &name);
}

void bx_socket_format_need(const bx_policy *policy,
                           const bx_socket_leads *leads, const bx_endpoint *to,
                           char need[BX_SOCKET_NEED_BYTES])
{
    const char *name;
    char endpoint[56];

    (void)check(policy, leads, to, &name);
    if (name != NULL) {
        snprintf(need, BX_SOCKET_NEED_BYTES, "*://%s:%u", name, to->port);
        return;
    }
    bx_endpoint_format(to, endpoint);
    snprintf(need, BX_SOCKET_NEED_BYTES, "*://%s", endpoint);
}

static bool has_host(const bx_grants *layer, const bx_url *url)
{
    for (size_t i = 0; i < layer->rules_count; i++) {
        if (layer->rules[i].kind == BX_GRANT_HOST &&
            bx_host_pattern_matches_host(layer->rules[i].pattern, url))
            return true;
    }
    return false;
}

/* A name carries what the guest put into it to whoever answers for it, so each
 * layer needs a rule of that host, as for a connection. */
static bx_verdict check_layers(const bx_policy *policy, const bx_url *url,
                               bx_verdict allowed)
{
    for (size_t i = 0; i < policy->layers_count; i++) {
        if (!has_host(policy->layers[i], url))
            return (bx_verdict){ false,
                                 "the tool or session is not granted this host",
                                 policy->layers[i]->nothing };
    }
    return allowed;
}

bx_verdict bx_socket_check_name(const bx_policy *policy, const char *name)
{
    char text[320];
    bx_url url = make_url(0, name, 443, text, sizeof(text));

    for (size_t i = 0; i < policy->allowed_hosts_count; i++) {
        const bx_host_rule *rule = &policy->allowed_hosts[i];

        if (bx_host_pattern_matches_host(rule->pattern, &url))
            return check_layers(
                policy, &url,
                (bx_verdict){ true, "the host is allowed", rule->origin });
    }
    return (bx_verdict){ false,
                         policy->allowed_hosts_count == 0
                             ? "no host is allowed; allowed-outbound-host "
                               "gives one"
                             : "no allowed-outbound-host matches the name",
                         "nothing granted" };
}
