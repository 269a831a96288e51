#include "record/need.h"

#include <string.h>

#include "net/url.h"
#include "policy/grant.h"

static const bx_verdict unknown = {
    .reason = "this program does not know such a capability",
    .rule = "nothing granted",
};

static bx_verdict check_path(const bx_policy *policy, const char *target,
                             unsigned wanted)
{
    bx_autofree char *path = bx_guest_path_parse(target, NULL);

    return path == NULL ? unknown : bx_policy_check_fs(policy, path, wanted);
}

/* "https://host:443". A socket's scheme is no part of it: rules match by host
 * and port. */
static bx_verdict check_origin(const bx_policy *policy, const char *target)
{
    bx_autourl bx_url *url = bx_url_parse(target, strlen(target), NULL, NULL);

    return url == NULL ? unknown : bx_policy_check_url(policy, url);
}

bx_verdict bx_record_check_need(const bx_policy *policy, const char *kind,
                                const char *target)
{
    if (strcmp(kind, "fs.read") == 0)
        return check_path(policy, target, BX_ACCESS_READ);
    if (strcmp(kind, "fs.write") == 0)
        return check_path(policy, target, BX_ACCESS_WRITE);
    if (strcmp(kind, "network") == 0)
        return check_origin(policy, target);
    if (strcmp(kind, "env") == 0)
        return bx_policy_check_env(policy, target);
    if (strcmp(kind, "exec") == 0)
        return bx_policy_check_exec(policy, target);
    if (strcmp(kind, "tool") == 0)
        return bx_policy_check_tool(policy, target);
    return unknown;
}
