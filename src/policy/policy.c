/* The policy object and the controls as functions. */
#include "policy/policy.h"

#include <string.h>

#include "policy/control.h"
#include "policy/entry.h"
#include "policy/layer.h"
#include "policy/secret.h"

bx_policy *bx_policy_new(void)
{
    bx_policy *policy = calloc(1, sizeof(*policy));

    if (policy != NULL) {
        policy->limits = BX_LIMITS_DEFAULT;
        policy->max_level = BX_LEVEL_DANGEROUS;
    }
    return policy;
}

static void free_mounts(bx_policy *policy)
{
    for (size_t i = 0; i < policy->mounts_count; i++) {
        free(policy->mounts[i].host_dir);
        free(policy->mounts[i].guest_dir);
        free(policy->mounts[i].name);
        free(policy->mounts[i].origin);
    }
    free(policy->mounts);
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        free(policy->fs_grants[i].guest_path);
        free(policy->fs_grants[i].origin);
    }
    free(policy->fs_grants);
}

static void free_network_rules(bx_policy *policy)
{
    for (size_t i = 0; i < policy->allowed_hosts_count; i++) {
        bx_host_pattern_free(policy->allowed_hosts[i].pattern);
        free(policy->allowed_hosts[i].origin);
    }
    free(policy->allowed_hosts);
    for (size_t i = 0; i < policy->blocked_urls_count; i++) {
        bx_url_pattern_free(policy->blocked_urls[i].pattern);
        free(policy->blocked_urls[i].origin);
    }
    free(policy->blocked_urls);
    for (size_t i = 0; i < policy->blocked_networks_count; i++)
        free(policy->blocked_networks[i].origin);
    free(policy->blocked_networks);
}

static void free_env(bx_env_var *env, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(env[i].name);
        free(env[i].value);
        free(env[i].origin);
    }
    free(env);
}

static void free_layers(bx_policy *policy)
{
    bx_grants_free(policy->names);
    for (size_t i = 0; i < policy->layers_count; i++)
        bx_grants_free(policy->layers[i]);
    free(policy->layers);
    for (size_t i = 0; i < policy->tool_levels_count; i++) {
        free(policy->tool_levels[i].pattern);
        free(policy->tool_levels[i].origin);
    }
    free(policy->tool_levels);
    free(policy->max_level_origin);
    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        free(policy->protected_paths[i].host_path);
        free(policy->protected_paths[i].origin);
    }
    free(policy->protected_paths);
}

void bx_policy_free(bx_policy *policy)
{
    if (policy == NULL)
        return;
    free_mounts(policy);
    free_network_rules(policy);
    free_env(policy->env, policy->env_count);
    free_env(policy->hidden_env, policy->hidden_env_count);
    free_layers(policy);
    bx_policy_free_secrets(policy);
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++)
        free(policy->limit_origins[i]);
    free(policy->cache_dir);
    free(policy->cache_dir_origin);
    free(policy->overlay_dir);
    free(policy->seed_origin);
    free(policy);
}

int bx_policy_set_overlay(bx_policy *policy, const char *dir, bx_error **err)
{
    char *copy = dir == NULL ? NULL : strdup(dir);

    if (dir != NULL && copy == NULL)
        return bx_error_set_nomem(err);
    free(policy->overlay_dir);
    policy->overlay_dir = copy;
    return 0;
}

/* ---- cloning: what was accepted once is accepted again ---- */

static int clone_files(bx_policy *copy, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];
        bx_source source = { .origin = mount->origin, .is_printable = true };

        if ((mount->is_work_dir
                 ? bx_policy_put_work_dir(copy, mount->host_dir, &source, NULL)
                 : bx_policy_add_mount(copy, mount->host_dir, mount->name,
                                       mount->access, &source, NULL)) < 0)
            return -1;
    }
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const bx_fs_grant *grant = &policy->fs_grants[i];
        bx_source source = { .origin = grant->origin, .is_printable = true };

        if (bx_policy_add_fs_grant(copy, grant->access, grant->guest_path,
                                   &source, NULL) < 0)
            return -1;
    }
    for (size_t i = 0; i < policy->env_count; i++) {
        const bx_env_var *env = &policy->env[i];
        bx_source source = { .origin = env->origin, .is_printable = true };

        if (bx_policy_put_env(copy, env->name, env->value, &source, NULL) < 0)
            return -1;
    }
    return 0;
}

