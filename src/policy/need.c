#include "policy/need.h"

#include <stdlib.h>
#include <string.h>

#include "policy/layer.h"

#define NOTHING_GRANTED "nothing granted"

static bx_verdict give(const char *reason)
{
    return (bx_verdict){ true, reason, NOTHING_GRANTED };
}

static bx_verdict refuse(const char *reason, const char *rule)
{
    return (bx_verdict){ false, reason, rule };
}

static bool is_strictly_beneath(const char *path, const char *dir)
{
    return strcmp(path, dir) != 0 && bx_guest_path_is_beneath(path, dir);
}

/* Every place where access may change. visit: false ends it. */
typedef bool visit_fn(void *context, const char *path, const char *origin);

static void visit_points(const bx_policy *policy, visit_fn *visit,
                         void *context)
{
    for (size_t i = 0; i < policy->mounts_count; i++) {
        if (!visit(context, policy->mounts[i].guest_dir,
                   policy->mounts[i].origin))
            return;
    }
    for (size_t i = 0; i < policy->fs_grants_count; i++) {
        if (!visit(context, policy->fs_grants[i].guest_path,
                   policy->fs_grants[i].origin))
            return;
    }
    for (size_t i = 0; i < policy->layers_count; i++) {
        const bx_grants *layer = policy->layers[i];

        for (size_t k = 0; k < layer->rules_count; k++) {
            if (layer->rules[k].kind == BX_GRANT_FS &&
                !visit(context, layer->rules[k].text, layer->rules[k].origin))
                return;
        }
    }
}

typedef struct beneath {
    const bx_policy *policy;
    const char *path;
    bool wants_access; /* only points that give some */
    const char *origin;
} beneath;

static bool find_beneath(void *context, const char *path, const char *origin)
{
    beneath *found = context;

    if (!is_strictly_beneath(path, found->path) ||
        (found->wants_access &&
         bx_policy_fs_access(found->policy, path, NULL) == 0))
        return true;
    found->origin = origin;
    return false;
}

/* The origin of a point strictly beneath path, or NULL. */
static const char *point_beneath(const bx_policy *policy, const char *path,
                                 bool wants_access)
{
    beneath found = { policy, path, wants_access, NULL };

    visit_points(policy, find_beneath, &found);
    return found.origin;
}

/* The only form that rules compare with. Needs may come from a file. */
static bool is_canonical(const char *path)
{
    bx_autofree char *parsed = bx_guest_path_parse(path, NULL);

    return parsed != NULL && strcmp(parsed, path) == 0;
}

static bx_verdict check_seen(const bx_policy *policy, const char *path)
{
    bx_verdict verdict;
    const char *origin;

    if (bx_policy_fs_access(policy, path, &verdict) != 0)
        return (bx_verdict){ true, verdict.reason, verdict.rule };
    origin = point_beneath(policy, path, true);
    if (origin != NULL)
        return (bx_verdict){ true, "something beneath is granted", origin };
    return bx_policy_check_fs(policy, path, BX_ACCESS_READ);
}

static bx_verdict check_removed(const bx_policy *policy, const char *path)
{
    const char *origin = point_beneath(policy, path, false);

    return origin == NULL ? give("no mapping or grant lies there")
                          : refuse("a mapping or grant lies there", origin);
}

static bx_verdict check_moved(const bx_policy *policy, const char *target)
{
    bx_autofree char *from = NULL;
    const char *to;
    bx_verdict verdict;
    bx_verdict limit;

    if (!bx_need_split_move(target, &from, &to) || !is_canonical(from) ||
        !is_canonical(to))
        return refuse("not a move", NOTHING_GRANTED);
    verdict = check_removed(policy, from);
    if (verdict.is_allowed)
        verdict = check_removed(policy, to);
    if (verdict.is_allowed && bx_policy_fs_access(policy, from, NULL) !=
                                  bx_policy_fs_access(policy, to, &limit))
        return refuse("the two paths lie in different mappings or grants",
                      limit.rule);
    return verdict;
}

/* A network need as a URL. */
typedef struct network_need {
    bx_url url;
    bool is_any_scheme;
    bool is_any_port;
    char *room; /* what the strings of url are in */
} network_need;

