/* A policy with other grants, for commands that take no manifest. */
#include <stdlib.h>
#include <string.h>

#include "policy/layer.h"
#include "policy/learned.h"

static const char origin[] = "learned";

static void drop_mounts(bx_policy *policy)
{
    for (size_t i = 0; i < policy->mounts_count; i++) {
        free(policy->mounts[i].host_dir);
        free(policy->mounts[i].guest_dir);
        free(policy->mounts[i].name);
        free(policy->mounts[i].origin);
    }
    policy->mounts_count = 0;
}

static void drop_grants(bx_policy *policy)
{
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        free(policy->fs_grants[i].guest_path);
        free(policy->fs_grants[i].origin);
    }
    policy->fs_grants_count = 0;
    bx_grants_free(policy->names);
    policy->names = NULL;
    for (size_t i = 0; i < policy->allowed_hosts_count; i++) {
        bx_host_pattern_free(policy->allowed_hosts[i].pattern);
        free(policy->allowed_hosts[i].origin);
    }
    policy->allowed_hosts_count = 0;
}

static void drop_env(bx_policy *policy, const bx_grants *grants)
{
    size_t kept = 0;

    for (size_t i = 0; i < policy->env_count; i++) {
        bx_env_var *env = &policy->env[i];

        if (bx_grants_find_name(grants, BX_GRANT_ENV, env->name) != NULL) {
            policy->env[kept++] = *env;
            continue;
        }
        free(env->name);
        free(env->value);
        free(env->origin);
    }
    policy->env_count = kept;
}

static int put_rule(bx_policy *policy, const bx_grant_rule *rule,
                    const char *text, bx_error **err)
{
    switch (rule->kind) {
    case BX_GRANT_HOST:
        return bx_policy_set(policy, "allowed-outbound-host", rule->text,
                             origin, err);
    case BX_GRANT_ENV:
        return 0; /* has kept its value */
    default:
        return bx_policy_set(policy, "grant", text, origin, err);
    }
}

bx_policy *bx_learned_policy(const bx_policy *offered,
                             const char *const *grants, size_t count,
                             bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_policy_clone(offered);
    bx_autogrants bx_grants *parsed = bx_grants_new();
    bool has_files = false;

    if (policy == NULL || parsed == NULL) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    (void)bx_policy_set_overlay(policy, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        if (bx_grants_add(parsed, grants[i], origin, err) < 0)
            return NULL;
        has_files |= parsed->rules[i].kind == BX_GRANT_FS;
    }
    drop_grants(policy);
    drop_env(policy, parsed);
    /* Without any grant of a path a mapping would give all it has. */
    if (!has_files)
        drop_mounts(policy);
    for (size_t i = 0; i < count; i++) {
        if (put_rule(policy, &parsed->rules[i], grants[i], err) < 0)
            return NULL;
    }
    return bx_take(policy);
}
