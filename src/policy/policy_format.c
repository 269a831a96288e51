/* A policy as text: YAML for people and bx_policy_parse(), JSON for programs.
 * In the YAML defaults stand as comments, so that it parses back to the same
 * policy. Both hold the values of env, which may be secrets. */
#include "policy/policy.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "policy/control.h"
#include "policy/text.h"

/* ---- YAML ---- */

/* Code points that libyaml does not take raw in a quoted scalar, or folds:
 * controls, line and paragraph separators, byte order marks, surrogates and
 * non-characters (YAML 1.1 section 5.1). */
static bool is_raw_in_yaml(uint32_t point)
{
    if (point < 0x80)
        return point >= 0x20 && point != 0x7f && point != '"' && point != '\\';
    return point >= 0xa0 && point != 0x2028 && point != 0x2029 &&
           point != 0xfeff && (point & 0xfffe) != 0xfffe;
}

static int put_quoted(bx_buf *out, const char *text)
{
    size_t bytes = strlen(text);
    int status = bx_buf_puts(out, "\"");

    for (size_t i = 0; i < bytes && status == 0;) {
        uint32_t point = 0;
        size_t len = bx_utf8_decode(text + i, bytes - i, &point);

        if (len == 0)
            return -1;
        if (is_raw_in_yaml(point))
            status = bx_buf_append(out, text + i, len, SIZE_MAX);
        else if (point == '"' || point == '\\')
            status = bx_buf_printf(out, "\\%c", (char)point);
        else if (point == '\n')
            status = bx_buf_puts(out, "\\n");
        else
            status = bx_buf_printf(out, point > 0xffff ? "\\U%08x" : "\\u%04x",
                                   point);
        i += len;
    }
    return status < 0 ? -1 : bx_buf_puts(out, "\"");
}

/* "name: " and the text in quotes. */
static int put_field(bx_buf *out, const char *name, const char *text)
{
    if (bx_buf_puts(out, name) < 0 || bx_buf_puts(out, ": ") < 0)
        return -1;
    return put_quoted(out, text);
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

static int put_grants(bx_buf *out, const bx_policy *policy)
{
    if (policy->fs_grants_count > 0 && bx_buf_puts(out, "grant:\n") < 0)
        return -1;
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const bx_fs_grant *grant = &policy->fs_grants[i];
        bx_autofree char *text = NULL;

        if (asprintf(&text, "%s:%s", grant_name(grant->access),
                     grant->guest_path) < 0) {
            text = NULL;
            return -1;
        }
        if (bx_buf_puts(out, "  - ") < 0 || put_quoted(out, text) < 0 ||
            bx_buf_puts(out, "\n") < 0)
            return -1;
    }
    return 0;
}

static int put_env(bx_buf *out, const bx_policy *policy)
{
    if (policy->env_count > 0 && bx_buf_puts(out, "env:\n") < 0)
        return -1;
    for (size_t i = 0; i < policy->env_count; i++) {
        const bx_env_var *env = &policy->env[i];
        bx_autofree char *text = NULL;

        if (asprintf(&text, "%s=%s", env->name, env->value) < 0) {
            text = NULL;
            return -1;
        }
        if (bx_buf_puts(out, "  - ") < 0 || put_quoted(out, text) < 0 ||
            bx_buf_puts(out, "\n") < 0)
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
            put_quoted(out, get(policy, i, scratch)) < 0 ||
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
        put_rules(out, "allowed-outbound-host", policy,
                  policy->allowed_hosts_count, get_host) < 0 ||
        put_rules(out, "block-url", policy, policy->blocked_urls_count,
                  get_url) < 0 ||
        put_rules(out, "block-network", policy, policy->blocked_networks_count,
                  get_network) < 0 ||
        put_limits(out, policy) < 0)
        return -1;
    if (policy->cache_dir != NULL &&
        (put_field(out, "wasm-cache-dir", policy->cache_dir) < 0 ||
         bx_buf_puts(out, "\n") < 0))
        return -1;
    if (policy->is_deterministic &&
        bx_buf_printf(out, "deterministic: %llu\n",
                      (unsigned long long)policy->seed) < 0)
        return -1;
    return 0;
}

/* ---- JSON: each entry with its origin ---- */

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
                         mount->name, "mode", mode_name(mount->access),
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
               json_pack("{s:s, s:s, s:s}", "access", grant_name(grant->access),
                         "path", grant->guest_path, "origin", grant->origin));
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

static json_t *rules_json(const bx_policy *policy, size_t count,
                          const char *(*get)(const bx_policy *, size_t, char *),
                          const char *(*get_origin)(const bx_policy *, size_t))
{
    json_t *list = json_array();
    char scratch[64];

    for (size_t i = 0; i < count; i++)
        append(&list,
               json_pack("{s:s, s:s}", "pattern", get(policy, i, scratch),
                         "origin", get_origin(policy, i)));
    return list;
}

static const char *get_host_origin(const bx_policy *policy, size_t i)
{
    return policy->allowed_hosts[i].origin;
}

static const char *get_url_origin(const bx_policy *policy, size_t i)
{
    return policy->blocked_urls[i].origin;
}

static const char *get_network_origin(const bx_policy *policy, size_t i)
{
    return policy->blocked_networks[i].origin;
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
        (void)json_object_set_new(
            object, control->name,
            json_pack(
                "{s:I, s:s, s:s}", "value",
                (json_int_t)bx_limits_get(&policy->limits, control->index),
                "unit", units[control->unit], "origin",
                bx_policy_origin(policy, control->name)));
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
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:s?}", "version", 1,
        "map-dir", mounts_json(policy), "grant", grants_json(policy), "env",
        env_json(policy), "allowed-outbound-host",
        rules_json(policy, policy->allowed_hosts_count, get_host,
                   get_host_origin),
        "block-url",
        rules_json(policy, policy->blocked_urls_count, get_url, get_url_origin),
        "block-network",
        rules_json(policy, policy->blocked_networks_count, get_network,
                   get_network_origin),
        "limits", limits_json(policy), "wasm-cache-dir", policy->cache_dir,
        "deterministic", policy->is_deterministic ? seed : NULL);
}

static char *format_json(const bx_policy *policy)
{
    json_t *root = policy_json(policy);
    char *text;

    if (root == NULL)
        return NULL;
    text = json_dumps(root, JSON_INDENT(2));
    json_decref(root);
    return text;
}

char *bx_policy_format(const bx_policy *policy, bool json, bx_error **err)
{
    bx_autobuf bx_buf out = BX_BUF_INIT;
    char *text = NULL;

    if (json)
        text = format_json(policy);
    else if (put_policy(&out, policy) == 0)
        text = bx_buf_take(&out);
    if (text == NULL)
        (void)bx_error_set_nomem(err);
    return text;
}
