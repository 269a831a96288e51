/* Reading a packed policy. The bytes are not trusted: each entry goes through
 * the checks that a policy file's does, and only what pack.c writes is taken,
 * to the byte. */
#include "policy/pack.h"

#include <string.h>

#include "base/utf8.h"
#include "policy/control.h"
#include "policy/entry.h"
#include "policy/pack_format.h"
#include "policy/secret.h"
#include "policy/text.h"

typedef struct unpacker {
    const char *at;
    size_t left;
    bx_error **err;
} unpacker;

/* ---- values --------------------------------------------------------- */

static int refuse(unpacker *from, const char *why)
{
    (void)bx_error_set(from->err, BX_ERR_INVALID,
                       "%s; expected what the same version of boxagnts wrote",
                       why);
    return -1;
}

static int get(unpacker *from, void *ret_data, size_t bytes)
{
    if (from->left < bytes)
        return refuse(from, "the bytes end too early");
    memcpy(ret_data, from->at, bytes);
    from->at += bytes;
    from->left -= bytes;
    return 0;
}

/* 0 to most. */
static int get_byte(unpacker *from, unsigned most, unsigned *ret_value)
{
    uint8_t byte;

    if (get(from, &byte, 1) < 0)
        return -1;
    if (byte > most)
        return refuse(from, "a byte has a value that means nothing");
    *ret_value = byte;
    return 0;
}

