/* The answers: what a policy gives, and which entry says so. Everything not
 * granted is refused. */
#include "policy/policy.h"

#include <string.h>

#include "policy/layer.h"

#define NOTHING_GRANTED "nothing granted"
#define NOT_GRANTED "the tool or session is not granted this "

static bx_verdict allow(const char *reason, const char *rule)
{
    return (bx_verdict){ true, reason, rule };
}

static bx_verdict deny(const char *reason, const char *rule)
{
    return (bx_verdict){ false, reason, rule };
}

/* ---- files ---- */

/* The deepest mapping that has the path, or NULL. */
static const bx_mount *find_mount(const bx_policy *policy, const char *path)
{
    const bx_mount *found = NULL;
    size_t deepest = 0;

    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];
        size_t len = strlen(mount->guest_dir);

        if (len > deepest && bx_guest_path_is_beneath(path, mount->guest_dir)) {
            deepest = len;
            found = mount;
        }
    }
    return found;
}

/* The deepest grant on the path with any access of wanted, or NULL. */
static const bx_fs_grant *find_grant(const bx_policy *policy, const char *path,
                                     unsigned wanted)
{
    const bx_fs_grant *found = NULL;
    size_t deepest = 0;

    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const bx_fs_grant *grant = &policy->fs_grants[i];
        size_t len = strlen(grant->guest_path);

        if (len > deepest && (grant->access & wanted) != 0 &&
            bx_guest_path_is_beneath(path, grant->guest_path)) {
            deepest = len;
            found = grant;
        }
    }
    return found;
}

static unsigned granted_access(const bx_policy *policy, const char *path)
{
    unsigned access = 0;

    if (policy->fs_grants_count == 0)
        return BX_ACCESS_READ | BX_ACCESS_WRITE;
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        if (bx_guest_path_is_beneath(path, policy->fs_grants[i].guest_path))
            access |= policy->fs_grants[i].access;
    }
    return access;
}

/* What the layers below the workspace's policy give. */
static unsigned layers_access(const bx_policy *policy, const char *path)
{
    unsigned access = BX_ACCESS_READ | BX_ACCESS_WRITE;

    for (size_t i = 0; i < policy->layers_count; i++)
        access &= bx_grants_fs_access(policy->layers[i], path);
    return access;
}

static bx_verdict check_fs_layers(const bx_policy *policy, const char *path,
                                  unsigned wanted, bx_verdict allowed)
{
    for (size_t i = 0; i < policy->layers_count; i++) {
        const bx_grants *layer = policy->layers[i];
        unsigned granted = bx_grants_fs_access(layer, path);

        if ((granted & wanted) == wanted)
            continue;
        if (granted == 0)
            return deny(NOT_GRANTED "path", layer->nothing);
        return deny((granted & BX_ACCESS_READ) != 0
                        ? "the tool or session is granted the path for "
                          "reading only"
                        : "the tool or session is granted the path for "
                          "writing only",
                    bx_grants_find_fs(layer, path, granted)->origin);
    }
    return allowed;
}

/* Layer 0: the workspace's own. */
static bx_verdict check_fs_workspace(const bx_policy *policy,
                                     const char *guest_path, unsigned wanted)
{
    const bx_mount *mount = find_mount(policy, guest_path);
    unsigned granted = granted_access(policy, guest_path);
    const bx_fs_grant *grant;

    if (mount == NULL)
        return deny("no mapped folder has this path", NOTHING_GRANTED);
    if ((mount->access & wanted) != wanted)
        return deny("the mapping is read-only", mount->origin);
    if ((granted & wanted) == wanted) {
        grant = find_grant(policy, guest_path, wanted);
        if (grant != NULL)
            return allow("the folder is mapped and the path is granted",
                         grant->origin);
        return allow((mount->access & BX_ACCESS_WRITE) != 0
                         ? "the folder is mapped read-write"
                         : "the folder is mapped read-only",
                     mount->origin);
    }
    grant = find_grant(policy, guest_path, granted);
    if (grant == NULL)
        return deny("the folder is mapped, but no grant has this path",
                    NOTHING_GRANTED);
    return deny((granted & BX_ACCESS_READ) != 0
                    ? "the path is granted for reading only"
                    : "the path is granted for writing only",
                grant->origin);
}

bx_verdict bx_policy_check_fs(const bx_policy *policy, const char *guest_path,
                              unsigned wanted)
{
    bx_verdict verdict = check_fs_workspace(policy, guest_path, wanted);

    return verdict.is_allowed
               ? check_fs_layers(policy, guest_path, wanted, verdict)
               : verdict;
}

unsigned bx_policy_fs_access(const bx_policy *policy, const char *guest_path,
                             bx_verdict *ret_verdict)
{
    const bx_mount *mount = find_mount(policy, guest_path);
    unsigned access = 0;

    if (mount != NULL)
        access = mount->access & granted_access(policy, guest_path) &
                 layers_access(policy, guest_path);
    if (ret_verdict != NULL) {
        /* What is missing decides; writing is the more telling half. */
        unsigned asked = (access & BX_ACCESS_WRITE) == 0 && access != 0
                             ? BX_ACCESS_WRITE
                             : BX_ACCESS_READ;

        *ret_verdict = bx_policy_check_fs(policy, guest_path, asked);
        ret_verdict->is_allowed = access != 0;
    }
    return access;
}

/* ---- network ---- */

