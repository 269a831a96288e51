/* The user's folders, the cache, the audit log, the tools. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/user_dir.h"
#include "cli/doctor.h"
#include "sandbox/cache.h"
#include "store/audit_log.h"
#include "tool/registry.h"

/* A folder that is ours to write, or one that can be made. Nothing is made
 * here. */
static bool check_folder(bx_doctor *doctor, const char *name, char *path)
{
    bx_autofree char *owned = path;
    bx_autofree char *above = NULL;
    struct stat status;
    char *slash;

    if (path == NULL) {
        bx_doctor_add(doctor, name, BX_DOCTOR_MISSING,
                      "Set HOME to a folder of yours.",
                      "no home folder is known");
        return false;
    }
    if (stat(path, &status) == 0) {
        bool is_ours = S_ISDIR(status.st_mode) && access(path, W_OK) == 0;

        bx_doctor_add(doctor, name, is_ours ? BX_DOCTOR_OK : BX_DOCTOR_MISSING,
                      is_ours ? NULL
                              : "It must be a folder that you may write.",
                      "%s", path);
        return is_ours;
    }
    above = strdup(path);
    while (above != NULL && (slash = strrchr(above, '/')) != NULL &&
           slash != above) {
        *slash = '\0';
        if (access(above, F_OK) == 0)
            break;
    }
    if (above != NULL && access(above, W_OK) == 0)
        bx_doctor_add(doctor, name, BX_DOCTOR_OK, NULL,
                      "%s, made at its first use", path);
    else
        bx_doctor_add(doctor, name, BX_DOCTOR_MISSING,
                      "Make it, or set HOME to a folder of yours.",
                      "%s cannot be made", path);
    return false;
}

static void check_cache(bx_doctor *doctor)
{
    bx_autoerror bx_error *err = NULL;
    bx_cache_entry *entries;
    bx_cache *cache;
    uint64_t bytes = 0;
    size_t count;
    char text[32];

    if (!check_folder(doctor, "module cache", bx_cache_default_dir()))
        return;
    cache = bx_cache_open(NULL, &err);
    if (cache == NULL || bx_cache_list(cache, &entries, &count, &err) < 0) {
        bx_doctor_add(doctor, "cache entries", BX_DOCTOR_MISSING, NULL, "%s",
                      bx_error_message(err));
        bx_cache_free(cache);
        return;
    }
    for (size_t i = 0; i < count; i++)
        bytes += entries[i].bytes;
    bx_doctor_add(doctor, "cache entries", BX_DOCTOR_OK, NULL,
                  "%zu, %s, signed by a key kept elsewhere", count,
                  bx_cli_bytes(bytes, text));
    bx_cache_entries_free(entries, count);
    bx_cache_free(cache);
}

static void check_audit(bx_doctor *doctor)
{
    bx_autofree char *path = bx_user_state_path("audit.jsonl");
    bx_autoerror bx_error *err = NULL;
    bx_audit_check check = { 0 };

    if (path == NULL)
        return; /* said of the state folder */
    if (access(path, F_OK) < 0)
        bx_doctor_add(doctor, "audit log", BX_DOCTOR_OK, NULL, "%s, none yet",
                      path);
    else if (bx_audit_log_check(path, &check, &err) < 0)
        bx_doctor_add(doctor, "audit log", BX_DOCTOR_MISSING,
                      "'boxagnts audit verify' tells more.", "%s",
                      bx_error_message(err));
    else
        bx_doctor_add(doctor, "audit log", BX_DOCTOR_OK, NULL,
                      "%llu lines, none changed or removed",
                      (unsigned long long)check.lines);
}

void bx_doctor_check_files(bx_doctor *doctor)
{
    doctor->section = "Files";
    check_cache(doctor);
    (void)check_folder(doctor, "state", bx_user_state_path(NULL));
    (void)check_folder(doctor, "own tools", bx_user_data_path("tools"));
    check_audit(doctor);
}

/* ---- tools ---------------------------------------------------------- */

typedef struct tool_counts {
    size_t ready;
    size_t other; /* unapproved, changed, forbidden */
    size_t broken;
    size_t compiled;
    const char *broken_name;
} tool_counts;

static bool parse_digest(const char text[65], uint8_t digest[BX_DIGEST_BYTES])
{
    for (size_t i = 0; i < BX_DIGEST_BYTES; i++) {
        const char byte[3] = { text[2 * i], text[2 * i + 1], '\0' };
        char *end;

        digest[i] = (uint8_t)strtoul(byte, &end, 16);
        if (end != byte + 2)
            return false;
    }
    return true;
}

