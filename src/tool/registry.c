#include "tool/registry.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/user_dir.h"
#include "policy/name_pattern.h"
#include "tool/call_box.h"
#include "tool/call_live.h"
#include "tool/registry_approve.h"
#include "tool/registry_scan.h"
#include "tool/remote_entry.h"
#include "tool/service.h"
#include "tool/watch.h"

#define RELEASE_MS 5000 /* for workers that are killed to be gone */

bx_policy *bx_registry_default_policy(const char *workspace, bx_error **err)
{
    static const char origin[] = "default tool policy";
    bx_autopolicy bx_policy *policy = bx_policy_new();

    if (policy == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_policy_set(policy, "work-dir", workspace == NULL ? "." : workspace,
                      origin, err) < 0 ||
        bx_policy_set(policy, "grant", "exec:*", origin, err) < 0 ||
        bx_policy_set(policy, "grant", "tool:*", origin, err) < 0)
        return NULL;
    return bx_take(policy);
}

char *bx_registry_share_path(const char *name)
{
    char program[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", program, sizeof(program) - 1);
    char *slash;
    char *dir = NULL;

    if (bytes <= 0)
        return NULL;
    program[bytes] = '\0';
    slash = strrchr(program, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    slash = strrchr(program, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    return asprintf(&dir, "%s/share/boxagnts/%s", program, name) < 0 ? NULL
                                                                     : dir;
}

/* An absolute path; the folder need not exist yet. */
static char *copy_or(const char *given, char *otherwise)
{
    bx_autofree char *here = NULL;
    char *path = NULL;

    if (given == NULL)
        return otherwise;
    free(otherwise);
    if (given[0] == '/')
        return strdup(given);
    here = getcwd(NULL, 0);
    return here == NULL || asprintf(&path, "%s/%s", here, given) < 0 ? NULL
                                                                     : path;
}

static int find_folders(bx_registry *registry, const bx_registry_config *config,
                        bx_error **err)
{
    const char *workspace = config->workspace == NULL ? "." : config->workspace;

    registry->workspace = realpath(workspace, NULL);
    if (registry->workspace == NULL)
        return bx_error_set_errno(err, errno, "workspace '%s'", workspace);
    registry->dirs[BX_TOOL_BUILTIN] =
        copy_or(config->builtin_dir, bx_registry_share_path("tools"));
    registry->dirs[BX_TOOL_USER] =
        copy_or(config->user_dir, bx_user_data_path("tools"));
    if (asprintf(&registry->dirs[BX_TOOL_WORKSPACE], "%s/.boxagnts/tools",
                 registry->workspace) < 0) {
        registry->dirs[BX_TOOL_WORKSPACE] = NULL;
        return bx_error_set_nomem(err);
    }
    registry->state_dir = copy_or(config->state_dir, bx_user_state_path(NULL));
    if ((config->builtin_dir != NULL &&
         registry->dirs[BX_TOOL_BUILTIN] == NULL) ||
        (config->user_dir != NULL && registry->dirs[BX_TOOL_USER] == NULL) ||
        (config->state_dir != NULL && registry->state_dir == NULL))
        return bx_error_set_nomem(err);
    return 0;
}

static int protect(bx_policy *policy, const char *path, const char *what,
                   bx_error **err)
{
    return path == NULL ? 0 : bx_policy_protect(policy, path, what, err);
}

static int hide(bx_policy *policy, const char *path, const char *what,
                bx_error **err)
{
    return path == NULL ? 0 : bx_policy_hide(policy, path, what, err);
}

static bool is_same_path(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* No guest writes what decides over guests, nor sees what others' runs left. */
static int protect_folders(bx_registry *registry, bx_error **err)
{
    bx_autofree char *own = NULL;
    bx_autofree char *config_dir = bx_user_config_path(NULL);
    bx_autofree char *data_dir = bx_user_data_path(NULL);
    bx_autofree char *cache_dir = bx_user_cache_path(NULL);
    bx_autofree char *default_state_dir = bx_user_state_path(NULL);
    bx_policy *policy = registry->policy;

    if (asprintf(&own, "%s/.boxagnts", registry->workspace) < 0) {
        own = NULL;
        return bx_error_set_nomem(err);
    }
    if (protect(policy, own, "the workspace's own folder", err) < 0 ||
        hide(policy, config_dir, "the user's configuration", err) < 0 ||
        protect(policy, data_dir, "the user's tools", err) < 0 ||
        hide(policy, default_state_dir, "the user's state", err) < 0 ||
        hide(policy, cache_dir, "the user's caches", err) < 0 ||
        protect(policy, registry->dirs[BX_TOOL_BUILTIN], "the built-in tools",
                err) < 0)
        return -1;
    /* Elsewhere than by default, or a link that leads elsewhere. */
    if (!is_same_path(registry->state_dir, default_state_dir) &&
        hide(policy, registry->state_dir, "the user's state", err) < 0)
        return -1;
    if (protect(policy, registry->dirs[BX_TOOL_WORKSPACE],
                "the workspace's tools", err) < 0)
        return -1;
    return protect(policy, registry->dirs[BX_TOOL_USER], "the user's tools",
                   err);
}

static int copy_only(bx_registry *registry, const bx_registry_config *config,
                     bx_error **err)
{
    if (config->only_count == 0)
        return 0;
    registry->only = calloc(config->only_count, sizeof(char *));
    if (registry->only == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < config->only_count; i++) {
        if (bx_name_pattern_check(config->only[i], "tool", err) < 0)
            return -1;
        registry->only[i] = strdup(config->only[i]);
        if (registry->only[i] == NULL)
            return bx_error_set_nomem(err);
        registry->only_count++;
    }
    return 0;
}

static int make_run_id(bx_registry *registry, bx_error **err)
{
    uint64_t number;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        return bx_error_set_errno(err, errno, "getrandom");
    snprintf(registry->run_id, sizeof(registry->run_id), "%016llx",
             (unsigned long long)number);
    return 0;
}

static int start(bx_registry *registry, const bx_registry_config *config,
                 bx_error **err)
{
    if (make_run_id(registry, err) < 0 ||
        find_folders(registry, config, err) < 0 ||
        copy_only(registry, config, err) < 0)
        return -1;
    registry->policy =
        config->policy == NULL
            ? bx_registry_default_policy(registry->workspace, err)
            : bx_policy_clone(config->policy);
    if (registry->policy == NULL)
        return config->policy == NULL ? -1 : bx_error_set_nomem(err);
    if (protect_folders(registry, err) < 0)
        return -1;
    if (bx_registry_scan(registry, NULL, err) < 0)
        return -1;
    if (!config->is_watching)
        return 0;
    registry->watch = bx_watch_start(registry, err);
    if (registry->watch == NULL)
        return -1;
    /* What changed between the scan and the watch. */
    return bx_registry_scan(registry, NULL, err);
}

bx_registry *bx_registry_new(const bx_registry_config *config, bx_error **err)
{
    bx_registry *registry = calloc(1, sizeof(*registry));

    if (registry == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    registry->runner = (bx_runner){ config->engine, config->workers };
    registry->audit = config->audit;
    registry->on_change = config->on_change;
    registry->change_context = config->change_context;
    registry->services = bx_service_table(registry);
    atomic_init(&registry->next_id, 1);
    pthread_mutex_init(&registry->scan_mutex, NULL);
    pthread_mutex_init(&registry->mutex, NULL);
    pthread_cond_init(&registry->idle, NULL);
    pthread_rwlock_init(&registry->remote_lock, NULL);
    if (start(registry, config, err) == 0)
        return registry;
    bx_error_wrap(err, "tools");
    bx_registry_free(registry);
    return NULL;
}

void bx_registry_free(bx_registry *registry)
{
    if (registry == NULL)
        return;
    bx_watch_stop(registry->watch);
    pthread_mutex_lock(&registry->mutex);
    while (registry->running > 0)
        pthread_cond_wait(&registry->idle, &registry->mutex);
    pthread_mutex_unlock(&registry->mutex);
    bx_live_free_all(registry);
    bx_table_unref(registry->table);
    for (size_t i = 0; i < registry->only_count; i++)
        free(registry->only[i]);
    free((void *)registry->only);
    for (int i = 0; i < BX_TOOL_SOURCES; i++)
        free(registry->dirs[i]);
    free(registry->workspace);
    free(registry->state_dir);
    bx_policy_free(registry->policy);
    pthread_rwlock_destroy(&registry->remote_lock);
    pthread_cond_destroy(&registry->idle);
    pthread_mutex_destroy(&registry->mutex);
    pthread_mutex_destroy(&registry->scan_mutex);
    free(registry);
}

uint64_t bx_registry_next_id(bx_registry *registry)
{
    return atomic_fetch_add_explicit(&registry->next_id, 1,
                                     memory_order_relaxed);
}

void bx_registry_enter(bx_registry *registry)
{
    pthread_mutex_lock(&registry->mutex);
    registry->running++;
    pthread_mutex_unlock(&registry->mutex);
}

void bx_registry_leave(bx_registry *registry)
{
    pthread_mutex_lock(&registry->mutex);
    if (--registry->running == 0)
        pthread_cond_broadcast(&registry->idle);
    pthread_mutex_unlock(&registry->mutex);
}

bx_table *bx_registry_table(bx_registry *registry)
{
    bx_table *table;

    pthread_mutex_lock(&registry->mutex);
    table = bx_table_ref(registry->table);
    pthread_mutex_unlock(&registry->mutex);
    return table;
}

const char *bx_registry_scope(const bx_registry *registry, const bx_tool *tool)
{
    switch (tool->source) {
    case BX_TOOL_USER:
        return "user";
    case BX_TOOL_WORKSPACE:
        return registry->workspace;
    case BX_TOOL_REMOTE:
        return ((const bx_entry *)tool)->file->remote->is_workspace
                   ? registry->workspace
                   : "user";
    default:
        return NULL;
    }
}

const char *bx_registry_folder(const bx_registry *registry,
                               bx_tool_source source)
{
    return source < BX_TOOL_SOURCES ? registry->dirs[source] : NULL;
}

/* Those that were not asked for are not there. */
static void keep_only(const bx_registry *registry, bx_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->entries_count; i++) {
        bx_entry *entry = table->entries[i];
        bool is_wanted = registry->only_count == 0;

        for (size_t j = 0; !is_wanted && j < registry->only_count; j++)
            is_wanted =
                bx_name_pattern_matches(registry->only[j], entry->tool.name);
        if (is_wanted)
            table->entries[kept++] = entry;
        else
            bx_entry_unref(entry);
    }
    table->entries_count = kept;
}

static bx_table *make_table(bx_registry *registry, const bx_table *old,
                            bx_error **err)
{
    bx_autotable bx_table *table = bx_table_new();

    if (table == NULL) {
        bx_error_set_nomem(err);
        return NULL;
    }
    for (int i = 0; i < BX_TOOL_SOURCES; i++) {
        if (bx_scan_folder(registry, (bx_tool_source)i, old, table, err) < 0)
            return NULL;
    }
    if (bx_remote_scan(registry, old, table, err) < 0)
        return NULL;
    if (bx_table_settle_names(table) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    if (bx_approve_table(registry, table, err) < 0)
        return NULL;
    if (bx_table_add_programs(table) < 0) {
        bx_error_set_nomem(err);
        return NULL;
    }
    keep_only(registry, table);
    return bx_take(table);
}

int bx_registry_scan(bx_registry *registry, bool *ret_has_changed,
                     bx_error **err)
{
    bx_autotable bx_table *old = NULL;
    bx_autotable bx_table *table = NULL;
    bool has_changed = false;

    pthread_mutex_lock(&registry->scan_mutex);
    pthread_mutex_lock(&registry->mutex);
    if (registry->table != NULL)
        old = bx_table_ref(registry->table);
    pthread_mutex_unlock(&registry->mutex);
    table = make_table(registry, old, err);
    if (table != NULL && (old == NULL || !bx_table_equals(old, table))) {
        bx_table *before;

        has_changed = true;
        pthread_mutex_lock(&registry->mutex);
        before = registry->table;
        registry->table = bx_table_ref(table);
        pthread_mutex_unlock(&registry->mutex);
        bx_table_unref(before);
    }
    pthread_mutex_unlock(&registry->scan_mutex);
    if (table == NULL)
        return -1;
    if (ret_has_changed != NULL)
        *ret_has_changed = has_changed;
    return 0;
}

int bx_registry_refresh(bx_registry *registry, bx_error **err)
{
    return bx_registry_scan(registry, NULL, err);
}

int bx_registry_list(bx_registry *registry, bx_tool ***ret_tools,
                     size_t *ret_count, bx_error **err)
{
    bx_autotable bx_table *table = bx_registry_table(registry);
    bx_tool **tools = calloc(table->entries_count + 1, sizeof(bx_tool *));

    if (tools == NULL)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < table->entries_count; i++)
        tools[i] = bx_tool_ref(&table->entries[i]->tool);
    *ret_tools = tools;
    *ret_count = table->entries_count;
    return 0;
}

void bx_registry_list_free(bx_tool **tools, size_t count)
{
    for (size_t i = 0; tools != NULL && i < count; i++)
        bx_tool_unref(tools[i]);
    free((void *)tools);
}

bx_tool *bx_registry_get(bx_registry *registry, const char *name,
                         bx_error **err)
{
    bx_autotable bx_table *table = bx_registry_table(registry);

    return bx_registry_find(table, name, err);
}

bx_tool *bx_registry_find(const bx_table *table, const char *name,
                          bx_error **err)
{
    bx_entry *entry = bx_table_find(table, name);
    bx_autobuf bx_buf shown = BX_BUF_INIT;
    const char *guess;

    if (entry != NULL)
        return bx_tool_ref(&entry->tool);
    guess = bx_table_guess(table, name);
    if (bx_buf_put_escaped(&shown, name, strlen(name), BX_TOOL_NAME_MAX) < 0)
        bx_error_set_nomem(err);
    else if (guess != NULL)
        bx_error_set(err, BX_ERR_NOT_FOUND, "no tool '%s'; did you mean '%s'?",
                     shown.data, guess);
    else
        bx_error_set(err, BX_ERR_NOT_FOUND,
                     "no tool '%s'; `boxagnts tool list` shows the %zu there "
                     "are",
                     shown.data, table->entries_count);
    return NULL;
}

int bx_registry_release_overlay(bx_registry *registry, const char *overlay_dir,
                                bx_error **err)
{
    bx_autotable bx_table *table = bx_registry_table(registry);

    for (size_t i = 0; i < table->files_count; i++)
        bx_box_drop_overlay(table->files[i], overlay_dir);
    return registry->runner.workers == NULL
               ? 0
               : bx_worker_pool_release_overlay(registry->runner.workers,
                                                overlay_dir, RELEASE_MS, err);
}

bx_level bx_registry_level(const bx_tool *tool)
{
    return ((const bx_entry *)tool)->level;
}

const bx_services *bx_registry_services(bx_registry *registry)
{
    return &registry->services;
}
