#include "policy/entry.h"

#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "policy/layer.h"
#include "policy/name_pattern.h"
#include "policy/text.h"

/* Origins are shown in one line of a log: printable, and not too long. */
char *bx_origin_copy(const bx_source *source, bx_error **err)
{
    bx_autobuf bx_buf buf = BX_BUF_INIT;
    int status;

    if (source->is_printable)
        status = bx_buf_puts(&buf, source->origin);
    else
        status = bx_buf_put_escaped(&buf, source->origin,
                                    strlen(source->origin), 400);
    if (status < 0) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return bx_buf_take(&buf);
}

/* Room for one entry more; *items may move. */
int bx_policy_grow(void *items, size_t count, size_t item_bytes, bx_error **err)
{
    void *grown;
    void *old;

    memcpy(&old, items, sizeof(old));
    if (count >= BX_POLICY_MAX_ENTRIES)
        return bx_error_set(err, BX_ERR_LIMIT, "more than %d entries",
                            BX_POLICY_MAX_ENTRIES);
    if (count > 0 && (count & (count - 1)) != 0)
        return 0; /* grown to the next power of two before */
    grown = realloc(old, (count == 0 ? 1 : count * 2) * item_bytes);
    if (grown == NULL)
        return bx_error_set_nomem(err);
    memcpy(items, &grown, sizeof(grown));
    return 0;
}

/* ---- files ---- */

/* is_taken: another policy had it, perhaps from a current folder whose name is
 * no text. */
static const char *find_fault(const char *text, const char *base_dir,
                              bool is_taken)
{
    /* PATH_MAX less a '/', "./" and the NUL; those may be there by now. */
    size_t most = is_taken ? 4095 : 4092;

    if (text[0] == '\0')
        return "is empty";
    if (strlen(text) + strlen(base_dir) > most)
        return "is longer than 4092 bytes";
    if (text[0] == '~' && (text[1] == '\0' || text[1] == '/'))
        return "begins with '~', which only a shell replaces";
    if (!is_taken && (!bx_utf8_is_valid(text, strlen(text)) ||
                      !bx_utf8_is_valid(base_dir, strlen(base_dir))))
        return "is not UTF-8";
    return NULL;
}

static char *make_host_dir(const char *text, const bx_source *source,
                           bx_error **err)
{
    const char *base_dir = source->base_dir;
    bool is_joined = base_dir != NULL && base_dir[0] != '\0' && text[0] != '/';
    const char *base = is_joined ? base_dir : "";
    const char *why = find_fault(text, base, source->is_printable);
    char *path = NULL;

    if (why != NULL) {
        bx_autofree char *shown = bx_text_show(text);

        (void)bx_error_set(err, BX_ERR_INVALID,
                           "host folder %s %s; expected a path such as ./data "
                           "or /srv/data",
                           BX_SHOWN(shown), why);
        return NULL;
    }
    if (asprintf(&path, "%s%s%s%s", base[0] == '~' ? "./" : "", base,
                 is_joined && strcmp(base, "/") != 0 ? "/" : "", text) < 0) {
        (void)bx_error_set_nomem(err);
        return NULL;
    }
    return path;
}

static void clear_mount(bx_mount *mount)
{
    free(mount->host_dir);
    free(mount->guest_dir);
    free(mount->name);
    free(mount->origin);
}

static int fill_mount(bx_mount *mount, const char *host_dir,
                      const char *guest_dir, const bx_source *source,
                      bx_error **err)
{
    mount->host_dir = make_host_dir(host_dir, source, err);
    if (mount->host_dir == NULL)
        return -1;
    mount->guest_dir = bx_guest_path_parse(guest_dir, err);
    if (mount->guest_dir == NULL)
        return bx_error_wrap(err, "guest folder");
    mount->name = strdup(guest_dir);
    if (mount->name == NULL)
        return bx_error_set_nomem(err);
    mount->origin = bx_origin_copy(source, err);
    return mount->origin == NULL ? -1 : 0;
}