/* Would a call of it find compiled code? Its limits decide which. */
static bool is_compiled(bx_engine *engine, const bx_cache *cache,
                        const bx_policy *workspace, const bx_tool *tool)
{
    bx_autopolicy bx_policy *policy = bx_policy_clone(workspace);
    uint8_t digest[BX_DIGEST_BYTES];
    bx_variant *variant;

    return policy != NULL &&
           bx_policy_narrow(policy, tool->manifest->grants, "manifest", NULL) ==
               0 &&
           parse_digest(tool->digest, digest) &&
           bx_engine_get_variant(engine, &policy->limits, &variant, NULL) ==
               0 &&
           bx_cache_has(cache, variant, digest);
}

static void count_tool(bx_engine *engine, const bx_cache *cache,
                       const bx_policy *policy, const bx_tool *tool,
                       tool_counts *counts)
{
    if (tool->status == BX_TOOL_BROKEN) {
        counts->broken++;
        counts->broken_name = tool->name;
    } else if (tool->status == BX_TOOL_READY) {
        counts->ready++;
        counts->compiled +=
            cache != NULL && is_compiled(engine, cache, policy, tool);
    } else {
        counts->other++;
    }
}

static void tell_source(bx_doctor *doctor, bx_tool_source source,
                        const char *folder, const tool_counts *counts)
{
    const char *name = bx_tool_source_name(source);

    if (counts->broken > 0)
        bx_doctor_add(doctor, name, BX_DOCTOR_MISSING,
                      "'boxagnts tool list' says what is wrong.",
                      "%zu of them broken, such as '%s'", counts->broken,
                      counts->broken_name);
    if (source == BX_TOOL_BUILTIN && counts->ready + counts->other == 0)
        bx_doctor_add(doctor, name, BX_DOCTOR_MISSING,
                      "Install the program with its tools: make install.",
                      "none in %s", folder == NULL ? "any folder" : folder);
    else if (source == BX_TOOL_BUILTIN || counts->ready + counts->other > 0)
        bx_doctor_add(
            doctor, name, counts->other == 0 ? BX_DOCTOR_OK : BX_DOCTOR_NOTE,
            counts->other == 0 ? NULL
                               : "'boxagnts tool list' shows which wait for "
                                 "approval.",
            "%zu ready, %zu of them compiled; %zu not ready", counts->ready,
            counts->compiled, counts->other);
}

static int look_at_tools(bx_doctor *doctor, bx_engine *engine,
                         const bx_policy *policy, bx_registry *registry,
                         bx_error **err)
{
    bx_autofree char *dir = bx_cache_default_dir();
    bx_cache *cache = dir != NULL && access(dir, F_OK) == 0
                          ? bx_cache_open(NULL, NULL)
                          : NULL;
    tool_counts counts[BX_TOOL_WORKSPACE + 1] = { 0 };
    bx_tool **tools;
    size_t count;

    if (bx_registry_list(registry, &tools, &count, err) < 0) {
        bx_cache_free(cache);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        count_tool(engine, cache, policy, tools[i], &counts[tools[i]->source]);
    for (int i = BX_TOOL_BUILTIN; i <= BX_TOOL_WORKSPACE; i++)
        tell_source(doctor, (bx_tool_source)i,
                    bx_registry_folder(registry, (bx_tool_source)i),
                    &counts[i]);
    bx_registry_list_free(tools, count);
    bx_cache_free(cache);
    return 0;
}

void bx_doctor_check_tools(bx_doctor *doctor)
{
    bx_autoerror bx_error *err = NULL;
    bx_autopolicy bx_policy *policy = bx_registry_default_policy(NULL, &err);
    bx_engine *engine = policy == NULL ? NULL : bx_engine_new(NULL, &err);
    const bx_registry_config config = { .engine = engine, .policy = policy };
    bx_registry *registry =
        engine == NULL ? NULL : bx_registry_new(&config, &err);

    doctor->section = "Tools";
    if (registry == NULL ||
        look_at_tools(doctor, engine, policy, registry, &err) < 0)
        bx_doctor_add(doctor, "registry", BX_DOCTOR_MISSING, NULL, "%s",
                      bx_error_message(err));
    bx_registry_free(registry);
    bx_engine_free(engine);
}
