#include "agent/executor.h"

#include <string.h>

#include "agent/subagent_state.h"
#include "base/run.h"

#define LOOK_NS (10 * 1000000)

void bx_executors_clear(bx_executor *executors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(executors[i].why);
    memset(executors, 0, count * sizeof(*executors));
}

/* What is left is shared by those that are to begin, and the manager. */
static int begin(bx_crew *crew, const bx_own_call *call, const json_t *tasks,
                 size_t i, bx_executor *executor, bx_error **err)
{
    const json_t *task = json_array_get(tasks, i);
    const bx_subagent_order order = {
        .call = call->id,
        .index = (unsigned)i,
        .task = bx_block_text(task, "task"),
        .name = executor->name,
        .tools = json_object_get(task, "tools"),
        .share = (unsigned)(json_array_size(tasks) - i) + 1,
        .is_apart = true,
    };
    bx_autoerror bx_error *why = NULL;

    executor->agent = bx_crew_order(crew, &order, &why);
    if (executor->agent != NULL)
        return 0;
    executor->why = strdup(bx_error_message(why));
    return executor->why == NULL ? bx_error_set_nomem(err) : 0;
}

static size_t count_working(const bx_executor *executors, size_t begun)
{
    size_t working = 0;

    for (size_t i = 0; i < begun; i++)
        working += executors[i].agent != NULL &&
                   !bx_subagent_has_ended(executors[i].agent);
    return working;
}

/* Some may have ended when this returns. */
static void wait_a_little(bx_crew *crew, const bx_executor *executors,
                          size_t begun)
{
    bx_subagent *working[BX_EXECUTOR_TASKS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < begun; i++)
        if (executors[i].agent != NULL)
            working[count++] = executors[i].agent;
    (void)bx_crew_wait(crew, working, count, NULL, bx_now_ns() + LOOK_NS);
}

int bx_executors_run(bx_crew *crew, const bx_own_call *call,
                     const json_t *tasks, unsigned at_once,
                     bx_executor *executors, bx_error **err)
{
    size_t count = json_array_size(tasks);
    size_t begun = 0;
    int result = 0;

    while (result == 0) {
        size_t working = count_working(executors, begun);

        if (working == 0 && begun == count)
            return 0;
        if (working >= at_once || begun == count) {
            wait_a_little(crew, executors, begun);
            continue;
        }
        executors[begun].name =
            bx_block_text(json_array_get(tasks, begun), "name");
        if (bx_agent_is_cancelled(crew->agent))
            executors[begun].why = strdup("cancelled before it began");
        else
            result = begin(crew, call, tasks, begun, &executors[begun], err);
        begun++;
    }
    while (count_working(executors, begun) > 0)
        wait_a_little(crew, executors, begun);
    return result;
}