static int clone_network(bx_policy *copy, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->allowed_hosts_count; i++) {
        const bx_host_rule *rule = &policy->allowed_hosts[i];
        bx_source source = { .origin = rule->origin, .is_printable = true };

        if (bx_policy_add_allowed_host(
                copy, bx_host_pattern_text(rule->pattern), &source, NULL) < 0)
            return -1;
    }
    for (size_t i = 0; i < policy->blocked_urls_count; i++) {
        const bx_url_rule *rule = &policy->blocked_urls[i];
        bx_source source = { .origin = rule->origin, .is_printable = true };

        if (bx_policy_add_blocked_url(copy, bx_url_pattern_text(rule->pattern),
                                      &source, NULL) < 0)
            return -1;
    }
    for (size_t i = 0; i < policy->blocked_networks_count; i++) {
        const bx_network_rule *rule = &policy->blocked_networks[i];
        bx_source source = { .origin = rule->origin, .is_printable = true };
        char text[50];

        bx_network_format(&rule->network, text);
        if (bx_policy_add_blocked_network(copy, text, &source, NULL) < 0)
            return -1;
    }
    return 0;
}

static int clone_values(bx_policy *copy, const bx_policy *policy)
{
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++) {
        bx_source source = { .origin = policy->limit_origins[i],
                             .is_printable = true };

        if (source.origin != NULL &&
            bx_policy_put_limit(copy, i, bx_limits_get(&policy->limits, i),
                                &source, NULL) < 0)
            return -1;
    }
    /* Whatever was set past bx_policy_put_limit(). */
    copy->limits = policy->limits;
    if (policy->cache_dir != NULL) {
        bx_source source = { .origin = policy->cache_dir_origin,
                             .is_printable = true };

        if (bx_policy_put_cache_dir(copy, policy->cache_dir, &source, NULL) < 0)
            return -1;
    }
    if (bx_policy_set_overlay(copy, policy->overlay_dir, NULL) < 0)
        return -1;
    if (policy->is_deterministic) {
        bx_source source = { .origin = policy->seed_origin,
                             .is_printable = true };

        if (bx_policy_put_seed(copy, policy->seed, &source, NULL) < 0)
            return -1;
    }
    return 0;
}

static int clone_tools(bx_policy *copy, const bx_policy *policy)
{
    if (policy->names != NULL) {
        copy->names = bx_grants_clone(policy->names, NULL);
        if (copy->names == NULL)
            return -1;
    }
    for (size_t i = 0; i < policy->tool_levels_count; i++) {
        const bx_tool_level *row = &policy->tool_levels[i];
        bx_source source = { .origin = row->origin, .is_printable = true };
        bx_autofree char *text = NULL;

        if (asprintf(&text, "%s=%s", row->pattern, bx_level_name(row->level)) <
            0) {
            text = NULL;
            return -1;
        }
        if (bx_policy_add_tool_level(copy, text, &source, NULL) < 0)
            return -1;
    }
    if (policy->max_level_origin != NULL) {
        bx_source source = { .origin = policy->max_level_origin,
                             .is_printable = true };

        return bx_policy_put_max_level(copy, bx_level_name(policy->max_level),
                                       &source, NULL);
    }
    return 0;
}

static int clone_hidden_env(bx_policy *copy, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->hidden_env_count; i++) {
        bx_env_var env = { .name = strdup(policy->hidden_env[i].name),
                           .origin = strdup(policy->hidden_env[i].origin) };

        if (env.name == NULL || env.origin == NULL ||
            bx_policy_grow(&copy->hidden_env, i, sizeof(env), NULL) < 0) {
            free(env.name);
            free(env.origin);
            return -1;
        }
        copy->hidden_env[copy->hidden_env_count++] = env;
    }
    return 0;
}

