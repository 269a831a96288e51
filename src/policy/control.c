#include "policy/control.h"

#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "policy/layer.h"
#include "policy/secret.h"
#include "policy/text.h"

/* ---- one function for each kind of value ---- */

static int set_work_dir(bx_policy *policy, const bx_control *control,
                        const char *value, const bx_source *source,
                        bx_error **err)
{
    (void)control;
    return bx_policy_put_work_dir(policy, value, source, err);
}

static int refuse_mapping(const char *value, const char *why, bx_error **err)
{
    bx_autofree char *shown = bx_text_show(value);

    return bx_error_set(err, BX_ERR_INVALID,
                        "%s %s; expected HOST::GUEST, HOST::GUEST::ro or "
                        "HOST::GUEST::rw",
                        BX_SHOWN(shown), why);
}

static bool parse_mode(const char *text, unsigned *ret_access)
{
    if (strcmp(text, "ro") == 0)
        *ret_access = BX_ACCESS_READ;
    else if (strcmp(text, "rw") == 0)
        *ret_access = BX_ACCESS_READ | BX_ACCESS_WRITE;
    else
        return false;
    return true;
}

/* HOST::GUEST[::MODE]. "data::ro" is a mode without a guest folder rather than
 * a guest folder called ro: taken for the latter it would be writable. */
static int set_map_dir(bx_policy *policy, const bx_control *control,
                       const char *value, const bx_source *source,
                       bx_error **err)
{
    bx_autofree char *host = strdup(value);
    unsigned access = BX_ACCESS_READ | BX_ACCESS_WRITE;
    unsigned ignored;
    char *guest;
    char *mode;

    (void)control;
    if (host == NULL)
        return bx_error_set_nomem(err);
    guest = strstr(host, "::");
    if (guest == NULL)
        return refuse_mapping(value, "has no '::'", err);
    *guest = '\0';
    guest += 2;
    mode = strstr(guest, "::");
    if (mode != NULL) {
        *mode = '\0';
        mode += 2;
        if (strstr(mode, "::") != NULL)
            return refuse_mapping(value,
                                  "has more than three parts (a name with "
                                  "'::' in it needs the form {host: ..., "
                                  "guest: ..., mode: ...} of a policy file)",
                                  err);
        if (!parse_mode(mode, &access))
            return refuse_mapping(value, "has a mode that is not ro or rw",
                                  err);
    } else if (parse_mode(guest, &ignored)) {
        return refuse_mapping(value,
                              "has a mode but no guest folder (for a guest "
                              "folder of that name write /ro or /rw)",
                              err);
    }
    if (host[0] == '\0')
        return refuse_mapping(value, "has no host folder", err);
    if (guest[0] == '\0')
        return refuse_mapping(value, "has no guest folder", err);
    return bx_policy_add_mount(policy, host, guest, access, source, err);
}

static int set_env(bx_policy *policy, const bx_control *control,
                   const char *value, const bx_source *source, bx_error **err)
{
    const char *equals = strchr(value, '=');
    bx_autofree char *name = NULL;

    (void)control;
    name = equals != NULL ? strndup(value, (size_t)(equals - value))
                          : strdup(value);
    if (name == NULL)
        return bx_error_set_nomem(err);
    if (equals == NULL) {
        const char *host_value = name[0] != '\0' ? getenv(name) : "";

        if (host_value == NULL) {
            bx_autofree char *shown = bx_text_show(name);

            return bx_error_set(err, BX_ERR_INVALID,
                                "%s is not set in the host's environment; "
                                "expected NAME=VALUE, or the name of a "
                                "variable that is set",
                                BX_SHOWN(shown));
        }
        return bx_policy_put_env(policy, name, host_value, source, err);
    }
    return bx_policy_put_env(policy, name, equals + 1, source, err);
}

static int set_grant(bx_policy *policy, const bx_control *control,
                     const char *value, const bx_source *source, bx_error **err)
{
    bx_autofree char *shown = NULL;
    bx_grant_kind kind;
    unsigned access;
    const char *subject;

    (void)control;
    if (bx_grant_split(value, &kind, &access, &subject)) {
        if (kind == BX_GRANT_FS)
            return bx_policy_add_fs_grant(policy, access, subject, source, err);
        if (kind == BX_GRANT_EXEC || kind == BX_GRANT_TOOL)
            return bx_policy_add_name(policy, value, source, err);
    }
    shown = bx_text_show(value);
    return bx_error_set(err, BX_ERR_INVALID,
                        "%s is no grant on a path, program or tool; expected "
                        "fs.read:/path, fs.write:/path, exec:PROGRAM or "
                        "tool:NAME (hosts: allowed-outbound-host; variables: "
                        "env)",
                        BX_SHOWN(shown));
}

static int set_max_level(bx_policy *policy, const bx_control *control,
                         const char *value, const bx_source *source,
                         bx_error **err)
{
    (void)control;
    return bx_policy_put_max_level(policy, value, source, err);
}

static int set_tool_level(bx_policy *policy, const bx_control *control,
                          const char *value, const bx_source *source,
                          bx_error **err)
{
    (void)control;
    return bx_policy_add_tool_level(policy, value, source, err);
}

