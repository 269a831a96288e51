#include "tool/registry_approve.h"

#include <string.h>

#include "base/user_dir.h"
#include "tool/lock.h"
#include "tool/remote.h"

static int refuse(bx_entry *entry, bx_tool_status status, const char *format,
                  ...) BX_PRINTF(3, 4);

static int refuse(bx_entry *entry, bx_tool_status status, const char *format,
                  ...)
{
    va_list args;
    char *why = NULL;

    va_start(args, format);
    if (vasprintf(&why, format, args) < 0)
        why = NULL;
    va_end(args);
    bx_entry_refuse(entry, status, why);
    return why == NULL ? -1 : 0;
}

/* What keeps a tool whose lock cannot be used. */
static int refuse_all(const bx_registry *registry, bx_table *table,
                      const bx_error *problem)
{
    for (size_t i = 0; i < table->entries_count; i++) {
        bx_entry *entry = table->entries[i];

        if (entry->tool.status == BX_TOOL_READY &&
            bx_registry_scope(registry, &entry->tool) != NULL &&
            refuse(entry, BX_TOOL_UNAPPROVED,
                   "what was approved is not known: %s",
                   bx_error_message(problem)) < 0)
            return -1;
    }
    return 0;
}

static int check_pin(const bx_registry *registry, const bx_lock *lock,
                     bx_entry *entry, json_t *first_seen)
{
    const bx_tool *tool = &entry->tool;
    const json_t *pin =
        bx_lock_find(lock, bx_registry_scope(registry, tool), tool->name);
    json_t *now = bx_lock_pin(tool);
    int result = 0;

    if (now == NULL)
        return -1;
    if (pin == NULL && tool->source == BX_TOOL_USER)
        result = json_object_set(first_seen, tool->name, now);
    else if (tool->source == BX_TOOL_REMOTE && pin == NULL)
        result = refuse(entry, BX_TOOL_UNAPPROVED,
                        "nobody approved what its server says of it; see "
                        "`boxagnts mcp approve %s`",
                        bx_tool_remote_server(tool));
    else if (tool->source == BX_TOOL_REMOTE && !bx_lock_pin_equals(pin, now))
        result = refuse(entry, BX_TOOL_CHANGED,
                        "what its server says of it is not what was approved; "
                        "`boxagnts mcp approve %s` shows the difference",
                        bx_tool_remote_server(tool));
    else if (pin == NULL)
        result = refuse(entry, BX_TOOL_UNAPPROVED,
                        "it came with the workspace and nobody approved it; "
                        "see `boxagnts tool show %s`, then `boxagnts tool "
                        "approve %s`",
                        tool->name, tool->name);
    else if (!bx_lock_pin_equals(pin, now))
        result = refuse(entry, BX_TOOL_CHANGED,
                        "it is not what was approved; `boxagnts tool approve "
                        "%s` shows the difference",
                        tool->name);
    json_decref(now);
    return result;
}

/* Without a record of it the next change would not be seen. */
static int record(const bx_registry *registry, bx_table *table, json_t *pins)
{
    bx_autoerror bx_error *problem = NULL;

    if (json_object_size(pins) == 0 ||
        bx_lock_record(registry->state_dir, "user", pins, &problem) == 0)
        return 0;
    for (size_t i = 0; i < table->entries_count; i++) {
        bx_entry *entry = table->entries[i];

        if (entry->tool.source == BX_TOOL_USER &&
            entry->tool.status == BX_TOOL_READY &&
            json_object_get(pins, entry->tool.name) != NULL &&
            refuse(entry, BX_TOOL_UNAPPROVED, "it cannot be recorded: %s",
                   bx_error_message(problem)) < 0)
            return -1;
    }
    return 0;
}

static int check_level(const bx_registry *registry, bx_entry *entry)
{
    bx_verdict verdict = { 0 };

    entry->level = bx_policy_tool_level(registry->policy, entry->tool.name,
                                        entry->tool.manifest->level, &verdict);
    if (entry->level != BX_LEVEL_FORBIDDEN)
        return 0;
    if (entry->tool.manifest->level == BX_LEVEL_FORBIDDEN)
        return refuse(entry, BX_TOOL_FORBIDDEN,
                      "its own permission level is forbidden");
    return refuse(entry, BX_TOOL_FORBIDDEN,
                  "its permission level is %s: %s (%s)",
                  bx_level_name(entry->tool.manifest->level), verdict.reason,
                  verdict.rule);
}

static int check_pins(bx_registry *registry, bx_table *table)
{
    bx_autoerror bx_error *problem = NULL;
    bx_autolock bx_lock *lock = NULL;
    json_t *first_seen;
    int result = 0;

    if (registry->state_dir == NULL)
        (void)bx_user_fail_home("the lock file", "XDG_STATE_HOME", &problem);
    else
        lock = bx_lock_load(registry->state_dir, &problem);
    if (lock == NULL)
        return refuse_all(registry, table, problem);
    first_seen = json_object();
    for (size_t i = 0; result == 0 && i < table->entries_count; i++) {
        bx_entry *entry = table->entries[i];

        if (entry->tool.status == BX_TOOL_READY &&
            bx_registry_scope(registry, &entry->tool) != NULL)
            result = check_pin(registry, lock, entry, first_seen);
    }
    if (result == 0)
        result = record(registry, table, first_seen);
    json_decref(first_seen);
    return result;
}