/* The entry that the new one replaces, a slot behind the last, or NULL. */
static bx_mount *find_mount_slot(bx_policy *policy, const bx_mount *mount,
                                 bx_error **err)
{
    for (size_t i = 0; i < policy->mounts_count; i++) {
        bx_mount *old = &policy->mounts[i];

        if (mount->is_work_dir && old->is_work_dir)
            return old;
        if (strcmp(old->guest_dir, mount->guest_dir) == 0) {
            bx_autofree char *shown = bx_text_show(mount->guest_dir);

            (void)bx_error_set(err, BX_ERR_INVALID,
                               "guest folder %s is mapped twice, by '%s' and "
                               "by '%s'; expected each guest folder once",
                               BX_SHOWN(shown), old->origin, mount->origin);
            return NULL;
        }
    }
    if (bx_policy_grow(&policy->mounts, policy->mounts_count, sizeof(bx_mount),
                       err) < 0)
        return NULL;
    policy->mounts[policy->mounts_count] = (bx_mount){ 0 };
    return &policy->mounts[policy->mounts_count++];
}

static int put_mount(bx_policy *policy, bx_mount *mount, const char *host_dir,
                     const char *guest_dir, const bx_source *source,
                     bx_error **err)
{
    bx_mount *slot = NULL;

    if (fill_mount(mount, host_dir, guest_dir, source, err) == 0)
        slot = find_mount_slot(policy, mount, err);
    if (slot == NULL) {
        clear_mount(mount);
        return -1;
    }
    clear_mount(slot);
    *slot = *mount;
    return 0;
}

int bx_policy_add_mount(bx_policy *policy, const char *host_dir,
                        const char *guest_dir, unsigned access,
                        const bx_source *source, bx_error **err)
{
    bx_mount mount = { .access = access };

    if (access != BX_ACCESS_READ &&
        access != (BX_ACCESS_READ | BX_ACCESS_WRITE))
        return bx_error_set(err, BX_ERR_INVALID,
                            "access %u is neither reading (1) nor reading and "
                            "writing (3)",
                            access);
    return put_mount(policy, &mount, host_dir, guest_dir, source, err);
}

int bx_policy_put_work_dir(bx_policy *policy, const char *host_dir,
                           const bx_source *source, bx_error **err)
{
    bx_mount mount = {
        .access = BX_ACCESS_READ | BX_ACCESS_WRITE,
        .is_work_dir = true,
    };

    return put_mount(policy, &mount, host_dir, "/", source, err);
}

int bx_policy_add_fs_grant(bx_policy *policy, unsigned access,
                           const char *guest_path, const bx_source *source,
                           bx_error **err)
{
    bx_autofree char *path = bx_guest_path_parse(guest_path, err);
    bx_autofree char *origin = NULL;

    if (path == NULL)
        return -1;
    origin = bx_origin_copy(source, err);
    if (origin == NULL ||
        bx_policy_grow(&policy->fs_grants, policy->fs_grants_count,
                       sizeof(bx_fs_grant), err) < 0)
        return -1;
    policy->fs_grants[policy->fs_grants_count++] = (bx_fs_grant){
        .access = access,
        .guest_path = bx_take(path),
        .origin = bx_take(origin),
    };
    return 0;
}

static int protect(bx_policy *policy, const char *host_path, bool is_hidden,
                   const char *origin, bx_error **err)
{
    bx_source source = { .origin = origin };
    bx_autofree char *path = NULL;
    bx_autofree char *copy = NULL;

    if (host_path[0] != '/')
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' cannot be protected: expected an absolute "
                            "path of the host",
                            host_path);
    path = strdup(host_path);
    if (path == NULL)
        return bx_error_set_nomem(err);
    copy = bx_origin_copy(&source, err);
    if (copy == NULL ||
        bx_policy_grow(&policy->protected_paths, policy->protected_paths_count,
                       sizeof(bx_protected), err) < 0)
        return -1;
    policy->protected_paths[policy->protected_paths_count++] =
        (bx_protected){ bx_take(path), bx_take(copy), is_hidden };
    return 0;
}

int bx_policy_protect(bx_policy *policy, const char *host_path,
                      const char *origin, bx_error **err)
{
    return protect(policy, host_path, false, origin, err);
}

int bx_policy_hide(bx_policy *policy, const char *host_path, const char *origin,
                   bx_error **err)
{
    return protect(policy, host_path, true, origin, err);
}

/* ---- environment ---- */