static int get_number(unpacker *from, uint64_t *ret_value)
{
    uint8_t bytes[8];
    uint64_t value = 0;

    if (get(from, bytes, sizeof(bytes)) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(bytes); i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    *ret_value = value;
    return 0;
}

static int get_count(unpacker *from, size_t *ret_count)
{
    uint64_t count;

    if (get_number(from, &count) < 0)
        return -1;
    if (count > BX_POLICY_MAX_ENTRIES)
        return refuse(from, "a list has too many entries");
    *ret_count = (size_t)count;
    return 0;
}

/* *ret_text: borrowed from the bytes, NULL for none. */
static int get_optional(unpacker *from, const char **ret_text)
{
    unsigned kind;
    const char *end;

    if (get_byte(from, BX_PACK_TEXT, &kind) < 0)
        return -1;
    *ret_text = NULL;
    if (kind == BX_PACK_NONE)
        return 0;
    end = memchr(from->at, '\0', from->left);
    if (end == NULL)
        return refuse(from, "a text has no end");
    *ret_text = from->at;
    from->left -= (size_t)(end + 1 - from->at);
    from->at = end + 1;
    return 0;
}

static int get_text(unpacker *from, const char **ret_text)
{
    if (get_optional(from, ret_text) < 0)
        return -1;
    return *ret_text == NULL ? refuse(from, "a text is missing") : 0;
}

/* Absolute, or NULL for none. */
static int get_host_path(unpacker *from, const char **ret_path)
{
    if (get_optional(from, ret_path) < 0)
        return -1;
    if (*ret_path != NULL && (*ret_path)[0] != '/')
        return refuse(from, "a host path is not absolute");
    return 0;
}

static int check_printable(unpacker *from, const char *text)
{
    if (text != NULL &&
        (bx_text_has_control(text) || !bx_utf8_is_valid(text, strlen(text))))
        return refuse(from, "a name or an origin is not printable");
    return 0;
}

static int get_optional_source(unpacker *from, bx_source *ret_source)
{
    *ret_source = (bx_source){ .is_printable = true };
    if (get_optional(from, &ret_source->origin) < 0)
        return -1;
    return check_printable(from, ret_source->origin);
}

static int get_source(unpacker *from, bx_source *ret_source)
{
    if (get_optional_source(from, ret_source) < 0)
        return -1;
    return ret_source->origin == NULL ? refuse(from, "an origin is missing")
                                      : 0;
}

/* An origin that has its layer in front already. */
static int keep_origin(unpacker *from, char **slot, const bx_source *source)
{
    char *origin = bx_origin_copy(source, from->err);

    if (origin == NULL)
        return -1;
    free(*slot);
    *slot = origin;
    return 0;
}

/* ---- parts, in the order of their functions ------------------------- */

static int get_mount(unpacker *from, bx_policy *policy)
{
    unsigned is_work_dir;
    unsigned access;
    const char *host_dir;
    const char *name;
    bx_source source;

    if (get_byte(from, true, &is_work_dir) < 0 ||
        get_byte(from, BX_ACCESS_READ | BX_ACCESS_WRITE, &access) < 0 ||
        get_host_path(from, &host_dir) < 0 || get_text(from, &name) < 0 ||
        get_source(from, &source) < 0)
        return -1;
    if (host_dir == NULL)
        return refuse(from, "a mapping has no host folder");
    if (is_work_dir)
        return bx_policy_put_work_dir(policy, host_dir, &source, from->err);
    return bx_policy_add_mount(policy, host_dir, name, access, &source,
                               from->err);
}

static int get_fs_grant(unpacker *from, bx_policy *policy)
{
    unsigned access;
    const char *path;
    bx_source source;

    if (get_byte(from, BX_ACCESS_READ | BX_ACCESS_WRITE, &access) < 0 ||
        get_text(from, &path) < 0 || get_source(from, &source) < 0)
        return -1;
    if (bx_grant_prefix(BX_GRANT_FS, access)[0] == '\0')
        return refuse(from, "a grant is neither for reading nor writing");
    return bx_policy_add_fs_grant(policy, access, path, &source, from->err);
}

static int get_protected(unpacker *from, bx_policy *policy)
{
    const char *path;
    bx_source source;
    unsigned is_hidden;

    if (get_host_path(from, &path) < 0 || get_byte(from, 1, &is_hidden) < 0 ||
        get_source(from, &source) < 0)
        return -1;
    if (path == NULL)
        return refuse(from, "a protected path is missing");
    if ((is_hidden != 0 ? bx_policy_hide : bx_policy_protect)(policy, path, "",
                                                              from->err) < 0)
        return -1;
    return keep_origin(
        from,
        &policy->protected_paths[policy->protected_paths_count - 1].origin,
        &source);
}

static int get_env(unpacker *from, bx_policy *policy)
{
    const char *name;
    const char *value;
    bx_source source;

    if (get_text(from, &name) < 0 || get_text(from, &value) < 0 ||
        get_source(from, &source) < 0)
        return -1;
    return bx_policy_put_env(policy, name, value, &source, from->err);
}

static int get_hidden_env(unpacker *from, bx_policy *policy)
{
    const char *name;
    const char *value;
    bx_source source;
    bx_autofree char *copy = NULL;
    bx_autofree char *origin = NULL;

    if (get_text(from, &name) < 0 || get_optional(from, &value) < 0 ||
        get_source(from, &source) < 0)
        return -1;
    if (check_printable(from, name) < 0)
        return -1;
    if (name[0] == '\0' || strchr(name, '=') != NULL)
        return refuse(from, "a variable has no name");
    copy = strdup(name);
    if (copy == NULL)
        return bx_error_set_nomem(from->err);
    origin = bx_origin_copy(&source, from->err);
    if (origin == NULL ||
        bx_policy_grow(&policy->hidden_env, policy->hidden_env_count,
                       sizeof(bx_env_var), from->err) < 0)
        return -1;
    policy->hidden_env[policy->hidden_env_count++] =
        (bx_env_var){ .name = bx_take(copy), .origin = bx_take(origin) };
    return 0;
}

/* An entry that is one text and its origin. */
typedef int (*put_fn)(bx_policy *policy, const char *text,
                      const bx_source *source, bx_error **err);

static int get_entry(unpacker *from, bx_policy *policy, put_fn put)
{
    const char *text;
    bx_source source;

    if (get_text(from, &text) < 0 || get_source(from, &source) < 0)
        return -1;
    return put(policy, text, &source, from->err);
}

static int get_host(unpacker *from, bx_policy *policy)
{
    return get_entry(from, policy, bx_policy_add_allowed_host);
}

static int get_blocked_url(unpacker *from, bx_policy *policy)
{
    return get_entry(from, policy, bx_policy_add_blocked_url);
}

static int get_blocked_network(unpacker *from, bx_policy *policy)
{
    return get_entry(from, policy, bx_policy_add_blocked_network);
}

static int get_max_level(unpacker *from, bx_policy *policy)
{
    unsigned level;
    bx_source source;

    if (get_byte(from, BX_LEVEL_FORBIDDEN, &level) < 0 ||
        get_optional_source(from, &source) < 0)
        return -1;
    if (source.origin == NULL)
        return level == BX_LEVEL_DANGEROUS
                   ? 0
                   : refuse(from, "the most a tool may have comes from "
                                  "nowhere");
    return bx_policy_put_max_level(policy, bx_level_name((bx_level)level),
                                   &source, from->err);
}

static int get_tool_level(unpacker *from, bx_policy *policy)
{
    unsigned level;
    const char *pattern;
    bx_source source;
    bx_autofree char *text = NULL;

    if (get_byte(from, BX_LEVEL_FORBIDDEN, &level) < 0 ||
        get_text(from, &pattern) < 0 || get_source(from, &source) < 0)
        return -1;
    if (asprintf(&text, "%s=%s", pattern, bx_level_name((bx_level)level)) < 0) {
        text = NULL;
        return bx_error_set_nomem(from->err);
    }
    return bx_policy_add_tool_level(policy, text, &source, from->err);
}

/* ---- layers --------------------------------------------------------- */

static int get_rule(unpacker *from, bx_grants *grants)
{
    unsigned kind;
    unsigned access;
    const char *text;
    bx_source source;

    if (get_byte(from, BX_GRANT_TOOL, &kind) < 0 ||
        get_byte(from, BX_ACCESS_READ | BX_ACCESS_WRITE, &access) < 0 ||
        get_text(from, &text) < 0 || get_source(from, &source) < 0)
        return -1;
    if (bx_grant_prefix((bx_grant_kind)kind, access)[0] == '\0')
        return refuse(from, "a rule has an access that means nothing");
    if (bx_grants_add_rule(grants, (bx_grant_kind)kind, access, text, "",
                           from->err) < 0)
        return -1;
    return keep_origin(from, &grants->rules[grants->rules_count - 1].origin,
                       &source);
}

static int get_ask(unpacker *from, bx_grants *grants)
{
    const char *name;
    const char *host;
    const char *header;
    const char *format;
    bx_source source;

    if (get_text(from, &name) < 0 || get_text(from, &host) < 0 ||
        get_text(from, &header) < 0 || get_text(from, &format) < 0 ||
        get_source(from, &source) < 0 ||
        bx_grants_add_secret(grants, name, host, header, format, "",
                             from->err) < 0)
        return -1;
    return keep_origin(from, &grants->secrets[grants->secrets_count - 1].origin,
                       &source);
}

/* The control whose value is the field of bx_limits with that index. */
static const bx_control *find_limit(size_t index)
{
    for (size_t i = 0; i < bx_controls_count; i++) {
        if (bx_control_is_limit(&bx_controls[i]) &&
            bx_controls[i].index == index)
            return &bx_controls[i];
    }
    return NULL;
}

static int get_limit(unpacker *from, size_t index, uint64_t *ret_value)
{
    const bx_control *control = find_limit(index);
    uint64_t value;

    if (get_number(from, &value) < 0)
        return -1;
    if (control == NULL || value < control->min || value > control->max)
        return refuse(from, "a limit is out of its bounds");
    *ret_value = value;
    return 0;
}

static int get_limit_asks(unpacker *from, bx_grants *grants)
{
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++) {
        bx_source source;

        if (get_optional_source(from, &source) < 0)
            return -1;
        if (source.origin == NULL)
            continue;
        if (get_limit(from, i, &grants->limits[i].value) < 0 ||
            keep_origin(from, &grants->limits[i].origin, &source) < 0)
            return -1;
    }
    return 0;
}

