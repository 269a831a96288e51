/* Tasks of a manager, each worked on by an agent in a box and an overlay of its
 * own, some at once. */
#ifndef BX_AGENT_EXECUTOR_H
#define BX_AGENT_EXECUTOR_H

#include "agent/subagent.h"

#define BX_EXECUTORS_DEFAULT 3u
#define BX_EXECUTOR_TASKS_MAX 20u /* of one assignment */

typedef struct bx_executor {
    const char *name;   /* of the task; borrowed of the tasks */
    bx_subagent *agent; /* borrowed of the crew; NULL: it never began */
    char *why;          /* it did not; owned, NULL: it did */
} bx_executor;

/* Until all have ended; a cancel of the manager's ends them. tasks: [{"name",
 * "task", "tools"?}]; executors: as many, in their order. What one comes to is
 * in its agent, or in why. -1: no memory. */
int bx_executors_run(bx_crew *crew, const bx_own_call *call,
                     const json_t *tasks, unsigned at_once,
                     bx_executor *executors, bx_error **err);
void bx_executors_clear(bx_executor *executors, size_t count);

#endif