int bx_approve_table(bx_registry *registry, bx_table *table, bx_error **err)
{
    if (check_pins(registry, table) < 0)
        return bx_error_set_nomem(err);
    for (size_t i = 0; i < table->entries_count; i++) {
        if (table->entries[i]->tool.status == BX_TOOL_READY &&
            check_level(registry, table->entries[i]) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* What is to be pinned of a tool, and what is: now is a new reference, pin is
 * borrowed from lock. */
typedef struct bx_pinning {
    bx_tool *tool;
    const char *scope;
    bx_lock *lock;
    const json_t *pin;
    json_t *now;
} bx_pinning;

static void clear_pinning(bx_pinning *pinning)
{
    json_decref(pinning->now);
    bx_lock_free(pinning->lock);
    bx_tool_unref(pinning->tool);
}

/* Look into a module that brings no manifest. Takes tool; NULL when it is not
 * there any more. */
static bx_tool *ask(bx_registry *registry, bx_tool *tool, bx_error **err)
{
    bx_autofree char *name = strdup(tool->name);
    bx_tool *asked = NULL;

    pthread_mutex_lock(&registry->scan_mutex);
    memcpy(registry->asked, tool->digest, sizeof(registry->asked));
    pthread_mutex_unlock(&registry->scan_mutex);
    bx_tool_unref(tool);
    if (name == NULL)
        bx_error_set_nomem(err);
    else if (bx_registry_scan(registry, NULL, err) == 0)
        asked = bx_registry_get(registry, name, err);
    if (asked == NULL)
        bx_error_wrap(err, "it was looked into");
    return asked;
}

static int load_pinning(bx_registry *registry, const char *name,
                        bx_pinning *pinning, bx_error **err)
{
    bx_tool *tool = bx_registry_get(registry, name, err);

    if (tool != NULL && ((bx_entry *)tool)->file->is_unasked)
        tool = ask(registry, tool, err);
    pinning->tool = tool;
    if (tool == NULL)
        return -1;
    pinning->scope = bx_registry_scope(registry, tool);
    if (pinning->scope == NULL)
        return bx_error_set(err, BX_ERR_INVALID,
                            "'%s' is built in: it needs no approval", name);
    if (tool->manifest == NULL)
        return bx_error_set(err, BX_ERR_INVALID, "'%s' is broken: %s", name,
                            tool->why);
    if (registry->state_dir == NULL)
        return bx_user_fail_home("the lock file", "XDG_STATE_HOME", err);
    pinning->lock = bx_lock_load(registry->state_dir, err);
    if (pinning->lock == NULL)
        return -1;
    pinning->pin = bx_lock_find(pinning->lock, pinning->scope, tool->name);
    pinning->now = bx_lock_pin(tool);
    return pinning->now == NULL ? bx_error_set_nomem(err) : 0;
}

int bx_registry_difference(bx_registry *registry, const char *name,
                           char **ret_difference, bx_error **err)
{
    bx_pinning pinning = { 0 };
    char *difference = NULL;

    if (load_pinning(registry, name, &pinning, err) == 0)
        difference = bx_lock_difference(pinning.pin, pinning.now, err);
    clear_pinning(&pinning);
    if (difference == NULL)
        return -1;
    *ret_difference = difference;
    return 0;
}

/* expected: the difference that a person saw; NULL: whatever it is. */
static int approve(bx_registry *registry, const char *name,
                   const char *expected, char **ret_difference, bx_error **err)
{
    bx_pinning pinning = { 0 };
    bx_autofree char *difference = NULL;
    json_t *pins = json_object();
    int result = -1;

    if (load_pinning(registry, name, &pinning, err) == 0) {
        difference = bx_lock_difference(pinning.pin, pinning.now, err);
        if (difference != NULL && expected != NULL &&
            strcmp(expected, difference) != 0)
            bx_error_set(err, BX_ERR_DENIED,
                         "'%s' changed while it was looked at; look again",
                         name);
        else if (difference != NULL &&
                 json_object_set(pins, pinning.tool->name, pinning.now) == 0)
            result =
                bx_lock_record(registry->state_dir, pinning.scope, pins, err);
    }
    clear_pinning(&pinning);
    json_decref(pins);
    if (result < 0 || bx_registry_scan(registry, NULL, err) < 0)
        return -1;
    if (ret_difference != NULL)
        *ret_difference = bx_take(difference);
    return 0;
}

int bx_registry_approve(bx_registry *registry, const char *name,
                        char **ret_difference, bx_error **err)
{
    return approve(registry, name, NULL, ret_difference, err);
}

int bx_registry_approve_shown(bx_registry *registry, const char *name,
                              const char *difference, bx_error **err)
{
    return approve(registry, name, difference, NULL, err);
}

int bx_registry_forget(bx_registry *registry, const bx_tool *tool,
                       bx_error **err)
{
    const char *scope = bx_registry_scope(registry, tool);
    bx_error *problem = NULL;

    if (scope == NULL || registry->state_dir == NULL ||
        bx_lock_forget(registry->state_dir, scope, tool->name, &problem) == 0)
        return 0;
    if (bx_error_code(problem) == BX_ERR_NOT_FOUND || err == NULL) {
        bool is_fine = bx_error_code(problem) == BX_ERR_NOT_FOUND;

        bx_error_free(problem);
        return is_fine ? 0 : -1;
    }
    *err = problem;
    return -1;
}