static int get_grants(unpacker *from, bx_grants *grants, const char **ret_name)
{
    size_t count;

    if (get_optional(from, ret_name) < 0 ||
        check_printable(from, *ret_name) < 0 || get_count(from, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (get_rule(from, grants) < 0)
            return -1;
    }
    if (get_count(from, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (get_ask(from, grants) < 0)
            return -1;
    }
    return get_limit_asks(from, grants);
}

/* exec and tool grants of the workspace: no layer, so no name. */
static int get_names(unpacker *from, bx_policy *policy)
{
    unsigned has_names;
    const char *name;

    if (get_byte(from, true, &has_names) < 0)
        return -1;
    if (!has_names)
        return 0;
    policy->names = bx_grants_new();
    if (policy->names == NULL)
        return bx_error_set_nomem(from->err);
    if (get_grants(from, policy->names, &name) < 0)
        return -1;
    if (name != NULL)
        return refuse(from, "the workspace's own grants have a name");
    for (size_t i = 0; i < policy->names->rules_count; i++) {
        bx_grant_kind kind = policy->names->rules[i].kind;

        if (kind != BX_GRANT_EXEC && kind != BX_GRANT_TOOL)
            return refuse(from, "a grant of the workspace's is for neither a "
                                "program nor a tool");
    }
    return 0;
}

static int get_layer(unpacker *from, bx_policy *policy)
{
    bx_autogrants bx_grants *layer = bx_grants_new();
    const char *name;

    if (layer == NULL)
        return bx_error_set_nomem(from->err);
    if (get_grants(from, layer, &name) < 0)
        return -1;
    if (name == NULL)
        return refuse(from, "a layer has no name");
    if (bx_grants_set_name(layer, name) < 0)
        return bx_error_set_nomem(from->err);
    if (bx_policy_grow(&policy->layers, policy->layers_count, sizeof(void *),
                       from->err) < 0)
        return -1;
    policy->layers[policy->layers_count++] = bx_take(layer);
    return 0;
}

/* ---- secrets and single values -------------------------------------- */

static int get_secret(unpacker *from, bx_policy *policy)
{
    const char *name;
    const char *file;
    const char *host;
    bx_source source;

    if (get_text(from, &name) < 0 || get_host_path(from, &file) < 0 ||
        get_optional(from, &host) < 0 || get_source(from, &source) < 0)
        return -1;
    return bx_policy_put_absent_secret(policy, name, file, host, &source,
                                       from->err);
}

static int get_limits(unpacker *from, bx_policy *policy)
{
    for (size_t i = 0; i < BX_LIMITS_COUNT; i++) {
        bx_source source;
        uint64_t value = 0;

        if (get_limit(from, i, &value) < 0 ||
            get_optional_source(from, &source) < 0)
            return -1;
        if (source.origin != NULL
                ? bx_policy_put_limit(policy, i, value, &source, from->err) < 0
                : value != bx_limits_get(&BX_LIMITS_DEFAULT, i) &&
                      refuse(from, "a limit comes from nowhere") < 0)
            return -1;
    }
    return 0;
}

static int get_cache_dir(unpacker *from, bx_policy *policy)
{
    const char *dir;
    bx_source source;

    if (get_optional(from, &dir) < 0 || get_optional_source(from, &source) < 0)
        return -1;
    if ((dir == NULL) != (source.origin == NULL) ||
        (dir != NULL && dir[0] != '\0' && dir[0] != '/'))
        return refuse(from, "the cache's folder is not absolute, or comes "
                            "from nowhere");
    return dir == NULL
               ? 0
               : bx_policy_put_cache_dir(policy, dir, &source, from->err);
}

static int get_seed(unpacker *from, bx_policy *policy)
{
    unsigned is_deterministic;
    uint64_t seed;
    bx_source source;

    if (get_byte(from, true, &is_deterministic) < 0)
        return -1;
    if (!is_deterministic)
        return 0;
    if (get_number(from, &seed) < 0 || get_source(from, &source) < 0)
        return -1;
    return bx_policy_put_seed(policy, seed, &source, from->err);
}

static int get_values(unpacker *from, bx_policy *policy)
{
    const char *overlay;

    if (get_limits(from, policy) < 0 || get_cache_dir(from, policy) < 0 ||
        get_host_path(from, &overlay) < 0 ||
        bx_policy_set_overlay(policy, overlay, from->err) < 0)
        return -1;
    return get_seed(from, policy);
}

/* ---- the whole ------------------------------------------------------ */

typedef int (*get_fn)(unpacker *from, bx_policy *policy);

static int get_list(unpacker *from, bx_policy *policy, get_fn get_one)
{
    size_t count;

    if (get_count(from, &count) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (get_one(from, policy) < 0)
            return -1;
    }
    return 0;
}

static int get_policy(unpacker *from, bx_policy *policy)
{
    static const struct {
        get_fn get;
        bool is_list;
    } parts[] = {
        { get_mount, true },       { get_fs_grant, true },
        { get_protected, true },   { get_env, true },
        { get_hidden_env, true },  { get_host, true },
        { get_blocked_url, true }, { get_blocked_network, true },
        { get_max_level, false },  { get_tool_level, true },
        { get_names, false },      { get_layer, true },
        { get_secret, true },      { get_values, false },
    };
    char magic[sizeof(BX_PACK_MAGIC) - 1];

    if (get(from, magic, sizeof(magic)) < 0)
        return -1;
    if (memcmp(magic, BX_PACK_MAGIC, sizeof(magic)) != 0)
        return refuse(from, "not a packed policy, or of another version");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if ((parts[i].is_list ? get_list(from, policy, parts[i].get)
                              : parts[i].get(from, policy)) < 0)
            return -1;
    }
    return from->left == 0 ? 0 : refuse(from, "bytes follow the policy");
}

/* An entry spelled otherwise, or there twice, is not what pack.c writes. */
static int check_canonical(unpacker *from, const bx_policy *policy,
                           const void *bytes, size_t count)
{
    bx_autobuf bx_buf again = BX_BUF_INIT;

    if (bx_policy_pack(policy, &again, from->err) < 0)
        return -1;
    if (again.len != count || memcmp(again.data, bytes, count) != 0)
        return refuse(from, "an entry is not in its one form");
    return 0;
}

int bx_policy_unpack(const void *bytes, size_t count, bx_policy **ret_policy,
                     bx_error **err)
{
    bx_autopolicy bx_policy *policy = bx_policy_new();
    unpacker from = { .at = bytes, .left = count, .err = err };

    if (policy == NULL)
        return bx_error_set_nomem(err);
    if (count > BX_POLICY_PACK_MAX_BYTES)
        return bx_error_set(err, BX_ERR_INVALID,
                            "packed policy: more than %u bytes",
                            BX_POLICY_PACK_MAX_BYTES);
    if (get_policy(&from, policy) < 0 ||
        check_canonical(&from, policy, bytes, count) < 0)
        return bx_error_wrap(err, "packed policy");
    *ret_policy = bx_take(policy);
    return 0;
}
