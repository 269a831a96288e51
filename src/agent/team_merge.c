#include "agent/team_merge.h"

#include <string.h>
#include <unistd.h>

#include "agent/merge.h"
#include "agent/subagent_state.h"
#include "agent/team.h"
#include "base/buf.h"
#include "base/run.h"
#include "wasi/overlay.h"

#define DIFF_MAX (64u << 10) /* that a person is shown, in all */
#define TOLD_MAX (16u << 10) /* that the manager is, of conflicts */
#define CONFLICTS_SHOWN 50u

typedef struct team_merge {
    bx_crew *crew;
    const bx_own_call *call;
    const bx_subagent *agents[BX_EXECUTOR_TASKS_MAX]; /* that are done */
    const char *names[BX_EXECUTOR_TASKS_MAX];         /* their overlays */
    size_t count;
    bx_merge *merge;
    bx_merge_result result;
    bool has_problem;
    bool is_refused; /* by a person, or nobody was there */
    char *said;      /* by that person; NULL */
    bx_error *err;   /* of writing */
    bx_buf data;     /* for the manager, of others */
} team_merge;

static void clear(team_merge *all)
{
    bx_merge_free(all->merge);
    free(all->said);
    bx_error_free(all->err);
    bx_buf_clear(&all->data);
}

/* ---- a person -------------------------------------------------------------
 */

static bool ask(team_merge *all, const char *name, const char *agent,
                const char *why, const char *effect)
{
    bx_agent *manager = all->crew->agent;
    json_t *input = json_pack("{s:s}", "about", why);
    const bx_approval_ask question = { .id = all->call->id,
                                       .name = name,
                                       .input = input,
                                       .agent = agent,
                                       .level = BX_LEVEL_WRITE,
                                       .why = why,
                                       .effect = effect };
    int64_t begin_ns = bx_now_ns();
    char *said = NULL;
    bx_answer answer = BX_ANSWER_NO;

    if (manager->config.approve != NULL && input != NULL &&
        manager->stop_reason == NULL && !bx_agent_is_cancelled(manager))
        answer = manager->config.approve(manager->config.approve_context,
                                         &question, &said);
    json_decref(input);
    bx_agent_lock(manager);
    manager->held_ns += bx_now_ns() - begin_ns;
    bx_agent_unlock(manager);
    if (answer == BX_ANSWER_STOP)
        manager->stop_reason = strdup(
            said == NULL || said[0] == '\0' ? "stopped by the user" : said);
    free(all->said);
    all->said = said;
    return (answer == BX_ANSWER_YES || answer == BX_ANSWER_ALWAYS) &&
           !bx_agent_is_cancelled(manager);
}

static int put_diffs(const team_merge *all, bx_buf *text, bx_error **err)
{
    for (size_t i = 0; i < all->count; i++) {
        size_t changes = bx_merge_changes(all->merge, i);

        if (changes == 0)
            continue;
        if (bx_buf_printf(text, "# %s \"%s\": %zu changes\n",
                          bx_subagent_id(all->agents[i]),
                          bx_subagent_name(all->agents[i]), changes) < 0)
            return bx_error_set_nomem(err);
        if (bx_merge_diff(all->merge, i, DIFF_MAX, text, err) < 0)
            return -1;
    }
    return 0;
}

/* In mode auto nobody is asked of what is in no conflict. */
static int approve(team_merge *all, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (all->crew->agent->mode == BX_MODE_AUTO)
        return 0;
    if (put_diffs(all, &text, err) < 0)
        return -1;
    if (text.len > 0)
        all->is_refused = !ask(all, "merge", NULL,
                               "what executors changed is written once a "
                               "person has seen it",
                               text.data);
    return 0;
}

/* ---- conflicts ------------------------------------------------------------
 */

static int ask_version(team_merge *all, size_t i, bx_error **err)
{
    const bx_merge_conflict conflict = bx_merge_conflict_at(all->merge, i);

    for (size_t k = 0; k < conflict.parts_count; k++) {
        size_t part = conflict.parts[k];
        bx_autobuf bx_buf diff = BX_BUF_INIT;
        bx_autobuf bx_buf why = BX_BUF_INIT;

        if (bx_buf_puts(&why, "conflict: ") < 0 ||
            bx_buf_put_escaped(&why, conflict.path, strlen(conflict.path),
                               1024) < 0 ||
            bx_buf_printf(&why, ": %s; take this version?", conflict.why) < 0)
            return bx_error_set_nomem(err);
        if (bx_merge_conflict_diff(all->merge, i, part, DIFF_MAX, &diff, err) <
            0)
            return -1;
        if (ask(all, "merge", bx_subagent_name(all->agents[part]), why.data,
                diff.data == NULL ? "" : diff.data)) {
            bx_merge_decide(all->merge, i, part);
            return 0;
        }
    }
    return 0;
}

