/* The policy as the rest of the program reads it. Filled by policy.c and
 * policy_file.c; afterwards everyone only reads it.
 *
 * Every entry keeps its origin, the line a refusal or an explanation cites:
 * "ci.yaml:7: map-dir ./data::/data::ro" or "--map-dir ./data::/data::ro". */
#ifndef BX_POLICY_POLICY_H
#define BX_POLICY_POLICY_H

#include "base/error.h"
#include "policy/host_pattern.h"
#include "policy/level.h"
#include "policy/limits.h"
#include "policy/network.h"
#include "policy/url.h"
#include "policy/url_pattern.h"

#define BX_POLICY_MAX_BYTES (1u << 20) /* of a policy file */
#define BX_POLICY_MAX_ENTRIES 4096     /* of each list */

/* A folder of the host shown to the guest. work-dir is the one at "/". */
typedef struct bx_mount {
    char *host_dir;  /* absolute, or relative to the current folder */
    char *guest_dir; /* canonical: absolute, no "." or "..", no final '/' */
    char *name;      /* as it was written; what the guest's preopen is called */
    unsigned access; /* BX_ACCESS_READ, or READ and WRITE */
    bool is_work_dir;
    char *origin;
} bx_mount;

/* A path-level grant, "fs.read:/data". With any of these in the policy a
 * mapping gives only what a grant on the path also gives. */
typedef struct bx_fs_grant {
    unsigned access;
    char *guest_path; /* canonical */
    char *origin;
} bx_fs_grant;

typedef struct bx_env_var {
    char *name;
    char *value;
    char *origin;
} bx_env_var;

typedef struct bx_host_rule {
    bx_host_pattern *pattern;
    char *origin;
} bx_host_rule;

typedef struct bx_url_rule {
    bx_url_pattern *pattern;
    char *origin;
} bx_url_rule;

typedef struct bx_network_rule {
    bx_network network;
    char *origin;
} bx_network_rule;

/* tool-level: NAME=LEVEL */
typedef struct bx_tool_level {
    char *pattern; /* a name, or one that ends in '*' */
    bx_level level;
    char *origin;
} bx_tool_level;

/* A host path that no guest writes. */
typedef struct bx_protected {
    char *host_path;
    char *origin;
    bool is_hidden; /* nor reads */
} bx_protected;

/* What layers narrow is layer 0, the workspace's own: mappings, fs_grants,
 * names, env, hosts. A layer gives only what its rules say. */
struct bx_policy {
    bx_mount *mounts;
    size_t mounts_count;
    bx_fs_grant *fs_grants;
    size_t fs_grants_count;
    struct bx_grants *names; /* exec and tool grants; NULL: none */
    bx_env_var *env;
    size_t env_count;
    bx_env_var *hidden_env; /* not granted by a layer: no value, and the
                             * origin says which */
    size_t hidden_env_count;
    bx_host_rule *allowed_hosts;
    size_t allowed_hosts_count;
    bx_url_rule *blocked_urls;
    size_t blocked_urls_count;
    bx_network_rule *blocked_networks;
    size_t blocked_networks_count;
    bx_tool_level *tool_levels;
    size_t tool_levels_count;
    bx_level max_level; /* permission-level */
    char *max_level_origin;
    struct bx_grants **layers; /* from the first narrowing to the last */
    size_t layers_count;
    bx_protected *protected_paths;
    size_t protected_paths_count;
    struct bx_secret *secrets; /* the vault */
    size_t secrets_count;
    struct bx_injection *injections; /* of the last layer */
    size_t injections_count;
    struct bx_mask *mask; /* of the secrets in use; NULL: none is */
    bx_limits limits;
    char *limit_origins[BX_LIMITS_COUNT]; /* in the order of bx_limits; NULL:
                                           * the default */
    char *cache_dir;                      /* NULL: the default; "": no cache */
    char *cache_dir_origin;
    char *overlay_dir; /* writes to mapped folders go there, wasi/overlay.h;
                        * NULL: to the folders. Nested runs have it too. */
    bool is_deterministic;
    uint64_t seed;
    char *seed_origin;
};

BX_DEFINE_AUTO(bx_policy, bx_policy_free)
#define bx_autopolicy BX_AUTO(bx_policy_free)

/* What decided. Both strings are borrowed from the policy or static. */
typedef struct bx_verdict {
    bool is_allowed;
    const char *reason; /* "the mapping is read-only" */
    const char *rule;   /* the origin of the deciding entry, or
                         * "nothing granted" */
} bx_verdict;

/* Access that mapping and grants together give at a canonical guest path.
 * ret_verdict, may be NULL: which entry limits (or gives) it. */
unsigned bx_policy_fs_access(const bx_policy *policy, const char *guest_path,
                             bx_verdict *ret_verdict);

/* Is all of wanted (BX_ACCESS_...) given there, and which entry decides? */
bx_verdict bx_policy_check_fs(const bx_policy *policy, const char *guest_path,
                              unsigned wanted);

/* May the guest ask for this URL? Before any name is resolved. */
bx_verdict bx_policy_check_url(const bx_policy *policy, const bx_url *url);

/* May a connection for url go to this address? At dial time, for each address.
 * An address that is not globally routable also needs a rule that names it: a
 * literal address, a CIDR block, or localhost for loopback. */
bx_verdict bx_policy_check_address(const bx_policy *policy, const bx_url *url,
                                   const bx_address *address);

/* Where a single-valued control was set, such as "ci.yaml:4: wasm-timeout 2s",
 * or "default wasm-timeout 30s"; borrowed. */
const char *bx_policy_origin(const bx_policy *policy, const char *control);

/* Give the policy an overlay: an absolute host path, or NULL for none. */
int bx_policy_set_overlay(bx_policy *policy, const char *dir, bx_error **err);

/* Canonical form of a guest path ("/a/./b//c/../d" is "/a/b/d"), owned by the
 * caller; ".." above the root is an error, as are NUL-less control bytes. */
char *bx_guest_path_parse(const char *text, bx_error **err);

/* True when path is dir or lies beneath it; both canonical. */
bool bx_guest_path_is_beneath(const char *path, const char *dir);

#endif
