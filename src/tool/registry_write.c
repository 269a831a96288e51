/* May the workspace be written, by the one who serves the tools and not by a
 * guest? What an agent writes there itself passes no sandbox, so it is held
 * against the same policy here. */
#include <stdlib.h>
#include <string.h>

#include "policy/grant.h"
#include "tool/call_box.h"
#include "tool/registry_state.h"

/* Of path, beneath folder, what follows it; NULL: it is not. Both absolute. */
static const char *beneath(const char *folder, const char *path)
{
    size_t bytes = strlen(folder);

    while (bytes > 0 && folder[bytes - 1] == '/')
        bytes--;
    if (strncmp(folder, path, bytes) != 0 ||
        (path[bytes] != '/' && path[bytes] != '\0'))
        return NULL;
    return path + bytes;
}

/* The mapping that a guest's path leads to. */
static const bx_mount *find_mount(const bx_policy *policy, const char *path)
{
    const bx_mount *found = NULL;

    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];

        if (beneath(mount->guest_dir, path) != NULL &&
            (found == NULL ||
             strlen(mount->guest_dir) > strlen(found->guest_dir)))
            found = mount;
    }
    return found;
}

/* Where a guest sees the file through a mapping; owned, NULL: it does not. */
static char *guest_path(const bx_policy *policy, const bx_mount *mount,
                        const char *workspace, const char *path)
{
    bx_autofree char *host = realpath(mount->host_dir, NULL);
    const char *rest = host == NULL ? NULL : beneath(host, workspace);
    bool is_root = strcmp(mount->guest_dir, "/") == 0;
    char *whole;

    if (rest == NULL ||
        asprintf(&whole, "%s%s/%s", is_root ? "" : mount->guest_dir, rest,
                 path) < 0)
        return NULL;
    if (find_mount(policy, whole) == mount)
        return whole;
    free(whole);
    return NULL;
}

static int deny(const bx_verdict *verdict, const char *path, bx_error **err)
{
    return bx_error_set(err, BX_ERR_DENIED, "'/%s': %s (%s)", path,
                        verdict->reason, verdict->rule);
}

int bx_registry_check_write(bx_registry *registry, const char *name,
                            const bx_grants *session, const char *path,
                            bx_error **err)
{
    const bx_box_key key = { .name = name, .session = session };
    bx_autopolicy bx_policy *policy = bx_box_policy(registry, &key, err);
    bx_verdict verdict = { .reason = "the workspace is not mapped",
                           .rule = "nothing granted" };
    bx_verdict level;

    if (policy == NULL)
        return -1;
    if (bx_policy_tool_level(policy, name, BX_LEVEL_WRITE, &level) ==
        BX_LEVEL_FORBIDDEN)
        return deny(&level, path, err);
    if (policy->overlay_dir != NULL) {
        verdict.reason = "changes go to an overlay, which this would bypass";
        verdict.rule = "overlay";
        return deny(&verdict, path, err);
    }
    for (size_t i = 0; i < policy->mounts_count; i++) {
        bx_autofree char *guest =
            guest_path(policy, &policy->mounts[i], registry->workspace, path);

        if (guest == NULL)
            continue;
        verdict = bx_policy_check_fs(policy, guest, BX_ACCESS_WRITE);
        if (verdict.is_allowed)
            return 0;
    }
    return deny(&verdict, path, err);
}
