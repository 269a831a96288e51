#include "cli/learner.h"

#include <string.h>

#include "base/json_text.h"
#include "policy/layer.h"
#include "policy/need.h"

#define REFUSED_MAX 1000 /* kept to be shown */

static bx_learner *current;

bool bx_learner_is_on(void)
{
    return current != NULL;
}

int bx_learner_open(bx_learner *learner, bx_error **err)
{
    if (learner->allow == NULL)
        learner->allow = bx_grants_new();
    if (learner->deny == NULL)
        learner->deny = bx_grants_new();
    learner->learned = bx_learned_new();
    if (learner->allow == NULL || learner->deny == NULL ||
        learner->learned == NULL)
        return bx_error_set_nomem(err);
    current = learner;
    return 0;
}

void bx_learner_close(bx_learner *learner)
{
    current = NULL;
    for (size_t i = 0; i < learner->refused_count; i++) {
        free(learner->refused[i].kind);
        free(learner->refused[i].target);
        free(learner->refused[i].why);
    }
    free(learner->refused);
    bx_learned_free_texts(learner->unlisted, learner->unlisted_count);
    bx_learned_free_texts(learner->looked_at, learner->looked_at_count);
    bx_grants_free(learner->allow);
    bx_grants_free(learner->deny);
    bx_grants_free(learner->check);
    bx_learned_free(learner->learned);
    bx_policy_free(learner->offered);
    bx_manifest_free(learner->manifest);
    if (learner->terminal != NULL)
        fclose(learner->terminal);
}

/* ---- around a command ----------------------------------------------- */

/* What nobody wrote a policy for: the workspace at "/" and every public host,
 * each of which is asked for. */
static int widen(bx_policy *policy, const char *workspace, bx_error **err)
{
    static const char origin[] = "default of learn";

    if (policy->mounts_count == 0 &&
        bx_policy_set(policy, "work-dir", workspace == NULL ? "." : workspace,
                      origin, err) < 0)
        return -1;
    return policy->allowed_hosts_count > 0
               ? 0
               : bx_policy_set(policy, "allowed-outbound-host", "*", origin,
                               err);
}

int bx_learner_prepare(bx_options *options, const char *workspace,
                       bx_error **err)
{
    bx_policy *policy = options->policy;

    if (current == NULL)
        return 0;
    if (!options->has_policy_file && widen(policy, workspace, err) < 0)
        return -1;
    current->offered = bx_policy_clone(policy);
    if (current->offered == NULL)
        return bx_error_set_nomem(err);
    if (current->check != NULL &&
        bx_policy_narrow(policy, current->check, "manifest", err) < 0)
        return -1;
    return bx_policy_set_overlay(policy, current->overlay, err);
}

bx_need_fn bx_learner_need(bx_cancel *cancel, void **ret_context)
{
    if (current == NULL)
        return NULL;
    current->cancel = cancel;
    if (current->check != NULL)
        return NULL;
    *ret_context = current;
    return bx_learner_decide;
}

bool bx_learner_hides(const bx_audit_event *event)
{
    return current != NULL && strcmp(event->reason, BX_NEED_REASON) == 0;
}

/* A copy: the tool is gone with its registry when the command is over. */
void bx_learner_note_tool(bx_registry *registry, const char *name)
{
    bx_autotool bx_tool *tool = NULL;
    bx_autofree char *text = NULL;
    json_t *whole;

    if (current == NULL || current->manifest != NULL)
        return;
    tool = bx_registry_get(registry, name, NULL);
    if (tool == NULL || tool->manifest == NULL ||
        tool->manifest->source == NULL)
        return;
    whole = json_pack("{s:O}", "tool", tool->manifest->source);
    text = bx_json_text(whole, JSON_COMPACT);
    json_decref(whole);
    if (text != NULL)
        current->manifest =
            bx_manifest_parse(text, strlen(text), tool->name, NULL);
}

void bx_learner_note_end(const bx_stats *stats)
{
    if (current == NULL)
        return;
    current->has_run = true;
    current->stats = *stats;
}

void bx_learner_note_result(const bx_result *result)
{
    bx_stats stats;

    bx_result_stats(result, &stats, sizeof(stats));
    bx_learner_note_end(&stats);
}

/* ---- rules ---------------------------------------------------------- */

static bool covers_path(const bx_grants *rules, const char *kind,
                        const char *path, bool is_denying)
{
    unsigned access = bx_grants_fs_access(rules, path);

    if (strcmp(kind, "fs.read") == 0 || strcmp(kind, "fs.list") == 0)
        return (access & BX_ACCESS_READ) != 0;
    if (strcmp(kind, "fs.write") == 0)
        return (access & BX_ACCESS_WRITE) != 0;
    if (is_denying)
        return (access & BX_ACCESS_READ) != 0;
    if (access != 0)
        return true;
    for (size_t i = 0; i < rules->rules_count; i++) {
        if (rules->rules[i].kind == BX_GRANT_FS &&
            bx_guest_path_is_beneath(rules->rules[i].text, path))
            return true;
    }
    return false;
}

