/* Writing a policy as bytes: its parts one after the other, in a fixed order.
 * Numbers are little-endian; a text is 1, its bytes and a NUL, or 0 for none;
 * a list is its count and then its entries. unpack.c reads the same. */
#include "policy/pack.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "policy/entry.h"
#include "policy/pack_format.h"
#include "policy/secret.h"

typedef struct packer {
    bx_buf *out;
    size_t most; /* out may grow to so many bytes */
    char *here;  /* the current folder; NULL: not looked at yet */
    bx_error **err;
} packer;

/* ---- values --------------------------------------------------------- */

static int put(packer *to, const void *data, size_t bytes)
{
    if (bx_buf_append(to->out, data, bytes, to->most) == 0)
        return 0;
    if (bytes <= to->most && to->out->len <= to->most - bytes)
        return bx_error_set_nomem(to->err);
    return bx_error_set(to->err, BX_ERR_LIMIT,
                        "the policy is larger than %u bytes; expected fewer "
                        "entries",
                        BX_POLICY_PACK_MAX_BYTES);
}

static int put_byte(packer *to, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    return put(to, &byte, 1);
}

static int put_number(packer *to, uint64_t value)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    return put(to, bytes, sizeof(bytes));
}

static int put_text(packer *to, const char *text)
{
    if (text == NULL)
        return put_byte(to, BX_PACK_NONE);
    if (put_byte(to, BX_PACK_TEXT) < 0)
        return -1;
    return put(to, text, strlen(text) + 1);
}

/* Whoever reads it may stand in another folder. "" and NULL stay. */
static int put_host_path(packer *to, const char *path)
{
    bx_autofree char *whole = NULL;

    if (path == NULL || path[0] == '\0' || path[0] == '/')
        return put_text(to, path);
    if (to->here == NULL && (to->here = getcwd(NULL, 0)) == NULL)
        return bx_error_set_errno(
            to->err, errno, "the current folder, which '%s' counts from", path);
    if (asprintf(&whole, "%s%s%s", to->here,
                 strcmp(to->here, "/") == 0 ? "" : "/", path) < 0) {
        whole = NULL;
        return bx_error_set_nomem(to->err);
    }
    if (strlen(whole) >= PATH_MAX)
        return bx_error_set(to->err, BX_ERR_INVALID,
                            "host path '%s' is longer than %d bytes from the "
                            "root; expected a shorter one",
                            path, PATH_MAX - 1);
    return put_text(to, whole);
}

/* ---- parts, in the order of their functions ------------------------- */

