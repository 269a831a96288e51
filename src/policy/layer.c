/* Layers of a policy: copying grants into it, and finding what they say. */
#include "policy/layer.h"

#include <string.h>

#include "policy/control.h"
#include "policy/name_pattern.h"
#include "policy/secret.h"

/* ---- finding ---- */

const bx_grant_rule *bx_grants_find_fs(const bx_grants *grants,
                                       const char *path, unsigned wanted)
{
    const bx_grant_rule *found = NULL;
    size_t deepest = 0;

    for (size_t i = 0; i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];
        size_t len;

        if (rule->kind != BX_GRANT_FS || (rule->access & wanted) == 0)
            continue;
        len = strlen(rule->text);
        if (len > deepest && bx_guest_path_is_beneath(path, rule->text)) {
            deepest = len;
            found = rule;
        }
    }
    return found;
}

unsigned bx_grants_fs_access(const bx_grants *grants, const char *path)
{
    unsigned access = 0;

    for (size_t i = 0; i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];

        if (rule->kind == BX_GRANT_FS &&
            bx_guest_path_is_beneath(path, rule->text))
            access |= rule->access;
    }
    return access;
}

const bx_grant_rule *bx_grants_find_name(const bx_grants *grants,
                                         bx_grant_kind kind, const char *name)
{
    for (size_t i = 0; i < grants->rules_count; i++) {
        if (grants->rules[i].kind == kind &&
            bx_name_pattern_matches(grants->rules[i].text, name))
            return &grants->rules[i];
    }
    return NULL;
}

/* ---- copying ---- */

/* "LAYER: ORIGIN", or the origin alone without a layer; owned. */
static char *layer_origin(const char *layer, const char *origin)
{
    char *text = NULL;

    if (layer == NULL)
        return strdup(origin);
    return asprintf(&text, "%s: %s", layer, origin) < 0 ? NULL : text;
}

static int copy_rules(bx_grants *copy, const bx_grants *grants,
                      const char *layer)
{
    for (size_t i = 0; i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];
        bx_grant_rule *made;

        if (bx_grants_add_rule(copy, rule->kind, rule->access, rule->text, "",
                               NULL) < 0)
            return -1;
        made = &copy->rules[copy->rules_count - 1];
        free(made->origin);
        made->origin = layer_origin(layer, rule->origin);
        if (made->origin == NULL)
            return -1;
    }
    return 0;
}

static int copy_secrets(bx_grants *copy, const bx_grants *grants,
                        const char *layer)
{
    for (size_t i = 0; i < grants->secrets_count; i++) {
        const bx_secret_ask *ask = &grants->secrets[i];
        bx_secret_ask *made;

        if (bx_grants_add_secret(copy, ask->name, ask->host, ask->header,
                                 ask->format, "", NULL) < 0)
            return -1;
        made = &copy->secrets[copy->secrets_count - 1];
        free(made->origin);
        made->origin = layer_origin(layer, ask->origin);
        if (made->origin == NULL)
            return -1;
    }
    return 0;
}

static int copy_limits(bx_grants *copy, const bx_grants *grants,
                       const char *layer)
{
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++) {
        const bx_limit_ask *ask = &grants->limits[i];

        if (ask->origin == NULL)
            continue;
        copy->limits[i].value = ask->value;
        copy->limits[i].origin = layer_origin(layer, ask->origin);
        if (copy->limits[i].origin == NULL)
            return -1;
    }
    return 0;
}

int bx_grants_set_name(bx_grants *grants, const char *name)
{
    char *copy = strdup(name);
    char *nothing = layer_origin(name, "nothing granted");

    if (copy == NULL || nothing == NULL) {
        free(copy);
        free(nothing);
        return -1;
    }
    free(grants->name);
    free(grants->nothing);
    grants->name = copy;
    grants->nothing = nothing;
    return 0;
}

bx_grants *bx_grants_clone(const bx_grants *grants, const char *name)
{
    bx_autogrants bx_grants *copy = bx_grants_new();
    const char *kept = name != NULL ? name : grants->name;

    if (copy == NULL || copy_rules(copy, grants, name) < 0 ||
        copy_secrets(copy, grants, name) < 0 ||
        copy_limits(copy, grants, name) < 0)
        return NULL;
    if (kept != NULL && bx_grants_set_name(copy, kept) < 0)
        return NULL;
    return bx_take(copy);
}

/* ---- narrowing ---- */

/* The smaller one; fuel 0 is no limit. */
static bool is_smaller(size_t index, uint64_t asked, uint64_t has)
{
    if (index == offsetof(bx_limits, fuel_units) / sizeof(uint64_t)) {
        if (asked == 0 || has == 0)
            return asked != 0;
    }
    return asked < has;
}

static int narrow_limits(bx_policy *policy, const bx_grants *layer,
                         bx_error **err)
{
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++) {
        const bx_limit_ask *ask = &layer->limits[i];
        bx_source source = { .origin = ask->origin, .is_printable = true };

        if (ask->origin == NULL ||
            !is_smaller(i, ask->value, bx_limits_get(&policy->limits, i)))
            continue;
        if (bx_policy_put_limit(policy, i, ask->value, &source, err) < 0)
            return -1;
    }
    return 0;
}

static int hide_env(bx_policy *policy, bx_env_var *env, const bx_grants *layer,
                    bx_error **err)
{
    char *origin = strdup(layer->nothing);

    if (origin == NULL)
        return bx_error_set_nomem(err);
    if (bx_policy_grow(&policy->hidden_env, policy->hidden_env_count,
                       sizeof(*env), err) < 0) {
        free(origin);
        return -1;
    }
    policy->hidden_env[policy->hidden_env_count++] =
        (bx_env_var){ .name = bx_take(env->name), .origin = origin };
    free(env->value);
    free(env->origin);
    *env = (bx_env_var){ 0 };
    return 0;
}

static int narrow_env(bx_policy *policy, const bx_grants *layer, bx_error **err)
{
    size_t kept = 0;

    for (size_t i = 0; i < policy->env_count; i++) {
        bx_env_var *env = &policy->env[i];

        if (bx_grants_find_name(layer, BX_GRANT_ENV, env->name) == NULL &&
            hide_env(policy, env, layer, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < policy->env_count; i++) {
        if (policy->env[i].name != NULL)
            policy->env[kept++] = policy->env[i];
    }
    policy->env_count = kept;
    return 0;
}

int bx_policy_narrow(bx_policy *policy, const bx_grants *grants,
                     const char *layer, bx_error **err)
{
    bx_autogrants bx_grants *copy = NULL;
    bx_autofree char *name = NULL;
    bx_source source = { .origin = layer };
    bx_grants *made;

    if (grants == NULL)
        return 0;
    name = bx_origin_copy(&source, err);
    if (name == NULL)
        return -1;
    copy = bx_grants_clone(grants, name);
    if (copy == NULL)
        return bx_error_set_nomem(err);
    if (bx_policy_grow(&policy->layers, policy->layers_count, sizeof(void *),
                       err) < 0)
        return -1;
    made = bx_take(copy);
    policy->layers[policy->layers_count++] = made;
    if (narrow_limits(policy, made, err) < 0)
        return -1;
    if (narrow_env(policy, made, err) < 0)
        return -1;
    return bx_policy_use_secrets(policy, made, err);
}