static int check_env(const char *name, const char *value, bx_error **err)
{
    bx_autofree char *shown = bx_text_show(name);
    const char *why = NULL;

    if (name[0] == '\0')
        why = "is empty";
    else if (strchr(name, '=') != NULL)
        why = "has '='";
    else if (bx_text_has_control(name))
        why = "has a control byte";
    else if (!bx_utf8_is_valid(name, strlen(name)))
        why = "is not UTF-8";
    else if (!bx_utf8_is_valid(value, strlen(value)))
        why = "has a value that is not UTF-8";
    if (why == NULL)
        return 0;
    return bx_error_set(err, BX_ERR_INVALID,
                        "variable %s %s; expected NAME=VALUE, or NAME alone "
                        "to pass the host's own",
                        BX_SHOWN(shown), why);
}

/* Values may be secrets, and origins are shown: cut "--env K=V" to "--env K".
 */
static void hide_value(char *origin, const char *name)
{
    size_t len = strlen(name);

    for (char *at = origin; (at = strstr(at, name)) != NULL; at++) {
        if (at[len] == '=') {
            at[len] = '\0';
            return;
        }
    }
}

int bx_policy_put_env(bx_policy *policy, const char *name, const char *value,
                      const bx_source *source, bx_error **err)
{
    bx_autofree char *new_name = NULL;
    bx_autofree char *new_value = NULL;
    bx_autofree char *origin = NULL;
    bx_env_var *slot = NULL;

    if (check_env(name, value, err) < 0)
        return -1;
    new_name = strdup(name);
    new_value = strdup(value);
    if (new_name == NULL || new_value == NULL)
        return bx_error_set_nomem(err);
    origin = bx_origin_copy(source, err);
    if (origin == NULL)
        return -1;
    hide_value(origin, name);
    for (size_t i = 0; i < policy->env_count && slot == NULL; i++) {
        if (strcmp(policy->env[i].name, name) == 0)
            slot = &policy->env[i];
    }
    if (slot == NULL) {
        if (bx_policy_grow(&policy->env, policy->env_count, sizeof(*slot),
                           err) < 0)
            return -1;
        slot = &policy->env[policy->env_count++];
        *slot = (bx_env_var){ 0 };
    }
    free(slot->name);
    free(slot->value);
    free(slot->origin);
    *slot =
        (bx_env_var){ bx_take(new_name), bx_take(new_value), bx_take(origin) };
    return 0;
}

/* ---- programs, tools and their levels ---- */

int bx_policy_add_name(bx_policy *policy, const char *grant,
                       const bx_source *source, bx_error **err)
{
    bx_autofree char *origin = bx_origin_copy(source, err);

    if (origin == NULL)
        return -1;
    if (policy->names == NULL && (policy->names = bx_grants_new()) == NULL)
        return bx_error_set_nomem(err);
    if (bx_grants_add(policy->names, grant, origin, err) < 0)
        return -1;
    /* It is printable already: escaped twice it would not be the same. */
    free(policy->names->rules[policy->names->rules_count - 1].origin);
    policy->names->rules[policy->names->rules_count - 1].origin =
        bx_take(origin);
    return 0;
}

int bx_policy_put_max_level(bx_policy *policy, const char *level,
                            const bx_source *source, bx_error **err)
{
    bx_autofree char *origin = bx_origin_copy(source, err);

    if (origin == NULL || bx_level_parse(level, &policy->max_level, err) < 0)
        return -1;
    free(policy->max_level_origin);
    policy->max_level_origin = bx_take(origin);
    return 0;
}

int bx_policy_add_tool_level(bx_policy *policy, const char *text,
                             const bx_source *source, bx_error **err)
{
    const char *equals = strchr(text, '=');
    bx_autofree char *pattern = NULL;
    bx_autofree char *origin = NULL;
    bx_level level;

    if (equals == NULL) {
        bx_autofree char *shown = bx_text_show(text);

        return bx_error_set(err, BX_ERR_INVALID,
                            "%s has no '='; expected NAME=LEVEL such as "
                            "bash=forbidden",
                            BX_SHOWN(shown));
    }
    pattern = strndup(text, (size_t)(equals - text));
    if (pattern == NULL)
        return bx_error_set_nomem(err);
    if (bx_name_pattern_check(pattern, "tool", err) < 0 ||
        bx_level_parse(equals + 1, &level, err) < 0)
        return -1;
    origin = bx_origin_copy(source, err);
    if (origin == NULL ||
        bx_policy_grow(&policy->tool_levels, policy->tool_levels_count,
                       sizeof(bx_tool_level), err) < 0)
        return -1;
    policy->tool_levels[policy->tool_levels_count++] =
        (bx_tool_level){ bx_take(pattern), level, bx_take(origin) };
    return 0;
}