static int decide(team_merge *all, size_t i, bx_error **err)
{
    const bx_agent *manager = all->crew->agent;
    const bx_merge_conflict conflict = bx_merge_conflict_at(all->merge, i);

    switch (manager->config.team->on_conflict) {
    case BX_ON_CONFLICT_FIRST:
        if (!conflict.is_stale)
            bx_merge_decide(all->merge, i, conflict.parts[0]);
        return 0;
    case BX_ON_CONFLICT_ASK:
        return manager->config.approve == NULL ? 0 : ask_version(all, i, err);
    default:
        return 0;
    }
}

static json_t *version(const team_merge *all, size_t i, size_t part,
                       bx_error **err)
{
    bx_autobuf bx_buf diff = BX_BUF_INIT;
    json_t *json;

    if (bx_merge_conflict_diff(all->merge, i, part, DIFF_MAX, &diff, err) < 0)
        return NULL;
    json =
        json_pack("{s:s, s:s, s:o?}", "id", bx_subagent_id(all->agents[part]),
                  "name", bx_subagent_name(all->agents[part]), "diff",
                  diff.data == NULL ? json_string("")
                                    : json_stringn(diff.data, diff.len));
    if (json == NULL)
        (void)bx_error_set_nomem(err);
    return json;
}

static int tell_conflict(team_merge *all, size_t i, bx_error **err)
{
    const bx_merge_conflict conflict = bx_merge_conflict_at(all->merge, i);
    const char *taken = conflict.decision == BX_MERGE_NONE
                            ? NULL
                            : bx_subagent_id(all->agents[conflict.decision]);
    bx_autobuf bx_buf path = BX_BUF_INIT;
    json_t *versions = json_array();

    if (versions == NULL ||
        bx_buf_put_escaped(&path, conflict.path, strlen(conflict.path), 1024) <
            0) {
        json_decref(versions);
        return bx_error_set_nomem(err);
    }
    for (size_t k = 0; k < conflict.parts_count; k++) {
        json_t *one = version(all, i, conflict.parts[k], err);

        if (one == NULL || json_array_append_new(versions, one) < 0) {
            json_decref(versions);
            return one == NULL ? -1 : bx_error_set_nomem(err);
        }
    }
    bx_event_tell(&all->crew->agent->events,
                  json_pack("{s:s, s:s, s:s, s:s, s:o, s:s?}", "type",
                            "conflict", "id", all->call->id, "path", path.data,
                            "why", conflict.why, "agents", versions, "taken",
                            taken));
    return 0;
}

/* For the manager: as data, since paths and contents are guests'. */
static int put_conflict(team_merge *all, size_t i, bx_error **err)
{
    const bx_merge_conflict conflict = bx_merge_conflict_at(all->merge, i);

    if (bx_buf_puts(&all->data, "conflict: ") < 0 ||
        bx_buf_put_escaped(&all->data, conflict.path, strlen(conflict.path),
                           1024) < 0 ||
        bx_buf_printf(&all->data, ": %s; %s%s\n", conflict.why,
                      conflict.decision == BX_MERGE_NONE
                          ? "nothing of it was taken"
                          : "taken is the version of ",
                      conflict.decision == BX_MERGE_NONE
                          ? ""
                          : bx_subagent_id(all->agents[conflict.decision])) < 0)
        return bx_error_set_nomem(err);
    for (size_t k = 0; k < conflict.parts_count; k++) {
        size_t part = conflict.parts[k];

        if (bx_buf_printf(&all->data, "version of %s \"%s\":\n",
                          bx_subagent_id(all->agents[part]),
                          bx_subagent_name(all->agents[part])) < 0)
            return bx_error_set_nomem(err);
        if (bx_merge_conflict_diff(all->merge, i, part, TOLD_MAX, &all->data,
                                   err) < 0)
            return -1;
    }
    return 0;
}