static bool split_network(const char *target, network_need *ret)
{
    const char *host = strstr(target, "://");
    const char *port = strrchr(target, ':');
    size_t bytes = strlen(target);
    char *end;

    *ret = (network_need){ .url = { .port = 0 } };
    if (host == NULL || port < host + 3)
        return false;
    ret->is_any_scheme = strncmp(target, "*://", 4) == 0;
    ret->is_any_port = strcmp(port, ":*") == 0;
    if (!ret->is_any_port) {
        unsigned long number = strtoul(port + 1, &end, 10);

        if (port[1] < '0' || port[1] > '9' || *end != '\0' ||
            number > UINT16_MAX)
            return false;
        ret->url.port = (uint16_t)number;
    }
    ret->room = malloc(2 * (bytes + 2)); /* the whole, its parts behind it */
    if (ret->room == NULL)
        return false;
    memcpy(ret->room, target, bytes);
    memcpy(ret->room + bytes, "/", 2);
    end = ret->room + bytes + 2;
    memcpy(end, target, bytes + 1);
    ret->url.text = ret->room;
    ret->url.scheme = end;
    ret->url.host = end + (host + 3 - target);
    ret->url.path = ret->room + bytes;
    end[host - target] = '\0';
    end[port - target] = '\0';
    if (ret->url.host[0] == '[' && end[port - target - 1] == ']') {
        ret->url.host++;
        end[port - target - 1] = '\0';
    }
    return true;
}

static bool matches(const bx_host_pattern *pattern, network_need *need)
{
    static const char *const schemes[] = { "http", "https" };

    if (need->is_any_port)
        return bx_host_pattern_matches_host(pattern, &need->url);
    if (!need->is_any_scheme)
        return bx_host_pattern_matches(pattern, &need->url);
    for (size_t i = 0; i < 2; i++) {
        need->url.scheme = (char *)schemes[i]; /* only read */
        if (bx_host_pattern_matches(pattern, &need->url))
            return true;
    }
    return false;
}

bool bx_need_matches_host(const bx_host_pattern *pattern, const char *target)
{
    network_need need;
    bool is_match = split_network(target, &need) && matches(pattern, &need);

    free(need.room);
    return is_match;
}

/* Of a socket or a lookup, which have no URL: every layer has a rule. */
static bx_verdict check_hosts(const bx_policy *policy, network_need *need)
{
    const char *origin = NULL;

    for (size_t i = 0; i < policy->allowed_hosts_count && origin == NULL; i++) {
        if (matches(policy->allowed_hosts[i].pattern, need))
            origin = policy->allowed_hosts[i].origin;
    }
    if (origin == NULL)
        return refuse("no allowed-outbound-host matches", NOTHING_GRANTED);
    for (size_t i = 0; i < policy->layers_count; i++) {
        const bx_grants *layer = policy->layers[i];
        bool is_found = false;

        for (size_t k = 0; k < layer->rules_count && !is_found; k++)
            is_found = layer->rules[k].kind == BX_GRANT_HOST &&
                       matches(layer->rules[k].pattern, need);
        if (!is_found)
            return refuse("the tool or session is not granted this host",
                          layer->nothing);
    }
    return (bx_verdict){ true, "the host is allowed", origin };
}

static bx_verdict check_network(const bx_policy *policy, const char *target)
{
    network_need need;
    bx_verdict verdict = refuse("not an origin", NOTHING_GRANTED);

    if (split_network(target, &need))
        verdict = need.is_any_scheme || need.is_any_port
                      ? check_hosts(policy, &need)
                      : bx_policy_check_url(policy, &need.url);
    free(need.room);
    return verdict;
}

static bx_verdict check_read(const bx_policy *policy, const char *target)
{
    return bx_policy_check_fs(policy, target, BX_ACCESS_READ);
}

static bx_verdict check_write(const bx_policy *policy, const char *target)
{
    return bx_policy_check_fs(policy, target, BX_ACCESS_WRITE);
}

bx_verdict bx_policy_check_need(const bx_policy *policy, const char *kind,
                                const char *target)
{
    static const struct {
        const char *kind;
        bx_verdict (*check)(const bx_policy *policy, const char *target);
    } checks[] = {
        { "fs.read", check_read },        { "fs.list", check_read },
        { "fs.write", check_write },      { "fs.stat", check_seen },
        { "fs.remove", check_removed },   { "fs.move", check_moved },
        { "network", check_network },     { "env", bx_policy_check_env },
        { "exec", bx_policy_check_exec }, { "tool", bx_policy_check_tool },
    };

    if (strncmp(kind, "fs.", 3) == 0 && strcmp(kind, "fs.move") != 0 &&
        !is_canonical(target))
        return refuse("not a canonical path", NOTHING_GRANTED);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (strcmp(checks[i].kind, kind) == 0)
            return checks[i].check(policy, target);
    }
    return refuse("not a kind of capability", NOTHING_GRANTED);
}

bool bx_need_split_move(const char *target, char **ret_from,
                        const char **ret_to)
{
    const char *middle = strstr(target, "//");

    if (target[0] != '/' || middle == NULL || middle == target)
        return false;
    *ret_from = strndup(target, (size_t)(middle - target));
    *ret_to = middle + 1;
    return *ret_from != NULL;
}
