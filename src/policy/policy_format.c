/* A policy as text: YAML for people and bx_policy_parse(), JSON for programs.
 * In the YAML defaults and layers stand as comments, so that it parses back to
 * the same policy. Both hold the values of env, and of no secret. */
#include "policy/policy.h"

#include <string.h>

#include "base/buf.h"
#include "policy/control.h"
#include "policy/layer.h"
#include "policy/policy_json.h"
#include "policy/secret.h"
#include "policy/text.h"
#include "policy/yaml_text.h"

/* ---- YAML ---- */

/* "name: " and the text in quotes. */
static int put_field(bx_buf *out, const char *name, const char *text)
{
    if (bx_buf_puts(out, name) < 0 || bx_buf_puts(out, ": ") < 0)
        return -1;
    return bx_yaml_put_quoted(out, text);
}

static const char *mode_name(unsigned access)
{
    return (access & BX_ACCESS_WRITE) != 0 ? "rw" : "ro";
}

static int put_mounts(bx_buf *out, const bx_policy *policy)
{
    bool is_first = true;

    for (size_t i = 0; i < policy->mounts_count; i++) {
        if (policy->mounts[i].is_work_dir &&
            (put_field(out, "work-dir", policy->mounts[i].host_dir) < 0 ||
             bx_buf_puts(out, "\n") < 0))
            return -1;
    }
    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];

        if (mount->is_work_dir)
            continue;
        if (is_first && bx_buf_puts(out, "map-dir:\n") < 0)
            return -1;
        is_first = false;
        if (put_field(out, "  - host", mount->host_dir) < 0 ||
            put_field(out, "\n    guest", mount->name) < 0 ||
            bx_buf_printf(out, "\n    mode: %s\n", mode_name(mount->access)) <
                0)
            return -1;
    }
    return 0;
}

static const char *grant_name(unsigned access)
{
    return access == BX_ACCESS_READ ? "fs.read" : "fs.write";
}

static int put_item(bx_buf *out, const char *prefix, const char *separator,
                    const char *subject)
{
    bx_autofree char *text = NULL;

    if (asprintf(&text, "%s%s%s", prefix, separator, subject) < 0) {
        text = NULL;
        return -1;
    }
    if (bx_buf_puts(out, "  - ") < 0 || bx_yaml_put_quoted(out, text) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

static int put_rule_items(bx_buf *out, const bx_grants *grants)
{
    for (size_t i = 0; i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];

        if (put_item(out, bx_grant_prefix(rule->kind, rule->access), ":",
                     rule->text) < 0)
            return -1;
    }
    return 0;
}

static int put_grants(bx_buf *out, const bx_policy *policy)
{
    if ((policy->fs_grants_count > 0 || policy->names != NULL) &&
        bx_buf_puts(out, "grant:\n") < 0)
        return -1;
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const bx_fs_grant *grant = &policy->fs_grants[i];

        if (put_item(out, grant_name(grant->access), ":", grant->guest_path) <
            0)
            return -1;
    }
    return policy->names == NULL ? 0 : put_rule_items(out, policy->names);
}

static int put_levels(bx_buf *out, const bx_policy *policy)
{
    if (policy->max_level_origin != NULL &&
        bx_buf_printf(out, "permission-level: %s\n",
                      bx_level_name(policy->max_level)) < 0)
        return -1;
    if (policy->tool_levels_count > 0 && bx_buf_puts(out, "tool-level:\n") < 0)
        return -1;
    for (size_t i = 0; i < policy->tool_levels_count; i++) {
        const bx_tool_level *row = &policy->tool_levels[i];

        if (put_item(out, row->pattern, "=", bx_level_name(row->level)) < 0)
            return -1;
    }
    return 0;
}

/* Where each comes from; never what it is. */
static int put_secrets(bx_buf *out, const bx_policy *policy)
{
    if (policy->secrets_count > 0 && bx_buf_puts(out, "secret:\n") < 0)
        return -1;
    for (size_t i = 0; i < policy->secrets_count; i++) {
        const bx_secret *secret = &policy->secrets[i];

        if (put_field(out, "  - name", secret->name) < 0 ||
            (secret->file != NULL &&
             put_field(out, "\n    file", secret->file) < 0) ||
            (secret->host != NULL &&
             put_field(out, "\n    host", bx_host_pattern_text(secret->host)) <
                 0) ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
    }
    return 0;
}

/* A line of a comment. The text comes from manifests: in quotes, since libyaml
 * also ends a line at U+2028 and the like. */
static int put_comment(bx_buf *out, const char *before, const char *text)
{
    bx_autobuf bx_buf shown = BX_BUF_INIT;

    if (bx_buf_printf(out, "#   %s", before) < 0 ||
        bx_buf_put_escaped(&shown, text, strlen(text), SIZE_MAX) < 0 ||
        bx_yaml_put_quoted(out, shown.data) < 0)
        return -1;
    return bx_buf_puts(out, "\n");
}

static int put_protected(bx_buf *out, const bx_policy *policy, bool is_hidden)
{
    bool is_first = true;

    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        const bx_protected *row = &policy->protected_paths[i];

        if (row->is_hidden != is_hidden)
            continue;
        if (is_first && bx_buf_puts(out, is_hidden ? "# never seen\n"
                                                   : "# never written\n") < 0)
            return -1;
        is_first = false;
        if (put_comment(out, "", row->host_path) < 0)
            return -1;
    }
    return 0;
}