static int set_allowed_host(bx_policy *policy, const bx_control *control,
                            const char *value, const bx_source *source,
                            bx_error **err)
{
    (void)control;
    return bx_policy_add_allowed_host(policy, value, source, err);
}

static int set_block_url(bx_policy *policy, const bx_control *control,
                         const char *value, const bx_source *source,
                         bx_error **err)
{
    (void)control;
    return bx_policy_add_blocked_url(policy, value, source, err);
}

static int set_block_network(bx_policy *policy, const bx_control *control,
                             const char *value, const bx_source *source,
                             bx_error **err)
{
    (void)control;
    return bx_policy_add_blocked_network(policy, value, source, err);
}

static int set_cache_dir(bx_policy *policy, const bx_control *control,
                         const char *value, const bx_source *source,
                         bx_error **err)
{
    (void)control;
    return bx_policy_put_cache_dir(policy, value, source, err);
}

static int set_seed(bx_policy *policy, const bx_control *control,
                    const char *value, const bx_source *source, bx_error **err)
{
    uint64_t seed = 0;

    (void)control;
    if (value[0] != '\0' &&
        bx_unit_parse(value, BX_UNIT_COUNT, 0, UINT64_MAX, &seed, err) < 0)
        return -1;
    return bx_policy_put_seed(policy, seed, source, err);
}

static int set_secret(bx_policy *policy, const bx_control *control,
                      const char *value, const bx_source *source,
                      bx_error **err)
{
    (void)control;
    return bx_policy_parse_secret(policy, value, source, err);
}

static int set_limit(bx_policy *policy, const bx_control *control,
                     const char *value, const bx_source *source, bx_error **err)
{
    uint64_t amount;

    if (bx_unit_parse(value, control->unit, control->min, control->max, &amount,
                      err) < 0)
        return -1;
    return bx_policy_put_limit(policy, control->index, amount, source, err);
}

/* ---- the table ---- */

#define KIB 1024ull
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define DAY_MS (24ull * 3600 * 1000)

#define LIMIT(field, kind, least, most)                                        \
    .set = set_limit, .unit = (kind),                                          \
    .index = offsetof(bx_limits, field) / sizeof(uint64_t), .min = (least),    \
    .max = (most)

const bx_control bx_controls[] = {
    { "work-dir", "DIR", "host folder that is the guest's / (read and write)",
      .set = set_work_dir },
    { "map-dir", "HOST::GUEST[::ro|::rw]",
      "host folder the guest sees as GUEST (rw without a mode)",
      .is_list = true, .set = set_map_dir },
    { "grant", "fs.read:PATH|fs.write:PATH|exec:NAME|tool:NAME",
      "narrow folders to these paths; give programs and tools", .is_list = true,
      .set = set_grant },
    { "env", "NAME[=VALUE]",
      "variable for the guest; without a value the host's own", .is_list = true,
      .set = set_env },
    { "secret", "NAME[@HOST][=@FILE]",
      "value for tools' requests; the host's variable or a file's",
      .is_list = true, .set = set_secret },
    { "allowed-outbound-host", "SCHEME://HOST[:PORT]",
      "host the guest may reach over http or https", .is_list = true,
      .set = set_allowed_host },
    { "block-url", "PATTERN", "URLs the guest may not fetch; always wins",
      .is_list = true, .set = set_block_url },
    { "block-network", "CIDR|private",
      "addresses the guest may not reach; always wins", .is_list = true,
      .set = set_block_network },
    { "permission-level", "LEVEL", "the most any tool may have",
      .set = set_max_level },
    { "tool-level", "NAME=LEVEL", "the most these tools may have",
      .is_list = true, .set = set_tool_level },
    { "wasm-timeout", "TIME", "end the run after this time",
      LIMIT(timeout_ms, BX_UNIT_TIME, 1, DAY_MS) },
    { "wasm-max-memory-size", "SIZE", "most memory the guest may use",
      LIMIT(memory_bytes, BX_UNIT_BYTES, 64 * KIB, 4 * GIB) },
    { "wasm-max-wasm-stack", "SIZE", "most stack the guest's calls may use",
      LIMIT(stack_bytes, BX_UNIT_BYTES, 16 * KIB, 64 * MIB) },
    { "wasm-fuel", "UNITS",
      "instructions the guest may run, about; 0 is not metered",
      LIMIT(fuel_units, BX_UNIT_COUNT, 0, INT64_MAX) },
    { "wasm-cache-dir", "DIR",
      "where compiled modules are kept; empty turns the cache off",
      .set = set_cache_dir },
    { "max-table-elements", "COUNT", "most elements in all tables",
      LIMIT(table_elements, BX_UNIT_COUNT, 0, 16 * MIB) },
    { "max-output", "SIZE", "most captured output, each stream",
      LIMIT(output_bytes, BX_UNIT_BYTES, 0, GIB) },
    { "max-write", "SIZE", "most the guest may write to files in a run",
      LIMIT(fs_write_bytes, BX_UNIT_BYTES, 0, 16 * KIB * GIB) },
    { "max-create", "COUNT", "most files, folders and links it may create",
      LIMIT(fs_create_entries, BX_UNIT_COUNT, 0, 1000000000) },
    { "max-open-files", "COUNT", "most open descriptors",
      LIMIT(open_files, BX_UNIT_COUNT, 3, 65536) },
    { "max-requests", "COUNT", "most HTTP requests in a run",
      LIMIT(http_requests, BX_UNIT_COUNT, 0, 1000000) },
    { "max-open-requests", "COUNT", "most HTTP requests open at once",
      LIMIT(http_open, BX_UNIT_COUNT, 1, 1024) },
    { "max-response", "SIZE", "most bytes of one HTTP body, either way",
      LIMIT(http_body_bytes, BX_UNIT_BYTES, 0, 4 * GIB) },
    { "max-calls", "COUNT", "most nested runs of other programs and tools",
      LIMIT(call_count, BX_UNIT_COUNT, 0, 1000000) },
    { "max-call-depth", "COUNT", "most such runs within one another",
      LIMIT(call_depth, BX_UNIT_COUNT, 0, 16) },
    { "deterministic", "[=SEED]", "take clocks and random from a seed",
      .is_value_optional = true, .set = set_seed },
};

