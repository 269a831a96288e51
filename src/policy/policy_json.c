/* A policy as JSON: each entry with its origin. */
#include "policy/policy_json.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "policy/control.h"
#include "policy/layer.h"
#include "policy/secret.h"

/* Without memory the list is gone, and so is all that would hold it. */
static void append(json_t **list, json_t *item)
{
    if (json_array_append_new(*list, item) == 0)
        return;
    json_decref(*list);
    *list = NULL;
}

static json_t *mounts_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];

        append(&list,
               json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "host",
                         mount->host_dir, "guest", mount->guest_dir, "name",
                         mount->name, "mode",
                         (mount->access & BX_ACCESS_WRITE) != 0 ? "rw" : "ro",
                         "work-dir", (int)mount->is_work_dir, "origin",
                         mount->origin));
    }
    return list;
}

static json_t *grants_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const bx_fs_grant *grant = &policy->fs_grants[i];

        append(&list,
               json_pack("{s:s, s:s, s:s}", "access",
                         bx_grant_prefix(BX_GRANT_FS, grant->access), "path",
                         grant->guest_path, "origin", grant->origin));
    }
    return list;
}

static json_t *env_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->env_count; i++) {
        const bx_env_var *env = &policy->env[i];

        append(&list, json_pack("{s:s, s:s, s:s}", "name", env->name, "value",
                                env->value, "origin", env->origin));
    }
    return list;
}

static json_t *pattern_json(const char *pattern, const char *origin)
{
    return json_pack("{s:s, s:s}", "pattern", pattern, "origin", origin);
}

static json_t *hosts_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->allowed_hosts_count; i++)
        append(&list, pattern_json(bx_host_pattern_text(
                                       policy->allowed_hosts[i].pattern),
                                   policy->allowed_hosts[i].origin));
    return list;
}

static json_t *urls_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->blocked_urls_count; i++)
        append(&list, pattern_json(
                          bx_url_pattern_text(policy->blocked_urls[i].pattern),
                          policy->blocked_urls[i].origin));
    return list;
}

static json_t *networks_json(const bx_policy *policy)
{
    json_t *list = json_array();
    char text[50];

    for (size_t i = 0; i < policy->blocked_networks_count; i++) {
        bx_network_format(&policy->blocked_networks[i].network, text);
        append(&list, pattern_json(text, policy->blocked_networks[i].origin));
    }
    return list;
}

/* exec and tool grants of the workspace, or all rules of a layer. */
static json_t *rules_json(const bx_grants *grants)
{
    json_t *list = json_array();

    for (size_t i = 0; grants != NULL && i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];

        append(&list, json_pack("{s:s, s:s, s:s}", "access",
                                bx_grant_prefix(rule->kind, rule->access),
                                "subject", rule->text, "origin", rule->origin));
    }
    return list;
}

static json_t *layers_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->layers_count; i++)
        append(&list, json_pack("{s:s, s:o}", "name", policy->layers[i]->name,
                                "grants", rules_json(policy->layers[i])));
    return list;
}

static json_t *protected_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        const bx_protected *row = &policy->protected_paths[i];
        bx_autobuf bx_buf path = BX_BUF_INIT; /* it may be no UTF-8 */

        if (bx_buf_put_escaped(&path, row->host_path, strlen(row->host_path),
                               SIZE_MAX) < 0) {
            json_decref(list);
            return NULL;
        }
        append(&list, json_pack("{s:s, s:b, s:s}", "path", path.data, "hidden",
                                (int)row->is_hidden, "origin", row->origin));
    }
    return list;
}

static json_t *secrets_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->secrets_count; i++) {
        const bx_secret *secret = &policy->secrets[i];

        append(&list, json_pack("{s:s, s:s?, s:s?, s:s}", "name", secret->name,
                                "file", secret->file, "host",
                                secret->host == NULL
                                    ? NULL
                                    : bx_host_pattern_text(secret->host),
                                "origin", secret->origin));
    }
    return list;
}

static json_t *tool_levels_json(const bx_policy *policy)
{
    json_t *list = json_array();

    for (size_t i = 0; i < policy->tool_levels_count; i++) {
        const bx_tool_level *row = &policy->tool_levels[i];

        append(&list,
               json_pack("{s:s, s:s, s:s}", "name", row->pattern, "level",
                         bx_level_name(row->level), "origin", row->origin));
    }
    return list;
}

static json_t *limits_json(const bx_policy *policy)
{
    static const char *const units[] = {
        [BX_UNIT_TIME] = "ms",
        [BX_UNIT_BYTES] = "bytes",
        [BX_UNIT_COUNT] = "count",
    };
    json_t *object = json_object();

    for (size_t i = 0; i < bx_controls_count; i++) {
        const bx_control *control = &bx_controls[i];

        if (!bx_control_is_limit(control))
            continue;
        if (json_object_set_new(
                object, control->name,
                json_pack(
                    "{s:I, s:s, s:s}", "value",
                    (json_int_t)bx_limits_get(&policy->limits, control->index),
                    "unit", units[control->unit], "origin",
                    bx_policy_origin(policy, control->name))) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *policy_json(const bx_policy *policy)
{
    char seed[32];

    (void)snprintf(seed, sizeof(seed), "%llu",
                   (unsigned long long)policy->seed);
    /* The seed as text: JSON numbers are exact to 2^53 only. */
    return json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:s, s:o, s:o, "
        "s:s?, s:s?, s:s*}",
        "version", 1, "map-dir", mounts_json(policy), "grant",
        grants_json(policy), "env", env_json(policy), "allowed-outbound-host",
        hosts_json(policy), "block-url", urls_json(policy), "block-network",
        networks_json(policy), "names", rules_json(policy->names), "layers",
        layers_json(policy), "protected", protected_json(policy), "secret",
        secrets_json(policy), "permission-level",
        bx_level_name(policy->max_level), "tool-level",
        tool_levels_json(policy), "limits", limits_json(policy),
        "wasm-cache-dir", policy->cache_dir, "deterministic",
        policy->is_deterministic ? seed : NULL, "overlay", policy->overlay_dir);
}

char *bx_policy_format_json(const bx_policy *policy)
{
    json_t *root = policy_json(policy);
    char *text;

    if (root == NULL)
        return NULL;
    text = bx_json_text(root, JSON_INDENT(2));
    json_decref(root);
    return text;
}