/* ---- network ---- */

int bx_policy_add_allowed_host(bx_policy *policy, const char *text,
                               const bx_source *source, bx_error **err)
{
    bx_autopattern bx_host_pattern *pattern = bx_host_pattern_parse(text, err);
    bx_autofree char *origin = NULL;

    if (pattern == NULL)
        return -1;
    origin = bx_origin_copy(source, err);
    if (origin == NULL ||
        bx_policy_grow(&policy->allowed_hosts, policy->allowed_hosts_count,
                       sizeof(bx_host_rule), err) < 0)
        return -1;
    policy->allowed_hosts[policy->allowed_hosts_count++] =
        (bx_host_rule){ bx_take(pattern), bx_take(origin) };
    return 0;
}

int bx_policy_add_blocked_url(bx_policy *policy, const char *text,
                              const bx_source *source, bx_error **err)
{
    BX_AUTO(bx_url_pattern_free)
    bx_url_pattern *pattern = bx_url_pattern_parse(text, err);
    bx_autofree char *origin = NULL;

    if (pattern == NULL)
        return -1;
    origin = bx_origin_copy(source, err);
    if (origin == NULL ||
        bx_policy_grow(&policy->blocked_urls, policy->blocked_urls_count,
                       sizeof(bx_url_rule), err) < 0)
        return -1;
    policy->blocked_urls[policy->blocked_urls_count++] =
        (bx_url_rule){ bx_take(pattern), bx_take(origin) };
    return 0;
}

int bx_policy_add_blocked_network(bx_policy *policy, const char *text,
                                  const bx_source *source, bx_error **err)
{
    bx_network network;
    bx_autofree char *origin = NULL;

    if (bx_network_parse(text, &network, err) < 0)
        return -1;
    origin = bx_origin_copy(source, err);
    if (origin == NULL || bx_policy_grow(&policy->blocked_networks,
                                         policy->blocked_networks_count,
                                         sizeof(bx_network_rule), err) < 0)
        return -1;
    policy->blocked_networks[policy->blocked_networks_count++] =
        (bx_network_rule){ network, bx_take(origin) };
    return 0;
}

/* ---- single values ---- */

int bx_policy_put_cache_dir(bx_policy *policy, const char *text,
                            const bx_source *source, bx_error **err)
{
    bx_autofree char *origin = bx_origin_copy(source, err);
    bx_autofree char *dir = NULL;

    if (origin == NULL)
        return -1;
    if (text[0] == '\0') {
        dir = strdup("");
        if (dir == NULL)
            return bx_error_set_nomem(err);
    } else {
        dir = make_host_dir(text, source, err);
        if (dir == NULL)
            return -1;
    }
    free(policy->cache_dir);
    free(policy->cache_dir_origin);
    policy->cache_dir = bx_take(dir);
    policy->cache_dir_origin = bx_take(origin);
    return 0;
}

int bx_policy_put_seed(bx_policy *policy, uint64_t seed,
                       const bx_source *source, bx_error **err)
{
    char *origin = bx_origin_copy(source, err);

    if (origin == NULL)
        return -1;
    free(policy->seed_origin);
    policy->seed_origin = origin;
    policy->is_deterministic = true;
    policy->seed = seed;
    return 0;
}

/* bx_limits is uint64_t fields and nothing else, so it is an array too. */
_Static_assert(sizeof(bx_limits) % sizeof(uint64_t) == 0, "padding");

uint64_t bx_limits_get(const bx_limits *limits, size_t index)
{
    uint64_t value;

    memcpy(&value, (const char *)limits + index * sizeof(value), sizeof(value));
    return value;
}

int bx_policy_put_limit(bx_policy *policy, size_t index, uint64_t value,
                        const bx_source *source, bx_error **err)
{
    char *origin = bx_origin_copy(source, err);

    if (origin == NULL)
        return -1;
    free(policy->limit_origins[index]);
    policy->limit_origins[index] = origin;
    memcpy((char *)&policy->limits + index * sizeof(value), &value,
           sizeof(value));
    return 0;
}