/* Layers are no part of a policy file: what reads this back is wider, and the
 * comments say so. */
static int put_layers(bx_buf *out, const bx_policy *policy)
{
    for (size_t i = 0; i < policy->layers_count; i++) {
        const bx_grants *layer = policy->layers[i];

        if (bx_buf_puts(out, "# narrowed by\n") < 0 ||
            put_comment(out, "", layer->name) < 0)
            return -1;
        for (size_t k = 0; k < layer->rules_count; k++) {
            const bx_grant_rule *rule = &layer->rules[k];
            bx_autofree char *before = NULL;

            if (asprintf(&before, "  %s: ",
                         bx_grant_prefix(rule->kind, rule->access)) < 0) {
                before = NULL;
                return -1;
            }
            if (put_comment(out, before, rule->text) < 0)
                return -1;
        }
    }
    return put_protected(out, policy, false) < 0
               ? -1
               : put_protected(out, policy, true);
}

static int put_env(bx_buf *out, const bx_policy *policy)
{
    if (policy->env_count > 0 && bx_buf_puts(out, "env:\n") < 0)
        return -1;
    for (size_t i = 0; i < policy->env_count; i++) {
        if (put_item(out, policy->env[i].name, "=", policy->env[i].value) < 0)
            return -1;
    }
    return 0;
}

/* One list of the network; get: the text of entry i. */
static int put_rules(bx_buf *out, const char *name, const bx_policy *policy,
                     size_t count,
                     const char *(*get)(const bx_policy *, size_t, char *))
{
    char scratch[64];

    if (count > 0 && bx_buf_printf(out, "%s:\n", name) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (bx_buf_puts(out, "  - ") < 0 ||
            bx_yaml_put_quoted(out, get(policy, i, scratch)) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
    }
    return 0;
}

static const char *get_host(const bx_policy *policy, size_t i, char *scratch)
{
    (void)scratch;
    return bx_host_pattern_text(policy->allowed_hosts[i].pattern);
}

static const char *get_url(const bx_policy *policy, size_t i, char *scratch)
{
    (void)scratch;
    return bx_url_pattern_text(policy->blocked_urls[i].pattern);
}

static const char *get_network(const bx_policy *policy, size_t i, char *scratch)
{
    bx_network_format(&policy->blocked_networks[i].network, scratch);
    return scratch;
}

static int put_limits(bx_buf *out, const bx_policy *policy)
{
    char text[32];

    for (size_t i = 0; i < bx_controls_count; i++) {
        const bx_control *control = &bx_controls[i];
        uint64_t value;
        bool is_default;

        if (!bx_control_is_limit(control))
            continue;
        value = bx_limits_get(&policy->limits, control->index);
        is_default = policy->limit_origins[control->index] == NULL &&
                     value == bx_limits_get(&BX_LIMITS_DEFAULT, control->index);
        if (bx_buf_printf(out, "%s%s: %s%s\n", is_default ? "# " : "",
                          control->name,
                          bx_unit_format(value, control->unit, text),
                          is_default ? "  (default)" : "") < 0)
            return -1;
    }
    return 0;
}

static int put_policy(bx_buf *out, const bx_policy *policy)
{
    if (bx_buf_puts(out, "version: 1\n") < 0 || put_mounts(out, policy) < 0 ||
        put_grants(out, policy) < 0 || put_env(out, policy) < 0 ||
        put_secrets(out, policy) < 0 ||
        put_rules(out, "allowed-outbound-host", policy,
                  policy->allowed_hosts_count, get_host) < 0 ||
        put_rules(out, "block-url", policy, policy->blocked_urls_count,
                  get_url) < 0 ||
        put_rules(out, "block-network", policy, policy->blocked_networks_count,
                  get_network) < 0 ||
        put_levels(out, policy) < 0 || put_limits(out, policy) < 0)
        return -1;
    if (policy->cache_dir != NULL &&
        (put_field(out, "wasm-cache-dir", policy->cache_dir) < 0 ||
         bx_buf_puts(out, "\n") < 0))
        return -1;
    if (policy->is_deterministic &&
        bx_buf_printf(out, "deterministic: %llu\n",
                      (unsigned long long)policy->seed) < 0)
        return -1;
    return put_layers(out, policy);
}

char *bx_policy_format(const bx_policy *policy, bool json, bx_error **err)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;
    char *text = NULL;

    if (json)
        text = bx_policy_format_json(policy);
    else if (put_policy(&out, policy) == 0)
        text = bx_buf_take(&out);
    if (text == NULL)
        (void)bx_error_set_nomem(err);
    return text;
}