static bool covers_host(const bx_grants *rules, const char *origin)
{
    for (size_t i = 0; i < rules->rules_count; i++) {
        if (rules->rules[i].kind == BX_GRANT_HOST &&
            bx_need_matches_host(rules->rules[i].pattern, origin))
            return true;
    }
    return false;
}

bool bx_learner_covers(const bx_grants *rules, const bx_need_event *need,
                       bool is_denying)
{
    static const struct {
        const char *kind;
        bx_grant_kind grant;
    } names[] = {
        { "env", BX_GRANT_ENV },
        { "exec", BX_GRANT_EXEC },
        { "tool", BX_GRANT_TOOL },
    };

    if (strncmp(need->kind, "fs.", 3) == 0)
        return covers_path(rules, need->kind, need->target, is_denying);
    if (strcmp(need->kind, "network") == 0)
        return covers_host(rules, need->target);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].kind, need->kind) == 0)
            return bx_grants_find_name(rules, names[i].grant, need->target) !=
                   NULL;
    }
    return false;
}

/* ---- answers -------------------------------------------------------- */

static bool was_refused(const bx_learner *learner, const bx_need_event *need)
{
    for (size_t i = 0; i < learner->refused_count; i++) {
        if (strcmp(learner->refused[i].target, need->target) == 0 &&
            strcmp(learner->refused[i].kind, need->kind) == 0)
            return true;
    }
    return false;
}

/* What may not be looked at is not read either. */
static bool was_hidden(const bx_learner *learner, const bx_need_event *need)
{
    const bx_need_event look = { "fs.stat", need->target };

    return (strcmp(need->kind, "fs.read") == 0 ||
            strcmp(need->kind, "fs.list") == 0) &&
           was_refused(learner, &look);
}

static bool refuse(bx_learner *learner, const bx_need_event *need,
                   const char *why)
{
    bx_refused_need *grown;

    if (was_refused(learner, need))
        return false;
    if (learner->refused_count == REFUSED_MAX) {
        learner->refused_more++;
        return false;
    }
    grown = reallocarray(learner->refused, learner->refused_count + 1,
                         sizeof(*grown));
    if (grown == NULL)
        return false;
    learner->refused = grown;
    grown[learner->refused_count] =
        (bx_refused_need){ strdup(need->kind), strdup(need->target),
                           why == NULL ? NULL : strdup(why) };
    if (grown[learner->refused_count].kind != NULL &&
        grown[learner->refused_count].target != NULL)
        learner->refused_count++;
    return false;
}

/* Of an entry that may be written already: nothing a person decides. */
static bool is_of_writing(const bx_need_event *need)
{
    return strcmp(need->kind, "fs.move") == 0 ||
           strcmp(need->kind, "fs.remove") == 0;
}

static bool is_unlisted(const bx_learner *learner, const bx_need_event *need)
{
    if (strcmp(need->kind, "fs.list") != 0)
        return false;
    for (size_t i = 0; i < learner->unlisted_count; i++) {
        if (strcmp(learner->unlisted[i], need->target) == 0)
            return true;
    }
    return false;
}

int bx_learner_deny_list(bx_learner *learner, const char *path, bx_error **err)
{
    char *canonical = bx_guest_path_parse(path, err);
    char **grown;

    if (canonical == NULL)
        return -1;
    grown = reallocarray((void *)learner->unlisted, learner->unlisted_count + 1,
                         sizeof(*grown));
    if (grown == NULL) {
        free(canonical);
        return bx_error_set_nomem(err);
    }
    learner->unlisted = grown;
    grown[learner->unlisted_count++] = canonical;
    return 0;
}

static bool is_given(bx_learner *learner, const bx_need_event *need)
{
    if (is_of_writing(need))
        return true;
    if (is_unlisted(learner, need) ||
        bx_learner_covers(learner->deny, need, true))
        return false;
    if (bx_learner_covers(learner->allow, need, false))
        return true;
    if (learner->without_rule != BX_LEARN_ASK)
        return learner->without_rule == BX_LEARN_ALLOW;
    return !was_refused(learner, need) && !was_hidden(learner, need) &&
           bx_learner_ask(learner, need);
}

bool bx_learner_decide(void *context, const bx_need_event *need)
{
    bx_learner *learner = context;
    bx_autolearned bx_learned *probe = NULL;
    bx_autoerror bx_error *err = NULL;

    if (learner->is_stopped)
        return false;
    /* Nobody is asked for what could not be written down. */
    probe = bx_learned_new();
    if (probe == NULL ||
        bx_learned_add(probe, need->kind, need->target, &err) < 0)
        return refuse(learner, need,
                      err == NULL ? "out of memory" : bx_error_message(err));
    if (!is_given(learner, need))
        return refuse(learner, need, NULL);
    if (bx_learned_add(learner->learned, need->kind, need->target, &err) < 0)
        return refuse(learner, need, bx_error_message(err));
    return true;
}