static bx_verdict check_blocked_urls(const bx_policy *policy, const bx_url *url)
{
    BX_AUTO(bx_url_forms_free) bx_url_forms *forms = NULL;

    if (policy->blocked_urls_count == 0)
        return allow("no URL is blocked", NOTHING_GRANTED);
    forms = bx_url_forms_new(url);
    if (forms == NULL)
        return deny("out of memory while judging the URL",
                    policy->blocked_urls[0].origin);
    for (size_t i = 0; i < policy->blocked_urls_count; i++) {
        if (bx_url_pattern_matches(policy->blocked_urls[i].pattern, forms))
            return deny("the URL is blocked", policy->blocked_urls[i].origin);
    }
    if (bx_url_forms_is_too_deep(forms))
        return deny("the URL is percent-encoded too many times over to be "
                    "held against block-url",
                    policy->blocked_urls[0].origin);
    return allow("no block-url pattern matches", NOTHING_GRANTED);
}

static bx_verdict check_allowed_hosts(const bx_policy *policy,
                                      const bx_url *url)
{
    const bx_host_rule *near = NULL;

    for (size_t i = 0; i < policy->allowed_hosts_count; i++) {
        const bx_host_rule *rule = &policy->allowed_hosts[i];

        if (bx_host_pattern_matches(rule->pattern, url))
            return allow("the host is allowed", rule->origin);
        if (near == NULL && bx_host_pattern_matches_host(rule->pattern, url))
            near = rule;
    }
    if (near != NULL)
        return deny("the host is allowed, but not with this scheme and port",
                    near->origin);
    return deny(policy->allowed_hosts_count == 0
                    ? "no host is allowed; allowed-outbound-host gives one"
                    : "no allowed-outbound-host matches",
                NOTHING_GRANTED);
}

/* Each layer needs a rule that matches. */
static bx_verdict check_host_layers(const bx_policy *policy, const bx_url *url,
                                    bx_verdict allowed)
{
    for (size_t i = 0; i < policy->layers_count; i++) {
        const bx_grants *layer = policy->layers[i];
        const bx_grant_rule *near = NULL;
        bool is_found = false;

        for (size_t k = 0; k < layer->rules_count && !is_found; k++) {
            const bx_grant_rule *rule = &layer->rules[k];

            if (rule->kind != BX_GRANT_HOST)
                continue;
            is_found = bx_host_pattern_matches(rule->pattern, url);
            if (near == NULL &&
                bx_host_pattern_matches_host(rule->pattern, url))
                near = rule;
        }
        if (is_found)
            continue;
        if (near != NULL)
            return deny("the tool or session is granted the host, but not "
                        "with this scheme and port",
                        near->origin);
        return deny(NOT_GRANTED "host", layer->nothing);
    }
    return allowed;
}

static bx_verdict check_blocked_networks(const bx_policy *policy,
                                         const bx_address *address)
{
    for (size_t i = 0; i < policy->blocked_networks_count; i++) {
        const bx_network_rule *rule = &policy->blocked_networks[i];

        if (bx_network_blocks(&rule->network, address))
            return deny(rule->network.is_private
                            ? "the address is private (not globally "
                              "routable), and those are blocked"
                            : "the address is in a blocked network",
                        rule->origin);
    }
    return allow("no blocked network has the address", NOTHING_GRANTED);
}

/* allowed: the verdict on the URL's host. */
static bx_verdict check_private(const bx_policy *policy, const bx_url *url,
                                const bx_address *address, bx_verdict allowed)
{
    for (size_t i = 0; i < policy->allowed_hosts_count; i++) {
        const bx_host_rule *rule = &policy->allowed_hosts[i];

        if (bx_host_pattern_names_address(rule->pattern, url, address))
            return allow("the private address is allowed by name",
                         rule->origin);
    }
    return deny(bx_address_is_loopback(address)
                    ? "the address is this machine's own; to allow it name "
                      "localhost, the address or its network in "
                      "allowed-outbound-host"
                    : "the address is private (not globally routable); to "
                      "allow it name the address or its network in "
                      "allowed-outbound-host",
                allowed.rule);
}

static bx_verdict check_address(const bx_policy *policy, const bx_url *url,
                                const bx_address *address, bx_verdict allowed)
{
    bx_verdict verdict = check_blocked_networks(policy, address);

    if (!verdict.is_allowed)
        return verdict;
    if (!allowed.is_allowed || bx_address_is_global(address))
        return allowed;
    return check_private(policy, url, address, allowed);
}

/* The URL alone, block-url first. */
static bx_verdict check_names(const bx_policy *policy, const bx_url *url)
{
    bx_verdict verdict = check_blocked_urls(policy, url);

    if (verdict.is_allowed)
        verdict = check_allowed_hosts(policy, url);
    return verdict.is_allowed ? check_host_layers(policy, url, verdict)
                              : verdict;
}

static bool is_localhost(const char *host)
{
    size_t len = strlen(host);

    /* RFC 6761 section 6.3: localhost and every name beneath it. */
    return strcmp(host, "localhost") == 0 ||
           (len > 10 && strcmp(host + len - 10, ".localhost") == 0);
}

bx_verdict bx_policy_check_url(const bx_policy *policy, const bx_url *url)
{
    bx_verdict verdict = check_names(policy, url);
    bx_verdict first;
    bx_address address;

    if (!verdict.is_allowed)
        return verdict;
    /* What the address check would say at dial time is known already. */
    if (bx_address_parse(url->host, &address))
        return check_address(policy, url, &address, verdict);
    if (!is_localhost(url->host))
        return verdict;
    if (!bx_address_parse("127.0.0.1", &address))
        return deny("no loopback address", NOTHING_GRANTED);
    first = check_address(policy, url, &address, verdict);
    if (first.is_allowed || !bx_address_parse("::1", &address))
        return first;
    verdict = check_address(policy, url, &address, verdict);
    return verdict.is_allowed ? verdict : first;
}

bx_verdict bx_policy_check_address(const bx_policy *policy, const bx_url *url,
                                   const bx_address *address)
{
    return check_address(policy, url, address, check_names(policy, url));
}