static int put_mounts(packer *to, const bx_policy *policy)
{
    if (put_number(to, policy->mounts_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->mounts_count; i++) {
        const bx_mount *mount = &policy->mounts[i];

        if (put_byte(to, mount->is_work_dir) < 0 ||
            put_byte(to, mount->access) < 0 ||
            put_host_path(to, mount->host_dir) < 0 ||
            put_text(to, mount->name) < 0 || put_text(to, mount->origin) < 0)
            return -1;
    }
    return 0;
}

static int put_fs_grants(packer *to, const bx_policy *policy)
{
    if (put_number(to, policy->fs_grants_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        const bx_fs_grant *grant = &policy->fs_grants[i];

        if (put_byte(to, grant->access) < 0 ||
            put_text(to, grant->guest_path) < 0 ||
            put_text(to, grant->origin) < 0)
            return -1;
    }
    return 0;
}

static int put_protected(packer *to, const bx_policy *policy)
{
    if (put_number(to, policy->protected_paths_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->protected_paths_count; i++) {
        const bx_protected *row = &policy->protected_paths[i];

        if (put_text(to, row->host_path) < 0 ||
            put_byte(to, row->is_hidden) < 0 || put_text(to, row->origin) < 0)
            return -1;
    }
    return 0;
}

static int put_env(packer *to, const bx_env_var *env, size_t count)
{
    if (put_number(to, count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (put_text(to, env[i].name) < 0 || put_text(to, env[i].value) < 0 ||
            put_text(to, env[i].origin) < 0)
            return -1;
    }
    return 0;
}

static int put_hosts(packer *to, const bx_policy *policy)
{
    if (put_number(to, policy->allowed_hosts_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->allowed_hosts_count; i++) {
        const bx_host_rule *rule = &policy->allowed_hosts[i];

        if (put_text(to, bx_host_pattern_text(rule->pattern)) < 0 ||
            put_text(to, rule->origin) < 0)
            return -1;
    }
    return 0;
}

static int put_blocked(packer *to, const bx_policy *policy)
{
    if (put_number(to, policy->blocked_urls_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->blocked_urls_count; i++) {
        const bx_url_rule *rule = &policy->blocked_urls[i];

        if (put_text(to, bx_url_pattern_text(rule->pattern)) < 0 ||
            put_text(to, rule->origin) < 0)
            return -1;
    }
    if (put_number(to, policy->blocked_networks_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->blocked_networks_count; i++) {
        const bx_network_rule *rule = &policy->blocked_networks[i];
        char text[50];

        bx_network_format(&rule->network, text);
        if (put_text(to, text) < 0 || put_text(to, rule->origin) < 0)
            return -1;
    }
    return 0;
}

static int put_levels(packer *to, const bx_policy *policy)
{
    if (put_byte(to, policy->max_level) < 0 ||
        put_text(to, policy->max_level_origin) < 0 ||
        put_number(to, policy->tool_levels_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->tool_levels_count; i++) {
        const bx_tool_level *row = &policy->tool_levels[i];

        if (put_byte(to, row->level) < 0 || put_text(to, row->pattern) < 0 ||
            put_text(to, row->origin) < 0)
            return -1;
    }
    return 0;
}

static int put_asks(packer *to, const bx_grants *grants)
{
    if (put_number(to, grants->secrets_count) < 0)
        return -1;
    for (size_t i = 0; i < grants->secrets_count; i++) {
        const bx_secret_ask *ask = &grants->secrets[i];

        if (put_text(to, ask->name) < 0 || put_text(to, ask->host) < 0 ||
            put_text(to, ask->header) < 0 || put_text(to, ask->format) < 0 ||
            put_text(to, ask->origin) < 0)
            return -1;
    }
    return 0;
}

/* What "nothing granted" says follows from the name. */
static int put_grants(packer *to, const bx_grants *grants)
{
    if (put_text(to, grants->name) < 0 ||
        put_number(to, grants->rules_count) < 0)
        return -1;
    for (size_t i = 0; i < grants->rules_count; i++) {
        const bx_grant_rule *rule = &grants->rules[i];

        if (put_byte(to, rule->kind) < 0 || put_byte(to, rule->access) < 0 ||
            put_text(to, rule->text) < 0 || put_text(to, rule->origin) < 0)
            return -1;
    }
    if (put_asks(to, grants) < 0)
        return -1;
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++) {
        if (put_text(to, grants->limits[i].origin) < 0 ||
            (grants->limits[i].origin != NULL &&
             put_number(to, grants->limits[i].value) < 0))
            return -1;
    }
    return 0;
}

static int put_layers(packer *to, const bx_policy *policy)
{
    if (put_byte(to, policy->names != NULL) < 0 ||
        (policy->names != NULL && put_grants(to, policy->names) < 0) ||
        put_number(to, policy->layers_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->layers_count; i++) {
        if (put_grants(to, policy->layers[i]) < 0)
            return -1;
    }
    return 0;
}

/* Neither what they are, nor what is made of them. */
static int put_secrets(packer *to, const bx_policy *policy)
{
    if (put_number(to, policy->secrets_count) < 0)
        return -1;
    for (size_t i = 0; i < policy->secrets_count; i++) {
        const bx_secret *secret = &policy->secrets[i];

        if (put_text(to, secret->name) < 0 ||
            put_host_path(to, secret->file) < 0 ||
            put_text(to, secret->host == NULL
                             ? NULL
                             : bx_host_pattern_text(secret->host)) < 0 ||
            put_text(to, secret->origin) < 0)
            return -1;
    }
    return 0;
}

static int put_values(packer *to, const bx_policy *policy)
{
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++) {
        if (put_number(to, bx_limits_get(&policy->limits, i)) < 0 ||
            put_text(to, policy->limit_origins[i]) < 0)
            return -1;
    }
    if (put_host_path(to, policy->cache_dir) < 0 ||
        put_text(to, policy->cache_dir_origin) < 0 ||
        put_host_path(to, policy->overlay_dir) < 0 ||
        put_byte(to, policy->is_deterministic) < 0)
        return -1;
    if (!policy->is_deterministic)
        return 0;
    return put_number(to, policy->seed) < 0 ? -1
                                            : put_text(to, policy->seed_origin);
}

static int put_policy(packer *to, const bx_policy *policy)
{
    if (put(to, BX_PACK_MAGIC, sizeof(BX_PACK_MAGIC) - 1) < 0 ||
        put_mounts(to, policy) < 0 || put_fs_grants(to, policy) < 0 ||
        put_protected(to, policy) < 0 ||
        put_env(to, policy->env, policy->env_count) < 0 ||
        put_env(to, policy->hidden_env, policy->hidden_env_count) < 0 ||
        put_hosts(to, policy) < 0 || put_blocked(to, policy) < 0 ||
        put_levels(to, policy) < 0 || put_layers(to, policy) < 0 ||
        put_secrets(to, policy) < 0)
        return -1;
    return put_values(to, policy);
}

int bx_policy_pack(const bx_policy *policy, bx_buf *ret_bytes, bx_error **err)
{
    bx_autobuf bx_buf packed = BX_BUF_INIT;
    packer to = { .out = &packed,
                  .most = BX_POLICY_PACK_MAX_BYTES,
                  .err = err };
    int status = put_policy(&to, policy);

    free(to.here);
    if (status < 0)
        return bx_error_wrap(err, "packing the policy");
    if (bx_buf_append(ret_bytes, packed.data, packed.len, SIZE_MAX) < 0)
        return bx_error_set_nomem(err);
    return 0;
}
