/* Managed mode: an agent that plans and assigns, and agents that work, each in
 * a box and an overlay of its own. What they changed is merged into the
 * workspace in the order of the tasks, once a person has seen it; conflicts are
 * shown to the person and to the manager, and nothing of one is written without
 * a decision. */
#ifndef BX_AGENT_TEAM_H
#define BX_AGENT_TEAM_H

#include "agent/subagent.h"

/* Who decides on a path in conflict. */
typedef enum bx_on_conflict {
    BX_ON_CONFLICT_ASK,   /* a person; nobody is there: as skip */
    BX_ON_CONFLICT_FIRST, /* the first task that changes it; as skip where the
                           * workspace was changed meanwhile */
    BX_ON_CONFLICT_SKIP,  /* nothing is written; it stays in the overlays */
} bx_on_conflict;

/* -1: no such word. */
int bx_on_conflict_find(const char *name, bx_on_conflict *ret_how);

typedef struct bx_team_config {
    unsigned executors; /* at once; 0: 3 */
    bx_on_conflict on_conflict;
} bx_team_config;

/* The manager's tool, "assign", in place of those for sub-agents. */
int bx_team_add_tools(bx_crew *crew, bx_toolset *toolset, bx_error **err);
/* What a manager is told in its system prompt, and more behind it (NULL: none);
 * owned, NULL without memory. */
char *bx_team_system(const char *more);

#endif