const size_t bx_controls_count = sizeof(bx_controls) / sizeof(bx_controls[0]);

static bool is_same_name(const char *name, const char *other)
{
    for (; *name != '\0' && *other != '\0'; name++, other++) {
        if (*name != (*other == '_' ? '-' : *other))
            return false;
    }
    return *name == *other;
}

const bx_control *bx_control_find(const char *name)
{
    for (size_t i = 0; i < bx_controls_count; i++) {
        if (is_same_name(bx_controls[i].name, name))
            return &bx_controls[i];
    }
    return NULL;
}

const bx_control *bx_control_guess(const char *name)
{
    const bx_control *best = NULL;
    size_t least = 4; /* edits: further off is a guess at random */

    for (size_t i = 0; i < bx_controls_count; i++) {
        size_t distance = bx_text_distance(name, bx_controls[i].name);

        if (distance < least && distance * 2 < strlen(bx_controls[i].name)) {
            least = distance;
            best = &bx_controls[i];
        }
    }
    return best;
}

bool bx_control_is_limit(const bx_control *control)
{
    return control->set == set_limit;
}

const char *bx_control_default(const bx_control *control, char text[32])
{
    if (!bx_control_is_limit(control))
        return NULL;
    return bx_unit_format(bx_limits_get(&BX_LIMITS_DEFAULT, control->index),
                          control->unit, text);
}

int bx_control_set(const bx_control *control, bx_policy *policy,
                   const char *value, const bx_source *source, bx_error **err)
{
    if (control->set(policy, control, value, source, err) < 0)
        return bx_error_wrap(err, "%s", control->name);
    return 0;
}

char *bx_control_show(const bx_control *control, const char *value)
{
    char *text = NULL;
    size_t equals = strcspn(value, "=");
    int shown = 4096;

    if (control->set == set_env ||
        (control->set == set_secret && strncmp(value + equals, "=@", 2) != 0))
        shown = (int)equals;

    if (asprintf(&text, "%s %.*s", control->name, shown, value) < 0)
        return NULL;
    return text;
}

int bx_policy_set(bx_policy *policy, const char *name, const char *value,
                  const char *origin, bx_error **err)
{
    const bx_control *control = bx_control_find(name);
    bx_autofree char *shown = NULL;
    bx_source source = { .origin = origin };

    if (control == NULL) {
        const bx_control *guess = bx_control_guess(name);

        shown = bx_text_show(name);
        return bx_error_set(
            err, BX_ERR_INVALID, "unknown control %s; expected one such as %s",
            BX_SHOWN(shown), guess != NULL ? guess->name : "map-dir");
    }
    if (value == NULL && !control->is_value_optional)
        return bx_error_set(err, BX_ERR_INVALID, "%s: no value; expected %s",
                            control->name, control->placeholder);
    if (value == NULL)
        value = "";
    if (origin == NULL) {
        shown = bx_control_show(control, value);
        if (shown == NULL)
            return bx_error_set_nomem(err);
        source.origin = shown;
    }
    return bx_control_set(control, policy, value, &source, err);
}

const char *bx_policy_origin(const bx_policy *policy, const char *name)
{
    const bx_control *control = bx_control_find(name);
    const char *origin = NULL;

    if (control == NULL || control->is_list)
        return NULL;
    if (bx_control_is_limit(control))
        origin = policy->limit_origins[control->index];
    else if (control->set == set_cache_dir)
        origin = policy->cache_dir_origin;
    else if (control->set == set_seed)
        origin = policy->seed_origin;
    else if (control->set == set_max_level)
        origin = policy->max_level_origin;
    else
        for (size_t i = 0; i < policy->mounts_count; i++) {
            if (policy->mounts[i].is_work_dir)
                origin = policy->mounts[i].origin;
        }
    return origin != NULL ? origin : "default";
}