static int settle_conflicts(team_merge *all, bx_error **err)
{
    size_t count = bx_merge_conflicts(all->merge);

    for (size_t i = 0; i < count; i++) {
        if ((!all->is_refused && decide(all, i, err) < 0) ||
            tell_conflict(all, i, err) < 0)
            return -1;
        if (i < CONFLICTS_SHOWN && put_conflict(all, i, err) < 0)
            return -1;
    }
    if (count > CONFLICTS_SHOWN &&
        bx_buf_printf(&all->data, "(%zu more conflicts)\n",
                      count - CONFLICTS_SHOWN) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

/* ---- the report -----------------------------------------------------------
 */

static bool overlay_exists(const char *name)
{
    bx_autofree char *dir = bx_overlay_path(name, NULL);

    return dir != NULL && access(dir, F_OK) == 0;
}

/* One of who only looked has nothing in it, and goes. */
static void drop_empty(const bx_crew *crew, const char *name)
{
    bx_automerge bx_merge *merge =
        bx_merge_new(crew->agent->config.registry, &name, 1, NULL);
    bx_merge_result ignored;

    if (merge != NULL && bx_merge_problem(merge, 0) == NULL &&
        bx_merge_changes(merge, 0) == 0 && bx_merge_conflicts(merge) == 0)
        (void)bx_merge_commit(merge, &ignored, NULL);
}

/* What lies in overlays is nobody's loss: how to look at it is said. */
static json_t *tell_kept(const bx_crew *crew, const bx_executor *executors,
                         size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        const bx_subagent *agent = executors[i].agent;

        if (agent == NULL || agent->overlay[0] == '\0' ||
            !overlay_exists(agent->overlay))
            continue;
        drop_empty(crew, agent->overlay);
        if (!overlay_exists(agent->overlay))
            continue;
        (void)json_array_append_new(list, json_string(agent->overlay));
        bx_agent_notice(crew->agent,
                        "%s \"%s\" (%s) left changes: boxagnts overlay diff "
                        "%s",
                        agent->id, agent->name,
                        bx_agent_status_name(agent->status), agent->overlay);
    }
    return list;
}

static int put_report(const team_merge *all, bx_buf *text)
{
    size_t conflicts = all->merge == NULL ? 0 : bx_merge_conflicts(all->merge);

    if (all->is_refused && all->crew->agent->config.approve == NULL)
        return bx_buf_puts(text,
                           "Merge: nothing was written, because nobody is "
                           "there to approve it. What the executors changed is "
                           "kept for the user to look at. It is not for you to "
                           "do again.\n");
    if (all->is_refused)
        return bx_buf_printf(text,
                             "Merge: the user did not take it, and nothing was "
                             "written%s%s.\n",
                             all->said == NULL ? "" : ": ",
                             all->said == NULL ? "" : all->said);
    if (bx_buf_printf(text,
                      "Merge: %zu changes were written to the workspace, %zu "
                      "were not; %zu conflicts.\n",
                      all->result.written, all->result.left, conflicts) < 0)
        return -1;
    if (all->err != NULL)
        return bx_buf_puts(text, "It could not be ended; the rest is kept for "
                                 "the user to look at.\n");
    return 0;
}

static int report(team_merge *all, json_t *content, bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (put_report(all, &text) < 0 ||
        (all->err != NULL && bx_buf_printf(&all->data, "error: %s\n",
                                           bx_error_message(all->err)) < 0) ||
        (all->data.len > 0 &&
         bx_envelope_put(&all->crew->agent->envelope, "merge", all->data.data,
                         all->data.len, &text) < 0) ||
        json_array_append_new(content, json_pack("{s:s, s:s%}", "type", "text",
                                                 "text", text.data, text.len)) <
            0)
        return bx_error_set_nomem(err);
    return 0;
}

/* Overlays that cannot be read. */
static int put_problems(team_merge *all, bx_error **err)
{
    for (size_t i = 0; i < all->count; i++) {
        const char *problem = bx_merge_problem(all->merge, i);

        if (problem == NULL)
            continue;
        all->has_problem = true;
        if (bx_buf_printf(&all->data, "not merged: %s: %s\n",
                          bx_subagent_id(all->agents[i]), problem) < 0)
            return bx_error_set_nomem(err);
    }
    return 0;
}

/* ---- all of it ------------------------------------------------------------
 */

static void list_done(team_merge *all, const bx_executor *executors,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const bx_subagent *agent = executors[i].agent;

        if (agent == NULL || agent->status != BX_AGENT_DONE ||
            agent->overlay[0] == '\0')
            continue;
        all->agents[all->count] = agent;
        all->names[all->count++] = agent->overlay;
    }
}

static int merge(team_merge *all, bx_error **err)
{
    bx_agent *manager = all->crew->agent;

    all->merge =
        bx_merge_new(manager->config.registry, all->names, all->count, err);
    if (all->merge == NULL || put_problems(all, err) < 0 ||
        approve(all, err) < 0 || settle_conflicts(all, err) < 0)
        return -1;
    all->is_refused |= manager->stop_reason != NULL;
    if (!all->is_refused && !bx_agent_is_cancelled(manager))
        (void)bx_merge_commit(all->merge, &all->result, &all->err);
    return 0;
}

int bx_team_merge(bx_crew *crew, const bx_own_call *call,
                  const bx_executor *executors, size_t count, json_t *content,
                  bool *ret_is_whole, bx_error **err)
{
    team_merge all = { .crew = crew, .call = call };
    json_t *kept;
    int result = 0;

    list_done(&all, executors, count);
    if (!bx_agent_is_cancelled(crew->agent))
        result = merge(&all, err);
    *ret_is_whole = !all.is_refused && !all.has_problem && all.err == NULL &&
                    all.result.left == 0;
    if (result == 0)
        result = report(&all, content, err);
    /* Held no more: what is left can be looked at. */
    bx_merge_free(all.merge);
    all.merge = NULL;
    kept = tell_kept(crew, executors, count);
    if (result == 0)
        bx_event_tell(&crew->agent->events,
                      json_pack("{s:s, s:s, s:b, s:I, s:I, s:O}", "type",
                                "merge", "id", call->id, "is_refused",
                                all.is_refused, "written",
                                (json_int_t)all.result.written, "left",
                                (json_int_t)all.result.left, "kept", kept));
    json_decref(kept);
    clear(&all);
    return result;
}