static int clone_layers(bx_policy *copy, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->layers_count; i++) {
        bx_autogrants bx_grants *layer =
            bx_grants_clone(policy->layers[i], NULL);

        if (layer == NULL ||
            bx_policy_grow(&copy->layers, i, sizeof(void *), NULL) < 0)
            return -1;
        copy->layers[copy->layers_count++] = bx_take(layer);
    }
    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        const bx_protected *row = &policy->protected_paths[i];

        if (bx_policy_protect(copy, row->host_path, "", NULL) < 0)
            return -1;
        copy->protected_paths[i].is_hidden = row->is_hidden;
        free(copy->protected_paths[i].origin);
        copy->protected_paths[i].origin = strdup(row->origin);
        if (copy->protected_paths[i].origin == NULL)
            return -1;
    }
    return clone_hidden_env(copy, policy);
}

bx_policy *bx_policy_clone(const bx_policy *policy)
{
    bx_autopolicy bx_policy *copy = bx_policy_new();

    if (copy == NULL || clone_files(copy, policy) < 0 ||
        clone_network(copy, policy) < 0 || clone_values(copy, policy) < 0 ||
        clone_tools(copy, policy) < 0 || clone_layers(copy, policy) < 0 ||
        bx_policy_clone_secrets(copy, policy) < 0)
        return NULL;
    return bx_take(copy);
}

/* ---- the controls as functions ---- */

/* Set a control whose one argument is text. */
static int set_text(bx_policy *policy, const char *control, const char *text,
                    bx_error **err)
{
    return bx_policy_set(policy, control, text, NULL, err);
}

int bx_policy_work_dir(bx_policy *policy, const char *host_dir, bx_error **err)
{
    return set_text(policy, "work-dir", host_dir, err);
}

int bx_policy_map_dir(bx_policy *policy, const char *host_dir,
                      const char *guest_dir, unsigned access, bx_error **err)
{
    bx_autofree char *origin = NULL;
    bx_source source = { 0 };

    if (asprintf(&origin, "map-dir %s::%s%s", host_dir, guest_dir,
                 access == BX_ACCESS_READ ? "::ro" : "::rw") < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    source.origin = origin;
    if (bx_policy_add_mount(policy, host_dir, guest_dir, access, &source, err) <
        0)
        return bx_error_wrap(err, "map-dir");
    return 0;
}

int bx_policy_env(bx_policy *policy, const char *name, const char *value,
                  bx_error **err)
{
    bx_autofree char *origin = NULL;
    bx_source source = { 0 };

    if (asprintf(&origin, "env %s", name) < 0) {
        origin = NULL;
        return bx_error_set_nomem(err);
    }
    source.origin = origin;
    if (bx_policy_put_env(policy, name, value, &source, err) < 0)
        return bx_error_wrap(err, "env");
    return 0;
}

int bx_policy_allowed_outbound_host(bx_policy *policy, const char *pattern,
                                    bx_error **err)
{
    return set_text(policy, "allowed-outbound-host", pattern, err);
}

int bx_policy_block_url(bx_policy *policy, const char *pattern, bx_error **err)
{
    return set_text(policy, "block-url", pattern, err);
}

int bx_policy_block_network(bx_policy *policy, const char *cidr, bx_error **err)
{
    return set_text(policy, "block-network", cidr, err);
}

/* The number goes through its text, so that both ways have the same bounds and
 * the same messages; plain, but for times, where plain means seconds. */
static int set_number(bx_policy *policy, const char *control, uint64_t value,
                      const char *unit, bx_error **err)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%llu%s", (unsigned long long)value,
                   unit);
    return bx_policy_set(policy, control, text, NULL, err);
}

int bx_policy_wasm_timeout(bx_policy *policy, uint64_t timeout_ms,
                           bx_error **err)
{
    return set_number(policy, "wasm-timeout", timeout_ms, "ms", err);
}

int bx_policy_wasm_max_memory_size(bx_policy *policy, uint64_t bytes,
                                   bx_error **err)
{
    return set_number(policy, "wasm-max-memory-size", bytes, "", err);
}

int bx_policy_wasm_max_wasm_stack(bx_policy *policy, uint64_t bytes,
                                  bx_error **err)
{
    return set_number(policy, "wasm-max-wasm-stack", bytes, "", err);
}

int bx_policy_wasm_fuel(bx_policy *policy, uint64_t units, bx_error **err)
{
    return set_number(policy, "wasm-fuel", units, "", err);
}

int bx_policy_wasm_cache_dir(bx_policy *policy, const char *dir, bx_error **err)
{
    return set_text(policy, "wasm-cache-dir", dir, err);
}
