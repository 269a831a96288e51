#include "agent/team.h"

#include <string.h>

#include "agent/executor.h"
#include "agent/own.h"
#include "agent/subagent_state.h"
#include "agent/team_merge.h"
#include "base/buf.h"

int bx_on_conflict_find(const char *name, bx_on_conflict *ret_how)
{
    static const char *const names[] = { [BX_ON_CONFLICT_ASK] = "ask",
                                         [BX_ON_CONFLICT_FIRST] = "first",
                                         [BX_ON_CONFLICT_SKIP] = "skip" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_how = (bx_on_conflict)i;
            return 0;
        }
    }
    return -1;
}

char *bx_team_system(const char *more)
{
    static const char manager[] =
        "You are the manager of a team. You read and plan; what changes or "
        "runs anything is done by executors, to whom you give tasks with the "
        "tool \"assign\". Each works at the same time as the others, on a copy "
        "of the workspace of its own: it sees nothing of this conversation and "
        "nothing of what the others change. So divide the work by files, name "
        "in each task the files it is about and everything that must be known, "
        "and give what depends on other work in a later assignment. When they "
        "have ended, what they changed is merged into the workspace; where two "
        "changed the same, you are shown both and nothing of it is written "
        "until it is decided: assign a repair, which begins from the workspace "
        "as it is then. Check what matters before you say that it is done.";
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_puts(&text, manager) < 0 ||
        (more != NULL && bx_buf_printf(&text, "\n\n%s", more) < 0))
        return NULL;
    return bx_buf_take(&text);
}

/* ---- what each came to ----------------------------------------------------
 */

static int show_missing(const bx_executor *executor, json_t *content,
                        bx_error **err)
{
    bx_autobuf bx_buf text = BX_BUF_INIT;

    if (bx_buf_printf(&text, "The task \"%s\" was not begun: %s.\n",
                      executor->name, executor->why) < 0 ||
        json_array_append_new(content, json_pack("{s:s, s:s}", "type", "text",
                                                 "text", text.data)) < 0)
        return bx_error_set_nomem(err);
    return 0;
}

static int show_all(const bx_executor *executors, size_t count, json_t *content,
                    bx_error **err)
{
    for (size_t i = 0; i < count; i++) {
        const bx_executor *one = &executors[i];

        if ((one->agent == NULL
                 ? show_missing(one, content, err)
                 : bx_subagent_show(one->agent, one->agent->session, content,
                                    err)) < 0)
            return -1;
    }
    return 0;
}

static bool all_done(const bx_executor *executors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (executors[i].agent == NULL ||
            bx_subagent_status(executors[i].agent) != BX_AGENT_DONE)
            return false;
    return true;
}

/* ---- assign ---------------------------------------------------------------
 */

static int run(void *data, const bx_own_call *call, json_t **ret_content,
               bx_error **err)
{
    bx_crew *crew = data;
    const bx_team_config *config = crew->agent->config.team;
    const json_t *tasks = json_object_get(call->input, "tasks");
    size_t count = json_array_size(tasks);
    bx_executor executors[BX_EXECUTOR_TASKS_MAX] = { 0 };
    bool is_whole = true;
    json_t *content;
    int result;

    if (count > BX_EXECUTOR_TASKS_MAX)
        return bx_error_set(err, BX_ERR_LIMIT, "%zu tasks; expected at most %u",
                            count, BX_EXECUTOR_TASKS_MAX);
    content = json_array();
    result = content == NULL ? bx_error_set_nomem(err) : 0;
    if (result == 0)
        result = bx_executors_run(crew, call, tasks,
                                  config->executors == 0 ? BX_EXECUTORS_DEFAULT
                                                         : config->executors,
                                  executors, err);
    if (result == 0)
        result = show_all(executors, count, content, err);
    if (result == 0)
        result = bx_team_merge(crew, call, executors, count, content, &is_whole,
                               err);
    if (result == 0) {
        *call->is_error = !is_whole || !all_done(executors, count);
        *ret_content = json_incref(content);
    }
    json_decref(content);
    bx_executors_clear(executors, count);
    return result;
}

static const bx_own_tool assign = {
    .name = "assign",
    .description =
        "Give tasks to executors, which work on them at the same time, each on "
        "a copy of the workspace of its own. Answers with what each came to, "
        "after what they changed was merged into the workspace, and with what "
        "was not, and why.",
    .input_schema =
        "{\"type\": \"object\", \"required\": [\"tasks\"], "
        "\"additionalProperties\": false, \"properties\": {\"tasks\": "
        "{\"type\": \"array\", \"minItems\": 1, \"maxItems\": 20, \"items\": "
        "{\"type\": \"object\", \"required\": [\"name\", \"task\"], "
        "\"additionalProperties\": false, \"properties\": {"
        "\"name\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
        "40, \"description\": \"A word or two, for people.\"}, "
        "\"task\": {\"type\": \"string\", \"minLength\": 1, "
        "\"maxLength\": 100000, \"description\": \"The whole task, the files "
        "it is about, and what to answer.\"}, "
        "\"tools\": {\"type\": \"array\", \"minItems\": 1, \"maxItems\": 20, "
        "\"items\": {\"type\": \"string\", \"minLength\": 1, \"maxLength\": "
        "100}, \"description\": \"Names of tools it may use, or begins with "
        "'*' behind. All without it.\"}}}}}}",
    .is_serial = true,
    .run = run,
};

int bx_team_add_tools(bx_crew *crew, bx_toolset *toolset, bx_error **err)
{
    return bx_toolset_add(toolset, &assign, crew, err);
}
